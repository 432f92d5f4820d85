//! Typed handles over the tape: what the expansion of `#[jit]` calls.
//!
//! # Terms
//! - A *handle* ([`V<T>`](Jitted)) stands, while a builder runs, for a value of type `T` that the function will have when it is executed. It is a number with a
//!   type, for every `T`: scalars, references, aggregates.
//! - The *operations* of a type ([`JitType::Ops`]) are its fields and methods. A handle dereferences to them, so `handle.method(..)` finds them without imports, by
//!   rustc's own rules.
//! - A type is *by value* if its handle is its value (numbers, pointers, small structs, enums), and *by address* if its handle is the address of a place in memory
//!   (objects, cells, slices' elements of such types). A handle of `&T` is a handle of `T` in both cases: an address, or the value, which can't change while
//!   it is borrowed.
//! - A *place* ([`place`]) is a handle that has to be read before its value is used: a mutable local, a field, an element.
//! - The *session* ([`session`]) is the tape being recorded, with its places; there is one a thread, so builders need not pass it around.
//!
//! # Rules
//! 1. Only [`get`], [`set`], [`address`], [`index`] and field accessors take places. Everything else takes values; the macros read places first. A place that
//!    arrives elsewhere is a mistake in the macros and panics.
//! 2. Whatever depends on `T` alone is a constant of [`JitType`]. Functions generic in `T` do nothing but pass numbers and such constants to functions that are not
//!    generic, since each instance is compiled into the user's crate.
//! 3. Functions that can panic in the native reading are `#[track_caller]`: the place in the source comes with the call.
//!
//! # Why so
//! - *Why are aggregates numbers, too, rather than Rust tuples of handles?* Functions generic in the shape of aggregates were what made builders expensive to compile (95 ms a function).
//! - *Why `'static` for all lifetimes, and `&T` for `&mut T`?* See `tailor-macros`' `types`.

mod aggregate;
mod array;
mod call;
mod cast;
mod cell;
mod compare;
mod control;
mod gc;
mod iterate;
mod layout;
mod opaque;
mod operator;
mod option;
mod place;
mod pointer;
mod scalar;
mod session;
mod slice;
mod stack;
pub mod standard;
mod value;
mod words;

pub use aggregate::{Part, TupleOps, is_variant, make, make_variant, part, payload, read_part, tuple, unit, update};
pub use array::{ArrayOps, array, repeat};
pub use call::{
    Callee, call, call0, call1, call2, call3, call4, can_enter, mark, merge_point, panic, promote, we_are_jitted,
};
pub use cast::{CastFrom, CastTo, cast};
pub use cell::{CellOps, FieldCell, FieldCellOps};
pub use compare::{JitEq, JitOrd, both, eq, ge, gt, le, lt, ne, sums, words_equal};
pub use control::{
    BlockId, Fork, LoopId, Question, Return, SwitchId, at, block, check, closure, dead, expect, fork, function, jump,
    labelled, loop_, question, switch,
};
pub use gc::{GcFunctions, GcOps, HeaderOps, HeapOps};
pub use iterate::{Counter, Iterate, RangeOps, count, count_inclusive, iterate, range, range_inclusive};
pub use layout::{Layout, width_of_tag};
pub use opaque::{
    assert_by_address, comparison_failed, constant_words, enum_of_word, jitted_values_must_be_copy, opaque_layout,
    opaque_shape, read_opaque, value_of_words, write_opaque,
};
pub use operator::{add, bit_and, bit_or, bit_xor, div, mul, neg, not, rem, shl, shr, sub};
pub use option::{OptionOps, ResultOps, err, none, ok, some};
pub use place::{Field, address, address_mut, get, object_field, read_field, receiver, set, uninit, var};
pub use pointer::{JitDeref, PointerOps, deref};
pub use scalar::{BoolOps, FloatOps, Int, IntOps, Repr, Scalar, konst, lit};
pub use session::{parameter, run};
pub use slice::{JitIndex, SliceOps, index};
pub use stack::{GuestStack, GuestStackFunctions, GuestStackOps};
pub use value::{ByAddress, Id, JitType, Jitted, V};
pub use words::{ALIGNMENT, Arguments, Borrowed, HASHES, JitObject, Results, Words, answer, hash, mix};

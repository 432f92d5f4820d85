//! The unit IR: what every tier emits, and what the optimiser and the backends work on.
//!
//! # Terms
//! - A *unit* is what is compiled at once: a loop with what leads to it, a bridge, a threaded method, a partially evaluated graph.
//! - An *operation* ([`Op`]) computes at most one value. Operations lie in one list, in the order of execution; a value is named by the
//!   operation that computes it ([`Ref`]).
//! - A *label* begins a block. Its parameters are the [`OpCode::Param`]s that follow it directly; a jump to it passes an argument for each.
//!   Values flow between blocks also by plain dominance.
//! - A *guard* continues if its condition is as expected, and takes its *exit* otherwise. What must be known there is its *snapshot*.
//! - A *snapshot* ([`Snapshot`]) says how the interrupted frames of the interpreter (of whatever is one level up) are to be rebuilt: for each its code, its
//!   position and its live values. A live value may be *virtual*: an object that does not exist yet and is described by a recipe. *Pending stores* are
//!   stores that the unit has put off; they are carried out at the exit.
//! - A *descriptor* tells what memory an access touches ([`MemDesc`]), what a call does ([`CallDesc`]), what is allocated ([`AllocDesc`]), how doubles are boxed ([`BoxDesc`]). Units refer to
//!   them by number; the tables are shared by all units ([`Descriptors`]).
//!
//! # Rules of form (the verifier checks each; rule numbers are cited there)
//! 1. The first operation is a label, the *entry*; its parameters are the unit's. No jump goes to it.
//! 2. A label is preceded by a terminator (or nothing). Terminators are `Jump`, `JumpUnit`, `Return`, `Exit`; only labels follow them.
//! 3. Parameters follow their label directly and nowhere else. Each jump or branch passes as many arguments, of the same types.
//! 4. `BranchIf` and `BranchUnless` go to their label if the condition holds (does not hold), and fall through otherwise.
//! 5. An operand is a constant, or an operation that yields a value, comes earlier in the list, and dominates its use. (Loops close by jumping backwards.)
//! 6. Operand types and counts are those of the opcode's row in [`opcode`].
//! 7. Every guard, `CallUnit` and `Exit` has a snapshot; snapshot slots obey rule 5 at the point of the guard.
//! 8. Integers are 64 bits wide and wrap. Narrow values are kept extended; only loads, stores and the extension operations know widths. A truth value is 0 or 1.
//! 9. `Div…`/`Rem…` never see a divisor of zero, nor the most negative dividend with -1: whoever emits them guards. Shift amounts are taken modulo 64.
//! 10. Virtual recipes and pending stores appear in snapshots only; they are added by the optimiser, front ends need not make them. A recipe's fields lie within its object, behind the
//!     header word, and have no index. Only a word-sized place can hold a virtual object.
//! 11. The index of an access is present if and only if its descriptor has a scale.
//! 12. Every label but the entry and exported ones is the target of a branch that comes earlier in the list. So no block is unreachable, and
//!     what dominates a label comes before it.
//! 13. An exported label ([`Export`]) has the parameters that its entry says, and is entered from outside, too: no value of before it dominates it.
//! 14. A call passes at most 6 Int and Ref arguments and at most 8 Float arguments: those that all platforms pass in registers.
//! 15. A unit that is called (`CallUnit`) or continued in (`JumpUnit`) through an entry with a Ref argument is given a frame of the guest stack by the first such argument, if that points there: it neither
//!     reads nor writes words of the guest stack below. It finds its arguments in the words at and above, but for those that [`EntryDesc::stack_arguments`] names: their contents are the last arguments, and the unit
//!     writes these words before it reads them. (So a unit that wants to have them in memory at its exits stores its parameters at its beginning: stores that are put off.)
//!
//! Not a rule but an offer: a guard on an overflow test (`OvfAdd` …) lets the backend fuse the test with the arithmetic if both are adjacent in the list with the same operands.
//!
//! # Canonical forms (every producer makes them; consumers look for these forms only, but are correct for all)
//! - Constants stand on the right of commutative operations and comparisons; there is no `>` nor `>=`: operands are swapped. Subtraction of a constant is addition of
//!   its negation.
//! - Comparisons with zero or one of truth values do not occur; negation of a truth value under a guard or branch is absorbed by its opposite form.
//! - The address of an access is `base + desc.offset + index * desc.scale`; a constant index or displacement is folded into a descriptor's offset.
//! - Conversions `IntToRef`/`RefToInt` of each other cancel.
//!
//! # Aliasing
//! Two accesses may touch the same memory only if they have the same [`AliasClass`]. Fields (`MemKind::Field`) are at offsets from the beginning of an object, constant displacements of the base included: of different bases, only equal bytes can be the same, unless a base is
//! a `PtrAdd` of something that is not constant, and so may be anywhere in the object. Bases of elements (`MemKind::Element`) may be anywhere anyway; only accesses with one base and one index are told apart by their offsets. Within the class of a guest stack (`MemKind::Stack`) bases differ by constants only: `PtrAdd` of one root; two such accesses overlap exactly if their normalised offsets
//! do, and accesses with unrelated roots may overlap. Words that have been released (`Release`) are not read before they are written again. Immutable memory ([`MemDesc::immutable`]) is never written after it can first be read by a unit.
//!
//! # Why so
//! - *Why linear, not a sea of nodes?* Traces are linear to begin with, threaded code nearly so; emission order is execution order, and all passes are one walk.
//! - *Why operations of fixed size, in one vector?* An operation costs sixteen bytes and no allocation; units live some microseconds, and the compiler's speed is memory traffic.
//!   What does not fit (arguments, snapshots) lies in side vectors of words, referred to by range.
//! - *Why guards on truth values only?* One kind of guard is one kind of everything: strengthening, merging, hoisting, exits. That machine code compares and branches in one go is the backend's
//!   business: it fuses a comparison with the guard behind it. The same holds for overflow: `Add` and `OvfAdd` are two pure operations, each of which can be folded or shared alone.
//! - *Why is `Ref` a type beside `Int`, since the collector scans registers conservatively?* For what the optimiser may assume: only references are bases of accesses, only they can be
//!   virtual. A tagged word of a guest language is an `Int`; the conversions cost nothing.
//! - *Why are frame rebuilds described, not coded?* An exit is taken rarely; its description is shared by many guards, can be read by a bridge's compiler, and costs no machine code.

mod coding;
pub mod opcode;
mod snapshot;
mod tables;
mod unit;

pub use coding::{BoxDesc, Coding, Derivation};
pub use opcode::{OpCode, Type};
pub use snapshot::{Frame, FrameId, PendingStore, Recipe, Slot, Snapshot, SnapshotId, Snapshots};
pub use tables::{
    AliasClass, AliasSet, AllocDesc, AllocId, BoxId, CallDesc, CallId, Descriptors, EntryDesc, EntryId, MemDesc, MemId,
    MemKind, Width,
};
pub use unit::{Export, LabelId, ListRange, Op, Position, Ref, Unit};

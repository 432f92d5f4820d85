//! `as`.
//!
//! Whether a cast is possible has been checked by rustc in the native reading; here it is only carried out.

use tailor_compiler::ir::OpCode;

use super::gc::Gc;
use super::scalar::{Repr, Scalar};
use super::session::located;
use super::value::{ByAddress, Id, JitType, V};
use crate::tape::IntType;

/// A type that `as` can convert from.
#[diagnostic::on_unimplemented(message = "`{Self}` can't be cast by `as` in jitted code")]
pub trait CastFrom: JitType {
    /// What it is.
    const FROM: Repr;
}

/// A type that `as` can convert to.
#[diagnostic::on_unimplemented(message = "jitted code can't cast to `{Self}`")]
pub trait CastTo: JitType {
    /// What it is.
    const TO: Repr;
}

macro_rules! scalars {
    ($($t:ty)*) => {$(
        impl CastFrom for $t {
            const FROM: Repr = <$t as Scalar>::REPR;
        }
        impl CastTo for $t {
            const TO: Repr = <$t as Scalar>::REPR;
        }
    )*};
}
scalars!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize f64 bool char);
impl<T: 'static> CastFrom for *mut T {
    const FROM: Repr = Repr::Address;
}
impl<T: 'static> CastTo for *mut T {
    const TO: Repr = Repr::Address;
}
impl<T: ByAddress> CastFrom for &'static T {
    const FROM: Repr = Repr::Address;
}
impl<T: 'static> CastFrom for Gc<T> {
    const FROM: Repr = Repr::Address;
}

/// `value as B`
#[inline(always)]
#[track_caller]
pub fn cast<A: CastFrom, B: CastTo>(value: V<A>) -> V<B> {
    V::__from(convert(A::FROM, B::TO, value.0))
}

#[cold]
#[inline(never)]
#[track_caller]
fn convert(from: Repr, to: Repr, value: Id) -> Id {
    located(|s| {
        let (tape, v) = (s.tape(), value.node());
        let as_int = |repr: Repr| match repr {
            Repr::Int(ty) => ty,
            _ => IntType::BOOL,
        };
        Id::of(match (from, to) {
            (Repr::Float, Repr::Float) | (Repr::Address, Repr::Address) => v,
            (Repr::Float, to) => tape.float_to_int(as_int(to), v),
            (from, Repr::Float) => tape.int_to_float(as_int(from), v),
            (Repr::Address, to) => {
                let word = tape.pure(OpCode::RefToInt, &[v]);
                tape.wrap(as_int(to), word)
            }
            (_, Repr::Address) => tape.pure(OpCode::IntToRef, &[v]),
            (from, to) => tape.cast(as_int(from), as_int(to), v),
        })
    })
}

//! The operators. Overflow panics if the function's crate is compiled with overflow checks.

use super::scalar::{Int, Repr, Scalar};
use super::session::located;
use super::value::{Id, V};
use crate::handle::call::call;
use crate::tape::{Arithmetic, Node};
use tailor_compiler::ir::OpCode;

#[cold]
#[inline(never)]
#[track_caller]
fn binary(op: Arithmetic, repr: Repr, a: Id, b: Id) -> Id {
    located(|s| {
        let tape = s.tape();
        let (x, y) = (a.node(), b.node());
        Id::of(match (repr, op) {
            (Repr::Int(ty), _) => tape.arithmetic(op, ty, x, y, s.overflow()),
            (Repr::Bool, _) => tape.arithmetic(op, crate::tape::IntType::BOOL, x, y, s.overflow()),
            (Repr::Float, Arithmetic::Add) => tape.pure(OpCode::FAdd, &[x, y]),
            (Repr::Float, Arithmetic::Sub) => tape.pure(OpCode::FSub, &[x, y]),
            (Repr::Float, Arithmetic::Mul) => tape.pure(OpCode::FMul, &[x, y]),
            (Repr::Float, Arithmetic::Div) => tape.pure(OpCode::FDiv, &[x, y]),
            (Repr::Float, _) => return call(&super::standard::FLOAT_REM, &[a, b]),
            (Repr::Address, _) => panic!("addresses are not computed with by operators"),
        })
    })
}

/// A type that has an operator.
macro_rules! operator_traits {
    ($($name:ident: $types:literal, [$($t:ty)*];)*) => {$(
        #[doc = concat!("Types with the operators of ", $types, ".")]
        #[diagnostic::on_unimplemented(
            message = "this operator is not possible on `{Self}` in jitted code",
            label = "no primitive type",
            note = "jitted code has operators for numbers; for other types write a method marked #[jit] and call it"
        )]
        pub trait $name: Scalar {}
        $(impl $name for $t {})*
    )*};
}

operator_traits! {
    Number: "numbers", [i8 i16 i32 i64 isize u8 u16 u32 u64 usize f64];
    Bits: "bit sets", [i8 i16 i32 i64 isize u8 u16 u32 u64 usize bool];
    Signed: "negation", [i8 i16 i32 i64 isize f64];
}

macro_rules! operators {
    ($($name:ident $trait:ident $op:ident $text:literal,)*) => {$(
        #[doc = concat!("`a ", $text, " b`")]
        #[inline(always)]
        #[track_caller]
        pub fn $name<T: $trait>(a: V<T>, b: V<T>) -> V<T> {
            V::__from(binary(Arithmetic::$op, T::REPR, a.0, b.0))
        }
    )*};
}

operators! {
    add Number Add "+",
    sub Number Sub "-",
    mul Number Mul "*",
    div Number Div "/",
    rem Number Rem "%",
    bit_and Bits And "&",
    bit_or Bits Or "|",
    bit_xor Bits Xor "^",
}

/// `a << b`
#[inline(always)]
#[track_caller]
pub fn shl<T: Int, U: Int>(a: V<T>, b: V<U>) -> V<T> {
    V::__from(binary(Arithmetic::Shl, T::REPR, a.0, b.0))
}

/// `a >> b`
#[inline(always)]
#[track_caller]
pub fn shr<T: Int, U: Int>(a: V<T>, b: V<U>) -> V<T> {
    V::__from(binary(Arithmetic::Shr, T::REPR, a.0, b.0))
}

#[cold]
#[inline(never)]
#[track_caller]
fn negate(repr: Repr, a: Id) -> Node {
    located(|s| match repr {
        Repr::Int(ty) => s.tape().negate(ty, a.node(), s.overflow()),
        _ => s.tape().pure(OpCode::FNeg, &[a.node()]),
    })
}

#[cold]
#[inline(never)]
#[track_caller]
fn complement(repr: Repr, a: Id) -> Node {
    located(|s| match repr {
        Repr::Int(ty) => s.tape().unary(crate::tape::Unary::Not, ty, a.node()),
        _ => s.tape().not(a.node()),
    })
}

/// `-a`
#[inline(always)]
#[track_caller]
pub fn neg<T: Signed>(a: V<T>) -> V<T> {
    V::of(negate(T::REPR, a.0))
}

/// `!a`
#[inline(always)]
#[track_caller]
pub fn not<T: Bits>(a: V<T>) -> V<T> {
    V::of(complement(T::REPR, a.0))
}

//! Comparisons.

use super::gc::Gc;
use super::place;
use super::scalar::{Repr, Scalar};
use super::session::located;
use super::value::{Id, JitType, V};
use crate::tape::{Compare, IntType, Node};
use tailor_compiler::ir::OpCode;

/// A type that jitted code can compare by `==`.
///
/// # Safety
/// None of its own; an implementation says what the type's `PartialEq` says. That of structs and enums is made by `#[jit::value]` when it sees `derive(PartialEq)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be compared by `==` in jitted code",
    note = "numbers, pointers and `Gc` can; a struct or enum can if #[jit::value] stands above its `#[derive(PartialEq)]`; \
            for others write a method marked #[jit]"
)]
pub trait JitEq: JitType {
    /// Whether both are equal.
    fn equal(a: Id, b: Id) -> V<bool>;
    /// Whether they are not.
    #[track_caller]
    fn unequal(a: Id, b: Id) -> V<bool> {
        V::of(negated(Self::equal(a, b)))
    }
}

/// A type that jitted code can compare by `<`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be compared by `<` and the like in jitted code",
    note = "numbers and pointers can; for others write a method marked #[jit]"
)]
pub trait JitOrd: JitType {
    /// How it is compared.
    const KIND: Repr;
}

#[cold]
#[inline(never)]
#[track_caller]
fn compare(op: Compare, repr: Repr, a: Id, b: Id) -> V<bool> {
    located(|s| {
        let (a, b) = (a.node(), b.node());
        V::of(match repr {
            Repr::Int(ty) => s.tape().compare(op, ty, a, b),
            Repr::Bool => s.tape().compare(op, IntType::BOOL, a, b),
            Repr::Float => s.tape().compare_floats(op, a, b),
            Repr::Address => s.tape().compare_addresses(op, a, b),
        })
    })
}

macro_rules! scalars {
    ($($t:ty)*) => {$(
        impl JitEq for $t {
            #[inline(always)]
            #[track_caller]
            fn equal(a: Id, b: Id) -> V<bool> {
                compare(Compare::Eq, <$t as Scalar>::REPR, a, b)
            }
            #[inline(always)]
            #[track_caller]
            fn unequal(a: Id, b: Id) -> V<bool> {
                compare(Compare::Ne, <$t as Scalar>::REPR, a, b)
            }
        }
        impl JitOrd for $t {
            const KIND: Repr = <$t as Scalar>::REPR;
        }
    )*};
}
scalars!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize f64 bool char);

impl JitEq for () {
    fn equal(_: Id, _: Id) -> V<bool> {
        super::lit(true)
    }
}

impl<T: 'static> JitEq for *mut T {
    #[track_caller]
    fn equal(a: Id, b: Id) -> V<bool> {
        compare(Compare::Eq, Repr::Address, a, b)
    }
    #[track_caller]
    fn unequal(a: Id, b: Id) -> V<bool> {
        compare(Compare::Ne, Repr::Address, a, b)
    }
}

impl<T: 'static> JitOrd for *mut T {
    const KIND: Repr = Repr::Address;
}

impl<T: 'static> JitEq for Gc<T> {
    #[track_caller]
    fn equal(a: Id, b: Id) -> V<bool> {
        compare(Compare::Eq, Repr::Address, a, b)
    }
    #[track_caller]
    fn unequal(a: Id, b: Id) -> V<bool> {
        compare(Compare::Ne, Repr::Address, a, b)
    }
}

impl<T: JitEq> JitEq for &'static T {
    #[track_caller]
    fn equal(a: Id, b: Id) -> V<bool> {
        T::equal(a, b)
    }
}

impl<T: JitEq> JitEq for Option<T> {
    #[track_caller]
    fn equal(a: Id, b: Id) -> V<bool> {
        let (x, y) = (payload(a, 1), payload(b, 1));
        sums(a, b, &[super::lit(true), T::equal(x, y)])
    }
}

impl<T: JitEq, E: JitEq> JitEq for Result<T, E> {
    #[track_caller]
    fn equal(a: Id, b: Id) -> V<bool> {
        let (ok, err) = (T::equal(payload(a, 0), payload(b, 0)), E::equal(payload(a, 1), payload(b, 1)));
        sums(a, b, &[ok, err])
    }
}

macro_rules! tuples {
    ($(($($t:ident $i:literal),+))*) => {$(
        impl<$($t: JitEq),+> JitEq for ($($t,)+) {
            #[track_caller]
            fn equal(a: Id, b: Id) -> V<bool> {
                both(&[$($t::equal(super::part(a, $i), super::part(b, $i))),+])
            }
        }
    )*};
}
tuples!((A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3));

impl<T: JitEq, const N: usize> JitEq for [T; N] {
    #[track_caller]
    fn equal(a: Id, b: Id) -> V<bool> {
        let tests: [V<bool>; N] = std::array::from_fn(|i| T::equal(super::part(a, i as u32), super::part(b, i as u32)));
        both(&tests)
    }
}

#[cold]
#[inline(never)]
fn payload(sum: Id, index: usize) -> Id {
    super::session::with(|s| Id::of(s.tape().payload(place::node(s, sum), index)))
}

/// Whether all hold. (What is compared has no effects, so nothing is lost by evaluating it all.)
#[cold]
#[inline(never)]
#[track_caller]
pub fn both(tests: &[V<bool>]) -> V<bool> {
    located(|s| {
        let first = tests.first().map_or_else(|| s.tape().int(1), |t| t.node());
        V::of(tests.iter().skip(1).fold(first, |all, t| s.tape().pure(OpCode::And, &[all, t.node()])))
    })
}

/// Whether two sums are the same variant and what holds for that variant's payloads holds.
#[cold]
#[inline(never)]
#[track_caller]
pub fn sums(a: Id, b: Id, payloads: &[V<bool>]) -> V<bool> {
    located(|s| {
        let tape = s.tape();
        let (a, b) = (tape.tag(a.node()), tape.tag(b.node()));
        let mut result = tape.pure(OpCode::Eq, &[a, b]);
        for (i, payload) in payloads.iter().enumerate() {
            if tape.constant_words(payload.node()).is_some_and(|words| words == [1]) {
                continue;
            }
            let number = tape.int(i as u64);
            let other = tape.pure(OpCode::Ne, &[a, number]);
            let fine = tape.pure(OpCode::Or, &[other, payload.node()]);
            result = tape.pure(OpCode::And, &[result, fine]);
        }
        V::of(result)
    })
}

/// `a == b`
#[inline(always)]
#[track_caller]
pub fn eq<T: JitEq>(a: V<T>, b: V<T>) -> V<bool> {
    T::equal(a.0, b.0)
}

/// `a != b`
#[inline(always)]
#[track_caller]
pub fn ne<T: JitEq>(a: V<T>, b: V<T>) -> V<bool> {
    T::unequal(a.0, b.0)
}

#[cold]
#[inline(never)]
#[track_caller]
fn negated(test: V<bool>) -> Node {
    located(|s| s.tape().not(test.node()))
}

macro_rules! orderings {
    ($($name:ident $op:ident $text:literal,)*) => {$(
        #[doc = concat!("`a ", $text, " b`")]
        #[inline(always)]
        #[track_caller]
        pub fn $name<T: JitOrd>(a: V<T>, b: V<T>) -> V<bool> {
            compare(Compare::$op, T::KIND, a.0, b.0)
        }
    )*};
}
orderings! {
    lt Lt "<",
    le Le "<=",
    gt Gt ">",
    ge Ge ">=",
}

/// Whether the leaves of two C-like enums are equal.
#[inline(always)]
#[track_caller]
pub fn words_equal(a: Id, b: Id) -> V<bool> {
    compare(Compare::Eq, Repr::Int(IntType::I64), a, b)
}

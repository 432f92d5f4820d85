//! Scalars: numbers, truth values, characters; constants; the methods of numbers.

use tailor_compiler::ir::{OpCode, Width};

use super::layout::Layout;
use super::session::{located, with};
use super::value::{Id, JitType, V, ops};
use super::words::{Arguments, Results, Words, held_by_value, words_of};
use crate::tape::{Arithmetic, Compare, IntType, Node, Shape, Unary};

/// What the operators need to know of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repr {
    /// An integer, a character (as u32).
    Int(IntType),
    /// A truth value.
    Bool,
    /// A double.
    Float,
    /// An address.
    Address,
}

/// A type that is one word.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number, truth value or character that jitted code can handle",
    note = "jitted code has the integers up to 64 bits, f64, bool and char"
)]
pub trait Scalar: Words + Copy {
    /// What it is.
    const REPR: Repr;
}

/// An integer type.
#[diagnostic::on_unimplemented(message = "`{Self}` is not an integer type that jitted code can handle")]
pub trait Int: Scalar {
    /// Its width and sign.
    const TYPE: IntType;
    /// The unsigned type of the same width.
    type Unsigned: Scalar;
}

/// A constant of a scalar type: what literals become.
#[inline(never)]
pub fn lit<T: Scalar>(value: T) -> V<T> {
    let mut word = 0;
    // SAFETY: scalars are one word.
    value.write(&mut unsafe { Results::new(&mut word) });
    V::__from(literal(T::SHAPE, word))
}

#[cold]
#[inline(never)]
fn literal(shape: &'static Shape, word: u64) -> Id {
    with(|s| Id::of(s.tape().constant(shape, &[word])))
}

/// A constant of any type.
#[inline(never)]
pub fn konst<T: Words>(value: T) -> V<T> {
    V::__from(constant(T::SHAPE, &words_of(value)))
}

#[cold]
#[inline(never)]
fn constant(shape: &'static Shape, words: &[u64]) -> Id {
    with(|s| Id::of(s.tape().constant(shape, words)))
}

macro_rules! scalars {
    ($($t:ty, $ops:ty, $shape:expr, $width:expr, $repr:expr, |$v:ident| $to:expr, |$w:ident| $from:expr;)*) => {$(
        // SAFETY: one word; the width is that of the type.
        unsafe impl JitType for $t {
            type Ops = $ops;
            const SHAPE: &'static Shape = $shape;
            const LAYOUT: &'static Layout = &Layout::Scalar($width);
        }
        // SAFETY: one word; extended by the type's sign.
        unsafe impl Words for $t {
            #[inline(always)]
            unsafe fn read(words: &mut Arguments) -> $t {
                // SAFETY: the caller's promise.
                let $w = unsafe { words.word() };
                $from
            }
            #[inline(always)]
            fn write(self, words: &mut Results) {
                let $v = self;
                words.word($to);
            }
        }
        held_by_value!([] $t,);
        impl Scalar for $t {
            const REPR: Repr = $repr;
        }
    )*};
}

scalars! {
    bool, BoolOps, Shape::INT, Width::U8, Repr::Bool, |v| u64::from(v), |w| w != 0;
    f64, FloatOps, Shape::FLOAT, Width::F64, Repr::Float, |v| v.to_bits(), |w| f64::from_bits(w);
    // SAFETY: a character's word came from a character.
    char, IntOps<char>, Shape::INT, Width::U32, Repr::Int(IntType::U32), |v| u64::from(v), |w| unsafe { char::from_u32_unchecked(w as u32) };
}

macro_rules! ints {
    ($($t:ident $unsigned:ident $ty:ident $width:ident,)*) => {$(
        scalars! {
            $t, IntOps<$t>, Shape::INT, Width::$width, Repr::Int(IntType::$ty), |v| v as u64, |w| w as $t;
        }
        impl Int for $t {
            const TYPE: IntType = IntType::$ty;
            type Unsigned = $unsigned;
        }
    )*};
}

ints! {
    i8 u8 I8 I8, i16 u16 I16 I16, i32 u32 I32 I32, i64 u64 I64 I64, isize usize I64 I64,
    u8 u8 U8 U8, u16 u16 U16 U16, u32 u32 U32 U32, u64 u64 U64 I64, usize usize U64 I64,
}

// SAFETY: no words.
unsafe impl JitType for () {
    type Ops = Id;
    const SHAPE: &'static Shape = Shape::UNIT;
    const LAYOUT: &'static Layout = &Layout::Struct(&[]);
}
// SAFETY: no words.
unsafe impl Words for () {
    #[inline(always)]
    unsafe fn read(_: &mut Arguments) {}
    #[inline(always)]
    fn write(self, _: &mut Results) {}
}

ops! {
    /// Methods of integers.
    IntOps<T>
}

/// Methods of truth values.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct BoolOps(pub(super) Id);

/// Methods of doubles.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct FloatOps(Id);

#[cold]
#[inline(never)]
#[track_caller]
fn overflowing(op: Arithmetic, ty: IntType, a: Id, b: Id) -> (Node, Node) {
    located(|s| s.tape().overflowing_arithmetic(op, ty, a.node(), b.node()))
}

#[cold]
#[inline(never)]
#[track_caller]
fn wrapping(op: Arithmetic, ty: IntType, a: Id, b: Id) -> Node {
    located(|s| s.tape().arithmetic(op, ty, a.node(), b.node(), crate::tape::Overflow::Wrap))
}

#[cold]
#[inline(never)]
#[track_caller]
fn checked(shape: &'static Shape, op: Arithmetic, ty: IntType, a: Id, b: Id) -> Id {
    located(|s| {
        let (result, overflows) = s.tape().overflowing_arithmetic(op, ty, a.node(), b.node());
        let fits = s.tape().not(overflows);
        Id::of(s.tape().sum(shape, fits, 1, s.tape().reshape(result, some_shape(shape))))
    })
}

fn some_shape(option: &'static Shape) -> &'static Shape {
    match option {
        Shape::Sum([_, some]) => some,
        _ => panic!("{option:?} is no option"),
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn saturating(op: Arithmetic, ty: IntType, a: Id, b: Id) -> Node {
    located(|s| {
        let tape = s.tape();
        let (a, b) = (a.node(), b.node());
        let (result, overflows) = tape.overflowing_arithmetic(op, ty, a, b);
        let (min, max, zero) = (tape.int(ty.min()), tape.int(ty.max()), tape.int(0));
        let low = if !ty.signed {
            tape.int(u64::from(op == Arithmetic::Sub))
        } else {
            let (a, b) = (tape.pure(OpCode::Lt, &[a, zero]), tape.pure(OpCode::Lt, &[b, zero]));
            if op == Arithmetic::Mul { tape.pure(OpCode::Xor, &[a, b]) } else { a }
        };
        let bound = tape.pure(OpCode::Select, &[low, min, max]);
        tape.pure(OpCode::Select, &[overflows, bound, result])
    })
}

#[cold]
#[inline(never)]
#[track_caller]
fn extreme(ty: IntType, op: Compare, a: Id, b: Id) -> Node {
    located(|s| {
        let take = s.tape().compare(op, ty, a.node(), b.node());
        s.tape().pure(OpCode::Select, &[take, a.node(), b.node()])
    })
}

#[cold]
#[inline(never)]
#[track_caller]
fn unary(op: Unary, ty: IntType, a: Id) -> Node {
    located(|s| s.tape().unary(op, ty, a.node()))
}

#[cold]
#[inline(never)]
#[track_caller]
fn rotate(ty: IntType, a: Id, by: Id, left: bool) -> Node {
    located(|s| {
        let tape = s.tape();
        let by = if left {
            by.node()
        } else {
            let (bits, mask) = (tape.int(u64::from(ty.bits)), tape.int(u64::from(ty.bits) - 1));
            let by = tape.pure(OpCode::And, &[by.node(), mask]);
            tape.pure(OpCode::Sub, &[bits, by])
        };
        tape.rotate_left(ty, a.node(), by)
    })
}

#[cold]
#[inline(never)]
#[track_caller]
fn absolute(ty: IntType, a: Id) -> Node {
    located(|s| {
        let tape = s.tape();
        let zero = tape.int(0);
        let negative = tape.pure(OpCode::Lt, &[a.node(), zero]);
        let result = tape.pure(OpCode::Neg, &[a.node()]);
        tape.pure(OpCode::Select, &[negative, tape.wrap(ty, result), a.node()])
    })
}

/// The absolute value, zero-extended.
#[cold]
#[inline(never)]
#[track_caller]
fn unsigned_absolute(ty: IntType, a: Id) -> Node {
    let result = absolute(ty, a);
    located(|s| s.tape().wrap(IntType { signed: false, ..ty }, result))
}

/// `abs`, and with it the panic on overflow where there are checks.
#[cold]
#[inline(never)]
#[track_caller]
fn checked_absolute(ty: IntType, a: Id) -> Node {
    let result = absolute(ty, a);
    located(|s| {
        let tape = s.tape();
        if s.overflow() == crate::tape::Overflow::Panic {
            let least = tape.int(ty.min());
            let overflows = tape.pure(OpCode::Eq, &[a.node(), least]);
            tape.panic_if(overflows, "attempt to negate with overflow", &[]);
        }
        result
    })
}

#[cold]
#[inline(never)]
#[track_caller]
fn signum(a: Id) -> Node {
    located(|s| {
        let tape = s.tape();
        let zero = tape.int(0);
        let (negative, positive) = (tape.pure(OpCode::Lt, &[a.node(), zero]), tape.pure(OpCode::Lt, &[zero, a.node()]));
        tape.pure(OpCode::Sub, &[positive, negative])
    })
}

/// Whether a signed integer is less (or greater) than 0.
#[cold]
#[inline(never)]
#[track_caller]
fn sign_test(a: Id, negative: bool) -> Node {
    located(|s| {
        let zero = s.tape().int(0);
        s.tape().pure(OpCode::Lt, &if negative { [a.node(), zero] } else { [zero, a.node()] })
    })
}

/// Division as the operators do it, but for the least value by -1: that is `wrapping_div` and `wrapping_rem`, and with a truth value whether it has a result the checked forms.
#[cold]
#[inline(never)]
#[track_caller]
fn total_division(op: Arithmetic, ty: IntType, a: Id, b: Id, panics: bool) -> (Node, Node) {
    located(|s| {
        let tape = s.tape();
        let (a, b, one, zero) = (a.node(), b.node(), tape.int(1), tape.int(0));
        let message = match op {
            Arithmetic::Div => "attempt to divide by zero",
            _ => "attempt to calculate the remainder with a divisor of zero",
        };
        if panics {
            tape.panic_unless(b, message, &[]);
        }
        let by_zero = tape.pure(OpCode::Eq, &[b, zero]);
        let (div, rem) = if ty.signed { (OpCode::DivS, OpCode::RemS) } else { (OpCode::DivU, OpCode::RemU) };
        let overflows = if ty.signed { tape.division_overflows(ty, a, b) } else { zero };
        // A divisor of 1 in place of the impossible one: right for the quotient that wraps (the least value) and, with the remainder 0, for that, too.
        let bad = tape.pure(OpCode::Or, &[by_zero, overflows]);
        let divisor = tape.pure(OpCode::Select, &[bad, one, b]);
        let result = tape.pure(if op == Arithmetic::Div { div } else { rem }, &[a, divisor]);
        (result, bad)
    })
}

#[cold]
#[inline(never)]
#[track_caller]
fn checked_division(shape: &'static Shape, op: Arithmetic, ty: IntType, a: Id, b: Id) -> Id {
    let (result, bad) = total_division(op, ty, a, b, false);
    located(|s| {
        let good = s.tape().not(bad);
        Id::of(s.tape().sum(shape, good, 1, result))
    })
}

macro_rules! int_methods {
    ($($checked:ident $wrapping:ident $overflowing:ident $op:ident,)*) => {$(
        /// As the method of integers.
        #[track_caller]
        pub fn $checked(self, other: V<T>) -> V<Option<T>> {
            V::__from(checked(<Option<T>>::SHAPE, Arithmetic::$op, T::TYPE, self.0, other.0))
        }
        /// As the method of integers.
        #[track_caller]
        pub fn $wrapping(self, other: V<T>) -> V<T> {
            V::of(wrapping(Arithmetic::$op, T::TYPE, self.0, other.0))
        }
        /// As the method of integers.
        #[track_caller]
        pub fn $overflowing(self, other: V<T>) -> V<(T, bool)> {
            let (result, overflows) = overflowing(Arithmetic::$op, T::TYPE, self.0, other.0);
            super::tuple((V::<T>::of(result), V::<bool>::of(overflows)))
        }
    )*};
}

macro_rules! shift_methods {
    ($($checked:ident $wrapping:ident $overflowing:ident $op:ident,)*) => {$(
        /// As the method of integers.
        #[track_caller]
        pub fn $checked(self, by: V<u32>) -> V<Option<T>> {
            V::__from(checked(<Option<T>>::SHAPE, Arithmetic::$op, T::TYPE, self.0, by.0))
        }
        /// As the method of integers.
        #[track_caller]
        pub fn $wrapping(self, by: V<u32>) -> V<T> {
            V::of(wrapping(Arithmetic::$op, T::TYPE, self.0, by.0))
        }
        /// As the method of integers.
        #[track_caller]
        pub fn $overflowing(self, by: V<u32>) -> V<(T, bool)> {
            let (result, overflows) = overflowing(Arithmetic::$op, T::TYPE, self.0, by.0);
            super::tuple((V::<T>::of(result), V::<bool>::of(overflows)))
        }
    )*};
}

impl<T: Int> IntOps<T> {
    /// The methods of a handle.
    pub(super) fn of(value: V<T>) -> IntOps<T> {
        IntOps(value.0, std::marker::PhantomData)
    }
    int_methods! {
        checked_add wrapping_add overflowing_add Add,
        checked_sub wrapping_sub overflowing_sub Sub,
        checked_mul wrapping_mul overflowing_mul Mul,
    }
    shift_methods! {
        checked_shl wrapping_shl overflowing_shl Shl,
        checked_shr wrapping_shr overflowing_shr Shr,
    }
    /// As the method of integers.
    #[track_caller]
    pub fn wrapping_div(self, other: V<T>) -> V<T> {
        V::of(total_division(Arithmetic::Div, T::TYPE, self.0, other.0, true).0)
    }
    /// As the method of integers.
    #[track_caller]
    pub fn wrapping_rem(self, other: V<T>) -> V<T> {
        V::of(total_division(Arithmetic::Rem, T::TYPE, self.0, other.0, true).0)
    }
    /// As the method of integers.
    #[track_caller]
    pub fn checked_div(self, other: V<T>) -> V<Option<T>> {
        V::__from(checked_division(<Option<T>>::SHAPE, Arithmetic::Div, T::TYPE, self.0, other.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn checked_rem(self, other: V<T>) -> V<Option<T>> {
        V::__from(checked_division(<Option<T>>::SHAPE, Arithmetic::Rem, T::TYPE, self.0, other.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn saturating_add(self, other: V<T>) -> V<T> {
        V::of(saturating(Arithmetic::Add, T::TYPE, self.0, other.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn saturating_sub(self, other: V<T>) -> V<T> {
        V::of(saturating(Arithmetic::Sub, T::TYPE, self.0, other.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn saturating_mul(self, other: V<T>) -> V<T> {
        V::of(saturating(Arithmetic::Mul, T::TYPE, self.0, other.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn wrapping_neg(self) -> V<T> {
        V::of(located(|s| s.tape().negate(T::TYPE, self.0.node(), crate::tape::Overflow::Wrap)))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn rotate_left(self, by: V<u32>) -> V<T> {
        V::of(rotate(T::TYPE, self.0, by.0, true))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn rotate_right(self, by: V<u32>) -> V<T> {
        V::of(rotate(T::TYPE, self.0, by.0, false))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn leading_zeros(self) -> V<u32> {
        V::of(unary(Unary::LeadingZeros, T::TYPE, self.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn trailing_zeros(self) -> V<u32> {
        V::of(unary(Unary::TrailingZeros, T::TYPE, self.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn count_ones(self) -> V<u32> {
        V::of(unary(Unary::CountOnes, T::TYPE, self.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn is_power_of_two(self) -> V<bool> {
        super::eq::<u32>(self.count_ones(), lit(1))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn min(self, other: V<T>) -> V<T> {
        V::of(extreme(T::TYPE, Compare::Le, self.0, other.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn max(self, other: V<T>) -> V<T> {
        V::of(extreme(T::TYPE, Compare::Gt, self.0, other.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn clamp(self, low: V<T>, high: V<T>) -> V<T> {
        located(|s| {
            let valid = s.tape().compare(Compare::Le, T::TYPE, low.node(), high.node());
            let message =
                if T::TYPE.signed { "min > max. min = {}, max = {}" } else { "min > max. min = {u}, max = {u}" };
            s.tape().panic_unless(valid, message, &[low.node(), high.node()]);
        });
        let at_least = V::<T>::of(extreme(T::TYPE, Compare::Gt, self.0, low.0));
        V::of(extreme(T::TYPE, Compare::Le, at_least.0, high.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn abs(self) -> V<T> {
        V::of(checked_absolute(T::TYPE, self.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn wrapping_abs(self) -> V<T> {
        V::of(absolute(T::TYPE, self.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn unsigned_abs(self) -> V<T::Unsigned> {
        V::of(unsigned_absolute(T::TYPE, self.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn signum(self) -> V<T> {
        V::of(signum(self.0))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn is_negative(self) -> V<bool> {
        V::of(sign_test(self.0, true))
    }
    /// As the method of integers.
    #[track_caller]
    pub fn is_positive(self) -> V<bool> {
        V::of(sign_test(self.0, false))
    }
    /// `into`
    #[track_caller]
    pub fn __into<U: Scalar + super::CastTo + From<T>>(self) -> V<U>
    where
        T: super::CastFrom,
    {
        super::cast(V::<T>::__from(self.0))
    }
}

impl BoolOps {
    /// As the method of truth values.
    #[track_caller]
    pub fn then<T: JitType>(self, f: impl FnOnce() -> V<T>) -> V<Option<T>> {
        let result = super::var(super::none::<T>());
        let fork = super::fork();
        super::check(V::<bool>::__from(self.0), fork.otherwise());
        super::set(result, super::some(f()));
        fork.turn();
        fork.end();
        super::get(result)
    }
    /// As the method of truth values.
    #[track_caller]
    pub fn then_some<T: JitType>(self, value: V<T>) -> V<Option<T>> {
        V::__from(then_some(<Option<T>>::SHAPE, self.0, value.0))
    }
    /// `into`
    #[track_caller]
    pub fn __into<U: Scalar + super::CastTo + From<bool>>(self) -> V<U> {
        super::cast(V::<bool>::__from(self.0))
    }
}

#[cold]
#[inline(never)]
fn then_some(shape: &'static Shape, condition: Id, value: Id) -> Id {
    with(|s| Id::of(s.tape().sum(shape, condition.node(), 1, value.node())))
}

#[cold]
#[inline(never)]
#[track_caller]
fn float(code: OpCode, operand: Id) -> Node {
    located(|s| s.tape().pure(code, &[operand.node()]))
}

macro_rules! float_methods {
    ($($name:ident $code:ident,)*) => {$(
        /// As the method of doubles.
        #[track_caller]
        pub fn $name(self) -> V<f64> {
            V::of(float(OpCode::$code, self.0))
        }
    )*};
}

impl FloatOps {
    float_methods! {
        abs FAbs, sqrt FSqrt, floor FFloor, ceil FCeil, trunc FTrunc, round_ties_even FRoundEven,
    }
    /// As the method of doubles.
    #[track_caller]
    pub fn to_bits(self) -> V<u64> {
        V::of(float(OpCode::FloatBits, self.0))
    }
    /// As the method of doubles.
    #[track_caller]
    pub fn is_nan(self) -> V<bool> {
        located(|s| V::of(s.tape().pure(OpCode::FNe, &[self.0.node(), self.0.node()])))
    }
    /// As the method of doubles.
    #[track_caller]
    pub fn is_infinite(self) -> V<bool> {
        super::eq(self.abs(), lit(f64::INFINITY))
    }
    /// As the method of doubles.
    #[track_caller]
    pub fn is_finite(self) -> V<bool> {
        super::lt(self.abs(), lit(f64::INFINITY))
    }
    /// As the method of doubles.
    #[track_caller]
    pub fn is_sign_negative(self) -> V<bool> {
        located(|s| {
            let tape = s.tape();
            let (bits, zero) = (tape.pure(OpCode::FloatBits, &[self.0.node()]), tape.int(0));
            V::of(tape.pure(OpCode::Lt, &[bits, zero]))
        })
    }
}

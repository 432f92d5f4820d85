//! Counterparts of functions of the standard library, by name; and of associated functions of primitive types.

use std::panic::Location;

use super::scalar::{Int, Scalar};
use super::session::located;
use super::value::{ByAddress, Id, JitType, V};
use super::words::{Arguments, Results, Words};
use crate::function::{Effects, JitFunction, Role, Signature, Traits};
use crate::tape::Shape;
use tailor_compiler::ir::OpCode;

/// `%` of doubles, for which machines have no instruction.
pub(super) static FLOAT_REM: JitFunction = JitFunction::residual(
    Signature {
        name: "f64::rem",
        location: Location::caller(),
        parameter_names: &["a", "b"],
        parameters: &[Shape::FLOAT, Shape::FLOAT],
        result: Shape::FLOAT,
    },
    float_rem,
    Traits { elidable: true, ..Traits::NONE },
    Effects::NONE,
    Role::Ordinary,
);

unsafe fn float_rem(arguments: *const u64, results: *mut u64) {
    // SAFETY: two doubles, and room for one.
    unsafe {
        let (a, b) = (f64::from_bits(*arguments), f64::from_bits(*arguments.add(1)));
        *results = (a % b).to_bits();
    }
}

/// `std::ptr::from_ref`
pub fn from_ref<T: ByAddress>(reference: V<&'static T>) -> V<*mut T> {
    V::__from(reference.__id())
}

/// `std::ptr::from_mut`
pub fn from_mut<T: ByAddress>(reference: V<&'static T>) -> V<*mut T> {
    V::__from(reference.__id())
}

/// `std::ptr::null`
pub fn null<T: 'static>() -> V<*mut T> {
    super::konst(std::ptr::null_mut())
}

/// `std::ptr::null_mut`
pub fn null_mut<T: 'static>() -> V<*mut T> {
    super::konst(std::ptr::null_mut())
}

/// `std::ptr::eq`
#[track_caller]
pub fn eq<T: ByAddress>(a: V<&'static T>, b: V<&'static T>) -> V<bool> {
    super::eq(from_ref(a), from_ref(b))
}

/// `std::slice::from_raw_parts`
pub fn from_raw_parts<T: JitType>(first: V<*mut T>, length: V<usize>) -> V<&'static [T]> {
    V::__from(super::make(<&'static [T]>::SHAPE, &[(0, first.__id()), (1, length.__id())]))
}

/// `std::mem::size_of`
pub fn size_of<T>() -> V<usize> {
    super::lit(std::mem::size_of::<T>())
}

/// `std::mem::align_of`
pub fn align_of<T>() -> V<usize> {
    super::lit(std::mem::align_of::<T>())
}

/// `std::cmp::min`
#[track_caller]
pub fn min<T: Int>(a: V<T>, b: V<T>) -> V<T> {
    super::IntOps::of(a).min(b)
}

/// `std::cmp::max`
#[track_caller]
pub fn max<T: Int>(a: V<T>, b: V<T>) -> V<T> {
    // Of equal integers either will do.
    super::IntOps::of(a).max(b)
}

/// `std::hint::black_box`
pub fn black_box<T>(value: V<T>) -> V<T> {
    value
}

/// `std::hint::unreachable_unchecked`
#[track_caller]
pub fn unreachable_unchecked<T: JitType>() -> V<T> {
    super::panic("entered unreachable code");
    super::dead()
}

/// Associated functions of numbers: `u64::from(x)`, `i64::from(x)`, ...
pub trait NumberFunctions: Scalar {
    /// `T::from`
    #[track_caller]
    fn __jit_from<U: super::CastFrom>(value: V<U>) -> V<Self>
    where
        Self: From<U> + super::CastTo,
    {
        super::cast(value)
    }
}
impl<T: Scalar> NumberFunctions for T {}

/// Fallible conversions between integers: `u8::try_from(x)`.
pub trait IntFunctions: Int {
    /// `T::try_from`
    #[track_caller]
    fn __jit_try_from<U: Int>(value: V<U>) -> V<Result<Self, <Self as TryFrom<U>>::Error>>
    where
        Self: TryFrom<U>,
        <Self as TryFrom<U>>::Error: JitType,
    {
        V::__from(try_from(<Result<Self, <Self as TryFrom<U>>::Error>>::SHAPE, U::TYPE, Self::TYPE, value.__id()))
    }
}
impl<T: Int> IntFunctions for T {}

#[cold]
#[inline(never)]
#[track_caller]
fn try_from(shape: &'static Shape, from: crate::tape::IntType, to: crate::tape::IntType, value: Id) -> Id {
    located(|s| {
        let tape = s.tape();
        let fits = tape.is_in_range(from, to, value.node());
        Id::of(tape.sum(shape, tape.not(fits), 0, value.node()))
    })
}

// SAFETY: there is one value, and it is no words.
unsafe impl JitType for std::num::TryFromIntError {
    type Ops = Id;
    const SHAPE: &'static Shape = Shape::UNIT;
    const LAYOUT: &'static super::Layout = &super::Layout::Unknown;
}
// SAFETY: no words.
unsafe impl Words for std::num::TryFromIntError {
    unsafe fn read(_: &mut Arguments) -> Self {
        // There is no other way to make one.
        u8::try_from(u64::MAX).expect_err("the greatest u64 is no u8")
    }
    fn write(self, _: &mut Results) {}
}

// SAFETY: there are no values.
unsafe impl JitType for std::convert::Infallible {
    type Ops = Id;
    const SHAPE: &'static Shape = Shape::UNIT;
    const LAYOUT: &'static super::Layout = &super::Layout::Unknown;
}
// SAFETY: there are no values.
unsafe impl Words for std::convert::Infallible {
    unsafe fn read(_: &mut Arguments) -> Self {
        unreachable!("there is no such value")
    }
    fn write(self, _: &mut Results) {}
}

/// `f64::from_bits`
pub trait FloatFunctions {
    /// `f64::from_bits`
    #[track_caller]
    fn __jit_from_bits(bits: V<u64>) -> V<f64> {
        located(|s| V::of(s.tape().pure(OpCode::BitsFloat, &[bits.node()])))
    }
}
impl FloatFunctions for f64 {}

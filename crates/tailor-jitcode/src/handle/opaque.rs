//! Types that jitted code passes on by their bytes, and small helpers of the expansion.

use super::layout::Layout;
use super::session::located;
use super::value::{ByAddress, V};
use super::words::{Arguments, Results, Words, words_of};
use crate::function::{Effects, JitFunction, Role, Signature, Traits};
use crate::tape::Shape;
use tailor_compiler::ir::Width;

const SHAPES: [&Shape; 5] = [
    Shape::UNIT,
    &Shape::Product(&[Shape::INT]),
    &Shape::Product(&[Shape::INT, Shape::INT]),
    &Shape::Product(&[Shape::INT, Shape::INT, Shape::INT]),
    &Shape::Product(&[Shape::INT, Shape::INT, Shape::INT, Shape::INT]),
];

/// The shape of an opaque type of so many bytes.
///
/// # Panics
/// It is larger than four words (in a constant, so at compile time).
pub const fn opaque_shape(bytes: usize) -> &'static Shape {
    assert!(bytes <= 32, "a #[jit::opaque] type has at most 32 bytes: make it a #[jit::object] and pass a reference");
    SHAPES[bytes.div_ceil(8)]
}

const WORD: Layout = Layout::Scalar(Width::I64);

/// The layout of an opaque type of so many bytes: whole words only.
pub const fn opaque_layout(bytes: usize) -> &'static Layout {
    match bytes {
        0 => &Layout::Struct(&[]),
        8 => &Layout::Struct(&[(0, &WORD)]),
        16 => &Layout::Struct(&[(0, &WORD), (8, &WORD)]),
        24 => &Layout::Struct(&[(0, &WORD), (8, &WORD), (16, &WORD)]),
        32 => &Layout::Struct(&[(0, &WORD), (8, &WORD), (16, &WORD), (24, &WORD)]),
        _ => &Layout::Unknown,
    }
}

/// An opaque value of its words.
///
/// # Safety
/// They were written by [`write_opaque`].
#[inline]
pub unsafe fn read_opaque<T: Copy>(words: &mut Arguments) -> T {
    let mut buffer = [0_u64; 4];
    for word in buffer.iter_mut().take(size_of::<T>().div_ceil(8)) {
        // SAFETY: the caller's promise.
        *word = unsafe { words.word() };
    }
    // SAFETY: these are the bytes of a `T`, which is no larger.
    unsafe { buffer.as_ptr().cast::<T>().read_unaligned() }
}

/// Writes an opaque value.
#[inline]
pub fn write_opaque<T: Copy>(value: T, words: &mut Results) {
    let mut buffer = [0_u64; 4];
    // SAFETY: a `T` is no larger than the buffer, as `opaque_shape` has checked.
    unsafe { buffer.as_mut_ptr().cast::<T>().write_unaligned(value) };
    for word in buffer.iter().take(size_of::<T>().div_ceil(8)) {
        words.word(*word);
    }
}

/// An enum without data of its discriminant.
///
/// # Safety
/// The word is the discriminant of one of its variants.
#[inline]
pub unsafe fn enum_of_word<T: Copy>(word: u64) -> T {
    const { assert!(size_of::<T>() <= 8 && cfg!(target_endian = "little")) };
    // SAFETY: an enum without data is its discriminant, in its low bytes; the caller says that it is one.
    unsafe { std::ptr::from_ref(&word).cast::<T>().read_unaligned() }
}

/// Fails to compile for types that are not `Copy`: their copies in registers would be dropped, or not.
pub const fn jitted_values_must_be_copy<T: Copy>() {}

/// Fails to compile for types by value: what `&mut` refers to must have an address.
#[inline(always)]
pub fn assert_by_address<T: ByAddress>() {}

// ---- Assertions that show their operands.

/// Panics as `assert_eq!` and `assert_ne!` do.
#[inline(never)]
#[track_caller]
pub fn comparison_failed<T: Words + std::fmt::Debug>(equal: bool, left: V<T>, right: V<T>) {
    let function = JitFunction::instance(JitFunction::residual(
        const {
            Signature {
                name: "assertion failed",
                location: std::panic::Location::caller(),
                parameter_names: &["equal", "left", "right"],
                parameters: &[Shape::INT, T::SHAPE, T::SHAPE],
                result: Shape::UNIT,
            }
        },
        panic_with_operands::<T>,
        Traits::NONE,
        Effects { panics: true, ..Effects::NONE },
        Role::Ordinary,
    ));
    let equal = super::lit(equal);
    super::call(function, &[equal.__id(), left.__id(), right.__id()]);
    never();
}

#[cold]
#[inline(never)]
#[track_caller]
fn never() {
    located(|s| s.tape().panic("internal error: entered unreachable code", &[]));
}

unsafe fn panic_with_operands<T: Words + std::fmt::Debug>(arguments: *const u64, _: *mut u64) {
    // SAFETY: the arguments are a truth value and two `T`s.
    let (equal, left, right) = unsafe {
        let mut words = Arguments::new(arguments);
        (words.next::<bool>(), words.next::<T>(), words.next::<T>())
    };
    let operator = if equal { "==" } else { "!=" };
    panic!("assertion `left {operator} right` failed\n  left: {left:?}\n right: {right:?}");
}

/// The words of a constant, for tests and tools.
pub fn constant_words<T: Words>(value: T) -> Vec<u64> {
    words_of(value)
}

/// The value of words, for tests and tools.
///
/// # Safety
/// They are those of a `T`.
pub unsafe fn value_of_words<T: Words>(words: &[u64]) -> T {
    // SAFETY: the caller's promise.
    unsafe { T::read(&mut Arguments::new(words.as_ptr())) }
}

//! Raw pointers and references.

use super::layout::Layout;
use super::place::pointee;
use super::session::located;
use super::slice::SliceOps;
use super::value::{ByAddress, Id, JitType, V, ops};
use super::words::{ALIGNMENT, Arguments, Results, Words, held_by_value};
use crate::tape::{Arithmetic, IntType, Node, Overflow, Shape};
use tailor_compiler::ir::OpCode;

ops! {
    /// Methods of raw pointers.
    PointerOps<T>
}

// SAFETY: an address.
unsafe impl<T: 'static> JitType for *mut T {
    type Ops = PointerOps<T>;
    const SHAPE: &'static Shape = Shape::REF;
    const LAYOUT: &'static Layout = &Layout::REF;
}
// SAFETY: an address.
unsafe impl<T: 'static> JitType for *const T {
    type Ops = PointerOps<T>;
    const SHAPE: &'static Shape = Shape::REF;
    const LAYOUT: &'static Layout = &Layout::REF;
}
/// [`Words::SPREAD`] of a pointer: what it points to may be bytes, one after the other.
const fn spread_of<T>() -> u64 {
    let align = align_of::<T>() as u64;
    if align < ALIGNMENT { ALIGNMENT / align } else { 1 }
}

// SAFETY: one word.
unsafe impl<T: 'static> Words for *mut T {
    const SPREAD: u64 = spread_of::<T>();

    #[inline(always)]
    unsafe fn read(words: &mut Arguments) -> Self {
        // SAFETY: the caller's promise.
        unsafe { words.word() as Self }
    }
    #[inline(always)]
    fn write(self, words: &mut Results) {
        words.word(self as u64);
    }
}
// SAFETY: one word.
unsafe impl<T: 'static> Words for *const T {
    const SPREAD: u64 = spread_of::<T>();

    #[inline(always)]
    unsafe fn read(words: &mut Arguments) -> Self {
        // SAFETY: the caller's promise.
        unsafe { words.word() as Self }
    }
    #[inline(always)]
    fn write(self, words: &mut Results) {
        words.word(self as u64);
    }
}
held_by_value! {
    [T: 'static] *mut T,
    [T: 'static] *const T,
}

/// A type that `*` can be applied to.
#[diagnostic::on_unimplemented(message = "`*` is not possible on `{Self}` in jitted code")]
pub trait JitDeref: JitType {
    /// What it points to.
    type Target: JitType;
    /// The place that a handle of this type points to.
    fn place(pointer: Id) -> Id;
}

impl<T: JitType> JitDeref for *mut T {
    type Target = T;
    fn place(pointer: Id) -> Id {
        pointee::<T>(pointer)
    }
}

impl<T: JitType> JitDeref for &'static T {
    type Target = T;
    fn place(reference: Id) -> Id {
        reference
    }
}

/// `*pointer`, a place (of a reference to a value: the value).
#[inline(always)]
pub fn deref<P: JitDeref>(pointer: V<P>) -> V<P::Target> {
    V::__from(P::place(pointer.0))
}

/// `base + index * size` bytes; `sign` is -1 for subtraction.
#[cold]
#[inline(never)]
#[track_caller]
fn moved(base: Id, index: Id, size: usize, backwards: bool) -> Node {
    located(|s| {
        let tape = s.tape();
        let index = if backwards { tape.pure(OpCode::Neg, &[index.node()]) } else { index.node() };
        tape.element_address(base.node(), index, size as u64)
    })
}

#[cold]
#[inline(never)]
#[track_caller]
fn distance(to: Id, from: Id, size: usize) -> Node {
    located(|s| {
        let tape = s.tape();
        let (to, from) = (tape.pure(OpCode::RefToInt, &[to.node()]), tape.pure(OpCode::RefToInt, &[from.node()]));
        let bytes = tape.pure(OpCode::Sub, &[to, from]);
        let size = tape.int(size as u64);
        if size_is_one(tape, size) {
            return bytes;
        }
        tape.arithmetic(Arithmetic::Div, IntType::I64, bytes, size, Overflow::Wrap)
    })
}

fn size_is_one(tape: &crate::tape::Tape, size: Node) -> bool {
    tape.constant_words(size).is_some_and(|words| words == [1])
}

#[cold]
#[inline(never)]
#[track_caller]
fn null_test(pointer: Id) -> Node {
    located(|s| {
        let null = s.tape().address(0);
        s.tape().pure(OpCode::RefEq, &[pointer.node(), null])
    })
}

#[cold]
#[inline(never)]
#[track_caller]
fn to_int(pointer: Id) -> Node {
    located(|s| s.tape().pure(OpCode::RefToInt, &[pointer.node()]))
}

#[allow(clippy::should_implement_trait)] // These are the methods that pointers have.
impl<T: 'static> PointerOps<T> {
    /// As the method of pointers.
    #[track_caller]
    pub fn add(self, count: V<usize>) -> V<*mut T> {
        V::of(moved(self.0, count.0, size_of::<T>(), false))
    }
    /// As the method of pointers.
    #[track_caller]
    pub fn sub(self, count: V<usize>) -> V<*mut T> {
        V::of(moved(self.0, count.0, size_of::<T>(), true))
    }
    /// As the method of pointers.
    #[track_caller]
    pub fn offset(self, count: V<isize>) -> V<*mut T> {
        V::of(moved(self.0, count.0, size_of::<T>(), false))
    }
    /// As the method of pointers.
    #[track_caller]
    pub fn wrapping_add(self, count: V<usize>) -> V<*mut T> {
        V::of(moved(self.0, count.0, size_of::<T>(), false))
    }
    /// As the method of pointers.
    #[track_caller]
    pub fn wrapping_sub(self, count: V<usize>) -> V<*mut T> {
        V::of(moved(self.0, count.0, size_of::<T>(), true))
    }
    /// As the method of pointers.
    #[track_caller]
    pub fn wrapping_offset(self, count: V<isize>) -> V<*mut T> {
        V::of(moved(self.0, count.0, size_of::<T>(), false))
    }
    /// As the method of pointers.
    #[track_caller]
    pub fn offset_from(self, origin: V<*mut T>) -> V<isize> {
        V::of(distance(self.0, origin.0, size_of::<T>()))
    }
    /// As the method of pointers.
    pub fn cast<U: 'static>(self) -> V<*mut U> {
        V::__from(self.0)
    }
    /// As the method of pointers.
    pub fn cast_const(self) -> V<*mut T> {
        V::__from(self.0)
    }
    /// As the method of pointers.
    pub fn cast_mut(self) -> V<*mut T> {
        V::__from(self.0)
    }
    /// As the method of pointers.
    #[track_caller]
    pub fn is_null(self) -> V<bool> {
        V::of(null_test(self.0))
    }
    /// As the method of pointers.
    #[track_caller]
    pub fn addr(self) -> V<usize> {
        V::of(to_int(self.0))
    }
}

impl<T: JitType> PointerOps<T> {
    /// As the method of pointers.
    #[track_caller]
    pub fn read(self) -> V<T> {
        super::get(V::<T>::__from(pointee::<T>(self.0)))
    }
    /// As the method of pointers.
    #[track_caller]
    pub fn write(self, value: V<T>) {
        super::set(V::<T>::__from(pointee::<T>(self.0)), value);
    }
}

impl<T: ByAddress> PointerOps<T> {
    /// As the method of pointers.
    pub fn as_ref(self) -> V<Option<&'static T>> {
        let is_null = self.is_null();
        let reference = V::<&'static T>::__from(self.0);
        super::not(is_null).then_some(reference)
    }
}

/// `&[T]`: address and length.
// SAFETY: so rustc passes it, too; nothing depends on that but `LAYOUT`, which is unknown.
unsafe impl<T: JitType> JitType for &'static [T] {
    type Ops = SliceOps<T>;
    const SHAPE: &'static Shape = &Shape::Product(&[Shape::REF, Shape::INT]);
    const LAYOUT: &'static Layout = &Layout::Unknown;
}
// SAFETY: two words.
unsafe impl<T: JitType> Words for &'static [T] {
    #[inline(always)]
    unsafe fn read(words: &mut Arguments) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let (first, length) = (words.word() as *const T, words.word() as usize);
            std::slice::from_raw_parts(first, length)
        }
    }
    #[inline(always)]
    fn write(self, words: &mut Results) {
        words.word(self.as_ptr() as u64);
        words.word(self.len() as u64);
    }
}

/// Text is only passed on.
// SAFETY: as for slices.
unsafe impl JitType for &'static str {
    type Ops = Id;
    const SHAPE: &'static Shape = &Shape::Product(&[Shape::REF, Shape::INT]);
    const LAYOUT: &'static Layout = &Layout::Unknown;
}
// SAFETY: two words.
unsafe impl Words for &'static str {
    #[inline(always)]
    unsafe fn read(words: &mut Arguments) -> Self {
        // SAFETY: the caller's promise: the words came from a `&str`.
        unsafe {
            let (first, length) = (words.word() as *const u8, words.word() as usize);
            std::str::from_utf8_unchecked(std::slice::from_raw_parts(first, length))
        }
    }
    #[inline(always)]
    fn write(self, words: &mut Results) {
        words.word(self.as_ptr() as u64);
        words.word(self.len() as u64);
    }
}

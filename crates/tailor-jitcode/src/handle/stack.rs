//! The guest stack: where an interpreter keeps the frames of its guests.

use std::fmt;

use super::layout::Layout;
use super::session::{located, with};
use super::value::{Id, JitType, V, ops};
use super::words::{Arguments, Results, Words, held_by_value};
use crate::tape::{Memory, Shape};
use tailor_compiler::ir::Width;

/// A position on the guest stack, whose words are `T`s: what a frame of an interpreter is made of.
///
/// It is a pointer. What it is good for is the JIT's view of it: accesses through it are of the guest stack's own alias class, so no store to an object can touch
/// them, and positions differ by known distances. Hence words of a frame can be kept in registers.
///
/// # Invariants
/// All access to the memory of a guest stack by jitted code goes through this type. `T` is one 64-bit word.
#[repr(transparent)]
pub struct GuestStack<T>(*mut T);

impl<T> Clone for GuestStack<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for GuestStack<T> {}
impl<T> PartialEq for GuestStack<T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for GuestStack<T> {}
impl<T> fmt::Debug for GuestStack<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuestStack({:p})", self.0)
    }
}

impl<T: Copy> GuestStack<T> {
    const IS_A_WORD: () = assert!(size_of::<T>() == 8, "a guest stack consists of 64-bit words");

    /// The position at an address.
    #[inline(always)]
    pub const fn at(address: *mut T) -> GuestStack<T> {
        const { Self::IS_A_WORD };
        GuestStack(address)
    }

    /// Its address.
    #[inline(always)]
    pub const fn address(self) -> *mut T {
        self.0
    }

    /// The word at `index` words from here.
    ///
    /// # Safety
    /// It lies within the stack and has been written.
    #[inline(always)]
    pub unsafe fn get(self, index: isize) -> T {
        // SAFETY: the caller's promise.
        unsafe { *self.0.offset(index) }
    }

    /// Writes the word at `index` words from here.
    ///
    /// # Safety
    /// It lies within the stack.
    #[inline(always)]
    pub unsafe fn set(self, index: isize, value: T) {
        // SAFETY: the caller's promise.
        unsafe { *self.0.offset(index) = value }
    }

    /// The position `words` words further up.
    #[inline(always)]
    pub fn up(self, words: usize) -> GuestStack<T> {
        GuestStack(self.0.wrapping_add(words))
    }

    /// The position `words` words further down.
    #[inline(always)]
    pub fn down(self, words: usize) -> GuestStack<T> {
        GuestStack(self.0.wrapping_sub(words))
    }

    /// Says that the words at this position and above are dead: each will be written before it is read. The JIT then need not bring them up to date; natively it is nothing.
    ///
    /// # Safety
    /// It is so.
    #[inline(always)]
    pub unsafe fn release(self) {}

    /// The same position with words taken as another type.
    #[inline(always)]
    pub fn cast<U: Copy>(self) -> GuestStack<U> {
        GuestStack::at(self.0.cast())
    }
}

ops! {
    /// Methods of positions.
    GuestStackOps<T>
}

// SAFETY: an address.
unsafe impl<T: 'static> JitType for GuestStack<T> {
    type Ops = GuestStackOps<T>;
    const SHAPE: &'static Shape = Shape::REF;
    const LAYOUT: &'static Layout = &Layout::REF;
}
// SAFETY: one word.
unsafe impl<T: 'static> Words for GuestStack<T> {
    #[inline(always)]
    unsafe fn read(words: &mut Arguments) -> Self {
        // SAFETY: the caller's promise.
        GuestStack(unsafe { words.word() } as *mut T)
    }
    #[inline(always)]
    fn write(self, words: &mut Results) {
        words.word(self.0 as u64);
    }
}
held_by_value! {
    [T: 'static] GuestStack<T>,
}

/// The width of the one word that a layout is.
fn width(layout: &Layout) -> Width {
    match layout {
        Layout::Scalar(width) => *width,
        Layout::Struct([(0, inner)]) | Layout::Nullable(inner) => width(inner),
        _ => panic!("a guest stack consists of values of one scalar each, not {layout:?}"),
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn load(position: Id, index: Id, layout: &Layout, shape: &'static Shape) -> Id {
    located(|s| {
        let memory = Memory::stack(width(layout), 0, 8);
        let word = s.tape().load(&memory, position.node(), Some(index.node()));
        Id::of(s.tape().reshape(word, shape))
    })
}

#[cold]
#[inline(never)]
#[track_caller]
fn store(position: Id, index: Id, layout: &Layout, value: Id) {
    located(|s| {
        let memory = Memory::stack(width(layout), 0, 8);
        s.tape().store(&memory, position.node(), Some(index.node()), value.node());
    });
}

#[cold]
#[inline(never)]
#[track_caller]
fn moved(position: Id, words: Id, down: bool) -> Id {
    located(|s| {
        let tape = s.tape();
        let words = if down { tape.pure(tailor_compiler::ir::OpCode::Neg, &[words.node()]) } else { words.node() };
        Id::of(tape.element_address(position.node(), words, 8))
    })
}

#[cold]
#[inline(never)]
fn released(position: Id) {
    with(|s| s.tape().release(position.node()));
}

impl<T: JitType> GuestStackOps<T> {
    /// As the method of positions.
    pub fn address(self) -> V<*mut T> {
        V::__from(self.0)
    }
    /// As the method of positions.
    #[track_caller]
    pub fn get(self, index: V<isize>) -> V<T> {
        V::__from(load(self.0, index.0, T::LAYOUT, T::SHAPE))
    }
    /// As the method of positions.
    #[track_caller]
    pub fn set(self, index: V<isize>, value: V<T>) -> V<()> {
        store(self.0, index.0, T::LAYOUT, value.0);
        super::unit()
    }
    /// As the method of positions.
    #[track_caller]
    pub fn up(self, words: V<usize>) -> V<GuestStack<T>> {
        V::__from(moved(self.0, words.0, false))
    }
    /// As the method of positions.
    #[track_caller]
    pub fn down(self, words: V<usize>) -> V<GuestStack<T>> {
        V::__from(moved(self.0, words.0, true))
    }
    /// As the method of positions.
    pub fn release(self) -> V<()> {
        released(self.0);
        super::unit()
    }
    /// As the method of positions.
    pub fn cast<U>(self) -> V<GuestStack<U>> {
        V::__from(self.0)
    }
}

/// Functions of positions.
pub trait GuestStackFunctions<T>: Sized {
    /// `GuestStack::at`
    fn __jit_at(address: V<*mut T>) -> V<GuestStack<T>> {
        V::__from(address.0)
    }
}
impl<T> GuestStackFunctions<T> for GuestStack<T> {}

impl<T: 'static> super::compare::JitEq for GuestStack<T> {
    #[track_caller]
    fn equal(a: Id, b: Id) -> V<bool> {
        <*mut T>::equal(a, b)
    }
}

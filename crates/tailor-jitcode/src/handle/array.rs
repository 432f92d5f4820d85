//! Arrays of fixed length: by value if their elements are, else by address.
//!
//! An array in a register is its elements. Indexing it by something that is no constant tries one element after the other; arrays that are indexed much
//! belong in objects, where indexing is one access.

use super::layout::{At, Layout};
use super::place::{self, Place};
use super::session::{located, with};
use super::slice::{ElementType, JitIndex, check_bounds, element};
use super::value::{ByAddress, Id, JitType, V, ops};
use super::words::{Arguments, Borrowed, Results, Words};
use crate::tape::{Memory, Shape};

ops! {
    /// Methods of arrays.
    ArrayOps<T>
}

const fn by_address<T: JitType>() -> bool {
    matches!(T::LAYOUT, Layout::Address)
}

// SAFETY: the elements one after the other, or the address.
unsafe impl<T: JitType, const N: usize> JitType for [T; N] {
    type Ops = ArrayOps<[T; N]>;
    const SHAPE: &'static Shape =
        if by_address::<T>() { Shape::REF } else { &Shape::Product(&[const { T::SHAPE }; N]) };
    const LAYOUT: &'static Layout = if by_address::<T>() {
        &Layout::Address
    } else {
        &Layout::Array { length: N, stride: size_of::<T>(), element: T::LAYOUT }
    };
}

impl<T: ByAddress, const N: usize> ByAddress for [T; N] {}

// SAFETY: one after the other.
unsafe impl<T: Words, const N: usize> Words for [T; N] {
    unsafe fn read(words: &mut Arguments) -> Self {
        // SAFETY: the caller's promise.
        std::array::from_fn(|_| unsafe { T::read(words) })
    }
    fn write(self, words: &mut Results) {
        for element in self {
            element.write(words);
        }
    }
}

// SAFETY: the value itself.
unsafe impl<T: Words, const N: usize> Borrowed for [T; N] {
    type Holder = Self;
    unsafe fn hold(words: &mut Arguments) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::read(words) }
    }
    unsafe fn borrow(holder: &Self) -> &'static Self {
        // SAFETY: the caller's promise.
        unsafe { &*std::ptr::from_ref(holder) }
    }
}

impl<T: JitType, const N: usize> JitIndex<usize> for [T; N] {
    type Element = T;
    #[track_caller]
    fn element(this: Id, index: Id) -> Id {
        array_element(this, index, N, &const { ElementType::of::<T>() })
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn array_element(this: Id, index: Id, length: usize, of: &ElementType) -> Id {
    located(|s| {
        let tape = s.tape();
        let index = index.node();
        check_bounds(s, index, tape.int(length as u64));
        let in_memory = matches!(s.place(this), Some(Place::Memory { .. }));
        if in_memory || matches!(of.layout, Layout::Address) {
            let at = match s.place(this) {
                Some(Place::Memory { at, .. }) => at,
                _ => place::location(s, this),
            };
            let base = at.address(s);
            // What is by address is named after its own type, wherever it lies; values are parts of the field.
            if matches!(of.layout, Layout::Address) {
                return element(s, base, index, of, at.memory.mutability);
            }
            let memory = Memory { offset: 0, scale: of.size as u32, ..at.memory };
            let at = At { memory, base, index: Some(index) };
            return s.new_place(Place::Memory { at, layout: of.layout, shape: of.shape });
        }
        if let Some(words) = tape.constant_words(index) {
            let index = words[0] as usize;
            if index < length {
                return place::part_of(s, this, index);
            }
            // Never executed; but what follows may assign to it.
            let nothing = tape.undefined(of.shape);
            return if this.is_place() {
                s.new_place(Place::Variable(tape.variable_of(nothing)))
            } else {
                Id::of(nothing)
            };
        }
        if this.is_place() {
            return s.new_place(Place::Chosen { of: this, index, length: length as u32, shape: of.shape });
        }
        Id::of(place::choose(s, this.node(), index, length, of.shape))
    })
}

/// `[a, b, ..]`
#[inline(never)]
pub fn array<T: JitType, const N: usize>(elements: [V<T>; N]) -> V<[T; N]> {
    const { assert!(!by_address::<T>(), "jitted code can't make arrays of objects or cells") };
    V::__from(make(<[T; N]>::SHAPE, &elements.map(|e| e.0)))
}

/// `[value; N]`
#[inline(never)]
pub fn repeat<T: JitType, const N: usize>(value: V<T>) -> V<[T; N]> {
    array([value; N])
}

#[cold]
#[inline(never)]
fn make(shape: &'static Shape, elements: &[Id]) -> Id {
    with(|s| {
        let nodes: Vec<_> = elements.iter().map(|e| e.node()).collect();
        Id::of(s.tape().product(shape, &nodes))
    })
}

impl<T: JitType, const N: usize> ArrayOps<[T; N]> {
    /// As the method of arrays.
    pub fn len(self) -> V<usize> {
        super::lit(N)
    }
    /// As the method of arrays.
    pub fn is_empty(self) -> V<bool> {
        super::lit(N == 0)
    }
}

impl<T: ByAddress, const N: usize> ArrayOps<[T; N]> {
    /// As the method of arrays: a slice, as [`SliceOps::iter`](super::SliceOps::iter).
    pub fn iter(self) -> V<&'static [T]> {
        self.as_slice()
    }
    /// As the method of arrays.
    pub fn as_slice(self) -> V<&'static [T]> {
        let length = super::lit(N);
        V::__from(super::make(<&'static [T]>::SHAPE, &[(0, place::read(self.0)), (1, length.0)]))
    }
    /// As the method of slices.
    #[track_caller]
    pub fn get_unchecked(self, index: V<usize>) -> V<&'static T> {
        self.as_slice().get_unchecked(index)
    }
}

//! Slices and indexing.

use tailor_compiler::ir::{MemKind, Width};

use super::layout::{At, Layout};
use super::place::{self, Place};
use super::session::{located, with};
use super::value::{Id, JitType, V, ops};
use crate::tape::{Compare, IntType, Memory, Mutability, Node, Shape};

ops! {
    /// Methods of slices.
    SliceOps<T>
}

/// Where the elements of a slice are, and how they are called.
#[derive(Clone, Copy)]
pub(super) struct ElementType {
    pub(super) name: fn() -> &'static str,
    pub(super) size: usize,
    pub(super) layout: &'static Layout,
    pub(super) shape: &'static Shape,
}

impl ElementType {
    pub(super) const fn of<T: JitType>() -> ElementType {
        ElementType { name: std::any::type_name::<T>, size: size_of::<T>(), layout: T::LAYOUT, shape: T::SHAPE }
    }
}

/// Element `index` behind an address, unchecked.
pub(super) fn element(
    s: &super::session::Session,
    base: Node,
    index: Node,
    of: &ElementType,
    mutability: Mutability,
) -> Id {
    let memory = Memory {
        owner: place::plain_name((of.name)()),
        field: "*",
        kind: MemKind::Element,
        width: Width::Ref,
        mutability,
        offset: 0,
        scale: of.size as u32,
    };
    s.new_place(Place::Memory { at: At { memory, base, index: Some(index) }, layout: of.layout, shape: of.shape })
}

#[cold]
#[inline(never)]
fn length(slice: Id) -> Node {
    with(|s| s.tape().part(place::node(s, slice), 1))
}

/// Panics as Rust does if the index is out of bounds.
pub(super) fn check_bounds(s: &super::session::Session, index: Node, length: Node) {
    let good = s.tape().compare(Compare::Lt, IntType::U64, index, length);
    s.tape().panic_unless(good, "index out of bounds: the len is {u} but the index is {u}", &[length, index]);
}

#[cold]
#[inline(never)]
#[track_caller]
fn slice_element(slice: Id, index: Id, of: &ElementType, checked: bool) -> Id {
    located(|s| {
        let tape = s.tape();
        let slice = place::node(s, slice);
        let (base, length) = (tape.part(slice, 0), tape.part(slice, 1));
        if checked {
            check_bounds(s, index.node(), length);
        }
        element(s, base, index.node(), of, Mutability::Mutable)
    })
}

/// A type that can be indexed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be indexed by `{I}` in jitted code",
    note = "slices, arrays and references to them can, by `usize`"
)]
pub trait JitIndex<I>: JitType {
    /// What the elements are.
    type Element;
    /// The element's place.
    fn element(this: Id, index: Id) -> Id;
}

/// `this[i]`, a place.
#[inline(always)]
#[track_caller]
pub fn index<X: JitIndex<I>, I>(this: V<X>, i: V<I>) -> V<X::Element> {
    V::__from(X::element(this.0, i.0))
}

impl<T: JitType> JitIndex<usize> for &'static [T] {
    type Element = T;
    #[track_caller]
    fn element(this: Id, index: Id) -> Id {
        slice_element(this, index, &const { ElementType::of::<T>() }, true)
    }
}

impl<T: JitIndex<usize>> JitIndex<usize> for &'static T {
    type Element = T::Element;
    #[track_caller]
    fn element(this: Id, index: Id) -> Id {
        T::element(this, index)
    }
}

impl<T: JitType> SliceOps<T> {
    /// As the method of slices.
    pub fn len(self) -> V<usize> {
        V::of(length(self.0))
    }
    /// As the method of slices.
    #[track_caller]
    pub fn is_empty(self) -> V<bool> {
        super::eq(self.len(), super::lit(0))
    }
    /// As the method of slices.
    #[track_caller]
    pub fn get_unchecked(self, index: V<usize>) -> V<&'static T> {
        super::address(V::<T>::__from(slice_element(self.0, index.0, &const { ElementType::of::<T>() }, false)))
    }
    /// As the method of slices.
    #[track_caller]
    pub fn get(self, index: V<usize>) -> V<Option<&'static T>> {
        super::lt(index, self.len()).then(|| self.get_unchecked(index))
    }
    /// As the method of slices.
    #[track_caller]
    pub fn first(self) -> V<Option<&'static T>> {
        self.get(super::lit(0))
    }
    /// As the method of slices.
    pub fn as_ptr(self) -> V<*mut T> {
        V::__from(super::part(place::read(self.0), 0))
    }
    /// As the method of slices: the slice itself, which `for` and the functions of iterators take.
    pub fn iter(self) -> V<&'static [T]> {
        V::__from(self.0)
    }
}

//! `Cell`: a place by address that is read and written by methods.
//!
//! A reference to a cell does not know whose field the cell is, and there are pointers to what is in it. So the contents of all cells and what lies behind plain pointers are one alias
//! class for each type. Whether the field was marked immutable is known where the cell is accessed as that field.
//!
//! A field that is a cell and marked `by_name` is never borrowed: its handle is a [`FieldCell`], which has no address. It has a class of its own.

use std::cell::Cell;

use super::layout::Layout;
use super::place;
use super::value::{JitType, V, ops};
use super::words::held_by_address;
use crate::tape::Shape;

ops! {
    /// Methods of cells.
    CellOps<T>
}

/// What a cell that is marked `by_name` is to jitted code. There are handles of it only.
#[derive(Debug)]
pub struct FieldCell<T>(std::marker::PhantomData<Cell<T>>);

ops! {
    /// Methods of cells that are accessed by their fields' names.
    FieldCellOps<T>
}

// SAFETY: used by address.
unsafe impl<T: JitType> JitType for FieldCell<T> {
    type Ops = FieldCellOps<T>;
    const SHAPE: &'static Shape = Shape::REF;
    const LAYOUT: &'static Layout = &Layout::Address;
}

impl<T: JitType> FieldCellOps<T> {
    fn contents(self) -> V<T> {
        V::__from(place::contents_by_name(self.0, T::LAYOUT, T::SHAPE))
    }
    /// As the method of cells.
    #[track_caller]
    pub fn get(self) -> V<T> {
        super::get(self.contents())
    }
    /// As the method of cells.
    #[track_caller]
    pub fn set(self, value: V<T>) -> V<()> {
        super::set(self.contents(), value);
        super::unit()
    }
    /// As the method of cells.
    #[track_caller]
    pub fn replace(self, value: V<T>) -> V<T> {
        let old = self.get();
        self.set(value);
        old
    }
}

// SAFETY: used by address.
unsafe impl<T: JitType> JitType for Cell<T> {
    type Ops = CellOps<T>;
    const SHAPE: &'static Shape = Shape::REF;
    const LAYOUT: &'static Layout = &Layout::Address;
}
held_by_address! {
    [T: JitType] Cell<T>,
}

impl<T: JitType> CellOps<T> {
    fn contents(self) -> V<T> {
        V::__from(place::contents(self.0, std::any::type_name::<T>, T::LAYOUT, T::SHAPE))
    }
    /// As the method of cells.
    #[track_caller]
    pub fn get(self) -> V<T> {
        super::get(self.contents())
    }
    /// As the method of cells.
    #[track_caller]
    pub fn set(self, value: V<T>) -> V<()> {
        super::set(self.contents(), value);
        super::unit()
    }
    /// As the method of cells.
    #[track_caller]
    pub fn replace(self, value: V<T>) -> V<T> {
        let old = self.get();
        self.set(value);
        old
    }
    /// As the method of cells.
    pub fn as_ptr(self) -> V<*mut T> {
        V::__from(place::read(self.0))
    }
}

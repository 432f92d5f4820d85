//! `Cell`: a place by address that is read and written by methods.
//!
//! Accesses of all cells with contents of one type are one alias class, since a reference to a cell does not know whose field the cell is. Whether the field was marked
//! immutable is known where the cell is accessed as that field.

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
        V::__from(place::contents(self.0, std::any::type_name::<Cell<T>>, T::LAYOUT, T::SHAPE))
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

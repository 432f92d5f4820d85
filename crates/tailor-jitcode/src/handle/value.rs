//! Handles, and what a type must tell to have them.

use std::marker::PhantomData;
use std::ops::Deref;

use super::layout::Layout;
use super::session::{self, PLACE};
use crate::tape::{Node, Shape};

/// What a handle is without its type: a node of the tape or, with the top bit set, a place of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Id(pub(super) u32);

impl Id {
    pub(super) fn of(node: Node) -> Id {
        Id(node.0)
    }

    pub(super) fn is_place(self) -> bool {
        self.0 & PLACE != 0
    }

    /// The node of a handle that is no place.
    #[cold]
    #[inline(never)]
    pub(super) fn node(self) -> Node {
        assert!(!self.is_place(), "a place is used as a value: the macro should have read it");
        Node(self.0)
    }
}

/// A type that jitted code can handle.
///
/// # Safety
/// `Ops` is `#[repr(transparent)]` around [`Id`]. `SHAPE` and `LAYOUT` describe the type, the latter as rustc lays it out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that jitted code can handle",
    label = "not known to the JIT",
    note = "mark a struct by #[jit::value] (small and Copy: kept in registers) or #[jit::object] (used by address), an enum by #[jit::value]",
    note = "a Copy type that jitted code only passes on can be marked #[jit::opaque]; all else is for #[jit::residual] functions"
)]
pub unsafe trait JitType: 'static {
    /// Fields and methods, on handles.
    type Ops: Copy;
    /// What a handle's value is made of.
    const SHAPE: &'static Shape;
    /// How the type lies in memory.
    const LAYOUT: &'static Layout;
}

/// A type whose handle is an address: it lives in memory.
#[diagnostic::on_unimplemented(
    message = "`&mut {Self}` is not possible in jitted code",
    label = "a value, not an object",
    note = "in jitted code `&mut` refers to objects (#[jit::object]) and cells; take a value and return the new one instead"
)]
pub trait ByAddress: JitType {}

/// The handle of a value of type `T`; see [the module](super). Its name is what the compiler says of methods that are missing.
#[repr(transparent)]
pub struct Jitted<T: ?Sized>(pub(super) Id, PhantomData<fn() -> Box<T>>);

/// Handles are everywhere here.
pub type V<T> = Jitted<T>;

impl<T: ?Sized> Clone for Jitted<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Jitted<T> {}

impl<T: ?Sized> Jitted<T> {
    /// The handle with this number.
    #[inline(always)]
    pub const fn __from(id: Id) -> V<T> {
        Jitted(id, PhantomData)
    }

    /// Its number.
    #[inline(always)]
    pub const fn __id(self) -> Id {
        self.0
    }

    pub(super) fn of(node: Node) -> V<T> {
        Jitted(Id::of(node), PhantomData)
    }

    pub(super) fn node(self) -> Node {
        self.0.node()
    }
}

impl<T: JitType + ?Sized> Deref for Jitted<T> {
    type Target = T::Ops;

    #[inline(always)]
    fn deref(&self) -> &T::Ops {
        // SAFETY: both are transparent around `Id`, by the contract of `JitType`.
        unsafe { &*std::ptr::from_ref(self).cast() }
    }
}

/// Defines the operations type of a generic family of types.
macro_rules! ops {
    ($(#[$doc:meta])* $name:ident<$($p:ident $(: ?$sized:ident)?),+>) => {
        $(#[$doc])*
        #[repr(transparent)]
        pub struct $name<$($p $(: ?$sized)?),+>($crate::handle::Id, std::marker::PhantomData<($(fn() -> Box<$p>,)+)>);
        impl<$($p $(: ?$sized)?),+> Clone for $name<$($p),+> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<$($p $(: ?$sized)?),+> Copy for $name<$($p),+> {}
    };
}
pub(super) use ops;

// SAFETY: a handle of `&T` is one of `T`: the address, or the value.
unsafe impl<T: JitType> JitType for &'static T {
    type Ops = T::Ops;
    const SHAPE: &'static Shape = T::SHAPE;
    const LAYOUT: &'static Layout = if matches!(T::LAYOUT, Layout::Address) { &Layout::REF } else { &Layout::Unknown };
}

// SAFETY: the address. Handles name `&T` instead.
unsafe impl<T: ByAddress> JitType for &'static mut T {
    type Ops = T::Ops;
    const SHAPE: &'static Shape = Shape::REF;
    const LAYOUT: &'static Layout = &Layout::REF;
}

/// A value of which nothing is known, as a number.
pub(super) fn undefined(shape: &'static Shape) -> Id {
    session::with(|s| Id::of(s.tape().undefined(shape)))
}

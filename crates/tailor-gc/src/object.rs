//! What the collector must know of an object's type, and the pointer to an object.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

use crate::cards::Part;
use crate::header::{Header, KindId};
use crate::visitor::Visitor;

/// A type that lives in the heap.
///
/// # Safety
/// The type is `#[repr(C)]`, its first field is a [`Header`], it needs no `Drop`, `KIND` is unique within the heap it is
/// used with, `size` is constant during the object's life and is the number of bytes that were asked for at its
/// allocation, and `trace` visits every slot that can hold a reference to an object that is not immortal, follows no
/// reference itself, and allocates nothing.
pub unsafe trait Object {
    /// Identifies the type within its heap: `1 ..=` [`LAST_KIND`](crate::LAST_KIND).
    const KIND: KindId;
    /// A name for diagnostics.
    const NAME: &'static str;
    /// Size in bytes, header included.
    fn size(&self) -> usize;
    /// Visits every slot.
    fn trace(&self, visitor: &mut Visitor<'_>);
    /// Whether there is a [`Object::trace_part`]. Types of arrays should have it: then a store into a very large one,
    /// if it is announced by [`Heap::write_barrier_slot`](crate::Heap::write_barrier_slot), does not make the collector
    /// look at all of it.
    const HAS_PARTS: bool = false;
    /// Visits every slot that lies in `part`: those of [`Part::of`].
    fn trace_part(&self, _part: Part, visitor: &mut Visitor<'_>) {
        self.trace(visitor)
    }
}

/// A place that may hold a reference to an object.
///
/// # Safety
/// `get` returns the reference that the slot holds, if it holds one; after `set(r)`, `get` returns `r`.
pub unsafe trait Slot {
    /// The object referred to, if any.
    fn get(&self) -> Option<NonNull<Header>>;
    /// Makes the slot refer to another object; called only if `get` returned one.
    fn set(&self, target: NonNull<Header>);
}

/// A slot that does not keep its object alive, see [`Visitor::visit_weak`].
///
/// # Safety
/// As for [`Slot`]; after `clear`, `get` returns `None`.
pub unsafe trait WeakSlot: Slot {
    /// Makes the slot refer to nothing.
    fn clear(&self);
}

// SAFETY: a `Gc` is a non-null object pointer and nothing else.
unsafe impl<T> Slot for Cell<Gc<T>> {
    #[inline(always)]
    fn get(&self) -> Option<NonNull<Header>> {
        Some(Cell::get(self).header())
    }
    #[inline(always)]
    fn set(&self, target: NonNull<Header>) {
        Cell::set(self, Gc(target.cast(), PhantomData))
    }
}

// SAFETY: as for `Cell<Gc<T>>`; `None` holds no reference.
unsafe impl<T> Slot for Cell<Option<Gc<T>>> {
    #[inline(always)]
    fn get(&self) -> Option<NonNull<Header>> {
        Cell::get(self).map(Gc::header)
    }
    #[inline(always)]
    fn set(&self, target: NonNull<Header>) {
        Cell::set(self, Some(Gc(target.cast(), PhantomData)))
    }
}

// SAFETY: `None` holds no reference.
unsafe impl<T> WeakSlot for Cell<Option<Gc<T>>> {
    fn clear(&self) {
        Cell::set(self, None)
    }
}

/// A pointer to a heap object; see the crate's header for where it may be kept.
#[repr(transparent)]
pub struct Gc<T>(NonNull<T>, PhantomData<*const T>);

impl<T> Clone for Gc<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Gc<T> {}
impl<T> PartialEq for Gc<T> {
    /// Identity.
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Gc<T> {}
impl<T> fmt::Debug for Gc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gc({:p})", self.0)
    }
}
impl<T> Deref for Gc<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a `Gc` is created by the heap (or by `from_ptr`, whose caller vouches for it) and its object is kept
        // alive by the stack or object that the `Gc` lies in.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Gc<T> {
    /// The object's address.
    #[inline(always)]
    pub fn as_ptr(self) -> *mut T {
        self.0.as_ptr()
    }

    /// Makes a `Gc` of an address.
    ///
    /// # Safety
    /// `ptr` came from [`Gc::as_ptr`] of an object of type `T` that is still alive.
    #[inline(always)]
    pub unsafe fn from_ptr(ptr: *mut T) -> Gc<T> {
        // SAFETY: object addresses are not null; the caller passes one.
        Gc(unsafe { NonNull::new_unchecked(ptr) }, PhantomData)
    }

    #[inline(always)]
    pub(crate) fn header(self) -> NonNull<Header> {
        self.0.cast()
    }
}

/// What the collector keeps of a registered type.
#[derive(Clone, Copy)]
pub(crate) struct Type {
    pub(crate) name: &'static str,
    /// Bytes that the object was allocated with.
    pub(crate) size: unsafe fn(NonNull<Header>) -> usize,
    pub(crate) trace: unsafe fn(NonNull<Header>, &mut Visitor<'_>),
    pub(crate) has_parts: bool,
    pub(crate) trace_part: unsafe fn(NonNull<Header>, Part, &mut Visitor<'_>),
}

impl Type {
    /// The entry of kinds that are not registered.
    pub(crate) const UNKNOWN: Type =
        Type { name: "?", size: unknown_size, trace: unknown_trace, has_parts: false, trace_part: unknown_trace_part };

    pub(crate) fn of<T: Object>() -> Type {
        Type { name: T::NAME, size: size::<T>, trace: trace::<T>, has_parts: T::HAS_PARTS, trace_part: trace_part::<T> }
    }
}

unsafe fn size<T: Object>(object: NonNull<Header>) -> usize {
    // SAFETY: the collector passes objects of this kind only.
    unsafe { object.cast::<T>().as_ref() }.size()
}

unsafe fn trace<T: Object>(object: NonNull<Header>, visitor: &mut Visitor<'_>) {
    // SAFETY: the collector passes objects of this kind only.
    unsafe { object.cast::<T>().as_ref() }.trace(visitor)
}

unsafe fn trace_part<T: Object>(object: NonNull<Header>, part: Part, visitor: &mut Visitor<'_>) {
    // SAFETY: the collector passes objects of this kind only.
    unsafe { object.cast::<T>().as_ref() }.trace_part(part, visitor)
}

unsafe fn unknown_size(object: NonNull<Header>) -> usize {
    // SAFETY: `object` is an object, and each begins with its header.
    unregistered(unsafe { object.as_ref() }.kind())
}

unsafe fn unknown_trace(object: NonNull<Header>, _: &mut Visitor<'_>) {
    // SAFETY: `object` is an object, and each begins with its header.
    unregistered(unsafe { object.as_ref() }.kind())
}

unsafe fn unknown_trace_part(object: NonNull<Header>, _: Part, _: &mut Visitor<'_>) {
    // SAFETY: `object` is an object, and each begins with its header.
    unregistered(unsafe { object.as_ref() }.kind())
}

fn unregistered(kind: KindId) -> ! {
    panic!("an object of kind {kind} is in the heap, but no type of that kind has been registered: see Heap::register")
}

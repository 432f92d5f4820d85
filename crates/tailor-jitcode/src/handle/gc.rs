//! Garbage-collected objects: pointers to them and their headers.

pub(super) use tailor_gc::Gc;
use tailor_gc::{Header, Heap};

use std::ops::Deref;
use std::panic::Location;

use super::layout::Layout;
use super::pointer::JitDeref;
use super::session::located;
use super::value::{ByAddress, Id, JitType, V, ops};
use super::words::{Arguments, Results, Words, held_by_address, held_by_value};
use crate::function::{Effects, JitFunction, Role, Signature, Traits};
use crate::tape::{Memory, Mutability, Node, Shape};
use tailor_compiler::ir::Width;

ops! {
    /// Methods of `Gc`; what it points to has its own behind them.
    GcOps<T>
}

impl<T: JitType> Deref for GcOps<T> {
    type Target = T::Ops;
    #[inline(always)]
    fn deref(&self) -> &T::Ops {
        // SAFETY: both are transparent around `Id`, by the contract of `JitType`; the handle of a `Gc` is that of its object, the address.
        unsafe { &*std::ptr::from_ref(self).cast() }
    }
}

// SAFETY: an address.
unsafe impl<T: 'static> JitType for Gc<T> {
    type Ops = GcOps<T>;
    const SHAPE: &'static Shape = Shape::REF;
    const LAYOUT: &'static Layout = &Layout::REF;
}
// SAFETY: one word.
unsafe impl<T: 'static> Words for Gc<T> {
    #[inline(always)]
    unsafe fn read(words: &mut Arguments) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Gc::from_ptr(words.word() as *mut T) }
    }
    #[inline(always)]
    fn write(self, words: &mut Results) {
        words.word(self.as_ptr() as u64);
    }
}
held_by_value! {
    [T: 'static] Gc<T>,
}

impl<T: JitType> JitDeref for Gc<T> {
    type Target = T;
    fn place(pointer: Id) -> Id {
        pointer
    }
}

impl<T: 'static> GcOps<T> {
    /// As the method of `Gc`.
    pub fn as_ptr(self) -> V<*mut T> {
        V::__from(self.0)
    }
}

/// Functions of `Gc`.
pub trait GcFunctions<T>: Sized {
    /// `Gc::from_ptr`
    fn __jit_from_ptr(pointer: V<*mut T>) -> V<Gc<T>> {
        V::__from(pointer.0)
    }
    /// `Gc::as_ptr`
    fn __jit_as_ptr(gc: V<Gc<T>>) -> V<*mut T> {
        V::__from(gc.0)
    }
}
impl<T> GcFunctions<T> for Gc<T> {}

/// Methods of object headers.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct HeaderOps(Id);

// SAFETY: used by address.
unsafe impl JitType for Header {
    type Ops = HeaderOps;
    const SHAPE: &'static Shape = Shape::REF;
    const LAYOUT: &'static Layout = &Layout::Address;
}
held_by_address! {
    [] Header,
}

/// A part of a header. The kind never changes; nor does the tag, which is the language's, once an object is one.
#[cold]
#[inline(never)]
#[track_caller]
fn part(header: Id, field: &'static str, offset: i32, width: Width, mutability: Mutability) -> Node {
    located(|s| {
        let at = super::place::location(s, header);
        let base = at.address(s);
        let memory = Memory::element("Header", field, width, offset, 0).that_is(mutability);
        s.tape().load(&memory, base, None)
    })
}

/// The kind is the header's second byte.
const KIND_OFFSET: i32 = 1;

impl HeaderOps {
    /// As the method of headers.
    #[track_caller]
    pub fn tag(self) -> V<u32> {
        V::of(part(self.0, "tag", Header::TAG_OFFSET as i32, Width::U32, Mutability::Immutable))
    }
    /// As the method of headers.
    #[track_caller]
    pub fn kind(self) -> V<tailor_gc::KindId> {
        V::of(part(self.0, "kind", KIND_OFFSET, Width::U8, Mutability::Immutable))
    }
}

// ---- The heap: only its write barrier is known here; allocation is for the language's own residual functions.

// SAFETY: used by address.
unsafe impl JitType for Heap {
    type Ops = HeapOps;
    const SHAPE: &'static Shape = Shape::REF;
    const LAYOUT: &'static Layout = &Layout::Address;
}
held_by_address! {
    [] Heap,
}

/// Methods of the heap.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct HeapOps(Id);

static WRITE_BARRIER: JitFunction = JitFunction::residual(
    Signature {
        name: "Heap::write_barrier",
        location: Location::caller(),
        parameter_names: &["heap", "object"],
        parameters: &[Shape::REF, Shape::REF],
        result: Shape::UNIT,
    },
    write_barrier,
    Traits::NONE,
    Effects::NONE,
    Role::Barrier,
);

static WRITE_BARRIER_SLOT: JitFunction = JitFunction::residual(
    Signature {
        name: "Heap::write_barrier_slot",
        location: Location::caller(),
        parameter_names: &["heap", "object", "slot"],
        parameters: &[Shape::REF, Shape::REF, Shape::REF],
        result: Shape::UNIT,
    },
    write_barrier_slot,
    Traits::NONE,
    Effects::NONE,
    Role::Barrier,
);

unsafe fn write_barrier(arguments: *const u64, _: *mut u64) {
    // SAFETY: the arguments are those of the method; what the barrier does to an object does not depend on its type.
    unsafe {
        let heap = &mut *(*arguments as *mut Heap);
        heap.write_barrier::<AnyObject>(Gc::from_ptr(*arguments.add(1) as *mut AnyObject));
    }
}

unsafe fn write_barrier_slot(arguments: *const u64, _: *mut u64) {
    // SAFETY: as for `write_barrier`; of the slot only the address counts.
    unsafe {
        let heap = &mut *(*arguments as *mut Heap);
        let object = Gc::from_ptr(*arguments.add(1) as *mut AnyObject);
        heap.write_barrier_slot::<AnyObject, u64>(object, &*(*arguments.add(2) as *const u64));
    }
}

/// An object of a type that is not known here.
#[repr(C)]
struct AnyObject(Header);

// SAFETY: `repr(C)`, begins with the header. It is never allocated nor registered.
unsafe impl tailor_gc::Object for AnyObject {
    const KIND: tailor_gc::KindId = tailor_gc::LAST_KIND;
    const NAME: &'static str = "any object";
    fn size(&self) -> usize {
        size_of::<AnyObject>()
    }
    fn trace(&self, _: &mut tailor_gc::Visitor<'_>) {}
}

impl HeapOps {
    /// As the method of heaps.
    #[track_caller]
    pub fn write_barrier<T>(self, object: V<Gc<T>>) -> V<()> {
        V::__from(super::call(&WRITE_BARRIER, &[super::place::read(self.0), object.0]))
    }
    /// As the method of heaps.
    #[track_caller]
    pub fn write_barrier_slot<T, S: ByAddress>(self, object: V<Gc<T>>, slot: V<&'static S>) -> V<()> {
        V::__from(super::call(&WRITE_BARRIER_SLOT, &[super::place::read(self.0), object.0, slot.0]))
    }
}

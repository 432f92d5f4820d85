//! The garbage-collected heap of Tailor's virtual machines.
//!
//! # Terms
//! - An *object* is a `#[repr(C)]` struct that begins with a [`Header`] and implements [`Object`].
//! - [`Gc<T>`] is a plain `Copy` pointer to one. It may be kept anywhere in Rust code: native stacks and the guest
//!   stack are scanned conservatively, so there are no handles and no rooting.
//! - A *slot* ([`Slot`]) is a mutable place inside an object that may hold a reference.
//! - *Immortal* objects are never moved and never freed, and whatever they refer to is alive: they are the precise
//!   roots. Classes, symbols, methods and global associations of a language are immortal.
//!
//! # Invariants
//! - An object's payload is initialised before the next allocation.
//! - After a reference has been stored into a slot of an object, [`Heap::write_barrier`] is called on that object
//!   before the next allocation. An object that was allocated since the last allocation needs none.
//! - A `Gc<T>` held only outside objects, stacks and registers (a Rust heap structure) must refer to an immortal object.
//!
//! # State
//! This is the simplest honest heap behind the final interface: it allocates by bumping a cursor, enforces the limit,
//! and never frees. The collector replaces it without a change to its users.

use std::alloc::Layout;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

/// Number that identifies an object kind (a Rust type) within one heap.
pub type KindId = u8;

/// The first word of every object.
///
/// Layout, from the least significant bit: 8 bits of collector state, 8 bits of [kind](KindId), 16 bits that belong to the
/// collector, 32 bits of *tag*, which belong to the language (SOM keeps the class number there).
#[repr(transparent)]
#[derive(Debug)]
pub struct Header(Cell<u64>);

impl Header {
    /// Byte offset of the 32-bit tag within the header, for compiled code.
    pub const TAG_OFFSET: usize = 4;

    fn new(kind: KindId, tag: u32) -> Header {
        Header(Cell::new(u64::from(kind) << 8 | u64::from(tag) << 32))
    }

    /// The kind of the object.
    #[inline(always)]
    pub fn kind(&self) -> KindId {
        (self.0.get() >> 8) as u8
    }

    /// The language's 32 bits.
    #[inline(always)]
    pub fn tag(&self) -> u32 {
        (self.0.get() >> 32) as u32
    }

    /// Replaces the language's 32 bits.
    pub fn set_tag(&self, tag: u32) {
        self.0.set(self.0.get() & 0xffff_ffff | u64::from(tag) << 32)
    }
}

/// A type that lives in the heap.
///
/// # Safety
/// The type is `#[repr(C)]`, its first field is a [`Header`], it needs no `Drop`, `KIND` is unique within the heap it is
/// used with, `size` is constant during the object's life and is the number of bytes that were asked for at its
/// allocation, and `trace` visits every slot that can hold a reference.
pub unsafe trait Object {
    /// Identifies the type within its heap.
    const KIND: KindId;
    /// A name for diagnostics.
    const NAME: &'static str;
    /// Size in bytes, header included.
    fn size(&self) -> usize;
    /// Visits every slot.
    fn trace(&self, visitor: &mut Visitor<'_>);
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

// SAFETY: a `Gc` is a non-null object pointer and nothing else.
unsafe impl<T> Slot for Cell<Gc<T>> {
    fn get(&self) -> Option<NonNull<Header>> {
        Some(Cell::get(self).0.cast())
    }
    fn set(&self, target: NonNull<Header>) {
        Cell::set(self, Gc(target.cast(), PhantomData))
    }
}

// SAFETY: as for `Cell<Gc<T>>`; `None` holds no reference.
unsafe impl<T> Slot for Cell<Option<Gc<T>>> {
    fn get(&self) -> Option<NonNull<Header>> {
        Cell::get(self).map(|g| g.0.cast())
    }
    fn set(&self, target: NonNull<Header>) {
        Cell::set(self, Some(Gc(target.cast(), PhantomData)))
    }
}

/// What [`Object::trace`] reports its slots to.
pub struct Visitor<'a> {
    visit: &'a mut dyn FnMut(&dyn Slot),
}

impl Visitor<'_> {
    /// Reports one slot.
    #[inline]
    pub fn visit(&mut self, slot: &dyn Slot) {
        (self.visit)(slot)
    }
}

/// A pointer to a heap object; see the module's header for where it may be kept.
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
}

/// The heap limit has been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// Bytes of the request that failed.
    pub requested: usize,
    /// The limit in bytes.
    pub limit: usize,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "out of memory: {} bytes requested, heap limit {} bytes", self.requested, self.limit)
    }
}
impl std::error::Error for OutOfMemory {}

/// How to make a [`Heap`].
#[derive(Clone, Debug)]
pub struct HeapConfig {
    /// The most bytes that may be in use.
    pub limit: usize,
}

/// Counts since the heap was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeapStats {
    /// Collections, of any kind.
    pub collections: u64,
    /// Time spent in collections, in nanoseconds.
    pub pause_ns: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
}

/// Conservative roots: a range of words, any of which may be a reference.
#[derive(Clone, Copy, Debug)]
pub struct StackRange {
    /// The lowest word.
    pub base: *const u64,
    /// Behind the highest word in use.
    pub top: *const u64,
}

const CHUNK: usize = 1 << 20;

/// A heap; one per virtual machine.
#[derive(Debug)]
pub struct Heap {
    cursor: *mut u8,
    end: *mut u8,
    config: HeapConfig,
    chunks: Vec<(*mut u8, Layout)>,
    reserved: usize,
}

impl Heap {
    /// Makes a heap; nothing is reserved before the first allocation.
    pub fn new(config: HeapConfig) -> Heap {
        Heap { cursor: std::ptr::null_mut(), end: std::ptr::null_mut(), config, chunks: Vec::new(), reserved: 0 }
    }

    /// Allocates an object of `bytes` bytes (a multiple of 8, at least 8) and writes its header.
    ///
    /// # Errors
    /// [`OutOfMemory`] if the limit would be exceeded.
    ///
    /// # Safety
    /// The caller initialises the payload before the next allocation, and `T::size` then returns `bytes`. `guest_stack` lies
    /// within the guest stack (or is empty) and covers every word of it that may hold a reference still needed.
    #[inline(always)]
    pub unsafe fn alloc<T: Object>(
        &mut self,
        bytes: usize,
        tag: u32,
        guest_stack: StackRange,
    ) -> Result<Gc<T>, OutOfMemory> {
        debug_assert!(bytes >= 8 && bytes.is_multiple_of(8));
        if bytes > self.end as usize - self.cursor as usize {
            self.refill(bytes, guest_stack)?;
        }
        let object = self.cursor;
        // SAFETY: `bytes` fit between cursor and end, checked above or ensured by `refill`.
        unsafe {
            self.cursor = object.add(bytes);
            object.cast::<Header>().write(Header::new(T::KIND, tag));
            Ok(Gc::from_ptr(object.cast()))
        }
    }

    /// Allocates an immortal object; otherwise as [`Heap::alloc`]. Never collects.
    ///
    /// # Errors
    /// [`OutOfMemory`] if the limit would be exceeded.
    ///
    /// # Safety
    /// As for [`Heap::alloc`].
    pub unsafe fn alloc_immortal<T: Object>(&mut self, bytes: usize, tag: u32) -> Result<Gc<T>, OutOfMemory> {
        // SAFETY: the caller's promise; nothing is ever freed here, so every object is immortal.
        unsafe { self.alloc(bytes, tag, StackRange { base: std::ptr::null(), top: std::ptr::null() }) }
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self, bytes: usize, _guest_stack: StackRange) -> Result<(), OutOfMemory> {
        let size = bytes.max(CHUNK);
        let error = OutOfMemory { requested: bytes, limit: self.config.limit };
        if size > self.config.limit.saturating_sub(self.reserved) {
            return Err(error);
        }
        let layout = Layout::from_size_align(size, 16).map_err(|_| error)?;
        // SAFETY: the size is not zero.
        let chunk = unsafe { std::alloc::alloc(layout) };
        if chunk.is_null() {
            return Err(error);
        }
        self.chunks.push((chunk, layout));
        self.reserved += size;
        self.cursor = chunk;
        self.end = chunk.wrapping_add(size);
        Ok(())
    }

    /// To be called on an object after a reference has been stored into one of its slots.
    #[inline(always)]
    pub fn write_barrier<T: Object>(&mut self, _object: Gc<T>) {}

    /// A number that stays with the object for its life, however often it moves.
    pub fn identity_hash<T: Object>(&mut self, object: Gc<T>) -> u32 {
        (object.as_ptr() as usize >> 3) as u32 & 0x3fff_ffff
    }

    /// Collects the whole heap.
    ///
    /// # Safety
    /// As for [`Heap::alloc`].
    pub unsafe fn collect(&mut self, _guest_stack: StackRange) {}

    /// Counts since the heap was made.
    pub fn stats(&self) -> HeapStats {
        HeapStats {
            allocated_bytes: (self.reserved - (self.end as usize - self.cursor as usize)) as u64,
            ..HeapStats::default()
        }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        for (chunk, layout) in self.chunks.drain(..) {
            // SAFETY: allocated by `refill` with this layout and not freed since.
            unsafe { std::alloc::dealloc(chunk, layout) }
        }
    }
}

//! The heap as its user sees it: allocation, the write barrier, and when to collect.
//!
//! # Terms
//! - The *cursor* and the *limit* bound the gap that new objects are put into; to allocate is to advance the cursor.
//! - The *reserve* is the room that must be free after a full collection if the mutator is to go on. It keeps a heap that
//!   is all but full from collecting at every turn.
//!
//! # When a collection happens
//! Only inside an allocation, or on request. The nursery is collected when its budget is used up; the whole heap if the mature
//! objects have doubled since it was last collected, or if room is short. Room is the limit less what is in use outside the
//! nursery; the nursery's budget shrinks to half of it, as in Appel's collector (1989), so that survivors have a place
//! within the limit. While a collection runs, copies may exceed the limit by the size of the nursery.
//!
//! The nursery begins at a size that caches hold. Where more than an eighth of it survives, it doubles, up to [`MOST_GROWTH`] times: what is in use for the length of some phase of the program
//! is then dead before it is copied, and to copy an object costs as much as many misses of a cache. Where nearly nothing survives, it halves again.
//!
//! # For compiled code
//! `heap` is the address of the [`Heap`], `stack` its guest stack, all offsets are in bytes. To allocate `size` bytes,
//! at most [`Heap::MAX_INLINE`]:
//!
//! ```text
//! object = load64 [heap + Heap::CURSOR_OFFSET]
//! end    = object + size
//! if end > load64 [heap + Heap::LIMIT_OFFSET]        (unsigned)
//!     object = heap.alloc_slow(kind, size, tag, stack)
//! else
//!     store64 [heap + Heap::CURSOR_OFFSET] = end
//!     store64 [object] = Header::word(kind, size, tag)      (a constant if the tag is)
//! ```
//!
//! then all slots are initialised. Both pointers are null while there is no gap, which sends the first allocation to
//! the slow path as it should. After storing a reference into the slot at address `slot` of `object`, unless the object
//! was allocated after the last call that may collect, or what was stored is immortal or no reference at all:
//!
//! ```text
//! if load8 [object + Header::STATE_OFFSET] & Header::UNLOGGED != 0
//!     heap.remember_slot(object, slot)
//! ```
//!
//! Of the functions named, only `alloc_slow` may collect. At that call each reference still needed must be in a
//! callee-saved register, on the native stack, in the given part of the guest stack, or in a range of
//! [`AmbiguousRoots`]; a pointer into an object will do. What is there does not move, so registers need not be
//! reloaded; but references *in objects* may have changed, so what was loaded from an object and is in none of these
//! places must be loaded again.

use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::collector::Collector;
use crate::full::Evacuation;
use crate::header::{FILLER, HASHED, Header, KindId, UNLOGGED};
use crate::large;
use crate::minor::Pinned;
use crate::modes::{Sampler, Sampling};
use crate::object::{Gc, Object, Type};
use crate::roots::{AmbiguousRoots, RootSet, StackRange, with_native_stack};
use crate::space::{BLOCK, MAX_SMALL, Space, fill, kind};
use crate::stats::HeapStats;

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
    /// The most bytes that may be in use. Default: half of the machine's memory.
    pub limit: usize,
    /// Bytes of new objects between collections, at least: if many survive, up to eight times as many. Default: 4 MB.
    pub nursery: usize,
    /// Collect at every allocation, and move as much as possible. Default: no.
    pub stress: bool,
    /// Check the whole heap after each collection, and panic if something is wrong. Default: no.
    pub verify: bool,
    /// Makes `stress` and `verify` act at some occasions only.
    pub sampling: Sampling,
}

impl Default for HeapConfig {
    fn default() -> Self {
        HeapConfig {
            limit: memory_of_machine() / 2,
            nursery: 4 << 20,
            stress: false,
            verify: false,
            sampling: Sampling::default(),
        }
    }
}

/// Bytes of physical memory; 4 GB if the system does not tell.
fn memory_of_machine() -> usize {
    // SAFETY: queries.
    let (pages, page) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    if pages > 0 && page > 0 { (pages as usize).saturating_mul(page as usize) } else { 4 << 30 }
}

/// Objects of more bytes are put into blocks of their own, unless there happens to be room in the nursery.
const LARGE: usize = 8 << 10;
/// Mature objects may grow by this factor, but at least by so many bytes, between full collections.
const GROWTH_FACTOR: usize = 2;
const GROWTH_BYTES: usize = 32 << 20;
/// The nursery grows to at most so many times its first size.
const MOST_GROWTH: usize = 8;
/// It grows if more than one byte in so many survives, and shrinks if fewer than one in so many do.
const GROW_AT: u64 = 8;
const SHRINK_AT: u64 = 64;
/// The part of the limit that is the reserve.
const RESERVE_PART: usize = 64;
/// In stress mode, one collection in so many is a full one.
const STRESS_FULL: u64 = 16;
/// See [`Nursery::tenure`](crate::nursery::Nursery::tenure).
const STRESS_TENURE: u8 = 32;

/// No memory.
const NO_RESERVE: Range<*mut u8> = std::ptr::null_mut()..std::ptr::null_mut();

/// A heap; one per virtual machine.
///
/// It may be moved to another thread only while no `Gc` to it is on any stack: stacks other than the running thread's are
/// not scanned.
#[repr(C)]
pub struct Heap {
    /// At [`Heap::CURSOR_OFFSET`], for compiled code. Null, as the limit, if there is no gap.
    cursor: *mut u8,
    /// At [`Heap::LIMIT_OFFSET`], for compiled code.
    limit: *mut u8,
    /// The end of the present gap. In stress mode the limit hides it from allocation.
    gap_end: *mut u8,
    /// What is left of the last gap beyond the limit: until the next collection, for [`Heap::alloc_beyond_limit`] alone. It is filled, as what no gap covers.
    reserve: Range<*mut u8>,
    pub(crate) collector: Box<Collector>,
    config: HeapConfig,
    sampler: Sampler,
    /// Bytes of new objects between collections, at present.
    nursery_bytes: usize,
    /// Mature bytes that call for a full collection.
    full_threshold: usize,
    /// A collection has begun and not ended. Seen outside of a collection, it has panicked, and the heap cannot be used.
    collecting: bool,
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("config", &self.config).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Heap {
    /// Byte offset of the cursor within the heap, for compiled code: see the module's header in `heap.rs`.
    pub const CURSOR_OFFSET: usize = std::mem::offset_of!(Heap, cursor);
    /// Byte offset of the limit within the heap, for compiled code.
    pub const LIMIT_OFFSET: usize = std::mem::offset_of!(Heap, limit);
    /// The most bytes that compiled code may allocate by advancing the cursor itself.
    pub const MAX_INLINE: usize = MAX_SMALL;

    /// Makes a heap. Address space is reserved at once, memory is taken as it is needed.
    pub fn new(config: HeapConfig) -> Heap {
        let blocks = (config.limit / BLOCK).saturating_add(2 * MOST_GROWTH * config.nursery / BLOCK);
        // Twice what may be in use, so that runs for large objects are found however scattered the rest is.
        let space = Space::new(blocks.saturating_mul(2).saturating_add(64));
        let sampler = Sampler::new(config.sampling);
        let mut heap = Heap {
            cursor: std::ptr::null_mut(),
            limit: std::ptr::null_mut(),
            gap_end: std::ptr::null_mut(),
            reserve: NO_RESERVE,
            collector: Box::new(Collector::new(space)),
            nursery_bytes: config.nursery,
            config,
            sampler,
            full_threshold: GROWTH_BYTES,
            collecting: false,
        };
        if heap.config.stress {
            heap.collector.nursery.tenure = STRESS_TENURE;
        }
        heap.set_budget();
        heap
    }

    /// Makes a type known to the collector, which a language does for all its types when it has made its heap. That
    /// allocation need not look whether it has been done is worth a test and a load for each object.
    ///
    /// # Panics
    /// If another type of the same [`Object::KIND`] has been registered.
    pub fn register<T: Object>(&mut self) {
        let entry = &mut self.collector.types[T::KIND as usize];
        assert!(T::KIND != FILLER, "kind {FILLER} is the collector's own");
        assert!(
            entry.name == Type::UNKNOWN.name || entry.name == T::NAME,
            "{} and {} have the same kind number",
            entry.name,
            T::NAME
        );
        *entry = Type::of::<T>();
    }

    pub(crate) fn is_registered<T: Object>(&self) -> bool {
        self.collector.types[T::KIND as usize].name == T::NAME
    }

    /// Makes the references in `set` roots, for as long as the set exists.
    pub fn add_root_set<R: RootSet + 'static>(&mut self, set: &Rc<R>) {
        let set: Rc<dyn RootSet> = set.clone();
        self.collector.add_root_set(Rc::downgrade(&set));
    }

    /// Makes the words that `set` reports roots, conservatively, for as long as the set exists. The native stack and the
    /// guest stack that is passed to allocations need not be reported.
    pub fn add_ambiguous_roots<R: AmbiguousRoots + 'static>(&mut self, set: &Rc<R>) {
        let set: Rc<dyn AmbiguousRoots> = set.clone();
        self.collector.add_ambiguous_roots(Rc::downgrade(&set));
    }

    /// Allocates an object of `bytes` bytes (a multiple of 8, at least 8) and writes its header. The payload is whatever
    /// was in memory before.
    ///
    /// # Errors
    /// [`OutOfMemory`] if the limit would be exceeded, although everything dead has been freed.
    ///
    /// # Safety
    /// `T` has been [registered](Heap::register). The caller initialises the payload before the next allocation, and
    /// `T::size` then returns `bytes`. `guest_stack` lies within the guest stack (or is empty) and covers every word of
    /// it that may hold a reference still needed. The crate's invariants hold.
    #[inline(always)]
    pub unsafe fn alloc<T: Object>(
        &mut self,
        bytes: usize,
        tag: u32,
        guest_stack: StackRange,
    ) -> Result<Gc<T>, OutOfMemory> {
        debug_assert!(bytes >= 8 && bytes.is_multiple_of(8));
        debug_assert!(self.is_registered::<T>(), "{} is to be registered", T::NAME);
        let object = self.cursor;
        if bytes > self.limit as usize - object as usize {
            // SAFETY: the caller's promise.
            let object = unsafe { self.alloc_slow(T::KIND, bytes, tag, guest_stack) }?;
            // SAFETY: a new object of kind `T`.
            return Ok(unsafe { Gc::from_ptr(object.as_ptr().cast()) });
        }
        // SAFETY: `bytes` fit between cursor and limit.
        unsafe {
            self.cursor = object.add(bytes);
            object.cast::<u64>().write(Header::word(T::KIND, bytes, tag));
            Ok(Gc::from_ptr(object.cast()))
        }
    }

    /// As [`Heap::alloc`], for when `bytes` bytes do not fit between cursor and limit; for compiled code.
    ///
    /// # Errors
    /// As for [`Heap::alloc`].
    ///
    /// # Safety
    /// As for [`Heap::alloc`].
    #[cold]
    #[inline(never)]
    pub unsafe fn alloc_slow(
        &mut self,
        kind: KindId,
        bytes: usize,
        tag: u32,
        guest_stack: StackRange,
    ) -> Result<NonNull<Header>, OutOfMemory> {
        assert!(!self.collecting, "a collection has panicked, or an object's trace function allocates");
        if bytes > self.config.limit {
            return Err(self.out_of_memory(bytes));
        }
        if self.config.stress && self.sampler.collects() {
            self.stress(guest_stack);
        }
        let (object, word) = if bytes > LARGE {
            (self.alloc_large(bytes, guest_stack)?, Header::word(kind, 0, tag))
        } else {
            (self.alloc_in_next_gap(bytes, guest_stack)?, Header::word(kind, bytes, tag))
        };
        // SAFETY: the object's memory is ours.
        unsafe { object.cast::<u64>().write(word) };
        Ok(NonNull::new(object.cast()).expect("objects are not at address zero"))
    }

    /// As [`Heap::alloc`], for an object whose kind, size and tag stand in its header already, `word`; null instead of an error.
    ///
    /// # Safety
    /// As for [`Heap::alloc`]; `word` is what [`Header::word`] makes of a registered kind, `bytes`, and a tag.
    #[inline(always)]
    pub unsafe fn alloc_with_header(&mut self, bytes: usize, word: u64, guest_stack: StackRange) -> *mut u8 {
        debug_assert!(bytes >= 8 && bytes.is_multiple_of(8));
        let object = self.cursor;
        if bytes > self.limit as usize - object as usize {
            // SAFETY: the caller's promise.
            let object = unsafe { self.alloc_slow(Header::kind_of(word), bytes, Header::tag_of(word), guest_stack) };
            return object.map_or(std::ptr::null_mut(), |object| object.as_ptr().cast());
        }
        // SAFETY: `bytes` fit between cursor and limit, neither of which is null then.
        unsafe {
            std::hint::assert_unchecked(!object.is_null());
            self.cursor = object.add(bytes);
            object.cast::<u64>().write(word);
        }
        object
    }

    /// As [`Heap::alloc_with_header`], for compiled code where it cannot fail: when memory has run out, it is handed out beyond the limit. `false` says so. From then on,
    /// [`Heap::alloc`] fails, unless enough has become free.
    ///
    /// # Panics
    /// The machine has no more memory, either.
    ///
    /// # Safety
    /// As for [`Heap::alloc_with_header`].
    #[cold]
    #[inline(never)]
    pub unsafe fn alloc_beyond_limit(&mut self, bytes: usize, word: u64, guest_stack: StackRange) -> (*mut u8, bool) {
        if bytes <= self.reserve.end as usize - self.reserve.start as usize {
            return (self.alloc_from_reserve(bytes, word), false);
        }
        let (limit, mut more) = (self.config.limit, 0);
        loop {
            // SAFETY: the caller's promise.
            let object = unsafe { self.alloc_with_header(bytes, word, guest_stack) };
            self.config.limit = limit;
            if !object.is_null() {
                if more > 0 {
                    // The next allocation but by this function is to find out that there is no memory left.
                    let rest = self.cursor..self.gap_end;
                    self.close_gap();
                    self.reserve = rest;
                }
                return (object, more == 0);
            }
            // The limit is part of what is reserved twice.
            more = if more == 0 { bytes.next_multiple_of(BLOCK) + 2 * BLOCK } else { more * 2 };
            assert!(more <= limit, "the heap is exhausted, and so is its reserve");
            self.config.limit = limit + more;
        }
    }

    /// An object of `bytes` bytes from the reserve, which has so many.
    fn alloc_from_reserve(&mut self, bytes: usize, word: u64) -> *mut u8 {
        let object = self.reserve.start;
        self.reserve.start = object.wrapping_add(bytes);
        self.collector.stats.allocated_bytes += bytes as u64;
        // SAFETY: the reserve is no object, and big enough.
        unsafe {
            object.cast::<u64>().write(word);
            fill(self.reserve.start, self.reserve.end as usize - self.reserve.start as usize);
        }
        object
    }

    fn alloc_in_next_gap(&mut self, bytes: usize, guest_stack: StackRange) -> Result<*mut u8, OutOfMemory> {
        // In stress mode, what is left of the gap is hidden from allocation, not used up.
        let fits = bytes <= self.gap_end as usize - self.cursor as usize;
        if !fits && !self.open_gap(bytes) {
            self.make_room(bytes, guest_stack)?;
            // Residents may have used up the budget, or left no gap that is big enough.
            while !self.open_gap(bytes) {
                if self.room() <= self.collector.nursery.blocks.len() {
                    return Err(self.out_of_memory(bytes));
                }
                self.collector.nursery.budget += BLOCK;
            }
        }
        let object = self.cursor;
        self.cursor = object.wrapping_add(bytes);
        if self.config.stress {
            self.limit = self.cursor;
        }
        Ok(object)
    }

    fn alloc_large(&mut self, bytes: usize, guest_stack: StackRange) -> Result<*mut u8, OutOfMemory> {
        let (nursery, space) = (&self.collector.nursery, &self.collector.space);
        let affordable = nursery.affords(bytes) || nursery.is_unused();
        if !affordable || space.used() + bytes.div_ceil(BLOCK) > self.limit_blocks() {
            self.make_room(bytes, guest_stack)?;
        }
        let collector = &mut *self.collector;
        let object = large::allocate_young(&mut collector.nursery, &mut collector.space, bytes);
        collector.stats.allocated_bytes += bytes as u64;
        object.ok_or(self.out_of_memory(bytes))
    }

    /// Allocates an immortal object; otherwise as [`Heap::alloc`]. Never collects.
    ///
    /// # Errors
    /// [`OutOfMemory`] if the limit would be exceeded.
    ///
    /// # Safety
    /// As for [`Heap::alloc`].
    pub unsafe fn alloc_immortal<T: Object>(&mut self, bytes: usize, tag: u32) -> Result<Gc<T>, OutOfMemory> {
        debug_assert!(bytes >= 8 && bytes.is_multiple_of(8));
        debug_assert!(self.is_registered::<T>(), "{} is to be registered", T::NAME);
        let blocks = self.limit_blocks();
        let collector = &mut *self.collector;
        let object = if bytes <= LARGE {
            collector.allocate_immortal(bytes, |space| space.used() < blocks)
        } else if collector.space.used() + bytes.div_ceil(BLOCK) <= blocks {
            collector.space.acquire_run(bytes, kind::IMMORTAL).map(|head| {
                collector.immortal.large.push(head);
                collector.space.start(head)
            })
        } else {
            None
        };
        let Some(object) = object else { return Err(self.out_of_memory(bytes)) };
        collector.stats.allocated_bytes += bytes as u64;
        // SAFETY: the object's memory is ours, and not null.
        unsafe {
            object.cast::<u64>().write(Header::word(T::KIND, if bytes <= LARGE { bytes } else { 0 }, tag));
            // Its slots will be initialised without a barrier.
            collector.remembered.push(NonNull::new_unchecked(object.cast()));
            Ok(Gc::from_ptr(object.cast()))
        }
    }

    /// To be called on an object after a reference has been stored into one of its slots.
    #[inline(always)]
    pub fn write_barrier<T: Object>(&mut self, object: Gc<T>) {
        // SAFETY: a `Gc` points to an object.
        if unsafe { object.header().as_ref() }.has(UNLOGGED) {
            // SAFETY: the same.
            unsafe { self.remember(object.header()) };
        }
    }

    /// As [`Heap::write_barrier`], if the reference was stored into a known slot. To be preferred for elements of
    /// arrays: of a very large object, the next collection then looks only at the part around the slot.
    #[inline(always)]
    pub fn write_barrier_slot<T: Object, S>(&mut self, object: Gc<T>, slot: &S) {
        // SAFETY: a `Gc` points to an object.
        if unsafe { object.header().as_ref() }.has(UNLOGGED) {
            // SAFETY: the same.
            unsafe { self.remember_slot(object.header(), std::ptr::from_ref(slot).cast()) };
        }
    }

    /// The second half of [`Heap::write_barrier_slot`], for compiled code: to be called on an object with
    /// [`Header::UNLOGGED`] and the address of one of its slots.
    ///
    /// # Safety
    /// `object` is an object of this heap.
    #[cold]
    #[inline(never)]
    pub unsafe fn remember_slot(&mut self, object: NonNull<Header>, slot: *const u8) {
        if !self.collector.mark_card(object, slot) {
            // SAFETY: the caller's promise.
            unsafe { self.remember(object) };
        }
    }

    /// The write barrier's second half, for compiled code: to be called on an object with [`Header::UNLOGGED`].
    ///
    /// # Safety
    /// `object` is an object of this heap.
    #[cold]
    #[inline(never)]
    pub unsafe fn remember(&mut self, object: NonNull<Header>) {
        // SAFETY: the caller's promise.
        unsafe { object.as_ref() }.clear(UNLOGGED);
        self.collector.remembered.push(object);
    }

    /// A number below 2^30 that stays with the object for its life, however often it moves.
    pub fn identity_hash<T: Object>(&mut self, object: Gc<T>) -> u32 {
        // SAFETY: a `Gc` points to an object.
        let header = unsafe { object.header().as_ref() };
        if !header.has(HASHED) {
            // Nursery addresses come again and again; the salt makes their hashes differ.
            header.begin_hash(self.collector.stats.collections);
        }
        // SAFETY: it is hashed now.
        unsafe { header.identity_hash() }
    }

    /// Collects the whole heap.
    ///
    /// # Safety
    /// As for [`Heap::alloc`].
    pub unsafe fn collect(&mut self, guest_stack: StackRange) {
        // Whoever asks wants memory back.
        self.nursery_bytes = self.config.nursery;
        // Without memory for copies there is nothing to be done, and the next allocation will tell.
        let _ = self.collect_full(guest_stack, Evacuation::IfFragmented);
    }

    /// Whether a word, if it is a reference, refers to an immortal object: then to store it needs no write barrier. Words that point to no memory of the heap are no references.
    pub fn is_lasting(&self, word: u64) -> bool {
        let space = &self.collector.space;
        space.block_of_word(word as usize).is_none_or(|block| space.kind(block) == kind::IMMORTAL)
    }

    /// Collects the nursery.
    ///
    /// # Safety
    /// As for [`Heap::alloc`].
    pub unsafe fn collect_nursery(&mut self, guest_stack: StackRange) {
        // As in `collect`.
        let _ = self.collect_young(guest_stack);
    }

    /// Counts since the heap was made.
    pub fn stats(&self) -> HeapStats {
        let mut stats = self.collector.stats;
        stats.allocated_bytes -= self.gap_end as u64 - self.cursor as u64;
        stats.heap_bytes = (self.collector.space.used() * BLOCK) as u64;
        stats
    }
}

/// When to collect.
impl Heap {
    /// The error for a request of `bytes` bytes that cannot be met.
    pub fn out_of_memory(&self, bytes: usize) -> OutOfMemory {
        OutOfMemory { requested: bytes, limit: self.config.limit }
    }

    fn limit_blocks(&self) -> usize {
        self.config.limit / BLOCK
    }

    /// Blocks that the limit leaves for new objects.
    fn room(&self) -> usize {
        self.limit_blocks().saturating_sub(self.collector.tenured_blocks())
    }

    /// Collects as much as it takes to allocate `bytes` bytes.
    fn make_room(&mut self, bytes: usize, guest_stack: StackRange) -> Result<(), OutOfMemory> {
        let needed = bytes.div_ceil(BLOCK) + (self.limit_blocks() / RESERVE_PART).max(1);
        let refused = self.out_of_memory(bytes);
        self.collect_young(guest_stack).ok_or(refused)?;
        if self.room() < needed {
            self.collect_full(guest_stack, Evacuation::AsMuchAsPossible).ok_or(refused)?;
        } else if self.collector.mature_bytes() >= self.full_threshold {
            self.collect_full(guest_stack, Evacuation::IfFragmented).ok_or(refused)?;
        }
        if self.room() < needed { Err(refused) } else { Ok(()) }
    }

    fn stress(&mut self, guest_stack: StackRange) {
        // If memory runs out, the allocation that follows will tell.
        let _ = if self.collector.stats.collections % STRESS_FULL == STRESS_FULL - 1 {
            self.collect_full(guest_stack, Evacuation::AsMuchAsPossible)
        } else {
            self.collect_young(guest_stack)
        };
    }

    /// `None` if there is no memory to copy survivors to.
    fn collect_young(&mut self, guest_stack: StackRange) -> Option<()> {
        let before = self.collector.stats.promoted_bytes;
        let pause = self.pause(guest_stack, |collector, stacks| {
            // SAFETY: whoever called the heap vouches for the guest stack; `pause` provides the rest.
            unsafe { collector.minor(stacks, Pinned::MayStayYoung) }
        })?;
        self.collector.stats.count_minor(pause);
        self.adapt_nursery(self.collector.stats.promoted_bytes - before);
        self.after_collection();
        Some(())
    }

    /// `None` if there is no memory to copy survivors to.
    fn collect_full(&mut self, guest_stack: StackRange, evacuation: Evacuation) -> Option<()> {
        let free = self.limit_blocks().saturating_sub(self.collector.space.used());
        let room = free + self.nursery_bytes / BLOCK;
        let pause = self.pause(guest_stack, |collector, stacks| {
            // SAFETY: as in `collect_young`.
            unsafe { collector.full(stacks, evacuation, room) }
        })?;
        self.collector.stats.count_full(pause);
        let mature = self.collector.mature_bytes();
        self.full_threshold = (mature * GROWTH_FACTOR).max(mature + GROWTH_BYTES);
        let tenured = self.collector.tenured_blocks();
        self.collector.stats.live_bytes = (tenured * BLOCK - self.collector.old.available_bytes()) as u64;
        self.after_collection();
        // What will be used before the next full collection is kept: to page memory in again costs more than to fill it.
        self.collector.space.discard_free((self.full_threshold - mature + self.nursery_bytes) / BLOCK);
        Some(())
    }

    /// Runs a part of a collection with all conservative roots. Returns the time it took, or `None` if there is no memory
    /// to copy survivors to.
    fn pause(&mut self, guest_stack: StackRange, work: impl FnOnce(&mut Collector, &[StackRange])) -> Option<Duration> {
        self.close_gap();
        self.reserve = NO_RESERVE;
        let begin = Instant::now();
        if !self.collector.can_collect() {
            return None;
        }
        self.collecting = true;
        let mut ranges = vec![guest_stack];
        self.collector.report_ambiguous_roots(&mut ranges);
        with_native_stack(|native_stack| {
            ranges.push(native_stack);
            work(&mut self.collector, &ranges);
        });
        self.collecting = false;
        Some(begin.elapsed())
    }

    fn after_collection(&mut self) {
        self.set_budget();
        let collector = &mut *self.collector;
        collector.nursery.trim(&mut collector.space);
        let bytes = (collector.space.used() * BLOCK) as u64;
        collector.stats.peak_heap_bytes = collector.stats.peak_heap_bytes.max(bytes);
        if self.config.verify && self.sampler.checks() {
            collector.verify();
        }
    }

    /// Changes the nursery's size if another would serve better; so many bytes of it have just survived.
    fn adapt_nursery(&mut self, survived: u64) {
        let new = self.collector.nursery.budget as u64;
        if survived * GROW_AT > new {
            self.nursery_bytes = (self.nursery_bytes * 2).min(self.config.nursery * MOST_GROWTH);
        } else if survived * SHRINK_AT < new {
            self.nursery_bytes = (self.nursery_bytes / 2).max(self.config.nursery);
        }
    }

    fn set_budget(&mut self) {
        let room = self.room();
        let holes = self.collector.old.available_bytes() / BLOCK;
        let blocks = room.min((room + holes) / 2).min(self.nursery_bytes / BLOCK).max(1);
        self.collector.nursery.budget = blocks * BLOCK;
    }

    /// Continues allocation in the next gap of at least `bytes` bytes; `false` if a collection is due.
    fn open_gap(&mut self, bytes: usize) -> bool {
        self.close_gap();
        let blocks = self.limit_blocks();
        let collector = &mut *self.collector;
        let gap = collector.nursery.next_gap(&mut collector.space, bytes, |space| space.used() < blocks);
        if let Some(gap) = gap {
            self.cursor = gap.start;
            self.limit = gap.end;
            self.gap_end = gap.end;
            collector.stats.allocated_bytes += (gap.end as usize - gap.start as usize) as u64;
        }
        gap.is_some()
    }

    /// Ends allocation in the present gap, so that its block can be walked.
    fn close_gap(&mut self) {
        let rest = self.gap_end as usize - self.cursor as usize;
        self.collector.stats.allocated_bytes -= rest as u64;
        // SAFETY: what lies between the cursor and the end of the gap is no object.
        unsafe { fill(self.cursor, rest) };
        self.cursor = std::ptr::null_mut();
        self.limit = std::ptr::null_mut();
        self.gap_end = std::ptr::null_mut();
    }
}

//! The blocks that the heap consists of, and what is known of each.
//!
//! # Terms
//! - A *block* is 32 KB; objects up to [`MAX_SMALL`] bytes lie within one. It is named by its index in the space.
//! - A *line* is a 128th of a block, the unit in which old blocks are reused.
//! - A *run* is a large object's contiguous blocks; the first is its *head*.
//! - Each block has two bit maps, one bit a word, whose roles the space exchanges as a whole:
//!   the *live map* has a bit at the start of each object that the last full collection found alive, or that was added
//!   since; the *mark map* is the one being made by a running collection.
//!
//! # Invariants
//! - In blocks of kind `OLD`, `CANDIDATE` and `LARGE_OLD`, and in no others between collections, the live map is the
//!   set of objects.
//! - Blocks of kind `NURSERY` and `IMMORTAL` can be *walked*: from their start to [`WALK_END`], objects and fillers
//!   follow each other without a gap.
//! - The mark map of a block of kind `NURSERY` is zero except while roots are being scanned, and during verification.
//!
//! # Why
//! Bit maps beside the blocks, rather than a mark bit in the header, answer three questions at once: whether an object is
//! marked (without touching it), which object an ambiguous pointer points into, and whether that object is still
//! one, or garbage on a line that is kept for a neighbour. (Shahriyar, Blackburn, McKinley: "Fast Conservative Garbage
//! Collection", 2014.) Blocks and lines are those of Immix (Blackburn, McKinley, 2008).

use std::ptr::NonNull;

use crate::header::Header;
use crate::mapping::Mapping;

pub(crate) const BLOCK: usize = 1 << BLOCK_SHIFT;
pub(crate) const BLOCK_SHIFT: u32 = 15;
pub(crate) const LINES: usize = 128;
pub(crate) const LINE: usize = BLOCK / LINES;
pub(crate) const MAP_WORDS: usize = BLOCK / 8 / 64;

/// Where the objects of a walkable block end. The rest keeps a pointer one past a block's last object from
/// pointing to the next block, and leaves room for the hash word of a block-filling object that is copied.
pub(crate) const WALK_END: usize = BLOCK - 16;
/// The largest object that lies within a block.
pub(crate) const MAX_SMALL: usize = WALK_END;

/// What a block is used for.
pub(crate) mod kind {
    /// Nothing.
    pub(crate) const FREE: u8 = 0;
    /// New objects.
    pub(crate) const NURSERY: u8 = 1;
    /// A large object that has not survived a collection.
    pub(crate) const LARGE_YOUNG: u8 = 2;
    /// Objects that have survived a collection.
    pub(crate) const OLD: u8 = 3;
    /// As `OLD`, being evacuated by the running collection.
    pub(crate) const CANDIDATE: u8 = 4;
    /// A large object that has survived a collection.
    pub(crate) const LARGE_OLD: u8 = 5;
    /// Immortal objects, small or large.
    pub(crate) const IMMORTAL: u8 = 6;
}

/// Blocks made usable at a time: 2 MB.
const GROWTH: usize = 64;

/// The most blocks we ever reserve: 8 TB.
const MAX_CAPACITY: usize = 1 << 28;

type Map = [u64; MAP_WORDS];

/// What is known of one block; all zero is a valid state.
#[repr(C)]
pub(crate) struct BlockMeta {
    maps: [Map; 2],
    /// Old blocks, as of the last full collection: not 0 for lines that hold a part of an object. Runs: not 0 for marked
    /// cards (see [`crate::cards`]).
    pub(crate) lines: [u8; LINES],
    /// Runs: the head.
    pub(crate) head: u32,
    /// Old blocks: lines that are not available for allocation.
    pub(crate) used_lines: u32,
    /// Heads: the object's size.
    pub(crate) large_bytes: usize,
    /// Nursery blocks: how many of the last collections have found a pinned object in it.
    pub(crate) pinned_times: u8,
    /// Nursery blocks, during a collection: an ambiguous pointer points here.
    pub(crate) pointed_to: bool,
    /// Runs: the block has marked cards.
    pub(crate) carded: bool,
    /// The block may have memory behind it.
    touched: bool,
}

/// The blocks.
pub(crate) struct Space {
    blocks: Mapping,
    metas: Mapping,
    kinds: Mapping,
    /// Blocks that are usable so far, and the most there can be.
    committed: usize,
    capacity: usize,
    /// One bit a committed block.
    free: Vec<u64>,
    free_count: usize,
    /// No word of `free` before this one has a bit.
    first_free: usize,
    live: usize,
}

impl Space {
    /// Reserves room for `capacity` blocks, or for as many as the system grants.
    pub(crate) fn new(capacity: usize) -> Space {
        let mut capacity = capacity.min(MAX_CAPACITY);
        while capacity >= GROWTH {
            if let Some(mappings) = Self::reserve(capacity) {
                return Self::of(mappings, capacity);
            }
            capacity /= 2;
        }
        Self::of([Mapping::empty(), Mapping::empty(), Mapping::empty()], 0)
    }

    fn reserve(capacity: usize) -> Option<[Mapping; 3]> {
        Some([
            Mapping::reserve(capacity * BLOCK)?,
            Mapping::reserve(capacity * size_of::<BlockMeta>())?,
            Mapping::reserve(capacity)?,
        ])
    }

    fn of([blocks, metas, kinds]: [Mapping; 3], capacity: usize) -> Space {
        Space { blocks, metas, kinds, committed: 0, capacity, free: Vec::new(), free_count: 0, first_free: 0, live: 0 }
    }

    #[inline(always)]
    pub(crate) fn base(&self) -> usize {
        self.blocks.base() as usize
    }

    /// The table of block kinds, at an address that stays.
    #[inline(always)]
    pub(crate) fn kinds(&self) -> *const u8 {
        self.kinds.base()
    }

    /// The block that an arbitrary word points into, if any.
    #[inline(always)]
    pub(crate) fn block_of_word(&self, word: usize) -> Option<usize> {
        let index = word.wrapping_sub(self.base()) >> BLOCK_SHIFT;
        (index < self.committed).then_some(index)
    }

    /// The block of an object.
    #[inline(always)]
    pub(crate) fn block_of(&self, object: NonNull<Header>) -> usize {
        (object.as_ptr() as usize - self.base()) >> BLOCK_SHIFT
    }

    #[inline(always)]
    pub(crate) fn start(&self, block: usize) -> *mut u8 {
        debug_assert!(block < self.committed);
        // SAFETY: the block lies within the reservation.
        unsafe { self.blocks.base().add(block << BLOCK_SHIFT) }
    }

    #[inline(always)]
    pub(crate) fn kind(&self, block: usize) -> u8 {
        debug_assert!(block < self.committed);
        // SAFETY: the table has an entry for every committed block.
        unsafe { self.kinds.base().add(block).read() }
    }

    pub(crate) fn set_kind(&mut self, block: usize, kind: u8) {
        debug_assert!(block < self.committed);
        // SAFETY: as in `kind`.
        unsafe { self.kinds.base().add(block).write(kind) }
    }

    #[inline(always)]
    pub(crate) fn meta(&self, block: usize) -> &BlockMeta {
        debug_assert!(block < self.committed);
        // SAFETY: the table has an entry for every committed block, and zero is a valid one; changes need `&mut self`.
        unsafe { &*self.metas.base().cast::<BlockMeta>().add(block) }
    }

    #[inline(always)]
    pub(crate) fn meta_mut(&mut self, block: usize) -> &mut BlockMeta {
        debug_assert!(block < self.committed);
        // SAFETY: as in `meta`.
        unsafe { &mut *self.metas.base().cast::<BlockMeta>().add(block) }
    }

    /// Blocks in use.
    pub(crate) fn used(&self) -> usize {
        self.committed - self.free_count
    }

    /// Makes sure that the next `count` calls of [`Space::acquire`] succeed.
    pub(crate) fn ensure_free(&mut self, count: usize) -> bool {
        while self.free_count < count {
            if !self.grow(count - self.free_count) {
                return false;
            }
        }
        true
    }

    fn grow(&mut self, at_least: usize) -> bool {
        let target = (self.committed + at_least.next_multiple_of(GROWTH)).min(self.capacity);
        let ok = target >= self.committed + at_least
            && self.kinds.commit(target)
            && self.metas.commit(target * size_of::<BlockMeta>())
            && self.blocks.commit(target * BLOCK);
        if ok {
            let old = std::mem::replace(&mut self.committed, target);
            self.free.resize(target.div_ceil(64), 0);
            self.set_free(old, target - old);
        }
        ok
    }

    fn set_free(&mut self, block: usize, count: usize) {
        for b in block..block + count {
            self.free[b / 64] |= 1 << (b % 64);
        }
        self.free_count += count;
        self.first_free = self.first_free.min(block / 64);
    }

    /// Takes a block; `None` if there is no more memory.
    pub(crate) fn acquire(&mut self, kind: u8) -> Option<usize> {
        if !self.ensure_free(1) {
            return None;
        }
        while self.free[self.first_free] == 0 {
            self.first_free += 1;
        }
        let block = self.first_free * 64 + self.free[self.first_free].trailing_zeros() as usize;
        self.take(block, 1, kind);
        Some(block)
    }

    /// Takes the contiguous blocks for an object of `bytes` bytes; `None` if there is no more memory.
    pub(crate) fn acquire_run(&mut self, bytes: usize, kind: u8) -> Option<usize> {
        let count = bytes.div_ceil(BLOCK);
        let head = match self.find_run(count) {
            Some(head) => head,
            None => {
                let head = self.committed - self.free_at_end();
                if !self.grow(count - (self.committed - head)) {
                    return None;
                }
                head
            }
        };
        self.take(head, count, kind);
        for block in head..head + count {
            self.meta_mut(block).head = head as u32;
        }
        self.meta_mut(head).large_bytes = bytes;
        Some(head)
    }

    /// The first `count` contiguous free blocks.
    fn find_run(&self, count: usize) -> Option<usize> {
        let (mut start, mut length) = (0, 0);
        for (i, &word) in self.free.iter().enumerate().skip(self.first_free) {
            if word == 0 {
                length = 0;
                continue;
            }
            for bit in 0..64 {
                if word >> bit & 1 == 0 {
                    length = 0;
                    continue;
                }
                if length == 0 {
                    start = i * 64 + bit;
                }
                length += 1;
                if length == count {
                    return Some(start);
                }
            }
        }
        None
    }

    fn free_at_end(&self) -> usize {
        (0..self.committed).rev().take_while(|&b| self.kind(b) == kind::FREE).count()
    }

    fn take(&mut self, block: usize, count: usize, kind: u8) {
        for b in block..block + count {
            debug_assert_eq!(self.kind(b), kind::FREE);
            self.free[b / 64] &= !(1 << (b % 64));
            self.set_kind(b, kind);
            let meta = self.meta_mut(b);
            *meta = BlockMeta {
                maps: [[0; MAP_WORDS]; 2],
                lines: [0; LINES],
                head: b as u32,
                used_lines: 0,
                large_bytes: 0,
                pinned_times: 0,
                pointed_to: false,
                carded: false,
                touched: true,
            };
        }
        self.free_count -= count;
    }

    /// Gives blocks back.
    pub(crate) fn release(&mut self, block: usize, count: usize) {
        for b in block..block + count {
            debug_assert_ne!(self.kind(b), kind::FREE);
            self.set_kind(b, kind::FREE);
        }
        poison(self.start(block), count * BLOCK);
        self.set_free(block, count);
    }

    /// Gives the memory of free blocks back to the system, except for `keep` blocks.
    pub(crate) fn discard_free(&mut self, keep: usize) {
        let mut kept = 0;
        let mut run = 0..0;
        for b in 0..self.committed {
            if self.kind(b) != kind::FREE || !self.meta(b).touched {
                continue;
            }
            if kept < keep {
                kept += 1;
                continue;
            }
            self.meta_mut(b).touched = false;
            if run.end != b {
                self.discard(run);
                run = b..b;
            }
            run.end = b + 1;
        }
        self.discard(run);
    }

    fn discard(&mut self, run: std::ops::Range<usize>) {
        if !run.is_empty() {
            self.blocks.discard(run.start << BLOCK_SHIFT, run.len() << BLOCK_SHIFT);
        }
    }

    /// Blocks of the run with this head.
    pub(crate) fn run_length(&self, head: usize) -> usize {
        self.meta(head).large_bytes.div_ceil(BLOCK)
    }

    /// Gives all blocks of a run another kind.
    pub(crate) fn set_run_kind(&mut self, head: usize, kind: u8) {
        for block in head..head + self.run_length(head) {
            self.set_kind(block, kind);
        }
    }

    /// Size in bytes of an object, wherever it is.
    pub(crate) fn size_of_object(&self, object: NonNull<Header>) -> usize {
        // SAFETY: `object` is an object, and each begins with its header.
        match unsafe { object.as_ref() }.small_size() {
            0 => self.meta(self.block_of(object)).large_bytes,
            size => size,
        }
    }

    #[inline(always)]
    fn bit_of(&self, object: NonNull<Header>) -> (usize, usize, u64) {
        let offset = object.as_ptr() as usize - self.base();
        (offset >> BLOCK_SHIFT, offset >> 9 & (MAP_WORDS - 1), 1 << (offset >> 3 & 63))
    }

    pub(crate) fn live_map(&mut self, block: usize) -> &mut Map {
        let live = self.live;
        &mut self.meta_mut(block).maps[live]
    }

    pub(crate) fn mark_map(&mut self, block: usize) -> &mut Map {
        let mark = self.live ^ 1;
        &mut self.meta_mut(block).maps[mark]
    }

    /// Adds an object to the live map.
    #[inline(always)]
    pub(crate) fn set_live(&mut self, object: NonNull<Header>) {
        let (block, word, bit) = self.bit_of(object);
        self.live_map(block)[word] |= bit;
    }

    /// Whether the live map has an object that starts here.
    pub(crate) fn is_live(&self, object: NonNull<Header>) -> bool {
        let (block, word, bit) = self.bit_of(object);
        self.meta(block).maps[self.live][word] & bit != 0
    }

    /// Marks an object; `false` if it was marked before.
    #[inline(always)]
    pub(crate) fn mark(&mut self, object: NonNull<Header>) -> bool {
        let (block, word, bit) = self.bit_of(object);
        let word = &mut self.mark_map(block)[word];
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    #[inline(always)]
    pub(crate) fn is_marked(&self, object: NonNull<Header>) -> bool {
        let (block, word, bit) = self.bit_of(object);
        self.meta(block).maps[self.live ^ 1][word] & bit != 0
    }

    /// Makes the mark map the live map.
    pub(crate) fn exchange_maps(&mut self) {
        self.live ^= 1;
    }

    /// Marks the lines of an object of `size` bytes in an old block.
    #[inline(always)]
    pub(crate) fn mark_lines(&mut self, object: NonNull<Header>, size: usize) {
        let offset = object.as_ptr() as usize - self.base();
        let first = (offset & (BLOCK - 1)) / LINE;
        let last = ((offset & (BLOCK - 1)) + size - 1) / LINE;
        let lines = &mut self.meta_mut(offset >> BLOCK_SHIFT).lines;
        lines[first] = 1;
        if last != first {
            lines[first + 1..=last].fill(1);
        }
    }

    /// The old object that an arbitrary word points to or into, if any.
    pub(crate) fn find_old(&self, word: usize) -> Option<NonNull<Header>> {
        let block = self.block_of_word(word)?;
        match self.kind(block) {
            kind::OLD | kind::CANDIDATE => {
                let start = self.start(block);
                let index = last_bit_at_or_before(&self.meta(block).maps[self.live], (word - start as usize) / 8)?;
                // SAFETY: the index is that of a word of the block.
                let object = NonNull::new(unsafe { start.add(index * 8) })?.cast::<Header>();
                // SAFETY: the live map says that an object starts here.
                let size = unsafe { object.as_ref() }.small_size();
                (word < object.as_ptr() as usize + size).then_some(object)
            }
            kind::LARGE_OLD => self.large_object(self.meta(block).head as usize, word),
            _ => None,
        }
    }

    /// The large object with this head, if `word` points to or into it.
    pub(crate) fn large_object(&self, head: usize, word: usize) -> Option<NonNull<Header>> {
        let object = NonNull::new(self.start(head))?.cast::<Header>();
        (word < object.as_ptr() as usize + self.meta(head).large_bytes).then_some(object)
    }

    /// What follows each other in a walkable block: objects and fillers, with their sizes.
    pub(crate) fn walk(&self, block: usize) -> impl Iterator<Item = (NonNull<Header>, usize)> + use<> {
        let start = self.start(block);
        let mut offset = 0;
        std::iter::from_fn(move || {
            if offset >= WALK_END {
                return None;
            }
            // SAFETY: the block can be walked, hence a header lies here.
            let header = unsafe { NonNull::new_unchecked(start.add(offset)) }.cast::<Header>();
            // SAFETY: the same.
            let size = unsafe { header.as_ref() }.walk_size();
            assert!(size != 0 && offset + size <= WALK_END, "a heap block is damaged at {header:p}");
            offset += size;
            Some((header, size))
        })
    }
}

/// The starts of objects that a map names, as word indices.
pub(crate) fn bits(map: &Map) -> impl Iterator<Item = usize> {
    map.iter().enumerate().flat_map(|(i, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let bit = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            Some(i * 64 + bit)
        })
    })
}

/// The first index at or behind `from` whose bit is set.
pub(crate) fn first_bit_from(map: &Map, from: usize) -> Option<usize> {
    let mut index = from / 64;
    let mut word = *map.get(index)? & (!0 << (from % 64));
    while word == 0 {
        index += 1;
        word = *map.get(index)?;
    }
    Some(index * 64 + word.trailing_zeros() as usize)
}

fn last_bit_at_or_before(map: &Map, from: usize) -> Option<usize> {
    let mut index = from / 64;
    let mut word = map[index] & (!0 >> (63 - from % 64));
    while word == 0 {
        index = index.checked_sub(1)?;
        word = map[index];
    }
    Some(index * 64 + 63 - word.leading_zeros() as usize)
}

/// In debug builds, fills freed memory with a pattern that is no valid address.
pub(crate) fn poison(start: *mut u8, bytes: usize) {
    if cfg!(debug_assertions) {
        // SAFETY: callers pass memory of the heap that holds no object.
        unsafe { start.write_bytes(0xf4, bytes) }
    }
}

/// Makes dead space of a range of a walkable block.
///
/// # Safety
/// The range lies in a block, is a multiple of 8 bytes, and holds no object.
pub(crate) unsafe fn fill(start: *mut u8, bytes: usize) {
    if bytes != 0 {
        poison(start, bytes);
        // SAFETY: the caller's promise.
        unsafe { start.cast::<u64>().write(Header::filler(bytes)) }
    }
}

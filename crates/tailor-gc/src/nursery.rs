//! Where new objects are: blocks whose gaps are filled by bumping a cursor.
//!
//! # Terms
//! - A *resident* is an object that stays in the nursery at a collection because an ambiguous pointer pins it.
//! - A *gap* is the dead space between residents; an empty block is one gap.
//!
//! # Invariants
//! - Nursery blocks can be walked (see [`crate::space`]), but for the gap that is being allocated in, which the heap closes
//!   with a filler before a collection. Hence finding the object behind an ambiguous pointer costs
//!   allocation nothing.
//!
//! # Why residents stay young
//! Most pins are short-lived: a native frame that holds what was allocated last. If a pinned block became old at once,
//! each collection would leave some nearly empty blocks behind, and the nursery would wander through memory instead of
//! staying in the cache. A block that is pinned twice in a row, or more than a quarter full with residents, does become
//! old. (In stress mode, where a collection comes with each object, only after many times: else a deep stack would
//! leave a block behind for every two objects.)

use crate::header::FILLER;
use crate::space::{BLOCK, Space, WALK_END, fill, kind, poison};

/// Memory to allocate new objects in.
#[derive(Clone, Copy)]
pub(crate) struct Gap {
    pub(crate) start: *mut u8,
    pub(crate) end: *mut u8,
}

/// The young generation.
pub(crate) struct Nursery {
    /// All blocks, in the order in which they are used.
    pub(crate) blocks: Vec<usize>,
    /// The blocks before this index have been used since the last collection.
    next: usize,
    /// The blocks before this index have residents.
    residential: usize,
    /// The part of the present block that has not been looked at.
    rest: Gap,
    /// A block that had residents after so many collections in a row becomes old at the next.
    pub(crate) tenure: u8,
    /// Bytes of new objects, small and large, that call for a collection.
    pub(crate) budget: usize,
    /// Heads of young large objects, and the bytes of their blocks.
    pub(crate) large: Vec<usize>,
    pub(crate) large_bytes: usize,
}

impl Nursery {
    pub(crate) fn new() -> Nursery {
        let rest = Gap { start: std::ptr::null_mut(), end: std::ptr::null_mut() };
        Nursery {
            blocks: Vec::new(),
            next: 0,
            residential: 0,
            rest,
            tenure: 1,
            budget: 0,
            large: Vec::new(),
            large_bytes: 0,
        }
    }

    /// Blocks that may hold objects.
    pub(crate) fn used_blocks(&self) -> usize {
        self.next.max(self.residential)
    }

    /// Whether there is no new object.
    pub(crate) fn is_unused(&self) -> bool {
        self.next == 0 && self.large.is_empty()
    }

    /// Whether another `bytes` bytes of blocks keep within the budget.
    pub(crate) fn affords(&self, bytes: usize) -> bool {
        self.next * BLOCK + self.large_bytes + bytes <= self.budget
    }

    /// The next gap of at least `bytes` bytes; `None` if a collection is due, or memory ends. With `may_grow`, the
    /// nursery takes blocks within its budget.
    pub(crate) fn next_gap(
        &mut self,
        space: &mut Space,
        bytes: usize,
        may_grow: impl Fn(&Space) -> bool,
    ) -> Option<Gap> {
        loop {
            if let Some(gap) = self.gap_in_present_block(bytes) {
                return Some(gap);
            }
            if !self.affords(BLOCK) {
                return None;
            }
            if self.next == self.blocks.len() {
                if !may_grow(space) {
                    return None;
                }
                let block = space.acquire(kind::NURSERY)?;
                empty(space, block);
                self.blocks.push(block);
            }
            let start = space.start(self.blocks[self.next]);
            self.rest = Gap { start, end: start.wrapping_add(WALK_END) };
            self.next += 1;
        }
    }

    fn gap_in_present_block(&mut self, bytes: usize) -> Option<Gap> {
        while self.rest.start < self.rest.end {
            let start = self.rest.start;
            // SAFETY: nursery blocks can be walked, and `rest` begins with an object or filler.
            let header = unsafe { &*start.cast::<crate::Header>() };
            let size = header.walk_size();
            self.rest.start = start.wrapping_add(size);
            if header.kind() == FILLER && size >= bytes {
                return Some(Gap { start, end: self.rest.start });
            }
        }
        None
    }

    /// Takes all blocks away: those with residents or new objects, and the others, which are one gap each.
    pub(crate) fn take_blocks(&mut self) -> (Vec<usize>, Vec<usize>) {
        let vacant = self.blocks.split_off(self.next.max(self.residential));
        (std::mem::take(&mut self.blocks), vacant)
    }

    /// Begins anew, after a collection, with blocks that have residents and blocks that are one gap each.
    pub(crate) fn restart(&mut self, mut residential: Vec<usize>, mut vacant: Vec<usize>) {
        self.residential = residential.len();
        residential.append(&mut vacant);
        self.blocks = residential;
        self.next = 0;
        self.rest.start = self.rest.end;
        self.large.clear();
        self.large_bytes = 0;
    }

    /// Gives up vacant blocks beyond the budget.
    pub(crate) fn trim(&mut self, space: &mut Space) {
        let keep = (self.budget / BLOCK).max(self.residential);
        for block in self.blocks.drain(keep.min(self.blocks.len())..) {
            space.release(block, 1);
        }
    }
}

/// Makes a nursery block one gap.
pub(crate) fn empty(space: &Space, block: usize) {
    let start = space.start(block);
    poison(start, BLOCK);
    // SAFETY: the block holds no object that is alive.
    unsafe { fill(start, WALK_END) }
}

//! Allocation in the old generation: survivors are copied into the free lines of old blocks.
//!
//! # Terms
//! - A *hole* is a sequence of free lines in an old block.
//! - *Available* bytes are those of holes that no survivor has been put into since the last full collection.
//!
//! # Invariants
//! - A hole is used from its start, and only once between full collections; what remains of it is lost until then.
//! - Objects longer than a line that do not fit the present hole go to a fresh block, so that they do not use up
//!   the holes (*overflow allocation*, as in Immix).
//! - The collector has made sure, before it begins, that fresh blocks do not run out.

use crate::space::{BLOCK, LINE, LINES, Space, kind, poison};

/// Free memory within one block.
struct Gap {
    cursor: *mut u8,
    limit: *mut u8,
}

impl Gap {
    const NONE: Gap = Gap { cursor: std::ptr::null_mut(), limit: std::ptr::null_mut() };

    fn of_block(space: &Space, block: usize, lines: std::ops::Range<usize>) -> Gap {
        let start = space.start(block);
        Gap { cursor: start.wrapping_add(lines.start * LINE), limit: start.wrapping_add(lines.end * LINE) }
    }

    #[inline(always)]
    fn take(&mut self, bytes: usize) -> Option<*mut u8> {
        if bytes > self.limit as usize - self.cursor as usize {
            return None;
        }
        let object = self.cursor;
        self.cursor = object.wrapping_add(bytes);
        Some(object)
    }
}

/// The old generation's blocks, and where in them to allocate.
pub(crate) struct Old {
    /// All blocks of kind `OLD` (during a full collection, `CANDIDATE` as well).
    pub(crate) blocks: Vec<usize>,
    /// Blocks with holes, not looked at since the last full collection.
    recyclable: Vec<usize>,
    /// The block whose holes are being used, and the line to look for the next from.
    recycling: Option<(usize, usize)>,
    hole: Gap,
    overflow: Gap,
    /// Lines of all blocks that are not available.
    used_lines: usize,
}

impl Old {
    pub(crate) fn new() -> Old {
        Old {
            blocks: Vec::new(),
            recyclable: Vec::new(),
            recycling: None,
            hole: Gap::NONE,
            overflow: Gap::NONE,
            used_lines: 0,
        }
    }

    /// Bytes in use, with what cannot be used before the next full collection.
    pub(crate) fn used_bytes(&self) -> usize {
        self.used_lines * LINE
    }

    /// Bytes that can be allocated without a fresh block.
    pub(crate) fn available_bytes(&self) -> usize {
        self.blocks.len() * BLOCK - self.used_bytes()
    }

    /// Memory for a survivor of `bytes` bytes, which lie within one block.
    #[inline(always)]
    pub(crate) fn allocate(&mut self, space: &mut Space, bytes: usize) -> *mut u8 {
        match self.hole.take(bytes) {
            Some(object) => object,
            None => self.allocate_slow(space, bytes),
        }
    }

    #[cold]
    #[inline(never)]
    fn allocate_slow(&mut self, space: &mut Space, bytes: usize) -> *mut u8 {
        if bytes > LINE {
            if let Some(object) = self.overflow.take(bytes) {
                return object;
            }
            self.overflow = self.fresh_block(space).expect("reserved before the collection");
            return self.overflow.take(bytes).expect("an object fits an empty block");
        }
        self.hole = self.next_hole(space).or_else(|| self.fresh_block(space)).expect("reserved before the collection");
        self.hole.take(bytes).expect("an object no longer than a line fits any hole")
    }

    /// As `allocate`, in fresh blocks only, and no more than `budget` of them; for evacuation.
    pub(crate) fn allocate_fresh(&mut self, space: &mut Space, bytes: usize, budget: &mut usize) -> Option<*mut u8> {
        if let Some(object) = self.overflow.take(bytes) {
            return Some(object);
        }
        *budget = budget.checked_sub(1)?;
        self.overflow = self.fresh_block(space)?;
        self.overflow.take(bytes)
    }

    fn fresh_block(&mut self, space: &mut Space) -> Option<Gap> {
        let block = space.acquire(kind::OLD)?;
        space.meta_mut(block).used_lines = LINES as u32;
        self.used_lines += LINES;
        self.blocks.push(block);
        Some(Gap::of_block(space, block, 0..LINES))
    }

    fn next_hole(&mut self, space: &mut Space) -> Option<Gap> {
        loop {
            let (block, from) = match self.recycling {
                Some(place) => place,
                None => (self.recyclable.pop()?, 0),
            };
            let meta = space.meta_mut(block);
            let Some(start) = (from..LINES).find(|&l| meta.lines[l] == 0) else {
                self.recycling = None;
                continue;
            };
            let end = (start..LINES).find(|&l| meta.lines[l] != 0).unwrap_or(LINES);
            meta.used_lines += (end - start) as u32;
            self.used_lines += end - start;
            self.recycling = Some((block, end));
            return Some(Gap::of_block(space, block, start..end));
        }
    }

    /// Takes over a block whose lines have been marked.
    pub(crate) fn adopt(&mut self, space: &mut Space, block: usize) {
        space.set_kind(block, kind::OLD);
        let meta = space.meta_mut(block);
        let used = meta.lines.iter().filter(|&&l| l != 0).count();
        meta.used_lines = used as u32;
        self.used_lines += used;
        self.blocks.push(block);
        if used < LINES {
            self.recyclable.push(block);
        }
    }

    /// In debug builds, makes the free lines of recyclable blocks unusable.
    pub(crate) fn poison_holes(&self, space: &Space) {
        if cfg!(debug_assertions) {
            for &block in &self.recyclable {
                for (line, _) in space.meta(block).lines.iter().enumerate().filter(|&(_, &used)| used == 0) {
                    poison(space.start(block).wrapping_add(line * LINE), LINE);
                }
            }
        }
    }

    /// Forgets all holes: a full collection begins.
    pub(crate) fn close_holes(&mut self) {
        self.recyclable.clear();
        self.recycling = None;
        self.hole = Gap::NONE;
        self.overflow = Gap::NONE;
    }

    /// Takes all blocks away, in order to sweep them; those that stay are to be adopted again.
    pub(crate) fn take_blocks(&mut self) -> Vec<usize> {
        self.close_holes();
        self.used_lines = 0;
        std::mem::take(&mut self.blocks)
    }
}

//! Collection of the whole heap.
//!
//! # Steps
//! 1. Collect the nursery; pinned objects become old, so that it is empty, and so is the remembered set.
//! 2. Choose the *candidates*: the emptiest old blocks, as far as there is room for what they hold.
//! 3. Mark from the stacks (what they point to is pinned), immortal objects, root sets and weak maps. A candidate's
//!    object is copied when it is first reached, unless it is pinned or room runs out.
//! 4. Clear weak references to what is not marked.
//! 5. Sweep: blocks without a marked line become free, those with some are recycled. Only the tables are looked at,
//!    not the objects.
//!
//! This is Immix (Blackburn, McKinley, 2008) with marks beside the objects.

use std::ptr::NonNull;

use crate::collector::Collector;
use crate::header::{Header, PINNED, copied_size, copy_object};
use crate::minor::Pinned;
use crate::roots::StackRange;
use crate::space::{LINES, MAP_WORDS, kind};
use crate::visitor::{Purpose, Visitor};

/// How much a full collection moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Evacuation {
    /// Blocks less than half full, if they make up a good part of the heap.
    IfFragmented,
    /// As many blocks as there is room for: memory is short, or the mutator is being tested.
    AsMuchAsPossible,
}

/// Evacuation pays if more than this part of the old blocks is free lines.
const FRAGMENTED_PERCENT: usize = 15;

impl Collector {
    /// Collects the whole heap. Evacuation takes no more than `room` blocks.
    ///
    /// # Safety
    /// As for [`Collector::minor`].
    pub(crate) unsafe fn full(&mut self, stacks: &[StackRange], evacuation: Evacuation, room: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.minor(stacks, Pinned::BecomeOld) };
        self.checked.forget();
        self.choose_candidates(evacuation, room);
        self.clear_marks();
        // SAFETY: the caller's promise.
        let pinned = unsafe { self.pin_old(stacks) };
        self.mark_everything();
        for object in pinned {
            // SAFETY: pinned objects are alive and have not moved.
            unsafe { object.as_ref() }.clear(PINNED);
        }
        self.sweep();
    }

    fn choose_candidates(&mut self, evacuation: Evacuation, room: usize) {
        let fragmented = self.old.available_bytes() * 100 > self.old.used_bytes() * FRAGMENTED_PERCENT;
        let most_lines = match evacuation {
            Evacuation::IfFragmented if fragmented => LINES / 2,
            Evacuation::IfFragmented => 0,
            Evacuation::AsMuchAsPossible => LINES,
        };
        self.evacuation_budget = room;
        let mut blocks = self.old.blocks.clone();
        blocks.sort_by_key(|&block| self.space.meta(block).used_lines);
        let mut lines = 0;
        for block in blocks {
            let used = self.space.meta(block).used_lines as usize;
            lines += used;
            if used > most_lines || lines > room * LINES {
                break;
            }
            self.space.set_kind(block, kind::CANDIDATE);
        }
    }

    fn clear_marks(&mut self) {
        self.old.close_holes();
        for i in 0..self.old.blocks.len() {
            let block = self.old.blocks[i];
            *self.space.mark_map(block) = [0; MAP_WORDS];
            self.space.meta_mut(block).lines = [0; LINES];
        }
        for &head in &self.large.heads {
            *self.space.mark_map(head) = [0; MAP_WORDS];
        }
    }

    /// Marks and pins the old objects that the ranges point to.
    unsafe fn pin_old(&mut self, stacks: &[StackRange]) -> Vec<NonNull<Header>> {
        let mut pinned = Vec::new();
        for stack in stacks {
            let pin = |word| {
                if let Some(object) = self.space.find_old(word)
                    && self.space.mark(object)
                {
                    // SAFETY: the live map says that this is an object.
                    unsafe { object.as_ref() }.set(PINNED);
                    self.gray.push(object);
                    pinned.push(object);
                }
            };
            // SAFETY: the caller's promise.
            unsafe { stack.for_each(pin) };
        }
        self.stats.pinned_objects += pinned.len() as u64;
        pinned
    }

    fn mark_everything(&mut self) {
        let (immortals, root_sets) = (self.immortal_objects(), self.live_root_sets());
        let maps = self.weak.live_maps();
        let mut visitor = Visitor::new(self, Purpose::Full);
        for object in immortals {
            visitor.trace(object);
        }
        for set in root_sets {
            set.trace(&mut visitor);
        }
        for map in &maps {
            map.visit_roots_of_full(&mut visitor);
        }
        visitor.drain_with(&maps);
        visitor.clear_weak_slots();
        for map in &maps {
            map.remove_dead(&visitor);
        }
    }

    /// Copies an object of a candidate; `None` if it must be marked where it is.
    pub(crate) fn evacuate(&mut self, object: NonNull<Header>) -> Option<NonNull<Header>> {
        // SAFETY: the visitor passes objects of candidates.
        let header = unsafe { object.as_ref() };
        let size = header.small_size();
        let to = self.old.allocate_fresh(&mut self.space, copied_size(header), &mut self.evacuation_budget)?;
        self.stats.evacuated_bytes += size as u64;
        // SAFETY: `to` is unused memory of the copy's size, in a fresh block.
        Some(unsafe { copy_object(object, size, to, 0) })
    }

    fn sweep(&mut self) {
        self.large.sweep(&mut self.space);
        self.space.exchange_maps();
        for block in self.old.take_blocks() {
            if self.space.meta(block).lines == [0; LINES] {
                self.space.release(block, 1);
            } else {
                self.old.adopt(&mut self.space, block);
            }
        }
        self.old.poison_holes(&self.space);
    }
}

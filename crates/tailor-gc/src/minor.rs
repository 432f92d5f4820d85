//! Collection of the nursery.
//!
//! # Steps
//! 1. Scan the stacks; what they point into is pinned and stays where it is.
//! 2. Reach everything young from the pinned objects, the remembered set, marked cards, root sets and weak maps; copy
//!    it into the old generation at once. (One survival is enough: an age in between costs a second copy of all that
//!    lives on, and the nursery is large against what is alive at any moment.)
//! 3. Clear weak references to what has not been reached.
//! 4. Make the nursery's blocks gaps again, except where pinned objects lie.

use std::ptr::NonNull;

use crate::collector::Collector;
use crate::header::{FILLER, Header, PINNED, UNLOGGED};
use crate::large::sweep_young;
use crate::nursery::empty;
use crate::roots::StackRange;
use crate::space::{BLOCK, MAP_WORDS, Space, WALK_END, bits, fill, first_bit_from, kind};
use crate::visitor::{Purpose, Visitor};

/// What becomes of pinned objects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pinned {
    /// They stay young if the nursery's rules say so.
    MayStayYoung,
    /// They become old; the nursery is empty afterwards.
    BecomeOld,
}

/// What becomes of a nursery block that ambiguous pointers point to.
#[derive(Clone, Copy)]
enum Fate {
    /// They pointed to dead space only.
    Emptied,
    StaysYoung,
    BecomesOld,
}

/// Residents of more bytes make their block old.
const MOST_RESIDENT_BYTES: usize = BLOCK / 4;

impl Collector {
    /// Whether there is room for everything in the nursery to survive.
    pub(crate) fn can_collect(&mut self) -> bool {
        // A nursery block's objects fit two old blocks: one for the small ones, one for an object that overflows.
        self.space.ensure_free(2 * self.nursery.used_blocks() + 2)
    }

    /// Collects the nursery.
    ///
    /// # Safety
    /// The ranges can be read and cover all ambiguous roots, nursery blocks can be walked, objects are initialised.
    pub(crate) unsafe fn minor(&mut self, stacks: &[StackRange], pinned: Pinned) {
        // SAFETY: the caller's promise.
        let hit = unsafe { self.note_ambiguous_pointers(stacks) };
        let pinned: Vec<_> = hit.into_iter().map(|block| (block, self.pin_objects(block, pinned))).collect();
        for &object in &self.remembered {
            // SAFETY: the remembered set holds old objects.
            unsafe { object.as_ref() }.set(UNLOGGED);
        }
        self.gray.append(&mut self.remembered);
        let (root_sets, maps) = (self.live_root_sets(), self.weak.live_maps());
        let mut visitor = Visitor::new(self, Purpose::Minor);
        for set in root_sets {
            set.trace(&mut visitor);
        }
        visitor.visit_cards();
        for map in &maps {
            map.visit_roots_of_minor(&mut visitor);
        }
        visitor.drain_with(&maps);
        visitor.clear_weak_slots();
        for map in &maps {
            map.remove_dead_young(&visitor);
        }
        self.sweep_nursery(&pinned);
    }

    /// Sets the mark bit of each nursery word that is pointed to, and reaches the large objects that are. Returns the
    /// nursery blocks with such bits.
    unsafe fn note_ambiguous_pointers(&mut self, stacks: &[StackRange]) -> Vec<usize> {
        let mut hit = Vec::new();
        for stack in stacks {
            let note = |word| {
                let Some(block) = self.space.block_of_word(word) else { return };
                match self.space.kind(block) {
                    kind::NURSERY => self.note_pointer_to_nursery(block, word, &mut hit),
                    kind::LARGE_YOUNG => self.pin_large(self.space.meta(block).head as usize, word),
                    _ => {}
                }
            };
            // SAFETY: the caller's promise.
            unsafe { stack.for_each(note) };
        }
        hit
    }

    fn note_pointer_to_nursery(&mut self, block: usize, word: usize, hit: &mut Vec<usize>) {
        let index = (word - self.space.start(block) as usize) / 8;
        self.space.mark_map(block)[index / 64] |= 1 << (index % 64);
        if !std::mem::replace(&mut self.space.meta_mut(block).pointed_to, true) {
            hit.push(block);
        }
    }

    fn pin_large(&mut self, head: usize, word: usize) {
        if let Some(object) = self.space.large_object(head, word) {
            self.promote_large(object);
            self.gray.push(object);
            self.stats.pinned_objects += 1;
        }
    }

    /// Pins the objects of a block that have an ambiguous pointer to or into them, replacing the pointers' bits in the mark
    /// map by the objects' bits in the live map.
    fn pin_objects(&mut self, block: usize, pinned: Pinned) -> Fate {
        let pointers = std::mem::replace(self.space.mark_map(block), [0; MAP_WORDS]);
        let (objects, bytes) = self.objects_pointed_to(block, &pointers);
        *self.space.live_map(block) = objects;
        let become_old = pinned == Pinned::BecomeOld
            || self.space.meta(block).pinned_times >= self.nursery.tenure
            || bytes > MOST_RESIDENT_BYTES;
        let flags = if become_old { PINNED | UNLOGGED } else { PINNED };
        for index in bits(&objects) {
            let object = self.object_at_word(block, index);
            // SAFETY: the walk found an object there.
            unsafe { object.as_ref() }.set(flags);
            self.gray.push(object);
            self.stats.pinned_objects += 1;
        }
        match (bytes, become_old) {
            (0, _) => Fate::Emptied,
            (_, true) => Fate::BecomesOld,
            (_, false) => Fate::StaysYoung,
        }
    }

    /// The objects of a block that one of the pointers points to or into, and their size in bytes.
    fn objects_pointed_to(&self, block: usize, pointers: &[u64; MAP_WORDS]) -> ([u64; MAP_WORDS], usize) {
        let start = self.space.start(block) as usize;
        let mut objects = [0; MAP_WORDS];
        let mut bytes = 0;
        let mut next = first_bit_from(pointers, 0);
        for (object, size) in self.space.walk(block) {
            let Some(pointer) = next else { break };
            let first = (object.as_ptr() as usize - start) / 8;
            let end = first + size / 8;
            if pointer >= end {
                continue;
            }
            next = first_bit_from(pointers, end);
            // SAFETY: walking a block yields headers.
            if unsafe { object.as_ref() }.kind() != FILLER {
                objects[first / 64] |= 1 << (first % 64);
                bytes += size;
            }
        }
        (objects, bytes)
    }

    pub(crate) fn object_at_word(&self, block: usize, index: usize) -> NonNull<Header> {
        NonNull::new(self.space.start(block).wrapping_add(index * 8).cast()).expect("blocks are not at address zero")
    }

    /// Frees what has neither been copied nor is pinned.
    fn sweep_nursery(&mut self, pinned: &[(usize, Fate)]) {
        sweep_young(&mut self.nursery, &mut self.space);
        let (used, mut vacant) = self.nursery.take_blocks();
        // Stale pointers point to vacant blocks, too.
        vacant.retain(|&block| !self.space.meta(block).pointed_to);
        for block in used {
            if !self.space.meta(block).pointed_to {
                self.empty_block(block, &mut vacant);
            }
        }
        let mut residential = Vec::new();
        for &(block, fate) in pinned {
            self.space.meta_mut(block).pointed_to = false;
            match fate {
                Fate::Emptied => self.empty_block(block, &mut vacant),
                Fate::StaysYoung => {
                    self.settle(block, |_, _| {});
                    *self.space.live_map(block) = [0; MAP_WORDS];
                    self.space.meta_mut(block).pinned_times += 1;
                    residential.push(block);
                }
                Fate::BecomesOld => {
                    self.settle(block, |space, object| {
                        // SAFETY: pinned objects are alive.
                        let size = unsafe { object.as_ref() }.small_size();
                        space.mark_lines(object, size);
                    });
                    self.old.adopt(&mut self.space, block);
                }
            }
        }
        self.nursery.restart(residential, vacant);
    }

    fn empty_block(&mut self, block: usize, vacant: &mut Vec<usize>) {
        self.space.meta_mut(block).pinned_times = 0;
        empty(&self.space, block);
        vacant.push(block);
    }

    /// Unpins the objects in the live map of a block, and makes gaps of what is between them.
    fn settle(&mut self, block: usize, mut each: impl FnMut(&mut Space, NonNull<Header>)) {
        let start = self.space.start(block);
        let objects = *self.space.live_map(block);
        let mut free = 0;
        for index in bits(&objects) {
            let object = self.object_at_word(block, index);
            // SAFETY: pinned objects are alive.
            let header = unsafe { object.as_ref() };
            header.clear(PINNED);
            each(&mut self.space, object);
            // SAFETY: there is no live object between the one before and this one.
            unsafe { fill(start.wrapping_add(free), index * 8 - free) };
            free = index * 8 + header.small_size();
        }
        // SAFETY: there is no live object behind the last one.
        unsafe { fill(start.wrapping_add(free), WALK_END - free) };
    }
}

//! Cards of very large objects: which parts of an old array may refer to young objects.
//!
//! # Terms
//! - An object has *cards* if it takes at least [`CARDED`] bytes, and its type can visit [parts](Part) of it. A card is
//!   a line of its blocks (see [`crate::space`]) and is *marked* if a slot on it may refer to a young object. Marks lie
//!   in the line table, which large objects have no other use for.
//!
//! # Invariants
//! - A store to an object with cards, announced by [`Heap::write_barrier_slot`](crate::Heap::write_barrier_slot), marks
//!   the slot's card and leaves the object `UNLOGGED`, so that the next store comes here as well. One announced by
//!   [`Heap::write_barrier`](crate::Heap::write_barrier), which does not tell the slot, remembers the object as a
//!   whole.
//! - The *carded* blocks, those with marked cards, are all in the collector's list, once.
//!
//! # Why
//! Remembering an object means to look at all of it in the next collection of the nursery. For a table of a million
//! entries that is changed here and there, these looks would be most of a program's time. Below the limit, on the other
//! hand, an object is looked at in a few microseconds, while each store to an object with cards takes the barrier's
//! slow path: some two nanoseconds, even if the object has been stored to before. The barrier that is compiled inline
//! stays one bit test.

use std::ops::Range;
use std::ptr::NonNull;

use crate::collector::Collector;
use crate::header::Header;
use crate::large::object_at;
use crate::space::{LINE, LINES, Space, kind};
use crate::visitor::Visitor;

/// Bytes from which an object has cards.
pub(crate) const CARDED: usize = 64 << 10;

/// A part of an object, of which the collector wants to know the slots; see
/// [`Object::trace_part`](crate::Object::trace_part).
#[derive(Clone, Debug)]
pub struct Part(Range<usize>);

impl Part {
    /// Those of the object's `slots` that may lie in this part.
    #[inline]
    pub fn of<'a, S>(&self, slots: &'a [S]) -> &'a [S] {
        let offset = |address: usize| address.saturating_sub(slots.as_ptr() as usize);
        let size = size_of::<S>().max(1);
        let end = offset(self.0.end).div_ceil(size).min(slots.len());
        &slots[(offset(self.0.start) / size).min(end)..end]
    }
}

/// The card, within its block, that a slot of a large object lies on.
fn card_of(space: &Space, slot: *const u8) -> usize {
    (slot as usize - space.base()) / LINE % LINES
}

impl Space {
    /// Whether a slot lies on a marked card.
    pub(crate) fn is_card_marked(&self, slot: *const u8) -> bool {
        // Other kinds of blocks have another use for the table, or a slot outside the heap belongs to a root set.
        self.block_of_word(slot as usize).is_some_and(|block| {
            matches!(self.kind(block), kind::LARGE_OLD | kind::IMMORTAL)
                && self.meta(block).lines[card_of(self, slot)] != 0
        })
    }

    /// Whether the large object with this head has a marked card.
    pub(crate) fn has_marked_cards(&self, head: usize) -> bool {
        (head..head + self.run_length(head)).any(|block| self.meta(block).carded)
    }
}

impl Collector {
    /// Marks the card of a slot; `false` if the object has no cards, or the slot is not one of it.
    pub(crate) fn mark_card(&mut self, object: NonNull<Header>, slot: *const u8) -> bool {
        // SAFETY: the caller passes an object.
        let header = unsafe { object.as_ref() };
        let head = self.space.block_of(object);
        let Some(block) = self.space.block_of_word(slot as usize) else { return false };
        let has_cards = header.small_size() == 0
            && self.space.meta(head).large_bytes >= CARDED
            && self.space.meta(block).head as usize == head
            && self.types[header.kind() as usize].has_parts;
        if has_cards {
            let card = card_of(&self.space, slot);
            let meta = self.space.meta_mut(block);
            meta.lines[card] = 1;
            if !std::mem::replace(&mut meta.carded, true) {
                self.carded.push(block);
            }
        }
        has_cards
    }
}

impl Visitor<'_> {
    /// Visits the slots on all marked cards. A card stays marked if one of them refers to an object that stays young.
    pub(crate) fn visit_cards(&mut self) {
        for block in std::mem::take(&mut self.heap.carded) {
            self.visit_cards_of(block);
            if self.heap.space.meta(block).carded {
                self.heap.carded.push(block);
            }
        }
    }

    fn visit_cards_of(&mut self, block: usize) {
        let space = &mut self.heap.space;
        let start = space.start(block) as usize;
        let object = object_at(space, space.meta(block).head as usize);
        space.meta_mut(block).carded = false;
        for card in 0..LINES {
            if self.heap.space.meta(block).lines[card] == 0 {
                continue;
            }
            let part = Part(start + card * LINE..start + (card + 1) * LINE);
            let stays = self.trace_part(object, part);
            let meta = self.heap.space.meta_mut(block);
            meta.lines[card] = u8::from(stays);
            meta.carded |= stays;
        }
    }
}

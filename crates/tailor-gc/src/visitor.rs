//! What objects report their slots to.
//!
//! # Terms
//! - To *reach* an object is to find a reference to it during a collection.
//! - An object is *gray* when it has been reached but its slots have not been visited; gray objects wait on an explicit
//!   stack, so that no structure of the mutator can exhaust the native one.
//!
//! # Why so
//! There is one visitor type for all purposes, so that an author writes one `trace` and it is compiled once. Purposes
//! differ in which kinds of blocks they care for; this is a bit mask, tested inline, and most slots end there: in a
//! nursery collection those that refer to old objects, in a full one those that refer to immortal ones. What is done
//! with the others is decided out of line.

use std::ptr::NonNull;

use crate::cards::Part;
use crate::collector::Collector;
use crate::header::{FORWARDED, Header, PINNED, UNLOGGED, WEAK_KEY, copied_size, copy_object};
use crate::object::{Slot, WeakSlot};
use crate::space::{BLOCK_SHIFT, kind};
use crate::verify::Verification;

/// What a visit is for.
pub(crate) enum Purpose<'a> {
    /// Promote what is reached and young.
    Minor,
    /// Mark what is reached and old; evacuate it if its block is a candidate.
    Full,
    /// Check what is reached.
    Verify(&'a mut Verification),
}

/// What [`Object::trace`](crate::Object::trace) reports its slots to.
pub struct Visitor<'a> {
    base: usize,
    kinds: *const u8,
    /// The block kinds that matter, as a bit set.
    mask: u32,
    /// A reference was visited to an object that is still young after this collection.
    saw_young: bool,
    purpose: Purpose<'a>,
    pub(crate) heap: &'a mut Collector,
}

impl<'a> Visitor<'a> {
    pub(crate) fn new(heap: &'a mut Collector, purpose: Purpose<'a>) -> Visitor<'a> {
        let mask = match purpose {
            Purpose::Minor => 1 << kind::NURSERY | 1 << kind::LARGE_YOUNG,
            Purpose::Full => 1 << kind::OLD | 1 << kind::CANDIDATE | 1 << kind::LARGE_OLD,
            Purpose::Verify(_) => !0,
        };
        Visitor { base: heap.space.base(), kinds: heap.space.kinds(), mask, saw_young: false, purpose, heap }
    }

    /// Reports one slot.
    #[inline(always)]
    pub fn visit<S: Slot + ?Sized>(&mut self, slot: &S) {
        if let Some(target) = slot.get()
            && self.matters(target)
        {
            let new = self.reach(std::ptr::from_ref(slot).cast(), target);
            if new != target {
                slot.set(new);
            }
        }
    }

    /// Reports one slot that does not keep its object alive. It is cleared when the object is found dead.
    #[inline]
    pub fn visit_weak<S: WeakSlot + 'static>(&mut self, slot: &S) {
        if let Some(target) = slot.get()
            && self.matters(target)
        {
            self.reach_weakly(slot, target);
        }
    }

    #[inline(always)]
    fn matters(&self, target: NonNull<Header>) -> bool {
        let block = (target.as_ptr() as usize).wrapping_sub(self.base) >> BLOCK_SHIFT;
        if let Purpose::Verify(_) = self.purpose {
            return true;
        }
        // SAFETY: references point to objects, all objects are in the space, and the table has an entry for each block.
        self.mask >> unsafe { self.kinds.add(block).read() } & 1 != 0
    }

    #[inline(never)]
    fn reach(&mut self, slot: *const u8, target: NonNull<Header>) -> NonNull<Header> {
        match &mut self.purpose {
            Purpose::Minor => self.reach_young(target),
            Purpose::Full => self.reach_old(target),
            Purpose::Verify(verification) => {
                verification.check_reference(self.heap, slot, target);
                target
            }
        }
    }

    #[cold]
    fn reach_weakly(&mut self, slot: &(dyn WeakSlot + 'static), target: NonNull<Header>) {
        match &mut self.purpose {
            Purpose::Verify(verification) => {
                verification.check_reference(self.heap, std::ptr::from_ref(slot).cast(), target)
            }
            Purpose::Minor | Purpose::Full => {
                // SAFETY: a young or old object is an object.
                let word = unsafe { target.as_ref() }.bits();
                self.saw_young |= word & (FORWARDED | PINNED | UNLOGGED) == PINNED;
                self.heap.weak.slots.push(NonNull::from(slot));
            }
        }
    }

    /// The target's new address. Precondition: it is young.
    fn reach_young(&mut self, target: NonNull<Header>) -> NonNull<Header> {
        // SAFETY: `target` is an object in the nursery or a young large one, or what such an object was before it was
        // copied.
        let header = unsafe { target.as_ref() };
        if let Some(new) = header.forwarding() {
            return new;
        }
        if header.has(PINNED) {
            self.saw_young |= !header.has(UNLOGGED);
            return target;
        }
        let new = match header.small_size() {
            0 => {
                self.heap.promote_large(target);
                target
            }
            size => {
                let to = self.heap.old.allocate(&mut self.heap.space, copied_size(header));
                // SAFETY: `to` is unused memory of the copy's size.
                let new = unsafe { copy_object(target, size, to, UNLOGGED) };
                self.heap.space.set_live(new);
                self.heap.stats.promoted_bytes += size as u64;
                new
            }
        };
        self.add_gray(new);
        new
    }

    /// The target's new address. Precondition: it is old.
    fn reach_old(&mut self, target: NonNull<Header>) -> NonNull<Header> {
        if self.heap.space.is_marked(target) {
            return target;
        }
        let new = if self.heap.space.kind(self.heap.space.block_of(target)) == kind::CANDIDATE {
            // SAFETY: `target` is an old object, or what such an object was before it was evacuated.
            match unsafe { target.as_ref() }.forwarding() {
                Some(new) => return new,
                None => self.heap.evacuate(target).unwrap_or(target),
            }
        } else {
            target
        };
        self.heap.space.mark(new);
        self.add_gray(new);
        new
    }

    /// Notes that a live object's slots must be visited.
    #[inline(always)]
    pub(crate) fn add_gray(&mut self, object: NonNull<Header>) {
        self.heap.gray.push(object);
    }

    /// Visits the slots of all gray objects, until none is left.
    pub(crate) fn drain(&mut self) {
        while let Some(object) = self.heap.gray.pop() {
            self.trace_gray(object);
        }
    }

    #[inline(always)]
    fn trace_gray(&mut self, object: NonNull<Header>) {
        // SAFETY: gray objects are alive, at their final address.
        let header = unsafe { object.as_ref() };
        if header.has(WEAK_KEY) {
            self.heap.weak.reached_keys.push(object);
        }
        match self.purpose {
            Purpose::Minor => {
                self.saw_young = false;
                self.trace(object);
                if self.saw_young && header.has(UNLOGGED) {
                    header.clear(UNLOGGED);
                    self.heap.remembered.push(object);
                }
            }
            _ => {
                let size = header.small_size();
                if size != 0 {
                    self.heap.space.mark_lines(object, size);
                }
                self.trace(object);
            }
        }
    }

    /// Visits the slots of an object.
    #[inline(always)]
    pub(crate) fn trace(&mut self, object: NonNull<Header>) {
        // SAFETY: as in `trace_gray`; a type's trace function is called on objects of its kind only.
        unsafe {
            let trace = self.heap.types[object.as_ref().kind() as usize].trace;
            trace(object, self)
        }
    }

    /// Visits the slots in a part of an object; returns whether one refers to an object that is still young after this
    /// collection.
    pub(crate) fn trace_part(&mut self, object: NonNull<Header>, part: Part) -> bool {
        self.saw_young = false;
        // SAFETY: as in `trace`.
        unsafe {
            let trace_part = self.heap.types[object.as_ref().kind() as usize].trace_part;
            trace_part(object, part, self);
        }
        self.saw_young
    }

    /// Where a weakly referenced object is now; `None` if it is dead. To be called when nothing is gray.
    pub(crate) fn survivor(&self, target: NonNull<Header>) -> Option<NonNull<Header>> {
        if !self.matters(target) {
            return Some(target);
        }
        // SAFETY: the object's memory has not been reused yet, hence its header or forwarding address is still there.
        let header = unsafe { target.as_ref() };
        if let Some(new) = header.forwarding() {
            return Some(new);
        }
        let alive = match self.purpose {
            Purpose::Minor => header.has(PINNED),
            Purpose::Full => self.heap.space.is_marked(target),
            Purpose::Verify(_) => true,
        };
        alive.then_some(target)
    }

    /// Whether this collection does not decide about the object: it is of a generation that is not being collected.
    pub(crate) fn survives_anyway(&self, target: NonNull<Header>) -> bool {
        !self.matters(target)
    }

    /// Whether the object, at its present address, will still be young after this collection.
    pub(crate) fn stays_young(&self, target: NonNull<Header>) -> bool {
        // SAFETY: callers pass survivors.
        self.matters(target) && unsafe { target.as_ref() }.bits() & (PINNED | UNLOGGED) == PINNED
    }
}

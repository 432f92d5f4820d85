//! A check of the whole heap, for tests and for finding faults of the mutator: a store without a barrier, an object
//! that was not initialised, a reference that was kept where the collector does not look.
//!
//! # What is checked
//! Of each object that lies in the heap after a collection: that its kind is registered; that its size is what its type
//! says; that each of its references points to the start of an object that is still there; and if it is old and a
//! reference is young, that it is in the remembered set, or the slot's card is marked.
//!
//! Each fault is a panic that names the object, since nothing that runs on such a heap can be trusted.
//!
//! # What need not be looked at again
//! Verification at every allocation would be quadratic in the heap if it looked at each object each time. But a
//! collection of the nursery neither moves nor frees old objects, and an old object that was right at the last check
//! refers to no young one unless it was remembered. So it is still right if it has not changed since; and that can be
//! seen without trusting any barrier, by comparing the objects of its block with a copy made at the last check
//! ([`Checked`]), at some ten words a nanosecond. Blocks that differ in a single word or object, remembered objects and
//! residents are looked at each time, everything after each full collection.

use std::ops::Range;
use std::ptr::NonNull;

use crate::collector::Collector;
use crate::header::{FILLER, FORWARDED, Header, MOVED_HASH, PINNED, UNLOGGED};
use crate::large::object_at;
use crate::space::{MAP_WORDS, Space, WALK_END, bits, kind};
use crate::visitor::{Purpose, Visitor};

/// The state of a check.
pub(crate) struct Verification {
    /// The object whose references are being checked; `None` for roots.
    holder: Option<NonNull<Header>>,
    holder_may_refer_to_young: bool,
}

/// What the last check found right: copies of blocks and of large objects, by (first) block.
#[derive(Default)]
pub(crate) struct Checked {
    copies: Vec<Copy>,
    /// Copies of an earlier epoch say nothing: objects have been moved or freed since.
    epoch: u64,
}

#[derive(Default)]
struct Copy {
    epoch: u64,
    /// The live map, by which objects that were not there are known.
    objects: Vec<u64>,
    /// Where in the block the objects lie, as ranges of bytes without a gap.
    runs: Vec<Range<usize>>,
    /// The content of the runs.
    words: Vec<u64>,
    /// Objects without `UNLOGGED`.
    logged: usize,
}

impl Checked {
    /// To be called when old objects have been moved or freed.
    pub(crate) fn forget(&mut self) {
        self.epoch += 1;
    }

    fn copy(&mut self, block: usize) -> &mut Copy {
        if self.copies.len() <= block {
            self.copies.resize_with(block + 1, Copy::default);
        }
        &mut self.copies[block]
    }

    /// The number of logged objects in an unchanged block or large object; `None` if it must be checked.
    fn logged_if_unchanged(&mut self, space: &mut Space, block: usize) -> Option<usize> {
        let epoch = self.epoch;
        let copy = self.copy(block);
        if copy.epoch != epoch || copy.objects != *space.live_map(block) {
            return None;
        }
        let mut words = copy.words.as_slice();
        let unchanged = copy.runs.iter().all(|run| {
            let (expected, rest) = words.split_at(run.len() / 8);
            words = rest;
            // SAFETY: the block, or the run that it is the head of, has the same size as when the copy was made.
            let present = unsafe { space.start(block).add(run.start) };
            // SAFETY: the same; the mutator does not run.
            unsafe { libc::memcmp(present.cast(), expected.as_ptr().cast(), run.len()) == 0 }
        });
        unchanged.then_some(copy.logged)
    }

    /// Makes a copy of `runs`, which begin at block `block`.
    fn remember(&mut self, space: &mut Space, block: usize, runs: Vec<Range<usize>>, logged: usize) {
        let (epoch, start) = (self.epoch, space.start(block));
        let copy = self.copy(block);
        (copy.epoch, copy.logged, copy.runs) = (epoch, logged, runs);
        copy.objects.clear();
        copy.objects.extend_from_slice(space.live_map(block));
        copy.words.clear();
        for run in &copy.runs {
            // SAFETY: runs lie in the block, or in the large object that begins there; the mutator does not run.
            copy.words.extend_from_slice(unsafe {
                std::slice::from_raw_parts(start.add(run.start).cast::<u64>(), run.len() / 8)
            });
        }
    }

    /// Makes sure that a large object is checked the next time, too.
    fn distrust(&mut self, head: usize) {
        self.copy(head).objects.clear();
    }
}

/// Adds the bytes of an object to runs.
fn extend(runs: &mut Vec<Range<usize>>, offset: usize, bytes: usize) {
    match runs.last_mut() {
        Some(last) if last.end == offset => last.end += bytes,
        _ => runs.push(offset..offset + bytes),
    }
}

impl Collector {
    /// Checks the heap.
    ///
    /// # Panics
    /// If something is wrong; see the module's header.
    pub(crate) fn verify(&mut self) {
        let mut verification = Verification { holder: None, holder_may_refer_to_young: true };
        // In the nursery's mark maps, which are ours until the next collection, residents can be looked up.
        let residents = self.residents();
        for &object in &residents {
            self.space.mark(object);
        }
        for set in self.live_root_sets() {
            set.trace(&mut Visitor::new(self, Purpose::Verify(&mut verification)));
        }
        for &object in &residents {
            self.check_object(object, &mut verification);
        }
        let logged = self.check_tenured(&mut verification);
        self.check_remembered_set(logged, &mut verification);
        for object in residents {
            let block = self.space.block_of(object);
            *self.space.mark_map(block) = [0; MAP_WORDS];
        }
    }

    /// Checks all old, large and immortal objects; returns how many are logged.
    fn check_tenured(&mut self, verification: &mut Verification) -> usize {
        let mut logged = 0;
        for i in 0..self.old.blocks.len() {
            logged += self.check_block(self.old.blocks[i], verification);
        }
        for i in 0..self.immortal.blocks.len() {
            logged += self.check_block(self.immortal.blocks[i], verification);
        }
        for i in 0..self.large.heads.len() {
            logged += self.check_large(self.large.heads[i], verification);
        }
        for i in 0..self.immortal.large.len() {
            logged += self.check_large(self.immortal.large[i], verification);
        }
        logged
    }

    fn check_block(&mut self, block: usize, verification: &mut Verification) -> usize {
        if let Some(logged) = self.checked.logged_if_unchanged(&mut self.space, block) {
            return logged;
        }
        let mut logged = 0;
        let mut runs = Vec::new();
        let mut check = |heap: &mut Collector, object: NonNull<Header>| {
            heap.check_object(object, verification);
            // SAFETY: both cases below yield objects.
            let header = unsafe { object.as_ref() };
            logged += usize::from(!header.has(UNLOGGED));
            header.small_size()
        };
        if self.space.kind(block) == kind::IMMORTAL {
            for (object, _) in self.space.walk(block) {
                // SAFETY: walking a block yields headers.
                if unsafe { object.as_ref() }.kind() != FILLER {
                    check(self, object);
                }
            }
            // With the dead space, in which new objects may appear.
            runs.push(0..WALK_END);
        } else {
            for index in bits(&self.space.live_map(block).clone()) {
                let size = check(self, self.object_at_word(block, index));
                extend(&mut runs, index * 8, size);
            }
        }
        self.checked.remember(&mut self.space, block, runs, logged);
        logged
    }

    fn check_large(&mut self, head: usize, verification: &mut Verification) -> usize {
        if let Some(logged) = self.checked.logged_if_unchanged(&mut self.space, head) {
            return logged;
        }
        let object = object_at(&self.space, head);
        self.check_object(object, verification);
        // SAFETY: a large object is an object.
        let logged = usize::from(!unsafe { object.as_ref() }.has(UNLOGGED));
        let mut runs = Vec::new();
        extend(&mut runs, 0, self.space.size_of_object(object));
        self.checked.remember(&mut self.space, head, runs, logged);
        if self.space.has_marked_cards(head) {
            // What it refers to may die although the object does not change.
            self.checked.distrust(head);
        }
        logged
    }

    /// An object's bit and its presence in the remembered set must tell the same. What remembered objects refer to may have
    /// died although they have not changed.
    fn check_remembered_set(&mut self, logged: usize, verification: &mut Verification) {
        for i in 0..self.remembered.len() {
            let object = self.remembered[i];
            // SAFETY: the remembered set holds objects.
            assert!(!unsafe { object.as_ref() }.has(UNLOGGED), "{} is remembered but unlogged", self.name(object));
            self.check_object(object, verification);
        }
        assert_eq!(logged, self.remembered.len(), "objects in the remembered set, by their bits and by its length");
    }

    fn check_object(&mut self, object: NonNull<Header>, verification: &mut Verification) {
        // SAFETY: the caller passes objects.
        let header = unsafe { object.as_ref() };
        assert!(!header.has(FORWARDED | PINNED), "{}: collector state left behind", self.name(object));
        // SAFETY: the object is of this kind.
        let expected = unsafe { (self.types[header.kind() as usize].size)(object) };
        let actual = self.space.size_of_object(object) - if header.has(MOVED_HASH) { 8 } else { 0 };
        // Compiled code allocates some objects together, and clears them until it has all.
        // SAFETY: an object of that size.
        if actual != expected && !unsafe { is_clear(object, actual) } {
            panic!("{}: size {actual}, but its type says {expected}", self.name(object));
        }
        verification.holder = Some(object);
        verification.holder_may_refer_to_young = !header.has(UNLOGGED);
        Visitor::new(self, Purpose::Verify(verification)).trace(object);
    }

    fn name(&self, object: NonNull<Header>) -> String {
        // SAFETY: callers pass what is, or was, an object.
        let header = unsafe { object.as_ref() };
        let kind = header.kind();
        format!("{} (kind {kind}, tag {:#x}) at {object:p}", self.types[kind as usize].name, header.tag())
    }
}

/// Whether all words of an object but its header are zero.
///
/// # Safety
/// It is an object of `bytes` bytes.
unsafe fn is_clear(object: NonNull<Header>, bytes: usize) -> bool {
    // SAFETY: the caller's promise.
    (1..bytes / 8).all(|word| unsafe { object.cast::<u64>().add(word).read() } == 0)
}

impl Verification {
    /// Checks one reference, which lies in `slot`.
    pub(crate) fn check_reference(&self, heap: &Collector, slot: *const u8, target: NonNull<Header>) {
        let holder = || self.holder.map_or("a root set".to_string(), |object| heap.name(object));
        let Some(block) = heap.space.block_of_word(target.as_ptr() as usize) else {
            panic!("{} refers to {target:p}, which is outside the heap", holder())
        };
        let valid = match heap.space.kind(block) {
            kind::OLD => heap.space.is_live(target),
            kind::LARGE_OLD => target == object_at(&heap.space, heap.space.meta(block).head as usize),
            // SAFETY: immortal blocks are committed memory; a header or any other word of an object may be read.
            kind::IMMORTAL => unsafe { target.as_ref() }.kind() != FILLER,
            kind::NURSERY => {
                assert!(
                    self.holder_may_refer_to_young || heap.space.is_card_marked(slot),
                    "{} is old, refers to what is or was a young object, and is not remembered",
                    holder()
                );
                heap.space.is_marked(target)
            }
            _ => false,
        };
        assert!(valid, "{} refers to {target:p}, where there is no object", holder());
    }
}

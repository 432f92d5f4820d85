//! A check of the whole heap, for tests and for finding faults of the mutator: a store without a barrier, an object
//! that was not initialised, a reference that was kept where the collector does not look.
//!
//! # What is checked
//! Of each object that lies in the heap after a collection: that its kind is registered; that its size is what its type
//! says; that each of its references points to the start of an object that is still there; and if it is old and a
//! reference is young, that it is in the remembered set.
//!
//! Each fault is a panic that names the object, since nothing that runs on such a heap can be trusted.

use std::ptr::NonNull;

use crate::collector::Collector;
use crate::header::{FILLER, FORWARDED, Header, MOVED_HASH, PINNED, UNLOGGED};
use crate::large::object_at;
use crate::space::{bits, kind};
use crate::visitor::{Purpose, Visitor};

/// The state of a check.
pub(crate) struct Verification {
    /// The objects in the nursery, sorted.
    residents: Vec<NonNull<Header>>,
    /// The object whose references are being checked; `None` for roots.
    holder: Option<NonNull<Header>>,
    holder_may_refer_to_young: bool,
}

impl Collector {
    /// Checks the heap.
    ///
    /// # Panics
    /// If something is wrong; see the module's header.
    pub(crate) fn verify(&mut self) {
        let mut residents = self.residents();
        residents.sort_unstable();
        let objects = self.old_and_immortal_objects();
        self.check_remembered_set(&objects);
        let root_sets = self.live_root_sets();
        let mut verification = Verification { residents, holder: None, holder_may_refer_to_young: true };
        for set in root_sets {
            set.trace(&mut Visitor::new(self, Purpose::Verify(&mut verification)));
        }
        for object in verification.residents.clone() {
            self.check_object(object, &mut verification);
        }
        for object in objects {
            self.check_object(object, &mut verification);
        }
    }

    fn old_and_immortal_objects(&mut self) -> Vec<NonNull<Header>> {
        let mut objects = self.immortal_objects();
        objects.extend(self.large.heads.iter().map(|&head| object_at(&self.space, head)));
        for i in 0..self.old.blocks.len() {
            let block = self.old.blocks[i];
            let start = self.space.start(block);
            let live = *self.space.live_map(block);
            objects.extend(bits(&live).filter_map(|index| NonNull::new(start.wrapping_add(index * 8).cast())));
        }
        objects
    }

    /// An object's bit and its presence in the remembered set must tell the same.
    fn check_remembered_set(&self, objects: &[NonNull<Header>]) {
        for &object in &self.remembered {
            // SAFETY: the remembered set holds objects.
            assert!(!unsafe { object.as_ref() }.has(UNLOGGED), "{} is remembered but unlogged", self.name(object));
        }
        // SAFETY: these are objects.
        let logged = objects.iter().filter(|object| !unsafe { object.as_ref() }.has(UNLOGGED)).count();
        assert_eq!(logged, self.remembered.len(), "objects in the remembered set, by their bits and by its length");
    }

    fn check_object(&mut self, object: NonNull<Header>, verification: &mut Verification) {
        // SAFETY: the caller passes objects.
        let header = unsafe { object.as_ref() };
        assert!(!header.has(FORWARDED | PINNED), "{}: collector state left behind", self.name(object));
        // SAFETY: the object is of this kind.
        let expected = unsafe { (self.types[header.kind() as usize].size)(object) };
        let actual = self.space.size_of_object(object) - if header.has(MOVED_HASH) { 8 } else { 0 };
        assert_eq!(actual, expected, "{}: size, against what its type says", self.name(object));
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

impl Verification {
    /// Checks one reference.
    pub(crate) fn check_reference(&mut self, heap: &Collector, target: NonNull<Header>) {
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
                    self.holder_may_refer_to_young,
                    "{} is old, refers to a young object, and is not remembered",
                    holder()
                );
                self.residents.binary_search(&target).is_ok()
            }
            _ => false,
        };
        assert!(valid, "{} refers to {target:p}, where there is no object", holder());
    }
}

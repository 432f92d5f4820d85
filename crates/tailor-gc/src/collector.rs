//! The state that all parts of the collector work on, and what they have in common.

use std::ptr::NonNull;
use std::rc::{Rc, Weak};

use crate::header::{Header, UNLOGGED};
use crate::large::Large;
use crate::nursery::Nursery;
use crate::object::Type;
use crate::old::Old;
use crate::roots::{AmbiguousRoots, RootSet, StackRange};
use crate::space::{BLOCK, Space, WALK_END, fill, kind};
use crate::stats::HeapStats;
use crate::verify::Checked;
use crate::weak::WeakState;

/// The heap without its mutator's part.
pub(crate) struct Collector {
    pub(crate) space: Space,
    pub(crate) nursery: Nursery,
    pub(crate) old: Old,
    pub(crate) large: Large,
    pub(crate) immortal: Immortal,
    /// By kind number.
    pub(crate) types: Vec<Type>,
    /// Old objects that may refer to young ones: those whose `UNLOGGED` bit is not set.
    pub(crate) remembered: Vec<NonNull<Header>>,
    /// Blocks of old objects with marked cards.
    pub(crate) carded: Vec<usize>,
    pub(crate) gray: Vec<NonNull<Header>>,
    pub(crate) weak: WeakState,
    root_sets: Vec<Weak<dyn RootSet>>,
    ambiguous_roots: Vec<Weak<dyn AmbiguousRoots>>,
    /// Blocks that evacuation may still take.
    pub(crate) evacuation_budget: usize,
    pub(crate) checked: Checked,
    pub(crate) stats: HeapStats,
}

/// Immortal objects: small ones in blocks that can be walked, large ones in runs.
pub(crate) struct Immortal {
    pub(crate) blocks: Vec<usize>,
    pub(crate) large: Vec<usize>,
    /// Bytes of the last block that are in use.
    used: usize,
}

impl Collector {
    pub(crate) fn new(space: Space) -> Collector {
        Collector {
            space,
            nursery: Nursery::new(),
            old: Old::new(),
            large: Large::default(),
            immortal: Immortal { blocks: Vec::new(), large: Vec::new(), used: WALK_END },
            types: vec![Type::UNKNOWN; 256],
            remembered: Vec::new(),
            carded: Vec::new(),
            gray: Vec::new(),
            weak: WeakState::default(),
            root_sets: Vec::new(),
            ambiguous_roots: Vec::new(),
            evacuation_budget: 0,
            checked: Checked::default(),
            stats: HeapStats::default(),
        }
    }

    pub(crate) fn add_root_set(&mut self, set: Weak<dyn RootSet>) {
        self.root_sets.push(set);
    }

    /// The root sets that still exist.
    pub(crate) fn live_root_sets(&mut self) -> Vec<Rc<dyn RootSet>> {
        self.root_sets.retain(|set| set.strong_count() != 0);
        self.root_sets.iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn add_ambiguous_roots(&mut self, set: Weak<dyn AmbiguousRoots>) {
        self.ambiguous_roots.push(set);
    }

    /// Adds the ranges of the ambiguous roots that still exist to `ranges`.
    pub(crate) fn report_ambiguous_roots(&mut self, ranges: &mut Vec<StackRange>) {
        self.ambiguous_roots.retain(|set| set.strong_count() != 0);
        for set in self.ambiguous_roots.iter().filter_map(Weak::upgrade) {
            set.report(&mut |range| ranges.push(range));
        }
    }

    /// Takes a young large object into the old generation, where it is.
    pub(crate) fn promote_large(&mut self, object: NonNull<Header>) {
        let head = self.space.block_of(object);
        self.space.set_run_kind(head, kind::LARGE_OLD);
        self.space.set_live(object);
        self.large.add(&self.space, head);
        // SAFETY: a young large object is an object.
        unsafe { object.as_ref() }.set(UNLOGGED);
    }

    /// Room for a small immortal object; `may_grow` says whether another block may be taken.
    pub(crate) fn allocate_immortal(&mut self, bytes: usize, may_grow: impl Fn(&Space) -> bool) -> Option<*mut u8> {
        if self.immortal.used + bytes > WALK_END {
            let block = if may_grow(&self.space) { self.space.acquire(kind::IMMORTAL) } else { None }?;
            self.immortal.blocks.push(block);
            self.immortal.used = 0;
        }
        let start = self.space.start(*self.immortal.blocks.last()?);
        let object = start.wrapping_add(self.immortal.used);
        self.immortal.used += bytes;
        // SAFETY: nothing has been allocated behind `used`. This keeps the block walkable.
        unsafe { fill(start.wrapping_add(self.immortal.used), WALK_END - self.immortal.used) };
        Some(object)
    }

    /// All immortal objects.
    pub(crate) fn immortal_objects(&self) -> Vec<NonNull<Header>> {
        let small = self.immortal.blocks.iter().flat_map(|&b| self.space.walk(b)).filter_map(|(object, _)| {
            // SAFETY: walking a block yields headers.
            (unsafe { object.as_ref() }.kind() != crate::header::FILLER).then_some(object)
        });
        let large = self.immortal.large.iter().filter_map(|&head| NonNull::new(self.space.start(head).cast()));
        small.chain(large).collect()
    }

    /// Bytes that full collections are there to reduce: old and large objects.
    pub(crate) fn mature_bytes(&self) -> usize {
        self.old.used_bytes() + self.large.blocks * BLOCK
    }

    /// Blocks in use outside the nursery.
    pub(crate) fn tenured_blocks(&self) -> usize {
        self.space.used() - self.nursery.blocks.len() - self.nursery.large_bytes / BLOCK
    }

    /// Objects in the nursery, after a collection: the residents.
    pub(crate) fn residents(&self) -> Vec<NonNull<Header>> {
        let used = &self.nursery.blocks[..self.nursery.used_blocks()];
        let all = used.iter().flat_map(|&b| self.space.walk(b));
        // SAFETY: walking a block yields headers.
        all.map(|(object, _)| object).filter(|o| unsafe { o.as_ref() }.kind() != crate::header::FILLER).collect()
    }
}

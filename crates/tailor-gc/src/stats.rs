//! What the heap counts.

use std::time::Duration;

/// Counts since the heap was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeapStats {
    /// Collections, of any kind; a full collection includes, and counts as, one of the nursery.
    pub collections: u64,
    /// Full collections.
    pub full_collections: u64,
    /// Time spent in collections, in nanoseconds.
    pub pause_ns: u64,
    /// The longest pause for a collection of the nursery alone, in nanoseconds.
    pub max_minor_pause_ns: u64,
    /// The longest pause for a full collection, in nanoseconds.
    pub max_full_pause_ns: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
    /// Bytes that survived the nursery, and were copied for it.
    pub promoted_bytes: u64,
    /// Bytes that full collections copied to make whole blocks free.
    pub evacuated_bytes: u64,
    /// Objects that an ambiguous pointer kept in place, summed over collections.
    pub pinned_objects: u64,
    /// Bytes that the last full collection left: old, large and immortal objects, in whole lines and blocks.
    pub live_bytes: u64,
    /// Bytes of the blocks in use at the moment.
    pub heap_bytes: u64,
    /// The most bytes of blocks that were in use at the end of a collection.
    pub peak_heap_bytes: u64,
}

impl HeapStats {
    pub(crate) fn count_minor(&mut self, pause: Duration) {
        self.collections += 1;
        let ns = pause.as_nanos() as u64;
        self.pause_ns += ns;
        self.max_minor_pause_ns = self.max_minor_pause_ns.max(ns);
    }

    pub(crate) fn count_full(&mut self, pause: Duration) {
        self.collections += 1;
        self.full_collections += 1;
        let ns = pause.as_nanos() as u64;
        self.pause_ns += ns;
        self.max_full_pause_ns = self.max_full_pause_ns.max(ns);
    }
}

//! Counters: what is hot.
//!
//! One table of counters, indexed by a hash of the location: counting must cost the interpreter next to nothing, so locations share counters where hashes meet (as in LuaJIT). A counter
//! that runs out asks the driver; that it asks too early now and then, for a location that shares its counter, does no harm.
//!
//! A hash belongs to two counters, of back edges and of calls. A hash that belongs to a location with compiled code is *pinned*: its counters ask each time.
//!
//! # Why so
//! Only while there is a driver is anything counted: portals have a second native reading, without counts, for the rest (see `tailor-macros`' `entering`).
//!
//! A tick is four instructions of the interpreter's loop: the table's address, the hash, `inc` and `js`; at a back edge there is a sum in front of them.
//! - *Why is the hash an offset in bytes?* A machine word's low sixteen bits are had by one instruction, with no shift and no mask. Since what is hashed are multiples of eight (but for
//!   addresses that are not), these are aligned. If they are not, two counters overlap, which does no more harm than to share one.
//! - *Why do counters go up, until they are negative?* What is added is a constant, so that the machine's increment does it, with its flags; and a counter of zero will ask only after 2^31
//!   ticks: it never should.
//! - *Why two counters?* What is hot differs for back edges and calls. With one counter, either would take away its own share, which would have to be loaded.
//! - *Why behind a pointer, which is to be loaded?* Machines are moved while they are made, and those that never compile would move a table of 64 KB: half of the instructions that a start
//!   without compiling had more than one of a build that cannot compile.

use std::cell::{Cell, OnceCell, UnsafeCell};

use tailor_jitcode::handle::HASHES;

use super::parameters::scattered;

/// After how many ticks, at least, a counter asks again that has asked when there was no time for compiling: asking takes as long as some iterations.
const AWHILE: u64 = 500;

/// The size of the two counters of a hash, in bytes.
const PAIR: usize = 8;

/// What a counter is for.
#[derive(Clone, Copy)]
enum Kind {
    BackEdge,
    Call,
}

/// What is known by hash.
struct Table {
    /// Pairs of `i32`, back edges first, at the hash's number of bytes; one more for what is not aligned.
    cells: UnsafeCell<[[i32; 2]; HASHES / PAIR + 1]>,
    /// One bit a pair.
    pinned: [Cell<u64>; HASHES / PAIR / 64],
}

/// See the module.
pub struct Counters {
    /// Made at the first start.
    table: OnceCell<Box<Table>>,
    /// After how many ticks a counter asks, by kind; 0 is never.
    thresholds: [Cell<u32>; 2],
    /// See [`Parameters::seed`](super::Parameters::seed).
    seed: Cell<u64>,
    /// What asked last.
    asked: Cell<Kind>,
}

impl Counters {
    /// Counters that have not been started.
    pub fn new() -> Counters {
        Counters {
            table: OnceCell::new(),
            thresholds: [const { Cell::new(0) }; 2],
            seed: Cell::new(0),
            asked: Cell::new(Kind::BackEdge),
        }
    }

    /// From now on, ask at the given numbers of back edges and of calls; 0 is never. With a seed other than 0, each counter asks at a number of its own, from 1 to these.
    pub fn start(&self, threshold: u32, function_threshold: u32, seed: u64) {
        self.thresholds[Kind::BackEdge as usize].set(threshold);
        self.thresholds[Kind::Call as usize].set(function_threshold);
        self.seed.set(seed);
        let fresh = [Kind::BackEdge, Kind::Call].map(|kind| self.fresh(0, kind, 1));
        // SAFETY: nothing refers to the cells, and they are of one thread.
        unsafe { *self.table().cells.get() = [fresh; HASHES / PAIR + 1] };
        if seed != 0 {
            (0..HASHES as u64).step_by(PAIR).for_each(|hash| self.rest(hash, 1));
        }
    }

    /// From now on, never ask.
    pub fn stop(&self) {
        if let Some(table) = self.table.get() {
            table.pinned.iter().for_each(|word| word.set(0));
            self.start(0, 0, 0);
        }
    }

    fn table(&self) -> &Table {
        // SAFETY: zeros are integers. The table is too large for the stack.
        self.table.get_or_init(|| unsafe { Box::new_zeroed().assume_init() })
    }

    /// Counts a back edge; whether to ask.
    ///
    /// # Safety
    /// The counters have been started.
    #[inline(always)]
    pub unsafe fn tick_loop(&self, hash: u64) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.tick(hash, Kind::BackEdge) }
    }

    /// Counts a call; whether to ask.
    ///
    /// # Safety
    /// The counters have been started.
    #[inline(always)]
    pub unsafe fn tick_call(&self, hash: u64) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.tick(hash, Kind::Call) }
    }

    #[inline(always)]
    unsafe fn tick(&self, hash: u64, kind: Kind) -> bool {
        // SAFETY: the caller's promise: there is a table. For the rest see `cell`.
        let count = unsafe {
            let cell = self.table.get().unwrap_unchecked().cell(hash, kind);
            let count = cell.read_unaligned().wrapping_add(1);
            cell.write_unaligned(count);
            count
        };
        let asks = count < 0;
        if asks {
            self.asked.set(kind);
        }
        asks
    }

    /// Whether it was a call that asked last, not a back edge.
    pub fn called(&self) -> bool {
        matches!(self.asked.get(), Kind::Call)
    }

    /// Whether what asked last should never have: 2^31 ticks are over.
    pub fn asked_in_vain(&self) -> bool {
        self.thresholds[self.asked.get() as usize].get() == 0
    }

    /// Starts the counters of a hash anew, to take `patience` times as long as at first, unless it is pinned.
    pub fn rest(&self, hash: u64, patience: u32) {
        if self.is_pinned(hash) {
            self.pin(hash);
        } else {
            self.set(hash, |kind| self.fresh(hash, kind, patience));
        }
    }

    /// Starts the counters of a hash anew, unless it is pinned: there was no time for what they asked for.
    pub fn wait(&self, hash: u64) {
        if self.is_pinned(hash) {
            self.pin(hash);
        } else {
            self.set(hash, |kind| match self.ticks(hash, kind, 1) {
                0 => 0,
                ticks => asking_after(ticks.max(AWHILE)),
            });
        }
    }

    /// Lets the counters of a hash ask each time from now on.
    pub fn pin(&self, hash: u64) {
        let (word, bit) = self.table().bit(hash);
        word.set(word.get() | bit);
        self.set(hash, |kind| if self.thresholds[kind as usize].get() == 0 { 0 } else { i32::MIN });
    }

    /// Lets counters that ask each time ask later, once: after `1 << doublings` times the threshold, up to 10 doublings.
    pub fn doze(&self, hash: u64, doublings: u32) {
        self.set(hash, |kind| self.fresh(hash, kind, 1 << doublings.min(10)));
    }

    /// Whether the counters of a hash ask each time.
    pub fn is_pinned(&self, hash: u64) -> bool {
        let (word, bit) = self.table().bit(hash);
        word.get() & bit != 0
    }

    fn set(&self, hash: u64, what: impl Fn(Kind) -> i32) {
        for kind in [Kind::BackEdge, Kind::Call] {
            // SAFETY: see `cell`.
            unsafe { self.table().cell(hash, kind).write_unaligned(what(kind)) };
        }
    }

    /// What a counter holds so that it asks after `patience` times the threshold; 0 if it should never ask.
    fn fresh(&self, hash: u64, kind: Kind, patience: u32) -> i32 {
        asking_after(self.ticks(hash, kind, patience))
    }

    /// `patience` times the threshold; 0 is never.
    fn ticks(&self, hash: u64, kind: Kind, patience: u32) -> u64 {
        let threshold = match (u64::from(self.thresholds[kind as usize].get()), self.seed.get()) {
            (threshold, 0) | (threshold @ 0, _) => threshold,
            (most, seed) => 1 + scattered(seed, hash % HASHES as u64 * 2 + kind as u64) % most,
        };
        threshold * u64::from(patience)
    }
}

/// What a counter holds so that it asks after so many ticks, but 2^31 at most; these, too, if it should never ask, which is 0.
fn asking_after(ticks: u64) -> i32 {
    let end = 1_u64 << 31;
    match ticks {
        0 => 0,
        ticks => (end - ticks.min(end)) as i32,
    }
}

impl Table {
    /// A counter. It lies in the table, may not be aligned, and nothing refers to it, here or in another thread.
    #[inline(always)]
    fn cell(&self, hash: u64, kind: Kind) -> *mut i32 {
        let at = hash as usize % HASHES + kind as usize * size_of::<i32>();
        self.cells.get().cast::<u8>().wrapping_add(at).cast()
    }

    fn bit(&self, hash: u64) -> (&Cell<u64>, u64) {
        let at = hash as usize % HASHES / PAIR;
        (&self.pinned[at / 64], 1 << (at % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::{AWHILE, HASHES, Kind};

    /// Counters that have been started.
    struct Counters(super::Counters);

    impl Counters {
        /// They never ask.
        fn off() -> Counters {
            Counters::start(0, 0, 0)
        }

        fn start(threshold: u32, function_threshold: u32, seed: u64) -> Counters {
            let counters = super::Counters::new();
            counters.start(threshold, function_threshold, seed);
            Counters(counters)
        }

        fn tick_loop(&self, hash: u64) -> bool {
            // SAFETY: they have been started.
            unsafe { self.0.tick_loop(hash) }
        }

        fn tick_call(&self, hash: u64) -> bool {
            // SAFETY: they have been started.
            unsafe { self.0.tick_call(hash) }
        }
    }

    impl std::ops::Deref for Counters {
        type Target = super::Counters;

        fn deref(&self) -> &super::Counters {
            &self.0
        }
    }

    /// Hashes, of which the last two lie at the end, and at no multiple of eight.
    const PLACES: [u64; 5] = [8, 16, 24, HASHES as u64 - 8, HASHES as u64 - 1];

    #[test]
    fn the_threshold_is_exact() {
        for (threshold, place) in [1, 2, 3, 7, 100, 1039].into_iter().flat_map(|t| PLACES.map(|p| (t, p))) {
            let counters = Counters::off();
            assert!(!(0..10_000).any(|_| counters.tick_loop(place)));
            counters.start(threshold, 0, 0);
            for patience in [1, 1, 3] {
                let expected = threshold * patience;
                counters.rest(place, patience);
                let asked = (1..=expected).find(|_| counters.tick_loop(place));
                assert_eq!(asked, Some(expected));
                assert!(!counters.called() && !counters.asked_in_vain());
            }
            assert!(!(0..10_000).any(|_| counters.tick_call(32)));
        }
    }

    #[test]
    fn back_edges_and_calls_are_counted_apart() {
        let counters = Counters::off();
        counters.start(5, 3, 0);
        assert_eq!((1..).find(|_| counters.tick_call(8)), Some(3));
        assert!(counters.called());
        assert_eq!((1..).find(|_| counters.tick_loop(8)), Some(5));
        assert!(!counters.called());
    }

    #[test]
    fn a_seed_gives_each_counter_a_threshold_of_its_own() {
        let thresholds = |seed: u64| -> Vec<u32> {
            let counters = Counters::off();
            counters.start(8, 8, seed);
            let places = || (0..100).map(|number| number * 8);
            let first = |hash: u64| (1..=8).find(|_| counters.tick_loop(hash)).expect("the threshold is the most");
            let found: Vec<u32> = places().map(first).collect();
            places().for_each(|hash| counters.rest(hash, 1));
            assert_eq!(found, places().map(first).collect::<Vec<_>>(), "it is the same each time");
            found
        };
        assert!((1..=8).all(|threshold| thresholds(5).contains(&threshold)));
        assert_eq!(thresholds(5), thresholds(5));
        assert_ne!(thresholds(5), thresholds(6));
        assert_eq!(thresholds(0), [8; 100]);
    }

    #[test]
    fn a_pinned_counter_asks_always() {
        let counters = Counters::off();
        counters.start(100, 100, 0);
        counters.pin(24);
        for _ in 0..5 {
            assert!(counters.tick_call(24) && counters.tick_loop(24));
            counters.rest(24, 8);
        }
        assert!(!counters.tick_call(32));
        counters.doze(24, 0);
        assert_eq!((1..).find(|_| counters.tick_call(24)), Some(100));
        counters.rest(24, 8);
        assert!(counters.tick_call(24));
        counters.stop();
        assert!(!counters.tick_call(24) && !counters.is_pinned(24));
    }

    #[test]
    fn what_should_never_ask_asks_in_vain() {
        let counters = Counters::off();
        counters.start(1, 0, 0);
        counters.pin(72);
        assert!(counters.tick_loop(72) && !counters.asked_in_vain());
        assert!(!(0..10_000).any(|_| counters.tick_call(72)));
        // As after 2^31 ticks.
        // SAFETY: see `cell`.
        unsafe { counters.table().cell(72, Kind::Call).write(i32::MAX) };
        assert!(counters.tick_call(72) && counters.asked_in_vain());
    }

    #[test]
    fn what_has_asked_in_vain_waits_a_while() {
        let counters = Counters::off();
        counters.start(30, 4000, 0);
        counters.wait(8);
        assert_eq!((1..).find(|_| counters.tick_loop(8)), Some(AWHILE));
        assert_eq!((1..).find(|_| counters.tick_call(8)), Some(4000));
        // Others do not; nor do those that ask each time, or never.
        assert_eq!((1..).find(|_| counters.tick_loop(16)), Some(30_u64));
        counters.pin(24);
        counters.wait(24);
        assert!(counters.tick_loop(24));
        counters.start(0, 0, 0);
        counters.wait(8);
        assert!(!(0..10_000).any(|_| counters.tick_loop(8)));
    }

    #[test]
    fn patience_has_an_end() {
        let counters = Counters::off();
        counters.start(u32::MAX, 1 << 20, 0);
        counters.rest(1, u32::MAX);
        assert!(!counters.tick_loop(1) && !counters.tick_call(1));
    }
}

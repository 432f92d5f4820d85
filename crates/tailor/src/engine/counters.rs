//! Counters: what is hot.
//!
//! One table of counters, indexed by a hash of the location: counting must cost the interpreter next to nothing, so locations share counters where hashes meet (as in LuaJIT). A counter
//! that runs out asks the driver; that it asks too early now and then, for a location that shares its counter, does no harm.
//!
//! A counter that belongs to a location with compiled code is *pinned*: it asks each time.

use std::cell::Cell;

/// The number of counters, a power of two.
const COUNTERS: usize = 4096;

/// What a counter holds when it begins. Each tick takes away a share of it that follows from the threshold.
const FULL: i32 = 1 << 20;

/// See the module.
pub struct Counters {
    cells: Box<[Cell<i32>; COUNTERS]>,
    loop_step: Cell<i32>,
    call_step: Cell<i32>,
    pinned: Box<[Cell<bool>]>,
    /// Whether it was a call that asked last.
    called: Cell<bool>,
}

impl Counters {
    /// Counters that never ask.
    pub fn off() -> Counters {
        Counters {
            cells: Box::new([const { Cell::new(FULL) }; COUNTERS]),
            loop_step: Cell::new(0),
            call_step: Cell::new(0),
            pinned: vec![Cell::new(false); COUNTERS].into(),
            called: Cell::new(false),
        }
    }

    /// From now on, ask at the given numbers of back edges and of calls.
    pub fn start(&self, threshold: u32, function_threshold: u32) {
        self.loop_step.set(step(threshold));
        self.call_step.set(step(function_threshold));
        for cell in &*self.cells {
            cell.set(FULL - 1);
        }
    }

    /// From now on, never ask.
    pub fn stop(&self) {
        self.loop_step.set(0);
        self.call_step.set(0);
        for (cell, pinned) in self.cells.iter().zip(&*self.pinned) {
            cell.set(FULL);
            pinned.set(false);
        }
    }

    /// Counts a back edge; whether to ask.
    #[inline(always)]
    pub fn tick_loop(&self, hash: u64) -> bool {
        let asks = self.tick(hash, self.loop_step.get());
        if asks {
            self.called.set(false);
        }
        asks
    }

    /// Counts a call; whether to ask.
    #[inline(always)]
    pub fn tick_call(&self, hash: u64) -> bool {
        let asks = self.tick(hash, self.call_step.get());
        if asks {
            self.called.set(true);
        }
        asks
    }

    /// Whether it was a call that asked last, not a back edge.
    pub fn called(&self) -> bool {
        self.called.get()
    }

    #[inline(always)]
    fn tick(&self, hash: u64, step: i32) -> bool {
        let cell = &self.cells[hash as usize % COUNTERS];
        let count = cell.get() - step;
        cell.set(count);
        count < 0
    }

    /// Starts a counter anew, `patience` times as full as at first, unless it is pinned.
    pub fn rest(&self, hash: u64, patience: u32) {
        let at = hash as usize % COUNTERS;
        let full = (FULL - 1).saturating_mul(i32::try_from(patience).unwrap_or(i32::MAX));
        self.cells[at].set(if self.pinned[at].get() { 0 } else { full });
    }

    /// Lets a counter ask each time from now on.
    pub fn pin(&self, hash: u64) {
        let at = hash as usize % COUNTERS;
        self.pinned[at].set(true);
        self.cells[at].set(0);
    }

    /// Lets a counter that asks each time ask later, once: `1 << doublings` times as full as at first, up to 10 doublings.
    pub fn doze(&self, hash: u64, doublings: u32) {
        self.cells[hash as usize % COUNTERS].set((FULL - 1) << doublings.min(10));
    }

    /// Whether a counter asks each time.
    pub fn is_pinned(&self, hash: u64) -> bool {
        self.pinned[hash as usize % COUNTERS].get()
    }
}

/// What a tick takes away so that the `threshold`th asks; 0 for a threshold of 0, which means never.
fn step(threshold: u32) -> i32 {
    if threshold == 0 { 0 } else { (FULL as u32).div_ceil(threshold) as i32 }
}

#[cfg(test)]
mod tests {
    use super::Counters;

    #[test]
    fn the_threshold_is_exact() {
        for threshold in [1, 2, 3, 7, 100, 1039] {
            let counters = Counters::off();
            assert!(!(0..10_000).any(|_| counters.tick_loop(5)));
            counters.start(threshold, 0);
            for round in 0..3 {
                let asked = (1..=threshold).find(|_| counters.tick_loop(5));
                assert_eq!(asked, Some(threshold), "round {round}");
                counters.rest(5, 1);
            }
            assert!(!(0..10_000).any(|_| counters.tick_call(6)));
        }
    }

    #[test]
    fn a_pinned_counter_asks_always() {
        let counters = Counters::off();
        counters.start(100, 100);
        counters.pin(3);
        for _ in 0..5 {
            assert!(counters.tick_call(3));
            counters.rest(3, 8);
        }
        assert!(!counters.tick_call(4));
    }
}

//! Who asks the driver about a location: the interpreter or a piece, each with counters of its own.

use std::cell::Cell;

use super::counters::Counters;

/// See the module.
pub enum Asker<'a> {
    /// The interpreter, whose counters have this hash.
    Interpreter { counters: &'a Counters, hash: u64 },
    /// A piece; its counter is counted down, and asks when it is negative.
    Piece { counter: &'a Cell<i32>, threshold: u32, called: bool },
}

/// What a piece's counter holds so that it runs out at the tick of number `threshold * patience`; as late as may be if that is 0, which is never.
pub fn ticks(threshold: u32, patience: u32) -> i32 {
    match u64::from(threshold) * u64::from(patience) {
        0 => i32::MAX,
        ticks => i32::try_from(ticks).unwrap_or(i32::MAX) - 1,
    }
}

impl Asker<'_> {
    /// Starts the counter anew, to take `patience` times as long as at first; one that asks each time goes on doing so, if it is the interpreter's.
    pub fn rest(&self, patience: u32) {
        match self {
            Asker::Interpreter { counters, hash } => counters.rest(*hash, patience),
            Asker::Piece { counter, threshold, .. } => counter.set(ticks(*threshold, patience)),
        }
    }

    /// Starts the counter anew: there was no time for what it asked for.
    pub fn wait(&self) {
        match self {
            Asker::Interpreter { counters, hash } => counters.wait(*hash),
            Asker::Piece { .. } => self.rest(1),
        }
    }

    /// Lets it ask each time.
    pub fn pin(&self) {
        match self {
            Asker::Interpreter { counters, hash } => counters.pin(*hash),
            Asker::Piece { counter, .. } => counter.set(0),
        }
    }

    /// Lets what asks each time ask later, once: after `1 << doublings` times the threshold, up to 10 doublings.
    pub fn doze(&self, doublings: u32) {
        match self {
            Asker::Interpreter { counters, hash } => counters.doze(*hash, doublings),
            Asker::Piece { .. } => self.rest(1 << doublings.min(10)),
        }
    }

    /// Whether it asks each time although there may be no code: the interpreter's counters are shared by locations.
    pub fn is_pinned(&self) -> bool {
        matches!(self, Asker::Interpreter { counters, hash } if counters.is_pinned(*hash))
    }

    /// Whether it is a call that asks, not a back edge.
    pub fn called(&self) -> bool {
        match self {
            Asker::Interpreter { counters, .. } => counters.called(),
            Asker::Piece { called, .. } => *called,
        }
    }
}

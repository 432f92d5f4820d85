//! Profit: whether it pays to enter a unit from the interpreter.
//!
//! Entering a unit costs, and leaving it by an exit costs more: a unit that is left soon after it has been entered, again and again, by exits that no bridge can be made for, is worse than the interpreter. So each location has an
//! account. Time in its unit is income, times [`GAIN`]; what it takes to enter the unit, and to go on behind it, is loss. A location whose account is overdrawn [`CREDIT`] rests: it is not entered for a while, and for twice as long
//! each time, until it earns something again. What changes the location's code opens a new account, since exits are taken for a while before they get their bridges.
//!
//! Time is counted in cycles (of the time stamp counter, where there is one). What the operating system takes away in between is not to decide: no single amount counts for more than [`MOST`].

#[cfg(not(target_arch = "x86_64"))]
use std::{sync::OnceLock, time::Instant};

/// How much longer than a unit the interpreter takes, less one.
const GAIN: i64 = 3;

/// What asking and going on cost beyond what is measured: cycles.
const ENTRY: i64 = 100;

/// How far an account may be overdrawn: cycles; a millisecond or two.
const CREDIT: i64 = 4_000_000;

/// The most that one visit may earn or lose: cycles.
const MOST: i64 = 200_000;

/// How often the time to rest is doubled at most.
const DOUBLINGS: u32 = 10;

/// The account of a location.
#[derive(Debug, Default)]
pub struct Profit {
    balance: i64,
    rests: u32,
}

impl Profit {
    /// The location was asked about, its unit was entered, it was left, and the interpreter goes on.
    pub fn visited(&mut self, [asked, entered, left, gone_on]: [Moment; 4]) {
        let loss = asked.cycles_until(entered) + left.cycles_until(gone_on) + ENTRY;
        self.book(entered.cycles_until(left) * GAIN - loss);
    }

    fn book(&mut self, amount: i64) {
        self.balance = (self.balance + amount.clamp(-MOST, MOST)).min(CREDIT);
        if self.balance > 0 {
            self.rests = 0;
        }
    }

    /// The code has changed.
    pub fn renew(&mut self) {
        self.balance = self.balance.max(0);
    }

    /// Whether the location is to rest now: how often the time for that is to be doubled. After that, it is tried again, with half of the credit.
    pub fn rest(&mut self) -> Option<u32> {
        if self.balance > -CREDIT {
            return None;
        }
        self.balance = -CREDIT / 2;
        self.rests = (self.rests + 1).min(DOUBLINGS);
        Some(self.rests)
    }
}

/// A point of time, in cycles.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment(u64);

impl Moment {
    /// This one.
    #[inline]
    pub fn now() -> Moment {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every processor of this architecture has the instruction, which does nothing but read a counter.
        return Moment(unsafe { core::arch::x86_64::_rdtsc() });
        #[cfg(not(target_arch = "x86_64"))]
        {
            static START: OnceLock<Instant> = OnceLock::new();
            Moment(START.get_or_init(Instant::now).elapsed().as_nanos() as u64)
        }
    }

    fn cycles_until(self, later: Moment) -> i64 {
        later.0.saturating_sub(self.0).min(MOST as u64) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::{DOUBLINGS, Moment, Profit};

    fn visits(profit: &mut Profit, count: u32, work: u64, loss: u64) -> Vec<u32> {
        let visit = |_| {
            profit.visited([Moment(0), Moment(0), Moment(work), Moment(work + loss)]);
            profit.rest()
        };
        (0..count).filter_map(visit).collect()
    }

    #[test]
    fn work_that_is_worth_its_exits_goes_on() {
        let mut profit = Profit::default();
        assert!(visits(&mut profit, 1_000_000, 2000, 4000).is_empty());
        assert!(visits(&mut profit, 1_000_000, 100, 0).is_empty());
    }

    #[test]
    fn who_loses_rests_for_longer_and_longer() {
        let mut profit = Profit::default();
        let rests = visits(&mut profit, 20_000, 100, 4000);
        assert_eq!(rests[..5], [1, 2, 3, 4, 5]);
        assert_eq!(rests.last(), Some(&DOUBLINGS));
        // Having earned what it owed, it rests for a short time only.
        assert!(visits(&mut profit, 10_000, 2000, 0).is_empty());
        assert_eq!(visits(&mut profit, 20_000, 100, 4000)[0], 1);
    }

    #[test]
    fn an_interruption_decides_nothing() {
        let mut profit = Profit::default();
        assert!(visits(&mut profit, 10, 100, u64::MAX / 2).is_empty());
    }

    #[test]
    fn new_code_has_new_credit() {
        let mut profit = Profit::default();
        for _ in 0..100 {
            assert!(visits(&mut profit, 500, 100, 4000).is_empty());
            profit.renew();
        }
    }
}

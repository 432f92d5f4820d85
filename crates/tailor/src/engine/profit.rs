//! Profit: whether it pays to enter a unit from the interpreter.
//!
//! Entering a unit costs, and leaving it by an exit costs more: a unit that is left soon after it has been entered, again and again, by exits that no bridge can be made for, is worse than the interpreter; so is one that
//! returns soon. So each location has an account. Time in its unit is income, times [`GAIN`]; what it takes to enter the unit, and to go on behind it, is loss. A location whose account is overdrawn [`CREDIT`] rests: it is
//! not entered for a while, and for twice as long each time, until it earns something again. What changes the location's code opens a new account.
//!
//! An exit that is counted, and will get its bridge, is no reason to rest: it is an investment, which the [`ledger`](super::ledger) is charged for. Of such losses, the location bears a part ([`HOPE`]). But while the ledger
//! can afford no bridges there is no such hope, and who is in debt is not entered at all: else the exits' losses would keep the ledger from ever affording the bridges that end them.
//!
//! Time is counted in cycles (of the time stamp counter, where there is one). Visits are as short as what it takes to look at the clock, so half of what a visit costs lies where it cannot be measured: in the time that seems to be the unit's. That half
//! is reckoned from the one that is measured ([`HIDDEN`]): both grow alike on a slow or busy machine.
//!
//! What the operating system takes away in between is not to decide: no single amount counts for more than [`MOST`].

use super::clock::Moment;

/// How much longer than a unit the interpreter takes, less one.
const GAIN: i64 = 3;

/// What asking and going on cost beyond what is measured: cycles.
const ENTRY: i64 = 100;

/// How much longer it takes to enter a unit and to return from it, in the unit's own time, than what has been measured before: as a percentage.
const HIDDEN: i64 = 225;

/// The most that asking for a unit takes: cycles. If it took longer, something else was in between.
const ASKING: i64 = 500;

/// The most that going on takes: cycles. The interpreter would have done the rest of it, too.
const GOING_ON: i64 = 20_000;

/// The part of their loss that exits which will have a bridge count for: one so-manieth.
const HOPE: i64 = 10;

/// How far an account may be overdrawn: cycles; a fraction of a millisecond.
const CREDIT: i64 = 400_000;

/// What a location may lose when the ledger can afford nothing: cycles. Its first visits may be worse than the next ones.
const TRIAL: i64 = CREDIT / 8;

/// How much an account may hold: cycles.
const SAVINGS: i64 = 10 * CREDIT;

/// The most that one visit may earn or lose: cycles.
const MOST: i64 = 200_000;

/// How often the time to rest is doubled at most.
const DOUBLINGS: u32 = 10;

/// What is to be expected of a unit that has just been left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// It stays as it is.
    Same,
    /// There will be a bridge where it was left, once it has been left there often enough.
    Better,
}

/// The account of a location.
#[derive(Debug, Default)]
pub struct Profit {
    balance: i64,
    rests: u32,
}

impl Profit {
    /// The location was asked about, its unit was entered, it was left, and the interpreter goes on. What that has earned: cycles; less than 0 if it lost.
    pub fn visited(&mut self, [asked, entered, left, gone_on]: [Moment; 4], prospect: Prospect) -> i64 {
        let asking = asked.cycles_until(entered).min(ASKING);
        let hidden = asking * HIDDEN / 100;
        let work = (entered.cycles_until(left) - hidden).max(0);
        let amount = work.saturating_mul(GAIN) - asking - hidden - left.cycles_until(gone_on).min(GOING_ON) - ENTRY;
        self.book(match prospect {
            Prospect::Better if amount < 0 => amount / HOPE,
            _ => amount,
        });
        amount
    }

    fn book(&mut self, amount: i64) {
        self.balance = (self.balance + amount.clamp(-MOST, MOST)).min(SAVINGS);
        if self.balance > 0 {
            self.rests = 0;
        }
    }

    /// Whether its unit has lost more than it takes to find out whether it loses.
    pub fn in_debt(&self) -> bool {
        self.balance < -TRIAL
    }

    /// The code has changed.
    pub fn renew(&mut self) {
        self.balance = self.balance.max(0);
        self.rests = 0;
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

#[cfg(test)]
mod tests {
    use super::{DOUBLINGS, HOPE, Moment, Profit, Prospect};

    fn hopeful_visits(profit: &mut Profit, prospect: Prospect, count: u32, work: u64, loss: u64) -> Vec<u32> {
        let visit = |_| {
            profit.visited([Moment(0), Moment(0), Moment(work), Moment(work + loss)], prospect);
            profit.rest()
        };
        (0..count).filter_map(visit).collect()
    }

    fn visits(profit: &mut Profit, count: u32, work: u64, loss: u64) -> Vec<u32> {
        hopeful_visits(profit, Prospect::Same, count, work, loss)
    }

    #[test]
    fn work_that_is_worth_its_exits_goes_on() {
        let mut profit = Profit::default();
        assert!(visits(&mut profit, 1_000_000, 2000, 4000).is_empty());
        assert!(visits(&mut profit, 1_000_000, 100, 0).is_empty());
        assert!(!profit.in_debt());
    }

    #[test]
    fn who_loses_rests_for_longer_and_longer() {
        let mut profit = Profit::default();
        let rests = visits(&mut profit, 20_000, 100, 4000);
        assert_eq!(rests[..5], [1, 2, 3, 4, 5]);
        assert_eq!(rests.last(), Some(&DOUBLINGS));
        // Having earned what it owed, it rests for a short time only.
        assert!(profit.in_debt());
        assert!(visits(&mut profit, 10_000, 2000, 0).is_empty());
        assert_eq!(visits(&mut profit, 20_000, 100, 4000)[0], 1);
    }

    #[test]
    fn time_that_it_takes_to_enter_and_return_is_no_income() {
        let mut profit = Profit::default();
        // A visit that does next to nothing, as the clock shows it on a quiet machine and on a busy one.
        for (asking, inside) in [(64, 150), (128, 300)] {
            let moments = [0, asking, asking + inside, asking + inside + 60].map(Moment);
            assert!(profit.visited(moments, Prospect::Same) < -200);
        }
        // One that works as long as that again.
        assert!(profit.visited([0, 64, 364, 424].map(Moment), Prospect::Same) > 0);
    }

    #[test]
    fn exits_that_will_have_bridges_count_for_less() {
        let (mut hopeless, mut hopeful) = (Profit::default(), Profit::default());
        let first = |profit: &mut Profit, prospect| {
            (1..).find(|_| !hopeful_visits(profit, prospect, 1, 100, 4000).is_empty()).unwrap_or(0)
        };
        let (soon, late) = (first(&mut hopeless, Prospect::Same), first(&mut hopeful, Prospect::Better));
        assert!((late - soon * HOPE).abs() <= HOPE);
        // What is earned counts in full.
        let moments = [0, 0, 5000, 5000].map(Moment);
        assert_eq!(hopeless.visited(moments, Prospect::Same), hopeful.visited(moments, Prospect::Better));
    }

    #[test]
    fn an_interruption_decides_nothing() {
        let mut profit = Profit::default();
        assert!(visits(&mut profit, 10, 100, u64::MAX / 2).is_empty());
        let late = [0, u64::MAX / 2, u64::MAX / 2 + 200, u64::MAX / 2 + 260].map(Moment);
        assert!(profit.visited(late, Prospect::Same) > -3000);
    }

    #[test]
    fn new_code_has_new_credit() {
        let mut profit = Profit::default();
        for _ in 0..100 {
            assert!(visits(&mut profit, 50, 100, 4000).is_empty());
            profit.renew();
            assert!(!profit.in_debt());
        }
    }
}

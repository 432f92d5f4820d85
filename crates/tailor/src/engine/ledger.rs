//! The ledger: what compiling has cost, and what it has earned.
//!
//! Compiling takes time that a short program never gets back. So it is held to a share of what the thread has computed since the start ([`Parameters::budget`](super::Parameters::budget)): what is asked for beyond that is put
//! off, and asked for again. A program can thus lose that share at most, however short it is and whatever is compiled in vain.
//!
//! Time is not lost by compiling alone: entering units that are left at once costs as much, until they have their bridges. So what visits of units lose ([`profit`](super::profit)) is charged to the ledger as well; and what
//! they earn is put to it, of which [`REINVESTED`] may be spent: a program that gains from what has been compiled can afford more.
//!
//! *Why not all that is earned?* It is an estimate: units that spend their time in native functions earn less than it says.

use std::time::Duration;

use super::clock::{Moment, ThreadTime};

/// The share of earnings that may be spent again.
const REINVESTED: f64 = 0.5;

/// The most that one visit of a unit counts for: cycles; some milliseconds. What the operating system takes away in between is not to decide.
const MOST: i64 = 20_000_000;

/// After how long it is looked at again in any case: cycles; some milliseconds. How many cycles it takes to compute for a second varies with what else the machine has to do.
const LOOK_AGAIN: i64 = 10_000_000;

/// See the module.
#[derive(Debug)]
pub struct Ledger {
    /// In percent; 0 means any.
    budget: u32,
    started: (ThreadTime, Moment),
    /// What visits of units have earned, less what others have lost: cycles.
    earned: i64,
    waiting: Option<Waiting>,
}

/// There was too little, the last time.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    since: Moment,
    /// What could be spent of earnings then: cycles.
    earned: f64,
    /// What was missing: cycles.
    missing: f64,
}

impl Ledger {
    /// An empty one, with a budget in percent; 0 means any.
    pub fn new(budget: u32) -> Ledger {
        Ledger { budget, started: (ThreadTime::now(), Moment::now()), earned: 0, waiting: None }
    }

    /// A visit of a unit has earned, or lost, this number of cycles.
    pub fn book(&mut self, cycles: i64) {
        self.earned += cycles.clamp(-MOST, MOST);
    }

    /// Whether there is time for compiling, after so much of it.
    pub fn affords(&mut self, spent: Duration) -> bool {
        if self.budget == 0 {
            return true;
        }
        let now = Moment::now();
        if self.must_wait(now) {
            return false;
        }
        let (computed, cycles) = (self.started.0.elapsed(), self.started.1.cycles_until(now));
        self.settle(now, spent, computed, cycles)
    }

    /// Whether what was missing last cannot have been computed or earned since. (That is found without asking the system.)
    fn must_wait(&self, now: Moment) -> bool {
        self.waiting.is_some_and(|Waiting { since, earned, missing }| {
            let cycles = since.cycles_until(now);
            cycles < LOOK_AGAIN && cycles as f64 * self.share() + self.spendable() - earned < missing
        })
    }

    /// Whether there is enough, when so much has been spent and computed in this number of cycles.
    fn settle(&mut self, now: Moment, spent: Duration, computed: Duration, cycles: i64) -> bool {
        // Cycles go on when others compute: there may be fewer of them to a second of ours than to one of the day.
        let spent = spent.as_secs_f64() * cycles as f64 / computed.as_secs_f64().max(1e-9);
        let earned = self.spendable();
        let missing = spent - cycles as f64 * self.share() - earned;
        self.waiting = (missing > 0.0).then_some(Waiting { since: now, earned, missing });
        self.waiting.is_none()
    }

    fn share(&self) -> f64 {
        f64::from(self.budget) / 100.0
    }

    fn spendable(&self) -> f64 {
        let earned = self.earned as f64;
        if earned > 0.0 { earned * REINVESTED } else { earned }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LOOK_AGAIN, Ledger, MOST, Moment};

    /// A cycle is a nanosecond.
    fn affords(ledger: &mut Ledger, spent: u64, computed: u64) -> bool {
        let computed_time = Duration::from_nanos(computed);
        let now = Moment(computed);
        !ledger.must_wait(now) && ledger.settle(now, Duration::from_nanos(spent), computed_time, computed as i64)
    }

    #[test]
    fn a_share_of_the_time_may_be_spent() {
        let mut ledger = Ledger::new(10);
        assert!(affords(&mut ledger, 99, 1000));
        assert!(!affords(&mut ledger, 200, 1000));
        // As long as that, nobody looks.
        assert!(!affords(&mut ledger, 0, 1999));
        assert!(affords(&mut ledger, 200, 2001));
        assert!(Ledger::new(0).affords(Duration::from_secs(1000)));
    }

    #[test]
    fn a_slow_start_is_not_held_against_the_rest() {
        let mut ledger = Ledger::new(10);
        let (spent, begun) = (Duration::from_micros(500), Moment(LOOK_AGAIN as u64));
        // Others have computed for nearly all of the time, so far.
        assert!(!ledger.settle(begun, spent, Duration::from_micros(100), LOOK_AGAIN));
        let later = Moment(2 * LOOK_AGAIN as u64);
        assert!(ledger.must_wait(Moment(later.0 - 1)) && !ledger.must_wait(later));
        assert!(ledger.settle(later, spent, Duration::from_micros(10_100), 2 * LOOK_AGAIN));
    }

    #[test]
    fn losses_are_costs() {
        let mut ledger = Ledger::new(10);
        ledger.book(-1000);
        assert!(!affords(&mut ledger, 0, 9000));
        assert!(affords(&mut ledger, 0, 11_000));
    }

    #[test]
    fn half_of_what_is_earned_may_be_spent() {
        let mut ledger = Ledger::new(10);
        assert!(!affords(&mut ledger, 600, 1000));
        ledger.book(900);
        assert!(!affords(&mut ledger, 600, 1010));
        ledger.book(200);
        assert!(affords(&mut ledger, 600, 1020));
        assert!(!affords(&mut ledger, 700, 1030));
    }

    #[test]
    fn an_interruption_pays_for_little() {
        let mut ledger = Ledger::new(10);
        ledger.book(i64::MAX / 2);
        assert!(!affords(&mut ledger, MOST as u64, 1000));
    }
}

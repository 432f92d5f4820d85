//! Patience: how much longer than the interpreter tier 1 goes on at a point before it asks for tier 2.
//!
//! What tier 1 executes is fast already, so tracing gains less there, and what is traced early is what ends early: so tier 1 waits [`Parameters::tier2_patience`](super::Parameters::tier2_patience) times as long as the interpreter.
//!
//! Patience wears off. What has been running for a while will, as a rule, go on for as long again; and then a caller that is rare, and so stays in tier 1, keeps entering the units that it calls, which its own unit would contain. So whenever the thread has computed
//! twice as long as before, from [`FIRST`] on, patience is halved, and with it all that is still waited for.

use std::time::Duration;

use super::clock::{Moment, ThreadTime};

/// How long the thread has computed when patience is halved first.
const FIRST: Duration = Duration::from_millis(500);

/// How often it is looked: cycles; a fraction of a millisecond. (Asking the system how long the thread has computed costs more than asking for a unit.)
const LOOK: i64 = 1_000_000;

/// See the module.
#[derive(Debug)]
pub struct Patience {
    times: u32,
    started: ThreadTime,
    next: Duration,
    looked: Moment,
}

impl Patience {
    /// So many times as long, at first.
    pub fn new(times: u32) -> Patience {
        Patience { times: times.max(1), started: ThreadTime::now(), next: FIRST, looked: Moment::now() }
    }

    /// How many times as long as the interpreter tier 1 waits.
    pub fn times(&self) -> u32 {
        self.times
    }

    /// How often it is to be halved now.
    pub fn wears_off(&mut self, now: Moment) -> u32 {
        if self.times == 1 || self.looked.cycles_until(now) < LOOK {
            return 0;
        }
        self.looked = now;
        self.halvings(self.started.elapsed())
    }

    fn halvings(&mut self, computed: Duration) -> u32 {
        let mut halvings = 0;
        while computed >= self.next && self.times > 1 {
            self.next *= 2;
            self.times /= 2;
            halvings += 1;
        }
        halvings
    }
}

#[cfg(test)]
mod tests {
    use super::{FIRST, Patience};

    #[test]
    fn patience_is_halved_whenever_the_time_has_doubled() {
        let mut patience = Patience::new(100);
        let at = |patience: &mut Patience, times: f64| (patience.halvings(FIRST.mul_f64(times)), patience.times());
        assert_eq!(at(&mut patience, 0.9), (0, 100));
        assert_eq!(at(&mut patience, 1.0), (1, 50));
        assert_eq!(at(&mut patience, 1.9), (0, 50));
        // Nobody has looked for a while.
        assert_eq!(at(&mut patience, 8.5), (3, 6));
        assert_eq!(at(&mut patience, 1000.0), (2, 1));
        assert_eq!(at(&mut patience, 1e6), (0, 1));
    }

    #[test]
    fn there_is_always_some() {
        assert_eq!(Patience::new(0).times(), 1);
    }
}

//! The time before anything is compiled.
//!
//! Compiling begins when there is time for the first units, or pieces, by the [`ledger`](super::ledger). Many a program is over before that. So it is charged nothing but for counting: the driver, with its memory for code, is made
//! only then. (Making it took a twentieth of what it takes to start the `som` machine, run a program of one line, and stop.)
//!
//! Tier 1, once it has begun, makes whatever is called: what it makes soon saves more than it costs. So what it will cost has to be known before. It is the more, the more places of the program have been counted to their
//! [threshold](super::Parameters::tier1_threshold) meanwhile ([`PLACE`]): a program of few loops has its pieces after 40 ms of computing, one of many methods after 130.
//!
//! *Why not charge each piece when it is made, and wait when there is no time?* Where some callees have pieces and others have not, each call costs what it takes to enter pieces and to leave them. Tried, with tier 1 suspended meanwhile:
//! what had been made was of no use for so long that large programs (DeltaBlue) gained nothing for 200 ms. And what pieces had earned was spent by tier 2 on units, too many and too early.

use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashSet;
use tailor_compiler::backend::MachineError;

use super::ledger::Ledger;
use super::patience::Patience;
use super::roots::Roots;
use super::{Config, Dependencies, Driver, Stats};

/// What the first unit or the first pieces cost, the building of the interpreter's jitcode included.
pub const FIRST: Duration = Duration::from_millis(3);

/// What the pieces of a place and of what it calls cost, with its share of the templates and of the jitcode for them.
const PLACE: Duration = Duration::from_micros(70);

/// The most places that count: a program that has more will hardly come to all of them in the time that it takes to save as much.
const PLACES: usize = 100;

/// What the driver will be made of.
pub struct Delay {
    config: Config,
    /// The hashes of places that have asked.
    places: FxHashSet<u64>,
    ledger: Ledger,
    patience: Patience,
    roots: Rc<Roots>,
    dependencies: Rc<Dependencies>,
    /// Those of having done nothing.
    pub stats: Stats,
}

impl Delay {
    /// It begins now.
    pub fn new(config: Config, roots: Rc<Roots>, dependencies: Rc<Dependencies>) -> Delay {
        let ledger = Ledger::new(config.parameters.budget);
        let patience = Patience::new(config.parameters.tier2_patience);
        let (places, stats) = (FxHashSet::default(), Stats::default());
        Delay { config, places, ledger, patience, roots, dependencies, stats }
    }

    /// Whether there is time for compiling now, when the place with this hash asks.
    pub fn is_over(&mut self, hash: u64) -> bool {
        let cost = self.cost(hash);
        self.ledger.affords(cost)
    }

    /// What is to be expected to be made at once.
    fn cost(&mut self, hash: u64) -> Duration {
        if !self.config.parameters.tier1 {
            return FIRST;
        }
        if self.places.len() < PLACES {
            self.places.insert(hash);
        }
        FIRST + PLACE * self.places.len() as u32
    }

    /// The driver, when it is over.
    ///
    /// # Errors
    /// If there is no memory for code.
    pub fn end(self) -> Result<Driver, MachineError> {
        let mut driver = Driver::new(self.config, self.roots, self.dependencies)?;
        (driver.ledger, driver.patience) = (self.ledger, self.patience);
        Ok(driver)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tailor_compiler::runtime::Runtime;

    use super::{Delay, PLACES};
    use crate::engine::{Config, Log};

    fn delay(parameters: &str) -> Delay {
        let parameters = parameters.parse().expect("they are parameters");
        let (runtime, log) = (Runtime::without_objects(), Log::default());
        let config = Config { runtime, parameters, describe: |_| String::new(), log };
        Delay::new(config, Rc::default(), Rc::default())
    }

    #[test]
    fn the_more_places_ask_the_longer_it_takes() {
        let mut delay = delay("tier1=on");
        let mut costs: Vec<_> = (0..2 * PLACES as u64).map(|hash| delay.cost(hash % (PLACES as u64 + 50))).collect();
        assert!(costs[..PLACES].is_sorted_by(|a, b| a < b));
        assert!(costs[PLACES..].iter().all(|&cost| cost == costs[PLACES - 1]), "there is an end to it");
        costs.dedup();
        assert_eq!(costs.len(), PLACES);
    }

    #[test]
    fn tier_2_makes_one_unit_at_a_time() {
        let mut delay = delay("tier1=off");
        assert_eq!(delay.cost(8), delay.cost(16));
    }

    #[test]
    fn without_a_budget_there_is_no_delay() {
        assert!(delay("budget=0").is_over(8));
        assert!(!delay("budget=1").is_over(8));
    }
}

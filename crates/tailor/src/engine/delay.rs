//! The time before anything is compiled.
//!
//! Compiling begins when there is time for the first units, or pieces, by the [`ledger`](super::ledger). Many a program is over before that. So it is charged nothing but for counting: the driver, with its memory for code, is made
//! only then. (Making it took a twentieth of what it takes to start the `som` machine, run a program of one line, and stop.)

use std::rc::Rc;
use std::time::Duration;

use tailor_compiler::backend::MachineError;

use super::ledger::Ledger;
use super::patience::Patience;
use super::roots::Roots;
use super::{Config, Dependencies, Driver, Stats};

/// What the first unit or the first pieces cost, the building of the interpreter's jitcode included.
pub const FIRST: Duration = Duration::from_millis(3);

/// What the driver will be made of.
pub struct Delay {
    config: Config,
    ledger: Ledger,
    patience: Patience,
    /// Those of having done nothing.
    pub stats: Stats,
}

impl Delay {
    /// It begins now.
    pub fn new(config: Config) -> Delay {
        let ledger = Ledger::new(config.parameters.budget);
        let patience = Patience::new(config.parameters.tier2_patience);
        Delay { config, ledger, patience, stats: Stats::default() }
    }

    /// Whether there is time for compiling now.
    pub fn is_over(&mut self) -> bool {
        self.ledger.affords(FIRST)
    }

    /// The driver, when it is over.
    ///
    /// # Errors
    /// If there is no memory for code.
    pub fn end(self, roots: Rc<Roots>, dependencies: Rc<Dependencies>) -> Result<Driver, MachineError> {
        let mut driver = Driver::new(self.config, roots, dependencies)?;
        (driver.ledger, driver.patience) = (self.ledger, self.patience);
        Ok(driver)
    }
}

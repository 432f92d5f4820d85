//! The engine: what a virtual machine keeps of its JIT compiler, and how the native interpreter gets into it.
//!
//! # Terms
//! - A [`Jit`] is the compiler of one virtual machine: its counters, its compiled code, its parameters. It lies in the machine's own struct; the portal says where
//!   (`#[jit(portal, jit = vm.jit)]`).
//! - A *location* is a point of the guest program, named by the words of the portal's greens. It is counted at each `can_enter!`; when it is hot it is traced, and from then on
//!   entered.
//! - The *state* is the words of the portal's parameters, in order: all that the native interpreter needs to go on.
//! - The *frame* is the portal's only red word: a position on the guest stack.
//!
//! # Parts
//! | module | idea |
//! |---|---|
//! | [`counters`] | what is hot |
//! | [`clock`] | computing time, and moments |
//! | [`locations`] | what is known of each point of the guest program |
//! | [`dependencies`] | what units rest on |
//! | [`driver`] | entering units, leaving them, and what comes of it |
//! | [`portal`] | the portal, as the driver knows it |
//! | [`threads`] | tier 1: which points have pieces, and how they are run |
//! | [`patience`] | how long tier 1 waits for tier 2 |
//! | [`asker`] | the interpreter or a piece, with its counters |
//! | [`takeover`] | what is taken from interrupted units |
//! | [`landing`] | returning to the native interpreter |
//! | [`profit`] | whether entering a unit pays |
//! | [`ledger`] | what compiling has cost, and what it has earned |
//! | [`renewal`] | freeing code, and starting anew when there is no room |
//! | [`residual`] | how units call Rust |
//! | [`roots`] | what the collector must see |
//! | [`parameters`] | the parameters, by name |
//! | [`stats`] | what has been done, counted |
//! | [`log`] | what has been done, as text |
//! | [`crate::trace`] | recording units |

use std::cell::UnsafeCell;
use std::fmt;
use std::rc::Rc;

use tailor_jitcode::JitFunction;

mod asker;
mod clock;
mod counters;
mod dependencies;
mod driver;
mod landing;
mod ledger;
mod locations;
mod log;
mod parameters;
mod patience;
mod portal;
mod profit;
mod renewal;
mod residual;
mod roots;
mod stats;
mod takeover;
mod threads;

use counters::Counters;
use dependencies::Dependencies;
pub(crate) use driver::{Done, Driver, PASSED};
pub(crate) use locations::LocationId;
pub use log::{Log, LogError};
pub use parameters::{ParameterError, Parameters};
pub(crate) use residual::{BUFFER, entry as entry_of_residuals};
pub use stats::{Abort, Stats};
pub use tailor_compiler::backend::MachineError;
pub use tailor_compiler::runtime::Runtime;
use tailor_gc::Heap;
pub(crate) use takeover::ExitState;

/// The JIT compiler of one virtual machine. Made by [`Jit::default`] it does nothing; [`Jit::start`] makes it compile.
pub struct Jit {
    counters: Counters,
    driver: UnsafeCell<Option<Box<Driver>>>,
    dependencies: Rc<Dependencies>,
    /// Kept alive for the collector, which holds it weakly; `None` if the JIT is off.
    roots: Option<Rc<roots::Roots>>,
}

/// What a language tells its JIT.
#[derive(Debug)]
pub struct Config {
    /// How to allocate and to note stores.
    pub runtime: Runtime,
    /// The parameters.
    pub parameters: Parameters,
    /// Names a point of the guest program for people, by the words of its greens.
    pub describe: fn(&[u64]) -> String,
    /// What is to be logged.
    pub log: Log,
}

/// What came of `can_enter!`, for the native reading.
#[doc(hidden)]
#[derive(Debug)]
pub enum Entered<S, R> {
    /// Nothing happened.
    Not,
    /// Go on in this state.
    Moved(S),
    /// The portal has returned this.
    Returned(R),
}

/// What came of [`enter`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing happened.
    Not,
    /// The state holds new words.
    Moved,
    /// The portal's result is in [`Jit::results`].
    Returned,
}

impl fmt::Debug for Jit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jit")
    }
}

impl Default for Jit {
    fn default() -> Self {
        Jit { counters: Counters::new(), driver: UnsafeCell::new(None), dependencies: Rc::default(), roots: None }
    }
}

impl Jit {
    /// Begins to compile, for a machine whose objects lie in `heap`. What was compiled before is thrown away.
    ///
    /// A portal that is being executed goes on as it is; those entered from now on are compiled.
    ///
    /// # Errors
    /// If the processor lacks what compiled code needs, or there is no memory for code: then everything goes on without it.
    pub fn start(&mut self, config: Config, heap: &mut Heap) -> Result<(), MachineError> {
        self.stop();
        if !config.parameters.on {
            return Ok(());
        }
        let roots = Rc::new(roots::Roots::default());
        let (threshold, function_threshold) = config.parameters.first_thresholds();
        let seed = config.parameters.seed;
        let driver = Driver::new(config, Rc::clone(&roots), Rc::clone(&self.dependencies))?;
        heap.add_ambiguous_roots(&roots);
        *self.driver.get_mut() = Some(Box::new(driver));
        self.counters.start(threshold, function_threshold, seed);
        self.roots = Some(roots);
        Ok(())
    }

    /// Forgets all compiled code, and makes no more.
    pub fn stop(&mut self) {
        *self.driver.get_mut() = None;
        self.roots = None;
        self.dependencies.clear();
        self.counters.stop();
    }

    /// Says that the quasi-immutable field at this address has been written: code that rests on what it held is not used any more.
    pub fn changed<T>(&self, field: *const T) {
        self.dependencies.changed(field as u64);
    }

    /// What has been done so far; `None` if nothing is compiled.
    pub fn stats(&mut self) -> Option<&Stats> {
        self.driver.get_mut().as_ref().map(|driver| &driver.stats)
    }

    /// Whether anything is to be counted: whether the JIT has been started, and not stopped.
    #[doc(hidden)]
    #[inline(always)]
    pub fn is_on(&self) -> bool {
        self.roots.is_some()
    }

    /// Counts a back edge to the location with this hash; whether the JIT wants to be asked.
    ///
    /// # Safety
    /// The JIT has been [on](Jit::is_on).
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn tick(&self, hash: u64) -> bool {
        // SAFETY: the counters are started whenever the JIT is.
        unsafe { self.counters.tick_loop(hash) }
    }

    /// Counts a call of the location with this hash; whether the JIT wants to be asked.
    ///
    /// # Safety
    /// As for [`Jit::tick`].
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn tick_call(&self, hash: u64) -> bool {
        // SAFETY: the counters are started whenever the JIT is.
        unsafe { self.counters.tick_call(hash) }
    }

    /// The words of the portal's result, after [`Outcome::Returned`].
    ///
    /// # Safety
    /// Nothing enters the JIT while they are used.
    #[doc(hidden)]
    pub unsafe fn results(&self) -> &[u64] {
        // SAFETY: the caller's promise.
        unsafe { (*self.driver.get()).as_ref().map_or(&[], |driver| driver.results()) }
    }
}

/// The slow half of `can_enter!`: enters compiled code, or makes some.
///
/// # Safety
/// `jit` is the JIT of the machine whose portal is at a `can_enter!` with these words of its parameters, in order.
#[doc(hidden)]
pub unsafe fn enter(jit: *const Jit, portal: &'static JitFunction, hash: u64, state: &mut [u64]) -> Outcome {
    // SAFETY: the caller's promise. The driver is used by one activation at a time: what it calls does not enter it again.
    unsafe {
        let Some(driver) = &mut *(*jit).driver.get() else {
            (*jit).counters.rest(hash, 1);
            return Outcome::Not;
        };
        if (*jit).counters.asked_in_vain() {
            (*jit).counters.rest(hash, 1);
            return Outcome::Not;
        }
        driver.enter(&(*jit).counters, portal, hash, state)
    }
}

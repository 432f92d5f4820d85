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
//! | [`delay`] | the time before anything is compiled |
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
mod delay;
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
use delay::Delay;
use dependencies::Dependencies;
pub(crate) use driver::{Done, Driver, PASSED};
pub(crate) use locations::LocationId;
pub use log::{Log, LogError};
pub use parameters::{ParameterError, Parameters};
pub(crate) use residual::{BUFFER, entry as entry_of_residuals};
pub use stats::{Abort, Stats};
use tailor_compiler::backend::Machine;
pub use tailor_compiler::backend::MachineError;
pub use tailor_compiler::runtime::Runtime;
use tailor_gc::Heap;
pub(crate) use takeover::ExitState;

/// The JIT compiler of one virtual machine. Made by [`Jit::default`] it does nothing; [`Jit::start`] makes it compile.
pub struct Jit {
    counters: Counters,
    stage: UnsafeCell<Stage>,
    dependencies: Rc<Dependencies>,
    /// Kept alive for the collector, which holds it weakly; `None` if the JIT is off.
    roots: Option<Rc<roots::Roots>>,
}

/// How far the JIT has come.
enum Stage {
    /// It is off, or there is no memory for code.
    Off,
    /// It is too early to compile.
    Delayed(Box<Delay>),
    /// It compiles.
    On(Box<Driver>),
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
        Jit { counters: Counters::new(), stage: UnsafeCell::new(Stage::Off), dependencies: Rc::default(), roots: None }
    }
}

impl Jit {
    /// Begins to compile, for a machine whose objects lie in `heap`. What was compiled before is thrown away.
    ///
    /// A portal that is being executed goes on as it is; those entered from now on are compiled.
    ///
    /// # Errors
    /// If the processor lacks what compiled code needs: then everything goes on without it; so it does if there turns out to be no memory for code.
    pub fn start(&mut self, config: Config, heap: &mut Heap) -> Result<(), MachineError> {
        self.stop();
        if !config.parameters.on {
            return Ok(());
        }
        Machine::check(&config.runtime)?;
        let roots = Rc::new(roots::Roots::default());
        let (threshold, function_threshold) = config.parameters.first_thresholds();
        let seed = config.parameters.seed;
        heap.add_ambiguous_roots(&roots);
        let delay = Delay::new(config, Rc::clone(&roots), Rc::clone(&self.dependencies));
        *self.stage.get_mut() = Stage::Delayed(Box::new(delay));
        self.counters.start(threshold, function_threshold, seed);
        self.roots = Some(roots);
        Ok(())
    }

    /// Forgets all compiled code, and makes no more.
    pub fn stop(&mut self) {
        *self.stage.get_mut() = Stage::Off;
        self.roots = None;
        self.dependencies.clear();
        self.counters.stop();
    }

    /// Says that the quasi-immutable field at this address has been written: code that rests on what it held is not used any more.
    pub fn changed<T>(&self, field: *const T) {
        self.dependencies.changed(field as u64);
    }

    /// What has been done so far; `None` if the JIT is off.
    pub fn stats(&mut self) -> Option<&Stats> {
        match self.stage.get_mut() {
            Stage::Off => None,
            Stage::Delayed(delay) => Some(&delay.stats),
            Stage::On(driver) => Some(&driver.stats),
        }
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
        match unsafe { &*self.stage.get() } {
            Stage::On(driver) => driver.results(),
            Stage::Off | Stage::Delayed(_) => &[],
        }
    }
}

/// The slow half of `can_enter!`: enters compiled code, or makes some.
///
/// # Safety
/// `jit` is the JIT of the machine whose portal is at a `can_enter!` with these words of its parameters, in order.
#[doc(hidden)]
pub unsafe fn enter(jit: *const Jit, portal: &'static JitFunction, hash: u64, state: &mut [u64]) -> Outcome {
    // SAFETY: the caller's promise. The driver is used by one activation at a time: what it calls does not enter it again.
    let (Jit { counters, .. }, stage) = unsafe { (&*jit, &mut *(*jit).stage.get()) };
    if counters.asked_in_vain() {
        counters.rest(hash, 1);
        return Outcome::Not;
    }
    if let Stage::Delayed(delay) = stage
        && delay.is_over(hash)
        && let Stage::Delayed(delay) = std::mem::replace(stage, Stage::Off)
        && let Ok(driver) = delay.end()
    {
        *stage = Stage::On(Box::new(driver));
    }
    match stage {
        Stage::On(driver) => driver.enter(counters, portal, hash, state),
        Stage::Off | Stage::Delayed(_) => {
            counters.wait(hash);
            Outcome::Not
        }
    }
}

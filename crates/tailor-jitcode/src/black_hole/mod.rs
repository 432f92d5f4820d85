//! The black hole: executes jitcode, from its beginning or from any instruction on.
//!
//! # What for
//! - A failed guard interrupts a unit in the midst of some frames of jitcode. They continue here, until native code can take over: at a merge point, whose variables are all
//!   that its portal needs ([`Mode::ToMergePoint`]).
//! - Run throughout ([`Mode::Throughout`]), whole programs execute in jitcode, and show that it means what the native reading means.
//!
//! # Terms
//! - A [`SavedFrame`] is an interrupted activation: function, position, live values. A list of them, innermost last, is all there is to an interrupted computation. The innermost stands
//!   before an instruction, the others at calls.
//! - The *register file* ([`RegisterFile`]) holds the frames of everything that executes on this thread.
//! - *Handing over* is calling the portal's native reading with a merge point's variables; what it returns is the result of the interrupted activation.
//!
//! # References
//! Everything that executing jitcode holds is a word of the register file, in the range that [`RegisterRoots`] reports to a collector as ambiguous roots, arguments and
//! results of native calls included. Words that go in or come out ([`SavedFrame::values`], the words of a result) are not: between taking them from, or giving them
//! to, a place that the collector sees, nothing may be allocated.
//!
//! # Why so
//! - *Why an explicit stack of frames?* Because frames come from outside (guards) and go outside (resume fuzzing), and because jitcode that recurses must not use up the native stack.
//! - *Why does a portal that is called run natively, on the way to a merge point?* It is where the black hole wants to go.

mod machine;
mod panics;
mod register_file;
#[cfg(test)]
mod tests;

pub use panics::last_panic;
pub use register_file::{RegisterFile, RegisterRoots};

use crate::code::Position;
use crate::function::JitFunction;
use machine::{End, Machine};

/// Only [`resume_until`] and fuel make a machine stop.
const NO_PLACES: &str = "it was not told to stop there";

/// How far the black hole goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To the end, portals included.
    Throughout,
    /// Each activation of a portal to its next merge point, the rest natively; portals that are called run natively from the start.
    ToMergePoint,
    /// To the end, portals included, and [`we_are_jitted`](crate::tape::Tape::we_are_jitted) answers true: what is done only in units is done, too. For tests.
    AsUnit,
}

/// Where a computation whose outermost activation is a portal is to stop. Portals that it calls go on natively, as with [`Mode::ToMergePoint`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stop {
    /// At the first merge point of the outermost activation, also if it stands before one at the start. Else it passes them.
    pub merge_point: bool,
    /// Where the outermost activation calls a function with [`Role::Leave`](crate::Role::Leave) whose first argument is this word: before the call.
    pub leaving: Option<u64>,
    /// Where the outermost activation could enter compiled code: behind its next `can_enter!`.
    pub entry: bool,
}

/// Where a computation has stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// At a merge point of the outermost activation. These are the words of the portal's parameters, in their order.
    MergePoint(Vec<u64>),
    /// The outermost activation has returned these words.
    Returned(Vec<u64>),
    /// The outermost activation is about to leave a guest frame.
    Left {
        /// The call.
        position: Position,
        /// What the registers of [`Code::live_across`](crate::code::Code::live_across) hold, in that order.
        values: Vec<u64>,
        /// The words of the call's arguments.
        arguments: Vec<u64>,
    },
    /// The outermost activation has passed a `can_enter!`.
    Entry {
        /// The words of the portal's parameters there, in their order.
        state: Vec<u64>,
        /// How to go on without entering anything.
        frames: Vec<SavedFrame>,
    },
    /// As many instructions as allowed have been executed, or the guest frame that was to be left by the outermost activation is about to be left by another (an unwinding); outermost
    /// frame first.
    OutOfFuel(Vec<SavedFrame>),
}

/// An interrupted activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFrame {
    /// Whose.
    pub function: &'static JitFunction,
    /// Innermost frame: before which instruction. Others: at which call.
    pub position: Position,
    /// What the registers of [`Code::live`](crate::code::Code::live) (of other frames than the innermost:
    /// [`Code::live_across`](crate::code::Code::live_across)) hold, in that order.
    pub values: Vec<u64>,
}

/// What came of executing jitcode for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned these words.
    Returned(Vec<u64>),
    /// It was interrupted; outermost frame first.
    Interrupted(Vec<SavedFrame>),
}

/// Executes a function with these argument words; its result's words.
///
/// # Safety
/// The words are what the function's parameters are, and its native reading could be called with them.
///
/// # Panics
/// As the function does. The register file is full.
pub unsafe fn run(function: &'static JitFunction, arguments: &[u64], mode: Mode) -> Vec<u64> {
    let mut machine = Machine::new(mode);
    machine.begin(function, arguments);
    // SAFETY: the caller's promise.
    match unsafe { machine.execute::<false>(&mut u64::MAX.clone()) } {
        End::Returned => machine.take_results(),
        _ => unreachable!("{NO_PLACES}"),
    }
}

/// Continues an interrupted computation; the result's words of the outermost activation.
///
/// # Safety
/// The frames describe a computation that could be interrupted there: each but the innermost is at a call of the next one's function, and the live values are such as
/// could be there. At least one frame is given.
///
/// # Panics
/// As the functions do. The register file is full.
pub unsafe fn resume(frames: &[SavedFrame], mode: Mode) -> Vec<u64> {
    let mut machine = Machine::new(mode);
    machine.restore(frames);
    // SAFETY: the caller's promise.
    match unsafe { machine.execute::<false>(&mut u64::MAX.clone()) } {
        End::Returned => machine.take_results(),
        _ => unreachable!("{NO_PLACES}"),
    }
}

/// Continues an interrupted computation, whose outermost activation is a portal, until `stop` or its end, for at most `fuel` instructions, which are counted down.
///
/// # Safety
/// As [`resume`].
///
/// # Panics
/// As [`resume`].
pub unsafe fn resume_until(frames: &[SavedFrame], stop: Stop, fuel: &mut u64) -> Reached {
    let mut machine = Machine::new(Mode::ToMergePoint);
    machine.stop_at(stop);
    machine.restore(frames);
    // SAFETY: the caller's promise.
    match unsafe { machine.execute::<true>(fuel) } {
        End::Returned => Reached::Returned(machine.take_results()),
        End::MergePoint => Reached::MergePoint(machine.take_results()),
        End::Leaving(position) => {
            let arguments = machine.take_results();
            Reached::Left { position, values: machine.values_across(position), arguments }
        }
        End::Entry(position) => {
            let state = machine.take_results();
            Reached::Entry { state, frames: machine.save(position) }
        }
        End::OutOfFuel(position) => Reached::OutOfFuel(machine.save(position)),
    }
}

/// Begins to execute a function, for at most `steps` instructions (of jitcode; a native call is one), which are counted down.
///
/// # Safety
/// As [`run`].
///
/// # Panics
/// As [`run`].
pub unsafe fn run_for(function: &'static JitFunction, arguments: &[u64], mode: Mode, steps: &mut u64) -> Outcome {
    let mut machine = Machine::new(mode);
    machine.begin(function, arguments);
    // SAFETY: the caller's promise.
    unsafe { finish(machine, steps) }
}

/// Continues an interrupted computation for at most `steps` instructions, which are counted down.
///
/// # Safety
/// As [`resume`].
///
/// # Panics
/// As [`resume`].
pub unsafe fn resume_for(frames: &[SavedFrame], mode: Mode, steps: &mut u64) -> Outcome {
    let mut machine = Machine::new(mode);
    machine.restore(frames);
    // SAFETY: the caller's promise.
    unsafe { finish(machine, steps) }
}

/// Executes a function as [`run`] does, but interrupts it after every `every` instructions (at least 1), throws its frames away, and continues from what
/// was saved; registers that were not live hold garbage then. For tests: the result must be that of [`run`].
///
/// # Safety
/// As [`run`].
///
/// # Panics
/// As [`run`].
pub unsafe fn run_in_pieces(function: &'static JitFunction, arguments: &[u64], mode: Mode, every: u64) -> Vec<u64> {
    let mut machine = Machine::new(mode);
    machine.begin(function, arguments);
    loop {
        // SAFETY: the caller's promise; an interrupted computation can be continued.
        let frames = match unsafe { machine.execute::<true>(&mut every.max(1)) } {
            End::Returned => return machine.take_results(),
            End::OutOfFuel(position) => machine.save(position),
            End::MergePoint | End::Leaving(_) | End::Entry(_) => unreachable!("{NO_PLACES}"),
        };
        drop(machine);
        machine = Machine::new(mode);
        machine.spoil(&frames);
        machine.restore(&frames);
    }
}

/// # Safety
/// As [`resume`], of what the machine was made to execute.
unsafe fn finish(mut machine: Machine, steps: &mut u64) -> Outcome {
    // SAFETY: the caller's promise.
    match unsafe { machine.execute::<true>(steps) } {
        End::Returned => Outcome::Returned(machine.take_results()),
        End::OutOfFuel(position) => Outcome::Interrupted(machine.save(position)),
        End::MergePoint | End::Leaving(_) | End::Entry(_) => unreachable!("{NO_PLACES}"),
    }
}

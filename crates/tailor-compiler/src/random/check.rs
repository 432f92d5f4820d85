//! What must be equal for one random unit.
//!
//! # What an optimiser must keep
//! An optimised unit may drop guards, merge them, move them to earlier places. So a run of it need not leave where the unit it was made of leaves. What must hold is: *after any exit of the
//! optimised unit, natural or forced, the original unit, resumed where the exit's frames say with the values that they have, ends as an undisturbed run of the original does*: with the
//! same outcome, the same memory, the same calls. (See [`resume`](super::resume) for what makes that possible.)
//!
//! # What a backend must keep
//! Everything: machine code leaves by the same exit with the same values and the same memory as the IR interpreter. Guards are made to fail by turning them
//! into their opposites before the unit is compiled; so they fail at their first execution that would have gone well.

use super::compare::{End, Exits, compare};
use super::generate::{Sample, arguments};
use super::resume::Resumer;
use super::world::World;
use crate::interp::{Force, Interpreter, Outcome};
use crate::ir::opcode::Class;
use crate::ir::{Descriptors, OpCode, Unit};
use crate::opt::Passes;
use crate::text::{Addresses, parse_with, print};
use crate::verify::verify;

/// An optimiser. The number is the check's seed: it may choose by it how to go about it.
pub type Optimise<'a> = dyn FnMut(&Unit, &mut Descriptors, u64) -> Unit + 'a;

/// A way to run a unit as machine code, with these arguments. The world has been reset. The number is the check's seed.
pub type Run<'a> = dyn FnMut(&Unit, &World, &[u64], u64) -> Outcome + 'a;

/// What is held against the IR interpreter.
#[derive(Default)]
pub struct Tools<'a> {
    /// An optimiser.
    pub optimise: Option<Box<Optimise<'a>>>,
    /// A backend.
    pub machine: Option<Box<Run<'a>>>,
    /// The optimiser's passes for pairs of units; `None` if the seed says.
    pub passes: Option<Passes>,
}

/// What has been done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Runs in the IR interpreter, resumptions apart.
    pub interpreted: u64,
    /// Runs of machine code.
    pub executed: u64,
    /// Exits that were taken and resumed.
    pub exits: u64,
    /// Operations of the original unit, and of what became of it.
    pub operations: [u64; 2],
    /// Loops of pairs that could be described for others, and pairs in which they were entered.
    pub described: u64,
    /// See `described`.
    pub entered: u64,
    /// Parts of units that inherit from others.
    pub inherited: u64,
}

/// What went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// In which step; the same mistake mostly fails in the same.
    pub step: Step,
    /// What was different.
    pub message: String,
    /// The unit that was run, if it is not the original one.
    pub unit: Option<String>,
}

/// The steps of a check, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The original unit is not well-formed, or does what units may not do.
    Original,
    /// Its text is not parsed to the same.
    Text,
    /// Forced exits of the original unit.
    Forced,
    /// The optimised unit is not well-formed.
    Optimised,
    /// A run of the optimised unit.
    OptimisedRun,
    /// Forced exits of the optimised unit.
    OptimisedForced,
    /// Machine code of the original unit.
    Machine,
    /// Machine code of the optimised unit.
    MachineOptimised,
    /// Machine code with a guard that fails.
    MachineForced,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.step, self.message)?;
        match &self.unit {
            Some(unit) => write!(f, "\n{unit}"),
            None => Ok(()),
        }
    }
}

/// The most operations that a run may execute: random units need a tenth of it.
const FUEL: u64 = 20_000;

/// Checks `sample` with the arguments and memory that `seed` says.
///
/// # Errors
/// The first difference.
pub fn check(world: &mut World, sample: &Sample, seed: u64, tools: &mut Tools) -> Result<Report, Box<Failure>> {
    let original = &sample.unit;
    well_formed(world, original)?;
    let optimised = match &mut tools.optimise {
        Some(optimise) => Some(optimise(original, &mut world.descriptors, seed)),
        None => None,
    };
    let world = &*world;
    let units = std::iter::once(original).chain(&world.callees.units).collect();
    let mut checker = Checker {
        world,
        seed,
        arguments: arguments(world, seed),
        original,
        resumer: Resumer::new(units),
        report: Report::default(),
        may_force: !tools.passes.unwrap_or_else(|| super::tools::passes(seed)).exits,
    };
    let undisturbed = checker.run(original, None).map_err(|message| failure(Step::Original, message))?;
    if !matches!(undisturbed.end.outcome, Outcome::Returned(_) | Outcome::Exited(_)) {
        return Err(failure(Step::Original, format!("{:?}", undisturbed.end.outcome)));
    }
    checker.forced(original, &undisturbed, &undisturbed.end, Step::Forced)?;
    checker.report.operations = [original.ops.len() as u64; 2];
    if let Some(optimised) = &optimised {
        checker.report.operations[1] = optimised.ops.len() as u64;
        checker.optimised(optimised, &undisturbed.end)?;
    }
    if let Some(machine) = &mut tools.machine {
        let unit = optimised.as_ref().unwrap_or(original);
        checker.machine(machine, original, Step::Machine)?;
        checker.machine(machine, unit, Step::MachineOptimised)?;
        checker.machine_forced(machine, unit)?;
    }
    Ok(checker.report)
}

pub(super) fn failure(step: Step, message: String) -> Box<Failure> {
    Box::new(Failure { step, message, unit: None })
}

/// Whether a unit obeys the rules, and is the same after it has been text.
fn well_formed(world: &mut World, unit: &Unit) -> Checked {
    let descriptors = &mut world.descriptors;
    verify(unit, descriptors).map_err(|error| failure(Step::Original, error.to_string()))?;
    let text = print(unit, descriptors, Addresses::Hidden);
    let again =
        parse_with(&text, descriptors, &World::symbol).map_err(|error| failure(Step::Text, error.to_string()))?;
    let printed = print(&again, descriptors, Addresses::Hidden);
    if printed == text { Ok(()) } else { Err(failure(Step::Text, printed)) }
}

pub(super) struct Checker<'a> {
    pub world: &'a World,
    pub seed: u64,
    pub arguments: Vec<u64>,
    pub original: &'a Unit,
    pub resumer: Resumer<'a>,
    pub report: Report,
    /// Whether guards of what has been optimised may fail though their conditions hold; see the pass `exits`.
    pub may_force: bool,
}

/// A run and how often each operation was executed in it.
pub(super) struct Ran {
    pub end: End,
    executions: Vec<u32>,
}

pub(super) type Checked = Result<(), Box<Failure>>;

impl Checker<'_> {
    /// A failure of a unit that is not the original.
    fn failure(&self, step: Step, unit: &Unit, message: String) -> Box<Failure> {
        let unit =
            (!std::ptr::eq(unit, self.original)).then(|| print(unit, &self.world.descriptors, Addresses::Hidden));
        Box::new(Failure { step, message, unit })
    }

    /// Runs a unit in the IR interpreter, from the state that the seed says.
    pub fn run(&mut self, unit: &Unit, force: Option<Force>) -> Result<Ran, String> {
        self.report.interpreted += 1;
        self.world.reset(self.seed);
        let mut interpreter = Interpreter::new(&self.world.descriptors, &self.world.runtime);
        let entries = |entry| self.world.unit(entry);
        (interpreter.fuel, interpreter.force, interpreter.entries) = (FUEL, force, &entries);
        interpreter.stack = self.world.layout.stack();
        // SAFETY: random units are sound in their world, and those made of them are meant to be: that is what is tested.
        let outcome = unsafe { interpreter.run(unit, &self.arguments) };
        let executions = std::mem::take(&mut interpreter.executions);
        Ok(Ran { end: End { outcome, state: self.world.capture()? }, executions })
    }

    /// If the run has left by an exit, runs the rest of it: of each unit that was left, innermost first, what it was made of. How it all ended.
    fn resume(&mut self, end: End) -> Result<End, String> {
        let Outcome::Exited(exits) = &end.outcome else { return Ok(end) };
        let entries = |entry| self.world.original(entry);
        let mut interpreter = Interpreter::new(&self.world.descriptors, &self.world.runtime);
        (interpreter.fuel, interpreter.entries) = (FUEL, &entries);
        interpreter.stack = self.world.layout.stack();
        let mut returned: Option<u64> = None;
        let mut outcome = Outcome::Returned(Vec::new());
        for (number, exit) in exits.iter().enumerate() {
            self.report.exits += 1;
            let (unit, at, mut values) = self.resumer.resume(exit)?;
            if let Some(word) = returned {
                // It goes on behind a call, with the call's value.
                values[at - 1] = word;
            }
            // SAFETY: as in `run`.
            outcome = match unsafe { interpreter.run_from(unit, at, values) } {
                Outcome::Exited(again) => {
                    let outer = exits[number + 1..].iter().cloned();
                    outcome = Outcome::Exited(again.into_iter().chain(outer).collect());
                    break;
                }
                outcome => outcome,
            };
            match &outcome {
                Outcome::Returned(words) => returned = Some(words.first().copied().unwrap_or(0)),
                _ => break,
            }
        }
        Ok(End { outcome, state: self.world.capture()? })
    }

    /// Lets each guard of `unit` that was executed in `ran` fail at its first execution and at a later one.
    fn forced(&mut self, unit: &Unit, ran: &Ran, expected: &End, step: Step) -> Checked {
        for op in guards(unit, ran) {
            let last = ran.executions[op] - 1;
            for execution in std::iter::once(0).chain((last > 0).then_some(last)) {
                let force = Some(Force { op, execution });
                let run = self.run(unit, force).and_then(|ran| self.resume(ran.end));
                let equal = run.and_then(|end| compare(self.world.layout, expected, &end, Exits::ByFrames));
                equal.map_err(|message| {
                    let message = format!("guard {op} failing at execution {execution}: {message}");
                    self.failure(step, unit, message)
                })?;
            }
        }
        Ok(())
    }

    pub fn optimised(&mut self, unit: &Unit, expected: &End) -> Checked {
        verify(unit, &self.world.descriptors)
            .map_err(|error| self.failure(Step::Optimised, unit, error.to_string()))?;
        let ran = self.run(unit, None).map_err(|message| self.failure(Step::OptimisedRun, unit, message))?;
        let executions = ran.executions;
        let equal =
            self.resume(ran.end.clone()).and_then(|end| compare(self.world.layout, expected, &end, Exits::ByFrames));
        equal.map_err(|message| self.failure(Step::OptimisedRun, unit, message))?;
        if !self.may_force {
            return Ok(());
        }
        self.forced(unit, &Ran { end: ran.end, executions }, expected, Step::OptimisedForced)
    }

    pub fn machine(&mut self, machine: &mut Run, unit: &Unit, step: Step) -> Checked {
        let expected = self.run(unit, None).map_err(|message| self.failure(step, unit, message))?;
        self.report.executed += 1;
        self.world.reset(self.seed);
        let outcome = machine(unit, self.world, &self.arguments, self.seed);
        let equal = self
            .world
            .capture()
            .and_then(|state| compare(self.world.layout, &expected.end, &End { outcome, state }, Exits::Exactly));
        equal.map_err(|message| self.failure(step, unit, message))
    }

    fn machine_forced(&mut self, machine: &mut Run, unit: &Unit) -> Checked {
        let ran = self.run(unit, None).map_err(|message| self.failure(Step::MachineForced, unit, message))?;
        // The guard by which the unit left may have failed at once; its opposite would let a run go on that is not meant to be.
        let last = match &ran.end.outcome {
            Outcome::Exited(exits) => exits.last().map(|exit| exit.op),
            _ => None,
        };
        for op in guards(unit, &ran) {
            if Some(op) == last && ran.executions[op] == 1 {
                continue;
            }
            let mut opposite = unit.clone();
            let guard = &mut opposite.ops[op];
            guard.code = match guard.code {
                OpCode::GuardTrue => OpCode::GuardFalse,
                OpCode::GuardFalse => OpCode::GuardTrue,
                _ => continue,
            };
            self.machine(machine, &opposite, Step::MachineForced)?;
        }
        Ok(())
    }
}

/// The guards of a unit that were executed.
fn guards(unit: &Unit, ran: &Ran) -> Vec<usize> {
    let executed = unit.ops.iter().zip(&ran.executions).enumerate();
    executed.filter(|(_, (op, times))| op.code.class() == Class::Guard && **times > 0).map(|(at, _)| at).collect()
}

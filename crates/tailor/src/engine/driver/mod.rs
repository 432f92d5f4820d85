//! The driver: enters units, takes over when they are left, decides what is traced, and compiles it.
//!
//! # What happens at a `can_enter!` that asks
//! 1. The location has code: it is entered. It comes back by a return (then the guest frame is left, by the interpreter's own function), or by an exit.
//! 2. It has none: it is traced, unless that failed too often.
//!
//! # Exits
//! All units on the native stack are interrupted. What they had put off is done (objects, stores), innermost first. The frames of the innermost are the state; of the others nothing is needed, since the
//! guest stack describes who called (see [`crate::trace`]). The black hole goes on with the frames up to the next merge point, and from there the interpreter.
//! An exit that is taken often is traced from, and continues in the bridge from then on.
//!
//! # The budget
//! What compiling costs, and what entering units loses, is held to a share of the running time ([`ledger`](super::ledger)); what is asked for beyond that is put off. The first unit costs more than others, since the interpreter is
//! read for it; that is charged beforehand. A unit that is worse than the interpreter, since there is no time yet for the bridges that it needs, or since none can be
//! made, is not entered for a while ([`profit`](super::profit)); with a budget of 0 it always is.
//!
//! Functions are hot before those that call them, and most of them are short: their units would not be worth entering, and their callers inline them. So what returns soon is not compiled the first times, unless a unit calls it. (Not
//! never: it may have been short by chance, where a recursion ends.)
//!
//! # Calls to and fro
//! The native stack holds at most one activation of the driver that runs units, plus one for each portal that native functions enter again. Compiled code recurses on the native stack as far as
//! [`Parameters::native_stack`] goes, and the thread's stack; then all of it is interrupted, and the interpreter goes on, which does not recurse.
//!
//! # Collections
//! Words that have been taken from interrupted units are held by [`Roots`] until they are in the black hole's or the tracer's frames.

mod units;

use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tailor_compiler::backend::{Compiler, Machine, MachineError};
use tailor_compiler::exit::{Code, ExitId, Interrupted};
use tailor_compiler::ir::{AliasClass, AliasSet, Descriptors, OpCode, Slot, Type, Unit};
use tailor_compiler::opt::Scratch;
use tailor_compiler::text::{Addresses, print};
use tailor_jitcode::JitFunction;
use tailor_jitcode::analysis::alias;
use tailor_jitcode::black_hole::{Reached, SavedFrame, Stop, resume_until};
use tailor_jitcode::code::{Operation, Register};

use tailor_gc::native_stack_low;

use self::units::UnitInfo;
use super::asker::Asker;
use super::clock::{Moment, ThreadTime};
use super::counters::Counters;
use super::delay::FIRST;
use super::landing::{Landing, RESULTS};
use super::ledger::Ledger;
use super::locations::{Location, Locations};
use super::log::Part;
use super::patience::Patience;
use super::portal::Portal;
use super::profit::Prospect;
use super::residual::Residuals;
use super::roots::Roots;
use super::takeover::{ExitState, Spare, World};
use super::threads::Threads;
use super::{Abort, Config, Dependencies, LocationId, Log, Outcome, Parameters, Stats};
use crate::trace::{Called, Continue, End, FrameShape, Operand, Tracer, Workspace};

/// How many instructions of jitcode a call that is not inlined may take while a trace is recorded.
const CALL_FUEL: u64 = 400_000;

/// The most words of its frame that a unit is passed in registers, so that it still has some for other things.
pub const PASSED: usize = 6;

/// How often a short unit has to return, without an exit in between, before it is held to be short whatever it is given. A unit whose trace was short by chance (where a recursion ends, say) must be entered to get
/// bridges for the rest.
const CALM: u32 = 1000;

/// Bytes of native stack that compiled code leaves to what it calls, where the stack ends sooner than [`Parameters::native_stack`] says.
const STACK_RESERVE: usize = 256 << 10;

/// An exit with this patience gets no bridge, however often it is taken.
const NEVER: u32 = u32::MAX;

/// How many times what returns soon is not compiled; and how much longer the location waits each time, in doublings.
const BRIEF: (u32, u32) = (2, 3);

/// Who asks for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// The interpreter, at a back edge.
    BackEdge,
    /// The interpreter, at a call.
    Call,
    /// A unit that calls it.
    Unit,
}

/// Whether an exit is traced from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bridge {
    Now,
    /// When it has been taken more often.
    Later,
    /// When there is time for compiling again.
    Unaffordable,
    Never,
}

/// How running a unit ended.
enum Ran {
    Returned(u64),
    Exited(ExitState),
}

/// How executing a callee of a trace ended.
pub enum Done {
    /// Its frame is to be left: what lives on in the portal, and the leaving function's arguments.
    Left(Vec<u64>, Vec<u64>),
    /// The portal has returned.
    Returned(Vec<u64>),
    /// It takes too long.
    Unfinished(Vec<SavedFrame>),
}

/// See the module.
pub struct Driver {
    pub(crate) parameters: Parameters,
    pub(super) describe: fn(&[u64]) -> String,
    pub(super) log: Log,
    pub(super) portal: Option<Portal>,
    pub(super) machine: Machine,
    pub(super) compiler: Compiler,
    pub(crate) descriptors: Descriptors,
    scratch: Scratch,
    optimised: Unit,
    pub(crate) locations: Locations,
    pub(super) units: FxHashMap<*const Code, UnitInfo>,
    /// Code that is not entered any more; it may be executing, so it stays until nothing is.
    pub(super) retired: Vec<Rc<Code>>,
    /// Whether there is no room for more code.
    pub(super) full: bool,
    shapes: Vec<FrameShape>,
    /// Those of a function whose relative slots have this sum.
    shape_numbers: FxHashMap<(*const JitFunction, u64), Vec<u32>>,
    /// What calls of residual functions are recorded as.
    pub(crate) called: FxHashMap<*const JitFunction, Called>,
    pub(crate) residuals: Residuals,
    pub(crate) buffer_class: AliasClass,
    /// Classes whose places are reached by addresses within objects, too.
    pub(crate) indexed: AliasSet,
    pub(crate) roots: Rc<Roots>,
    pub(super) dependencies: Rc<Dependencies>,
    pub(crate) stats: Stats,
    pub(super) results: Vec<u64>,
    /// Tier 1.
    pub(super) threads: Threads,
    /// The lowest address that compiled code may let the native stack reach.
    stack_limit: Box<u64>,
    pub(super) ledger: Ledger,
    pub(super) patience: Patience,
    /// How long units have been executed on behalf of the trace that is being recorded: the program's own time.
    executing: Duration,
    /// How many activations of [`Driver::execute`] there are.
    pub(super) running: u32,
    spare: Spare,
    // Memory of the tracer.
    pub(crate) workspace: Workspace,
    pub(crate) slots: Vec<Slot>,
    pub(crate) relative: Vec<u16>,
    pub(crate) arguments: Vec<Operand>,
    pub(crate) returned: Vec<Operand>,
    /// Results of the function that has been called last.
    pub(crate) answered: Vec<u64>,
}

impl Driver {
    pub(super) fn new(
        config: Config,
        roots: Rc<Roots>,
        dependencies: Rc<Dependencies>,
    ) -> Result<Driver, MachineError> {
        let ledger = Ledger::new(config.parameters.budget);
        let patience = Patience::new(config.parameters.tier2_patience);
        let stack_limit = Box::new(0);
        let mut runtime = config.runtime;
        runtime.stack_limit = std::ptr::from_ref::<u64>(&stack_limit) as usize;
        let machine = Machine::new(runtime, config.parameters.code_limit)?;
        Ok(Driver {
            parameters: config.parameters,
            describe: config.describe,
            log: config.log,
            portal: None,
            machine,
            compiler: Compiler::new(),
            descriptors: Descriptors::default(),
            scratch: Scratch::default(),
            optimised: Unit::default(),
            locations: Locations::default(),
            units: FxHashMap::default(),
            retired: Vec::new(),
            full: false,
            shapes: Vec::new(),
            shape_numbers: FxHashMap::default(),
            called: FxHashMap::default(),
            answered: Vec::new(),
            residuals: Residuals::default(),
            indexed: AliasSet::NONE,
            buffer_class: alias::class("tailor", "call buffer"),
            roots,
            dependencies,
            stats: Stats::default(),
            results: Vec::new(),
            threads: Threads::default(),
            stack_limit,
            ledger,
            patience,
            executing: Duration::ZERO,
            running: 0,
            spare: Spare::default(),
            workspace: Workspace::default(),
            slots: Vec::new(),
            relative: Vec::new(),
            arguments: Vec::new(),
            returned: Vec::new(),
        })
    }

    /// The words of the portal's result.
    pub fn results(&self) -> &[u64] {
        &self.results
    }

    // ---- What traces ask.

    /// The portal.
    pub(crate) fn portal(&self) -> &Portal {
        self.portal.as_ref().expect("the portal is known before anything is traced")
    }

    /// What lives on in the portal where it leaves guest frames.
    pub(crate) fn set_leave_values(&mut self, values: Vec<u64>) {
        if let Some(Portal { leave: Some(site), .. }) = &mut self.portal {
            site.values = Some(values);
        }
    }

    /// The number of a shape.
    pub(crate) fn shape(&mut self, function: &'static JitFunction, relative: &[u16]) -> u32 {
        let sum = relative.iter().fold(0, |sum: u64, &slot| sum.wrapping_add(1 << (slot % 64)));
        let numbers = self.shape_numbers.entry((function, sum)).or_default();
        let shapes = &mut self.shapes;
        if let Some(&number) = numbers.iter().find(|&&number| *shapes[number as usize].relative == *relative) {
            return number;
        }
        let number = shapes.len() as u32;
        shapes.push(FrameShape { function, relative: relative.into() });
        numbers.push(number);
        number
    }

    /// The shape with this number.
    pub(crate) fn shape_of(&self, number: u32) -> &FrameShape {
        &self.shapes[number as usize]
    }

    /// The location with these greens.
    pub(crate) fn location(&mut self, greens: &[u64]) -> Option<LocationId> {
        let result = self.portal.as_ref()?.leave.as_ref().map_or(Type::Void, |site| site.result);
        self.locations.find(greens, &mut self.descriptors, result)
    }

    /// Settles which words of its frame the unit of a location is passed; see [`Locations::settle`].
    pub(crate) fn settle(&mut self, location: LocationId, offsets: &[i32]) {
        self.locations.settle(location, offsets, &mut self.descriptors);
    }

    /// Whether there is time for compiling.
    fn affordable(&mut self) -> bool {
        let Stats { tracing, optimising, assembling, .. } = self.stats;
        self.ledger.affords((tracing + optimising + assembling).max(FIRST))
    }

    /// Whether a location may still be traced.
    pub(crate) fn may_trace(&self, location: LocationId) -> bool {
        self.locations[location].aborts < self.parameters.abort_limit
    }

    // ---- Entering.

    /// Looks at the portal, the first time.
    fn learn(&mut self, function: &'static JitFunction) -> Option<()> {
        if self.portal.is_none() {
            let begun = ThreadTime::now();
            self.portal = Some(Portal::learn(function)?);
            if self.parameters.tier1 {
                // Its jitcode, above all.
                let building = begun.elapsed();
                self.stats.building += building;
                self.stats.threading += building;
            }
        }
        Some(())
    }

    /// The location that a state is at; its greens have this hash.
    fn location_at(&mut self, hash: u64, state: &[u64]) -> Option<LocationId> {
        if let Some(known) = self.locations.recall(hash, state, &self.portal().greens) {
            return Some(known);
        }
        let greens: Vec<u64> = self.portal().greens.iter().map(|&at| state[at]).collect();
        let location = self.location(&greens)?;
        self.locations.remember(hash, location);
        Some(location)
    }

    /// See [`super::enter`].
    pub(super) fn enter(
        &mut self,
        counters: &Counters,
        portal: &'static JitFunction,
        hash: u64,
        state: &mut [u64],
    ) -> Outcome {
        let asked = Moment::now();
        self.discard_invalid();
        if self.clear_up(counters) {
            return Outcome::Not;
        }
        if self.learn(portal).is_none() {
            counters.rest(hash, 1);
            return Outcome::Not;
        }
        let Some(location) = self.location_at(hash, state) else {
            counters.rest(hash, 1);
            return Outcome::Not;
        };
        let asker = Asker::Interpreter { counters, hash };
        let threads = self.parameters.tier1 && self.locations[location].code.is_none();
        if threads {
            return self.enter_threads(&asker, state);
        }
        match self.enter_location(&asker, location, asked, state) {
            Outcome::Moved if self.parameters.tier1 => self.go_on_in_threads(state),
            outcome => outcome,
        }
    }

    /// Enters the unit of a location, or makes one.
    pub(super) fn enter_location(
        &mut self,
        asker: &Asker,
        location: LocationId,
        asked: Moment,
        state: &mut [u64],
    ) -> Outcome {
        if let Some(code) = self.locations[location].code.clone() {
            let Location { short, calm, ref profit, .. } = self.locations[location];
            if profit.in_debt() && !self.affordable() {
                asker.doze(0);
                return Outcome::Not;
            }
            asker.pin();
            if short && calm >= CALM {
                asker.doze(0);
            }
            let outcome = self.run(location, &code, asked, state);
            if self.parameters.budget != 0
                && let Some(doublings) = self.locations[location].profit.rest()
            {
                asker.doze(doublings);
            }
            return outcome;
        }
        if asker.is_pinned() {
            asker.rest(1);
            self.locations[location].asked += 1;
            if self.locations[location].asked < self.parameters.threshold {
                return Outcome::Not;
            }
            self.locations[location].asked = 0;
        }
        if !self.may_trace(location) {
            asker.rest(64);
            return Outcome::Not;
        }
        if !self.affordable() {
            asker.wait();
            return Outcome::Not;
        }
        let asking = if asker.called() { Asking::Call } else { Asking::BackEdge };
        let outcome = self.trace(location, asking, state);
        if self.locations[location].code.is_some() {
            asker.pin();
        } else {
            let Location { aborts, brief, .. } = self.locations[location];
            asker.rest(1 << (aborts + brief * BRIEF.1).min(6));
        }
        outcome
    }

    /// Runs the unit of a location, which was asked about some time ago, and takes over when it comes back.
    fn run(&mut self, location: LocationId, code: &Rc<Code>, asked: Moment, state: &mut [u64]) -> Outcome {
        let frame = state[self.portal().frame];
        self.stats.entries += 1;
        let entered = Moment::now();
        match self.execute(location, code, frame) {
            Ran::Returned(value) => {
                let left = Moment::now();
                self.stats.returns += 1;
                let outcome = self.returned(frame, value, state);
                let Location { calm, profit, .. } = &mut self.locations[location];
                *calm = calm.saturating_add(1);
                self.ledger.book(profit.visited([asked, entered, left, Moment::now()], Prospect::Same));
                outcome
            }
            Ran::Exited(exit) => {
                self.locations[location].calm = 0;
                let left = exit.left;
                let bridge = self.bridge_for(&exit);
                let before = (self.stats.recorded, self.stats.units + self.stats.bridges);
                let outcome = self.exited(exit, bridge, state);
                let after = (self.stats.recorded, self.stats.units + self.stats.bridges);
                let profit = &mut self.locations[location].profit;
                if before.1 != after.1 {
                    profit.renew();
                } else if before.0 == after.0 {
                    let prospect = if bridge == Bridge::Later { Prospect::Better } else { Prospect::Same };
                    self.ledger.book(profit.visited([asked, entered, left, Moment::now()], prospect));
                }
                outcome
            }
        }
    }

    /// A unit has returned: leaves its guest frame, and goes on.
    fn returned(&mut self, frame: u64, value: u64, state: &mut [u64]) -> Outcome {
        let arguments = [frame, value];
        let portal = self.portal.as_mut().expect("units have been traced");
        let function = portal.function;
        let site = portal.leave.as_mut().expect("units return only where the portal leaves frames");
        let mut answered = [0; RESULTS];
        match &site.landing {
            Some(Some(landing)) => {
                // SAFETY: the portal would call it so.
                let landed = unsafe { landing.land(&arguments, &mut answered, state) };
                if landed {
                    return Outcome::Moved;
                }
            }
            // SAFETY: as above; leaving functions answer few words, else the portal would not be said to leave frames by them.
            _ => unsafe { (site.function.native)(arguments.as_ptr(), answered.as_mut_ptr()) },
        }
        let call = function.code().operation(site.position);
        let Operation::Call { results, .. } = call else { unreachable!("the leaving function is called there") };
        let values = site.values.clone().unwrap_or_default();
        let result = &answered[..results.len()];
        if site.landing.is_none() {
            site.landing = Some(Landing::find(function.code(), site.position, &values, result));
        }
        // Behind the call, with its result.
        let known = |register: &Register| {
            let across = site.registers.iter().position(|other| other == register).map(|at| values[at]);
            across.or_else(|| results.iter().position(|other| other == register).map(|at| result[at]))
        };
        let live = function.code().live(site.position + 1).iter();
        let values = live.map(|register| known(register).unwrap_or_default()).collect();
        let frame = SavedFrame { function, position: site.position + 1, values };
        self.go_on(Continue::Frames(vec![frame]), state)
    }

    /// Goes on to the next merge point.
    fn go_on(&mut self, going_on: Continue, state: &mut [u64]) -> Outcome {
        let words = match going_on {
            Continue::Returned(words) => {
                self.results = words;
                self.roots.release();
                return Outcome::Returned;
            }
            Continue::Frames(frames) => {
                let stop = Stop { merge_point: true, ..Stop::default() };
                // SAFETY: the frames are those of an interrupted computation.
                let reached = unsafe { resume_until(&frames, stop, &mut u64::MAX.clone()) };
                self.spare.recycle(frames);
                reached
            }
        };
        self.roots.release();
        match words {
            Reached::MergePoint(words) => {
                state.copy_from_slice(&words);
                Outcome::Moved
            }
            Reached::Returned(words) => {
                self.results = words;
                Outcome::Returned
            }
            Reached::Left { .. } | Reached::Entry { .. } | Reached::OutOfFuel(_) => {
                unreachable!("neither was asked for")
            }
        }
    }

    // ---- Units.

    /// Runs the unit of a location.
    fn execute(&mut self, location: LocationId, code: &Rc<Code>, frame: u64) -> Ran {
        let mut arguments = [frame; 1 + PASSED];
        let passed = self.locations.passed(location);
        for (argument, &offset) in arguments[1..].iter_mut().zip(passed) {
            // SAFETY: a word of the frame, which its callers write.
            *argument = unsafe { (frame.wrapping_add(offset as u64) as *const u64).read() };
        }
        let arguments = &arguments[..1 + passed.len()];
        if self.running == 0 {
            let here = std::ptr::from_ref(&frame) as usize;
            let wanted = here.saturating_sub(self.parameters.native_stack);
            *self.stack_limit = wanted.max(native_stack_low() + STACK_RESERVE) as u64;
        }
        self.running += 1;
        let mut exit = ExitState::default();
        // Units that are run meanwhile, by native functions that enter the portal again, find none.
        let mut spare = std::mem::take(&mut self.spare);
        let mut handler = |interrupted: &mut Interrupted| {
            let left = Moment::now();
            let world = World {
                descriptors: &self.descriptors,
                shapes: &self.shapes,
                roots: &self.roots,
                locations: &self.locations,
                portal: self.portal(),
                runtime: self.machine.runtime(),
            };
            exit = world.take_over(interrupted, &mut spare);
            exit.left = left;
        };
        // SAFETY: the unit does what the interpreter would do in this frame; the handler does not unwind.
        let returned = unsafe { self.machine.enter(code, 0, arguments, &mut handler) };
        let returned = returned.map(|returned| returned.first());
        self.running -= 1;
        self.spare = spare;
        match returned {
            Some(value) => Ran::Returned(value),
            None => Ran::Exited(exit),
        }
    }

    /// Goes on where a unit was left, by an exit that has this prospect of a bridge.
    fn exited(&mut self, exit: ExitState, bridge: Bridge, state: &mut [u64]) -> Outcome {
        self.stats.exits += 1;
        if let Some((location, there)) = &exit.unbound {
            self.stats.refused += 1;
            let (location, there) = (*location, there.clone());
            self.locations[location].asked += 1;
            if self.locations[location].asked >= self.parameters.trace_eagerness.max(1)
                && self.may_trace(location)
                && self.affordable()
            {
                self.locations[location].asked = 0;
                self.roots.release();
                state.copy_from_slice(&there);
                return self.trace(location, Asking::Unit, state);
            }
        } else if let Some((code, id)) = exit.source.clone() {
            if bridge == Bridge::Now {
                return self.trace_bridge(&exit, &code, id, state);
            }
            self.force_next(&code, id);
        }
        self.go_on(Continue::Frames(exit.frames), state)
    }

    /// Whether an exit that has just been taken is to be traced from.
    fn bridge_for(&mut self, exit: &ExitState) -> Bridge {
        if let Some((location, _)) = exit.unbound {
            return if self.may_trace(location) && self.affordable() { Bridge::Later } else { Bridge::Never };
        }
        let Some((code, id)) = &exit.source else { return Bridge::Never };
        let Some(info) = self.units.get(&Rc::as_ptr(code)) else { return Bridge::Never };
        let eagerness = self.parameters.eagerness(place(info.location, *id));
        let patience = info.patience.get(id).copied().unwrap_or(eagerness);
        let room = self.units.get(&info.root).is_some_and(|root| root.bridges > 0);
        if eagerness == 0 || patience == NEVER || !room || info.forcing.is_some() {
            Bridge::Never
        } else if !self.affordable() {
            Bridge::Unaffordable
        } else if code.count(*id) < patience {
            Bridge::Later
        } else {
            Bridge::Now
        }
    }

    /// Executes a call of a unit on behalf of a trace that is being recorded: in code where there is some, else in the black hole. `state` is that at the callee's entry.
    pub(crate) fn execute_callee(&mut self, mut location: LocationId, frame: u64, state: &[u64]) -> Done {
        let stop = Stop { leaving: Some(frame), entry: true, ..Stop::default() };
        let mut fuel = CALL_FUEL;
        let mut frames = self.portal().beginning(state);
        let mut entered = frame;
        loop {
            if let Some(code) = self.locations[location].code.clone() {
                let begun = ThreadTime::now();
                let ran = self.execute(location, &code, entered);
                self.executing += begun.elapsed();
                frames = match ran {
                    Ran::Returned(value) if entered == frame => {
                        let values = self.portal().leave.as_ref().and_then(|site| site.values.clone());
                        return Done::Left(values.unwrap_or_default(), vec![frame, value]);
                    }
                    Ran::Returned(value) => vec![self.portal().leaving(entered, value)],
                    Ran::Exited(exit) => exit.frames,
                };
            }
            (location, entered) = loop {
                // SAFETY: the frames are those of an interrupted computation, or of one that begins.
                let reached = unsafe { resume_until(&frames, stop, &mut fuel) };
                match reached {
                    Reached::Left { values, arguments, .. } => return Done::Left(values, arguments),
                    Reached::Returned(words) => return Done::Returned(words),
                    Reached::OutOfFuel(frames) => return Done::Unfinished(frames),
                    Reached::MergePoint(_) => unreachable!("it was not asked for"),
                    Reached::Entry { state, frames: next } => {
                        frames = next;
                        let greens: Vec<u64> = self.portal().greens.iter().map(|&at| state[at]).collect();
                        if let Some(known) = self.locations.known(&greens)
                            && self.locations[known].code.is_some()
                        {
                            break (known, state[self.portal().frame]);
                        }
                    }
                }
            };
        }
    }

    // ---- Tracing.

    /// Traces a location from this state on: the entry of a guest method, or a header.
    fn trace(&mut self, mut location: LocationId, mut asking: Asking, state: &mut [u64]) -> Outcome {
        // A trace may give way to that of an inner loop, and that to another, but not for ever.
        for _ in 0..8 {
            let is_call = asking != Asking::BackEdge;
            if !is_call {
                self.settle(location, &[]);
            }
            let begun = ThreadTime::now();
            let Some(tracer) = Tracer::at_location(self, location, state) else {
                self.aborted(location, Abort::TablesFull);
                break;
            };
            let (traced, going_on) = tracer.run();
            self.recorded_since(begun);
            match traced.end {
                // Perhaps it was the last iteration: the next time will tell. A loop that is always left at once is none.
                End::Complete if !is_call && !traced.closed && self.locations[location].aborts < 2 => {
                    self.aborted(location, Abort::LoopLeft);
                    return self.go_on(going_on, state);
                }
                End::Complete if asking == Asking::Call && self.is_brief(location) => {
                    self.log_recorded(location, "returns soon");
                    self.stats.brief += 1;
                    self.locations[location].brief += 1;
                    return self.go_on(going_on, state);
                }
                End::Complete => {
                    self.log_recorded(location, "trace");
                    self.settle(location, &[]);
                    let closed = traced.closed.then_some(location);
                    match self.compile(&traced, None, closed) {
                        Ok(compiled) => {
                            self.locations[location].short = self.is_short();
                            self.install(location, compiled, &traced.dependencies);
                        }
                        Err(abort) => self.aborted(location, abort),
                    }
                    return self.go_on(going_on, state);
                }
                End::Aborted(abort) => {
                    self.log_recorded(location, abort.text());
                    self.aborted(location, abort);
                    return self.go_on(going_on, state);
                }
                End::Instead(other, frame) => {
                    self.stats.aborts[Abort::InnerLoop as usize] += 1;
                    self.roots.release();
                    if other != location {
                        (location, asking) = (other, Asking::BackEdge);
                    }
                    state.copy_from_slice(&self.portal().state(&self.locations[other].greens, frame));
                }
            }
        }
        let frames = self.portal().beginning(state);
        self.go_on(Continue::Frames(frames), state)
    }

    /// Traces from an exit on.
    fn trace_bridge(&mut self, exit: &ExitState, code: &Rc<Code>, id: ExitId, state: &mut [u64]) -> Outcome {
        let begun = ThreadTime::now();
        let Some(location) = self.units.get(&Rc::as_ptr(code)).map(|info| info.location) else {
            return self.go_on(Continue::Frames(exit.frames.clone()), state);
        };
        // A unit that inlines what is not inlined any more: it is better made anew.
        if exit.call.is_some_and(|call| call != location && !self.locations[call].inlined)
            && self.root(code) == self.locations[location].code.as_ref().map(Rc::as_ptr)
        {
            self.discard(location);
            return self.go_on(Continue::Frames(exit.frames.clone()), state);
        }
        let entering = self.units.get(&Rc::as_ptr(code)).and_then(|info| info.entering);
        let header = entering.filter(|entering| entering.guards(code, id)).map(|entering| entering.header);
        let Some(tracer) = Tracer::at_exit(self, exit, header) else {
            self.bridge_failed(code, id, Abort::TooDeep);
            return self.go_on(Continue::Frames(exit.frames.clone()), state);
        };
        let (traced, going_on) = tracer.run();
        self.recorded_since(begun);
        match traced.end {
            // As far as that, the black hole goes in any case.
            End::Complete if !traced.gets_on => self.bridge_failed(code, id, Abort::Empty),
            End::Complete => {
                self.log_recorded(location, "bridge");
                match self.compile(&traced, Some((code, id)), None) {
                    Ok(bridge) => {
                        self.branched(exit);
                        self.locations[location].short &= self.is_short();
                        self.attach(location, code, id, bridge, &traced.dependencies);
                    }
                    Err(abort) => self.bridge_failed(code, id, abort),
                }
            }
            End::Aborted(abort) => self.bridge_failed(code, id, abort),
            End::Instead(other, frame) => {
                self.bridge_failed(code, id, Abort::InnerLoop);
                self.roots.release();
                state.copy_from_slice(&self.portal().state(&self.locations[other].greens, frame));
                return self.trace(other, Asking::BackEdge, state);
            }
        }
        self.go_on(going_on, state)
    }

    /// Whether entering the unit from the interpreter would take longer than what it does.
    fn is_short(&self) -> bool {
        self.returns() && self.optimised.ops.len() < self.parameters.short_unit as usize
    }

    /// Whether what has been recorded is not to be compiled yet, since it returns soon.
    fn is_brief(&self, location: LocationId) -> bool {
        let recorded = self.workspace.unit.ops.len();
        self.returns() && recorded < self.parameters.short_unit as usize && self.locations[location].brief < BRIEF.0
    }

    /// Whether what has been recorded returns without a call.
    fn returns(&self) -> bool {
        let recorded = &self.workspace.unit;
        let last = recorded.ops.last().map(|op| op.code);
        last == Some(OpCode::Return) && recorded.ops.iter().all(|op| op.code != OpCode::CallUnit)
    }

    /// Books the time that recording has taken.
    fn recorded_since(&mut self, begun: ThreadTime) {
        self.stats.tracing += begun.elapsed().saturating_sub(std::mem::take(&mut self.executing));
    }

    fn aborted(&mut self, location: LocationId, abort: Abort) {
        self.stats.aborts[abort as usize] += 1;
        self.locations[location].aborts += 1;
        self.log.write(Part::Exits, || format!("abort at {}: {}", self.name(location), abort.text()));
    }

    fn bridge_failed(&mut self, code: &Rc<Code>, id: ExitId, abort: Abort) {
        self.stats.aborts[abort as usize] += 1;
        code.set_count(id, 0);
        if let Some(info) = self.units.get_mut(&Rc::as_ptr(code)) {
            let eagerness = self.parameters.eagerness(place(info.location, id));
            let patience = info.patience.entry(id).or_insert(eagerness);
            *patience = match abort {
                // What was given up for an inner loop is tried again as soon as before.
                Abort::InnerLoop => *patience,
                // It will be the same again.
                Abort::Empty => NEVER,
                _ => patience.saturating_mul(4),
            };
        }
    }

    // ---- For people.

    fn name(&self, location: LocationId) -> String {
        (self.describe)(&self.locations[location].greens)
    }

    fn log_recorded(&self, location: LocationId, what: &str) {
        self.log.write(Part::Trace, || {
            let text = print(&self.workspace.unit, &self.descriptors, Addresses::Hidden);
            format!("; {what} at {}\n{text}", self.name(location))
        });
    }
}

/// What tells exits of different units apart, more or less.
fn place(location: LocationId, id: ExitId) -> u64 {
    u64::from(location.0) << 32 | u64::from(id.0)
}

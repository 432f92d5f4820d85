//! Units: from what was recorded to code that is entered; what is known of code; taking it away.
//!
//! # Terms
//! - A *tree* is a unit that begins at a location, with its bridges, and their bridges.
//!
//! # Why so
//! - *Why is what units rest on, and where they belong, kept beside their code?* The compiler knows nothing of locations.
//! - *Why is a tree made anew, and not mended, when a method in it is not to be inlined any more?* Its units know each other's registers.

use std::rc::{Rc, Weak};

use rustc_hash::FxHashMap;
use tailor_compiler::backend::CompileError;
use tailor_compiler::exit::{Code, ExitId};
use tailor_compiler::ir::{EntryId, Op, OpCode, Unit};
use tailor_compiler::opt::{Inherited, Links, LoopEntry, Options, Origin, Passes, optimise_linked};
use tailor_compiler::text::{Addresses, print};
use tailor_jitcode::code::Position;

use super::{Driver, ExitState};
use crate::engine::clock::ThreadTime;
use crate::engine::log::Part;
use crate::engine::{Abort, LocationId};
use crate::trace::{ROOT_FRAME, Traced};

/// What is known of a unit beside its code.
#[derive(Debug)]
pub(in crate::engine) struct UnitInfo {
    /// Whose information this is; while it is known here, no other code has its address.
    pub code: Weak<Code>,
    /// Where its tree of units begins.
    pub(super) location: LocationId,
    /// The tree's first unit, which may have made way for another at the location since.
    pub(super) root: *const Code,
    /// How many more bridges the tree may have; kept for its first unit.
    pub(super) bridges: u32,
    /// By exit: how often it is taken before a bridge is tried again.
    pub(super) patience: FxHashMap<ExitId, u32>,
    /// Where it enters a loop of another unit.
    pub(super) entering: Option<Entering>,
    /// The unit, for bridges that continue it.
    pub(super) origin: Rc<Origin>,
    /// What is still to be forced, in tests.
    pub(super) forcing: Option<Box<Forcing>>,
}

/// Where a unit enters the loop of another behind the first iteration. It guards what that loop relies on; a guard that fails stands at the loop's header, and its bridge goes to the loop's beginning. (If it recorded an
/// iteration to enter the loop then, it would guard the same, and its bridge again: an endless chain.)
#[derive(Clone, Copy, Debug)]
pub(super) struct Entering {
    pub header: LocationId,
    /// Where the portal stands.
    position: Position,
}

impl Entering {
    /// What a unit was recorded for that goes on at this location.
    fn of(unit: &Unit, header: LocationId) -> Option<Entering> {
        let guard = unit.ops.len().checked_sub(2).map(|at| unit.ops[at])?;
        let frame = unit.snapshots.snapshots[guard.a as usize].frames?;
        let position = unit.snapshots.frames[frame.0 as usize].position;
        (guard.code == OpCode::GuardValid).then_some(Entering { header, position })
    }

    /// Whether an exit is by one of its guards.
    pub fn guards(self, code: &Code, id: ExitId) -> bool {
        let all = code.snapshots();
        let Some(snapshot) = code.snapshot_of(id) else { return false };
        let mut chain = all.chain(all.snapshots[snapshot.0 as usize].frames).map(|frame| &all.frames[frame.0 as usize]);
        let (portal, root) = (chain.next(), chain.next());
        portal.is_some_and(|frame| frame.position == self.position) && root.is_some_and(|root| root.code == ROOT_FRAME)
    }
}

/// A unit that has been compiled.
pub(super) struct Compiled {
    code: Rc<Code>,
    entering: Option<Entering>,
    origin: Rc<Origin>,
}

/// A unit whose guards are made to fail, one after the other, each by code of its own.
#[derive(Debug)]
pub(super) struct Forcing {
    unit: Unit,
    /// The exit that it continues, if it is a bridge.
    parent: Option<(Rc<Code>, ExitId)>,
    /// Operations that are guards; the last is to fail now.
    guards: Vec<usize>,
    /// How often the code has been left otherwise.
    missed: u32,
    /// What the unit rests on.
    dependencies: Box<[u64]>,
}

/// After how many exits elsewhere a guard is taken for one that is not reached.
const MISSES: u32 = 10;

impl Driver {
    /// The first unit of the tree that code belongs to.
    pub(super) fn root(&self, code: &Rc<Code>) -> Option<*const Code> {
        self.units.get(&Rc::as_ptr(code)).map(|info| info.root)
    }

    /// Compiles the unit that was recorded: a bridge for an exit, or one that begins at a location. `closed` is that location if the unit is a loop.
    pub(super) fn compile(
        &mut self,
        traced: &Traced,
        bridge: Option<(&Rc<Code>, ExitId)>,
        closed: Option<LocationId>,
    ) -> Result<Compiled, Abort> {
        let unit = &self.workspace.unit;
        tailor_compiler::verify::debug_verify(unit, &self.descriptors, "the tracer");
        let begun = ThreadTime::now();
        // Guards that are made to fail say nothing.
        let exits = self.parameters.passes.exits && !self.parameters.fail_guards;
        let passes = Passes { exits, ..self.parameters.passes };
        let runtime = self.machine.runtime();
        let is_lasting = (runtime.is_lasting, runtime.context);
        let options = Options { passes, harmless: runtime.harmless, is_lasting, ..Options::default() };
        // Where the unit goes on, and how its own loop shall be called.
        let goes_on = unit.ops.last().filter(|op| op.code == OpCode::JumpUnit).map(|op| EntryId(op.aux));
        let target = goes_on.and_then(|entry| self.locations.of_entry(entry));
        let known = target.filter(|_| !traced.at_beginning);
        let known = known.and_then(|location| self.locations[location].loop_entry.as_ref());
        let loops: Vec<(EntryId, &LoopEntry)> = goes_on.zip(known).into_iter().collect();
        let name = closed.map(|location| format!("location{}.loop{}", location.0, self.stats.units));
        let inherited = bridge.and_then(|(parent, id)| {
            let origin = Rc::clone(&self.units.get(&Rc::as_ptr(parent))?.origin);
            Some(Inherited { origin, exit: parent.operation_of(id), values: parent.exit_values(id) })
        });
        let links = Links { loop_entry: name.as_deref(), loops: &loops, inherited: inherited.as_ref() };
        let summary =
            optimise_linked(unit, &mut self.descriptors, &options, &links, &mut self.scratch, &mut self.optimised);
        self.stats.linked += u64::from(summary.enters_loop);
        self.stats.optimising += begun.elapsed();
        let begun = ThreadTime::now();
        let optimised = std::mem::take(&mut self.optimised);
        let code = self.assemble(&optimised, bridge);
        self.optimised = optimised;
        self.stats.assembling += begun.elapsed();
        let code = code?;
        if let Some(location) = closed {
            if let Some(entry) = &summary.loop_entry
                && let Some(number) = code.entry_of(entry.label)
            {
                self.machine.bind(entry.entry, &code, number);
            }
            self.locations[location].loop_entry.clone_from(&summary.loop_entry);
        }
        let origin = Origin::new(&self.optimised, summary.loop_entry, inherited);
        self.stats.emitted += self.optimised.ops.len() as u64;
        self.stats.code_bytes += u64::from(code.size());
        self.roots.add_constants(self.optimised.constants.iter().map(|&(_, word)| word));
        self.log.write(Part::Opt, || print(&self.optimised, &self.descriptors, Addresses::Hidden));
        self.log.write(Part::Asm, || tailor_compiler::backend::listing(&code, &self.optimised));
        let entering =
            target.filter(|_| summary.enters_loop).and_then(|header| Entering::of(&self.workspace.unit, header));
        Ok(Compiled { code, entering, origin })
    }

    /// Makes machine code of an optimised unit.
    fn assemble(&mut self, unit: &Unit, bridge: Option<(&Rc<Code>, ExitId)>) -> Result<Rc<Code>, Abort> {
        let code = match bridge {
            None => self.compiler.compile(&self.machine, unit, &self.descriptors),
            Some((parent, id)) => self.compiler.compile_bridge(&self.machine, unit, &self.descriptors, parent, id),
        };
        code.map_err(|error| {
            self.full |= matches!(error, CompileError::Memory(_));
            Abort::NotCompiled
        })
    }

    /// For tests: what makes each guard of the unit that has just been compiled fail.
    fn forcing(&self, parent: Option<(&Rc<Code>, ExitId)>, dependencies: &[u64]) -> Option<Box<Forcing>> {
        if !self.parameters.fail_guards {
            return None;
        }
        let is_guard = |op: &Op| matches!(op.code, OpCode::GuardTrue | OpCode::GuardFalse);
        let ops = self.optimised.ops.iter().enumerate();
        let guards = ops.filter(|(_, op)| is_guard(op)).map(|(at, _)| at).collect();
        let parent = parent.map(|(code, id)| (Rc::clone(code), id));
        let dependencies = dependencies.into();
        Some(Box::new(Forcing { unit: self.optimised.clone(), parent, guards, missed: 0, dependencies }))
    }

    /// An exit has been taken in code that forces guards: goes on to the next guard, once this one has failed.
    pub(super) fn force_next(&mut self, code: &Rc<Code>, id: ExitId) {
        let Some(info) = self.units.get_mut(&Rc::as_ptr(code)) else { return };
        let Some(forcing) = &mut info.forcing else { return };
        forcing.missed += 1;
        if forcing.guards.last() != Some(&code.operation_of(id)) && forcing.missed < MISSES {
            return;
        }
        forcing.missed = 0;
        forcing.guards.pop();
        let (location, forcing) = (info.location, info.forcing.take());
        if let Some(forcing) = forcing {
            self.force(location, forcing);
        }
    }

    /// Installs code of a unit in which the guard that is to fail now does.
    fn force(&mut self, location: LocationId, mut forcing: Box<Forcing>) {
        let mut unit = forcing.unit.clone();
        if let Some(&guard) = forcing.guards.last() {
            let never = unit.int(i64::from(unit.ops[guard].code == OpCode::GuardFalse));
            unit.ops[guard].a = never.word();
        }
        let parent = forcing.parent.take();
        let bridge = parent.as_ref().map(|(code, id)| (code, *id));
        let root = bridge.and_then(|(parent, _)| self.root(parent));
        let Ok(code) = self.assemble(&unit, bridge) else { return };
        self.dependencies.add(&forcing.dependencies, &code);
        match bridge {
            None => {
                self.machine.bind(self.locations[location].entry, &code, 0);
                if let Some(old) = self.locations[location].code.replace(Rc::clone(&code)) {
                    self.retired.push(old);
                }
            }
            Some((parent, id)) => {
                if parent.attach(id, &code).is_err() {
                    return;
                }
            }
        }
        let forcing = if forcing.guards.is_empty() { None } else { Some(Box::new(Forcing { parent, ..*forcing })) };
        let bridges = self.parameters.bridge_limit;
        let patience = FxHashMap::default();
        let root = root.unwrap_or(Rc::as_ptr(&code));
        let weak = Rc::downgrade(&code);
        let origin = Origin::new(&unit, None, None);
        let info = UnitInfo { code: weak, location, root, bridges, patience, entering: None, origin, forcing };
        self.units.insert(Rc::as_ptr(&code), info);
        self.retired.push(code);
    }

    pub(super) fn install(&mut self, location: LocationId, compiled: Compiled, dependencies: &[u64]) {
        let Compiled { code, entering, origin } = compiled;
        self.stats.units += 1;
        let entry = self.locations[location].entry;
        self.machine.bind(entry, &code, 0);
        let bridges = self.parameters.bridge_limit;
        let forcing = self.forcing(None, dependencies);
        let (root, weak, patience) = (Rc::as_ptr(&code), Rc::downgrade(&code), FxHashMap::default());
        self.units
            .insert(root, UnitInfo { code: weak, location, root, bridges, patience, entering, origin, forcing: None });
        self.dependencies.add(dependencies, &code);
        self.log.write(Part::Exits, || format!("unit at {}: {} bytes", self.name(location), code.size()));
        self.locations[location].aborts = 0;
        self.locations[location].calm = 0;
        if let Some(old) = self.locations[location].code.replace(code) {
            self.retired.push(old);
        }
        if let Some(forcing) = forcing {
            self.force(location, forcing);
        }
    }

    /// A bridge has been recorded from an exit. A method in whose calls much has to be recorded again is not inlined any more: as a unit of its own it needs its bridges once, and they end where it returns.
    pub(super) fn branched(&mut self, exit: &ExitState) {
        let Some(call) = exit.call else { return };
        let (limit, recorded) = (self.parameters.branch_limit, self.workspace.unit.ops.len() as u32);
        let method = &mut self.locations[call];
        method.branched = method.branched.saturating_add(recorded);
        if method.branched > limit && method.inlined && limit > 0 {
            method.inlined = false;
            self.log.write(Part::Exits, || format!("not inlined any more: {}", self.name(call)));
        }
    }

    pub(super) fn attach(
        &mut self,
        location: LocationId,
        code: &Rc<Code>,
        id: ExitId,
        compiled: Compiled,
        dependencies: &[u64],
    ) {
        let Compiled { code: bridge, entering, origin } = compiled;
        self.stats.bridges += 1;
        self.log.write(Part::Exits, || {
            format!("bridge in {} at exit {}: {} bytes", self.name(location), id.0, bridge.size())
        });
        if code.attach(id, &bridge).is_err() {
            return self.bridge_failed(code, id, Abort::NotCompiled);
        }
        let forcing = self.forcing(Some((code, id)), dependencies);
        self.dependencies.add(dependencies, &bridge);
        if let Some(root) = self.root(code) {
            let (weak, patience) = (Rc::downgrade(&bridge), FxHashMap::default());
            let info = UnitInfo { code: weak, location, root, bridges: 0, patience, entering, origin, forcing: None };
            self.units.insert(Rc::as_ptr(&bridge), info);
            if let Some(info) = self.units.get_mut(&root) {
                info.bridges = info.bridges.saturating_sub(1);
            }
        }
        if let Some(forcing) = forcing {
            self.force(location, forcing);
        }
    }

    /// Takes away code that something it rested on has made wrong.
    pub(in crate::engine) fn discard_invalid(&mut self) {
        for code in self.dependencies.take_invalid() {
            self.stats.invalidated += 1;
            let Some(info) = self.units.get(&Rc::as_ptr(&code)) else { continue };
            self.discard(info.location);
        }
    }

    /// Takes away the code of a location.
    pub(super) fn discard(&mut self, location: LocationId) {
        self.locations[location].loop_entry = None;
        if let Some(code) = self.locations[location].code.take() {
            self.machine.unbind(self.locations[location].entry);
            self.retired.push(code);
        }
    }
}

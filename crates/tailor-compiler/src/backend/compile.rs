//! The compiler: a unit goes in, code comes out.

use std::rc::{Rc, Weak};

use super::analysis::Role;
use super::machine::Machine;
use super::native::{Emitter, Input, PIECE_SLOTS, Processor};
use super::pieces::Template;
use super::regalloc::{Allocator, EntryLocations, Options, TooLarge};
use super::target::{Loc, entry_locations};
use crate::code::CodeMemoryError;
use crate::exit::{Code, ExitId, Interrupted, Parts};
use crate::interp::{Exit, Outcome};
use crate::ir::{BoxDesc, BoxId, Derivation, Descriptors, EntryId, ListRange, Op, OpCode, Ref, Type, Unit};
use crate::text::print_operation;

/// Why there is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// Code memory is full, or cannot be had.
    Memory(CodeMemoryError),
    /// The unit has more values in memory at a time, or passes more arguments, than code can name: thousands.
    TooLarge,
    /// The entry of a bridge does not have the parameters that [`Code::exit_values`] says, or is exported.
    Parameters,
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CompileError::Memory(error) => error.fmt(f),
            CompileError::TooLarge => write!(f, "the unit has too many values or arguments"),
            CompileError::Parameters => write!(f, "the bridge's parameters are not those that its exit has"),
        }
    }
}

impl std::error::Error for CompileError {}

impl From<CodeMemoryError> for CompileError {
    fn from(error: CodeMemoryError) -> Self {
        CompileError::Memory(error)
    }
}

impl From<TooLarge> for CompileError {
    fn from(TooLarge: TooLarge) -> Self {
        CompileError::TooLarge
    }
}

/// Compiles units, one after the other, in the same scratch memory.
#[derive(Debug)]
pub struct Compiler {
    /// Choices for tests; they hold until they are changed.
    pub options: Options,
    /// Whether each allocation is checked (see [`checker`](super::checker)); a mistake is a panic. In debug builds it is from the start.
    pub check: bool,
    allocator: Allocator,
    emitter: Emitter,
}

impl Default for Compiler {
    fn default() -> Self {
        Compiler::new()
    }
}

impl Compiler {
    /// A compiler.
    pub fn new() -> Compiler {
        Compiler {
            options: Options::default(),
            check: cfg!(debug_assertions),
            allocator: Allocator::default(),
            emitter: Emitter::default(),
        }
    }

    /// Compiles a unit that is well-formed (see [`crate::verify`]).
    ///
    /// # Errors
    /// If code memory is full, or the unit is beyond what code can be.
    ///
    /// # Panics
    /// If allocations are [checked](Compiler::check), and this one is wrong.
    pub fn compile(
        &mut self,
        machine: &Machine,
        unit: &Unit,
        descriptors: &Descriptors,
    ) -> Result<Rc<Code>, CompileError> {
        self.allocate(machine, unit, descriptors, EntryLocations::Convention)?;
        self.finish(machine, unit, descriptors)
    }

    /// The rest of [`Compiler::compile`] after [`Compiler::allocate`] by the convention.
    ///
    /// # Errors
    /// If code memory is full.
    pub fn finish(
        &mut self,
        machine: &Machine,
        unit: &Unit,
        descriptors: &Descriptors,
    ) -> Result<Rc<Code>, CompileError> {
        self.emit(machine, unit, descriptors, None, false);
        self.install(machine, unit, descriptors, None)
    }

    /// Compiles a unit that continues another one at an exit: its entry's parameters are the values that [`Code::exit_values`] tells, and are found where they are at the
    /// exit. It is reached by [`Code::attach`].
    ///
    /// # Errors
    /// As [`Compiler::compile`]; and if the parameters are others.
    ///
    /// # Panics
    /// As [`Compiler::compile`].
    pub fn compile_bridge(
        &mut self,
        machine: &Machine,
        unit: &Unit,
        descriptors: &Descriptors,
        parent: &Rc<Code>,
        exit: ExitId,
    ) -> Result<Rc<Code>, CompileError> {
        let values = parent.exit_values(exit);
        let locs: Vec<Loc> = values.iter().filter_map(|value| value.as_op()).map(|op| parent.home(op)).collect();
        let types: Vec<Type> = values.iter().map(|&value| parent.type_of(value)).collect();
        let exported = unit.exports.iter().any(|export| unit.labels[export.label.0 as usize] == 0);
        if exported || entry_types(unit, 0) != types {
            return Err(CompileError::Parameters);
        }
        self.allocate(machine, unit, descriptors, EntryLocations::Exit(&locs, parent.slots()))?;
        self.emit(machine, unit, descriptors, Some(parent.slots()), false);
        self.install(machine, unit, descriptors, Some((Rc::downgrade(parent), exit)))
    }

    /// The first stage: analysis and allocation.
    ///
    /// # Errors
    /// If there are more values or arguments than code can name.
    pub fn allocate(
        &mut self,
        machine: &Machine,
        unit: &Unit,
        descriptors: &Descriptors,
        entry: EntryLocations,
    ) -> Result<(), CompileError> {
        let agreements = machine.shared.agreements.borrow();
        self.allocator.run(&machine.shared.processor, unit, descriptors, entry, &agreements, self.options)?;
        if self.check
            && let Err(error) = super::checker::check(&machine.shared.processor, unit, &self.allocator, entry)
        {
            panic!("wrong allocation: {error}");
        }
        Ok(())
    }

    /// The second stage: bytes that still have to be placed.
    fn emit(
        &mut self,
        machine: &Machine,
        unit: &Unit,
        descriptors: &Descriptors,
        parent_slots: Option<u16>,
        piece: bool,
    ) {
        let agreements = machine.shared.agreements.borrow();
        self.emitter.run(Input {
            x86: machine.shared.processor,
            unit,
            descriptors,
            analysis: &self.allocator.analysis,
            allocation: &self.allocator.result,
            runtime: &machine.shared.runtime,
            routines: &machine.shared.routines,
            agreements: &agreements,
            parent_slots,
            piece,
        });
    }

    /// Compiles a unit as a piece, in which constants may stand for [holes](super::holes): for the first so many.
    ///
    /// The unit's one parameter is the root; see [`super::pieces`] for what else it may be.
    ///
    /// # Errors
    /// If it needs more slots than pieces have, or a hole has become part of something else.
    ///
    /// # Panics
    /// As [`Compiler::compile`].
    pub fn compile_piece(
        &mut self,
        machine: &Machine,
        unit: &Unit,
        descriptors: &Descriptors,
        holes: usize,
    ) -> Result<Template, CompileError> {
        let root: Vec<Loc> = entry_locations::<Processor>(entry_types(unit, 0).into_iter()).collect();
        self.allocate(machine, unit, descriptors, EntryLocations::Piece(&root))?;
        if self.allocator.result.slot_count > PIECE_SLOTS {
            return Err(CompileError::TooLarge);
        }
        self.emit(machine, unit, descriptors, Some(PIECE_SLOTS), true);
        Template::of(&mut self.emitter, machine, holes).ok_or(CompileError::TooLarge)
    }

    /// The last stage: places the code, and keeps what is to be known about it.
    fn install(
        &mut self,
        machine: &Machine,
        unit: &Unit,
        descriptors: &Descriptors,
        parent: Option<(Weak<Code>, ExitId)>,
    ) -> Result<Rc<Code>, CompileError> {
        for op in &unit.ops {
            if matches!(op.code, OpCode::CallUnit | OpCode::JumpUnit) {
                machine.prepare(EntryId(op.aux));
            }
        }
        let emitter = &mut self.emitter;
        let size = emitter.asm.code().len();
        let mut memory = machine.shared.memory.borrow_mut();
        let start = memory.allocate(size)?;
        memory.write(start, emitter.place(start));
        drop(memory);
        let allocation = &self.allocator.result;
        let stub_count = emitter.sites.len() as u32;
        let sites: Vec<_> = emitter.sites.iter().chain(&emitter.calls).copied().collect();
        let parts = Parts {
            start,
            size: size as u32,
            slots: allocation.slot_count,
            stubs: emitter.stubs,
            site_snapshots: sites.iter().map(|site| unit.ops[site.op as usize].snapshot()).collect(),
            sites,
            stub_count,
            homes: unit.ops.iter().enumerate().map(|(at, op)| (allocation.home(at), op.ty)).collect(),
            coded: coded(unit, &self.allocator.analysis.roles),
            boxings: boxings(unit, descriptors),
            conversions: conversions(unit),
            passed_on: passed_on(unit, &self.allocator.analysis.roles),
            last_block: unit.ops.iter().rposition(|op| op.code == OpCode::Label).unwrap_or(0) as u32,
            constants: unit.constants.iter().map(|constant| constant.1).collect(),
            snapshots: unit.snapshots.clone(),
            entries: emitter
                .entries
                .iter()
                .map(|&point| (point, entry_types(unit, unit.labels[point.label.0 as usize] as usize)))
                .collect(),
            agreed: allocation.agreed.clone(),
            patches: emitter.patches.clone(),
            listing: emitter.listing.clone(),
            parent,
        };
        Ok(Code::new(machine, parts))
    }
}

/// Words that only exits want, with what they are derived from.
fn coded(unit: &Unit, roles: &[Role]) -> Vec<(u32, u32, Derivation)> {
    let words = (0..unit.ops.len()).filter(|&at| roles[at] == Role::Coded);
    let coded = |at: usize| {
        let (derivation, base) = unit.derived(Ref::op(at))?;
        Some((at as u32, base as u32, derivation))
    };
    words.filter_map(coded).collect()
}

/// How doubles are boxed, if the unit boxes any.
fn boxings(unit: &Unit, descriptors: &Descriptors) -> Vec<BoxDesc> {
    let boxes = unit.ops.iter().any(|op| op.code == OpCode::Box);
    let count = if boxes { descriptors.boxing_count() } else { 0 };
    (0..count).map(|number| *descriptors.boxing(BoxId(number as u16))).collect()
}

/// Operations that convert others between references and words.
fn conversions(unit: &Unit) -> Vec<(u32, u32)> {
    let converts = |op: &Op| matches!(op.code, OpCode::IntToRef | OpCode::RefToInt);
    let conversions = unit.ops.iter().enumerate().filter(|(_, op)| converts(op));
    let operand = |(at, op): (usize, &Op)| Some((at as u32, Ref::from_word(op.a).as_op()? as u32));
    conversions.filter_map(operand).collect()
}

/// The values that the last operation passes on, if it is a jump: they are alive until then. (What is computed together with a later operation is not there where it stands.)
pub(super) fn passed_on(unit: &Unit, roles: &[Role]) -> Vec<u32> {
    let list = match unit.ops.last() {
        Some(op) if op.code == OpCode::Jump => ListRange(op.b),
        Some(op) if op.code == OpCode::JumpUnit => ListRange(op.a),
        _ => return Vec::new(),
    };
    let values = unit.elements(list).filter_map(Ref::as_op).filter(|&at| roles[at] == Role::Own);
    let mut values: Vec<u32> = values.map(|at| at as u32).collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The types of the parameters of the label at operation `label`.
fn entry_types(unit: &Unit, label: usize) -> Vec<Type> {
    unit.ops[label + 1..].iter().take_while(|op| op.code == OpCode::Param).map(|op| op.ty).collect()
}

/// How a run of machine code ended, for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// As a run of the IR interpreter can end.
    Ended(Outcome),
    /// An entry could not be entered, because the stack was too deep or there was no code behind it; then the interrupted units, innermost first.
    Refused(Vec<Exit>),
}

/// Runs code and collects what it leaves behind, as the IR interpreter does.
///
/// # Safety
/// As [`Machine::enter`]; and nothing moves or frees what only the result refers to.
pub unsafe fn run(machine: &Machine, code: &Code, descriptors: &Descriptors, arguments: &[u64]) -> Run {
    let mut exits = Vec::new();
    let mut refused = false;
    let mut handler = |interrupted: &mut Interrupted| {
        refused = interrupted.refused().is_some();
        while let Some(unit) = interrupted.next_unit() {
            // SAFETY: the caller's promise.
            exits.extend(unsafe { unit.collect(descriptors, machine.runtime()) });
        }
    };
    // SAFETY: the caller's promise.
    let returned = unsafe { machine.enter(code, 0, arguments, &mut handler) };
    match returned {
        Some(returned) => Run::Ended(Outcome::Returned(returned.words().collect())),
        None if refused => Run::Refused(exits),
        None => Run::Ended(Outcome::Exited(exits)),
    }
}

/// The instructions of a unit's code, after the operations that they are for: for dumps. The unit is the one that was compiled.
pub fn listing(code: &Code, unit: &Unit) -> String {
    let mut text = String::new();
    let mut next = 0;
    for (offset, op, instruction) in code.disassemble() {
        // What has become part of a later instruction has none of its own.
        while op.is_some_and(|op| next <= op) {
            text += &format!("; {}\n", print_operation(unit, next));
            next += 1;
        }
        text += &format!("{:8x}  {instruction}\n", code.address() as u64 + u64::from(offset));
    }
    text
}

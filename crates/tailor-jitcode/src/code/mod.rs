//! Jitcode: instructions on typed registers.
//!
//! # From the tape to here
//! | pass | idea |
//! |---|---|
//! | [`ssa`], [`fold`] | variables become parameters of blocks; what is constant or the same goes |
//! | [`simplify`] | what is unused goes, and blocks that do nothing |
//! | [`thread`] | what is decided already is not decided again |
//! | [`registers`] | values get registers |
//! | [`moves`], [`emit`] | blocks become a list of instructions |
//! | [`liveness`] | what is needed at each instruction |
//!
//! # Positions
//! Execution can be interrupted *before* any instruction, whose number is then the position; what must be kept are the registers of [`Code::live`]. A frame that waits for a call
//! to return has the position of the call, and keeps [`Code::live_across`]; the call's results come later.
//!
//! # Frames
//! A frame has a word for each register, and behind them the constants, put there when it is made: an operand is a word of the frame, whatever it is. (A few words are
//! copied for each call; no operand is ever decoded.)

mod bits;
mod emit;
mod fold;
mod instruction;
mod moves;
mod registers;
mod simplify;
mod ssa;
#[cfg(test)]
mod tests;
mod text;
mod thread;

use std::panic::Location;
use std::sync::OnceLock;

use tailor_compiler::ir::{AliasClass, OpCode, Type};

pub(crate) use instruction::{Instruction, form, opcode};
pub use instruction::{Mark, MarkedVariable, Operation, Position, Register, SwitchTable};
pub use text::dump;

use crate::analysis::effects::{self, Summary};
use crate::analysis::liveness;
use crate::function::JitFunction;
use crate::tape::{Memory, Tape};

pub(crate) use bits::{BitSet, BitSets};

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    pub function: &'static JitFunction,
    pub arguments: Box<[Register]>,
    pub results: Box<[Register]>,
    /// Row of the registers that are needed after it, besides its results.
    pub live_across: u32,
}

/// What a panic says.
#[derive(Debug)]
pub(crate) struct PanicMessage {
    pub template: &'static str,
    pub arguments: Box<[Register]>,
}

/// The jitcode of a function; see [the module](self).
pub struct Code {
    function: &'static JitFunction,
    instructions: Vec<Instruction>,
    /// Where in the source each instruction stems from.
    locations: Vec<&'static Location<'static>>,
    register_types: Box<[Type]>,
    constants: Box<[(Type, u64)]>,
    memories: Box<[Memory]>,
    /// Their alias classes.
    classes: Box<[AliasClass]>,
    calls: Vec<Call>,
    switches: Vec<SwitchTable>,
    returns: Vec<Box<[Register]>>,
    panics: Vec<PanicMessage>,
    marks: Vec<Mark>,
    live: liveness::Rows,
    summary: OnceLock<Summary>,
}

impl Code {
    /// Records the function's body and makes code of it.
    ///
    /// # Panics
    /// The function is residual, or its builder breaks the [tape's rules](crate::tape).
    #[inline(never)]
    pub(crate) fn build(function: &'static JitFunction) -> Code {
        let builder = function.builder.expect("a residual function has no jitcode");
        let tape = Tape::new(function);
        builder(&tape);
        let mut graph = tape.into_graph();
        let order = simplify::simplify(&mut graph);
        let mut code = emit::emit(function, graph, &order);
        liveness::compute(&mut code);
        code
    }

    fn empty(function: &'static JitFunction) -> Code {
        Code {
            function,
            instructions: Vec::new(),
            locations: Vec::new(),
            register_types: Box::default(),
            constants: Box::default(),
            memories: Box::default(),
            classes: Box::default(),
            calls: Vec::new(),
            switches: Vec::new(),
            returns: Vec::new(),
            panics: Vec::new(),
            marks: Vec::new(),
            live: liveness::Rows::default(),
            summary: OnceLock::new(),
        }
    }

    /// Whose code it is.
    pub fn function(&self) -> &'static JitFunction {
        self.function
    }

    /// The number of instructions.
    pub fn len(&self) -> usize {
        self.instructions.len()
    }

    /// Never: each function at least returns or panics.
    pub fn is_empty(&self) -> bool {
        self.instructions.is_empty()
    }

    /// The number of registers; the function's parameters have the first ones.
    pub fn register_count(&self) -> usize {
        self.register_types.len()
    }

    /// The number of words of a frame: registers and constants.
    pub fn frame_words(&self) -> usize {
        self.register_types.len() + self.constants.len()
    }

    /// The constants: those that are numbered from [`Code::register_count`] on.
    pub fn constants(&self) -> &[(Type, u64)] {
        &self.constants
    }

    /// The type of a register or constant.
    #[inline]
    pub fn type_of(&self, register: Register) -> Type {
        let registers = &self.register_types;
        registers.get(register.index()).copied().unwrap_or_else(|| self.constants[register.index() - registers.len()].0)
    }

    /// The word of a constant; `None` for a register.
    #[inline]
    pub fn constant(&self, register: Register) -> Option<u64> {
        let index = register.index().checked_sub(self.register_types.len())?;
        Some(self.constants[index].1)
    }

    /// Where an instruction stems from.
    pub fn location(&self, position: Position) -> &'static Location<'static> {
        self.locations[position as usize]
    }

    /// The registers that must be kept if execution is interrupted before this instruction.
    pub fn live(&self, position: Position) -> &[Register] {
        self.live.before(position)
    }

    /// The registers that must be kept while this call is executed; its results come later. `None` if it is no call.
    pub fn live_across(&self, position: Position) -> Option<&[Register]> {
        let instruction = &self.instructions[position as usize];
        (instruction.opcode == opcode::CALL).then(|| self.live.row(self.calls[instruction.x as usize].live_across))
    }

    /// What it and all it calls may do.
    pub fn summary(&'static self) -> &'static Summary {
        if let Some(summary) = self.summary.get() {
            return summary;
        }
        effects::summarise(self.function);
        self.summary.get().expect("it has just been made")
    }

    pub(crate) fn known_summary(&self) -> &OnceLock<Summary> {
        &self.summary
    }

    /// The functions that it calls, once for each call.
    pub fn callees(&self) -> impl Iterator<Item = &'static JitFunction> + '_ {
        self.calls.iter().map(|call| call.function)
    }

    /// Reads an instruction.
    #[inline]
    pub fn operation(&self, position: Position) -> Operation<'_> {
        let &Instruction { opcode, bits, d, a, b, x, y } = &self.instructions[position as usize];
        let (d, a, b, at) = (Register(d), Register(a), Register(b), x as usize);
        match opcode {
            opcode::MOVE => Operation::Move { dest: d, source: a },
            opcode::PROMOTE => Operation::Promote { dest: d, source: a },
            opcode::WE_ARE_JITTED => Operation::WeAreJitted { dest: d },
            opcode::RELEASE => Operation::Release { base: a },
            opcode::JUMP => Operation::Jump { target: x },
            opcode::BRANCH => Operation::Branch { condition: a, then: x, otherwise: y },
            opcode::SWITCH => Operation::Switch { value: a, table: &self.switches[at] },
            opcode::CALL => {
                let Call { function, arguments, results, .. } = &self.calls[at];
                Operation::Call { function, arguments, results }
            }
            opcode::RETURN => Operation::Return { values: &self.returns[at] },
            opcode::PANIC => {
                let PanicMessage { template, arguments } = &self.panics[at];
                Operation::Panic { template, arguments }
            }
            opcode::MERGE_POINT => Operation::MergePoint(&self.marks[at]),
            opcode::CAN_ENTER => Operation::CanEnter(&self.marks[at]),
            opcode::LOAD..opcode::LOAD_INDEXED => {
                Operation::Load { dest: d, memory: &self.memories[at], class: self.classes[at], base: a, index: None }
            }
            opcode::LOAD_INDEXED..opcode::STORE => Operation::Load {
                dest: d,
                memory: &self.memories[at],
                class: self.classes[at],
                base: a,
                index: Some(b),
            },
            opcode::STORE..opcode::STORE_INDEXED => {
                Operation::Store { memory: &self.memories[at], class: self.classes[at], base: a, index: None, value: d }
            }
            opcode::STORE_INDEXED.. => Operation::Store {
                memory: &self.memories[at],
                class: self.classes[at],
                base: a,
                index: Some(b),
                value: d,
            },
            pure => Operation::Pure {
                code: OpCode::ALL[usize::from(pure)],
                bits,
                dest: d,
                operands: [a, b, Register(x as u16)],
            },
        }
    }

    pub(crate) fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    pub(crate) fn call(&self, number: u32) -> &Call {
        &self.calls[number as usize]
    }

    pub(crate) fn calls_mut(&mut self) -> &mut [Call] {
        &mut self.calls
    }

    pub(crate) fn set_live(&mut self, live: liveness::Rows) {
        self.live = live;
    }

    pub(crate) fn switch(&self, number: u32) -> &SwitchTable {
        &self.switches[number as usize]
    }

    pub(crate) fn returned(&self, number: u32) -> &[Register] {
        &self.returns[number as usize]
    }

    pub(crate) fn panic_message(&self, number: u32) -> (&'static str, &[Register]) {
        let PanicMessage { template, arguments } = &self.panics[number as usize];
        (template, arguments)
    }

    pub(crate) fn mark(&self, number: u32) -> &Mark {
        &self.marks[number as usize]
    }
}

impl Operation<'_> {
    /// Calls `f` with each register or constant that it reads.
    pub fn for_each_use(&self, mut f: impl FnMut(Register)) {
        match *self {
            Operation::Pure { code, operands, .. } => {
                let count = code.operands().iter().filter(|kind| matches!(kind, b'i' | b'f' | b'r')).count();
                operands[..count].iter().copied().for_each(f);
            }
            Operation::Move { source, .. } | Operation::Promote { source, .. } => f(source),
            Operation::Release { base } => f(base),
            Operation::Load { base, index, .. } => {
                f(base);
                index.into_iter().for_each(f);
            }
            Operation::Store { base, index, value, .. } => {
                f(base);
                f(value);
                index.into_iter().for_each(f);
            }
            Operation::Call { arguments, .. } | Operation::Panic { arguments, .. } => {
                arguments.iter().copied().for_each(f);
            }
            Operation::MergePoint(mark) | Operation::CanEnter(mark) => mark.values.iter().copied().for_each(f),
            Operation::Branch { condition: value, .. } | Operation::Switch { value, .. } => f(value),
            Operation::Return { values } => values.iter().copied().for_each(f),
            Operation::WeAreJitted { .. } | Operation::Jump { .. } => {}
        }
    }

    /// Calls `f` with each register that it writes.
    pub fn for_each_dest(&self, mut f: impl FnMut(Register)) {
        match *self {
            Operation::Pure { dest, .. }
            | Operation::Move { dest, .. }
            | Operation::Load { dest, .. }
            | Operation::Promote { dest, .. }
            | Operation::WeAreJitted { dest } => f(dest),
            Operation::Call { results, .. } => results.iter().copied().for_each(f),
            Operation::Store { .. }
            | Operation::Release { .. }
            | Operation::MergePoint(_)
            | Operation::CanEnter(_)
            | Operation::Jump { .. }
            | Operation::Branch { .. }
            | Operation::Switch { .. }
            | Operation::Return { .. }
            | Operation::Panic { .. } => {}
        }
    }

    /// Calls `f` with each position that may come next, being at `position`.
    pub fn for_each_successor(&self, position: Position, mut f: impl FnMut(Position)) {
        match *self {
            Operation::Jump { target } => f(target),
            Operation::Branch { then, otherwise, .. } => {
                f(then);
                f(otherwise);
            }
            Operation::Switch { table, .. } => {
                table.cases.iter().for_each(|&(_, target)| f(target));
                f(table.default);
            }
            Operation::Return { .. } | Operation::Panic { .. } => {}
            _ => f(position + 1),
        }
    }
}

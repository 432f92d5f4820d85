//! Instructions and programs, as the interpreter gets them.
//!
//! # The machine
//! Each activation of a function has a *frame* of words: its parameters, its locals, and above them its operand stack. How many words are in use at an instruction (its *depth*) does not depend on how
//! control got there; the assembler sees to that, and notes it in the instruction. So the interpreter has no stack pointer, and all of an instruction's operands are constants.

use tailor::jit;

/// What an instruction does. *Top* is the uppermost word in use, *below* the one beneath it; what an instruction uses up it replaces by its result.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Op {
    /// Pushes the operand.
    Const,
    /// Pushes top once more.
    Dup,
    /// Drops top.
    Pop,
    /// Pushes the word of the frame that the operand says.
    Load,
    /// Moves top to the word of the frame that the operand says.
    Store,
    /// below + top
    Add,
    /// below - top
    Sub,
    /// below * top
    Mul,
    /// below / top, towards zero
    Div,
    /// The remainder of that.
    Rem,
    /// 1 if below < top, else 0
    Lt,
    /// 1 if below = top, else 0
    Eq,
    /// To the operand.
    Jump,
    /// To the operand, if top is not 0.
    JumpIf,
    /// Calls the function that begins at the operand; its parameters are the uppermost words.
    Call,
    /// Leaves the function with top.
    Return,
    /// Prints top.
    Print,
}

/// An instruction.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Instr {
    /// What it does.
    pub op: Op,
    /// Words in use before it.
    pub depth: u16,
    /// How many of them a call passes on.
    pub parameters: u16,
    /// A number, a word of the frame, or the index of an instruction.
    pub operand: i64,
}

/// The most words that a frame may have, its link included.
pub const FRAME: usize = 256;

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its first instruction.
    pub start: usize,
    /// How many parameters it has.
    pub parameters: usize,
    /// How many locals.
    pub locals: usize,
}

/// A program that has been checked: control never leaves its code, and each instruction finds its operands. Only the assembler makes one.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) code: Vec<Instr>,
    pub(crate) lines: Vec<usize>,
    pub(crate) functions: Vec<Function>,
    pub(crate) main: usize,
}

impl Program {
    /// The instructions.
    pub fn code(&self) -> &[Instr] {
        &self.code
    }

    /// The line of the source that an instruction is on, from 1.
    pub fn line(&self, pc: usize) -> usize {
        self.lines[pc]
    }

    /// The functions, in the order of their code.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Where to begin.
    pub fn main(&self) -> &Function {
        &self.functions[self.main]
    }
}

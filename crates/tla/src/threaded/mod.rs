//! Threaded code, as a small data structure: what both ways to it produce, so that they can be compared and run.
//!
//! Threaded code is a function's handlers, called one after the other with constant operands, and jumps; nothing is left of fetching and decoding. All that the program works on stays in the frame.
//! So any piece of it may follow any other that goes on with the same instruction, and it does not matter if an instruction is there more than once.
//!
//! | module | idea |
//! |---|---|
//! | [`walk`](mod@walk) | the direct way: all paths, each instruction once |
//! | [`crate::classic`] | the literature's way: one trace through all paths, cut and stitched |
//! | [`equivalence`] | whether two pieces of threaded code do the same |
//! | [`evaluate`](mod@evaluate) | running it |

use std::fmt;

use crate::assembler::name_of;
use crate::program::{Instr, Op};

pub mod equivalence;
pub mod evaluate;
pub mod walk;

pub use equivalence::{Difference, equivalent};
pub use evaluate::evaluate;
pub use walk::walk;

/// A step of threaded code. Places are indices into [`Threaded::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Calls the handler of an instruction.
    Call(At),
    /// Calls the handler that decides a conditional jump, and goes to the place if it says so.
    Branch(At, usize),
    /// Goes to the place.
    Jump(usize),
    /// Leaves the function.
    Return(At),
}

/// An instruction, with where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct At {
    /// Its index in the program.
    pub pc: usize,
    /// The instruction: its operands are the handler's.
    pub instr: Instr,
}

/// The threaded code of a function. It begins with its first step; the last one is a jump or a return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threaded {
    /// Its steps.
    pub steps: Vec<Step>,
}

impl fmt::Display for At {
    /// The handler's call, as in `load(depth 2, 0)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Instr { op, depth, operand, .. } = self.instr;
        write!(f, "{}(depth {depth}", name_of(op))?;
        match op {
            Op::Const | Op::Load | Op::Store => write!(f, ", {operand})"),
            Op::Call => write!(f, ", @{operand})"),
            _ => write!(f, ")"),
        }
    }
}

impl fmt::Display for Threaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.steps.iter().enumerate() {
            write!(f, "{place:>4}: ")?;
            match step {
                Step::Call(at) => writeln!(f, "call {at}")?,
                Step::Branch(at, to) => writeln!(f, "if {at} goto {to}")?,
                Step::Jump(to) => writeln!(f, "goto {to}")?,
                Step::Return(at) => writeln!(f, "{at}")?,
            }
        }
        Ok(())
    }
}

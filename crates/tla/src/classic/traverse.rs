//! The traversing interpreter: goes through all paths of a function, and records one linear trace.
//!
//! # The trace
//! A *segment* is what is recorded from one pseudo-call `cut_here` to the next. Each begins at the side of a guard that was not taken, and the traverse stack is a stack: so the segment behind a
//! `cut_here` belongs to the last guard that has none yet. `cut_here` says how its segment ends: by a return, or by a jump back to a *label*, where the loop began.
//!
//! # Why it ends
//! A path ends where it would jump back to a label. Each cycle has a jump back, and the targets of jumps back become labels when they are first met.

use std::collections::HashSet;
use std::fmt;

use crate::program::{Function, Op, Program};
use crate::threaded::At;

/// Steps that a trace may have.
pub const LIMIT: usize = 10_000;

/// A step of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// A loop begins at this instruction.
    Label(usize),
    /// A call of the instruction's handler.
    Call(At),
    /// A call of the handler of a conditional jump, which says no; the segment for yes comes later.
    Guard(At),
    /// The pseudo-call: a path ends so. Traversal goes on at an instruction, if it goes on.
    CutHere(End, Option<usize>),
}

/// How a path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The function returns.
    Return(At),
    /// Back to the label of this instruction.
    Jump(usize),
}

/// A trace through all paths of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its steps.
    pub steps: Vec<Recorded>,
}

/// The paths of a function are too many for one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// The function's name.
    pub function: String,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a trace of all paths through `{}` has more than {LIMIT} steps; use the direct way", self.function)
    }
}

impl std::error::Error for TooLong {}

/// A side of a branch that is still to be traversed.
#[derive(Clone, Copy)]
struct Side {
    pc: usize,
    /// Whether the branch leads back.
    back: bool,
}

/// Traverses a function.
///
/// # Errors
/// If the trace gets too long.
pub fn traverse(program: &Program, function: &Function) -> Result<Trace, TooLong> {
    let code = program.code();
    let headers: HashSet<usize> = code
        .iter()
        .enumerate()
        .filter(|(pc, instr)| matches!(instr.op, Op::Jump | Op::JumpIf) && instr.operand as usize <= *pc)
        .map(|(_, instr)| instr.operand as usize)
        .collect();
    let mut labels = HashSet::new();
    let mut steps = Vec::new();
    let mut traverse_stack: Vec<Side> = Vec::new();
    let mut side = Side { pc: function.start, back: false };
    loop {
        let Side { pc, back } = side;
        let end = if back && labels.contains(&pc) {
            End::Jump(pc)
        } else {
            if headers.contains(&pc) && labels.insert(pc) {
                steps.push(Recorded::Label(pc));
            }
            let instr = code[pc];
            let (at, target) = (At { pc, instr }, instr.operand as usize);
            let following = match instr.op {
                Op::Jump => Ok(Side { pc: target, back: target <= pc }),
                Op::Return => Err(End::Return(at)),
                Op::JumpIf => {
                    steps.push(Recorded::Guard(at));
                    traverse_stack.push(Side { pc: target, back: target <= pc });
                    Ok(Side { pc: pc + 1, back: false })
                }
                _ => {
                    steps.push(Recorded::Call(at));
                    Ok(Side { pc: pc + 1, back: false })
                }
            };
            match following {
                Ok(following) if steps.len() <= LIMIT => {
                    side = following;
                    continue;
                }
                Ok(_) => return Err(TooLong { function: function.name.clone() }),
                Err(end) => end,
            }
        };
        let popped = traverse_stack.pop();
        steps.push(Recorded::CutHere(end, popped.map(|side| side.pc)));
        match popped {
            Some(popped) => side = popped,
            None => return Ok(Trace { steps }),
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step {
                Recorded::Label(pc) => writeln!(f, "label {pc}:")?,
                Recorded::Call(at) => writeln!(f, "  call {at}")?,
                Recorded::Guard(at) => writeln!(f, "  guard_false {at}")?,
                Recorded::CutHere(end, next) => {
                    match end {
                        End::Return(at) => write!(f, "  cut_here {at}")?,
                        End::Jump(label) => write!(f, "  cut_here jump {label}")?,
                    }
                    match next {
                        Some(pc) => writeln!(f, ", go on at {pc}")?,
                        None => writeln!(f)?,
                    }
                }
            }
        }
        Ok(())
    }
}

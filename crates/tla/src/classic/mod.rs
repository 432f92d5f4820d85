//! Threaded code in the form in which the literature has it: method-traversal interpretation, with a trace that is cut and stitched.
//!
//! Meta-tracing records one path. Izawa, Masuhara, Bolz-Tereick and Cong ("Threaded Code Generation with a Meta-Tracing JIT Compiler", JOT 2022) and Izawa and Bolz-Tereick ("Two-level Just-in-Time
//! Compilation with One Interpreter and One Engine", 2022) make such a compiler record *all* paths of a function, without changing much of it, by another definition of the interpreter. When a conditional
//! jump is traced, the side that is not taken is pushed on a *traverse stack*. When the path ends, control does not leave: a *pseudo-call* is recorded, and interpretation goes on at the side that
//! is popped. So one linear trace holds all paths, one after the other; handlers are calls in it. Afterwards it is *cut* at the pseudo-calls, and *stitched*: each guard gets the segment that was recorded for its other side.
//!
//! | module | idea |
//! |---|---|
//! | [`traverse`](mod@traverse) | the traversing interpreter, and the trace |
//! | [`stitch`](mod@stitch) | from the trace to threaded code |
//!
//! # What differs from the literature
//! - There the author writes the traversing interpreter, as a second half of each jump and return in the only interpreter; it executes handlers while it traces, so it saves the
//!   program's state and restores it, and it first takes the side that the state happens to say. Here it is apart and executes nothing, and always goes on with the next instruction first.
//! - There a jump ahead ends a path, too, if the traverse stack is not empty, which finds its target only if another path leads there. Here a path is followed to a return, or back to where a loop
//!   began; so whatever lies behind a join is there once for each path to it, and branches in a row make code that doubles with each of them. Hence a limit.
//!
//! # Why not so in Tailor
//! [`walk`](mod@crate::threaded::walk) gives the same code, by the test `both_forms_are_equivalent`, with each instruction once. It needs neither a traverse stack in the interpreter's definition, nor pseudo-calls, nor stitching: the
//! compiler sees the interpreter's jitcode, and follows both sides of a branch by itself.

pub mod stitch;
pub mod traverse;

pub use stitch::stitch;
pub use traverse::{TooLong, Trace, traverse};

use crate::program::{Function, Program};
use crate::threaded::Threaded;

/// The threaded code of a function.
///
/// # Errors
/// If its paths are too many.
///
/// # Examples
/// ```
/// use tla::{assembler::assemble, classic, threaded};
/// let program = assemble("function main n\n load n\n jump_if one\n const 2\n return\none:\n const 1\n return").unwrap();
/// let trace = classic::traverse(&program, program.main()).unwrap();
/// assert_eq!(
///     trace.to_string(),
///     "  call load(depth 1, 0)\n  guard_false jump_if(depth 2)\n  call const(depth 1, 2)\n  \
///      cut_here return(depth 2), go on at 4\n  call const(depth 1, 1)\n  cut_here return(depth 2)\n"
/// );
/// let code = classic::stitch(&trace);
/// threaded::equivalent(&code, &threaded::walk(&program, program.main())).unwrap();
/// ```
pub fn compile(program: &Program, function: &Function) -> Result<Threaded, TooLong> {
    traverse(program, function).map(|trace| stitch(&trace))
}

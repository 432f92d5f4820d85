//! Running threaded code: its handlers are those of the interpreter.

use std::collections::HashMap;
use std::io::Write;

use super::{At, Step, Threaded};
use crate::interpreter as i;
use crate::interpreter::{Frame, Left, State, Stopped, Vm, Why};
use crate::machine::{RunError, with_machine};
use crate::program::{Function, Op, Program};

/// Runs a program whose functions are threaded code, made by `compile`; otherwise as [`run`](crate::machine::run).
///
/// # Errors
/// See [`RunError`].
pub fn evaluate(
    program: &Program,
    arguments: &[i64],
    compile: impl Fn(&Function) -> Threaded,
    to: Box<dyn Write>,
) -> Result<i64, RunError> {
    let codes: HashMap<usize, Threaded> =
        program.functions().iter().map(|function| (function.start, compile(function))).collect();
    with_machine(program, arguments, to, |vm, frame| execute(&codes, program.main().start, vm, frame))
}

/// The code of the function that begins at `start`, and of those that it calls.
fn execute(codes: &HashMap<usize, Threaded>, start: usize, vm: &mut Vm, mut frame: Frame) -> Result<i64, Stopped> {
    let mut code = &codes[&start];
    let mut place = 0;
    // Where to go on after calls.
    let mut callers = Vec::new();
    loop {
        let step = code.steps[place];
        place += 1;
        match step {
            Step::Call(At { pc, instr }) if instr.op == Op::Call => {
                let Some(callee) = i::call(vm, State { pc, frame }, instr) else {
                    return Err(Stopped { why: Why::StackOverflow, pc });
                };
                callers.push((code, place));
                (code, place, frame) = (&codes[&callee.pc], 0, callee.frame);
            }
            Step::Call(at) => handle(vm, frame, at)?,
            Step::Branch(at, to) => {
                if i::is_true(frame, at.instr) {
                    place = to;
                }
            }
            Step::Jump(to) => place = to,
            Step::Return(at) => match (i::leave(frame, i::top(frame, at.instr)), callers.pop()) {
                (Left::To(caller), Some(behind)) => {
                    frame = caller.frame;
                    (code, place) = behind;
                }
                (Left::Out(value), _) => return Ok(value),
                (Left::To(_), None) => unreachable!("a frame that was called has a caller"),
            },
        }
    }
}

/// Calls a handler.
fn handle(vm: &mut Vm, frame: Frame, At { pc, instr }: At) -> Result<(), Stopped> {
    match instr.op {
        Op::Const => i::constant(frame, instr),
        Op::Dup => i::dup(frame, instr),
        Op::Pop => {}
        Op::Load => i::load(frame, instr),
        Op::Store => i::store(frame, instr),
        Op::Add => i::add(frame, instr),
        Op::Sub => i::sub(frame, instr),
        Op::Mul => i::mul(frame, instr),
        Op::Div | Op::Rem => {
            if !i::divide(frame, instr) {
                return Err(Stopped { why: Why::DivisionByZero, pc });
            }
        }
        Op::Lt => i::lt(frame, instr),
        Op::Eq => i::eq(frame, instr),
        Op::Print => i::print(vm, frame, instr),
        Op::Jump | Op::JumpIf | Op::Call | Op::Return => unreachable!("these are steps of their own"),
    }
    Ok(())
}

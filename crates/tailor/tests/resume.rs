//! Interruption of real functions: at every instruction of their jitcode, only what is live is carried over, into the black hole again or, at the next merge point, to the native
//! portal. A small interpreter serves: bytecode, a frame, an object with fields, a data enum, errors as values, calls of itself.

#![cfg(feature = "jit")]

use std::cell::Cell;

use tailor::__jit::{JitFunction, Words, constant_words, value_of_words};
use tailor::jit;
use tailor_jitcode::black_hole::{self, Mode, Outcome};

/// Why a program stopped short.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trap {
    Overflow(i64, i64),
    Underflow,
    BadOpcode(u8),
}

/// What a program works on.
#[jit::object]
struct Machine {
    stack: [Cell<i64>; 16],
    depth: Cell<usize>,
    steps: Cell<u32>,
    scale: Cell<f64>,
}

#[jit]
impl Machine {
    #[inline(always)]
    fn push(&self, value: i64) -> Result<(), Trap> {
        let depth = self.depth.get();
        if depth == 16 {
            return Err(Trap::Overflow(value, depth as i64));
        }
        self.stack[depth].set(value);
        self.depth.set(depth + 1);
        Ok(())
    }

    #[inline(always)]
    fn pop(&self) -> Option<i64> {
        let depth = self.depth.get().checked_sub(1)?;
        self.depth.set(depth);
        Some(self.stack[depth].get())
    }
}

mod op {
    pub const PUSH: u8 = 0;
    pub const ADD: u8 = 1;
    pub const JUMP_IF: u8 = 2;
    pub const DUP: u8 = 3;
    pub const SCALE: u8 = 4;
    pub const CALL: u8 = 5;
    pub const RETURN: u8 = 6;
}

#[jit]
fn add(machine: &Machine) -> Result<(), Trap> {
    let b = machine.pop().ok_or(Trap::Underflow)?;
    let a = machine.pop().ok_or(Trap::Underflow)?;
    let Some(sum) = a.checked_add(b) else { return Err(Trap::Overflow(a, b)) };
    machine.push(sum)
}

#[jit]
fn scale(machine: &Machine) -> Result<(), Trap> {
    let a = machine.pop().ok_or(Trap::Underflow)?;
    let factor = machine.scale.get();
    machine.scale.set(factor + 0.5);
    let scaled = (a as f64 * factor) as i64;
    machine.push(match scaled {
        i64::MIN..=-1 => -scaled,
        0 => 7,
        _ => scaled & 0xff,
    })
}

#[jit(portal)]
fn interpret(code: *const u8, mut pc: usize, machine: &Machine, level: u32) -> Result<i64, Trap> {
    loop {
        jit::merge_point!(greens: code, pc; reds: machine, level);
        machine.steps.set(machine.steps.get().wrapping_add(1));
        // SAFETY: the tests' programs end in a return.
        let (op, operand) = unsafe { (*code.add(pc), *code.add(pc + 1)) };
        pc += 2;
        match op {
            op::PUSH => machine.push(i64::from(operand) - 8)?,
            op::ADD => add(machine)?,
            op::JUMP_IF => {
                let condition = machine.pop().ok_or(Trap::Underflow)?;
                if condition != 0 {
                    pc = usize::from(operand);
                    jit::can_enter!(code, pc; machine, level);
                }
            }
            op::DUP => {
                let value = machine.pop().ok_or(Trap::Underflow)?;
                machine.push(value)?;
                machine.push(value)?;
            }
            op::SCALE => scale(machine)?,
            op::CALL => {
                if level < 3 {
                    let result = interpret(code, usize::from(operand), machine, level + 1)?;
                    machine.push(result)?;
                }
            }
            op::RETURN => return machine.pop().ok_or(Trap::Underflow),
            other => return Err(Trap::BadOpcode(other)),
        }
    }
}

fn machine() -> Machine {
    Machine { stack: Default::default(), depth: Cell::new(0), steps: Cell::new(0), scale: Cell::new(0.5) }
}

/// Result and final state.
type Behaviour = (Result<i64, Trap>, Vec<i64>, u32, f64);

fn behaviour(result: Result<i64, Trap>, machine: &Machine) -> Behaviour {
    let stack = machine.stack[..machine.depth.get()].iter().map(Cell::get).collect();
    (result, stack, machine.steps.get(), machine.scale.get())
}

/// The words of the portal's arguments.
fn arguments(code: &[u8], machine: &Machine) -> Vec<u64> {
    let mut words = constant_words(code.as_ptr());
    words.extend(constant_words(0_usize));
    words.push(std::ptr::from_ref(machine) as u64);
    words.extend(constant_words(0_u32));
    words
}

fn result_of<R: Words>(words: &[u64]) -> R {
    // SAFETY: the words are those of the function's result.
    unsafe { value_of_words(words) }
}

/// Runs a program in all ways; the number of instructions of jitcode that it takes.
fn check(code: &[u8]) -> u64 {
    let function: &'static JitFunction = <interpret>::__function();
    let native = machine();
    let expected = behaviour(interpret(code.as_ptr(), 0, &native, 0), &native);
    for every in [1, 2, 7, u64::MAX] {
        let machine = machine();
        // SAFETY: the arguments are those of the portal.
        let words = unsafe { black_hole::run_in_pieces(function, &arguments(code, &machine), Mode::Throughout, every) };
        assert_eq!(behaviour(result_of(&words), &machine), expected, "{code:?}, in pieces of {every}");
    }
    for steps in 0.. {
        let machine = machine();
        // SAFETY: the arguments are those of the portal; the frames have just been interrupted.
        let words = unsafe {
            match black_hole::run_for(function, &arguments(code, &machine), Mode::Throughout, &mut { steps }) {
                Outcome::Interrupted(frames) => black_hole::resume(&frames, Mode::ToMergePoint),
                Outcome::Returned(words) => {
                    assert_eq!(behaviour(result_of(&words), &machine), expected, "{code:?}, throughout");
                    return steps;
                }
            }
        };
        assert_eq!(behaviour(result_of(&words), &machine), expected, "{code:?}, native after {steps} steps");
    }
    unreachable!("each program ends")
}

#[test]
fn programs_can_be_interrupted_anywhere() {
    let countdown = [op::PUSH, 13, op::PUSH, 7, op::ADD, 0, op::DUP, 0, op::JUMP_IF, 2, op::PUSH, 50, op::RETURN, 0];
    assert!(check(&countdown) > 100);
    let scaling = [op::PUSH, 200, op::SCALE, 0, op::SCALE, 0, op::PUSH, 0, op::SCALE, 0, op::ADD, 0, op::RETURN, 0];
    check(&scaling);
    let recursion = [op::PUSH, 9, op::CALL, 0, op::PUSH, 9, op::ADD, 0, op::RETURN, 0];
    check(&recursion);
}

#[test]
fn errors_pass_through_interrupted_frames() {
    check(&[op::ADD, 0]);
    check(&[op::PUSH, 1, op::CALL, 0, op::RETURN, 0]);
    check(&[op::PUSH, 1, op::CALL, 4, 99, 0]);
    let overflow = [op::PUSH, 9, op::PUSH, 9, op::JUMP_IF, 0, op::RETURN, 0];
    check(&overflow);
}

#[test]
fn random_programs_can_be_interrupted_anywhere() {
    let mut state = 1_u64;
    let mut random = |bound: u64| {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % bound
    };
    for _ in 0..60 {
        let length = 4 + random(8);
        let mut code = Vec::new();
        for i in 0..length {
            let op =
                [op::PUSH, op::PUSH, op::PUSH, op::ADD, op::JUMP_IF, op::DUP, op::SCALE, op::CALL][random(8) as usize];
            // Jumps go forwards, so that programs end; calls go anywhere, their depth being limited.
            let operand = match op {
                op::JUMP_IF => 2 * (i + 1 + random(length - i)),
                op::CALL => 2 * random(length),
                _ => random(20),
            };
            code.extend([op, operand as u8]);
        }
        code.extend([op::RETURN, 0]);
        check(&code);
    }
}

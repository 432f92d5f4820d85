//! The interpreter, and all that the JIT compilers are told about it.
//!
//! Without the directives this is the interpreter that anyone would write: a loop, a `match`, a function for each instruction. With them it has a second reading, from which the
//! compilers are derived. Each directive says one thing that can't be seen from the code:
//!
//! - `#[jit]`, `#[jit::value]`, `#[jit::object]`: this is part of it;
//! - `#[jit::residual]`: this is not, and compiled code calls it;
//! - `#[jit::elidable]`: the result depends on the arguments alone, so for constants it is a constant. Hence fetching and decoding instructions vanish;
//! - `#[jit(portal, jit = vm.jit)]`: this is the loop, and there is its JIT;
//! - `merge_point!`: here an instruction begins. The *greens*, `vm` and `pc`, say where in the program that is; the *red*, `frame`, is what the program works on;
//! - `can_enter!`: programs spend their time here (in loops, and in functions): count, and go over to compiled code, if there is some;
//! - `#[jit(leaves)]`: here a function of the program returns.
//!
//! # Frames
//! Frames lie on one guest stack. The word below a frame is its *link*, which says where to return to: the caller's next instruction, and how far below the caller's frame is. A call copies the
//! arguments one word up, to have room for it. The link of the first frame is 0.

use tailor::{GuestStack, Jit, jit};

use crate::machine::Output;
use crate::program::{Instr, Op};

/// What the interpreter works with.
#[jit::object(code, limit)]
pub struct Vm {
    #[jit(immutable)]
    pub(crate) code: *const Instr,
    /// Frames must not begin above this.
    #[jit(immutable)]
    pub(crate) limit: *const i64,
    pub(crate) output: Output,
    pub(crate) jit: Jit,
}

/// Why a program was stopped.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A division by zero.
    DivisionByZero,
    /// Calls were nested too deeply.
    StackOverflow,
}

/// Why and where a program was stopped.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Why.
    pub why: Why,
    /// The instruction.
    pub pc: usize,
}

/// The words of an activation.
#[jit::value]
#[derive(Clone, Copy, Debug)]
pub struct Frame(pub(crate) GuestStack<i64>);

#[jit]
impl Frame {
    /// The word at `index`.
    #[inline(always)]
    fn get(self, index: u16) -> i64 {
        // SAFETY: the assembler has checked that the word is in use; `call` has checked that there is room for all words of the frame.
        unsafe { self.0.get(index as isize) }
    }

    /// Sets the word at `index`.
    #[inline(always)]
    fn set(self, index: u16, value: i64) {
        // SAFETY: as for `get`.
        unsafe { self.0.set(index as isize, value) }
    }

    /// Says that the words from `index` on are not in use.
    #[inline(always)]
    fn release_from(self, index: u16) {
        // SAFETY: instructions write such words before they are read; the assembler has checked that.
        unsafe { self.0.up(index as usize).release() }
    }
}

/// Where to go on.
#[jit::value]
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub pc: usize,
    pub frame: Frame,
}

/// Where a return leads.
#[jit::value]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    /// To the caller.
    To(State),
    /// Out of the program, with this value.
    Out(i64),
}

/// Executes a program from here on; the value that its first function returns.
#[jit(portal, jit = vm.jit)]
pub(crate) fn interpret(vm: &mut Vm, mut pc: usize, mut frame: Frame) -> Result<i64, Stopped> {
    'portal: loop {
        jit::merge_point!(greens: vm, pc; reds: frame);
        let i = fetch(vm, pc);
        match i.op {
            Op::Const => constant(frame, i),
            Op::Dup => dup(frame, i),
            // The next instruction's depth says it.
            Op::Pop => {}
            Op::Load => load(frame, i),
            Op::Store => store(frame, i),
            Op::Add => add(frame, i),
            Op::Sub => sub(frame, i),
            Op::Mul => mul(frame, i),
            Op::Div | Op::Rem => {
                if !divide(frame, i) {
                    return Err(Stopped { why: Why::DivisionByZero, pc });
                }
            }
            Op::Lt => lt(frame, i),
            Op::Eq => eq(frame, i),
            Op::Print => print(vm, frame, i),
            Op::Jump | Op::JumpIf => {
                if i.op == Op::Jump || is_true(frame, i) {
                    let target = i.operand as usize;
                    if target <= pc {
                        frame.release_from(fetch(vm, target).depth);
                        jit::can_enter!(vm, target; frame);
                    }
                    pc = target;
                    continue;
                }
            }
            Op::Call => match call(vm, State { pc, frame }, i) {
                Some(callee) => {
                    State { pc, frame } = callee;
                    jit::can_enter!(call: vm, pc; frame);
                    continue;
                }
                None => return Err(Stopped { why: Why::StackOverflow, pc }),
            },
            Op::Return => match leave(frame, top(frame, i)) {
                Left::To(caller) => {
                    State { pc, frame } = caller;
                    continue;
                }
                Left::Out(value) => return Ok(value),
            },
        }
        pc += 1;
    }
}

#[jit::elidable]
fn fetch(vm: &Vm, pc: usize) -> Instr {
    // SAFETY: the assembler has checked that control does not leave the code.
    unsafe { *vm.code.add(pc) }
}

#[jit]
#[inline(always)]
pub(crate) fn top(frame: Frame, i: Instr) -> i64 {
    frame.get(i.depth - 1)
}

#[jit]
#[inline(always)]
fn below(frame: Frame, i: Instr) -> i64 {
    frame.get(i.depth - 2)
}

#[jit]
pub(crate) fn constant(frame: Frame, i: Instr) {
    frame.set(i.depth, i.operand);
}

#[jit]
pub(crate) fn dup(frame: Frame, i: Instr) {
    frame.set(i.depth, top(frame, i));
}

#[jit]
pub(crate) fn load(frame: Frame, i: Instr) {
    frame.set(i.depth, frame.get(i.operand as u16));
}

#[jit]
pub(crate) fn store(frame: Frame, i: Instr) {
    frame.set(i.operand as u16, top(frame, i));
}

#[jit]
pub(crate) fn add(frame: Frame, i: Instr) {
    frame.set(i.depth - 2, below(frame, i).wrapping_add(top(frame, i)));
}

#[jit]
pub(crate) fn sub(frame: Frame, i: Instr) {
    frame.set(i.depth - 2, below(frame, i).wrapping_sub(top(frame, i)));
}

#[jit]
pub(crate) fn mul(frame: Frame, i: Instr) {
    frame.set(i.depth - 2, below(frame, i).wrapping_mul(top(frame, i)));
}

/// Quotient or remainder; false if there is none.
#[jit]
pub(crate) fn divide(frame: Frame, i: Instr) -> bool {
    let (dividend, divisor) = (below(frame, i), top(frame, i));
    if divisor == 0 {
        return false;
    }
    let result = if i.op == Op::Div { dividend.wrapping_div(divisor) } else { dividend.wrapping_rem(divisor) };
    frame.set(i.depth - 2, result);
    true
}

#[jit]
pub(crate) fn lt(frame: Frame, i: Instr) {
    frame.set(i.depth - 2, i64::from(below(frame, i) < top(frame, i)));
}

#[jit]
pub(crate) fn eq(frame: Frame, i: Instr) {
    frame.set(i.depth - 2, i64::from(below(frame, i) == top(frame, i)));
}

#[jit]
pub(crate) fn is_true(frame: Frame, i: Instr) -> bool {
    top(frame, i) != 0
}

#[jit]
pub(crate) fn print(vm: &mut Vm, frame: Frame, i: Instr) {
    write(vm, top(frame, i));
}

#[jit::residual(no_collect, no_reenter)]
fn write(vm: &mut Vm, value: i64) {
    vm.output.line(value);
}

/// Makes a frame for the function that is called; none if there is no room.
#[jit]
pub(crate) fn call(vm: &Vm, from: State, i: Instr) -> Option<State> {
    let first = i.depth - i.parameters;
    let frame = Frame(from.frame.0.up(first as usize + 1));
    if frame.0.address().cast_const() > vm.limit {
        return None;
    }
    for index in 0..i.parameters {
        let index = i.parameters - 1 - index;
        frame.set(index, from.frame.get(first + index));
    }
    let link = (from.pc as i64 + 1) << LINK_BITS | (first as i64 + 1);
    // SAFETY: each frame has room for its link.
    unsafe { frame.0.set(-1, link) };
    Some(State { pc: i.operand as usize, frame })
}

/// Bits of a link for the distance of the frames.
const LINK_BITS: u32 = 16;

/// Returns `value` to the caller, in the place of the first argument.
#[jit(leaves)]
pub(crate) fn leave(frame: Frame, value: i64) -> Left {
    // SAFETY: each frame has a link.
    let link = unsafe { frame.0.get(-1) };
    if link == 0 {
        return Left::Out(value);
    }
    // SAFETY: whoever makes the next frame here writes its words before they are read.
    unsafe { frame.0.down(1).release() };
    let distance = (link & ((1 << LINK_BITS) - 1)) as u16;
    let caller = Frame(frame.0.down(distance as usize));
    caller.set(distance - 1, value);
    Left::To(State { pc: (link >> LINK_BITS) as usize, frame: caller })
}

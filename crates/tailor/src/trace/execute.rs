//! The loop: one operation of jitcode after the other.

use tailor_compiler::ir::{Op, OpCode, Type};
use tailor_jitcode::code::{Code, Operation, Register};

use super::frames::Frame;
use super::record::operand_count;
use super::{Continue, End, Operand, Step, Stop, Sym, Tracer, Workspace};
use crate::engine::Abort;

impl Tracer<'_> {
    /// Executes and records until the trace ends.
    pub fn run(mut self) -> (Traced, Continue) {
        let mut executed = 0;
        let stop = loop {
            executed += 1;
            if let Err(stop) = self.step() {
                break stop;
            }
        };
        self.driver.stats.executed += executed;
        let (end, going_on) = match *stop {
            Stop::End(end) => {
                let frames = self.save();
                (end, Continue::Frames(frames))
            }
            // The call is recorded, and does not return to where it was made.
            Stop::Portal(words) => (End::Aborted(Abort::LongCall), Continue::Returned(words)),
            Stop::Frames(frames, abort) => (End::Aborted(abort), Continue::Frames(frames)),
        };
        if let Continue::Frames(frames) = &going_on {
            self.driver.roots.hold(frames.iter().flat_map(|frame| frame.values.iter().copied()));
        }
        self.driver.roots.show_tracer(std::ptr::null(), 0);
        let too_long = matches!(end, End::Aborted(Abort::TooLong));
        if too_long && let Some(location) = self.largest_call() {
            self.driver.locations[location].inlined = false;
        }
        self.driver.stats.recorded += self.unit.ops.len() as u64;
        let Tracer { unit, words, syms, known, pure, memory, closed, at_beginning, dependencies, .. } = self;
        let gets_on = self.gets_on || unit.ops.last().is_some_and(|op| op.code != OpCode::Exit);
        self.driver.workspace = Workspace { unit, words, syms, known, pure, memory };
        (Traced { end, closed, at_beginning, gets_on, dependencies }, going_on)
    }

    fn step(&mut self) -> Step {
        if self.unit.ops.len() > self.driver.parameters.trace_limit as usize {
            return Err(Stop::abort(Abort::TooLong));
        }
        let &mut Frame { code, base: registers, position, .. } = self.frame();
        let mut next = position + 1;
        match code.operation(position) {
            Operation::Pure { code: opcode, bits, dest, operands } => {
                let count = operand_count(opcode);
                let mut values = [(0, Sym::NONE); 3];
                for (value, &register) in values.iter_mut().zip(&operands[..count]) {
                    *value = self.operand_of(code, registers, register);
                }
                let result = self.pure(opcode, bits, &values[..count]);
                let (word, sym) = result.ok_or_else(|| Stop::abort(Abort::TooDeep))?;
                self.set(dest, word, sym);
            }
            Operation::Move { dest, source } => {
                let (word, sym) = self.operand(source);
                self.set(dest, word, sym);
            }
            Operation::Load { dest, memory, class, base, index } => {
                let base = self.operand(base);
                let index = index.map(|index| self.operand(index));
                let (word, sym) = self.load((memory, class), base, index, position)?;
                self.set(dest, word, sym);
            }
            Operation::Store { memory, class, base, index, value } => {
                let base = self.operand(base);
                let index = index.map(|index| self.operand(index));
                let value = self.operand(value);
                self.store((memory, class), base, index, value)?;
            }
            Operation::Call { function, arguments, results } => return self.call(function, arguments, results),
            Operation::Promote { dest, source } => {
                let (word, sym) = self.operand(source);
                self.promote((word, sym), code.type_of(source), position);
                self.set(dest, word, if sym.is_constant() { sym } else { Sym::CONSTANT });
            }
            Operation::WeAreJitted { dest } => self.set(dest, 1, Sym::CONSTANT),
            Operation::Release { base } => {
                let base = self.operand(base);
                self.release(base);
            }
            Operation::MergePoint(mark) => self.merge_point(mark)?,
            Operation::CanEnter(mark) => return self.can_enter(mark),
            Operation::Jump { target } => next = target,
            Operation::Branch { condition, then, otherwise } => {
                let condition = self.operand(condition);
                let (taken, other) = if condition.0 != 0 { (then, otherwise) } else { (otherwise, then) };
                self.guard(condition, other);
                next = taken;
            }
            Operation::Switch { value, table } => {
                let operand = self.operand(value);
                self.promote(operand, Type::Int, position);
                next = table.target(operand.0);
            }
            Operation::Return { values } => return self.return_from(values),
            // It panics as it does in the interpreter, which execution goes back to.
            Operation::Panic { .. } => {
                self.exit_here();
                return Err(Stop::end(End::Complete));
            }
        }
        self.frame().position = next;
        Ok(())
    }

    /// Ends the unit with an exit to where execution is now.
    pub(super) fn exit_here(&mut self) {
        if self.frames.is_empty() {
            return;
        }
        let position = self.frame().position;
        let snapshot = self.snapshot(position);
        self.unit.push(Op { a: snapshot.0, ..Op::new(OpCode::Exit, Type::Void) });
    }

    /// The guest stack is dead from here up.
    fn release(&mut self, (word, sym): Operand) {
        if sym.base != self.root {
            return;
        }
        self.memory.forget_stack(sym.offset);
        let base = self.value((word, sym), Type::Ref);
        self.unit.push(Op { a: base.word(), ..Op::new(OpCode::Release, Type::Void) });
    }

    fn return_from(&mut self, values: &'static [Register]) -> Step {
        if self.frames.len() == 1 {
            self.exit_here();
            return Err(Stop::end(End::Complete));
        }
        let mut returned = std::mem::take(&mut self.driver.returned);
        returned.clear();
        for &register in values {
            returned.push(self.operand(register));
        }
        self.pop_frame();
        let frame = self.frame();
        let position = frame.position;
        let code: &'static Code = frame.code;
        if let Operation::Call { results, .. } = code.operation(position) {
            for (&dest, &(word, sym)) in results.iter().zip(&returned) {
                self.set(dest, word, sym);
            }
        }
        self.frame().position = position + 1;
        self.driver.returned = returned;
        Ok(())
    }
}

/// What has been recorded, but for the unit, which is in the workspace.
pub struct Traced {
    pub end: End,
    /// Whether it is a loop.
    pub closed: bool,
    /// Whether it goes on at the beginning of another unit, whatever that one's loop relies on.
    pub at_beginning: bool,
    /// Whether it has come by a merge point, or ends otherwise than in an exit.
    pub gets_on: bool,
    pub dependencies: Vec<u64>,
}

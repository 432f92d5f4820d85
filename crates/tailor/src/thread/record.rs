//! The recorder: from a point of the guest program to the unit of its piece.

use tailor_compiler::eval::evaluate;
use tailor_compiler::ir::opcode::ResultType;
use tailor_compiler::ir::{LabelId, Op, OpCode, Ref, Slot, SnapshotId, Type, Unit};
use tailor_jitcode::JitFunction;
use tailor_jitcode::code::{Mark, Operation, Position, Register};
use tailor_jitcode::tape::Color;

use super::paths::{Fact, Frame, Path};
use super::{Goal, handed_out};
use crate::engine::Driver;
use crate::trace::{Operand, Sym, key, operand_count};

/// A piece of more operations is not made: the interpreter executes the instruction.
const OPERATIONS: usize = 400;

/// More instructions of jitcode are not executed for a piece.
const STEPS: usize = 20_000;

/// More often than this a path does not jump back in a function that decides something dynamic: its loop is taken for one whose end is not static.
const TURNS: u32 = 8;

/// A path of so many operations is short.
const SHORT: usize = 10;

/// The most branches of a piece.
const PATHS: usize = 40;

/// How a piece is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Whatever may happen, cold functions and long detours too.
    pub all: bool,
}

/// Why there is no piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrecorded {
    /// It would be too large.
    TooLarge,
    /// It would do something that pieces cannot.
    Unsuitable,
    /// Descriptors have run out.
    TablesFull,
    /// This function has a loop that may be executed any number of times.
    Loops(&'static JitFunction),
}

/// See the module.
pub struct Recorder<'d> {
    pub(super) driver: &'d mut Driver,
    pub(super) unit: Unit,
    pub(super) path: Path,
    pub(super) root: Ref,
    pub(super) wishes: Wishes,
    /// States in which paths join, and where.
    pub(super) joins: Vec<(Vec<Operand>, LabelId)>,
    leaving: SnapshotId,
    pending: Vec<Path>,
    goals: Vec<Goal>,
    branches: usize,
}

/// A path that begins at a branch, not at the point.
#[derive(Clone, Copy)]
struct Side {
    /// Its first operation, the label.
    start: usize,
    /// How many paths were to be followed later, and how many goals and joins there were, when it began.
    pending: usize,
    goals: usize,
    joins: usize,
    /// Whether there had been effects.
    effects: bool,
}

pub(super) type Step<T = ()> = Result<T, Unrecorded>;

impl<'d> Recorder<'d> {
    /// Records the piece of the point with this state, whose frame does not matter: the unit, and what it goes on in. `memory` is a unit that is not needed any more.
    pub fn record(
        driver: &'d mut Driver,
        state: &[u64],
        wishes: Wishes,
        memory: Unit,
    ) -> (Unit, Result<Vec<Goal>, Unrecorded>) {
        let mut unit = memory;
        unit.clear();
        let path = Path::new(unit.new_label());
        let mut recorder = Recorder {
            driver,
            unit,
            path,
            root: Ref::NONE,
            wishes,
            joins: Vec::new(),
            leaving: SnapshotId(0),
            pending: Vec::new(),
            goals: Vec::new(),
            branches: 0,
        };
        let result = recorder.run(state);
        let Recorder { unit, goals, .. } = recorder;
        (unit, result.map(|()| goals))
    }

    fn run(&mut self, state: &[u64]) -> Step {
        self.place(self.path.label);
        self.root = self.unit.push(Op::new(OpCode::Param, Type::Ref));
        let frame = self.unit.snapshots.add_frame(None, 0, 0, &[Slot::Value(self.root)]);
        self.leaving = self.unit.snapshots.add(Some(frame));
        let (function, red) = (self.driver.portal().function, self.driver.portal().frame);
        self.push_frame(function)?;
        for (at, &word) in state.iter().enumerate() {
            let sym = if at == red { Sym::of(self.root) } else { Sym::CONSTANT };
            self.set(Register(at as u16), (if at == red { 0 } else { word }, sym));
        }
        let (mut steps, mut side) = (0, None);
        loop {
            while self.step()? {
                steps += 1;
                if steps > STEPS || self.unit.ops.len() > OPERATIONS {
                    return Err(Unrecorded::TooLarge);
                }
            }
            if side.is_some_and(|side| self.is_secondary(side)) {
                let Side { start, pending, joins, .. } = side.expect("it is one");
                self.joins.truncate(joins);
                self.unit.ops.truncate(start + 1);
                self.pending.truncate(pending);
                self.path.effects = false;
                self.leave()?;
            }
            let Some(path) = self.pending.pop() else { break };
            self.path = path;
            side = Some(Side {
                start: self.unit.ops.len(),
                pending: self.pending.len(),
                goals: self.goals.len(),
                joins: self.joins.len(),
                effects: self.path.effects,
            });
            self.place(self.path.label);
        }
        super::tidy::tidy(&mut self.unit);
        Ok(())
    }

    /// Whether the path that has just ended is another way to where an earlier one leads, and a long one: double arithmetic, say, where integers were thought of first. It is left out as long as
    /// nothing shows that it is needed.
    fn is_secondary(&self, side: Side) -> bool {
        let Some(last) = self.unit.ops.last() else { return false };
        let length = self.unit.ops.len() - side.start;
        !self.wishes.all
            && !side.effects
            && length > SHORT
            && last.code == OpCode::JumpUnit
            && self.goals[..side.goals].contains(&Goal(last.c))
    }

    pub(super) fn place(&mut self, label: LabelId) {
        self.unit.labels[label.0 as usize] = self.unit.ops.len() as u32;
        self.unit.push(Op { a: label.0, ..Op::new(OpCode::Label, Type::Void) });
    }

    // ---- Registers.

    pub(super) fn push_frame(&mut self, function: &'static JitFunction) -> Step {
        if self.path.frames.len() == 40 {
            return Err(Unrecorded::TooLarge);
        }
        let (code, base) = (function.code(), self.path.values.len());
        self.path.values.resize(base + code.register_count(), (0, Sym::NONE));
        self.path.frames.push(Frame { code, base, position: 0, branched: false, turns: 0 });
        Ok(())
    }

    pub(super) fn frame(&mut self) -> &mut Frame {
        self.path.frames.last_mut().expect("a path is in the portal at least")
    }

    pub(super) fn operand(&mut self, register: Register) -> Operand {
        let &mut Frame { code, base, .. } = self.frame();
        if let Some(word) = code.constant(register) {
            return (word, Sym::CONSTANT);
        }
        let (word, sym) = self.path.values[base + register.index()];
        self.path.known(sym).map_or((word, sym), |word| (word, Sym::CONSTANT))
    }

    pub(super) fn set(&mut self, register: Register, value: Operand) {
        let base = self.frame().base;
        self.path.values[base + register.index()] = value;
    }

    /// A dynamic value.
    pub(super) fn set_value(&mut self, register: Register, value: Ref) {
        self.set(register, (0, Sym::of(value)));
    }

    /// An operand of an operation that is recorded.
    pub(super) fn value(&mut self, (word, sym): Operand, ty: Type) -> Ref {
        if sym == Sym::NONE || sym.is_constant() {
            return self.unit.constant(ty, word);
        }
        if sym.offset == 0 {
            return sym.base;
        }
        let offset = self.unit.int(i64::from(sym.offset));
        self.share(Op { a: sym.base.word(), b: offset.word(), ..Op::new(OpCode::PtrAdd, Type::Ref) })
    }

    /// The value of a pure operation, recorded unless it has been on this path.
    pub(super) fn share(&mut self, op: Op) -> Ref {
        if let Some(known) = self.path.recorded(key(&op)) {
            return known;
        }
        let value = self.unit.push(op);
        self.path.remember(key(&op), value);
        value
    }

    // ---- Steps.

    /// Executes an instruction; whether the path goes on.
    fn step(&mut self) -> Step<bool> {
        let &mut Frame { code, position, .. } = self.frame();
        let mut next = position + 1;
        match code.operation(position) {
            Operation::Pure { code: opcode, bits, dest, operands } => {
                let count = operand_count(opcode);
                let mut given = [(0, Sym::NONE); 3];
                for (value, &register) in given.iter_mut().zip(&operands[..count]) {
                    *value = self.operand(register);
                }
                let result = self.pure(opcode, bits, &given[..count])?;
                self.set(dest, result);
            }
            Operation::Move { dest, source } | Operation::Promote { dest, source } => {
                let value = self.operand(source);
                self.set(dest, value);
            }
            Operation::Load { dest, memory, class, base, index } => {
                let (base, index) = (self.operand(base), index.map(|index| self.operand(index)));
                let value = self.load((memory, class), base, index)?;
                self.set(dest, value);
            }
            Operation::Store { memory, class, base, index, value } => {
                let (base, index) = (self.operand(base), index.map(|index| self.operand(index)));
                let value = self.operand(value);
                self.store((memory, class), base, index, value)?;
            }
            Operation::Call { function, arguments, results } => return self.call(function, arguments, results),
            Operation::WeAreJitted { dest } => self.set(dest, (0, Sym::CONSTANT)),
            Operation::Release { .. } => {}
            Operation::MergePoint(mark) => {
                if self.path.frames.len() == 1 && std::mem::replace(&mut self.path.begun, true) {
                    self.merge_point(mark)?;
                    return Ok(false);
                }
            }
            Operation::CanEnter(_) => self.path.counted |= self.path.frames.len() == 1,
            Operation::Jump { target } => next = target,
            Operation::Branch { condition, then, otherwise } => {
                let condition = self.operand(condition);
                next = match condition {
                    (word, sym) if sym.is_constant() => {
                        if word != 0 {
                            then
                        } else {
                            otherwise
                        }
                    }
                    _ => self.branch(condition, then, otherwise)?,
                };
            }
            Operation::Switch { value, table } => {
                let value = self.operand(value);
                next = if value.1.is_constant() {
                    table.target(value.0)
                } else {
                    self.switch(value, &table.cases, table.default)?
                };
            }
            Operation::Return { values } => return self.return_from(values),
            // It panics as it does in the interpreter.
            Operation::Panic { .. } => return self.leave(),
        }
        if next <= position {
            self.back()?;
        }
        self.frame().position = next;
        Ok(true)
    }

    /// A jump back. A loop is done as often as it takes while recording, if that is static; a function with a loop whose end is not is called.
    fn back(&mut self) -> Step {
        let inner = self.path.frames.len() > 1;
        let frame = self.frame();
        frame.turns += 1;
        if inner && frame.branched && frame.turns > TURNS {
            return Err(Unrecorded::Loops(frame.code.function()));
        }
        Ok(())
    }

    /// Leaves the piece, for the interpreter to execute the instruction anew.
    pub(super) fn leave(&mut self) -> Step<bool> {
        if self.path.effects {
            return Err(Unrecorded::Unsuitable);
        }
        self.unit.push(Op { a: self.leaving.0, ..Op::new(OpCode::Exit, Type::Void) });
        Ok(false)
    }

    /// Goes on at one of two places: the first now, the second later.
    fn branch(&mut self, condition: Operand, mut then: Position, mut otherwise: Position) -> Step<Position> {
        let mut condition = self.value(condition, Type::Int);
        // What is compared with zero is tested itself.
        while let Some((tested, negated)) = self.test_for_zero(condition) {
            condition = tested;
            if negated {
                std::mem::swap(&mut then, &mut otherwise);
            }
        }
        match self.path.truth(condition) {
            Some(true) => return Ok(then),
            Some(false) => return Ok(otherwise),
            None => {}
        }
        self.frame().branched = true;
        self.branches += 1;
        if self.branches > PATHS {
            return Err(Unrecorded::TooLarge);
        }
        let label = self.unit.new_label();
        let none = self.unit.list(&[]);
        let op = Op { a: condition.word(), b: label.0, c: none.0, ..Op::new(OpCode::BranchUnless, Type::Void) };
        self.unit.push(op);
        let mut other = self.path.clone();
        other.label = label;
        other.frames.last_mut().expect("a path is in the portal at least").position = otherwise;
        let test = condition.as_op().is_some_and(|op| self.unit.ops[op].code.is_test());
        other.facts.push(Fact { condition, holds: false, test });
        self.pending.push(other);
        self.path.facts.push(Fact { condition, holds: true, test });
        Ok(then)
    }

    /// What a condition that compares with zero, or a truth value with one, tests; and whether it holds if that is zero.
    fn test_for_zero(&self, condition: Ref) -> Option<(Ref, bool)> {
        let op = self.unit.ops[condition.as_op()?];
        let (a, b) = (Ref::from_word(op.a), Ref::from_word(op.b));
        let word = b.as_constant().map(|number| self.unit.constants[number].1)?;
        let operand = a.as_op().map(|op| self.unit.ops[op]);
        let test = operand.is_some_and(|op| op.code.is_test());
        // One bit that is what it is compared with is not 0.
        let bit = operand.is_some_and(|op| op.code == OpCode::And && op.b == b.word()) && word.is_power_of_two();
        match (op.code, word) {
            (OpCode::Eq, _) if bit => Some((a, false)),
            (OpCode::Ne, _) if bit => Some((a, true)),
            (OpCode::Eq, 0) => Some((a, true)),
            (OpCode::Ne, 0) => Some((a, false)),
            (OpCode::Eq, 1) if test => Some((a, false)),
            (OpCode::Ne, 1) if test => Some((a, true)),
            _ => None,
        }
    }

    /// A switch on something dynamic: one comparison after the other.
    fn switch(&mut self, value: Operand, cases: &[(u64, Position)], default: Position) -> Step<Position> {
        for &(case, target) in cases {
            let equal = self.pure(OpCode::Eq, 0, &[value, (case, Sym::CONSTANT)])?;
            // The rest is what the branch goes on with; the case is followed later.
            let differs = self.pure(OpCode::Eq, 0, &[equal, (0, Sym::CONSTANT)])?;
            let position = self.frame().position;
            self.branch(differs, position, target)?;
        }
        Ok(default)
    }

    fn return_from(&mut self, values: &'static [Register]) -> Step<bool> {
        let mut returned = Vec::with_capacity(values.len());
        for &register in values {
            returned.push(self.operand(register));
        }
        if self.path.frames.len() == 1 {
            let code = self.frame().code;
            let typed: Vec<(Operand, Type)> =
                returned.iter().zip(values).map(|(&value, &register)| (value, code.type_of(register))).collect();
            self.hand_out(&typed);
            return Ok(false);
        }
        let inner = self.path.frames.pop().expect("there are two at least");
        self.path.values.truncate(inner.base);
        let &mut Frame { code, position, .. } = self.frame();
        if let Operation::Call { results, .. } = code.operation(position) {
            for (&dest, &value) in results.iter().zip(&returned) {
                self.set(dest, value);
            }
        }
        self.frame().position = position + 1;
        Ok(true)
    }

    /// Ends the path by handing out the portal's result.
    fn hand_out(&mut self, words: &[(Operand, Type)]) {
        let mut list = vec![self.unit.int(handed_out::RESULT as i64)];
        for &(word, ty) in words {
            list.push(self.value(word, ty));
        }
        let list = self.unit.list(&list);
        self.unit.push(Op { a: list.0, ..Op::new(OpCode::Return, Type::Void) });
    }

    /// Ends the path at a merge point.
    fn merge_point(&mut self, mark: &Mark) -> Step {
        let code = self.frame().code;
        let (mut greens, mut frame) = (Vec::new(), (0, Sym::NONE));
        for register in mark.leaves(Color::Green) {
            greens.push((self.operand(register), code.type_of(register)));
        }
        for register in mark.leaves(Color::Red) {
            frame = self.operand(register);
        }
        let counted = self.path.counted;
        let fixed = greens.iter().all(|((_, sym), _)| sym.is_constant());
        let goal = if fixed {
            let words: Vec<u64> = greens.drain(..).map(|((word, _), _)| word).collect();
            let called = counted && frame.1 != Sym::of(self.root);
            let goal = self.driver.goal(&words, counted, called);
            if !self.goals.contains(&goal) {
                self.goals.push(goal);
            }
            goal
        } else {
            if counted { Goal::COUNTED } else { Goal::POINT }
        };
        let mut list = vec![self.value(frame, Type::Ref)];
        for (value, ty) in greens {
            list.push(self.value(value, if ty == Type::Float { Type::Int } else { ty }));
        }
        let types: Vec<Type> = list.iter().map(|&value| self.unit.type_of(value)).collect();
        let list = self.unit.list(&list);
        let entry = self.driver.entry_of_goals(types).ok_or(Unrecorded::TablesFull)?;
        self.unit.push(Op { aux: entry.0, a: list.0, c: goal.0, ..Op::new(OpCode::JumpUnit, Type::Void) });
        Ok(())
    }

    // ---- Pure operations.

    /// A pure operation: done if it is static, else recorded.
    pub(super) fn pure(&mut self, code: OpCode, bits: u8, operands: &[Operand]) -> Step<Operand> {
        let mut op = Op { aux: u16::from(bits), ..Op::new(code, Type::Int) };
        let word_of = |at: usize| operands.get(at).map_or(0, |operand| operand.0);
        if operands.iter().all(|&(_, sym)| sym.is_constant()) {
            let word = evaluate(&op, word_of(0), word_of(1), word_of(2)).ok_or(Unrecorded::Unsuitable)?;
            return Ok((word, Sym::CONSTANT));
        }
        if let Some(value) = self.simplified(code, operands) {
            return Ok(value);
        }
        let mut values = [0; 3];
        for ((value, &operand), kind) in values.iter_mut().zip(operands).zip(code.operands()) {
            let ty = match kind {
                b'f' => Type::Float,
                b'r' => Type::Ref,
                _ => Type::Int,
            };
            *value = self.value(operand, ty).word();
        }
        [op.a, op.b, op.c] = values;
        op.ty = match code.result() {
            ResultType::F => Type::Float,
            ResultType::R => Type::Ref,
            _ => Type::Int,
        };
        Ok((0, Sym::of(self.share(op))))
    }

    /// Addresses with constant offsets, conversions there and back, and operations that do nothing.
    fn simplified(&self, code: OpCode, operands: &[Operand]) -> Option<Operand> {
        let (word, sym) = operands[0];
        let constant = |at: usize| operands.get(at).filter(|(_, sym)| sym.is_constant()).map(|&(word, _)| word);
        match code {
            OpCode::PtrAdd => {
                let bytes = constant(1)?;
                if sym.is_constant() {
                    return None;
                }
                let offset = i32::try_from(i64::from(sym.offset).checked_add(bytes as i64)?).ok()?;
                Some((0, Sym { base: sym.base, offset }))
            }
            OpCode::IntToRef => self.converted(sym, OpCode::RefToInt),
            OpCode::RefToInt => self.converted(sym, OpCode::IntToRef),
            OpCode::FloatBits => self.converted(sym, OpCode::BitsFloat),
            OpCode::BitsFloat => self.converted(sym, OpCode::FloatBits),
            OpCode::Select if sym.is_constant() => Some(operands[if word != 0 { 1 } else { 2 }]),
            OpCode::Add | OpCode::Sub | OpCode::Or | OpCode::Xor | OpCode::Shl | OpCode::Shr | OpCode::Sar => {
                (constant(1) == Some(0)).then_some(operands[0])
            }
            OpCode::Mul => (constant(1) == Some(1)).then_some(operands[0]),
            // A new object is somewhere.
            OpCode::RefEq | OpCode::RefNe => {
                let new = sym.base.as_op().is_some_and(|op| self.unit.ops[op].code == OpCode::New);
                (new && sym.offset == 0 && constant(1) == Some(0))
                    .then_some((u64::from(code == OpCode::RefNe), Sym::CONSTANT))
            }
            _ => None,
        }
    }

    fn converted(&self, sym: Sym, from: OpCode) -> Option<Operand> {
        let op = self.unit.ops[sym.base.as_op()?];
        (sym.offset == 0 && op.code == from).then(|| {
            let value = Ref::from_word(op.a);
            match value.as_constant() {
                Some(number) => (self.unit.constants[number].1, Sym::CONSTANT),
                None => (0, Sym::of(value)),
            }
        })
    }
}

//! The recorder: from a point of the guest program to the unit of its piece.

use tailor_compiler::backend::holes::Hole;
use tailor_compiler::eval::evaluate;
use tailor_compiler::ir::{CallId, LabelId, Op, OpCode, Ref, Slot, SnapshotId, Type, Unit};
use tailor_jitcode::JitFunction;
use tailor_jitcode::code::{Mark, Operation, Position, Register};
use tailor_jitcode::tape::Color;

use super::paths::{Fact, Frame, Given, Path};
use super::tape::{Decision, Input, Node, Tape};
use super::{Goal, Way, handed_out};
use crate::engine::Driver;
use crate::trace::{Operand, Sym, key, operand_count, operand_type, result_type};

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
    /// This function has a loop that may be executed any number of times when these arguments are static.
    Loops(&'static JitFunction, Given),
}

/// What a piece goes on in: the greens of the point, and how it is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoalPlan {
    pub greens: Box<[Input]>,
    pub way: Way,
}

/// What has been recorded, in memory that is used again.
#[derive(Default)]
pub struct Recording {
    /// The unit, with holes.
    pub unit: Unit,
    /// What follows from the greens.
    pub tape: Tape,
    /// Which node each hole is for.
    pub holes: Vec<u32>,
    /// What it goes on in, by the numbers that the unit has for it.
    pub goals: Vec<GoalPlan>,
    /// Paths that have ended: memory for others.
    ended: Vec<Path>,
}

/// See the module.
pub struct Recorder<'d> {
    pub(super) driver: &'d mut Driver,
    pub(super) unit: Unit,
    pub(super) tape: Tape,
    holes: Vec<u32>,
    /// Whether a constant looks like a hole.
    ambiguous: bool,
    pub(super) path: Path,
    pub(super) root: Ref,
    pub(super) wishes: Wishes,
    /// States in which paths join, and where.
    pub(super) joins: Vec<(Vec<Operand>, LabelId)>,
    leaving: SnapshotId,
    pending: Vec<Path>,
    ended: Vec<Path>,
    goals: Vec<GoalPlan>,
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
    /// Records the piece of the point with these greens.
    pub fn record(
        driver: &'d mut Driver,
        greens: &[u64],
        wishes: Wishes,
        memory: Recording,
    ) -> (Recording, Result<(), Unrecorded>) {
        let Recording { mut unit, mut tape, mut holes, mut goals, mut ended } = memory;
        unit.clear();
        tape.begin(greens, driver.anchor());
        holes.clear();
        goals.clear();
        let mut path = ended.pop().unwrap_or_default();
        path.begin(unit.new_label());
        let mut recorder = Recorder {
            driver,
            unit,
            tape,
            holes,
            ambiguous: false,
            path,
            root: Ref::NONE,
            wishes,
            joins: Vec::new(),
            leaving: SnapshotId(0),
            pending: Vec::new(),
            ended,
            goals,
            branches: 0,
        };
        let result = recorder.run(greens);
        let Recorder { unit, tape, holes, goals, path, mut pending, mut ended, .. } = recorder;
        ended.push(path);
        ended.append(&mut pending);
        (Recording { unit, tape, holes, goals, ended }, result)
    }

    fn run(&mut self, greens: &[u64]) -> Step {
        self.place(self.path.label);
        self.root = self.unit.push(Op::new(OpCode::Param, Type::Ref));
        let frame = self.unit.snapshots.add_frame(None, 0, 0, &[Slot::Value(self.root)]);
        self.leaving = self.unit.snapshots.add(Some(frame));
        let (function, red) = (self.driver.portal().function, self.driver.portal().frame);
        let places = self.driver.portal().greens.clone();
        self.push_frame(function, Given::default())?;
        self.set_value(Register(red as u16), self.root);
        for (number, (&at, &word)) in places.iter().zip(greens).enumerate() {
            self.set(Register(at as u16), fixed((word, number as u32 + 1)));
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
                self.ended.extend(self.pending.drain(pending..));
                self.path.effects = false;
                self.leave()?;
            }
            let Some(path) = self.pending.pop() else { break };
            self.ended.push(std::mem::replace(&mut self.path, path));
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
        if self.is_ambiguous() { Err(Unrecorded::Unsuitable) } else { Ok(()) }
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
            && (last.c as usize) < side.goals
    }

    pub(super) fn place(&mut self, label: LabelId) {
        self.unit.labels[label.0 as usize] = self.unit.ops.len() as u32;
        self.unit.push(Op { a: label.0, ..Op::new(OpCode::Label, Type::Void) });
    }

    // ---- Registers.

    pub(super) fn push_frame(&mut self, function: &'static JitFunction, given: Given) -> Step {
        if self.path.frames.len() == 40 {
            return Err(Unrecorded::TooLarge);
        }
        let (code, base) = (self.driver.jitcode(function), self.path.values.len());
        self.path.values.resize(base + code.register_count(), (0, Sym::NONE));
        self.path.frames.push(Frame { code, base, position: 0, branched: false, turns: 0, given });
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
        let known = if word == 0 { self.path.known(sym) } else { None };
        known.map_or((word, sym), |word| (word, Sym::CONSTANT))
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
    pub(super) fn value(&mut self, operand: Operand, ty: Type) -> Ref {
        let (word, sym) = operand;
        if sym == Sym::NONE {
            return self.unit.constant(ty, 0);
        }
        if let Some(input) = input(operand) {
            return self.constant(input, ty);
        }
        if (word, sym.offset) == (0, 0) {
            return sym.base;
        }
        let offset = self.constant((sym.offset as u64, word as u32), Type::Int);
        self.share(Op { a: sym.base.word(), b: offset.word(), ..Op::new(OpCode::PtrAdd, Type::Ref) })
    }

    /// A constant of the unit: a hole, if it depends on the greens.
    pub(super) fn constant(&mut self, (word, node): Input, ty: Type) -> Ref {
        let word = match node {
            0 => word,
            _ => match self.hole(node) {
                Some(hole) => return self.unit.constant(ty, hole.word()),
                None => self.tape.decide(Decision::Exact(node)),
            },
        };
        self.ambiguous |= Hole::of(word).is_some();
        self.unit.constant(ty, word)
    }

    /// Whether a constant of the piece that is none of its holes looks like one: then there can be no template. (Guest programs compute with all words, and where addresses are short they can be any.)
    fn is_ambiguous(&self) -> bool {
        let looks = |word: u64| Hole::of(word).is_some();
        let is_hole = |word: u64| {
            Hole::of(word).is_some_and(|(hole, plus)| plus == 0 && (hole.number as usize) < self.holes.len())
        };
        let of_call = |op: &Op| match op.code {
            OpCode::Call => self.driver.descriptors.call(CallId(op.aux)).address as u64,
            _ => 0,
        };
        self.ambiguous
            || self.unit.constants.iter().any(|&(_, word)| looks(word) && !is_hole(word))
            || self.unit.ops.iter().any(|op| looks(of_call(op)))
    }

    /// The hole for a node; `None` if there are too many.
    pub(super) fn hole(&mut self, node: u32) -> Option<Hole> {
        let size = self.tape.size(node);
        let known = self.holes.iter().position(|&known| known == node);
        if known.is_none() && self.holes.len() == Hole::COUNT as usize {
            return None;
        }
        let number = known.unwrap_or_else(|| {
            self.holes.push(node);
            self.holes.len() - 1
        });
        Some(Hole { number: number as u32, size })
    }

    /// Makes a static operand a constant for all pieces of this shape.
    pub(super) fn pin(&mut self, operand: Operand) -> Operand {
        match input(operand) {
            Some((_, node)) if node != 0 => (self.tape.decide(Decision::Exact(node)), Sym::CONSTANT),
            _ => operand,
        }
    }

    /// A static value that is computed from others.
    pub(super) fn computed(&mut self, node: Node) -> Step<Operand> {
        let number = self.tape.node(node).ok_or(Unrecorded::Unsuitable)?;
        Ok(fixed((self.tape.word(number), number)))
    }

    /// The sum of static values.
    pub(super) fn sum(&mut self, a: Input, b: Input) -> Step<Input> {
        let sum = a.0.wrapping_add(b.0);
        if (a.1, b.1) == (0, 0) {
            return Ok((sum, 0));
        }
        let operands = [a, b, (0, 0)].map(named);
        let number =
            self.tape.node(Node::Pure { code: OpCode::Add, bits: 0, operands }).ok_or(Unrecorded::Unsuitable)?;
        Ok((sum, number))
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
                if let Some((_, node)) = input(condition)
                    && node != 0
                {
                    self.tape.decide(Decision::Truth(node));
                }
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
                if let Some((_, node)) = input(value)
                    && node != 0
                {
                    self.tape.decide(Decision::Target(node, table));
                }
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
            return Err(Unrecorded::Loops(frame.code.function(), frame.given));
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
        let mut other = self.ended.pop().unwrap_or_default();
        other.copy(&self.path);
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
        let inputs: Option<Box<[Input]>> = greens.iter().map(|&(operand, _)| input(operand)).collect();
        let goal = match inputs {
            Some(greens) => {
                let way = match counted {
                    false => Way::Plain,
                    true if frame == (0, Sym::of(self.root)) => Way::BackEdge,
                    true => Way::Call,
                };
                let plan = GoalPlan { greens, way };
                let known = self.goals.iter().position(|known| *known == plan);
                known.unwrap_or_else(|| {
                    self.goals.push(plan);
                    self.goals.len() - 1
                }) as u32
            }
            None if counted => Goal::COUNTED.0,
            None => Goal::POINT.0,
        };
        if goal < Goal::COUNTED.0 {
            greens.clear();
        }
        let mut list = vec![self.value(frame, Type::Ref)];
        for (value, ty) in greens {
            list.push(self.value(value, if ty == Type::Float { Type::Int } else { ty }));
        }
        let types: Vec<Type> = list.iter().map(|&value| self.unit.type_of(value)).collect();
        let list = self.unit.list(&list);
        let entry = self.driver.entry_of_goals(types).ok_or(Unrecorded::TablesFull)?;
        self.unit.push(Op { aux: entry.0, a: list.0, c: goal, ..Op::new(OpCode::JumpUnit, Type::Void) });
        Ok(())
    }

    // ---- Pure operations.

    /// A pure operation: done if it is static, else recorded.
    pub(super) fn pure(&mut self, code: OpCode, bits: u8, operands: &[Operand]) -> Step<Operand> {
        let mut op = Op { aux: u16::from(bits), ..Op::new(code, Type::Int) };
        let inputs = || operands.iter().map(|&operand| input(operand));
        if inputs().all(|input| input.is_some()) {
            let mut all = [(0, 0); 3];
            for (place, input) in all.iter_mut().zip(inputs().flatten()) {
                *place = named(input);
            }
            if all.iter().any(|&(_, node)| node != 0) {
                return self.computed(Node::Pure { code, bits, operands: all });
            }
            let [a, b, c] = all.map(|(word, _)| word);
            return Ok((evaluate(&op, a, b, c).ok_or(Unrecorded::Unsuitable)?, Sym::CONSTANT));
        }
        if let Some(value) = self.simplified(code, operands)? {
            return Ok(value);
        }
        // The code for these depends on what they are given.
        let pinned = {
            use OpCode::{DivS, DivU, Mul, MulHiS, MulHiU, RemS, RemU, RotL, Sar, Shl, Shr};
            matches!(code, Shl | Shr | Sar | RotL | Mul | MulHiS | MulHiU | DivS | DivU | RemS | RemU)
        };
        let mut values = [0; 3];
        for ((value, &operand), kind) in values.iter_mut().zip(operands).zip(code.operands()) {
            let ty = operand_type(kind);
            let operand = if pinned { self.pin(operand) } else { operand };
            *value = self.value(operand, ty).word();
        }
        [op.a, op.b, op.c] = values;
        op.ty = result_type(code);
        Ok((0, Sym::of(self.share(op))))
    }

    /// Addresses with static offsets, conversions there and back, and operations that do nothing.
    fn simplified(&mut self, code: OpCode, operands: &[Operand]) -> Step<Option<Operand>> {
        let (word, sym) = operands[0];
        // What depends on the greens is no reason to do without an operation: it may be something else for another point.
        let constant = |at: usize| match operands.get(at).map(|&operand| input(operand)) {
            Some(Some((word, 0))) => Some(word),
            _ => None,
        };
        Ok(match code {
            OpCode::PtrAdd => {
                let (Some(bytes), false) = (input(operands[1]), sym.is_constant()) else { return Ok(None) };
                let (offset, node) = self.sum((i64::from(sym.offset) as u64, word as u32), bytes)?;
                let Ok(offset) = i32::try_from(offset as i64) else { return Err(Unrecorded::Unsuitable) };
                Some((u64::from(node), Sym { base: sym.base, offset }))
            }
            OpCode::IntToRef => self.converted(operands[0], OpCode::RefToInt),
            OpCode::RefToInt => self.converted(operands[0], OpCode::IntToRef),
            OpCode::FloatBits => self.converted(operands[0], OpCode::BitsFloat),
            OpCode::BitsFloat => self.converted(operands[0], OpCode::FloatBits),
            OpCode::Select if sym.is_constant() => {
                let (word, _) = self.pin(operands[0]);
                Some(operands[if word != 0 { 1 } else { 2 }])
            }
            OpCode::Add | OpCode::Sub | OpCode::Or | OpCode::Xor | OpCode::Shl | OpCode::Shr | OpCode::Sar => {
                (constant(1) == Some(0)).then_some(operands[0])
            }
            OpCode::Mul => (constant(1) == Some(1)).then_some(operands[0]),
            // A new object is somewhere.
            OpCode::RefEq | OpCode::RefNe => {
                let new = sym.base.as_op().is_some_and(|op| self.unit.ops[op].code == OpCode::New);
                (new && (word, sym.offset) == (0, 0) && constant(1) == Some(0))
                    .then_some((u64::from(code == OpCode::RefNe), Sym::CONSTANT))
            }
            _ => None,
        })
    }

    fn converted(&self, (word, sym): Operand, from: OpCode) -> Option<Operand> {
        let op = self.unit.ops[sym.base.as_op()?];
        if (word, sym.offset) != (0, 0) || op.code != from {
            return None;
        }
        let value = Ref::from_word(op.a);
        value.as_op().map(|_| (0, Sym::of(value)))
    }
}

/// A static operand as input of nodes; `None` if it is dynamic. Symbols of constants have their node's number where others have bytes; what is a value of the unit and bytes has the node of the bytes
/// where others have their word.
pub(super) fn input((word, sym): Operand) -> Option<Input> {
    sym.is_constant().then_some((word, sym.offset as u32))
}

/// The reverse.
pub(super) fn fixed((word, node): Input) -> Operand {
    (word, Sym { offset: node as i32, ..Sym::CONSTANT })
}

/// An input as nodes name it: by node, if it is one.
pub(super) fn named((word, node): Input) -> Input {
    if node == 0 { (word, 0) } else { (0, node) }
}

//! Control flow: blocks, branches, joins and loops, and what a unit is made of as a whole.

use super::statements::{STATEMENTS, Statement};
use super::{Deferred, Generator, PARAMETERS};
use crate::ir::{LabelId, Op, OpCode, Position, Ref, Type};
use crate::random::memory::STACK;
use crate::random::shapes::Kind;

impl Generator<'_> {
    pub(super) fn unit(&mut self) {
        let entry = self.sample.unit.new_label();
        self.label(entry, &PARAMETERS);
        self.statements();
        if self.rng.chance(35) {
            self.endless_loop();
        } else {
            self.leave();
        }
        while let Some(deferred) = self.deferred.pop() {
            self.visible = deferred.visible;
            self.label(deferred.label, &deferred.parameters);
            self.budget = self.rng.below(4);
            self.depth = 9;
            self.statements();
            self.leave();
        }
    }

    /// Ends the unit.
    fn leave(&mut self) {
        if self.rng.chance(20) {
            self.push(Op::new(OpCode::Exit, Type::Void), None);
            return;
        }
        if self.rng.chance(15) {
            let (entry, list) = if self.rng.chance(40) {
                let base = self.frame_base(STACK);
                self.frame_arguments(base)
            } else {
                let (entry, list, _) = self.callee();
                (entry, list)
            };
            self.push(Op { aux: entry, a: list, ..Op::new(OpCode::JumpUnit, Type::Void) }, None);
            return;
        }
        let values: Vec<Ref> = (0..self.rng.below(5)).map(|_| self.any().0).collect();
        let list = self.sample.unit.list(&values).0;
        self.push(Op { a: list, ..Op::new(OpCode::Return, Type::Void) }, None);
    }

    pub(super) fn statements(&mut self) {
        while self.budget > 0 {
            self.budget -= 1;
            self.statement();
        }
    }

    /// Some statements of those that are left.
    pub(super) fn some_statements(&mut self) {
        let share = self.rng.below(self.budget.min(10) + 1);
        let rest = self.budget - share;
        self.budget = share;
        self.depth += 1;
        self.statements();
        self.depth -= 1;
        self.budget = rest;
    }

    /// A merge point.
    pub(super) fn mark(&mut self) {
        self.merge_points += 1;
        let (op, position) = (self.sample.unit.ops.len() as u32, self.merge_points);
        self.sample.unit.positions.push(Position { op, position });
    }

    fn statement(&mut self) {
        if self.rng.chance(40) {
            self.mark();
        }
        let favoured = self.rng.chance(40);
        let statement = if favoured { self.rng.pick(self.theme) } else { self.rng.pick(STATEMENTS) };
        match statement {
            Statement::Integers => self.integers(),
            Statement::Floats => self.floats(),
            Statement::Boxes => self.boxes(),
            Statement::Conversions => self.conversions(),
            Statement::Identities => self.identities(),
            Statement::Load => self.load(),
            Statement::Store => self.store(),
            Statement::Stack => self.stack(),
            Statement::Frame if self.depth < 4 => self.frame_of_call(),
            Statement::Allocate => self.allocate(),
            Statement::Call => self.call(),
            Statement::Guards => self.guards(),
            Statement::SideExit if !self.straight => self.side_exit(),
            Statement::OneOrOther if self.depth < 3 => self.one_or_other(),
            Statement::Loop if self.depth < 3 => self.counted_loop(),
            Statement::GuardValid => self.guard(OpCode::GuardValid, Ref::from_word(0)),
            Statement::SideExit => self.guards(),
            Statement::OneOrOther | Statement::Loop | Statement::Frame => self.integers(),
        }
    }

    /// What is passed on: kinds and values, as many as up to `most`.
    pub(super) fn passed(&mut self, most: usize) -> (Vec<Kind>, Vec<Ref>) {
        let count = self.rng.below(most + 1);
        let mut passed = Vec::new();
        for _ in 0..count {
            let (value, kind) = if self.rng.chance(10) {
                let (base, word) = self.stack_base();
                (base, Kind::Stack(word))
            } else {
                self.any()
            };
            passed.push(if kind == Kind::Truth { (Kind::Int, value) } else { (kind, value) });
        }
        passed.into_iter().unzip()
    }

    pub(super) fn pick_all(&mut self, kinds: &[Kind]) -> Vec<Ref> {
        kinds.iter().map(|&kind| self.pick(kind)).collect()
    }

    pub(super) fn side_exit(&mut self) {
        let (parameters, values) = self.passed(3);
        let label = self.sample.unit.new_label();
        let visible = self.visible.clone();
        let times = 1 + self.rng.below(2);
        for time in 0..times {
            let condition = self.condition();
            let values = if time == 0 { values.clone() } else { self.pick_all(&parameters) };
            let code = self.rng.pick(&[OpCode::BranchIf, OpCode::BranchUnless]);
            self.branch(code, condition, label, &values);
        }
        self.deferred.push(Deferred { label, parameters, visible });
    }

    pub(super) fn one_or_other(&mut self) {
        let (join, condition) = (self.sample.unit.new_label(), self.condition());
        let code = self.rng.pick(&[OpCode::BranchIf, OpCode::BranchUnless]);
        let (parameters, values) = self.passed(4);
        let before = self.visible.len();
        if self.rng.chance(50) {
            self.branch(code, condition, join, &values);
            self.some_statements();
        } else {
            let other = self.sample.unit.new_label();
            self.branch(code, condition, other, &[]);
            self.some_statements();
            let values = self.pick_all(&parameters);
            self.jump(join, &values);
            self.visible.truncate(before);
            self.label(other, &[]);
            self.some_statements();
        }
        let values = self.pick_all(&parameters);
        self.jump(join, &values);
        self.visible.truncate(before);
        self.label(join, &parameters);
    }

    /// What a loop hands on: often objects that are new in each iteration, as boxes and iterators are.
    pub(super) fn handed_on(&mut self, kinds: &[Kind]) -> Vec<Ref> {
        let values = kinds.iter().map(|&kind| match kind {
            Kind::Object(shape) if self.rng.chance(50) => self.new_object(shape),
            _ => self.pick(kind),
        });
        values.collect()
    }

    /// A loop that runs one to four times.
    pub(super) fn counted_loop(&mut self) {
        let (label, counter, kinds) = self.open_loop();
        self.some_statements();
        let values = self.handed_on(&kinds);
        let minus_one = self.int(-1);
        let counter = self.value(OpCode::Add, Kind::Int, &[counter, minus_one]);
        let arguments: Vec<Ref> = std::iter::once(counter).chain(values).collect();
        if self.rng.chance(60) {
            self.branch(OpCode::BranchIf, counter, label, &arguments);
        } else {
            let (out_kinds, out_values) = self.passed(3);
            let out = self.sample.unit.new_label();
            self.branch(OpCode::BranchUnless, counter, out, &out_values);
            self.jump(label, &arguments);
            self.label(out, &out_kinds);
        }
    }

    /// A loop as a trace has it: it is left by a guard only.
    pub(super) fn endless_loop(&mut self) {
        let (label, counter, kinds) = self.open_loop();
        self.budget = 3 + self.rng.below(20);
        self.statements();
        let (minus_one, zero) = (self.int(-1), self.int(0));
        let counter = self.value(OpCode::Add, Kind::Int, &[counter, minus_one]);
        if self.rng.chance(50) {
            let more = self.value(OpCode::Lt, Kind::Truth, &[zero, counter]);
            self.guard(OpCode::GuardTrue, more);
        } else {
            let done = self.value(OpCode::Eq, Kind::Truth, &[counter, zero]);
            self.guard(OpCode::GuardFalse, done);
        }
        let values = self.handed_on(&kinds);
        let arguments: Vec<Ref> = std::iter::once(counter).chain(values).collect();
        self.jump(label, &arguments);
    }

    /// The head of a loop: its label, its counter, and what else it carries.
    pub(super) fn open_loop(&mut self) -> (LabelId, Ref, Vec<Kind>) {
        let count = if self.rng.chance(50) {
            let count = 1 + self.rng.below(4) as i64;
            self.int(count)
        } else {
            let (any, mask, one) = (self.pick(Kind::Int), self.int(3), self.int(1));
            let small = self.value(OpCode::And, Kind::Int, &[any, mask]);
            self.value(OpCode::Or, Kind::Int, &[small, one])
        };
        let (mut kinds, mut values) = self.passed(4);
        if self.rng.chance(30) {
            let shape = self.favourite;
            kinds.push(Kind::Object(shape));
            values.push(self.new_object(shape));
        }
        let label = self.sample.unit.new_label();
        let arguments: Vec<Ref> = std::iter::once(count).chain(values).collect();
        self.jump(label, &arguments);
        let all: Vec<Kind> = std::iter::once(Kind::Int).chain(kinds.iter().copied()).collect();
        let parameters = self.label(label, &all);
        (label, parameters[0], kinds)
    }
}

//! The walk itself: one operation after the other, from the last to the first.

use super::field::of_double;
use super::{Analysis, Condition, NONE, Operands, Role, arithmetic_of, condition, field};
use crate::backend::target::{Agreements, Target, locations_of_entry};
use crate::ir::opcode::Class;
use crate::ir::{Descriptors, FrameId, ListRange, MemId, Op, OpCode, PendingStore, Ref, Slot, SnapshotId, Type, Unit};

/// How many operations there may be between a test and its only reader if it is to be made there. (The optimiser puts stores off to just before branches.)
const NEAR: usize = 8;

/// The state of the walk: it is at operation `at`.
pub struct Walk<'a, T> {
    pub analysis: &'a mut Analysis,
    pub target: &'a T,
    pub unit: &'a Unit,
    pub descriptors: &'a Descriptors,
    pub agreements: &'a Agreements,
    pub at: usize,
}

impl<T: Target> Walk<'_, T> {
    /// Passes an operation.
    pub fn operation(&mut self, op: &Op) {
        let at = self.at;
        if self.analysis.end[at] != 0 {
            self.dies_before(at);
        }
        if self.is_for_exits_only(at) {
            self.analysis.roles[at] = Role::Coded;
        }
        if self.analysis.roles[at] == Role::Coded {
            self.coded(at);
        }
        if self.analysis.roles[at] != Role::Own {
            return;
        }
        match op.code {
            OpCode::Label => self.label(op),
            OpCode::Param => {}
            OpCode::Release => self.analysis.roles[at] = Role::Dead,
            OpCode::Jump => self.edge(op),
            OpCode::BranchIf | OpCode::BranchUnless => {
                self.edge(op);
                self.condition();
            }
            OpCode::GuardTrue | OpCode::GuardFalse => {
                self.snapshot(op);
                self.condition();
            }
            OpCode::GuardValid | OpCode::Exit => self.snapshot(op),
            OpCode::Return => {
                self.hint_first(ListRange(op.a));
                self.list(ListRange(op.a));
            }
            OpCode::JumpUnit => {
                self.hint_entry(op.aux, ListRange(op.a));
                self.list(ListRange(op.a));
            }
            OpCode::CallUnit => {
                self.snapshot(op);
                self.hint_entry(op.aux, ListRange(op.a));
                self.list(ListRange(op.a));
            }
            OpCode::Call => {
                self.hint_call(ListRange(op.a));
                self.list(ListRange(op.a));
            }
            OpCode::Select => {
                self.field(at, 2);
                self.field(at, 1);
                self.condition();
            }
            _ => {
                let unused = self.analysis.end[at] == 0 && matches!(op.code.class(), Class::Pure | Class::Load);
                if unused {
                    self.analysis.roles[at] = Role::Dead;
                } else if !self.early(op) {
                    self.fold(at);
                    self.operands(at);
                }
            }
        }
    }

    /// Whether a value is needed, but read by nobody, and can be had from another one.
    fn is_for_exits_only(&self, at: usize) -> bool {
        let Analysis { roles, end, next_use, .. } = &*self.analysis;
        roles[at] == Role::Own
            && end[at] != 0
            && next_use[at] == NONE
            && matches!(self.unit.ops[at].code, OpCode::Add | OpCode::RotL | OpCode::FloatBits | OpCode::Box)
            && self.unit.derived(Ref::op(at)).is_some()
    }

    fn codes_double(&self, word: Ref) -> bool {
        self.unit.coded(word).is_some_and(|(_, double)| double.as_op().is_some())
    }

    /// Exits that want the word `at` need what it is derived from.
    fn coded(&mut self, at: usize) {
        let end = self.analysis.end[at];
        if end != 0
            && let Some((_, base)) = self.unit.derived(Ref::op(at))
        {
            self.needed(base, end);
        }
    }

    /// Value `at` is defined here, and not alive above.
    fn dies_before(&mut self, at: usize) {
        let Analysis { live, live_at, .. } = &mut *self.analysis;
        let place = live_at[at];
        live.swap_remove(place as usize);
        if let Some(&moved) = live.get(place as usize) {
            live_at[moved as usize] = place;
        }
    }

    fn needed(&mut self, value: usize, position: u32) {
        let Analysis { live, live_at, end, .. } = &mut *self.analysis;
        if end[value] == 0 {
            live_at[value] = live.len() as u32;
            live.push(value as u32);
        }
        end[value] = end[value].max(position);
    }

    /// An instruction reads this operand.
    fn read(&mut self, operand: Ref) {
        let Some(value) = operand.as_op() else { return };
        let position = self.at as u32 * 2;
        self.needed(value, position);
        let analysis = &mut *self.analysis;
        analysis.uses.push(analysis.next_use[value]);
        analysis.next_use[value] = self.at as u32;
        analysis.last_read[value] = analysis.last_read[value].max(position);
    }

    fn field(&mut self, op: usize, field: usize) {
        let op = &self.unit.ops[op];
        self.read(Ref::from_word([op.a, op.b, op.c][field]));
    }

    fn operands(&mut self, op: usize) {
        let operands = Operands::of(self.unit, &self.analysis.roles, op);
        for &(_, _, value) in operands.as_slice().iter().rev() {
            self.read(value);
        }
    }

    fn list(&mut self, list: ListRange) {
        let (at, length) = (list.0 as usize + 1, self.unit.lists[list.0 as usize] as usize);
        for &word in self.unit.lists[at..at + length].iter().rev() {
            self.read(Ref::from_word(word));
        }
    }

    fn hint(&mut self, operand: Ref, hint: super::Hint) {
        if let Some(value) = operand.as_op() {
            self.analysis.hints[value] = hint;
        }
    }

    fn hint_first(&mut self, list: ListRange) {
        if let Some(first) = self.unit.elements(list).next() {
            let float = self.unit.type_of(first) == Type::Float;
            let register = if float { T::RESULT_FLOAT } else { T::RESULT_GENERAL };
            self.hint(first, u32::from(register.0));
        }
    }

    fn hint_entry(&mut self, entry: u16, list: ListRange) {
        let unit = self.unit;
        let types = unit.elements(list).map(|operand| unit.type_of(operand));
        for (operand, loc) in unit.elements(list).zip(locations_of_entry::<T>(self.agreements, entry, types)) {
            if let Some(register) = loc.as_reg() {
                self.hint(operand, u32::from(register.0));
            }
        }
    }

    fn hint_call(&mut self, list: ListRange) {
        let (mut general, mut float) = (T::CALL_GENERAL.iter(), T::CALL_FLOAT.iter());
        for operand in self.unit.elements(list) {
            let is_float = self.unit.type_of(operand) == Type::Float;
            if let Some(register) = if is_float { float.next() } else { general.next() } {
                self.hint(operand, u32::from(register.0));
            }
        }
    }

    fn edge(&mut self, op: &Op) {
        let (label, list) = op.target().expect("only jumps and branches have edges");
        let place = self.unit.labels[label.0 as usize];
        if place <= self.at as u32 {
            let end = &mut self.analysis.loop_end[label.0 as usize];
            *end = (*end).max(self.at as u32);
        }
        for (operand, parameter) in self.unit.elements(list).zip(place + 1..) {
            self.hint(operand, 64 + parameter);
        }
        self.list(list);
    }

    fn label(&mut self, op: &Op) {
        let (label, at) = (op.a as usize, self.at as u32);
        let analysis = &mut *self.analysis;
        if analysis.loop_end[label] == 0 {
            return;
        }
        let mut reach = analysis.loop_end[label];
        while let Some(&(header, other)) = analysis.loops.last() {
            if header > reach {
                break;
            }
            reach = reach.max(other);
            analysis.loops.pop();
        }
        analysis.loops.push((at, reach));
        analysis.loop_end[label] = reach;
        for &value in &analysis.live {
            let value = value as usize;
            analysis.end[value] = analysis.end[value].max(reach * 2 + 1);
            if analysis.last_read[value] > 0 {
                analysis.last_read[value] = analysis.last_read[value].max(reach * 2);
            }
        }
    }

    fn snapshot(&mut self, op: &Op) {
        // The opcode's row says that these have one.
        if let Some(snapshot) = op.snapshot() {
            self.mark_snapshot(snapshot, self.at as u32 * 2 + 1);
        }
    }

    fn mark_snapshot(&mut self, id: SnapshotId, position: u32) {
        if std::mem::replace(&mut self.analysis.snapshots_seen[id.0 as usize], true) {
            return;
        }
        let all = &self.unit.snapshots;
        let snapshot = &all.snapshots[id.0 as usize];
        let mut frame = snapshot.frames;
        while let Some(FrameId(number)) = frame {
            if std::mem::replace(&mut self.analysis.frames_seen[number as usize], true) {
                break;
            }
            for &slot in all.slots_of(FrameId(number)) {
                self.mark_slot(slot, position);
            }
            frame = all.frames[number as usize].parent;
        }
        for recipe in &all.recipes[snapshot.recipes.start as usize..snapshot.recipes.end as usize] {
            for &(_, slot) in &recipe.fields {
                self.mark_slot(slot, position);
            }
        }
        for store in &all.stores[snapshot.stores.start as usize..snapshot.stores.end as usize] {
            let PendingStore { base, index, value, .. } = *store;
            for slot in [Some(base), index, Some(value)].into_iter().flatten() {
                self.mark_slot(slot, position);
            }
        }
    }

    fn mark_slot(&mut self, slot: Slot, position: u32) {
        if let Slot::Value(operand) = slot
            && let Some(value) = operand.as_op()
        {
            self.needed(value, position);
        }
    }

    /// The operand `a` of a guard, branch or selection.
    fn condition(&mut self) {
        self.fuse();
        match condition(self.unit, &self.analysis.roles, self.at) {
            Condition::Value => self.field(self.at, 0),
            Condition::Flags { reader, .. } => self.operands(reader),
        }
    }

    /// Whether nobody else needs value `value`, which comes directly before operation `reader`.
    fn only_reader(&self, value: Ref, reader: usize) -> Option<usize> {
        let op = value.as_op()?;
        (op + 1 == reader && self.analysis.end[op] == 0 && self.analysis.roles[op] == Role::Own).then_some(op)
    }

    /// Lets the condition of this operation be passed in the flags, if that is possible.
    fn fuse(&mut self) {
        let at = self.at;
        let Some(test) = Ref::from_word(self.unit.ops[at].a).as_op() else { return };
        let op = self.unit.ops[test];
        let is_free = self.analysis.end[test] == 0 && self.analysis.roles[test] == Role::Own;
        if matches!(op.code, OpCode::OvfAdd | OpCode::OvfSub | OpCode::OvfMul) {
            let analysis = &mut *self.analysis;
            let partner = |analysis: &Analysis, other: usize| {
                analysis.end[other] != 0 && analysis.roles[other] == Role::Own && arithmetic_of(self.unit, test, other)
            };
            let between = test + 2 == at && partner(analysis, test + 1);
            if !is_free || !(test + 1 == at || between) || self.unit.ops[at].code == OpCode::Select {
                return;
            }
            analysis.roles[test] = Role::Fused;
            if between {
                analysis.roles[test + 1] = Role::Late;
            } else if analysis.roles.get(at + 1) != Some(&Role::Early) && partner(analysis, test - 1) {
                analysis.roles[test - 1] = Role::Late;
            }
            return;
        }
        let sets_flags = |op: &Op| self.target.sets_flags(op);
        let two_flags = matches!(op.code, OpCode::FEq | OpCode::FNe);
        let for_selection = self.unit.ops[at].code == OpCode::Select;
        if !is_free || !self.is_near(test) || !sets_flags(&op) || (two_flags && for_selection) {
            return;
        }
        self.analysis.roles[test] = Role::Fused;
        let constant = |word| Some(self.unit.constants[Ref::from_word(word).as_constant()?].1);
        if matches!(op.code, OpCode::Eq | OpCode::Ne)
            && let Some(value) = constant(op.b)
            && let Some(and) = self.only_reader(Ref::from_word(op.a), test)
            && self.unit.ops[and].code == OpCode::And
            && !self.is_read_between(and, test)
        {
            let reads_double = self.tests_double(and, value);
            if reads_double || value == 0 || field(self.unit, &self.analysis.roles, test, and).is_some() {
                self.analysis.roles[and] = Role::Fused;
                if value == 0 && !reads_double {
                    self.fold_condition(and, test);
                }
                return;
            }
        }
        self.fold_condition(test, test);
    }

    /// If the conjunction `and`, which is compared with `value`, is one with a word that codes a double and that nobody else reads: lets it read the double.
    fn tests_double(&mut self, and: usize, value: u64) -> bool {
        let op = self.unit.ops[and];
        let Some(word) = Ref::from_word(op.a).as_op() else { return false };
        let Some(mask) = Ref::from_word(op.b).as_constant().map(|number| self.unit.constants[number].1) else {
            return false;
        };
        let Analysis { roles, next_use, .. } = &*self.analysis;
        let unread = roles[word] == Role::Own && next_use[word] == NONE && word + 1 == and;
        let tests_double = unread
            && value & !mask == 0
            && self.codes_double(Ref::op(word))
            && of_double(self.unit, Ref::op(word), mask, value).is_some();
        // Nor does anything between the conjunction and the guard.
        if !tests_double || self.is_read_between(word, and) {
            return false;
        }
        self.analysis.roles[word] = Role::Coded;
        true
    }

    /// Whether a test can as well be made where operation `at` uses it: nothing in between reads its value or changes the flow of control.
    fn is_near(&self, test: usize) -> bool {
        let harmless = |op: &Op| matches!(op.code.class(), Class::Pure | Class::Load | Class::Store);
        self.at - test <= NEAR + 1
            && self.unit.ops[test + 1..self.at].iter().all(harmless)
            && !self.is_read_between(test, test)
    }

    /// Whether an operation between `test` and this one, which have not been passed yet, mentions `value`.
    fn is_read_between(&self, value: usize, test: usize) -> bool {
        let mentions = |op: &Op| op.fields().any(|(_, word)| Ref::from_word(word) == Ref::op(value));
        self.unit.ops[test + 1..self.at].iter().any(mentions)
    }

    /// Folds a load into a condition; not if the test is made later than where it stands, since what comes in between may write memory, or read the load.
    fn fold_condition(&mut self, reader: usize, test: usize) {
        if test + 1 == self.at {
            self.fold(reader);
        }
    }

    /// Lets the load before operation `reader` be part of it, if that is possible.
    fn fold(&mut self, reader: usize) {
        let op = self.unit.ops[reader];
        let operands = [op.a, op.b];
        if operands[0] == operands[1] && op.code.operands()[1] != b'.' {
            return;
        }
        for (field, word) in operands.into_iter().enumerate() {
            if matches!(op.code.operands()[field], b'i' | b'f' | b'r')
                && let Some(load) = self.only_reader(Ref::from_word(word), reader)
                && self.unit.ops[load].code == OpCode::Load
                && self.descriptors.mem(MemId(self.unit.ops[load].aux)).width.bytes() == 8
                && self.target.folds(&op, field)
            {
                self.analysis.roles[load] = Role::Folded;
                return;
            }
        }
    }

    /// If this is arithmetic behind the guard that tests its overflow, it is computed there.
    fn early(&mut self, op: &Op) -> bool {
        let at = self.at;
        if !matches!(op.code, OpCode::Add | OpCode::Sub | OpCode::Mul)
            || at < 2
            || !arithmetic_of(self.unit, at - 2, at)
        {
            return false;
        }
        let guard = self.unit.ops[at - 1];
        let is_condition =
            matches!(guard.code, OpCode::GuardTrue | OpCode::GuardFalse | OpCode::BranchIf | OpCode::BranchUnless);
        if !is_condition || Ref::from_word(guard.a) != Ref::op(at - 2) {
            return false;
        }
        // The guard's snapshot may need the truth value itself.
        if let Some(snapshot) = guard.snapshot() {
            self.mark_snapshot(snapshot, at as u32 * 2 - 1);
        } else if let Some((_, list)) = guard.target()
            && self.unit.elements(list).any(|operand| operand == Ref::op(at - 2))
        {
            return false;
        }
        let free = self.analysis.end[at - 2] == 0;
        if free {
            self.analysis.roles[at] = Role::Early;
        }
        free
    }
}

//! Labels: their states, and what edges move to reach them.

use super::super::analysis::NONE;
use super::super::target::{Loc, Place, Reg, RegSet, Target, entry_locations};
use super::{Move, Walk};
use crate::ir::{LabelId, ListRange, Op, OpCode, Ref, Type};

impl<T: Target> Walk<'_, T> {
    /// A jump or branch within the unit.
    pub fn edge(&mut self, op: &Op) {
        let (label, list) = op.target().expect("only jumps and branches have edges");
        if self.allocator.states[label.0 as usize].0 == NONE {
            self.decide(label, list);
        }
        let place = self.unit.labels[label.0 as usize];
        for (operand, parameter) in self.unit.elements(list).zip(place + 1..) {
            let from = self.argument(operand);
            let to = self.allocator.result.ops[parameter as usize].result;
            if to != Loc::NONE {
                self.allocator.result.moves.push(Move { to, from, value: operand, parameter });
            }
        }
        let (start, end) = self.allocator.states[label.0 as usize];
        for number in start..end {
            let (register, value) = self.allocator.entries[number as usize];
            let (value, to) = (value as usize, Loc::reg(register));
            if self.allocator.analysis.end[value] < 2 * place {
                continue;
            }
            let from = match (self.allocator.register_of[value], self.allocator.result.slots[value]) {
                (u8::MAX, u16::MAX) => continue, // Not defined on this path, hence not read behind it.
                (u8::MAX, slot) => Loc::slot(slot),
                (held, _) => Loc::reg(Reg(held)),
            };
            if from != to {
                self.allocator.result.moves.push(Move { to, from, value: Ref::op(value), parameter: NONE });
            }
        }
        self.allocator.result.edges.push(self.allocator.result.moves.len() as u32);
    }

    /// The current state becomes that of the label.
    pub fn label(&mut self, label: LabelId) {
        for register in T::ALLOCATABLE.minus(self.allocator.free).iter() {
            self.drop_register(register);
        }
        if self.at == 0 || self.allocator.states[label.0 as usize].0 == NONE {
            self.decide_entry(label);
        }
        let (start, end) = self.allocator.states[label.0 as usize];
        for number in start..end {
            let (register, value) = self.allocator.entries[number as usize];
            if self.allocator.analysis.end[value as usize] >= 2 * self.at as u32 {
                self.hold(register, value as usize);
            }
        }
        for parameter in self.at + 1..self.at + 1 + self.parameters(self.at) {
            if self.allocator.analysis.end[parameter] == 0 {
                continue;
            }
            if let Some(register) = self.allocator.result.ops[parameter].result.as_reg() {
                self.hold(register, parameter);
            }
            self.will_end(parameter);
        }
    }

    fn parameters(&self, label: usize) -> usize {
        self.unit.ops[label + 1..].iter().take_while(|op| op.code == OpCode::Param).count()
    }

    /// The state of a label that is entered from outside: parameters where the convention, or the exit that the unit continues, says.
    fn decide_entry(&mut self, label: LabelId) {
        let start = self.allocator.entries.len() as u32;
        self.allocator.states[label.0 as usize] = (start, start);
        let place = self.unit.labels[label.0 as usize] as usize;
        let count = self.parameters(place);
        self.allocator.too_large |= count >= usize::from(Loc::LIMIT);
        if let (0, Some(locs)) = (place, self.entry.given()) {
            for (parameter, &loc) in (1..).zip(locs).take(count) {
                self.place_parameter(parameter, loc);
            }
            return;
        }
        if let Some(locs) = self.agreement(place, count) {
            for (parameter, &loc) in (place + 1..).zip(&locs) {
                self.place_parameter(parameter, loc);
            }
            self.allocator.result.agreed.push((label, locs.into()));
            return;
        }
        let types = self.unit.ops[place + 1..][..count].iter().map(|op| op.ty);
        for (parameter, loc) in (place + 1..).zip(entry_locations::<T>(types)) {
            self.place_parameter(parameter, loc);
        }
    }

    /// Where the parameters of an exported label are that leads into a loop and does nothing else: where the loop has them, which has been decided.
    fn agreement(&self, place: usize, count: usize) -> Option<Vec<Loc>> {
        let [guard, jump] = [place + 1 + count, place + 2 + count].map(|at| self.unit.ops.get(at).copied());
        let (guard, (label, list)) = (guard?, jump?.target()?);
        let passes_all = self.unit.elements(list).eq((place + 1..).take(count).map(Ref::op));
        if place == 0 || guard.code != OpCode::GuardValid || !passes_all {
            return None;
        }
        if self.allocator.states[label.0 as usize].0 == NONE {
            return None;
        }
        let first = self.unit.labels[label.0 as usize] as usize + 1;
        let mut words = 0..;
        let locs =
            self.allocator.result.ops[first..first + count].iter().map(|of_loop| match of_loop.result.as_reg() {
                Some(_) => of_loop.result,
                None => Loc::argument(words.next().unwrap_or(0)),
            });
        Some(locs.collect())
    }

    fn place_parameter(&mut self, parameter: usize, loc: Loc) {
        if self.allocator.analysis.end[parameter] == 0 {
            return;
        }
        self.allocator.result.ops[parameter].result = match loc.place() {
            Place::Slot(slot) => {
                self.allocator.result.slots[parameter] = slot;
                loc
            }
            Place::Argument(_) => {
                self.ensure_slot(parameter);
                Loc::slot(self.allocator.result.slots[parameter])
            }
            _ => loc,
        };
    }

    /// Decides the state of a label, at the first edge that goes to it.
    fn decide(&mut self, label: LabelId, list: ListRange) {
        if self.unit.exports.iter().any(|export| export.label == label) {
            return self.decide_entry(label);
        }
        let place = self.unit.labels[label.0 as usize] as usize;
        let loop_end = self.allocator.analysis.loop_end[label.0 as usize] as usize;
        let calls = loop_end > 0 && self.allocator.analysis.has_calls(place, loop_end);
        let start = self.allocator.entries.len() as u32;
        let mut taken = RegSet::EMPTY;
        for register in T::ALLOCATABLE.minus(self.allocator.free).iter() {
            let value = self.allocator.holds[usize::from(register.0)];
            if self.allocator.analysis.end[value as usize] < 2 * place as u32 {
                continue;
            }
            if self.keeps(register, value as usize, loop_end, calls) {
                taken.insert(register);
                self.allocator.entries.push((register, value));
            } else {
                self.ensure_slot(value as usize);
            }
        }
        self.allocator.states[label.0 as usize] = (start, self.allocator.entries.len() as u32);
        self.decide_parameters(place, list, calls, &mut taken);
    }

    /// Whether a value that is in a register and alive behind a label stays there.
    fn keeps(&mut self, register: Reg, value: usize, loop_end: usize, calls: bool) -> bool {
        if let Some(rng) = &mut self.allocator.rng {
            return rng.chance(70);
        }
        if calls && !T::PRESERVED.contains(register) {
            return false;
        }
        let next = self.allocator.analysis.next_use[value];
        if loop_end == 0 {
            return self.allocator.result.slots[value] == u16::MAX || next != NONE;
        }
        let class = if register.is_float() { RegSet::FLOAT } else { RegSet::GENERAL };
        let free = self.allocator.free.and(class).len();
        next as usize <= loop_end || free > 5
    }

    /// Where the parameters of the label at operation `place` are: in registers that are not `taken`, if possible where the arguments are.
    fn decide_parameters(&mut self, place: usize, list: ListRange, calls: bool, taken: &mut RegSet) {
        let unit = self.unit;
        let parameters = || unit.elements(list).zip(place + 1..);
        for (operand, parameter) in parameters() {
            if let Some(register) = operand.as_op().map(|value| self.allocator.register_of[value])
                && register != u8::MAX
                && self.allocator.analysis.last_read[parameter] != 0
                && self.suits(Reg(register), parameter, calls, *taken)
            {
                taken.insert(Reg(register));
                self.allocator.result.ops[parameter].result = Loc::reg(Reg(register));
            }
        }
        for (_, parameter) in parameters() {
            if self.allocator.analysis.end[parameter] == 0 || self.allocator.result.ops[parameter].result != Loc::NONE {
                continue;
            }
            let class = self.allocator.allowed.and(RegSet::class(unit.ops[parameter].ty)).minus(*taken);
            let read = self.allocator.analysis.last_read[parameter] != 0;
            let random = self.allocator.rng.as_mut().is_some_and(|rng| rng.chance(30));
            // Registers that functions preserve are for those that need them.
            let order = [class.minus(T::PRESERVED), class.and(T::PRESERVED)].into_iter().flat_map(RegSet::iter);
            let found = order.filter(|_| read && !random).find(|&r| self.suits(r, parameter, calls, *taken));
            self.allocator.result.ops[parameter].result = match found {
                Some(register) => {
                    taken.insert(register);
                    Loc::reg(register)
                }
                None => {
                    self.ensure_slot(parameter);
                    Loc::slot(self.allocator.result.slots[parameter])
                }
            };
        }
    }

    /// Whether `register` is a good place for a parameter.
    fn suits(&self, register: Reg, parameter: usize, calls: bool, taken: RegSet) -> bool {
        let lost = !T::PRESERVED.contains(register);
        let crosses = self.allocator.analysis.crosses_call(parameter);
        let float = self.unit.ops[parameter].ty == Type::Float;
        !taken.contains(register) && !(lost && crosses && (calls || !float))
    }
}

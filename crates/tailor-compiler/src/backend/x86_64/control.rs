//! Labels, jumps, guards, calls, and the moves that go with them.

use super::super::holes::Hole;
use super::super::moves::Step;
use super::super::target::{Loc, Place, Reg, Target, entry_locations, locations_of_entry};
use super::assembler::{Cc, Goal, Mem, Rm, narrow};
use super::emit::{Cold, Emit, EntryPoint, Operand, Site, SiteKind, argument_word, frame_bytes};
use super::integers::Test;
use super::registers::{FLOAT_SCRATCH, RCX, RSP, SCRATCH};
use super::shapes::X86;
use super::stubs::JUMP_BYTES;
use crate::code::layout;
use crate::ir::{CallId, LabelId, ListRange, Op, OpCode, Ref, Type};

/// Frames below this many bytes are small beside what a native stack must have left at its limit anyway.
const SMALL_FRAME: u32 = 1024;

/// What is passed of a list: to where it goes, and the value.
type Passed = (Loc, Ref);

impl Emit<'_> {
    /// A label, and before the first one what a unit begins with.
    pub fn label(&mut self, op: &Op) {
        let label = LabelId(op.a);
        if self.at == 0 {
            self.entry(label);
        } else if self.input.analysis.loop_end[op.a as usize] != 0 && !self.input.piece {
            self.asm().align(16, 0);
        }
        self.out.place_mark(op.a);
        for parameter in self.parameters(self.at) {
            self.save(parameter);
        }
    }

    fn parameters(&self, label: usize) -> std::ops::Range<usize> {
        let count = self.unit.ops[label + 1..].iter().take_while(|op| op.code == OpCode::Param).count();
        label + 1..label + 1 + count
    }

    /// What happens before the label at operation `at` if it is entered from outside.
    fn entry(&mut self, label: LabelId) {
        let at = self.unit.labels[label.0 as usize] as usize;
        if let Some(slots) = self.input.parent_slots
            && at == 0
        {
            let jump = self.out.asm.here();
            self.out.entries.push(EntryPoint { label, call: jump, jump });
            let more = self.frame - frame_bytes(slots);
            if more > 0 {
                self.asm().group1(5, RSP, more as i32);
            }
            return;
        }
        let call = self.out.asm.here();
        if self.input.runtime.stack_limit != 0 {
            let limit = self.input.runtime.stack_limit as u64;
            self.asm().constant(SCRATCH, limit);
            if self.frame < SMALL_FRAME {
                self.asm().group1_rm(7, RSP, Mem::base(SCRATCH, 0));
            } else {
                let frame = self.frame as i32;
                self.asm().mov(SCRATCH, Mem::base(SCRATCH, 0));
                self.asm().group1(0, SCRATCH, frame);
                self.asm().group1_rm(7, RSP, SCRATCH);
            }
            let number = self.out.entries.len() as u32;
            let stub = self.out.site(at, SiteKind::Refused(number));
            self.asm().jcc(Cc::B, stub);
        }
        let jump = self.out.asm.here();
        self.out.entries.push(EntryPoint { label, call, jump });
        let frame = self.frame as i32;
        self.asm().group1(5, RSP, frame);
        let types = self.parameters(at).map(|parameter| self.unit.ops[parameter].ty);
        let agreed = self.input.allocation.agreed.iter().find(|(agreed, _)| *agreed == label);
        let locs = agreed.map_or_else(|| entry_locations::<X86>(types).collect(), |(_, locs)| locs.to_vec());
        for (parameter, loc) in self.parameters(at).zip(locs) {
            if let Place::Argument(word) = loc.place()
                && let Place::Slot(slot) = self.input.allocation.ops[parameter].result.place()
            {
                let to = self.slot(slot);
                self.asm().mov(SCRATCH, argument_word(word));
                self.asm().store(to, SCRATCH);
            }
        }
    }

    /// Entries that are not the unit's own.
    pub fn exported_entries(&mut self) {
        let unit = self.unit;
        let own = unit.ops[0].a;
        for (number, export) in unit.exports.iter().enumerate() {
            let label = export.label.0;
            let again = unit.exports[..number].iter().any(|other| other.label == export.label);
            if label != own && !again {
                self.entry(export.label);
                self.go(label);
            }
        }
    }

    /// Jumps to a label.
    pub fn go(&mut self, label: u32) {
        match self.out.mark(label) {
            Some(place) => self.back(None, place),
            None => self.asm().jmp(Goal::Mark(label)),
        }
    }

    pub fn jump(&mut self, op: &Op) {
        let moves = self.edge_moves();
        self.moves(moves);
        if self.unit.labels[op.a as usize] as usize != self.at + 1 {
            self.go(op.a);
        }
    }

    /// The moves of the next edge.
    fn edge_moves(&mut self) -> (u32, u32) {
        let edges = &self.input.allocation.edges;
        let start = self.edge.checked_sub(1).map_or(0, |before| edges[before]);
        let end = edges[self.edge];
        self.edge += 1;
        (start, end)
    }

    pub fn branch(&mut self, op: &Op) {
        let test = self.condition(op);
        let wanted = op.code == OpCode::BranchIf;
        let moves = self.edge_moves();
        let (start, end) = (moves.0 as usize, moves.1 as usize);
        let still = self.input.allocation.moves[start..end].iter().all(|step| step.to == step.from);
        let label = op.b;
        if still && let Some(next) = self.next_unit(label) {
            self.folded = true;
            self.argument += 1;
            return self.jump_on(test, !wanted, next);
        }
        if still {
            return self.jump_on(test, wanted, Goal::Mark(label));
        }
        if self.out.mark(label).is_some() {
            // Backwards: the branch is probably taken, and its moves stay in line.
            let over = self.out.new_mark();
            self.jump_on(test, !wanted, Goal::Mark(over));
            self.moves(moves);
            self.go(label);
            self.out.place_mark(over);
        } else {
            let mark = self.out.new_mark();
            self.jump_on(test, wanted, Goal::Mark(mark));
            self.out.later(Cold::Edge { mark, moves, label });
        }
    }

    /// What a piece goes on in behind this branch, if there is nothing but a jump there before the branch's label, and that needs nothing to be passed.
    fn next_unit(&mut self, label: u32) -> Option<Goal> {
        let next = self.unit.ops.get(self.at + 1).filter(|op| self.input.piece && op.code == OpCode::JumpUnit)?;
        let passed = self.unit.elements(ListRange(next.a)).len();
        let home = Loc::reg(X86::ENTRY_GENERAL[0]);
        let passes = passed != 1 || self.input.allocation.arguments[self.argument] != home;
        let follows = self.unit.labels[label as usize] as usize == self.at + 2;
        (follows && !passes && !self.reloads_before(self.at + 1)).then(|| self.goal_of(next))
    }

    /// What a `JumpUnit` of a piece leads to: the jump at the end, if that leads to the same.
    fn goal_of(&mut self, op: &Op) -> Goal {
        let last = self.unit.ops.last().filter(|last| last.code == OpCode::JumpUnit);
        if last.is_none_or(|last| (last.c, last.aux) != (op.c, op.aux)) {
            return Goal::Next(op.c);
        }
        let mark = self.out.end.unwrap_or_else(|| self.out.new_mark());
        self.out.end = Some(mark);
        Goal::Mark(mark)
    }

    pub fn guard(&mut self, op: &Op) {
        let test = self.condition(op);
        let out = self.way_out();
        let leaves = op.code == OpCode::GuardFalse;
        if self.is_last_way_out() && !self.out.left {
            let over = self.out.new_mark();
            self.jump_on(test, !leaves, Goal::Mark(over));
            self.leave_piece();
            self.out.place_mark(over);
        } else {
            self.jump_on(test, leaves, out);
        }
    }

    /// Whether no operation behind this one leaves the piece, or has room behind it for where it is left.
    fn is_last_way_out(&self) -> bool {
        let guards = |at: usize| matches!(self.unit.ops[at].code, OpCode::GuardTrue | OpCode::GuardFalse);
        let mut rest = self.at + 1..self.unit.ops.len() - 1;
        self.input.piece && !rest.any(|at| guards(at) || self.ends(at))
    }

    /// Where an exit leads.
    fn way_out(&mut self) -> Goal {
        if !self.input.piece {
            return self.out.site(self.at, SiteKind::Exit);
        }
        let mark = self.out.leave.unwrap_or_else(|| self.out.new_mark());
        self.out.leave = Some(mark);
        Goal::Mark(mark)
    }

    /// Jumps to `goal` if the condition is as `wanted`.
    fn jump_on(&mut self, test: Test, wanted: bool, goal: Goal) {
        let known = match goal {
            Goal::Mark(mark) if !self.input.piece => self.out.mark(mark),
            _ => None,
        };
        let mut jump = |cc| match known {
            Some(place) => self.out.asm.back(Some(cc), place),
            None => self.out.asm.jcc(cc, goal),
        };
        match test {
            Test::One(cc) => jump(if wanted { cc } else { cc.opposite() }),
            Test::Equality { equal } if equal == wanted && self.input.piece => {
                let over = self.out.new_mark();
                self.out.asm.jcc(Cc::P, Goal::Mark(over));
                self.out.asm.jcc(Cc::E, goal);
                self.out.place_mark(over);
            }
            Test::Equality { equal } if equal == wanted => {
                let over = self.out.asm.jcc_short(Cc::P);
                match known {
                    Some(place) => self.out.asm.back(Some(Cc::E), place),
                    None => self.out.asm.jcc(Cc::E, goal),
                }
                self.out.asm.land(over);
            }
            Test::Equality { .. } => {
                jump(Cc::Ne);
                jump(Cc::P);
            }
        }
    }

    /// Five bytes within an aligned word, which do nothing until they are patched.
    pub fn guard_valid(&mut self) {
        if self.out.asm.here() % 8 > 8 - JUMP_BYTES {
            self.asm().align(8, 0);
        }
        let here = self.out.asm.here();
        let Goal::Stub(stub) = self.out.site(self.at, SiteKind::Exit) else { unreachable!("sites are stubs") };
        self.out.patches.push((here, stub));
        self.asm().align(8, (here + JUMP_BYTES) % 8);
    }

    pub fn exit(&mut self) {
        let out = self.way_out();
        if self.input.piece && !self.out.left {
            self.leave_piece();
        } else {
            self.asm().jmp(out);
        }
    }

    /// Returns: the first value in a register, the others in the argument area; how many, and whether the first is a double, in `ecx`.
    pub fn give_back(&mut self, op: &Op) {
        let unit = self.unit;
        let list = ListRange(op.a);
        let float = unit.elements(list).next().is_some_and(|first| unit.type_of(first) == Type::Float);
        let first = Loc::reg(if float { X86::RESULT_FLOAT } else { X86::RESULT_GENERAL });
        let targets = std::iter::once(first).chain((0..).map(Loc::argument));
        let count = unit.elements(list).len() as u64;
        if self.input.piece
            && let Some(words) = self.fixed_words(list)
            && self.out.returned.as_ref().is_none_or(|(_, known)| *known == words)
        {
            self.argument += words.len();
            return self.give_back_at_site(words);
        }
        self.pass(list, targets);
        self.asm().constant(RCX, count | u64::from(float) << 31);
        self.leave_frame();
        self.asm().put(0xc3, 1);
    }

    /// The words of a list, if they are constants and no holes.
    fn fixed_words(&self, list: ListRange) -> Option<Vec<u64>> {
        let unit = self.unit;
        let word = |value: Ref| Some(unit.constants[value.as_constant()?].1);
        unit.elements(list).map(|value| word(value).filter(|&word| Hole::of(word).is_none())).collect()
    }

    /// What a piece hands out that is the same whenever it comes here is known by the site.
    fn give_back_at_site(&mut self, words: Vec<u64>) {
        if let Some((mark, _)) = self.out.returned {
            return self.asm().jmp(Goal::Mark(mark));
        }
        let mark = self.out.new_mark();
        self.out.place_mark(mark);
        self.out.returned = Some((mark, words));
        self.call_routine(self.input.routines.leave_piece);
        self.out.returned_behind = Some(self.out.asm.here());
    }

    fn leave_frame(&mut self) {
        let frame = self.frame as i32;
        self.asm().group1(0, RSP, frame);
    }

    pub fn jump_unit(&mut self, op: &Op) {
        self.pass_to_unit(op);
        if self.input.piece && self.at + 1 < self.unit.ops.len() {
            let goal = self.goal_of(op);
            return self.asm().jmp(goal);
        }
        if self.input.piece {
            if let Some(end) = self.out.end {
                self.out.place_mark(end);
            }
            return self.asm().jmp(Goal::Next(op.c));
        }
        self.leave_frame();
        self.asm().constant(SCRATCH, u64::from(op.aux));
        let cell = layout::ENTRIES + 16 * i32::from(op.aux) + 8;
        self.asm().encode(narrow(0xff), 4, Rm::Mem(Mem::Relative(Goal::Arena(cell))), 0);
    }

    pub fn call_unit(&mut self, op: &Op) {
        self.pass_to_unit(op);
        self.asm().constant(SCRATCH, u64::from(op.aux));
        let cell = layout::ENTRIES + 16 * i32::from(op.aux);
        self.asm().encode(narrow(0xff), 2, Rm::Mem(Mem::Relative(Goal::Arena(cell))), 0);
        let back = self.out.asm.here();
        self.out.calls.push(Site { op: self.at as u32, kind: SiteKind::Call(back) });
        self.receive(op);
    }

    fn pass_to_unit(&mut self, op: &Op) {
        let unit = self.unit;
        let list = ListRange(op.a);
        let types = unit.elements(list).map(|operand| unit.type_of(operand));
        let locs = locations_of_entry::<X86>(self.input.agreements, op.aux, types);
        self.pass(list, locs.into_iter());
    }

    /// Calls a native function.
    pub fn call(&mut self, op: &Op) {
        let unit = self.unit;
        let list = ListRange(op.a);
        let (mut general, mut float) = (X86::CALL_GENERAL.iter(), X86::CALL_FLOAT.iter());
        let targets = unit.elements(list).map(|operand| {
            let next = if unit.type_of(operand) == Type::Float { float.next() } else { general.next() };
            next.map_or(Loc::NONE, |&register| Loc::reg(register))
        });
        self.pass(list, targets);
        let address = self.input.descriptors.call(CallId(op.aux)).address as u64;
        let function = if self.input.piece {
            Rm::Mem(Mem::Relative(self.asm().pooled(address)))
        } else {
            self.asm().constant(SCRATCH, address);
            Rm::Reg(SCRATCH)
        };
        self.asm().encode(narrow(0xff), 2, function, 0);
        self.receive(op);
    }

    /// Takes a call's result from where it is.
    fn receive(&mut self, op: &Op) {
        let to = self.input.allocation.ops[self.at].result.as_reg();
        if op.ty != Type::Void
            && let Some(to) = to
        {
            let from = if op.ty == Type::Float { X86::RESULT_FLOAT } else { X86::RESULT_GENERAL };
            self.copy(to, from);
        }
    }

    /// Brings the elements of a list to these places.
    fn pass(&mut self, list: ListRange, targets: impl Iterator<Item = Loc>) {
        let unit = self.unit;
        let first = self.argument;
        let count = unit.elements(list).len();
        self.argument += count;
        let from = self.input.allocation.arguments[first..first + count].iter();
        let values = unit.elements(list).zip(targets).zip(from).map(|((value, to), &from)| ((to, value), from));
        self.parallel(values);
    }

    /// The moves in this range of the allocation's.
    pub fn moves(&mut self, range: (u32, u32)) {
        let moves = &self.input.allocation.moves[range.0 as usize..range.1 as usize];
        self.parallel(moves.iter().map(|step| ((step.to, step.value), step.from)));
    }

    fn parallel(&mut self, moves: impl Iterator<Item = (Passed, Loc)>) {
        let mut pairs = std::mem::take(&mut self.out.pairs);
        let mut words = std::mem::take(&mut self.out.words);
        pairs.clear();
        words.clear();
        for ((to, value), from) in moves {
            pairs.push((to, from));
            words.push(value.as_constant().map_or(0, |number| self.unit.constants[number].1));
        }
        let mut resolver = std::mem::take(&mut self.out.resolver);
        let mut aside = None;
        for &step in resolver.resolve(&pairs) {
            match step {
                Step::Aside(loc) => {
                    let register = match loc.as_reg() {
                        Some(register) if register.is_float() => FLOAT_SCRATCH,
                        _ => SCRATCH,
                    };
                    self.transfer(Loc::reg(register), loc, 0, None);
                    aside = Some(register);
                }
                Step::FromAside(number) => {
                    let from = aside.take().expect("something has been put aside");
                    self.transfer(pairs[number].0, Loc::reg(from), 0, None);
                }
                Step::Move(number) => {
                    let (to, from) = pairs[number];
                    self.transfer(to, from, words[number], aside);
                }
            }
        }
        (self.out.resolver, self.out.pairs, self.out.words) = (resolver, pairs, words);
    }

    /// One move; what is put aside is in register `aside`.
    fn transfer(&mut self, to: Loc, from: Loc, word: u64, aside: Option<Reg>) {
        let by = if aside == Some(SCRATCH) { FLOAT_SCRATCH } else { SCRATCH };
        let target = match to.place() {
            Place::Reg(register) => Ok(register),
            Place::Slot(slot) => Err(self.slot(slot)),
            Place::Argument(word) => Err(argument_word(word)),
            Place::None | Place::Constant | Place::Folded => unreachable!("nothing is moved to nowhere"),
        };
        match (target, from.place()) {
            (Ok(to), Place::Reg(from)) => self.copy(to, from),
            (Ok(to), Place::Slot(slot)) => {
                let from = self.slot(slot);
                self.load_word(to, from);
            }
            (Ok(to), Place::Constant) => self.make(to, word),
            (Err(to), Place::Reg(from)) => self.store_word(to, from),
            (Err(to), Place::Slot(slot)) => {
                let from = self.slot(slot);
                self.load_word(by, from);
                self.store_word(to, by);
            }
            (Err(to), Place::Constant) => {
                self.make(by, word);
                self.store_word(to, by);
            }
            (_, Place::None | Place::Folded | Place::Argument(_)) => unreachable!("values are in registers or slots"),
        }
    }

    /// Makes a constant; changes the flags.
    fn make(&mut self, to: Reg, word: u64) {
        match (to.is_float(), word) {
            (false, 0) => self.asm().op(narrow(0x33), to, to),
            (false, _) => self.asm().constant(to, word),
            (true, 0) => self.bring_float(to, Operand::Constant(0, 0)),
            (true, _) => {
                self.asm().constant(SCRATCH, word);
                self.copy(to, SCRATCH);
            }
        }
    }
}

//! What a bridge knows because of the unit that it continues: what that one had tested, computed and loaded on the way to the exit need not be tested, computed and loaded again.
//!
//! # Method
//! The optimised unit that is continued ([`Origin`]) is walked once more, from the beginning of the exit's block to the exit, but only to learn: its operations are renamed to the bridge's parameters, and
//! - pure operations are emitted (nobody needs to use them; `dce` takes what is not used), so that the bridge finds them when it computes the same. If the value is one that the bridge is passed, that is it. (Without `dce` nothing is
//!   inherited: else each bridge upon a bridge would contain all that those before it do, and so be twice as long as the last.);
//! - so are loads from immutable memory; what other loads have found, and stores have left, is known to be in memory at the exit, unless something after them may have changed it;
//! - guards are assumed to have gone well.
//!
//! What is not expressed by values that the bridge is passed is not known. So it pays that a bridge is passed more than its frames need: see [`crate::exit::Code::exit_values`].
//!
//! Where the exit's block is that of a loop that others can enter, the description of the loop ([`LoopEntry`]) says what is true at its label each time. If the unit is a bridge itself, its block begins with what it has inherited, and so on for
//! some [`GENERATIONS`].
//!
//! # Why it is true
//! The bridge begins in the very state in which the exit was taken. Stores that the unit had put off have not been done; they are in the exit's snapshot, and the bridge does them after this. The condition of the exit's own guard is not used, since guards
//! may fail at any time.
//!
//! # Why replay, and not keep facts with each exit?
//! Few exits get bridges; a unit without its snapshots is some kilobytes. And facts alone would not tell which values are the same.

use std::rc::Rc;

use super::facts::Fact;
use super::heap::{Location, range_of};
use super::loops::{LoopEntry, Term};
use super::trail::Event;
use super::walk::Walk;
use crate::ir::opcode::Class;
use crate::ir::{Derivation, MemDesc, MemId, MemKind, Op, OpCode, Ref, Type, Unit};

/// How many units back knowledge comes from.
const GENERATIONS: usize = 6;

/// The most that is known of memory; older knowledge goes first.
const CONTENTS: usize = 64;

/// A unit that has been compiled, as those need it who continue it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The optimised unit; its snapshots are not needed.
    pub unit: Unit,
    /// How others enter its loop.
    pub loop_entry: Option<LoopEntry>,
    /// What it continues itself.
    pub before: Option<Inherited>,
}

/// What a bridge continues.
#[derive(Clone, Debug)]
pub struct Inherited {
    /// The unit.
    pub origin: Rc<Origin>,
    /// The guard of it that has failed.
    pub exit: usize,
    /// By parameter of the bridge's entry: the value of the unit that it is.
    pub values: Vec<Ref>,
}

impl Origin {
    /// Of a unit that has been optimised, to be compiled now.
    pub fn new(unit: &Unit, loop_entry: Option<LoopEntry>, before: Option<Inherited>) -> Rc<Origin> {
        let mut kept = Unit::default();
        kept.ops.clone_from(&unit.ops);
        kept.lists.clone_from(&unit.lists);
        kept.labels.clone_from(&unit.labels);
        kept.constants.clone_from(&unit.constants);
        Rc::new(Origin { unit: kept, loop_entry, before })
    }

    /// The operation of the label of the loop that others can enter: behind the block that they enter, which takes as many parameters.
    fn loop_label(&self) -> Option<usize> {
        let entry = self.loop_entry.as_ref()?;
        let enter = *self.unit.labels.get(entry.label.0 as usize)? as usize;
        Some(enter + entry.parameters.len() + 3)
    }
}

/// A replay under way.
struct Replay<'o> {
    origin: &'o Origin,
    /// By operation of the origin: what it is in the output, if that is known.
    map: Vec<Ref>,
    /// By operation of the origin: what the bridge is passed for it.
    passed: Vec<Ref>,
}

/// What a place in memory holds.
#[derive(Clone, Copy)]
struct Contents {
    mem: MemId,
    base: Ref,
    index: Ref,
    value: Ref,
}

impl Walk<'_> {
    /// At the entry, with its parameters bound: learns what is known at the exit that the unit continues.
    pub(super) fn inherit(&mut self, inherited: &Inherited) {
        if !self.options.passes.dce {
            return;
        }
        let passed: Vec<Ref> = (0..inherited.values.len()).map(|number| self.value(Ref::op(1 + number))).collect();
        let mut contents = Vec::new();
        self.replay(inherited, &passed, &mut contents, GENERATIONS);
        if self.options.passes.heap {
            for Contents { mem, base, index, value } in contents {
                self.remember(mem, base, index, value);
            }
        }
    }

    /// Replays so many units, the first first; `passed` is what the values of the last are in the output.
    fn replay(&mut self, inherited: &Inherited, passed: &[Ref], contents: &mut Vec<Contents>, units: usize) {
        let Inherited { origin, exit, values } = inherited;
        let unit = &origin.unit;
        let mut replay =
            Replay { origin, map: vec![Ref::NONE; unit.ops.len()], passed: vec![Ref::NONE; unit.ops.len()] };
        for (value, &passed) in values.iter().zip(passed) {
            if let Some(at) = value.as_op() {
                replay.passed[at] = passed;
            }
        }
        let labels = unit.ops[..*exit].iter().rposition(|op| op.code == OpCode::Label);
        let Some(start) = labels else { return };
        let parameters = unit.ops[start + 1..].iter().take_while(|op| op.code == OpCode::Param).count();
        let first = start + 1 + parameters;
        replay.map[start + 1..first].clone_from_slice(&replay.passed[start + 1..first]);
        if origin.loop_label() == Some(start) {
            self.replay_label(&replay, start, contents);
        } else if let (0, Some(before)) = (start, &origin.before)
            && units > 1
        {
            let passed: Vec<Ref> = replay.passed[1..first].to_vec();
            self.replay(before, &passed, contents, units - 1);
        }
        for at in first..*exit {
            self.count(1);
            self.replay_one(&mut replay, at, contents);
        }
    }

    /// What is true at the label of a loop that others can enter.
    fn replay_label(&mut self, replay: &Replay, label: usize, contents: &mut Vec<Contents>) {
        let Some(entry) = &replay.origin.loop_entry else { return };
        let mut values = vec![Ref::NONE; entry.variables.len()];
        for (number, &variable) in entry.parameters.iter().enumerate() {
            values[variable as usize] = replay.map[label + 1 + number];
        }
        for (number, variable) in entry.variables.iter().enumerate() {
            self.count(1);
            // What is in memory that changes is said by the locations.
            let lasts = |op: &Op| op.code.class() == Class::Pure || self.descriptors.mem(MemId(op.aux)).immutable;
            if let Some(definition) = variable.definition.as_ref().filter(|definition| lasts(&definition.op)) {
                let operands = definition.operands.map(|operand| self.variable_of(&values, operand));
                let missing = |(operand, &term): (&Option<Ref>, &Term)| operand.is_none() && term != Term::None;
                if !operands.iter().zip(&definition.operands).any(missing) {
                    let mut op = definition.op;
                    for ((field, kind), operand) in
                        [&mut op.a, &mut op.b, &mut op.c].into_iter().zip(op.code.operands()).zip(operands)
                    {
                        *field = if *kind == b'.' { 0 } else { operand.unwrap_or(Ref::NONE).word() };
                    }
                    let passed = values[number];
                    values[number] = self.replayed(&op, passed, contents).unwrap_or(passed);
                }
            }
            if let Some((word, derivation)) = variable.decoded
                && values[word as usize] != Ref::NONE
                && values[number] != Ref::NONE
            {
                match derivation {
                    Derivation::Coded(_) => {
                        if let Some(decoded) = self.underived(values[word as usize], derivation) {
                            self.is_same(decoded, values[number]);
                        }
                    }
                    Derivation::Boxed(boxing) => {
                        let boxed = self.box_of(values[number], boxing);
                        self.is_same(boxed, values[word as usize]);
                    }
                }
            }
            if variable.ty != Type::Float && values[number] != Ref::NONE {
                let value = self.resolve(values[number]);
                self.refine(value, variable.fact);
            }
        }
        for location in entry.locations.iter().filter(|location| !location.pending) {
            let super::loops::Holding::Term(held) = location.holding else { continue };
            let found = [location.base, held].map(|term| self.variable_of(&values, term));
            let index = self.variable_of(&values, location.index);
            if let ([Some(base), Some(value)], true) = (found, index.is_some() || location.index == Term::None) {
                let index = index.unwrap_or(Ref::NONE);
                contents.push(Contents { mem: location.mem, base, index, value });
            }
        }
    }

    /// A variable or constant of a loop in the output, if it is known there.
    fn variable_of(&mut self, values: &[Ref], term: Term) -> Option<Ref> {
        match term {
            Term::None => None,
            Term::Constant(ty, bits) => Some(self.constant(ty, bits)),
            Term::Variable(number) => Some(values[number as usize]).filter(|&value| value != Ref::NONE),
        }
    }

    /// Learns of one operation of the origin.
    fn replay_one(&mut self, replay: &mut Replay, at: usize, contents: &mut Vec<Contents>) {
        let unit = &replay.origin.unit;
        let mut op = unit.ops[at];
        let passed = replay.passed[at];
        let mut known = true;
        for (field, kind) in [&mut op.a, &mut op.b, &mut op.c].into_iter().zip(op.code.operands()) {
            let value = Ref::from_word(*field);
            if !matches!(kind, b'i' | b'f' | b'r' | b'v' | b'o') || value == Ref::NONE {
                continue;
            }
            let renamed = match (value.as_op(), value.as_constant()) {
                (Some(at), _) => replay.map[at],
                (_, Some(number)) => {
                    let (ty, bits) = unit.constants[number];
                    self.constant(ty, bits)
                }
                _ => Ref::NONE,
            };
            known &= renamed != Ref::NONE;
            *field = renamed.word();
        }
        let found = match (op.code, op.code.class()) {
            (OpCode::GuardTrue | OpCode::GuardFalse, _) => {
                if known {
                    let condition = self.resolve(Ref::from_word(op.a));
                    self.assume(condition, op.code == OpCode::GuardTrue);
                }
                None
            }
            (OpCode::Store, _) => {
                self.replay_store(&op, known, contents);
                None
            }
            (OpCode::Call | OpCode::CallUnit, _) => {
                contents.retain(|place| self.descriptors.mem(place.mem).immutable);
                None
            }
            (OpCode::Release, _) => {
                contents.retain(|place| self.descriptors.mem(place.mem).kind != MemKind::Stack);
                None
            }
            (_, Class::Pure | Class::Load) if known => self.replayed(&op, passed, contents),
            _ => None,
        };
        replay.map[at] = found.unwrap_or(passed);
    }

    /// What a pure operation or load has found, where that is known: the value that the bridge is `passed` for it, if it is passed one.
    fn replayed(&mut self, op: &Op, passed: Ref, contents: &mut Vec<Contents>) -> Option<Ref> {
        if op.code.class() == Class::Load {
            let [base, index] = [op.a, op.b].map(|word| self.present(Ref::from_word(word)));
            let desc = *self.descriptors.mem(MemId(op.aux));
            let value = if desc.immutable {
                let location = self.locate(MemId(op.aux), base, index);
                let loaded = self.load_from(location);
                if passed == Ref::NONE { loaded } else { self.is_same(loaded, passed) }
            } else {
                passed
            };
            if value == Ref::NONE {
                return None;
            }
            if desc.width.ty() == Type::Int {
                self.refine(value, range_of(desc.width));
            }
            if !desc.immutable {
                self.now_contains(contents, Contents { mem: MemId(op.aux), base, index, value });
            }
            return Some(value);
        }
        let mut op = *op;
        for (field, kind) in [&mut op.a, &mut op.b, &mut op.c].into_iter().zip(op.code.operands()) {
            if matches!(kind, b'i' | b'f' | b'r' | b'v' | b'o') {
                *field = self.present(Ref::from_word(*field)).word();
            }
        }
        let value = self.pure(op);
        // Conversions are known to be the same word only if they are conversions in the bridge, too.
        let converts = matches!(op.code, OpCode::IntToRef | OpCode::RefToInt | OpCode::FloatBits | OpCode::BitsFloat);
        Some(if passed == Ref::NONE || converts { value } else { self.is_same(value, passed) })
    }

    /// What has become of a value of the output, or nothing.
    fn present(&self, value: Ref) -> Ref {
        if value == Ref::NONE { value } else { self.resolve(value) }
    }

    /// The bridge is `passed` the value that it would compute as `computed`: that stands for it from now on, or the constant that they are.
    fn is_same(&mut self, computed: Ref, passed: Ref) -> Ref {
        let (computed, passed) = (self.resolve(computed), self.resolve(passed));
        let types = [computed, passed].map(|value| self.out.type_of(value));
        let (Some(at), [of_computed, of_passed]) = (computed.as_op(), types) else {
            if let Some(bits) = self.constant_bits(computed)
                && self.out.type_of(passed) != Type::Float
            {
                self.refine(passed, Fact::constant(bits));
                return self.resolve(passed);
            }
            return passed;
        };
        if computed == passed || of_computed != of_passed {
            return passed;
        }
        if of_passed != Type::Float {
            let fact = self.fact(computed);
            self.refine(passed, fact);
        }
        let Some(passed_at) = self.resolve(passed).as_op() else { return self.resolve(passed) };
        // The one that was there first stands for both.
        let (first, other) = (at.min(passed_at), at.max(passed_at));
        if self.s.replaced[other] == Ref::op(other) {
            self.s.replaced[other] = Ref::op(first);
            self.s.trail.push(Event::Replaced(other as u32));
        }
        Ref::op(first)
    }

    /// A store that has been done; its operands are known, or not.
    fn replay_store(&mut self, op: &Op, known: bool, contents: &mut Vec<Contents>) {
        let mem = MemId(op.aux);
        if !known {
            let class = self.descriptors.mem(mem).class;
            return contents.retain(|place| self.descriptors.mem(place.mem).class != class);
        }
        let [base, index, value] = [op.a, op.b, op.c].map(|word| self.present(Ref::from_word(word)));
        let desc = *self.descriptors.mem(mem);
        contents.retain(|place| {
            let other = self.descriptors.mem(place.mem);
            other.class != desc.class || (place.base, place.index) == (base, index) && are_apart(&desc, other)
        });
        self.now_contains(contents, Contents { mem, base, index, value });
    }

    fn now_contains(&self, contents: &mut Vec<Contents>, place: Contents) {
        let address = |place: &Contents| (place.mem, place.base, place.index);
        contents.retain(|other| address(other) != address(&place));
        if contents.len() >= CONTENTS {
            contents.remove(0);
        }
        contents.push(place);
    }

    /// A place in memory holds this value, and the store has been done.
    fn remember(&mut self, mem: MemId, base: Ref, index: Ref, value: Ref) {
        let [base, index] = [base, index].map(|value| self.present(value));
        let class = usize::from(self.descriptors.mem(mem).class.0);
        let value = self.resolve(value);
        let value = self.retype(value, self.descriptors.mem(mem).width.ty());
        let location = Location { value, ..self.locate(mem, base, index) };
        if self.meet(class, &location, false).is_none() {
            self.keep(class, location);
        }
    }
}

/// Whether two accesses with one base and index touch different bytes.
fn are_apart(a: &MemDesc, b: &MemDesc) -> bool {
    let [(start_a, end_a), (start_b, end_b)] = [a, b].map(|desc| {
        let start = i64::from(desc.offset);
        (start, start + i64::from(desc.width.bytes()))
    });
    a.scale == b.scale && (end_a <= start_b || end_b <= start_a)
}

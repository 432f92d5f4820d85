//! Enters the loop of another unit: the jumping unit's half of [`loops`](super::loops).
//!
//! At a `JumpUnit` the walk knows what a snapshot would know: contents of locations, virtual objects, facts. With that it binds the loop's variables, in this order: what is passed, what is on the guest stack (which is there whatever else is true), then all that is
//! computed, each tested as soon as it is there (what is loaded may be there only if what was tested before is true), then other memory. What cannot be shown is guarded, by the snapshot of the
//! `GuardValid` before the jump. If something is known to be otherwise, or is not there, the jump goes to the unit's own entry as the source says; guards that have been added by then would be met there, too.
//!
//! Nothing is given up before all is bound: guards find all stores still pending.

use super::coding::has_tag;
use super::facts::Fact;
use super::heap::bits;
use super::loops::{Definition, HeldLocation, Holding, LoopEntry, Passed, Term};
use super::peel::Address;
use super::walk::{Walk, as_virtual, virtual_value};
use crate::ir::opcode::Class;
use crate::ir::{Derivation, EntryId, ListRange, MemId, MemKind, Op, OpCode, Ref, SnapshotId, Type};

/// What has been bound so far.
struct Entering<'e> {
    entry: &'e LoopEntry,
    /// By variable; [`Ref::NONE`] if it is not bound.
    values: Vec<Ref>,
    /// By variable: its fact has been shown.
    shown: Vec<bool>,
    /// By virtual object of the loop: the one that stands for it.
    objects: Vec<Option<usize>>,
    /// By which guards may leave.
    snapshot: Option<SnapshotId>,
}

impl Walk<'_> {
    /// `JumpUnit` to a loop that can be entered: whether that has been done.
    pub(super) fn enter_loop(&mut self, op: &Op) -> bool {
        let links = self.links;
        let Some(&(_, entry)) = links.loops.iter().find(|(outer, _)| *outer == EntryId(op.aux)) else { return false };
        let before = self.at.checked_sub(1).map(|before| self.src.ops[before]);
        let guard = before.filter(|before| before.code == OpCode::GuardValid);
        let mut entering = Entering {
            entry,
            values: vec![Ref::NONE; entry.variables.len()],
            shown: vec![false; entry.variables.len()],
            objects: vec![None; entry.objects.len()],
            snapshot: guard.map(|guard| SnapshotId(guard.a)),
        };
        if self.bind_all(&mut entering, op.a).is_none() || !self.write_for(&entering) {
            return false;
        }
        let list: Vec<Ref> = entry.parameters.iter().map(|&number| entering.values[number as usize]).collect();
        let ListRange(list) = self.out.list(&list);
        self.push(Op { aux: entry.entry.0, a: list, ..Op::new(OpCode::JumpUnit, Type::Void) }, Fact::ANY);
        self.entered = true;
        true
    }

    /// Binds all variables; `None` if that is not possible.
    fn bind_all(&mut self, entering: &mut Entering, list: u32) -> Option<()> {
        let entry = entering.entry;
        for &(passed, holding) in &entry.arguments {
            let value = match passed {
                Passed::Parameter(number) => {
                    self.value(Ref::from_word(self.src.lists[list as usize + 1 + number as usize]))
                }
                Passed::Constant(ty, bits) => self.constant(ty, bits),
            };
            self.hold(entering, holding, value)?;
        }
        let kind = |walk: &Self, location: &HeldLocation| walk.descriptors.mem(location.mem).kind;
        for location in &entry.locations {
            if kind(self, location) == MemKind::Stack {
                self.hold_location(entering, location)?;
            }
        }
        for number in 0..entry.variables.len() {
            if let Some(definition) = &entry.variables[number].definition {
                let value = self.compute(entering, definition)?;
                self.bind_variable(entering, number, value)?;
            }
            self.show(entering, number)?;
        }
        for location in &entry.locations {
            if kind(self, location) != MemKind::Stack {
                self.hold_location(entering, location)?;
            }
        }
        for (number, variable) in entry.variables.iter().enumerate() {
            self.show(entering, number)?;
            if let Some((word, derivation)) = variable.decoded.filter(|_| entry.parameters.contains(&(number as u32))) {
                let word = self.bound(entering, Term::Variable(word))?;
                entering.values[number] = self.show_double(entering, word, derivation)?;
            }
        }
        entry.parameters.iter().all(|&number| entering.values[number as usize] != Ref::NONE).then_some(())
    }

    /// What a place holds for the loop is this value.
    fn hold(&mut self, entering: &mut Entering, holding: Holding, value: Ref) -> Option<()> {
        match holding {
            Holding::Unused | Holding::Term(Term::None) => Some(()),
            Holding::Term(Term::Constant(ty, bits)) => {
                let value = self.concrete(value, ty);
                let constant = self.constant(ty, bits);
                self.show_same(entering, value, constant)
            }
            Holding::Term(Term::Variable(number)) => self.bind_variable(entering, number as usize, value),
            Holding::Virtual(number) => self.match_held(entering, number as usize, value),
        }
    }

    fn hold_location(&mut self, entering: &mut Entering, location: &HeldLocation) -> Option<()> {
        if location.holding == Holding::Unused {
            return Some(());
        }
        let (base, index) = (self.bound(entering, location.base)?, self.bound(entering, location.index)?);
        let found = self.locate(location.mem, base, index);
        let value = self.load_from(found);
        self.hold(entering, location.holding, value)
    }

    /// The value of a term; `None` if it is not bound yet.
    fn bound(&mut self, entering: &Entering, term: Term) -> Option<Ref> {
        match term {
            Term::None => Some(Ref::NONE),
            Term::Constant(ty, bits) => Some(self.constant(ty, bits)),
            Term::Variable(number) => {
                let value = entering.values[number as usize];
                (value != Ref::NONE).then(|| self.resolve(value))
            }
        }
    }

    fn compute(&mut self, entering: &Entering, definition: &Definition) -> Option<Ref> {
        let mut words = [0; 3];
        for (word, &term) in words.iter_mut().zip(&definition.operands) {
            *word = self.bound(entering, term)?.word();
        }
        let op = definition.op;
        if op.code.class() == Class::Load {
            let found = self.locate(MemId(op.aux), Ref::from_word(words[0]), Ref::from_word(words[1]));
            return Some(self.load_from(found));
        }
        let mut op = op;
        for ((field, word), kind) in [&mut op.a, &mut op.b, &mut op.c].into_iter().zip(words).zip(op.code.operands()) {
            *field = if *kind == b'.' { 0 } else { word };
        }
        Some(self.pure(op))
    }

    fn bind_variable(&mut self, entering: &mut Entering, number: usize, value: Ref) -> Option<()> {
        let value = self.concrete(value, entering.entry.variables[number].ty);
        let bound = entering.values[number];
        if bound == Ref::NONE {
            entering.values[number] = value;
            return Some(());
        }
        self.show_same(entering, bound, value)
    }

    /// The object in a place must be able to stand for the loop's.
    fn match_held(&mut self, entering: &mut Entering, number: usize, value: Ref) -> Option<()> {
        let object = as_virtual(self.resolve(value))?;
        match entering.objects[number] {
            Some(other) => return (other == object).then_some(()),
            None if entering.objects.contains(&Some(object)) => return None,
            None => entering.objects[number] = Some(object),
        }
        let held = &entering.entry.objects[number];
        let fields: Vec<usize> = self.s.virtuals.fields_of(object).collect();
        if self.s.virtuals.objects[object].alloc != held.alloc || fields.len() != held.fields.len() {
            return None;
        }
        for &(mem, holding) in &held.fields {
            let desc = *self.descriptors.mem(mem);
            let found = fields.iter().map(|&field| self.s.virtuals.fields[field]);
            let field = { found }.find(|field| (field.offset, field.width) == (desc.offset, desc.width))?;
            self.hold(entering, holding, field.value)?;
        }
        Some(())
    }

    // Showing.

    /// Sees to it that a condition is as wanted; `None` if it is not, or nobody can tell.
    fn show_condition(&mut self, entering: &Entering, condition: Ref, wanted: bool) -> Option<()> {
        if let Some(truth) = self.truth_of(condition) {
            return (truth == wanted).then_some(());
        }
        let snapshot = entering.snapshot?;
        let (condition, wanted) = self.normal_condition(condition, wanted);
        self.guard_on(condition, wanted, snapshot);
        Some(())
    }

    /// Sees to it that two values of one type are the same.
    fn show_same(&mut self, entering: &Entering, a: Ref, b: Ref) -> Option<()> {
        let (a, b) = (self.resolve(a), self.resolve(b));
        if a == b {
            return Some(());
        }
        let code = match self.out.type_of(a) {
            Type::Int => OpCode::Eq,
            Type::Ref => OpCode::RefEq,
            // Equal doubles need not be the same.
            Type::Float | Type::Void => return None,
        };
        let condition = self.pure(Op { a: a.word(), b: b.word(), ..Op::new(code, Type::Int) });
        self.show_condition(entering, condition, true)
    }

    /// Sees to it that a variable, if it is bound, is within its fact.
    fn show(&mut self, entering: &mut Entering, number: usize) -> Option<()> {
        let fact = entering.entry.variables[number].fact;
        let value = entering.values[number];
        if value == Ref::NONE || std::mem::replace(&mut entering.shown[number], true) {
            return Some(());
        }
        let value = self.resolve(value);
        let known = self.fact(value);
        if fact.includes(known) {
            return Some(());
        }
        let (lo, hi) = (fact.lo.max(known.lo), fact.hi.min(known.hi));
        if lo > hi || (fact.zeros | known.zeros) & (fact.ones | known.ones) != 0 {
            return None;
        }
        let ty = self.out.type_of(value);
        match fact.as_constant() {
            Some(bits) if bits < 2 && Fact::TRUTH.includes(known) => self.show_condition(entering, value, bits == 1),
            Some(bits) => {
                let constant = self.constant(ty, bits);
                self.show_same(entering, value, constant)
            }
            None => {
                let word = self.retype(value, Type::Int);
                self.show_range(entering, word, fact)
            }
        }
    }

    /// Sees to it that a word has the bits of a fact, and is within its bounds.
    fn show_range(&mut self, entering: &Entering, word: Ref, fact: Fact) -> Option<()> {
        let compare = |walk: &mut Self, code, a: Ref, b: Ref, wanted| {
            let condition = walk.pure(Op { a: a.word(), b: b.word(), ..Op::new(code, Type::Int) });
            walk.show_condition(entering, condition, wanted)
        };
        let known = self.fact(word);
        if fact.zeros & !known.zeros != 0 || fact.ones & !known.ones != 0 {
            let (mask, wanted) = (self.out.int((fact.zeros | fact.ones) as i64), self.out.int(fact.ones as i64));
            let masked = self.pure(Op { a: word.word(), b: mask.word(), ..Op::new(OpCode::And, Type::Int) });
            compare(self, OpCode::Eq, masked, wanted, true)?;
        }
        let known = self.fact(word);
        if known.lo < fact.lo {
            let bound = self.out.int(fact.lo);
            compare(self, OpCode::Lt, word, bound, false)?;
        }
        if known.hi > fact.hi {
            let bound = self.out.int(fact.hi);
            compare(self, OpCode::Lt, bound, word, false)?;
        }
        if fact.nonzero {
            self.show_condition(entering, word, true)?;
        }
        Some(())
    }

    /// The double of a word, which is seen to have one.
    fn show_double(&mut self, entering: &Entering, word: Ref, derivation: Derivation) -> Option<Ref> {
        if let Some(double) = self.underived(word, derivation) {
            return Some(double);
        }
        if let Derivation::Boxed(boxing) = derivation {
            let fact = has_tag(self.descriptors.boxing(boxing));
            self.show_range(entering, word, fact)?;
        }
        self.underived(word, derivation)
    }

    // Memory.

    /// Writes what the loop expects in memory, and forgets stores that it does itself. If an object that the loop wants virtual has to be made for that, it cannot be entered: then nothing is forgotten.
    fn write_for(&mut self, entering: &Entering) -> bool {
        let mut pending = Vec::new();
        for location in entering.entry.locations.iter().filter(|location| location.pending) {
            let base = self.bound(entering, location.base);
            let index = self.bound(entering, location.index);
            if let (Some(base), Some(index)) = (base, index) {
                let found = self.locate(location.mem, base, index);
                let class = usize::from(self.descriptors.mem(found.mem).class.0);
                pending.push((Address::of(&found, class), location.barrier));
            }
        }
        let mut kept = Vec::new();
        for class in bits(self.s.heap.present) {
            for number in 0..self.s.heap.classes[class].len() {
                let location = self.s.heap.classes[class][number];
                let address = Address::of(&location, class);
                let is_kept = |&(other, barrier): &(Address, bool)| other == address && (barrier || !location.barrier);
                if location.dirty && pending.iter().any(is_kept) {
                    kept.push((class, number));
                } else {
                    self.flush(class, number);
                }
            }
        }
        let is_virtual = |object: &usize| as_virtual(self.resolve(virtual_value(*object))).is_some();
        if !entering.objects.iter().flatten().all(is_virtual) {
            return false;
        }
        // The last first: what takes the number of one that goes is not to go.
        for &(class, number) in kept.iter().rev() {
            self.drop_location(class, number);
        }
        true
    }
}

//! Describes a peeled loop for those who want to enter it: the loop's half of [`loops`](super::loops).
//!
//! # What a loop relies on
//! The second copy of the body is emitted with all that the first has left behind. Of that, it relies on values from before its label: it uses them, or a fact of them, or that they are constants. Each time it does, it
//! asks for the value's present name or fact first ([`Walk::resolve`], [`Walk::fact`]): these *touch* it. What rules of `fold` look at behind a touched value are its operands, and theirs. So the touched values and all
//! that they are computed from, with the facts that were known when the label was placed, are all that the loop relies on, and become the description's variables. What the label's state says of places is known from [`peel`](super::peel).
//!
//! A location that the loop does not write, and whose contents it relies on, is known because it has been loaded: so it is described by the load.
//!
//! # When
//! At the label, what is known then is copied ([`Walk::begin_description`]). When the loop is closed, it is known what has been touched, and values still have the names they had ([`Walk::finish_description`]).

use super::facts::Fact;
use super::heap::bits;
use super::loops::{Definition, HeldLocation, HeldObject, Holding, Passed, Term, Variable};
use super::peel::{Address, Decoded, Key, Parameter, Peeling, Place, Shape};
use super::walk::{Walk, as_virtual};
use crate::ir::opcode::Class;
use crate::ir::{AllocId, LabelId, ListRange, MemId, Op, OpCode, Ref, Type};

/// What a place holds, in terms of the output.
#[derive(Clone, Copy, Debug)]
enum Held {
    Parameter(u32),
    Value(Ref),
    Virtual(u32),
}

/// A location at the label.
#[derive(Clone, Copy, Debug)]
struct Location {
    mem: MemId,
    base: Ref,
    index: Ref,
    held: Held,
    pending: bool,
    barrier: bool,
}

/// How many there are of what snapshots are made of; what comes later belongs to the loop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    pub slots: usize,
    pub recipes: usize,
    pub stores: usize,
}

/// The description of a loop under way, and then of one that has been closed.
#[derive(Debug, Default)]
pub struct Draft {
    /// The loop's label.
    pub target: Option<LabelId>,
    /// The index of its operation.
    pub start: usize,
    pub sizes: Sizes,
    /// The `GuardValid` for those who enter, and whether it serves nobody else.
    pub guard: Option<(usize, bool)>,
    pub arguments: Vec<(Passed, Holding)>,
    pub objects: Vec<HeldObject>,
    pub locations: Vec<HeldLocation>,
    /// Parameters of the label come first, then values from before it.
    pub variables: Vec<Variable>,
    /// Of the latter, their operations.
    pub values: Vec<u32>,
    /// The description is complete.
    pub complete: bool,
    held_arguments: Vec<(Passed, Held)>,
    held_objects: Vec<(AllocId, Vec<(MemId, Held)>)>,
    held_locations: Vec<Location>,
    /// The label's parameters.
    labelled: Vec<Variable>,
    facts: Vec<Fact>,
    replaced: Vec<Ref>,
    needed: Vec<bool>,
    /// By operation before the label: the number of its variable.
    numbers: Vec<u32>,
}

/// A fact without bounds that hardly say anything: a comparison of two values that may be anything leaves such, and whoever enters would have to test them.
fn without_far_bounds(fact: Fact) -> Fact {
    const FAR: i64 = 1 << 62;
    Fact {
        lo: if fact.lo < -FAR { i64::MIN } else { fact.lo },
        hi: if fact.hi > FAR { i64::MAX } else { fact.hi },
        ..fact
    }
}

impl Draft {
    pub fn clear(&mut self) {
        self.target = None;
        self.guard = None;
        self.complete = false;
    }
}

impl Walk<'_> {
    /// Copies what is known at the label of the loop under way, which has just been placed, if others shall be able to enter it.
    pub(super) fn begin_description(&mut self, peeling: &Peeling) {
        self.s.draft.clear();
        self.count_peeled();
        if self.links.loop_entry.is_none() || self.src.ops[peeling.first].code != OpCode::GuardValid {
            return;
        }
        let Some(passed) = self.passed_by_entry(peeling) else { return };
        let mut draft = std::mem::take(&mut self.s.draft);
        let state = &self.s.state;
        // What has a place in the state is a member of it.
        let number_of = |object: u32| self.s.virtuals.objects[object as usize].member.unwrap_or(0);
        let held = |shape: Shape| match shape {
            Shape::Same(value) => Held::Value(value),
            Shape::Parameter(number) => Held::Parameter(number),
            Shape::Virtual(object) => Held::Virtual(number_of(object)),
        };
        draft.held_arguments.clear();
        draft.held_objects.clear();
        draft.held_locations.clear();
        let alloc = |object: u32| self.s.virtuals.objects[object as usize].alloc;
        draft.held_objects.extend(state.objects.iter().map(|member| (alloc(member.object), Vec::new())));
        let mut named = false;
        for place in &state.places {
            let holds = held(place.shape);
            match place.key {
                Key::Parameter(number) => draft.held_arguments.push((passed[number as usize], holds)),
                Key::Field(object, _) => {
                    let mem = self.s.virtuals.fields[place.number as usize].mem;
                    draft.held_objects[number_of(object) as usize].1.push((mem, holds));
                }
                Key::Location(Address { class, .. }) => {
                    let location = &self.s.heap.classes[usize::from(class)][place.number as usize];
                    draft.held_locations.push(Location {
                        mem: location.mem,
                        base: location.base,
                        index: location.index,
                        held: holds,
                        pending: place.dirty,
                        barrier: place.barrier,
                    });
                }
                Key::Object(_) => named = true,
                Key::Memory | Key::Validity => {}
            }
        }
        for class in bits(self.s.heap.present) {
            for location in &self.s.heap.classes[class] {
                if !self.is_carried(location, class) && as_virtual(location.value).is_none() {
                    let held = Held::Value(location.value);
                    let (mem, base, index) = (location.mem, location.base, location.index);
                    let location = Location { mem, base, index, held, pending: false, barrier: false };
                    draft.held_locations.push(location);
                }
            }
        }
        draft.labelled.clear();
        draft.labelled.extend(state.parameters.iter().map(|&Parameter { ty, guess: fact, .. }| Variable {
            ty,
            fact,
            definition: None,
            decoded: None,
        }));
        draft.labelled.extend(state.decoded.iter().map(|&Decoded { word, derivation }| Variable {
            ty: Type::Float,
            fact: Fact::ANY,
            definition: None,
            decoded: Some((word, derivation)),
        }));
        draft.start = self.out.labels[peeling.target.0 as usize] as usize;
        draft.facts.clone_from(&self.s.facts);
        draft.replaced.clone_from(&self.s.replaced);
        let all = &self.out.snapshots;
        draft.sizes = Sizes { slots: all.slots.len(), recipes: all.recipes.len(), stores: all.stores.len() };
        // Nobody else has an object of this unit.
        if !named {
            // Before the loop begins to rely on them.
            self.s.facts.iter_mut().zip(&mut draft.facts).for_each(|(fact, copy)| {
                *fact = without_far_bounds(*fact);
                *copy = *fact;
            });
            draft.target = Some(peeling.target);
            self.s.touched.clear();
            self.s.touched.resize_with(draft.start, Default::default);
        }
        self.s.draft = draft;
    }

    fn count_peeled(&mut self) {
        let places = |wanted: fn(&Place) -> bool| self.s.state.places.iter().filter(|place| wanted(place)).count();
        let carried = places(|place| matches!(place.key, Key::Location(_)));
        let invariant = places(|place| matches!((place.key, place.shape), (Key::Parameter(_), Shape::Same(_))));
        let peeled = &mut self.s.peeled;
        peeled.loops += 1;
        peeled.objects += self.s.state.objects.len();
        peeled.locations += carried;
        peeled.invariant += invariant;
    }

    /// What the entry passes to the loop's label, by parameter, if it does nothing else.
    fn passed_by_entry(&self, peeling: &Peeling) -> Option<Vec<Passed>> {
        let parameters = self.src.ops[1..].iter().take_while(|op| op.code == OpCode::Param).count();
        let jump = self.src.ops[1 + parameters];
        let label = self.src.ops[peeling.first - peeling.count - 1];
        if jump.code != OpCode::Jump || jump.a != peeling.label || label.a != peeling.label {
            return None;
        }
        if peeling.first != 1 + parameters + 2 + peeling.count || peeling.end + 1 != self.src.ops.len() {
            return None;
        }
        let passed = self.src.elements(ListRange(jump.b)).map(|argument| match argument.as_op() {
            Some(op) => Passed::Parameter(op as u32 - 1),
            None => Passed::Constant(self.src.type_of(argument), self.constant_bits(argument).unwrap_or(0)),
        });
        Some(passed.collect())
    }

    /// Whether the `GuardValid` under way is needed only for who enters the loop: it stands at the beginning of a loop that is described.
    pub(super) fn is_guard_of_entry(&self) -> bool {
        let second = |peeling: &Peeling| Some(peeling.target) == self.s.draft.target && peeling.first == self.at;
        self.peeling.as_ref().is_some_and(second)
    }

    /// The loop under way relies on this value, if it comes from before it.
    pub(super) fn touch(&self, value: Ref) {
        if let Some(touched) = value.as_op().and_then(|at| self.s.touched.get(at)) {
            touched.set(true);
        }
    }

    /// The loop has been closed: says what it relies on, if that can be said.
    pub(super) fn finish_description(&mut self) {
        let mut draft = std::mem::take(&mut self.s.draft);
        if draft.target.is_some() && draft.guard.is_some() {
            draft.complete = self.describe(&mut draft).is_some();
        }
        self.s.touched.clear();
        self.s.draft = draft;
    }

    fn describe(&mut self, draft: &mut Draft) -> Option<()> {
        if self.repeats_tests(draft) {
            return None;
        }
        self.find_needed(draft);
        draft.numbers.clear();
        draft.numbers.resize(draft.start, u32::MAX);
        draft.values.clear();
        draft.variables.clear();
        draft.variables.extend_from_slice(&draft.labelled);
        for at in 0..draft.start {
            if draft.needed[at] {
                let variable = self.variable(draft, at)?;
                draft.numbers[at] = draft.variables.len() as u32;
                draft.variables.push(variable);
                draft.values.push(at as u32);
            }
        }
        let holding = |held: Held| match held {
            Held::Parameter(number) => Holding::Term(Term::Variable(number)),
            Held::Virtual(number) => Holding::Virtual(number),
            Held::Value(value) => self.term(draft, value).map_or(Holding::Unused, Holding::Term),
        };
        let arguments: Vec<_> = draft.held_arguments.iter().map(|&(passed, held)| (passed, holding(held))).collect();
        let object = |(alloc, fields): &(AllocId, Vec<(MemId, Held)>)| HeldObject {
            alloc: *alloc,
            fields: fields.iter().map(|&(mem, held)| (mem, holding(held))).collect(),
        };
        let objects: Vec<_> = draft.held_objects.iter().map(object).collect();
        let mut locations = Vec::new();
        for &Location { mem, base, index, held, pending, barrier } in &draft.held_locations {
            let holding = holding(held);
            let index = if index == Ref::NONE { Some(Term::None) } else { self.term(draft, index) };
            match (self.term(draft, base), index) {
                _ if holding == Holding::Unused => {}
                (Some(base), Some(index)) => {
                    locations.push(HeldLocation { mem, base, index, holding, pending, barrier });
                }
                // Its address is nothing that the loop relies on, so it may rely on its contents only by other names: those of objects and parameters may have none.
                _ if matches!(held, Held::Value(_)) => {}
                _ => return None,
            }
        }
        (draft.arguments, draft.objects, draft.locations) = (arguments, objects, locations);
        self.all_are_bound(draft).then_some(())
    }

    /// Whether the loop tests anew what is the same each time, so that those who enter do not: then nothing tells them what they may load.
    fn repeats_tests(&self, draft: &mut Draft) -> bool {
        let mut same = std::mem::take(&mut draft.needed);
        same.clear();
        let mut repeats = false;
        for op in &self.out.ops[draft.start..] {
            let mut operands = true;
            self.out.for_each_operand(op, |operand| {
                let inside = operand.as_op().and_then(|at| at.checked_sub(draft.start));
                operands &= inside.is_none_or(|at| same[at]);
            });
            repeats |= matches!(op.code, OpCode::GuardTrue | OpCode::GuardFalse) && operands;
            same.push(match op.code.class() {
                Class::Pure => operands,
                Class::Load => {
                    let desc = self.descriptors.mem(MemId(op.aux));
                    operands && (desc.immutable || self.written >> desc.class.0 & 1 == 0)
                }
                _ => false,
            });
        }
        draft.needed = same;
        repeats
    }

    /// What has been touched, the addresses of what the label carries, and all that these are computed from.
    fn find_needed(&mut self, draft: &mut Draft) {
        let mut needed = std::mem::take(&mut draft.needed);
        needed.clear();
        needed.extend(self.s.touched.iter().map(std::cell::Cell::get));
        let mut need = |value: Ref| {
            if let Some(needed) = value.as_op().and_then(|at| needed.get_mut(at)) {
                *needed = true;
            }
        };
        for location in &draft.held_locations {
            if !matches!(location.held, Held::Value(_)) {
                need(location.base);
                need(location.index);
            }
        }
        for at in (0..draft.start).rev() {
            if needed[at] && matches!(self.out.ops[at].code.class(), Class::Pure | Class::Load) {
                let op = self.out.ops[at];
                self.out.for_each_operand(&op, |operand| {
                    if let Some(operand) = operand.as_op() {
                        needed[operand] = true;
                    }
                });
            }
        }
        draft.needed = needed;
    }

    /// The variable for a value of before the label; `None` if nobody else can have it.
    fn variable(&self, draft: &Draft, at: usize) -> Option<Variable> {
        let op = self.out.ops[at];
        let mut fact = draft.facts[at];
        if let Some(bits) = self.constant_bits(draft.replaced[at]) {
            fact = Fact::constant(bits);
        }
        let computed = match op.code.class() {
            Class::Pure => true,
            Class::Load => {
                let desc = self.descriptors.mem(MemId(op.aux));
                let holds = |location: &Location| {
                    let here = matches!(location.held, Held::Value(value) if value == Ref::op(at));
                    let (base, index) = (Ref::from_word(op.a), Ref::from_word(op.b));
                    here && (location.mem, location.base, location.index) == (MemId(op.aux), base, index)
                };
                desc.immutable || draft.held_locations.iter().any(holds)
            }
            Class::Alloc => return None,
            _ => false,
        };
        let mut definition = None;
        if computed {
            let mut operands = [Term::None; 3];
            for (operand, (kind, word)) in operands.iter_mut().zip(op.fields()) {
                let value = Ref::from_word(word);
                if kind != b'.' && value != Ref::NONE {
                    *operand = self.term(draft, value)?;
                }
            }
            definition = Some(Definition { op: Op { a: 0, b: 0, c: 0, ..op }, operands });
        }
        Some(Variable { ty: op.ty, fact, definition, decoded: None })
    }

    /// A value of before the label as a term; `None` if the loop does not rely on it.
    fn term(&self, draft: &Draft, value: Ref) -> Option<Term> {
        match (value.as_op(), value.as_constant()) {
            (Some(at), _) => {
                let number = draft.numbers.get(at).copied().filter(|&number| number != u32::MAX)?;
                Some(Term::Variable(number))
            }
            (_, Some(number)) => Some(Term::Constant(self.out.constants[number].0, self.out.constants[number].1)),
            _ => None,
        }
    }

    /// Whether each variable has a definition or is held somewhere.
    fn all_are_bound(&self, draft: &Draft) -> bool {
        let mut bound: Vec<bool> = draft
            .variables
            .iter()
            .map(|variable| variable.definition.is_some() || variable.decoded.is_some())
            .collect();
        let fields = draft.objects.iter().flat_map(|object| object.fields.iter().map(|&(_, holding)| holding));
        let arguments = draft.arguments.iter().map(|&(_, holding)| holding);
        let locations = draft.locations.iter().map(|location| location.holding);
        for holding in fields.chain(arguments).chain(locations) {
            if let Holding::Term(Term::Variable(number)) = holding {
                bound[number as usize] = true;
            }
        }
        bound.into_iter().all(|bound| bound)
    }
}

//! The pass `peel`: loops are emitted twice, and what is known after the first iteration is known in the loop.
//!
//! # Method
//! The walk emits the body of a loop once, from the values that enter it: the *first iteration*. At the back edge it places a new label, and emits the body again, from the label on. All that the first
//! iteration computed, tested and loaded is still known: what is the same in each iteration is found there and not done again. So invariants leave the loop without a pass that looks for them (Ardö, Bolz, Fijałkowski,
//! "Loop-Aware Optimizations in PyPy's Tracing JIT", 2012; LuaJIT does the same).
//!
//! # The label's state
//! Knowledge of values holds by itself: values do not change. What may change from iteration to iteration are *places*: the label's parameters, locations of memory, fields of virtual objects. For each of them the
//! label says what is in it ([`Shape`]):
//! - *the same value* as before, in every iteration;
//! - a *parameter* of the new label;
//! - a *virtual object*, the fields of which are places in their turn. So a virtual object goes round the loop as its fields.
//!
//! Memory that the loop does not write keeps what is known of it.
//!
//! # Guesses
//! The first iteration is the evidence from which the state is guessed: a place that it left as it was is taken for invariant; alias classes that it did not write are taken for unwritten; a parameter that was
//! and is not negative, or that has certain lowest bits, is taken to be so in every iteration. The second copy of the body is the proof: at its back edge ([`close`](super::close)), every guess must have come
//! true. If one has not, it is noted in the *plan*, and the walk starts again without this guess. After some such attempts guesses become cautious (hardly more than what the source says itself), and after some more the loop is not peeled.
//!
//! *Why guess and retry?* The alternatives are to assume the worst, which loses what matters most in loops, or to iterate to a fixed point over the state before emission, which costs
//! every loop what few need. Guesses come true nearly always, and are cheap to check.
//!
//! # Which locations are carried
//! A location that the loop writes is carried (its contents in a parameter, the store put off until an exit or for ever) only if its address is *stable*: made of values that enter the loop and stay, so that the next iteration means
//! the same place. Others are written before the label.

use super::cfg::for_each_use_backwards;
use super::facts::Fact;
use super::heap::{Location, bits};
use super::walk::{Walk, as_virtual, virtual_value};
use crate::ir::opcode::Class;
use crate::ir::{BoxId, Derivation, LabelId, ListRange, MemId, Op, OpCode, Ref, Type, Width};

/// How many of the lowest bits may be a tag.
const TAG_BITS: u32 = 3;

/// How many parameters are looked through for one that holds the same.
const SHARED: usize = 64;

/// A place whose contents may change from iteration to iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A parameter of the source's label.
    Parameter(u32),
    /// A location.
    Location(Address),
    /// A field of a virtual object: number, offset.
    Field(u32, i32),
    /// A virtual object that was there before the loop: number.
    Object(u32),
    /// Not a place: the classes that are not written.
    Memory,
    /// Not a place: that the unit stays valid.
    Validity,
}

/// What tells a location from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub class: u8,
    pub root: Ref,
    pub index: Ref,
    pub offset: i64,
    pub scale: u8,
    pub width: Width,
}

impl Address {
    pub fn of(location: &Location, class: usize) -> Address {
        let Location { root, index, offset, scale, width, .. } = *location;
        Address { class: class as u8, root, index, offset, scale, width }
    }
}

/// What a place must not be guessed to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lesson {
    /// Always the same.
    Same,
    /// The same as another place.
    Shared,
    /// A virtual object: this number.
    Virtual(u32),
    /// Carried at all.
    Carried,
    /// Within more than this fact.
    Fact(Fact),
    /// A word from which its double can always be had.
    Undecoded,
    /// Anything but a box of this kind.
    Boxed(BoxId),
    /// Unwritten: these classes.
    Unwritten(u64),
}

/// A guess did not come true; see [`Scratch::plan`](super::Scratch).
#[derive(Clone, Copy, Debug)]
pub struct Mismatch {
    /// The loop's label in the source.
    pub label: LabelId,
}

/// What a place holds at the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// This value, always.
    Same(Ref),
    /// The label's parameter of this number.
    Parameter(u32),
    /// This virtual object.
    Virtual(u32),
}

/// A place at the label.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub key: Key,
    pub shape: Shape,
    /// The type of what it holds.
    pub ty: Type,
    /// Where to find it at the label: number of the location in its class, or of the field.
    pub number: u32,
    /// How wide it is, if it is a location or field.
    pub width: Width,
    /// Whether it is a location that is dirty.
    pub dirty: bool,
    /// Whether it is a location the barrier of which is put off.
    pub barrier: bool,
}

/// A parameter of the new label.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The first place that holds it.
    pub key: Key,
    pub ty: Type,
    /// What enters the loop.
    pub init: Ref,
    /// What was guessed.
    pub guess: Fact,
    /// Its operation.
    pub value: Ref,
    /// What comes back.
    pub back: Ref,
}

/// A parameter of the new label that is the double which another parameter codes or boxes; see [`coding`](super::coding).
#[derive(Clone, Copy, Debug)]
pub struct Decoded {
    /// The number of the other parameter.
    pub word: u32,
    pub derivation: Derivation,
}

/// A virtual object at the label.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its number.
    pub object: u32,
    /// Its fields' places.
    pub first: u32,
    /// How many fields it has.
    pub count: u32,
}

/// The state at the new label; see the module's header.
#[derive(Debug, Default)]
pub struct State {
    pub places: Vec<Place>,
    pub parameters: Vec<Parameter>,
    /// Further parameters.
    pub decoded: Vec<Decoded>,
    /// Virtual objects.
    pub objects: Vec<Member>,
    /// Classes of which something is known that is in no place.
    pub unwritten: u64,
    pub valid: bool,
    /// What entered the first iteration, by parameter of the source.
    entering: Vec<Ref>,
    stability: Stability,
    /// Virtual objects under names from before the loop.
    named: Vec<usize>,
    /// Frames that have been looked at.
    frames: Vec<bool>,
}

impl State {
    /// Makes it empty.
    pub fn clear(&mut self) {
        self.places.clear();
        self.parameters.clear();
        self.decoded.clear();
        self.objects.clear();
        self.unwritten = 0;
    }
}

/// Which values are the same in each iteration, as far as the first iteration can tell.
#[derive(Debug, Default)]
struct Stability {
    /// Operations before this one belong to what is before the loop.
    start: usize,
    /// Of each operation of the first iteration.
    inside: Vec<bool>,
    /// What enters the loop as a parameter that comes back as something else.
    passing: Vec<Ref>,
}

impl Stability {
    fn holds(&self, value: Ref) -> bool {
        let Some(at) = value.as_op() else { return true };
        match at.checked_sub(self.start) {
            _ if as_virtual(value).is_some() => false,
            Some(inside) => self.inside.get(inside).copied().unwrap_or(false),
            None => !self.passing.contains(&value),
        }
    }
}

/// Which copy of the body is being emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The first iteration: what the loop will carry is not known yet.
    Unknown,
    /// The loop.
    Known,
}

/// The loop under way.
#[derive(Clone, Copy, Debug)]
pub struct Peeling {
    /// Its label in the source.
    pub label: u32,
    /// The jump that closes it.
    pub end: usize,
    /// The first source operation of its body.
    pub first: usize,
    /// How many parameters its label has in the source.
    pub count: usize,
    /// The output's length when it began.
    pub start: usize,
    /// How many virtual objects there were when it began.
    pub objects: usize,
    /// The new label.
    pub target: LabelId,
    pub carried: Carried,
}

impl Walk<'_> {
    /// The label under way begins a loop that is to be peeled; its parameters are bound.
    pub(super) fn begin_peeling(&mut self, label: u32) {
        let Some(end) = self.s.cfg.block(label).peel else { return };
        let count = self.parameters(label);
        let first = self.at + 1 + count;
        let entering: Vec<Ref> = (first - count..first).map(|parameter| self.value(Ref::op(parameter))).collect();
        self.s.state.entering = entering;
        for class in bits(self.s.heap.present) {
            for location in &mut self.s.heap.classes[class] {
                location.entering = location.value;
            }
        }
        self.peeling = Some(Peeling {
            label,
            end: end as usize,
            first,
            count,
            start: self.out.ops.len(),
            objects: self.s.virtuals.objects.len(),
            target: LabelId(u32::MAX),
            carried: Carried::Unknown,
        });
        self.written = 0;
        self.boxes = false;
    }

    /// What has been learnt of a place of the loop under way.
    fn lessons(&self, key: Key) -> impl Iterator<Item = Lesson> + '_ {
        let label = self.peeling.as_ref().map(|peeling| peeling.label);
        let of_loop = self.s.plan.iter().filter(move |&&(of, ..)| Some(of) == label);
        of_loop.filter(move |&&(_, place, _)| place == key).map(|&(.., lesson)| lesson)
    }

    /// The back edge of the first iteration: places the label, and begins the loop. The next source operation.
    pub(super) fn close_first_iteration(&mut self, list: u32) -> Result<usize, Mismatch> {
        let Some(mut peeling) = self.peeling else { return Ok(self.at + 1) };
        let arguments: Vec<Ref> = self.src.elements(ListRange(list)).map(|value| self.value(value)).collect();
        self.find_stable(&peeling, &arguments);
        if self.cautious {
            self.force_all();
        }
        self.force_unlucky();
        self.drop_locations();
        self.guess_state(&peeling, &arguments);
        peeling.target = self.out.new_label();
        peeling.carried = Carried::Known;
        self.peeling = Some(peeling);
        self.emit_loop_label(peeling.target);
        self.enter_state(&peeling);
        self.begin_description(&peeling);
        self.new_world();
        self.written = 0;
        self.rewind(peeling.first);
        Ok(peeling.first)
    }

    /// Finds out which values are the same in each iteration.
    fn find_stable(&mut self, peeling: &Peeling, arguments: &[Ref]) {
        let mut stability = std::mem::take(&mut self.s.state.stability);
        stability.start = peeling.start;
        stability.inside.clear();
        stability.passing.clear();
        for (&entering, &back) in self.s.state.entering.iter().zip(arguments) {
            let entering = self.resolve(entering);
            if entering != back {
                stability.passing.push(entering);
            }
        }
        for at in peeling.start..self.out.ops.len() {
            let op = self.out.ops[at];
            let mut operands = true;
            self.out.for_each_operand(&op, |operand| operands &= stability.holds(operand));
            stability.inside.push(match op.code.class() {
                Class::Pure => operands,
                Class::Load => operands && self.is_unchanged(at, MemId(op.aux)),
                _ => false,
            });
        }
        self.count(stability.inside.len() as u64);
        self.s.state.stability = stability;
    }

    /// Whether what the load at `at` of the output has loaded is still there.
    fn is_unchanged(&self, at: usize, mem: MemId) -> bool {
        let desc = self.descriptors.mem(mem);
        let class = usize::from(desc.class.0);
        let unchanged = |location: &Location| location.value == Ref::op(at) && location.stored_at == 0;
        desc.immutable || self.written >> class & 1 == 0 || self.s.heap.classes[class].iter().any(unchanged)
    }

    /// Whether the label says what is in a location; otherwise it is clean, and unwritten or forgotten.
    pub(super) fn is_carried(&self, location: &Location, class: usize) -> bool {
        location.dirty || !location.immutable && self.written >> class & 1 == 1
    }

    /// Writes, and forgets, the locations that are not to be carried.
    fn drop_locations(&mut self) {
        for lesson in self.lessons(Key::Memory).collect::<Vec<_>>() {
            if let Lesson::Unwritten(classes) = lesson {
                self.written |= classes;
            }
        }
        for class in bits(self.s.heap.present) {
            let mut number = 0;
            while number < self.s.heap.classes[class].len() {
                let location = self.s.heap.classes[class][number];
                let stable = |value: Ref| value == Ref::NONE || self.s.state.stability.holds(value);
                let key = Key::Location(Address::of(&location, class));
                let keep = !self.cautious
                    && stable(location.root)
                    && stable(location.index)
                    && !self.lessons(key).any(|lesson| lesson == Lesson::Carried);
                if self.is_carried(&location, class) && !keep {
                    self.flush(class, number);
                    if !location.immutable && self.written >> class & 1 == 1 {
                        self.s.heap.remove(class, number);
                        continue;
                    }
                }
                number += 1;
            }
        }
    }

    /// Makes the virtual objects that did not stay virtual in an earlier attempt.
    fn force_unlucky(&mut self) {
        for number in 0..self.s.plan.len() {
            let (label, _, lesson) = self.s.plan[number];
            if let Lesson::Virtual(object) = lesson
                && self.peeling.as_ref().is_some_and(|peeling| peeling.label == label)
                && (object as usize) < self.s.virtuals.objects.len()
            {
                self.force(virtual_value(object as usize));
            }
        }
    }

    /// Decides what each place holds.
    fn guess_state(&mut self, peeling: &Peeling, arguments: &[Ref]) {
        for member in &self.s.state.objects {
            self.s.virtuals.objects[member.object as usize].member = None;
        }
        self.s.state.clear();
        for (number, &argument) in arguments.iter().enumerate() {
            let entering = self.resolve(self.s.state.entering[number]);
            let argument = self.resolve(argument);
            let passed_on = self.src.elements(ListRange(self.src.ops[peeling.end].b)).nth(number)
                == Some(Ref::op(peeling.first - peeling.count + number));
            let same = if self.cautious { passed_on } else { entering == argument };
            let ty = self.src.ops[peeling.first - peeling.count + number].ty;
            self.guess(Key::Parameter(number as u32), argument, ty, same, Some(entering), number);
        }
        for class in bits(self.s.heap.present) {
            for number in 0..self.s.heap.classes[class].len() {
                let location = self.s.heap.classes[class][number];
                if self.is_carried(&location, class) {
                    let entering = (location.entering != Ref::NONE).then(|| self.resolve(location.entering));
                    let same = location.literal
                        || location.stored_at as usize <= peeling.first
                        || self.has_become_constant(location.value)
                        || entering == Some(self.resolve(location.value));
                    let key = Key::Location(Address::of(&location, class));
                    self.guess(key, location.value, location.width.ty(), same, entering, number);
                } else {
                    self.s.state.unwritten |= if location.immutable { 0 } else { 1 << class };
                }
            }
        }
        self.guess_named_objects(peeling);
        let mut next = 0;
        while next < self.s.state.objects.len() {
            self.guess_fields(peeling, next);
            next += 1;
        }
    }

    /// Whether a guard has found out what a value is: it will find the same in each iteration. (A constant that has been computed of what entered the loop is another in the next.)
    fn has_become_constant(&self, value: Ref) -> bool {
        value.as_constant().is_none() && self.resolve(value).as_constant().is_some()
    }

    /// Virtual objects from before the loop that its body refers to by their own names stay what they are.
    fn guess_named_objects(&mut self, peeling: &Peeling) {
        let is_old = |&object: &u32| {
            (object as usize) < peeling.objects && self.s.virtuals.objects[object as usize].real.is_none()
        };
        if !self.s.virtuals.open.iter().any(is_old) {
            return;
        }
        let mut named = std::mem::take(&mut self.s.state.named);
        let mut frames = std::mem::take(&mut self.s.state.frames);
        named.clear();
        for_each_use_backwards(self.src, peeling.first..peeling.end + 1, &mut frames, |used, _| {
            if used < peeling.first - peeling.count
                && let Some(object) = as_virtual(self.resolve(self.s.map[used]))
            {
                named.push(object);
            }
        });
        named.sort_unstable();
        named.dedup();
        for &object in &named {
            self.guess(Key::Object(object as u32), virtual_value(object), Type::Ref, true, None, 0);
        }
        (self.s.state.named, self.s.state.frames) = (named, frames);
    }

    /// The fields of the state's object number `index` are places.
    fn guess_fields(&mut self, peeling: &Peeling, index: usize) {
        let object = self.s.state.objects[index].object;
        let first = self.s.state.places.len() as u32;
        let mut next = self.s.virtuals.fields_of(object as usize).next();
        let mut count = 0;
        while let Some(number) = next {
            let field = self.s.virtuals.fields[number];
            next = self.s.virtuals.following(number);
            count += 1;
            let old = (object as usize) < peeling.objects && field.stored_at as usize <= peeling.first;
            let same = field.literal || old;
            let key = Key::Field(object, field.offset);
            self.guess(key, field.value, field.width.ty(), same, None, number);
        }
        self.s.state.objects[index] = Member { object, first, count };
    }

    /// Adds a place that holds `value` now. `entering` is what it held when the first iteration began, if that is known.
    fn guess(&mut self, key: Key, value: Ref, ty: Type, same: bool, entering: Option<Ref>, number: usize) {
        let value = self.resolve(value);
        self.count(1);
        let shape = match as_virtual(value) {
            Some(object) => {
                let member = &mut self.s.virtuals.objects[object].member;
                if member.is_none() {
                    *member = Some(self.s.state.objects.len() as u32);
                    self.s.state.objects.push(Member { object: object as u32, first: 0, count: 0 });
                }
                Shape::Virtual(object as u32)
            }
            None if same
                && (!self.cautious || matches!(key, Key::Parameter(_)))
                && !self.lessons(key).any(|lesson| lesson == Lesson::Same) =>
            {
                Shape::Same(value)
            }
            None => Shape::Parameter(self.guess_parameter(key, value, ty, entering)),
        };
        let (width, dirty, barrier) = match key {
            Key::Location(Address { class, .. }) => {
                let location = &self.s.heap.classes[usize::from(class)][number];
                (location.width, location.dirty, location.barrier)
            }
            Key::Field(..) => (self.s.virtuals.fields[number].width, false, false),
            _ => (Width::I64, false, false),
        };
        self.s.state.places.push(Place { key, shape, ty, number: number as u32, width, dirty, barrier });
    }

    /// The number of the parameter for a place.
    fn guess_parameter(&mut self, key: Key, value: Ref, ty: Type, entering: Option<Ref>) -> u32 {
        let init = self.retype(value, ty);
        // Equal constants are a coincidence.
        let alone =
            self.cautious || init.as_constant().is_some() || self.lessons(key).any(|lesson| lesson == Lesson::Shared);
        let same = |other: &Parameter| other.init == init && other.ty == ty;
        if let Some(number) = self.s.state.parameters.iter().take(SHARED).position(same).filter(|_| !alone) {
            return number as u32;
        }
        let guess = self.guess_fact(key, init, ty, entering);
        if ty == Type::Int
            && !self.cautious
            && let Some(derivation) = self.guess_derivation(key, init)
        {
            let word = self.s.state.parameters.len() as u32;
            self.s.state.decoded.push(Decoded { word, derivation });
        }
        self.s.state.parameters.push(Parameter { key, ty, init, guess, value: Ref::NONE, back: Ref::NONE });
        self.s.state.parameters.len() as u32 - 1
    }

    /// How a parameter's word may always be derived from a double.
    fn guess_derivation(&self, key: Key, init: Ref) -> Option<Derivation> {
        let mut derivation = self.derivation_of(init)?;
        for lesson in self.lessons(key) {
            match lesson {
                Lesson::Undecoded => return None,
                Lesson::Boxed(boxing) if self.is_box_of(init, boxing) => derivation = Derivation::Boxed(boxing),
                Lesson::Boxed(_) => return None,
                _ => {}
            }
        }
        Some(derivation)
    }

    /// What a parameter may always be, given what it is once or twice.
    fn guess_fact(&self, key: Key, init: Ref, ty: Type, entering: Option<Ref>) -> Fact {
        if !self.options.passes.ranges || ty == Type::Float || self.cautious {
            return Fact::ANY;
        }
        let mut seen = self.fact(init);
        match entering.filter(|&entering| self.type_is(entering, ty)) {
            Some(entering) => seen = seen.join(self.fact(entering)),
            // All bits of a constant are known; that says nothing of the next.
            None if init.as_constant().is_some() => (seen.zeros, seen.ones) = (0, 0),
            None => {}
        }
        for lesson in self.lessons(key) {
            if let Lesson::Fact(fact) = lesson {
                seen = seen.join(fact);
            }
        }
        let lo = if seen.lo >= 0 { 0 } else { i64::MIN };
        // Bits below the first that is not always the same: sums keep what both sides have there.
        let low = (1 << (seen.zeros | seen.ones).trailing_ones().min(TAG_BITS)) - 1;
        Fact { lo, zeros: seen.zeros & low, ones: seen.ones & low, ..Fact::ANY }.sharpen()
    }

    fn type_is(&self, value: Ref, ty: Type) -> bool {
        as_virtual(value).is_none() && self.out.type_of(value) == ty
    }

    fn emit_loop_label(&mut self, label: LabelId) {
        let mut values = std::mem::take(&mut self.s.values);
        values.clear();
        values.extend(self.s.state.parameters.iter().map(|parameter| parameter.init));
        for number in 0..self.s.state.decoded.len() {
            let Decoded { word, derivation } = self.s.state.decoded[number];
            let double = self.underived(values[word as usize], derivation);
            values.push(double.expect("what enters has been derived so"));
        }
        let list = self.out.list(&values);
        self.s.values = values;
        self.push(Op { a: label.0, b: list.0, ..Op::new(OpCode::Jump, Type::Void) }, Fact::ANY);
        self.place_label(label);
        for number in 0..self.s.state.parameters.len() {
            let Parameter { ty, guess, .. } = self.s.state.parameters[number];
            self.s.state.parameters[number].value = self.push(Op::new(OpCode::Param, ty), guess);
        }
        let first = self.out.ops.len();
        for _ in 0..self.s.state.decoded.len() {
            self.push(Op::new(OpCode::Param, Type::Float), Fact::ANY);
        }
        for number in 0..self.s.state.decoded.len() {
            let Decoded { word, derivation } = self.s.state.decoded[number];
            let parameter = self.s.state.parameters[word as usize];
            let coded = self.derive(Ref::op(first + number), derivation);
            self.refine(coded, parameter.guess);
            self.s.state.parameters[word as usize].value = coded;
        }
    }

    /// Puts parameters where they belong.
    fn enter_state(&mut self, peeling: &Peeling) {
        for number in 0..self.s.state.places.len() {
            let place = self.s.state.places[number];
            let value = match place.shape {
                Shape::Same(value) => value,
                Shape::Parameter(number) => self.s.state.parameters[number as usize].value,
                Shape::Virtual(object) => virtual_value(object as usize),
            };
            match place.key {
                Key::Parameter(number) => self.bind(peeling.first - peeling.count + number as usize, value),
                Key::Location(Address { class, .. }) => {
                    self.s.heap.classes[usize::from(class)][place.number as usize].value = value;
                }
                Key::Field(..) => self.s.virtuals.fields[place.number as usize].value = value,
                Key::Object(_) | Key::Memory | Key::Validity => {}
            }
        }
        if self.cautious || self.boxes || self.lessons(Key::Validity).next().is_some() {
            self.valid = false;
        }
        self.s.state.valid = self.valid;
    }
}

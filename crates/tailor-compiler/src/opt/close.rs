//! The back edge of a peeled loop: whether what was guessed at its label ([`peel`](super::peel)) has come true.
//!
//! Virtual objects are matched: the object in a place now stands for the one that was in it at the label. That must be one-to-one (else two that were different would be one in the next iteration, or the other way round), and an object from before the
//! loop, which may be referred to by its own name, must stand for itself. Fields are compared in the order of the label's places, in which an object comes before its fields.
//!
//! What was no good is written into the plan, all of it, so that the next attempt avoids it all.

use super::facts::Fact;
use super::heap::{Location, bits};
use super::peel::{Address, Decoded, Key, Lesson, Mismatch, Parameter, Peeling, Place, Shape};
use super::virtuals::Object;
use super::walk::{Walk, as_virtual, virtual_value};
use crate::ir::{Derivation, LabelId, ListRange, Op, OpCode, Ref, Type};

impl Walk<'_> {
    /// The back edge of a loop: emits it, or says what was guessed wrongly.
    pub(super) fn close_loop(&mut self, list: u32) -> Result<usize, Mismatch> {
        let Some(peeling) = self.peeling else { return Ok(self.at + 1) };
        let arguments: Vec<Ref> = self.src.elements(ListRange(list)).map(|value| self.value(value)).collect();
        self.flush_uncarried();
        let learnt = self.s.plan.len();
        self.force_plain(&arguments);
        self.match_places(&peeling, &arguments);
        self.check_guesses(&peeling);
        self.check_derivations();
        if self.s.plan.len() > learnt {
            return Err(Mismatch { label: LabelId(peeling.label) });
        }
        let mut values = std::mem::take(&mut self.s.values);
        values.clear();
        values.extend(self.s.state.parameters.iter().map(|parameter| parameter.back));
        for number in 0..self.s.state.decoded.len() {
            let Decoded { word, derivation } = self.s.state.decoded[number];
            let double = self.underived(values[word as usize], derivation);
            values.push(double.expect("it has been checked that there is one"));
        }
        let list = self.out.list(&values);
        self.s.values = values;
        self.push(Op { a: peeling.target.0, b: list.0, ..Op::new(OpCode::Jump, Type::Void) }, Fact::ANY);
        self.finish_description();
        self.peeling = None;
        self.dead = true;
        Ok(self.at + 1)
    }

    fn learn(&mut self, key: Key, lesson: Lesson) {
        if let Some(peeling) = &self.peeling {
            self.s.plan.push((peeling.label, key, lesson));
        }
    }

    /// The carried place of a location, with what the label knows of it.
    fn carried(&self, location: &Location, class: usize) -> Option<&Place> {
        let key = Key::Location(Address::of(location, class));
        self.s.state.places.iter().find(|place| place.key == key)
    }

    /// Writes what the label does not carry, or takes for written.
    fn flush_uncarried(&mut self) {
        for class in bits(self.s.heap.present) {
            for number in 0..self.s.heap.classes[class].len() {
                let location = self.s.heap.classes[class][number];
                if location.dirty {
                    self.count(1);
                    let carried = self
                        .carried(&location, class)
                        .is_some_and(|place| place.dirty && (place.barrier || !location.barrier));
                    if !carried {
                        self.flush(class, number);
                    }
                }
            }
        }
    }

    /// What a place holds now; `None` if that is not known any more.
    fn contents_of(&self, place: &Place, arguments: &[Ref]) -> Option<Ref> {
        let value = match place.key {
            Key::Parameter(number) => arguments[number as usize],
            Key::Location(address) => {
                let class = usize::from(address.class);
                self.s.heap.classes[class].iter().find(|location| Address::of(location, class) == address)?.value
            }
            Key::Field(object, offset) => {
                let standing = self.s.virtuals.objects[object as usize].now?;
                let mut fields = self.s.virtuals.fields_of(standing as usize);
                let field = fields.find(|&field| self.s.virtuals.fields[field].offset == offset)?;
                self.s.virtuals.fields[field].value
            }
            Key::Object(object) => virtual_value(object as usize),
            Key::Memory | Key::Validity => return None,
        };
        // The loop relies on what is in a place only if it looks there.
        Some(self.resolve_untouched(value))
    }

    fn forget_matches(&mut self) {
        for member in &self.s.state.objects {
            let objects = &mut self.s.virtuals.objects;
            if let Some(now) = objects[member.object as usize].now.take() {
                objects[now as usize].stands_for = None;
            }
        }
    }

    /// Makes virtual objects that come back where the label has a plain parameter.
    fn force_plain(&mut self, arguments: &[Ref]) {
        self.forget_matches();
        for number in 0..self.s.state.places.len() {
            let place = self.s.state.places[number];
            let Some(value) = self.contents_of(&place, arguments) else { continue };
            match (place.shape, as_virtual(value)) {
                (Shape::Parameter(_), Some(_)) => {
                    self.force(value);
                }
                (Shape::Virtual(object), Some(now)) => {
                    self.s.virtuals.objects[object as usize].now.get_or_insert(now as u32);
                }
                _ => {}
            }
        }
    }

    /// Compares all places with the label's.
    fn match_places(&mut self, peeling: &Peeling, arguments: &[Ref]) {
        self.forget_matches();
        for number in 0..self.s.state.parameters.len() {
            self.s.state.parameters[number].back = Ref::NONE;
        }
        for number in 0..self.s.state.places.len() {
            self.count(1);
            let place = self.s.state.places[number];
            let value = self.contents_of(&place, arguments);
            match (place.shape, value) {
                (Shape::Virtual(object), value) => self.match_object(&place, object, value),
                (_, None) => match place.key {
                    Key::Field(object, _) => self.learn(place.key, Lesson::Virtual(object)),
                    key => self.learn(key, Lesson::Carried),
                },
                (Shape::Same(label), Some(value)) => {
                    if value != self.resolve_untouched(label) {
                        self.learn(place.key, Lesson::Same);
                    }
                }
                (Shape::Parameter(parameter), Some(value)) => self.match_parameter(&place, parameter, value),
            }
        }
        debug_assert_eq!(self.peeling.map(|other| other.target), Some(peeling.target));
    }

    fn match_parameter(&mut self, place: &Place, number: u32, value: Ref) {
        if as_virtual(value).is_some() {
            // It has become virtual only by what was not known when objects were forced.
            return self.learn(place.key, Lesson::Carried);
        }
        self.touch(value);
        let value = self.retype(value, place.ty);
        let parameter = &mut self.s.state.parameters[number as usize];
        if parameter.back == Ref::NONE {
            parameter.back = value;
        } else if parameter.back != value {
            self.learn(place.key, Lesson::Shared);
        }
    }

    /// The object in a place now must be able to stand for the one that was in it at the label.
    fn match_object(&mut self, place: &Place, object: u32, value: Option<Ref>) {
        let Some(value) = value else { return self.learn(place.key, Lesson::Carried) };
        let Some(now) = as_virtual(value) else { return self.learn(place.key, Lesson::Virtual(object)) };
        match self.s.virtuals.objects[object as usize].now {
            Some(other) if other as usize == now => return,
            Some(_) => return self.learn(place.key, Lesson::Virtual(object)),
            None => {}
        }
        let [of_label, standing] = [object as usize, now].map(|number| self.s.virtuals.objects[number]);
        let fits = standing.stands_for.is_none() && standing.alloc == of_label.alloc && self.has_fields(of_label, now);
        if !fits {
            return self.learn(place.key, Lesson::Virtual(object));
        }
        self.s.virtuals.objects[object as usize].now = Some(now as u32);
        self.s.virtuals.objects[now].stands_for = Some(object);
    }

    /// Whether an object has the fields that one of the label's had there. (That one may have got others since; its places tell.)
    fn has_fields(&self, of_label: Object, now: usize) -> bool {
        let Some(member) = of_label.member.map(|member| self.s.state.objects[member as usize]) else { return false };
        let fields = || self.s.virtuals.fields_of(now).map(|field| self.s.virtuals.fields[field]);
        let places = &self.s.state.places[member.first as usize..][..member.count as usize];
        fields().count() == places.len()
            && places.iter().all(|place| match place.key {
                Key::Field(_, offset) => fields().any(|field| field.offset == offset && field.width == place.width),
                _ => false,
            })
    }

    /// Whether doubles can be had of the words that come back.
    fn check_derivations(&mut self) {
        for number in 0..self.s.state.decoded.len() {
            let Decoded { word, derivation } = self.s.state.decoded[number];
            let Parameter { key, back, .. } = self.s.state.parameters[word as usize];
            if back == Ref::NONE {
                continue;
            }
            match (derivation, self.derivation_of(self.resolve(back))) {
                (Derivation::Coded(_), Some(Derivation::Boxed(boxing))) => self.learn(key, Lesson::Boxed(boxing)),
                _ if self.underived(back, derivation).is_none() => self.learn(key, Lesson::Undecoded),
                _ => {}
            }
        }
    }

    /// Facts of parameters, unwritten memory, validity.
    fn check_guesses(&mut self, peeling: &Peeling) {
        for number in 0..self.s.state.parameters.len() {
            let Parameter { key, ty, guess, back, .. } = self.s.state.parameters[number];
            if ty != Type::Float && back != Ref::NONE && !guess.includes(self.fact(back)) {
                self.learn(key, Lesson::Fact(self.fact(back)));
            }
        }
        let wrong = self.written & self.s.state.unwritten;
        if wrong != 0 {
            self.learn(Key::Memory, Lesson::Unwritten(wrong));
        }
        if self.s.state.valid && (!self.valid || self.boxes) {
            self.learn(Key::Validity, Lesson::Same);
        }
        debug_assert!(self.at == peeling.end);
    }
}

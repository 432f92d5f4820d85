//! Doubles in words that carry a tag, and boxes: so that a loop that computes with doubles need not code and decode them in each iteration, and what is only computed with is never coded.
//!
//! # Coded words
//! Within straight code, decoding what has been coded cancels by the rules of `fold`. Round a loop it would not: there, the word is a
//! parameter of the label. So a place whose word was coded by the first iteration gets a second parameter, the double itself, and the word is coded from it behind the label, where it is wanted at all: mostly by exits, which do that themselves
//! (see the backend). The first parameter is left without use, and goes. What is known of the word by its tag is true as before, since coding is one-to-one.
//!
//! # Boxes
//! A box is a pure operation, but for the collection that may happen in it (and memory may be found to be exhausted, which invalidates the unit: [`Walk::boxes`] says that there is one, so that a loop asks for validity in each iteration). A test of its tag is one of the double's coded word
//! ([`Walk::tag_test`]), and behind a guard that it has the tag, that word stands for the box: so all that is known of coded words serves. The same if the double is known to have the tag when the box is made.
//!
//! Round a loop, a box goes as its double as coded words do. What comes back must be a box as well, or have the tag: otherwise there is no double to be had without a test, and the place keeps its word ([`Lesson::Undecoded`](super::peel::Lesson)). If the first iteration left
//! a coded word, and a box comes back, the place is taken for one of boxes ([`Lesson::Boxed`](super::peel::Lesson)).

use super::facts::Fact;
use super::trail::Event;
use super::walk::{Walk, as_virtual};
use crate::ir::{BoxDesc, BoxId, Coding, Derivation, Op, OpCode, Ref, Type};

impl Walk<'_> {
    /// How a word has been coded or boxed, if it has been.
    pub(super) fn derivation_of(&self, word: Ref) -> Option<Derivation> {
        let word = Some(word).filter(|&word| as_virtual(word).is_none())?;
        match self.out.boxed(word) {
            Some((boxing, _)) => Some(Derivation::Boxed(boxing)),
            None => self.out.coded(word).map(|(coding, _)| Derivation::Coded(coding)),
        }
    }

    /// Whether a word that codes a double is its box.
    pub(super) fn is_box_of(&self, word: Ref, boxing: BoxId) -> bool {
        let desc = self.descriptors.boxing(boxing);
        match self.derivation_of(word) {
            Some(Derivation::Coded(coding)) => coding == desc.coding && has_tag(desc).includes(self.fact(word)),
            Some(Derivation::Boxed(other)) => other == boxing,
            None => false,
        }
    }

    /// The double of a word that is derived so; `None` if only a test can tell that it is one.
    pub(super) fn underived(&mut self, word: Ref, derivation: Derivation) -> Option<Ref> {
        let word = self.resolve(word);
        let boxing = match derivation {
            Derivation::Coded(coding) => return Some(self.decode(word, coding)),
            Derivation::Boxed(boxing) => boxing,
        };
        if let Some((_, double)) = self.out.boxed(word).filter(|&(other, _)| other == boxing) {
            return Some(self.resolve(double));
        }
        let desc = *self.descriptors.boxing(boxing);
        has_tag(&desc).includes(self.fact(word)).then(|| self.decode(word, desc.coding))
    }

    /// The word that is derived from a double so.
    pub(super) fn derive(&mut self, double: Ref, derivation: Derivation) -> Ref {
        match derivation {
            Derivation::Coded(coding) => self.code(double, coding),
            Derivation::Boxed(boxing) => self.box_of(double, boxing),
        }
    }

    /// The double that a word codes.
    fn decode(&mut self, word: Ref, coding: Coding) -> Ref {
        let back = self.out.int(i64::from(64 - coding.rotation) & 63);
        let turned = self.pure(Op { a: word.word(), b: back.word(), ..Op::new(OpCode::RotL, Type::Int) });
        let bias = self.out.int((coding.bias as i64).wrapping_neg());
        let bits = self.pure(Op { a: turned.word(), b: bias.word(), ..Op::new(OpCode::Add, Type::Int) });
        self.unary(OpCode::BitsFloat, bits)
    }

    /// The word that codes a double.
    fn code(&mut self, double: Ref, coding: Coding) -> Ref {
        let bits = self.unary(OpCode::FloatBits, double);
        let bias = self.out.int(coding.bias as i64);
        let sum = self.pure(Op { a: bits.word(), b: bias.word(), ..Op::new(OpCode::Add, Type::Int) });
        let rotation = self.out.int(i64::from(coding.rotation));
        self.pure(Op { a: sum.word(), b: rotation.word(), ..Op::new(OpCode::RotL, Type::Int) })
    }

    // Boxes.

    /// The box of a double.
    pub(super) fn box_of(&mut self, double: Ref, boxing: BoxId) -> Ref {
        self.pure(Op { aux: boxing.0, a: double.word(), ..Op::new(OpCode::Box, Type::Int) })
    }

    /// The value of a `Box` whose operand is the output's; [`Walk::pure`] for boxes.
    pub(super) fn boxed(&mut self, op: Op) -> Ref {
        let desc = *self.descriptors.boxing(BoxId(op.aux));
        let double = Ref::from_word(op.a);
        if self.options.passes.fold {
            if let Some(word) = self.constant_bits(double).and_then(|bits| desc.word(bits)) {
                return self.constant(Type::Int, word);
            }
            if let Some(word) = self.known_word(double, &desc) {
                return word;
            }
        }
        if let Some(value) = self.find_expression(&op) {
            return self.resolve(value);
        }
        let fact = if self.options.passes.ranges { is_box(&desc) } else { Fact::ANY };
        let value = self.push(op, fact);
        self.epoch += 1;
        self.boxes = true;
        self.enter_expression(self.out.ops.len() - 1);
        value
    }

    /// The word that codes a double, if it is there already and known to have the tag.
    fn known_word(&self, double: Ref, desc: &BoxDesc) -> Option<Ref> {
        let constant = |bits: u64| self.out.constant_of(Type::Int, bits);
        let Coding { bias, rotation } = desc.coding;
        let known = |word: Ref| has_tag(desc).includes(self.fact(word)).then(|| self.resolve(word));
        // It has been decoded from such a word,
        let operation = |value: Ref, code: OpCode, b: Option<Ref>| {
            let op = self.out.ops[value.as_op()?];
            (op.code == code && b.is_none_or(|b| b.word() == op.b)).then_some(Ref::from_word(op.a))
        };
        let decoded = || {
            let bits = operation(double, OpCode::BitsFloat, None)?;
            let turned = operation(bits, OpCode::Add, Some(constant(bias.wrapping_neg())?))?;
            operation(turned, OpCode::RotL, Some(constant(u64::from((64 - rotation) & 63))?))
        };
        // or has been coded.
        let coded = || {
            let bits = self.find_expression(&Op { a: double.word(), ..Op::new(OpCode::FloatBits, Type::Int) })?;
            let (a, b) = (bits.word(), constant(bias)?.word());
            let sum = self.find_expression(&Op { a, b, ..Op::new(OpCode::Add, Type::Int) })?;
            let (a, b) = (sum.word(), constant(u64::from(rotation))?.word());
            self.find_expression(&Op { a, b, ..Op::new(OpCode::RotL, Type::Int) })
        };
        decoded().and_then(known).or_else(|| coded().and_then(known))
    }

    /// What a test of some bits of a box's tag is: one of the coded word. `op` is `Eq` or `Ne`.
    pub(super) fn tag_test(&mut self, op: &Op) -> Option<Ref> {
        let wanted = match op.code {
            OpCode::Eq => true,
            OpCode::Ne => false,
            _ => return None,
        };
        let bits = self.constant_bits(Ref::from_word(op.b))?;
        let (double, desc, mask) = self.masked_box(Ref::from_word(op.a))?;
        let has_tag = match bits {
            _ if bits == desc.tag & mask => true,
            0 => false,
            _ => return Some(self.constant(Type::Int, u64::from(!wanted))),
        };
        Some(self.has_tag(double, &desc, wanted == has_tag))
    }

    /// The condition that some bits of a box's tag are not 0, as a test of the coded word.
    pub(super) fn tag_condition(&mut self, condition: Ref) -> Option<Ref> {
        let condition =
            Some(condition).filter(|&condition| self.options.passes.fold && as_virtual(condition).is_none())?;
        let (double, desc, _) = self.masked_box(condition)?;
        Some(self.has_tag(double, &desc, true))
    }

    /// If a word is some bits of a box's tag: the double, how it is boxed, and which bits.
    fn masked_box(&self, word: Ref) -> Option<(Ref, BoxDesc, u64)> {
        let and = Some(self.out.ops.get(word.as_op()?)?).filter(|op| op.code == OpCode::And)?;
        let mask = self.constant_bits(Ref::from_word(and.b))?;
        let (boxing, double) = self.out.boxed(Ref::from_word(and.a))?;
        let desc = *self.descriptors.boxing(boxing);
        (mask & !desc.mask == 0 && mask & desc.tag != 0).then_some((double, desc, mask))
    }

    /// Whether a double has the tag when coded, or has not.
    fn has_tag(&mut self, double: Ref, desc: &BoxDesc, wanted: bool) -> Ref {
        let word = self.code(double, desc.coding);
        let (mask, tag) = (self.out.int(desc.mask as i64), self.out.int(desc.tag as i64));
        let masked = self.pure(Op { a: word.word(), b: mask.word(), ..Op::new(OpCode::And, Type::Int) });
        let code = if wanted { OpCode::Eq } else { OpCode::Ne };
        self.pure(Op { a: masked.word(), b: tag.word(), ..Op::new(code, Type::Int) })
    }

    /// It has been learnt what bits of a word are: if it codes a double, and has the tag, it is that double's box.
    pub(super) fn learn_box(&mut self, word: Ref) {
        let Some((coding, double)) =
            Some(word).filter(|&word| as_virtual(word).is_none()).and_then(|word| self.out.coded(word))
        else {
            return;
        };
        for number in 0..self.descriptors.boxing_count() as u16 {
            let desc = *self.descriptors.boxing(BoxId(number));
            let op = Op { aux: number, a: double.word(), ..Op::new(OpCode::Box, Type::Int) };
            if desc.coding != coding || !has_tag(&desc).includes(self.fact(word)) {
                continue;
            }
            let Some(at) = self.find_expression(&op).and_then(Ref::as_op) else { continue };
            if self.s.replaced[at] == Ref::op(at) {
                self.s.replaced[at] = word;
                self.s.trail.push(Event::Replaced(at as u32));
            } else {
                self.refine(self.resolve(Ref::op(at)), has_tag(&desc));
            }
        }
    }
}

/// What is known of a word that has the tag.
pub fn has_tag(desc: &BoxDesc) -> Fact {
    Fact::bits(desc.mask & !desc.tag, desc.tag)
}

/// What is known of all boxes.
fn is_box(desc: &BoxDesc) -> Fact {
    Fact { nonzero: true, ..Fact::bits(desc.mask & !desc.tag, 0) }
}

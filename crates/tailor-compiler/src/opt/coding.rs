//! Doubles in words that carry a tag: so that a loop that computes with them need not code and decode them in each iteration.
//!
//! Guest languages keep doubles in tagged words as `rotl(bits(f) + bias, rotation)`, or with a part of that. Within straight code, decoding what has been coded cancels by the rules of `fold`. Round a loop it would not: there, the word is a
//! parameter of the label. So a place whose word was coded by the first iteration gets a second parameter, the double itself; decoding the word yields it. The word goes round as well, since exits want it, and its tag has been tested already: nothing
//! waits for it.

use super::trail::Event;
use super::walk::{Walk, as_virtual};
use crate::ir::{Op, OpCode, Ref, Type};

/// How a double is coded; see the module's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// What is added to the bits.
    pub bias: u64,
    /// By how many bits the sum is rotated left.
    pub rotation: u32,
}

impl Walk<'_> {
    /// How a word has been coded, if it has been.
    pub(super) fn coding_of(&self, word: Ref) -> Option<Coding> {
        let operation = |value: Ref, code: OpCode| {
            let at = value.as_op().filter(|_| as_virtual(value).is_none())?;
            Some(self.out.ops[at]).filter(|op| op.code == code)
        };
        let (mut rest, mut coding) = (word, Coding { bias: 0, rotation: 0 });
        if let Some(op) = operation(rest, OpCode::RotL) {
            coding.rotation = self.constant_bits(Ref::from_word(op.b))? as u32 & 63;
            rest = Ref::from_word(op.a);
        }
        if let Some(op) = operation(rest, OpCode::Add) {
            coding.bias = self.constant_bits(Ref::from_word(op.b))?;
            rest = Ref::from_word(op.a);
        }
        operation(rest, OpCode::FloatBits).map(|_| coding)
    }

    /// The double that a word codes.
    pub(super) fn decode(&mut self, word: Ref, coding: Coding) -> Ref {
        let back = self.out.int(i64::from(64 - coding.rotation) & 63);
        let turned = self.pure(Op { a: word.word(), b: back.word(), ..Op::new(OpCode::RotL, Type::Int) });
        let bias = self.out.int((coding.bias as i64).wrapping_neg());
        let bits = self.pure(Op { a: turned.word(), b: bias.word(), ..Op::new(OpCode::Add, Type::Int) });
        self.unary(OpCode::BitsFloat, bits)
    }

    /// From now on, `word` is known to code `double`.
    pub(super) fn learn_decoded(&mut self, word: Ref, coding: Coding, double: Ref) {
        let decoded = self.decode(word, coding);
        if let Some(at) = decoded.as_op().filter(|&at| self.s.replaced[at] == decoded && decoded != double) {
            self.s.replaced[at] = double;
            self.s.trail.push(Event::Replaced(at as u32));
        }
    }
}

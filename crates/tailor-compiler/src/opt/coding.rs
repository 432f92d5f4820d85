//! Doubles in words that carry a tag: so that a loop that computes with them need not code and decode them in each iteration.
//!
//! Within straight code, decoding what has been coded cancels by the rules of `fold`. Round a loop it would not: there, the word is a
//! parameter of the label. So a place whose word was coded by the first iteration gets a second parameter, the double itself, and the word is coded from it behind the label, where it is wanted at all: mostly by exits, which do that themselves
//! (see the backend). The first parameter is left without use, and goes. What is known of the word by its tag is true as before, since coding is one-to-one.

use super::walk::{Walk, as_virtual};
use crate::ir::{Coding, Op, OpCode, Ref, Type};

impl Walk<'_> {
    /// How a word has been coded, if it has been.
    pub(super) fn coding_of(&self, word: Ref) -> Option<Coding> {
        let word = Some(word).filter(|&word| as_virtual(word).is_none())?;
        self.out.coded(word).map(|(coding, _)| coding)
    }

    /// The double that a word codes.
    pub(super) fn decode(&mut self, word: Ref, coding: Coding) -> Ref {
        let back = self.out.int(i64::from(64 - coding.rotation) & 63);
        let turned = self.pure(Op { a: word.word(), b: back.word(), ..Op::new(OpCode::RotL, Type::Int) });
        let bias = self.out.int((coding.bias as i64).wrapping_neg());
        let bits = self.pure(Op { a: turned.word(), b: bias.word(), ..Op::new(OpCode::Add, Type::Int) });
        self.unary(OpCode::BitsFloat, bits)
    }

    /// The word that codes a double.
    pub(super) fn code(&mut self, double: Ref, coding: Coding) -> Ref {
        let bits = self.unary(OpCode::FloatBits, double);
        let bias = self.out.int(coding.bias as i64);
        let sum = self.pure(Op { a: bits.word(), b: bias.word(), ..Op::new(OpCode::Add, Type::Int) });
        let rotation = self.out.int(i64::from(coding.rotation));
        self.pure(Op { a: sum.word(), b: rotation.word(), ..Op::new(OpCode::RotL, Type::Int) })
    }
}

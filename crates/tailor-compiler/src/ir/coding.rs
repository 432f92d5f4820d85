//! Doubles in words that carry a tag.
//!
//! Guest languages keep doubles in tagged words as `rotl(bits(f) + bias, rotation)`, or with a part of that. All of it is one-to-one, so a word and its double say the same: the optimiser carries the double where the word
//! would have to be decoded again, and words that nobody but exits wants are coded by the exits.

use super::{OpCode, Ref, Unit};

/// How a double is coded: its bits, plus the bias, rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// What is added to the bits.
    pub bias: u64,
    /// By how many bits the sum is rotated left.
    pub rotation: u32,
}

impl Coding {
    /// The word for the double with these bits.
    pub fn code(self, bits: u64) -> u64 {
        bits.wrapping_add(self.bias).rotate_left(self.rotation)
    }
}

impl Unit {
    /// How a word has been coded, and the double, if it has been coded from one. (A word may be the bits of a double as they are.)
    pub fn coded(&self, word: Ref) -> Option<(Coding, Ref)> {
        let operation = |value: Ref, code: OpCode| Some(self.ops[value.as_op()?]).filter(|op| op.code == code);
        let constant = |word: u32| Some(self.constants[Ref::from_word(word).as_constant()?].1);
        let (mut rest, mut coding) = (word, Coding { bias: 0, rotation: 0 });
        if let Some(op) = operation(rest, OpCode::RotL) {
            coding.rotation = constant(op.b)? as u32 & 63;
            rest = Ref::from_word(op.a);
        }
        if let Some(op) = operation(rest, OpCode::Add) {
            coding.bias = constant(op.b)?;
            rest = Ref::from_word(op.a);
        }
        operation(rest, OpCode::FloatBits).map(|op| (coding, Ref::from_word(op.a)))
    }
}

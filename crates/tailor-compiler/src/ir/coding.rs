//! Doubles in words that carry a tag.
//!
//! Guest languages keep doubles in tagged words as `rotl(bits(f) + bias, rotation)`, or with a part of that. All of it is one-to-one, so a word and its double say the same: the optimiser carries the double where the word
//! would have to be decoded again, and words that nobody but exits wants are coded by the exits.

use super::{OpCode, Ref, Type, Unit};

/// How much a word may differ from the one that it is derived from: less than the smallest object is long.
const NEAR: u64 = 8;

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

    /// What a word can be computed from at an exit that wants it, and how: a double that it codes, or a word that is a little less or more, such as the last turn's counter. (What refers to an object then does so still: a
    /// pointer into an object keeps it.)
    pub fn derived(&self, word: Ref) -> Option<(Coding, usize)> {
        if let Some((coding, double)) = self.coded(word) {
            return Some((coding, double.as_op()?));
        }
        // (What other operations have in their words need not be operands.)
        let op = Some(self.ops[word.as_op()?]).filter(|op| op.code == OpCode::Add)?;
        let base = Ref::from_word(op.a).as_op()?;
        let of_base = self.ops[base];
        // What is itself derived has no place where it could be found.
        let has_home =
            of_base.ty == Type::Int && !matches!(of_base.code, OpCode::Add | OpCode::RotL | OpCode::FloatBits);
        let bias = self.constants[Ref::from_word(op.b).as_constant()?].1;
        let near = (bias as i64).unsigned_abs() <= NEAR;
        (has_home && near).then_some((Coding { bias, rotation: 0 }, base))
    }
}

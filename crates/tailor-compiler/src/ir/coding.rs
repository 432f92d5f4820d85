//! Doubles in words that carry a tag.
//!
//! Guest languages keep doubles in tagged words as `rotl(bits(f) + bias, rotation)`, or with a part of that ([`Coding`]). All of it is one-to-one, so a word and its double say the same: the optimiser carries the double where the word
//! would have to be decoded again, and words that nobody but exits wants are coded by the exits.
//!
//! # Boxes
//! Not every double has its tag when coded so: the others are objects. A double's *box* ([`BoxDesc`], `OpCode::Box`) is its coded word if that has the tag, otherwise the address of a new object that holds it. So there is a box for each double,
//! nobody has to test the double's range before the word is wanted, and what is only computed with is never in a word at all.
//!
//! Whether two boxes of one double that is in an object are the same object, nobody can rely on: boxes are shared, made anew, and not made, like all that is pure. (So a guest language must not tell them apart.)

use super::{BoxId, OpCode, Ref, Type, Unit};

/// How much a word may differ from the one that it is derived from: less than the smallest object is long.
const NEAR: u64 = 8;

/// How a double is coded: its bits, plus the bias, rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// How doubles are boxed. The object has two words: the header and the double.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BoxDesc {
    /// How words are coded.
    pub coding: Coding,
    /// Where words have their tag: some of the lowest three bits.
    pub mask: u64,
    /// The tag of coded words, which is not 0: that is what references have there.
    pub tag: u64,
    /// The header of an object.
    pub header: u64,
}

impl BoxDesc {
    /// Bytes of an object.
    pub const SIZE: u32 = 16;
    /// Where in it the double is.
    pub const OFFSET: i32 = 8;

    /// Whether tags tell coded words from references.
    pub fn is_sound(&self) -> bool {
        self.mask <= 7 && self.tag != 0 && self.tag & !self.mask == 0 && self.coding.rotation < 64
    }

    /// The coded word of the double with these bits, if that is its box.
    pub fn word(&self, bits: u64) -> Option<u64> {
        let word = self.coding.code(bits);
        (word & self.mask == self.tag).then_some(word)
    }
}

/// How a word is had from another value at an exit that wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derivation {
    /// It codes that value's bits.
    Coded(Coding),
    /// It is the box of that double.
    Boxed(BoxId),
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

    /// How a word has been boxed, and the double, if it is a box.
    pub fn boxed(&self, word: Ref) -> Option<(BoxId, Ref)> {
        let op = Some(self.ops.get(word.as_op()?)?).filter(|op| op.code == OpCode::Box)?;
        Some((BoxId(op.aux), Ref::from_word(op.a)))
    }

    /// What a word can be computed from at an exit that wants it, and how: a double that it codes or boxes, or a word that is a little less or more, such as the last turn's counter. (What refers to an object then does so still: a
    /// pointer into an object keeps it.)
    pub fn derived(&self, word: Ref) -> Option<(Derivation, usize)> {
        if let Some((boxing, double)) = self.boxed(word) {
            return Some((Derivation::Boxed(boxing), double.as_op()?));
        }
        if let Some((coding, double)) = self.coded(word) {
            return Some((Derivation::Coded(coding), double.as_op()?));
        }
        // (What other operations have in their words need not be operands.)
        let op = Some(self.ops[word.as_op()?]).filter(|op| op.code == OpCode::Add)?;
        let base = Ref::from_word(op.a).as_op()?;
        let of_base = self.ops[base];
        // What is itself derived has no place where it could be found.
        let derived = matches!(of_base.code, OpCode::Add | OpCode::RotL | OpCode::FloatBits | OpCode::Box);
        let has_home = of_base.ty == Type::Int && !derived;
        let bias = self.constants[Ref::from_word(op.b).as_constant()?].1;
        let near = (bias as i64).unsigned_abs() <= NEAR;
        (has_home && near).then_some((Derivation::Coded(Coding { bias, rotation: 0 }), base))
    }
}

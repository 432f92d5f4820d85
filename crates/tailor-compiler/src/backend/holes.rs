//! Holes: constants of a piece that are filled in later, so that one compilation serves many pieces of one shape (*templates*).
//!
//! # How
//! In the unit, a hole is a constant like any other, or a descriptor's offset, with a word that stands for it ([`Hole::word`]): one of a few thousand that no program computes with. Where the assembler would write such a word
//! into an instruction, it notes the place instead ([`Filling`]). So nothing between front end and assembler has to know of holes; but what depends on a constant's *value* (a shorter instruction for 0, a shift for
//! a product) goes by the word that stands for it. Hence [`HoleSize`], which the front end chooses by the value and has to choose alike for all that share the code, and the rule that shift amounts, factors and
//! divisors are no holes.
//!
//! # Check
//! A word that stood for a hole and was written otherwise would be found in the code: [`leftover`] looks for it.

/// How wide the values are that a hole takes: as what they are written into instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoleSize {
    /// -128 to 127: one byte, extended by its sign, where the instruction has such a form.
    Byte,
    /// What else fits four bytes that are extended by their sign.
    Signed,
    /// What else fits four bytes that are extended by zeros.
    Unsigned,
    /// The anchor of pieces itself.
    Anchor,
    /// What else lies so near the anchor that the distance fits four bytes.
    Near,
    /// What else is no address of an object: hardly two pieces have the same.
    Number,
    /// Anything else.
    Word,
}

impl HoleSize {
    /// The narrowest that takes a value, in pieces with this [anchor](super::pieces).
    pub fn of(value: u64, anchor: u64) -> HoleSize {
        match value as i64 {
            -128..=127 => HoleSize::Byte,
            signed if i32::try_from(signed).is_ok() => HoleSize::Signed,
            _ if u32::try_from(value).is_ok() => HoleSize::Unsigned,
            _ if value == anchor => HoleSize::Anchor,
            _ if distance(value, anchor).is_some() => HoleSize::Near,
            _ if !value.is_multiple_of(8) => HoleSize::Number,
            _ => HoleSize::Word,
        }
    }

    fn base(self) -> u64 {
        match self {
            HoleSize::Byte => 0x7c00_0000,
            HoleSize::Signed => 0x7d00_0000,
            HoleSize::Unsigned => 0xfc00_0000,
            HoleSize::Anchor => 0x5656_5656_0000_0000,
            HoleSize::Near => 0x5858_5858_0000_0000,
            HoleSize::Number => 0x5454_5454_0000_0000,
            HoleSize::Word => 0x5a5a_5a5a_0000_0000,
        }
    }
}

/// How far a value lies from the anchor, if that fits four bytes, and so does what is a few bytes further.
pub fn distance(value: u64, anchor: u64) -> Option<i32> {
    i32::try_from(value.wrapping_sub(anchor) as i64).ok().filter(|&distance| distance < i32::MAX - MOST_ADDED as i32)
}

/// What stands for the distance of a near hole from the anchor.
const NEAR: u64 = 0x7e00_0000;

/// A hole in a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hole {
    /// Its number, below [`Hole::COUNT`].
    pub number: u32,
    /// What it takes.
    pub size: HoleSize,
}

impl Hole {
    /// How many holes a piece can have.
    pub const COUNT: u32 = 256;

    /// What stands for it.
    pub fn word(self) -> u64 {
        debug_assert!(self.number < Hole::COUNT);
        self.size.base() | u64::from(self.number) << 8
    }

    /// What stands for the distance of this hole, which is near, from the anchor.
    pub fn distance(self) -> i32 {
        (NEAR | u64::from(self.number) << 8) as i32
    }

    /// The hole that a word stands for, as itself or as its distance from the anchor, and what has been added to it.
    pub fn of(word: u64) -> Option<(Hole, u8)> {
        use HoleSize::{Anchor, Byte, Near, Number, Signed, Unsigned, Word};
        let base = word & !0xffff;
        let size = match base {
            NEAR => Near,
            _ => [Byte, Signed, Unsigned, Anchor, Near, Number, Word].into_iter().find(|size| base == size.base())?,
        };
        Some((Hole { number: (word >> 8) as u32 & 0xff, size }, word as u8))
    }
}

/// Bytes of code that a hole's value, with something added to it, is to be written into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filling {
    /// Offset of the bytes.
    pub at: u32,
    /// How many: 1, 2, 4 or 8.
    pub bytes: u8,
    /// The hole's number.
    pub hole: u32,
    /// What is added.
    pub plus: u8,
    /// Whether the distance from the anchor is written.
    pub distance: bool,
}

/// The most that is added to a hole's word on the way to the code: the distance to the other half of a word, say.
const MOST_ADDED: u32 = 16;

/// Whether code contains a word that stands for one of so many holes. (Those that have been noted are zero in the code. Bytes of addresses can look like a word of some hole; like one of the first few, hardly ever.)
pub fn leftover(code: &[u8], holes: usize) -> bool {
    code.windows(4).any(|bytes| {
        let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let (number, plus) = ((word >> 8) as usize & 0xff, word & 0xff);
        let narrow = matches!(word & 0xffff_0000, 0x7c00_0000 | 0x7d00_0000 | 0xfc00_0000 | 0x7e00_0000);
        (narrow && number < holes && plus <= MOST_ADDED)
            || matches!(word, 0x5a5a_5a5a | 0x5858_5858 | 0x5656_5656 | 0x5454_5454)
    })
}

#[cfg(test)]
mod tests {
    use super::{Hole, HoleSize, leftover};

    const ANCHOR: u64 = 0x7f12_3456_7890;

    #[test]
    fn words_tell_their_hole() {
        for (value, size) in [
            (0, HoleSize::Byte),
            (-128, HoleSize::Byte),
            (128, HoleSize::Signed),
            (-129, HoleSize::Signed),
            (i64::from(i32::MIN), HoleSize::Signed),
            (i64::from(u32::MAX), HoleSize::Unsigned),
            (i64::from(i32::MIN) - 1, HoleSize::Number),
            (1 << 40, HoleSize::Word),
            (ANCHOR as i64, HoleSize::Anchor),
            (ANCHOR as i64 + 8, HoleSize::Near),
            (ANCHOR as i64 - (1 << 31), HoleSize::Near),
            (ANCHOR as i64 + (1 << 31), HoleSize::Word),
            (1 << 40 | 1, HoleSize::Number),
        ] {
            assert_eq!(HoleSize::of(value as u64, ANCHOR), size);
            for number in [0, 1, 77, Hole::COUNT - 1] {
                let hole = Hole { number, size };
                assert_eq!(Hole::of(hole.word()), Some((hole, 0)));
                assert_eq!(Hole::of(hole.word() + 4), Some((hole, 4)));
                let near = Hole { size: HoleSize::Near, ..hole };
                assert_eq!(Hole::of(near.distance() as u64 + 8), Some((near, 8)));
                assert!(leftover(&hole.word().to_le_bytes(), Hole::COUNT as usize));
            }
        }
        assert_eq!(Hole::of(0), None);
        assert_eq!(Hole::of(u64::MAX), None);
        assert!(!leftover(&[0x7c, 0, 0, 0, 1, 1, 0x7d, 1, 2, 3], Hole::COUNT as usize));
        // `mov r11, 0x7f32200c7d00`, and a hole's word that nothing stands for.
        assert!(!leftover(&[0x49, 0xbb, 0, 0x7d, 0x0c, 0x20, 0x32, 0x7f, 0, 0], 20));
        assert!(leftover(&[4, 1, 0, 0x7d], 2) && !leftover(&[4, 1, 0, 0x7d], 1));
    }
}

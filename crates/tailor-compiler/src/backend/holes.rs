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
    /// Anything else.
    Word,
}

impl HoleSize {
    /// The narrowest that takes a value.
    pub fn of(value: u64) -> HoleSize {
        match value as i64 {
            -128..=127 => HoleSize::Byte,
            signed if i32::try_from(signed).is_ok() => HoleSize::Signed,
            _ if u32::try_from(value).is_ok() => HoleSize::Unsigned,
            _ => HoleSize::Word,
        }
    }

    fn base(self) -> u64 {
        match self {
            HoleSize::Byte => 0x5c00_0000,
            HoleSize::Signed => 0x5d00_0000,
            HoleSize::Unsigned => 0xdc00_0000,
            HoleSize::Word => 0x5a5a_5a5a_0000_0000,
        }
    }
}

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

    /// The hole that a word stands for, and what has been added to it.
    pub fn of(word: u64) -> Option<(Hole, u8)> {
        let sizes = [HoleSize::Byte, HoleSize::Signed, HoleSize::Unsigned, HoleSize::Word];
        let size = sizes.into_iter().find(|size| word & !0xffff == size.base())?;
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
}

/// The most that is added to a hole's word on the way to the code: the distance to the other half of a word, say.
const MOST_ADDED: u32 = 16;

/// Whether code contains a word that stands for one of so many holes. (Those that have been noted are zero in the code. Bytes of addresses can look like a word of some hole; like one of the first few, hardly ever.)
pub fn leftover(code: &[u8], holes: usize) -> bool {
    code.windows(4).any(|bytes| {
        let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let (number, plus) = ((word >> 8) as usize & 0xff, word & 0xff);
        let narrow = matches!(word & 0xffff_0000, 0x5c00_0000 | 0x5d00_0000 | 0xdc00_0000);
        (narrow && number < holes && plus <= MOST_ADDED) || word == 0x5a5a_5a5a
    })
}

#[cfg(test)]
mod tests {
    use super::{Hole, HoleSize, leftover};

    #[test]
    fn words_tell_their_hole() {
        for (value, size) in [
            (0, HoleSize::Byte),
            (-128, HoleSize::Byte),
            (128, HoleSize::Signed),
            (-129, HoleSize::Signed),
            (i64::from(i32::MIN), HoleSize::Signed),
            (i64::from(u32::MAX), HoleSize::Unsigned),
            (i64::from(i32::MIN) - 1, HoleSize::Word),
            (1 << 40, HoleSize::Word),
        ] {
            assert_eq!(HoleSize::of(value as u64), size);
            for number in [0, 1, 77, Hole::COUNT - 1] {
                let hole = Hole { number, size };
                assert_eq!(Hole::of(hole.word()), Some((hole, 0)));
                assert_eq!(Hole::of(hole.word() + 4), Some((hole, 4)));
                assert!(leftover(&hole.word().to_le_bytes(), Hole::COUNT as usize));
            }
        }
        assert_eq!(Hole::of(0), None);
        assert_eq!(Hole::of(u64::MAX), None);
        assert!(!leftover(&[0x5c, 0, 0, 0, 1, 1, 0x5d, 1, 2, 3], Hole::COUNT as usize));
        // `mov r11, 0x7f32200c5d00`, and a hole's word that nothing stands for.
        assert!(!leftover(&[0x49, 0xbb, 0, 0x5d, 0x0c, 0x20, 0x32, 0x7f, 0, 0], 20));
        assert!(leftover(&[4, 1, 0, 0x5d], 2) && !leftover(&[4, 1, 0, 0x5d], 1));
    }
}

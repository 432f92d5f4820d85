//! Tests of some bits of a word: of a tag.
//!
//! The condition is `(x & mask) == value`. Subtracting `value` brings the bits to zero if they are as they should be, and there is an instruction that tests bits for zero. Borrows go upwards only, and out of the bits that are tested.
//!
//! If `x` codes a double, the lowest bits of the word are the highest of the double's bits plus the bias. Where the bias has zeros, nothing is carried; so the double's upper bits alone say what these are.

use super::Role;
use crate::backend::holes::Hole;
use crate::ir::{OpCode, Ref, Unit};

/// A test of bits: they are as they should be if `(bits(operand) >> shift) + addend` has zeros where `mask` has ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// By how many bits the operand is shifted to the right, logically.
    pub shift: u32,
    /// What is added then; it fits an instruction's immediate.
    pub addend: i32,
    /// Which bits have to be zero: a run of ones, below the highest bit of half a word.
    pub mask: u32,
}

/// How many bits are left of a double's for the test.
const UPPER: u32 = 31;

/// The test that the comparison `test`, of the conjunction `and`, makes of the operand of that; `None` if it is of another kind.
pub fn field(unit: &Unit, roles: &[Role], test: usize, and: usize) -> Option<Field> {
    let (test, and) = (&unit.ops[test], &unit.ops[and]);
    if !matches!(test.code, OpCode::Eq | OpCode::Ne) || and.code != OpCode::And {
        return None;
    }
    let constant = |word: u32| Some(unit.constants[Ref::from_word(word).as_constant()?].1);
    let (mask, value) = (constant(and.b)?, constant(test.b)?);
    if value & !mask != 0 || mask == 0 || has_hole(mask, value) {
        return None;
    }
    let word = Ref::from_word(and.a);
    if word.as_op().is_some_and(|word| roles[word] == Role::Coded) {
        return of_double(unit, word, mask, value);
    }
    let is_low_run = mask & mask.wrapping_add(1) == 0 && mask < 1 << UPPER;
    is_low_run.then_some(Field { shift: 0, addend: -(value as i32), mask: mask as u32 })
}

/// The same of the double that `word` codes.
pub fn of_double(unit: &Unit, word: Ref, mask: u64, value: u64) -> Option<Field> {
    let (coding, _) = unit.coded(word)?;
    // Of the sum, the uppermost bits have become the lowest.
    let lowest = 64 - coding.rotation;
    if has_hole(mask, value) || coding.rotation == 0 || mask >> coding.rotation != 0 || !is_run(mask) {
        return None;
    }
    let shift = coding.bias.trailing_zeros().min(lowest);
    if 64 - shift > UPPER {
        return None;
    }
    let (mask, value) = (mask << (lowest - shift), value << (lowest - shift));
    let addend = (coding.bias >> shift) as i64 - value as i64;
    Some(Field { shift, addend: i32::try_from(addend).ok()?, mask: mask as u32 })
}

/// Whether one of the words stands for one that is filled in later; what is computed from it would not be.
fn has_hole(mask: u64, value: u64) -> bool {
    Hole::of(mask).is_some() || Hole::of(value).is_some()
}

fn is_run(mask: u64) -> bool {
    let lowest = mask >> mask.trailing_zeros();
    lowest & lowest.wrapping_add(1) == 0
}

#[cfg(test)]
mod tests {
    use super::field;
    use crate::backend::analysis::Role;
    use crate::backend::holes::{Hole, HoleSize};
    use crate::ir::{Descriptors, Unit};
    use crate::text::parse;

    fn test_of(mask: u64, value: u64) -> Option<(i32, u32)> {
        let text = format!("entry(%x: int): %t = and %x, {mask} %e = eq %t, {value} return(%e)");
        let unit: Unit = parse(&text, &mut Descriptors::default()).unwrap();
        field(&unit, &vec![Role::Own; unit.ops.len()], 3, 2).map(|field| (field.addend, field.mask))
    }

    #[test]
    fn words_are_tested_less_the_value() {
        assert_eq!(test_of(3, 2), Some((-2, 3)));
        assert_eq!(test_of(0xff, 0), Some((0, 0xff)));
        // Never true; not the lowest bits; too many.
        assert_eq!([test_of(3, 4), test_of(6, 2), test_of(u64::MAX, 2), test_of(u64::MAX >> 32, 2)], [None; 4]);
    }

    #[test]
    fn what_is_filled_in_later_is_compared_as_it_is() {
        for size in [HoleSize::Byte, HoleSize::Signed] {
            assert_eq!(test_of(0x7fff_ffff, Hole { number: 3, size }.word()), None);
        }
    }
}

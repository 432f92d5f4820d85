//! Division by constants that are no powers of two, a part of the pass `fold`: by multiplication with the reciprocal.
//!
//! For a divisor `d` there are a factor `m` and a shift `s` with `x / d = (m * x) >> (64 + s)` for all `x`, but for the rounding of negative ones: Granlund and Montgomery, "Division by Invariant Integers using
//! Multiplication" (1994); the search for them is that of Warren, "Hacker's Delight" (2nd ed. 2013), section 10-1. A remainder is what the quotient leaves.
//!
//! Not a rule of the [table](super::rules), since the factor is found by a loop. Unsigned division of what may exceed the signed range is left alone: it is rare, and the factor may need a
//! bit more than a word has.

use super::fold::result_type;
use super::walk::Walk;
use crate::ir::{Op, OpCode, Ref, Type};

/// The factor (its low 64 bits, signed) and the shift for a divisor of at least 2 or at most -2.
fn magic(divisor: i64) -> (i64, u32) {
    const HALF: u64 = 1 << 63;
    let size = divisor.unsigned_abs();
    // The largest dividend, in size, that leaves the largest remainder.
    let limit = HALF + (divisor as u64 >> 63);
    let limit = limit - 1 - limit % size;
    let (mut shift, mut q1, mut q2) = (63, HALF / limit, HALF / size);
    let (mut r1, mut r2) = (HALF - q1 * limit, HALF - q2 * size);
    loop {
        shift += 1;
        (q1, r1) = if r1 >= limit - r1 { (q1 * 2 + 1, r1 * 2 - limit) } else { (q1 * 2, r1 * 2) };
        (q2, r2) = if r2 >= size - r2 { (q2 * 2 + 1, r2 * 2 - size) } else { (q2 * 2, r2 * 2) };
        let delta = size - r2;
        if q1 > delta || (q1 == delta && r1 != 0) {
            break;
        }
    }
    let factor = q2.wrapping_add(1) as i64;
    (if divisor < 0 { factor.wrapping_neg() } else { factor }, shift - 64)
}

impl Walk<'_> {
    /// What replaces a division or remainder by a constant, if something does.
    pub(super) fn divide_by_constant(&mut self, op: &Op, depth: u32) -> Option<Ref> {
        let (signed, remainder) = match op.code {
            OpCode::DivS => (true, false),
            OpCode::RemS => (true, true),
            OpCode::DivU => (false, false),
            OpCode::RemU => (false, true),
            _ => return None,
        };
        let (x, divisor) = (Ref::from_word(op.a), Ref::from_word(op.b));
        let size = self.constant_bits(divisor)? as i64;
        let nonnegative = self.fact(x).is_nonnegative();
        let is_power = size.unsigned_abs().is_power_of_two();
        if (-1..=1).contains(&size) || is_power && !remainder || !signed && (!nonnegative || size < 0) {
            return None;
        }
        let quotient = self.quotient(x, size, nonnegative, depth + 1);
        if !remainder {
            return Some(quotient);
        }
        let product = self.binary(OpCode::Mul, quotient, divisor, depth + 1);
        Some(self.binary(OpCode::Sub, x, product, depth + 1))
    }

    /// The signed quotient of `x`, which may be known not to be negative, by a constant other than -1, 0 and 1.
    fn quotient(&mut self, x: Ref, size: i64, nonnegative: bool, depth: u32) -> Ref {
        let word = |walk: &mut Self, bits: i64| walk.constant(Type::Int, bits as u64);
        if size.unsigned_abs().is_power_of_two() {
            let divisor = word(self, size);
            return self.binary(OpCode::DivS, x, divisor, depth);
        }
        let (factor, shift) = magic(size);
        let [by, places, sign] = [factor, i64::from(shift), 63].map(|bits| word(self, bits));
        let mut high = self.binary(OpCode::MulHiS, x, by, depth);
        if size > 0 && factor < 0 {
            high = self.binary(OpCode::Add, high, x, depth);
        } else if size < 0 && factor > 0 {
            high = self.binary(OpCode::Sub, high, x, depth);
        }
        let rounded_down = self.binary(OpCode::Sar, high, places, depth);
        if nonnegative && size > 0 {
            return rounded_down;
        }
        let negative = self.binary(OpCode::Shr, rounded_down, sign, depth);
        self.binary(OpCode::Add, rounded_down, negative, depth)
    }

    fn binary(&mut self, code: OpCode, a: Ref, b: Ref, depth: u32) -> Ref {
        self.pure_at(Op { a: a.word(), b: b.word(), ..Op::new(code, result_type(code)) }, depth)
    }
}

//! What is known of an operation's value, given what is known of its operands: the transfer functions of the pass `ranges`.
//!
//! A comparison or overflow test that is decided comes out as a constant; so bounds checks, overflow checks and tag tests vanish by these functions alone.
//! Sources: interval arithmetic as in Harrison, "Compiler Analysis of the Value Ranges for Variables" (1977); the sum of partly known words as in Vishwanathan et al., "Sound,
//! Precise, and Fast Abstract Interpretation with Tristate Numbers" (2022).

use super::facts::Fact;
use crate::ir::{Op, OpCode};

/// The fact of `op`'s value, given its operands' facts.
pub fn transfer(op: &Op, a: Fact, b: Fact, c: Fact) -> Fact {
    match op.code {
        OpCode::Add => add(a, b),
        OpCode::Sub => subtract(a, b),
        OpCode::Mul => multiply(a, b),
        OpCode::DivS => divide(a, b),
        OpCode::RemS => remainder(a, b),
        OpCode::DivU if a.is_nonnegative() && b.is_nonnegative() => divide(a, b),
        OpCode::RemU if b.lo > 0 => Fact::range(0, b.hi - 1),
        OpCode::And => and(a, b),
        OpCode::Or => or(a, b),
        OpCode::Xor => Fact::bits(a.zeros & b.zeros | a.ones & b.ones, a.zeros & b.ones | a.ones & b.zeros),
        OpCode::Not => Fact { lo: !a.hi, hi: !a.lo, zeros: a.ones, ones: a.zeros, nonzero: false },
        OpCode::Neg => subtract(Fact::constant(0), a),
        OpCode::Shl | OpCode::Shr | OpCode::Sar => match b.as_constant() {
            Some(amount) => shift(op.code, a, (amount & 63) as u32),
            None if op.code == OpCode::Shl => Fact::ANY,
            None if a.is_nonnegative() => Fact::range(0, a.hi),
            None if op.code == OpCode::Sar => Fact::range(a.lo.min(0), a.hi.max(-1)),
            None => Fact::ANY,
        },
        OpCode::Clz | OpCode::Ctz | OpCode::PopCount => Fact::range(0, 64),
        OpCode::SignExtend => {
            let (low, high) = (-1 << (op.aux - 1), (1 << (op.aux - 1)) - 1);
            if low <= a.lo && a.hi <= high { a } else { Fact::range(low, high) }
        }
        OpCode::ZeroExtend => and(a, Fact::constant((1 << op.aux) - 1)),
        OpCode::Select if a.is_nonzero() => b,
        OpCode::Select if a.as_constant() == Some(0) => c,
        OpCode::Select => b.join(c),
        OpCode::OvfAdd | OpCode::OvfSub | OpCode::OvfMul => overflow(op.code, a, b),
        OpCode::Lt => truth(a.hi < b.lo, a.lo >= b.hi),
        OpCode::Le => truth(a.hi <= b.lo, a.lo > b.hi),
        OpCode::LtU => unsigned(a, b, |(al, ah), (bl, bh)| truth(ah < bl, al >= bh)),
        OpCode::LeU => unsigned(a, b, |(al, ah), (bl, bh)| truth(ah <= bl, al > bh)),
        OpCode::Eq | OpCode::RefEq => equal(a, b),
        OpCode::Ne | OpCode::RefNe => match equal(a, b).as_constant() {
            Some(equal) => Fact::constant(equal ^ 1),
            None => Fact::TRUTH,
        },
        OpCode::FEq | OpCode::FNe | OpCode::FLt | OpCode::FLe => Fact::TRUTH,
        OpCode::IntToRef | OpCode::RefToInt => a,
        OpCode::PtrAdd => add(a, b),
        _ => Fact::ANY,
    }
}

/// What the result of an operation says of its first operand, of which `known` is known already; the second is `amount`. `exact`: the sum does not wrap.
pub fn operand_of(op: &Op, amount: i64, known: Fact, result: Fact, exact: bool) -> Option<Fact> {
    match op.code {
        OpCode::Add => {
            // Wrapping, the operand is the result less the amount; if none of the results wraps on that way, neither does the sum.
            if let (Some(lo), Some(hi)) = (result.lo.checked_sub(amount), result.hi.checked_sub(amount)) {
                return Some(Fact { lo, hi, ..Fact::ANY });
            }
            let wraps = || known.lo.checked_add(amount).is_none() || known.hi.checked_add(amount).is_none();
            if !exact && wraps() {
                return None;
            }
            Some(Fact { lo: result.lo.saturating_sub(amount), hi: result.hi.saturating_sub(amount), ..Fact::ANY })
        }
        OpCode::Sar => {
            let amount = (amount & 63) as u32;
            let (lo, hi) = (result.lo << amount, result.hi << amount);
            let kept = lo >> amount == result.lo && hi >> amount == result.hi;
            kept.then_some(Fact { lo, hi: hi | !(-1 << amount), ..Fact::ANY })
        }
        _ => None,
    }
}

fn truth(certain: bool, impossible: bool) -> Fact {
    match (certain, impossible) {
        (true, _) => Fact::constant(1),
        (_, true) => Fact::constant(0),
        _ => Fact::TRUTH,
    }
}

/// Least and greatest as unsigned integers.
fn unsigned_bounds(a: Fact) -> (u64, u64) {
    if (a.lo < 0) == (a.hi < 0) { (a.lo as u64, a.hi as u64) } else { (a.ones, !a.zeros) }
}

fn unsigned(a: Fact, b: Fact, compare: impl Fn((u64, u64), (u64, u64)) -> Fact) -> Fact {
    compare(unsigned_bounds(a), unsigned_bounds(b))
}

fn equal(a: Fact, b: Fact) -> Fact {
    let is_null = |fact: Fact| fact.as_constant() == Some(0);
    let with_null = a.nonzero && is_null(b) || b.nonzero && is_null(a);
    let apart = a.hi < b.lo || b.hi < a.lo || a.zeros & b.ones != 0 || a.ones & b.zeros != 0 || with_null;
    truth(a.as_constant().is_some() && a.as_constant() == b.as_constant(), apart)
}

/// The sum if its bounds do not wrap.
fn add(a: Fact, b: Fact) -> Fact {
    let (zeros, ones) = sum_bits(a, b);
    match (a.lo.checked_add(b.lo), a.hi.checked_add(b.hi)) {
        (Some(lo), Some(hi)) => Fact { lo, hi, zeros, ones, nonzero: false }.sharpen(),
        _ => Fact::bits(zeros, ones),
    }
}

/// The sum that is known not to wrap (as an overflow check tells).
pub fn add_without_overflow(a: Fact, b: Fact) -> Fact {
    let (zeros, ones) = sum_bits(a, b);
    Fact { lo: a.lo.saturating_add(b.lo), hi: a.hi.saturating_add(b.hi), zeros, ones, nonzero: false }.sharpen()
}

/// The difference that is known not to wrap.
pub fn subtract_without_overflow(a: Fact, b: Fact) -> Fact {
    Fact { lo: a.lo.saturating_sub(b.hi), hi: a.hi.saturating_sub(b.lo), ..subtract(a, b) }.sharpen()
}

/// Known bits of a sum: where neither the operands' bits nor the carry into them is in doubt.
fn sum_bits(a: Fact, b: Fact) -> (u64, u64) {
    let (least, greatest) = (a.ones.wrapping_add(b.ones), (!a.zeros).wrapping_add(!b.zeros));
    let doubtful = (least ^ greatest) | !(a.zeros | a.ones) | !(b.zeros | b.ones);
    (!doubtful & !least, !doubtful & least)
}

fn subtract(a: Fact, b: Fact) -> Fact {
    let (least, greatest) = (a.ones.wrapping_sub(!b.zeros), (!a.zeros).wrapping_sub(b.ones));
    let doubtful = (least ^ greatest) | !(a.zeros | a.ones) | !(b.zeros | b.ones);
    let (zeros, ones) = (!doubtful & !least, !doubtful & least);
    match (a.lo.checked_sub(b.hi), a.hi.checked_sub(b.lo)) {
        (Some(lo), Some(hi)) => Fact { lo, hi, zeros, ones, nonzero: false }.sharpen(),
        _ => Fact::bits(zeros, ones),
    }
}

/// The bounds of the products of the bounds, if none wraps.
fn product_bounds(a: Fact, b: Fact) -> Option<(i64, i64)> {
    let corners = [a.lo.checked_mul(b.lo)?, a.lo.checked_mul(b.hi)?, a.hi.checked_mul(b.lo)?, a.hi.checked_mul(b.hi)?];
    let lo = corners.iter().fold(i64::MAX, |least, &corner| least.min(corner));
    let hi = corners.iter().fold(i64::MIN, |greatest, &corner| greatest.max(corner));
    Some((lo, hi))
}

fn multiply(a: Fact, b: Fact) -> Fact {
    // Factors of two add up.
    let twos = (a.zeros.trailing_ones() + b.zeros.trailing_ones()).min(63);
    let (lo, hi) = product_bounds(a, b).unwrap_or((i64::MIN, i64::MAX));
    Fact { lo, hi, zeros: (1 << twos) - 1, ..Fact::ANY }.sharpen()
}

fn divide(a: Fact, b: Fact) -> Fact {
    if b.lo > 0 {
        let lo = if a.lo >= 0 { a.lo / b.hi } else { a.lo / b.lo };
        let hi = if a.hi >= 0 { a.hi / b.lo } else { a.hi / b.hi };
        return Fact::range(lo, hi);
    }
    Fact::ANY
}

fn remainder(a: Fact, b: Fact) -> Fact {
    let Some(size) = b.lo.checked_abs().zip(b.hi.checked_abs()).map(|(lo, hi)| lo.max(hi)) else { return Fact::ANY };
    let most = (size - 1).max(0);
    let lo = if a.lo >= 0 { 0 } else { (-most).max(a.lo) };
    let hi = if a.hi <= 0 { 0 } else { most.min(a.hi) };
    Fact::range(lo, hi)
}

fn and(a: Fact, b: Fact) -> Fact {
    let mut fact = Fact::bits(a.zeros | b.zeros, a.ones & b.ones);
    for side in [a, b] {
        if side.is_nonnegative() {
            fact = fact.meet(Fact { lo: 0, hi: side.hi, ..Fact::ANY });
        }
    }
    fact
}

fn or(a: Fact, b: Fact) -> Fact {
    let fact = Fact::bits(a.zeros & b.zeros, a.ones | b.ones);
    if a.is_nonnegative() && b.is_nonnegative() {
        return fact.meet(Fact { lo: a.lo.max(b.lo), ..Fact::ANY });
    }
    fact
}

fn shift(code: OpCode, a: Fact, amount: u32) -> Fact {
    match code {
        OpCode::Shl => {
            let (zeros, ones) = (a.zeros << amount | ((1 << amount) - 1), a.ones << amount);
            let (lo, hi) = (a.lo << amount, a.hi << amount);
            if lo >> amount == a.lo && hi >> amount == a.hi {
                Fact { lo, hi, zeros, ones, nonzero: false }.sharpen()
            } else {
                Fact::bits(zeros, ones)
            }
        }
        OpCode::Sar => Fact {
            lo: a.lo >> amount,
            hi: a.hi >> amount,
            zeros: (a.zeros as i64 >> amount) as u64,
            ones: (a.ones as i64 >> amount) as u64,
            nonzero: false,
        }
        .sharpen(),
        _ => {
            let filled = if amount == 0 { 0 } else { !0 << (64 - amount) };
            let fact = Fact::bits(a.zeros >> amount | filled, a.ones >> amount);
            if a.is_nonnegative() {
                return fact.meet(Fact { lo: a.lo >> amount, hi: a.hi >> amount, ..Fact::ANY });
            }
            fact
        }
    }
}

fn overflow(code: OpCode, a: Fact, b: Fact) -> Fact {
    let (never, always) = match code {
        OpCode::OvfAdd => {
            let (lo, hi) = (i128::from(a.lo) + i128::from(b.lo), i128::from(a.hi) + i128::from(b.hi));
            (fits(lo) && fits(hi), hi < i128::from(i64::MIN) || lo > i128::from(i64::MAX))
        }
        OpCode::OvfSub => {
            let (lo, hi) = (i128::from(a.lo) - i128::from(b.hi), i128::from(a.hi) - i128::from(b.lo));
            (fits(lo) && fits(hi), hi < i128::from(i64::MIN) || lo > i128::from(i64::MAX))
        }
        _ => (product_bounds(a, b).is_some(), false),
    };
    truth(always, never)
}

fn fits(value: i128) -> bool {
    i64::try_from(value).is_ok()
}

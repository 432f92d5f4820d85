//! Order and hash: which numbers are equal, and what follows.
//!
//! Integers and doubles are compared as the numbers that they are. Rounding the integer to a double first, as machines would, makes
//! equality intransitive (2^53 and 2^53 + 1 would both equal 2^53 as double), and no hash could follow it.
//!
//! # The hash
//! Small integers are their own hash, and so are doubles equal to one. Any other number that is exactly a double hashes by that
//! double's bits, whether it is one or a big integer; the remaining big integers hash by their words.

use std::cmp::Ordering;

use dashu_int::{IBig, Sign};

use super::convert::{integer_from, word_from};
use super::{MAX_SMALL, MIN_SMALL, Num};

/// The order of two numbers; `None` if one is NaN.
pub fn compare(a: &Num, b: &Num) -> Option<Ordering> {
    match (a, b) {
        (Num::Int(a), Num::Int(b)) => Some(a.cmp(b)),
        (Num::Double(a), Num::Double(b)) => a.partial_cmp(b),
        (Num::Big(a), Num::Big(b)) => Some(a.cmp(b)),
        (Num::Int(a), Num::Big(b)) => Some(IBig::from(*a).cmp(b)),
        (Num::Big(a), Num::Int(b)) => Some(a.cmp(&IBig::from(*b))),
        (_, Num::Double(b)) => compare_with_double(a, *b),
        (Num::Double(_), _) => compare(b, a).map(Ordering::reverse),
    }
}

/// The order of an integer and a double.
fn compare_with_double(a: &Num, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    // Only infinities have no integer part.
    let Ok(whole) = integer_from(b) else {
        return 0.0.partial_cmp(&b);
    };
    // If the integer parts are equal, the fraction decides.
    let fraction_order = 0.0.partial_cmp(&b.fract())?;
    compare(a, &whole).map(|order| order.then(fraction_order))
}

/// A hash: equal for equal numbers, and a small integer.
pub fn hash(n: &Num) -> i64 {
    match n {
        Num::Int(i) if is_small(*i) => *i,
        Num::Int(i) => hash_big(&IBig::from(*i)),
        Num::Big(i) => i64::try_from(i).ok().filter(|i| is_small(*i)).unwrap_or_else(|| hash_big(i)),
        Num::Double(d) => match word_from(*d) {
            Some(i) if is_small(i) && i as f64 == *d => i,
            _ => hash_double(*d),
        },
    }
}

fn is_small(i: i64) -> bool {
    (MIN_SMALL..=MAX_SMALL).contains(&i)
}

fn hash_double(d: f64) -> i64 {
    let bits = if d.is_nan() { f64::NAN.to_bits() } else { d.to_bits() };
    small(mix(bits))
}

fn hash_big(i: &IBig) -> i64 {
    let nearest = i.to_f64();
    if nearest.error_ref().is_none() {
        return hash_double(nearest.value());
    }
    let (sign, words) = i.as_sign_words();
    small(words.iter().fold(u64::from(sign == Sign::Negative), |hash, &word| mix(hash.wrapping_mul(31) ^ word)))
}

/// The finaliser of MurmurHash3 (Appleby 2011): every bit of the argument matters to every bit of the result.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ bits >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ bits >> 33
}

/// The upper bits, as a small integer that is not negative.
fn small(bits: u64) -> i64 {
    (bits >> 2) as i64
}

//! Bits and shifts, of integers only. Negative integers act as two's complement with endlessly many leading ones, except
//! where a width is stated.

use std::borrow::Cow;

use dashu_int::{IBig, Sign, Word};

use super::arithmetic::as_big;
use super::{MAX_BITS, Num, NumError, bit_length, bounded};

fn integer(n: &Num) -> Result<Cow<'_, IBig>, NumError> {
    as_big(n).ok_or(NumError::ExpectedInteger)
}

fn bitwise(
    a: &Num,
    b: &Num,
    on_words: impl Fn(i64, i64) -> i64,
    on_bigs: impl Fn(&IBig, &IBig) -> IBig,
) -> Result<Num, NumError> {
    match (a, b) {
        (Num::Int(a), Num::Int(b)) => Ok(Num::from(on_words(*a, *b))),
        _ => bounded(on_bigs(&*integer(a)?, &*integer(b)?)),
    }
}

/// `a & b`.
///
/// # Errors
/// [`NumError::ExpectedInteger`]; [`NumError::IntegerTooLarge`].
pub fn bit_and(a: &Num, b: &Num) -> Result<Num, NumError> {
    bitwise(a, b, |a, b| a & b, |a, b| a & b)
}

/// `a bitOr: b`.
///
/// # Errors
/// [`NumError::ExpectedInteger`]; [`NumError::IntegerTooLarge`].
pub fn bit_or(a: &Num, b: &Num) -> Result<Num, NumError> {
    bitwise(a, b, |a, b| a | b, |a, b| a | b)
}

/// `a bitXor: b`.
///
/// # Errors
/// [`NumError::ExpectedInteger`]; [`NumError::IntegerTooLarge`].
pub fn bit_xor(a: &Num, b: &Num) -> Result<Num, NumError> {
    bitwise(a, b, |a, b| a ^ b, |a, b| a ^ b)
}

/// How far to shift: at most [`MAX_BITS`].
fn distance(n: &Num) -> Result<usize, NumError> {
    let i = integer(n)?;
    if i.sign() == Sign::Negative {
        return Err(NumError::NegativeShift);
    }
    usize::try_from(&*i).ok().filter(|&d| d <= MAX_BITS).ok_or(NumError::ShiftTooBig)
}

/// `a << b`: `a` times 2 to the power of `b`.
///
/// # Errors
/// [`NumError::NegativeShift`]; [`NumError::ShiftTooBig`]; [`NumError::ExpectedInteger`].
pub fn shl(a: &Num, b: &Num) -> Result<Num, NumError> {
    let i = integer(a)?;
    let distance = distance(b)?;
    if bit_length(&i) + distance > MAX_BITS {
        return Err(NumError::ShiftTooBig);
    }
    Ok(Num::from(&*i << distance))
}

/// `a >>> b`: shifts zeros in from the left. Negative integers count as unsigned ones of the least multiple of 64 bits that holds
/// them as signed ones; so `-1 >>> 1` is 2^63 - 1. Shifting by 0 changes nothing.
///
/// # Errors
/// [`NumError::NegativeShift`]; [`NumError::ShiftTooBig`]; [`NumError::ExpectedInteger`].
pub fn shr(a: &Num, b: &Num) -> Result<Num, NumError> {
    let i = integer(a)?;
    let distance = distance(b)?;
    if distance == 0 || i.sign() == Sign::Positive {
        return bounded(&*i >> distance);
    }
    // What two's complement needs: -2^n has a magnitude of n+1 bits and needs n+1; other magnitudes need a bit for the sign.
    let width = (bit_length(&(&*i + IBig::ONE)) + 1).next_multiple_of(64);
    bounded(((IBig::ONE << width) + &*i) >> distance)
}

/// The 32 lowest bits.
fn low_bits(n: &Num) -> Result<u32, NumError> {
    match n {
        Num::Int(i) => Ok(*i as u32),
        Num::Big(i) => {
            let (sign, words) = i.as_sign_words();
            let low: Word = words.first().copied().unwrap_or(0);
            Ok(if sign == Sign::Negative { low.wrapping_neg() } else { low } as u32)
        }
        Num::Double(_) => Err(NumError::ExpectedInteger),
    }
}

/// The 32 lowest bits as a signed integer.
///
/// # Errors
/// [`NumError::ExpectedInteger`].
pub fn as_32_bit_signed(n: &Num) -> Result<Num, NumError> {
    Ok(Num::Int(i64::from(low_bits(n)? as i32)))
}

/// The 32 lowest bits as an unsigned integer.
///
/// # Errors
/// [`NumError::ExpectedInteger`].
pub fn as_32_bit_unsigned(n: &Num) -> Result<Num, NumError> {
    Ok(Num::Int(i64::from(low_bits(n)?)))
}

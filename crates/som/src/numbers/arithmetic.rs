//! Addition to square root: the operations that integers and doubles share.
//!
//! Integers of one word are computed in 128 bits, where none of these operations overflows; what does not fit one word is left
//! to the big-integer library. A size that must exceed the limit is refused before any digit is computed.

use std::borrow::Cow;

use dashu_int::IBig;
use dashu_int::ops::{Abs, SquareRootRem};

use super::convert::{integer_from, nearest_double};
use super::{MAX_BITS, Num, NumError, bit_length, bounded};

/// Two operands, brought to one kind.
enum Operands<'a> {
    /// Integers of one word.
    Words(i64, i64),
    /// Integers, at least one of them longer.
    Bigs(Cow<'a, IBig>, Cow<'a, IBig>),
    /// At least one was a double.
    Doubles(f64, f64),
}

/// The integer that a number is, if it is one.
pub(super) fn as_big(n: &Num) -> Option<Cow<'_, IBig>> {
    match n {
        Num::Int(i) => Some(Cow::Owned(IBig::from(*i))),
        Num::Big(i) => Some(Cow::Borrowed(i)),
        Num::Double(_) => None,
    }
}

impl<'a> Operands<'a> {
    fn of(a: &'a Num, b: &'a Num) -> Result<Operands<'a>, NumError> {
        if let (Num::Int(a), Num::Int(b)) = (a, b) {
            return Ok(Operands::Words(*a, *b));
        }
        match (as_big(a), as_big(b)) {
            (Some(a), Some(b)) => Ok(Operands::Bigs(a, b)),
            _ => Ok(Operands::Doubles(nearest_double(a)?, nearest_double(b)?)),
        }
    }
}

/// Applies what fits the kind of the operands.
fn binary(
    a: &Num,
    b: &Num,
    on_words: impl Fn(i128, i128) -> i128,
    on_bigs: impl Fn(&IBig, &IBig) -> IBig,
    on_doubles: impl Fn(f64, f64) -> f64,
) -> Result<Num, NumError> {
    match Operands::of(a, b)? {
        Operands::Words(a, b) => Ok(Num::from(on_words(a.into(), b.into()))),
        Operands::Bigs(a, b) => bounded(on_bigs(&a, &b)),
        Operands::Doubles(a, b) => Ok(Num::Double(on_doubles(a, b))),
    }
}

fn is_zero(n: &Num) -> bool {
    match n {
        Num::Int(i) => *i == 0,
        Num::Big(i) => i.is_zero(),
        Num::Double(d) => *d == 0.0,
    }
}

/// `a + b`.
///
/// # Errors
/// [`NumError::IntegerTooLarge`]; [`NumError::NotADouble`].
pub fn add(a: &Num, b: &Num) -> Result<Num, NumError> {
    binary(a, b, |a, b| a + b, |a, b| a + b, |a, b| a + b)
}

/// `a - b`.
///
/// # Errors
/// [`NumError::IntegerTooLarge`]; [`NumError::NotADouble`].
pub fn sub(a: &Num, b: &Num) -> Result<Num, NumError> {
    binary(a, b, |a, b| a - b, |a, b| a - b, |a, b| a - b)
}

/// `a * b`.
///
/// # Errors
/// [`NumError::IntegerTooLarge`]; [`NumError::NotADouble`].
pub fn mul(a: &Num, b: &Num) -> Result<Num, NumError> {
    if let (Num::Big(a), Num::Big(b)) = (a, b)
        && bit_length(a) + bit_length(b) > MAX_BITS + 1
    {
        return Err(NumError::IntegerTooLarge);
    }
    binary(a, b, |a, b| a * b, |a, b| a * b, |a, b| a * b)
}

/// `a / b`: the quotient as Integer, rounded towards zero.
///
/// # Errors
/// [`NumError::DivisionByZero`]; [`NumError::NotADouble`]; [`NumError::NotFinite`] if the quotient of doubles is not.
pub fn div(a: &Num, b: &Num) -> Result<Num, NumError> {
    if is_zero(b) {
        return Err(NumError::DivisionByZero);
    }
    match binary(a, b, |a, b| a / b, |a, b| a / b, |a, b| a / b)? {
        Num::Double(quotient) => integer_from(quotient),
        quotient => Ok(quotient),
    }
}

/// `a // b`: the quotient as Double. Integers are converted before they are divided, so that the meaning is that of two machine
/// conversions and one machine division. Where a Double takes part, dividing by zero gives what IEEE 754 says.
///
/// # Errors
/// [`NumError::DivisionByZero`] for two integers; [`NumError::NotADouble`].
pub fn double_div(a: &Num, b: &Num) -> Result<Num, NumError> {
    if is_zero(b) && !matches!((a, b), (Num::Double(_), _) | (_, Num::Double(_))) {
        return Err(NumError::DivisionByZero);
    }
    Ok(Num::Double(nearest_double(a)? / nearest_double(b)?))
}

/// `a % b`: on integers the remainder of division rounded down, which has the divisor's sign; on doubles that of [`rem`].
///
/// # Errors
/// [`NumError::DivisionByZero`]; [`NumError::NotADouble`].
pub fn modulo(a: &Num, b: &Num) -> Result<Num, NumError> {
    if is_zero(b) {
        return Err(NumError::DivisionByZero);
    }
    let on_words = |a: i128, b: i128| {
        let r = a % b;
        if r != 0 && (r < 0) != (b < 0) { r + b } else { r }
    };
    let on_bigs = |a: &IBig, b: &IBig| {
        let r = a % b;
        if !r.is_zero() && r.sign() != b.sign() { r + b } else { r }
    };
    binary(a, b, on_words, on_bigs, |a, b| a % b)
}

/// `a rem: b`: the remainder of division rounded towards zero, which has the dividend's sign.
///
/// # Errors
/// [`NumError::RemainderByZero`]; [`NumError::NotADouble`].
pub fn rem(a: &Num, b: &Num) -> Result<Num, NumError> {
    if is_zero(b) {
        return Err(NumError::RemainderByZero);
    }
    binary(a, b, |a, b| a % b, |a, b| a % b, |a, b| a % b)
}

/// The absolute value.
pub fn abs(n: &Num) -> Num {
    match n {
        Num::Int(i) => Num::from(i128::from(*i).abs()),
        Num::Big(i) => Num::from(i.clone().abs()),
        Num::Double(d) => Num::Double(d.abs()),
    }
}

/// Zero minus `n`; in particular `0.0` for `0.0`.
pub fn negated(n: &Num) -> Num {
    match n {
        Num::Int(i) => Num::from(-i128::from(*i)),
        Num::Big(i) => Num::from(-i),
        Num::Double(d) => Num::Double(0.0 - d),
    }
}

/// The square root.
///
/// An Integer's root is an Integer if that is exact, or if it is at least 2^53: there a double could not tell a fraction either, so
/// the root rounded down is the better answer. Otherwise it is the root of the nearest double.
///
/// # Errors
/// [`NumError::Domain`] for a negative Integer; a negative Double gives NaN.
pub fn sqrt(n: &Num) -> Result<Num, NumError> {
    let i = match n {
        Num::Double(d) => return Ok(Num::Double(d.sqrt())),
        Num::Int(i) => Cow::Owned(IBig::from(*i)),
        Num::Big(i) => Cow::Borrowed(i),
    };
    let magnitude = i.as_ubig().ok_or(NumError::Domain)?;
    let (root, rest) = magnitude.sqrt_rem();
    // A root of at least 2^53 is that of a number of at least 2^106, which has 107 bits or more.
    if rest.is_zero() || bit_length(&i) > 106 {
        Ok(Num::from(IBig::from(root)))
    } else {
        Ok(Num::Double(nearest_double(n)?.sqrt()))
    }
}

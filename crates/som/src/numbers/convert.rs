//! Between integers and doubles. All roundings of SOM's numbers are here.

use dashu_int::IBig;

use super::{Num, NumError};

/// The double nearest to a number, ties to the even one; infinite beyond the doubles' range.
pub fn as_double(n: &Num) -> f64 {
    match n {
        Num::Int(i) => *i as f64,
        Num::Big(i) => i.to_f64().value(),
        Num::Double(d) => *d,
    }
}

/// [`as_double`], refusing integers beyond the range.
pub(super) fn nearest_double(n: &Num) -> Result<f64, NumError> {
    let d = as_double(n);
    if d.is_infinite() && !matches!(n, Num::Double(_)) { Err(NumError::NotADouble) } else { Ok(d) }
}

/// The integer part of a double as one word, if it fits.
pub(super) fn word_from(d: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (-LIMIT..LIMIT).contains(&d).then_some(d as i64)
}

/// A finite double, without its sign, as integer and power of two.
fn mantissa_and_exponent(d: f64) -> (u64, i32) {
    const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    let fraction = d.to_bits() & ((1 << FRACTION_BITS) - 1);
    let exponent = (d.to_bits() >> FRACTION_BITS & 0x7ff) as i32;
    // A double with exponent field 0 lacks the implicit bit and has the exponent of field 1.
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << FRACTION_BITS };
    (mantissa, exponent.max(1) - 1075)
}

/// A double rounded towards zero.
pub(super) fn integer_from(d: f64) -> Result<Num, NumError> {
    if let Some(word) = word_from(d) {
        return Ok(Num::from(word));
    }
    if !d.is_finite() {
        return Err(NumError::NotFinite(d));
    }
    // At least 2^63, so the exponent is positive.
    let (mantissa, exponent) = mantissa_and_exponent(d);
    let magnitude = IBig::from(mantissa) << exponent as usize;
    Ok(Num::from(if d < 0.0 { -magnitude } else { magnitude }))
}

fn rounded(n: &Num, rounding: impl Fn(f64) -> f64) -> Result<Num, NumError> {
    match n {
        Num::Double(d) => integer_from(rounding(*d)),
        Num::Int(i) => Ok(Num::from(*i)),
        Num::Big(i) => Ok(Num::from(i.clone())),
    }
}

/// The number as Integer, rounded towards zero.
///
/// # Errors
/// [`NumError::NotFinite`].
pub fn as_integer(n: &Num) -> Result<Num, NumError> {
    rounded(n, f64::trunc)
}

/// The nearest Integer; halves away from zero.
///
/// # Errors
/// [`NumError::NotFinite`].
pub fn round(n: &Num) -> Result<Num, NumError> {
    rounded(n, f64::round)
}

/// The largest Integer that is not greater.
///
/// # Errors
/// [`NumError::NotFinite`].
pub fn floor(n: &Num) -> Result<Num, NumError> {
    rounded(n, f64::floor)
}

/// The smallest Integer that is not less.
///
/// # Errors
/// [`NumError::NotFinite`].
pub fn ceiling(n: &Num) -> Result<Num, NumError> {
    rounded(n, f64::ceil)
}

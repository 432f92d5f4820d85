//! Numbers as text, and text as numbers.
//!
//! Doubles are printed with the fewest digits that identify them, and so that they look like doubles: there is always a digit on either
//! side of a point.
//!
//! | magnitude | form | examples |
//! |---|---|---|
//! | 0, and 10^-4 to below 10^16 | plain | `0.0` `-0.0` `0.5` `1.0` `1181116006.4` `0.0001` |
//! | other | exponent | `1.0e16` `1.6069380442589903e60` `6.223015277861142e-61` |
//! | infinities, NaN | | `inf` `-inf` `NaN` |
//!
//! Parsing accepts what printing gives, so that every number survives the round trip; the grammar, without spaces anywhere, is
//!
//! ```text
//! integer = "-"? digits
//! double  = "-"? digits ("." digits)? (("e" | "E") ("-" | "+")? digits)? | "-"? "inf" | "NaN"
//! ```

use std::fmt;

use super::{MAX_BITS, Num, NumError, bounded};

impl fmt::Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Num::Int(i) => write!(f, "{i}"),
            Num::Big(i) => write!(f, "{i}"),
            Num::Double(d) => f.write_str(&double_text(*d)),
        }
    }
}

fn double_text(d: f64) -> String {
    if !d.is_finite() {
        return d.to_string();
    }
    if d == 0.0 || (1e-4..1e16).contains(&d.abs()) {
        let plain = d.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let scientific = format!("{d:e}");
    if scientific.contains('.') { scientific } else { scientific.replacen('e', ".0e", 1) }
}

/// An Integer from text.
///
/// # Errors
/// [`NumError::InvalidInteger`]; [`NumError::IntegerTooLarge`].
pub fn parse_integer(text: &str) -> Result<Num, NumError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !all_digits(digits) {
        return Err(NumError::InvalidInteger(excerpt(text)));
    }
    if let Ok(word) = text.parse::<i64>() {
        return Ok(Num::from(word));
    }
    // Each digit beyond leading zeros, except the first, adds more than three bits.
    if digits.trim_start_matches('0').len() > MAX_BITS / 3 {
        return Err(NumError::IntegerTooLarge);
    }
    text.parse().map_or_else(|_| Err(NumError::InvalidInteger(excerpt(text))), bounded)
}

/// A Double from text: the nearest one, which beyond the range is infinite.
///
/// # Errors
/// [`NumError::InvalidDouble`].
pub fn parse_double(text: &str) -> Result<Num, NumError> {
    let invalid = || NumError::InvalidDouble(excerpt(text));
    if !is_double(text.strip_prefix('-').unwrap_or(text)) && text != "NaN" {
        return Err(invalid());
    }
    // Rust's own grammar is wider than that of `is_double`.
    text.parse().map(Num::Double).map_err(|_| invalid())
}

/// Whether this is the text of a double without sign; see the grammar above.
fn is_double(text: &str) -> bool {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let exponent_digits = exponent.map(|e| e.strip_prefix(['-', '+']).unwrap_or(e));
    text == "inf" || (all_digits(whole) && fraction.is_none_or(all_digits) && exponent_digits.is_none_or(all_digits))
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Text for an error message, cut where nobody would read on.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}

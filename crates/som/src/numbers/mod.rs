//! Numbers: what every arithmetic operation of SOM means.
//!
//! Pure functions on [`Num`], without the VM. The interpreter and compiled code have paths of their own for small integers and
//! for doubles; all else comes here, and where both apply they agree to the bit. So this module is the definition.
//!
//! # Terms
//! - **Small**: an integer in `-2^62 ..= 2^62-1`, which fits a tagged word. **Big**: any other integer.
//! - **Double**: an IEEE 754 binary64.
//!
//! # Invariants
//! - Results are canonical: [`Num::Int`] if small, [`Num::Big`] if not. Arguments need not be: an `Int` or `Big` of any
//!   size means the integer that it holds.
//! - No result has more than [`MAX_BITS`] bits. Whatever would exceed that is an error, found before the bulk of the work, so that
//!   no operation exhausts memory or runs without end. The bound is what conversion to decimal, the slowest operation, bears: it grows
//!   faster than linearly, and takes seconds at the bound (`times_at_the_limit` in the tests measures it).
//! - Nothing panics, whatever the arguments.
//!
//! # Meaning
//! | message | Integer and Integer | with a Double on either side |
//! |---|---|---|
//! | `+ - *` | exact | IEEE, on the integer's nearest double |
//! | `/` | quotient, rounded towards zero | the doubles' quotient, as Integer rounded towards zero |
//! | `//` | IEEE quotient of the nearest doubles | IEEE quotient |
//! | `%` | remainder with the divisor's sign | IEEE `fmod`, with the dividend's sign |
//! | `rem:` | remainder with the dividend's sign | IEEE `fmod` |
//! | `& bitOr: bitXor:` | on two's complement without end | error |
//! | `<< >>>` | see [`shl`], [`shr`] | error |
//! | `< <= > >= = <>` | exact | exact: the integer is *not* rounded to a double |
//! | `sqrt` | see [`sqrt`] | IEEE; NaN if negative |
//!
//! - Dividing by zero is an error, also where the zero is `0.0` or `-0.0`, and is found before anything else; except in `//` with a Double,
//!   which gives an infinity or NaN: the collision detector of Are We Fast Yet relies on it, against the wish of IntegrationTests.
//! - An integer beyond the doubles' range is an error where it would have to become one, rather than an infinity in the middle of
//!   a computation. Only [`as_double`] itself, where it is asked for, gives infinity.
//! - All comparisons with NaN are false, except that it is `<>` to everything.
//!
//! # Where the public suites leave room
//! - `%` on doubles keeps the dividend's sign, though on integers the divisor's: TestSuite asserts both.
//! - `rem: 0` says "Division by zero or overflow.", the others "Division by zero.": IntegrationTests wants both texts.
//! - `/` on negative integers: no suite decides. Rounding towards zero is what `/` with a double does in IntegrationTests, and it
//!   makes `(a / b) * b + (a rem: b) = a`.
//! - `Double class>>fromString:` of nonsense is an error, as IntegrationTests wants; a comment in the public library has it NaN.
//! - `negated` of `0.0` is `0.0`, since the public library defines it as `0.0 - self`.

mod arithmetic;
mod bits;
mod compare;
mod convert;
mod text;

#[cfg(test)]
mod tests;

use std::fmt;

use dashu_int::{IBig, Word};

pub use arithmetic::{abs, add, div, double_div, modulo, mul, negated, rem, sqrt, sub};
pub use bits::{as_32_bit_signed, as_32_bit_unsigned, bit_and, bit_or, bit_xor, shl, shr};
pub use compare::{compare, hash};
pub use convert::{as_double, as_integer, ceiling, floor, round};
pub use text::{parse_double, parse_integer};

/// The size in bits of the largest integers, and the largest distance of a shift: 2 MiB, or 5 million decimal digits.
pub const MAX_BITS: usize = 1 << 24;

const MIN_SMALL: i64 = -(1 << 62);
const MAX_SMALL: i64 = (1 << 62) - 1;

/// A number. Equality (`==`) is that of representations: for SOM's `=` see [`compare`].
///
/// `Display` gives what SOM's `asString` does; `text.rs` says which form doubles have.
#[derive(Clone, Debug, PartialEq)]
pub enum Num {
    /// An integer; in results, a small one.
    Int(i64),
    /// An integer; in results, one that is not small.
    Big(IBig),
    /// A double.
    Double(f64),
}

impl From<i64> for Num {
    /// Canonical.
    fn from(i: i64) -> Num {
        if (MIN_SMALL..=MAX_SMALL).contains(&i) { Num::Int(i) } else { Num::Big(IBig::from(i)) }
    }
}

impl From<i128> for Num {
    /// Canonical.
    fn from(i: i128) -> Num {
        match i64::try_from(i) {
            Ok(i) => Num::from(i),
            Err(_) => Num::Big(IBig::from(i)),
        }
    }
}

impl From<IBig> for Num {
    /// Canonical. The integer must have at most [`MAX_BITS`] bits.
    fn from(i: IBig) -> Num {
        match i64::try_from(&i) {
            Ok(i) => Num::from(i),
            Err(_) => Num::Big(i),
        }
    }
}

/// Bits of the magnitude; 0 has none.
fn bit_length(i: &IBig) -> usize {
    let (_, words) = i.as_sign_words();
    let bits = Word::BITS as usize;
    words.last().map_or(0, |top| words.len() * bits - top.leading_zeros() as usize)
}

/// A result that may be a little beyond the limit.
fn bounded(i: IBig) -> Result<Num, NumError> {
    if bit_length(&i) > MAX_BITS { Err(NumError::IntegerTooLarge) } else { Ok(Num::from(i)) }
}

/// Why an operation has no result. `Display` gives the text that SOM's users see.
#[derive(Clone, Debug, PartialEq)]
pub enum NumError {
    /// Division by an integer or double zero.
    DivisionByZero,
    /// `rem:` by zero.
    RemainderByZero,
    /// A shift by a negative distance.
    NegativeShift,
    /// A shift by more than [`MAX_BITS`], or with a result that is larger.
    ShiftTooBig,
    /// The result would have more than [`MAX_BITS`] bits.
    IntegerTooLarge,
    /// The operation is not defined for this number, such as the square root of a negative integer.
    Domain,
    /// An integer that would have to become a double is outside the range of doubles.
    NotADouble,
    /// A double where only integers make sense.
    ExpectedInteger,
    /// An infinity or NaN that would have to become an integer.
    NotFinite(f64),
    /// Text that is no integer.
    InvalidInteger(String),
    /// Text that is no double.
    InvalidDouble(String),
}

impl fmt::Display for NumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NumError::DivisionByZero => f.write_str("Division by zero."),
            NumError::RemainderByZero => f.write_str("Division by zero or overflow."),
            NumError::NegativeShift => f.write_str("Negative shift."),
            NumError::ShiftTooBig => f.write_str("Shift too big."),
            NumError::IntegerTooLarge => write!(f, "Integer too large: more than {MAX_BITS} bits."),
            NumError::Domain => f.write_str("Domain error."),
            NumError::NotADouble => f.write_str("Can't represent as double."),
            NumError::ExpectedInteger => f.write_str("Expected object of type 'Int' but got type 'Double'."),
            NumError::NotFinite(d) => write!(f, "{} cannot be converted to an Integer.", Num::Double(*d)),
            NumError::InvalidInteger(text) => write!(f, "'{text}' cannot be converted to an Integer."),
            NumError::InvalidDouble(text) => write!(f, "'{text}' cannot be converted to a Double."),
        }
    }
}

impl std::error::Error for NumError {}

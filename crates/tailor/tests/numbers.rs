//! Numbers: operators, methods and casts of every type, at and around their bounds.

// What nobody would write is what is tested.
#![allow(clippy::all)]

mod common;

use tailor::jit;

macro_rules! binary_operators {
    ($t:ident: $($name:ident $operator:tt)*) => {$(
        #[jit]
        fn $name(a: $t, b: $t) -> $t {
            a $operator b
        }
    )*};
}

macro_rules! comparisons {
    ($t:ident: $($name:ident $operator:tt)*) => {$(
        #[jit]
        fn $name(a: $t, b: $t) -> bool {
            a $operator b
        }
    )*};
}

macro_rules! methods {
    ($t:ident: $($name:ident -> $result:ty,)*) => {$(
        #[jit]
        fn $name(a: $t, b: $t) -> $result {
            a.$name(b)
        }
    )*};
}

macro_rules! unary_methods {
    ($t:ident: $($name:ident -> $result:ty,)*) => {$(
        #[jit]
        fn $name(a: $t) -> $result {
            a.$name()
        }
    )*};
}

macro_rules! shifts {
    ($t:ident: $($name:ident -> $result:ty,)*) => {$(
        #[jit]
        fn $name(a: $t, b: u32) -> $result {
            a.$name(b)
        }
    )*};
}

macro_rules! casts {
    ($t:ident: $($name:ident $to:ident)*) => {$(
        #[jit]
        fn $name(a: $t) -> $to {
            a as $to
        }
    )*};
}

macro_rules! integers {
    ($($t:ident $values:expr, signed { $($signed:tt)* };)*) => {$(
        mod $t {
            use super::*;
            binary_operators!($t: add + sub - mul * div / rem % and & or | xor ^);
            comparisons!($t: equal == not_equal != less < less_equal <= greater > greater_equal >=);
            methods! { $t:
                wrapping_add -> $t, wrapping_sub -> $t, wrapping_mul -> $t, wrapping_div -> $t, wrapping_rem -> $t,
                checked_add -> Option<$t>, checked_sub -> Option<$t>, checked_mul -> Option<$t>, checked_div -> Option<$t>, checked_rem -> Option<$t>,
                overflowing_add -> ($t, bool), overflowing_sub -> ($t, bool), overflowing_mul -> ($t, bool),
                saturating_add -> $t, saturating_sub -> $t, saturating_mul -> $t,
                min -> $t, max -> $t,
            }
            unary_methods! { $t:
                leading_zeros -> u32, trailing_zeros -> u32, count_ones -> u32, wrapping_neg -> $t,
            }
            shifts! { $t:
                wrapping_shl -> $t, wrapping_shr -> $t, checked_shl -> Option<$t>, checked_shr -> Option<$t>,
                overflowing_shl -> ($t, bool), overflowing_shr -> ($t, bool), rotate_left -> $t, rotate_right -> $t,
            }
            casts!($t: to_i8 i8 to_i16 i16 to_i32 i32 to_i64 i64 to_isize isize to_u8 u8 to_u16 u16 to_u32 u32 to_u64 u64 to_usize usize to_f64 f64);
            #[jit]
            fn shl(a: $t, b: u8) -> $t {
                a << b
            }
            #[jit]
            fn shr(a: $t, b: i64) -> $t {
                a >> b
            }
            #[jit]
            fn not(a: $t) -> $t {
                !a
            }
            #[jit]
            fn clamp(a: $t, b: $t) -> $t {
                a.clamp(3, b)
            }
            #[jit]
            fn to_u8_exactly(a: $t) -> Option<u8> {
                u8::try_from(a).ok()
            }
            #[jit]
            fn to_i64_exactly(a: $t) -> Result<i64, u8> {
                i64::try_from(a).map_err(|_| 7)
            }
            #[jit]
            fn compound(a: $t, b: $t) -> $t {
                let mut x = a;
                x ^= b;
                x |= 1;
                x &= a;
                x >>= 1;
                x %= 7;
                x
            }
            signed!($t $($signed)*);

            #[test]
            fn agree() {
                for a in $values {
                    both!(leading_zeros(a));
                    both!(trailing_zeros(a));
                    both!(count_ones(a));
                    both!(wrapping_neg(a));
                    both!(not(a));
                    both!(to_i8(a));
                    both!(to_i16(a));
                    both!(to_i32(a));
                    both!(to_i64(a));
                    both!(to_isize(a));
                    both!(to_u8(a));
                    both!(to_u16(a));
                    both!(to_u32(a));
                    both!(to_u64(a));
                    both!(to_usize(a));
                    both!(to_f64(a));
                    both!(to_u8_exactly(a));
                    both!(to_i64_exactly(a));
                    for b in [0, 1, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64, 65, 200] {
                        both!(shl(a, b));
                        both!(shr(a, i64::from(b) - 3));
                        let b = u32::from(b);
                        both!(wrapping_shl(a, b));
                        both!(wrapping_shr(a, b));
                        both!(checked_shl(a, b));
                        both!(checked_shr(a, b));
                        both!(overflowing_shl(a, b));
                        both!(overflowing_shr(a, b));
                        both!(rotate_left(a, b));
                        both!(rotate_right(a, b));
                    }
                    both_signed!($t a $($signed)*);
                    for b in $values {
                        both!(add(a, b));
                        both!(sub(a, b));
                        both!(mul(a, b));
                        both!(div(a, b));
                        both!(rem(a, b));
                        both!(and(a, b));
                        both!(or(a, b));
                        both!(xor(a, b));
                        both!(equal(a, b));
                        both!(not_equal(a, b));
                        both!(less(a, b));
                        both!(less_equal(a, b));
                        both!(greater(a, b));
                        both!(greater_equal(a, b));
                        both!(wrapping_add(a, b));
                        both!(wrapping_sub(a, b));
                        both!(wrapping_mul(a, b));
                        both!(checked_add(a, b));
                        both!(checked_sub(a, b));
                        both!(checked_mul(a, b));
                        both!(checked_div(a, b));
                        both!(checked_rem(a, b));
                        both!(overflowing_add(a, b));
                        both!(overflowing_sub(a, b));
                        both!(overflowing_mul(a, b));
                        both!(saturating_add(a, b));
                        both!(saturating_sub(a, b));
                        both!(saturating_mul(a, b));
                        both!(min(a, b));
                        both!(max(a, b));
                        both!(compound(a, b));
                        if b != 0 {
                            both!(wrapping_div(a, b));
                            both!(wrapping_rem(a, b));
                        }
                        if b >= 3 {
                            both!(clamp(a, b));
                        }
                    }
                }
            }
        }
    )*};
}

macro_rules! signed {
    ($t:ident) => {};
    ($t:ident yes) => {
        #[jit]
        fn neg(a: $t) -> $t {
            -a
        }
        unary_methods! { $t: signum -> $t, wrapping_abs -> $t, is_negative -> bool, is_positive -> bool, }
        #[jit]
        fn abs(a: $t) -> $t {
            if a == $t::MIN { 0 } else { a.abs() }
        }
    };
}

macro_rules! both_signed {
    ($t:ident $a:ident) => {};
    ($t:ident $a:ident yes) => {
        both!(neg($a));
        both!(signum($a));
        both!(wrapping_abs($a));
        both!(is_negative($a));
        both!(is_positive($a));
        both!(abs($a));
    };
}

integers! {
    i8 [0, 1, -1, 2, -2, 3, 7, 100, -100, i8::MAX, i8::MIN, i8::MAX - 1], signed { yes };
    i16 [0, 1, -1, 2, -7, 181, 182, i16::MAX, i16::MIN, i16::MIN + 1], signed { yes };
    i32 [0, 1, -1, 2, -7, 46341, -46341, i32::MAX, i32::MIN, i32::MIN + 1], signed { yes };
    i64 [0, 1, -1, 2, -7, 3_037_000_500, 1 << 53, (1 << 53) + 1, i64::MAX, i64::MIN, i64::MIN + 1], signed { yes };
    isize [0, 1, -1, 5, isize::MAX, isize::MIN], signed { yes };
    u8 [0, 1, 2, 3, 7, 15, 16, 127, 128, 254, 255], signed {};
    u16 [0, 1, 2, 7, 255, 256, 32767, 32768, 65535], signed {};
    u32 [0, 1, 2, 7, 65535, 65536, 1 << 31, u32::MAX], signed {};
    u64 [0, 1, 2, 7, 1 << 32, (1 << 53) + 1, 1 << 63, (1 << 63) + 1025, u64::MAX - 1, u64::MAX], signed {};
    usize [0, 1, 2, 7, 1 << 32, usize::MAX], signed {};
}

const FLOATS: [f64; 22] = [
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.0,
    -1.0,
    1.5,
    2.5,
    -2.5,
    127.9,
    128.0,
    255.5,
    -129.0,
    4_294_967_296.5,
    9.2e18,
    9.3e18,
    1.9e19,
    -1e300,
    1e308,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

mod floats {
    use super::*;
    binary_operators!(f64: add + sub - mul * div / rem %);
    comparisons!(f64: equal == not_equal != less < less_equal <= greater > greater_equal >=);
    unary_methods! { f64:
        abs -> f64, sqrt -> f64, floor -> f64, ceil -> f64, trunc -> f64, round_ties_even -> f64, to_bits -> u64, is_nan -> bool,
        is_finite -> bool, is_infinite -> bool, is_sign_negative -> bool,
    }
    casts!(f64: to_i8 i8 to_i16 i16 to_i32 i32 to_i64 i64 to_u8 u8 to_u16 u16 to_u32 u32 to_u64 u64 to_usize usize);

    #[jit]
    fn neg(a: f64) -> f64 {
        -a
    }

    #[jit]
    fn there_and_back(bits: u64) -> f64 {
        f64::from_bits(bits)
    }

    #[test]
    fn agree() {
        for a in FLOATS {
            both!(neg(a));
            both!(abs(a));
            both!(sqrt(a));
            both!(floor(a));
            both!(ceil(a));
            both!(trunc(a));
            both!(round_ties_even(a));
            both!(is_nan(a));
            both!(is_finite(a));
            both!(is_infinite(a));
            if !a.is_nan() {
                both!(to_bits(a));
                both!(is_sign_negative(a));
            }
            both!(there_and_back(a.to_bits()));
            both!(to_i8(a));
            both!(to_i16(a));
            both!(to_i32(a));
            both!(to_i64(a));
            both!(to_u8(a));
            both!(to_u16(a));
            both!(to_u32(a));
            both!(to_u64(a));
            both!(to_usize(a));
            for b in FLOATS {
                both!(add(a, b));
                both!(sub(a, b));
                both!(mul(a, b));
                both!(div(a, b));
                both!(rem(a, b));
                both!(equal(a, b));
                both!(not_equal(a, b));
                both!(less(a, b));
                both!(less_equal(a, b));
                both!(greater(a, b));
                both!(greater_equal(a, b));
            }
        }
    }
}

mod conversions {
    use super::*;

    #[jit]
    fn widened(a: u16, b: i32, c: bool, d: char) -> (usize, i64, u64, f64, u32, u8, i64) {
        (usize::from(a), i64::from(b), u64::from(a), f64::from(b), u32::from(d), u8::from(c), b.into())
    }

    #[jit]
    fn truths(a: bool, b: bool) -> (bool, bool, bool, bool, bool, u8, i64, bool) {
        (a & b, a | b, a ^ b, !a, a == b, a as u8, b as i64, a != b)
    }

    #[jit]
    fn characters(c: char) -> (u32, u8, bool, bool) {
        (c as u32, c as u8, c == 'x', c < 'ß')
    }

    #[jit]
    fn literals() -> (u8, u64, i8, f64, u32, char, bool) {
        (b'a', 0xffff_ffff_ffff_ffff, -128, -1.5e3, 3_000_000_000 as u32, '\u{10ffff}', true)
    }

    #[test]
    fn agree() {
        both!(literals());
        for a in [0, 1, u16::MAX] {
            for b in [0, -1, i32::MIN] {
                both!(widened(a, b, a == 1, '\u{1f600}'));
            }
        }
        for (a, b) in [(false, false), (false, true), (true, false), (true, true)] {
            both!(truths(a, b));
        }
        for c in ['a', 'x', 'ß', '\u{1f600}'] {
            both!(characters(c));
        }
    }
}

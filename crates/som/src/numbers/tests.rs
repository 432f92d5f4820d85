//! Numbers against independent references.
//!
//! - Fixed cases are lines of text (see [`check`]), among them what the public suites expect.
//! - Small integers are tried exhaustively, against definitions in 128 bits; borders of all representations in all pairs.
//! - Random integers are held against the crate num-bigint, random doubles against the standard library's exact decimal expansion.

use std::cmp::Ordering;
use std::time::Instant;

use dashu_int::IBig;
use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;

type Binary = fn(&Num, &Num) -> Result<Num, NumError>;
type Unary = fn(&Num) -> Result<Num, NumError>;

const BINARY: &[(&str, Binary)] = &[
    ("+", add),
    ("-", sub),
    ("*", mul),
    ("/", div),
    ("//", double_div),
    ("%", modulo),
    ("rem:", rem),
    ("&", bit_and),
    ("bitOr:", bit_or),
    ("bitXor:", bit_xor),
    ("<<", shl),
    (">>>", shr),
];

const UNARY: &[(&str, Unary)] = &[
    ("abs", |n| Ok(abs(n))),
    ("negated", |n| Ok(negated(n))),
    ("sqrt", sqrt),
    ("asDouble", |n| Ok(Num::Double(as_double(n)))),
    ("asInteger", as_integer),
    ("round", round),
    ("floor", floor),
    ("ceiling", ceiling),
    ("as32BitSignedValue", as_32_bit_signed),
    ("as32BitUnsignedValue", as_32_bit_unsigned),
];

fn find<F: Copy>(table: &[(&str, F)], selector: &str) -> F {
    table.iter().find(|(name, _)| *name == selector).unwrap_or_else(|| panic!("no operation {selector}")).1
}

/// A number from its text, or `2^N` or `-2^N`.
fn num(text: &str) -> Num {
    if let Some((base, exponent)) = text.split_once('^') {
        return Num::from(IBig::from(base.parse::<i64>().unwrap().signum()) << exponent.parse::<usize>().unwrap());
    }
    parse_integer(text).or_else(|_| parse_double(text)).unwrap_or_else(|e| panic!("{e}"))
}

fn shown(result: Result<Num, NumError>) -> String {
    match result {
        Ok(n) => {
            assert_canonical(&n);
            n.to_string()
        }
        Err(e) => format!("!{e:?}"),
    }
}

/// Checks lines such as `1 + 2 = 3` and `25 sqrt = 5`; an error is written as `!` and its name.
fn check(lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (result, expected) = match words[..] {
            [a, operator, b, "=", expected] => (find(BINARY, operator)(&num(a), &num(b)), expected),
            [a, operator, "=", expected] => (find(UNARY, operator)(&num(a)), expected),
            _ => panic!("cannot read {line}"),
        };
        let expected = if expected.contains('^') { num(expected).to_string() } else { expected.to_string() };
        assert_eq!(shown(result), expected, "{line}");
    }
}

fn assert_canonical(n: &Num) {
    match n {
        Num::Int(i) => assert!((MIN_SMALL..=MAX_SMALL).contains(i), "{i} is not small"),
        Num::Big(i) => assert!(*i < IBig::from(MIN_SMALL) || *i > IBig::from(MAX_SMALL), "{i} is small"),
        Num::Double(_) => {}
    }
}

fn from_reference(i: &BigInt) -> Num {
    Num::from(IBig::from_le_bytes(&i.to_signed_bytes_le()))
}

fn power_of_two(exponent: u32) -> BigInt {
    BigInt::from(1) << exponent
}

/// The integer in a canonical number.
fn to_reference(n: &Num) -> BigInt {
    assert_canonical(n);
    match n {
        Num::Int(i) => BigInt::from(*i),
        Num::Big(i) => BigInt::from_signed_bytes_le(&i.to_le_bytes()),
        Num::Double(d) => panic!("{d} is no Integer"),
    }
}

#[test]
fn additive_and_multiplicative() {
    check(
        "
        4611686018427387903 + 1 = 4611686018427387904
        -4611686018427387904 - 1 = -4611686018427387905
        4611686018427387904 - 1 = 4611686018427387903
        2^62 + 2^62 = 9223372036854775808
        2^62 * 2^62 = 21267647932558653966460912964485513216
        2^62 * -2^62 = -21267647932558653966460912964485513216
        2^200 - 2^200 = 0
        2^200 * 0 = 0
        1.1 + 1 = 2.1
        1.1 + 1152921504606846976 = 1.152921504606847e18
        1.1 - 1073741824 = -1073741822.9
        1.1 * 1.2 = 1.32
        -1 - -1.1 = 0.10000000000000009
        2^200 + 1.1 = 1.6069380442589903e60
        -2^200 * -1.1 = 1.7676318486848894e60
        2^1024 + 0.1 = !NotADouble
        2^2000 - 1.1 = !NotADouble
        1.1 * -2^2000 = !NotADouble
        2^1023 + inf = inf
        2^200 * NaN = NaN
        ",
    );
}

#[test]
fn divisions() {
    check(
        "
        7 / 2 = 3
        -7 / 2 = -3
        7 / -2 = -3
        -4611686018427387904 / -1 = 4611686018427387904
        -2^200 / 2 = -2^199
        10 / 1.3 = 7
        -10 / 0.3 = -33
        2^200 / 1.3 = 1236106187891530871397840632111672689764312345256368613097472
        -2^200 / 0.2 = -8034690221294951377709810461705813012611014968913964176506880
        7.5 / 2 = 3
        10 / inf = 0
        10 / NaN = !NotFinite(NaN)
        1.0e300 / 1.0e-300 = !NotFinite(inf)
        2^2000 / 1.1 = !NotADouble
        10 / 0 = !DivisionByZero
        2^2000 / 0.0 = !DivisionByZero
        1.5 / -0.0 = !DivisionByZero
        10 // 2 = 5.0
        1 // 2 = 0.5
        2^65 // 13835058055282163712 = 2.6666666666666665
        1 // 2^200 = 6.223015277861142e-61
        2^65 // 5 = 7.378697629483821e18
        1.5 // 2^200 = 9.334522916791713e-61
        1 // 0 = !DivisionByZero
        1.1 // 0 = inf
        2^200 // -0.0 = -inf
        -1.5 // 0.0 = -inf
        2^2000 // 2^1999 = !NotADouble
        10 % 3 = 1
        10 % -3 = -2
        -10 % 3 = 2
        -10 % -3 = -1
        2^200 % -3 = -2
        2^999999 % 29014219670751100192948224 = 9671406556917033397649408
        3 % -2^200 = -1606938044258990275541962092341162602522202993782792835301373
        -3.0 % 2.0 = -1.0
        3.0 % -2.0 = 1.0
        1.2 % 1.1 = 0.09999999999999987
        5 % 1.2 = 0.20000000000000018
        2^200 % 1.2 = 0.42963264371141974
        1.1 % 2^200 = 1.1
        5 % 0.0 = !DivisionByZero
        5.0 % 0 = !DivisionByZero
        10 rem: -3 = 1
        -10 rem: 3 = -1
        -2^200 rem: 3 = -1
        -7.5 rem: 2 = -1.5
        10 rem: 0 = !RemainderByZero
        10.0 rem: 0.0 = !RemainderByZero
        ",
    );
}

#[test]
fn bits_and_shifts() {
    check(
        "
        5 & 4 = 4
        -1 & 2^200 = 2^200
        1 & 1.1 = !ExpectedInteger
        1.1 & 1 = !ExpectedInteger
        5 bitXor: 4 = 1
        -2^200 bitXor: -2^200 = 0
        1 bitXor: 1.1 = !ExpectedInteger
        2^62 bitOr: 1 = 4611686018427387905
        1.0 bitOr: 1 = !ExpectedInteger
        1 << 61 = 2305843009213693952
        1 << 62 = 4611686018427387904
        -1 << 62 = -4611686018427387904
        -1 << 63 = -9223372036854775808
        2^300 << 2 = 2^302
        0 << 1000 = 0
        1 << -1 = !NegativeShift
        1 << -2^100 = !NegativeShift
        1 << 2^200 = !ShiftTooBig
        2^200 << 2^150 = !ShiftTooBig
        1 << 1.0 = !ExpectedInteger
        1.0 << 1 = !ExpectedInteger
        1023 >>> 3 = 127
        1 >>> 64 = 0
        -1 >>> 0 = -1
        -1 >>> 1 = 9223372036854775807
        -1 >>> 2 = 4611686018427387903
        -1 >>> 64 = 0
        -1024 >>> 1 = 9223372036854775296
        -2^63 >>> 63 = 1
        -2^64 >>> 127 = 1
        -9223372036854775809 >>> 64 = 18446744073709551615
        2^200 >>> 200 = 1
        1 >>> 2^100 = !ShiftTooBig
        1 >>> -1 = !NegativeShift
        1 >>> 0.5 = !ExpectedInteger
        -9223372036854775296 as32BitUnsignedValue = 512
        9223372036854775296 as32BitUnsignedValue = 4294966784
        9223372036854775296 as32BitSignedValue = -512
        2147483648 as32BitSignedValue = -2147483648
        2^200 as32BitSignedValue = 0
        1.0 as32BitSignedValue = !ExpectedInteger
        ",
    );
}

#[test]
fn roots_signs_and_conversions() {
    check(
        "
        25 sqrt = 5
        0 sqrt = 0
        3 sqrt = 1.7320508075688772
        2^200 sqrt = 2^100
        2^199 sqrt = 896364335596578238699711011639
        2^61 sqrt = 1518500249.988025
        -1 sqrt = !Domain
        -2^200 sqrt = !Domain
        1.21 sqrt = 1.1
        -1.1 sqrt = NaN
        -4611686018427387904 abs = 4611686018427387904
        -0.0 abs = 0.0
        -4611686018427387904 negated = 4611686018427387904
        4611686018427387904 negated = -4611686018427387904
        0.0 negated = 0.0
        2.5 round = 3
        -2.5 round = -3
        0.49999999999999994 round = 0
        -1.999 asInteger = -1
        18446744073709551616.0 asInteger = 2^64
        -4611686018427387904.0 asInteger = -4611686018427387904
        -1.5 floor = -2
        -1.5 ceiling = -1
        2^100 ceiling = 2^100
        inf round = !NotFinite(inf)
        NaN asInteger = !NotFinite(NaN)
        -2^64 asDouble = -1.8446744073709552e19
        9007199254740993 asDouble = 9007199254740992.0
        2^1023 asDouble = 8.98846567431158e307
        2^1024 asDouble = inf
        -2^5000 asDouble = -inf
        ",
    );
}

#[test]
fn messages() {
    let message = |result: Result<Num, NumError>| result.unwrap_err().to_string();
    assert_eq!(message(parse_integer("123b")), "'123b' cannot be converted to an Integer.");
    assert_eq!(message(parse_double("123.b")), "'123.b' cannot be converted to a Double.");
    assert_eq!(
        message(parse_integer(&"ä".repeat(100))).chars().count(),
        60 + "''... cannot be converted to an Integer.".len()
    );
    assert_eq!(message(round(&num("-inf"))), "-inf cannot be converted to an Integer.");
    assert_eq!(message(bit_and(&num("1"), &num("1.1"))), "Expected object of type 'Int' but got type 'Double'.");
    assert_eq!(message(rem(&num("1"), &num("0"))), "Division by zero or overflow.");
}

#[test]
fn doubles_as_text() {
    let cases = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.5, "0.5"),
        (1e-4, "0.0001"),
        (9.999e-5, "9.999e-5"),
        (1e-5, "1.0e-5"),
        (9999999999999998.0, "9999999999999998.0"),
        (1e16, "1.0e16"),
        (-1.6e60, "-1.6e60"),
        (100000.198_798_791_23, "100000.19879879123"),
        (5e-324, "5.0e-324"),
        (f64::MAX, "1.7976931348623157e308"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "NaN"),
        (-f64::NAN, "NaN"),
    ];
    for (d, text) in cases {
        assert_eq!(Num::Double(d).to_string(), text);
    }
}

#[test]
fn parsing() {
    for text in ["", "-", "+1", "1 ", " 1", "1_0", "0x1", "--1", "1.0", "١", "1e3"] {
        assert_eq!(parse_integer(text), Err(NumError::InvalidInteger(text.into())));
    }
    assert_eq!(parse_integer("-0"), Ok(Num::Int(0)));
    assert_eq!(parse_integer("-00000000000000000000000000007"), Ok(Num::Int(-7)));
    for text in [
        "", "-", ".", "1.", ".5", "+1.0", "1.0 ", "1e", "1e+", "e5", "1.e5", "infinity", "nan", "-NaN", "1.0.0",
        "1e5e5",
    ] {
        assert_eq!(parse_double(text), Err(NumError::InvalidDouble(text.into())));
    }
    for (text, d) in
        [("0", 0.0), ("-12.34", -12.34), ("1e3", 1000.0), ("1.5E-2", 0.015), ("1e99999999999999999999", f64::INFINITY)]
    {
        assert_eq!(parse_double(text), Ok(Num::Double(d)));
    }
}

/// What an operation on integers should give; `None` if the reference does not say.
fn expected(operator: &str, a: &BigInt, b: &BigInt) -> Option<BigInt> {
    let zero = BigInt::from(0);
    Some(match operator {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" if *b != zero => a / b,
        "rem:" if *b != zero => a % b,
        "%" if *b != zero => ((a % b) + b) % b,
        "&" => a & b,
        "bitOr:" => a | b,
        "bitXor:" => a ^ b,
        "<<" => a << u16::try_from(b).ok()?,
        ">>>" => {
            let distance = u16::try_from(b).ok()?;
            let mut width = 64;
            while *a < -power_of_two(width - 1) {
                width += 64;
            }
            let unsigned = if *a < zero && distance > 0 { a + power_of_two(width) } else { a.clone() };
            unsigned >> distance
        }
        _ => return None,
    })
}

fn check_integers(a: &BigInt, b: &BigInt) {
    let (x, y) = (from_reference(a), from_reference(b));
    for (operator, function) in BINARY {
        let result = function(&x, &y);
        match expected(operator, a, b) {
            Some(expected) => assert_eq!(to_reference(&result.unwrap()), expected, "{a} {operator} {b}"),
            None => drop(shown(result)),
        }
    }
    assert_eq!(compare(&x, &y), Some(a.cmp(b)));
    assert_eq!(hash(&x) == hash(&y), a == b, "{a} and {b}: equal hashes by accident are too rare to come up");
}

#[test]
fn all_pairs_of_small_integers() {
    for a in -130_i128..=130 {
        for b in -130_i128..=130 {
            let (x, y) = (Num::from(a), Num::from(b));
            assert_eq!(add(&x, &y), Ok(Num::from(a + b)));
            assert_eq!(sub(&x, &y), Ok(Num::from(a - b)));
            assert_eq!(mul(&x, &y), Ok(Num::from(a * b)));
            assert_eq!(bit_and(&x, &y), Ok(Num::from(a & b)));
            assert_eq!(bit_or(&x, &y), Ok(Num::from(a | b)));
            assert_eq!(bit_xor(&x, &y), Ok(Num::from(a ^ b)));
            assert_eq!(compare(&x, &y), Some(a.cmp(&b)));
            assert_eq!(compare(&x, &Num::Double(b as f64 + 0.5)), Some((2 * a).cmp(&(2 * b + 1))));
            if b != 0 {
                let quotient = (a.abs() / b.abs()) * a.signum() * b.signum();
                let below = if quotient * b != a && (a < 0) != (b < 0) { quotient - 1 } else { quotient };
                assert_eq!(div(&x, &y), Ok(Num::from(quotient)));
                assert_eq!(rem(&x, &y), Ok(Num::from(a - quotient * b)));
                assert_eq!(modulo(&x, &y), Ok(Num::from(a - below * b)));
                assert_eq!(double_div(&x, &y), Ok(Num::Double(a as f64 / b as f64)));
            }
            if (0..64).contains(&b) {
                assert_eq!(shl(&x, &y), Ok(Num::from(a * (1 << b))));
                assert_eq!(shr(&x, &y), Ok(Num::from((a as u64 >> b) as i64)));
            }
        }
    }
}

#[test]
fn all_pairs_of_borders() {
    let mut borders = Vec::new();
    for power in [0, 31, 32, 53, 61, 62, 63, 64, 65, 127, 128, 192] {
        for distance in -1_i32..=1 {
            borders.push(power_of_two(power) + distance);
            borders.push(-power_of_two(power) + distance);
        }
    }
    borders.sort();
    borders.dedup();
    for a in &borders {
        for b in &borders {
            check_integers(a, b);
        }
    }
}

#[test]
fn limits() {
    let largest_power = shl(&num("1"), &Num::from(MAX_BITS as i64 - 1)).unwrap();
    let half = shl(&num("1"), &Num::from(MAX_BITS as i64 / 2)).unwrap();
    assert_eq!(shl(&num("1"), &Num::from(MAX_BITS as i64)), Err(NumError::ShiftTooBig));
    assert_eq!(add(&largest_power, &largest_power), Err(NumError::IntegerTooLarge));
    assert_eq!(mul(&largest_power, &num("2")), Err(NumError::IntegerTooLarge));
    assert_eq!(mul(&half, &half), Err(NumError::IntegerTooLarge));
    assert_eq!(mul(&half, &div(&half, &num("2")).unwrap()), Ok(largest_power.clone()));
    assert_eq!(shr(&largest_power, &Num::from(MAX_BITS as i64 - 1)), Ok(Num::Int(1)));
    assert_eq!(shr(&num("1"), &Num::from(MAX_BITS as i64 + 1)), Err(NumError::ShiftTooBig));
    assert_eq!(parse_integer(&"9".repeat(MAX_BITS)), Err(NumError::IntegerTooLarge));
    // A double's argument can be at most 2^1024, so that this is as far as an operator can go: nothing overflows silently.
    assert_eq!(mul(&largest_power, &num("0.0")), Err(NumError::NotADouble));
}

#[test]
#[ignore = "a measurement: cargo test --release -p som times_at_the_limit -- --ignored --nocapture"]
fn times_at_the_limit() {
    let time = |name: &str, work: &dyn Fn() -> String| {
        let start = Instant::now();
        let result = work();
        println!("{name}: {:.2?}", start.elapsed());
        result
    };
    let all_ones = |bits: usize| Num::from((IBig::ONE << bits) / IBig::from(3));
    let (large, half) = (all_ones(MAX_BITS), all_ones(MAX_BITS / 2));
    let bits = |n: Result<Num, NumError>| n.map(|n| hash(&n).to_string()).unwrap();
    time("multiply", &|| bits(mul(&half, &half)));
    time("divide", &|| bits(div(&large, &half)));
    time("root", &|| bits(sqrt(&large)));
    let text = time("print", &|| large.to_string());
    time("parse", &|| bits(parse_integer(&text)));
}

fn any_integer() -> impl Strategy<Value = BigInt> {
    let near_power = (0_u32..300, -3_i32..=3, any::<bool>()).prop_map(|(power, distance, negative)| {
        let i: BigInt = power_of_two(power) + distance;
        if negative { -i } else { i }
    });
    let any_bytes =
        |length| prop::collection::vec(any::<u8>(), 0..length).prop_map(|b| BigInt::from_signed_bytes_le(&b));
    prop_oneof![any::<i64>().prop_map(BigInt::from), near_power, any_bytes(40), any_bytes(400)]
}

fn any_double() -> impl Strategy<Value = f64> {
    let special =
        [0.0, -0.0, 1.0, 0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE, 5e-324];
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<i64>().prop_map(|i| i as f64),
        (any::<i32>(), -70..70_i32).prop_map(|(i, e)| f64::from(i) * 2_f64.powi(e)),
        prop::sample::select(special.to_vec()),
    ]
}

fn any_number() -> impl Strategy<Value = Num> {
    prop_oneof![
        any_integer().prop_map(|i| from_reference(&i)),
        any::<i64>().prop_map(Num::Int),
        any::<i64>().prop_map(|i| Num::Big(IBig::from(i))),
        any_double().prop_map(Num::Double),
    ]
}

/// A finite double times 10^1074, which is an integer.
fn scaled(d: f64) -> BigInt {
    format!("{d:.1074}").replacen('.', "", 1).parse().unwrap()
}

proptest! {
    #[test]
    fn integers_against_reference(a in any_integer(), b in any_integer(), distance in 0_i64..300) {
        check_integers(&a, &b);
        check_integers(&a, &BigInt::from(distance));
    }

    #[test]
    fn integer_properties(i in any_integer()) {
        let n = from_reference(&i);
        let zero = BigInt::from(0);
        prop_assert_eq!(to_reference(&negated(&n)), -&i);
        prop_assert_eq!(to_reference(&abs(&n)), if i < zero { -&i } else { i.clone() });
        prop_assert_eq!(n.to_string(), i.to_string());
        prop_assert_eq!(parse_integer(&i.to_string()), Ok(n.clone()));
        prop_assert_eq!(as_double(&n), i.to_string().parse::<f64>().unwrap());
        let low = &i & BigInt::from(u32::MAX);
        prop_assert_eq!(to_reference(&as_32_bit_unsigned(&n).unwrap()), low.clone());
        let signed = i64::from(u32::try_from(low).unwrap() as i32);
        prop_assert_eq!(as_32_bit_signed(&n), Ok(Num::Int(signed)));
    }

    #[test]
    fn integer_roots(i in any_integer(), square in any::<bool>()) {
        let i = if i < BigInt::from(0) { -i } else { i };
        let i = if square { &i * &i } else { i };
        let root = i.sqrt();
        match sqrt(&from_reference(&i)).unwrap() {
            Num::Double(d) => {
                prop_assert!(&root * &root != i && root < BigInt::from(1_i64 << 53));
                prop_assert_eq!(d, i.to_string().parse::<f64>().unwrap().sqrt());
            }
            exact => {
                prop_assert!(&root * &root == i || root >= BigInt::from(1_i64 << 53));
                prop_assert_eq!(to_reference(&exact), root);
            }
        }
    }

    #[test]
    fn doubles_to_integers(d in any_double()) {
        let n = Num::Double(d);
        for (function, rounding) in [(as_integer as Unary, f64::trunc as fn(f64) -> f64), (round, f64::round), (floor, f64::floor), (ceiling, f64::ceil)] {
            match function(&n) {
                Ok(i) => prop_assert_eq!(to_reference(&i), format!("{:.0}", rounding(d)).parse::<BigInt>().unwrap()),
                Err(e) => prop_assert!(!d.is_finite() && matches!(e, NumError::NotFinite(_))),
            }
        }
    }

    #[test]
    fn integers_compare_exactly_with_doubles(i in any_integer(), d in any_double()) {
        let near = Num::Double(as_double(&from_reference(&i)));
        for d in [Num::Double(d), near] {
            let Num::Double(value) = d else { unreachable!() };
            let exact = if value.is_finite() {
                Some((&i * BigInt::from(10).pow(1074)).cmp(&scaled(value)))
            } else {
                0.0.partial_cmp(&value)
            };
            let n = from_reference(&i);
            prop_assert_eq!(compare(&n, &d), exact);
            prop_assert_eq!(compare(&d, &n), exact.map(Ordering::reverse));
        }
    }

    #[test]
    fn equal_numbers_have_equal_hashes(d in any_double()) {
        if let Ok(i) = as_integer(&Num::Double(d)) && compare(&i, &Num::Double(d)) == Some(Ordering::Equal) {
            prop_assert_eq!(hash(&i), hash(&Num::Double(d)));
        }
    }

    #[test]
    fn operators_on_doubles_are_those_of_the_machine(a in any_double(), b in any_double()) {
        let (x, y) = (Num::Double(a), Num::Double(b));
        for (function, machine) in [(add as Binary, a + b), (sub, a - b), (mul, a * b)] {
            prop_assert_eq!(shown(function(&x, &y)), Num::Double(machine).to_string());
        }
        prop_assert_eq!(shown(double_div(&x, &y)), Num::Double(a / b).to_string());
        if b != 0.0 {
            prop_assert_eq!(shown(modulo(&x, &y)), Num::Double(a % b).to_string());
        }
        prop_assert_eq!(compare(&x, &y), a.partial_cmp(&b));
    }

    #[test]
    fn printed_doubles_are_read_back(d in any_double()) {
        let text = Num::Double(d).to_string();
        let Ok(Num::Double(back)) = parse_double(&text) else { panic!("{text} is not read back") };
        prop_assert!(back.to_bits() == d.to_bits() || (back.is_nan() && d.is_nan()));
        prop_assert_eq!(text.contains('.'), d.is_finite());
    }

    #[test]
    fn nothing_panics(a in any_number(), b in any_number()) {
        for (_, function) in BINARY {
            shown(function(&a, &b));
        }
        for (_, function) in UNARY {
            shown(function(&a));
        }
        let order = compare(&a, &b);
        prop_assert_eq!(order.map(Ordering::reverse), compare(&b, &a));
        prop_assert!(order != Some(Ordering::Equal) || hash(&a) == hash(&b));
        prop_assert!((MIN_SMALL..=MAX_SMALL).contains(&hash(&a)));
    }

    #[test]
    fn parsing_never_panics(text in prop_oneof![".{0,20}", "-?[0-9.eE+-]{0,25}", "-?[0-9]{0,60}(\\.[0-9]{0,400})?"]) {
        if let Ok(n) = parse_integer(&text) {
            assert_canonical(&n);
        }
        if let Ok(n) = parse_double(&text) {
            prop_assert!(text.parse::<f64>().is_ok(), "{} from {}", n, text);
        }
    }
}

//! Division by constants against the evaluator: all small divisors and those at the boundaries of words, with all dividends at the boundaries, at multiples of the divisor and beside them.

use super::transfer::WORDS;
use crate::eval::evaluate;
use crate::ir::{Descriptors, OpCode, Ref, Unit};
use crate::opt::{Options, Scratch, optimise};
use crate::text::parse;

/// The value that a unit of pure operations returns.
fn run(unit: &Unit, argument: u64) -> Option<u64> {
    let mut values: Vec<u64> = Vec::new();
    for op in &unit.ops {
        let word = |word| match Ref::from_word(word).as_op() {
            Some(at) => values[at],
            None => Ref::from_word(word).as_constant().map_or(0, |number| unit.constants[number].1),
        };
        values.push(match op.code {
            OpCode::Label | OpCode::GuardTrue => 0,
            OpCode::Param => argument,
            OpCode::Return => return Some(word(unit.lists[op.a as usize + 1])),
            _ => evaluate(op, word(op.a), word(op.b), word(op.c))?,
        });
    }
    None
}

#[test]
fn quotients_and_remainders() {
    let mut divisors: Vec<i64> = (-130..=130).filter(|&divisor| divisor != 0).collect();
    divisors.extend(WORDS.iter().map(|&word| word as i64).filter(|&word| word != 0));
    divisors.extend([641, 6_700_417, 1_000_000_007, -1_000_000_007, 10_i64.pow(18), i64::MAX / 3]);
    let (mut scratch, mut out) = (Scratch::default(), Unit::default());
    for (name, sign) in [
        ("div_s", ""),
        ("rem_s", ""),
        ("div_s", "guard"),
        ("rem_s", "guard"),
        ("div_u", "guard"),
        ("rem_u", "guard"),
        ("div_u", ""),
    ] {
        for &divisor in &divisors {
            let mut descriptors = Descriptors::default();
            let guard = if sign.is_empty() { "" } else { "%c = le 0, %a guard_true %c [ ]" };
            let text = format!("entry(%a: int): {guard} %b = {name} %a, {divisor} return(%b)");
            let unit = parse(&text, &mut descriptors).unwrap();
            optimise(&unit, &mut descriptors, &Options::default(), &mut scratch, &mut out);
            let divides = |op: &crate::ir::Op| matches!(op.code, OpCode::DivS | OpCode::RemS);
            assert!(!out.ops.iter().any(divides) || divisor == i64::MIN, "{text}");
            let multiples = (-3..=3).chain([1 << 20, i64::MAX / divisor, i64::MIN / divisor.max(1)]);
            let around = multiples.flat_map(|factor: i64| {
                (-2..=2).map(move |offset| factor.wrapping_mul(divisor).wrapping_add(offset) as u64)
            });
            for dividend in around.chain(WORDS.iter().copied()) {
                if sign.is_empty() || dividend as i64 >= 0 {
                    let expected = run(&unit, dividend);
                    assert!(expected.is_none() || run(&out, dividend) == expected, "{dividend} in {text}");
                }
            }
        }
    }
}

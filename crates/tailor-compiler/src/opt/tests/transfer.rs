//! Facts against the evaluator: whatever words are in the operands' facts, their result is in the result's fact.
//!
//! # Why this is convincing
//! Facts are made of small words and of words at the boundaries (of signs, of widths, of tags), where intervals and carries go wrong; all pairs of facts are tried, with all words of the sample that are in them, so each test asks for the
//! boundary itself and for what is beyond it. Where a transfer function claims less than it could, nothing is wrong; so tightness is tested by the text cases.

use crate::eval::evaluate;
use crate::ir::{Op, OpCode, Type};
use crate::opt::facts::Fact;
use crate::opt::transfer::{operand_of, transfer};

/// Words at which something happens.
pub const WORDS: &[u64] = &[
    0,
    1,
    2,
    3,
    5,
    7,
    8,
    62,
    63,
    64,
    127,
    128,
    255,
    256,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x3fff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_fffe,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0x8000_0000_0000_0001,
    0xffff_ffff_8000_0000,
    0xffff_ffff_ffff_ff80,
    0xffff_ffff_ffff_fff8,
    0xffff_ffff_ffff_fffd,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
];

fn contains(fact: Fact, word: u64) -> bool {
    (fact.lo..=fact.hi).contains(&(word as i64)) && word & fact.zeros == 0 && word & fact.ones == fact.ones
}

fn facts() -> Vec<Fact> {
    let mut facts = vec![Fact::ANY, Fact::TRUTH, Fact::OBJECT];
    facts.extend(WORDS.iter().map(|&word| Fact::constant(word)));
    let bounds = [i64::MIN, i64::MIN + 1, -256, -3, -1, 0, 1, 7, 100, 1 << 40, i64::MAX - 1, i64::MAX];
    for (number, &lo) in bounds.iter().enumerate() {
        facts.extend(bounds[number..].iter().step_by(2).map(|&hi| Fact::range(lo, hi)));
    }
    for (zeros, ones) in [(1, 0), (0, 1), (6, 1), (1 << 63, 0), (0, 1 << 63), (0xff, 0), (3, 1 << 62), (!0xff, 0)] {
        facts.push(Fact::bits(zeros, ones));
        facts.push(Fact { lo: -8, hi: 1000, ..Fact::bits(zeros, ones) }.meet(Fact::ANY));
    }
    facts
}

fn words_of(fact: Fact) -> Vec<u64> {
    WORDS.iter().copied().filter(|&word| contains(fact, word)).collect()
}

#[test]
fn results_are_in_their_facts() {
    let facts: Vec<(Fact, Vec<u64>)> = facts().into_iter().map(|fact| (fact, words_of(fact))).collect();
    let mut decided = 0;
    for &code in OpCode::ALL {
        let kinds = code.operands();
        let integers = kinds.iter().all(|kind| matches!(kind, b'i' | b'r' | b'.'));
        if code.class() != crate::ir::opcode::Class::Pure || !integers || code == OpCode::Select {
            continue;
        }
        let binary = kinds[1] != b'.';
        for aux in if matches!(code, OpCode::SignExtend | OpCode::ZeroExtend) { &[8, 16, 32][..] } else { &[0] } {
            let op = Op { aux: *aux, ..Op::new(code, Type::Int) };
            for (a, words_a) in &facts {
                for (b, words_b) in if binary { &facts[..] } else { &facts[..1] } {
                    let result = transfer(&op, *a, *b, Fact::ANY);
                    decided += u32::from(result != Fact::ANY);
                    for &x in words_a {
                        for &y in if binary { &words_b[..] } else { &words_b[..1] } {
                            if let Some(value) = evaluate(&op, x, y, 0) {
                                assert!(
                                    contains(result, value),
                                    "{code:?} {x:#x} {y:#x} = {value:#x} not in {result:?}, of {a:?} and {b:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(decided > 50_000, "hardly anything is known: {decided}");
}

#[test]
fn select_and_lattice() {
    for a in facts() {
        for b in facts() {
            let (join, meet) = (a.join(b), a.meet(b));
            assert!(join.includes(a) && join.includes(b));
            assert!(join.sharpen().includes(a) && join.sharpen().includes(b), "{a:?} {b:?}");
            for &word in WORDS {
                if contains(a, word) || contains(b, word) {
                    assert!(contains(join, word));
                }
                if contains(a, word) && contains(b, word) {
                    assert!(contains(meet, word), "{word:#x} {a:?} {b:?} {meet:?}");
                }
                if contains(a, word) {
                    assert!(contains(a.sharpen(), word));
                }
            }
            let select = Op::new(OpCode::Select, Type::Int);
            for &condition in &[Fact::ANY, Fact::constant(0), Fact::constant(3), Fact::TRUTH] {
                let result = transfer(&select, condition, a, b);
                for &x in WORDS.iter().filter(|&&x| contains(condition, x)) {
                    for word in words_of(if x != 0 { a } else { b }) {
                        assert!(contains(result, word));
                    }
                }
            }
        }
    }
}

/// What a result says of an operand: every operand whose result is in the result's fact is in the operand's.
#[test]
fn operands_are_in_what_their_results_say() {
    let facts = facts();
    let mut learnt = 0;
    for code in [OpCode::Add, OpCode::Sar] {
        let op = Op::new(code, Type::Int);
        for known in &facts {
            for result in &facts {
                for &amount in WORDS {
                    for exact in [false, true] {
                        let Some(fact) = operand_of(&op, amount as i64, *known, *result, exact) else { continue };
                        learnt += u32::from(fact != Fact::ANY);
                        for x in words_of(*known) {
                            let wraps = (x as i64).checked_add(amount as i64).is_none();
                            let value = evaluate(&op, x, amount, 0).expect("has a value for all operands");
                            if contains(*result, value) && !(exact && wraps && code == OpCode::Add) {
                                assert!(
                                    contains(fact, x),
                                    "{code:?} {x:#x} {amount:#x} not in {fact:?}, of {result:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(learnt > 1000, "hardly anything is learnt: {learnt}");
}

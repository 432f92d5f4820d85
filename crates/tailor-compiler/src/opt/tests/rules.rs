//! Every rule against the evaluator, by its form alone: a rule that is added to the table is tested without anybody thinking of it.
//!
//! # Why this is convincing
//! - *Exhaustively at a width of four bits*: all values of all letters that satisfy the condition. The rules speak of no width but by the numbers 63 and 64, which are read as 3 and 4 there; everything else in them (signs, carries, shifts
//!   modulo the width, overflow, truncation of quotients) is there at four bits as at sixty-four. So a rule that is right for all words of four bits and wrong for longer ones would have to be wrong about
//!   a constant.
//! - *At sixty-four bits* with words at all boundaries, which catches wrong constants, and conditions that hold vacuously at four bits.
//! - Doubles: all pairs of the usual suspects.
//!
//! Moreover, each rule's pattern is made a unit and optimised, so that the matcher and the order of the table are tested as well: the rule, or another one before it, must apply.

use super::transfer::WORDS;
use crate::eval::evaluate;
use crate::ir::{Descriptors, Op, OpCode, Ref, Type, Unit};
use crate::opt::fold::result_type;
use crate::opt::rules::{Condition, LETTERS, Pattern, RULES, Replacement, Rule};
use crate::opt::{Options, Passes, Scratch, optimise};

/// Values of the letters.
type Letters = [u64; LETTERS];

const NARROW: u32 = 4;

/// Evaluates at a width, words being kept sign-extended.
#[derive(Clone, Copy)]
struct Evaluator {
    width: u32,
}

impl Evaluator {
    fn extend(self, word: u64) -> u64 {
        let unused = 64 - self.width;
        ((word << unused) as i64 >> unused) as u64
    }

    /// A number in a rule.
    fn literal(self, bits: u64) -> u64 {
        match bits {
            63 => u64::from(self.width) - 1,
            64 => u64::from(self.width),
            _ => bits,
        }
    }

    fn operation(self, code: OpCode, [a, b, c]: [u64; 3]) -> Option<u64> {
        let op = Op::new(code, result_type(code));
        if self.width == 64 {
            return evaluate(&op, a, b, c);
        }
        let mask = (1 << self.width) - 1;
        let amount = b % u64::from(self.width);
        let (sa, sb) = (i128::from(a as i64), i128::from(b as i64));
        let (ua, ub) = (u128::from(a & mask), u128::from(b & mask));
        let fits = |value: i128| i128::from(self.extend(value as u64) as i64) == value;
        let word = match code {
            OpCode::DivS | OpCode::RemS if sb == 0 || !fits(sa / sb) => return None,
            OpCode::DivU => (a & mask).checked_div(b & mask)?,
            OpCode::RemU => (a & mask).checked_rem(b & mask)?,
            OpCode::MulHiS => ((sa * sb) >> self.width) as u64,
            OpCode::MulHiU => ((ua * ub) >> self.width) as u64,
            OpCode::Shl => a << amount,
            OpCode::Shr => (a & mask) >> amount,
            OpCode::Sar => (a as i64 >> amount) as u64,
            OpCode::RotL => (a & mask) << amount | (a & mask) >> (u64::from(self.width) - amount),
            OpCode::Ctz => u64::from(a.trailing_zeros().min(self.width)),
            OpCode::Clz => u64::from((a & mask).leading_zeros() - (64 - self.width)),
            OpCode::PopCount => u64::from((a & mask).count_ones()),
            OpCode::OvfAdd => u64::from(!fits(sa + sb)),
            OpCode::OvfSub => u64::from(!fits(sa - sb)),
            OpCode::OvfMul => u64::from(!fits(sa * sb)),
            _ => evaluate(&op, a, b, c)?,
        };
        Some(self.extend(word))
    }

    fn pattern(self, pattern: &Pattern, letters: &Letters) -> Option<u64> {
        match *pattern {
            Pattern::Any(letter) | Pattern::Constant(letter) => Some(letters[letter]),
            Pattern::Bits(bits) => Some(self.literal(bits)),
            Pattern::Op(code, operands) => self.patterns(code, operands, letters),
        }
    }

    fn patterns(self, code: OpCode, operands: &[Pattern], letters: &Letters) -> Option<u64> {
        let mut words = [0; 3];
        for (word, operand) in words.iter_mut().zip(operands) {
            *word = self.pattern(operand, letters)?;
        }
        self.operation(code, words)
    }

    fn replacement(self, replacement: &Replacement, letters: &Letters) -> Option<u64> {
        match *replacement {
            Replacement::Letter(letter) => Some(letters[letter]),
            Replacement::Bits(bits) => Some(self.literal(bits)),
            Replacement::Op(code, operands) | Replacement::Computed(code, operands) => {
                let mut words = [0; 3];
                for (word, operand) in words.iter_mut().zip(operands) {
                    *word = self.replacement(operand, letters)?;
                }
                self.operation(code, words)
            }
        }
    }

    fn holds(self, condition: &Condition, letters: &Letters) -> bool {
        let mask = if self.width == 64 { !0 } else { (1 << self.width) - 1 };
        let word = |replacement: &Replacement| self.replacement(replacement, letters).expect("conditions have values");
        match condition {
            Condition::Always => true,
            Condition::PowerOfTwo(c) => (word(c) & mask).is_power_of_two(),
            Condition::Below(c, d) => word(c) & mask < word(d) & mask || word(d) == 64 && word(c) < 64,
            Condition::Same(c, d) => word(c) == word(d),
            Condition::Differ(c, d) => word(c) != word(d),
            Condition::NonNegative(x) => word(x) as i64 >= 0,
            Condition::Truth(x) => word(x) <= 1,
            Condition::Shiftable(x, c) => {
                let shifted = self.operation(OpCode::Shl, [word(x), word(c), 0]).expect("shifts have values");
                self.operation(OpCode::Sar, [shifted, word(c), 0]) == Some(word(x))
            }
            Condition::Within(x, c) => word(x) & !word(c) == 0,
            Condition::Covers(x, c) => word(c) & !word(x) == 0,
            Condition::ExactReciprocal(c) => {
                let value = f64::from_bits(word(c));
                value.is_normal()
                    && value.to_bits() << 12 == 0
                    && (1.0 / value).is_normal()
                    && value.abs() < 1e200
                    && value.abs() > 1e-200
            }
            Condition::All(conditions) => conditions.iter().all(|condition| self.holds(condition, letters)),
        }
    }
}

/// Which letters a pattern has.
fn letters_in(patterns: &[Pattern], found: &mut [bool; LETTERS]) {
    for pattern in patterns {
        match *pattern {
            Pattern::Any(letter) | Pattern::Constant(letter) => found[letter] = true,
            Pattern::Op(_, patterns) => letters_in(patterns, found),
            Pattern::Bits(_) => {}
        }
    }
}

fn is_float(code: OpCode, patterns: &[Pattern]) -> bool {
    result_type(code) == Type::Float
        || code.operands().contains(&b'f')
        || patterns.iter().any(|pattern| matches!(*pattern, Pattern::Op(code, patterns) if is_float(code, patterns)))
}

/// Calls `visit` with all choices of letters that occur in a rule.
fn for_all(rule: &Rule, words: &[u64], mut visit: impl FnMut(&Letters)) {
    let mut used = [false; LETTERS];
    letters_in(rule.operands, &mut used);
    let used: Vec<usize> = (0..LETTERS).filter(|&letter| used[letter]).collect();
    let mut choice = vec![0; used.len()];
    loop {
        let mut letters = [0; LETTERS];
        for (&letter, &number) in used.iter().zip(&choice) {
            letters[letter] = words[number];
        }
        visit(&letters);
        let Some(next) = choice.iter().rposition(|&number| number + 1 < words.len()) else { return };
        choice[next] += 1;
        choice[next + 1..].fill(0);
    }
}

fn same(a: Option<u64>, b: Option<u64>, float: bool) -> bool {
    let is_nan = |word: Option<u64>| word.is_some_and(|bits| f64::from_bits(bits).is_nan());
    a == b || float && is_nan(a) && is_nan(b)
}

fn check(width: u32, words: &[u64], rule: &Rule, float: bool) -> u64 {
    let evaluator = Evaluator { width };
    let mut applied = 0;
    for_all(rule, words, |letters| {
        let before = evaluator.patterns(rule.code, rule.operands, letters);
        if before.is_some() && evaluator.holds(&rule.condition, letters) {
            let after = evaluator.replacement(&rule.replacement, letters);
            assert!(same(before, after, float), "{} at {width} bits: {letters:x?} {before:x?} {after:x?}", rule.name);
            applied += 1;
        }
    });
    applied
}

fn floats() -> Vec<u64> {
    let floats = [0.0, 1.0, 2.0, 0.5, 3.0, 1e300, 1e-300, 5e-324, f64::MAX, f64::INFINITY, f64::NAN, 0.1, 1e16];
    floats.iter().flat_map(|&value: &f64| [value.to_bits(), (-value).to_bits()]).collect()
}

#[test]
fn rules_of_integers_exhaustively_at_four_bits() {
    let evaluator = Evaluator { width: NARROW };
    let words: Vec<u64> = (0..1 << NARROW).map(|word| evaluator.extend(word)).collect();
    for rule in RULES.iter().filter(|rule| !is_float(rule.code, rule.operands)) {
        let applied = check(NARROW, &words, rule, false);
        assert!(applied > 0, "{} never applies", rule.name);
    }
}

#[test]
fn rules_at_the_boundaries_of_words() {
    for rule in RULES {
        let float = is_float(rule.code, rule.operands);
        let mut words = if float { floats() } else { WORDS.to_vec() };
        if float {
            words.extend_from_slice(&WORDS[..4]);
        }
        let applied = check(64, &words, rule, float);
        assert!(applied > 0, "{} never applies", rule.name);
    }
}

/// The pattern as operations, letters of values being parameters.
fn build(unit: &mut Unit, pattern: &Pattern, letters: &Letters, values: &[Ref; LETTERS], ty: Type) -> Ref {
    match *pattern {
        Pattern::Any(letter) => values[letter],
        Pattern::Constant(letter) => unit.constant(ty, letters[letter]),
        Pattern::Bits(bits) => unit.constant(ty, bits),
        Pattern::Op(code, operands) => build_op(unit, code, operands, letters, values),
    }
}

fn build_op(unit: &mut Unit, code: OpCode, operands: &[Pattern], letters: &Letters, values: &[Ref; LETTERS]) -> Ref {
    let mut op = Op::new(code, result_type(code));
    let kinds = code.operands();
    for ((field, operand), kind) in [&mut op.a, &mut op.b, &mut op.c].into_iter().zip(operands).zip(kinds) {
        *field = build(unit, operand, letters, values, type_of(*kind)).word();
    }
    unit.push(op)
}

fn type_of(kind: u8) -> Type {
    match kind {
        b'f' => Type::Float,
        b'r' => Type::Ref,
        _ => Type::Int,
    }
}

/// The type of the values of a letter.
fn letter_type(code: OpCode, patterns: &[Pattern], letter: usize) -> Option<Type> {
    patterns.iter().zip(code.operands()).find_map(|(pattern, kind)| match *pattern {
        Pattern::Any(other) if other == letter => Some(type_of(*kind)),
        Pattern::Op(code, patterns) => letter_type(code, patterns, letter),
        _ => None,
    })
}

fn run(unit: &Unit, letters: &Letters) -> Option<u64> {
    let mut values: Vec<u64> = Vec::new();
    for (at, op) in unit.ops.iter().enumerate() {
        let word = |word| match Ref::from_word(word).as_op() {
            Some(at) => values[at],
            None => Ref::from_word(word).as_constant().map_or(0, |number| unit.constants[number].1),
        };
        let value = match op.code {
            OpCode::Label => 0,
            OpCode::Param => letters[at - 1],
            OpCode::Return => return Some(word(unit.lists[op.a as usize + 1])),
            _ => evaluate(op, word(op.a), word(op.b), word(op.c))?,
        };
        values.push(value);
    }
    None
}

#[test]
fn patterns_are_recognised() {
    for rule in RULES {
        let float = is_float(rule.code, rule.operands);
        let words = if float { floats() } else { WORDS.to_vec() };
        // Constants for which it applies, if no fact is asked for.
        let mut chosen = None;
        for_all(rule, &words, |letters| {
            let facts = format!("{:?}", rule.condition);
            let asks =
                ["NonNegative", "Truth", "Shiftable", "Within", "Covers"].iter().any(|fact| facts.contains(fact));
            if chosen.is_none() && !asks && (Evaluator { width: 64 }).holds(&rule.condition, letters) && letters[3] != 0
            {
                chosen = Some(*letters);
            }
        });
        let Some(letters) = chosen else { continue };
        let mut unit = Unit::default();
        let label = unit.new_label();
        unit.labels[0] = 0;
        unit.push(Op { a: label.0, ..Op::new(OpCode::Label, Type::Void) });
        let mut values = [Ref::NONE; LETTERS];
        for (letter, value) in values.iter_mut().enumerate() {
            let ty = letter_type(rule.code, rule.operands, letter).unwrap_or(Type::Int);
            *value = unit.push(Op::new(OpCode::Param, ty));
        }
        let root = build_op(&mut unit, rule.code, rule.operands, &letters, &values);
        let list = unit.list(&[root]);
        unit.push(Op { a: list.0, ..Op::new(OpCode::Return, Type::Void) });
        let mut out = Unit::default();
        let options = Options { passes: Passes::parse("fold,dce").unwrap(), ..Options::default() };
        optimise(&unit, &mut Descriptors::default(), &options, &mut Scratch::default(), &mut out);
        let root = out.ops.iter().filter(|op| op.code == rule.code).count();
        let kept = unit.ops.len() == out.ops.len() && root > 0 && unit.ops == out.ops;
        assert!(!kept, "{} does not apply:\n{:?}", rule.name, out.ops);
        for_all(rule, &words[..words.len().min(12)], |others| {
            let mut words = letters;
            words[..3].copy_from_slice(&others[..3]);
            let (before, after) = (run(&unit, &words), run(&out, &words));
            assert!(before.is_none() || same(before, after, float), "{}: {words:x?} {before:x?} {after:x?}", rule.name);
        });
    }
}

//! The pass `fold`: constants are computed, and operations replaced as [`rules`](super::rules) say.
//!
//! Operations are simplified as they are made, operands first; so a rule sees simplified operands, and its replacement is made of operations that are sent
//! through the same pipeline.
//!
//! # Invariants
//! - Rules look at the output only: what an operand is made of has been emitted, dominates the place, and is never removed before the walk ends.
//! - [`MAX_DEPTH`] bounds how often a replacement is replaced in turn: rules end by themselves, but the compiler's time must not depend on nobody making a mistake.

use std::sync::LazyLock;

use super::rules::{Condition, LETTERS, Pattern, RULES, Replacement, Rule};
use super::walk::Walk;
use crate::eval::evaluate;
use crate::ir::opcode::{Class, ResultType};
use crate::ir::{Op, OpCode, Ref, Type};

/// How deep replacements may be nested.
pub const MAX_DEPTH: u32 = 12;

/// The rules of each opcode.
static INDEX: LazyLock<Vec<Vec<&'static Rule>>> = LazyLock::new(|| {
    let mut index = vec![Vec::new(); OpCode::ALL.len()];
    for rule in RULES {
        index[rule.code as usize].push(rule);
    }
    index
});

/// What letters are bound to.
type Bindings = [Ref; LETTERS];

/// Whether the operands of `code` may change places.
pub fn is_commutative(code: OpCode) -> bool {
    matches!(
        code,
        OpCode::Add
            | OpCode::Mul
            | OpCode::MulHiS
            | OpCode::MulHiU
            | OpCode::And
            | OpCode::Or
            | OpCode::Xor
            | OpCode::OvfAdd
            | OpCode::OvfMul
            | OpCode::Eq
            | OpCode::Ne
            | OpCode::FAdd
            | OpCode::FMul
            | OpCode::FEq
            | OpCode::FNe
            | OpCode::RefEq
            | OpCode::RefNe
    )
}

/// The type of the value of a pure operation.
pub fn result_type(code: OpCode) -> Type {
    match code.result() {
        ResultType::F => Type::Float,
        ResultType::R => Type::Ref,
        _ => Type::Int,
    }
}

impl Walk<'_> {
    /// The value of `op`, if its operands are constants.
    pub(super) fn fold_constants(&mut self, op: &Op) -> Option<Ref> {
        debug_assert_eq!(op.code.class(), Class::Pure);
        let mut words = [0; 3];
        for (word, (kind, field)) in words.iter_mut().zip(op.fields()) {
            if kind != b'.' {
                *word = self.out.constants[Ref::from_word(field).as_constant()?].1;
            }
        }
        let bits = evaluate(op, words[0], words[1], words[2])?;
        Some(self.constant(op.ty, bits))
    }

    /// What a rule replaces `op` by, if one does.
    pub(super) fn apply_rules(&mut self, op: &Op, depth: u32) -> Option<Ref> {
        if depth >= MAX_DEPTH {
            return None;
        }
        for rule in &INDEX[op.code as usize] {
            self.count(1);
            if let Some(bindings) = self.match_rule(rule, op)
                && self.holds(&rule.condition, &bindings)
            {
                return Some(self.instantiate(&rule.replacement, &bindings, depth + 1));
            }
        }
        None
    }

    fn match_rule(&self, rule: &Rule, op: &Op) -> Option<Bindings> {
        let mut bindings = [Ref::NONE; LETTERS];
        if self.match_operands(rule.operands, op, &mut bindings) {
            return Some(bindings);
        }
        if is_commutative(op.code) {
            let mut bindings = [Ref::NONE; LETTERS];
            let swapped = Op { a: op.b, b: op.a, ..*op };
            return self.match_operands(rule.operands, &swapped, &mut bindings).then_some(bindings);
        }
        None
    }

    /// Whether the operands of `op` match.
    ///
    /// They are taken from the operation one by one: of an array of them, on the stack of this recursion, LLVM 22 makes code by which nested patterns never match.
    /// (`patterns_are_recognised` fails then, in a release build with one codegen unit.)
    fn match_operands(&self, patterns: &[Pattern], op: &Op, bindings: &mut Bindings) -> bool {
        patterns.iter().enumerate().all(|(number, pattern)| {
            let word = match number {
                0 => op.a,
                1 => op.b,
                _ => op.c,
            };
            self.match_value(pattern, Ref::from_word(word), bindings)
        })
    }

    fn match_value(&self, pattern: &Pattern, value: Ref, bindings: &mut Bindings) -> bool {
        match *pattern {
            Pattern::Any(letter) => bind(bindings, letter, value),
            Pattern::Constant(letter) => value.as_constant().is_some() && bind(bindings, letter, value),
            Pattern::Bits(bits) => value.as_constant().is_some_and(|number| self.out.constants[number].1 == bits),
            Pattern::Op(code, patterns) => {
                let Some(at) = value.as_op() else { return false };
                let op = &self.out.ops[at];
                op.code == code && self.match_operands(patterns, op, bindings)
            }
        }
    }

    /// The bits of a letter that is bound to a constant, of a number, or of what is computed of them.
    fn bits(&self, replacement: &Replacement, bindings: &Bindings) -> Option<u64> {
        match *replacement {
            Replacement::Letter(letter) => self.constant_bits(bindings[letter]),
            Replacement::Bits(bits) => Some(bits),
            Replacement::Op(..) => None,
            Replacement::Computed(code, operands) => {
                let mut words = [0; 3];
                for (word, operand) in words.iter_mut().zip(operands) {
                    *word = self.bits(operand, bindings)?;
                }
                evaluate(&Op::new(code, result_type(code)), words[0], words[1], words[2])
            }
        }
    }

    fn holds(&self, condition: &Condition, bindings: &Bindings) -> bool {
        let bits = |replacement| self.bits(replacement, bindings);
        let fact = |replacement: &Replacement| match *replacement {
            Replacement::Letter(letter) => self.fact(bindings[letter]),
            _ => super::facts::Fact::ANY,
        };
        match condition {
            Condition::Always => true,
            Condition::PowerOfTwo(c) => bits(c).is_some_and(u64::is_power_of_two),
            Condition::Below(c, d) => bits(c).zip(bits(d)).is_some_and(|(c, d)| c < d),
            Condition::Same(c, d) => bits(c).zip(bits(d)).is_some_and(|(c, d)| c == d),
            Condition::Differ(c, d) => bits(c).zip(bits(d)).is_some_and(|(c, d)| c != d),
            Condition::NonNegative(x) => fact(x).is_nonnegative(),
            Condition::Truth(x) => super::facts::Fact::TRUTH.includes(fact(x)),
            Condition::Shiftable(x, c) => bits(c).is_some_and(|c| {
                let most = i64::MAX >> (c & 63);
                !most <= fact(x).lo && fact(x).hi <= most
            }),
            Condition::Within(x, c) => bits(c).is_some_and(|c| !c & !fact(x).zeros == 0),
            Condition::Covers(x, c) => bits(c).is_some_and(|c| c & !fact(x).ones == 0),
            Condition::ExactReciprocal(c) => bits(c).is_some_and(|c| {
                let exponent = c >> 52 & 0x7ff;
                c << 12 == 0 && (0x100..0x700).contains(&exponent)
            }),
            Condition::All(conditions) => conditions.iter().all(|condition| self.holds(condition, bindings)),
        }
    }

    fn instantiate(&mut self, replacement: &Replacement, bindings: &Bindings, depth: u32) -> Ref {
        match *replacement {
            Replacement::Letter(letter) => bindings[letter],
            Replacement::Bits(bits) => self.constant(Type::Int, bits),
            Replacement::Computed(code, _) => {
                // Rules compute of constants that they have matched, with operations that have a value for all of them.
                let bits = self.bits(replacement, bindings).expect("a computed constant is one");
                self.constant(result_type(code), bits)
            }
            Replacement::Op(code, operands) => {
                let mut op = Op::new(code, result_type(code));
                let fields = [&mut op.a, &mut op.b, &mut op.c];
                for (field, operand) in fields.into_iter().zip(operands) {
                    *field = self.instantiate(operand, bindings, depth).word();
                }
                self.pure_at(op, depth)
            }
        }
    }
}

fn bind(bindings: &mut Bindings, letter: usize, value: Ref) -> bool {
    let bound = &mut bindings[letter];
    if *bound == Ref::NONE {
        *bound = value;
    }
    *bound == value
}

//! Expressions of type `bool` and `f64`.

use super::features::Feature as F;
use super::maker::{Maker, Row};
use super::pattern::may_be_guarded;
use super::tree::Code;
use super::types::{INTS, Type};

/// Ways to make a truth value.
pub const BOOL: &[Row] = &[
    (12, F::Comparisons, |m, _, size| Some(m.comparison(size))),
    (4, F::Comparisons, |m, ty, size| Some(m.short_circuit(ty, size))),
    (3, F::Bits, |m, ty, size| Some(m.binary(ty, &["&", "|", "^", "==", "!=", "<", ">="], size))),
    (2, F::Always, |m, ty, size| Some(Code::fill("(!#)", [m.expr(ty, size - 1)]))),
    (3, F::AggregateEq, |m, _, size| m.equality(size)),
    (3, F::RangeContains, |m, _, size| Some(m.contains(size))),
    (4, F::Matches, |m, _, size| Some(m.matches(size))),
    (3, F::OptionMethods, |m, _, size| Some(m.is_variant(size))),
    (1, F::Bits, |m, _, size| Some(m.number_test(size))),
    (1, F::FloatMethods, |m, _, size| Some(m.float_test(size))),
];

/// Ways to make a float.
pub const FLOAT: &[Row] = &[
    (12, F::Floats, |m, ty, size| Some(m.binary(ty, &["+", "-", "*", "/"], size))),
    (2, F::Floats, |m, ty, size| Some(m.binary(ty, &["%"], size))),
    (2, F::Floats, |m, ty, size| Some(Code::fill("(-(#))", [m.expr(ty, size - 1)]))),
    (4, F::FloatMethods, |m, ty, size| {
        let name = m.rng.pick(&["sqrt", "abs", "floor", "ceil", "trunc", "round_ties_even"]);
        Some(Code::fill(&format!("(#).{name}()"), [m.expr(ty, size - 1)]))
    }),
    (5, F::Casts, |m, _, size| {
        let from = Type::Int(m.rng.pick(&INTS));
        Some(Code::fill("((#) as f64)", [m.expr(&from, size - 1)]))
    }),
    (1, F::FloatBits, |m, _, size| {
        let bits = m.expr(&Type::Int(INTS[7]), size - 1);
        Some(Code::fill("f64::from_bits(#)", [bits]))
    }),
];

impl Maker<'_> {
    fn comparison(&mut self, size: usize) -> Code {
        let ty = match self.rng.below(10) {
            0 => Type::Float,
            1 => Type::Bool,
            _ => Type::Int(self.rng.pick(&INTS)),
        };
        let (a, b) = (self.expr(&ty, size / 2), self.expr(&ty, size / 2));
        Code::fill(&format!("((#) {} (#))", self.rng.pick(&["==", "!=", "<", "<=", ">", ">="])), [a, b])
    }

    fn short_circuit(&mut self, ty: &Type, size: usize) -> Code {
        let codes = self.exprs(&[ty.clone(), ty.clone(), ty.clone()], size);
        let template = self.rng.pick(&["(# && # && #)", "(# || # || #)", "((# && #) || #)", "(# && (# || #))"]);
        Code::fill(template, codes)
    }

    /// Equality of types that are compared by reference: what the left side borrows, the right side must not change.
    fn equality(&mut self, size: usize) -> Option<Code> {
        let ty = self.any_type(2);
        if !self.types.is_comparable(&ty) {
            return None;
        }
        let left = self.definite(&ty, size / 2);
        let right = self.without_assignments(|m| m.expr(&ty, size / 2));
        Some(Code::fill(&format!("(# {} (#))", self.rng.pick(&["==", "!="])), [left, right]))
    }

    fn contains(&mut self, size: usize) -> Code {
        let ty = Type::Int(self.rng.pick(&INTS));
        let codes = self.exprs(&[ty.clone(), ty.clone(), ty.clone()], size);
        let template = self.rng.pick(&["(#..#).contains(&(#))", "(#..=#).contains(&(#))"]);
        Code::fill(template, codes)
    }

    fn matches(&mut self, size: usize) -> Code {
        let ty = self.scrutinee_type();
        let subject = self.definite(&ty, size / 2);
        self.without_assignments(|m| {
            let pattern = m.pattern(&ty, 2);
            let guarded = may_be_guarded(&pattern) && m.rng.chance(40);
            let guard = guarded.then(|| m.expr(&Type::Bool, size / 3));
            match guard {
                Some(guard) => Code::fill(&format!("matches!(#, ({pattern}) if (#))"), [subject, guard]),
                None => Code::fill(&format!("matches!(#, ({pattern}))"), [subject]),
            }
        })
    }

    fn is_variant(&mut self, size: usize) -> Code {
        if self.rng.chance(30) {
            let inner = self.any_type(1);
            let value = self.definite(&Type::Option(Box::new(inner.clone())), size / 2);
            let test = self.closure(&[inner], &Type::Bool, size / 2);
            return Code::fill(&format!("#.{}(#)", self.rng.pick(&["is_some_and", "is_none_or"])), [value, test]);
        }
        let (ty, name) = if self.rng.chance(60) {
            (Type::Option(Box::new(self.any_type(1))), self.rng.pick(&["is_some", "is_none"]))
        } else {
            let (ok, error) = (self.any_type(1), self.any_type(1));
            (Type::Result(Box::new(ok), Box::new(error)), self.rng.pick(&["is_ok", "is_err"]))
        };
        let value = self.definite(&ty, size - 1);
        Code::fill(&format!("#.{name}()"), [value])
    }

    fn number_test(&mut self, size: usize) -> Code {
        let int = self.rng.pick(&INTS);
        let name = if int.signed { self.rng.pick(&["is_negative", "is_positive"]) } else { "is_power_of_two" };
        Code::fill(&format!("(#).{name}()"), [self.expr(&Type::Int(int), size - 1)])
    }

    fn float_test(&mut self, size: usize) -> Code {
        let name = self.rng.pick(&["is_nan", "is_finite", "is_infinite"]);
        Code::fill(&format!("(#).{name}()"), [self.expr(&Type::Float, size - 1)])
    }
}

//! Expressions of types made of others.

use super::features::Feature as F;
use super::maker::{Maker, Row};
use super::places::holes;
use super::tree::Code;
use super::types::{Type, U32};

/// Ways to make a tuple, an enum with data or an array.
pub const AGGREGATE: &[Row] = &[
    (10, F::Tuples, |m, ty, size| m.aggregate(ty, size)),
    (2, F::Arrays, |m, ty, size| match ty {
        Type::Array(element, count) => Some(Code::fill(&format!("[#; {count}]"), [m.expr(element, size - 1)])),
        _ => None,
    }),
    (3, F::Overflowing, |m, ty, size| m.overflowing_pair(ty, size)),
];

/// Ways to make an `Option`.
pub const OPTION: &[Row] = &[
    (8, F::Options, |m, ty, size| Some(Code::fill("Some(#)", [m.expr(inner(ty), size - 1)]))),
    (2, F::Options, |_, _, _| Some(Code::text("None"))),
    (5, F::CheckedMethods, |m, ty, size| m.checked_option(ty, size)),
    (3, F::OptionMethods, |m, ty, size| {
        let codes = m.exprs(&[Type::Bool, inner(ty).clone()], size);
        Some(Code::fill("(#).then_some(#)", codes))
    }),
    (3, F::OptionMethods, |m, ty, size| {
        let condition = m.expr(&Type::Bool, size / 2);
        let closure = m.closure(&[], inner(ty), size / 2);
        Some(Code::fill("(#).then(#)", [condition, closure]))
    }),
    (5, F::OptionMethods, |m, ty, size| Some(m.mapped_option(ty, size))),
    (3, F::ResultMethods, |m, ty, size| {
        let error = m.any_type(0);
        let result = Type::Result(Box::new(inner(ty).clone()), Box::new(error));
        Some(Code::fill("#.ok()", [m.definite(&result, size - 1)]))
    }),
];

/// Ways to make a `Result`.
pub const RESULT: &[Row] = &[
    (8, F::Results, |m, ty, size| Some(Code::fill("Ok(#)", [m.expr(both(ty).0, size - 1)]))),
    (6, F::Results, |m, ty, size| Some(Code::fill("Err(#)", [m.expr(both(ty).1, size - 1)]))),
    (4, F::OptionMethods, |m, ty, size| {
        let (ok, error) = both(ty);
        let option = m.definite(&Type::Option(Box::new(ok.clone())), size / 2);
        let error = m.expr(error, size / 2);
        Some(Code::fill("#.ok_or(#)", [option, error]))
    }),
    (5, F::ResultMethods, |m, ty, size| Some(m.mapped_result(ty, size))),
];

/// Ways to make a struct.
pub const STRUCT: &[Row] =
    &[(10, F::Structs, |m, ty, size| m.aggregate(ty, size)), (3, F::Update, |m, ty, size| m.updated(ty, size))];

/// Ways to make an enum without data.
pub const PLAIN: &[Row] = &[(1, F::Plain, |m, ty, _| Some(m.literal(ty)))];

fn inner(ty: &Type) -> &Type {
    match ty {
        Type::Option(inner) => inner,
        _ => unreachable!("the rows of options are asked for options"),
    }
}

fn both(ty: &Type) -> (&Type, &Type) {
    match ty {
        Type::Result(ok, error) => (ok, error),
        _ => unreachable!("the rows of results are asked for results"),
    }
}

impl Maker<'_> {
    /// From its parts.
    fn aggregate(&mut self, ty: &Type, size: usize) -> Option<Code> {
        match ty {
            Type::Tuple(elements) => {
                let codes = self.exprs(elements, size);
                Some(Code::fill(&format!("({})", holes(elements.len())), codes))
            }
            Type::Array(element, count) => {
                let codes = self.exprs(&vec![(**element).clone(); *count], size);
                Some(Code::fill(&format!("[{}]", holes(*count)), codes))
            }
            Type::Struct(i) => {
                let fields = self.types.structs[*i].fields.clone();
                let codes = self.exprs(&fields, size);
                if self.types.structs[*i].named && self.rng.chance(50) {
                    // Written, and so evaluated, the other way round.
                    let list: Vec<_> = (0..fields.len()).rev().map(|k| format!("f{k}: #")).collect();
                    return Some(Code::fill(&format!("Rec{i} {{ {} }}", list.join(", ")), codes.into_iter().rev()));
                }
                Some(self.types.make_struct(*i, codes))
            }
            Type::Enum(i) => {
                let variant = self.rng.below(self.types.enums[*i].len());
                let payload = self.types.enums[*i][variant].clone();
                let codes = self.exprs(&payload, size);
                Some(self.types.make_variant(*i, variant, codes))
            }
            _ => None,
        }
    }

    /// `Rec0 { f1: e, ..base }`
    fn updated(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let Type::Struct(i) = ty else { return None };
        let fields = &self.types.structs[*i];
        if !fields.named {
            return None;
        }
        let k = self.rng.below(fields.fields.len());
        let field = fields.fields[k].clone();
        let codes = [self.expr(&field, size / 2), self.expr(ty, size / 2)];
        Some(Code::fill(&format!("Rec{i} {{ f{k}: #, ..# }}"), codes))
    }

    fn overflowing_pair(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let Type::Tuple(elements) = ty else { return None };
        match &elements[..] {
            [Type::Int(int), Type::Bool] => {
                let name = self.rng.pick(&["overflowing_add", "overflowing_sub", "overflowing_mul"]);
                Some(self.method(&Type::Int(*int), &[name], size))
            }
            _ => None,
        }
    }

    fn checked_option(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let int @ Type::Int(_) = inner(ty) else { return None };
        if self.rng.chance(20) {
            let codes = [self.expr(int, size / 2), self.expr(&Type::Int(U32), size / 2)];
            return Some(Code::fill(self.rng.pick(&["(#).checked_shl(#)", "(#).checked_shr(#)"]), codes));
        }
        let name = self.rng.pick(&["checked_add", "checked_sub", "checked_mul", "checked_div", "checked_rem"]);
        Some(self.method(int, &[name], size))
    }

    fn mapped_option(&mut self, ty: &Type, size: usize) -> Code {
        let from = self.any_type(1);
        let option = self.definite(&Type::Option(Box::new(from.clone())), size / 2);
        let (template, result) = match self.rng.below(6) {
            0 => ("#.and_then(#)", ty),
            1 => return Code::fill("#.map(Some).unwrap_or(#)", [self.definite(ty, size / 2), self.expr(ty, size / 2)]),
            2 => return Code::fill("#.or(#)", [self.definite(ty, size / 2), self.expr(ty, size / 2)]),
            3 => {
                let value = self.definite(ty, size / 2);
                let otherwise = self.closure(&[], ty, size / 2);
                return Code::fill("#.or_else(#)", [value, otherwise]);
            }
            _ => ("#.map(#)", inner(ty)),
        };
        let closure = self.closure(&[from], result, size / 2);
        Code::fill(template, [option, closure])
    }

    fn mapped_result(&mut self, ty: &Type, size: usize) -> Code {
        let (ok, error) = both(ty);
        let from = self.any_type(1);
        let result = |ok: &Type, error: &Type| Type::Result(Box::new(ok.clone()), Box::new(error.clone()));
        let (template, of, gives) = match self.rng.below(3) {
            0 => ("#.map(#)", result(&from, error), ok),
            1 => ("#.map_err(#)", result(ok, &from), error),
            _ => ("#.and_then(#)", result(&from, error), ty),
        };
        let value = self.definite(&of, size / 2);
        let closure = self.closure(&[from], gives, size / 2);
        Code::fill(template, [value, closure])
    }

    /// What an `Option` contains, or something else.
    pub fn of_option(&mut self, ty: &Type, size: usize) -> Code {
        let option = Type::Option(Box::new(ty.clone()));
        let value = self.definite(&option, size / 2);
        match self.rng.below(10) {
            0 => Code::fill("#.unwrap()", [value]),
            1 => Code::fill("#.expect(\"there is one\")", [value]),
            2 | 3 => {
                let closure = self.closure(&[], ty, size / 2);
                Code::fill("#.unwrap_or_else(#)", [value, closure])
            }
            4 | 5 => {
                let from = self.any_type(1);
                let value = self.definite(&Type::Option(Box::new(from.clone())), size / 3);
                let otherwise = self.expr(ty, size / 3);
                let closure = self.closure(&[from], ty, size / 3);
                Code::fill("#.map_or(#, #)", [value, otherwise, closure])
            }
            _ => Code::fill("#.unwrap_or(#)", [value, self.expr(ty, size / 2)]),
        }
    }

    /// What a `Result` contains, or something else.
    pub fn of_result(&mut self, ty: &Type, size: usize) -> Code {
        let error = self.any_type(1);
        let result = Type::Result(Box::new(ty.clone()), Box::new(error.clone()));
        let value = self.definite(&result, size / 2);
        match self.rng.below(3) {
            0 => {
                let closure = self.closure(&[error], ty, size / 2);
                Code::fill("#.unwrap_or_else(#)", [value, closure])
            }
            _ => Code::fill("#.unwrap_or(#)", [value, self.expr(ty, size / 2)]),
        }
    }

    /// `e?`, where the function's result allows it.
    pub fn question(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let of = match self.scope.result.as_ref()? {
            Type::Option(_) => Type::Option(Box::new(ty.clone())),
            Type::Result(_, error) => Type::Result(Box::new(ty.clone()), error.clone()),
            _ => return None,
        };
        Some(Code::fill("#?", [self.definite(&of, size - 1)]))
    }
}

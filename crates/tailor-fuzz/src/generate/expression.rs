//! Expressions of any type: control flow, calls, projections, order of evaluation.

use super::aggregate::{AGGREGATE, OPTION, PLAIN, RESULT, STRUCT};
use super::features::{Feature as F, enabled};
use super::integer::INTEGER;
use super::maker::{Maker, Row};
use super::places::holes;
use super::scalar::{BOOL, FLOAT};
use super::scope::Label;
use super::tree::Code;
use super::types::Type;

/// Ways to make an expression of any type.
const ANY: &[Row] = &[
    (5, F::IfValue, |m, ty, size| Some(m.if_value(ty, size))),
    (4, F::IfLet, |m, ty, size| Some(m.if_let_value(ty, size))),
    (6, F::Match, |m, ty, size| Some(m.match_value(ty, size))),
    (4, F::Switches, |m, ty, size| Some(m.switch(ty, size))),
    (4, F::Blocks, |m, ty, size| Some(m.block(ty, size))),
    (3, F::LabelledBlocks, |m, ty, size| Some(m.labelled(ty, size))),
    (3, F::Loops, |m, ty, size| m.loop_value(ty, size)),
    (4, F::World, |m, ty, size| m.logged(ty, size)),
    (5, F::NestedAssignments, |m, ty, size| m.assigned(ty, size)),
    (3, F::Tuples, |m, ty, size| Some(m.of_tuple(ty, size))),
    (3, F::Structs, |m, ty, size| m.of_struct(ty, size)),
    (3, F::ArrayIndex, |m, ty, size| m.of_array(ty, size)),
    (3, F::OptionMethods, |m, ty, size| Some(m.of_option(ty, size))),
    (2, F::ResultMethods, |m, ty, size| Some(m.of_result(ty, size))),
    (3, F::Question, |m, ty, size| m.question(ty, size)),
    (8, F::Calls, |m, ty, size| m.call(ty, size)),
    (4, F::Closures, |m, ty, size| Some(m.with_closure(ty, size))),
    (4, F::Closures, |m, ty, size| m.call_closure(ty, size)),
    (2, F::MutatingClosures, |m, ty, size| m.mutating_closure(ty, size)),
    (2, F::MovingClosures, |m, ty, size| m.moving_closure(ty, size)),
    (2, F::LocalMacros, |m, ty, size| Some(m.local_macro(ty, size))),
    (3, F::Generics, |m, ty, size| Some(m.generic(ty, size))),
];

impl Maker<'_> {
    /// An expression of a type and about a size.
    pub fn expr(&mut self, ty: &Type, size: usize) -> Code {
        if size == 0 || self.rng.chance(8) {
            return self.leaf(ty);
        }
        let own: &[&[Row]] = match ty {
            Type::Int(_) => &[INTEGER],
            Type::Bool => &[BOOL],
            Type::Float => &[FLOAT],
            Type::Option(_) => &[OPTION, AGGREGATE],
            Type::Result(..) => &[RESULT, AGGREGATE],
            Type::Struct(_) => &[STRUCT, AGGREGATE],
            Type::Plain(_) => &[PLAIN],
            _ => &[AGGREGATE],
        };
        let tables = if self.rng.chance(55) { own } else { &[ANY] };
        match self.by_table(tables, ty, size) {
            Some(code) => self.part(code, ty),
            None => self.leaf(ty),
        }
    }

    /// An expression whose type is plain from itself, in parentheses.
    pub fn definite(&mut self, ty: &Type, size: usize) -> Code {
        let code = self.expr(ty, size);
        if ty.is_definite() {
            return Code::fill("(#)", [code]);
        }
        Code::fill(&format!("({{ let t: {} = #; t }})", ty.text()), [code])
    }

    /// Several expressions.
    pub fn exprs(&mut self, types: &[Type], size: usize) -> Vec<Code> {
        let share = size.saturating_sub(1) / types.len().max(1);
        types.iter().map(|t| self.expr(t, share)).collect()
    }

    fn if_value(&mut self, ty: &Type, size: usize) -> Code {
        let condition = self.expr(&Type::Bool, size / 3);
        let then = self.arm(ty, size / 3);
        let otherwise = self.block(ty, size / 3);
        Code::fill("if (#) # else #", [condition, then, otherwise])
    }

    fn if_let_value(&mut self, ty: &Type, size: usize) -> Code {
        let then = self.scoped(|m| {
            let condition = m.conditions(size / 2);
            let then = m.arm(ty, size / 3);
            Code::fill("if # #", [condition, then])
        });
        let otherwise = self.block(ty, size / 3);
        Code::fill("# else #", [then, otherwise])
    }

    /// Conditions and `let`s joined by `&&`, whose names stay declared.
    pub fn conditions(&mut self, size: usize) -> Code {
        let count = 1 + self.rng.below(3);
        let conjuncts: Vec<_> = (0..count)
            .map(|_| {
                if self.rng.chance(30) {
                    return Code::fill("(#)", [self.expr(&Type::Bool, size / count)]);
                }
                let ty = self.scrutinee_type();
                let subject = self.definite(&ty, size / count);
                let pattern = self.pattern(&ty, 2);
                Code::fill(&format!("let {pattern} = #"), [subject])
            })
            .collect();
        Code::join(conjuncts, " && ")
    }

    /// `{ statements; value }`
    pub fn block(&mut self, ty: &Type, size: usize) -> Code {
        self.scoped(|m| {
            let statements = m.statements(size / 2);
            let value = m.expr(ty, size / 2);
            Code::fill("{\n##\n}", [statements, value])
        })
    }

    /// A block that may leave; its type is `!` then, so another one beside it must have the right one.
    pub fn arm(&mut self, ty: &Type, size: usize) -> Code {
        if !self.rng.chance(12) {
            return self.block(ty, size);
        }
        self.scoped(|m| {
            let statements = m.statements(size / 2);
            match m.diverge() {
                Some(leave) => Code::fill("{\n##\n}", [statements, leave]),
                None => m.block(ty, size),
            }
        })
    }

    fn labelled(&mut self, ty: &Type, size: usize) -> Code {
        let name = self.name("'b");
        self.scope.labels.push(Label { name: name.clone(), value: Some(ty.clone()), is_loop: false });
        let body = self.scoped(|m| {
            let statements = m.statements(size / 3);
            let condition = m.expr(&Type::Bool, size / 4);
            let early = m.expr(ty, size / 4);
            let leave = Code::fill(&format!("if (#) {{\nbreak {name} (#);\n}}\n"), [condition, early]).part("");
            let value = m.expr(ty, size / 3);
            Code::fill("###", [statements, leave, value])
        });
        self.scope.labels.pop();
        Code::fill(&format!("{name}: {{\n#\n}}"), [body])
    }

    fn loop_value(&mut self, ty: &Type, size: usize) -> Option<Code> {
        if !self.scope.world {
            return None;
        }
        let name = self.name("'l");
        let last = self.leaf(ty);
        self.scope.labels.push(Label { name: name.clone(), value: Some(ty.clone()), is_loop: true });
        let body = self.scoped(|m| {
            let statements = m.statements(size / 3);
            let condition = m.expr(&Type::Bool, size / 4);
            let value = m.expr(ty, size / 3);
            let target = if m.rng.chance(50) { name.as_str() } else { "" };
            let leave = Code::fill(&format!("if (#) {{\nbreak {target} (#);\n}}"), [condition, value]).part("");
            Code::fill("##", [statements, leave])
        });
        self.scope.labels.pop();
        Some(Code::fill(&format!("{name}: loop {{\nif w.tick() {{\nbreak {name} (#);\n}}\n#\n}}"), [last, body]))
    }

    /// Leaves a trace of when the expression is evaluated.
    fn logged(&mut self, ty: &Type, size: usize) -> Option<Code> {
        if !self.scope.world {
            return None;
        }
        let (mark, before) = (self.rng.below(1000), self.rng.chance(50));
        let code = self.expr(ty, size - 1);
        let text = ty.text();
        Some(if before {
            Code::fill(&format!("{{ w.log({mark}u32); # }}"), [code])
        } else {
            Code::fill(&format!("{{ let t: {text} = #; w.log({mark}u32); t }}"), [code])
        })
    }

    /// An assignment within an expression.
    fn assigned(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let (place, _) = self.write_place(Some(ty))?;
        let value = self.expr(ty, size - 1);
        let assignment = Code::fill(&format!("{place} = #;"), [value]).part("");
        let after = if self.rng.chance(60) { Code::text(place) } else { self.leaf(ty) };
        Some(Code::fill("{ # # }", [assignment, after]))
    }

    fn of_tuple(&mut self, ty: &Type, size: usize) -> Code {
        let count = 2 + self.rng.below(2);
        let index = self.rng.below(count);
        let types: Vec<_> = (0..count).map(|i| if i == index { ty.clone() } else { self.any_type(1) }).collect();
        let tuple = self.definite(&Type::Tuple(types), size - 1);
        Code::fill(&format!("#.{index}"), [tuple])
    }

    fn of_struct(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let mut found = Vec::new();
        for (i, s) in self.types.structs.iter().enumerate() {
            found.extend((0..s.fields.len()).filter(|k| s.fields[*k] == *ty).map(|k| (i, k)));
        }
        let (i, k) = *found.get(self.rng.below(found.len().max(1)))?;
        let value = self.expr(&Type::Struct(i), size - 1);
        Some(Code::fill(&format!("(#).{}", self.types.field(i, k)), [value]))
    }

    /// An element, at an index that may be out of bounds.
    fn of_array(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let count = 1 + self.rng.below(4);
        let array = Type::Array(Box::new(ty.clone()), count);
        let base = match self.read_place(&array) {
            Some(place) if self.rng.chance(70) => place,
            _ => self.definite(&array, size / 2),
        };
        let index = self.index(count, size / 2);
        Some(Code::fill("#[#]", [base, index]))
    }

    /// An index, mostly below `count`.
    pub fn index(&mut self, count: usize, size: usize) -> Code {
        match self.rng.below(20) {
            0 => self.expr(&Type::Int(super::types::USIZE), size),
            1 | 2 => self.safe_index(count + 1, size),
            _ => self.safe_index(count, size),
        }
    }

    /// An index below `count`.
    pub fn safe_index(&mut self, count: usize, size: usize) -> Code {
        let index = self.expr(&Type::Int(super::types::USIZE), size);
        Code::fill(&format!("(# % {count}usize)"), [index])
    }

    /// A call of a function that gives this type.
    fn call(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let candidates: Vec<_> = self
            .functions
            .iter()
            .filter(|f| f.result == *ty && (!f.world || self.scope.world) && (!f.mobile || self.scope.mobile))
            .filter(|f| !self.inlined || !f.takes_closures())
            .collect();
        let function = (*candidates.get(self.rng.below(candidates.len().max(1)))?).clone();
        if !function.world && !self.scope.world {
            // Without fuel, calls among such functions might never end.
            return None;
        }
        Some(self.call_of(&function, size))
    }

    /// `pick`, `twice`... of the support library, which are generic.
    fn generic(&mut self, ty: &Type, size: usize) -> Code {
        let text = ty.text();
        match self.rng.below(3) {
            0 => {
                let codes = self.exprs(&[Type::Bool, ty.clone(), ty.clone()], size);
                Code::fill("pick(#, #, #)", codes)
            }
            1 => {
                let pair = Type::Tuple(vec![self.any_type(0), ty.clone()]);
                let code = self.definite(&pair, size - 1);
                Code::fill("swapped(#).0", [code])
            }
            _ => {
                let code = self.exprs(&[Type::Option(Box::new(ty.clone())), ty.clone()], size);
                Code::fill(&format!("or_else::<{text}>({})", holes(2)), code)
            }
        }
    }

    /// A macro of a block's own.
    fn local_macro(&mut self, ty: &Type, size: usize) -> Code {
        let name = self.name("mac");
        let codes = self.exprs(&[ty.clone(), Type::Bool, ty.clone()], size);
        let definition = format!(
            "macro_rules! {name} {{\n($a:expr, $c:expr, $b:expr, $t:ty) => {{\n\
             if $c {{ let t: $t = $a; t }} else {{ $b }}\n}};\n}}"
        );
        Code::fill(&format!("{{\n{definition}\n{name}!(#, #, #, {})\n}}", ty.text()), codes)
    }

    /// A statement that leaves: `return`, `break`, `continue` or a panic.
    pub fn diverge(&mut self) -> Option<Code> {
        if self.rng.chance(12) && enabled(F::Panics) {
            let message = self.rng.below(100);
            return Some(match self.rng.below(3) {
                0 => Code::text(format!("panic!(\"message {message}\");")),
                1 => Code::text("unreachable!();".to_string()),
                _ => Code::text(format!("unreachable!(\"never {message}\");")),
            });
        }
        let labels = self.scope.labels.len();
        if labels > 0 && self.rng.chance(60) {
            let label = self.scope.labels[self.rng.below(labels)].clone();
            if label.is_loop && self.rng.chance(40) {
                return Some(Code::text(format!("continue {};", label.name)));
            }
            return Some(match &label.value {
                Some(ty) => Code::fill(&format!("break {} (#);", label.name), [self.leaf(ty)]),
                None => Code::text(format!("break {};", label.name)),
            });
        }
        if !enabled(F::EarlyReturn) {
            return None;
        }
        let result = self.scope.result.clone()?;
        Some(Code::fill("return #;", [self.leaf(&result)]))
    }
}

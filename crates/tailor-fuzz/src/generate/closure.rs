//! Closures.

use super::features::{Feature as F, enabled};
use super::maker::Maker;
use super::scope::Closure;
use super::tree::Code;
use super::types::Type;

impl Maker<'_> {
    /// A closure that assigns to nothing outside of it; used up by the call that it is an argument of.
    pub fn closure(&mut self, parameters: &[Type], result: &Type, size: usize) -> Code {
        self.closure_and_captures(parameters, result, size).0
    }

    /// A closure and the variables that it borrows.
    fn closure_and_captures(&mut self, parameters: &[Type], result: &Type, size: usize) -> (Code, Vec<usize>) {
        let outside = self.scope.variables.len();
        let labels = std::mem::take(&mut self.scope.labels);
        let returns = self.scope.result.take();
        let captured = std::mem::take(&mut self.scope.captured);
        let floor = std::mem::replace(&mut self.scope.closure_floor, outside);
        self.scope.result = enabled(F::ClosureReturns).then(|| result.clone());
        let code = self.without_assignments(|m| {
            let names: Vec<_> = parameters
                .iter()
                .map(|ty| {
                    let pattern = if m.rng.chance(20) { m.irrefutable(ty, 1) } else { m.parameter(ty) };
                    format!("{pattern}: {}", ty.text())
                })
                .collect();
            let body = m.block(result, size);
            Code::fill(&format!("|{}| -> {} #", names.join(", "), result.text()), [body])
        });
        self.scope.labels = labels;
        self.scope.result = returns;
        self.scope.closure_floor = floor;
        let captures = std::mem::replace(&mut self.scope.captured, captured);
        // What it borrows of outside of a closure around it, that one borrows, too.
        captures.iter().for_each(|i| self.scope.read(*i));
        (code, captures)
    }

    fn parameter(&mut self, ty: &Type) -> String {
        let name = self.name("a");
        self.scope.declare(&name, ty, false);
        name
    }

    /// A statement that declares a closure.
    pub fn let_closure(&mut self, size: usize) -> Code {
        let (parameters, result) = self.closure_type();
        self.declare_closure(parameters, result, size)
    }

    fn closure_type(&mut self) -> (Vec<Type>, Type) {
        let parameters = (0..self.rng.below(3)).map(|_| self.any_type(1)).collect();
        (parameters, self.any_type(1))
    }

    fn declare_closure(&mut self, parameters: Vec<Type>, result: Type, size: usize) -> Code {
        let name = self.name("c");
        let (code, captures) = self.closure_and_captures(&parameters, &result, size);
        captures.iter().for_each(|i| self.scope.variables[*i].frozen = true);
        self.scope.closures.push(Closure { name: name.clone(), parameters, result });
        Code::fill(&format!("let {name} = #;\n"), [code])
    }

    /// A block that declares a closure and calls it.
    pub fn with_closure(&mut self, ty: &Type, size: usize) -> Code {
        self.scoped(|m| {
            let parameters = m.closure_type().0;
            let declaration = m.declare_closure(parameters.clone(), ty.clone(), size / 2);
            let name = m.scope.closures[m.scope.closures.len() - 1].name.clone();
            let statements = m.statements(size / 4);
            let call = m.call_named(&name, &parameters, size / 4);
            Code::fill("{\n###\n}", [declaration, statements, call])
        })
    }

    /// A call of a closure that is there.
    pub fn call_closure(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let closures: Vec<_> = self.scope.closures.iter().filter(|c| c.result == *ty).cloned().collect();
        let closure = closures.get(self.rng.below(closures.len().max(1)))?;
        Some(self.call_named(&closure.name, &closure.parameters, size))
    }

    fn call_named(&mut self, name: &str, parameters: &[Type], size: usize) -> Code {
        let arguments = self.exprs(parameters, size);
        Code::fill(&format!("{name}({})", super::places::holes(parameters.len())), arguments)
    }

    /// A closure that assigns to what it captures, called twice.
    pub fn mutating_closure(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let place = self.local_place(ty)?;
        let (name, text) = (self.name("c"), ty.text());
        let arguments = [self.expr(ty, size / 4), self.expr(ty, size / 4)];
        let (argument, body) = self.assigning_body(ty, size / 2);
        let [first, second] = arguments;
        Some(Code::fill(
            &format!(
                "{{\nlet t1: {text} = #;\nlet t2: {text} = #;\n\
                 let mut {name} = |{argument}: {text}| -> {text} {{ {place} = #; {place} }};\n\
                 let t3: {text} = {name}(t1);\n{name}(t2)\n}}"
            ),
            [first, second, body],
        ))
    }

    /// A closure that has its own copy of what it captures, called before and after that changes.
    pub fn moving_closure(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let place = self.local_place(ty)?;
        let (name, text) = (self.name("c"), ty.text());
        let (argument, body) = self.assigning_body(ty, size / 2);
        let assigns = enabled(F::MutatingClosures) && self.rng.chance(50);
        let (keyword, act) =
            if assigns { ("let mut", format!("{place} =")) } else { ("let", format!("let t0: {text} =")) };
        let codes = [body, self.leaf(ty), self.expr(ty, size / 4), self.leaf(ty)];
        let result = self.rng.pick(&["t1", "t2", place.as_str()]).to_string();
        Some(Code::fill(
            &format!(
                "{{\n{keyword} {name} = move |{argument}: {text}| -> {text} {{ {act} #; {place} }};\n\
                 let t1: {text} = {name}(#);\n{place} = #;\nlet t2: {text} = {name}(#);\n{result}\n}}"
            ),
            codes,
        ))
    }

    /// A place in a local variable.
    fn local_place(&mut self, ty: &Type) -> Option<String> {
        let mobile = std::mem::replace(&mut self.scope.mobile, false);
        let place = self.write_place(Some(ty));
        self.scope.mobile = mobile;
        place.map(|(place, _)| place)
    }

    /// What such a closure assigns: an expression with its parameter.
    fn assigning_body(&mut self, ty: &Type, size: usize) -> (String, Code) {
        let labels = std::mem::take(&mut self.scope.labels);
        let returns = self.scope.result.take();
        let argument = self.name("a");
        let body = self.without_assignments(|m| {
            m.scope.declare(&argument, ty, false);
            m.expr(ty, size)
        });
        self.scope.labels = labels;
        self.scope.result = returns;
        (argument, body)
    }
}

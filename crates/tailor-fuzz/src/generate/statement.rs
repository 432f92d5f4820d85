//! Statements.

use super::features::{Feature as F, enabled};
use super::integer::{STACK_WORDS, stack_access, world_array, world_pointer};
use super::maker::{Maker, Row};
use super::places::cell_of;
use super::scope::Label;
use super::tree::{Code, IDLE};
use super::types::{INTS, Type};

/// Kinds of statements. The type means nothing.
const STATEMENTS: &[Row] = &[
    (14, F::Always, |m, _, size| Some(m.let_plain(size))),
    (5, F::Tuples, |m, _, size| Some(m.let_pattern(size))),
    (4, F::LetElse, |m, _, size| m.let_else(size)),
    (3, F::DeferredInit, |m, _, size| Some(m.deferred(size))),
    (12, F::Assignments, |m, _, size| m.assign(size)),
    (10, F::Assignments, |m, _, size| m.compound(size)),
    (4, F::ArrayIndex, |m, _, size| m.assign_element(size)),
    (4, F::Destructuring, |m, _, size| m.destructure(size)),
    (8, F::World, |m, _, size| m.set_cell(size)),
    (5, F::WorldArrays, |m, _, size| m.set_world_array(size)),
    (3, F::GuestStack, |m, _, size| m.set_stack(size)),
    (4, F::World, |m, _, _| m.scope.world.then(|| Code::text(format!("w.log({}u32);", m.rng.below(1000))))),
    (6, F::IfValue, |m, _, size| Some(m.if_statement(size))),
    (5, F::IfLet, |m, _, size| Some(m.if_let_statement(size))),
    (5, F::Match, |m, _, size| Some(m.match_with(size, |m, size, _| m.unit_block(size)))),
    (5, F::For, |m, _, size| Some(m.for_range(size))),
    (3, F::ForSlices, |m, _, size| m.for_slice(size)),
    (2, F::ForArrays, |m, _, size| Some(m.for_array(size))),
    (4, F::While, |m, _, size| m.while_loop(size)),
    (3, F::WhileLet, |m, _, size| m.while_let(size)),
    (3, F::Loops, |m, _, size| m.endless(size)),
    (3, F::LabelledBlocks, |m, _, size| Some(m.labelled_statement(size))),
    (3, F::Blocks, |m, _, size| Some(m.unit_block(size))),
    (3, F::Closures, |m, _, size| Some(m.let_closure(size))),
    (3, F::Always, |m, _, size| Some(m.discard(size))),
    (3, F::EarlyReturn, |m, _, size| m.leave_if(size)),
    (1, F::Panics, |m, _, size| Some(m.assertion(size))),
    (2, F::References, |m, _, size| m.let_reference(size)),
    (2, F::LocalConstants, |m, _, _| Some(m.local_constant())),
];

impl Maker<'_> {
    /// Some statements, each on lines of its own.
    pub fn statements(&mut self, size: usize) -> Code {
        let count = if size == 0 { 0 } else { self.rng.below(2 + size.min(24) / 3) };
        let mut code = Code::default();
        for _ in 0..count {
            // `()` is no type of the generator, and none is needed.
            if let Some(statement) = self.by_table(&[STATEMENTS], &Type::Bool, size / count) {
                code.append(statement);
                code.append(Code::text("\n"));
            }
        }
        code
    }

    /// `{ statements }`
    pub fn unit_block(&mut self, size: usize) -> Code {
        self.scoped(|m| {
            let statements = m.statements(size);
            let leave = if m.rng.chance(12) { m.diverge() } else { None };
            let leave = leave.unwrap_or_default().part("");
            Code::fill("{\n##\n}", [statements, leave]).part("{}")
        })
    }

    /// A name for a new variable: sometimes one that is there already.
    fn new_name(&mut self) -> String {
        let variables = &self.scope.variables;
        if self.rng.chance(10)
            && let Some(variable) = variables.get(self.rng.below(variables.len().max(1)))
            && variable.name.starts_with('v')
        {
            return variable.name.clone();
        }
        self.name("v")
    }

    fn let_plain(&mut self, size: usize) -> Code {
        let ty = self.any_type(2);
        let value = self.expr(&ty, size);
        let (name, mutable) = (self.new_name(), self.rng.chance(60));
        let keyword = if mutable { "let mut" } else { "let" };
        let annotation =
            if ty.is_definite() && self.rng.chance(50) { String::new() } else { format!(": {}", ty.text()) };
        let idle = format!("let mut {name}: {} = {};{IDLE}", ty.text(), self.simplest(&ty));
        self.scope.declare(&name, &ty, mutable);
        Code::fill(&format!("{keyword} {name}{annotation} = #;"), [value]).part(idle)
    }

    fn let_pattern(&mut self, size: usize) -> Code {
        let ty = self.any_type(2);
        let value = self.expr(&ty, size);
        let pattern = self.irrefutable(&ty, 2);
        Code::fill(&format!("let {pattern}: {} = #;", ty.text()), [value])
    }

    fn let_else(&mut self, size: usize) -> Option<Code> {
        let ty = self.scrutinee_type();
        let value = self.definite(&ty, size / 2);
        let otherwise = self.scoped(|m| {
            let statements = m.statements(size / 3);
            m.diverge().map(|leave| Code::fill("##", [statements, leave]))
        })?;
        let pattern = self.pattern(&ty, 2);
        Some(Code::fill(&format!("let {pattern} = # else {{\n#\n}};"), [value, otherwise]))
    }

    fn deferred(&mut self, size: usize) -> Code {
        let ty = self.any_type(1);
        let name = self.name("v");
        let condition = self.expr(&Type::Bool, size / 3);
        let arm = |m: &mut Self| {
            m.scoped(|m| {
                let statements = m.statements(size / 6);
                let value = m.expr(&ty, size / 3);
                Code::fill(&format!("{{\n#{name} = #;\n}}"), [statements, value])
            })
        };
        let (then, otherwise) = (arm(self), arm(self));
        let mutable = self.rng.chance(40);
        let keyword = if mutable { "let mut" } else { "let" };
        self.scope.declare(&name, &ty, mutable);
        let text = ty.text();
        Code::fill(&format!("{keyword} {name}: {text};\nif (#) # else #"), [condition, then, otherwise])
    }

    fn assign(&mut self, size: usize) -> Option<Code> {
        let (place, ty) = self.write_place(None)?;
        let value = self.expr(&ty, size);
        Some(Code::fill(&format!("{place} = #;"), [value]).part(""))
    }

    fn compound(&mut self, size: usize) -> Option<Code> {
        let mut found = None;
        for _ in 0..4 {
            found = self.write_place(None).filter(|(_, ty)| ty.is_scalar());
            if found.is_some() {
                break;
            }
        }
        let (place, ty) = found?;
        let (operator, right) = self.compound_operator(&ty, size)?;
        Some(Code::fill(&format!("{place} {operator} #;"), [right]).part(""))
    }

    /// An operator for a type, and its right operand.
    fn compound_operator(&mut self, ty: &Type, size: usize) -> Option<(&'static str, Code)> {
        let operator = match ty {
            Type::Int(_) => self.rng.pick(&["+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "^=", "&=", "<<=", ">>="]),
            Type::Bool => self.rng.pick(&["&=", "|=", "^="]),
            Type::Float => self.rng.pick(&["+=", "-=", "*=", "/=", "%="]),
            _ => return None,
        };
        if operator.len() == 3 {
            let by = Type::Int(self.rng.pick(&INTS));
            let count = self.expr(&by, size);
            return Some((operator, Code::fill("(# & 7)", [count])));
        }
        Some((operator, self.expr(ty, size)))
    }

    /// `a[i] = e` or `a[i] += e`
    fn assign_element(&mut self, size: usize) -> Option<Code> {
        let arrays: Vec<_> = self
            .scope
            .assignable()
            .filter_map(|v| match &v.ty {
                Type::Array(element, count) => Some((v.name.clone(), (**element).clone(), *count)),
                _ => None,
            })
            .collect();
        let mobile = self.scope.mobile && self.rng.chance(60);
        let (name, element, count) = if mobile {
            ("m.words".to_string(), Type::Int(INTS[6]), 4)
        } else {
            arrays.get(self.rng.below(arrays.len().max(1)))?.clone()
        };
        // What an index does happens after the right side, and the array may not change while it is indexed.
        let (operator, right) = if self.rng.chance(50) {
            ("=", self.expr(&element, size / 2))
        } else {
            self.compound_operator(&element, size / 2)?
        };
        let index = self.without_assignments(|m| m.index(count, size / 2));
        Some(Code::fill(&format!("{name}[#] {operator} #;"), [index, right]).part(""))
    }

    /// `(a, b) = (e, f)`
    fn destructure(&mut self, size: usize) -> Option<Code> {
        let (first, a) = self.write_place(None)?;
        let (second, b) = self.write_place(None)?;
        let whole = a.is_definite() && self.rng.chance(20);
        let value = self.expr(&Type::Tuple(vec![a, b]), size);
        let places = if whole { format!("(_, {second})") } else { format!("({first}, {second})") };
        Some(Code::fill(&format!("{places} = #;"), [value]).part(""))
    }

    fn set_cell(&mut self, size: usize) -> Option<Code> {
        if !self.scope.world {
            return None;
        }
        let ty = match self.rng.below(10) {
            0 => Type::Bool,
            1 => Type::Float,
            2 => Type::Struct(0),
            3 => Type::Enum(0),
            4 => Type::Plain(0),
            5 => Type::Option(Box::new(Type::Int(INTS[4]))),
            _ => Type::Int(self.rng.pick(&INTS)),
        };
        let name = cell_of(&ty)?;
        if self.rng.chance(10) {
            let value = self.expr(&Type::Int(INTS[4]), size);
            return Some(Code::fill("w.inner.deep.set(#);", [value]).part(""));
        }
        let value = self.expr(&ty, size);
        Some(
            match self.rng.below(8) {
                0 if enabled(F::Pointers) => Code::fill(&format!("unsafe {{ *w.{name}.as_ptr() = #; }}"), [value]),
                1 => Code::fill(&format!("let _: {} = w.{name}.replace(#);", ty.text()), [value]),
                _ => Code::fill(&format!("w.{name}.set(#);"), [value]),
            }
            .part(""),
        )
    }

    fn set_world_array(&mut self, size: usize) -> Option<Code> {
        if !self.scope.world {
            return None;
        }
        let ty = Type::Int(INTS[self.rng.pick(&[6, 1, 2])]);
        let (name, count) = world_array(&ty)?;
        let index = self.safe_index(count, size / 2);
        if enabled(F::Pointers) && self.rng.chance(25) {
            // The pointer is computed after the right side.
            let (operator, right) = self.compound_operator(&ty, size / 2)?;
            let place = world_pointer(&ty, name);
            return Some(Code::fill(&format!("unsafe {{ *{place}.add(#) {operator} #; }}"), [index, right]).part(""));
        }
        let value = self.expr(&ty, size / 2);
        Some(Code::fill(&format!("w.{name}[#].set(#);"), [index, value]).part(""))
    }

    fn set_stack(&mut self, size: usize) -> Option<Code> {
        if !self.scope.world {
            return None;
        }
        let (index, value) = (self.safe_index(STACK_WORDS, size / 2), self.expr(&Type::Int(INTS[6]), size / 2));
        let access = stack_access(self.rng.below(3), "set(0, #)", "set(# as isize, #)");
        Some(Code::fill(&format!("unsafe {{ {access} }};"), [index, value]).part(""))
    }

    fn if_statement(&mut self, size: usize) -> Code {
        let condition = self.expr(&Type::Bool, size / 3);
        let then = self.unit_block(size / 3);
        let code = if self.rng.chance(50) {
            Code::fill("if (#) #", [condition, then])
        } else {
            Code::fill("if (#) # else #", [condition, then, self.unit_block(size / 3)])
        };
        code.part("")
    }

    fn if_let_statement(&mut self, size: usize) -> Code {
        let then = self.scoped(|m| {
            let condition = m.conditions(size / 2);
            let then = m.unit_block(size / 3);
            Code::fill("if # #", [condition, then])
        });
        let code = if self.rng.chance(50) { then } else { Code::fill("# else #", [then, self.unit_block(size / 3)]) };
        code.part("")
    }

    /// A loop's body, with its label declared.
    fn body(&mut self, label: &str, size: usize) -> Code {
        self.scope.labels.push(Label { name: label.to_string(), value: None, is_loop: true });
        let body = self.unit_block(size);
        self.scope.labels.pop();
        body
    }

    /// What ends a loop when there is no fuel.
    fn tick(&self) -> &'static str {
        if self.scope.world { "if w.tick() {\nbreak;\n}\n" } else { "" }
    }

    fn for_range(&mut self, size: usize) -> Code {
        let label = self.name("'l");
        let int = self.rng.pick(&INTS);
        let ty = Type::Int(int);
        let dots = self.rng.pick(&["..", "..="]);
        let range = if self.scope.world && self.rng.chance(60) {
            let bounds = [self.expr(&ty, size / 4), self.expr(&ty, size / 4)];
            Code::fill(&format!("(#){dots}(#)"), bounds)
        } else if self.rng.chance(70) {
            Code::text(format!("0{}{dots}{}", int.name, self.rng.below(5)))
        } else {
            Code::text(format!("{}{dots}{}::MAX", int.literal(int.max() - 3), int.name))
        };
        let tick = self.tick();
        self.scoped(|m| {
            let name = m.name("i");
            m.scope.declare(&name, &ty, false);
            let body = m.body(&label, size / 2);
            Code::fill(&format!("{label}: for {name} in # {{\n{tick}#\n}}"), [range, body]).part("")
        })
    }

    fn for_slice(&mut self, size: usize) -> Option<Code> {
        let slices = self.scope.slices.clone();
        let slice = slices.get(self.rng.below(slices.len().max(1)))?;
        let (label, tick) = (self.name("'l"), self.tick());
        let (pattern, of) = (self.rng.pick(&["&", ""]), &slice.name);
        let of = if self.rng.chance(50) { format!("{of}.iter()") } else { of.clone() };
        Some(self.scoped(|m| {
            let name = m.name("i");
            m.scope.declare(&name, &Type::Int(slice.element), false);
            if let Some(variable) = m.scope.variables.last_mut() {
                variable.reference = pattern.is_empty();
            }
            let body = m.body(&label, size);
            Code::fill(&format!("{label}: for {pattern}{name} in {of} {{\n{tick}#\n}}"), [body]).part("")
        }))
    }

    fn for_array(&mut self, size: usize) -> Code {
        let element = self.any_type(0);
        let count = 1 + self.rng.below(4);
        let (label, tick) = (self.name("'l"), self.tick());
        let array = self.definite(&Type::Array(Box::new(element.clone()), count), size / 2);
        self.scoped(|m| {
            let name = m.name("i");
            m.scope.declare(&name, &element, false);
            let body = m.body(&label, size / 2);
            Code::fill(&format!("{label}: for {name} in # {{\n{tick}#\n}}"), [array, body]).part("")
        })
    }

    fn while_loop(&mut self, size: usize) -> Option<Code> {
        if !self.scope.world {
            return None;
        }
        let label = self.name("'l");
        let condition = self.expr(&Type::Bool, size / 3);
        let body = self.body(&label, size / 2);
        Some(Code::fill(&format!("{label}: while (#) && !w.tick() #"), [condition, body]).part(""))
    }

    fn while_let(&mut self, size: usize) -> Option<Code> {
        if !self.scope.world {
            return None;
        }
        let label = self.name("'l");
        Some(self.scoped(|m| {
            let condition = m.conditions(size / 2);
            let body = m.body(&label, size / 2);
            Code::fill(&format!("{label}: while # && !w.tick() #"), [condition, body]).part("")
        }))
    }

    fn endless(&mut self, size: usize) -> Option<Code> {
        if !self.scope.world {
            return None;
        }
        let label = self.name("'l");
        let body = self.body(&label, size);
        Some(Code::fill(&format!("{label}: loop {{\nif w.tick() {{\nbreak {label};\n}}\n#\n}}"), [body]).part(""))
    }

    fn labelled_statement(&mut self, size: usize) -> Code {
        let name = self.name("'b");
        self.scope.labels.push(Label { name: name.clone(), value: None, is_loop: false });
        let body = self.unit_block(size);
        self.scope.labels.pop();
        Code::fill(&format!("{name}: {{\n#\n}}"), [body]).part("")
    }

    fn discard(&mut self, size: usize) -> Code {
        let ty = self.any_type(1);
        let value = self.expr(&ty, size);
        Code::fill(&format!("let _: {} = #;", ty.text()), [value]).part("")
    }

    fn leave_if(&mut self, size: usize) -> Option<Code> {
        let condition = self.expr(&Type::Bool, size);
        let leave = self.diverge()?;
        Some(Code::fill("if (#) {\n#\n}", [condition, leave]).part(""))
    }

    fn assertion(&mut self, size: usize) -> Code {
        let condition = self.expr(&Type::Bool, size);
        let message = self.rng.below(100);
        let template = match self.rng.below(3) {
            0 => format!("assert!((#) || true, \"assertion {message}\");"),
            1 => format!("debug_assert!(#, \"debug {message}\");"),
            _ => format!("assert!(#, \"assertion {message}\");"),
        };
        Code::fill(&template, [condition]).part("")
    }

    /// A reference to a variable, which can't change from now on.
    fn let_reference(&mut self, _: usize) -> Option<Code> {
        let variables: Vec<_> =
            self.scope.visible().filter(|(_, v)| !v.reference).map(|(i, v)| (i, v.clone())).collect();
        let (i, of) = variables.get(self.rng.below(variables.len().max(1)))?;
        if *i < self.scope.closure_floor && of.mutable {
            return None;
        }
        self.scope.variables[*i].frozen = true;
        let name = self.name("r");
        self.scope.declare(&name, &of.ty, false);
        if let Some(variable) = self.scope.variables.last_mut() {
            variable.reference = true;
        }
        Some(Code::text(format!("let {name}: &{} = &{};", of.ty.text(), of.name)))
    }

    fn local_constant(&mut self) -> Code {
        let int = self.rng.pick(&INTS);
        let name = self.name("L");
        let value = int.random(self.rng);
        self.scope.declare(&name, &Type::Int(int), false);
        Code::text(format!("const {name}: {} = {value};", int.name))
    }
}

//! Makes programs: classes with methods, and *units*, methods of class `Main` that a host invokes one after the other.
//!
//! # What is generated
//! Expressions are made for a wanted [type](Type), so that most messages are understood and programs get far; a few
//! are of the wrong type on purpose. A unit that ends in an error does not keep the next from running.
//!
//! The family: `C0`, its subclasses `C1`..., and `Main` below the last. All implement or inherit the program's
//! *messages*, and override them at random, so that a send to any instance is understood. Beside it stand classes
//! from templates ([`library`]): `Fuel`, and `Odd`, whose instances answer control messages in their own way; and those
//! that [`hot`] code uses.
//!
//! # Invariants
//! - Programs end: see *fuel* in [`crate::tree`].
//! - Output depends on nothing but the program: no times, addresses, or random numbers are printed.
//! - `^` within a block in place, itself within a block that may outlive its method, occurs only if no
//!   `escapedBlock:` resumes there: a VM that puts blocks in place has one block where the source has two, and may
//!   differ in which of them is left.
//! - `restart` is sent only by blocks that are never in place, for the same reason.

mod control;
mod hot;
mod library;
mod literal;
mod value;
mod wild;

use crate::Limits;
use crate::random::Random;
use crate::tree::{Block, Body, Class, Expr, Method, Side};

/// The parts of a program, before they are put together.
pub(crate) struct Parts {
    pub classes: Vec<Class>,
    pub library: Vec<(&'static str, String)>,
    pub units: usize,
    pub limits: Limits,
}

/// What values an expression may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    Integer,
    Double,
    String,
    Symbol,
    Boolean,
    /// An array; all have at least three elements.
    Array,
    /// An instance of the family.
    Member,
    /// A block with that many arguments, all integers, as is its value.
    Block(usize),
    /// Anything.
    Any,
}

/// A message that the whole family understands.
#[derive(Clone, Debug)]
struct Message {
    selector: String,
    params: Vec<Type>,
    result: Type,
}

#[derive(Clone, Debug)]
struct Variable {
    name: String,
    /// Not known before it is initialised.
    ty: Option<Type>,
}

/// What kind of body a scope is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ScopeKind {
    Method,
    /// A block that becomes an object.
    Closure,
    /// A block that may be in place.
    InPlace,
}

#[derive(Debug)]
struct Scope {
    kind: ScopeKind,
    variables: Vec<Variable>,
}

/// On which side of which class the current method stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Number in the family.
    class: usize,
    is_class_side: bool,
    result: Type,
}

/// What a unit is for.
#[derive(Clone, Copy, Debug)]
enum UnitKind {
    /// Code that makes sense.
    Ordinary,
    /// Loops that are worth compiling.
    Hot,
    /// Messages to the wrong objects.
    Wild,
    /// Using up stack or heap.
    Exhausting,
}

struct Generator {
    random: Random,
    members: usize,
    messages: Vec<Message>,
    class_messages: Vec<Message>,
    /// Whether `escapedBlock:` answers a value instead of ending in an error.
    resumes_escapes: bool,
    place: Place,
    scopes: Vec<Scope>,
    /// How much more code the current method should get.
    budget: usize,
}

/// Makes a program of about `size` times the smallest size.
pub(crate) fn parts(seed: u64, size: usize) -> Parts {
    let mut random = Random::new(seed);
    let members = random.within(1, 4);
    let place = Place { class: 0, is_class_side: false, result: Type::Any };
    let mut g = Generator {
        members,
        messages: Vec::new(),
        class_messages: Vec::new(),
        resumes_escapes: random.chance(50),
        place,
        scopes: Vec::new(),
        budget: 0,
        random,
    };
    g.messages = g.some_messages("m", 2 + size);
    g.class_messages = g.some_messages("k", 1 + size / 2);
    let mut classes: Vec<Class> = (0..members).map(|i| g.member(i, size)).collect();
    let units = 2 + size;
    classes.push(g.main(units, size));
    let library = library::classes(&mut g.random);
    Parts { classes, library, units, limits: limits(&mut g.random) }
}

fn limits(random: &mut Random) -> Limits {
    let heap = *random.pick(&[16 << 20, 16 << 20, 16 << 20, 2 << 20]);
    let stack = *random.pick(&[4 << 20, 4 << 20, 4 << 20, 64 << 10]);
    let nursery = *random.pick(&[4 << 20, 256 << 10, 64 << 10]);
    Limits { heap, nursery, stack }
}

impl Generator {
    // ---- classes ----

    fn some_messages(&mut self, prefix: &str, count: usize) -> Vec<Message> {
        (0..count).map(|i| self.message(prefix, i)).collect()
    }

    fn message(&mut self, prefix: &str, number: usize) -> Message {
        let params: Vec<_> = (0..self.random.below(4)).map(|_| self.storable()).collect();
        let selector = match params.len() {
            0 => format!("{prefix}{number}"),
            1 if prefix == "m" && number < 3 => ["+++", "<=>", "&"][number].to_string(),
            n => format!("{prefix}{number}:{}", ["with:", "and:"][..n - 1].concat()),
        };
        Message { selector, params, result: self.storable() }
    }

    /// A type for variables, parameters and results.
    fn storable(&mut self) -> Type {
        use Type::*;
        *self.random.pick(&[Integer, Integer, Integer, String, Boolean, Member, Double, Block(0), Block(1), Array, Any])
    }

    fn family(&self, number: usize) -> String {
        format!("C{number}")
    }

    fn field_of(number: usize) -> String {
        format!("f{number}")
    }

    fn member(&mut self, number: usize, size: usize) -> Class {
        let is_root = number == 0;
        let mut instance = Side { fields: vec![Self::field_of(number)], methods: Vec::new() };
        let mut class = Side::default();
        if is_root {
            instance.fields.extend(["any", "text", "kept"].map(String::from));
            class.fields.push("count".into());
            instance.methods.extend(library::root_hooks(self.resumes_escapes));
            class.methods.extend(library::root_class_methods());
        }
        instance.methods.push(library::init(number));
        instance.methods.extend(library::accessors(number));
        for message in self.messages.clone() {
            if is_root || self.random.chance(50) {
                instance.methods.push(self.method(&message, number, false, size));
            }
        }
        for message in self.class_messages.clone() {
            if is_root || self.random.chance(30) {
                class.methods.push(self.method(&message, number, true, size));
            }
        }
        let superclass = if is_root { "Object".into() } else { self.family(number - 1) };
        Class { name: self.family(number), superclass, instance, class }
    }

    fn main(&mut self, units: usize, size: usize) -> Class {
        let mut methods = vec![library::run(units)];
        methods.extend((1..units).map(|i| {
            let kind = match self.random.below(100) {
                0..12 => UnitKind::Wild,
                12..60 => UnitKind::Hot,
                _ => UnitKind::Ordinary,
            };
            self.unit(i, kind, size)
        }));
        // A heap that is full may stay full, so this comes last.
        let last = *self.random.pick(&[UnitKind::Ordinary, UnitKind::Ordinary, UnitKind::Wild, UnitKind::Exhausting]);
        methods.push(self.unit(units, last, size));
        let superclass = self.family(self.members - 1);
        Class {
            name: "Main".into(),
            superclass,
            instance: Side { fields: Vec::new(), methods },
            class: Side::default(),
        }
    }

    // ---- methods ----

    fn method(&mut self, message: &Message, class: usize, is_class_side: bool, size: usize) -> Method {
        self.place = Place { class, is_class_side, result: message.result };
        self.budget = 8 + 8 * size;
        let mut names = Vec::new();
        let mut variables = Vec::new();
        for &ty in &message.params {
            let name = self.fresh_name(&names);
            names.push(name.clone());
            variables.push(Variable { name, ty: Some(ty) });
        }
        let body = self.body(ScopeKind::Method, variables, message.result, true);
        Method { selector: message.selector.clone(), params: names, body: Body { ticks: true, ..body } }
    }

    /// The code of a unit is in a block, which returns when the fuel is used up.
    fn unit(&mut self, number: usize, kind: UnitKind, size: usize) -> Method {
        self.place = Place { class: self.members - 1, is_class_side: false, result: Type::Any };
        self.budget = 20 + 20 * size;
        let block = match kind {
            UnitKind::Ordinary => self.closure(Type::Any, &[]),
            UnitKind::Hot => Expr::block(Vec::new(), self.hot_body()),
            UnitKind::Wild => Expr::block(Vec::new(), self.wild_body()),
            UnitKind::Exhausting => Expr::block(Vec::new(), self.exhausting_body()),
        };
        let start = Expr::text("self").unary("init");
        let body = Body::of(vec![start, Expr::text("Fuel").with("run:", block).returned()]);
        Method { selector: format!("unit{number}"), params: Vec::new(), body }
    }

    // ---- bodies ----

    /// A name that is not among those of the same scope. Few names make for much shadowing.
    fn fresh_name(&mut self, taken: &[String]) -> String {
        loop {
            let name = self.random.word(&["a", "b", "c", "d", "e", "x", "y", "z", "f0", "any"]);
            if !taken.iter().any(|t| t == name) {
                return name.into();
            }
        }
    }

    /// A closure whose value has type `result`; its parameters have the given types.
    fn closure(&mut self, result: Type, params: &[Type]) -> Expr {
        self.block(ScopeKind::Closure, result, params, true)
    }

    fn block(&mut self, kind: ScopeKind, result: Type, params: &[Type], ticks: bool) -> Expr {
        let mut names = Vec::new();
        let mut variables = Vec::new();
        for &ty in params {
            let name = self.fresh_name(&names);
            names.push(name.clone());
            variables.push(Variable { name, ty: Some(ty) });
        }
        let body = self.body(kind, variables, result, false);
        Expr::Block(Box::new(Block { params: names, body: Body { ticks, ..body } }))
    }

    fn body(&mut self, kind: ScopeKind, params: Vec<Variable>, result: Type, returns: bool) -> Body {
        let mut names: Vec<String> = params.iter().map(|p| p.name.clone()).collect();
        self.scopes.push(Scope { kind, variables: params });
        let mut locals = Vec::new();
        if !self.is_spent() {
            for _ in 0..self.random.below(3) {
                let name = self.fresh_name(&names);
                names.push(name.clone());
                locals.push(name.clone());
                self.scope().variables.push(Variable { name, ty: None });
            }
        }
        let mut statements = Vec::new();
        for name in &locals {
            statements.extend(self.initialisation(name));
        }
        let most = if self.is_spent() { 0 } else { 4 };
        for _ in 0..self.random.within(0, most) {
            statements.push(self.statement());
        }
        let is_empty_block = kind != ScopeKind::Method && result == Type::Any && self.random.chance(5);
        if !is_empty_block {
            let value = self.value(result);
            let returns_early = kind != ScopeKind::Method && self.random.chance(6) && self.may_return();
            statements.push(if returns {
                value.returned()
            } else if returns_early {
                let result = self.place.result;
                self.value(result).returned()
            } else {
                value
            });
        }
        self.scopes.pop();
        Body { ticks: false, locals, statements }
    }

    /// Mostly an assignment; else the variable stays nil.
    fn initialisation(&mut self, name: &str) -> Option<Expr> {
        if self.random.chance(15) {
            self.set_type(name, Type::Any);
            return None;
        }
        let ty = self.storable();
        let value = self.bounded(ty);
        self.set_type(name, ty);
        Some(value.assigned_to(name))
    }

    fn set_type(&mut self, name: &str, ty: Type) {
        if let Some(variable) = self.scope().variables.iter_mut().rev().find(|v| v.name == name) {
            variable.ty = Some(ty);
        }
    }

    fn scope(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("code is made within a body")
    }

    fn is_spent(&self) -> bool {
        self.budget == 0 || self.scopes.len() > 6
    }

    fn spend(&mut self) {
        self.budget = self.budget.saturating_sub(1);
    }

    /// Whether `^` may stand in the innermost scope; see the invariants.
    fn may_return(&self) -> bool {
        let in_closure = self.scopes.iter().any(|s| s.kind == ScopeKind::Closure);
        let in_place = self.scopes.last().is_some_and(|s| s.kind == ScopeKind::InPlace);
        !(self.resumes_escapes && in_closure && in_place)
    }

    // ---- variables ----

    /// The visible variables of a type. With `Any`, variables of all types are.
    fn variables(&self, ty: Type) -> Vec<String> {
        let mut seen: Vec<&str> = Vec::new();
        let mut found = Vec::new();
        for variable in self.scopes.iter().rev().flat_map(|s| s.variables.iter().rev()) {
            if seen.contains(&&*variable.name) {
                continue;
            }
            seen.push(&variable.name);
            if variable.ty.is_some_and(|t| t == ty || ty == Type::Any) {
                found.push(variable.name.clone());
            }
        }
        let fields: &[(&str, Type)] = if self.place.is_class_side {
            &[("count", Type::Integer)]
        } else {
            &[("f0", Type::Integer), ("any", Type::Any), ("text", Type::String), ("kept", Type::Block(0))]
        };
        for (name, field) in fields {
            if !seen.contains(name) && (*field == ty || ty == Type::Any) {
                found.push((*name).into());
            }
        }
        found
    }

    /// Visible variables that may be given any value of a type.
    fn targets(&self, ty: Type) -> Vec<String> {
        let mut found = Vec::new();
        for name in self.variables(Type::Any) {
            let declared = self.declared(&name);
            if declared == ty || declared == Type::Any {
                found.push(name);
            }
        }
        found
    }

    fn declared(&self, name: &str) -> Type {
        let local = self.scopes.iter().rev().flat_map(|s| s.variables.iter().rev()).find(|v| v.name == name);
        match (local, name) {
            (Some(variable), _) => variable.ty.unwrap_or(Type::Any),
            (None, "f0" | "count") => Type::Integer,
            (None, "text") => Type::String,
            (None, "kept") => Type::Block(0),
            _ => Type::Any,
        }
    }
}

//! Functions: signatures, bodies, calls.

use tailor_compiler::random::Rng;

use super::features::{Feature as F, enabled};
use super::maker::Maker;
use super::scope::{Closure, Scope, Slice, Variable};
use super::tree::Code;
use super::types::{INTS, Int, Type, Types};

/// A parameter, beside `w` and `m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// A value; `mut` or not.
    Value(Type, bool),
    /// A reference to a value.
    Reference(Type),
    /// A slice.
    Slice(Int),
    /// `impl Fn(..) -> ..`
    Closure(Vec<Type>, Type),
}

/// What a function belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Nothing.
    Free,
    /// This struct, with `self` by value.
    Value(usize),
    /// This struct, with `&self`.
    Reference(usize),
    /// This struct, without `self`.
    Associated(usize),
}

/// A function's signature. Parameters come in this order: `self`, `w`, the values `x0`, `x1`..., `m`.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Its name.
    pub name: String,
    /// What it belongs to.
    pub owner: Owner,
    /// Whether it has the parameter `w: &World`. Only such functions have loops that are not known to be short, and call others.
    pub world: bool,
    /// Whether it has the parameter `m: &mut Mobile`.
    pub mobile: bool,
    /// Its other parameters; a closure is the last.
    pub parameters: Vec<Parameter>,
    /// Its result.
    pub result: Type,
}

impl Signature {
    /// A random one.
    pub fn random(rng: &mut Rng, types: &Types, number: usize) -> Signature {
        let world = rng.chance(80) && enabled(F::World);
        // The first struct is of another crate.
        let of = 1 + rng.below(types.structs.len() - 1);
        let owner = match rng.below(8) {
            0 if enabled(F::Methods) => Owner::Value(of),
            1 if enabled(F::Methods) => Owner::Reference(of),
            2 if enabled(F::Methods) => Owner::Associated(of),
            _ => Owner::Free,
        };
        let mut parameters: Vec<_> = (0..1 + rng.below(4)).map(|_| Signature::parameter(rng, types)).collect();
        if enabled(F::ClosureParameters) && rng.chance(12) {
            let takes = (0..rng.below(3)).map(|_| types.any(rng, 1)).collect();
            parameters.push(Parameter::Closure(takes, types.any(rng, 1)));
        }
        let mobile = world && enabled(F::Mobile) && rng.chance(35);
        let result = types.any(rng, 2);
        Signature { name: format!("fun{number}"), owner, world, mobile, parameters, result }
    }

    fn parameter(rng: &mut Rng, types: &Types) -> Parameter {
        match rng.below(10) {
            0 if enabled(F::Slices) => Parameter::Slice(rng.pick(&INTS)),
            1 if enabled(F::References) => Parameter::Reference(types.any(rng, 1)),
            2 | 3 if enabled(F::MutableParameters) => Parameter::Value(types.any(rng, 1), true),
            _ => Parameter::Value(types.any(rng, 2), false),
        }
    }

    /// Whether it can be called from outside with words: it has no closures, and belongs to nothing.
    pub fn is_entry(&self) -> bool {
        self.owner == Owner::Free && !self.takes_closures()
    }

    /// Whether it has a parameter that is a closure.
    pub fn takes_closures(&self) -> bool {
        self.parameters.iter().any(|p| matches!(p, Parameter::Closure(..)))
    }

    /// Its head, up to the body.
    fn head(&self) -> String {
        let mut list = Vec::new();
        match self.owner {
            Owner::Value(_) => list.push("self".to_string()),
            Owner::Reference(_) => list.push("&self".to_string()),
            Owner::Free | Owner::Associated(_) => {}
        }
        if self.world {
            list.push("w: &World".into());
        }
        for (i, parameter) in self.parameters.iter().enumerate() {
            list.push(match parameter {
                Parameter::Value(ty, mutable) => format!("{}x{i}: {}", if *mutable { "mut " } else { "" }, ty.text()),
                Parameter::Reference(ty) => format!("x{i}: &{}", ty.text()),
                Parameter::Slice(int) => format!("x{i}: &[{}]", int.name),
                Parameter::Closure(takes, gives) => {
                    let takes: Vec<_> = takes.iter().map(Type::text).collect();
                    format!("x{i}: impl Fn({}) -> {}", takes.join(", "), gives.text())
                }
            });
        }
        if self.mobile {
            list.push("m: &mut Mobile".into());
        }
        format!("pub fn {}({}) -> {}", self.name, list.join(", "), self.result.text())
    }

    /// What its body sees first.
    fn scope(&self) -> Scope {
        let mut scope =
            Scope { world: self.world, mobile: self.mobile, result: Some(self.result.clone()), ..Scope::default() };
        let variable = |name: String, ty: &Type, mutable, reference| Variable {
            name,
            ty: ty.clone(),
            mutable,
            frozen: false,
            reference,
        };
        match self.owner {
            Owner::Value(i) => scope.variables.push(variable("self".into(), &Type::Struct(i), false, false)),
            Owner::Reference(i) => scope.variables.push(variable("self".into(), &Type::Struct(i), false, true)),
            Owner::Free | Owner::Associated(_) => {}
        }
        for (i, parameter) in self.parameters.iter().enumerate() {
            let name = format!("x{i}");
            match parameter {
                Parameter::Value(ty, mutable) => scope.variables.push(variable(name, ty, *mutable, false)),
                Parameter::Reference(ty) => scope.variables.push(variable(name, ty, false, true)),
                Parameter::Slice(element) => scope.slices.push(Slice { name, element: *element }),
                Parameter::Closure(takes, gives) => {
                    scope.closures.push(Closure { name, parameters: takes.clone(), result: gives.clone() });
                }
            }
        }
        scope
    }

    /// Its source.
    pub fn body(&self, rng: &mut Rng, types: &Types, functions: &[Signature], size: usize) -> Code {
        let mut maker = Maker { rng, types, functions, inlined: self.takes_closures(), scope: self.scope(), fresh: 0 };
        let fuel = if self.world {
            format!("if w.tick() {{\nreturn {};\n}}\n", types.simplest(&self.result))
        } else {
            String::new()
        };
        let body = maker.block(&self.result, size);
        let attribute = if maker.rng.chance(10) { "#[inline(always)]\n" } else { "" };
        let (open, close) = match self.owner {
            Owner::Free => ("#[jit]\n".to_string(), "\n}\n"),
            Owner::Value(i) | Owner::Reference(i) | Owner::Associated(i) => {
                (format!("#[jit]\nimpl Rec{i} {{\n"), "\n}\n}\n")
            }
        };
        let head = format!("{open}{attribute}{} {{\n{fuel}", self.head());
        Code::join([Code::text(head), body, Code::text(close)], "")
    }
}

impl Maker<'_> {
    /// A call of a function.
    pub fn call_of(&mut self, function: &Signature, size: usize) -> Code {
        let share = size.saturating_sub(1) / (function.parameters.len() + 1);
        // What is borrowed for an argument must not change until the call.
        self.scoped(|m| {
            let receiver = match function.owner {
                Owner::Value(i) => Some(m.expr(&Type::Struct(i), share)),
                Owner::Reference(i) => Some(m.borrowed(&Type::Struct(i), share)),
                Owner::Free | Owner::Associated(_) => None,
            };
            let mut arguments = Vec::new();
            if function.world {
                arguments.push(Code::text("w"));
            }
            for parameter in &function.parameters {
                arguments.push(m.argument(parameter, share));
            }
            if function.mobile {
                arguments.push(Code::text("m"));
            }
            let arguments = Code::join(arguments, ", ");
            let name = &function.name;
            match (function.owner, receiver) {
                (Owner::Value(i), Some(receiver)) if m.rng.chance(30) => {
                    Code::fill(&format!("Rec{i}::{name}(#, #)"), [receiver, arguments])
                }
                (_, Some(receiver)) => Code::fill(&format!("(#).{name}(#)"), [receiver, arguments]),
                (Owner::Associated(i), None) => Code::fill(&format!("Rec{i}::{name}(#)"), [arguments]),
                (_, None) => Code::fill(&format!("{name}(#)"), [arguments]),
            }
        })
    }

    /// What is borrowed until the call. It is no part of `m`, which the call may borrow, too.
    fn borrowed(&mut self, ty: &Type, size: usize) -> Code {
        let mobile = std::mem::replace(&mut self.scope.mobile, false);
        let value = self.expr(ty, size);
        self.scope.mobile = mobile;
        self.scope.floor = self.scope.variables.len();
        value
    }

    fn argument(&mut self, parameter: &Parameter, size: usize) -> Code {
        match parameter {
            Parameter::Value(ty, _) => self.expr(ty, size),
            Parameter::Reference(ty) => Code::fill("&(#)", [self.borrowed(ty, size)]),
            Parameter::Slice(int) => match self.scope.slices.iter().find(|s| s.element == *int) {
                Some(slice) => Code::text(slice.name.clone()),
                None => Code::text(format!("SLICE_{}", int.name.to_uppercase())),
            },
            Parameter::Closure(takes, gives) => {
                let closure = self.closure(takes, gives, size);
                self.scope.mobile = false;
                closure
            }
        }
    }
}

//! Leaves: variables, parts of them, literals, and the fields of objects.
//!
//! The objects' fields are those of [`World`](crate::world::World) and [`Mobile`](crate::world::Mobile).

use super::features::{Feature, enabled};
use super::maker::Maker;
use super::scope::Variable;
use super::tree::Code;
use super::types::{Int, Type};

impl Maker<'_> {
    /// The simplest expression: no calls, no effects.
    pub fn leaf(&mut self, ty: &Type) -> Code {
        if self.rng.chance(70)
            && let Some(place) = self.read_place(ty)
        {
            return self.part(place, ty);
        }
        if self.rng.chance(30)
            && let Some(field) = self.read_object(ty)
        {
            return self.part(field, ty);
        }
        self.literal(ty)
    }

    /// A variable, or a part of one.
    pub fn read_place(&mut self, ty: &Type) -> Option<Code> {
        let mut found = Vec::new();
        for (i, variable) in self.scope.visible() {
            let mut paths = Vec::new();
            self.paths(variable, &mut paths);
            found.extend(paths.into_iter().filter(|(_, t)| t == ty).map(|(path, _)| (i, path)));
        }
        if found.is_empty() {
            return None;
        }
        let (i, path) = found.swap_remove(self.rng.below(found.len()));
        self.scope.read(i);
        Some(Code::text(path))
    }

    /// A place that can be assigned to, and its type; only of type `ty`, if that is given.
    pub fn write_place(&mut self, ty: Option<&Type>) -> Option<(String, Type)> {
        let mut found = Vec::new();
        for variable in self.scope.assignable() {
            self.paths(variable, &mut found);
        }
        if self.scope.mobile && enabled(Feature::Mobile) {
            found.extend(MOBILE.iter().map(|(name, ty)| (format!("m.{name}"), ty.clone())));
        }
        found.retain(|(_, t)| ty.is_none_or(|ty| t == ty));
        (!found.is_empty()).then(|| found.swap_remove(self.rng.below(found.len())))
    }

    /// The variable and its parts, with constant indices.
    fn paths(&self, variable: &Variable, found: &mut Vec<(String, Type)>) {
        let whole = if variable.reference { format!("(*{})", variable.name) } else { variable.name.clone() };
        found.push((whole, variable.ty.clone()));
        self.parts_of(&variable.name, &variable.ty, found);
    }

    fn parts_of(&self, path: &str, ty: &Type, found: &mut Vec<(String, Type)>) {
        let mut add = |part: String, ty: &Type| {
            self.parts_of(&part, ty, found);
            found.push((part, ty.clone()));
        };
        match ty {
            Type::Tuple(elements) => elements.iter().enumerate().for_each(|(k, t)| add(format!("{path}.{k}"), t)),
            Type::Struct(i) => {
                for (k, t) in self.types.structs[*i].fields.iter().enumerate() {
                    add(format!("{path}.{}", self.types.field(*i, k)), t);
                }
            }
            Type::Array(element, count) if enabled(Feature::ArrayIndex) => {
                (0..*count).for_each(|k| add(format!("{path}[{k}]"), element));
            }
            _ => {}
        }
    }

    /// A field of an object.
    fn read_object(&mut self, ty: &Type) -> Option<Code> {
        let mut found = Vec::new();
        if self.scope.world && enabled(Feature::World) {
            found.extend(cell_of(ty).map(|name| format!("w.{name}.get()")));
            match ty {
                Type::Int(i) if i.name == "i32" => found.extend(["w.fixed".into(), "w.inner.deep.get()".into()]),
                Type::Int(i) if i.name == "usize" => found.push("w.words.len()".into()),
                _ => {}
            }
        }
        if self.scope.mobile && enabled(Feature::Mobile) {
            found.extend(MOBILE.iter().filter(|(_, t)| t == ty).map(|(name, _)| format!("m.{name}")));
        }
        (!found.is_empty()).then(|| Code::text(found.swap_remove(self.rng.below(found.len()))))
    }

    /// A constant expression.
    pub fn literal(&mut self, ty: &Type) -> Code {
        if enabled(Feature::Constants)
            && let Some(i) = self.types.values.iter().position(|(t, _)| t == ty)
            && self.rng.chance(40)
        {
            return Code::text(format!("Q{i}"));
        }
        match ty {
            Type::Int(int) => {
                let named = self.constants_of(*int);
                match self.rng.below(12) {
                    0 => Code::text(format!("{}::MAX", int.name)),
                    1 => Code::text(format!("{}::MIN", int.name)),
                    2 | 3 if !named.is_empty() && enabled(Feature::Constants) => {
                        Code::text(self.types.constant_name(self.rng.pick(&named)))
                    }
                    _ => {
                        let value = int.random(self.rng);
                        let text = int.literal(value);
                        Code::text(if value < 0 { format!("({text})") } else { text })
                    }
                }
            }
            Type::Bool => Code::text(if self.rng.chance(50) { "true" } else { "false" }),
            Type::Float => Code::text(float_literal(self.rng.float())),
            Type::Tuple(elements) => {
                let codes = self.leaves(elements);
                Code::fill(&format!("({})", holes(elements.len())), codes)
            }
            Type::Option(inner) if self.rng.chance(70) => Code::fill("Some(#)", [self.leaf(inner)]),
            Type::Option(_) => Code::text("None"),
            Type::Result(ok, _) if self.rng.chance(60) => Code::fill("Ok(#)", [self.leaf(ok)]),
            Type::Result(_, error) => Code::fill("Err(#)", [self.leaf(error)]),
            Type::Struct(i) => {
                let fields = self.types.structs[*i].fields.clone();
                let fields = self.leaves(&fields);
                self.types.make_struct(*i, fields)
            }
            Type::Enum(i) => {
                let variant = self.rng.below(self.types.enums[*i].len());
                let payload = self.types.enums[*i][variant].clone();
                let codes = self.leaves(&payload);
                self.types.make_variant(*i, variant, codes)
            }
            Type::Plain(i) => Code::text(format!("Tag{i}::Is{}", self.rng.below(self.types.plain[*i].len()))),
            Type::Array(element, count) => {
                let codes: Vec<_> = (0..*count).map(|_| self.leaf(element)).collect();
                Code::fill(&format!("[{}]", holes(*count)), codes)
            }
        }
    }

    /// Constants of the program of this type.
    pub fn constants_of(&self, int: Int) -> Vec<usize> {
        let constants = self.types.constants.iter().enumerate();
        constants.filter(|(_, (of, _))| *of == int).map(|(i, _)| i).collect()
    }

    fn leaves(&mut self, types: &[Type]) -> Vec<Code> {
        types.iter().map(|t| self.leaf(t)).collect()
    }
}

/// `#, #, #`
pub fn holes(count: usize) -> String {
    vec!["#"; count].join(", ")
}

fn float_literal(value: f64) -> String {
    if value.is_nan() {
        "f64::NAN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "f64::INFINITY".into() } else { "f64::NEG_INFINITY".into() }
    } else {
        format!("({value:?}f64)")
    }
}

/// The world's cell of a type.
pub fn cell_of(ty: &Type) -> Option<String> {
    match ty {
        Type::Int(int) => Some(format!("c_{}", int.name)),
        Type::Bool => Some("c_bool".into()),
        Type::Float => Some("c_f64".into()),
        Type::Struct(0) => Some("c_rec".into()),
        Type::Enum(0) => Some("c_sum".into()),
        Type::Plain(0) => Some("c_tag".into()),
        Type::Option(inner) if **inner == int(4) => Some("c_option".into()),
        _ => None,
    }
}

const fn int(index: usize) -> Type {
    Type::Int(super::types::INTS[index])
}

/// Fields of the object `m`.
pub const MOBILE: [(&str, Type); 15] = [
    ("n", int(6)),
    ("k", int(1)),
    ("s", int(2)),
    ("u", int(5)),
    ("f", Type::Float),
    ("b", Type::Bool),
    ("bytes[2]", int(1)),
    ("words[0]", int(6)),
    ("words[3]", int(6)),
    ("rec", Type::Struct(0)),
    ("rec.f0", int(4)),
    ("recs[1].f1", int(1)),
    ("recs[2]", Type::Struct(0)),
    ("sum", Type::Enum(0)),
    ("tag", Type::Plain(0)),
];

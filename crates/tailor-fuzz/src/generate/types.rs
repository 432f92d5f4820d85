//! The types that generated functions compute with.

use tailor_compiler::random::Rng;

use super::features::{Feature, enabled};
use super::tree::Code;

/// How many constants are associated to nothing.
const PLAIN_CONSTANTS: usize = 16;

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int {
    /// Its name.
    pub name: &'static str,
    /// Its width.
    pub bits: u32,
    /// Whether it has negative values.
    pub signed: bool,
}

const fn int(name: &'static str, bits: u32, signed: bool) -> Int {
    Int { name, bits, signed }
}

/// All of them.
pub const INTS: [Int; 10] = [
    int("i8", 8, true),
    int("u8", 8, false),
    int("i16", 16, true),
    int("u16", 16, false),
    int("i32", 32, true),
    int("u32", 32, false),
    int("i64", 64, true),
    int("u64", 64, false),
    int("isize", 64, true),
    int("usize", 64, false),
];

/// `u32`, the type of shift counts.
pub const U32: Int = INTS[5];
/// `usize`, the type of indices.
pub const USIZE: Int = INTS[9];

impl Int {
    /// The value of its width that a number is cut to.
    pub fn cut(self, number: i64) -> i128 {
        let shift = 64 - self.bits;
        if self.signed { i128::from(number << shift >> shift) } else { i128::from((number as u64) << shift >> shift) }
    }

    /// A value that may find mistakes.
    pub fn random(self, rng: &mut Rng) -> i128 {
        match rng.below(8) {
            0 => self.cut(1i64 << (self.bits - 1)).wrapping_add(rng.below(3) as i128 - 1).clamp(self.min(), self.max()),
            1 => rng.pick(&[self.min(), self.max()]),
            _ => self.cut(rng.int()),
        }
    }

    /// The least value.
    pub fn min(self) -> i128 {
        if self.signed { -(1 << (self.bits - 1)) } else { 0 }
    }

    /// The greatest value.
    pub fn max(self) -> i128 {
        (1 << (self.bits - u32::from(self.signed))) - 1
    }

    /// A value as a literal with a suffix.
    pub fn literal(self, value: i128) -> String {
        format!("{value}{}", self.name)
    }
}

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// An integer.
    Int(Int),
    /// `bool`
    Bool,
    /// `f64`
    Float,
    /// A tuple, of at least two elements.
    Tuple(Vec<Type>),
    /// `Option`
    Option(Box<Type>),
    /// `Result`
    Result(Box<Type>, Box<Type>),
    /// A struct of the program.
    Struct(usize),
    /// An enum of the program with data.
    Enum(usize),
    /// An enum of the program without.
    Plain(usize),
    /// An array.
    Array(Box<Type>, usize),
}

/// A struct.
#[derive(Clone, Debug)]
pub struct Struct {
    /// Whether its fields have names, `f0`, `f1`...; else they have numbers.
    pub named: bool,
    /// The fields' types.
    pub fields: Vec<Type>,
}

/// The structs and enums of a program, and its constants. The first of each kind of type is in the support library.
#[derive(Clone, Debug, Default)]
pub struct Types {
    /// Struct `i` is called `Rec<i>`.
    pub structs: Vec<Struct>,
    /// Enum `i` is called `Sum<i>`, its variants `Alt0`, `Alt1`... with these payloads.
    pub enums: Vec<Vec<Vec<Type>>>,
    /// Enum `i` is called `Tag<i>`, its variants `Is0`, `Is1`... with these discriminants.
    pub plain: Vec<Vec<u8>>,
    /// The first ones are called `K<i>`, the others are associated to the structs.
    pub constants: Vec<(Int, i128)>,
    /// Constant `i` is called `Q<i>`.
    pub values: Vec<(Type, String)>,
}

impl Types {
    /// Random definitions, after those of the support library.
    pub fn random(rng: &mut Rng) -> Types {
        let [i32, u8, u16] = [4, 1, 3].map(|i| Type::Int(INTS[i]));
        let mut types = Types {
            structs: vec![Struct { named: true, fields: vec![i32.clone(), u8.clone()] }],
            enums: vec![vec![vec![u16], vec![], vec![i32, u8]]],
            plain: vec![vec![3, 9, 200]],
            ..Types::default()
        };
        for _ in 0..3 {
            let discriminants = (0..2 + rng.below(5)).map(|i| (i * 7 + rng.below(6)) as u8).collect();
            types.plain.push(discriminants);
        }
        for _ in 0..4 {
            let fields = (0..1 + rng.below(3)).map(|_| types.any(rng, 1)).collect();
            types.structs.push(Struct { named: rng.chance(70), fields });
        }
        for _ in 0..3 {
            // The first one has data, else it would be a plain enum.
            let variants = (0..2 + rng.below(3))
                .map(|i| (0..rng.below(3).max(usize::from(i == 0))).map(|_| types.any(rng, 1)).collect())
                .collect();
            types.enums.push(variants);
        }
        types.constants = (0..PLAIN_CONSTANTS + types.structs.len() - 1)
            .map(|i| {
                let int = INTS[i % INTS.len()];
                (int, int.random(rng))
            })
            .collect();
        for _ in 0..8 {
            let ty = types.any(rng, 2);
            let value = types.constant(rng, &ty);
            types.values.push((ty, value));
        }
        types
    }

    /// A random constant expression.
    fn constant(&self, rng: &mut Rng, ty: &Type) -> String {
        let mut list = |types: &[Type]| types.iter().map(|t| self.constant(rng, t)).collect::<Vec<_>>().join(", ");
        match ty {
            Type::Int(int) => int.literal(int.random(rng)),
            Type::Tuple(elements) => format!("({})", list(elements)),
            Type::Option(inner) => format!("Some({})", self.constant(rng, inner)),
            Type::Result(_, error) => format!("Err({})", self.constant(rng, error)),
            _ => self.simplest(ty),
        }
    }

    /// A type, with others nested in it at most `depth` deep.
    pub fn any(&self, rng: &mut Rng, depth: usize) -> Type {
        let inner = |rng: &mut Rng| Box::new(self.any(rng, depth - 1));
        match rng.below(if depth == 0 { 11 } else { 22 }) {
            0..=7 => Type::Int(rng.pick(&INTS)),
            8 | 9 => Type::Bool,
            10 => Type::Float,
            11 | 12 => Type::Tuple((0..2 + rng.below(2)).map(|_| *inner(rng)).collect()),
            13 | 14 => Type::Option(inner(rng)),
            15 | 16 => Type::Result(inner(rng), inner(rng)),
            17 | 18 if !self.structs.is_empty() => Type::Struct(rng.below(self.structs.len())),
            19 if !self.enums.is_empty() => Type::Enum(rng.below(self.enums.len())),
            20 if !self.plain.is_empty() => Type::Plain(rng.below(self.plain.len())),
            21 => Type::Array(Box::new(Type::Int(rng.pick(&INTS))), 1 + rng.below(4)),
            _ => Type::Int(rng.pick(&INTS)),
        }
    }

    /// The definitions' source.
    pub fn write(&self) -> String {
        let mut text = String::new();
        let plain = "#[jit::value]\n#[derive(Clone, Copy, Debug, PartialEq)]\n";
        let derive = |parts: &[Type]| {
            let comparable = parts.iter().all(|t| self.is_comparable(t));
            if comparable { plain } else { "#[jit::value]\n#[derive(Clone, Copy, Debug)]\n" }
        };
        for (i, s) in self.structs.iter().enumerate().skip(1) {
            let derive = derive(&s.fields);
            let fields = s.fields.iter().map(Type::text);
            if s.named {
                let fields: String = fields.enumerate().map(|(k, t)| format!("    pub f{k}: {t},\n")).collect();
                text += &format!("{derive}pub struct Rec{i} {{\n{fields}}}\n");
            } else {
                let fields: Vec<_> = fields.map(|t| format!("pub {t}")).collect();
                text += &format!("{derive}pub struct Rec{i}({});\n", fields.join(", "));
            }
        }
        for (i, variants) in self.enums.iter().enumerate().skip(1) {
            let derive = derive(&variants.concat());
            let mut list = String::new();
            for (k, payload) in variants.iter().enumerate() {
                let named = self.is_named(i, k);
                let types = payload.iter().enumerate();
                let payload: Vec<_> =
                    types.map(|(f, t)| if named { format!("g{f}: {}", t.text()) } else { t.text() }).collect();
                let payload = match payload.join(", ") {
                    list if list.is_empty() => list,
                    list if named => format!(" {{ {list} }}"),
                    list => format!("({list})"),
                };
                list += &format!("    Alt{k}{payload},\n");
            }
            text += &format!("{derive}pub enum Sum{i} {{\n{list}}}\n");
        }
        for (i, discriminants) in self.plain.iter().enumerate().skip(1) {
            let list: String = discriminants.iter().enumerate().map(|(k, d)| format!("    Is{k} = {d},\n")).collect();
            text += &format!("{plain}#[repr(u8)]\npub enum Tag{i} {{\n{list}}}\n");
        }
        for (i, (int, value)) in self.constants.iter().enumerate() {
            text += &match self.constant_name(i).strip_suffix("::LIMIT") {
                Some(of) => format!("impl {of} {{\n    pub const LIMIT: {} = {value};\n}}\n", int.name),
                None => format!("pub const K{i}: {} = {value};\n", int.name),
            };
        }
        for (i, (ty, value)) in self.values.iter().enumerate() {
            text += &format!("pub const Q{i}: {} = {value};\n", ty.text());
        }
        text
    }

    /// The simplest value of a type.
    pub fn simplest(&self, ty: &Type) -> String {
        let list = |types: &[Type]| types.iter().map(|t| self.simplest(t)).collect::<Vec<_>>().join(", ");
        match ty {
            Type::Int(int) => int.literal(0),
            Type::Bool => "false".into(),
            Type::Float => "0.0f64".into(),
            Type::Tuple(elements) => format!("({})", list(elements)),
            Type::Option(_) => "None".into(),
            Type::Result(ok, _) => format!("Ok({})", self.simplest(ok)),
            Type::Struct(i) => {
                let fields = self.structs[*i].fields.iter().map(|t| Code::text(self.simplest(t))).collect();
                self.make_struct(*i, fields).write(&Default::default()).trim().to_string()
            }
            Type::Enum(i) => {
                let payload = self.enums[*i][0].iter().map(|t| Code::text(self.simplest(t))).collect();
                self.make_variant(*i, 0, payload).write(&Default::default()).trim().to_string()
            }
            Type::Plain(i) => format!("Tag{i}::Is0"),
            Type::Array(element, count) => format!("[{}; {count}]", self.simplest(element)),
        }
    }

    /// A struct's literal.
    pub fn make_struct(&self, index: usize, fields: Vec<Code>) -> Code {
        let holes: Vec<_> = (0..fields.len())
            .map(|k| if self.structs[index].named { format!("f{k}: #") } else { "#".to_string() })
            .collect();
        let holes = holes.join(", ");
        let template = if self.structs[index].named {
            format!("Rec{index} {{ {holes} }}")
        } else {
            format!("Rec{index}({holes})")
        };
        Code::fill(&template, fields)
    }

    /// Whether there is `==` for it.
    pub fn is_comparable(&self, ty: &Type) -> bool {
        let all = |list: &[Type]| list.iter().all(|t| self.is_comparable(t));
        match ty {
            Type::Array(element, _) => enabled(Feature::ArrayEq) && self.is_comparable(element),
            Type::Tuple(elements) => all(elements),
            Type::Option(inner) => self.is_comparable(inner),
            Type::Result(ok, error) => self.is_comparable(ok) && self.is_comparable(error),
            Type::Struct(i) => all(&self.structs[*i].fields),
            Type::Enum(i) => self.enums[*i].iter().all(|payload| all(payload)),
            Type::Int(_) | Type::Bool | Type::Float | Type::Plain(_) => true,
        }
    }

    /// Whether the payload of a variant has names, `g0`, `g1`...
    pub fn is_named(&self, of: usize, variant: usize) -> bool {
        of > 0 && (of + variant).is_multiple_of(3) && !self.enums[of][variant].is_empty()
    }

    /// A variant's literal, or pattern.
    pub fn make_variant(&self, of: usize, variant: usize, payload: Vec<Code>) -> Code {
        let name = format!("Sum{of}::Alt{variant}");
        if payload.is_empty() {
            return Code::text(name);
        }
        let named = self.is_named(of, variant);
        let holes: Vec<_> = (0..payload.len()).map(|k| if named { format!("g{k}: #") } else { "#".into() }).collect();
        let holes = holes.join(", ");
        Code::fill(&if named { format!("{name} {{ {holes} }}") } else { format!("{name}({holes})") }, payload)
    }

    /// The name of constant `i`.
    pub fn constant_name(&self, i: usize) -> String {
        if i < PLAIN_CONSTANTS { format!("K{i}") } else { format!("Rec{}::LIMIT", i - PLAIN_CONSTANTS + 1) }
    }

    /// The name of field `k` of a struct.
    pub fn field(&self, index: usize, k: usize) -> String {
        if self.structs[index].named { format!("f{k}") } else { k.to_string() }
    }
}

impl Type {
    /// As it is written.
    pub fn text(&self) -> String {
        match self {
            Type::Int(int) => int.name.into(),
            Type::Bool => "bool".into(),
            Type::Float => "f64".into(),
            Type::Tuple(elements) => format!("({})", elements.iter().map(Type::text).collect::<Vec<_>>().join(", ")),
            Type::Option(inner) => format!("Option<{}>", inner.text()),
            Type::Result(ok, error) => format!("Result<{}, {}>", ok.text(), error.text()),
            Type::Struct(i) => format!("Rec{i}"),
            Type::Enum(i) => format!("Sum{i}"),
            Type::Plain(i) => format!("Tag{i}"),
            Type::Array(element, count) => format!("[{}; {count}]", element.text()),
        }
    }

    /// Whether each expression of this type says its whole type (`None` does not).
    pub fn is_definite(&self) -> bool {
        match self {
            Type::Option(_) | Type::Result(..) => false,
            Type::Tuple(elements) => elements.iter().all(Type::is_definite),
            Type::Array(element, _) => element.is_definite(),
            _ => true,
        }
    }

    /// Whether it is one word.
    pub fn is_scalar(&self) -> bool {
        matches!(self, Type::Int(_) | Type::Bool | Type::Float)
    }
}

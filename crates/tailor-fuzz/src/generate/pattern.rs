//! Patterns, and `match`.

use super::features::{Feature as F, enabled};
use super::maker::Maker;
use super::tree::Code;
use super::types::{INTS, Int, Type};

/// Whether a guard may stand behind a pattern. The macro takes such an arm apart into one for each choice of alternatives, up to 32 (`alternatives.rs` of tailor-macros); each `|` at most
/// doubles their number.
pub(super) fn may_be_guarded(pattern: &str) -> bool {
    pattern.matches(" | ").count() <= 5
}

impl Maker<'_> {
    /// A type that is worth looking into.
    pub fn scrutinee_type(&mut self) -> Type {
        match self.rng.below(6) {
            0 | 1 => Type::Option(Box::new(self.any_type(1))),
            2 => Type::Result(Box::new(self.any_type(1)), Box::new(self.any_type(1))),
            3 => Type::Enum(self.rng.below(self.types.enums.len())),
            _ => self.any_type(2),
        }
    }

    /// A pattern of a type, which need not match. Declares its names.
    pub fn pattern(&mut self, ty: &Type, depth: usize) -> String {
        self.pattern_of(ty, depth, true)
    }

    /// A pattern that always matches. Declares its names.
    pub fn irrefutable(&mut self, ty: &Type, depth: usize) -> String {
        if depth > 0 && self.rng.chance(70) {
            match ty {
                Type::Tuple(elements) => {
                    let parts: Vec<_> = elements.iter().map(|t| self.irrefutable(t, depth - 1)).collect();
                    return format!("({})", parts.join(", "));
                }
                Type::Struct(i) => return self.struct_pattern(*i, |m, t| m.irrefutable(t, depth - 1)),
                _ => {}
            }
        }
        if self.rng.chance(20) { "_".into() } else { self.binding(ty) }
    }

    fn binding(&mut self, ty: &Type) -> String {
        let (name, mutable) = (self.name("p"), self.rng.chance(25));
        self.scope.declare(&name, ty, mutable);
        if mutable { format!("mut {name}") } else { name }
    }

    fn struct_pattern(&mut self, index: usize, mut part: impl FnMut(&mut Self, &Type) -> String) -> String {
        let fields = self.types.structs[index].fields.clone();
        let named = self.types.structs[index].named;
        // Tuple structs can leave out the last fields, others any.
        let (count, rest) =
            if self.rng.chance(30) { (self.rng.below(fields.len()), true) } else { (fields.len(), false) };
        let mut parts: Vec<_> = fields[..count].iter().map(|t| part(self, t)).collect();
        if named {
            parts = parts.iter().enumerate().map(|(k, p)| format!("f{k}: {p}")).collect();
        }
        if rest {
            parts.push("..".into());
        }
        let parts = parts.join(", ");
        if named { format!("Rec{index} {{ {parts} }}") } else { format!("Rec{index}({parts})") }
    }

    fn pattern_of(&mut self, ty: &Type, depth: usize, may_bind: bool) -> String {
        if self.rng.chance(12) {
            return if may_bind { self.binding(ty) } else { "_".into() };
        }
        if enabled(F::OrPatterns) && self.rng.chance(10) {
            let count = 2 + self.rng.below(2);
            let cases: Vec<_> = (0..count).map(|_| self.pattern_of(ty, depth, false)).collect();
            return format!("({})", cases.join(" | "));
        }
        let inner = depth.saturating_sub(1);
        match ty {
            Type::Int(int) => self.int_pattern(*int, may_bind),
            Type::Bool => if self.rng.chance(50) { "true" } else { "false" }.into(),
            Type::Float | Type::Array(..) => {
                if may_bind {
                    self.binding(ty)
                } else {
                    "_".into()
                }
            }
            Type::Tuple(elements) => {
                let parts: Vec<_> = elements.iter().map(|t| self.pattern_of(t, inner, may_bind)).collect();
                format!("({})", parts.join(", "))
            }
            Type::Option(_) if self.rng.chance(30) => "None".into(),
            Type::Option(t) => format!("Some({})", self.pattern_of(t, inner, may_bind)),
            Type::Result(t, _) if self.rng.chance(50) => format!("Ok({})", self.pattern_of(t, inner, may_bind)),
            Type::Result(_, t) => format!("Err({})", self.pattern_of(t, inner, may_bind)),
            Type::Struct(i) => self.struct_pattern(*i, |m, t| m.pattern_of(t, inner, may_bind)),
            Type::Enum(i) => {
                let variant = self.rng.below(self.types.enums[*i].len());
                self.variant_pattern(*i, variant, |m, t| m.pattern_of(t, inner, may_bind))
            }
            Type::Plain(i) => format!("Tag{i}::Is{}", self.rng.below(self.types.plain[*i].len())),
        }
    }

    fn variant_pattern(
        &mut self,
        of: usize,
        variant: usize,
        mut part: impl FnMut(&mut Self, &Type) -> String,
    ) -> String {
        let payload = self.types.enums[of][variant].clone();
        let parts = payload.iter().map(|t| Code::text(part(self, t))).collect();
        self.types.make_variant(of, variant, parts).write(&Default::default()).trim().to_string()
    }

    fn int_pattern(&mut self, int: Int, may_bind: bool) -> String {
        let named = self.constants_of(int);
        if !named.is_empty() && enabled(F::Constants) && self.rng.chance(12) {
            return self.types.constant_name(self.rng.pick(&named));
        }
        let (a, b) = (int.random(self.rng), int.random(self.rng));
        let (low, high) = (a.min(b), a.max(b));
        let (low_text, high_text) = (int.literal(low), int.literal(high));
        let range = match self.rng.below(9) {
            0 => format!("{low_text}..={high_text}"),
            1 if low < high => format!("{low_text}..{high_text}"),
            2 => format!("..={high_text}"),
            3 => format!("{low_text}.."),
            4 if high > int.min() => format!("..{high_text}"),
            // Values that come up often.
            5 => return int.literal(self.rng.below(3) as i128),
            _ => return low_text,
        };
        if may_bind && enabled(F::AtPatterns) && self.rng.chance(30) {
            return format!("{} @ {range}", self.binding(&Type::Int(int)));
        }
        range
    }

    /// `match` as an expression.
    pub fn match_value(&mut self, ty: &Type, size: usize) -> Code {
        self.match_with(size, |m, size, last| if last { m.block(ty, size) } else { m.arm(ty, size) })
    }

    /// `match` on many constants.
    pub fn switch(&mut self, ty: &Type, size: usize) -> Code {
        let int = self.rng.pick(&INTS);
        let of = if self.rng.chance(70) { Type::Int(int) } else { Type::Plain(self.rng.below(self.types.plain.len())) };
        let subject = self.definite(&of, size / 3);
        let subject = if let Type::Int(int) = of
            && self.rng.chance(60)
        {
            Code::fill(&format!("(# & {})", int.literal(7)), [subject])
        } else {
            subject
        };
        let count = 4 + self.rng.below(4);
        let mut arms = Code::default();
        for i in 0..count {
            let pattern = match &of {
                Type::Plain(k) => format!("Tag{k}::Is{}", i % self.types.plain[*k].len()),
                _ => match self.rng.below(8) {
                    0 => int.literal(int.random(self.rng)),
                    1 => format!("{} | {}", int.literal(i as i128), int.literal(i as i128 + 9)),
                    2 => {
                        self.constants_of(int).first().map_or_else(|| int.literal(1), |k| self.types.constant_name(*k))
                    }
                    _ => int.literal(i as i128),
                },
            };
            let body = self.arm(ty, size / count);
            arms.append(Code::fill(&format!("{pattern} => #\n"), [body]).part(""));
        }
        let last = self.scoped(|m| {
            let pattern = if m.rng.chance(50) { "_".into() } else { m.binding(&of) };
            let body = m.block(ty, size / count);
            Code::fill(&format!("{pattern} => #\n"), [body])
        });
        Code::fill("match (#) {\n##}", [subject, arms, last])
    }

    /// `match` with bodies of a kind; `body` is told its size and whether it is the last one.
    pub fn match_with(&mut self, size: usize, mut body: impl FnMut(&mut Self, usize, bool) -> Code) -> Code {
        let ty = self.scrutinee_type();
        let subject = if self.rng.chance(50) {
            self.read_place(&ty).unwrap_or_else(|| self.definite(&ty, size / 3))
        } else {
            self.definite(&ty, size / 3)
        };
        let mut arms = Code::default();
        let count = self.rng.below(5);
        let share = size / (2 + count);
        let exhaustive = self.exhaustive(&ty);
        for _ in 0..count {
            let arm = self.scoped(|m| {
                let pattern = m.pattern(&ty, 2);
                let guard = if may_be_guarded(&pattern) { m.guard(share) } else { Code::default() };
                let body = body(m, share, false);
                Code::fill(&format!("{pattern} # => #\n"), [guard, body])
            });
            arms.append(arm.part(""));
        }
        for k in 0..exhaustive {
            let arm = self.scoped(|m| {
                let last = k + 1 == exhaustive;
                let pattern = m.case(&ty, k, last);
                let body = body(m, share, last);
                Code::fill(&format!("{pattern} => #\n"), [body])
            });
            arms.append(arm);
        }
        Code::fill("match (#) {\n#}", [subject, arms])
    }

    /// `if guard`, or nothing. A guard assigns to nothing.
    fn guard(&mut self, size: usize) -> Code {
        if !enabled(F::Guards) || !self.rng.chance(30) {
            return Code::default();
        }
        let condition = self.without_assignments(|m| m.expr(&Type::Bool, size));
        Code::fill("if (#)", [condition])
    }

    /// How many cases, of those that [`Maker::case`] makes, cover the type.
    fn exhaustive(&mut self, ty: &Type) -> usize {
        if self.rng.chance(50) {
            return 1;
        }
        match ty {
            Type::Option(_) | Type::Result(..) | Type::Bool => 2,
            Type::Enum(i) => self.types.enums[*i].len(),
            Type::Plain(i) => self.types.plain[*i].len(),
            _ => 1,
        }
    }

    /// Case `k`; the last one matches whatever is left.
    fn case(&mut self, ty: &Type, k: usize, last: bool) -> String {
        match ty {
            Type::Option(t) if !last => format!("Some({})", self.irrefutable(t, 1)),
            Type::Result(t, _) if !last => format!("Ok({})", self.irrefutable(t, 1)),
            Type::Bool if !last => "true".into(),
            Type::Enum(i) if !last || k > 0 => self.variant_pattern(*i, k, |m, t| m.irrefutable(t, 1)),
            Type::Plain(i) if !last || k > 0 => format!("Tag{i}::Is{k}"),
            _ => self.irrefutable(ty, 2),
        }
    }
}

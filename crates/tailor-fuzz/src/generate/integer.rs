//! Expressions of integer types.

use super::features::{Feature as F, enabled};
use super::maker::{Maker, Row};
use super::tree::Code;
use super::types::{INTS, Int, Type, U32, USIZE};

/// Ways to make an integer.
pub const INTEGER: &[Row] = &[
    (10, F::Checked, |m, ty, size| Some(m.binary(ty, &["+", "-", "*"], size))),
    (3, F::Checked, |m, ty, size| Some(m.binary(ty, &["/", "%"], size))),
    (7, F::Bits, |m, ty, size| Some(m.binary(ty, &["&", "|", "^"], size))),
    (14, F::Wrapping, |m, ty, size| Some(m.method(ty, &["wrapping_add", "wrapping_sub", "wrapping_mul"], size))),
    (2, F::Wrapping, |m, ty, size| Some(m.method(ty, &["wrapping_div", "wrapping_rem"], size))),
    (3, F::Saturating, |m, ty, size| Some(m.method(ty, &["saturating_add", "saturating_sub", "saturating_mul"], size))),
    (6, F::CheckedMethods, |m, ty, size| Some(m.checked(ty, size))),
    (4, F::Overflowing, |m, ty, size| Some(m.overflowing(ty, size))),
    (6, F::Shifts, |m, ty, size| Some(m.shift(ty, size))),
    (3, F::Shifts, |m, ty, size| Some(m.shift_method(ty, size))),
    (3, F::Sign, |m, ty, size| Some(m.unary(ty, size))),
    (3, F::MinMax, |m, ty, size| Some(m.method(ty, &["min", "max"], size))),
    (1, F::Clamp, |m, ty, size| Some(m.clamp(ty, size))),
    (3, F::Bits, |m, ty, size| m.count_bits(ty, size)),
    (10, F::Casts, |m, ty, size| Some(m.cast(ty, size))),
    (2, F::From, |m, ty, size| m.from(ty, size)),
    (3, F::Slices, |m, ty, size| m.of_slice(ty, size)),
    (3, F::WorldArrays, |m, ty, size| m.of_world_array(ty, size)),
    (1, F::FloatBits, |m, ty, size| m.float_bits(ty, size)),
    (2, F::GuestStack, |m, ty, size| m.of_stack(ty, size)),
];

fn int_of(ty: &Type) -> Int {
    match ty {
        Type::Int(int) => *int,
        _ => unreachable!("the rows of integers are asked for integers"),
    }
}

impl Maker<'_> {
    /// `(a op b)`
    pub fn binary(&mut self, ty: &Type, operators: &[&str], size: usize) -> Code {
        let (a, b) = (self.expr(ty, size / 2), self.expr(ty, size / 2));
        Code::fill(&format!("(# {} #)", self.rng.pick(operators)), [a, b])
    }

    /// `(a).method(b)`
    pub fn method(&mut self, ty: &Type, methods: &[&str], size: usize) -> Code {
        let (a, b) = (self.expr(ty, size / 2), self.expr(ty, size / 2));
        Code::fill(&format!("(#).{}(#)", self.rng.pick(methods)), [a, b])
    }

    /// `(a).checked_add(b).unwrap_or(c)`
    fn checked(&mut self, ty: &Type, size: usize) -> Code {
        let name = self.rng.pick(&["add", "sub", "mul", "div", "rem"]);
        let codes = [self.expr(ty, size / 3), self.expr(ty, size / 3), self.expr(ty, size / 3)];
        Code::fill(&format!("(#).checked_{name}(#).unwrap_or(#)"), codes)
    }

    fn overflowing(&mut self, ty: &Type, size: usize) -> Code {
        let name = self.rng.pick(&["add", "sub", "mul"]);
        let codes = [self.expr(ty, size / 2), self.expr(ty, size / 2)];
        Code::fill(&format!("(#).overflowing_{name}(#).0"), codes)
    }

    /// A shift by any type, mostly in range.
    fn shift(&mut self, ty: &Type, size: usize) -> Code {
        let by = Type::Int(self.rng.pick(&INTS));
        let (value, count) = (self.expr(ty, size / 2), self.expr(&by, size / 2));
        let mask = int_of(ty).bits - 1;
        let count = if self.rng.chance(85) { Code::fill(&format!("(# & {mask})"), [count]) } else { count };
        Code::fill(&format!("(# {} #)", self.rng.pick(&["<<", ">>"])), [value, count])
    }

    fn shift_method(&mut self, ty: &Type, size: usize) -> Code {
        let (value, count) = (self.expr(ty, size / 2), self.expr(&Type::Int(U32), size / 2));
        match self.rng.below(4) {
            0 => Code::fill("(#).rotate_left(#)", [value, count]),
            1 => Code::fill("(#).rotate_right(#)", [value, count]),
            2 => Code::fill("(#).wrapping_shl(#)", [value, count]),
            _ => Code::fill("(#).wrapping_shr(#)", [value, count]),
        }
    }

    fn unary(&mut self, ty: &Type, size: usize) -> Code {
        let int = int_of(ty);
        let template = if int.signed {
            self.rng.pick(&["(-#)", "(!#)", "(#).wrapping_neg()", "(#).abs()", "(#).wrapping_abs()", "(#).signum()"])
        } else {
            let signed =
                INTS.iter().find(|i| i.signed && i.bits == int.bits && (i.name == "isize") == (int.name == "usize"));
            if let Some(signed) = signed
                && self.rng.chance(20)
            {
                let value = self.expr(&Type::Int(*signed), size - 1);
                return Code::fill("(#).unsigned_abs()", [value]);
            }
            self.rng.pick(&["(!#)", "(#).wrapping_neg()"])
        };
        let value = self.expr(ty, size - 1);
        // A literal's sign would be part of it.
        let value = if template == "(-#)" { Code::fill("(#)", [value]) } else { value };
        Code::fill(template, [value])
    }

    fn clamp(&mut self, ty: &Type, size: usize) -> Code {
        let codes = self.exprs(&[ty.clone(), ty.clone(), ty.clone()], size);
        Code::fill("(#).clamp(#, #)", codes)
    }

    fn count_bits(&mut self, ty: &Type, size: usize) -> Option<Code> {
        if int_of(ty) != U32 {
            return None;
        }
        let of = Type::Int(self.rng.pick(&INTS));
        let name = self.rng.pick(&["leading_zeros", "trailing_zeros", "count_ones"]);
        Some(Code::fill(&format!("(#).{name}()"), [self.expr(&of, size - 1)]))
    }

    fn cast(&mut self, ty: &Type, size: usize) -> Code {
        let from = match self.rng.below(10) {
            0 => Type::Bool,
            1 => Type::Float,
            2 if !self.types.plain.is_empty() => Type::Plain(self.rng.below(self.types.plain.len())),
            _ => Type::Int(self.rng.pick(&INTS)),
        };
        let value = self.expr(&from, size - 1);
        Code::fill(&format!("((#) as {})", ty.text()), [value])
    }

    fn from(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let to = int_of(ty);
        let fits = |from: &&Int| {
            from.bits < to.bits
                && (!from.signed || to.signed)
                && !from.name.ends_with("size")
                && (!to.name.ends_with("size") || from.bits == 8 || from.bits == 16 && from.signed == to.signed)
        };
        let all: Vec<_> = INTS.iter().filter(fits).collect();
        let from = Type::Int(**all.get(self.rng.below(all.len().max(1)))?);
        let value = self.expr(&from, size - 1);
        Some(if self.rng.chance(70) {
            Code::fill(&format!("{}::from(#)", to.name), [value])
        } else {
            Code::fill(&format!("{{ let t: {} = (#).into(); t }}", to.name), [value])
        })
    }

    /// An element or the length of a slice.
    fn of_slice(&mut self, ty: &Type, size: usize) -> Option<Code> {
        let slices = self.scope.slices.clone();
        let slice = slices.get(self.rng.below(slices.len().max(1)))?;
        let name = &slice.name;
        if int_of(ty) == USIZE && self.rng.chance(50) {
            return Some(Code::text(format!("{name}.len()")));
        }
        if Type::Int(slice.element) != *ty {
            return None;
        }
        let index = self.expr(&Type::Int(USIZE), size / 2);
        Some(match self.rng.below(3) {
            // Panics if it is empty.
            0 => Code::fill(&format!("{name}[# % {name}.len()]"), [index]),
            1 => Code::fill(&format!("match {name}.get(#) {{ Some(e) => *e, None => # }}"), [index, self.leaf(ty)]),
            _ => Code::fill(&format!("{name}[#]"), [self.index(4, size / 2)]),
        })
    }

    fn of_world_array(&mut self, ty: &Type, size: usize) -> Option<Code> {
        if !self.scope.world {
            return None;
        }
        let (name, count) = world_array(ty)?;
        if enabled(F::Pointers) && self.rng.chance(30) {
            let index = self.safe_index(count, size - 1);
            let place = world_pointer(ty, name);
            return Some(match self.rng.below(3) {
                0 => Code::fill(&format!("unsafe {{ {place}.add(#).read() }}"), [index]),
                1 => Code::fill(&format!("unsafe {{ *{place}.wrapping_add(#) }}"), [index]),
                _ => {
                    Code::fill(&format!("(unsafe {{ {place}.add(#).offset_from({place}) }} as {})", ty.text()), [index])
                }
            });
        }
        let index = self.index(count, size - 1);
        Some(Code::fill(&format!("w.{name}[#].get()"), [index]))
    }

    /// A word of the guest stack.
    fn of_stack(&mut self, ty: &Type, size: usize) -> Option<Code> {
        if !self.scope.world || int_of(ty) != INTS[6] {
            return None;
        }
        let index = self.safe_index(STACK_WORDS, size - 1);
        Some(Code::fill(
            &format!("unsafe {{ {} }}", stack_access(self.rng.below(3), "get(0)", "get(# as isize)")),
            [index],
        ))
    }

    fn float_bits(&mut self, ty: &Type, size: usize) -> Option<Code> {
        if int_of(ty).name != "u64" {
            return None;
        }
        let value = self.expr(&Type::Float, size - 1);
        // Which NaN arithmetic gives is not specified.
        Some(Code::fill("{ let t: f64 = #; if t.is_nan() { 7u64 } else { t.to_bits() } }", [value]))
    }
}

/// The length of the world's guest stack.
pub const STACK_WORDS: usize = 6;

/// An access to a guest stack, with one hole for the index; `here` is the access without an index, `there` with one.
pub fn stack_access(form: usize, here: &str, there: &str) -> String {
    let stack = "GuestStack::at(std::ptr::from_ref(&w.stack).cast::<i64>().cast_mut())";
    match form {
        0 => format!("{stack}.{there}"),
        1 => format!("{stack}.up(#).{here}"),
        _ => format!("{stack}.up(6usize).down(6usize - #).{here}"),
    }
}

/// A pointer to the first element of an array of the world.
pub fn world_pointer(ty: &Type, name: &str) -> String {
    format!("std::ptr::from_ref(&w.{name}).cast::<{}>().cast_mut()", ty.text())
}

/// The world's array of cells of a type, and its length.
pub fn world_array(ty: &Type) -> Option<(&'static str, usize)> {
    match int_of(ty).name {
        "i64" => Some(("words", 6)),
        "u8" => Some(("bytes", 9)),
        "i16" => Some(("shorts", 5)),
        _ => None,
    }
}

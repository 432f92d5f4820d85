//! Recording Rust's arithmetic: what each integer type does at its bounds, in terms of 64-bit operations on extended values.
//!
//! Values are kept extended to 64 bits by their type ([`IntType`]): so an operation on a narrow type is the 64-bit one, extended again; it has overflowed if
//! that changed it. The messages are those of Rust's own panics.

use tailor_compiler::ir::OpCode;

use super::{Node, Tape};

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntType {
    /// 8, 16, 32 or 64.
    pub bits: u8,
    /// Whether it is signed.
    pub signed: bool,
}

impl IntType {
    /// `i8`
    pub const I8: IntType = IntType { bits: 8, signed: true };
    /// `i16`
    pub const I16: IntType = IntType { bits: 16, signed: true };
    /// `i32`
    pub const I32: IntType = IntType { bits: 32, signed: true };
    /// `i64`, `isize`
    pub const I64: IntType = IntType { bits: 64, signed: true };
    /// `u8`
    pub const U8: IntType = IntType { bits: 8, signed: false };
    /// `u16`
    pub const U16: IntType = IntType { bits: 16, signed: false };
    /// `u32`, `char`
    pub const U32: IntType = IntType { bits: 32, signed: false };
    /// `u64`, `usize`
    pub const U64: IntType = IntType { bits: 64, signed: false };
    /// `bool`
    pub const BOOL: IntType = IntType { bits: 8, signed: false };

    /// The least value, extended.
    pub const fn min(self) -> u64 {
        if self.signed { (i64::MIN >> (64 - self.bits)) as u64 } else { 0 }
    }

    /// The greatest value, extended.
    pub const fn max(self) -> u64 {
        u64::MAX >> (64 - self.bits + if self.signed { 1 } else { 0 })
    }

    /// Whether all its values are values of `other`.
    pub const fn fits(self, other: IntType) -> bool {
        if self.signed == other.signed { self.bits <= other.bits } else { !self.signed && self.bits < other.bits }
    }
}

/// Operations on two integers of a type; for shifts the right operand is of any type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
}

/// What happens when a result does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// It wraps (and shift amounts are masked).
    Wrap,
    /// It panics.
    Panic,
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// Operations on one integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// `!` (of integers; of truth values it is [`Tape::not`])
    Not,
    /// `leading_zeros`
    LeadingZeros,
    /// `trailing_zeros`
    TrailingZeros,
    /// `count_ones`
    CountOnes,
}

const DIVISION_BY_ZERO: &str = "attempt to divide by zero";
const REMAINDER_BY_ZERO: &str = "attempt to calculate the remainder with a divisor of zero";

impl Tape {
    /// `a op b` as the operators do it; what happens on overflow is said by the user's build. (Division by zero, and the least value by -1, always panic.)
    #[cold]
    #[inline(never)]
    pub fn arithmetic(&self, op: Arithmetic, ty: IntType, a: Node, b: Node, overflow: Overflow) -> Node {
        match op {
            Arithmetic::Add | Arithmetic::Sub | Arithmetic::Mul => {
                let (result, overflows) = self.overflowing(op, ty, a, b, overflow == Overflow::Panic);
                if let Some(overflows) = overflows {
                    self.panic_if(overflows, overflow_message(op), &[]);
                }
                result
            }
            Arithmetic::Div | Arithmetic::Rem => self.division(op, ty, a, b),
            Arithmetic::And => self.pure(OpCode::And, &[a, b]),
            Arithmetic::Or => self.pure(OpCode::Or, &[a, b]),
            Arithmetic::Xor => self.pure(OpCode::Xor, &[a, b]),
            Arithmetic::Shl | Arithmetic::Shr => {
                if overflow == Overflow::Panic {
                    let good = self.shift_in_range(ty, b);
                    self.panic_unless(good, overflow_message(op), &[]);
                }
                self.shift(op, ty, a, b)
            }
        }
    }

    /// The wrapped result of an addition, subtraction, multiplication or shift, and whether it overflowed: `overflowing_add` …; by
    /// [`Tape::sum`] also `checked_add` …
    ///
    /// # Panics
    /// It is another operation.
    #[cold]
    #[inline(never)]
    pub fn overflowing_arithmetic(&self, op: Arithmetic, ty: IntType, a: Node, b: Node) -> (Node, Node) {
        if matches!(op, Arithmetic::Shl | Arithmetic::Shr) {
            let good = self.shift_in_range(ty, b);
            return (self.shift(op, ty, a, b), self.not(good));
        }
        let (result, overflows) = self.overflowing(op, ty, a, b, true);
        (result, overflows.expect("overflow has been asked for"))
    }

    /// `-a`; see [`Tape::arithmetic`].
    #[cold]
    #[inline(never)]
    pub fn negate(&self, ty: IntType, a: Node, overflow: Overflow) -> Node {
        if overflow == Overflow::Panic {
            let least = self.int(ty.min());
            let overflows = self.pure(OpCode::Eq, &[a, least]);
            self.panic_if(overflows, "attempt to negate with overflow", &[]);
        }
        let result = self.pure(OpCode::Neg, &[a]);
        self.wrap(ty, result)
    }

    /// An operation on one integer. Counts are `u32`s.
    #[cold]
    #[inline(never)]
    pub fn unary(&self, op: Unary, ty: IntType, a: Node) -> Node {
        let bits = |node| if ty.signed && ty.bits < 64 { self.extend(false, ty.bits, node) } else { node };
        match op {
            Unary::Not => {
                let result = self.pure(OpCode::Not, &[a]);
                self.wrap(ty, result)
            }
            Unary::LeadingZeros => {
                let count = self.pure(OpCode::Clz, &[bits(a)]);
                let unused = self.int(u64::from(ty.bits).wrapping_sub(64));
                if ty.bits == 64 { count } else { self.pure(OpCode::Add, &[count, unused]) }
            }
            Unary::TrailingZeros => {
                let a = if ty.bits == 64 {
                    a
                } else {
                    let end = self.int(1 << ty.bits);
                    self.pure(OpCode::Or, &[a, end])
                };
                self.pure(OpCode::Ctz, &[a])
            }
            Unary::CountOnes => self.pure(OpCode::PopCount, &[bits(a)]),
        }
    }

    /// `rotate_left` by a `u32`.
    #[cold]
    #[inline(never)]
    pub fn rotate_left(&self, ty: IntType, a: Node, by: Node) -> Node {
        if ty.bits == 64 {
            return self.pure(OpCode::RotL, &[a, by]);
        }
        let mask = self.int(u64::from(ty.bits) - 1);
        let a = if ty.signed { self.extend(false, ty.bits, a) } else { a };
        let by = self.pure(OpCode::And, &[by, mask]);
        let width = self.int(u64::from(ty.bits));
        let rest = self.pure(OpCode::Sub, &[width, by]);
        let (high, low) = (self.pure(OpCode::Shl, &[a, by]), self.pure(OpCode::Shr, &[a, rest]));
        let both = self.pure(OpCode::Or, &[high, low]);
        self.wrap(ty, both)
    }

    /// Compares two integers of a type.
    #[cold]
    #[inline(never)]
    pub fn compare(&self, op: Compare, ty: IntType, a: Node, b: Node) -> Node {
        let (lt, le) = if ty.signed { (OpCode::Lt, OpCode::Le) } else { (OpCode::LtU, OpCode::LeU) };
        match op {
            Compare::Eq => self.pure(OpCode::Eq, &[a, b]),
            Compare::Ne => self.pure(OpCode::Ne, &[a, b]),
            Compare::Lt => self.pure(lt, &[a, b]),
            Compare::Le => self.pure(le, &[a, b]),
            Compare::Gt => self.pure(lt, &[b, a]),
            Compare::Ge => self.pure(le, &[b, a]),
        }
    }

    /// Compares two doubles.
    #[cold]
    #[inline(never)]
    pub fn compare_floats(&self, op: Compare, a: Node, b: Node) -> Node {
        match op {
            Compare::Eq => self.pure(OpCode::FEq, &[a, b]),
            Compare::Ne => self.pure(OpCode::FNe, &[a, b]),
            Compare::Lt => self.pure(OpCode::FLt, &[a, b]),
            Compare::Le => self.pure(OpCode::FLe, &[a, b]),
            Compare::Gt => self.pure(OpCode::FLt, &[b, a]),
            Compare::Ge => self.pure(OpCode::FLe, &[b, a]),
        }
    }

    /// Compares two addresses.
    #[cold]
    #[inline(never)]
    pub fn compare_addresses(&self, op: Compare, a: Node, b: Node) -> Node {
        match op {
            Compare::Eq => self.pure(OpCode::RefEq, &[a, b]),
            Compare::Ne => self.pure(OpCode::RefNe, &[a, b]),
            Compare::Lt | Compare::Le | Compare::Gt | Compare::Ge => {
                let (a, b) = (self.pure(OpCode::RefToInt, &[a]), self.pure(OpCode::RefToInt, &[b]));
                self.compare(op, IntType::U64, a, b)
            }
        }
    }

    /// `a as to` between integers.
    #[cold]
    #[inline(never)]
    pub fn cast(&self, from: IntType, to: IntType, a: Node) -> Node {
        if from.fits(to) { a } else { self.wrap(to, a) }
    }

    /// Whether `a` is a value of `to`: `try_from`.
    #[cold]
    #[inline(never)]
    pub fn is_in_range(&self, from: IntType, to: IntType, a: Node) -> Node {
        if from.fits(to) {
            return self.int(1);
        }
        let zero = self.int(0);
        if to.bits == 64 {
            // i64 to u64, or the reverse.
            return self.pure(OpCode::Le, &[zero, a]);
        }
        // A negative `from` and a large one both differ from their extension.
        let wrapped = self.wrap(to, a);
        let same = self.pure(OpCode::Eq, &[wrapped, a]);
        if !from.signed && from.bits == 64 && to.signed {
            // A large u64 looks negative.
            let positive = self.pure(OpCode::Le, &[zero, a]);
            return self.pure(OpCode::And, &[same, positive]);
        }
        same
    }

    /// `a as f64`.
    #[cold]
    #[inline(never)]
    pub fn int_to_float(&self, from: IntType, a: Node) -> Node {
        let signed = self.pure(OpCode::IntToFloat, &[a]);
        if from != IntType::U64 {
            return signed;
        }
        // From 2^63 on: half of it, the lost bit kept for rounding, doubled.
        let (one, zero) = (self.int(1), self.int(0));
        let (half, lost) = (self.pure(OpCode::Shr, &[a, one]), self.pure(OpCode::And, &[a, one]));
        let half = self.pure(OpCode::Or, &[half, lost]);
        let half = self.pure(OpCode::IntToFloat, &[half]);
        let large = self.pure(OpCode::FAdd, &[half, half]);
        let is_large = self.pure(OpCode::Lt, &[a, zero]);
        let (large, signed) = (self.pure(OpCode::FloatBits, &[large]), self.pure(OpCode::FloatBits, &[signed]));
        let bits = self.pure(OpCode::Select, &[is_large, large, signed]);
        self.pure(OpCode::BitsFloat, &[bits])
    }

    /// `a as to` from a double: towards zero, saturating, 0 for NaN.
    #[cold]
    #[inline(never)]
    pub fn float_to_int(&self, to: IntType, a: Node) -> Node {
        let word = self.pure(OpCode::FloatToInt, &[a]);
        if to == IntType::I64 {
            return word;
        }
        if to != IntType::U64 {
            let word = self.clamp(word, to.max(), false);
            return self.clamp(word, to.min(), true);
        }
        let small = self.clamp(word, 0, true);
        let limit = self.float(9_223_372_036_854_775_808.0);
        let rest = self.pure(OpCode::FSub, &[a, limit]);
        let rest = self.pure(OpCode::FloatToInt, &[rest]);
        let top = self.int(1 << 63);
        let large = self.pure(OpCode::Xor, &[rest, top]);
        let is_large = self.pure(OpCode::FLe, &[limit, a]);
        self.pure(OpCode::Select, &[is_large, large, small])
    }

    /// The greater (if `least`) or lesser of an i64 and a constant.
    fn clamp(&self, a: Node, bound: u64, least: bool) -> Node {
        let bound = self.int(bound);
        let beyond = self.pure(OpCode::Lt, &if least { [a, bound] } else { [bound, a] });
        self.pure(OpCode::Select, &[beyond, bound, a])
    }

    /// The low bits of a word, as a value of this type.
    #[cold]
    #[inline(never)]
    pub fn wrap(&self, ty: IntType, word: Node) -> Node {
        if ty.bits == 64 { word } else { self.extend(ty.signed, ty.bits, word) }
    }

    fn overflowing(&self, op: Arithmetic, ty: IntType, a: Node, b: Node, test: bool) -> (Node, Option<Node>) {
        let (code, signed_test) = match op {
            Arithmetic::Add => (OpCode::Add, OpCode::OvfAdd),
            Arithmetic::Sub => (OpCode::Sub, OpCode::OvfSub),
            Arithmetic::Mul => (OpCode::Mul, OpCode::OvfMul),
            _ => panic!("{op:?} has no carry"),
        };
        let word = self.pure(code, &[a, b]);
        let result = self.wrap(ty, word);
        if !test {
            return (result, None);
        }
        let overflows = if ty.bits < 64 {
            // 64 bits hold the exact result. (Of a u32 subtraction it may be negative, which is no u32 either.)
            self.pure(OpCode::Ne, &[result, word])
        } else if ty.signed {
            self.pure(signed_test, &[a, b])
        } else {
            match op {
                Arithmetic::Add => self.pure(OpCode::LtU, &[result, a]),
                Arithmetic::Sub => self.pure(OpCode::LtU, &[a, b]),
                _ => {
                    let (high, zero) = (self.pure(OpCode::MulHiU, &[a, b]), self.int(0));
                    self.pure(OpCode::Ne, &[high, zero])
                }
            }
        };
        (result, Some(overflows))
    }

    fn division(&self, op: Arithmetic, ty: IntType, a: Node, b: Node) -> Node {
        let is_div = op == Arithmetic::Div;
        self.panic_unless(b, if is_div { DIVISION_BY_ZERO } else { REMAINDER_BY_ZERO }, &[]);
        if ty.signed {
            let overflows = self.division_overflows(ty, a, b);
            self.panic_if(overflows, overflow_message(op), &[]);
        }
        self.pure(
            match (is_div, ty.signed) {
                (true, true) => OpCode::DivS,
                (true, false) => OpCode::DivU,
                (false, true) => OpCode::RemS,
                (false, false) => OpCode::RemU,
            },
            &[a, b],
        )
    }

    /// Whether `a / b` is the least value of a signed type by -1.
    #[cold]
    #[inline(never)]
    pub fn division_overflows(&self, ty: IntType, a: Node, b: Node) -> Node {
        let (least, minus_one) = (self.int(ty.min()), self.int(u64::MAX));
        let is_least = self.pure(OpCode::Eq, &[a, least]);
        let by_minus_one = self.pure(OpCode::Eq, &[b, minus_one]);
        self.pure(OpCode::And, &[is_least, by_minus_one])
    }

    /// Whether a shift amount is less than the width. (A negative one is a large unsigned one.)
    fn shift_in_range(&self, ty: IntType, by: Node) -> Node {
        let bits = self.int(u64::from(ty.bits));
        self.pure(OpCode::LtU, &[by, bits])
    }

    /// Shifts by an amount that is masked to the width.
    fn shift(&self, op: Arithmetic, ty: IntType, a: Node, by: Node) -> Node {
        let by = if ty.bits == 64 {
            // The operations themselves mask to 64.
            by
        } else {
            let mask = self.int(u64::from(ty.bits) - 1);
            self.pure(OpCode::And, &[by, mask])
        };
        if op == Arithmetic::Shl {
            let word = self.pure(OpCode::Shl, &[a, by]);
            return self.wrap(ty, word);
        }
        self.pure(if ty.signed { OpCode::Sar } else { OpCode::Shr }, &[a, by])
    }
}

fn overflow_message(op: Arithmetic) -> &'static str {
    match op {
        Arithmetic::Add => "attempt to add with overflow",
        Arithmetic::Sub => "attempt to subtract with overflow",
        Arithmetic::Mul => "attempt to multiply with overflow",
        Arithmetic::Div => "attempt to divide with overflow",
        Arithmetic::Rem => "attempt to calculate the remainder with overflow",
        Arithmetic::Shl => "attempt to shift left with overflow",
        Arithmetic::Shr => "attempt to shift right with overflow",
        Arithmetic::And | Arithmetic::Or | Arithmetic::Xor => unreachable!("bitwise operations do not overflow"),
    }
}

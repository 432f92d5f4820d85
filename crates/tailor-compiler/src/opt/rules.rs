//! The rewrite rules of the pass `fold`, as data: one rule a line, `name: pattern => replacement if condition`.
//!
//! # Notation
//! | in a pattern | matches |
//! |---|---|
//! | `x`, `y`, `z` | any value; the same letter twice: the same value twice |
//! | `c`, `d` | any constant |
//! | a number, `ones`, `(f 1.0)` | this integer, -1, this double (by its bits) |
//! | `(Add p q)` | such an operation, its operands matching |
//!
//! In a replacement, letters stand for what they matched, `(Add p q)` is an operation to be made (and simplified in its turn), `{Add c d}` is a constant that is computed
//! now. A condition is a predicate of [`Condition`] on letters and computed constants.
//!
//! # Rules for rules
//! - A replacement needs no more operations than the pattern's own root made, or leads to a cheaper one; applied again and again, rules end (the tests bound the depth).
//! - Constants stand on the right of commutative operations before rules are tried, and an operation whose operands are all constant is computed before.
//! - A rule for a commutative operation with two different operand patterns is tried in both orders.
//! - Nothing is assumed of the bits of a NaN.
//! - `ltu_tagged` and its kin alone make operations: for bounds checks of tagged indexes. In loops the bound is the same each time, doubled once before; and nobody else needs the index without its tag, since addresses take tagged ones.
//!
//! Each rule is checked against the evaluator by its form alone, in `tests/rules.rs`: no rule can be added without being tested.
//! Sources: Warren, "Hacker's Delight" (2nd ed. 2013), chapters 2, 4 and 10; the fold rules of LuaJIT and the `real.rules` of RPython served as lists of what matters.

use crate::ir::OpCode;

/// What is matched; see the module's header.
#[derive(Clone, Copy, Debug)]
pub enum Pattern {
    /// Any value, bound to this letter.
    Any(usize),
    /// Any constant, bound to this letter.
    Constant(usize),
    /// A constant with these bits.
    Bits(u64),
    /// An operation.
    Op(OpCode, &'static [Pattern]),
}

/// What is put in its place.
#[derive(Clone, Copy, Debug)]
pub enum Replacement {
    /// What this letter matched.
    Letter(usize),
    /// The Int constant with these bits.
    Bits(u64),
    /// An operation to be made.
    Op(OpCode, &'static [Replacement]),
    /// A constant to be computed.
    Computed(OpCode, &'static [Replacement]),
}

/// When a rule may be applied. Constants are signed.
#[derive(Clone, Copy, Debug)]
pub enum Condition {
    /// Always.
    Always,
    /// The constant is a power of two, as an unsigned integer.
    PowerOfTwo(Replacement),
    /// The first constant is less than the second, as unsigned integers.
    Below(Replacement, Replacement),
    /// Both constants are equal.
    Same(Replacement, Replacement),
    /// Both constants differ.
    Differ(Replacement, Replacement),
    /// The value is known not to be negative.
    NonNegative(Replacement),
    /// The value is known to be 0 or 1.
    Truth(Replacement),
    /// The value is a signed integer of 64 less this constant bits: shifting it left loses nothing.
    Shiftable(Replacement, Replacement),
    /// All bits of the value that are not in the constant are known to be 0.
    Within(Replacement, Replacement),
    /// All bits of the constant are known to be set in the value.
    Covers(Replacement, Replacement),
    /// The double's reciprocal is exact: it is a power of two of moderate size.
    ExactReciprocal(Replacement),
    /// All of them.
    All(&'static [Condition]),
}

/// A rewrite rule.
#[derive(Debug)]
pub struct Rule {
    /// By which tests refer to it.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and tests"))]
    pub name: &'static str,
    /// The operation that is replaced.
    pub code: OpCode,
    /// Its operands.
    pub operands: &'static [Pattern],
    /// What for.
    pub replacement: Replacement,
    /// If this holds.
    pub condition: Condition,
}

/// How many letters there are.
pub const LETTERS: usize = 5;

macro_rules! letter {
    (x) => {
        0
    };
    (y) => {
        1
    };
    (z) => {
        2
    };
    (c) => {
        3
    };
    (d) => {
        4
    };
}

macro_rules! pattern {
    (x) => { Pattern::Any(0) };
    (y) => { Pattern::Any(1) };
    (z) => { Pattern::Any(2) };
    (c) => { Pattern::Constant(3) };
    (d) => { Pattern::Constant(4) };
    (ones) => { Pattern::Bits(u64::MAX) };
    ((f $value:literal)) => { Pattern::Bits(f64::to_bits($value)) };
    (($op:ident $($operand:tt)*)) => { Pattern::Op(OpCode::$op, &[$(pattern!($operand)),*]) };
    ($bits:literal) => { Pattern::Bits($bits as i64 as u64) };
}

macro_rules! replacement {
    (($op:ident $($operand:tt)*)) => { Replacement::Op(OpCode::$op, &[$(replacement!($operand)),*]) };
    ({ $op:ident $($operand:tt)* }) => { Replacement::Computed(OpCode::$op, &[$(replacement!($operand)),*]) };
    (ones) => { Replacement::Bits(u64::MAX) };
    ($letter:ident) => { Replacement::Letter(letter!($letter)) };
    ($bits:literal) => { Replacement::Bits($bits as i64 as u64) };
}

macro_rules! condition {
    () => { Condition::Always };
    (($name:ident $($operand:tt)*)) => { Condition::$name($(replacement!($operand)),*) };
    ($($all:tt)+) => { Condition::All(&[$(condition!($all)),+]) };
}

macro_rules! rules {
    ($($name:ident: ($code:ident $($operand:tt)*) => $replacement:tt $(if $(($($condition:tt)+))+)?;)*) => {
        /// All rules; those of one opcode stand together and are tried in this order.
        pub static RULES: &[Rule] = &[$(Rule {
            name: stringify!($name),
            code: OpCode::$code,
            operands: &[$(pattern!($operand)),*],
            replacement: replacement!($replacement),
            condition: condition!($($(($($condition)+))+)?),
        },)*];
    };
}

rules! {
    add_zero: (Add x 0) => x;
    add_add: (Add (Add x c) d) => (Add x {Add c d});
    add_sub_const: (Add (Sub c x) d) => (Sub {Add c d} x);
    add_neg: (Add x (Neg y)) => (Sub x y);
    add_sub_same: (Add (Sub x y) y) => x;
    add_not_one: (Add (Not x) 1) => (Neg x);

    sub_same: (Sub x x) => 0;
    sub_const: (Sub x c) => (Add x {Neg c});
    sub_from_zero: (Sub 0 x) => (Neg x);
    sub_neg: (Sub x (Neg y)) => (Add x y);
    sub_add_right: (Sub (Add x y) y) => x;
    sub_add_left: (Sub (Add y x) y) => x;
    sub_const_add: (Sub c (Add x d)) => (Sub {Sub c d} x);
    sub_const_sub: (Sub c (Sub d x)) => (Add x {Sub c d});
    sub_sub_same: (Sub x (Sub x y)) => y;
    sub_from_sum_right: (Sub x (Add x y)) => (Neg y);
    sub_from_sum_left: (Sub x (Add y x)) => (Neg y);

    mul_zero: (Mul x 0) => 0;
    mul_one: (Mul x 1) => x;
    mul_minus_one: (Mul x ones) => (Neg x);
    mul_mul: (Mul (Mul x c) d) => (Mul x {Mul c d});
    mul_shl: (Mul (Shl x c) d) => (Mul x {Shl d c});
    mul_neg: (Mul (Neg x) c) => (Mul x {Neg c});
    mul_power: (Mul x c) => (Shl x {Ctz c}) if (PowerOfTwo c);

    div_one: (DivS x 1) => x;
    div_minus_one: (DivS x ones) => (Neg x);
    div_power: (DivS x c) => (Shr x {Ctz c}) if (NonNegative x) (PowerOfTwo c) (Below c {Shl 1 63});
    div_power_signed: (DivS x c) => (Sar (Add x (Shr (Sar x 63) {Sub 64 {Ctz c}})) {Ctz c})
        if (PowerOfTwo c) (Below 1 c) (Below c {Shl 1 63});
    div_minus_power: (DivS x c) => (Neg (DivS x {Neg c}))
        if (PowerOfTwo {Neg c}) (Below 1 {Neg c}) (Below {Neg c} {Shl 1 63});

    rem_one: (RemS x 1) => 0;
    rem_minus_one: (RemS x ones) => 0;
    rem_power: (RemS x c) => (And x {Add c ones}) if (NonNegative x) (PowerOfTwo c) (Below c {Shl 1 63});

    divu_one: (DivU x 1) => x;
    divu_power: (DivU x c) => (Shr x {Ctz c}) if (PowerOfTwo c);
    remu_power: (RemU x c) => (And x {Add c ones}) if (PowerOfTwo c);

    mulhi_zero: (MulHiS x 0) => 0;
    mulhi_one: (MulHiS x 1) => (Sar x 63);
    mulhiu_zero: (MulHiU x 0) => 0;
    mulhiu_one: (MulHiU x 1) => 0;

    and_zero: (And x 0) => 0;
    and_ones: (And x ones) => x;
    and_same: (And x x) => x;
    and_and: (And (And x c) d) => (And x {And c d});
    and_or_outside: (And (Or x c) d) => (And x d) if (Same {And c d} 0);
    and_or_inside: (And (Or x c) d) => d if (Same {And c d} d);
    and_not_same: (And x (Not x)) => 0;
    and_within: (And x c) => x if (Within x c);

    or_zero: (Or x 0) => x;
    or_ones: (Or x ones) => ones;
    or_same: (Or x x) => x;
    or_or: (Or (Or x c) d) => (Or x {Or c d});
    or_and_all: (Or (And x c) d) => (Or x d) if (Same {Or c d} ones);
    or_covers: (Or x c) => x if (Covers x c);

    xor_zero: (Xor x 0) => x;
    xor_same: (Xor x x) => 0;
    xor_ones: (Xor x ones) => (Not x);
    xor_xor: (Xor (Xor x c) d) => (Xor x {Xor c d});
    xor_not: (Xor (Not x) c) => (Xor x {Not c});
    xor_twice: (Xor (Xor x y) y) => x;
    xor_twice_left: (Xor (Xor y x) y) => x;

    shl_zero: (Shl x 0) => x;
    shl_of_zero: (Shl 0 x) => 0;
    shl_modulo: (Shl x c) => (Shl x {And c 63}) if (Below 63 c);
    shl_mask: (Shl x (And y c)) => (Shl x y) if (Same {And c 63} 63);
    shl_shl: (Shl (Shl x c) d) => (Shl x {Add c d}) if (Below c 64) (Below d 64) (Below {Add c d} 64);
    shl_shl_all: (Shl (Shl x c) d) => 0 if (Below c 64) (Below d 64) (Below 63 {Add c d});
    shl_shr: (Shl (Shr x c) c) => (And x {Shl ones c});
    shl_sar: (Shl (Sar x c) c) => (And x {Shl ones c});

    shr_zero: (Shr x 0) => x;
    shr_of_zero: (Shr 0 x) => 0;
    shr_modulo: (Shr x c) => (Shr x {And c 63}) if (Below 63 c);
    shr_mask: (Shr x (And y c)) => (Shr x y) if (Same {And c 63} 63);
    shr_shr: (Shr (Shr x c) d) => (Shr x {Add c d}) if (Below c 64) (Below d 64) (Below {Add c d} 64);
    shr_shr_all: (Shr (Shr x c) d) => 0 if (Below c 64) (Below d 64) (Below 63 {Add c d});
    shr_shl: (Shr (Shl x c) c) => (And x {Shr ones c});
    shr_or_low: (Shr (Or x c) d) => (Shr x d) if (Same {Shr c d} 0);
    shr_tagged: (Shr (Add (Shl x c) d) c) => (Shr (Shl x c) c) if (Same {Shr d c} 0);

    sar_zero: (Sar x 0) => x;
    sar_of_zero: (Sar 0 x) => 0;
    sar_modulo: (Sar x c) => (Sar x {And c 63}) if (Below 63 c);
    sar_mask: (Sar x (And y c)) => (Sar x y) if (Same {And c 63} 63);
    sar_sar: (Sar (Sar x c) d) => (Sar x {Add c d}) if (Below c 64) (Below d 64) (Below {Add c d} 64);
    sar_sar_all: (Sar (Sar x c) d) => (Sar x 63) if (Below c 64) (Below d 64) (Below 63 {Add c d});
    sar_shl: (Sar (Shl x c) c) => x if (Shiftable x c);
    sar_or_low: (Sar (Or x c) d) => (Sar x d) if (Same {Shr c d} 0);
    sar_tagged: (Sar (Add (Shl x c) d) c) => (Sar (Shl x c) c) if (Same {Shr d c} 0);

    rotl_zero: (RotL x 0) => x;
    rotl_modulo: (RotL x c) => (RotL x {And c 63}) if (Below 63 c);
    rotl_rotl: (RotL (RotL x c) d) => (RotL x {And {Add c d} 63});

    neg_neg: (Neg (Neg x)) => x;
    neg_sub: (Neg (Sub x y)) => (Sub y x);
    neg_not: (Neg (Not x)) => (Add x 1);
    neg_add: (Neg (Add x c)) => (Sub {Neg c} x);
    not_not: (Not (Not x)) => x;
    not_neg: (Not (Neg x)) => (Add x ones);

    select_constant: (Select c x y) => x if (Differ c 0);
    select_zero: (Select 0 x y) => y;
    select_same: (Select x y y) => y;
    select_truth: (Select x 1 0) => x if (Truth x);
    select_not: (Select (Eq x 0) y z) => (Select x z y);
    select_nonzero: (Select (Ne x 0) y z) => (Select x y z);

    ovf_add_zero: (OvfAdd x 0) => 0;
    ovf_sub_zero: (OvfSub x 0) => 0;
    ovf_sub_same: (OvfSub x x) => 0;
    ovf_sub_const: (OvfSub x c) => (OvfAdd x {Neg c}) if (Differ c {Shl 1 63});
    ovf_mul_zero: (OvfMul x 0) => 0;
    ovf_mul_one: (OvfMul x 1) => 0;

    eq_same: (Eq x x) => 1;
    eq_add: (Eq (Add x c) d) => (Eq x {Sub d c});
    eq_xor_const: (Eq (Xor x c) d) => (Eq x {Xor c d});
    eq_neg: (Eq (Neg x) c) => (Eq x {Neg c});
    eq_not: (Eq (Not x) c) => (Eq x {Not c});
    eq_sub_zero: (Eq (Sub x y) 0) => (Eq x y);
    eq_xor_zero: (Eq (Xor x y) 0) => (Eq x y);
    eq_one: (Eq x 1) => x if (Truth x);
    not_eq: (Eq (Eq x y) 0) => (Ne x y);
    not_ne: (Eq (Ne x y) 0) => (Eq x y);
    not_lt: (Eq (Lt x y) 0) => (Le y x);
    not_le: (Eq (Le x y) 0) => (Lt y x);
    not_ltu: (Eq (LtU x y) 0) => (LeU y x);
    not_leu: (Eq (LeU x y) 0) => (LtU y x);
    not_ref_eq: (Eq (RefEq x y) 0) => (RefNe x y);
    not_ref_ne: (Eq (RefNe x y) 0) => (RefEq x y);
    not_float_eq: (Eq (FEq x y) 0) => (FNe x y);
    not_float_ne: (Eq (FNe x y) 0) => (FEq x y);

    ne_same: (Ne x x) => 0;
    ne_add: (Ne (Add x c) d) => (Ne x {Sub d c});
    ne_xor_const: (Ne (Xor x c) d) => (Ne x {Xor c d});
    ne_neg: (Ne (Neg x) c) => (Ne x {Neg c});
    ne_not: (Ne (Not x) c) => (Ne x {Not c});
    ne_sub_zero: (Ne (Sub x y) 0) => (Ne x y);
    ne_xor_zero: (Ne (Xor x y) 0) => (Ne x y);
    ne_zero: (Ne x 0) => x if (Truth x);
    ne_one: (Ne x 1) => (Eq x 0) if (Truth x);

    lt_same: (Lt x x) => 0;
    le_same: (Le x x) => 1;
    le_const: (Le x c) => (Lt x {Add c 1}) if (Differ c {Not {Shl 1 63}});
    const_le: (Le c x) => (Lt {Add c ones} x) if (Differ c {Shl 1 63});
    ltu_same: (LtU x x) => 0;
    ltu_one: (LtU x 1) => (Eq x 0);
    zero_ltu: (LtU 0 x) => (Ne x 0);
    ltu_tagged: (LtU (Sar x 1) y) => (LtU (Add x ones) (Shl y 1)) if (Covers x 1) (Within y {Shr ones 2});
    ltu_tagged_from_one: (LtU (Add (Sar x 1) ones) y) => (LtU (Add x {Neg 3}) (Shl y 1))
        if (Covers x 1) (Within y {Shr ones 2});
    leu_same: (LeU x x) => 1;
    leu_zero: (LeU x 0) => (Eq x 0);

    ref_eq_same: (RefEq x x) => 1;
    ref_ne_same: (RefNe x x) => 0;

    fsub_zero: (FSub x (f 0.0)) => x;
    fadd_minus_zero: (FAdd x (f -0.0)) => x;
    fmul_one: (FMul x (f 1.0)) => x;
    fmul_minus_one: (FMul x (f -1.0)) => (FNeg x);
    fmul_two: (FMul x (f 2.0)) => (FAdd x x);
    fdiv_one: (FDiv x (f 1.0)) => x;
    fdiv_minus_one: (FDiv x (f -1.0)) => (FNeg x);
    fdiv_power: (FDiv x c) => (FMul x {FDiv {BitsFloat 0x3ff0000000000000} c}) if (ExactReciprocal c);
    fneg_fneg: (FNeg (FNeg x)) => x;
    fabs_fabs: (FAbs (FAbs x)) => (FAbs x);
    fabs_fneg: (FAbs (FNeg x)) => (FAbs x);

    ref_of_int_of_ref: (IntToRef (RefToInt x)) => x;
    ref_of_sum: (IntToRef (Add (RefToInt x) c)) => (PtrAdd x c);
    int_of_ref_of_int: (RefToInt (IntToRef x)) => x;
    int_of_sum: (RefToInt (PtrAdd x c)) => (Add (RefToInt x) c);
    float_of_bits_of_float: (BitsFloat (FloatBits x)) => x;
    bits_of_float_of_bits: (FloatBits (BitsFloat x)) => x;

    ptr_add_zero: (PtrAdd x 0) => x;
    ptr_add_ptr_add: (PtrAdd (PtrAdd x c) d) => (PtrAdd x {Add c d});
}

//! Handlers for arithmetic and comparison: the paths for small integers and immediate doubles. Everything else is
//! [`super::operator`]'s.
//!
//! Small integers are computed on their tagged words: with `a = 2x+1` and `b = 2y+1`, `x+y` is `(a-1)+b`, and machine overflow
//! is exactly overflow of the 63-bit range.

use tailor::jit;

use super::Frame;
use crate::bytecode::Instr;
use crate::value::Value;
use crate::vm::Vm;

/// The tagged word of a small integer as number; see the module's header.
#[jit]
#[inline(always)]
fn word(v: Value) -> i64 {
    v.bits() as i64
}

/// A small integer from its tagged word.
#[jit]
#[inline(always)]
fn from_word(word: i64) -> Value {
    debug_assert!(word & 1 == 1);
    // SAFETY: an odd word is a small integer, whatever its other bits are.
    unsafe { Value::from_bits(word as u64) }
}

#[jit]
#[inline(always)]
fn both_doubles(a: Value, b: Value) -> bool {
    const DOUBLE: u64 = 0b10;
    // Units have a way of their own, on which results need not be immediate: see `numeric`.
    !jit::we_are_jitted() && ((a.bits() ^ DOUBLE) | (b.bits() ^ DOUBLE)) & 0b11 == 0
}

#[jit]
#[inline(always)]
fn set_option(frame: Frame, r: u16, value: Option<Value>) -> bool {
    match value {
        Some(value) => {
            frame.set(r, value);
            true
        }
        None => false,
    }
}

#[jit]
#[inline(always)]
fn arithmetic(
    frame: Frame,
    i: Instr,
    on_words: impl Fn(i64, i64) -> Option<i64>,
    on_doubles: impl Fn(f64, f64) -> f64,
) -> bool {
    let (a, b) = (frame.get(i.b), frame.get(i.c));
    if a.both_small(b) {
        set_option(frame, i.a, on_words(word(a), word(b)).map(from_word))
    } else if both_doubles(a, b) {
        set_option(frame, i.a, Value::try_double(on_doubles(a.as_immediate_double(), b.as_immediate_double())))
    } else {
        false
    }
}

#[jit]
#[inline(always)]
pub(super) fn add(frame: Frame, i: Instr) -> bool {
    arithmetic(frame, i, |a, b| (a - 1).checked_add(b), |a, b| a + b)
}

#[jit]
#[inline(always)]
pub(super) fn sub(frame: Frame, i: Instr) -> bool {
    arithmetic(frame, i, |a, b| a.checked_sub(b - 1), |a, b| a - b)
}

#[jit]
#[inline(always)]
pub(super) fn mul(frame: Frame, i: Instr) -> bool {
    arithmetic(frame, i, |a, b| Some((a - 1).checked_mul(b >> 1)? | 1), |a, b| a * b)
}

#[jit]
#[inline(always)]
pub(super) fn double_div(frame: Frame, i: Instr) -> bool {
    let (a, b) = (frame.get(i.b), frame.get(i.c));
    // Zero is never immediate, so there is no division by it here.
    both_doubles(a, b) && set_option(frame, i.a, Value::try_double(a.as_immediate_double() / b.as_immediate_double()))
}

/// Applies `f` to two small integers that are not negative, the second not zero: there, all kinds of division agree.
#[jit]
#[inline(always)]
fn on_naturals(frame: Frame, i: Instr, f: impl Fn(u64, u64) -> u64) -> bool {
    let (a, b) = (frame.get(i.b), frame.get(i.c));
    if a.both_small(b) && a.as_small() >= 0 && b.as_small() > 0 {
        // The result is at most `a`, so it is small.
        frame.set(i.a, Value::small(f(a.as_small() as u64, b.as_small() as u64) as i64));
        true
    } else {
        false
    }
}

#[jit]
#[inline(always)]
pub(super) fn div(frame: Frame, i: Instr) -> bool {
    on_naturals(frame, i, |a, b| a / b)
}

#[jit]
#[inline(always)]
pub(super) fn modulo(frame: Frame, i: Instr) -> bool {
    on_naturals(frame, i, |a, b| a % b)
}

#[jit]
#[inline(always)]
pub(super) fn rem(frame: Frame, i: Instr) -> bool {
    on_naturals(frame, i, |a, b| a % b)
}

#[jit]
#[inline(always)]
pub(super) fn shl(frame: Frame, i: Instr) -> bool {
    let (a, b) = (frame.get(i.b), frame.get(i.c));
    if a.both_small(b) && (0..62).contains(&b.as_small()) {
        let shifted = a.as_small() << b.as_small();
        shifted >> b.as_small() == a.as_small() && set_option(frame, i.a, Value::try_small(shifted))
    } else {
        false
    }
}

#[jit]
#[inline(always)]
pub(super) fn shr(frame: Frame, i: Instr) -> bool {
    let (a, b) = (frame.get(i.b), frame.get(i.c));
    if a.both_small(b) && a.as_small() >= 0 && (0..64).contains(&b.as_small()) {
        frame.set(i.a, Value::small(a.as_small() >> b.as_small()));
        true
    } else {
        false
    }
}

#[jit]
#[inline(always)]
pub(super) fn bit_and(frame: Frame, i: Instr) -> bool {
    let (a, b) = (frame.get(i.b), frame.get(i.c));
    a.both_small(b) && set_option(frame, i.a, Some(from_word(word(a) & word(b))))
}

#[jit]
#[inline(always)]
pub(super) fn bit_xor(frame: Frame, i: Instr) -> bool {
    let (a, b) = (frame.get(i.b), frame.get(i.c));
    a.both_small(b) && set_option(frame, i.a, Some(from_word(word(a) ^ word(b) | 1)))
}

/// The immediate operand in `c`, as twice its value.
#[jit]
#[inline(always)]
fn imm_word(i: Instr) -> i64 {
    i64::from(i.c as i16) << 1
}

#[jit]
#[inline(always)]
pub(super) fn add_imm(frame: Frame, i: Instr) -> bool {
    let a = frame.get(i.b);
    a.is_small() && set_option(frame, i.a, word(a).checked_add(imm_word(i)).map(from_word))
}

#[jit]
#[inline(always)]
pub(super) fn sub_imm(frame: Frame, i: Instr) -> bool {
    let a = frame.get(i.b);
    a.is_small() && set_option(frame, i.a, word(a).checked_sub(imm_word(i)).map(from_word))
}

/// Sets the destination to a comparison's outcome, if there is one.
#[jit]
#[inline(always)]
pub(super) fn set(vm: &Vm, frame: Frame, i: Instr, outcome: Option<bool>) -> bool {
    set_option(frame, i.a, outcome.map(|b| vm.boolean(b)))
}

#[jit]
#[inline(always)]
fn compare(
    frame: Frame,
    i: Instr,
    on_words: impl Fn(i64, i64) -> bool,
    on_doubles: impl Fn(f64, f64) -> bool,
) -> Option<bool> {
    let (a, b) = (frame.get(i.b), frame.get(i.c));
    if a.both_small(b) {
        Some(on_words(word(a), word(b)))
    } else if jit::we_are_jitted() {
        Some(on_doubles(a.to_quick_double()?, b.to_quick_double()?))
    } else if both_doubles(a, b) {
        Some(on_doubles(a.as_immediate_double(), b.as_immediate_double()))
    } else {
        None
    }
}

#[jit]
#[inline(always)]
fn compare_imm(frame: Frame, i: Instr, on_words: impl Fn(i64, i64) -> bool) -> Option<bool> {
    let a = frame.get(i.b);
    a.is_small().then(|| on_words(word(a), imm_word(i) | 1))
}

macro_rules! comparisons {
    ($($name:ident $name_imm:ident $operator:tt,)*) => {$(
        #[jit]
        #[inline(always)]
        pub(super) fn $name(frame: Frame, i: Instr) -> Option<bool> {
            compare(frame, i, |a, b| a $operator b, |a, b| a $operator b)
        }
        #[jit]
        #[inline(always)]
        pub(super) fn $name_imm(frame: Frame, i: Instr) -> Option<bool> {
            compare_imm(frame, i, |a, b| a $operator b)
        }
    )*};
}

comparisons! {
    lt lt_imm <,
    le le_imm <=,
    gt gt_imm >,
    ge ge_imm >=,
    eq eq_imm ==,
    ne ne_imm !=,
}

/// Identity. Equal numbers are identical; so numbers outside registers are left to the general path.
#[jit]
#[inline(always)]
pub(super) fn identical(vm: &Vm, frame: Frame, i: Instr) -> Option<bool> {
    let (a, b) = (frame.get(i.b), frame.get(i.c));
    if !vm.assumptions.identity {
        return None;
    }
    if a == b {
        return Some(true);
    }
    if a == vm.nil || b == vm.nil || a.both_small(b) || not_identical(a, b) { Some(false) } else { None }
}

/// Whether different words are certainly different objects: unless they are numbers, of which at least one is in the heap.
#[jit]
#[inline(always)]
pub(super) fn not_identical(a: Value, b: Value) -> bool {
    is_no_number(a) || is_no_number(b)
}

#[jit]
#[inline(always)]
fn is_no_number(v: Value) -> bool {
    v.header().is_some_and(|h| h.kind() != crate::objects::kind::DOUBLE && h.kind() != crate::objects::kind::BIG_INT)
}

/// Whether a counting loop is left at once.
#[jit]
#[inline(always)]
pub(super) fn for_prep(frame: Frame, i: Instr) -> Option<bool> {
    let (counter, limit) = (frame.get(i.a), frame.get(i.a + 1));
    counter.both_small(limit).then(|| word(counter) > word(limit))
}

/// Whether a loop that counts down is left at once.
#[jit]
#[inline(always)]
pub(super) fn for_down_prep(frame: Frame, i: Instr) -> Option<bool> {
    let (counter, limit) = (frame.get(i.a), frame.get(i.a + 1));
    counter.both_small(limit).then(|| word(counter) < word(limit))
}

/// Counts up by one; whether the loop goes on.
#[jit]
#[inline(always)]
pub(super) fn for_loop(frame: Frame, i: Instr) -> bool {
    let (counter, limit) = (word(frame.get(i.a)), word(frame.get(i.a + 1)));
    let again = counter < limit;
    if again {
        frame.set(i.a, from_word(counter + 2));
    }
    again
}

/// Counts down by one; whether the loop goes on.
#[jit]
#[inline(always)]
pub(super) fn for_down_loop(frame: Frame, i: Instr) -> bool {
    let (counter, limit) = (word(frame.get(i.a)), word(frame.get(i.a + 1)));
    let again = counter > limit;
    if again {
        frame.set(i.a, from_word(counter - 2));
    }
    again
}

/// Counts up by the step in `c`; whether the loop goes on.
#[jit]
#[inline(always)]
pub(super) fn for_step_loop(frame: Frame, i: Instr) -> bool {
    let (counter, limit) = (word(frame.get(i.a)), word(frame.get(i.a + 1)));
    match counter.checked_add(i64::from(i.c) << 1) {
        Some(next) if next <= limit => {
            frame.set(i.a, from_word(next));
            true
        }
        _ => false,
    }
}

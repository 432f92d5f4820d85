//! Operators on numbers in units: what the handlers' fast paths leave.
//!
//! The native interpreter has one slow path for all of it ([`super::operator`]). To a unit that would be a call for every double outside the immediate range, zero above all; so here doubles of
//! either representation are computed in jitted code, where a new one is an object that need not exist. What is left to calls are big integers, which compute by
//! their operands alone.

use tailor::jit;

use super::operator;
use crate::bytecode::Op;
use crate::classes::Core;
use crate::objects::{BoxedDouble, ClassId};
use crate::value::Value;
use crate::vm::{Vm, class_id, try_double};

/// Integers of at most this magnitude are doubles, too.
const MAX_EXACT: i64 = 1 << 53;

/// The result of a numeric operator, if the operands are numbers that have it. (If there is an error, none: it is found out once more.)
#[jit]
pub(super) fn on_numbers(vm: &mut Vm, op: Op, a: Value, b: Value) -> Option<Value> {
    if !is_numeric(op) {
        return None;
    }
    // Looked at as doubles first: then one test tells of each.
    if let Some(x) = a.to_quick_double()
        && let Some(y) = b.to_quick_double()
        && let Some(value) = on_doubles(vm, op, x, y, true)
    {
        return Some(value);
    }
    let class = jit::promote(class_id(a));
    if !is_number_class(class) {
        return None;
    }
    let class_of_argument = jit::promote(class_id(b));
    if !is_number_class(class_of_argument) {
        // Only numbers equal numbers.
        return match op {
            Op::Eq | Op::EqBr => Some(vm.false_),
            Op::Ne | Op::NeBr => Some(vm.true_),
            _ => None,
        };
    }
    if class == const { Core::Integer.id() } && class_of_argument == const { Core::Integer.id() } {
        if a.both_small(b) {
            return on_integers(vm, op, a, b);
        }
    } else if let Some(x) = as_double(a)
        && let Some(y) = as_double(b)
        && let Some(value) = on_doubles(vm, op, x, y, is_exact(a) && is_exact(b))
    {
        return Some(value);
    }
    operator::quietly(vm, op, a, b)
}

#[jit]
#[inline(always)]
fn is_number_class(class: ClassId) -> bool {
    class == const { Core::Integer.id() } || class == const { Core::Double.id() }
}

/// Whether an operator is one of numbers.
#[jit]
#[inline(always)]
fn is_numeric(op: Op) -> bool {
    !matches!(op, Op::Identical | Op::IdenticalBr | Op::Not | Op::IsNil | Op::NotNil | Op::At | Op::AtPut)
}

/// A number as double, unless it is a big integer.
#[jit]
#[inline(always)]
pub(super) fn as_double(value: Value) -> Option<f64> {
    if let Some(x) = value.to_quick_double() {
        Some(x)
    } else if value.is_small() {
        Some(value.as_small() as f64)
    } else {
        Some(value.downcast::<BoxedDouble>()?.get())
    }
}

/// Whether the number is the same as double.
#[jit]
#[inline(always)]
pub(super) fn is_exact(value: Value) -> bool {
    !value.is_small() || value.as_small() >= -MAX_EXACT && value.as_small() <= MAX_EXACT
}

/// Operators on small integers whose results are not small, and those that natively are no fast path.
#[jit]
fn on_integers(vm: &mut Vm, op: Op, a: Value, b: Value) -> Option<Value> {
    let (x, y) = (a.as_small(), b.as_small());
    if y != 0 {
        let result = match op {
            Op::DoubleDiv => return try_double(vm, x as f64 / y as f64),
            Op::Div => Some(x / y),
            Op::Rem => Some(x % y),
            Op::Mod => {
                let rest = x % y;
                Some(if rest != 0 && (rest < 0) != (y < 0) { rest + y } else { rest })
            }
            _ => None,
        };
        if let Some(result) = result
            && let Some(value) = Value::try_small(result)
        {
            return Some(value);
        }
    }
    operator::quietly(vm, op, a, b)
}

/// Operators on doubles; `exact`: they are the operands, not the nearest doubles.
#[jit]
fn on_doubles(vm: &mut Vm, op: Op, x: f64, y: f64, exact: bool) -> Option<Value> {
    match op {
        Op::Add | Op::AddImm => try_double(vm, x + y),
        Op::Sub | Op::SubImm => try_double(vm, x - y),
        Op::Mul => try_double(vm, x * y),
        Op::DoubleDiv => try_double(vm, x / y),
        Op::Lt | Op::LtBr | Op::LtImmBr if exact => Some(vm.boolean(x < y)),
        Op::Le | Op::LeBr | Op::LeImmBr if exact => Some(vm.boolean(x <= y)),
        Op::Gt | Op::GtBr | Op::GtImmBr if exact => Some(vm.boolean(x > y)),
        Op::Ge | Op::GeBr | Op::GeImmBr if exact => Some(vm.boolean(x >= y)),
        Op::Eq | Op::EqBr | Op::EqImmBr if exact => Some(vm.boolean(x == y)),
        Op::Ne | Op::NeBr | Op::NeImmBr if exact => Some(vm.boolean(x != y)),
        _ => None,
    }
}

//! Primitives of Integer and Double. What they compute is defined in [`crate::numbers`].

use super::{Args, Primitive, PrimitiveResult, expected_instance, text};
use crate::classes::Core;
use crate::errors::Raise;
use crate::numbers::{self, Num, NumError};
use crate::value::Value;
use crate::vm::Vm;

/// What Integer and Double have in common.
fn find_common(selector: &str) -> Option<Primitive> {
    Some(Primitive::native(match selector {
        "+" => |vm, args| binary(vm, args, numbers::add),
        "-" => |vm, args| binary(vm, args, numbers::sub),
        "*" => |vm, args| binary(vm, args, numbers::mul),
        "/" => |vm, args| binary(vm, args, numbers::div),
        "//" => |vm, args| binary(vm, args, numbers::double_div),
        "%" => |vm, args| binary(vm, args, numbers::modulo),
        "=" => equal,
        "<>" | "~=" => |vm, args| Ok(if equal(vm, args)? == vm.true_ { vm.false_ } else { vm.true_ }),
        "==" => super::object::identical,
        "<" => |vm, args| compare(vm, args, std::cmp::Ordering::is_lt),
        "<=" => |vm, args| compare(vm, args, std::cmp::Ordering::is_le),
        ">" => |vm, args| compare(vm, args, std::cmp::Ordering::is_gt),
        ">=" => |vm, args| compare(vm, args, std::cmp::Ordering::is_ge),
        "max:" => |vm, args| choose(vm, args, std::cmp::Ordering::is_lt),
        "min:" => |vm, args| choose(vm, args, std::cmp::Ordering::is_gt),
        "abs" => |vm, args| unary(vm, args, |n| Ok(numbers::abs(n))),
        "negated" => |vm, args| unary(vm, args, |n| Ok(numbers::negated(n))),
        "sqrt" => |vm, args| unary(vm, args, numbers::sqrt),
        "asInteger" => |vm, args| unary(vm, args, numbers::as_integer),
        "round" => |vm, args| unary(vm, args, numbers::round),
        "asDouble" => |vm, args| unary(vm, args, |n| Ok(Num::Double(numbers::as_double(n)))),
        "asString" => as_string,
        "hashcode" => super::object::hashcode,
        _ => return None,
    }))
}

pub(super) fn find_integer(selector: &str) -> Option<Primitive> {
    Some(Primitive::native(match selector {
        "rem:" => |vm, args| binary(vm, args, numbers::rem),
        "&" => |vm, args| binary(vm, args, numbers::bit_and),
        "bitXor:" => |vm, args| binary(vm, args, numbers::bit_xor),
        "bitOr:" => |vm, args| binary(vm, args, numbers::bit_or),
        "<<" => |vm, args| binary(vm, args, numbers::shl),
        ">>>" => |vm, args| binary(vm, args, numbers::shr),
        "as32BitSignedValue" => |vm, args| unary(vm, args, numbers::as_32_bit_signed),
        "as32BitUnsignedValue" => |vm, args| unary(vm, args, numbers::as_32_bit_unsigned),
        "atRandom" => at_random,
        _ => return find_common(selector),
    }))
}

pub(super) fn find_double(selector: &str) -> Option<Primitive> {
    Some(Primitive::native(match selector {
        "sin" => |vm, args| on_double(vm, args, f64::sin),
        "cos" => |vm, args| on_double(vm, args, f64::cos),
        "floor" => |vm, args| unary(vm, args, numbers::floor),
        "ceiling" => |vm, args| unary(vm, args, numbers::ceiling),
        _ => return find_common(selector),
    }))
}

pub(super) fn find_class_side(class: &str, selector: &str) -> Option<Primitive> {
    Some(Primitive::native(match (class, selector) {
        ("Integer class", "fromString:") => integer_from_string,
        ("Double class", "fromString:") => double_from_string,
        ("Double class", "PositiveInfinity") => |vm, _| vm.new_double(f64::INFINITY),
        _ => return None,
    }))
}

fn number(vm: &Vm, value: Value) -> Result<Num, Raise> {
    vm.number(value).ok_or_else(|| {
        let class = vm.class_name(vm.class_of(value));
        Raise::error(format!("Expected a numeric type but got type '{class}'."))
    })
}

fn finish(vm: &mut Vm, result: Result<Num, NumError>) -> PrimitiveResult {
    match result {
        Ok(number) => vm.new_number(number),
        Err(e) => Err(Raise::error(e.to_string())),
    }
}

fn binary(vm: &mut Vm, args: Args, f: impl Fn(&Num, &Num) -> Result<Num, NumError>) -> PrimitiveResult {
    let (a, b) = (number(vm, args.receiver())?, number(vm, args.arg(1))?);
    finish(vm, f(&a, &b))
}

fn unary(vm: &mut Vm, args: Args, f: impl Fn(&Num) -> Result<Num, NumError>) -> PrimitiveResult {
    let number = number(vm, args.receiver())?;
    finish(vm, f(&number))
}

fn on_double(vm: &mut Vm, args: Args, f: impl Fn(f64) -> f64) -> PrimitiveResult {
    match number(vm, args.receiver())? {
        Num::Double(x) => vm.new_double(f(x)),
        _ => Err(expected_instance(vm, Core::Double, args.receiver())),
    }
}

/// Equality with anything; only numbers equal numbers.
fn equal(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let a = number(vm, args.receiver())?;
    let same = vm.number(args.arg(1)).is_some_and(|b| numbers::compare(&a, &b).is_some_and(|o| o.is_eq()));
    Ok(vm.boolean(same))
}

fn compare(vm: &mut Vm, args: Args, holds: fn(std::cmp::Ordering) -> bool) -> PrimitiveResult {
    let (a, b) = (number(vm, args.receiver())?, number(vm, args.arg(1))?);
    let outcome = numbers::compare(&a, &b).is_some_and(holds);
    Ok(vm.boolean(outcome))
}

/// The argument, if the receiver compares to it so; else the receiver.
fn choose(vm: &mut Vm, args: Args, argument_if: fn(std::cmp::Ordering) -> bool) -> PrimitiveResult {
    let (a, b) = (number(vm, args.receiver())?, number(vm, args.arg(1))?);
    let argument = numbers::compare(&a, &b).is_some_and(argument_if);
    Ok(if argument { args.arg(1) } else { args.receiver() })
}

fn as_string(vm: &mut Vm, args: Args) -> PrimitiveResult {
    // Small integers are printed far more often than anything else.
    let text = match args.receiver().to_small() {
        Some(i) => i.to_string(),
        None => number(vm, args.receiver())?.to_string(),
    };
    vm.new_string(&text)
}

fn integer_from_string(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let result = numbers::parse_integer(text(vm, args.arg(1))?);
    finish(vm, result)
}

fn double_from_string(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let result = numbers::parse_double(text(vm, args.arg(1))?);
    finish(vm, result)
}

/// A number from 0 to below the receiver, by xorshift64* (Marsaglia 2003, Vigna 2016).
fn at_random(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let Some(bound) = args.receiver().to_small().filter(|&i| i > 0) else {
        return Err(Raise::error("atRandom needs a positive receiver of at most 62 bits."));
    };
    let mut x = vm.random_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    vm.random_state = x;
    let random = x.wrapping_mul(0x2545_f491_4f6c_dd1d);
    Ok(Value::small(((u128::from(random) * bound as u128) >> 64) as i64))
}

//! Primitives of Array.

use super::{Args, Primitive, PrimitiveResult, array_object, expected_instance, offset};
use crate::classes::Core;
use crate::errors::Raise;
use crate::numbers::Num;
use crate::value::Value;
use crate::vm::Vm;

pub(super) fn find(selector: &str) -> Option<Primitive> {
    Some(Primitive::native(match selector {
        "at:" => at,
        "at:put:" => at_put,
        "length" => length,
        "copy" => copy,
        "copyFrom:to:" => copy_from_to,
        "replaceFrom:to:with:startingAt:" => replace,
        _ => return None,
    }))
}

pub(super) fn find_class_side(selector: &str) -> Option<Primitive> {
    (selector == "new:").then(|| Primitive::native(new))
}

fn at(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let array = array_object(vm, args.receiver())?;
    let offset = offset(vm, args.arg(1), array.length())?;
    Ok(array.elements()[offset].get())
}

fn at_put(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let array = array_object(vm, args.receiver())?;
    let offset = offset(vm, args.arg(1), array.length())?;
    let element = &array.elements()[offset];
    element.set(args.arg(2));
    vm.heap.write_barrier_slot(array, element);
    Ok(args.arg(2))
}

fn length(vm: &mut Vm, args: Args) -> PrimitiveResult {
    Ok(Value::small(array_object(vm, args.receiver())?.length() as i64))
}

fn new(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let Some(class) = vm.as_class(args.receiver()) else {
        return Err(expected_instance(vm, Core::Class, args.receiver()));
    };
    if vm.class_info(class).format != crate::classes::InstanceFormat::Array {
        return Err(Raise::error(format!("{} is no kind of Array.", vm.class_name(class))));
    }
    let length = match vm.number(args.arg(1)) {
        Some(length @ (Num::Int(_) | Num::Big(_))) => length,
        _ => return Err(expected_instance(vm, Core::Integer, args.arg(1))),
    };
    match length {
        Num::Int(length) if length >= 0 => vm.new_array(class, length as usize).map(Value::from_gc),
        length => Err(Raise::error(format!("An Array can't have {length} elements."))),
    }
}

fn copy(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let length = array_object(vm, args.receiver())?.length();
    copy_range(vm, args.receiver(), 0, length)
}

/// `copyFrom: first to: last`, both included; empty if `last` is `first - 1`.
fn copy_from_to(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let length = array_object(vm, args.receiver())?.length();
    let (start, end) = range(vm, args.arg(1), args.arg(2), length)?;
    copy_range(vm, args.receiver(), start, end)
}

fn copy_range(vm: &mut Vm, array: Value, start: usize, end: usize) -> PrimitiveResult {
    let class = vm.class_of(array);
    let copy = vm.new_array(class, end - start)?;
    // The source is referred to from the guest stack, so it is still where it was.
    let source = array_object(vm, array)?;
    for (to, from) in copy.elements().iter().zip(&source.elements()[start..end]) {
        to.set(from.get());
    }
    vm.heap.write_barrier(copy);
    Ok(Value::from_gc(copy))
}

/// Offsets of an inclusive range from 1.
fn range(vm: &Vm, first: Value, last: Value, length: usize) -> Result<(usize, usize), Raise> {
    let (Some(first_index), Some(last_index)) = (first.to_small(), last.to_small()) else {
        let wrong = if first.is_small() { last } else { first };
        return Err(expected_instance(vm, Core::Integer, wrong));
    };
    if last_index == first_index - 1 && (1..=length as i64 + 1).contains(&first_index) {
        return Ok((first_index as usize - 1, first_index as usize - 1));
    }
    let start = offset(vm, first, length)?;
    let end = offset(vm, last, length)? + 1;
    if start > end {
        return Err(Raise::error(format!("The range {first_index} to {last_index} runs backwards.")));
    }
    Ok((start, end))
}

/// `replaceFrom: first to: last with: source startingAt: from`: copies elements, also within one array.
fn replace(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let target = array_object(vm, args.receiver())?;
    let source = array_object(vm, args.arg(3))?;
    let (start, end) = range(vm, args.arg(1), args.arg(2), target.length())?;
    if start == end {
        return Ok(args.receiver());
    }
    let from = offset(vm, args.arg(4), source.length())?;
    if end - start > source.length() - from {
        let wanted = Value::small((from + (end - start)) as i64);
        offset(vm, wanted, source.length())?;
    }
    // In order of the indices, as if written in SOM.
    for i in 0..end - start {
        target.elements()[start + i].set(source.elements()[from + i].get());
    }
    vm.heap.write_barrier(target);
    Ok(args.receiver())
}

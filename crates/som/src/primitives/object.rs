//! Primitives of Object.

use super::{Args, Control, Primitive, PrimitiveResult, expected_instance, offset, symbol_object};
use crate::classes::{Core, InstanceFormat};
use crate::errors::{ErrorKind, Raise};
use crate::numbers::{self, Num};
use crate::objects::{Array, Block, BoxedDouble, Instance, Str};
use crate::value::Value;
use crate::vm::Vm;
use tailor_gc::{Gc, Object};

pub(super) fn find(selector: &str) -> Option<Primitive> {
    Some(match selector {
        "class" => Primitive::native(class),
        "objectSize" => Primitive::native(object_size),
        "==" => Primitive::native(identical),
        "hashcode" => Primitive::native(hashcode),
        "inspect" => Primitive::native(inspect),
        "halt" => Primitive::native(halt),
        "error:" => Primitive::native(error),
        "instVarAt:" => Primitive::native(inst_var_at),
        "instVarAt:put:" => Primitive::native(inst_var_at_put),
        "instVarNamed:" => Primitive::native(inst_var_named),
        "perform:" => Primitive::Control(Control::Perform),
        "perform:withArguments:" => Primitive::Control(Control::PerformWith),
        "perform:inSuperclass:" => Primitive::Control(Control::PerformInSuper),
        "perform:withArguments:inSuperclass:" => Primitive::Control(Control::PerformWithInSuper),
        _ => return None,
    })
}

fn class(vm: &mut Vm, args: Args) -> PrimitiveResult {
    Ok(vm.class_object(vm.class_of(args.receiver())))
}

fn object_size(_: &mut Vm, args: Args) -> PrimitiveResult {
    let value = args.receiver();
    // Immediate values take a word where they are held.
    let bytes = value
        .downcast::<Instance>()
        .map(|o| o.size())
        .or_else(|| value.downcast::<Array>().map(|o| o.size()))
        .or_else(|| value.downcast::<Str>().map(|o| o.size()))
        .or_else(|| value.downcast::<Block>().map(|o| o.size()))
        .or_else(|| value.downcast::<BoxedDouble>().map(|o| o.size()))
        .unwrap_or(8);
    Ok(Value::small(bytes as i64))
}

/// Identity; for numbers, which have none, the same as `=`, but that NaN is NaN.
pub(super) fn identical(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let (a, b) = (args.receiver(), args.arg(1));
    let same = a == b
        || match (vm.number(a), vm.number(b)) {
            (Some(Num::Double(x)), Some(Num::Double(y))) if x.is_nan() && y.is_nan() => true,
            (Some(x), Some(y)) => numbers::compare(&x, &y).is_some_and(|o| o.is_eq()),
            _ => false,
        };
    Ok(vm.boolean(same))
}

/// Consistent with `=` as Object defines it, and with `=` of numbers and strings.
pub(super) fn hashcode(vm: &mut Vm, args: Args) -> PrimitiveResult {
    Ok(vm.hashcode(args.receiver()))
}

fn inspect(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let value = args.receiver();
    let mut text = vm.describe(value);
    if let Some(object) = value.downcast::<Instance>() {
        let info = vm.class_info(object.class_id());
        for (field, slot) in info.fields.iter().zip(object.slots().iter().skip(info.format.hidden_slots())) {
            text.push_str(&format!("\n  {} = {}", field.as_str(), vm.describe(slot.get())));
        }
    } else if let Some(array) = value.downcast::<Array>() {
        for (i, element) in array.elements().iter().enumerate() {
            text.push_str(&format!("\n  {} = {}", i + 1, vm.describe(element.get())));
        }
    }
    text.push('\n');
    vm.output.print(&text);
    Ok(value)
}

/// Stops for a look: prints where the program is, and goes on.
fn halt(vm: &mut Vm, args: Args) -> PrimitiveResult {
    super::system::print_trace(vm, "Halt.");
    Ok(args.receiver())
}

fn error(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let message = match args.arg(1).downcast::<Str>() {
        Some(text) => text.as_str().to_string(),
        None => vm.describe(args.arg(1)),
    };
    Err(Raise::of(ErrorKind::User, format!("ERROR: {message}")))
}

/// The fields that programs can see, as a part of the slots; those of a class object are its class-side fields.
fn fields(vm: &Vm, value: Value) -> Result<(Option<Gc<Instance>>, usize, usize), Raise> {
    let Some(object) = value.downcast::<Instance>() else { return Ok((None, 0, 0)) };
    let format: InstanceFormat = vm.class_info(object.class_id()).format;
    let hidden = format.hidden_slots();
    Ok((Some(object), hidden, object.slots().len() - hidden))
}

fn inst_var_at(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let (object, hidden, length) = fields(vm, args.receiver())?;
    let index = offset(vm, args.arg(1), length)?;
    Ok(object.map_or(vm.nil, |o| o.slots()[hidden + index].get()))
}

fn inst_var_at_put(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let (object, hidden, length) = fields(vm, args.receiver())?;
    let index = offset(vm, args.arg(1), length)?;
    if let Some(object) = object {
        object.slots()[hidden + index].set(args.arg(2));
        vm.heap.write_barrier(object);
    }
    Ok(args.arg(2))
}

fn inst_var_named(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let name = symbol_object(vm, args.arg(1))?;
    let Some(object) = args.receiver().downcast::<Instance>() else {
        return Err(expected_instance(vm, Core::Object, args.receiver()));
    };
    match vm.field_index(object.class_id(), name.as_str()) {
        Some(index) => Ok(object.slots()[usize::from(index)].get()),
        None => {
            let class = vm.class_name(object.class_id());
            Err(Raise::error(format!("No such field '{}' in class '{class}'.", name.as_str())))
        }
    }
}

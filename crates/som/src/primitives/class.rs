//! Primitives of Class, Method and Primitive.

use super::{Args, Control, Primitive, PrimitiveResult, expected_instance};
use crate::classes::{Core, InstanceFormat};
use crate::errors::Raise;
use crate::method::Method;
use crate::objects::ClassId;
use crate::value::Value;
use crate::vm::Vm;
use tailor_gc::Gc;

pub(super) fn find(selector: &str) -> Option<Primitive> {
    Some(Primitive::native(match selector {
        "name" => name,
        "new" => new,
        "superclass" => superclass,
        "fields" => fields,
        "methods" => methods,
        _ => return None,
    }))
}

pub(super) fn find_method(selector: &str) -> Option<Primitive> {
    Some(match selector {
        "signature" => Primitive::native(signature),
        "holder" => Primitive::native(holder),
        "invokeOn:with:" => Primitive::Control(Control::InvokeOn),
        _ => return None,
    })
}

fn class(vm: &Vm, args: Args) -> Result<ClassId, Raise> {
    vm.as_class(args.receiver()).ok_or_else(|| expected_instance(vm, Core::Class, args.receiver()))
}

fn name(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let class = class(vm, args)?;
    Ok(Value::from_gc(vm.class_info(class).name))
}

fn new(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let id = class(vm, args)?;
    let info = vm.class_info(id);
    match info.format {
        InstanceFormat::Instance => vm.new_instance(id).map(Value::from_gc),
        InstanceFormat::Array => vm.new_array(id, 0).map(Value::from_gc),
        InstanceFormat::String => vm.new_string_of(id, ""),
        _ => {
            let name = info.name.as_str();
            Err(Raise::error(format!("{name} can't be instantiated with #new.")))
        }
    }
}

fn superclass(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let class = class(vm, args)?;
    Ok(match vm.class_info(class).superclass {
        Some(index) => vm.class_object(vm.class_at(index).id),
        None => vm.nil,
    })
}

fn fields(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let class = class(vm, args)?;
    let names: Vec<Value> = vm.class_info(class).fields.iter().map(|f| Value::from_gc(*f)).collect();
    vm.new_array_of(&names)
}

fn methods(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let class = class(vm, args)?;
    let methods: Vec<Value> = vm.class_info(class).methods.iter().map(|m| Value::from_gc(*m)).collect();
    vm.new_array_of(&methods)
}

fn method(vm: &Vm, args: Args) -> Result<Gc<Method>, Raise> {
    args.receiver().downcast::<Method>().ok_or_else(|| expected_instance(vm, Core::Method, args.receiver()))
}

fn signature(vm: &mut Vm, args: Args) -> PrimitiveResult {
    Ok(Value::from_gc(method(vm, args)?.selector()))
}

fn holder(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let holder = method(vm, args)?.holder();
    Ok(vm.class_object(holder))
}

//! Primitives in jitted code: see [`Intrinsic`].
//!
//! Natively, a primitive is a call of its function. In a unit, those that matter are computed here, from operands that need not lie on the guest stack. Whatever
//! is unusual, errors above all, is left to the function.

use tailor::jit;
use tailor_gc::Gc;

use super::numeric::as_double;
use super::{Frame, arith};
use crate::classes::{Core, InstanceFormat};
use crate::objects::{Array, ClassId, Instance, Str, kind};
use crate::primitives::{Args, Function, Intrinsic};
use crate::value::Value;
use crate::vm::{Vm, class_id, try_allocate, try_double};

/// New objects of at most so many slots are made in jitted code.
const MAX_SLOTS: usize = 64;
/// New arrays of at most so many elements are made in jitted code, where their length is a constant.
const MAX_CONSTANT_LENGTH: i64 = 8;

/// What a primitive returns for the receiver and `args` arguments in the window; `None` if its function has to say.
#[jit]
pub(super) fn perform(vm: &mut Vm, function: Function, known: Intrinsic, args: u16, window: Frame) -> Option<Value> {
    let receiver = window.get(0);
    let class = jit::promote(class_id(receiver));
    match known {
        Intrinsic::None | Intrinsic::SeesStack => None,
        Intrinsic::Class => Some(class_object(vm, class)),
        Intrinsic::Identical => identical(vm, receiver, window.get(1)),
        Intrinsic::Hashcode => Some(if receiver.is_small() { receiver } else { hashcode(vm, receiver) }),
        Intrinsic::New => new(vm, receiver),
        Intrinsic::NewArray => new_array(vm, receiver, window.get(1)),
        Intrinsic::ArrayLength => {
            let array = array(vm, receiver, class)?;
            Some(Value::small(array.length() as i64))
        }
        Intrinsic::ArrayAt => {
            let array = array(vm, receiver, class)?;
            array_at(array, window.get(1))
        }
        Intrinsic::ArrayAtPut => {
            let array = array(vm, receiver, class)?;
            array_at_put(vm, array, window.get(1), window.get(2))
        }
        Intrinsic::OnArrays => on_arrays(vm, function, operands(args, window)),
        Intrinsic::StringLength => {
            let string = string(vm, receiver, class)?;
            Some(Value::small(string.chars() as i64))
        }
        Intrinsic::CharAt => {
            let string = string(vm, receiver, class)?;
            match char_at(vm, string, window.get(1)) {
                Some(value) => Some(value),
                None => by_function(vm, function, args, window),
            }
        }
        Intrinsic::StringEqual => {
            let string = string(vm, receiver, class)?;
            Some(string_equal(vm, string, window.get(1)))
        }
        _ => match on_number(vm, known, receiver, class, window) {
            Some(value) => Some(value),
            None => by_function(vm, function, args, window),
        },
    }
}

/// What primitives of numbers return, where that is no matter of big integers.
#[jit]
fn on_number(vm: &mut Vm, known: Intrinsic, receiver: Value, class: ClassId, window: Frame) -> Option<Value> {
    match known {
        Intrinsic::Function => None,
        Intrinsic::Max => choose(receiver, window.get(1), true),
        Intrinsic::Min => choose(receiver, window.get(1), false),
        _ => {
            if receiver.is_small() {
                on_integer(vm, receiver, known)
            } else {
                on_double(vm, receiver, class, known)
            }
        }
    }
}

/// Receiver and arguments of a primitive; those that it has not repeat the receiver.
#[jit::value]
#[derive(Clone, Copy)]
#[repr(C)]
struct Operands {
    receiver: Value,
    first: Value,
    second: Value,
    third: Value,
    fourth: Value,
}

#[jit]
#[inline(always)]
fn operands(args: u16, window: Frame) -> Operands {
    let receiver = window.get(0);
    Operands {
        receiver,
        first: if args > 0 { window.get(1) } else { receiver },
        second: if args > 1 { window.get(2) } else { receiver },
        third: if args > 2 { window.get(3) } else { receiver },
        fourth: if args > 3 { window.get(4) } else { receiver },
    }
}

/// The result of a primitive that depends on its operands alone ([`Intrinsic::Function`]); none if there is an error. Most have few operands, which are passed in registers.
#[jit]
fn by_function(vm: &mut Vm, function: Function, args: u16, window: Frame) -> Option<Value> {
    match args {
        0 => unary(vm, function, window.get(0)),
        1 => binary(vm, function, window.get(0), window.get(1)),
        2 => ternary(vm, function, window.get(0), window.get(1), window.get(2)),
        _ => on_operands(vm, function, operands(args, window)),
    }
}

#[jit::residual(reads(), writes(), no_reenter)]
fn unary(vm: &mut Vm, function: Function, receiver: Value) -> Option<Value> {
    call(vm, function, Operands { receiver, first: receiver, second: receiver, third: receiver, fourth: receiver })
}

#[jit::residual(reads(), writes(), no_reenter)]
fn binary(vm: &mut Vm, function: Function, receiver: Value, first: Value) -> Option<Value> {
    call(vm, function, Operands { receiver, first, second: receiver, third: receiver, fourth: receiver })
}

#[jit::residual(reads(), writes(), no_reenter)]
fn ternary(vm: &mut Vm, function: Function, receiver: Value, first: Value, second: Value) -> Option<Value> {
    call(vm, function, Operands { receiver, first, second, third: receiver, fourth: receiver })
}

#[jit::residual(reads(), writes(), no_reenter)]
fn on_operands(vm: &mut Vm, function: Function, operands: Operands) -> Option<Value> {
    call(vm, function, operands)
}

/// The result of a primitive that depends on the elements of arrays, too, and sets such ([`Intrinsic::OnArrays`]); none if there is an error.
#[jit::residual(reads(ElementSlot.0), writes(ElementSlot.0), no_reenter)]
fn on_arrays(vm: &mut Vm, function: Function, operands: Operands) -> Option<Value> {
    call(vm, function, operands)
}

/// Calls a primitive's function with operands that do not lie on the guest stack. The collector sees them on the native one.
fn call(vm: &mut Vm, function: Function, mut operands: Operands) -> Option<Value> {
    const _: () = assert!(size_of::<Operands>() == 5 * size_of::<Value>());
    vm.saved.clear();
    // SAFETY: a primitive reads its operands only, and none has more than these; they lie one behind the other.
    let window = unsafe { Frame::at((&raw mut operands).cast()) };
    (function.0)(vm, Args::new(window)).ok()
}

/// The class object of a class.
#[jit::residual(elidable, reads(), writes(), no_collect, no_reenter)]
fn class_object(vm: &mut Vm, class: ClassId) -> Value {
    vm.class_object(class)
}

/// How instances of a class look.
#[jit::residual(elidable, reads(), writes(), no_collect, no_reenter)]
fn format(vm: &mut Vm, class: ClassId) -> InstanceFormat {
    vm.class_info(class).format
}

/// `==`, unless both are numbers that need a closer look.
#[jit]
fn identical(vm: &mut Vm, a: Value, b: Value) -> Option<Value> {
    if a == b {
        return Some(vm.true_);
    }
    arith::not_identical(a, b).then_some(vm.false_)
}

/// The hash of what is no small integer. It may note in the object that it has one.
#[jit::residual(reads(), writes(), no_collect, no_reenter)]
fn hashcode(vm: &mut Vm, value: Value) -> Value {
    vm.hashcode(value)
}

#[jit]
fn new(vm: &mut Vm, receiver: Value) -> Option<Value> {
    let class = class_of_objects(vm, jit::promote(receiver))?;
    let slots = class.slots();
    let object: Gc<Instance> = try_allocate(vm, kind::INSTANCE, Instance::size_for(slots), class.0)?;
    for slot in 0..slots {
        // SAFETY: it was allocated with that many slots.
        unsafe { object.slot(slot) }.set(vm.nil);
    }
    Some(Value::from_gc(object))
}

/// The class that a class object stands for, if its instances are ordinary objects and not too large.
#[jit::residual(elidable, reads(), writes(), no_collect, no_reenter)]
fn class_of_objects(vm: &mut Vm, value: Value) -> Option<ClassId> {
    let class = vm.as_class(value)?;
    (vm.class_info(class).format == InstanceFormat::Instance && class.slots() <= MAX_SLOTS).then_some(class)
}

#[jit]
fn new_array(vm: &mut Vm, receiver: Value, length: Value) -> Option<Value> {
    let class = class_of_arrays(vm, jit::promote(receiver))?;
    if !length.is_small() {
        return None;
    }
    let length = length.as_small();
    if length < 0 {
        return None;
    }
    if length > MAX_CONSTANT_LENGTH {
        return allocate_array(vm, class, length as usize);
    }
    let length = jit::promote(length as usize);
    let array: Gc<Array> = try_allocate(vm, kind::ARRAY, 16 + 8 * length, class.0)?;
    // SAFETY: it was allocated with that length.
    unsafe { array.set_length(length) };
    for element in 0..length {
        // SAFETY: the same.
        unsafe { array.elements().get_unchecked(element) }.set(vm.nil);
    }
    Some(Value::from_gc(array))
}

/// The class that a class object stands for, if its instances are arrays.
#[jit::residual(elidable, reads(), writes(), no_collect, no_reenter)]
fn class_of_arrays(vm: &mut Vm, value: Value) -> Option<ClassId> {
    let class = vm.as_class(value)?;
    (vm.class_info(class).format == InstanceFormat::Array).then_some(class)
}

#[jit::residual(reads(), writes(), no_reenter)]
fn allocate_array(vm: &mut Vm, class: ClassId, length: usize) -> Option<Value> {
    vm.saved.clear();
    vm.new_array(class, length).ok().map(Value::from_gc)
}

/// The array that an instance of `class` is.
#[jit]
#[inline(always)]
fn array(vm: &mut Vm, value: Value, class: ClassId) -> Option<Gc<Array>> {
    // SAFETY: the format says what the object is.
    (format(vm, class) == InstanceFormat::Array).then(|| unsafe { value.as_gc() })
}

/// The offset that an index from 1 means.
#[jit]
#[inline(always)]
fn offset(index: Value, length: usize) -> Option<usize> {
    if !index.is_small() {
        return None;
    }
    let offset = (index.as_small() as usize).wrapping_sub(1);
    (offset < length).then_some(offset)
}

#[jit]
fn array_at(array: Gc<Array>, index: Value) -> Option<Value> {
    let offset = offset(index, array.length())?;
    // SAFETY: `offset` checked it.
    Some(unsafe { array.elements().get_unchecked(offset) }.get())
}

#[jit]
fn array_at_put(vm: &mut Vm, array: Gc<Array>, index: Value, value: Value) -> Option<Value> {
    let offset = offset(index, array.length())?;
    // SAFETY: `offset` checked it.
    let element = unsafe { array.elements().get_unchecked(offset) };
    element.set(value);
    vm.heap.write_barrier_slot(array, element);
    Some(value)
}

/// The string that an instance of `class` is.
#[jit]
#[inline(always)]
fn string(vm: &mut Vm, value: Value, class: ClassId) -> Option<Gc<Str>> {
    let format = format(vm, class);
    // SAFETY: the format says what the object is.
    (format == InstanceFormat::String || format == InstanceFormat::Symbol).then(|| unsafe { value.as_gc() })
}

/// The character at an index from 1, if it is one of ASCII text.
#[jit]
fn char_at(vm: &mut Vm, string: Gc<Str>, index: Value) -> Option<Value> {
    if !string.is_ascii() {
        return None;
    }
    let offset = offset(index, string.bytes())?;
    // SAFETY: `offset` checked it.
    let byte = usize::from(unsafe { string.byte(offset) });
    if byte < 128 { Some(vm.characters[byte]) } else { None }
}

/// Whether a string equals a value.
#[jit]
fn string_equal(vm: &mut Vm, string: Gc<Str>, other: Value) -> Value {
    let same = if other == Value::from_gc(string) {
        true
    } else if let Some(other) = other.downcast::<Str>() {
        let bytes = string.bytes();
        if bytes != other.bytes() {
            false
        } else if bytes == 0 {
            true
        } else if bytes <= 8 {
            // SAFETY: neither is empty.
            unsafe { string.first_bytes() == other.first_bytes() }
        } else {
            same_text(string, other)
        }
    } else {
        false
    };
    vm.boolean(same)
}

#[jit::residual(pure)]
fn same_text(a: Gc<Str>, b: Gc<Str>) -> bool {
    a.as_str() == b.as_str()
}

/// The greater or the lesser of two small integers or two doubles; the receiver, if neither is.
#[jit]
fn choose(receiver: Value, argument: Value, greater: bool) -> Option<Value> {
    let takes_argument = if receiver.both_small(argument) {
        let (x, y) = (receiver.as_small(), argument.as_small());
        if greater { x < y } else { x > y }
    } else if !receiver.is_small() && !argument.is_small() {
        let (x, y) = (as_double(receiver)?, as_double(argument)?);
        if greater { x < y } else { x > y }
    } else {
        return None;
    };
    Some(if takes_argument { argument } else { receiver })
}

#[jit]
fn on_double(vm: &mut Vm, receiver: Value, class: ClassId, known: Intrinsic) -> Option<Value> {
    if class != const { Core::Double.id() } {
        return None;
    }
    let x = as_double(receiver)?;
    match known {
        Intrinsic::Abs => try_double(vm, x.abs()),
        Intrinsic::Sqrt => try_double(vm, x.sqrt()),
        Intrinsic::AsDouble => Some(receiver),
        Intrinsic::AsInteger => integer(x.trunc()),
        Intrinsic::Round => integer(round(x)),
        Intrinsic::Floor => integer(x.floor()),
        Intrinsic::Ceiling => integer(x.ceil()),
        Intrinsic::Sin => try_double(vm, sin(x)),
        Intrinsic::Cos => try_double(vm, cos(x)),
        _ => None,
    }
}

/// A double without fraction as small integer, if it is one.
#[jit]
fn integer(x: f64) -> Option<Value> {
    const LIMIT: f64 = (1_u64 << 62) as f64;
    // False for NaN, too.
    if x.abs() < LIMIT { Some(Value::small(x as i64)) } else { None }
}

#[jit::residual(pure, elidable)]
fn round(x: f64) -> f64 {
    x.round()
}

#[jit::residual(pure, elidable)]
fn sin(x: f64) -> f64 {
    x.sin()
}

#[jit::residual(pure, elidable)]
fn cos(x: f64) -> f64 {
    x.cos()
}

#[jit]
fn on_integer(vm: &mut Vm, receiver: Value, known: Intrinsic) -> Option<Value> {
    let i = receiver.as_small();
    match known {
        Intrinsic::Abs if i >= 0 => Some(receiver),
        Intrinsic::Abs => Value::try_small(i.wrapping_neg()),
        Intrinsic::AsInteger | Intrinsic::Round => Some(receiver),
        Intrinsic::AsDouble => try_double(vm, i as f64),
        _ => None,
    }
}

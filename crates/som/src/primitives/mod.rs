//! The primitives: what methods declared `= primitive` do.
//!
//! A primitive is found by class and selector when a class is loaded ([`find`]). One that this VM does not have is an error only
//! when it is invoked, so that foreign core libraries load. [`replacement`] gives some methods that are written in SOM a
//! primitive of the same meaning.
//!
//! # Rules
//! - A primitive gets the receiver and arguments where they lie on the guest stack ([`Args`]) and returns a value or a [`Raise`].
//!   It never runs SOM code; those that must are [`Control`] and left to the interpreter.
//! - Reflection can invoke any method on any instance of its class, and subclasses share their superclass's representation; so the
//!   receiver's representation is certain only up to its class. All primitives check what they use.

mod array;
mod class;
mod intrinsic;
mod number;
mod object;
mod replacement;
pub(crate) mod string;
mod system;

use tailor::jit;
use tailor_gc::Gc;

use crate::classes::Core;
use crate::errors::Raise;
use crate::interpreter::Frame;
pub use crate::interpreter::control::Control;
use crate::numbers::Num;
use crate::objects::{Array, Str};
use crate::value::Value;
use crate::vm::Vm;

pub use intrinsic::Intrinsic;
pub use replacement::{is_inequality, is_nil_condition, replacement};

/// The result of a primitive.
pub type PrimitiveResult = Result<Value, Raise>;

/// A primitive in Rust.
pub type NativeFn = fn(&mut Vm, Args) -> PrimitiveResult;

/// The same, as jitted code passes it on.
#[jit::opaque]
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Function(pub NativeFn);

/// What a method declared `= primitive` does.
#[jit::value]
#[derive(Clone, Copy, Debug)]
pub enum Primitive {
    /// Calls a function; with what the JIT knows of it.
    Native(Function, Intrinsic),
    /// Is carried out by the interpreter.
    Control(Control),
}

impl Primitive {
    /// A function of which the JIT knows nothing.
    fn native(function: NativeFn) -> Primitive {
        Primitive::Native(Function(function), Intrinsic::None)
    }

    /// Whether the VM has this primitive.
    pub fn is_supplied(self) -> bool {
        match self {
            Primitive::Native(function, _) => !std::ptr::fn_addr_eq(function.0, not_supplied as NativeFn),
            Primitive::Control(_) => true,
        }
    }
}

/// Receiver and arguments of a primitive.
#[derive(Clone, Copy, Debug)]
pub struct Args(Frame);

impl Args {
    /// The window that they lie in.
    #[inline(always)]
    pub(crate) fn new(window: Frame) -> Args {
        Args(window)
    }

    /// The receiver.
    #[inline(always)]
    pub fn receiver(self) -> Value {
        self.0.get(0)
    }

    /// Argument `n`, from 1. The caller asks only for those that its selector has.
    #[inline(always)]
    pub fn arg(self, n: u16) -> Value {
        self.0.get(n)
    }
}

/// The primitive for a method; `class` is the name of its class, ending in ` class` for the class side.
pub fn find(class: &str, selector: &str) -> Primitive {
    let found = match class {
        "Object" => object::find(selector),
        "Class" => class::find(selector),
        "Method" | "Primitive" => class::find_method(selector),
        "Integer" => number::find_integer(selector),
        "Double" => number::find_double(selector),
        "Integer class" | "Double class" => number::find_class_side(class, selector),
        "String" | "Symbol" => string::find(selector),
        "Array" => array::find(selector),
        "Array class" => array::find_class_side(selector),
        "Block" | "Block1" | "Block2" | "Block3" => find_block(selector),
        "System" => system::find(selector),
        _ => None,
    };
    match found {
        Some(Primitive::Native(function, _)) => Primitive::Native(function, Intrinsic::of(class, selector)),
        Some(control) => control,
        None => Primitive::native(not_supplied),
    }
}

fn find_block(selector: &str) -> Option<Primitive> {
    Some(Primitive::Control(match selector {
        "value" | "value:" | "value:with:" => Control::Value,
        "restart" => Control::Restart,
        _ => return None,
    }))
}

fn not_supplied(_: &mut Vm, _: Args) -> PrimitiveResult {
    Err(Raise::error("This primitive is not supplied by the virtual machine. Write the method in SOM instead."))
}

/// The error for an argument of the wrong class.
#[cold]
pub(crate) fn expected_instance(vm: &Vm, expected: Core, got: Value) -> Raise {
    let got = vm.class_name(vm.class_of(got));
    Raise::error(format!("Expected instance of '{}' but got instance of '{got}'.", expected.name()))
}

/// The text of a string or symbol.
fn text<'a>(vm: &Vm, value: Value) -> Result<&'a str, Raise> {
    let string = string_object(vm, value)?;
    // SAFETY: the collector neither moves nor frees an object that a native stack refers to; primitives use the text before they
    // return, while their arguments are still on the guest stack.
    Ok(unsafe { &*std::ptr::from_ref(string.as_str()) })
}

fn string_object(vm: &Vm, value: Value) -> Result<Gc<Str>, Raise> {
    value.downcast::<Str>().ok_or_else(|| expected_instance(vm, Core::String, value))
}

fn symbol_object(vm: &Vm, value: Value) -> Result<Gc<Str>, Raise> {
    let symbol = value.downcast::<Str>().filter(|s| s.class_id() == Core::Symbol.id());
    symbol.ok_or_else(|| expected_instance(vm, Core::Symbol, value))
}

fn array_object(vm: &Vm, value: Value) -> Result<Gc<Array>, Raise> {
    value.downcast::<Array>().ok_or_else(|| expected_instance(vm, Core::Array, value))
}

const NO_INDEX: &str = "Can't represent as unsigned machine integer.";

/// An index from 1 into `length` elements, as offset from 0.
fn offset(vm: &Vm, index: Value, length: usize) -> Result<usize, Raise> {
    let Some(index) = index.to_small() else {
        return Err(match vm.number(index) {
            Some(Num::Int(_) | Num::Big(_)) => Raise::error(NO_INDEX),
            _ => expected_instance(vm, Core::Integer, index),
        });
    };
    match usize::try_from(index) {
        Ok(n) if (1..=length).contains(&n) => Ok(n - 1),
        Ok(_) => Err(Raise::error(format!("Index {index} not valid for array of length {length}."))),
        Err(_) => Err(Raise::error(format!("{NO_INDEX}\nIndices are from 1 to {length} here; this one is {index}."))),
    }
}

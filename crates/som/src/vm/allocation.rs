//! Allocation as jitted code says it.
//!
//! Natively the interpreter notes its state first, so that the collector knows which part of the guest stack is in use. In a unit there is nothing to note: its frames may exist in registers only,
//! and whatever may be in use is looked at. There, allocation is an operation of its own, which vanishes if the object does not escape; it cannot fail. When memory
//! runs out, a reserve is handed out, and all units that allocate are given up: they rest on the count of such events ([`Vm::exhaustions`]). So the interpreter goes on, whose next
//! allocation raises the error.
//!
//! In a unit, nothing but that operation may hand out objects that are not filled yet: what is stored into others may be stored later.

use tailor::jit;
use tailor_gc::{Gc, Header, KindId};

use super::Vm;
use crate::classes::Core;
use crate::errors::{Raise, Stopped};
use crate::interpreter::Regs;
use crate::objects::{BoxedDouble, kind};
use crate::value::{DOUBLE_BIAS, DOUBLE_ROTATION, DOUBLE_TAG, TAG_MASK, Value};

/// A new object; all its fields are to be set at once.
#[jit]
#[inline(always)]
pub(crate) fn allocate<T>(vm: &mut Vm, regs: Regs, kind: KindId, bytes: usize, tag: u32) -> Result<Gc<T>, Stopped> {
    let header = header_word(kind, bytes, tag);
    let object = if jit::we_are_jitted() {
        assume_memory(vm);
        in_unit(vm, bytes, header)
    } else {
        natively(vm, regs, bytes, header)
    };
    if object.is_null() {
        return Err(out_of_memory(vm, regs, bytes));
    }
    // SAFETY: an object of that kind begins here.
    Ok(unsafe { Gc::from_ptr(object.cast::<T>()) })
}

/// The same for what is done in units only, and nowhere if this fails.
#[jit]
#[inline(always)]
pub(crate) fn try_allocate<T>(vm: &mut Vm, kind: KindId, bytes: usize, tag: u32) -> Option<Gc<T>> {
    assume_memory(vm);
    let object = in_unit(vm, bytes, header_word(kind, bytes, tag));
    if object.is_null() {
        return None;
    }
    // SAFETY: an object of that kind begins here.
    Some(unsafe { Gc::from_ptr(object.cast::<T>()) })
}

/// A double as value, in units only. There it is an operation of its own: the word is made where it is wanted at all, and nobody need look whether it is immediate.
#[jit]
#[inline(always)]
pub(crate) fn try_double(vm: &mut Vm, x: f64) -> Option<Value> {
    assume_memory(vm);
    let header = header_word(kind::DOUBLE, BoxedDouble::SIZE, const { Core::Double.id() }.0);
    let value = boxed(vm, x, DOUBLE_BIAS, DOUBLE_ROTATION, TAG_MASK, DOUBLE_TAG, header);
    if value == Value::UNDEFINED { None } else { Some(value) }
}

/// What units do by an operation of their own, which is told how; undefined if there is no memory.
#[jit::residual(role = boxing, reads(), writes(), no_reenter, no_panic)]
fn boxed(vm: &mut Vm, x: f64, _bias: u64, _rotation: u32, _mask: u64, _tag: u64, header: u64) -> Value {
    if let Some(value) = Value::try_double(x) {
        return value;
    }
    let object = in_unit(vm, BoxedDouble::SIZE, header);
    if object.is_null() {
        return Value::UNDEFINED;
    }
    // SAFETY: an object of that kind begins here.
    let object = unsafe { Gc::from_ptr(object.cast::<BoxedDouble>()) };
    object.value.set(x);
    Value::from_gc(object)
}

/// Makes a unit rest on memory being there.
#[jit]
#[inline(always)]
fn assume_memory(vm: &Vm) {
    assert!(vm.exhaustions != u32::MAX, "the heap has been exhausted too often");
}

/// The first word of a new object.
#[jit::residual(pure, elidable)]
#[inline(always)]
fn header_word(kind: KindId, bytes: usize, tag: u32) -> u64 {
    Header::word(kind, bytes, tag)
}

/// Memory with this header, null if there is none: what units do by an operation of their own.
#[jit::residual(role = alloc, reads(), writes(), no_reenter, no_panic)]
fn in_unit(vm: &mut Vm, bytes: usize, header: u64) -> *mut u8 {
    vm.saved.clear();
    let live = vm.live_stack();
    // SAFETY: the caller initialises the object; all of the stack that may be in use is covered.
    unsafe { vm.heap.alloc_with_header(bytes, header, live) }
}

/// Memory with this header, null if there is none.
#[jit::residual(reads(), writes(), no_reenter, no_panic)]
#[inline(always)]
fn natively(vm: &mut Vm, regs: Regs, bytes: usize, header: u64) -> *mut u8 {
    vm.saved.set(regs);
    let live = vm.live_stack();
    // SAFETY: the caller initialises the object; the live stack covers all frames.
    unsafe { vm.heap.alloc_with_header(bytes, header, live) }
}

#[jit::residual]
#[cold]
#[inline(never)]
fn out_of_memory(vm: &mut Vm, regs: Regs, bytes: usize) -> Stopped {
    vm.saved.set(regs);
    let error = vm.heap.out_of_memory(bytes);
    vm.stop(Raise::from(error))
}

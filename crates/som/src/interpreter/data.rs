//! Handlers that move data: literals, globals, fields, contexts, blocks, arrays, tests.

use tailor::jit;
use tailor_gc::Gc;

use super::{Frame, Regs};
use crate::bytecode::{Instr, NO_REGISTER};
use crate::classes::Core;
use crate::errors::Stopped;
use crate::method::Method;
use crate::objects::{Array, Association, Block, Context, Instance, kind};
use crate::value::Value;
use crate::vm::{Vm, allocate};

#[jit]
#[inline(always)]
pub(super) fn move_(frame: Frame, i: Instr) {
    frame.set(i.a, frame.get(i.b));
}

#[jit]
#[inline(always)]
pub(super) fn load_literal(method: Gc<Method>, frame: Frame, i: Instr) {
    // SAFETY: the compiler made the index and the literal together.
    frame.set(i.a, unsafe { method.literal(i.b) });
}

#[jit]
#[inline(always)]
pub(super) fn load_int(frame: Frame, i: Instr) {
    frame.set(i.a, Value::small(i64::from(i.imm32())));
}

#[jit]
#[inline(always)]
pub(super) fn load_global(method: Gc<Method>, frame: Frame, i: Instr) -> bool {
    // SAFETY: the literal of `LoadGlobal` is an association.
    let association: Gc<Association> = unsafe { method.literal(i.b).as_gc() };
    let value = association.value();
    let defined = value != Value::UNDEFINED;
    if defined {
        frame.set(i.a, value);
    }
    defined
}

#[jit]
#[inline(always)]
pub(super) fn set_global(vm: &mut Vm, method: Gc<Method>, frame: Frame, i: Instr) {
    // SAFETY: the literal of `SetGlobal` is an association.
    let association: Gc<Association> = unsafe { method.literal(i.b).as_gc() };
    vm.assign_global(association, frame.get(i.a));
}

/// `self` as the object whose fields a method uses.
///
/// # Safety
/// `r` holds `self` in a method of a class that has fields.
#[jit]
#[inline(always)]
unsafe fn this(frame: Frame, r: u16) -> Gc<Instance> {
    // SAFETY: only classes whose instances are `Instance`s have fields, and a method runs on instances of its class only.
    unsafe { frame.get(r).as_gc() }
}

#[jit]
#[inline(always)]
pub(super) fn get_field(frame: Frame, i: Instr) {
    // SAFETY: the compiler emits field accesses to `self` only, with an index from the class's fields.
    frame.set(i.a, unsafe { this(frame, i.b).slot(usize::from(i.c)).get() });
}

#[jit]
#[inline(always)]
pub(super) fn set_field(vm: &mut Vm, frame: Frame, i: Instr) {
    // SAFETY: as for `get_field`.
    let object = unsafe { this(frame, i.a) };
    let value = frame.get(i.b);
    // SAFETY: as for `get_field`.
    unsafe { object.slot(usize::from(i.c)).set(value) };
    if value.is_ref() {
        vm.heap.write_barrier(object);
    }
}

/// A register's context.
///
/// # Safety
/// The register holds a context: the compiler reserved it for one.
#[jit]
#[inline(always)]
unsafe fn context(frame: Frame, r: u16) -> Gc<Context> {
    // SAFETY: the caller's promise.
    unsafe { frame.get(r).as_gc() }
}

#[jit]
#[inline(always)]
pub(super) fn get_context(frame: Frame, i: Instr) {
    // SAFETY: the compiler laid out the context.
    frame.set(i.a, unsafe { context(frame, i.b).slot(usize::from(i.c)).get() });
}

#[jit]
#[inline(always)]
pub(super) fn set_context(vm: &mut Vm, frame: Frame, i: Instr) {
    // SAFETY: the compiler laid out the context.
    let context = unsafe { context(frame, i.a) };
    store(vm, context, i.c, frame.get(i.b));
}

#[jit]
#[inline(always)]
fn store(vm: &mut Vm, context: Gc<Context>, slot: u16, value: Value) {
    // SAFETY: the compiler laid out the context.
    unsafe { context.slot(usize::from(slot)).set(value) };
    if value.is_ref() {
        vm.heap.write_barrier(context);
    }
}

/// The block in `r0`.
#[jit]
#[inline(always)]
pub(super) fn block(frame: Frame) -> Gc<Block> {
    // SAFETY: only a block's code asks, and its `r0` is the block.
    unsafe { frame.get(0).as_gc() }
}

/// The context `hops` steps out from the block's own.
#[jit]
#[inline(always)]
pub(super) fn outer_context(frame: Frame, hops: u16) -> Gc<Context> {
    let mut context = block(frame).context();
    for _ in 0..hops {
        // SAFETY: the compiler counted the contexts that are there.
        context = unsafe { context.as_gc::<Context>() }.outer.get();
    }
    // SAFETY: as above.
    unsafe { context.as_gc() }
}

#[jit]
#[inline(always)]
pub(super) fn get_outer(frame: Frame, i: Instr) {
    // SAFETY: the compiler laid out the context.
    frame.set(i.a, unsafe { outer_context(frame, i.b).slot(usize::from(i.c)).get() });
}

#[jit]
#[inline(always)]
pub(super) fn set_outer(vm: &mut Vm, frame: Frame, i: Instr) {
    store(vm, outer_context(frame, i.b), i.c, frame.get(i.a));
}

#[jit]
#[inline(always)]
fn optional(frame: Frame, r: u16, default: Value) -> Value {
    if r == NO_REGISTER { default } else { frame.get(r) }
}

#[jit]
#[inline(always)]
pub(super) fn new_context(vm: &mut Vm, regs: Regs, i: Instr) -> Result<(), Stopped> {
    make_context(vm, regs, i, Value::UNDEFINED)
}

#[jit]
#[inline(always)]
pub(super) fn new_context_in_block(vm: &mut Vm, regs: Regs, i: Instr) -> Result<(), Stopped> {
    make_context(vm, regs, i, block(regs.frame).context())
}

#[jit]
#[inline(always)]
fn make_context(vm: &mut Vm, regs: Regs, i: Instr, default: Value) -> Result<(), Stopped> {
    let slots = usize::from(i.c);
    let context: Gc<Context> = allocate(vm, regs, kind::CONTEXT, Context::size_for(slots), u32::from(i.c))?;
    context.outer.set(optional(regs.frame, i.b, default));
    for slot in 0..slots {
        // SAFETY: it was allocated with that many slots.
        unsafe { context.slot(slot) }.set(vm.nil);
    }
    regs.frame.set(i.a, Value::from_gc(context));
    Ok(())
}

#[jit]
#[inline(always)]
pub(super) fn make_block(vm: &mut Vm, regs: Regs, i: Instr) -> Result<(), Stopped> {
    make_block_with(vm, regs, i, regs.frame.get(0), Value::UNDEFINED)
}

#[jit]
#[inline(always)]
pub(super) fn make_block_in_block(vm: &mut Vm, regs: Regs, i: Instr) -> Result<(), Stopped> {
    let outer = block(regs.frame);
    make_block_with(vm, regs, i, outer.receiver(), outer.context())
}

#[jit]
#[inline(always)]
fn make_block_with(vm: &mut Vm, regs: Regs, i: Instr, receiver: Value, default: Value) -> Result<(), Stopped> {
    // SAFETY: the literal of `MakeBlock` is a method, made by the compiler.
    let method: Gc<Method> = unsafe { regs.method.literal(i.b).as_gc() };
    let class = match method.args {
        0 => const { Core::Block1.id() },
        1 => const { Core::Block2.id() },
        _ => const { Core::Block3.id() },
    };
    let block: Gc<Block> = allocate(vm, regs, kind::BLOCK, Block::SIZE, class.0)?;
    block.method.set(method);
    block.receiver.set(receiver);
    block.context.set(optional(regs.frame, i.c, default));
    regs.frame.set(i.a, Value::from_gc(block));
    Ok(())
}

#[jit]
#[inline(always)]
pub(super) fn block_self(frame: Frame, i: Instr) {
    frame.set(i.a, block(frame).receiver());
}

/// Whether the register holds the Boolean `when`; `None` if it holds no Boolean.
#[jit]
#[inline(always)]
pub(super) fn is_boolean(vm: &Vm, frame: Frame, i: Instr, when: bool) -> Option<bool> {
    let value = frame.get(i.a);
    if value == vm.boolean(when) {
        Some(true)
    } else if value == vm.boolean(!when) {
        Some(false)
    } else {
        None
    }
}

/// Whether the register holds nil; `None` if the object there may have its own idea about the message.
#[jit]
#[inline(always)]
pub(super) fn is_nil(vm: &Vm, frame: Frame, i: Instr) -> Option<bool> {
    let nil = frame.get(i.a) == vm.nil;
    answers_as_expected(vm, nil).then_some(nil)
}

#[jit]
#[inline(always)]
pub(super) fn nil_test(vm: &Vm, frame: Frame, i: Instr, when: bool) -> bool {
    let nil = frame.get(i.b) == vm.nil;
    let decided = answers_as_expected(vm, nil);
    if decided {
        frame.set(i.a, vm.boolean(nil == when));
    }
    decided
}

/// Whether nil, or everything else, answers the messages about nil as the instructions assume.
#[jit]
#[inline(always)]
fn answers_as_expected(vm: &Vm, nil: bool) -> bool {
    if nil { vm.assumptions.nil } else { vm.assumptions.not_nil }
}

#[jit]
#[inline(always)]
pub(super) fn not(vm: &Vm, frame: Frame, i: Instr) -> bool {
    let value = frame.get(i.b);
    if value == vm.true_ {
        frame.set(i.a, vm.false_);
        true
    } else if value == vm.false_ {
        frame.set(i.a, vm.true_);
        true
    } else {
        false
    }
}

/// The array in a register, and the offset for an index from 1, if both are as the fast path wants them.
#[jit]
#[inline(always)]
fn element(frame: Frame, array: u16, index: u16) -> Option<(Gc<Array>, usize)> {
    let (array, index) = (frame.get(array), frame.get(index));
    if !array.is_ref() || !index.is_small() {
        return None;
    }
    // SAFETY: values that programs see are never undefined; objects of class Array are arrays.
    let array: Gc<Array> = unsafe {
        if array.header_unchecked().tag() != const { Core::Array.id().0 } {
            return None;
        }
        array.as_gc()
    };
    let offset = (index.as_small() as usize).wrapping_sub(1);
    (offset < array.length()).then_some((array, offset))
}

#[jit]
#[inline(always)]
pub(super) fn at(frame: Frame, i: Instr) -> bool {
    match element(frame, i.b, i.c) {
        Some((array, offset)) => {
            // SAFETY: `element` checked the offset.
            frame.set(i.a, unsafe { array.elements().get_unchecked(offset) }.get());
            true
        }
        None => false,
    }
}

#[jit]
#[inline(always)]
pub(super) fn at_put(vm: &mut Vm, frame: Frame, i: Instr) -> bool {
    match element(frame, i.a, i.b) {
        Some((array, offset)) => {
            let value = frame.get(i.c);
            // SAFETY: `element` checked the offset.
            let element = unsafe { array.elements().get_unchecked(offset) };
            element.set(value);
            if value.is_ref() {
                vm.heap.write_barrier_slot(array, element);
            }
            true
        }
        None => false,
    }
}

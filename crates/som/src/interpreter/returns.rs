//! Returning: from frames, from stubs, and non-locally from blocks.
//!
//! A block's `^` returns from its *home*, the activation of the method that it was written in. The home context (see [`Context::HOME_SLOT`]) says whether that
//! is still active: it is marked with the number of the run when it is made, and as dead when the method returns. A method that an error ended was not
//! marked dead, but no later run has its number. The home's frame is the one whose home register holds the context.

use tailor::jit;
use tailor_gc::Gc;

use super::frame::Link;
use super::{Frame, Regs, data, send};
use crate::bytecode::Instr;
use crate::errors::Stopped;
use crate::method::{Message, Method};
use crate::objects::Context;
use crate::value::{ContextSlot, Value};
use crate::vm::Vm;

/// Where leaving a frame leads.
#[jit::value]
#[derive(Clone, Copy)]
pub(super) enum Left {
    /// To the caller.
    To(Regs),
    /// Out of the interpreter, with this value.
    Out(Value),
}

/// Returns `value` to the caller.
#[jit(leaves)]
#[inline(always)]
pub(super) fn leave(frame: Frame, value: Value) -> Left {
    let link = frame.link();
    if link == Link::ENTRY {
        return Left::Out(value);
    }
    let method = frame.caller_method();
    frame.release();
    // The caller's frame lies below this one, by the distance noted when it made the call.
    let caller = frame.below(link.window());
    caller.set(link.target(), value);
    Left::To(Regs { method, pc: link.pc(), frame: caller })
}

/// The method that a stub belongs to.
#[jit]
#[inline(always)]
pub(super) fn resumed(stub: Gc<Method>) -> Gc<Method> {
    stub.parent.expect("a stub is made with the method it belongs to")
}

/// Notes in a home context that its method is active.
#[jit]
#[inline(always)]
pub(super) fn set_home(vm: &Vm, frame: Frame, i: Instr) {
    mark(frame, i.a).set(active(vm));
}

/// Marks home contexts of this run.
#[jit]
#[inline(always)]
fn active(vm: &Vm) -> Value {
    Value::small(i64::from(vm.run))
}

/// Notes in a home context that its method has returned.
#[jit]
#[inline(always)]
pub(super) fn kill_home(frame: Frame, r: u16) {
    mark(frame, r).set(Context::DEAD);
}

#[jit]
#[inline(always)]
fn mark<'a>(frame: Frame, r: u16) -> &'a ContextSlot {
    // SAFETY: the compiler put the home context into the register, whose first slot is the mark; the context is alive as
    // long as the frame is.
    unsafe { &*std::ptr::from_ref(frame.get(r).as_gc::<Context>().slot(Context::HOME_SLOT)) }
}

/// What a non-local return came to.
#[jit::value]
#[derive(Clone, Copy)]
pub(super) enum Unwound {
    /// To this frame, the home's, which is to return this value.
    Home(Frame, Value),
    /// There is no home any more: go on here.
    Escaped(Regs),
}

/// `^ value` in a block: leaves all frames above its home's.
#[jit]
#[inline(never)]
pub(super) fn unwind(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Unwound, Stopped> {
    let value = regs.frame.get(i.a);
    let home = data::outer_context(regs.frame, i.b);
    // SAFETY: the compiler counted the steps to the home context.
    if unsafe { home.slot(Context::HOME_SLOT) }.get() != active(vm) {
        return Ok(Unwound::Escaped(escaped(vm, regs, i)?));
    }
    let mut method = regs.method;
    let mut frame = regs.frame;
    loop {
        if let Some(r) = method.home.get() {
            let own = frame.get(r);
            kill_home(frame, r);
            if own == Value::from_gc(home) {
                return Ok(Unwound::Home(frame, value));
            }
        }
        match leave(frame, value) {
            Left::To(caller) => {
                method = caller.method;
                frame = caller.frame;
            }
            Left::Out(_) => panic!("an active home lies on the stack"),
        }
    }
}

/// The home method has returned already: the block's receiver decides what happens.
#[jit::residual]
#[cold]
#[inline(never)]
fn escaped(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    let block = data::block(regs.frame);
    regs.frame.set(i.c, block.receiver());
    regs.frame.set(i.c + 1, Value::from_gc(block));
    let message = Message { selector: vm.symbols_used.escaped_block, args: 1 };
    send::uncached(vm, regs, message, i.c, i.a)
}

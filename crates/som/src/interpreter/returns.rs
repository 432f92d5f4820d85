//! Returning: from frames, from stubs, and non-locally from blocks.

use tailor::jit;
use tailor_gc::Gc;

use super::frame::Link;
use super::{Frame, Regs, data, send};
use crate::bytecode::Instr;
use crate::errors::Stopped;
use crate::method::{Method, Site};
use crate::objects::Context;
use crate::value::Value;
use crate::vm::Vm;

/// Returns `value` to the caller: the state there.
#[jit]
#[inline(always)]
pub(super) fn leave(frame: Frame, link: Link, value: Value) -> Regs {
    let method = frame.caller_method();
    // The caller's frame lies below this one, by the distance noted when it made the call.
    let caller = frame.below(link.window());
    caller.set(link.target(), value);
    Regs { method, pc: link.pc(), frame: caller }
}

/// The method that a stub belongs to.
#[jit]
pub(super) fn resumed(stub: Gc<Method>) -> Gc<Method> {
    stub.parent.expect("a stub is made with the method it belongs to")
}

/// Notes in a home context that its method is active, and where.
#[jit]
#[inline(always)]
pub(super) fn set_home(vm: &Vm, frame: Frame, i: Instr) {
    // SAFETY: both lie in the guest stack.
    let offset = unsafe { frame.address().offset_from(vm.stack.base()) };
    home_slot(frame, i.a).set(Value::small(i64::from(vm.run) << OFFSET_BITS | offset as i64));
}

/// What marks a home context as active: the run in the high bits, the frame's offset in the low ones.
const OFFSET_BITS: u32 = 34;
/// Runs are counted modulo this and one.
pub(super) const MAX_RUN: u32 = (1 << 27) - 1;
const _: () = assert!((MAX_RUN as i64 + 1) << OFFSET_BITS <= crate::value::MAX_SMALL);

/// Notes in a home context that its method has returned.
#[jit]
#[inline(always)]
pub(super) fn kill_home(frame: Frame, r: u16) {
    home_slot(frame, r).set(Context::DEAD);
}

#[jit]
#[inline(always)]
fn home_slot<'a>(frame: Frame, r: u16) -> &'a crate::value::ValueSlot {
    // SAFETY: the compiler keeps the home context in this register from the method's entry on; the context is alive as
    // long as the frame is.
    unsafe { &*std::ptr::from_ref(frame.get(r).as_gc::<Context>().slot(Context::HOME_SLOT)) }
}

/// Where a non-local return leads.
#[jit::value]
#[derive(Clone, Copy)]
pub(super) enum NonLocal {
    /// Go on here.
    To(Regs),
    /// Out of the frame that was entered from Rust.
    Done(Value),
}

/// `^ value` in a block.
#[jit::residual]
#[inline(never)]
pub(super) fn non_local(vm: &mut Vm, regs: Regs, i: Instr) -> Result<NonLocal, Stopped> {
    let value = regs.frame.get(i.a);
    let home = data::outer_context(regs.frame, i.b);
    // SAFETY: the compiler counted the steps to the home context.
    let mark = unsafe { home.slot(Context::HOME_SLOT) }.get();
    if mark == Context::DEAD || mark.as_small() >> OFFSET_BITS != i64::from(vm.run) {
        return escaped(vm, regs, i).map(NonLocal::To);
    }
    let offset = mark.as_small() & ((1 << OFFSET_BITS) - 1);
    let target = vm.stack.base().wrapping_add(offset as usize);
    let Regs { mut method, mut frame, .. } = regs;
    loop {
        if let Some(r) = method.home.get() {
            kill_home(frame, r);
        }
        let link = frame.link();
        if frame.address() == target {
            return Ok(if link == Link::ENTRY {
                NonLocal::Done(value)
            } else {
                NonLocal::To(leave(frame, link, value))
            });
        }
        debug_assert!(link != Link::ENTRY, "an active home lies on the stack");
        let caller = leave(frame, link, value);
        method = caller.method;
        frame = caller.frame;
    }
}

/// The home method has returned already: the block's receiver decides what happens.
#[cold]
fn escaped(vm: &mut Vm, regs: Regs, i: Instr) -> Result<Regs, Stopped> {
    let block = data::block(regs.frame);
    regs.frame.set(i.c, block.receiver());
    regs.frame.set(i.c + 1, Value::from_gc(block));
    let site = Site::new(vm.symbols_used.escaped_block, 1);
    send::uncached(vm, regs, &site, i.c, i.a)
}

//! Frames: windows on the guest stack.
//!
//! Below a frame's `r0` lie two *link* words:
//! - `frame[-2]`: the caller's method;
//! - `frame[-1]`: where to go on there, as one odd word (so that a conservative collector takes it for an integer): the return
//!   address, the distance to the caller's frame, and the register for the result. Zero marks a frame that was entered from
//!   Rust.

use tailor::{GuestStack, jit};
use tailor_gc::Gc;

use crate::bytecode::{Instr, LINK};
use crate::method::Method;
use crate::value::Value;

/// A frame, by the address of its `r0`.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Frame(GuestStack<Value>);

#[jit]
impl Frame {
    /// The frame whose `r0` is at this address.
    ///
    /// # Safety
    /// The address lies within a guest stack, with room for the link below and for the method's registers from there on.
    /// All frames are made so; `send::enter` checks the room.
    #[inline(always)]
    pub unsafe fn at(address: *mut Value) -> Frame {
        Frame(GuestStack::at(address))
    }

    /// The address of `r0`.
    #[inline(always)]
    pub fn address(self) -> *mut Value {
        self.0.address()
    }

    /// Register `r`.
    #[inline(always)]
    pub fn get(self, r: u16) -> Value {
        // SAFETY: the compiler uses only registers that it reserved, and a frame has room for them.
        unsafe { self.0.get(r as isize) }
    }

    /// Sets register `r`.
    #[inline(always)]
    pub fn set(self, r: u16, value: Value) {
        // SAFETY: as for `get`.
        unsafe { self.0.set(r as isize, value) }
    }

    /// The frame whose `r0` is this frame's register `r`.
    #[inline(always)]
    pub fn window(self, r: u16) -> Frame {
        Frame(self.0.up(usize::from(r)))
    }

    /// The frame whose `r0` lies `words` words below this one's.
    #[inline(always)]
    pub(super) fn below(self, words: usize) -> Frame {
        Frame(self.0.down(words))
    }

    /// Says that the frame is left: its link and its registers are not read any more before they are written.
    #[inline(always)]
    pub(super) fn release(self) {
        // SAFETY: callees write their link, callers the arguments and the called method its other registers before these are read.
        unsafe { self.0.down(usize::from(LINK)).release() }
    }

    /// Says that the registers from `r` on are not read any more before they are written.
    #[inline(always)]
    pub(super) fn release_from(self, r: u16) {
        // SAFETY: the caller's promise, as the compiler keeps it: what is computed in the iteration of a loop is forgotten at its end.
        unsafe { self.0.up(usize::from(r)).release() }
    }

    /// `count` registers from `r` on.
    #[jit::native]
    pub fn slice<'a>(self, r: u16, count: usize) -> &'a [Value] {
        // SAFETY: as for `get`; the slice is used before the registers change.
        unsafe { std::slice::from_raw_parts(self.address().add(usize::from(r)), count) }
    }

    #[inline(always)]
    pub(super) fn set_link(self, method: Gc<Method>, link: Link) {
        // SAFETY: each frame has room for its link.
        unsafe {
            self.0.cast::<Gc<Method>>().set(-2, method);
            self.0.cast::<u64>().set(-1, link.0);
        }
    }

    #[inline(always)]
    pub(super) fn link(self) -> Link {
        // SAFETY: as for `set_link`.
        Link(unsafe { self.0.cast::<u64>().get(-1) })
    }

    /// The caller's method; there is one unless the link is [`Link::ENTRY`].
    #[inline(always)]
    pub(super) fn caller_method(self) -> Gc<Method> {
        // SAFETY: set together with the link.
        unsafe { self.0.cast::<Gc<Method>>().get(-2) }
    }
}

/// Where a frame returns to.
#[jit::value]
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Link(u64);

#[jit]
impl Link {
    /// The frame was entered from Rust.
    pub const ENTRY: Link = Link(0);

    #[inline(always)]
    pub fn new(pc: usize, window: u16, target: u16) -> Link {
        Link((pc as u64) << 33 | u64::from(window) << 17 | u64::from(target) << 1 | 1)
    }

    #[inline(always)]
    pub fn pc(self) -> usize {
        (self.0 >> 33) as usize
    }

    #[inline(always)]
    pub fn window(self) -> usize {
        (self.0 >> 17) as usize & 0xffff
    }

    #[inline(always)]
    pub fn target(self) -> u16 {
        (self.0 >> 1) as u16
    }
}

/// The state of the interpreter: all there is beside the heap and the guest stack.
#[jit::value]
#[derive(Clone, Copy, Debug)]
pub struct Regs {
    /// What is being executed.
    pub method: Gc<Method>,
    /// The index of the current instruction.
    pub pc: usize,
    /// Its registers.
    pub frame: Frame,
}

impl Regs {
    /// Behind the last register.
    #[inline(always)]
    pub fn top(self) -> *const Value {
        self.frame.address().wrapping_add(usize::from(self.method.registers.get()))
    }

    /// The current instruction.
    #[inline(always)]
    pub(super) fn instruction(self) -> Instr {
        // SAFETY: the state is one of the interpreter's.
        unsafe { Method::instruction(self.method.code.get(), self.pc) }
    }

    /// The activation that called this one, at the calling instruction.
    pub fn caller(self) -> Option<Regs> {
        let link = self.frame.link();
        if link == Link::ENTRY {
            return None;
        }
        let frame = self.frame.below(link.window());
        Some(Regs { method: self.frame.caller_method(), pc: link.pc() - 1, frame })
    }
}

/// A place for [`Regs`], possibly empty.
#[jit::object]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct SavedRegs {
    method: Option<Gc<Method>>,
    pc: usize,
    frame: Frame,
}

impl SavedRegs {
    /// Holds nothing.
    pub const EMPTY: SavedRegs = SavedRegs { method: None, pc: 0, frame: Frame(GuestStack::at(std::ptr::null_mut())) };

    /// What it holds.
    #[inline(always)]
    pub fn get(&self) -> Option<Regs> {
        let method = self.method?;
        Some(Regs { method, pc: self.pc, frame: self.frame })
    }

    /// Makes it hold nothing.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.method = None;
    }
}

#[jit]
impl SavedRegs {
    /// Makes it hold `regs`.
    #[inline(always)]
    pub fn set(&mut self, regs: Regs) {
        self.method = Some(regs.method);
        self.pc = regs.pc;
        self.frame = regs.frame;
    }
}

//! The machine's own routines: how native code enters units, how units are left, and the slow paths that must leave all registers as they were.
//!
//! | routine | called by | does |
//! |---|---|---|
//! | enter | Rust, as `extern "C"` | loads the registers of the convention, calls the unit, stores what it returned |
//! | exit | stubs | saves all registers on the native stack and calls the handler, which sees all interrupted units' frames above; then cuts the stack back to the enter routine |
//! | enter piece | Rust, through enter | makes the frame that pieces share, sets the anchor, and goes to the piece, whose address is the second argument |
//! | leave piece | pieces | returns the address behind its call, and the root |
//! | unbound | entries with no code behind them | the same, the entry's number being in `r11` |
//! | allocate | `new`, out of line | size in `r11`, header on the stack; the object in `r11` |
//! | barrier | `barrier`, out of line | object in `r11` |
//!
//! Registers that a slow path saves lie on the native stack, where a conservative collector finds what they refer to.

use super::super::target::Reg;
use super::assembler::{Assembler, Goal, Mem, Rm, narrow, second, wide};
use super::emit::{PIECE_SLOTS, argument_word, frame_bytes};
use super::registers::{
    ANCHOR, ENTRY_FLOAT, ENTRY_GENERAL, R8, R9, R12, R13, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP, SCRATCH,
    xmm,
};
use super::stubs::STUB_RETURN;
use crate::runtime::Runtime;

/// Offsets of the routines in the arena.
#[derive(Clone, Copy, Debug, Default)]
pub struct Routines {
    /// See the module's header.
    pub enter: u32,
    /// Where a unit returns to that was entered from native code.
    pub returned: u32,
    /// See the module's header.
    pub exit: u32,
    /// See the module's header.
    pub enter_piece: u32,
    /// See the module's header.
    pub leave_piece: u32,
    /// See the module's header.
    pub unbound: u32,
    /// See the module's header.
    pub allocate: u32,
    /// See the module's header.
    pub barrier: u32,
}

/// The registers of the convention, as the enter routine loads them.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Arguments {
    /// General ones, in the order of the convention.
    pub general: [u64; ENTRY_GENERAL.len()],
    /// Float ones.
    pub float: [u64; ENTRY_FLOAT.len()],
}

/// What the enter routine stores when the unit has returned or been left.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Results {
    /// The general result register.
    pub general: u64,
    /// The float result register.
    pub float: u64,
    /// How many words were returned, with bit 31 if the first is a double; or [`Results::EXITED`].
    pub shape: u64,
}

impl Results {
    /// The shape if the unit was left by an exit.
    pub const EXITED: u64 = u64::MAX;
}

/// The registers at an exit.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Saved {
    /// General registers by number; `rsp` is not among them.
    pub general: [u64; 16],
    /// Float registers by number.
    pub float: [u64; 16],
    /// The address behind the call in the stub.
    pub stub: u64,
}

impl Saved {
    /// The word in a register.
    pub fn word(&self, register: Reg) -> u64 {
        let number = usize::from(register.0);
        if register.is_float() { self.float[number - 32] } else { self.general[number] }
    }

    /// The number of the entry that has no code, if that is why the unbound routine was entered.
    pub fn entry(&self) -> u16 {
        self.word(SCRATCH) as u16
    }
}

/// What the exit routine calls: the context, the saved registers. Returns the stack pointer to cut back to: that behind the return address to [`Routines::returned`].
pub type ExitHandler = unsafe extern "C" fn(usize, *mut Saved) -> u64;

const SAVED_BY_ENTER: [Reg; 6] = [RBX, RBP, R12, R13, R14, R15];
const NOT_PRESERVED: [Reg; 8] = [RAX, RCX, RDX, RSI, RDI, R8, R9, Reg(10)];

fn push(asm: &mut Assembler, register: Reg) {
    asm.encode(narrow(0xff), 6, Rm::Reg(register), 0);
}

/// In the form with the register in the opcode: valgrind knows no other.
fn pop(asm: &mut Assembler, register: Reg) {
    if register.0 >= 8 {
        asm.put(0x41, 1);
    }
    asm.put(u64::from(0x58 | register.0 & 7), 1);
}

fn ret(asm: &mut Assembler) {
    asm.put(0xc3, 1);
}

fn call_register(asm: &mut Assembler, register: Reg) {
    asm.encode(narrow(0xff), 2, Rm::Reg(register), 0);
}

/// `rsp` down to a multiple of 16.
fn align_stack(asm: &mut Assembler) {
    asm.group1(4, RSP, -16);
}

impl Routines {
    /// The routines' code and their offsets; these are those in the code, and hold if it is placed at the start of the arena.
    pub fn emit(runtime: &Runtime, handler: ExitHandler, context: usize) -> (Routines, Vec<u8>) {
        let mut assembler = Assembler::default();
        let asm = &mut assembler;
        let mut routines = Routines { enter: asm.here(), ..Routines::default() };
        SAVED_BY_ENTER.into_iter().for_each(|register| push(asm, register));
        push(asm, RDX);
        asm.mov(SCRATCH, RDI);
        asm.mov(RAX, RSI);
        for (number, &register) in ENTRY_GENERAL.iter().enumerate() {
            asm.mov(register, Mem::base(RAX, 8 * number as i32));
        }
        for (number, &register) in ENTRY_FLOAT.iter().enumerate() {
            let from = Mem::base(RAX, 8 * (ENTRY_GENERAL.len() + number) as i32);
            asm.op(second(0xf2, 0x10), register, from);
        }
        call_register(asm, SCRATCH);
        routines.returned = asm.here();
        pop(asm, RDX);
        asm.store(Mem::base(RDX, 0), RAX);
        asm.op(second(0xf2, 0x11), xmm(0), Mem::base(RDX, 8));
        asm.store(Mem::base(RDX, 16), RCX);
        let leave = |asm: &mut Assembler| {
            SAVED_BY_ENTER.into_iter().rev().for_each(|register| pop(asm, register));
            ret(asm);
        };
        leave(asm);

        asm.align(16, 0);
        routines.exit = asm.here();
        asm.lea(RSP, Mem::base(RSP, -256));
        for number in 0..16 {
            asm.store(Mem::base(RSP, 8 * i32::from(number)), Reg(number));
            asm.op(second(0xf2, 0x11), xmm(number), Mem::base(RSP, 128 + 8 * i32::from(number)));
        }
        asm.mov(RSI, RSP);
        asm.constant(RDI, context as u64);
        align_stack(asm);
        asm.constant(RAX, handler as usize as u64);
        call_register(asm, RAX);
        asm.mov(RSP, RAX);
        pop(asm, RDX);
        asm.encode(wide(0xc7), 0, Rm::Mem(Mem::base(RDX, 16)), 4);
        asm.put(u64::from(u32::MAX), 4);
        leave(asm);

        asm.align(16, 0);
        routines.enter_piece = asm.here();
        let frame = frame_bytes(PIECE_SLOTS) as i32;
        asm.group1(5, RSP, frame);
        asm.constant(ANCHOR, runtime.context as u64);
        asm.encode(narrow(0xff), 4, Rm::Reg(RBP), 0);
        asm.align(16, 0);
        routines.leave_piece = asm.here();
        pop(asm, RAX);
        asm.store(argument_word(0), RBX);
        asm.constant(RCX, 2);
        asm.group1(0, RSP, frame);
        ret(asm);

        asm.align(16, 0);
        routines.unbound = asm.here();
        asm.call(Goal::Mark(routines.exit));
        debug_assert_eq!(asm.here(), routines.unbound + STUB_RETURN, "it is a stub like others");

        asm.align(16, 0);
        routines.allocate = asm.here();
        slow_path(asm, 8, |asm| {
            asm.constant(RDI, runtime.context as u64);
            asm.mov(RSI, SCRATCH);
            asm.mov(RDX, Mem::base(RBP, 16));
            asm.constant(RAX, runtime.alloc_slow as usize as u64);
            call_register(asm, RAX);
            asm.mov(SCRATCH, RAX);
        });

        asm.align(16, 0);
        routines.barrier = asm.here();
        slow_path(asm, 0, |asm| {
            asm.constant(RDI, runtime.context as u64);
            asm.mov(RSI, SCRATCH);
            asm.constant(RAX, runtime.barrier_slow as usize as u64);
            call_register(asm, RAX);
        });
        for fixup in std::mem::take(&mut asm.fixups) {
            let to = match fixup.goal {
                Goal::Mark(to) => to,
                Goal::Arena(to) => to as u32,
                _ => unreachable!("routines refer to each other and to data only"),
            };
            let distance = to.wrapping_sub(fixup.at + 4);
            asm.code()[fixup.at as usize..][..4].copy_from_slice(&distance.to_le_bytes());
        }
        (routines, assembler.code().to_vec())
    }
}

/// A routine around `body` that changes no register but the emitter's, and takes `arguments` bytes off the stack.
fn slow_path(asm: &mut Assembler, arguments: u64, body: impl FnOnce(&mut Assembler)) {
    let float = |number: u8| Mem::base(RSP, 64 + 8 * i32::from(number));
    push(asm, RBP);
    asm.mov(RBP, RSP);
    asm.lea(RSP, Mem::base(RSP, -(64 + 128)));
    align_stack(asm);
    for (number, &register) in NOT_PRESERVED.iter().enumerate() {
        asm.store(Mem::base(RSP, 8 * number as i32), register);
    }
    (0..15).for_each(|number| asm.op(second(0xf2, 0x11), xmm(number), float(number)));
    body(asm);
    (0..15).for_each(|number| asm.op(second(0xf2, 0x10), xmm(number), float(number)));
    for (number, &register) in NOT_PRESERVED.iter().enumerate() {
        asm.mov(register, Mem::base(RSP, 8 * number as i32));
    }
    asm.mov(RSP, RBP);
    pop(asm, RBP);
    asm.put(0xc2 | arguments << 8, 3);
}

//! The registers of x86-64 and who uses them for what.
//!
//! | register | use |
//! |---|---|
//! | `rsp` | the unit's frame |
//! | `r11`, `xmm15` | the emitter's own: wide constants, memory to memory, cycles of moves |
//! | `r15` | values; in pieces, the anchor |
//! | all others | values |
//!
//! Native functions follow the System V convention. Units have one of their own: they preserve nothing, and take their arguments in preserved registers
//! first, since what is passed to a unit (frames, loop variables) mostly lives long.

use super::super::target::{Reg, RegSet};

/// `rax`: results.
pub const RAX: Reg = Reg(0);
/// `rcx`: variable shifts of old.
pub const RCX: Reg = Reg(1);
/// `rdx`: high halves.
pub const RDX: Reg = Reg(2);
/// `rbx`.
pub const RBX: Reg = Reg(3);
/// `rsp`: the stack.
pub const RSP: Reg = Reg(4);
/// `rbp`: like any other.
pub const RBP: Reg = Reg(5);
/// `rsi`.
pub const RSI: Reg = Reg(6);
/// `rdi`.
pub const RDI: Reg = Reg(7);
/// `r8`.
pub const R8: Reg = Reg(8);
/// `r9`.
pub const R9: Reg = Reg(9);
/// `r11`: the emitter's.
pub const SCRATCH: Reg = Reg(11);
/// `r12`.
pub const R12: Reg = Reg(12);
/// `r13`.
pub const R13: Reg = Reg(13);
/// `r14`.
pub const R14: Reg = Reg(14);
/// `r15`.
pub const R15: Reg = Reg(15);
/// `r15`: in pieces, the anchor.
pub const ANCHOR: Reg = R15;
/// `xmm15`: the emitter's.
pub const FLOAT_SCRATCH: Reg = Reg(47);

/// A float register.
pub const fn xmm(number: u8) -> Reg {
    Reg(32 + number)
}

/// What values may be in.
pub const ALLOCATABLE: RegSet = RegSet(0xf7ef | 0x7fff << 32);

/// What native functions preserve.
pub const PRESERVED: RegSet = RegSet::of(&[RBX, RBP, R12, R13, R14, R15]);

/// Arguments of units.
pub const ENTRY_GENERAL: &[Reg] = &[RBX, RBP, R12, R13, R14, R15, RDI, RSI, R8, R9, RDX, RCX];

/// Float arguments of units.
pub const ENTRY_FLOAT: &[Reg] = &[
    xmm(0),
    xmm(1),
    xmm(2),
    xmm(3),
    xmm(4),
    xmm(5),
    xmm(6),
    xmm(7),
    xmm(8),
    xmm(9),
    xmm(10),
    xmm(11),
    xmm(12),
    xmm(13),
    xmm(14),
];

/// Arguments of native functions.
pub const CALL_GENERAL: &[Reg] = &[RDI, RSI, RDX, RCX, R8, R9];

/// Float arguments of native functions.
pub const CALL_FLOAT: &[Reg] = &[xmm(0), xmm(1), xmm(2), xmm(3), xmm(4), xmm(5), xmm(6), xmm(7)];

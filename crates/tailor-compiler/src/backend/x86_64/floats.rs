//! Operations whose value is a double.
//!
//! # Why SSE, not AVX
//! Three-operand forms would save a copy here and there, which costs nothing on today's processors but its bytes; scalar code gains nothing else.

use super::super::target::Reg;
use super::assembler::{Goal, Mem, Rm, second, second_wide, third};
use super::emit::{Emit, Operand};
use super::registers::FLOAT_SCRATCH;
use crate::code::layout;
use crate::ir::{Op, OpCode};

impl Emit<'_> {
    /// A pure operation whose value is a double.
    pub fn float(&mut self, op: &Op) {
        let to = self.result(self.at);
        match op.code {
            OpCode::FAdd => self.float_arithmetic(0x58, to, true),
            OpCode::FMul => self.float_arithmetic(0x59, to, true),
            OpCode::FSub => self.float_arithmetic(0x5c, to, false),
            OpCode::FDiv => self.float_arithmetic(0x5e, to, false),
            OpCode::FNeg => self.masked(0x57, layout::SIGN_MASK, to),
            OpCode::FAbs => self.masked(0x54, layout::MAGNITUDE_MASK, to),
            OpCode::FSqrt => {
                let from = self.float_source();
                self.asm().op(second(0xf2, 0x51), to, from);
            }
            OpCode::FRoundEven => self.round(8, to),
            OpCode::FFloor => self.round(9, to),
            OpCode::FCeil => self.round(10, to),
            OpCode::FTrunc => self.round(11, to),
            OpCode::IntToFloat => {
                let from = self.float_source();
                // The instruction keeps the upper half of its target, and would wait for whoever wrote it last.
                self.asm().op(second(0, 0x57), to, to);
                self.asm().op(second_wide(0xf2, 0x2a), to, from);
            }
            _ => {
                debug_assert_eq!(op.code, OpCode::BitsFloat);
                match self.operand(self.at, 0) {
                    Operand::Reg(from) => self.copy(to, from),
                    other => self.bring_float(to, other),
                }
            }
        }
    }

    fn float_source(&mut self) -> Rm {
        let from = self.operand(self.at, 0);
        self.rm(from)
    }

    /// Brings an operand into a float register.
    pub fn bring_float(&mut self, to: Reg, operand: Operand) {
        match operand {
            Operand::Reg(from) => self.copy(to, from),
            Operand::Constant(0, _) => self.asm().op(second(0, 0x57), to, to),
            other => {
                let from = self.rm(other);
                self.asm().op(second(0xf2, 0x10), to, from);
            }
        }
    }

    fn float_arithmetic(&mut self, byte: u8, to: Reg, commutes: bool) {
        let (mut a, mut b) = (self.operand(self.at, 0), self.operand(self.at, 1));
        if commutes && b.is_reg(to) {
            std::mem::swap(&mut a, &mut b);
        }
        self.bring_float(to, a);
        let b = self.rm(b);
        self.asm().op(second(0xf2, byte), to, b);
    }

    /// Changes the sign bit by a mask in the machine's data.
    fn masked(&mut self, byte: u8, mask: i32, to: Reg) {
        let a = self.operand(self.at, 0);
        self.bring_float(to, a);
        self.asm().op(second(0x66, byte), to, Mem::Relative(Goal::Arena(mask)));
    }

    fn round(&mut self, mode: u8, to: Reg) {
        // From memory by way of a register: the instruction would depend on its target's upper half.
        let from = match self.operand(self.at, 0) {
            Operand::Reg(from) => from,
            other => {
                self.bring_float(FLOAT_SCRATCH, other);
                FLOAT_SCRATCH
            }
        };
        self.asm().encode(third(0x0b), to.0, Rm::Reg(from), 1);
        self.asm().put(u64::from(mode), 1);
    }
}

//! Integer operations, conversions to integers, and conditions.

use super::super::analysis::{Condition, Field, condition, field};
use super::super::target::Reg;
use super::assembler::{Cc, Mem, Rm, narrow, second, second_wide, wide};
use super::emit::{Cold, Emit, Operand};
use super::registers::{FLOAT_SCRATCH, RAX, RCX, RDX, SCRATCH};
use crate::ir::{Op, OpCode, Ref, Type};

/// What the flags say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// The condition holds if this does.
    One(Cc),
    /// Two doubles have been compared; the condition is that they are equal, or that they are not.
    Equality {
        /// Which.
        equal: bool,
    },
}

/// The group numbers of arithmetic.
const ADD: u8 = 0;
const OR: u8 = 1;
const AND: u8 = 4;
const SUB: u8 = 5;
const XOR: u8 = 6;
const CMP: u8 = 7;

/// The group number of the logical shift to the right.
const SHIFT_RIGHT: u8 = 5;

impl Emit<'_> {
    /// An operation whose value is an integer or reference and that is pure.
    pub fn integer(&mut self, op: &Op) {
        let to = self.result(self.at);
        match op.code {
            OpCode::Add | OpCode::PtrAdd => self.add(to),
            OpCode::And => self.arithmetic(self.at, AND, to, true),
            OpCode::Or => self.arithmetic(self.at, OR, to, true),
            OpCode::Xor => self.arithmetic(self.at, XOR, to, true),
            OpCode::Sub => self.arithmetic(self.at, SUB, to, false),
            OpCode::Mul => self.multiply(self.at, to),
            OpCode::DivS | OpCode::RemS | OpCode::DivU | OpCode::RemU | OpCode::MulHiS | OpCode::MulHiU => {
                self.long(op.code, to);
            }
            OpCode::Shl => self.shift(4, 0x66, to),
            OpCode::Shr => self.shift(SHIFT_RIGHT, 0xf2, to),
            OpCode::Sar => self.shift(7, 0xf3, to),
            OpCode::RotL => self.shift(0, 0, to),
            OpCode::Neg => self.unary(3, to),
            OpCode::Not => self.unary(2, to),
            OpCode::Clz | OpCode::Ctz | OpCode::PopCount => self.count(op.code, to),
            OpCode::SignExtend | OpCode::ZeroExtend => self.extend(op, to),
            OpCode::Select => self.select(op, to),
            OpCode::FloatToInt => self.float_to_int(to),
            OpCode::FloatBits => match self.operand(self.at, 0) {
                Operand::Reg(from) => self.copy(to, from),
                other => self.bring(to, other),
            },
            OpCode::IntToRef | OpCode::RefToInt => {
                let from = self.operand(self.at, 0);
                self.bring(to, from);
            }
            _ => {
                let test = self.flags(self.at, self.at);
                self.truth(test, to);
            }
        }
    }

    /// Both operands; the right one first if it lies where the result goes.
    fn operands(&mut self, at: usize, to: Reg, commutes: bool) -> (Operand, Operand) {
        let (a, b) = (self.operand(at, 0), self.operand(at, 1));
        if commutes && b.is_reg(to) && !a.is_reg(to) { (b, a) } else { (a, b) }
    }

    /// Addition that need not set flags.
    fn add(&mut self, to: Reg) {
        use super::assembler::Mem;
        let (a, b) = self.operands(self.at, to, true);
        match (a, b, b.immediate()) {
            (Operand::Reg(a), _, Some(displacement)) if a != to => self.asm().lea(to, Mem::base(a, displacement)),
            (Operand::Reg(a), Operand::Reg(b), _) if a != to => {
                self.asm().lea(to, Mem::At { base: Some(a), index: Some((b, 0)), displacement: 0 });
            }
            _ => self.arithmetic(self.at, ADD, to, true),
        }
    }

    /// One of the group's operations of operation `at`.
    fn arithmetic(&mut self, at: usize, group: u8, to: Reg, commutes: bool) {
        let (a, b) = self.operands(at, to, commutes);
        self.bring(to, a);
        self.apply(group, to, b);
    }

    fn apply(&mut self, group: u8, to: Reg, b: Operand) {
        if let Some(immediate) = b.immediate() {
            self.asm().group1(group, to, immediate);
        } else {
            let b = self.rm(b);
            self.asm().group1_rm(group, to, b);
        }
    }

    fn multiply(&mut self, at: usize, to: Reg) {
        let (a, b) = self.operands(at, to, true);
        if let Some(immediate) = b.immediate() {
            let a = self.rm(a);
            if let Ok(byte) = i8::try_from(immediate) {
                self.asm().encode(wide(0x6b), to.0, a, 1);
                self.asm().put(byte as u8 as u64, 1);
            } else {
                self.asm().encode(wide(0x69), to.0, a, 4);
                self.asm().immediate(u64::from(immediate as u32), 4);
            }
        } else {
            self.bring(to, a);
            let b = self.rm(b);
            self.asm().op(second_wide(0, 0xaf), to, b);
        }
    }

    /// Division and long multiplication, in `rdx:rax`.
    fn long(&mut self, code: OpCode, to: Reg) {
        let (a, b) = (self.operand(self.at, 0), self.operand(self.at, 1));
        let b = match b {
            Operand::Reg(register) if register == RAX || register == RDX => {
                self.asm().mov(SCRATCH, register);
                Rm::Reg(SCRATCH)
            }
            _ => self.rm(b),
        };
        self.bring(RAX, a);
        let group = match code {
            OpCode::DivS | OpCode::RemS => {
                self.asm().put(0x9948, 2);
                7
            }
            OpCode::DivU | OpCode::RemU => {
                self.asm().op(narrow(0x33), RDX, RDX);
                6
            }
            OpCode::MulHiS => 5,
            _ => 4,
        };
        self.asm().encode(wide(0xf7), group, b, 0);
        let from = if matches!(code, OpCode::DivS | OpCode::DivU) { RAX } else { RDX };
        self.copy(to, from);
    }

    /// Shifts and rotations: the group's number, and the prefix of the form that takes its count from any register.
    fn shift(&mut self, group: u8, prefix: u8, to: Reg) {
        let (a, count) = (self.operand(self.at, 0), self.operand(self.at, 1));
        match count {
            Operand::Constant(bits, _) => {
                self.bring(to, a);
                self.with_byte(0xc1, group, to, bits as u8 & 63);
            }
            Operand::Reg(count) if prefix != 0 && self.input.x86.bmi => {
                let a = self.rm(a);
                self.asm().shift_by(prefix, to, a, count);
            }
            _ => {
                self.bring(SCRATCH, a);
                self.copy(FLOAT_SCRATCH, RCX);
                self.bring(RCX, count);
                self.asm().encode(wide(0xd3), group, Rm::Reg(SCRATCH), 0);
                self.copy(RCX, FLOAT_SCRATCH);
                self.asm().mov(to, SCRATCH);
            }
        }
    }

    fn unary(&mut self, group: u8, to: Reg) {
        let a = self.operand(self.at, 0);
        self.bring(to, a);
        self.asm().encode(wide(0xf7), group, Rm::Reg(to), 0);
    }

    fn count(&mut self, code: OpCode, to: Reg) {
        let a = self.operand(self.at, 0);
        let byte = match code {
            OpCode::PopCount => 0xb8,
            OpCode::Clz => 0xbd,
            _ => 0xbc,
        };
        if code == OpCode::PopCount || self.input.x86.bmi {
            let a = self.rm(a);
            return self.asm().op(second_wide(0xf3, byte), to, a);
        }
        // The old instructions find a bit's number, and leave the result alone if there is none.
        self.bring(SCRATCH, a);
        self.asm().op(second_wide(0, byte), SCRATCH, SCRATCH);
        self.asm().constant(to, if code == OpCode::Clz { 127 } else { 64 });
        self.asm().op(second_wide(0, 0x40 | Cc::Ne as u8), to, SCRATCH);
        if code == OpCode::Clz {
            self.asm().group1(XOR, to, 63);
        }
    }

    fn extend(&mut self, op: &Op, to: Reg) {
        let a = self.operand(self.at, 0);
        let a = self.rm(a);
        let code = match (op.code, op.aux) {
            (OpCode::SignExtend, 8) => second_wide(0, 0xbe),
            (OpCode::SignExtend, 16) => second_wide(0, 0xbf),
            (OpCode::SignExtend, _) => wide(0x63),
            (_, 8) => second_wide(0, 0xb6),
            (_, 16) => second(0, 0xb7),
            _ => narrow(0x8b),
        };
        self.asm().op(code, to, a);
    }

    fn select(&mut self, op: &Op, to: Reg) {
        let Test::One(cc) = self.condition(op) else {
            unreachable!("equality of doubles is not fused with a selection")
        };
        let (b, c) = (self.operand(self.at, 1), self.operand(self.at, 2));
        self.bring(to, c);
        let b = self.rm(b);
        self.asm().op(second_wide(0, 0x40 | cc as u8), to, b);
    }

    fn float_to_int(&mut self, to: Reg) {
        let from = self.operand(self.at, 0);
        let from = self.rm(from);
        self.asm().op(second_wide(0xf2, 0x2c), to, from);
        // Whatever is out of range has become the most negative integer: the only one from which 1 cannot be subtracted.
        self.asm().group1(CMP, to, 1);
        let mark = self.out.new_mark();
        self.asm().jcc(Cc::O, super::assembler::Goal::Mark(mark));
        let back = self.out.asm.here();
        self.out.later(Cold::Saturate { mark, back, to, from });
    }

    /// The rest of a conversion that is out of range: 0 for NaN, else the end of the range on the side of the sign.
    pub fn saturate(&mut self, back: u32, to: Reg, from: Rm) {
        self.asm().op(second(0xf2, 0x10), FLOAT_SCRATCH, from);
        self.asm().op(narrow(0x33), to, to);
        self.asm().op(second(0x66, 0x2e), FLOAT_SCRATCH, FLOAT_SCRATCH);
        self.back(Some(Cc::P), back);
        self.copy(to, FLOAT_SCRATCH);
        self.with_byte(0xc1, 7, to, 63);
        self.asm().constant(SCRATCH, i64::MAX as u64);
        self.asm().group1_rm(XOR, to, SCRATCH);
        self.back(None, back);
    }

    /// Makes a truth value of flags.
    fn truth(&mut self, test: Test, to: Reg) {
        match test {
            Test::One(cc) => self.asm().setcc(cc, to),
            Test::Equality { equal } => {
                let (first, second, group) = if equal { (Cc::E, Cc::Np, AND) } else { (Cc::Ne, Cc::P, OR) };
                self.asm().setcc(first, to);
                self.asm().setcc(second, SCRATCH);
                self.asm().group1_rm(group, to, SCRATCH);
            }
        }
        self.asm().zero_extend_byte(to, to);
    }

    /// The condition of a guard, branch or selection: what the flags say when it is not 0.
    pub fn condition(&mut self, op: &Op) -> Test {
        match condition(self.unit, &self.input.analysis.roles, self.at) {
            Condition::Flags { test, reader } => self.flags(test, reader),
            Condition::Value => {
                match self.located(self.input.allocation.ops[self.at].operands[0], Ref::from_word(op.a)) {
                    Operand::Reg(register) => self.asm().op(wide(0x85), register, register),
                    Operand::Mem(mem) => self.asm().group1(CMP, mem, 0),
                    Operand::Constant(bits, _) => {
                        self.asm().constant(SCRATCH, bits);
                        self.asm().op(wide(0x85), SCRATCH, SCRATCH);
                    }
                }
                Test::One(Cc::Ne)
            }
        }
    }

    /// Sets the flags as operation `test` says, of the operands of `reader`.
    fn flags(&mut self, test: usize, reader: usize) -> Test {
        let code = self.unit.ops[test].code;
        let cc = match code {
            OpCode::Eq | OpCode::RefEq => Cc::E,
            OpCode::Ne | OpCode::RefNe | OpCode::And => Cc::Ne,
            OpCode::Lt => Cc::L,
            OpCode::Le => Cc::Le,
            OpCode::LtU => Cc::B,
            OpCode::LeU => Cc::Be,
            OpCode::FLt | OpCode::FLe => {
                self.compare_floats(test, 1, 0);
                return Test::One(if code == OpCode::FLt { Cc::A } else { Cc::Ae });
            }
            OpCode::FEq | OpCode::FNe => {
                self.compare_floats(test, 0, 1);
                return Test::Equality { equal: code == OpCode::FEq };
            }
            _ => {
                self.overflow(test, reader);
                return Test::One(Cc::O);
            }
        };
        if self.unit.ops[reader].code == OpCode::And {
            match field(self.unit, &self.input.analysis.roles, test, reader) {
                Some(field) if field.shift != 0 || field.addend != 0 => self.test_field(reader, field),
                _ => self.test_bits(reader),
            }
            Test::One(cc)
        } else {
            Test::One(if self.compare(reader) { swapped(cc) } else { cc })
        }
    }

    /// Compares the operands of operation `at`; whether in the opposite order.
    fn compare(&mut self, at: usize) -> bool {
        let (a, b) = (self.operand(at, 0), self.operand(at, 1));
        match (a, b, b.immediate()) {
            (Operand::Reg(a), _, Some(0)) => self.asm().op(wide(0x85), a, a),
            (Operand::Reg(a), _, Some(immediate)) => self.asm().group1(CMP, a, immediate),
            (Operand::Mem(a), _, Some(immediate)) => self.asm().group1(CMP, a, immediate),
            (Operand::Mem(a), Operand::Reg(b), _) => self.asm().group1_mr(CMP, a, b),
            (Operand::Constant(..), Operand::Reg(b), _) if a.immediate().is_some() => {
                self.asm().group1(CMP, b, a.immediate().unwrap_or(0));
                return true;
            }
            (Operand::Reg(a), ..) => {
                let b = self.rm(b);
                self.asm().group1_rm(CMP, a, b);
            }
            _ if uses_scratch(b) => {
                // The right address has been made in the emitter's register.
                self.bring(SCRATCH, b);
                let a = self.rm(a);
                self.asm().group1_rm(CMP, SCRATCH, a);
                return true;
            }
            _ => {
                self.bring(SCRATCH, a);
                let b = self.rm(b);
                self.asm().group1_rm(CMP, SCRATCH, b);
            }
        }
        false
    }

    /// Sets the flags by the conjunction of the operands of operation `at`.
    fn test_bits(&mut self, at: usize) {
        let (a, b) = (self.operand(at, 0), self.operand(at, 1));
        let (a, b) = if matches!(a, Operand::Reg(_)) { (a, b) } else { (b, a) };
        match (a, b) {
            (Operand::Reg(a), Operand::Constant(bits @ 0..0x8000_0000, _)) => self.test_mask(a, bits as u32),
            (Operand::Reg(a), _) => {
                let b = self.rm(b);
                self.asm().op(wide(0x85), a, b);
            }
            _ if uses_scratch(a) => {
                self.bring(SCRATCH, a);
                let b = self.rm(b);
                self.asm().op(wide(0x85), SCRATCH, b);
            }
            _ => {
                self.bring(SCRATCH, b);
                let a = self.rm(a);
                self.asm().op(wide(0x85), SCRATCH, a);
            }
        }
    }

    /// Sets the flags by some bits of the left operand of operation `at`: zero if they are as they should be.
    fn test_field(&mut self, at: usize, field: Field) {
        match self.operand(at, 0) {
            Operand::Reg(from) if field.shift == 0 => self.asm().lea(SCRATCH, Mem::base(from, field.addend)),
            operand => {
                match operand {
                    Operand::Reg(from) => self.copy(SCRATCH, from),
                    other => self.bring(SCRATCH, other),
                }
                if field.shift != 0 {
                    self.with_byte(0xc1, SHIFT_RIGHT, SCRATCH, field.shift as u8);
                }
                self.asm().group1(ADD, SCRATCH, field.addend);
            }
        }
        self.test_mask(SCRATCH, field.mask);
    }

    /// Sets the flags by the bits of a register where the mask has ones; that is less than `1 << 31`.
    fn test_mask(&mut self, register: Reg, mask: u32) {
        if mask < 0x80 {
            self.asm().encode(super::assembler::bytes(0xf6), 0, Rm::Reg(register), 1);
            self.asm().put(u64::from(mask), 1);
        } else {
            self.asm().encode(narrow(0xf7), 0, Rm::Reg(register), 4);
            self.asm().immediate(u64::from(mask), 4);
        }
    }

    /// Arithmetic with its overflow flag: only the flag, or the value of operation `reader`, too.
    fn overflow(&mut self, test: usize, reader: usize) {
        let to = if reader == test { SCRATCH } else { self.result(reader) };
        match self.unit.ops[test].code {
            OpCode::OvfAdd => self.arithmetic(reader, ADD, to, true),
            OpCode::OvfSub => self.arithmetic(reader, SUB, to, false),
            _ => self.multiply(reader, to),
        }
        if reader != test {
            self.save(reader);
        }
    }

    fn compare_floats(&mut self, at: usize, left: usize, right: usize) {
        debug_assert_eq!(self.unit.ops[at].ty, Type::Int);
        let (a, b) = (self.operand(at, left), self.operand(at, right));
        let a = match a {
            Operand::Reg(a) => a,
            _ => {
                self.bring_float(FLOAT_SCRATCH, a);
                FLOAT_SCRATCH
            }
        };
        let b = self.rm(b);
        self.asm().op(second(0x66, 0x2e), a, b);
    }
}

/// Whether an operand's address is in the emitter's register.
fn uses_scratch(operand: Operand) -> bool {
    match operand {
        Operand::Mem(Mem::At { base, index, .. }) => {
            base == Some(SCRATCH) || index.is_some_and(|(index, _)| index == SCRATCH)
        }
        _ => false,
    }
}

/// The condition with exchanged operands.
fn swapped(cc: Cc) -> Cc {
    match cc {
        Cc::L => Cc::G,
        Cc::Le => Cc::Ge,
        Cc::B => Cc::A,
        Cc::Be => Cc::Ae,
        _ => cc,
    }
}

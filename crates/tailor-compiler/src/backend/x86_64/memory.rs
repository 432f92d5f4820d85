//! Loads, stores, allocation and the write barrier.

use super::super::target::Reg;
use super::assembler::{Cc, Goal, Mem, Rm, bytes, narrow, prefixed, second, second_wide, wide};
use super::emit::{Cold, Emit, Operand};
use super::registers::{FLOAT_SCRATCH, SCRATCH};
use crate::ir::{AllocId, BoxId, MemId, Op, Ref, Width};

impl Emit<'_> {
    /// A load.
    pub fn load(&mut self, op: &Op) {
        let (to, from) = (self.result(self.at), self.address(self.at));
        let code = match self.input.descriptors.mem(MemId(op.aux)).width {
            Width::I8 => second_wide(0, 0xbe),
            Width::U8 => second(0, 0xb6),
            Width::I16 => second_wide(0, 0xbf),
            Width::U16 => second(0, 0xb7),
            Width::I32 => wide(0x63),
            Width::U32 => narrow(0x8b),
            Width::I64 | Width::F64 | Width::Ref => return self.load_word(to, from),
        };
        self.asm().op(code, to, from);
    }

    /// A store.
    pub fn store(&mut self, op: &Op) {
        let to = self.address(self.at);
        let width = self.input.descriptors.mem(MemId(op.aux)).width.bytes();
        let value = self.located(self.input.allocation.ops[self.at].operands[2], Ref::from_word(op.c));
        match value {
            Operand::Reg(value) => self.store_register(to, value, width),
            // The halves of a word are no hole.
            Operand::Constant(bits, _)
                if self.input.piece && width == 8 && uses(to, SCRATCH) && i32::try_from(bits as i64).is_err() =>
            {
                let from = self.rm(value);
                self.asm().op(second(0xf2, 0x10), FLOAT_SCRATCH, from);
                self.store_word(to, FLOAT_SCRATCH);
            }
            Operand::Constant(bits, _) => self.store_constant(to, bits, width),
            Operand::Mem(_) => unreachable!("what is stored is in a register"),
        }
    }

    fn store_register(&mut self, to: Mem, value: Reg, width: u32) {
        match width {
            1 => self.asm().op(bytes(0x88), value, to),
            2 => self.asm().op(prefixed(0x66, narrow(0x89)), value, to),
            4 => self.asm().op(narrow(0x89), value, to),
            _ => self.store_word(to, value),
        }
    }

    fn store_constant(&mut self, to: Mem, bits: u64, width: u32) {
        match (width, i32::try_from(bits as i64)) {
            (1, _) => {
                self.asm().encode(bytes(0xc6), 0, Rm::Mem(to), 1);
                self.asm().immediate(bits, 1);
            }
            (2, _) => {
                self.asm().encode(prefixed(0x66, narrow(0xc7)), 0, Rm::Mem(to), 2);
                self.asm().immediate(bits, 2);
            }
            (4, _) => self.store_half(to, bits as u32),
            (_, Ok(immediate)) => {
                self.asm().encode(wide(0xc7), 0, Rm::Mem(to), 4);
                self.asm().immediate(u64::from(immediate as u32), 4);
            }
            // In one piece: a load of a word that has been stored in two has to wait for both to be in memory.
            _ if !uses(to, SCRATCH) => {
                self.asm().constant(SCRATCH, bits);
                self.asm().store(to, SCRATCH);
            }
            _ => {
                self.store_half(to, bits as u32);
                self.store_half(upper(to), (bits >> 32) as u32);
            }
        }
    }

    fn store_half(&mut self, to: Mem, bits: u32) {
        self.asm().encode(narrow(0xc7), 0, Rm::Mem(to), 4);
        self.asm().immediate(u64::from(bits), 4);
    }

    /// Advances the cursor; out of line if that passes the limit.
    pub fn allocate(&mut self, op: &Op) {
        let desc = self.input.descriptors.alloc(AllocId(op.aux));
        let (size, header) = (desc.size, desc.header);
        let runtime = self.input.runtime;
        let (cursor, limit) = (runtime.cursor as u64, runtime.limit as u64);
        let to = self.result(self.at);
        let mark = self.out.new_mark();
        let bytes = i32::try_from(size).unwrap_or(i32::MAX);
        let at = self.asm().word_at(cursor, SCRATCH);
        self.asm().mov(to, at);
        self.asm().group1(0, to, bytes);
        match i32::try_from(limit.wrapping_sub(cursor) as i64) {
            Ok(distance) if uses(at, SCRATCH) => self.asm().group1_rm(7, to, Mem::base(SCRATCH, distance)),
            _ => {
                let limit = self.asm().word_at(limit, SCRATCH);
                self.asm().group1_rm(7, to, limit);
                if uses(at, SCRATCH) {
                    self.asm().constant(SCRATCH, cursor);
                }
            }
        }
        self.asm().jcc(Cc::A, Goal::Mark(mark));
        self.asm().store(at, to);
        self.asm().group1(5, to, bytes);
        match i32::try_from(header as i64) {
            Ok(_) => self.store_constant(Mem::base(to, 0), header, 8),
            Err(_) => {
                self.asm().constant(SCRATCH, header);
                self.asm().store(Mem::base(to, 0), SCRATCH);
            }
        }
        let back = self.out.asm.here();
        self.out.later(Cold::Allocate { mark, back, to, size, header });
    }

    /// Codes a double; out of line if it does not have the tag then.
    pub fn boxed(&mut self, op: &Op) {
        let desc = *self.input.descriptors.boxing(BoxId(op.aux));
        let (to, from) = (self.result(self.at), self.operand(self.at, 0));
        match from {
            Operand::Reg(register) => self.copy(to, register),
            other => self.bring(to, other),
        }
        let bias = self.asm().pooled_once(desc.coding.bias);
        self.asm().group1_rm(0, to, Mem::Relative(bias));
        self.with_byte(0xc1, 0, to, desc.coding.rotation as u8);
        self.asm().lea(SCRATCH, Mem::base(to, -(desc.tag as i32)));
        self.asm().encode(bytes(0xf6), 0, Rm::Reg(SCRATCH), 1);
        self.asm().put(desc.mask, 1);
        let mark = self.out.new_mark();
        self.asm().jcc(Cc::Ne, Goal::Mark(mark));
        let back = self.out.asm.here();
        self.out.later(Cold::Box { mark, back, to, from, header: desc.header });
    }

    /// Stores a double that is in a register, or is a constant.
    pub fn store_boxed(&mut self, to: Mem, from: Operand) {
        match from {
            Operand::Reg(register) => self.store_word(to, register),
            constant => {
                self.bring(SCRATCH, constant);
                self.asm().store(to, SCRATCH);
            }
        }
    }

    /// Tests the bit of the object's header; out of line if it is set.
    pub fn barrier(&mut self) {
        let object = match self.operand(self.at, 0) {
            Operand::Reg(register) => register,
            constant => {
                self.bring(SCRATCH, constant);
                SCRATCH
            }
        };
        let mask = self.input.runtime.log_bit;
        debug_assert!(mask.is_power_of_two(), "checked when the machine was made");
        let byte = mask.trailing_zeros() / 8;
        self.asm().encode(bytes(0xf6), 0, Rm::Mem(Mem::base(object, byte as i32)), 1);
        self.asm().put(mask >> (8 * byte), 1);
        let mark = self.out.new_mark();
        self.asm().jcc(Cc::Ne, Goal::Mark(mark));
        let back = self.out.asm.here();
        self.out.later(Cold::Barrier { mark, back, object });
    }
}

/// Whether an address contains a register.
fn uses(mem: Mem, register: Reg) -> bool {
    match mem {
        Mem::At { base, index, .. } => base == Some(register) || index.is_some_and(|(index, _)| index == register),
        _ => false,
    }
}

/// The second half of a word.
fn upper(mem: Mem) -> Mem {
    match mem {
        Mem::At { base, index, displacement } => Mem::At { base, index, displacement: displacement.wrapping_add(4) },
        relative => relative,
    }
}

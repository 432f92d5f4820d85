//! Recording accesses of memory.
//!
//! What never changes and has a static address is read while recording. Of everything else only words of the guest's frame are remembered, until something may have written there: an instruction reads a
//! register of its own several times as a rule.

use tailor_compiler::ir::{AliasClass, MemDesc, MemKind, Op, OpCode, Ref, Type};
use tailor_jitcode::tape::{Memory, Mutability};

use super::Unrecorded;
use super::record::{Recorder, Step};
use crate::trace::{Operand, Sym, read};

/// An access: its descriptor, base and index.
struct Access {
    desc: u16,
    base: Ref,
    index: Ref,
    /// The word of the frame that it touches, if it is one: bytes from the root.
    word: Option<i32>,
}

impl Recorder<'_> {
    fn access(
        &mut self,
        (memory, class): (&Memory, AliasClass),
        base: Operand,
        index: Option<Operand>,
    ) -> Step<Access> {
        let (word, sym) = base;
        let mut offset = i64::from(memory.offset);
        let mut rest = None;
        if let Some((word, sym)) = index {
            if sym.is_constant() {
                offset = offset.wrapping_add((word as i64).wrapping_mul(i64::from(memory.scale)));
            } else {
                rest = Some((word, sym));
            }
        }
        let value = if sym.is_constant() {
            // The offset is part of the address: it may be of any size.
            let address = word.wrapping_add(offset as u64);
            offset = 0;
            self.unit.constant(Type::Ref, address)
        } else {
            offset += i64::from(sym.offset);
            self.value((word, Sym { offset: 0, ..sym }), Type::Ref)
        };
        let offset = i32::try_from(offset).map_err(|_| Unrecorded::Unsuitable)?;
        let scale = if rest.is_some() { memory.scale as u8 } else { 0 };
        let kind = if memory.kind == MemKind::Field { MemKind::Element } else { memory.kind };
        let immutable = memory.mutability == Mutability::Immutable;
        let desc = MemDesc { class, kind, width: memory.width, immutable, offset, scale };
        let desc = self.driver.descriptors.intern_mem(desc).ok_or(Unrecorded::TablesFull)?.0;
        let index = rest.map_or(Ref::NONE, |rest| self.value(rest, Type::Int));
        let in_frame = memory.kind == MemKind::Stack && sym.base == self.root && index == Ref::NONE;
        let word = (in_frame && memory.width.bytes() == 8).then_some(offset);
        Ok(Access { desc, base: value, index, word })
    }

    pub(super) fn load(
        &mut self,
        (memory, class): (&Memory, AliasClass),
        base: Operand,
        index: Option<Operand>,
    ) -> Step<Operand> {
        let fixed = base.1.is_constant() && index.is_none_or(|(_, sym)| sym.is_constant());
        if fixed && memory.mutability == Mutability::Immutable {
            let scaled = index.map_or(0, |(word, _)| word.wrapping_mul(u64::from(memory.scale)));
            let address = base.0.wrapping_add(i64::from(memory.offset) as u64).wrapping_add(scaled);
            // SAFETY: the interpreter would read there, at the point that is recorded: its greens are static.
            return Ok((unsafe { read(memory.width, address) }, Sym::CONSTANT));
        }
        let access = self.access((memory, class), base, index)?;
        let ty = memory.width.ty();
        if let Some(offset) = access.word
            && let Some(known) = self.path.stack(offset, ty)
        {
            return Ok(known);
        }
        let op =
            Op { aux: access.desc, a: access.base.word(), b: access.index.word(), c: 0, ..Op::new(OpCode::Load, ty) };
        let value = (0, Sym::of(self.unit.push(op)));
        if let Some(offset) = access.word {
            self.path.set_stack(offset, ty, value);
        }
        Ok(value)
    }

    pub(super) fn store(
        &mut self,
        (memory, class): (&Memory, AliasClass),
        base: Operand,
        index: Option<Operand>,
        value: Operand,
    ) -> Step {
        let access = self.access((memory, class), base, index)?;
        let ty = memory.width.ty();
        let stored = self.value(value, ty).word();
        let op = Op {
            aux: access.desc,
            a: access.base.word(),
            b: access.index.word(),
            c: stored,
            ..Op::new(OpCode::Store, Type::Void)
        };
        self.unit.push(op);
        match access.word {
            Some(offset) => self.path.set_stack(offset, ty, value),
            None if memory.kind == MemKind::Stack => self.path.forget_stack(),
            None => {}
        }
        self.path.effects = true;
        Ok(())
    }
}

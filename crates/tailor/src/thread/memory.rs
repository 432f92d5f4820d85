//! Recording accesses of memory.
//!
//! What never changes and has a static address is read while recording. Of everything else only words of the guest's frame are remembered, until something may have written there: an instruction reads a
//! register of its own several times as a rule.

use tailor_compiler::backend::holes::HoleSize;
use tailor_compiler::ir::{AliasClass, MemDesc, MemKind, Op, OpCode, Ref, Type};
use tailor_jitcode::tape::{Memory, Mutability};

use super::Unrecorded;
use super::record::{Recorder, Step, input, named};
use super::tape::{Input, Node};
use crate::trace::{Operand, Sym, read};

/// An access: its descriptor, base and index.
struct Access {
    desc: u16,
    base: Ref,
    index: Ref,
    /// The word of the frame that it touches, if it is one: bytes from the root, and the node of that.
    word: Option<(i32, u32)>,
}

impl Recorder<'_> {
    /// A static part of an address: what the descriptor says, and an index.
    fn displacement(&mut self, memory: &Memory, index: Option<Input>) -> Step<Input> {
        let offset = (i64::from(memory.offset) as u64, 0);
        let Some((word, node)) = index else { return Ok(offset) };
        let scale = u64::from(memory.scale);
        let scaled = if node == 0 {
            (word.wrapping_mul(scale), 0)
        } else {
            let operands = [(0, node), (scale, 0), (0, 0)];
            let product = self.computed(Node::Pure { code: OpCode::Mul, bits: 0, operands })?;
            input(product).expect("what is computed is static")
        };
        self.sum(scaled, offset)
    }

    fn access(
        &mut self,
        (memory, class): (&Memory, AliasClass),
        base: Operand,
        index: Option<Operand>,
    ) -> Step<Access> {
        let rest = index.filter(|(_, sym)| !sym.is_constant());
        let displacement = self.displacement(memory, index.and_then(input))?;
        let (value, (offset, node)) = match input(base) {
            Some(address) => {
                // What it lies in is held by its own address.
                if address.1 == 0 {
                    self.unit.constant(Type::Ref, address.0);
                }
                // The displacement is part of the address: it may be of any size.
                let address = self.sum(address, displacement)?;
                (self.constant(address, Type::Ref), (0, 0))
            }
            None => {
                let (word, sym) = base;
                let offset = self.sum((i64::from(sym.offset) as u64, word as u32), displacement)?;
                (sym.base, offset)
            }
        };
        let in_descriptor = match node {
            0 => i32::try_from(offset as i64).ok(),
            node => match self.hole(node) {
                Some(hole) if matches!(hole.size, HoleSize::Byte | HoleSize::Signed) => Some(hole.word() as i32),
                _ => None,
            },
        };
        let in_descriptor = in_descriptor.ok_or(Unrecorded::Unsuitable)?;
        let scale = if rest.is_some() { memory.scale as u8 } else { 0 };
        let kind = if memory.kind == MemKind::Field { MemKind::Element } else { memory.kind };
        let immutable = memory.mutability == Mutability::Immutable;
        let desc = MemDesc { class, kind, width: memory.width, immutable, offset: in_descriptor, scale };
        let desc = self.driver.descriptors.intern_mem(desc).ok_or(Unrecorded::TablesFull)?.0;
        let index = rest.map_or(Ref::NONE, |rest| self.value(rest, Type::Int));
        let in_frame = memory.kind == MemKind::Stack && value == self.root && index == Ref::NONE;
        let word = (in_frame && memory.width.bytes() == 8).then_some((offset as i32, node));
        Ok(Access { desc, base: value, index, word })
    }

    pub(super) fn load(
        &mut self,
        (memory, class): (&Memory, AliasClass),
        base: Operand,
        index: Option<Operand>,
    ) -> Step<Operand> {
        let fixed_index = index.map(input);
        if let Some(address) = input(base)
            && fixed_index != Some(None)
            && memory.mutability == Mutability::Immutable
        {
            let displacement = self.displacement(memory, fixed_index.flatten())?;
            let address = self.sum(address, displacement)?;
            if address.1 != 0 {
                return self.computed(Node::Load { width: memory.width, address: named(address) });
            }
            // SAFETY: the interpreter would read there, at the point that is recorded: its greens are static.
            return Ok((unsafe { read(memory.width, address.0) }, Sym::CONSTANT));
        }
        let access = self.access((memory, class), base, index)?;
        let ty = memory.width.ty();
        if let Some(word) = access.word
            && let Some(known) = self.path.stack(word, ty)
        {
            return Ok(known);
        }
        let op =
            Op { aux: access.desc, a: access.base.word(), b: access.index.word(), c: 0, ..Op::new(OpCode::Load, ty) };
        let value = (0, Sym::of(self.unit.push(op)));
        if let Some(word) = access.word {
            self.path.has_read(word, ty, value);
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
            Some(word) => self.path.has_written(word, ty, value),
            None if memory.kind == MemKind::Stack => self.path.forget_stack(),
            None => {}
        }
        self.path.effects = true;
        Ok(())
    }
}

//! Addresses of accesses in canonical form: a root, an index, an offset.
//!
//! The base is followed through `PtrAdd` of constants to a *root*; the displacement is added to the offset. A constant index, and a constant added to the index, are added to it too. Only for the
//! guest stack, for elements and for indexes is the access itself rewritten (canonical form of [`crate::ir`]): the rule on fields says that equal offsets matter whatever the base is, so
//! a field's offset is not touched.
//!
//! # Elements
//! An element whose address has been computed, `PtrAdd(PtrAdd(array, 16), Shl(i, 3))`, is an access to the array with index `i` and a scale of 8: so the address costs no instruction, the base is the object itself, and elements are told apart by
//! their constant distances. If the index is a tagged integer without its tag, `Sar(w, 1)`, and the tag is known, the access uses `w` itself with half the scale: the tag is a constant distance, too.
//!
//! # Invariant
//! The address stays the same word. All steps are exact modulo 2^64, whatever the index is; none needs to know that something does not overflow.

use super::heap::Location;
use super::walk::{Walk, as_virtual};
use crate::ir::{MemDesc, MemId, MemKind, Op, OpCode, Ref};

/// The greatest scale of an index, as a shift amount.
const MAX_SHIFT: u64 = 3;

/// An access: what it is based on, its index or [`Ref::NONE`], and its descriptor.
#[derive(Clone, Copy)]
struct Access {
    base: Ref,
    index: Ref,
    desc: MemDesc,
}

impl Walk<'_> {
    /// The location of an access whose base is not virtual, its descriptor in canonical form. The value is left open.
    pub(super) fn locate(&mut self, mem: MemId, base: Ref, index: Ref) -> Location {
        let (mut mem, mut base, mut index) = (mem, base, index);
        let mut desc = *self.descriptors.mem(mem);
        if self.options.passes.fold {
            let mut access = Access { base, index, desc };
            if desc.kind == MemKind::Element && index == Ref::NONE {
                access = self.without_computation(access);
            }
            while let Some(folded) = self.fold_index(access) {
                access = folded;
            }
            if access.desc != desc
                && let Some(better) = self.descriptors.intern_mem(access.desc)
            {
                (mem, base, index, desc) = (better, access.base, access.index, access.desc);
            }
        }
        let (root, displacement) = self.root_of(base);
        let offset = i64::from(desc.offset).wrapping_add(displacement);
        if root != base
            && desc.kind == MemKind::Stack
            && self.options.passes.fold
            && let Ok(folded) = i32::try_from(offset)
            && let Some(better) = self.descriptors.intern_mem(MemDesc { offset: folded, ..desc })
        {
            (mem, base) = (better, root);
        }
        let MemDesc { kind, width, scale, immutable, .. } = desc;
        Location {
            root,
            computed: root.as_op().is_some_and(|at| self.out.ops[at].code == OpCode::PtrAdd),
            base,
            index,
            offset,
            mem,
            kind,
            width,
            scale,
            immutable,
            value: Ref::NONE,
            dirty: false,
            barrier: false,
            literal: false,
            entering: Ref::NONE,
            stored_at: 0,
        }
    }

    /// The operation of the output that computes a value, if it is this one.
    fn computed_by(&self, value: Ref, code: OpCode) -> Option<Op> {
        let at = value.as_op().filter(|_| as_virtual(value).is_none())?;
        Some(self.out.ops[at]).filter(|op| op.code == code)
    }

    /// An element without index whose base has been computed, by its index. The same if that is not how it is computed.
    fn without_computation(&self, access: Access) -> Access {
        let Some(sum) = self.computed_by(access.base, OpCode::PtrAdd) else { return access };
        let (start, distance) = (Ref::from_word(sum.a), Ref::from_word(sum.b));
        let shifted = self.computed_by(distance, OpCode::Shl).and_then(|op| {
            let amount = self.constant_bits(Ref::from_word(op.b)).filter(|&amount| amount <= MAX_SHIFT)?;
            Some((Ref::from_word(op.a), 1 << amount))
        });
        let (index, scale) = shifted.unwrap_or((distance, 1));
        let (base, displacement) = self.root_of(start);
        match i64::from(access.desc.offset).checked_add(displacement).map(i32::try_from) {
            Some(Ok(offset)) => Access { base, index, desc: MemDesc { offset, scale, ..access.desc } },
            _ => access,
        }
    }

    /// Takes one step of an index's computation into the offset, if there is one.
    fn fold_index(&self, access: Access) -> Option<Access> {
        let Access { index, desc, .. } = access;
        if index == Ref::NONE {
            return None;
        }
        let (rest, constant, scale) = if let Some(bits) = self.constant_bits(index) {
            (Ref::NONE, (bits as i64).checked_mul(i64::from(desc.scale))?, 0)
        } else if let Some(op) = self.computed_by(index, OpCode::Add) {
            let bits = self.constant_bits(Ref::from_word(op.b))?;
            (Ref::from_word(op.a), (bits as i64).checked_mul(i64::from(desc.scale))?, desc.scale)
        } else {
            let op = self.computed_by(index, OpCode::Sar).filter(|_| desc.scale > 1)?;
            let word = Ref::from_word(op.a);
            let tagged = self.constant_bits(Ref::from_word(op.b)) == Some(1) && self.fact(word).ones & 1 == 1;
            // `w >> 1` is `(w - 1) / 2`.
            let scale = tagged.then_some(desc.scale / 2)?;
            (word, -i64::from(scale), scale)
        };
        let offset = i32::try_from(i64::from(desc.offset).checked_add(constant)?).ok()?;
        Some(Access { index: rest, desc: MemDesc { offset, scale, ..desc }, ..access })
    }
}

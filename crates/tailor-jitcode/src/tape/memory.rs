//! Recording accesses of memory.
//!
//! # Terms
//! - A *slot* is a place that lies within objects only and whose address is always computed from its object's.
//! - A [`Memory`] descriptor says what an access touches: the type that owns the place, the field, where it lies, how wide it is, whether it changes.
//! - Two accesses may touch the same memory only if owner and field agree (whatever the index): they are in one *alias class*. Pointers and references handed
//!   around do not know whose field they point to; all accesses through plain pointers to one type, to the elements of slices and the contents of cells of that type are one class, with
//!   the type as owner and `"*"` as field. It is the macros' business to choose names so that places which can overlap have the same.
//! - The *guest stack* is one class of its own, [`Memory::stack`].

use tailor_compiler::ir::{AliasClass, MemDesc, MemKind, OpCode, Width};

use super::graph::{Inst, Value};
use super::{Node, Tape, scalar};
use crate::analysis::alias;

/// Whether a place changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mutability {
    /// It does.
    #[default]
    Mutable,
    /// Written before any jitcode can read it, and not again.
    Immutable,
    /// Changes so rarely that code may depend on its value, and be thrown away when it does change.
    QuasiImmutable,
}

/// What an access touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The type that owns the place.
    pub owner: &'static str,
    /// The field's name; for elements, what tells this array from others of its owner.
    pub field: &'static str,
    /// The kind of place. `Field`: a slot; at different offsets from different addresses that are not computed by variable amounts, two of them are apart. `Element`: any other, of which offsets from different
    /// addresses tell nothing, since one may point into the midst of what the other points to. `Stack`: the guest stack.
    pub kind: MemKind,
    /// Bytes, and how a narrow integer is extended.
    pub width: Width,
    /// Whether it changes.
    pub mutability: Mutability,
    /// Bytes from the base.
    pub offset: i32,
    /// Bytes per unit of the index; 0 if there is no index.
    pub scale: u32,
}

impl Memory {
    /// A slot at `offset` bytes from the base.
    pub const fn field(owner: &'static str, field: &'static str, width: Width, offset: i32) -> Memory {
        Memory { owner, field, kind: MemKind::Field, width, mutability: Mutability::Mutable, offset, scale: 0 }
    }

    /// Elements that follow each other at `scale` bytes, the first being at `offset` bytes from the base; a field, if `scale` is 0.
    pub const fn element(owner: &'static str, field: &'static str, width: Width, offset: i32, scale: u32) -> Memory {
        Memory { owner, field, kind: MemKind::Element, width, mutability: Mutability::Mutable, offset, scale }
    }

    /// A word of the guest stack at `offset` bytes from the base; `scale` is 0 or 8.
    pub const fn stack(width: Width, offset: i32, scale: u32) -> Memory {
        Memory {
            owner: "guest stack",
            field: "*",
            kind: MemKind::Stack,
            width,
            mutability: Mutability::Mutable,
            offset,
            scale,
        }
    }

    /// With this mutability.
    pub const fn that_is(mut self, mutability: Mutability) -> Memory {
        self.mutability = mutability;
        self
    }

    /// Its alias class.
    pub fn class(&self) -> AliasClass {
        if self.kind == MemKind::Stack { alias::GUEST_STACK } else { alias::class(self.owner, self.field) }
    }

    /// The compiler's descriptor of it; a quasi-immutable place is immutable there, its reader being guarded. `None` if the scale is none that machines
    /// have (the tape never records such an access).
    pub fn descriptor(&self) -> Option<MemDesc> {
        let scale = u8::try_from(self.scale).ok().filter(|scale| matches!(scale, 0 | 1 | 2 | 4 | 8))?;
        Some(MemDesc {
            class: self.class(),
            kind: self.kind,
            width: self.width,
            immutable: self.mutability != Mutability::Mutable,
            offset: self.offset,
            scale,
        })
    }
}

impl Tape {
    /// Reads memory at `base` (a Ref), at `index` (an Int) if the descriptor has a scale.
    ///
    /// # Panics
    /// Index and scale do not fit each other, or an operand is of another type.
    #[cold]
    #[inline(never)]
    pub fn load(&self, memory: &Memory, base: Node, index: Option<Node>) -> Node {
        let (memory, base, index) = self.access(memory, base, index);
        let (result, dests) = self.fresh(scalar(memory.width.ty()));
        let memory = self.graph.borrow_mut().memory(&memory);
        self.push(Inst::Load { memory, base, index, dest: dests[0] });
        result
    }

    /// Writes memory; operands as for [`Tape::load`].
    ///
    /// # Panics
    /// As [`Tape::load`].
    #[cold]
    #[inline(never)]
    pub fn store(&self, memory: &Memory, base: Node, index: Option<Node>, value: Node) {
        assert_eq!(self.type_of(value), memory.width.ty(), "{memory:?}");
        let (memory, base, index) = self.access(memory, base, index);
        let value = self.leaf(value);
        let memory = self.graph.borrow_mut().memory(&memory);
        self.push(Inst::Store { memory, base, index, value });
    }

    /// The address `bytes` behind `base`; `bytes` is an Int, possibly negative.
    #[cold]
    #[inline(never)]
    pub fn offset(&self, base: Node, bytes: Node) -> Node {
        let bytes_leaf = self.leaf(bytes);
        if self.graph.borrow().constant_of(bytes_leaf) == Some(0) {
            return base;
        }
        self.pure(OpCode::PtrAdd, &[base, bytes])
    }

    /// The address of element `index` of `size` bytes: `base + index * size`.
    #[cold]
    #[inline(never)]
    pub fn element_address(&self, base: Node, index: Node, size: u64) -> Node {
        let bytes = self.scaled(index, size);
        self.offset(base, bytes)
    }

    fn scaled(&self, index: Node, size: u64) -> Node {
        if size.is_power_of_two() {
            if size == 1 {
                return index;
            }
            let shift = self.int(u64::from(size.trailing_zeros()));
            return self.pure(OpCode::Shl, &[index, shift]);
        }
        let size = self.int(size);
        self.pure(OpCode::Mul, &[index, size])
    }

    /// The access with constant indices folded into offsets, and scales that machines do not have multiplied out.
    fn access(&self, memory: &Memory, base: Node, index: Option<Node>) -> (Memory, Value, Value) {
        assert_eq!(index.is_some(), memory.scale != 0, "an index goes with a scale: {memory:?}");
        assert_eq!(self.type_of(base), tailor_compiler::ir::Type::Ref, "{memory:?}");
        let mut memory = *memory;
        let Some(index) = index else {
            return (memory, self.leaf(base), Value::NONE);
        };
        let constant = self.graph.borrow().constant_of(self.leaf(index));
        let folded = constant.and_then(|index| {
            let bytes = (index as i64).checked_mul(i64::from(memory.scale))?.checked_add(i64::from(memory.offset))?;
            i32::try_from(bytes).ok()
        });
        if let Some(offset) = folded {
            memory.offset = offset;
            memory.scale = 0;
            return (memory, self.leaf(base), Value::NONE);
        }
        if matches!(memory.scale, 1 | 2 | 4 | 8) {
            return (memory, self.leaf(base), self.leaf(index));
        }
        let base = self.element_address(base, index, u64::from(memory.scale));
        memory.scale = 0;
        (memory, self.leaf(base), Value::NONE)
    }
}

//! Units, operations and their operands.

use rustc_hash::FxHashMap;

use super::{EntryId, OpCode, SnapshotId, Snapshots, Type};

/// An operand: an operation's value, or a constant.
///
/// Operations count from 0 upwards, constants from -1 downwards (as in LuaJIT): one comparison tells which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Ref(i32);

impl Ref {
    /// No operand.
    pub const NONE: Ref = Ref(i32::MIN);

    /// The value of operation `index`.
    pub fn op(index: usize) -> Ref {
        Ref(index as i32)
    }

    /// The operation's index, if this is one's value.
    pub fn as_op(self) -> Option<usize> {
        (self.0 >= 0).then_some(self.0 as usize)
    }

    /// The constant's index, if this is one.
    pub fn as_constant(self) -> Option<usize> {
        (self.0 < 0 && self != Ref::NONE).then_some(!self.0 as usize)
    }

    /// Constant `index`.
    pub const fn constant(index: usize) -> Ref {
        Ref(!(index as i32))
    }

    /// The word it is kept as in an [`Op`].
    pub fn word(self) -> u32 {
        self.0 as u32
    }

    /// From the word it is kept as.
    pub fn from_word(word: u32) -> Ref {
        Ref(word as i32)
    }
}

/// Number of a label in its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelId(pub u32);

/// A list of operands: a range of [`Unit::lists`], where its length stands before its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRange(pub u32);

/// An operation. What the fields mean is said by the opcode's row; see [`super::opcode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Op {
    /// What it does.
    pub code: OpCode,
    /// The type of its value.
    pub ty: Type,
    /// A descriptor's number, or a width.
    pub aux: u16,
    /// First operand.
    pub a: u32,
    /// Second operand.
    pub b: u32,
    /// Third operand.
    pub c: u32,
}

const _: () = assert!(size_of::<Op>() == 16);

impl Op {
    /// An operation whose other fields are 0.
    pub fn new(code: OpCode, ty: Type) -> Op {
        Op { code, ty, aux: 0, a: 0, b: 0, c: 0 }
    }

    /// The operand fields, each with its kind; see [`super::opcode`].
    pub fn fields(&self) -> impl Iterator<Item = (u8, u32)> {
        self.code.operands().iter().copied().zip([self.a, self.b, self.c])
    }

    /// Its snapshot, if it has one.
    pub fn snapshot(&self) -> Option<SnapshotId> {
        self.fields().find(|&(kind, _)| kind == b'S').map(|(_, word)| SnapshotId(word))
    }

    /// The label that it may go to and the arguments that it passes, if it is a jump or branch within the unit.
    pub fn target(&self) -> Option<(LabelId, ListRange)> {
        match self.code {
            OpCode::Jump => Some((LabelId(self.a), ListRange(self.b))),
            OpCode::BranchIf | OpCode::BranchUnless => Some((LabelId(self.b), ListRange(self.c))),
            _ => None,
        }
    }
}

/// From operation `op` on, code belongs to the guest position `position`, a number of the front end's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Index of the first operation.
    pub op: u32,
    /// The front end's number.
    pub position: u32,
}

/// A label that other units may jump to or call: it is bound to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// The label; its parameters are the entry's arguments.
    pub label: LabelId,
    /// What other units name it by.
    pub entry: EntryId,
}

/// A unit; see [`super`] for its rules.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// Operations in the order of execution.
    pub ops: Vec<Op>,
    /// Lists of operands, each after its length.
    pub lists: Vec<u32>,
    /// Constants: type and bits.
    pub constants: Vec<(Type, u64)>,
    /// Where each label is: the index of its operation, by [`LabelId`].
    pub labels: Vec<u32>,
    /// Snapshots of guards and exits.
    pub snapshots: Snapshots,
    /// Guest positions, by increasing operation.
    pub positions: Vec<Position>,
    /// Labels that are entries for others.
    pub exports: Vec<Export>,
    numbers: FxHashMap<(Type, u64), u32>,
}

impl Unit {
    /// The constant of this type with these bits.
    pub fn constant(&mut self, ty: Type, bits: u64) -> Ref {
        let next = self.constants.len() as u32;
        let number = *self.numbers.entry((ty, bits)).or_insert(next);
        if number == next {
            self.constants.push((ty, bits));
        }
        Ref::constant(number as usize)
    }

    /// The same, if it is there already.
    pub fn constant_of(&self, ty: Type, bits: u64) -> Option<Ref> {
        self.numbers.get(&(ty, bits)).map(|&number| Ref::constant(number as usize))
    }

    /// Takes over all constants of another unit under the same numbers; its own are lost.
    pub fn copy_constants(&mut self, other: &Unit) {
        self.constants.clone_from(&other.constants);
        self.numbers.clone_from(&other.numbers);
    }

    /// The Int constant `value`.
    pub fn int(&mut self, value: i64) -> Ref {
        self.constant(Type::Int, value as u64)
    }

    /// A new list of operands.
    pub fn list(&mut self, refs: &[Ref]) -> ListRange {
        let at = self.lists.len() as u32;
        self.lists.push(refs.len() as u32);
        self.lists.extend(refs.iter().map(|r| r.word()));
        ListRange(at)
    }

    /// The elements of a list.
    pub fn elements(&self, list: ListRange) -> impl ExactSizeIterator<Item = Ref> + '_ {
        let (at, length) = (list.0 as usize + 1, self.lists[list.0 as usize] as usize);
        self.lists[at..at + length].iter().map(|&word| Ref::from_word(word))
    }

    /// Appends an operation; its value.
    pub fn push(&mut self, op: Op) -> Ref {
        self.ops.push(op);
        Ref::op(self.ops.len() - 1)
    }

    /// A label to be placed later.
    pub fn new_label(&mut self) -> LabelId {
        self.labels.push(u32::MAX);
        LabelId(self.labels.len() as u32 - 1)
    }

    /// The type of an operand.
    pub fn type_of(&self, operand: Ref) -> Type {
        match (operand.as_op(), operand.as_constant()) {
            (Some(op), _) => self.ops[op].ty,
            (_, Some(constant)) => self.constants[constant].0,
            _ => Type::Void,
        }
    }

    /// Makes it empty, keeping its memory.
    pub fn clear(&mut self) {
        self.ops.clear();
        self.lists.clear();
        self.constants.clear();
        self.labels.clear();
        self.positions.clear();
        self.exports.clear();
        self.numbers.clear();
        let Snapshots { snapshots, frames, slots, recipes, stores } = &mut self.snapshots;
        snapshots.clear();
        frames.clear();
        slots.clear();
        recipes.clear();
        stores.clear();
    }

    /// Calls `visit` with every value that `op` uses by itself: operands and elements of lists, not what its snapshot mentions.
    pub fn for_each_operand(&self, op: &Op, mut visit: impl FnMut(Ref)) {
        for (kind, word) in op.fields() {
            match kind {
                b'i' | b'f' | b'r' | b'v' => visit(Ref::from_word(word)),
                b'o' if Ref::from_word(word) != Ref::NONE => visit(Ref::from_word(word)),
                b'*' => self.elements(ListRange(word)).for_each(&mut visit),
                _ => {}
            }
        }
    }
}

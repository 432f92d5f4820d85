//! The walk from a unit's end to its start that prepares allocation: how long each value is needed, where it is read next, and which operations become one
//! instruction together.
//!
//! # Positions
//! Operation `i` reads its operands at half-position `2 i`; its snapshot is needed at `2 i + 1`, after its result has been written. 0 means never.
//!
//! # How long a value lives
//! From its definition to the last half-position, in the order of the list, where it is needed ([`Analysis::end`]). A backward jump from `j` to a label `l` makes everything that is
//! alive at `l` live until `j`; since loops can overlap, the reach of `l` is that of all loops that begin within its own (a stack of them is kept
//! on the way). This interval contains every point where the value is alive on some path: it decides when a slot can be reused. Registers are
//! handed from block to block exactly, so for them it is only a hint.
//!
//! Snapshots need their values but do not read them: their values may lie in slots at no cost. Each chain of frames is visited once in the whole unit:
//! whoever shares a frame later in the walk is earlier in the list, and cannot make it live longer.
//!
//! # Next uses
//! Each read of an operand is recorded with where the same value is read next. The records are a stack ([`Analysis::uses`]): this walk
//! pushes them in the opposite order in which the allocator, walking forwards, pops them. [`Operands`] is that order's one definition.
//!
//! # One instruction for several operations ([`Role`])
//! A comparison whose only reader is a guard, branch or selection soon behind it, in the same block, is made there, and leaves its result in the flags. An overflow test beside the arithmetic that it
//! tests takes that arithmetic to the guard: one instruction computes both (the arithmetic may come before, between or after). A load whose only reader
//! comes next becomes a memory operand; nothing that writes memory can be in between.
//!
//! # Words that code doubles
//! A word that codes a double ([`Coding`](crate::ir::Coding)), and that no instruction reads, is not computed at all ([`Role::Coded`]): the exits that want it code it themselves. It then is the double that has to be alive there. A test of
//! the word's tag does not count as reading it if the tag can be had of the double's upper bits ([`field`]). The same holds of boxes, and of words that differ from others by a small constant ([`Unit::derived`]).

mod field;
mod walk;

use super::target::{Agreements, Target};
use crate::ir::{Descriptors, OpCode, Ref, Unit};
pub use field::{Field, field};
use walk::Walk;

/// No value, no position.
pub const NONE: u32 = u32::MAX;

/// How an operation becomes code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// By itself.
    Own,
    /// Not at all: it is pure, and nobody needs it.
    Dead,
    /// A condition that its only reader takes from the flags.
    Fused,
    /// A load that is an operand of its only reader.
    Folded,
    /// Arithmetic whose overflow is tested: computed later, where the test is used.
    Late,
    /// The same, if it comes behind the guard or branch that uses the test.
    Early,
    /// A word that codes a double, or is its box, or is a small constant more than another: computed by the exits that want it, if any; who tests a double's tag reads the double.
    Coded,
}

/// What the value of an operation is preferably computed in: a register number, or 64 more than the index of a parameter that it will be passed to, or [`NONE`].
pub type Hint = u32;

/// See the module's header. All vectors are indexed by operation, unless they say otherwise.
#[derive(Debug, Default)]
pub struct Analysis {
    /// How each operation becomes code.
    pub roles: Vec<Role>,
    /// The half-position where a value is last needed.
    pub end: Vec<u32>,
    /// The half-position where a value is last read by an instruction, or would be in the loop's next turn.
    pub last_read: Vec<u32>,
    /// The operation that reads a value first.
    pub next_use: Vec<u32>,
    /// Where the value would best be.
    pub hints: Vec<Hint>,
    /// How many calls there are from an operation on (there is one more element than operations).
    pub calls: Vec<u32>,
    /// Next uses, for each read; see the module's header.
    pub uses: Vec<u32>,
    /// By label: the index of the last jump backwards that keeps it alive, or 0.
    pub loop_end: Vec<u32>,
    live: Vec<u32>,
    /// Where in `live` a value is.
    live_at: Vec<u32>,
    frames_seen: Vec<bool>,
    snapshots_seen: Vec<bool>,
    /// Loops whose header has been passed: header and reach, the innermost or next on top.
    loops: Vec<(u32, u32)>,
}

/// The operands that the instruction for an operation reads: the operation that mentions it, the field, the value.
#[derive(Clone, Copy, Debug)]
pub struct Operands {
    items: [(u32, u8, Ref); 4],
    count: u8,
}

impl Operands {
    /// In the order in which they are read.
    pub fn as_slice(&self) -> &[(u32, u8, Ref)] {
        &self.items[..usize::from(self.count)]
    }

    fn push(&mut self, op: usize, field: u8, value: Ref) {
        self.items[usize::from(self.count)] = (op as u32, field, value);
        self.count += 1;
    }

    /// The operands of operation `at`, which is not a call or jump, by its own fields; a folded load's stand in its place.
    pub fn of(unit: &Unit, roles: &[Role], at: usize) -> Operands {
        let mut operands = Operands { items: [(0, 0, Ref::NONE); 4], count: 0 };
        let op = &unit.ops[at];
        for ((kind, word), field) in op.fields().zip(0..) {
            let value = Ref::from_word(word);
            if !matches!(kind, b'i' | b'f' | b'r' | b'v' | b'o') || value == Ref::NONE {
                continue;
            }
            match value.as_op() {
                Some(load) if roles[load] == Role::Folded => {
                    let load_op = &unit.ops[load];
                    operands.push(load, 0, Ref::from_word(load_op.a));
                    if Ref::from_word(load_op.b) != Ref::NONE {
                        operands.push(load, 1, Ref::from_word(load_op.b));
                    }
                }
                Some(word) if roles[word] == Role::Coded => {
                    let (_, double) = unit.coded(value).expect("only what codes a double has this role");
                    operands.push(at, field, double);
                }
                _ => operands.push(at, field, value),
            }
        }
        operands
    }
}

/// What stands for the condition of a guard, branch or selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A value that is tested.
    Value,
    /// The flags that an operation leaves: that operation.
    Flags {
        /// What computes the truth value.
        test: usize,
        /// Whose operands are read to do so: `test`, or the conjunction that it compares with zero, or the arithmetic that also has a value.
        reader: usize,
    },
}

/// The condition of operation `at`, a guard, branch or selection.
pub fn condition(unit: &Unit, roles: &[Role], at: usize) -> Condition {
    let fused = |value: u32| Ref::from_word(value).as_op().filter(|&op| roles[op] == Role::Fused);
    let Some(test) = fused(unit.ops[at].a) else { return Condition::Value };
    let op = &unit.ops[test];
    let reader = match op.code {
        OpCode::Eq | OpCode::Ne => fused(op.a).unwrap_or(test),
        OpCode::OvfAdd | OpCode::OvfSub | OpCode::OvfMul => {
            let partners = [(test + 1, Role::Late), (test.wrapping_sub(1), Role::Late), (at + 1, Role::Early)];
            let is_partner =
                |&(other, role): &(usize, Role)| roles.get(other) == Some(&role) && arithmetic_of(unit, test, other);
            partners.into_iter().find(is_partner).map_or(test, |(other, _)| other)
        }
        _ => test,
    };
    Condition::Flags { test, reader }
}

/// Whether operation `other` is the arithmetic whose overflow operation `test` tests.
fn arithmetic_of(unit: &Unit, test: usize, other: usize) -> bool {
    let (Some(test), Some(other)) = (unit.ops.get(test), unit.ops.get(other)) else { return false };
    let code = match test.code {
        OpCode::OvfAdd => OpCode::Add,
        OpCode::OvfSub => OpCode::Sub,
        OpCode::OvfMul => OpCode::Mul,
        _ => return false,
    };
    (other.code, other.a, other.b) == (code, test.a, test.b)
}

fn resize<T: Copy>(vector: &mut Vec<T>, length: usize, value: T) {
    vector.clear();
    vector.resize(length, value);
}

impl Analysis {
    /// Analyses a unit.
    pub fn run<T: Target>(&mut self, target: &T, unit: &Unit, descriptors: &Descriptors, agreements: &Agreements) {
        let count = unit.ops.len();
        resize(&mut self.roles, count, Role::Own);
        resize(&mut self.end, count, 0);
        resize(&mut self.last_read, count, 0);
        resize(&mut self.next_use, count, NONE);
        resize(&mut self.hints, count, NONE);
        resize(&mut self.calls, count + 1, 0);
        resize(&mut self.live_at, count, 0);
        resize(&mut self.loop_end, unit.labels.len(), 0);
        resize(&mut self.frames_seen, unit.snapshots.frames.len(), false);
        resize(&mut self.snapshots_seen, unit.snapshots.snapshots.len(), false);
        self.uses.clear();
        self.live.clear();
        self.loops.clear();
        for at in (0..count).rev() {
            let op = unit.ops[at];
            let is_call = matches!(op.code, OpCode::Call | OpCode::CallUnit);
            self.calls[at] = self.calls[at + 1] + u32::from(is_call);
            Walk { analysis: self, target, unit, descriptors, agreements, at }.operation(&op);
        }
    }

    /// Whether there are calls after operation `from` and before operation `to`.
    pub fn has_calls(&self, from: usize, to: usize) -> bool {
        from + 1 < to && self.calls[from + 1] > self.calls[to]
    }

    /// Whether a value that operation `at` computes is read behind a call.
    pub fn crosses_call(&self, at: usize) -> bool {
        self.has_calls(at, self.last_read[at] as usize / 2)
    }
}

//! A unit in two parts: up to a guard, and from it on, as if that guard had failed and a bridge went on as the unit itself would have. So what bridges inherit ([`crate::opt::Inherited`]) can be tested: both parts together must do what the unit does.

use super::rng::Rng;
use crate::ir::{
    Descriptors, EntryDesc, EntryId, Export, LabelId, ListRange, Op, OpCode, Ref, Slot, SnapshotId, Type, Unit,
};
use crate::verify::for_each_value;

/// The second part, not optimised, and what it is passed.
pub struct Rest {
    pub unit: Unit,
    /// Values of the whole unit, by parameter.
    pub values: Vec<Ref>,
    /// The guard that it begins with.
    pub guard: usize,
    /// Its entry.
    pub entry: EntryId,
}

/// Divides a unit at one of the guards of its last block. `again` is the entry of the loop that this block is, if it is one. `None` if it cannot be divided.
pub fn divide(
    unit: &Unit,
    descriptors: &mut Descriptors,
    name: &str,
    again: Option<EntryId>,
    rng: &mut Rng,
) -> Option<Rest> {
    let label = unit.ops.iter().rposition(|op| op.code == OpCode::Label)?;
    let is_guard = |at: &usize| matches!(unit.ops[*at].code, OpCode::GuardTrue | OpCode::GuardFalse);
    let guards: Vec<usize> = (label..unit.ops.len()).filter(is_guard).collect();
    if guards.is_empty() {
        return None;
    }
    let guard = guards[rng.below(guards.len())];
    let (last, behind) = unit.ops[guard..].split_last()?;
    if behind.iter().any(|op| op.target().is_some()) || last.code == OpCode::Jump && again.is_none() {
        return None;
    }
    // A unit that is to be optimised has a barrier behind each store that needs one; one that has been may have it before.
    let position = |code| unit.ops[label..].iter().position(|op| op.code == code);
    let last = |code| unit.ops[label..].iter().rposition(|op| op.code == code);
    if let (Some(barrier), Some(first), Some(last)) =
        (position(OpCode::Barrier), position(OpCode::Store), last(OpCode::Store))
        && (last > barrier || first < guard - label)
    {
        return None;
    }
    // What it needs, and some more that is there.
    let mut passed = vec![false; guard];
    let mut need = |value: Ref| {
        if let Some(needed) = value.as_op().and_then(|at| passed.get_mut(at)) {
            *needed = true;
        }
    };
    for op in &unit.ops[guard..] {
        unit.for_each_operand(op, &mut need);
        if let Some(SnapshotId(id)) = op.snapshot() {
            for_each_value(unit, SnapshotId(id), &mut need);
        }
    }
    for (passed, op) in passed.iter_mut().zip(&unit.ops).skip(label + 1) {
        *passed |= op.ty != Type::Void && rng.chance(40);
    }
    let values: Vec<Ref> = (0..guard).filter(|&at| passed[at]).map(Ref::op).collect();
    let arguments = values.iter().map(|&value| unit.type_of(value)).collect();
    let desc = EntryDesc { name: name.to_owned(), arguments, result: Type::Void, stack_arguments: Vec::new() };
    let entry = descriptors.intern_entry(desc)?;
    Some(Rest { unit: rest(unit, guard, &values, entry, again), values, guard, entry })
}

fn rest(unit: &Unit, guard: usize, values: &[Ref], entry: EntryId, again: Option<EntryId>) -> Unit {
    let mut rest = Unit::default();
    rest.copy_constants(unit);
    let label = rest.new_label();
    rest.labels[0] = 0;
    rest.exports.push(Export { label, entry });
    rest.push(Op { a: label.0, ..Op::new(OpCode::Label, Type::Void) });
    let mut map = vec![Ref::NONE; unit.ops.len()];
    for value in values {
        map[value.as_op().expect("only operations are passed")] =
            rest.push(Op::new(OpCode::Param, unit.type_of(*value)));
    }
    let first = rest.ops.len();
    map[guard..].iter_mut().enumerate().for_each(|(number, value)| *value = Ref::op(first + number));
    let renamed = |value: Ref| value.as_op().map_or(value, |at| map[at]);
    for op in &unit.ops[guard..] {
        let mut op = *op;
        for (field, kind) in [&mut op.a, &mut op.b, &mut op.c].into_iter().zip(op.code.operands()) {
            match kind {
                b'i' | b'f' | b'r' | b'v' | b'o' if Ref::from_word(*field) != Ref::NONE => {
                    *field = renamed(Ref::from_word(*field)).word();
                }
                b'*' => {
                    let list: Vec<Ref> = unit.elements(ListRange(*field)).map(renamed).collect();
                    *field = rest.list(&list).0;
                }
                _ => {}
            }
        }
        if let (OpCode::Jump, Some(again)) = (op.code, again) {
            op = Op { aux: again.0, a: op.b, ..Op::new(OpCode::JumpUnit, Type::Void) };
        }
        rest.push(op);
    }
    rest.snapshots = unit.snapshots.clone();
    rest.snapshots.for_each_slot_mut(|slot| {
        if let Slot::Value(value) = slot {
            match renamed(*value) {
                Ref::NONE => *slot = Slot::Dead,
                new => *value = new,
            }
        }
    });
    rest
}

/// The first part, which goes on in the second.
pub fn beginning(unit: &Unit, rest: &Rest) -> Unit {
    let mut beginning = unit.clone();
    beginning.ops.truncate(rest.guard);
    let list = beginning.list(&rest.values).0;
    beginning.push(Op { aux: rest.entry.0, a: list, ..Op::new(OpCode::JumpUnit, Type::Void) });
    beginning.positions.retain(|position| (position.op as usize) < rest.guard);
    beginning
}

/// The label of a second part.
pub const ENTRY: LabelId = LabelId(0);

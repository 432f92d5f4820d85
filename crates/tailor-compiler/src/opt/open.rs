//! Opens a loop for those who enter it from other units: the last half step of [`describe`](super::describe).
//!
//! The loop's label is reached from outside then, so nothing from before it dominates it any more (rules 5 and 13 of [`crate::ir`]): what the loop uses of that becomes parameters, which it passes to itself. (Machine code keeps them where they
//! are.) The block that others enter stands before the label:
//!
//! ```text
//!   …                         ; the first iteration
//!   jump loop(%a, %b, %v)
//! enter(%x, %y, %z) export:
//!   guard_valid [ … ]
//!   jump loop(%x, %y, %z)
//! loop(%i, %j, %w):           ; %w is %v, which the loop used
//!   …
//!   jump loop(%k, %l, %w)
//! ```
//! It is done when all else is, on what is left of the unit.

use super::dce::Liveness;
use super::describe::Draft;
use super::loops::LoopEntry;
use crate::ir::{
    Descriptors, EntryDesc, Export, Frame, FrameId, LabelId, ListRange, Op, OpCode, Recipe, Ref, Slot, Snapshot,
    SnapshotId, Type, Unit,
};
use crate::verify::for_each_value;

/// The most parameters that a loop is entered with.
const PARAMETERS: usize = 64;

/// Memory of the step.
#[derive(Debug, Default)]
pub struct Opening {
    /// By operation before the label: the number of the parameter that stands for it in the loop, + 1.
    parameter: Vec<u32>,
    /// The operations that are used in the loop, in order.
    used: Vec<u32>,
    ops: Vec<Op>,
}

/// Opens the loop that `draft` describes. `removed` tells what has become of values since then, if they have got other names.
pub fn open_loop(
    unit: &mut Unit,
    descriptors: &mut Descriptors,
    name: &str,
    draft: &mut Draft,
    removed: Option<&Liveness>,
    memory: &mut Opening,
) -> Option<LoopEntry> {
    let target = draft.target.filter(|_| draft.complete)?;
    let renamed = |at: u32| match removed {
        Some(removed) => removed.renamed(Ref::op(at as usize)).and_then(Ref::as_op),
        None => Some(at as usize),
    };
    let label = unit.labels[target.0 as usize] as usize;
    let is_last = unit.ops[label + 1..].iter().all(|op| op.code != OpCode::Label);
    let (last, before) = (*unit.ops.last()?, unit.ops[label - 1]);
    let (guard, only_entry) = draft.guard?;
    let guard = renamed(guard as u32)?;
    if !is_last || [last, before].iter().any(|op| op.code != OpCode::Jump || op.a != target.0) {
        return None;
    }
    let count = unit.ops[label + 1..].iter().take_while(|op| op.code == OpCode::Param).count();
    find_used(unit, draft, label, memory);
    // Each must be something that others can have.
    let variable_of = |at: u32| {
        let number = draft.values.iter().position(|&value| renamed(value) == Some(at as usize))?;
        Some((draft.variables.len() - draft.values.len() + number) as u32)
    };
    let labelled = draft.variables.len() - draft.values.len();
    let mut parameters: Vec<u32> = Vec::new();
    for number in 0..labelled {
        if renamed((draft.start + 1 + number) as u32).is_some() {
            parameters.push(number as u32);
        }
    }
    for &at in &memory.used {
        parameters.push(variable_of(at)?);
    }
    let types: Vec<Type> = parameters.iter().map(|&number| draft.variables[number as usize].ty).collect();
    if parameters.len() > PARAMETERS {
        return None;
    }
    let rebuilt = Rebuild {
        label,
        count,
        added: memory.used.len(),
        inserted: types.len() + 3,
        // A guard that serves only those who enter goes where they come in.
        dropped: only_entry.then_some(guard),
        parameter: &memory.parameter,
    };
    let snapshot = SnapshotId(unit.ops[guard].a);
    if !rebuilt.is_of_header(unit, snapshot) {
        return None;
    }
    let desc =
        EntryDesc { name: name.to_owned(), arguments: types.clone(), result: Type::Void, stack_arguments: Vec::new() };
    let entry = descriptors.intern_entry(desc)?;
    rebuilt.snapshots(unit, draft);
    let snapshot = rebuilt.snapshot_of_entry(unit, snapshot);
    let enter = rebuilt.operations(unit, target, &types, snapshot, &memory.used, &mut memory.ops);
    unit.exports.push(Export { label: enter, entry });
    let (arguments, objects) = (std::mem::take(&mut draft.arguments), std::mem::take(&mut draft.objects));
    let (variables, locations) = (std::mem::take(&mut draft.variables), std::mem::take(&mut draft.locations));
    let mut entry = LoopEntry { entry, label: enter, parameters, arguments, variables, objects, locations };
    entry.forget_unused(labelled);
    Some(entry)
}

/// Finds the operations before the label that the loop uses.
fn find_used(unit: &Unit, draft: &Draft, label: usize, memory: &mut Opening) {
    memory.parameter.clear();
    memory.parameter.resize(label, 0);
    let mut seen = |value: Ref| {
        if let Some(used) = value.as_op().and_then(|at| memory.parameter.get_mut(at)) {
            *used = 1;
        }
    };
    for op in &unit.ops[label..] {
        unit.for_each_operand(op, &mut seen);
    }
    let mut seen_in = |slot: Slot| {
        if let Slot::Value(value) = slot {
            seen(value);
        }
    };
    let all = &unit.snapshots;
    all.slots[draft.sizes.slots..].iter().for_each(|&slot| seen_in(slot));
    let fields = all.recipes[draft.sizes.recipes..].iter().flat_map(|recipe| &recipe.fields);
    fields.for_each(|&(_, slot)| seen_in(slot));
    for store in &all.stores[draft.sizes.stores..] {
        seen_in(store.base);
        store.index.into_iter().for_each(&mut seen_in);
        seen_in(store.value);
    }
    memory.used.clear();
    for (at, used) in memory.parameter.iter_mut().enumerate() {
        if *used > 0 {
            memory.used.push(at as u32);
            *used = memory.used.len() as u32;
        }
    }
}

/// How operations are renamed.
struct Rebuild<'a> {
    /// The loop's label, and how many parameters it has.
    label: usize,
    count: usize,
    /// How many it gets.
    added: usize,
    /// How many operations are put before it.
    inserted: usize,
    /// An operation of the loop that goes.
    dropped: Option<usize>,
    parameter: &'a [u32],
}

impl Rebuild<'_> {
    /// The new index of an operation of the loop.
    fn moved(&self, at: usize) -> usize {
        let behind = if at > self.label + self.count { self.added } else { 0 };
        at + self.inserted + behind - usize::from(self.dropped.is_some_and(|dropped| at > dropped))
    }

    /// A value, as it is called within the loop.
    fn renamed(&self, value: Ref) -> Ref {
        match value.as_op() {
            None => value,
            Some(at) if at >= self.label => Ref::op(self.moved(at)),
            Some(at) => match self.parameter[at] {
                0 => value,
                number => Ref::op(self.label + self.inserted + self.count + number as usize),
            },
        }
    }

    /// Renames what the loop's snapshots mention.
    fn snapshots(&self, unit: &mut Unit, draft: &Draft) {
        let rename = |slot: &mut Slot| {
            if let Slot::Value(value) = slot {
                *value = self.renamed(*value);
            }
        };
        let all = &mut unit.snapshots;
        all.slots[draft.sizes.slots..].iter_mut().for_each(rename);
        let fields = all.recipes[draft.sizes.recipes..].iter_mut().flat_map(|recipe| &mut recipe.fields);
        fields.for_each(|(_, slot)| rename(slot));
        for store in &mut all.stores[draft.sizes.stores..] {
            rename(&mut store.base);
            store.index.iter_mut().for_each(rename);
            rename(&mut store.value);
        }
    }

    /// Whether a snapshot of the loop mentions no values but the label's parameters and those of before it.
    fn is_of_header(&self, unit: &Unit, id: SnapshotId) -> bool {
        let mut all_known = true;
        for_each_value(unit, id, |value| all_known &= value.as_op().is_none_or(|at| at <= self.label + self.count));
        all_known
    }

    /// A copy of the header's snapshot with the parameters of the block that is entered in place of the loop's.
    fn snapshot_of_entry(&self, unit: &mut Unit, id: SnapshotId) -> SnapshotId {
        let distance = self.inserted;
        let slot = |slot: Slot| match slot {
            Slot::Value(value) => Slot::Value(value.as_op().map_or(value, |at| Ref::op(at - distance))),
            Slot::Virtual(_) | Slot::Dead => slot,
        };
        let all = &mut unit.snapshots;
        let Snapshot { frames, recipes, stores } = all.snapshots[id.0 as usize].clone();
        let chain: Vec<FrameId> = all.chain(frames).collect();
        let mut parent = None;
        for &frame in chain.iter().rev() {
            let Frame { code, position, .. } = all.frames[frame.0 as usize];
            let slots: Vec<Slot> = all.slots_of(frame).iter().map(|&value| slot(value)).collect();
            parent = Some(all.add_frame(parent, code, position, &slots));
        }
        let (first_recipe, first_store) = (all.recipes.len() as u32, all.stores.len() as u32);
        for recipe in recipes {
            let Recipe { alloc, fields } = all.recipes[recipe as usize].clone();
            let fields = fields.iter().map(|&(mem, value)| (mem, slot(value))).collect();
            all.recipes.push(Recipe { alloc, fields });
        }
        for store in stores {
            let mut store = all.stores[store as usize];
            (store.base, store.index, store.value) = (slot(store.base), store.index.map(slot), slot(store.value));
            all.stores.push(store);
        }
        let snapshot = Snapshot {
            frames: parent,
            recipes: first_recipe..all.recipes.len() as u32,
            stores: first_store..all.stores.len() as u32,
        };
        all.snapshots.push(snapshot);
        SnapshotId(all.snapshots.len() as u32 - 1)
    }

    /// Puts the operations together; the label of the block that is entered.
    fn operations(
        &self,
        unit: &mut Unit,
        target: LabelId,
        types: &[Type],
        snapshot: SnapshotId,
        used: &[u32],
        ops: &mut Vec<Op>,
    ) -> LabelId {
        let enter = unit.new_label();
        ops.clear();
        ops.extend_from_slice(&unit.ops[..self.label]);
        // The way from the first iteration passes what the loop has used.
        let mut list: Vec<Ref> = unit.elements(ListRange(ops[self.label - 1].b)).collect();
        list.extend(used.iter().map(|&at| Ref::op(at as usize)));
        ops[self.label - 1].b = unit.list(&list).0;
        ops.push(Op { a: enter.0, ..Op::new(OpCode::Label, Type::Void) });
        ops.extend(types.iter().map(|&ty| Op::new(OpCode::Param, ty)));
        ops.push(Op { a: snapshot.0, ..Op::new(OpCode::GuardValid, Type::Void) });
        let parameters: Vec<Ref> = (0..types.len()).map(|number| Ref::op(self.label + 1 + number)).collect();
        let list = unit.list(&parameters).0;
        ops.push(Op { a: target.0, b: list, ..Op::new(OpCode::Jump, Type::Void) });
        let first = self.label + 1 + self.count;
        ops.extend_from_slice(&unit.ops[self.label..first]);
        ops.extend(types[self.count..].iter().map(|&ty| Op::new(OpCode::Param, ty)));
        for at in first..unit.ops.len() {
            if self.dropped == Some(at) {
                continue;
            }
            let mut op = unit.ops[at];
            for (field, kind) in [&mut op.a, &mut op.b, &mut op.c].into_iter().zip(op.code.operands()) {
                match kind {
                    b'i' | b'f' | b'r' | b'v' | b'o' => *field = self.renamed(Ref::from_word(*field)).word(),
                    b'*' => {
                        let list = *field as usize;
                        let end = list + 1 + unit.lists[list] as usize;
                        for word in &mut unit.lists[list + 1..end] {
                            *word = self.renamed(Ref::from_word(*word)).word();
                        }
                    }
                    _ => {}
                }
            }
            ops.push(op);
        }
        // The way round passes what it was passed.
        let back = ops.len() - 1;
        let mut list: Vec<Ref> = unit.elements(ListRange(ops[back].b)).collect();
        list.extend((0..self.added).map(|number| Ref::op(self.label + self.inserted + 1 + self.count + number)));
        ops[back].b = unit.list(&list).0;
        std::mem::swap(&mut unit.ops, ops);
        unit.labels[enter.0 as usize] = self.label as u32;
        unit.labels[target.0 as usize] = (self.label + self.inserted) as u32;
        for position in unit.positions.iter_mut().filter(|position| position.op as usize >= self.label) {
            position.op = self.moved(position.op as usize) as u32;
        }
        enter
    }
}

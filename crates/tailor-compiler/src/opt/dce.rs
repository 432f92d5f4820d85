//! The pass `dce`: what nobody needs is left out, and the unit is closed up.
//!
//! Operations with effects are needed, and what they use; a value is needed if something needed uses it, a label's parameter only then too: so what a loop merely passes round vanishes, which a backward walk
//! would not find. Snapshots need what they mention. Parameters of the entry and of exported labels stay, they are others' business.
//!
//! Everything is done in place; each operation, frame, recipe and store is looked at once.

use crate::ir::opcode::Class;
use crate::ir::{CallId, Descriptors, FrameId, LabelId, ListRange, OpCode, Ref, Slot, SnapshotId, Unit};

/// No edge.
const NONE: u32 = u32::MAX;

/// Memory of the pass.
#[derive(Debug, Default)]
pub struct Liveness {
    live: Vec<bool>,
    work: Vec<u32>,
    /// By label: its first edge in `edges`.
    first_edge: Vec<u32>,
    /// An edge's list, and the next edge to the same label.
    edges: Vec<(u32, u32)>,
    frames: Vec<bool>,
    /// Recipes and stores before these have been looked at. (Snapshots come in the order of their making.)
    recipes: u32,
    stores: u32,
    /// The new number of each operation: how many live ones are before it.
    numbers: Vec<u32>,
}

/// Removes what is not needed.
pub fn remove_dead(unit: &mut Unit, descriptors: &Descriptors, memory: &mut Liveness) {
    memory.begin(unit);
    memory.find_roots(unit, descriptors);
    memory.spread(unit);
    memory.number();
    memory.close_up(unit);
}

impl Liveness {
    fn begin(&mut self, unit: &Unit) {
        self.live.clear();
        self.live.resize(unit.ops.len(), false);
        self.work.clear();
        self.first_edge.clear();
        self.first_edge.resize(unit.labels.len(), NONE);
        self.edges.clear();
        self.frames.clear();
        self.frames.resize(unit.snapshots.frames.len(), false);
        (self.recipes, self.stores) = (0, 0);
    }

    fn mark(&mut self, value: Ref) {
        if let Some(at) = value.as_op()
            && !self.live[at]
        {
            self.live[at] = true;
            self.work.push(at as u32);
        }
    }

    fn mark_slot(&mut self, slot: Slot) {
        if let Slot::Value(value) = slot {
            self.mark(value);
        }
    }

    fn find_roots(&mut self, unit: &Unit, descriptors: &Descriptors) {
        for (at, op) in unit.ops.iter().enumerate() {
            let needed = match op.code.class() {
                Class::Pure | Class::Load | Class::Alloc => false,
                Class::Call => op.code != OpCode::Call || !descriptors.call(CallId(op.aux)).elidable,
                Class::Structure => op.code != OpCode::Param,
                Class::Store | Class::Guard | Class::Terminator => true,
            };
            if !needed {
                continue;
            }
            self.live[at] = true;
            match op.target() {
                Some((label, list)) => {
                    if op.code != OpCode::Jump {
                        self.mark(Ref::from_word(op.a));
                    }
                    let next = std::mem::replace(&mut self.first_edge[label.0 as usize], self.edges.len() as u32);
                    self.edges.push((list.0, next));
                }
                None => unit.for_each_operand(op, |value| self.mark(value)),
            }
            if let Some(snapshot) = op.snapshot() {
                self.mark_snapshot(unit, snapshot);
            }
        }
        let entry = unit.ops.first().map(|op| LabelId(op.a));
        for label in entry.into_iter().chain(unit.exports.iter().map(|export| export.label)) {
            let first = unit.labels[label.0 as usize] as usize + 1;
            let count = unit.ops[first..].iter().take_while(|op| op.code == OpCode::Param).count();
            (first..first + count).for_each(|parameter| self.mark(Ref::op(parameter)));
        }
    }

    fn mark_snapshot(&mut self, unit: &Unit, id: SnapshotId) {
        let all = &unit.snapshots;
        let snapshot = &all.snapshots[id.0 as usize];
        let mut frame = snapshot.frames;
        while let Some(FrameId(number)) = frame
            && !self.frames[number as usize]
        {
            self.frames[number as usize] = true;
            all.slots_of(FrameId(number)).iter().for_each(|&slot| self.mark_slot(slot));
            frame = all.frames[number as usize].parent;
        }
        for recipe in snapshot.recipes.start.max(self.recipes)..snapshot.recipes.end {
            all.recipes[recipe as usize].fields.iter().for_each(|&(_, slot)| self.mark_slot(slot));
        }
        self.recipes = self.recipes.max(snapshot.recipes.end);
        for store in snapshot.stores.start.max(self.stores)..snapshot.stores.end {
            let store = all.stores[store as usize];
            self.mark_slot(store.base);
            store.index.into_iter().for_each(|slot| self.mark_slot(slot));
            self.mark_slot(store.value);
        }
        self.stores = self.stores.max(snapshot.stores.end);
    }

    /// What is needed needs its operands; a parameter needs what is passed for it.
    fn spread(&mut self, unit: &Unit) {
        while let Some(at) = self.work.pop() {
            let op = &unit.ops[at as usize];
            if op.code != OpCode::Param {
                unit.for_each_operand(op, |value| self.mark(value));
                continue;
            }
            // Parameters follow their label directly.
            let mut label = at as usize - 1;
            while unit.ops[label].code == OpCode::Param {
                label -= 1;
            }
            let number = at as usize - label - 1;
            let mut edge = self.first_edge[unit.ops[label].a as usize];
            while edge != NONE {
                let (list, next) = self.edges[edge as usize];
                self.mark(Ref::from_word(unit.lists[list as usize + 1 + number]));
                edge = next;
            }
        }
    }

    fn number(&mut self) {
        self.numbers.clear();
        let mut next = 0;
        for &live in &self.live {
            self.numbers.push(next);
            next += u32::from(live);
        }
        self.numbers.push(next);
    }

    /// The new name of a value; `None` if it has been removed.
    pub fn renamed(&self, value: Ref) -> Option<Ref> {
        match value.as_op() {
            Some(at) => self.live[at].then(|| Ref::op(self.numbers[at] as usize)),
            None => Some(value),
        }
    }

    fn rename_word(&self, word: &mut u32) {
        // What uses it is live, so it is.
        if let Some(value) = self.renamed(Ref::from_word(*word)) {
            *word = value.word();
        }
    }

    /// Removes the arguments of parameters that are removed.
    fn shorten_list(&self, unit: &mut Unit, label: LabelId, list: ListRange) {
        let first = unit.labels[label.0 as usize] as usize + 1;
        let at = list.0 as usize;
        let mut kept = 0;
        for number in 0..unit.lists[at] as usize {
            if self.live[first + number] {
                unit.lists[at + 1 + kept] = unit.lists[at + 1 + number];
                kept += 1;
            }
        }
        unit.lists[at] = kept as u32;
    }

    fn close_up(&mut self, unit: &mut Unit) {
        for at in 0..unit.ops.len() {
            if !self.live[at] {
                continue;
            }
            let mut op = unit.ops[at];
            if let Some((label, list)) = op.target() {
                self.shorten_list(unit, label, list);
            }
            let kinds = op.code.operands();
            for (field, kind) in [&mut op.a, &mut op.b, &mut op.c].into_iter().zip(kinds) {
                match kind {
                    b'i' | b'f' | b'r' | b'v' | b'o' => self.rename_word(field),
                    b'*' => {
                        let list = *field as usize;
                        let end = list + 1 + unit.lists[list] as usize;
                        unit.lists[list + 1..end].iter_mut().for_each(|word| self.rename_word(word));
                    }
                    _ => {}
                }
            }
            unit.ops[self.numbers[at] as usize] = op;
        }
        unit.ops.truncate(self.numbers[self.live.len()] as usize);
        for label in unit.labels.iter_mut().filter(|label| **label != u32::MAX) {
            *label = self.numbers[*label as usize];
        }
        unit.snapshots.for_each_slot_mut(|slot| {
            if let Slot::Value(value) = *slot {
                // Only what no operation refers to any more mentions what is removed.
                *slot = self.renamed(value).map_or(Slot::Dead, Slot::Value);
            }
        });
        for position in &mut unit.positions {
            position.op = self.numbers[position.op as usize];
        }
        let length = unit.ops.len() as u32;
        unit.positions.retain(|position| position.op < length);
        // Of several that begin at one operation, the last counts.
        unit.positions.reverse();
        unit.positions.dedup_by_key(|position| position.op);
        unit.positions.reverse();
    }
}

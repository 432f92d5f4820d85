//! Snapshots of the output: frames with their values renamed, recipes for virtual objects, pending stores.
//!
//! # Sharing
//! Most guards stand in a few frames and find the same objects and the same stores pending. So
//! - a frame of the source is copied once, as long as nothing in it is virtual: its values are what they are;
//! - recipes and pending stores are made once for a *group*: the snapshots between two changes of what is virtual or pending. A group has one list of recipes, which grows as further objects are
//!   mentioned; a snapshot takes its beginning. Frames that mention virtual objects are copied once per group, since they refer to recipes by number.
//!
//! # What a failing guard says
//! At a guard's exit its condition does not hold: slots that contain the condition, or its negation, are constants (the pass `exits`). Interpreters compute a truth value and then branch on it, so most such
//! slots are all that keeps the truth value from being fused with the guard. Such frames belong to one guard and are not shared. Nothing else rests on this: where guards are made to fail that would not, as tests do, the pass is off.
//!
//! A *copy* of the source's values ends where they are renamed anew (the second copy of a loop's body) or known less (a label): frames are copied anew there.

use super::facts::Fact;
use super::heap::bits;
use super::walk::{Walk, as_virtual};
use crate::ir::{Frame, FrameId, OpCode, PendingStore, Recipe, Ref, Slot, Snapshot, SnapshotId, Type, Unit};

/// The group of what has no recipe.
pub const NO_GROUP: u32 = 0;

/// A frame or snapshot of the source and what it has become.
#[derive(Clone, Copy, Debug)]
struct Copied {
    /// The copy it belongs to.
    copy: u32,
    /// The group, or `NO_GROUP` if it is valid in all.
    group: u32,
    /// Its number in the output.
    number: u32,
}

/// The copy that what belongs to one guard alone is of: none.
const UNSHARED: u32 = 0;

const NOT_COPIED: Copied = Copied { copy: UNSHARED, group: NO_GROUP, number: 0 };

/// See the module's header.
#[derive(Debug, Default)]
pub struct Exits {
    copy: u32,
    group: u32,
    /// The group has its stores and the beginning of its recipes.
    begun: bool,
    first_recipe: u32,
    stores: std::ops::Range<u32>,
    /// The objects of the group's recipes, by number.
    objects: Vec<u32>,
    /// How many recipes of the group have been made.
    made: usize,
    /// By the source's number.
    frames: Vec<Copied>,
    /// By the source's number.
    snapshots: Vec<Copied>,
    chain: Vec<FrameId>,
    slots: Vec<Slot>,
    /// The condition of the guard whose snapshot is being made, and its truth where the guard fails.
    failing: Option<(Ref, bool)>,
    /// A slot of the frame being made is what it is because the guard fails.
    told: bool,
}

impl Exits {
    /// Begins a walk over `src`.
    pub fn reset(&mut self, src: &Unit) {
        (self.copy, self.group, self.begun) = (1, 1, false);
        self.frames.clear();
        self.frames.resize(src.snapshots.frames.len(), NOT_COPIED);
        self.snapshots.clear();
        self.snapshots.resize(src.snapshots.snapshots.len(), NOT_COPIED);
    }

    /// What is virtual or pending has changed.
    pub fn new_group(&mut self) {
        if self.begun {
            self.group += 1;
            self.begun = false;
        }
    }

    /// Values are others, or known less.
    pub fn new_copy(&mut self) {
        self.copy += 1;
        self.new_group();
    }

    /// Whether it is the group under way, and has recipes.
    pub fn is_current(&self, group: u32) -> bool {
        self.begun && group == self.group
    }
}

impl Walk<'_> {
    /// The same for a guard on this condition.
    pub(super) fn snapshot_of_guard(&mut self, id: SnapshotId, condition: Ref, wanted: bool) -> SnapshotId {
        self.s.exits.failing = self.options.passes.exits.then_some((condition, !wanted));
        let snapshot = self.snapshot(id);
        self.s.exits.failing = None;
        snapshot
    }

    /// The output's snapshot for a snapshot of the source, here.
    pub(super) fn snapshot(&mut self, id: SnapshotId) -> SnapshotId {
        let Snapshot { frames, recipes, stores } = self.src.snapshots.snapshots[id.0 as usize].clone();
        let has_own = !recipes.is_empty() || !stores.is_empty();
        let known = self.s.exits.snapshots[id.0 as usize];
        if known.copy == self.s.exits.copy && known.group == self.s.exits.group && self.s.exits.begun && !has_own {
            return SnapshotId(known.number);
        }
        if has_own {
            self.s.exits.new_group();
        }
        if !self.s.exits.begun {
            self.begin_group(recipes.clone(), stores);
        }
        let innermost = self.frames(frames);
        let shared = innermost.is_none_or(|frame| frame.copy != UNSHARED);
        let frames = innermost.map(|frame| FrameId(frame.number));
        self.make_recipes();
        let first = self.s.exits.first_recipe;
        let end = self.out.snapshots.recipes.len() as u32;
        let stores = self.s.exits.stores.clone();
        self.out.snapshots.snapshots.push(Snapshot { frames, recipes: first..end, stores });
        let number = self.out.snapshots.snapshots.len() as u32 - 1;
        let (copy, group) = (self.s.exits.copy, self.s.exits.group);
        if shared {
            self.s.exits.snapshots[id.0 as usize] = Copied { copy, group, number };
        }
        if has_own {
            self.s.exits.new_group();
        }
        SnapshotId(number)
    }

    /// What stands in a slot now. The object's recipe is to be made by [`Walk::make_recipes`].
    fn slot(&mut self, value: Ref) -> Slot {
        let value = self.resolve(value);
        let Some(number) = as_virtual(value) else { return Slot::Value(value) };
        let exits = &mut self.s.exits;
        let object = &mut self.s.virtuals.objects[number];
        if object.group != exits.group {
            object.group = exits.group;
            object.recipe = exits.objects.len() as u32;
            exits.objects.push(number as u32);
        }
        Slot::Virtual(object.recipe)
    }

    /// The same for a place of a certain type.
    fn typed_slot(&mut self, value: Ref, ty: Type) -> Slot {
        match self.slot(value) {
            Slot::Value(value) => Slot::Value(self.retype(value, ty)),
            slot => slot,
        }
    }

    /// A slot of the source, whose recipes keep their numbers.
    fn renamed_slot(&mut self, slot: Slot) -> Slot {
        match slot {
            Slot::Value(value) => {
                let value = self.value(value);
                self.slot(value)
            }
            Slot::Virtual(_) | Slot::Dead => slot,
        }
    }

    /// Makes pending stores, and takes over recipes and stores of a source's snapshot.
    fn begin_group(&mut self, recipes: std::ops::Range<u32>, stores: std::ops::Range<u32>) {
        self.s.exits.begun = true;
        self.s.exits.first_recipe = self.out.snapshots.recipes.len() as u32;
        self.s.exits.objects.clear();
        // Objects of the source's recipes have no number here, but take up the first places.
        self.s.exits.objects.extend(recipes.clone().map(|_| u32::MAX));
        self.s.exits.made = 0;
        for recipe in recipes {
            let Recipe { alloc, fields } = self.src.snapshots.recipes[recipe as usize].clone();
            let fields = fields
                .into_iter()
                .map(|(mem, slot)| {
                    let ty = self.descriptors.mem(mem).width.ty();
                    (mem, self.renamed_typed(slot, ty))
                })
                .collect();
            self.out.snapshots.recipes.push(Recipe { alloc, fields });
            self.s.exits.made += 1;
        }
        let first = self.out.snapshots.stores.len() as u32;
        for class in bits(self.s.heap.dirty_classes()) {
            for number in 0..self.s.heap.classes[class].len() {
                self.pending_store(class, number);
            }
        }
        for store in stores {
            let PendingStore { mem, base, index, value, barrier } = self.src.snapshots.stores[store as usize];
            let base = self.renamed_typed(base, Type::Ref);
            let index = index.map(|index| self.renamed_typed(index, Type::Int));
            let value = self.renamed_typed(value, self.descriptors.mem(mem).width.ty());
            self.out.snapshots.stores.push(PendingStore { mem, base, index, value, barrier });
        }
        self.s.exits.stores = first..self.out.snapshots.stores.len() as u32;
    }

    fn renamed_typed(&mut self, slot: Slot, ty: Type) -> Slot {
        match self.renamed_slot(slot) {
            Slot::Value(value) => Slot::Value(self.retype(value, ty)),
            slot => slot,
        }
    }

    fn pending_store(&mut self, class: usize, number: usize) {
        let location = self.s.heap.classes[class][number];
        if location.dirty {
            self.count(1);
            let value = self.typed_slot(location.value, location.width.ty());
            let index = (location.index != Ref::NONE).then_some(Slot::Value(location.index));
            let store = PendingStore {
                mem: location.mem,
                base: Slot::Value(location.base),
                index,
                value,
                barrier: location.barrier,
            };
            self.out.snapshots.stores.push(store);
        }
    }

    /// Makes the recipes of all objects that have been mentioned, and of those that they refer to.
    fn make_recipes(&mut self) {
        while self.s.exits.made < self.s.exits.objects.len() {
            let number = self.s.exits.objects[self.s.exits.made] as usize;
            self.s.exits.made += 1;
            let count = self.s.virtuals.fields_of(number).count();
            self.count(count as u64);
            let mut fields = Vec::with_capacity(count);
            let mut next = self.s.virtuals.fields_of(number).next();
            while let Some(field) = next {
                let (mem, value) = (self.s.virtuals.fields[field].mem, self.s.virtuals.fields[field].value);
                next = self.s.virtuals.following(field);
                let ty = self.descriptors.mem(mem).width.ty();
                fields.push((mem, self.typed_slot(value, ty)));
            }
            // The source's order: the oldest first.
            fields.reverse();
            let alloc = self.s.virtuals.objects[number].alloc;
            self.out.snapshots.recipes.push(Recipe { alloc, fields });
        }
    }

    /// A chain of frames.
    fn frames(&mut self, innermost: Option<FrameId>) -> Option<Copied> {
        let src = self.src;
        let mut chain = std::mem::take(&mut self.s.exits.chain);
        chain.clear();
        let mut parent = None;
        for frame in src.snapshots.chain(innermost) {
            let known = self.s.exits.frames[frame.0 as usize];
            let in_group = known.group == NO_GROUP || known.group == self.s.exits.group;
            if known.copy == self.s.exits.copy && in_group {
                parent = Some(known);
                break;
            }
            chain.push(frame);
        }
        for &frame in chain.iter().rev() {
            parent = Some(self.frame(frame, parent));
        }
        self.s.exits.chain = chain;
        parent
    }

    fn frame(&mut self, frame: FrameId, parent: Option<Copied>) -> Copied {
        let src = self.src;
        let Frame { code, position, .. } = src.snapshots.frames[frame.0 as usize];
        let mut slots = std::mem::take(&mut self.s.exits.slots);
        slots.clear();
        let mut group = parent.map_or(NO_GROUP, |parent| parent.group);
        self.s.exits.told = parent.is_some_and(|parent| parent.copy == UNSHARED);
        for &slot in src.snapshots.slots_of(frame) {
            let slot = self.renamed_slot(slot);
            let slot = self.told_by_failure(slot);
            if matches!(slot, Slot::Virtual(_)) {
                group = self.s.exits.group;
            }
            slots.push(slot);
        }
        self.count(slots.len() as u64);
        let parent = parent.map(|parent| FrameId(parent.number));
        let number = self.out.snapshots.add_frame(parent, code, position, &slots).0;
        self.s.exits.slots = slots;
        if self.s.exits.told {
            return Copied { copy: UNSHARED, group, number };
        }
        let copied = Copied { copy: self.s.exits.copy, group, number };
        self.s.exits.frames[frame.0 as usize] = copied;
        copied
    }

    /// Whether two values are comparisons of which one holds exactly if the other does not.
    fn are_opposite(&self, a: Ref, b: Ref) -> bool {
        let op = |value: Ref| value.as_op().filter(|_| as_virtual(value).is_none()).map(|at| &self.out.ops[at]);
        let (Some(a), Some(b)) = (op(a), op(b)) else { return false };
        match (a.code, b.code) {
            (OpCode::Lt, OpCode::Le)
            | (OpCode::Le, OpCode::Lt)
            | (OpCode::LtU, OpCode::LeU)
            | (OpCode::LeU, OpCode::LtU) => (a.a, a.b) == (b.b, b.a),
            (OpCode::Eq, OpCode::Ne)
            | (OpCode::Ne, OpCode::Eq)
            | (OpCode::RefEq, OpCode::RefNe)
            | (OpCode::RefNe, OpCode::RefEq)
            | (OpCode::FEq, OpCode::FNe)
            | (OpCode::FNe, OpCode::FEq) => (a.a, a.b) == (b.a, b.b),
            _ => false,
        }
    }

    /// What a slot is, given that the guard fails.
    fn told_by_failure(&mut self, slot: Slot) -> Slot {
        let (Some((condition, truth)), Slot::Value(value)) = (self.s.exits.failing, slot) else { return slot };
        let (mut tested, mut wanted) = self.normal_condition(value, true);
        if self.are_opposite(tested, condition) {
            (tested, wanted) = (condition, !wanted);
        }
        if tested != condition {
            return slot;
        }
        let word = if value != condition {
            u64::from(truth == wanted)
        } else if !truth {
            0
        } else if Fact::TRUTH.includes(self.fact(condition)) {
            1
        } else {
            return slot;
        };
        self.s.exits.told = true;
        Slot::Value(self.constant(Type::Int, word))
    }
}

//! Snapshots: how to rebuild, at an exit, what a unit has optimised away.
//!
//! # Sharing
//! Frames form chains from the innermost outwards; a chain's tail is shared by all guards within the inlined call, so a guard costs
//! its innermost frame at most, and consecutive guards at one program point cost a reference.
//!
//! # Rebuilding, in this order
//! 1. Each virtual object that is needed is allocated by its recipe and filled; recipes may refer to each other in circles. (One allocation may collect; so all are allocated
//!    and filled with harmless values first, then filled in truth.)
//! 2. Pending stores are carried out.
//! 3. The frames' values are handed over, outermost first.

use super::{AllocId, MemId, Ref};

/// A value at an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// A constant, or what an operation computed; its bits, whatever its type.
    Value(Ref),
    /// The address of the virtual object with this number in the snapshot's list of recipes.
    Virtual(u32),
    /// Nothing that anybody will look at.
    Dead,
}

/// A chain of frames, by its innermost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameId(pub u32);

/// One interrupted frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The frame that called it.
    pub parent: Option<FrameId>,
    /// Whose code; the front end's number.
    pub code: u32,
    /// Where in it; the front end's number.
    pub position: u32,
    /// First of its slots.
    pub first: u32,
    /// Number of its slots.
    pub count: u32,
}

/// How to make a virtual object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// What to allocate.
    pub alloc: AllocId,
    /// What to store into it.
    pub fields: Vec<(MemId, Slot)>,
}

/// A store to be carried out at the exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingStore {
    /// What is touched.
    pub mem: MemId,
    /// The base.
    pub base: Slot,
    /// The index, if the descriptor has a scale.
    pub index: Option<Slot>,
    /// The value.
    pub value: Slot,
    /// Whether the object needs its write barrier afterwards.
    pub barrier: bool,
}

/// What one exit needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its frames, innermost first; `None` if there is nothing to rebuild.
    pub frames: Option<FrameId>,
    /// Virtual objects: a range of the unit's recipes, `Slot::Virtual(n)` being the `n`th of it.
    pub recipes: std::ops::Range<u32>,
    /// A range of the unit's pending stores.
    pub stores: std::ops::Range<u32>,
}

/// Number of a snapshot in its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId(pub u32);

/// All snapshots of a unit.
#[derive(Clone, Debug, Default)]
pub struct Snapshots {
    /// By [`SnapshotId`].
    pub snapshots: Vec<Snapshot>,
    /// By [`FrameId`].
    pub frames: Vec<Frame>,
    /// The frames' slots.
    pub slots: Vec<Slot>,
    /// Recipes, in the snapshots' ranges.
    pub recipes: Vec<Recipe>,
    /// Pending stores, in the snapshots' ranges.
    pub stores: Vec<PendingStore>,
}

impl Snapshots {
    /// Adds a frame.
    pub fn add_frame(&mut self, parent: Option<FrameId>, code: u32, position: u32, slots: &[Slot]) -> FrameId {
        let first = self.slots.len() as u32;
        self.slots.extend_from_slice(slots);
        self.frames.push(Frame { parent, code, position, first, count: slots.len() as u32 });
        FrameId(self.frames.len() as u32 - 1)
    }

    /// Changes the slots of all frames, recipes and pending stores.
    pub fn for_each_slot_mut(&mut self, mut change: impl FnMut(&mut Slot)) {
        self.slots.iter_mut().for_each(&mut change);
        self.recipes.iter_mut().flat_map(|recipe| &mut recipe.fields).for_each(|(_, slot)| change(slot));
        for store in &mut self.stores {
            change(&mut store.base);
            store.index.iter_mut().for_each(&mut change);
            change(&mut store.value);
        }
    }

    /// Adds a snapshot without virtual objects and pending stores.
    pub fn add(&mut self, frames: Option<FrameId>) -> SnapshotId {
        self.snapshots.push(Snapshot { frames, recipes: 0..0, stores: 0..0 });
        SnapshotId(self.snapshots.len() as u32 - 1)
    }

    /// The slots of a frame.
    pub fn slots_of(&self, frame: FrameId) -> &[Slot] {
        let frame = &self.frames[frame.0 as usize];
        &self.slots[frame.first as usize..][..frame.count as usize]
    }

    /// A chain of frames, innermost first.
    pub fn chain(&self, innermost: Option<FrameId>) -> impl Iterator<Item = FrameId> {
        std::iter::successors(innermost, |frame| self.frames[frame.0 as usize].parent)
    }
}

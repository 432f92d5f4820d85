//! What the walk must know of the source unit beforehand: how control reaches each label, which loops can be peeled, and until where values are used.
//!
//! # Terms
//! - A *region* is a label with what follows it up to its terminator; control may leave it at branches on the way.
//! - The *dominator* of a label is the branch or jump that all ways to the label pass last; there is none if the label is entered from outside or is the entry.
//! - A label is *elided* if nothing goes to it but the jump directly before it (and, perhaps, the back edge of a loop that is peeled): it joins nothing, and all that is known
//!   before it is known behind it.
//! - A loop *can be peeled* if it is one region that ends by jumping to its own label, has no other back edge, and none of its values is used behind it. (Traces are so. Other loops
//!   would need joins of values behind them, which their front end did not make.)
//!
//! Dominators are found as by Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001), on points within regions instead of blocks. For the usual unit with one label or two,
//! all this costs a glance at its branches.

use crate::ir::{FrameId, LabelId, OpCode, Ref, Slot, Unit};

/// What is known of a label.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Jumps and branches to it that come before it.
    pub forward: u32,
    /// Jumps and branches to it that come behind it.
    pub backward: u32,
    /// Entered from outside.
    pub exported: bool,
    /// See the module's header: index of the branch.
    pub dominator: Option<u32>,
    /// The last edge seen to it: the only one if there is but one.
    pub edge: u32,
    /// The jump that closes the loop, if it can be peeled.
    pub peel: Option<u32>,
    /// See the module's header.
    pub elided: bool,
}

/// See the module's header.
#[derive(Debug, Default)]
pub struct Cfg {
    /// By label.
    pub blocks: Vec<Block>,
    /// For each operation, the last one that uses its value (0 if none), if there are labels that are not elided. Else empty.
    last_uses: Vec<u32>,
    /// Source index of each region's label, in order.
    starts: Vec<u32>,
    edges: Vec<Edge>,
    dominators: Vec<Option<Point>>,
    frames_seen: Vec<bool>,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    from: Point,
    to: u32,
}

/// Behind operation `op`, which is in this region. Region numbers count from 1; 0 is outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    region: u32,
    op: u32,
}

const OUTSIDE: Point = Point { region: 0, op: 0 };

impl Cfg {
    /// Looks at `unit`; loops longer than `peel_limit` operations are not peeled.
    pub fn analyse(&mut self, unit: &Unit, peel_limit: usize) {
        self.find_edges(unit);
        self.find_dominators(unit);
        self.find_loops(unit, peel_limit);
        self.find_elided(unit);
        self.find_last_uses(unit);
    }

    /// Takes back that the loop at `label` is peeled; any loop if there is none.
    pub fn keep_loops(&mut self, unit: &Unit, label: Option<LabelId>) {
        for (number, block) in self.blocks.iter_mut().enumerate() {
            if label.is_none_or(|label| label.0 as usize == number) {
                block.peel = None;
            }
        }
        self.find_elided(unit);
        self.find_last_uses(unit);
    }

    /// The last operation that uses the value of `op`; 0 if none does, or if it does not matter in this unit.
    pub fn last_use(&self, op: usize) -> u32 {
        self.last_uses.get(op).copied().unwrap_or(0)
    }

    /// The block of a label.
    pub fn block(&self, label: u32) -> &Block {
        &self.blocks[label as usize]
    }

    fn find_edges(&mut self, unit: &Unit) {
        self.starts.clear();
        self.edges.clear();
        self.blocks.clear();
        let empty =
            Block { forward: 0, backward: 0, exported: false, dominator: None, edge: 0, peel: None, elided: false };
        self.blocks.resize(unit.labels.len(), empty);
        for export in &unit.exports {
            self.blocks[export.label.0 as usize].exported = true;
        }
        for (at, op) in unit.ops.iter().enumerate() {
            if op.code == OpCode::Label {
                self.starts.push(at as u32);
            } else if let Some((label, _)) = op.target() {
                let block = &mut self.blocks[label.0 as usize];
                let ahead = unit.labels[label.0 as usize] as usize > at;
                *(if ahead { &mut block.forward } else { &mut block.backward }) += 1;
                block.edge = at as u32;
                let from = Point { region: self.starts.len() as u32, op: at as u32 };
                self.edges.push(Edge { from, to: label.0 });
            }
        }
    }

    fn region_of(&self, unit: &Unit, label: u32) -> usize {
        self.starts.partition_point(|&start| start <= unit.labels[label as usize])
    }

    fn find_dominators(&mut self, unit: &Unit) {
        if self.starts.len() <= 1 {
            return;
        }
        self.dominators.clear();
        self.dominators.resize(self.starts.len() + 1, None);
        self.dominators[0] = Some(OUTSIDE);
        self.dominators[1] = Some(OUTSIDE);
        for label in 0..self.blocks.len() as u32 {
            if self.blocks[label as usize].exported {
                let region = self.region_of(unit, label);
                self.dominators[region] = Some(OUTSIDE);
            }
        }
        for number in 0..self.edges.len() {
            self.edges[number].to = self.region_of(unit, self.edges[number].to) as u32;
        }
        let mut changed = true;
        while changed {
            changed = false;
            for &Edge { from, to } in &self.edges {
                if self.dominators[from.region as usize].is_some() {
                    let old = self.dominators[to as usize];
                    let new = Some(old.map_or(from, |point| common(&self.dominators, from, point)));
                    changed |= new != old;
                    self.dominators[to as usize] = new;
                }
            }
        }
        for (region, &start) in self.starts.iter().enumerate() {
            let point = self.dominators[region + 1].filter(|point| point.region != 0);
            self.blocks[unit.ops[start as usize].a as usize].dominator = point.map(|point| point.op);
        }
    }

    fn find_loops(&mut self, unit: &Unit, peel_limit: usize) {
        for region in 0..self.starts.len() {
            let start = self.starts[region] as usize;
            let end = self.starts.get(region + 1).map_or(unit.ops.len(), |&next| next as usize) - 1;
            let label = unit.ops[start].a;
            let closes = unit.ops[end].code == OpCode::Jump && unit.ops[end].a == label;
            let block = &mut self.blocks[label as usize];
            if closes && block.backward == 1 && block.forward > 0 && end - start <= peel_limit {
                block.peel = Some(end as u32);
            }
        }
        if self.blocks.iter().any(|block| block.peel.is_some_and(|end| end as usize + 1 < unit.ops.len())) {
            self.find_uses_behind_loops(unit);
        }
    }

    /// Loops of which values are used behind them are not peeled.
    fn find_uses_behind_loops(&mut self, unit: &Unit) {
        let Cfg { blocks, starts, frames_seen, .. } = self;
        for_each_use_backwards(unit, 0..unit.ops.len(), frames_seen, |value, at| {
            let region = starts.partition_point(|&start| start as usize <= value) - 1;
            let block = &mut blocks[unit.ops[starts[region] as usize].a as usize];
            if block.peel.is_some_and(|end| at > end as usize) {
                block.peel = None;
            }
        });
    }

    fn find_elided(&mut self, unit: &Unit) {
        for (label, block) in self.blocks.iter_mut().enumerate() {
            let at = unit.labels[label];
            let alone = block.forward == 1 && !block.exported && (block.backward == 0 || block.peel.is_some());
            block.elided = alone && at != u32::MAX && at > 0 && {
                let before = unit.ops[at as usize - 1];
                before.code == OpCode::Jump && before.a as usize == label
            };
        }
    }

    fn find_last_uses(&mut self, unit: &Unit) {
        self.last_uses.clear();
        let joins = self.starts.iter().skip(1).any(|&start| !self.block(unit.ops[start as usize].a).elided);
        if joins {
            self.last_uses.resize(unit.ops.len(), 0);
            let Cfg { last_uses, frames_seen, .. } = self;
            for_each_use_backwards(unit, 0..unit.ops.len(), frames_seen, |value, at| {
                let last = &mut last_uses[value];
                *last = (*last).max(at as u32);
            });
        }
    }
}

/// The nearest point that dominates both.
fn common(dominators: &[Option<Point>], mut a: Point, mut b: Point) -> Point {
    while a.region != b.region {
        let later = if a.region > b.region { &mut a } else { &mut b };
        *later = dominators[later.region as usize].unwrap_or(OUTSIDE);
    }
    Point { region: a.region, op: a.op.min(b.op) }
}

/// Calls `visit` with each operation that is used in a range, and where, the last use of each frame only: backwards, so that it is seen first.
pub fn for_each_use_backwards(
    unit: &Unit,
    range: std::ops::Range<usize>,
    frames_seen: &mut Vec<bool>,
    mut visit: impl FnMut(usize, usize),
) {
    let all = &unit.snapshots;
    frames_seen.clear();
    frames_seen.resize(all.frames.len(), false);
    for at in range.rev() {
        let op = &unit.ops[at];
        let mut value = |value: Ref| value.as_op().into_iter().for_each(|used| visit(used, at));
        unit.for_each_operand(op, &mut value);
        let Some(snapshot) = op.snapshot() else { continue };
        let mut slot = |slot: Slot| match slot {
            Slot::Value(used) => value(used),
            Slot::Virtual(_) | Slot::Dead => {}
        };
        let snapshot = &all.snapshots[snapshot.0 as usize];
        let mut frame = snapshot.frames;
        while let Some(FrameId(number)) = frame
            && !frames_seen[number as usize]
        {
            frames_seen[number as usize] = true;
            all.slots_of(FrameId(number)).iter().copied().for_each(&mut slot);
            frame = all.frames[number as usize].parent;
        }
        for recipe in &all.recipes[snapshot.recipes.start as usize..snapshot.recipes.end as usize] {
            recipe.fields.iter().for_each(|&(_, value)| slot(value));
        }
        for store in &all.stores[snapshot.stores.start as usize..snapshot.stores.end as usize] {
            slot(store.base);
            store.index.into_iter().for_each(&mut slot);
            slot(store.value);
        }
    }
}

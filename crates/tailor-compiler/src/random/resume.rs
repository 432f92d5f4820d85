//! Snapshots that say how the rest of a unit is to be run: so that after any exit, of whatever became of the unit, the unit as it first was can be
//! resumed where the exit says and must end as if nothing had happened.
//!
//! # Terms
//! - A unit's guest positions ([`crate::ir::Position`]) are its *merge points*: places from which a guard may have the unit repeated, as an interpreter repeats
//!   the bytecode that a guard interrupted.
//! - The *resume point* of a guard is the last merge point before it in its block, if nothing but pure operations, loads, branches and other
//!   guards lies between; else the guard itself. A snapshot's frames have it as their position; for the exit behind a `CallUnit` it is the operation behind it, and
//!   the innermost frame has the code [`AFTER_CALL`].
//! - A unit's *number* tells units apart that call each other: the codes of its frames start at its number times [`CODES`].
//! - The frames' slots are the values that the rest of the unit needs, split among one to three frames, with some dead slots and constants in between.

use std::collections::HashMap;

use crate::interp::Exit;
use crate::ir::opcode::Class;
use crate::ir::{FrameId, OpCode, Ref, Slot, SnapshotId, Type, Unit};

/// The code of the innermost frame, counted from the unit's first, if the unit is to go on behind a call of a unit.
pub const AFTER_CALL: u32 = 100;

/// How many codes a unit has for itself.
pub const CODES: u32 = 1000;

/// Gives all guards, exits and calls of units the snapshots that the module's header describes, in place of what they had. `number` is the unit's.
pub fn attach(unit: &mut Unit, number: u32) {
    let points = resume_points(unit);
    let live = Liveness::new(unit, &points);
    let all = &mut unit.snapshots;
    all.snapshots.clear();
    all.frames.clear();
    all.slots.clear();
    all.recipes.clear();
    all.stores.clear();
    let mut made = HashMap::new();
    for (at, point) in points.iter().enumerate() {
        let Some(point) = *point else { continue };
        let call = unit.ops[at].code == OpCode::CallUnit;
        // A call's value belongs to nobody when its unit is left.
        let key = (point, call.then_some(at));
        let snapshot = *made.entry(key).or_insert_with(|| {
            let values = live.before(point).into_iter().filter(|&value| !call || value != at).collect::<Vec<_>>();
            let frames = frames(unit, number, point, call, &values);
            unit.snapshots.add(Some(frames))
        });
        let op = &mut unit.ops[at];
        match op.code {
            OpCode::Exit | OpCode::GuardValid => op.a = snapshot.0,
            _ => op.b = snapshot.0,
        }
    }
}

/// The frames for a resume point, innermost last made.
fn frames(unit: &mut Unit, number: u32, point: usize, call: bool, values: &[usize]) -> FrameId {
    let hash = point.wrapping_mul(0x9e37_79b9) >> 4;
    let count = 1 + hash % 3;
    let mut parent = None;
    for frame in (0..count).rev() {
        let share = values.len().div_ceil(count);
        // The outermost frame has the oldest values.
        let from = ((count - 1 - frame) * share).min(values.len());
        let to = (from + share).min(values.len());
        let mut slots: Vec<Slot> = values[from..to].iter().map(|&value| Slot::Value(Ref::op(value))).collect();
        if hash & 16 != 0 {
            slots.insert(slots.len() / 2, Slot::Dead);
        }
        if hash & 32 != 0 {
            let constant = match hash & 64 {
                0 => unit.int(point as i64 - 3),
                _ => unit.constant(Type::Float, (point as f64).to_bits()),
            };
            slots.push(Slot::Value(constant));
        }
        let code = if frame == 0 && call { AFTER_CALL } else { frame as u32 };
        parent = Some(unit.snapshots.add_frame(parent, number * CODES + code, point as u32, &slots));
    }
    parent.expect("there is at least one frame")
}

/// The resume point of each operation with a snapshot.
fn resume_points(unit: &Unit) -> Vec<Option<usize>> {
    let mut marks = unit.positions.iter().map(|position| position.op as usize).peekable();
    // The last merge point that can still be repeated.
    let mut mark = None;
    let mut points = Vec::with_capacity(unit.ops.len());
    for (at, op) in unit.ops.iter().enumerate() {
        while marks.next_if(|&next| next <= at).is_some() {
            mark = Some(at);
        }
        let mut point = None;
        match op.code.class() {
            Class::Guard => point = Some(mark.unwrap_or(at)),
            Class::Pure | Class::Load => {}
            _ if matches!(op.code, OpCode::BranchIf | OpCode::BranchUnless) => {}
            _ => {
                match op.code {
                    OpCode::Exit => point = Some(mark.unwrap_or(at)),
                    OpCode::CallUnit => point = Some(at + 1),
                    _ => {}
                }
                mark = None;
            }
        }
        points.push(point);
    }
    points
}

/// Which values are needed from each operation on.
struct Liveness {
    words: usize,
    sets: Vec<u64>,
}

impl Liveness {
    /// By iteration backwards until nothing changes (what a guard needs is what is needed at its resume point).
    fn new(unit: &Unit, points: &[Option<usize>]) -> Liveness {
        let words = unit.ops.len().div_ceil(64);
        let mut live = Liveness { words, sets: vec![0; words * unit.ops.len()] };
        let mut set = vec![0; words];
        loop {
            let mut changed = false;
            for (at, op) in unit.ops.iter().enumerate().rev() {
                set.fill(0);
                if op.code.class() != Class::Terminator {
                    live.add(&mut set, at + 1);
                }
                if let Some((label, _)) = op.target() {
                    live.add(&mut set, unit.labels[label.0 as usize] as usize);
                }
                if let Some(point) = points[at] {
                    live.add(&mut set, point);
                }
                set[at / 64] &= !(1 << (at % 64));
                unit.for_each_operand(op, |operand| {
                    if let Some(value) = operand.as_op() {
                        set[value / 64] |= 1 << (value % 64);
                    }
                });
                let old = &mut live.sets[at * words..][..words];
                changed |= old != set;
                old.copy_from_slice(&set);
            }
            if !changed {
                return live;
            }
        }
    }

    fn add(&self, set: &mut [u64], at: usize) {
        let other = &self.sets[at * self.words..][..self.words];
        set.iter_mut().zip(other).for_each(|(word, other)| *word |= other);
    }

    /// The operations whose values are needed at `at`, in order.
    fn before(&self, at: usize) -> Vec<usize> {
        let set = &self.sets[at * self.words..][..self.words];
        (0..self.words * 64).filter(|&value| set[value / 64] >> (value % 64) & 1 == 1).collect()
    }
}

/// What it takes to resume units after exits.
pub struct Resumer<'a> {
    units: Vec<&'a Unit>,
    /// The number of the unit, and a snapshot, by the innermost frame's code and position.
    snapshots: HashMap<(u32, u32), (usize, SnapshotId)>,
}

impl<'a> Resumer<'a> {
    /// For units, by their numbers, with snapshots as [`attach`] makes them.
    pub fn new(units: Vec<&'a Unit>) -> Self {
        let mut snapshots = HashMap::new();
        for (number, unit) in units.iter().enumerate() {
            let all = &unit.snapshots;
            let frames = unit.ops.iter().filter_map(|op| {
                let id = op.snapshot()?;
                let frame = all.frames[all.snapshots[id.0 as usize].frames?.0 as usize];
                Some(((frame.code, frame.position), (number, id)))
            });
            snapshots.extend(frames);
        }
        Resumer { units, snapshots }
    }

    /// Which unit goes on after `exit`, where, and with which values by operation.
    ///
    /// # Errors
    /// If the exit has other frames than there are at any place.
    pub fn resume(&self, exit: &Exit) -> Result<(&'a Unit, usize, Vec<u64>), String> {
        let first = exit.frames.first().ok_or("an exit without frames")?;
        let place = (first.code, first.position);
        let unknown = || format!("no guard has a frame {}@{}", first.code, first.position);
        let &(number, id) = self.snapshots.get(&place).ok_or_else(unknown)?;
        let unit = self.units[number];
        let all = &unit.snapshots;
        let expected: Vec<FrameId> = all.chain(all.snapshots[id.0 as usize].frames).collect();
        let mut values = vec![0; unit.ops.len()];
        if expected.len() != exit.frames.len() {
            return Err(format!("{} frames instead of {}", exit.frames.len(), expected.len()));
        }
        for (&id, found) in expected.iter().zip(&exit.frames) {
            let (frame, slots) = (all.frames[id.0 as usize], all.slots_of(id));
            if (frame.code, frame.position, slots.len()) != (found.code, found.position, found.words.len()) {
                return Err(format!("frame {}@{} is not as it was", found.code, found.position));
            }
            for (slot, &word) in slots.iter().zip(&found.words) {
                let Slot::Value(value) = *slot else { continue };
                if let Some(op) = value.as_op() {
                    values[op] = word;
                } else if let Some(constant) = value.as_constant()
                    && unit.constants[constant].1 != word
                {
                    return Err(format!("a constant of frame {}@{} has become {word:#x}", found.code, found.position));
                }
            }
        }
        Ok((unit, first.position as usize, values))
    }
}

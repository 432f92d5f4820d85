//! Rule 5 (and the dominance part of 7 and 13): a value is used only where its operation has been executed on every path.
//!
//! # Method
//! A *region* is a label with all that follows it up to the terminator: control enters it at the label only and goes through it in order, though it may leave it at
//! any branch on the way. The immediate dominator of a region is therefore a *point*: a branch in some other region, the
//! nearest that lies on all ways to its label. Points are found as in Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001); the list's order serves
//! where theirs needs the reverse postorder, since by rule 12 dominators come earlier. Region 0 is the world outside, which enters the unit
//! at its entry and at exported labels.
//!
//! Then one walk over the tree of dominators, which visits a region's children when it passes their points, gives each operation a time. A value's scope is
//! from its own time to the end of its region's visit: so each use is checked by two comparisons, and all is linear.

use super::{VerifyError, for_each_value};
use crate::ir::{OpCode, Ref, Unit};

/// A place in a region: behind operation `op`, or the world outside.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Point {
    region: u32,
    op: u32,
}

const OUTSIDE: Point = Point { region: 0, op: 0 };

/// Checks dominance in a unit whose shape is right.
pub fn check(unit: &Unit) -> Result<(), VerifyError> {
    let regions = Regions::new(unit);
    let dominators = regions.dominators(unit);
    let scopes = Scopes::new(unit, &regions, &dominators);
    for (at, op) in unit.ops.iter().enumerate() {
        let mut missing = None;
        let mut visit = |value: Ref| {
            if let Some(definition) = value.as_op()
                && !scopes.reaches(&regions, definition, at)
            {
                missing.get_or_insert(definition);
            }
        };
        unit.for_each_operand(op, &mut visit);
        if let Some(snapshot) = op.snapshot() {
            for_each_value(unit, snapshot, visit);
        }
        if let Some(value) = missing {
            let message = format!("%{value} has not been computed on every path to here");
            return Err(VerifyError { op: at, rule: 5, message });
        }
    }
    Ok(())
}

struct Regions {
    /// Of each operation, from 1.
    of: Vec<u32>,
    /// The operations that each begins with; that of the world outside is meaningless.
    starts: Vec<u32>,
}

impl Regions {
    fn new(unit: &Unit) -> Regions {
        let mut regions = Regions { of: Vec::with_capacity(unit.ops.len()), starts: vec![0] };
        for (at, op) in unit.ops.iter().enumerate() {
            if op.code == OpCode::Label {
                regions.starts.push(at as u32);
            }
            regions.of.push(regions.starts.len() as u32 - 1);
        }
        regions
    }

    /// The immediate dominator of each region.
    fn dominators(&self, unit: &Unit) -> Vec<Point> {
        let mut edges = Vec::new();
        let mut dominators = vec![None; self.starts.len()];
        dominators[0] = Some(OUTSIDE);
        dominators[1] = Some(OUTSIDE);
        for export in &unit.exports {
            dominators[self.of[unit.labels[export.label.0 as usize] as usize] as usize] = Some(OUTSIDE);
        }
        for (at, op) in unit.ops.iter().enumerate() {
            if let Some((label, _)) = op.target() {
                let to = self.of[unit.labels[label.0 as usize] as usize];
                edges.push((Point { region: self.of[at], op: at as u32 }, to));
            }
        }
        // By rule 12 the first time round reaches every region; later rounds account for jumps backwards.
        loop {
            let mut changed = false;
            for &(from, to) in &edges {
                if dominators[from.region as usize].is_none() {
                    continue;
                }
                let nearest = dominators[to as usize].map_or(from, |point| common(&dominators, from, point));
                changed |= dominators[to as usize] != Some(nearest);
                dominators[to as usize] = Some(nearest);
            }
            if !changed {
                return dominators.into_iter().map(|point| point.unwrap_or(OUTSIDE)).collect();
            }
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

struct Scopes {
    /// When each operation is passed.
    times: Vec<u32>,
    /// When each region has been left.
    ends: Vec<u32>,
}

impl Scopes {
    fn new(unit: &Unit, regions: &Regions, dominators: &[Point]) -> Scopes {
        // Children by their parents' points: visited in this order, they can be taken one by one from where their parent's begin.
        let mut children: Vec<u32> = (1..regions.starts.len() as u32).collect();
        children.sort_by_key(|&child| (dominators[child as usize].region, dominators[child as usize].op));
        let mut scopes = Scopes { times: vec![0; unit.ops.len()], ends: vec![0; regions.starts.len()] };
        let first_child = |region| children.partition_point(|&child| dominators[child as usize].region < region);
        let mut now = 0;
        // The regions under way: number, next operation, next child.
        let mut open = vec![(0, 0, 0)];
        while let Some((region, op, child)) = open.last_mut() {
            let next = children.get(*child).filter(|&&child| dominators[child as usize].region == *region);
            now += 1;
            if let Some(&next) = next
                && (*region == 0 || dominators[next as usize].op < *op)
            {
                *child += 1;
                open.push((next, regions.starts[next as usize], first_child(next)));
            } else if *region != 0 && regions.of.get(*op as usize) == Some(region) {
                scopes.times[*op as usize] = now;
                *op += 1;
            } else {
                scopes.ends[*region as usize] = now;
                open.pop();
            }
        }
        scopes
    }

    /// Whether the value of `definition` is there at `at`.
    fn reaches(&self, regions: &Regions, definition: usize, at: usize) -> bool {
        let end = self.ends[regions.of[definition] as usize];
        self.times[definition] < self.times[at] && self.times[at] < end
    }
}

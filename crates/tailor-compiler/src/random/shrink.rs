//! Makes a failing unit small: takes away operations, blocks and parameters as long as it still fails.
//!
//! A unit that was made smaller need not be sound any more (a loop may not end, an index may be out of bounds): the check finds that out at its first step, which is another failure
//! than the one that is looked for. What could not be found out without harm, the generator marks as essential.

use std::collections::BTreeMap;

use super::generate::Sample;
use super::memory::Layout;
use super::resume;
use super::shapes::{Kind, Shape};
use crate::ir::opcode::Class;
use crate::ir::{ListRange, OpCode, Position, Ref, Unit};

/// Operations that are to go, and what stands for their values.
type Gone = BTreeMap<usize, Option<Ref>>;

/// A sample that is as small as this module can make it, and for which `fails` holds as it does for `sample`.
pub fn shrink(layout: Layout, sample: Sample, fails: &mut dyn FnMut(&Sample) -> bool) -> Sample {
    let mut shrinker = Shrinker { layout, best: sample, fails };
    loop {
        let before = shrinker.size();
        for length in [32, 16, 8, 6, 4, 2] {
            shrinker.drop_ranges(length);
        }
        shrinker.drop_operations();
        shrinker.drop_marks();
        if shrinker.size() == before {
            return shrinker.best;
        }
    }
}

struct Shrinker<'a> {
    layout: Layout,
    /// The smallest sample that fails so far.
    best: Sample,
    fails: &'a mut dyn FnMut(&Sample) -> bool,
}

impl Shrinker<'_> {
    fn size(&self) -> usize {
        self.best.unit.ops.len() + self.best.unit.positions.len()
    }

    /// Takes `smaller` if it fails.
    fn attempt(&mut self, smaller: Sample) -> bool {
        let fails = (self.fails)(&smaller);
        if fails {
            self.best = smaller;
        }
        fails
    }

    /// Tries to take away so many operations in a row, as far as they can be.
    fn drop_ranges(&mut self, length: usize) {
        let mut end = self.best.unit.ops.len();
        while end > 0 {
            let start = end.saturating_sub(length);
            let range = (start..end.min(self.best.unit.ops.len())).filter(|&at| can_go(&self.best, at));
            let range: Vec<usize> = range.collect();
            if range.len() > 1 {
                let mut sample = self.best.clone();
                let gone = range.into_iter().map(|at| (at, self.constant(&mut sample, at))).collect();
                self.attempt(rebuild(&sample, &gone));
            }
            end = if length > 8 { start } else { end - 1 };
        }
    }

    /// Tries each operation alone, from the end: what comes late depends on what comes early.
    fn drop_operations(&mut self) {
        for at in (0..self.best.unit.ops.len()).rev() {
            if at >= self.best.unit.ops.len() {
                continue;
            }
            let op = self.best.unit.ops[at];
            if op.code == OpCode::Return && self.best.unit.elements(ListRange(op.a)).len() > 0 {
                let mut sample = self.best.clone();
                sample.unit.ops[at].a = sample.unit.list(&[]).0;
                self.attempt(rebuild(&sample, &Gone::new()));
            }
            if let Some(gone) = joined(&self.best.unit, at) {
                self.attempt(rebuild(&self.best, &gone));
            } else if can_go(&self.best, at) {
                self.drop_or_replace(at);
            }
        }
    }

    /// Lets a constant or an earlier value of the same kind stand for an operation's.
    fn drop_or_replace(&mut self, at: usize) {
        let mut sample = self.best.clone();
        let constant = self.constant(&mut sample, at);
        let kinds = &self.best.kinds;
        let earlier = (0..at).rev().filter(|&other| kinds[at].is_some() && kinds[other] == kinds[at]);
        let others: Vec<_> = earlier.take(2).map(|other| Some(Ref::op(other))).collect();
        for value in std::iter::once(constant).chain(others) {
            if self.attempt(rebuild(&sample, &Gone::from([(at, value)]))) {
                return;
            }
        }
    }

    fn drop_marks(&mut self) {
        for number in (0..self.best.unit.positions.len()).rev() {
            let mut sample = self.best.clone();
            sample.unit.positions.remove(number);
            self.attempt(rebuild(&sample, &Gone::new()));
        }
    }

    /// The constant that stands for an operation's value, if it has one.
    fn constant(&self, sample: &mut Sample, at: usize) -> Option<Ref> {
        sample.kinds[at].map(|kind| constant(self.layout, &mut sample.unit, kind))
    }
}

/// Whether an operation may be taken away, as far as can be seen.
fn can_go(sample: &Sample, at: usize) -> bool {
    let code = sample.unit.ops[at].code;
    // The entry's parameters are the world's.
    let of_entry = code == OpCode::Param && at <= super::generate::PARAMETERS.len();
    !(sample.essential[at] || of_entry || code == OpCode::Label || code.class() == Class::Terminator)
}

/// A jump at `at` and the label behind it, if nothing else goes there and nothing is passed.
fn joined(unit: &Unit, at: usize) -> Option<Gone> {
    let (label, arguments) = unit.ops[at].target().filter(|_| unit.ops[at].code == OpCode::Jump)?;
    unit.ops.get(at + 1).filter(|next| next.code == OpCode::Label && next.a == label.0)?;
    let times = unit.ops.iter().filter(|op| op.target().is_some_and(|(target, _)| target == label)).count();
    (times == 1 && unit.elements(arguments).len() == 0).then(|| Gone::from([(at, None), (at + 1, None)]))
}

fn constant(layout: Layout, unit: &mut Unit, kind: Kind) -> Ref {
    let word = match kind {
        Kind::Int | Kind::Truth => 1,
        Kind::Float => 1.5f64.to_bits(),
        Kind::Tagged | Kind::Maybe => layout.old(Shape::P, 0),
        Kind::Boxed => 2,
        Kind::Object(shape) => layout.old(shape, 0),
        Kind::Stack(word) => layout.stack_word(usize::from(word)),
    };
    unit.constant(kind.ty(), word)
}

/// The unit without some operations, whose values are replaced, and without blocks that nothing leads to any more.
fn rebuild(sample: &Sample, gone: &Gone) -> Sample {
    let old = &sample.unit;
    let reached = reached(old, gone);
    let mut new = Sample { unit: old.clone(), kinds: Vec::new(), essential: Vec::new() };
    let unit = &mut new.unit;
    unit.ops.clear();
    unit.lists.clear();
    unit.positions.clear();
    unit.labels.fill(u32::MAX);
    let mut names = vec![Ref::NONE; old.ops.len()];
    let mut positions = old.positions.iter().peekable();
    let mut skipping = false;
    for (at, op) in old.ops.iter().enumerate() {
        while let Some(position) = positions.next_if(|position| position.op as usize <= at) {
            unit.positions.push(Position { op: unit.ops.len() as u32, ..*position });
        }
        if op.code == OpCode::Label {
            skipping = !reached[op.a as usize];
        }
        if skipping {
            continue;
        }
        let name = |operand: Ref| operand.as_op().map_or(operand, |op| names[op]);
        if let Some(value) = gone.get(&at) {
            names[at] = value.map_or(Ref::NONE, name);
            continue;
        }
        let mut copy = *op;
        let fields = op.fields().zip([&mut copy.a, &mut copy.b, &mut copy.c]);
        for ((kind, word), field) in fields {
            match kind {
                b'i' | b'f' | b'r' | b'v' | b'o' => *field = name(Ref::from_word(word)).word(),
                b'*' => {
                    let first = op.target().map_or(0, |(label, _)| old.labels[label.0 as usize] as usize + 1);
                    let kept = |number: usize| op.target().is_none() || !gone.contains_key(&(first + number));
                    let values = old.elements(ListRange(word)).enumerate().filter(|&(number, _)| kept(number));
                    let values: Vec<Ref> = values.map(|(_, value)| name(value)).collect();
                    *field = unit.list(&values).0;
                }
                _ => {}
            }
        }
        if op.code == OpCode::Label {
            unit.labels[op.a as usize] = unit.ops.len() as u32;
        }
        names[at] = unit.push(copy);
        new.kinds.push(sample.kinds[at]);
        new.essential.push(sample.essential[at]);
    }
    if is_complete(&new.unit) {
        resume::attach(&mut new.unit, 0);
    }
    new
}

/// Whether every operand and label is there; what has lost one is refused by the verifier.
fn is_complete(unit: &Unit) -> bool {
    let mut complete = true;
    for op in &unit.ops {
        unit.for_each_operand(op, |operand| complete &= operand != Ref::NONE);
        complete &= op.target().is_none_or(|(label, _)| unit.labels[label.0 as usize] != u32::MAX);
    }
    complete
}

/// Which labels can be reached if some operations are not there.
fn reached(unit: &Unit, gone: &Gone) -> Vec<bool> {
    let mut reached = vec![false; unit.labels.len()];
    reached[unit.ops[0].a as usize] = true;
    let mut here = true;
    for (at, op) in unit.ops.iter().enumerate() {
        if op.code == OpCode::Label {
            // A label that goes together with the jump before it joins its block to that one.
            here = if gone.contains_key(&at) { here } else { reached[op.a as usize] };
            reached[op.a as usize] |= here;
        }
        if let Some((label, _)) = op.target()
            && here
            && !gone.contains_key(&at)
        {
            reached[label.0 as usize] = true;
        }
    }
    reached
}

//! Liveness: which registers are needed at each instruction.
//!
//! It is computed on the finished instructions, whatever passes made them, by the classical backward data flow. So it cannot disagree with the code.
//!
//! # Storage
//! A *row* is a sorted list of registers, stored once (but for collisions of hashes) however many instructions have it; each instruction has its row's place. An answer is a slice, without any allocation.

use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::code::{BitSet, BitSets, Code, Operation, Position, Register};

/// The rows of a function.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Lists, each after its length.
    pool: Vec<Register>,
    /// By instruction, the place of its row.
    rows: Vec<u32>,
}

impl Rows {
    /// The row of an instruction.
    pub fn before(&self, position: Position) -> &[Register] {
        self.row(self.rows[position as usize])
    }

    /// The row at a place.
    pub fn row(&self, place: u32) -> &[Register] {
        let (first, count) = (place as usize + 1, self.pool[place as usize].index());
        &self.pool[first..first + count]
    }
}

/// Fills the rows of `code` and of its calls.
pub(crate) fn compute(code: &mut Code) {
    let starts = block_starts(code);
    let count = code.register_count();
    // By position, where a block starts.
    let mut block_of = vec![0; code.len()];
    starts.iter().enumerate().for_each(|(block, &start)| block_of[start as usize] = block as u32);
    let end_of = |block: usize| starts.get(block + 1).copied().unwrap_or(code.len() as Position);
    // What is live at the beginning of each block, by its number in `starts`: at first what it needs itself; and what it sets.
    let mut at_start = BitSets::new(starts.len(), count);
    let mut sets = BitSets::new(starts.len(), count);
    for (block, &start) in starts.iter().enumerate() {
        for position in (start..end_of(block)).rev() {
            let operation = code.operation(position);
            operation.for_each_dest(|dest| {
                at_start.remove(block, dest.index());
                sets.insert(block, dest.index());
            });
            operation.for_each_use(|register| {
                if register.index() < count {
                    at_start.insert(block, register.index());
                }
            });
        }
    }
    let mut live = BitSet::new(count);
    // Makes `live` what is live at the end of a block; whether an earlier one follows it.
    let at_end = |block: usize, at_start: &BitSets, live: &mut BitSet| {
        let last = end_of(block) - 1;
        let mut back = false;
        live.clear();
        code.operation(last).for_each_successor(last, |next| {
            live.union_with(at_start.words(block_of[next as usize] as usize));
            back |= next <= last;
        });
        back
    };
    let (mut changed, mut any_back) = (true, true);
    while std::mem::take(&mut changed) && std::mem::take(&mut any_back) {
        for block in (0..starts.len()).rev() {
            any_back |= at_end(block, &at_start, &mut live);
            live.subtract(sets.words(block));
            changed |= at_start.unite(block, live.words());
        }
    }

    let mut pool = Pool::new(count);
    let mut rows = vec![0; code.len()];
    let mut across = Vec::new();
    let mut kept = BitSet::new(count);
    for (block, &start) in starts.iter().enumerate() {
        at_end(block, &at_start, &mut live);
        for position in (start..end_of(block)).rev() {
            let operation = code.operation(position);
            if let Operation::Call { .. } = operation {
                kept.copy_from(live.words());
                operation.for_each_dest(|dest| kept.remove(dest.index()));
                across.push((position, pool.place(&kept)));
            }
            operation.for_each_dest(|dest| live.remove(dest.index()));
            operation.for_each_use(|register| {
                if register.index() < count {
                    live.insert(register.index());
                }
            });
            rows[position as usize] = pool.place(&live);
        }
    }
    for (position, place) in across {
        let number = code.instructions()[position as usize].x;
        code.calls_mut()[number as usize].live_across = place;
    }
    code.set_live(Rows { pool: pool.rows, rows });
}

/// Where blocks begin: at the entry, at targets, and behind instructions that do not just go on.
fn block_starts(code: &Code) -> Vec<Position> {
    let mut is_start = vec![false; code.len() + 1];
    is_start[0] = true;
    for position in 0..code.len() as Position {
        let operation = code.operation(position);
        let (mut count, mut goes_on) = (0, false);
        operation.for_each_successor(position, |next| {
            count += 1;
            goes_on |= next == position + 1;
        });
        if !(goes_on && count == 1) {
            is_start[position as usize + 1] = true;
            operation.for_each_successor(position, |target| is_start[target as usize] = true);
        }
    }
    (0..code.len() as Position).filter(|&position| is_start[position as usize]).collect()
}

/// Rows, each stored once, as a rule.
struct Pool {
    rows: Vec<Register>,
    /// The sets that they stand for, one after the other, and the rows' places.
    sets: Vec<u64>,
    places: Vec<u32>,
    /// Words a set.
    width: usize,
    /// By hash, the number of the last set that has it.
    numbers: FxHashMap<u64, u32>,
    /// What was asked for last: half of the instructions need what their neighbours need.
    last: usize,
}

impl Pool {
    /// For sets of registers below `bound`.
    fn new(bound: usize) -> Pool {
        let width = BitSet::new(bound).words().len();
        let (rows, sets, places, numbers) = (Vec::new(), Vec::new(), Vec::new(), FxHashMap::default());
        Pool { rows, sets, places, width, numbers, last: 0 }
    }

    fn is(&self, number: usize, live: &BitSet) -> bool {
        number < self.places.len() && self.sets[number * self.width..][..self.width] == *live.words()
    }

    fn place(&mut self, live: &BitSet) -> u32 {
        if !self.is(self.last, live) {
            self.last = self.number(live);
        }
        self.places[self.last]
    }

    fn number(&mut self, live: &BitSet) -> usize {
        let hash = FxBuildHasher.hash_one(live.words());
        if let Some(&number) = self.numbers.get(&hash)
            && self.is(number as usize, live)
        {
            return number as usize;
        }
        let (number, place) = (self.places.len(), self.rows.len());
        self.rows.push(Register(0));
        self.rows.extend(live.iter().map(|register| Register(register as u16)));
        self.rows[place] = Register((self.rows.len() - place - 1) as u16);
        self.sets.extend_from_slice(live.words());
        self.places.push(place as u32);
        self.numbers.insert(hash, number as u32);
        number
    }
}

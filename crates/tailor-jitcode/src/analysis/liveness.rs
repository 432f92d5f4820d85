//! Liveness: which registers are needed at each instruction.
//!
//! It is computed on the finished instructions, whatever passes made them, by the classical backward data flow. So it cannot disagree with the code.
//!
//! # Storage
//! A *row* is a sorted list of registers, stored once however many instructions have it; each instruction has its row's place. An answer is a slice, without any allocation.

use rustc_hash::FxHashMap;

use crate::code::{BitSet, Code, Operation, Position, Register};

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
    // What is live at the beginning of each block, by its number in `starts`.
    let mut at_start = vec![BitSet::new(count); starts.len()];
    // By position, where a block starts.
    let mut block_of = vec![0; code.len()];
    starts.iter().enumerate().for_each(|(block, &start)| block_of[start as usize] = block);
    let end_of = |block: usize| starts.get(block + 1).copied().unwrap_or(code.len() as Position);
    let at_end = |block: usize, at_start: &[BitSet]| {
        let last = end_of(block) - 1;
        let mut live = BitSet::new(count);
        code.operation(last).for_each_successor(last, |next| {
            live.union_with(&at_start[block_of[next as usize]]);
        });
        live
    };
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for block in (0..starts.len()).rev() {
            let mut live = at_end(block, &at_start);
            for position in (starts[block]..end_of(block)).rev() {
                step_back(code, position, &mut live);
            }
            changed |= at_start[block].union_with(&live);
        }
    }

    let mut pool = Pool::default();
    let mut rows = vec![0; code.len()];
    let mut across = Vec::new();
    for (block, &start) in starts.iter().enumerate() {
        let mut live = at_end(block, &at_start);
        for position in (start..end_of(block)).rev() {
            if let Operation::Call { .. } = code.operation(position) {
                let mut kept = live.clone();
                code.operation(position).for_each_dest(|dest| kept.remove(dest.index()));
                across.push((position, pool.place(&kept)));
            }
            step_back(code, position, &mut live);
            rows[position as usize] = pool.place(&live);
        }
    }
    for (position, place) in across {
        let number = code.instructions()[position as usize].x;
        code.calls_mut()[number as usize].live_across = place;
    }
    code.set_live(Rows { pool: pool.words, rows });
}

/// From what is live after an instruction to what is live before it.
fn step_back(code: &Code, position: Position, live: &mut BitSet) {
    let operation = code.operation(position);
    operation.for_each_dest(|dest| live.remove(dest.index()));
    operation.for_each_use(|register| {
        if register.index() < code.register_count() {
            live.insert(register.index());
        }
    });
}

/// Where blocks begin: at the entry, at targets, and behind instructions that do not just go on.
fn block_starts(code: &Code) -> Vec<Position> {
    let mut is_start = vec![false; code.len() + 1];
    is_start[0] = true;
    for position in 0..code.len() as Position {
        let mut falls_through = false;
        let mut targets = Vec::new();
        code.operation(position).for_each_successor(position, |next| targets.push(next));
        if targets == [position + 1] {
            falls_through = true;
        }
        if !falls_through {
            is_start[position as usize + 1] = true;
            targets.into_iter().for_each(|target| is_start[target as usize] = true);
        }
    }
    (0..code.len() as Position).filter(|&position| is_start[position as usize]).collect()
}

/// Rows, each stored once.
#[derive(Default)]
struct Pool {
    words: Vec<Register>,
    places: FxHashMap<BitSet, u32>,
}

impl Pool {
    fn place(&mut self, live: &BitSet) -> u32 {
        if let Some(&place) = self.places.get(live) {
            return place;
        }
        let place = self.words.len() as u32;
        self.words.push(Register(0));
        self.words.extend(live.iter().map(|register| Register(register as u16)));
        self.words[place as usize] = Register((self.words.len() - place as usize - 1) as u16);
        self.places.insert(live.clone(), place);
        place
    }
}

//! Liveness: which registers are needed at each instruction.
//!
//! It is computed on the finished instructions, whatever passes made them, by the classical backward data flow. So it cannot disagree with the code.
//!
//! # Storage
//! A *row* is a sorted list of registers, stored once however many instructions have it; each instruction has its row's place. An answer is a slice, without any allocation.

use rustc_hash::FxHashMap;

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
    // What is live at the beginning of each block, by its number in `starts`.
    let mut at_start = BitSets::new(starts.len(), count);
    // By position, where a block starts.
    let mut block_of = vec![0; code.len()];
    starts.iter().enumerate().for_each(|(block, &start)| block_of[start as usize] = block);
    let end_of = |block: usize| starts.get(block + 1).copied().unwrap_or(code.len() as Position);
    // Makes `live` what is live at the end of a block.
    let at_end = |block: usize, at_start: &BitSets, live: &mut BitSet| {
        let last = end_of(block) - 1;
        live.clear();
        code.operation(last).for_each_successor(last, |next| {
            live.union_with(at_start.words(block_of[next as usize]));
        });
    };
    // What each block needs from before it, and what it sets.
    let (mut needs, mut sets) = (BitSets::new(starts.len(), count), BitSets::new(starts.len(), count));
    let (mut live, mut set) = (BitSet::new(count), BitSet::new(count));
    for (block, &start) in starts.iter().enumerate() {
        live.clear();
        set.clear();
        for position in (start..end_of(block)).rev() {
            step_back(code, position, &mut live);
            code.operation(position).for_each_dest(|dest| _ = set.insert(dest.index()));
        }
        needs.unite(block, live.words());
        sets.unite(block, set.words());
    }
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for block in (0..starts.len()).rev() {
            at_end(block, &at_start, &mut live);
            live.subtract(sets.words(block));
            live.union_with(needs.words(block));
            changed |= at_start.unite(block, live.words());
        }
    }

    let mut pool = Pool::default();
    let mut rows = vec![0; code.len()];
    let mut across = Vec::new();
    let mut kept = BitSet::new(count);
    for (block, &start) in starts.iter().enumerate() {
        at_end(block, &at_start, &mut live);
        for position in (start..end_of(block)).rev() {
            if let Operation::Call { .. } = code.operation(position) {
                kept.copy_from(live.words());
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

/// Rows, each stored once.
#[derive(Default)]
struct Pool {
    words: Vec<Register>,
    places: FxHashMap<BitSet, u32>,
    /// What was asked for last, and its place: half of the instructions need what their neighbours need.
    last: Option<(BitSet, u32)>,
}

impl Pool {
    fn place(&mut self, live: &BitSet) -> u32 {
        if let Some((last, place)) = &self.last
            && last == live
        {
            return *place;
        }
        let place = self.place_of_other(live);
        match &mut self.last {
            Some((last, known)) => {
                last.copy_from(live.words());
                *known = place;
            }
            None => self.last = Some((live.clone(), place)),
        }
        place
    }

    fn place_of_other(&mut self, live: &BitSet) -> u32 {
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

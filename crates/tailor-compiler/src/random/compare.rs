//! Compares what two runs have left behind: memory, calls, and the words that they ended with.
//!
//! # What is equal
//! Old objects lie at the same addresses in all runs; new ones do not, since an optimised unit allocates less and later. So words are compared up to a one-to-one
//! correspondence of new objects, which is found on the way: an object of one run corresponds to that of the other which is met at the same place, and then
//! their words are compared as well. Objects that nothing leads to do not count.
//! Two NaNs are equal whatever their bits, which are not specified.

use std::collections::HashMap;

use super::memory::{Layout, State};
use super::shapes::BOXING;
use crate::interp::Outcome;

/// How a run ended and what it left behind.
#[derive(Clone, Debug)]
pub struct End {
    /// How it ended.
    pub outcome: Outcome,
    /// What it left behind.
    pub state: State,
}

/// What of an outcome is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exits {
    /// The frames: for runs of different units.
    ByFrames,
    /// The frames, and by which guard and snapshot the unit was left: for runs of the same unit.
    Exactly,
}

/// Compares two runs in the world that lies at `layout`.
///
/// # Errors
/// Where they differ.
pub fn compare(layout: Layout, a: &End, b: &End, exits: Exits) -> Result<(), String> {
    let mut comparison = Comparison {
        layout,
        a: &a.state,
        b: &b.state,
        starts: [starts(&a.state.heap), starts(&b.state.heap)],
        partners: HashMap::new(),
        reverse: HashMap::new(),
        open: Vec::new(),
    };
    comparison.outcomes(&a.outcome, &b.outcome, exits)?;
    comparison.words("memory", &a.state.old, &b.state.old)?;
    comparison.words("calls", &a.state.calls, &b.state.calls)?;
    comparison.objects()
}

struct Comparison<'a> {
    layout: Layout,
    a: &'a State,
    b: &'a State,
    /// Which word of the heap starts an object: for each run the words of each object's start, in order.
    starts: [Vec<u32>; 2],
    /// New objects of `b` by those of `a`, both as words of the heap; and the reverse.
    partners: HashMap<u32, u32>,
    reverse: HashMap<u32, u32>,
    /// Pairs whose words have not been compared yet.
    open: Vec<(u32, u32)>,
}

/// Where the objects of a heap start.
fn starts(heap: &[u64]) -> Vec<u32> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < heap.len() {
        starts.push(at as u32);
        // A header without a size can be no object; what is behind it is not compared.
        let words = (heap[at] >> 16 & 0xfff) as usize;
        at += words.max(1);
    }
    starts
}

impl Comparison<'_> {
    fn outcomes(&mut self, a: &Outcome, b: &Outcome, exits: Exits) -> Result<(), String> {
        match (a, b) {
            (Outcome::Returned(a), Outcome::Returned(b)) => self.words("returned words", a, b),
            (Outcome::Exited(a), Outcome::Exited(b)) if a.len() == b.len() => {
                for (a, b) in a.iter().zip(b) {
                    if exits == Exits::Exactly && (a.snapshot, a.op) != (b.snapshot, b.op) {
                        return Err(format!("left by operation {} and by {}", a.op, b.op));
                    }
                    if a.frames.len() != b.frames.len() {
                        return Err(format!("{} frames and {}", a.frames.len(), b.frames.len()));
                    }
                    for (a, b) in a.frames.iter().zip(&b.frames) {
                        if (a.code, a.position) != (b.code, b.position) {
                            return Err(format!("frame at {}@{} and at {}@{}", a.code, a.position, b.code, b.position));
                        }
                        self.words(&format!("frame {}@{}", a.code, a.position), &a.words, &b.words)?;
                    }
                }
                Ok(())
            }
            _ if a == b => Ok(()),
            _ => Err(format!("{a:x?} and {b:x?}")),
        }
    }

    fn words(&mut self, what: &str, a: &[u64], b: &[u64]) -> Result<(), String> {
        if a.len() != b.len() {
            return Err(format!("{what}: {} words and {}: {a:x?} and {b:x?}", a.len(), b.len()));
        }
        for (number, (&a, &b)) in a.iter().zip(b).enumerate() {
            self.word(a, b).map_err(|error| format!("{what}, word {number}: {error}"))?;
        }
        Ok(())
    }

    fn word(&mut self, a: u64, b: u64) -> Result<(), String> {
        let found = [self.object(0, a), self.object(1, b)];
        let ((a_start, a_inside), (b_start, b_inside)) = match found {
            [None, None] => {
                let both_nan = f64::from_bits(a).is_nan() && f64::from_bits(b).is_nan();
                return if a == b || both_nan { Ok(()) } else { Err(format!("{a:#x} and {b:#x}")) };
            }
            [Some(a), Some(b)] => (a, b),
            _ => return Err(format!("{a:#x} and {b:#x}, only one of which is a new object")),
        };
        if a_inside != b_inside {
            return Err(format!("{a_inside} bytes into an object and {b_inside}"));
        }
        // Which boxes are the same object, nobody can tell.
        if self.a.heap[a_start as usize] == BOXING.header {
            self.open.push((a_start, b_start));
            return Ok(());
        }
        let partner = *self.partners.entry(a_start).or_insert(b_start);
        let back = *self.reverse.entry(b_start).or_insert(a_start);
        if (partner, back) != (b_start, a_start) {
            return Err(format!("{a:#x} and {b:#x}, which are different new objects elsewhere"));
        }
        self.open.push((a_start, b_start));
        Ok(())
    }

    /// The new object of run `run` that an address points into: the word that it starts at, and bytes from there.
    fn object(&self, run: usize, address: u64) -> Option<(u32, u64)> {
        if !self.layout.in_heap(address) {
            return None;
        }
        let bytes = address - self.layout.heap_start();
        let number = self.starts[run].partition_point(|&start| u64::from(start) * 8 <= bytes);
        let start = *self.starts[run].get(number.checked_sub(1)?)?;
        Some((start, bytes - u64::from(start) * 8))
    }

    fn objects(&mut self) -> Result<(), String> {
        let mut done = std::collections::HashSet::new();
        while let Some((a, b)) = self.open.pop() {
            if !done.insert((a, b)) {
                continue;
            }
            let words = |heap: &[u64], start: u32| {
                let start = start as usize;
                let length = (heap[start] >> 16 & 0xfff) as usize;
                heap[start..(start + length.max(1)).min(heap.len())].to_vec()
            };
            let (x, y) = (words(&self.a.heap, a), words(&self.b.heap, b));
            self.words(&format!("new object at word {a} and at {b}"), &x, &y)?;
        }
        Ok(())
    }
}

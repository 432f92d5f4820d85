//! The trail: what has been learnt, in order, so that it can be forgotten where it does not hold.
//!
//! Everything learnt about values (facts, constants that replace them, expressions that are there to be shared) holds in what is dominated by the place where it was
//! learnt. The walk goes through the list in order; when it comes to a label, all that was learnt since the label's immediate dominator (a branch or jump,
//! see [`cfg`](mod@super::cfg)) is undone, youngest first, as in a backtracking search.
//!
//! # Marks
//! For each branch passed, [`Trail::mark`] notes how long the trail was. Undoing down to a mark invalidates all later marks: they are lowered to the same length, for what
//! stands there afterwards was learnt elsewhere. Marks form a stack of non-decreasing lengths; each is merged at most once, so this is linear.
//! The price: a label whose dominator lies before another label that was visited between forgets a little more than it had to.

use super::facts::Fact;

/// Something that can be undone.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// The fact of this operation was another.
    Fact(u32, Fact),
    /// This operation's value was not replaced by a constant.
    Replaced(u32),
    /// This entry of the table of expressions was empty.
    Expression(u32),
}

/// See the module's header.
#[derive(Debug, Default)]
pub struct Trail {
    events: Vec<Event>,
    /// Source operation, and the trail's length when it was passed.
    marks: Vec<(u32, u32)>,
}

impl Trail {
    pub fn clear(&mut self) {
        self.events.clear();
        self.marks.clear();
    }

    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Notes that source operation `at` is passed now; they come in increasing order.
    pub fn mark(&mut self, at: usize) {
        self.marks.push((at as u32, self.events.len() as u32));
    }

    /// How long the trail was when `at` was passed, as far as that still stands.
    pub fn length_at(&self, at: usize) -> usize {
        let after = self.marks.partition_point(|&(mark, _)| mark <= at as u32);
        after.checked_sub(1).map_or(0, |before| self.marks[before].1 as usize)
    }

    /// The youngest event, if there are more than `length`; it is to be undone by the caller.
    pub fn pop_beyond(&mut self, length: usize) -> Option<Event> {
        if self.events.len() > length { self.events.pop() } else { None }
    }

    /// Lowers the marks after everything beyond `length` has been undone.
    pub fn lower_marks(&mut self, length: usize) {
        let mut lowest = None;
        while let Some(&(at, mark)) = self.marks.last()
            && mark as usize > length
        {
            self.marks.pop();
            lowest = Some(at);
        }
        if let Some(at) = lowest {
            self.marks.push((at, length as u32));
        }
    }
}

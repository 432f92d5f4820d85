//! Parallel moves: many locations change at once, as if all were read before any is written.
//!
//! # Method
//! A move is done once nobody needs what its target holds. What remains then are cycles; in each, one target's content is put aside first, and whoever reads it
//! reads it there. At most one thing is aside at a time, since a cycle is finished before the next is opened. (May 1989 proves the like correct; Rideau,
//! Serpette and Leroy 2008 mechanically.)

use super::target::{Loc, Place};

/// What is to be done, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The move with this number.
    Move(usize),
    /// Put aside what this location holds.
    Aside(Loc),
    /// The move with this number, from what has been put aside.
    FromAside(usize),
}

/// The resolver; it keeps its memory.
#[derive(Debug, Default)]
pub struct Resolver {
    /// By target: how many moves that are not done read it.
    readers: Vec<u32>,
    done: Vec<bool>,
    /// Targets that are not registers, with the move that writes them.
    others: Vec<(Loc, u32)>,
    ready: Vec<u32>,
    steps: Vec<Step>,
}

impl Resolver {
    /// Orders moves, given as target and source; targets are all different.
    pub fn resolve(&mut self, moves: &[(Loc, Loc)]) -> &[Step] {
        let Resolver { readers, done, others, ready, steps } = self;
        readers.clear();
        readers.resize(moves.len(), 0);
        done.clear();
        done.resize(moves.len(), false);
        others.clear();
        ready.clear();
        steps.clear();
        // Which move writes a register.
        let mut writers = [None; 64];
        for (number, &(to, from)) in moves.iter().enumerate() {
            if to == from {
                done[number] = true;
            } else if let Some(register) = to.as_reg() {
                writers[usize::from(register.0)] = Some(number as u32);
            } else {
                others.push((to, number as u32));
            }
        }
        let writer = |loc: Loc| match loc.place() {
            Place::Reg(register) => writers[usize::from(register.0)],
            Place::Constant | Place::None | Place::Folded => None,
            _ => others.iter().find(|(other, _)| *other == loc).map(|&(_, number)| number),
        };
        for (number, &(_, from)) in moves.iter().enumerate() {
            if !done[number]
                && let Some(blocked) = writer(from)
            {
                readers[blocked as usize] += 1;
            }
        }
        // Constants last: to make one may take what puts things aside.
        let constant = |number: usize| moves[number].1 == Loc::CONSTANT;
        ready.extend((0..moves.len()).filter(|&n| !done[n] && !constant(n) && readers[n] == 0).map(|n| n as u32));
        let mut next = 0;
        loop {
            while let Some(number) = ready.pop() {
                let number = number as usize;
                steps.push(Step::Move(number));
                done[number] = true;
                if let Some(freed) = writer(moves[number].1) {
                    readers[freed as usize] -= 1;
                    if readers[freed as usize] == 0 && !constant(freed as usize) {
                        ready.push(freed);
                    }
                }
            }
            while next < moves.len() && (done[next] || constant(next)) {
                next += 1;
            }
            if next == moves.len() {
                break;
            }
            // A cycle: follow it from here, backwards, until the one that reads this target.
            let mut number = next;
            steps.push(Step::Aside(moves[number].0));
            loop {
                done[number] = true;
                let source = writer(moves[number].1).expect("what is left are cycles") as usize;
                if source == next {
                    steps.push(Step::FromAside(number));
                    break;
                }
                steps.push(Step::Move(number));
                number = source;
            }
        }
        steps.extend((0..moves.len()).filter(|&number| constant(number)).map(Step::Move));
        steps
    }
}

//! Whether two pieces of threaded code do the same: on every path, the same handlers are called in the same order with the same operands.
//!
//! Both are followed side by side. At a branch both sides are; a pair of places that has been met before is assumed to be right, as it is being checked already. So this is a bisimulation (Park 1981; Milner
//! 1989), and one piece may hold what the other has once any number of times.

use std::collections::HashSet;
use std::fmt;

use super::{Step, Threaded};

/// The first places at which two pieces of threaded code differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The place in the first, with what is done there; none if it goes round for ever without doing anything.
    pub left: (usize, Option<Step>),
    /// The same of the second.
    pub right: (usize, Option<Step>),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = (&self.left, &self.right);
        write!(f, "at {} there is {:?}, at {} there is {:?}", left.0, left.1, right.0, right.1)
    }
}

/// Whether both do the same.
///
/// # Errors
/// Where they differ.
pub fn equivalent(left: &Threaded, right: &Threaded) -> Result<(), Difference> {
    let mut met = HashSet::new();
    let mut pairs = vec![(0, 0)];
    while let Some(pair) = pairs.pop() {
        if !met.insert(pair) {
            continue;
        }
        let (left, right) = (next(left, pair.0), next(right, pair.1));
        let behind = (left.0 + 1, right.0 + 1);
        match (left.1, right.1) {
            (Some(Step::Call(one)), Some(Step::Call(other))) if one == other => pairs.push(behind),
            (Some(Step::Branch(one, to)), Some(Step::Branch(other, other_to))) if one == other => {
                pairs.extend([behind, (to, other_to)]);
            }
            (Some(Step::Return(one)), Some(Step::Return(other))) if one == other => {}
            (None, None) => {}
            _ => return Err(Difference { left, right }),
        }
    }
    Ok(())
}

/// The first step from a place on that does something.
fn next(code: &Threaded, mut place: usize) -> (usize, Option<Step>) {
    for _ in 0..=code.steps.len() {
        match code.steps[place] {
            Step::Jump(to) => place = to,
            step => return (place, Some(step)),
        }
    }
    (place, None)
}

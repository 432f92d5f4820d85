//! Cutting a trace into its segments, and stitching them into a tree.
//!
//! A guard becomes a branch to the segment that was recorded for its other side. Which one that is follows from the order alone: guards wait on a stack, and each cut gives what follows to the last of
//! them, as the traverse stack did. Ends of segments become returns and jumps to labels. So the only edges that are not the tree's are those back to where loops begin.

use std::collections::HashMap;

use super::traverse::{End, Recorded, Trace};
use crate::threaded::{Step, Threaded};

/// The threaded code that a trace stands for.
pub fn stitch(trace: &Trace) -> Threaded {
    let mut steps = Vec::new();
    let mut labels = HashMap::new();
    // Branches that have no segment yet.
    let mut waiting = Vec::new();
    for step in &trace.steps {
        match *step {
            Recorded::Label(pc) => {
                labels.insert(pc, steps.len());
            }
            Recorded::Call(at) => steps.push(Step::Call(at)),
            Recorded::Guard(at) => {
                waiting.push(steps.len());
                steps.push(Step::Branch(at, 0));
            }
            Recorded::CutHere(end, _) => {
                steps.push(match end {
                    End::Return(at) => Step::Return(at),
                    // A path ends at labels that it has met.
                    End::Jump(label) => Step::Jump(labels[&label]),
                });
                let segment = steps.len();
                if let Some(guard) = waiting.pop()
                    && let Step::Branch(_, to) = &mut steps[guard]
                {
                    *to = segment;
                }
            }
        }
    }
    Threaded { steps }
}

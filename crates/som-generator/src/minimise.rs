//! Makes a failing program smaller by leaving parts out.
//!
//! Delta debugging (Zeller and Hildebrandt, 2002), in the simple form that tries to leave out ever smaller runs of
//! parts.

use std::collections::BTreeSet;

/// The parts that a program of `parts` parts can do without, as far as `still_fails` says.
pub fn minimise(parts: usize, mut still_fails: impl FnMut(&BTreeSet<usize>) -> bool) -> BTreeSet<usize> {
    let mut out = BTreeSet::new();
    let mut run = parts.div_ceil(2).max(1);
    loop {
        let mut progress = false;
        for start in (0..parts).step_by(run) {
            let mut candidate = out.clone();
            candidate.extend(start..(start + run).min(parts));
            if candidate.len() > out.len() && still_fails(&candidate) {
                out = candidate;
                progress = true;
            }
        }
        if run > 1 {
            run = run.div_ceil(2);
        } else if !progress {
            return out;
        }
    }
}

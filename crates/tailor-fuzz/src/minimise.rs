//! Makes a function that differs smaller, by leaving out parts of it and of what it calls.
//!
//! Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) in its simple form: ever smaller runs of parts are left out,
//! as long as the rest still compiles and still differs. Leaving out an outer part leaves out what is within, so the long runs, tried first, do most of the work.

use std::collections::BTreeSet;

use crate::generate::{Program, Selection};

/// What is left of function `name`, as far as `differs` says.
pub fn minimise(program: &Program, name: &str, mut differs: impl FnMut(&Selection) -> bool) -> Selection {
    let mut smallest = Selection { only: Some(name.to_string()), without: BTreeSet::new() };
    let mut run = program.parts(&smallest).len().div_ceil(2).max(1);
    loop {
        let mut progress = false;
        // Functions that are no longer called take their parts with them.
        let parts = program.parts(&smallest);
        for run in parts.chunks(run) {
            let mut candidate = smallest.clone();
            candidate.without.extend(run);
            if text(program, &candidate) != text(program, &smallest) && differs(&candidate) {
                smallest = candidate;
                progress = true;
            }
        }
        if run > 1 {
            run = run.div_ceil(2);
        } else if !progress {
            return smallest;
        }
    }
}

/// The sources that are left.
pub fn text(program: &Program, selection: &Selection) -> String {
    program.sources(selection).into_iter().map(|(_, source)| source).collect()
}

#[cfg(test)]
mod tests {
    use super::{minimise, text};
    use crate::generate::{Selection, generate};

    #[test]
    fn all_but_what_matters_goes() {
        let program = generate(2, 30);
        let with_log = |f: &&crate::generate::Function| {
            let only = Selection { only: Some(f.signature.name.clone()), ..Selection::default() };
            f.signature.is_entry() && text(&program, &only).contains("w.log(")
        };
        let name =
            program.functions.iter().find(with_log).expect("a function that leaves marks").signature.name.clone();
        let smallest = minimise(&program, &name, |candidate| text(&program, candidate).contains("w.log("));
        let rest = text(&program, &smallest);
        assert!(rest.contains("w.log("), "{rest}");
        let before = text(&program, &Selection { only: Some(name), ..Selection::default() });
        assert!(rest.len() * 2 < before.len(), "from {} to {} bytes:\n{rest}", before.len(), rest.len());
    }
}

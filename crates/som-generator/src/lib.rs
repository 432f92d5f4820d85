//! Random SOM programs, and what is needed to find bugs of a virtual machine with them.
//!
//! [`generate`] makes a well-formed program that ends and prints as it goes; the same seed and size give the same
//! program for ever within a version of this crate. [`Program::write`] puts it into files, in one of several
//! [forms](Form) of the same meaning. [`check`] runs it in two forms on [`som::Vm`], interpreted and compiled, and compares what they print: a
//! difference is a bug, as is a panic. The program `som-fuzz` does this for as long as wanted, in processes of their
//! own, and survives what the VM does not.
//!
//! | module | what |
//! |---|---|
//! | `generate` | makes trees |
//! | `tree` | the tree; taking parts out of it |
//! | `write` | tree to source, in several forms |
//! | `run` | runs and compares |
//! | `ways` | chooses how programs are executed |
//! | `minimise` | makes a failing program smaller |
//! | `random` | numbers |

mod generate;
mod minimise;
mod random;
mod run;
mod tree;
mod ways;
mod write;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

pub use minimise::minimise;
pub use run::{Ending, Failure, UnitRun, check, check_forms, run, run_in};
pub use ways::{Way, ways};
pub use write::Form;

use tree::Class;

/// What a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of heap.
    pub heap: usize,
    /// Bytes of new objects between collections.
    pub nursery: usize,
    /// Bytes of guest stack.
    pub stack: usize,
}

/// A generated program.
///
/// Its class `Main` has the methods `unit1`, `unit2`..., to be sent to one instance in turn, and `run`, which does
/// that.
#[derive(Clone, Debug)]
pub struct Program {
    /// The seed that it comes from.
    pub seed: u64,
    /// How many units there are.
    pub units: usize,
    /// What it should be run with; small in some programs, so that these limits are met.
    pub limits: Limits,
    /// How many parts can be taken out.
    pub parts: usize,
    classes: Vec<Class>,
    library: Vec<(&'static str, String)>,
}

/// The program for a seed. Sizes from 1 to 10 make sense.
pub fn generate(seed: u64, size: usize) -> Program {
    generate_without(seed, size, &BTreeSet::new())
}

/// The program for a seed without some of its parts, which are numbered from 0.
pub fn generate_without(seed: u64, size: usize, without: &BTreeSet<usize>) -> Program {
    let whole = generate::parts(seed, size);
    let mut pruner = tree::Pruner::new(without);
    let classes = whole.classes.iter().map(|c| pruner.class(c)).collect();
    Program { seed, units: whole.units, limits: whole.limits, parts: pruner.parts, classes, library: whole.library }
}

impl Program {
    /// The classes: their names and sources.
    pub fn sources(&self, form: Form) -> Vec<(String, String)> {
        let library = self.library.iter().map(|(name, source)| ((*name).to_string(), source.clone()));
        library.chain(self.classes.iter().map(|c| (c.name.clone(), write::class_source(c, form)))).collect()
    }

    /// Writes the classes to a directory, one a file.
    ///
    /// # Errors
    /// If the directory or a file cannot be written.
    pub fn write(&self, directory: &Path, form: Form) -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        for (name, source) in self.sources(form) {
            let file = directory.join(format!("{name}.som"));
            // A file that is overwritten goes to the disk at once on some file systems, which takes longer than the
            // run.
            if file.exists() {
                std::fs::remove_file(&file)?;
            }
            std::fs::write(file, source)?;
        }
        Ok(())
    }
}

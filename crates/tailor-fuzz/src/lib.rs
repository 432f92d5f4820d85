//! Random functions, to hold the two readings of `#[jit]` against each other.
//!
//! The build script has [`generate`] write functions; rustc compiles them, both readings; `tests/differential.rs` calls each in both with many inputs
//! and [compares](compare). `scripts/fuzz-jit.sh` does this with one seed after another, and has a difference's function made smaller ([`minimise`]).
//!
//! # Environment
//! | variable | meaning | default |
//! |---|---|---|
//! | `TAILOR_FUZZ_SEED` | the program's seed, when built | 1 |
//! | `TAILOR_FUZZ_FUNCTIONS` | how many functions, when built | 60 |
//! | `TAILOR_FUZZ_ONLY` | just this function and what it calls, when built | all |
//! | `TAILOR_FUZZ_WITHOUT` | numbers of parts to leave out, when built | none |
//! | `TAILOR_FUZZ_SECONDS` | how long the test goes on, on each of two threads for half of it | 120 |

pub mod compare;
pub mod generate;
pub mod minimise;
pub mod values;
pub mod world;

use tailor_jitcode::JitFunction;

/// A function that can be called with words.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Its second reading.
    pub function: fn() -> &'static JitFunction,
}

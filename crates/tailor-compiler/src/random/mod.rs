//! Random units, and what to do with them: run them in the IR interpreter as they are, optimised, and as machine code, let every guard fail, and compare.
//! For tests; nothing of it is used by the compiler.
//!
//! | module | idea |
//! |---|---|
//! | [`world`] | objects, descriptors and functions for units to work on |
//! | [`callees`] | units for units to call |
//! | [`memory`] | where it lies, and what is watched |
//! | [`shapes`] | what values and objects are |
//! | [`generate`] | random units that are sound in that world and end |
//! | [`resume`] | snapshots from which the rest of a unit can be run |
//! | [`compare`] | whether two runs have left the same behind |
//! | [`check`] | what must be equal, for one unit |
//! | [`links`] | what must be equal, for a unit that enters the loop of another |
//! | [`shrink`] | a smaller unit that fails, too |

pub mod callees;
pub mod check;
pub mod compare;
mod functions;
pub mod generate;
pub mod links;
pub mod memory;
mod parts;
pub mod resume;
mod rng;
pub mod shapes;
pub mod shrink;
#[cfg(test)]
mod tests;
pub mod tools;
pub mod world;

pub use rng::Rng;

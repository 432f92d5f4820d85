//! From units to machine code: allocation of registers, emission, and what is needed to run it.
//!
//! # Parts
//! | module | idea |
//! |---|---|
//! | [`target`] | what differs between machines, as the allocator sees it |
//! | [`analysis`] | the walk backwards: lifetimes, next uses, what becomes one instruction |
//! | [`regalloc`] | the walk forwards: registers and slots |
//! | [`checker`] | whether an allocation keeps every value where it is read |
//! | [`moves`] | parallel moves |
//! | [`x86_64`] | all that is specific to one machine |
//! | [`machine`] | what compiled units share: memory, entries, how they are entered and left |
//! | [`compile`] | the three walks in order, and what becomes of them |
//! | [`pieces`] | code in pieces that share a frame |
//! | [`holes`] | constants of pieces that are filled in later |
//!
//! What compiled code knows about its exits is in [`crate::exit`], where it lies in [`crate::code`].
//!
//! # Speed
//! Three walks over the operations, all state in flat vectors that a [`Compiler`] keeps from unit to unit. Nothing is allocated per operation; snapshots cost their
//! slots once, however many guards share them.

pub mod analysis;
pub mod checker;
pub mod compile;
pub mod holes;
pub mod machine;
pub mod moves;
pub mod pieces;
pub mod regalloc;
pub mod target;
#[cfg(test)]
mod tests;
pub mod x86_64;

/// The machine that this is compiled for.
#[cfg(target_arch = "x86_64")]
pub use x86_64 as native;

pub use compile::{CompileError, Compiler, Run, listing, run};
pub use machine::{Left, Machine, MachineError, Returned};
pub use regalloc::Options;

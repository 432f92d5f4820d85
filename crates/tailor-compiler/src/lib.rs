//! The compiler behind all of Tailor's tiers: a *unit* of linear SSA goes in, machine code with described exits comes out.
//!
//! It knows nothing of interpreters, jitcode or any guest language. What it is told of the world are numbers: offsets,
//! sizes, addresses of functions, and how to allocate.
//!
//! # Parts
//! | module | idea |
//! |---|---|
//! | [`ir`] | units: operations, labels, guards and their snapshots |
//! | [`text`] | units as text, and back |
//! | [`verify`] | whether a unit obeys the rules of form |
//! | `backend` | machine code |
//! | `code` | memory for it |
//! | `exit` | what is left behind when it is left |
//! | [`eval`] | what pure operations compute |
//! | [`interp`] | what units mean: the IR interpreter |
//! | [`opt`] | the optimiser |
//! | [`random`] | random units, to test it all |
//! | [`runtime`] | what a unit needs of the memory manager |

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub mod backend;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub mod code;
pub mod eval;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub mod exit;
pub mod interp;
pub mod ir;
pub mod opt;
pub mod random;
pub mod runtime;
pub mod text;
pub mod verify;

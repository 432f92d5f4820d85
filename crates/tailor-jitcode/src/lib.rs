//! Jitcode: the second reading of an interpreter.
//!
//! An annotated Rust function is compiled by rustc as it stands, and leaves beside itself a *builder*. Run, the builder records the function's body on a
//! [tape]; the tape becomes [code]: a list of instructions on typed registers. Compilers read it; the [black hole](mod@black_hole) executes it.
//!
//! # Parts
//! | module | idea |
//! |---|---|
//! | [`function`] | what an annotated function leaves beside itself |
//! | [`tape`] | recording bodies: the core that is not generic |
//! | [`handle`] | typed handles over the tape: what builders are written in |
//! | [`code`] | from what was recorded to instructions |
//! | [`analysis`] | liveness, call graph, effects |
//! | [`black_hole`] | executing jitcode, from any instruction |

pub mod analysis;
pub mod black_hole;
pub mod code;
pub mod function;
pub mod handle;
#[cfg(test)]
mod random;
pub mod tape;
#[cfg(test)]
mod testing;

pub use function::{DIRECT, Direct, Effects, JitFunction, Role, Signature, Touches, Traits, Trampoline};
pub use tape::{Node, Shape, Tape};

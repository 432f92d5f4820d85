//! SOM, the Simple Object Machine: a small and complete Smalltalk.
//!
//! The crate is a library; the `som` program is a thin layer over it. Start with [`Vm`].
//!
//! # Map
//! | module | what |
//! |---|---|
//! | [`syntax`] | source text to syntax tree, with diagnostics |
//! | [`compiler`] | syntax tree to bytecode |
//! | [`bytecode`] | the instructions |
//! | [`interpreter`] | executes them |
//! | [`primitives`] | methods supplied by the VM |
//! | [`numbers`] | what arithmetic means |
//! | [`value`], [`objects`], [`classes`], [`method`] | how data is represented |
//! | [`vm`] | the world: heap, stack, classes, globals, loading |

pub mod bytecode;
pub mod classes;
pub mod compiler;
pub mod core_library;
pub mod errors;
pub mod interpreter;
pub mod method;
pub mod numbers;
pub mod objects;
mod output;
pub mod primitives;
pub mod syntax;
pub mod value;
pub mod vm;

pub use interpreter::Execution;
pub use output::Output;
pub use value::Value;
pub use vm::{Config, Vm};

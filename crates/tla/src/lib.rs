//! TLA, a tiny teaching language: all that it takes to get a virtual machine with a JIT compiler from an interpreter, in a size that is read in a quarter of an hour.
//!
//! TLA is a stack machine for 64-bit integers, with functions; its programs are text, one instruction a line. It goes by the name of the language that the papers on threaded code in meta-tracing
//! compilers use for their examples (Izawa, Masuhara, Bolz-Tereick, Cong, "Threaded Code Generation with a Meta-Tracing JIT Compiler", JOT 2022). `docs/tutorial.md` builds it step by step.
//!
//! | module | idea |
//! |---|---|
//! | [`interpreter`] | the interpreter with its directives: all that is about the JIT is in here |
//! | [`machine`] | one run of a program: memory, the start of the JIT, the outcome |
//! | [`program`] | instructions and programs |
//! | [`assembler`] | from text to a program, which is checked on the way |
//! | [`threaded`] | threaded code: what a quick compiler makes of a function |
//! | [`classic`] | the literature's way to it, to be compared with ours |

pub mod assembler;
pub mod classic;
pub mod interpreter;
pub mod machine;
pub mod program;
pub mod threaded;

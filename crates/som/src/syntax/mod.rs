//! Syntax: from a SOM source to its tree, or to diagnostics that say what is wrong with it.
//!
//! | file | what it is |
//! |---|---|
//! | [`ast`] | the tree |
//! | `source` | a text, its name, its lines |
//! | `lexer` | from text to tokens |
//! | `parser` | from tokens to the tree; going on after an error |
//! | `diagnostic` | an error as people see it |
//!
//! The language is that of the public SOM grammar. Names are not resolved here: whether a variable exists is for the
//! compiler to say.
//!
//! # Limits
//! No source, however malformed, makes the parser panic, exhaust the native stack or take more than about linear time.
//! What it accepts is as harmless to those who walk over the tree: [`MAX_NESTING`] bounds how deep brackets nest and
//! thereby the parser's recursion; [`MAX_HEIGHT`] bounds the height of the tree, to which long rows of messages (`a b
//! c d ...`) add without any bracket.

pub mod ast;
mod diagnostic;
mod lexer;
mod parser;
mod source;
#[cfg(test)]
mod tests;

pub use diagnostic::{Diagnostic, is_incomplete};
pub use parser::{MAX_DIAGNOSTICS, MAX_HEIGHT, MAX_NESTING, parse_class, parse_snippet};
pub use source::{MAX_SOURCE_BYTES, Position, Source};

/// Names that mean the same everywhere: they are neither declared, which the parser sees to, nor assigned to, which is the
/// compiler's matter, since the grammar admits it.
pub(crate) fn is_pseudo_variable(name: &str) -> bool {
    matches!(name, "self" | "super" | "nil" | "true" | "false")
}

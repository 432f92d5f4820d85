//! What is wrong with a source, told to people.
//!
//! A diagnostic is complete when it is made: it holds the text that it shows, so it outlives its source and can be
//! passed on as any error. Its form, which other SOM tests expect line by line, is
//!
//! ```text
//! File 'Hello.som', line 3, column 10:
//!         'Hello\a' println
//!               ^^
//! Unknown escape sequence '\a'
//! Help: SOM knows \t \b \n \r \f \0 \' and \\.
//! ```
//!
//! The message is one line, without a full stop unless other SOMs put one there; remedies belong into the help.

use std::fmt::{self, Write as _};

use super::ast::Span;
use super::source::Source;

/// Characters shown on either side of a place in a long line.
const EXCERPT_SIDE: usize = 100;

/// An error in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file's name as users shall see it.
    pub file: String,
    /// Line, from 1; saturates.
    pub line: u32,
    /// Column in characters, from 1; saturates.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What may be done about it.
    pub help: Option<String>,
    /// The source line, and below it the carets.
    excerpt: String,
    /// The source ended too early; see [`is_incomplete`].
    incomplete: bool,
}

/// Whether a source was right as far as it went, but ended within parentheses, a block, a string or a comment.
///
/// That is when a line editor asks for more lines instead of complaining.
pub fn is_incomplete(diagnostics: &[Diagnostic]) -> bool {
    !diagnostics.is_empty() && diagnostics.iter().all(|diagnostic| diagnostic.incomplete)
}

impl Diagnostic {
    /// The error `message` at `span`.
    #[cold]
    pub fn new(source: &Source, span: Span, message: impl Into<String>) -> Diagnostic {
        let position = source.position(span.start);
        Diagnostic {
            file: source.name().into(),
            line: u32::try_from(position.line).unwrap_or(u32::MAX),
            column: u32::try_from(position.column).unwrap_or(u32::MAX),
            message: message.into(),
            help: None,
            excerpt: excerpt(source.line(position.line), position.column, source.slice(span)),
            incomplete: false,
        }
    }

    /// With a remedy: one sentence or a few.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// With a remedy if there is one.
    #[must_use]
    pub(super) fn with_help_if_any(mut self, help: Option<String>) -> Diagnostic {
        self.help = help;
        self
    }

    /// Marks it as one that more input may cure.
    #[must_use]
    pub(super) fn incomplete(mut self) -> Diagnostic {
        self.incomplete = true;
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic { file, line, column, excerpt, message, .. } = self;
        write!(f, "File '{file}', line {line}, column {column}:\n{excerpt}\n{message}")?;
        if let Some(help) = &self.help {
            write!(f, "\nHelp: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// The line around `column` (from 1), and a second line with carets below `marked`, as far as that lies on the line.
fn excerpt(line: &str, column: usize, marked: &str) -> String {
    let before = column - 1;
    let skipped = before.saturating_sub(EXCERPT_SIDE);
    let rest = line.chars().skip(skipped);
    let shown = rest.clone().take(before - skipped + EXCERPT_SIDE).map(printable);
    let is_cut = rest.clone().nth(before - skipped + EXCERPT_SIDE).is_some();
    let (left, right) = (if skipped > 0 { "..." } else { "" }, if is_cut { "..." } else { "" });

    let mut out = format!("  {left}");
    out.extend(shown);
    let _ = write!(out, "{right}\n  {:1$}", "", left.len());
    // Tabs are repeated, so that the caret stands right whatever their width.
    out.extend(rest.take(before - skipped).map(|c| if c == '\t' { '\t' } else { ' ' }));
    let carets = marked.chars().take_while(|&c| c != '\n' && c != '\r').take(EXCERPT_SIDE).count().max(1);
    out.extend(std::iter::repeat_n('^', carets));
    out
}

/// A terminal must not obey what stands in a source.
fn printable(c: char) -> char {
    if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }
}

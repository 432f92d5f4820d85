//! Source texts and places in them.
//!
//! The tree refers to its source by byte offsets ([`Span`]); people want lines and columns. A [`Source`] translates. It
//! indexes its lines when it is first asked, because most sources are parsed and never asked.
//!
//! Lines end with `\n` or `\r\n` and are counted from 1. Columns are counted in characters from 1; a tab is one.

use std::cell::OnceCell;
use std::rc::Rc;

use super::ast::Span;
use super::diagnostic::Diagnostic;

/// The largest source that can be parsed, in bytes: offsets are `u32`.
pub const MAX_SOURCE_BYTES: usize = u32::MAX as usize;

/// A text with its name.
#[derive(Clone, Debug)]
pub struct Source {
    name: Rc<str>,
    text: Rc<str>,
    line_starts: OnceCell<Box<[usize]>>,
}

/// A place as people name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Source {
    /// A source of this text. `name` is the file's name as users shall see it.
    pub fn new(name: impl Into<Rc<str>>, text: impl Into<Rc<str>>) -> Source {
        Source { name: name.into(), text: text.into(), line_starts: OnceCell::new() }
    }

    /// A source of the contents of a file.
    ///
    /// # Errors
    /// If they are not UTF-8; the diagnostic shows the first place that is not.
    pub fn from_bytes(name: impl Into<Rc<str>>, bytes: impl Into<Vec<u8>>) -> Result<Source, Diagnostic> {
        let name = name.into();
        match String::from_utf8(bytes.into()) {
            Ok(text) => Ok(Source::new(name, text)),
            Err(error) => Err(not_utf8(name, error)),
        }
    }

    /// The file's name as users shall see it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text that `span` covers; as much of it as there is if it reaches beyond the source.
    pub fn slice(&self, span: Span) -> &str {
        let start = self.floor(span.start as usize);
        &self.text[start..self.floor(span.end as usize).max(start)]
    }

    /// Line and column of a byte offset; the end of the text if it lies behind that.
    pub fn position(&self, offset: u32) -> Position {
        let offset = self.floor(offset as usize);
        let line = self.line_starts().partition_point(|&start| start <= offset);
        let start = self.line_starts()[line - 1];
        Position { line, column: self.text[start..offset].chars().count() + 1 }
    }

    /// The text of a line (from 1) without its end; empty if there is no such line.
    pub fn line(&self, line: usize) -> &str {
        let starts = self.line_starts();
        let Some(&start) = line.checked_sub(1).and_then(|index| starts.get(index)) else { return "" };
        let end = starts.get(line).copied().unwrap_or(self.text.len());
        let text = &self.text[start..end];
        let text = text.strip_suffix('\n').unwrap_or(text);
        text.strip_suffix('\r').unwrap_or(text)
    }

    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let breaks = self.text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
            std::iter::once(0).chain(breaks.map(|(index, _)| index + 1)).collect()
        })
    }

    /// The start of the character that `offset` points into.
    fn floor(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset)
    }
}

fn not_utf8(name: Rc<str>, error: std::string::FromUtf8Error) -> Diagnostic {
    let valid = error.utf8_error().valid_up_to();
    let byte = error.as_bytes()[valid];
    // Made readable only to be shown: what lies before `valid` keeps its offsets.
    let shown = Source::new(name, String::from_utf8_lossy(error.as_bytes()));
    let start = u32::try_from(valid).unwrap_or(u32::MAX);
    Diagnostic::new(
        &shown,
        Span { start, end: start },
        format!("This file is not UTF-8: byte 0x{byte:02x} is out of place"),
    )
    .with_help("Save it as UTF-8.")
}

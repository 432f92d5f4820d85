//! From text to tokens.
//!
//! A [`Token`] is a kind and a span; nothing is allocated or decoded here. The lexer is little more than an
//! offset, and `Copy`: a copy of it is how the parser looks ahead. It never fails: what is no token is
//! [`TokenKind::Unknown`], and the parser, which knows the context, complains.
//!
//! # Where the grammar leaves a choice
//! - The longest run of operator characters is one token: `a||b` is `a || b`, and `3--1` sends `--`. Four or more
//!   dashes alone are the separator.
//! - `-` is always an operator; the parser reads a negative number where an operand begins. So `3 -4` and `a-1`
//!   subtract.
//! - `x:=1` is `x := 1`. By the grammar's longest match it would be the keyword `x:` and `=`, which no program can
//!   contain. Only behind `#` can it, and there it is read so: `#x:=y` compares.
//! - Behind `#`, adjacent keywords are one token: `#at:put:`.

use super::ast::Span;

/// The kinds of tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TokenKind {
    /// The end of the text.
    End,
    /// `name`; `primitive` is one too.
    Identifier,
    /// `name:`, or behind `#` several.
    Keyword,
    /// `|` alone.
    Bar,
    /// `=` alone.
    Equal,
    /// `-` alone.
    Minus,
    /// Any other run of operator characters.
    Operator,
    /// `----` or longer.
    Separator,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBlock,
    /// `]`
    CloseBlock,
    /// `:`
    Colon,
    /// `:=`
    Assign,
    /// `^`
    Caret,
    /// `.`
    Period,
    /// `#`
    Pound,
    /// `12`
    Integer,
    /// `1.5`
    Double,
    /// `'text'`, quotes included, escapes unresolved.
    String,
    /// A string that reaches to the end of the text.
    UnclosedString,
    /// A comment that reaches to the end of the text.
    UnclosedComment,
    /// A character that begins no token.
    Unknown,
}

/// A piece of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

/// A place in a text from where tokens are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'s> {
    text: &'s str,
    at: usize,
    /// The last token was `#`.
    in_symbol: bool,
}

impl<'s> Lexer<'s> {
    /// Reads from byte `offset` of `text`, which is at most [`super::source::MAX_SOURCE_BYTES`] long.
    pub fn new(text: &'s str, offset: u32) -> Lexer<'s> {
        let mut at = offset as usize;
        // Some editors begin a file with a byte order mark.
        if at == 0 && text.starts_with('\u{feff}') {
            at = '\u{feff}'.len_utf8();
        }
        Lexer { text, at, in_symbol: false }
    }

    /// The next token; [`TokenKind::End`] for ever once the text is used up.
    pub fn next(&mut self) -> Token {
        if let Some(comment) = self.skip_blanks() {
            return self.token(TokenKind::UnclosedComment, comment);
        }
        let start = self.at;
        let in_symbol = std::mem::take(&mut self.in_symbol);
        let Some(byte) = self.byte(0) else { return self.token(TokenKind::End, start) };
        let kind = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => self.word(in_symbol),
            b'0'..=b'9' => self.number(),
            b'\'' => self.string(),
            b':' if self.byte(1) == Some(b'=') => self.advance(2, TokenKind::Assign),
            b':' => self.advance(1, TokenKind::Colon),
            b'(' => self.advance(1, TokenKind::Open),
            b')' => self.advance(1, TokenKind::Close),
            b'[' => self.advance(1, TokenKind::OpenBlock),
            b']' => self.advance(1, TokenKind::CloseBlock),
            b'^' => self.advance(1, TokenKind::Caret),
            b'.' => self.advance(1, TokenKind::Period),
            b'#' => {
                self.in_symbol = true;
                self.advance(1, TokenKind::Pound)
            }
            byte if is_operator(byte) => self.operator(),
            _ => self.other(in_symbol),
        };
        self.token(kind, start)
    }

    fn token(&self, kind: TokenKind, start: usize) -> Token {
        // The text is at most `u32::MAX` long.
        Token { kind, span: Span { start: start as u32, end: self.at as u32 } }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn advance(&mut self, bytes: usize, kind: TokenKind) -> TokenKind {
        self.at += bytes;
        kind
    }

    /// Passes white space and comments; the start of a comment that does not end.
    fn skip_blanks(&mut self) -> Option<usize> {
        while let Some(byte) = self.byte(0) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'"' => {
                    let start = self.at;
                    let rest = &self.text.as_bytes()[start + 1..];
                    match rest.iter().position(|&byte| byte == b'"') {
                        Some(length) => self.at += length + 2,
                        None => {
                            self.at = self.text.len();
                            return Some(start);
                        }
                    }
                }
                _ => break,
            }
        }
        None
    }

    fn word(&mut self, in_symbol: bool) -> TokenKind {
        self.at = self.end_of_word(self.at);
        if self.byte(0) != Some(b':') || (!in_symbol && self.byte(1) == Some(b'=')) {
            return TokenKind::Identifier;
        }
        self.at += 1;
        if in_symbol {
            while let Some(end) = self.end_of_keyword() {
                self.at = end;
            }
        }
        TokenKind::Keyword
    }

    /// Where the keyword ends that begins here, if one does.
    fn end_of_keyword(&self) -> Option<usize> {
        let first = self.text[self.at..].chars().next()?;
        let end = if first.is_alphabetic() { self.end_of_word(self.at) } else { return None };
        (self.text.as_bytes().get(end) == Some(&b':')).then_some(end + 1)
    }

    fn end_of_word(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = start;
        loop {
            match bytes.get(at) {
                Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_') => at += 1,
                Some(0x80..) => match self.text[at..].chars().next() {
                    Some(c) if c.is_alphabetic() => at += c.len_utf8(),
                    _ => return at,
                },
                _ => return at,
            }
        }
    }

    fn number(&mut self) -> TokenKind {
        self.digits();
        if self.byte(0) == Some(b'.') && self.byte(1).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
            self.digits();
            return TokenKind::Double;
        }
        TokenKind::Integer
    }

    fn digits(&mut self) {
        while self.byte(0).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn string(&mut self) -> TokenKind {
        self.at += 1;
        while let Some(byte) = self.byte(0) {
            match byte {
                b'\'' => return self.advance(1, TokenKind::String),
                // The escaped character may be a quote. (If it has several bytes, the others are no quotes.)
                b'\\' if self.byte(1).is_some() => self.at += 2,
                _ => self.at += 1,
            }
        }
        TokenKind::UnclosedString
    }

    fn operator(&mut self) -> TokenKind {
        let start = self.at;
        while self.byte(0).is_some_and(is_operator) {
            self.at += 1;
        }
        match &self.text.as_bytes()[start..self.at] {
            b"|" => TokenKind::Bar,
            b"=" => TokenKind::Equal,
            b"-" => TokenKind::Minus,
            run if run.len() >= 4 && run.iter().all(|&byte| byte == b'-') => TokenKind::Separator,
            _ => TokenKind::Operator,
        }
    }

    /// A name that begins with a letter beyond ASCII, or nothing we know.
    fn other(&mut self, in_symbol: bool) -> TokenKind {
        match self.text[self.at..].chars().next() {
            Some(c) if c.is_alphabetic() => self.word(in_symbol),
            c => self.advance(c.map_or(1, char::len_utf8), TokenKind::Unknown),
        }
    }
}

fn is_operator(byte: u8) -> bool {
    matches!(byte, b'~' | b'&' | b'|' | b'*' | b'/' | b'\\' | b'+' | b'=' | b'>' | b'<' | b',' | b'@' | b'%' | b'-')
}

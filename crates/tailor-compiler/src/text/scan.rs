//! Splits text into tokens, each with its place; and the errors that name such a place.

use std::fmt;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong: what was expected and what was found.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

/// A place in the text, as a line and column from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

impl Place {
    pub fn error(self, message: impl Into<String>) -> ParseError {
        ParseError { line: self.line, column: self.column, message: message.into() }
    }
}

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token<'a> {
    /// A word.
    Name(&'a str),
    /// `%` and a word.
    Value(&'a str),
    /// An integer: its 64 bits.
    Int(u64),
    /// A float.
    Float(f64),
    /// A string in quotes, its escapes resolved.
    Text(String),
    /// A sign: one of those in [`SIGNS`], or `->`.
    Sign(&'static str),
    /// The end of the text.
    End,
}

const SIGNS: [&str; 14] = ["(", ")", "{", "}", "[", "]", ",", ":", "=", "@", "<", ".", "&", "->"];

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Name(name) => write!(f, "`{name}`"),
            Token::Value(name) => write!(f, "`%{name}`"),
            Token::Int(bits) => write!(f, "`{}`", *bits as i64),
            Token::Float(float) => write!(f, "`{float:?}`"),
            Token::Text(text) => write!(f, "{text:?}"),
            Token::Sign(sign) => write!(f, "`{sign}`"),
            Token::End => f.write_str("the end of the text"),
        }
    }
}

/// The tokens of a text, the last being [`Token::End`].
pub fn scan(text: &str) -> Result<Vec<(Token<'_>, Place)>, ParseError> {
    let mut scanner = Scanner { rest: text, place: Place { line: 1, column: 1 } };
    let mut tokens = Vec::new();
    loop {
        scanner.skip_space();
        let place = scanner.place;
        let token = scanner.token()?;
        let end = token == Token::End;
        tokens.push((token, place));
        if end {
            return Ok(tokens);
        }
    }
}

struct Scanner<'a> {
    rest: &'a str,
    place: Place,
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl<'a> Scanner<'a> {
    /// Takes `bytes` bytes of the rest, which end at a character's end.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        for c in taken.chars() {
            if c == '\n' {
                self.place = Place { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &'a str {
        let bytes = self.rest.find(|c| !accepts(c)).unwrap_or(self.rest.len());
        self.take(bytes)
    }

    fn skip_space(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if !self.rest.starts_with(';') {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn token(&mut self) -> Result<Token<'a>, ParseError> {
        let place = self.place;
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.take_while(in_word);
            return Ok(if word == "inf" { Token::Float(f64::INFINITY) } else { Token::Name(word) });
        }
        if self.rest.starts_with("-inf") {
            self.take(4);
            return Ok(Token::Float(f64::NEG_INFINITY));
        }
        if first == '%' {
            self.take(1);
            let word = self.take_while(in_word);
            return if word.is_empty() {
                Err(place.error("expected a name after `%`"))
            } else {
                Ok(Token::Value(word))
            };
        }
        if first == '"' {
            return self.text();
        }
        if let Some(sign) = SIGNS.into_iter().find(|sign| self.rest.starts_with(sign)) {
            self.take(sign.len());
            return Ok(Token::Sign(sign));
        }
        if first.is_ascii_digit() || first == '-' {
            return self.number();
        }
        Err(place.error(format!("unexpected character {first:?}")))
    }

    fn number(&mut self) -> Result<Token<'a>, ParseError> {
        let (place, start) = (self.place, self.rest);
        let negative = self.rest.starts_with('-');
        if negative {
            self.take(1);
        }
        if self.rest.starts_with("0x") {
            self.take(2);
            let digits = self.take_while(in_word);
            let bits = u64::from_str_radix(digits, 16)
                .map_err(|_| place.error("expected a hexadecimal number of at most 16 digits"))?;
            return Ok(Token::Int(if negative { bits.wrapping_neg() } else { bits }));
        }
        self.take_while(|c| c.is_ascii_digit());
        let fraction = self.rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if fraction {
            self.take(1);
            self.take_while(|c| c.is_ascii_digit());
        }
        let exponent = self.rest.starts_with(['e', 'E']);
        if exponent {
            self.take(1);
            if self.rest.starts_with(['-', '+']) {
                self.take(1);
            }
            self.take_while(|c| c.is_ascii_digit());
        }
        let text = &start[..start.len() - self.rest.len()];
        if self.rest.starts_with(in_word) {
            return Err(place.error("a number is followed by a letter"));
        }
        if fraction || exponent {
            let float = text.parse().map_err(|_| place.error(format!("`{text}` is no number")))?;
            return Ok(Token::Float(float));
        }
        let int = text.parse::<i64>().map(|int| int as u64).or_else(|_| text.parse::<u64>());
        int.map(Token::Int).map_err(|_| place.error(format!("`{text}` is no integer of 64 bits")))
    }

    /// A string as Rust's `Debug` writes it.
    fn text(&mut self) -> Result<Token<'a>, ParseError> {
        let place = self.place;
        self.take(1);
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|c| c != '"' && c != '\\' && c != '\n'));
            if self.rest.starts_with('"') {
                self.take(1);
                return Ok(Token::Text(text));
            }
            if !self.rest.starts_with('\\') {
                return Err(place.error("a string is not closed on its line"));
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let place = self.place;
        let unknown = || place.error("unknown escape in a string");
        self.take(1);
        let letter = self.rest.chars().next().ok_or_else(unknown)?;
        self.take(letter.len_utf8());
        match letter {
            'n' => Ok('\n'),
            't' => Ok('\t'),
            'r' => Ok('\r'),
            '0' => Ok('\0'),
            '\\' | '"' | '\'' => Ok(letter),
            'u' if self.rest.starts_with('{') => {
                self.take(1);
                let digits = self.take_while(|c| c.is_ascii_hexdigit());
                let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).ok_or_else(unknown)?;
                if !self.rest.starts_with('}') {
                    return Err(unknown());
                }
                self.take(1);
                Ok(c)
            }
            _ => Err(unknown()),
        }
    }
}

//! Literals: numbers, strings, symbols, arrays of literals.

use std::rc::Rc;

use dashu_int::IBig;

use super::super::ast::{Literal, Span};
use super::super::lexer::TokenKind;
use super::expression::is_binary;
use super::{Parsed, Parser};

/// The most digits of an integer. Reading one takes more than linear time, so there must be a limit; this one takes a
/// moment.
const MAX_INTEGER_DIGITS: usize = 1_000_000;

/// Digits that fit into 64 bits whatever they are.
const SMALL_INTEGER_DIGITS: usize = 19;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

impl Parser<'_> {
    /// A literal, which the current token begins.
    pub(super) fn literal(&mut self) -> Parsed<Literal> {
        match self.token.kind {
            TokenKind::Pound => self.symbol_or_array(),
            TokenKind::String => Ok(Literal::String(self.string())),
            TokenKind::Minus => {
                self.bump();
                self.number(Sign::Minus)
            }
            _ => self.number(Sign::Plus),
        }
    }

    /// Whether the current token, a minus, is the sign of a number.
    pub(super) fn is_negative_number(&self) -> bool {
        let mut ahead = self.lexer;
        matches!(ahead.next().kind, TokenKind::Integer | TokenKind::Double)
    }

    fn number(&mut self, sign: Sign) -> Parsed<Literal> {
        let token = self.token;
        match token.kind {
            TokenKind::Integer => self.integer(sign),
            TokenKind::Double => {
                self.bump();
                // The lexer's doubles are Rust's.
                let value: f64 = self.text(token.span).parse().unwrap_or(f64::NAN);
                Ok(Literal::Double(if sign == Sign::Minus { -value } else { value }))
            }
            _ => Err(self.unexpected("a literal")),
        }
    }

    fn integer(&mut self, sign: Sign) -> Parsed<Literal> {
        let token = self.bump();
        let digits = self.text(token.span);
        if digits.len() > MAX_INTEGER_DIGITS {
            let message = format!("This number is too long: {MAX_INTEGER_DIGITS} digits are the limit");
            return Err(self.fail(token.span, message, None));
        }
        let value = if digits.len() <= SMALL_INTEGER_DIGITS {
            IBig::from(digits.bytes().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0')))
        } else {
            // The lexer's integers are nothing but decimal digits.
            IBig::from_str_radix(digits, 10).unwrap_or_default()
        };
        Ok(Literal::Integer(if sign == Sign::Minus { -value } else { value }))
    }

    /// The text of the string that the current token is.
    fn string(&mut self) -> Rc<str> {
        let token = self.bump();
        let text = self.text(Span { start: token.span.start + 1, end: token.span.end - 1 });
        if text.contains('\n') {
            self.long_string = Some(token.span);
        }
        if text.contains('\\') { self.unescape(text, token.span.start + 1) } else { text.into() }
    }

    fn unescape(&mut self, text: &str, start: u32) -> Rc<str> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(length) = rest.find('\\') {
            out.push_str(&rest[..length]);
            let mut after = rest[length + 1..].chars();
            // The lexer took the character behind a backslash along, so there is one.
            let Some(c) = after.next() else { break };
            match unescaped(c) {
                Some(meant) => out.push(meant),
                None => self.unknown_escape(start + (text.len() - rest.len() + length) as u32, c),
            }
            rest = after.as_str();
        }
        out.push_str(rest);
        out.into()
    }

    fn unknown_escape(&mut self, start: u32, c: char) {
        let span = Span { start, end: start + 1 + c.len_utf8() as u32 };
        let message = format!("Unknown escape sequence '\\{}'", c.escape_debug());
        self.report(span, message, Some(r"SOM knows \t \b \n \r \f \0 \' and \\.".into()));
    }

    fn symbol_or_array(&mut self) -> Parsed<Literal> {
        self.bump();
        match self.token.kind {
            TokenKind::Open => self.array(),
            TokenKind::String => Ok(Literal::Symbol(self.string())),
            TokenKind::Identifier | TokenKind::Keyword => Ok(Literal::Symbol(self.selector_name())),
            _ if is_binary(self.token) => Ok(Literal::Symbol(self.selector_name())),
            _ => Err(self.unexpected("a symbol's name, a string or '(' behind '#'")),
        }
    }

    fn selector_name(&mut self) -> Rc<str> {
        let token = self.bump();
        self.intern(self.text(token.span))
    }

    fn array(&mut self) -> Parsed<Literal> {
        let opening = self.open()?;
        let mut elements = Vec::new();
        loop {
            match self.token.kind {
                TokenKind::Pound | TokenKind::String | TokenKind::Integer | TokenKind::Double | TokenKind::Minus => {
                    elements.push(self.literal()?);
                }
                TokenKind::Close => break,
                _ => return Err(self.not_in_array()),
            }
        }
        self.close(opening)?;
        Ok(Literal::Array(elements))
    }
}

fn unescaped(c: char) -> Option<char> {
    Some(match c {
        't' => '\t',
        'b' => '\u{8}',
        'n' => '\n',
        'r' => '\r',
        'f' => '\u{c}',
        '0' => '\0',
        '\'' | '\\' => c,
        _ => return None,
    })
}

//! Errors: what is said, and where parsing goes on.
//!
//! After an error, parsing goes on behind the statement (at a period or the end of its body) or at the next method.
//! The aim is to report every mistake once and nothing that follows from one.
//!
//! # The next method
//! A missing bracket makes the methods behind it part of the one that lacks it, and the parser stumbles far from the
//! cause. Layout gives it away: a *method head* - a pattern, `=`, and `(` or `primitive` - that begins a line, no
//! further to the right than the current method does, is the beginning of a method. That is a guess (`x = (y)` may be
//! a statement), so it is made only when there is an error: looking back, to blame the missing bracket instead, and
//! looking forward, to go on.
//!
//! # Cost
//! Looking back reads a method again, but at most once an error, of which there are at most [`MAX_DIAGNOSTICS`].
//! Every other search has a fixed bound.

use super::super::ast::Span;
use super::super::diagnostic::Diagnostic;
use super::super::lexer::{Lexer, Token, TokenKind};
use super::{Failure, MAX_DIAGNOSTICS, OpenBracket, Parsed, Parser, closing};

/// Brackets looked at for a counterpart, from the innermost.
const MAX_BRACKETS_SEARCHED: usize = 64;

/// Tokens looked at in what may be a method head.
const MAX_HEAD_TOKENS: usize = 64;

/// Tokens looked at in the rest of a line.
const MAX_LINE_TOKENS: usize = 200;

/// Columns are told apart up to here.
const MAX_COLUMN: usize = 1_000;

impl Parser<'_> {
    /// Reports an error that leaves the rest clear.
    pub(super) fn report(&mut self, span: Span, message: String, help: Option<String>) {
        // To find its line and column takes a while, and there may be millions of these.
        if self.is_full() {
            return;
        }
        self.add(Diagnostic::new(self.source, span, message).with_help_if_any(help));
    }

    /// Reports an error in what is being parsed.
    pub(super) fn fail(&mut self, span: Span, message: String, help: Option<String>) -> Failure {
        if let Some(head) = self.overlooked_method(span.start) {
            return self.fail_before_method(head);
        }
        let help = help.or_else(|| self.suspect_string());
        self.add(Diagnostic::new(self.source, span, message).with_help_if_any(help))
    }

    fn add(&mut self, diagnostic: Diagnostic) -> Failure {
        if !self.is_full() {
            self.diagnostics.push(diagnostic);
        }
        if self.is_full() { Failure::Source } else { Failure::Statement }
    }

    /// Whether no more errors are reported.
    pub(super) fn is_full(&self) -> bool {
        self.diagnostics.len() >= MAX_DIAGNOSTICS
    }

    /// Reports that the current token is not what should be here.
    pub(super) fn unexpected(&mut self, expected: &str) -> Failure {
        self.unexpected_with(expected, None)
    }

    /// The same with a remedy, in case the token itself suggests none.
    pub(super) fn unexpected_with(&mut self, expected: &str, help: Option<String>) -> Failure {
        let span = self.token.span;
        match self.token.kind {
            TokenKind::UnclosedString => self.never_closed("This string is never closed"),
            TokenKind::UnclosedComment => self.never_closed("This comment is never closed"),
            TokenKind::End => self.ended_too_early(expected, help),
            TokenKind::Unknown => self.fail(span, format!("Unexpected {}", self.found()), self.hint()),
            _ => {
                let message = format!("Expected {expected}, found {}", self.found());
                let help = self.hint().or(help);
                self.fail(span, message, help)
            }
        }
    }

    /// Reports that the closing bracket is not here.
    pub(super) fn unclosed(&mut self, bracket: OpenBracket) -> Failure {
        let place = self.place(bracket.offset);
        let (opening, closing) = if bracket.kind == TokenKind::OpenBlock { ('[', ']') } else { ('(', ')') };
        let failure =
            self.unexpected_with(&format!("'{closing}'"), Some(format!("The '{opening}' at {place} is not closed.")));
        if failure == Failure::Statement && self.at(TokenKind::Period) && !self.is_closed_on_this_line() {
            // In all likelihood the bracket was forgotten, and the period ends the statement.
            self.open.pop();
        }
        failure
    }

    /// More of the same kind is no remedy for a text without end, so this is the last diagnostic.
    fn never_closed(&mut self, message: &str) -> Failure {
        let start = self.token.span.start;
        let help = self.suspect_string();
        let diagnostic = Diagnostic::new(self.source, Span { start, end: start + 1 }, message);
        self.add(diagnostic.with_help_if_any(help).incomplete());
        Failure::Source
    }

    fn ended_too_early(&mut self, expected: &str, help: Option<String>) -> Failure {
        let span = self.token.span;
        if let Some(head) = self.overlooked_method(span.start) {
            return self.fail_before_method(head);
        }
        let diagnostic = Diagnostic::new(self.source, span, format!("Expected {expected}, found {}", self.found()));
        let open = self.open.last().map(|bracket| {
            let character = if bracket.kind == TokenKind::OpenBlock { '[' } else { '(' };
            format!("The '{character}' at {} is not closed.", self.place(bracket.offset))
        });
        let diagnostic = diagnostic.with_help_if_any(help.or(open));
        self.add(if self.open.is_empty() { diagnostic } else { diagnostic.incomplete() });
        Failure::Source
    }

    /// A place for use in a sentence.
    pub(super) fn place(&self, offset: u32) -> String {
        let position = self.source.position(offset);
        format!("line {}, column {}", position.line, position.column)
    }

    /// The current token in words.
    pub(super) fn found(&self) -> String {
        let text = self.text(self.token.span);
        // A token can be as long as the file.
        let shown = if text.chars().nth(30).is_some() {
            format!("{}...", text.chars().take(27).collect::<String>())
        } else {
            text.into()
        };
        let shown = shown.escape_debug().to_string().replace("\\'", "'");
        match self.token.kind {
            TokenKind::End => "the end of the input".into(),
            TokenKind::Identifier => format!("name '{shown}'"),
            TokenKind::Keyword => format!("keyword '{shown}'"),
            TokenKind::Integer | TokenKind::Double => format!("number {shown}"),
            TokenKind::String => format!("string {shown}"),
            TokenKind::Unknown => format!("character '{shown}'"),
            TokenKind::UnclosedString => "a string that is never closed".into(),
            TokenKind::UnclosedComment => "a comment that is never closed".into(),
            _ => format!("'{shown}'"),
        }
    }

    /// What the author may have meant by the current token.
    fn hint(&self) -> Option<String> {
        let text = self.text(self.token.span);
        let hint = match self.token.kind {
            TokenKind::Unknown => match text {
                ";" => "SOM has no cascades: name the receiver again in a statement of its own.",
                "{" | "}" => "Code stands in '( )', a block in '[ ]'.",
                "$" => "SOM has no characters: write a string of length one.",
                "_" => "A name begins with a letter.",
                "`" | "\u{2018}" | "\u{2019}" | "\u{201c}" | "\u{201d}" | "\u{b4}" => {
                    "A string stands in straight single quotes."
                }
                _ if text.chars().all(char::is_whitespace) => {
                    "This white space is none in SOM: replace it with a space."
                }
                _ => return None,
            },
            TokenKind::Colon if self.source.text()[self.token.span.end as usize..].trim_start().starts_with('=') => {
                "An assignment is written ':=', without a space."
            }
            TokenKind::Operator if text == "||" => "'||' is one operator: an empty list is written '| |'.",
            TokenKind::Operator if text.starts_with('|') => "Put a space behind the '|': this is one operator.",
            TokenKind::Caret => "'^' stands at the beginning of a statement only: is a period missing before it?",
            TokenKind::Bar => "Variables are declared at the beginning of a method, block or side of a class.",
            _ if self.follows_comment_on_line() => "Double quotes enclose a comment; a string stands in single quotes.",
            _ => return None,
        };
        Some(hint.into())
    }

    fn follows_comment_on_line(&self) -> bool {
        let gap = self.text(Span { start: self.previous_end, end: self.token.span.start });
        gap.contains('"') && !gap.contains('\n')
    }

    fn suspect_string(&self) -> Option<String> {
        let string = self.long_string?;
        Some(format!("The string at {} spans lines: is the quote missing there?", self.place(string.start)))
    }

    /// Reports that something else than a literal is in a literal array.
    pub(super) fn not_in_array(&mut self) -> Failure {
        let help = match self.token.kind {
            TokenKind::End | TokenKind::UnclosedString | TokenKind::UnclosedComment => None,
            TokenKind::Identifier | TokenKind::Keyword | TokenKind::Operator | TokenKind::Equal | TokenKind::Bar => {
                Some("A literal array holds numbers, strings, symbols '#name' and literal arrays only.".into())
            }
            TokenKind::Open => Some("A literal array within another has its '#', too.".into()),
            _ => self.open.last().map(|bracket| format!("The array begins at {}.", self.place(bracket.offset))),
        };
        self.unexpected_with("a literal or ')'", help)
    }

    /// Passes the rest of a statement in the body whose brackets are the first `base` open ones.
    pub(super) fn skip_statement(&mut self, base: usize) -> Parsed<()> {
        loop {
            if self.begins_method() {
                return Err(Failure::Method);
            }
            match self.token.kind {
                TokenKind::End | TokenKind::UnclosedString | TokenKind::UnclosedComment => return Err(Failure::Source),
                TokenKind::Open | TokenKind::OpenBlock => {
                    self.push_bracket();
                    self.bump();
                }
                TokenKind::Close | TokenKind::CloseBlock => {
                    if self.is_end_of_body(base) {
                        return Ok(());
                    }
                    self.bump();
                }
                TokenKind::Period if self.open.len() <= base => {
                    self.bump();
                    return Ok(());
                }
                _ => drop(self.bump()),
            }
        }
    }

    /// While skipping, at a closing bracket: whether it ends the body. Takes off `open` what it closes within the body.
    fn is_end_of_body(&mut self, base: usize) -> bool {
        let within = self.open.len().saturating_sub(MAX_BRACKETS_SEARCHED).max(base);
        if let Some(index) = self.open[within..].iter().rposition(|bracket| self.at(closing(bracket.kind))) {
            self.open.truncate(within + index);
            return false;
        }
        let around = base.saturating_sub(MAX_BRACKETS_SEARCHED);
        let ends = self.open[around..base].iter().any(|bracket| self.at(closing(bracket.kind)));
        if ends {
            self.open.truncate(base);
        }
        ends
    }

    /// Whether the current token closes a bracket around the innermost one.
    pub(super) fn closes_outer_bracket(&self) -> bool {
        let outer = self.open.iter().rev().skip(1);
        outer.take(MAX_BRACKETS_SEARCHED).any(|bracket| self.at(closing(bracket.kind)))
    }

    /// Whether the line of the current token has a parenthesis behind it that closes one before.
    fn is_closed_on_this_line(&self) -> bool {
        let (mut lexer, mut last, mut depth) = (self.lexer, self.token, 0usize);
        for _ in 0..MAX_LINE_TOKENS {
            let token = lexer.next();
            let gap = &self.source.text()[last.span.end as usize..token.span.start as usize];
            if token.kind == TokenKind::End || gap.contains('\n') {
                return false;
            }
            match token.kind {
                TokenKind::Open | TokenKind::OpenBlock => depth += 1,
                TokenKind::Close | TokenKind::CloseBlock if depth == 0 => return true,
                TokenKind::Close | TokenKind::CloseBlock => depth -= 1,
                _ => {}
            }
            last = token;
        }
        false
    }

    /// After a failure among the methods of a class: passes what comes before the next method or side.
    pub(super) fn next_method(&mut self, failure: Failure) -> Parsed<()> {
        if failure == Failure::Source {
            return Err(failure);
        }
        // A method that has been left is behind the current token already.
        while failure == Failure::Statement && !self.begins_method() {
            if matches!(self.token.kind, TokenKind::End | TokenKind::UnclosedString | TokenKind::UnclosedComment) {
                return Err(Failure::Source);
            }
            self.bump();
        }
        // What remains open is the class.
        self.open.truncate(1);
        Ok(())
    }

    /// Whether the current token begins a method or a side, going by the layout.
    fn begins_method(&self) -> bool {
        self.class_layout.is_some_and(|layout| self.is_laid_out_as_method(layout.column, self.token, self.lexer))
    }

    /// `lexer` stands behind `token`.
    fn is_laid_out_as_method(&self, column: usize, token: Token, lexer: Lexer<'_>) -> bool {
        match token.kind {
            TokenKind::Separator => self.begins_line(token, MAX_COLUMN),
            _ => is_method_head(self.source.text(), token, lexer) && self.begins_line(token, column),
        }
    }

    /// Whether the current token is where a method would begin, going by the layout.
    pub(super) fn begins_line_of_method(&self) -> bool {
        self.class_layout.is_some_and(|layout| self.begins_line(self.token, layout.column))
    }

    /// Whether `token` is the first on its line and at most in this column.
    fn begins_line(&self, token: Token, column: usize) -> bool {
        column_if_first_on_line(self.source.text(), token.span.start).is_some_and(|c| c <= column)
    }

    /// Whether a method can begin with the current token, whatever the layout.
    pub(super) fn at_method_head(&self) -> bool {
        is_method_head(self.source.text(), self.token, self.lexer)
    }

    /// The method that begins within the body of the current one, up to `end`, going by the layout.
    fn overlooked_method(&self, end: u32) -> Option<Token> {
        let layout = self.class_layout?;
        let mut lexer = Lexer::new(self.source.text(), layout.body?);
        loop {
            let token = lexer.next();
            if token.kind == TokenKind::End || token.span.start > end {
                return None;
            }
            if self.is_laid_out_as_method(layout.column, token, lexer) {
                return Some(token);
            }
        }
    }

    /// Reports that a bracket is missing before the method that begins with `head`, and goes back to there.
    fn fail_before_method(&mut self, head: Token) -> Failure {
        self.lexer = Lexer::new(self.source.text(), head.span.start);
        self.bump();
        let what = if head.kind == TokenKind::Separator { "the class side" } else { "a method" };
        let unclosed = self.open.iter().rev().find(|bracket| bracket.offset < head.span.start).copied();
        let (opening, closing) = match unclosed {
            Some(OpenBracket { kind: TokenKind::OpenBlock, .. }) => ('[', ']'),
            _ => ('(', ')'),
        };
        let help = unclosed.map(|bracket| format!("The '{opening}' at {} is not closed.", self.place(bracket.offset)));
        let message = format!("Expected '{closing}', found what looks like the beginning of {what}");
        let diagnostic = Diagnostic::new(self.source, head.span, message).with_help_if_any(help);
        match self.add(diagnostic) {
            Failure::Statement => Failure::Method,
            failure => failure,
        }
    }

    /// The column of the token at `offset`, from 0, in bytes; at most [`MAX_COLUMN`].
    pub(super) fn column(&self, offset: u32) -> usize {
        let before = &self.source.text().as_bytes()[..offset as usize];
        before.iter().rev().take(MAX_COLUMN).take_while(|&&byte| byte != b'\n').count()
    }
}

/// The column, in bytes from 0, of what begins its line; at most [`MAX_COLUMN`].
fn column_if_first_on_line(text: &str, offset: u32) -> Option<usize> {
    let before = &text.as_bytes()[..offset as usize];
    let blanks = before.iter().rev().take(MAX_COLUMN).take_while(|&&byte| byte == b' ' || byte == b'\t').count();
    match before.len().checked_sub(blanks + 1).map(|index| before[index]) {
        None | Some(b'\n') => Some(blanks),
        Some(_) => None,
    }
}

/// Whether a pattern, `=`, and `(` or `primitive` begin with `first`. `lexer` stands behind it.
fn is_method_head(text: &str, first: Token, mut lexer: Lexer<'_>) -> bool {
    use TokenKind::{Bar, Equal, Identifier, Keyword, Minus, Open, Operator};
    let mut token = match first.kind {
        Identifier => lexer.next(),
        Keyword => {
            let mut keyword = first;
            for _ in 0..MAX_HEAD_TOKENS / 2 {
                if keyword.kind != Keyword || lexer.next().kind != Identifier {
                    break;
                }
                keyword = lexer.next();
            }
            keyword
        }
        Operator | Minus | Equal | Bar => {
            if lexer.next().kind != Identifier {
                return false;
            }
            lexer.next()
        }
        _ => return false,
    };
    if token.kind != Equal {
        return false;
    }
    token = lexer.next();
    token.kind == Open
        || (token.kind == Identifier && &text[token.span.start as usize..token.span.end as usize] == "primitive")
}

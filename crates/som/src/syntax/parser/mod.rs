//! From tokens to the tree: recursive descent, one token ahead.
//!
//! | file | parses |
//! |---|---|
//! | this | the two entries, the parser's state, tokens and names |
//! | `class` | classes, sides, methods |
//! | `body` | locals, statements, blocks |
//! | `expression` | assignments, messages, operands |
//! | `literal` | numbers, strings, symbols, arrays |
//! | `recovery` | errors: what is said, and where parsing goes on |
//!
//! # Errors
//! A parsing function that meets something it cannot make sense of *fails*: it reports one diagnostic and returns a
//! [`Failure`], which says how far out parsing must go before it makes sense again. An error that leaves the rest
//! clear (a duplicate name, say) is reported and parsing goes on. A tree comes out only if nothing was reported, so a
//! failing part leaves nothing in its place.
//!
//! # Brackets
//! `open` holds the brackets that have been opened and not closed, also while tokens are skipped. Its length bounds the
//! recursion.

mod body;
mod class;
mod expression;
mod literal;
mod recovery;

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::ast::{Body, ClassDef, Expr, Ident, Span};
use super::diagnostic::Diagnostic;
use super::lexer::{Lexer, Token, TokenKind};
use super::source::{MAX_SOURCE_BYTES, Source};

/// The deepest nesting of parentheses, blocks and literal arrays together, those of class and method included.
///
/// Bounds the parser's own recursion. A level takes at most 2 kB of native stack, unoptimised 7 kB: even then the
/// deepest source fits into the 2 MB of a Rust thread. People rarely nest more than ten.
pub const MAX_NESTING: usize = 200;

/// The greatest height of a method's tree, in expressions, literal arrays not counted.
///
/// Bounds the recursion of whoever walks over the tree or drops it. A row of messages `a b c` is as high as it is
/// long; nobody writes rows of a thousand, and generated programs can use a variable.
pub const MAX_HEIGHT: u32 = 1_000;

/// After so many errors in one source the rest is not looked at.
pub const MAX_DIAGNOSTICS: usize = 20;

/// Parses the definition of a class.
///
/// # Errors
/// If it is not one: at least one and at most [`MAX_DIAGNOSTICS`] diagnostics, in the order of the source.
pub fn parse_class(source: &Source) -> Result<ClassDef, Vec<Diagnostic>> {
    Parser::new(source)?.run(Parser::class)
}

/// Parses what may stand in a method: locals and statements.
///
/// # Errors
/// As for [`parse_class`]; [`is_incomplete`](super::is_incomplete) tells if there was just not enough of it.
pub fn parse_snippet(source: &Source) -> Result<Body, Vec<Diagnostic>> {
    Parser::new(source)?.run(Parser::snippet)
}

/// How far out parsing must go after an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Failure {
    /// The statement (or the method's head) makes no sense; the current token is somewhere in it.
    Statement,
    /// The method has been left: the current token begins the next method, or the class side.
    Method,
    /// Nothing that follows would make sense.
    Source,
}

type Parsed<T> = Result<T, Failure>;

/// An opening bracket.
#[derive(Clone, Copy, Debug)]
struct OpenBracket {
    kind: TokenKind,
    offset: u32,
}

/// Where methods stand in the text of a class.
#[derive(Clone, Copy, Debug)]
struct ClassLayout {
    /// Column of the current or last method, in bytes.
    column: usize,
    /// Where the body of the current method begins.
    body: Option<u32>,
}

/// An expression under construction.
struct Operand {
    expr: Expr,
    /// Height of its tree.
    height: u32,
    /// Where it begins, enclosing parentheses included.
    start: u32,
}

struct Parser<'s> {
    source: &'s Source,
    lexer: Lexer<'s>,
    /// The token to be parsed next.
    token: Token,
    /// Where the token before it ends.
    previous_end: u32,
    open: Vec<OpenBracket>,
    names: FxHashSet<Rc<str>>,
    diagnostics: Vec<Diagnostic>,
    /// In a class, where its methods stand.
    class_layout: Option<ClassLayout>,
    /// The last string that spans lines, in the current method: if the text behind it makes no sense, its end is
    /// suspect.
    long_string: Option<Span>,
}

impl<'s> Parser<'s> {
    fn new(source: &'s Source) -> Result<Parser<'s>, Vec<Diagnostic>> {
        if source.text().len() > MAX_SOURCE_BYTES {
            let message = format!("This source is too large: it may have {MAX_SOURCE_BYTES} bytes");
            return Err(vec![Diagnostic::new(source, Span::default(), message)]);
        }
        let mut lexer = Lexer::new(source.text(), 0);
        let token = lexer.next();
        Ok(Parser {
            source,
            lexer,
            token,
            previous_end: 0,
            open: Vec::new(),
            names: FxHashSet::default(),
            diagnostics: Vec::new(),
            class_layout: None,
            long_string: None,
        })
    }

    fn run<T>(mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Result<T, Vec<Diagnostic>> {
        match parse(&mut self) {
            Ok(tree) if self.diagnostics.is_empty() => Ok(tree),
            _ => {
                // Duplicate names are found at the end of their scope.
                self.diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
                Err(self.diagnostics)
            }
        }
    }

    fn text(&self, span: Span) -> &'s str {
        &self.source.text()[span.start as usize..span.end as usize]
    }

    fn at(&self, kind: TokenKind) -> bool {
        self.token.kind == kind
    }

    fn bump(&mut self) -> Token {
        let token = self.token;
        self.previous_end = token.span.end;
        self.token = self.lexer.next();
        token
    }

    /// Passes a token of this kind if there is one.
    fn accept(&mut self, kind: TokenKind) -> Option<Token> {
        self.at(kind).then(|| self.bump())
    }

    fn expect(&mut self, kind: TokenKind, expected: &str) -> Parsed<Token> {
        if self.at(kind) { Ok(self.bump()) } else { Err(self.unexpected(expected)) }
    }

    /// Passes an opening bracket, which the current token is.
    fn open(&mut self) -> Parsed<Token> {
        if self.open.len() >= MAX_NESTING {
            let message = format!("Brackets nest too deeply: {MAX_NESTING} levels are the limit");
            return Err(self.fail(self.token.span, message, Some("Move an inner part to a method of its own.".into())));
        }
        self.push_bracket();
        Ok(self.bump())
    }

    fn push_bracket(&mut self) {
        self.open.push(OpenBracket { kind: self.token.kind, offset: self.token.span.start });
    }

    /// Passes the bracket that closes `opening`, which is the innermost open one.
    fn close(&mut self, opening: Token) -> Parsed<()> {
        if !self.at(closing(opening.kind)) {
            return Err(self.unclosed(OpenBracket { kind: opening.kind, offset: opening.span.start }));
        }
        self.open.pop();
        self.bump();
        Ok(())
    }

    fn intern(&mut self, name: &str) -> Rc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let name: Rc<str> = name.into();
        self.names.insert(name.clone());
        name
    }

    fn ident(&mut self, token: Token) -> Ident {
        Ident { name: self.intern(self.text(token.span)), span: token.span }
    }

    fn expect_ident(&mut self, expected: &str) -> Parsed<Ident> {
        let token = self.expect(TokenKind::Identifier, expected)?;
        Ok(self.ident(token))
    }

    /// A name that is declared here.
    fn declare(&mut self, expected: &str) -> Parsed<Ident> {
        let ident = self.expect_ident(expected)?;
        if super::is_pseudo_variable(&ident.name) {
            self.report(ident.span, format!("'{}' can't be declared: it has a meaning of its own", ident.name), None);
        }
        Ok(ident)
    }

    /// Reports each name that occurs a second time, with a message made of it.
    fn check_unique<'a>(&mut self, idents: impl Iterator<Item = &'a Ident> + Clone, message: fn(&str) -> String) {
        // For the few names of a usual method, comparing all is quicker than a table.
        if idents.clone().nth(8).is_none() {
            for (i, later) in idents.clone().enumerate() {
                if let Some(first) = idents.clone().take(i).find(|earlier| Rc::ptr_eq(&earlier.name, &later.name)) {
                    self.duplicate(first, later, message);
                }
            }
            return;
        }
        let mut seen: FxHashMap<*const u8, &Ident> = FxHashMap::default();
        for ident in idents {
            // Names are interned.
            match seen.get(&ident.name.as_ptr()) {
                Some(first) => self.duplicate(first, ident, message),
                None => drop(seen.insert(ident.name.as_ptr(), ident)),
            }
        }
    }

    fn check_variables<'a>(&mut self, idents: impl Iterator<Item = &'a Ident> + Clone) {
        self.check_unique(idents, |name| format!("Variable '{name}' shadows another of the same name"));
    }

    fn duplicate(&mut self, first: &Ident, later: &Ident, message: fn(&str) -> String) {
        if self.is_full() {
            return;
        }
        let help = format!("The other one is at {}.", self.place(first.span.start));
        self.report(later.span, message(&later.name), Some(help));
    }
}

/// The closing bracket for an opening one.
fn closing(opening: TokenKind) -> TokenKind {
    if opening == TokenKind::OpenBlock { TokenKind::CloseBlock } else { TokenKind::Close }
}

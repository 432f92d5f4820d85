//! Bodies: locals and statements, of methods, blocks and snippets.
//!
//! A body is where parsing goes on after an error in a statement. When a body has been parsed, with or without
//! errors, its opening bracket is off `open`.

use std::rc::Rc;

use super::super::ast::{BlockDef, Body, Expr, ExprKind, Ident, Span};
use super::super::lexer::TokenKind;
use super::{Failure, Operand, Parsed, Parser};

/// The most arguments a block can have: there is no message to pass it more.
const MAX_BLOCK_PARAMS: usize = 2;

impl Parser<'_> {
    /// A source that is a body.
    pub(super) fn snippet(&mut self) -> Parsed<Body> {
        let (locals, statements, _) = self.body_contents(&[])?;
        Ok(Body { locals, statements, end: self.token.span })
    }

    /// What lies between a bracket, which has been passed, and its counterpart, that included; and the height of its
    /// tree.
    pub(super) fn body(&mut self, params: &[Ident]) -> Parsed<(Body, u32)> {
        let (locals, statements, height) = self.body_contents(params)?;
        // It may not be the counterpart: then `body_contents` has said so and forgiven it.
        let end = if self.at_own_end() { self.bump().span } else { self.token.span };
        self.open.pop();
        Ok((Body { locals, statements, end }, height))
    }

    fn body_contents(&mut self, params: &[Ident]) -> Parsed<(Vec<Ident>, Vec<Expr>, u32)> {
        let base = self.open.len();
        let locals = match self.locals(params) {
            Err(Failure::Statement) => self.skip_statement(base).map(|()| Vec::new()),
            other => other,
        }?;
        let mut statements = Vec::new();
        let mut height = 0;
        while !self.is_body_over()? {
            match self.statement() {
                Ok(statement) => {
                    height = height.max(statement.height);
                    statements.push(statement.expr);
                }
                Err(Failure::Statement) => self.skip_statement(base)?,
                Err(failure) => return Err(failure),
            }
        }
        Ok((locals, statements, height))
    }

    fn locals(&mut self, params: &[Ident]) -> Parsed<Vec<Ident>> {
        let locals = if self.at(TokenKind::Bar) {
            self.names_between_bars("a local variable's name or '|'")?
        } else {
            Vec::new()
        };
        self.check_variables(params.iter().chain(&locals));
        Ok(locals)
    }

    fn at_own_end(&self) -> bool {
        self.at(self.open.last().map_or(TokenKind::End, |bracket| super::closing(bracket.kind)))
    }

    /// Whether there are no more statements. Closing brackets that do not belong here are reported; one that belongs
    /// to a bracket further out ends the body as if its own were there, others are passed.
    fn is_body_over(&mut self) -> Parsed<bool> {
        while !self.at_own_end() {
            let failure = match (self.token.kind, self.open.last().copied()) {
                (TokenKind::End, Some(innermost)) => return Err(self.unclosed(innermost)),
                (TokenKind::Close | TokenKind::CloseBlock, Some(innermost)) if self.closes_outer_bracket() => {
                    return match self.unclosed(innermost) {
                        Failure::Statement => Ok(true),
                        failure => Err(failure),
                    };
                }
                (TokenKind::Close | TokenKind::CloseBlock, _) => {
                    self.fail(self.token.span, format!("{} closes nothing", self.found()), None)
                }
                _ => return Ok(false),
            };
            if failure != Failure::Statement {
                return Err(failure);
            }
            self.bump();
            self.accept(TokenKind::Period);
        }
        Ok(true)
    }

    /// One statement with the period behind it.
    fn statement(&mut self) -> Parsed<Operand> {
        let Some(caret) = self.accept(TokenKind::Caret) else {
            let statement = self.expression()?;
            self.end_of_statement()?;
            return Ok(statement);
        };
        let value = self.expression()?;
        let span = Span { start: caret.span.start, end: self.previous_end };
        let result = self.node(value.height, caret.span.start, span, ExprKind::Return(Box::new(value.expr)))?;
        self.end_of_statement()?;
        if !self.is_statement_over() {
            let help = "'^' leaves the method, so it begins the last statement.";
            return Err(self.fail(self.token.span, "This can never be reached".into(), Some(help.into())));
        }
        Ok(result)
    }

    fn end_of_statement(&mut self) -> Parsed<()> {
        if self.accept(TokenKind::Period).is_some() || self.is_statement_over() {
            return Ok(());
        }
        let expected = match self.open.last() {
            Some(bracket) if bracket.kind == TokenKind::OpenBlock => "'.' or ']'",
            Some(_) => "'.' or ')'",
            None => "'.' or the end",
        };
        Err(self.unexpected(expected))
    }

    fn is_statement_over(&self) -> bool {
        matches!(self.token.kind, TokenKind::Close | TokenKind::CloseBlock | TokenKind::End)
    }

    pub(super) fn block(&mut self) -> Parsed<Operand> {
        let start = self.open()?.span.start;
        let params = self.block_params()?;
        let (body, height) = self.body(&params)?;
        let span = Span { start, end: self.previous_end };
        self.node(height, start, span, ExprKind::Block(Rc::new(BlockDef { params, body })))
    }

    fn block_params(&mut self) -> Parsed<Vec<Ident>> {
        let mut params = Vec::new();
        while self.accept(TokenKind::Colon).is_some() {
            params.push(self.declare("the name of a block argument")?);
        }
        if let Some(extra) = params.get(MAX_BLOCK_PARAMS) {
            let message = format!("A block takes at most {MAX_BLOCK_PARAMS} arguments, and this is one too many");
            self.report(extra.span, message, Some("Pass an object or an array that holds them.".into()));
        }
        if !params.is_empty() {
            self.expect(TokenKind::Bar, "'|' behind the block's arguments")?;
        }
        Ok(params)
    }
}

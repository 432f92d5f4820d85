//! Expressions: assignments, messages, operands.
//!
//! Unary messages bind more closely than binary ones, and these than a keyword message; within a kind, from left to
//! right. Rows of messages and of assignments are loops here, so only brackets cost native stack.

use std::borrow::Cow;

use super::super::ast::{Expr, ExprKind, Ident, Send, Span};
use super::super::lexer::{Token, TokenKind};
use super::{MAX_HEIGHT, Operand, Parsed, Parser};

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed<Operand> {
        let mut targets: Vec<Ident> = Vec::new();
        let first = loop {
            let Some(token) = self.accept(TokenKind::Identifier) else { break self.primary()? };
            let ident = self.ident(token);
            if !self.at(TokenKind::Assign) {
                break self.variable(ident);
            }
            self.bump();
            targets.push(ident);
        };
        let mut value = self.messages(first)?;
        if self.at(TokenKind::Assign) {
            let help = "An assignment is 'name := expression'; as part of another expression it stands in parentheses.";
            return Err(self.fail(self.token.span, "Only a variable can be assigned to".into(), Some(help.into())));
        }
        for target in targets.into_iter().rev() {
            let span = Span { start: target.span.start, end: self.previous_end };
            value = self.node(value.height, span.start, span, ExprKind::Assign(target, Box::new(value.expr)))?;
        }
        Ok(value)
    }

    /// A node of the tree, whose highest child has height `below`.
    pub(super) fn node(&mut self, below: u32, start: u32, span: Span, kind: ExprKind) -> Parsed<Operand> {
        if below >= MAX_HEIGHT {
            let message = format!("This expression is too long: {MAX_HEIGHT} messages in a row are the limit");
            let last = Span { start: self.previous_end.saturating_sub(1), end: self.previous_end };
            return Err(self.fail(last, message, Some("Put what comes before into a variable.".into())));
        }
        Ok(Operand { expr: Expr { kind, span }, height: below + 1, start })
    }

    fn leaf(&self, start: u32, kind: ExprKind) -> Operand {
        Operand { expr: Expr { kind, span: Span { start, end: self.previous_end } }, height: 1, start }
    }

    fn variable(&self, ident: Ident) -> Operand {
        Operand { expr: Expr { kind: ExprKind::Var(ident.name), span: ident.span }, height: 1, start: ident.span.start }
    }

    fn messages(&mut self, first: Operand) -> Parsed<Operand> {
        let receiver = self.unary_messages(first)?;
        let receiver = self.binary_messages(receiver)?;
        if self.at(TokenKind::Keyword) { self.keyword_message(receiver) } else { Ok(receiver) }
    }

    fn unary_messages(&mut self, mut receiver: Operand) -> Parsed<Operand> {
        while let Some(token) = self.accept(TokenKind::Identifier) {
            let selector = self.ident(token);
            receiver = self.send(receiver, selector, Vec::new(), 0)?;
        }
        Ok(receiver)
    }

    fn binary_messages(&mut self, mut receiver: Operand) -> Parsed<Operand> {
        while is_binary(self.token) {
            let token = self.bump();
            let selector = self.ident(token);
            let arg = self.primary()?;
            let arg = self.unary_messages(arg)?;
            receiver = self.send(receiver, selector, vec![arg.expr], arg.height)?;
        }
        Ok(receiver)
    }

    fn keyword_message(&mut self, receiver: Operand) -> Parsed<Operand> {
        let first = self.token;
        let mut selector = Cow::Borrowed("");
        let mut args = Vec::new();
        let mut height = 0;
        while let Some(keyword) = self.accept(TokenKind::Keyword) {
            selector += self.text(keyword.span);
            let arg = self.primary()?;
            let arg = self.unary_messages(arg)?;
            let arg = self.binary_messages(arg)?;
            height = height.max(arg.height);
            args.push(arg.expr);
        }
        let selector = Ident { name: self.intern(&selector), span: first.span };
        self.send(receiver, selector, args, height)
    }

    fn send(&mut self, receiver: Operand, selector: Ident, args: Vec<Expr>, args_height: u32) -> Parsed<Operand> {
        let Operand { expr, height, start } = receiver;
        let span = Span { start, end: self.previous_end };
        let send = Box::new(Send { receiver: expr, selector, args });
        self.node(height.max(args_height), start, span, ExprKind::Send(send))
    }

    fn primary(&mut self) -> Parsed<Operand> {
        let start = self.token.span.start;
        match self.token.kind {
            TokenKind::Identifier => {
                let token = self.bump();
                let ident = self.ident(token);
                Ok(self.variable(ident))
            }
            TokenKind::Open => self.parenthesised(),
            TokenKind::OpenBlock => self.block(),
            TokenKind::Pound | TokenKind::String | TokenKind::Integer | TokenKind::Double => {
                self.literal_operand(start)
            }
            TokenKind::Minus if self.is_negative_number() => self.literal_operand(start),
            _ => Err(self.unexpected("an expression")),
        }
    }

    fn literal_operand(&mut self, start: u32) -> Parsed<Operand> {
        let literal = self.literal()?;
        Ok(self.leaf(start, ExprKind::Literal(literal)))
    }

    fn parenthesised(&mut self) -> Parsed<Operand> {
        let opening = self.open()?;
        let inner = self.expression()?;
        self.close(opening)?;
        Ok(Operand { start: opening.span.start, ..inner })
    }
}

pub(super) fn is_binary(token: Token) -> bool {
    matches!(token.kind, TokenKind::Operator | TokenKind::Minus | TokenKind::Equal | TokenKind::Bar)
}

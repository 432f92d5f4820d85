//! Classes: head, sides, fields, methods.

use std::borrow::Cow;
use std::rc::Rc;

use super::super::ast::{ClassDef, Ident, MethodBody, MethodDef, Side, Span, Superclass};
use super::super::lexer::TokenKind;
use super::{ClassLayout, Failure, Parsed, Parser};

impl Parser<'_> {
    pub(super) fn class(&mut self) -> Parsed<ClassDef> {
        let (name, superclass) = self.class_head()?;
        let opening = self.open()?;
        self.class_layout = Some(ClassLayout { column: usize::MAX, body: None });
        let instance_side = self.side()?;
        let class_side = if self.accept(TokenKind::Separator).is_some() { self.class_side()? } else { Side::default() };
        self.close(opening)?;
        self.end_of_file()?;
        Ok(ClassDef { name, superclass, instance_side, class_side })
    }

    fn class_head(&mut self) -> Parsed<(Ident, Superclass)> {
        let help = || Some("A file defines one class: Name = Superclass ( fields and methods ).".into());
        let Some(name) = self.accept(TokenKind::Identifier) else {
            return Err(self.unexpected_with("a class's name", help()));
        };
        let name = self.ident(name);
        if self.accept(TokenKind::Equal).is_none() {
            return Err(self.unexpected_with("'=' behind the class's name", help()));
        }
        let superclass = self.superclass();
        if self.at(TokenKind::Open) {
            return Ok((name, superclass));
        }
        Err(self.unexpected_with("'(' and the class's fields and methods", help()))
    }

    fn end_of_file(&mut self) -> Parsed<()> {
        if self.at(TokenKind::End) {
            return Ok(());
        }
        if !self.diagnostics.is_empty() {
            // What was reported may well have led to closing the class too early.
            return Err(Failure::Source);
        }
        let help = "Perhaps a ')' too many in the last method has closed the class.";
        Err(self.unexpected_with("the end of the file behind the class", Some(help.into())))
    }

    fn superclass(&mut self) -> Superclass {
        match self.accept(TokenKind::Identifier) {
            None => Superclass::Default,
            Some(token) if self.text(token.span) == "nil" => Superclass::Nil,
            Some(token) => Superclass::Named(self.ident(token)),
        }
    }

    fn class_side(&mut self) -> Parsed<Side> {
        let mut side = self.side()?;
        while self.at(TokenKind::Separator) {
            self.report(self.token.span, "A class has only two sides, and this begins a third".into(), None);
            self.bump();
            side = self.side()?;
        }
        Ok(side)
    }

    /// Fields and methods, up to the separator or the class's closing parenthesis.
    fn side(&mut self) -> Parsed<Side> {
        let mut side = Side::default();
        if let Err(failure) = self.side_fields(&mut side) {
            self.next_method(failure)?;
        }
        loop {
            match self.token.kind {
                TokenKind::Close | TokenKind::Separator => break,
                TokenKind::Bar if !self.at_method_head() => {
                    if let Err(failure) = self.misplaced_fields() {
                        self.next_method(failure)?;
                    }
                }
                TokenKind::Identifier
                | TokenKind::Keyword
                | TokenKind::Bar
                | TokenKind::Equal
                | TokenKind::Minus
                | TokenKind::Operator => {
                    let errors = self.diagnostics.len();
                    self.class_layout = Some(ClassLayout { column: self.column(self.token.span.start), body: None });
                    let result = self.method();
                    self.leave_method();
                    match result {
                        Ok(method) => side.methods.push(method),
                        Err(failure) => self.next_method(failure)?,
                    }
                    let had_errors = self.diagnostics.len() > errors;
                    if had_errors && !self.is_side_item() {
                        // A bracket too many or too few in the method: what follows is in all likelihood still part
                        // of it.
                        self.next_method(Failure::Statement)?;
                    }
                }
                _ => {
                    let failure = self.unexpected("a method, '----' or ')'");
                    self.next_method(failure)?;
                }
            }
        }
        let selectors: Vec<&Ident> = side.methods.iter().map(|method| &method.selector).collect();
        self.check_unique(selectors.into_iter(), |name| {
            format!("Method '{name}' has already been defined in this class.")
        });
        Ok(side)
    }

    fn leave_method(&mut self) {
        self.long_string = None;
        if let Some(layout) = &mut self.class_layout {
            layout.body = None;
        }
    }

    /// Whether the class can go on with the current token.
    fn is_side_item(&self) -> bool {
        let ends = matches!(self.token.kind, TokenKind::Close | TokenKind::Separator | TokenKind::End);
        ends || self.at_method_head() || self.begins_line_of_method()
    }

    fn side_fields(&mut self, side: &mut Side) -> Parsed<()> {
        if self.at(TokenKind::Bar) && !self.at_method_head() {
            let fields = self.names_between_bars("a field's name or '|'")?;
            self.check_unique(fields.iter(), |name| format!("Field '{name}' has already been defined in this class."));
            side.fields = fields;
        }
        Ok(())
    }

    /// `| a b |`: fields or locals. What is `expected` between the bars is for the error message.
    pub(super) fn names_between_bars(&mut self, expected: &str) -> Parsed<Vec<Ident>> {
        self.bump();
        let mut names = Vec::new();
        while self.accept(TokenKind::Bar).is_none() {
            names.push(self.declare(expected)?);
        }
        Ok(names)
    }

    fn method(&mut self) -> Parsed<Rc<MethodDef>> {
        let start = self.token.span;
        let (selector, params) = self.pattern()?;
        self.expect(TokenKind::Equal, "'=' behind the method's name and arguments")?;
        let body = self.method_body(&selector, &params)?;
        let span = Span { start: start.start, end: self.previous_end };
        Ok(Rc::new(MethodDef { selector, params, body, span }))
    }

    fn misplaced_fields(&mut self) -> Parsed<()> {
        let help = "A side of a class has one list of fields '| a b c |', in front of its methods.";
        self.report(self.token.span, "Fields can't be declared here".into(), Some(help.into()));
        self.names_between_bars("a field's name or '|'").map(drop)
    }

    fn pattern(&mut self) -> Parsed<(Ident, Vec<Ident>)> {
        let first = self.token;
        let mut params = Vec::new();
        let name = match first.kind {
            TokenKind::Identifier => self.ident(first).name,
            TokenKind::Keyword => {
                let mut selector = Cow::Borrowed("");
                while let Some(keyword) = self.accept(TokenKind::Keyword) {
                    selector += self.text(keyword.span);
                    params.push(self.declare("the argument's name")?);
                }
                self.intern(&selector)
            }
            _ => {
                self.bump();
                params.push(self.declare("the argument's name")?);
                self.ident(first).name
            }
        };
        if first.kind == TokenKind::Identifier {
            self.bump();
        }
        Ok((Ident { name, span: Span { start: first.span.start, end: self.previous_end } }, params))
    }

    fn method_body(&mut self, selector: &Ident, params: &[Ident]) -> Parsed<MethodBody> {
        if self.at(TokenKind::Open) {
            self.open()?;
            if let Some(layout) = &mut self.class_layout {
                layout.body = Some(self.previous_end);
            }
            let (body, _) = self.body(params)?;
            return Ok(MethodBody::Code(body));
        }
        if self.at(TokenKind::Identifier) && self.text(self.token.span) == "primitive" {
            self.bump();
            self.check_variables(params.iter());
            return Ok(MethodBody::Primitive);
        }
        Err(self.unexpected(&format!("'(' and the code of method '{}', or 'primitive'", selector.name)))
    }
}

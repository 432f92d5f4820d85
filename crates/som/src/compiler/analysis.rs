//! What code generation must know before it starts: which variables blocks capture, who uses `self`, and whether a block
//! returns non-locally.
//!
//! A *scope* is the method or one block; blocks that are compiled in place are scopes of the *function*
//! (method or closure) around them. A variable is *captured* if a closure within its function refers to it.
//!
//! This walk also finds the errors that syntax alone does not show: assignment to a name that is no variable.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::inline::{Inlined, Inlining, classify};
use crate::method::Undeclared;
use crate::syntax::ast::{BlockDef, Body, Expr, ExprKind, Ident, MethodBody, MethodDef, Send, Span};
use crate::syntax::is_pseudo_variable;

/// The result of the analysis of one method.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    /// The scope of the method and of each block in it, by the address of its body in the syntax tree.
    scopes: FxHashMap<*const Body, ScopeFacts>,
    /// Whether some closure returns non-locally.
    pub needs_home: bool,
}

/// What is known about one scope.
#[derive(Debug, Default)]
pub(super) struct ScopeFacts {
    /// For each parameter and then each local, whether a closure captures it.
    pub captured: Vec<bool>,
    /// Whether its own code (not that of closures in it) needs `self`.
    pub uses_self: bool,
}

impl Analysis {
    /// The facts about the scope with this body.
    pub fn scope(&self, body: &Body) -> &ScopeFacts {
        &self.scopes[&std::ptr::from_ref(body)]
    }
}

/// An assignment to a name that is neither variable nor field.
#[derive(Debug)]
pub(super) struct UnknownVariable {
    pub name: Rc<str>,
    pub span: Span,
}

/// Analyses one method of a class whose field names `is_field` knows.
pub(super) fn analyse(
    method: &MethodDef,
    inlining: Inlining,
    undeclared: Undeclared,
    is_field: &dyn Fn(&str) -> bool,
) -> Result<Analysis, Vec<UnknownVariable>> {
    let mut walk = Walk {
        result: Analysis::default(),
        scopes: Vec::new(),
        functions: 0,
        inlining,
        undeclared,
        is_field,
        errors: Vec::new(),
    };
    if let MethodBody::Code(body) = &method.body {
        walk.scope(&method.params, body, true);
    }
    if walk.errors.is_empty() { Ok(walk.result) } else { Err(walk.errors) }
}

struct OpenScope {
    body: *const Body,
    function: usize,
    /// Parameters, then locals.
    names: Vec<Rc<str>>,
    facts: ScopeFacts,
}

struct Walk<'a> {
    result: Analysis,
    scopes: Vec<OpenScope>,
    functions: usize,
    inlining: Inlining,
    undeclared: Undeclared,
    is_field: &'a dyn Fn(&str) -> bool,
    errors: Vec<UnknownVariable>,
}

impl Walk<'_> {
    fn scope(&mut self, params: &[Ident], body: &Body, is_function: bool) {
        if is_function {
            self.functions += 1;
        }
        let names: Vec<_> = params.iter().chain(&body.locals).map(|ident| ident.name.clone()).collect();
        let function = if is_function { self.functions } else { self.current_function() };
        let facts = ScopeFacts { captured: vec![false; names.len()], uses_self: false };
        self.scopes.push(OpenScope { body, function, names, facts });
        for statement in &body.statements {
            self.expr(statement);
        }
        if let Some(scope) = self.scopes.pop() {
            self.result.scopes.insert(scope.body, scope.facts);
        }
    }

    fn current_function(&self) -> usize {
        self.scopes.last().map_or(0, |s| s.function)
    }

    fn use_self(&mut self) {
        let function = self.current_function();
        for scope in self.scopes.iter_mut().rev().take_while(|s| s.function == function) {
            scope.facts.uses_self = true;
        }
    }

    /// Notes a use of `name`; false if it is no variable or field.
    fn variable(&mut self, name: &str) -> bool {
        let function = self.current_function();
        for scope in self.scopes.iter_mut().rev() {
            // The last declaration of a name within one scope counts.
            if let Some(variable) = scope.names.iter().rposition(|n| **n == *name) {
                scope.facts.captured[variable] |= scope.function != function;
                return true;
            }
        }
        let is_field = (self.is_field)(name);
        if is_field {
            self.use_self();
        }
        is_field
    }

    fn closure(&mut self, block: &BlockDef) {
        self.scope(&block.params, &block.body, true);
    }

    fn in_place(&mut self, block: &BlockDef) {
        self.scope(&block.params, &block.body, false);
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Var(name) if &**name == "self" || &**name == "super" => self.use_self(),
            ExprKind::Var(name) => {
                self.variable(name);
            }
            ExprKind::Assign(target, value) => {
                self.expr(value);
                let may_be_global = self.undeclared == Undeclared::Global && !is_pseudo_variable(&target.name);
                if !self.variable(&target.name) && !may_be_global {
                    self.errors.push(UnknownVariable { name: target.name.clone(), span: target.span });
                }
            }
            ExprKind::Send(send) => self.send(send),
            ExprKind::Block(block) => self.closure(block),
            ExprKind::Literal(_) => {}
            ExprKind::Return(value) => {
                self.expr(value);
                // In the method itself it is an ordinary return; the method is function 1.
                if self.current_function() != 1 {
                    self.result.needs_home = true;
                }
            }
        }
    }

    fn send(&mut self, send: &Send) {
        match classify(send, self.inlining) {
            Some(Inlined::While { condition, body, .. }) => {
                self.in_place(condition);
                self.in_place(body);
            }
            inlined => {
                self.expr(&send.receiver);
                for arg in &send.args {
                    match &arg.kind {
                        ExprKind::Block(block) if inlined.is_some() => self.in_place(block),
                        _ => self.expr(arg),
                    }
                }
            }
        }
    }
}

//! Which expressions never yield a value, by syntax.
//!
//! rustc knows this by type; the builder must know it where a block ends without an expression: is its value `()`, or is its end never reached?

use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprBreak, ExprClosure, ExprForLoop, ExprLoop, ExprWhile, Label, Macro, Stmt};

const PANICS: [&str; 4] = ["panic", "unreachable", "todo", "unimplemented"];

fn panics(m: &Macro) -> bool {
    m.path.segments.last().is_some_and(|s| PANICS.iter().any(|p| s.ident == p))
}

/// Does evaluating the expression never end in a value?
pub fn expr(e: &Expr) -> bool {
    match e {
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => true,
        Expr::Macro(m) => panics(&m.mac),
        Expr::Paren(e) => expr(&e.expr),
        Expr::Group(e) => expr(&e.expr),
        Expr::Block(b) => b.label.is_none() && block(&b.block),
        Expr::Unsafe(b) => block(&b.block),
        Expr::If(i) => expr(&i.cond) || i.else_branch.as_ref().is_some_and(|(_, e)| expr(e)) && block(&i.then_branch),
        Expr::Match(m) => expr(&m.expr) || !m.arms.is_empty() && m.arms.iter().all(|a| expr(&a.body)),
        Expr::Loop(l) => !has_break(&l.body, l.label.as_ref()),
        _ => false,
    }
}

/// Is the end of the block never reached?
pub fn block(b: &Block) -> bool {
    b.stmts.iter().any(|s| match s {
        Stmt::Expr(e, _) => expr(e),
        Stmt::Macro(m) => panics(&m.mac),
        Stmt::Local(l) => l.init.as_ref().is_some_and(|i| expr(&i.expr)),
        Stmt::Item(_) => false,
    })
}

struct Breaks<'a> {
    label: Option<&'a Label>,
    depth: usize,
    found: bool,
}

impl<'ast> Visit<'ast> for Breaks<'_> {
    fn visit_expr_break(&mut self, e: &'ast ExprBreak) {
        self.found |= match &e.label {
            None => self.depth == 0,
            Some(l) => self.label.is_some_and(|mine| mine.name.ident == l.ident),
        };
        visit::visit_expr_break(self, e);
    }

    fn visit_macro(&mut self, m: &'ast Macro) {
        // A local macro may hide a `break`; taking it for one only makes the loop's end reachable.
        self.found |= m.tokens.to_string().contains("break");
    }

    fn visit_expr_loop(&mut self, e: &'ast ExprLoop) {
        self.depth += 1;
        visit::visit_expr_loop(self, e);
        self.depth -= 1;
    }

    fn visit_expr_while(&mut self, e: &'ast ExprWhile) {
        self.depth += 1;
        visit::visit_expr_while(self, e);
        self.depth -= 1;
    }

    fn visit_expr_for_loop(&mut self, e: &'ast ExprForLoop) {
        self.depth += 1;
        visit::visit_expr_for_loop(self, e);
        self.depth -= 1;
    }

    fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
}

/// Does something in the loop's body leave the loop by `break`?
pub fn has_break(body: &Block, label: Option<&Label>) -> bool {
    let mut breaks = Breaks { label, depth: 0, found: false };
    breaks.visit_block(body);
    breaks.found
}

/// Does the body of a closure or function use `return` or `?` of its own?
pub fn returns_early(e: &Expr) -> bool {
    struct Returns(bool);
    impl<'ast> Visit<'ast> for Returns {
        fn visit_expr_return(&mut self, _: &'ast syn::ExprReturn) {
            self.0 = true;
        }
        fn visit_expr_try(&mut self, _: &'ast syn::ExprTry) {
            self.0 = true;
        }
        fn visit_macro(&mut self, _: &'ast Macro) {
            self.0 = true;
        }
        fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
    }
    let mut returns = Returns(false);
    returns.visit_expr(e);
    returns.0
}

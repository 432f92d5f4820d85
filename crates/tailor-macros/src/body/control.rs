//! Control flow: conditions, branches, matches, loops, returns.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Arm, BinOp, Block, Expr, ExprBreak, ExprContinue, ExprForLoop, ExprIf, ExprLoop, ExprMatch, ExprReturn, ExprWhile,
    Label, Local, Pat, RangeLimits, Stmt,
};

use super::{Body, Target, alternatives, pattern};
use crate::diverge;
use crate::types::handle;

/// Below this number of arms with constants a `match` becomes a chain of tests.
const SWITCH_ARMS: usize = 4;

/// Whether the value of an expression is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// As a handle.
    Value,
    /// Not at all.
    Nothing,
}

impl Body {
    // ---- blocks ----

    /// `{ ... }`, yielding a handle or nothing.
    pub fn block(&mut self, block: &Block, wanted: Wanted) -> TokenStream {
        let inner = self.scoped(|b| b.statements(block, wanted));
        quote!({ #inner })
    }

    fn statements(&mut self, block: &Block, wanted: Wanted) -> TokenStream {
        let mut code = TokenStream::new();
        let mut has_tail = false;
        for (i, statement) in block.stmts.iter().enumerate() {
            let last = i + 1 == block.stmts.len();
            match statement {
                Stmt::Local(l) => code.extend(self.local(l)),
                Stmt::Item(syn::Item::Macro(m)) => {
                    if let Err(e) = self.define_macro(m) {
                        self.errors.push(e);
                    }
                }
                Stmt::Item(syn::Item::Fn(f)) => {
                    let e = self.error(f.sig.span(), "a function inside a jitted function can't be called from there: move it out and mark it #[jit]");
                    code.extend(quote!(let _: ::tailor::__jit::V<()> = #e;));
                }
                Stmt::Item(item) => code.extend(quote!(#item)),
                Stmt::Expr(e, None) if last && wanted == Wanted::Value => {
                    has_tail = true;
                    code.extend(self.value(e));
                }
                Stmt::Expr(e, _) => code.extend(self.discard(e)),
                Stmt::Macro(m) => {
                    let e = Expr::Macro(syn::ExprMacro { attrs: Vec::new(), mac: m.mac.clone() });
                    if last && m.semi_token.is_none() && wanted == Wanted::Value {
                        has_tail = true;
                        code.extend(self.value(&e));
                    } else {
                        code.extend(self.discard(&e));
                    }
                }
            }
        }
        if wanted == Wanted::Value && !has_tail {
            code.extend(if diverge::block(block) {
                quote!(::tailor::__jit::dead())
            } else {
                quote!(::tailor::__jit::unit())
            });
        }
        code
    }

    fn local(&mut self, local: &Local) -> TokenStream {
        let (pat, annotation) = match &local.pat {
            Pat::Type(t) => (&*t.pat, Some(handle(&t.ty))),
            p => (p, None),
        };
        let Some(init) = &local.init else {
            return self.uninitialised(pat, annotation);
        };
        let annotation = annotation.map(|t| quote!(: #t));
        let value = self.value(&init.expr);
        let v = self.fresh("v");
        let Some((_, otherwise)) = &init.diverge else {
            // A plain name needs no second variable.
            if let Pat::Ident(p) = pat
                && p.subpat.is_none()
                && p.by_ref.is_none()
                && !super::is_upper(&p.ident)
            {
                // A closure is not assigned to, whether or not it changes what it captures.
                let (name, mutable) = (&p.ident, p.mutability.is_some() && !matches!(&*init.expr, Expr::Closure(_)));
                self.bind(&name.to_string(), mutable);
                return if mutable {
                    quote!(let #name #annotation = ::tailor::__jit::var(#value);)
                } else {
                    quote!(let #name #annotation = #value;)
                };
            }
            let bindings = self.pattern(pat, &quote!(#v), None);
            return quote!(let #v #annotation = #value; #bindings);
        };
        let fail = self.fresh("else");
        // The `else` block does not see the names of the pattern.
        let otherwise = self.scoped(|b| b.discard(otherwise));
        let bindings = self.pattern(pat, &quote!(#v), Some(&fail));
        let matched = self.fresh("matched");
        quote! {
            let #v #annotation = #value;
            let #fail = ::tailor::__jit::block();
            #bindings
            let #matched = ::tailor::__jit::block();
            ::tailor::__jit::jump(#matched);
            ::tailor::__jit::at(#fail);
            { #otherwise }
            ::tailor::__jit::at(#matched);
        }
    }

    /// `let x;`
    fn uninitialised(&mut self, pat: &Pat, annotation: Option<TokenStream>) -> TokenStream {
        let span = pat.span();
        match pat {
            Pat::Ident(p) => {
                let name = &p.ident;
                self.bind(&name.to_string(), true);
                let annotation = annotation.map(|t| quote!(: #t));
                quote_spanned!(span=> let #name #annotation = ::tailor::__jit::uninit();)
            }
            Pat::Tuple(t) if annotation.is_none() => t.elems.iter().map(|p| self.uninitialised(p, None)).collect(),
            _ => self.error(span, "in jitted code a `let` without a value has plain names"),
        }
    }

    // ---- branches ----

    /// Statements that go on if the condition holds, with the names of its `let`s bound, and to `fail` otherwise.
    fn condition(&mut self, e: &Expr, fail: &Ident) -> TokenStream {
        let parentheses = self.parentheses.take();
        match e {
            Expr::Paren(p) => {
                self.parentheses = parentheses.or_else(|| Some(e.span()));
                self.condition(&p.expr, fail)
            }
            Expr::Group(g) => self.condition(&g.expr, fail),
            Expr::Binary(b) if matches!(b.op, BinOp::And(_)) => {
                let left = self.condition(&b.left, fail);
                let right = self.condition(&b.right, fail);
                quote!(#left #right)
            }
            Expr::Let(l) => {
                let v = self.fresh("v");
                let subject = self.value(&l.expr);
                let test = self.pattern(&l.pat, &quote!(#v), Some(fail));
                quote!(let #v = #subject; #test)
            }
            e => {
                self.parentheses = parentheses;
                let (value, span) = (self.value(e), e.span());
                quote_spanned!(span=> ::tailor::__jit::check(#value, #fail);)
            }
        }
    }

    /// `a && b` and `a || b` where a value is wanted.
    pub(super) fn short_circuit(&mut self, e: &Expr) -> TokenStream {
        let (fork, fail, result) = (self.fresh("fork"), self.fresh("else"), self.fresh("result"));
        if let Expr::Binary(b) = e
            && matches!(b.op, BinOp::Or(_))
        {
            let left = self.value(&b.left);
            let right = self.value(&b.right);
            return quote!({
                let #result = ::tailor::__jit::var(#left);
                let #fork = ::tailor::__jit::fork();
                let #fail = #fork.otherwise();
                ::tailor::__jit::check(::tailor::__jit::get(#result), #fail);
                #fork.turn();
                ::tailor::__jit::set(#result, #right);
                #fork.end();
                ::tailor::__jit::get(#result)
            });
        }
        let condition = self.scoped(|b| b.condition(e, &fail));
        quote!({
            let #result = ::tailor::__jit::var(::tailor::__jit::lit(false));
            let #fork = ::tailor::__jit::fork();
            let #fail = #fork.otherwise();
            { #condition ::tailor::__jit::set(#result, ::tailor::__jit::lit(true)); }
            #fork.turn();
            #fork.end();
            ::tailor::__jit::get(#result)
        })
    }

    pub(super) fn if_(&mut self, e: &ExprIf, wanted: Wanted) -> TokenStream {
        let (fork, fail, result) = (self.fresh("fork"), self.fresh("else"), self.fresh("result"));
        let wanted = if e.else_branch.is_none() { Wanted::Nothing } else { wanted };
        let then = self.scoped(|b| {
            let condition = b.condition(&e.cond, &fail);
            let then = b.block(&e.then_branch, wanted);
            let then = deliver(then, &result, wanted);
            quote!({ #condition #then })
        });
        let otherwise = e.else_branch.as_ref().map(|(_, e)| self.arm(e, &result, wanted));
        let (declare, fetch) = self.result(&result, wanted);
        quote!({
            #declare
            let #fork = ::tailor::__jit::fork();
            let #fail = #fork.otherwise();
            #then
            #fork.turn();
            #otherwise
            #fork.end();
            #fetch
        })
    }

    /// Evaluates an arm's expression and puts its value where it belongs.
    fn arm(&mut self, e: &Expr, result: &Ident, wanted: Wanted) -> TokenStream {
        match wanted {
            Wanted::Nothing => self.discard(e),
            Wanted::Value => {
                let value = self.value(e);
                deliver(value, result, wanted)
            }
        }
    }

    /// Declaration of a variable for the result, and its value at the end.
    fn result(&mut self, result: &Ident, wanted: Wanted) -> (TokenStream, TokenStream) {
        match wanted {
            Wanted::Value => (quote!(let #result = ::tailor::__jit::uninit();), quote!(::tailor::__jit::get(#result))),
            Wanted::Nothing => (TokenStream::new(), TokenStream::new()),
        }
    }

    pub(super) fn match_(&mut self, e: &ExprMatch, wanted: Wanted) -> TokenStream {
        let (subject, result, join) = (self.fresh("subject"), self.fresh("result"), self.fresh("join"));
        let scrutinee = self.value(&e.expr);
        let (declare, fetch) = self.result(&result, wanted);
        let arms = match switch_arms(&e.arms) {
            Some(constants) => self.switch(&e.arms, &constants, &subject, &join, &result, wanted),
            None => match alternatives::arms(&e.arms) {
                Ok(arms) => self.chain(&arms, &subject, &join, &result, wanted),
                Err(e) => {
                    self.errors.push(e);
                    TokenStream::new()
                }
            },
        };
        quote!({
            let #subject = #scrutinee;
            #declare
            let #join = ::tailor::__jit::block();
            #arms
            ::tailor::__jit::at(#join);
            #fetch
        })
    }

    /// Arms tried one after another.
    fn chain(&mut self, arms: &[Arm], subject: &Ident, join: &Ident, result: &Ident, wanted: Wanted) -> TokenStream {
        let mut code = TokenStream::new();
        for (i, arm) in arms.iter().enumerate() {
            let (guard, fail) = (arm.guard.as_ref().map(|(_, g)| g), self.fresh("next"));
            // rustc has checked that the last arm takes all that is left.
            let known = i + 1 == arms.len() && guard.is_none();
            let body = self.scoped(|b| {
                let pattern = b.pattern(&arm.pat, &quote!(#subject), (!known).then_some(&fail));
                let guard = guard.map(|g| b.condition(g, &fail));
                let body = b.arm(&arm.body, result, wanted);
                quote!({ #pattern #guard #body })
            });
            let declare = (!known).then(|| quote!(let #fail = ::tailor::__jit::block();));
            let next = (!known).then(|| quote!(::tailor::__jit::at(#fail);));
            code.extend(quote!(#declare #body ::tailor::__jit::jump(#join); #next));
        }
        code
    }

    /// A `match` on constants: one many-way branch.
    fn switch(
        &mut self,
        arms: &[Arm],
        constants: &[Option<Vec<TokenStream>>],
        subject: &Ident,
        join: &Ident,
        result: &Ident,
        wanted: Wanted,
    ) -> TokenStream {
        let mut cases = TokenStream::new();
        let mut default = None;
        let mut bodies = TokenStream::new();
        let first = self.fresh("arms");
        for (i, (arm, constants)) in arms.iter().zip(constants).enumerate() {
            let number = i as u32;
            match constants {
                Some(constants) => cases.extend(constants.iter().map(|c| quote!((#c, #number),))),
                None => default = Some(number),
            }
            let body = self.scoped(|b| {
                let pattern = b.pattern(&arm.pat, &quote!(#subject), None);
                let body = b.arm(&arm.body, result, wanted);
                quote!({ #pattern #body })
            });
            bodies.extend(quote!(#first.arm(#number); #body ::tailor::__jit::jump(#join);));
        }
        let count = arms.len() as u32;
        let default = default.unwrap_or(count);
        quote! {
            let #first = ::tailor::__jit::switch(#subject, &[#cases], #count, #default);
            #bodies
        }
    }

    // ---- loops ----

    fn target(&mut self, label: Option<&Label>, result: Option<Ident>, is_loop: bool) -> Ident {
        let handle = self.fresh("loop");
        let label = label.map(|l| l.name.ident.to_string());
        self.targets.push(Some(Target { label, handle: handle.clone(), result, is_loop }));
        handle
    }

    pub(super) fn loop_(&mut self, e: &ExprLoop, wanted: Wanted) -> TokenStream {
        let endless = !diverge::has_break(&e.body, e.label.as_ref());
        let wanted = if endless { Wanted::Nothing } else { wanted };
        let result = self.fresh("result");
        let handle = self.target(e.label.as_ref(), (wanted == Wanted::Value).then(|| result.clone()), true);
        let body = self.block(&e.body, Wanted::Nothing);
        self.targets.pop();
        let (declare, fetch) = self.result(&result, wanted);
        let fetch = if endless { quote!(::tailor::__jit::dead()) } else { fetch };
        let end = if endless { quote!(#handle.end_endless();) } else { quote!(#handle.end();) };
        quote!({
            #declare
            let #handle = ::tailor::__jit::loop_();
            #body
            #end
            #fetch
        })
    }

    pub(super) fn while_(&mut self, e: &ExprWhile) -> TokenStream {
        let handle = self.target(e.label.as_ref(), None, true);
        let fail = self.fresh("exit");
        let body = self.scoped(|b| {
            let condition = b.condition(&e.cond, &fail);
            let body = b.block(&e.body, Wanted::Nothing);
            quote!({ #condition #body })
        });
        self.targets.pop();
        quote!({
            let #handle = ::tailor::__jit::loop_();
            let #fail = #handle.exit();
            #body
            #handle.end();
        })
    }

    pub(super) fn for_(&mut self, e: &ExprForLoop) -> TokenStream {
        let span = e.expr.span();
        let (iterator, item) = (self.fresh("iterator"), self.fresh("item"));
        let start = match &*e.expr {
            Expr::Range(r) => {
                let (Some(a), Some(b)) = (&r.start, &r.end) else {
                    return self
                        .error(span, "in jitted code `for` needs a range with both ends: write a `loop` with `break`");
                };
                let (a, b) = (self.value(a), self.value(b));
                match r.limits {
                    RangeLimits::HalfOpen(_) => quote_spanned!(span=> ::tailor::__jit::count(#a, #b)),
                    RangeLimits::Closed(_) => quote_spanned!(span=> ::tailor::__jit::count_inclusive(#a, #b)),
                }
            }
            e => {
                let value = self.value(e);
                quote_spanned!(span=> ::tailor::__jit::iterate(#value))
            }
        };
        let handle = self.target(e.label.as_ref(), None, true);
        let body = self.scoped(|b| {
            let pattern = b.pattern(&e.pat, &quote!(#item), None);
            let body = b.block(&e.body, Wanted::Nothing);
            quote!({ #pattern #body })
        });
        self.targets.pop();
        quote!({
            let #iterator = #start;
            let #handle = ::tailor::__jit::loop_();
            let #item = #iterator.next(#handle.exit());
            #body
            #handle.end();
        })
    }

    pub(super) fn labelled_block(&mut self, label: &Label, block: &Block, wanted: Wanted) -> TokenStream {
        let result = self.fresh("result");
        let handle = self.target(Some(label), (wanted == Wanted::Value).then(|| result.clone()), false);
        let body = self.block(block, wanted);
        let body = deliver(body, &result, wanted);
        self.targets.pop();
        let (declare, fetch) = self.result(&result, wanted);
        quote!({
            #declare
            let #handle = ::tailor::__jit::labelled();
            #body
            #handle.end_labelled();
            #fetch
        })
    }

    /// The target of a `break` or `continue`: its handle and result variable.
    fn find_target(&mut self, label: Option<&syn::Lifetime>, is_continue: bool) -> Option<(Ident, Option<Ident>)> {
        for target in self.targets.iter().rev() {
            let target = target.as_ref()?;
            let found = match label {
                Some(l) => target.label.as_ref().is_some_and(|t| l.ident == t) && (target.is_loop || !is_continue),
                None => target.is_loop,
            };
            if found {
                return Some((target.handle.clone(), target.result.clone()));
            }
        }
        None
    }

    pub(super) fn break_(&mut self, e: &ExprBreak) -> TokenStream {
        let value = e.expr.as_ref().map(|v| self.value(v));
        let Some((handle, result)) = self.find_target(e.label.as_ref(), false) else {
            return self.error(e.span(), "this `break` has no target here");
        };
        let deliver = match (value, result) {
            (Some(value), Some(result)) => quote!(::tailor::__jit::set(#result, #value);),
            (Some(value), None) => quote!(let _ = #value;),
            (None, Some(result)) => quote!(::tailor::__jit::set(#result, ::tailor::__jit::unit());),
            (None, None) => TokenStream::new(),
        };
        quote!(#deliver #handle.leave();)
    }

    pub(super) fn continue_(&mut self, e: &ExprContinue) -> TokenStream {
        match self.find_target(e.label.as_ref(), true) {
            Some((handle, _)) => quote!(#handle.again();),
            None => self.error(e.span(), "this `continue` has no target here"),
        }
    }

    pub(super) fn return_(&mut self, e: &ExprReturn) -> TokenStream {
        let value = match &e.expr {
            Some(v) => self.value(v),
            None => quote!(::tailor::__jit::unit()),
        };
        let (target, span) = (self.return_target(), e.span());
        quote_spanned!(span=> #target.give(#value);)
    }

    pub(super) fn return_target(&self) -> Ident {
        self.returns.last().cloned().unwrap_or_else(super::return_ident)
    }
}

/// Puts a value where the construct's result goes.
fn deliver(value: TokenStream, result: &Ident, wanted: Wanted) -> TokenStream {
    match wanted {
        Wanted::Value => quote!(::tailor::__jit::set(#result, #value);),
        Wanted::Nothing => value,
    }
}

/// For each arm its constants, if all arms but a last one that takes the rest are constants without guards.
fn switch_arms(arms: &[Arm]) -> Option<Vec<Option<Vec<TokenStream>>>> {
    if arms.len() < SWITCH_ARMS || arms.iter().any(|a| a.guard.is_some()) {
        return None;
    }
    let constants: Vec<_> = arms.iter().map(|a| pattern::constants(&a.pat)).collect();
    let all_but_last = constants[..arms.len() - 1].iter().all(Option::is_some);
    let last = &arms[arms.len() - 1].pat;
    let last_fits = constants[arms.len() - 1].is_some()
        || matches!(last, Pat::Wild(_))
        || matches!(last, Pat::Ident(p) if p.subpat.is_none() && p.by_ref.is_none() && p.ident != "None");
    (all_but_last && last_fits).then_some(constants)
}

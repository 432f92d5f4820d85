//! Expressions: values and places.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    BinOp, Expr, ExprCast, ExprClosure, ExprPath, ExprReference, ExprStruct, ExprUnary, Lit, Member, Pat, Path,
    ReturnType, UnOp,
};

use super::control::Wanted;
use super::{Body, pattern, self_ident};
use crate::diverge;
use crate::types::{erase_path, erased, handle};

impl Body {
    /// A handle of the expression's value.
    pub fn value(&mut self, e: &Expr) -> TokenStream {
        let span = self.parentheses.take().unwrap_or_else(|| e.span());
        match e {
            Expr::Paren(p) => {
                // rustc counts the parentheses to the expression when it says where a panic was.
                self.parentheses = Some(span);
                self.value(&p.expr)
            }
            Expr::Group(g) => self.value(&g.expr),
            Expr::Lit(l) => match &l.lit {
                Lit::Int(_) | Lit::Float(_) | Lit::Bool(_) | Lit::Byte(_) | Lit::Char(_) => {
                    quote_spanned!(span=> ::tailor::__jit::lit(#l))
                }
                Lit::Str(_) => quote_spanned!(span=> ::tailor::__jit::konst(#l)),
                _ => self.error(
                    span,
                    "this kind of literal is not possible in jitted code: pass it to a #[jit::residual] function there",
                ),
            },
            Expr::Path(p) => self.path(p),
            Expr::Block(b) => match &b.label {
                Some(label) => self.labelled_block(label, &b.block, Wanted::Value),
                None => self.block(&b.block, Wanted::Value),
            },
            Expr::Unsafe(b) => self.block(&b.block, Wanted::Value),
            Expr::Const(_) => quote_spanned!(span=> ::tailor::__jit::konst(#e)),
            Expr::Tuple(t) if t.elems.is_empty() => quote!(::tailor::__jit::unit()),
            Expr::Tuple(t) => {
                let elements: Vec<_> = t.elems.iter().map(|e| self.value(e)).collect();
                quote_spanned!(span=> ::tailor::__jit::tuple((#(#elements,)*)))
            }
            Expr::Array(a) => {
                let elements: Vec<_> = a.elems.iter().map(|e| self.value(e)).collect();
                quote_spanned!(span=> ::tailor::__jit::array([#(#elements),*]))
            }
            Expr::Repeat(r) => {
                let (value, count) = (self.value(&r.expr), &r.len);
                quote_spanned!(span=> ::tailor::__jit::repeat::<_, { #count }>(#value))
            }
            Expr::Binary(b) if matches!(b.op, BinOp::And(_) | BinOp::Or(_)) => self.short_circuit(e),
            Expr::Binary(b) => match binary_operator(&b.op, span) {
                Some(operator) => {
                    let (left, right) = (self.value(&b.left), self.value(&b.right));
                    quote_spanned!(span=> ::tailor::__jit::#operator(#left, #right))
                }
                None => self.without_value(e),
            },
            Expr::Unary(u) => self.unary(u, span),
            Expr::Reference(r) => self.reference(r),
            Expr::Cast(c) => self.cast(c),
            Expr::Call(c) => self.call(c),
            Expr::MethodCall(m) => self.method_call(m),
            Expr::Field(f) => {
                let base = self.place(&f.base);
                let field = member_accessor("__g", &f.member);
                quote_spanned!(field.span()=> #base.#field())
            }
            Expr::Index(_) => {
                self.parentheses = Some(span);
                let place = self.place(e);
                quote_spanned!(span=> ::tailor::__jit::get(#place))
            }
            Expr::Range(r) => {
                let (Some(a), Some(b)) = (&r.start, &r.end) else {
                    return self.error(span, "in jitted code a range needs both ends");
                };
                let (a, b) = (self.value(a), self.value(b));
                match r.limits {
                    syn::RangeLimits::HalfOpen(_) => quote_spanned!(span=> ::tailor::__jit::range(#a, #b)),
                    syn::RangeLimits::Closed(_) => quote_spanned!(span=> ::tailor::__jit::range_inclusive(#a, #b)),
                }
            }
            Expr::Struct(s) => self.struct_(s),
            Expr::If(i) if i.else_branch.is_some() => self.if_(i, Wanted::Value),
            Expr::Match(m) => self.match_(m, Wanted::Value),
            Expr::Loop(l) => self.loop_(l, Wanted::Value),
            Expr::Closure(c) => self.closure(c),
            Expr::Try(t) => {
                let (value, target) = (self.value(&t.expr), self.return_target());
                quote_spanned!(span=> ::tailor::__jit::question(#target, #value))
            }
            Expr::Macro(m) => self.macro_value(&m.mac),
            Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => {
                let code = self.discard(e);
                quote!({ #code ::tailor::__jit::dead() })
            }
            Expr::Assign(_) | Expr::While(_) | Expr::ForLoop(_) | Expr::If(_) => self.without_value(e),
            Expr::Let(_) => self.error(
                span,
                "in jitted code `let` conditions are possible in `if`, `while` and match guards, joined by `&&`",
            ),
            Expr::Async(_) | Expr::Await(_) | Expr::Yield(_) => self.error(span, "jitted code can't be asynchronous"),
            _ => self
                .error(span, "this expression is not possible in jitted code: move it to a #[jit::residual] function"),
        }
    }

    /// An expression of type `()`.
    fn without_value(&mut self, e: &Expr) -> TokenStream {
        let code = self.discard(e);
        quote!({ #code ::tailor::__jit::unit() })
    }

    /// Statements that evaluate the expression for its effects.
    pub(super) fn discard(&mut self, e: &Expr) -> TokenStream {
        match e {
            Expr::Paren(p) => self.discard(&p.expr),
            Expr::Group(g) => self.discard(&g.expr),
            Expr::Block(b) => match &b.label {
                Some(label) => self.labelled_block(label, &b.block, Wanted::Nothing),
                None => self.block(&b.block, Wanted::Nothing),
            },
            Expr::Unsafe(b) => self.block(&b.block, Wanted::Nothing),
            Expr::If(i) => self.if_(i, Wanted::Nothing),
            Expr::Match(m) => self.match_(m, Wanted::Nothing),
            Expr::Loop(l) => {
                let code = self.loop_(l, Wanted::Nothing);
                if diverge::expr(e) { quote!(let _: ::tailor::__jit::V<()> = #code;) } else { code }
            }
            Expr::While(w) => self.while_(w),
            Expr::ForLoop(f) => self.for_(f),
            Expr::Assign(a) => self.assign(a),
            Expr::Binary(b)
                if binary_operator(&b.op, b.span()).is_none() && !matches!(b.op, BinOp::And(_) | BinOp::Or(_)) =>
            {
                self.compound_assign(b)
            }
            Expr::Return(r) => self.return_(r),
            Expr::Break(b) => self.break_(b),
            Expr::Continue(c) => self.continue_(c),
            Expr::Macro(m) => self.macro_statement(&m.mac),
            e => {
                let value = self.value(e);
                // Not just `_`: a method of a blanket trait could be found on the handle itself, and yield something else.
                quote!(let _: ::tailor::__jit::V<_> = #value;)
            }
        }
    }

    /// A handle of the place that the expression names, or of its value if it names none.
    pub(super) fn place(&mut self, e: &Expr) -> TokenStream {
        let span = self.parentheses.take().unwrap_or_else(|| e.span());
        match e {
            Expr::Paren(p) => {
                self.parentheses = Some(span);
                self.place(&p.expr)
            }
            Expr::Group(g) => self.place(&g.expr),
            Expr::Path(p) => match self.local_name(&p.path) {
                Some((name, _)) => name,
                None => self.value(e),
            },
            Expr::Field(f) => {
                let base = self.place(&f.base);
                let field = member_accessor("__f", &f.member);
                quote_spanned!(field.span()=> #base.#field())
            }
            Expr::Index(i) => {
                let (base, index) = (self.place(&i.expr), self.value(&i.index));
                quote_spanned!(span=> ::tailor::__jit::index(#base, #index))
            }
            Expr::Unary(ExprUnary { op: UnOp::Deref(_), expr, .. }) => {
                let pointer = self.value(expr);
                quote_spanned!(span=> ::tailor::__jit::deref(#pointer))
            }
            e => {
                self.parentheses = Some(span);
                self.value(e)
            }
        }
    }

    /// The builder's variable for a path that is a local name, and whether it is a place.
    pub(super) fn local_name(&self, path: &Path) -> Option<(TokenStream, bool)> {
        let name = path.get_ident()?;
        let binding = self.look_up(&name.to_string())?;
        let variable = if name == "self" {
            let name = self_ident();
            quote!(#name)
        } else {
            quote!(#name)
        };
        Some((variable, binding.mutable))
    }

    fn path(&mut self, p: &ExprPath) -> TokenStream {
        let span = p.span();
        match self.local_name(&p.path) {
            Some((name, true)) => quote_spanned!(span=> ::tailor::__jit::get(#name)),
            Some((name, false)) => name,
            None if p.path.is_ident("None") => quote_spanned!(span=> ::tailor::__jit::none()),
            None => quote_spanned!(span=> ::tailor::__jit::konst(#p)),
        }
    }

    fn unary(&mut self, u: &ExprUnary, span: Span) -> TokenStream {
        match u.op {
            UnOp::Neg(_) if matches!(&*u.expr, Expr::Lit(_)) => quote_spanned!(span=> ::tailor::__jit::lit(#u)),
            UnOp::Neg(_) => {
                let value = self.value(&u.expr);
                quote_spanned!(span=> ::tailor::__jit::neg(#value))
            }
            UnOp::Not(_) => {
                let value = self.value(&u.expr);
                quote_spanned!(span=> ::tailor::__jit::not(#value))
            }
            _ => {
                let place = self.place(&Expr::Unary(u.clone()));
                quote_spanned!(span=> ::tailor::__jit::get(#place))
            }
        }
    }

    fn reference(&mut self, r: &ExprReference) -> TokenStream {
        let span = r.span();
        if r.mutability.is_some() {
            let mut target = &*r.expr;
            while let Expr::Paren(p) = target {
                target = &p.expr;
            }
            if let Expr::Path(p) = target
                && self.local_name(&p.path).is_some()
            {
                return self.error(
                    span,
                    "`&mut` of a local is not possible in jitted code, where locals have no address: \
                     take the value and return the new one, or keep it in an object",
                );
            }
            let place = self.place(&r.expr);
            return quote_spanned!(span=> ::tailor::__jit::address_mut(#place));
        }
        let place = self.place(&r.expr);
        quote_spanned!(span=> ::tailor::__jit::address(#place))
    }

    fn cast(&mut self, c: &ExprCast) -> TokenStream {
        let span = c.span();
        let literal = match &*c.expr {
            Expr::Unary(u) => matches!(u.op, UnOp::Neg(_)) && matches!(&*u.expr, Expr::Lit(_)),
            e => matches!(e, Expr::Lit(_)),
        };
        if literal {
            // The literal's type may come from the cast.
            return quote_spanned!(span=> ::tailor::__jit::lit(#c));
        }
        let (value, to) = (self.value(&c.expr), erased(&c.ty));
        quote_spanned!(span=> ::tailor::__jit::cast::<_, #to>(#value))
    }

    fn struct_(&mut self, s: &ExprStruct) -> TokenStream {
        let span = s.span();
        if let Some(q) = &s.qself {
            return self.error(q.span(), "in jitted code a struct must be named by a plain path");
        }
        let variant = pattern::variant(&s.path);
        let owner = match &variant {
            Some(_) => without_last(&s.path),
            None => erase_path(&s.path),
        };
        let mut fields = Vec::new();
        for f in &s.fields {
            let value = self.value(&f.expr);
            let prefix = variant.as_ref().map_or_else(|| "__s".to_string(), |v| format!("__s_{v}"));
            let setter = member_accessor(&prefix, &f.member);
            let span = setter.span();
            fields.push(quote_spanned!(span=> #owner::#setter(#value)));
        }
        match (&s.rest, variant) {
            (Some(rest), _) => {
                let base = self.value(rest);
                quote_spanned!(span=> #owner::__update(&[#(#fields),*], #base))
            }
            (None, Some(v)) => {
                let make = format_ident!("__make_{}", v, span = v.span());
                quote_spanned!(span=> #owner::#make([#(#fields),*]))
            }
            (None, None) => quote_spanned!(span=> #owner::__make([#(#fields),*])),
        }
    }

    /// A closure becomes a closure of handles, which builds its body where it is called.
    fn closure(&mut self, c: &ExprClosure) -> TokenStream {
        if let Some(a) = &c.asyncness {
            return self.error(a.span(), "jitted code can't be asynchronous");
        }
        let early = diverge::returns_early(&c.body);
        let target = self.fresh("return");
        let output = match &c.output {
            ReturnType::Default => None,
            ReturnType::Type(_, t) => Some(handle(t)),
        };
        let (mut parameters, mut prelude) = (Vec::new(), TokenStream::new());
        let body = self.scoped(|b| {
            for p in &c.inputs {
                let (p, annotation) = match p {
                    Pat::Type(t) => (&*t.pat, Some(handle(&t.ty))),
                    p => (p, None),
                };
                let v = b.fresh("argument");
                parameters.push(match annotation {
                    Some(t) => quote!(#v: #t),
                    None => quote!(#v),
                });
                prelude.extend(b.pattern(p, &quote!(#v), None));
            }
            b.targets.push(None);
            b.returns.push(target.clone());
            let body = b.value(&c.body);
            b.returns.pop();
            b.targets.pop();
            body
        });
        let (capture, annotation) = (&c.capture, output.as_ref().map(|t| quote!(: #t)));
        let body = if early {
            quote!({
                let #target = ::tailor::__jit::closure();
                #prelude
                let __tail #annotation = #body;
                #target.end(__tail)
            })
        } else {
            quote!({ #prelude let __tail #annotation = #body; __tail })
        };
        let closure = quote_spanned!(c.or1_token.span=> #capture |#(#parameters),*| #body);
        if capture.is_none() {
            return closure;
        }
        // The closure has copies of the locals that it mentions, as they are now.
        let copies = self
            .mutable_locals_in(&c.body)
            .into_iter()
            .map(|name| quote!(let #name = ::tailor::__jit::var(::tailor::__jit::get(#name));));
        quote!({ #(#copies)* #closure })
    }

    /// The mutable locals whose names occur in an expression.
    fn mutable_locals_in(&self, e: &Expr) -> Vec<Ident> {
        let mut found: Vec<Ident> = Vec::new();
        super::local_macros::identifiers(&quote!(#e), &mut found);
        found.retain(|name| self.look_up(&name.to_string()).is_some_and(|b| b.mutable));
        found.sort();
        found.dedup();
        found
    }
}

/// A path without its last segment.
pub(super) fn without_last(path: &Path) -> Path {
    let mut path = erase_path(path);
    path.segments.pop();
    path.segments.pop_punct();
    path
}

/// `__f_name`: the place of a field; `__g_name`: its value; `__s_name`: for struct literals.
pub(super) fn member_accessor(prefix: &str, member: &Member) -> Ident {
    match member {
        Member::Named(name) => format_ident!("{}_{}", prefix, name, span = name.span()),
        Member::Unnamed(i) => format_ident!("{}_{}", prefix, i.index, span = i.span),
    }
}

/// The function that builds a binary operation; `None` for assignments and for `&&`, `||`. Its span is that of the expression: where it panics is where the expression
/// stands in the source.
pub(super) fn binary_operator(op: &BinOp, span: Span) -> Option<Ident> {
    let name = match op {
        BinOp::Add(_) => "add",
        BinOp::Sub(_) => "sub",
        BinOp::Mul(_) => "mul",
        BinOp::Div(_) => "div",
        BinOp::Rem(_) => "rem",
        BinOp::BitAnd(_) => "bit_and",
        BinOp::BitOr(_) => "bit_or",
        BinOp::BitXor(_) => "bit_xor",
        BinOp::Shl(_) => "shl",
        BinOp::Shr(_) => "shr",
        BinOp::Eq(_) => "eq",
        BinOp::Ne(_) => "ne",
        BinOp::Lt(_) => "lt",
        BinOp::Le(_) => "le",
        BinOp::Gt(_) => "gt",
        BinOp::Ge(_) => "ge",
        _ => return None,
    };
    Some(Ident::new(name, span))
}

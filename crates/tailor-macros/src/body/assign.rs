//! Assignments: the right side is evaluated before the place on the left, once each.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{BinOp, Expr, ExprAssign, ExprBinary};

use super::expr::member_accessor;
use super::{Body, pattern};

impl Body {
    pub(super) fn assign(&mut self, a: &ExprAssign) -> TokenStream {
        let value = self.value(&a.right);
        let v = self.fresh("v");
        let store = self.store(&a.left, &quote!(#v));
        quote!({ let #v = #value; #store })
    }

    /// Assigns a value to a place, or its parts to the places in a tuple or struct.
    fn store(&mut self, left: &Expr, value: &TokenStream) -> TokenStream {
        let span = left.span();
        match left {
            Expr::Infer(_) => TokenStream::new(),
            Expr::Paren(p) => self.store(&p.expr, value),
            Expr::Group(g) => self.store(&g.expr, value),
            Expr::Tuple(t) => self.store_fields(t.elems.iter(), value),
            Expr::Call(c) => match &*c.func {
                Expr::Path(p) if pattern::variant(&p.path).is_none() => self.store_fields(c.args.iter(), value),
                _ => self.error(span, "this is no place that can be assigned to"),
            },
            Expr::Struct(s) => {
                let mut code = TokenStream::new();
                for f in &s.fields {
                    let (part, accessor) = (self.fresh("part"), member_accessor("__g", &f.member));
                    let store = self.store(&f.expr, &quote!(#part));
                    code.extend(quote!(let #part = #value.#accessor(); #store));
                }
                code
            }
            Expr::Path(p) => match self.local_name(&p.path) {
                Some((name, true)) => quote_spanned!(span=> ::tailor::__jit::set(#name, #value);),
                Some((_, false)) => self.error(span, "this name is not mutable"),
                None => self.error(span, "jitted code can't assign to a static: keep the value in an object"),
            },
            Expr::Field(_) | Expr::Index(_) | Expr::Unary(_) => {
                let place = self.place(left);
                quote_spanned!(span=> ::tailor::__jit::set(#place, #value);)
            }
            _ => self.error(span, "this is no place that can be assigned to"),
        }
    }

    fn store_fields<'a>(&mut self, places: impl Iterator<Item = &'a Expr>, value: &TokenStream) -> TokenStream {
        let mut code = TokenStream::new();
        for (i, place) in places.enumerate() {
            if matches!(place, Expr::Range(r) if r.start.is_none() && r.end.is_none()) {
                break;
            }
            let (part, accessor) = (self.fresh("part"), format_ident!("__g_{}", i));
            let store = self.store(place, &quote!(#part));
            code.extend(quote!(let #part = #value.#accessor(); #store));
        }
        code
    }

    /// `a += b` and the like, on primitive types: `b` is evaluated first, then the place `a`.
    pub(super) fn compound_assign(&mut self, b: &ExprBinary) -> TokenStream {
        let span = b.span();
        let operator = match b.op {
            BinOp::AddAssign(_) => "add",
            BinOp::SubAssign(_) => "sub",
            BinOp::MulAssign(_) => "mul",
            BinOp::DivAssign(_) => "div",
            BinOp::RemAssign(_) => "rem",
            BinOp::BitAndAssign(_) => "bit_and",
            BinOp::BitOrAssign(_) => "bit_or",
            BinOp::BitXorAssign(_) => "bit_xor",
            BinOp::ShlAssign(_) => "shl",
            BinOp::ShrAssign(_) => "shr",
            _ => {
                let e = self.error(span, "this operator is not possible in jitted code");
                return quote!(let _: ::tailor::__jit::V<()> = #e;);
            }
        };
        let operator = Ident::new(operator, span);
        if let Expr::Path(p) = &*b.left
            && !matches!(self.local_name(&p.path), Some((_, true)))
        {
            return self
                .error(b.left.span(), "only mutable locals, fields and elements can be assigned to in jitted code");
        }
        let (right, left) = (self.value(&b.right), self.place(&b.left));
        let (v, place) = (self.fresh("v"), self.fresh("place"));
        quote_spanned!(span=> {
            let #v = #right;
            let #place = #left;
            ::tailor::__jit::set(#place, ::tailor::__jit::#operator(::tailor::__jit::get(#place), #v));
        })
    }
}

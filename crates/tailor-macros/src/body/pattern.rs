//! Patterns: tests that go to a fail block, and bindings.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FieldPat, Member, Pat, PatOr, PatRange, Path, RangeLimits};

use super::{Body, is_upper};
use crate::types::handle;

/// Where a failing test goes; `None` if the pattern is known to match.
pub type Fail<'a> = Option<&'a Ident>;

const OR_BINDS: &str = "in jitted code the alternatives of `|` may not bind names: write one arm for each";

impl Body {
    /// Statements that test the value in the variable `subject`, going on if it matches, with its names bound. A test whose outcome is known (no `fail`
    /// block) is left out.
    pub fn pattern(&mut self, pattern: &Pat, subject: &TokenStream, fail: Fail) -> TokenStream {
        let span = pattern.span();
        match pattern {
            Pat::Wild(_) | Pat::Rest(_) => TokenStream::new(),
            Pat::Paren(p) => self.pattern(&p.pat, subject, fail),
            Pat::Reference(p) => {
                let v = self.fresh("v");
                let inner = self.pattern(&p.pat, &quote!(#v), fail);
                quote_spanned!(span=> let #v = ::tailor::__jit::get(::tailor::__jit::deref(#subject)); #inner)
            }
            Pat::Type(p) => {
                let (t, v) = (handle(&p.ty), self.fresh("v"));
                let inner = self.pattern(&p.pat, &quote!(#v), fail);
                quote_spanned!(span=> let #v: #t = #subject; #inner)
            }
            Pat::Ident(p) if p.ident == "None" => variant_test(&p.ident, subject, fail),
            Pat::Ident(p) if p.subpat.is_none() && p.by_ref.is_none() && is_upper(&p.ident) => {
                let name = &p.ident;
                self.constant_test(quote!(#name), subject, fail, span)
            }
            Pat::Ident(p) => {
                if let Some(r) = p.by_ref {
                    return self.error(
                        r.span,
                        "`ref` patterns are not possible in jitted code: bind the value, or use `&` on the field",
                    );
                }
                let inner = p.subpat.as_ref().map(|(_, p)| self.pattern(p, subject, fail));
                let (name, mutable) = (&p.ident, p.mutability.is_some());
                self.bind(&name.to_string(), mutable);
                let value = if mutable { quote!(::tailor::__jit::var(#subject)) } else { quote!(#subject) };
                quote!(#inner let #name = #value;)
            }
            Pat::Lit(_) | Pat::Path(_) | Pat::Const(_) => self.constant_test(quote!(#pattern), subject, fail, span),
            Pat::Range(r) => self.range_test(r, subject, fail),
            Pat::Tuple(t) => self.positional(t.elems.iter(), subject, fail, |i| format_ident!("__g_{}", i)),
            Pat::TupleStruct(t) => match variant(&t.path) {
                None => self.positional(t.elems.iter(), subject, fail, |i| format_ident!("__g_{}", i)),
                Some(name) => {
                    let test = variant_test(&name, subject, fail);
                    let fields = self.positional(t.elems.iter(), subject, fail, |i| {
                        format_ident!("__v_{}_{}", name, i, span = name.span())
                    });
                    quote!(#test #fields)
                }
            },
            Pat::Struct(s) => match variant(&s.path) {
                None => {
                    self.named(&s.fields, subject, fail, |field| format_ident!("__g_{}", field, span = field.span()))
                }
                Some(name) => {
                    let test = variant_test(&name, subject, fail);
                    let fields = self.named(&s.fields, subject, fail, |field| {
                        format_ident!("__v_{}_{}", name, field, span = field.span())
                    });
                    quote!(#test #fields)
                }
            },
            Pat::Or(or) => self.alternatives(or, subject, fail),
            Pat::Slice(s) => {
                self.error(s.span(), "slice patterns are not possible in jitted code: test the length and index")
            }
            Pat::Macro(m) => self.error(m.span(), "macros in pattern position are not possible in jitted code"),
            _ => self.error(span, "this kind of pattern is not possible in jitted code"),
        }
    }

    fn constant_test(
        &mut self,
        constant: TokenStream,
        subject: &TokenStream,
        fail: Fail,
        span: proc_macro2::Span,
    ) -> TokenStream {
        match fail {
            Some(fail) => quote_spanned!(span=> ::tailor::__jit::expect(#subject, #constant, #fail);),
            None => TokenStream::new(),
        }
    }

    fn range_test(&mut self, r: &PatRange, subject: &TokenStream, fail: Fail) -> TokenStream {
        let (Some(fail), span) = (fail, r.span()) else { return TokenStream::new() };
        let low = r.start.as_ref().map(|low| {
            quote_spanned!(span=> ::tailor::__jit::check(::tailor::__jit::le(::tailor::__jit::lit(#low), #subject), #fail);)
        });
        let high = r.end.as_ref().map(|high| {
            let compare = if matches!(r.limits, RangeLimits::Closed(_)) { Ident::new("le", span) } else { Ident::new("lt", span) };
            quote_spanned!(span=> ::tailor::__jit::check(::tailor::__jit::#compare(#subject, ::tailor::__jit::lit(#high)), #fail);)
        });
        quote!(#low #high)
    }

    /// Fields by position; `accessor` names the method that takes field `i`.
    fn positional<'a>(
        &mut self,
        patterns: impl ExactSizeIterator<Item = &'a Pat>,
        subject: &TokenStream,
        fail: Fail,
        accessor: impl Fn(usize) -> Ident,
    ) -> TokenStream {
        let mut code = TokenStream::new();
        let count = patterns.len();
        for (i, p) in patterns.enumerate() {
            match p {
                Pat::Wild(_) => {}
                Pat::Rest(r) if i + 1 < count => {
                    return self.error(
                        r.span(),
                        "`..` is possible at the end only: in jitted code fields are taken from the front",
                    );
                }
                Pat::Rest(_) => {}
                p => code.extend(self.field(p, subject, accessor(i), fail)),
            }
        }
        code
    }

    fn named<'a>(
        &mut self,
        fields: impl IntoIterator<Item = &'a FieldPat>,
        subject: &TokenStream,
        fail: Fail,
        accessor: impl Fn(&Ident) -> Ident,
    ) -> TokenStream {
        let mut code = TokenStream::new();
        for f in fields {
            if matches!(&*f.pat, Pat::Wild(_)) {
                continue;
            }
            let name = match &f.member {
                Member::Named(name) => accessor(name),
                Member::Unnamed(i) => accessor(&format_ident!("{}", i.index, span = i.span)),
            };
            code.extend(self.field(&f.pat, subject, name, fail));
        }
        code
    }

    fn field(&mut self, p: &Pat, subject: &TokenStream, accessor: Ident, fail: Fail) -> TokenStream {
        let (v, span) = (self.fresh("f"), p.span());
        let accessor = Ident::new(&accessor.to_string(), span);
        let inner = self.pattern(p, &quote!(#v), fail);
        quote_spanned!(span=> let #v = #subject.#accessor(); #inner)
    }

    /// `a | b`: each alternative is tried in turn.
    fn alternatives(&mut self, or: &PatOr, subject: &TokenStream, fail: Fail) -> TokenStream {
        if or.cases.iter().any(binds) {
            return self.error(or.span(), OR_BINDS);
        }
        let Some(fail) = fail else { return TokenStream::new() };
        let matched = self.fresh("matched");
        let mut code = quote!(let #matched = ::tailor::__jit::block(););
        let count = or.cases.len();
        for (i, case) in or.cases.iter().enumerate() {
            if i + 1 == count {
                code.extend(self.pattern(case, subject, Some(fail)));
            } else {
                let next = self.fresh("next");
                let test = self.pattern(case, subject, Some(&next));
                code.extend(quote! {
                    let #next = ::tailor::__jit::block();
                    #test
                    ::tailor::__jit::jump(#matched);
                    ::tailor::__jit::at(#next);
                });
            }
        }
        quote!(#code ::tailor::__jit::jump(#matched); ::tailor::__jit::at(#matched);)
    }
}

/// The variant that a path with fields names; `None` for a struct.
pub(super) fn variant(path: &Path) -> Option<Ident> {
    let last = &path.segments.last()?.ident;
    let known = ["Some", "None", "Ok", "Err"].iter().any(|known| last == known);
    let of_type =
        path.segments.len() >= 2 && path.segments.iter().nth_back(1).is_some_and(|s| super::names_type(&s.ident));
    (known || of_type).then(|| last.clone())
}

fn variant_test(name: &Ident, subject: &TokenStream, fail: Fail) -> TokenStream {
    let Some(fail) = fail else { return TokenStream::new() };
    let (is, span) = (format_ident!("__is_{}", name, span = name.span()), name.span());
    quote_spanned!(span=> ::tailor::__jit::check(#subject.#is(), #fail);)
}

fn binds(p: &Pat) -> bool {
    match p {
        Pat::Ident(p) => p.subpat.is_some() || !is_upper(&p.ident),
        Pat::Tuple(t) => t.elems.iter().any(binds),
        Pat::TupleStruct(t) => t.elems.iter().any(binds),
        Pat::Struct(s) => s.fields.iter().any(|f| binds(&f.pat)),
        Pat::Or(o) => o.cases.iter().any(binds),
        Pat::Paren(p) => binds(&p.pat),
        Pat::Reference(p) => binds(&p.pat),
        Pat::Type(p) => binds(&p.pat),
        _ => false,
    }
}

/// The constants that the pattern stands for, if it stands for constants alone.
pub(super) fn constants(p: &Pat) -> Option<Vec<TokenStream>> {
    match p {
        Pat::Lit(_) | Pat::Path(_) | Pat::Const(_) => Some(vec![quote!(#p)]),
        Pat::Ident(i) if i.subpat.is_none() && i.by_ref.is_none() && is_upper(&i.ident) && i.ident != "None" => {
            Some(vec![quote!(#p)])
        }
        Pat::Or(or) => or.cases.iter().map(constants).collect::<Option<Vec<_>>>().map(|all| all.concat()),
        Pat::Paren(p) => constants(&p.pat),
        _ => None,
    }
}

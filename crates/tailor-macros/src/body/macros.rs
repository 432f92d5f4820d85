//! Macros in bodies: panics, assertions, directives. Those that have no meaning in jitcode are refused.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Ident, Lit, Macro, Pat, Token};

use super::Body;

/// `matches!(expression, pattern if guard)`
struct Matches {
    subject: Expr,
    pattern: Pat,
    guard: Option<Expr>,
}

impl Parse for Matches {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let subject = input.parse()?;
        input.parse::<Token![,]>()?;
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        let guard = if input.peek(Token![if]) {
            input.parse::<Token![if]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        input.parse::<Option<Token![,]>>()?;
        Ok(Matches { subject, pattern, guard })
    }
}

/// Expressions separated by commas.
struct Arguments(Punctuated<Expr, Token![,]>);

impl Parse for Arguments {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        Punctuated::parse_terminated(input).map(Arguments)
    }
}

/// `greens: a, b; reds: c` with names, or `a, b; c` with expressions.
pub struct Mark {
    /// What names the guest program's point.
    pub greens: Punctuated<Expr, Token![,]>,
    /// The guest's state.
    pub reds: Punctuated<Expr, Token![,]>,
}

impl Parse for Mark {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut lists = [Punctuated::new(), Punctuated::new()];
        for (list, label) in lists.iter_mut().zip(["greens", "reds"]) {
            if input.peek(syn::Ident) && input.peek2(Token![:]) && !input.peek2(Token![::]) {
                let name: Ident = input.parse()?;
                if name != label {
                    return Err(syn::Error::new(name.span(), format!("expected `{label}:`")));
                }
                input.parse::<Token![:]>()?;
            }
            while !input.is_empty() && !input.peek(Token![;]) {
                list.push_value(input.parse()?);
                if input.peek(Token![,]) {
                    list.push_punct(input.parse()?);
                } else {
                    break;
                }
            }
            if input.peek(Token![;]) {
                input.parse::<Token![;]>()?;
            }
        }
        if !input.is_empty() {
            return Err(input.error("expected `greens: ..; reds: ..`"));
        }
        let [greens, reds] = lists;
        Ok(Mark { greens, reds })
    }
}

/// The arguments of `can_enter!`: a [`Mark`], with `call:` before it at the entries of guest functions.
pub struct EnterMark {
    /// Whether it is such an entry.
    pub call: bool,
    /// In the merge point's order.
    pub greens: Punctuated<Expr, Token![,]>,
    /// In the merge point's order.
    pub reds: Punctuated<Expr, Token![,]>,
}

impl Parse for EnterMark {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let call = input.peek(Ident) && input.peek2(Token![:]) && input.fork().parse::<Ident>()? == "call";
        if call {
            input.parse::<Ident>()?;
            input.parse::<Token![:]>()?;
        }
        let Mark { greens, reds } = input.parse()?;
        Ok(EnterMark { call, greens, reds })
    }
}

/// The names at a merge point.
pub fn mark_names(mark: &Mark) -> syn::Result<Vec<Ident>> {
    let name = |e: &Expr| match e {
        Expr::Path(p) => p.path.get_ident().cloned(),
        _ => None,
    };
    mark.greens
        .iter()
        .chain(&mark.reds)
        .map(|e| {
            name(e).ok_or_else(|| syn::Error::new(e.span(), "a merge point names variables: the portal's parameters"))
        })
        .collect()
}

const PREFIXED_PANICS: [(&str, &str); 3] = [
    ("unreachable", "internal error: entered unreachable code"),
    ("todo", "not yet implemented"),
    ("unimplemented", "not implemented"),
];

const FORMATTED: &str = "in jitted code the message of a panic must be a plain string: \
                         format it in a #[cold] #[jit::residual] function that panics";

/// In templates of panics, `{}` stands for a number.
pub(super) const BRACES: &str = "in jitted code a panic's message may not contain `{}`";

impl Body {
    pub(super) fn macro_value(&mut self, m: &Macro) -> TokenStream {
        let Some(name) = m.path.segments.last().map(|s| s.ident.to_string()) else { return TokenStream::new() };
        if let Some(expansion) = self.expand_local(m) {
            return match expansion {
                Ok(e) => self.value(&e),
                Err(e) => {
                    self.errors.push(e);
                    quote!(::tailor::__jit::dead())
                }
            };
        }
        match name.as_str() {
            "panic" | "unreachable" | "todo" | "unimplemented" => {
                let code = self.macro_statement(m);
                quote!({ #code ::tailor::__jit::dead() })
            }
            "assert" | "debug_assert" | "merge_point" | "can_enter" | "assert_eq" | "assert_ne" | "debug_assert_eq"
            | "debug_assert_ne" => {
                let code = self.macro_statement(m);
                quote!({ #code ::tailor::__jit::unit() })
            }
            "matches" => self.matches(m),
            "cfg" | "line" | "column" | "file" | "module_path" | "env" | "concat" | "stringify" | "offset_of" => {
                let span = m.path.span();
                quote_spanned!(span=> ::tailor::__jit::konst(#m))
            }
            _ => self.error(
                m.path.span(),
                format!("the macro `{name}!` is not possible in jitted code: use it in a #[jit::residual] function and call that"),
            ),
        }
    }

    pub(super) fn macro_statement(&mut self, m: &Macro) -> TokenStream {
        let Some(name) = m.path.segments.last().map(|s| s.ident.to_string()) else { return TokenStream::new() };
        let span = m.path.span();
        if let Some(expansion) = self.expand_local(m) {
            return match expansion {
                Ok(e) => self.discard(&e),
                Err(e) => {
                    self.errors.push(e);
                    TokenStream::new()
                }
            };
        }
        let result = match name.as_str() {
            "panic" | "unreachable" | "todo" | "unimplemented" => self.panic(m, &name),
            "assert" => self.assert(m),
            "debug_assert" => self.assert(m).map(|code| quote!(if cfg!(debug_assertions) { #code })),
            "assert_eq" | "assert_ne" => self.assert_comparison(m, name.ends_with("eq")),
            "debug_assert_eq" | "debug_assert_ne" => {
                self.assert_comparison(m, name.ends_with("eq")).map(|code| quote!(if cfg!(debug_assertions) { #code }))
            }
            "merge_point" => self.merge_point(m, span),
            "can_enter" => self.can_enter(m, span),
            _ => {
                let value = self.macro_value(m);
                Ok(quote!(let _: ::tailor::__jit::V<_> = #value;))
            }
        };
        result.unwrap_or_else(|e| {
            self.errors.push(e);
            TokenStream::new()
        })
    }

    fn panic(&mut self, m: &Macro, name: &str) -> syn::Result<TokenStream> {
        let Arguments(arguments) = m.parse_body()?;
        let prefix = PREFIXED_PANICS.iter().find(|(n, _)| *n == name).map(|(_, p)| *p);
        let message = message(arguments.iter(), m.path.span())?;
        let text = match (prefix, message) {
            (None, None) => "explicit panic".to_string(),
            (None, Some(message)) => message,
            (Some(prefix), None) => prefix.to_string(),
            (Some(prefix), Some(message)) => format!("{prefix}: {message}"),
        };
        let span = m.path.span();
        Ok(quote_spanned!(span=> ::tailor::__jit::panic(#text);))
    }

    fn assert(&mut self, m: &Macro) -> syn::Result<TokenStream> {
        let Arguments(arguments) = m.parse_body()?;
        let Some(condition) = arguments.first() else {
            return Err(syn::Error::new(m.path.span(), "what is asserted?"));
        };
        let text = match message(arguments.iter().skip(1), m.path.span())? {
            Some(message) => quote!(#message),
            None => quote!(concat!("assertion failed: ", stringify!(#condition))),
        };
        let (value, fork, span) = (self.value(condition), self.fresh("fork"), m.path.span());
        let panic = quote_spanned!(span=> ::tailor::__jit::panic(#text););
        Ok(quote_spanned!(span=> {
            let #fork = ::tailor::__jit::fork();
            ::tailor::__jit::check(#value, #fork.otherwise());
            #fork.turn();
            #panic
            #fork.end();
        }))
    }

    fn assert_comparison(&mut self, m: &Macro, equal: bool) -> syn::Result<TokenStream> {
        let Arguments(arguments) = m.parse_body()?;
        let (Some(left), Some(right), 2) = (arguments.first(), arguments.get(1), arguments.len()) else {
            return Err(syn::Error::new(
                m.path.span(),
                "in jitted code this takes two operands and no message: use `assert!` with a message",
            ));
        };
        let (left, right) = (self.value(left), self.value(right));
        let (a, b, fork, span) = (self.fresh("left"), self.fresh("right"), self.fresh("fork"), m.path.span());
        let compare = Ident::new(if equal { "eq" } else { "ne" }, m.path.span());
        let failed = quote_spanned!(span=> ::tailor::__jit::comparison_failed(#equal, #a, #b););
        Ok(quote_spanned!(span=> {
            let (#a, #b) = (#left, #right);
            let #fork = ::tailor::__jit::fork();
            ::tailor::__jit::check(::tailor::__jit::#compare(#a, #b), #fork.otherwise());
            #fork.turn();
            #failed
            #fork.end();
        }))
    }

    fn matches(&mut self, m: &Macro) -> TokenStream {
        let parsed: Matches = match m.parse_body() {
            Ok(parsed) => parsed,
            Err(e) => {
                self.errors.push(e);
                return quote!(::tailor::__jit::dead());
            }
        };
        if let Some(guard) = &parsed.guard
            && let Some(e) = super::alternatives::matches(&parsed.subject, &parsed.pattern, guard)
        {
            return self.match_(&e, super::Wanted::Value);
        }
        let condition = Expr::Let(syn::ExprLet {
            attrs: Vec::new(),
            let_token: Token![let](m.path.span()),
            pat: Box::new(parsed.pattern),
            eq_token: Token![=](m.path.span()),
            expr: Box::new(parsed.subject),
        });
        let condition = match parsed.guard {
            None => condition,
            Some(guard) => Expr::Binary(syn::ExprBinary {
                attrs: Vec::new(),
                left: Box::new(condition),
                op: syn::BinOp::And(Token![&&](m.path.span())),
                right: Box::new(guard),
            }),
        };
        self.short_circuit(&condition)
    }

    fn merge_point(&mut self, m: &Macro, span: Span) -> syn::Result<TokenStream> {
        let mark: Mark = m.parse_body()?;
        mark_names(&mark)?;
        let (greens, reds) = (self.marks(&mark.greens), self.marks(&mark.reds));
        Ok(quote_spanned!(span=> ::tailor::__jit::merge_point(&[#greens], &[#reds]);))
    }

    fn marks(&mut self, list: &Punctuated<Expr, Token![,]>) -> TokenStream {
        let marks = list.iter().map(|e| {
            let (name, value, span) = (quote!(#e).to_string(), self.value(e), e.span());
            quote_spanned!(span=> ::tailor::__jit::mark(#name, #value),)
        });
        marks.collect()
    }

    fn can_enter(&mut self, m: &Macro, span: Span) -> syn::Result<TokenStream> {
        let mark: EnterMark = m.parse_body()?;
        let Some((greens, reds)) = self.merge_point.clone() else {
            return Err(syn::Error::new(
                span,
                "`can_enter!` belongs into the portal, the function with the `merge_point!`",
            ));
        };
        if (mark.greens.len(), mark.reds.len()) != (greens.len(), reds.len()) {
            return Err(syn::Error::new(
                span,
                format!(
                    "the merge point has {} greens and {} reds: give a value for each, in its order",
                    greens.len(),
                    reds.len()
                ),
            ));
        }
        let mut values = |list: &Punctuated<Expr, Token![,]>, names: &[String]| -> TokenStream {
            let marks = list.iter().zip(names).map(|(e, name)| {
                let (value, span) = (self.value(e), e.span());
                quote_spanned!(span=> ::tailor::__jit::mark(#name, #value),)
            });
            marks.collect()
        };
        let (greens, reds) = (values(&mark.greens, &greens), values(&mark.reds, &reds));
        Ok(quote_spanned!(span=> ::tailor::__jit::can_enter(&[#greens], &[#reds]);))
    }
}

/// The names of the greens and reds of the merge point in a function's body.
pub fn find_merge_point(body: &syn::Block) -> Option<(Vec<String>, Vec<String>)> {
    struct Find(Option<(Vec<String>, Vec<String>)>);
    impl<'ast> syn::visit::Visit<'ast> for Find {
        fn visit_macro(&mut self, m: &'ast Macro) {
            if m.path.segments.last().is_some_and(|s| s.ident == "merge_point")
                && let Ok(mark) = m.parse_body::<Mark>()
            {
                let names = |list: &Punctuated<Expr, Token![,]>| list.iter().map(|e| quote!(#e).to_string()).collect();
                self.0.get_or_insert_with(|| (names(&mark.greens), names(&mark.reds)));
            }
        }
    }
    let mut find = Find(None);
    syn::visit::Visit::visit_block(&mut find, body);
    find.0
}

/// The message of a panic, if there is one; it must be a plain string.
fn message<'a>(mut arguments: impl Iterator<Item = &'a Expr>, span: Span) -> syn::Result<Option<String>> {
    let Some(first) = arguments.next() else { return Ok(None) };
    if arguments.next().is_some() {
        return Err(syn::Error::new(span, FORMATTED));
    }
    let Expr::Lit(l) = first else { return Err(syn::Error::new(span, FORMATTED)) };
    let Lit::Str(text) = &l.lit else { return Err(syn::Error::new(span, FORMATTED)) };
    let text = text.value();
    let without = text.replace("{{", "").replace("}}", "");
    if without.contains(['{', '}']) {
        return Err(syn::Error::new(span, FORMATTED));
    }
    let text = text.replace("{{", "{").replace("}}", "}");
    if text.contains("{}") || text.contains("{u}") {
        return Err(syn::Error::new(l.span(), BRACES));
    }
    Ok(Some(text))
}

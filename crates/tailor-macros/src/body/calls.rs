//! Calls of functions, methods and constructors.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprCall, ExprLit, ExprMethodCall, ExprPath, Lit, Path, PathArguments, Token};

use super::expr::without_last;
use super::{Body, is_upper, names_type, pattern};
use crate::types::erase_path;

/// Functions of the standard library that handles have a counterpart of, by the end of their path.
const STANDARD: [(&str, &str); 12] = [
    ("ptr", "from_ref"),
    ("ptr", "from_mut"),
    ("ptr", "null"),
    ("ptr", "null_mut"),
    ("ptr", "eq"),
    ("slice", "from_raw_parts"),
    ("mem", "size_of"),
    ("mem", "align_of"),
    ("cmp", "min"),
    ("cmp", "max"),
    ("hint", "black_box"),
    ("hint", "unreachable_unchecked"),
];

impl Body {
    pub(super) fn call(&mut self, c: &ExprCall) -> TokenStream {
        let span = c.func.span();
        let mut function = &*c.func;
        while let Expr::Paren(p) = function {
            function = &p.expr;
        }
        let Expr::Path(p) = function else {
            return self.error(
                span,
                "jitted code calls functions by name: for function pointers and fields, call through a #[jit::residual] function",
            );
        };
        if let Some(q) = &p.qself {
            return self
                .error(q.span(), "jitted code can't call trait functions: write an inherent function, marked #[jit]");
        }
        let arguments = self.arguments(&c.args);
        if self.local_name(&p.path).is_some() {
            let name = &p.path;
            return quote_spanned!(span=> #name(#(#arguments),*));
        }
        let function = self.function(&p.path);
        quote_spanned!(span=> #function(#(#arguments),*))
    }

    /// What builds a call of the function or constructor with this path.
    fn function(&mut self, path: &Path) -> TokenStream {
        let span = path.span();
        // A path has at least one segment.
        let Some(last) = path.segments.last() else { return TokenStream::new() };
        let name = &last.ident;
        let before = path.segments.iter().nth_back(1).map(|s| &s.ident);
        let in_module = |b: &Ident| STANDARD.iter().any(|(module, function)| b == module && name == function);
        let in_prelude = || ["size_of", "align_of"].iter().any(|f| name == f);
        if before.map_or_else(in_prelude, in_module) {
            let last = erase_path(&Path::from(last.clone()));
            return quote_spanned!(span=> ::tailor::__jit::standard::#last);
        }
        if let Some(constructor) = option_constructor(path) {
            return constructor;
        }
        if is_upper(name) {
            return self.constructor(path);
        }
        let (stem, arguments) = split_arguments(path);
        if before.is_some_and(names_type) {
            let owner = without_last(path);
            let function = format_ident!("__jit_{}", name, span = name.span());
            return quote_spanned!(span=> #owner::#function #arguments);
        }
        quote_spanned!(span=> <#stem>::__jit #arguments)
    }

    /// `Struct(..)` or `Enum::Variant(..)`.
    fn constructor(&mut self, path: &Path) -> TokenStream {
        let span = path.span();
        match pattern::variant(path) {
            Some(variant) => {
                let owner = without_last(path);
                let make = format_ident!("__new_{}", variant, span = variant.span());
                quote_spanned!(span=> #owner::#make)
            }
            None => {
                let owner = erase_path(path);
                quote_spanned!(span=> #owner::__new)
            }
        }
    }

    pub(super) fn arguments(&mut self, arguments: &Punctuated<Expr, Token![,]>) -> Vec<TokenStream> {
        arguments.iter().map(|a| self.argument(a)).collect()
    }

    /// An argument: a value, or a function by name.
    fn argument(&mut self, e: &Expr) -> TokenStream {
        match e {
            Expr::Path(p) if self.local_name(&p.path).is_none() && p.qself.is_none() && is_function_path(p) => {
                self.function(&p.path)
            }
            e => self.value(e),
        }
    }

    /// What a method is called on: of fields and elements the place, if they are by address.
    fn receiver(&mut self, e: &Expr) -> TokenStream {
        let mut inner = e;
        while let Expr::Paren(syn::ExprParen { expr, .. }) | Expr::Group(syn::ExprGroup { expr, .. }) = inner {
            inner = &**expr;
        }
        if !matches!(inner, Expr::Field(_) | Expr::Index(_)) {
            return self.value(e);
        }
        let (place, span) = (self.place(e), e.span());
        quote_spanned!(span=> ::tailor::__jit::receiver(#place))
    }

    pub(super) fn method_call(&mut self, m: &ExprMethodCall) -> TokenStream {
        let method = &m.method;
        let span = method.span();
        let receiver = self.receiver(&m.receiver);
        let turbofish = m.turbofish.as_ref().map(|t| {
            let mut segment = syn::PathSegment::from(method.clone());
            segment.arguments = PathArguments::AngleBracketed(t.clone());
            let path = erase_path(&Path::from(segment));
            split_arguments(&path).1
        });
        let takes_function = |position| FUNCTION_METHODS.iter().any(|(f, first)| method == f && position >= *first);
        let arguments: Vec<_> = m
            .args
            .iter()
            .enumerate()
            .map(|(position, a)| match a {
                // The message of `expect` is part of the code.
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if method == "expect" => {
                    if text.value().contains("{}") || text.value().contains("{u}") {
                        self.error(text.span(), super::macros::BRACES)
                    } else {
                        quote!(#text)
                    }
                }
                Expr::Path(p)
                    if takes_function(position)
                        && self.local_name(&p.path).is_none()
                        && is_constructor_path(&p.path) =>
                {
                    self.function(&p.path)
                }
                a => self.argument(a),
            })
            .collect();
        // `V<T>` has a blanket `into` of its own.
        let method = if method == "into" { Ident::new("__into", span) } else { method.clone() };
        quote_spanned!(span=> #receiver.#method #turbofish(#(#arguments),*))
    }
}

/// Methods of the standard library that take functions, and as which argument the first one: there, `Some` or `Enum::Variant` is a constructor.
const FUNCTION_METHODS: [(&str, usize); 6] =
    [("map", 0), ("map_err", 0), ("and_then", 0), ("or_else", 0), ("map_or", 1), ("map_or_else", 1)];

fn is_constructor_path(path: &Path) -> bool {
    pattern::variant(path).is_some_and(|v| v != "None") || path.get_ident().is_some_and(names_type)
}

/// `Some`, `Ok` and `Err`.
fn option_constructor(path: &Path) -> Option<TokenStream> {
    let name = path.segments.last()?.ident.to_string();
    let function = match name.as_str() {
        "Some" => "some",
        "Ok" => "ok",
        "Err" => "err",
        _ => return None,
    };
    let function = Ident::new(function, path.span());
    let span = path.span();
    Some(quote_spanned!(span=> ::tailor::__jit::#function))
}

/// Does the path name a function, by the convention that constants are in upper case?
fn is_function_path(p: &ExprPath) -> bool {
    p.path.segments.last().is_some_and(|s| !is_upper(&s.ident) && s.ident != "self")
}

/// The path without the generic arguments of its last segment, and these.
fn split_arguments(path: &Path) -> (Path, TokenStream) {
    let mut path = erase_path(path);
    let mut arguments = TokenStream::new();
    if let Some(last) = path.segments.last_mut()
        && let PathArguments::AngleBracketed(a) = std::mem::take(&mut last.arguments)
    {
        let inner = &a.args;
        arguments = quote!(::<#inner>);
    }
    (path, arguments)
}

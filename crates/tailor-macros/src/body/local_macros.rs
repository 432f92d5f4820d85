//! `macro_rules!` within a body: short names for what the body's loop does again and again.
//!
//! The attribute sees the body before its macros are expanded, so it expands them itself: those with one arm whose parameters are single fragments
//! separated by commas. Hygiene is not imitated but required not to matter: where names would be confused, the macro is refused.

use std::collections::HashMap;

use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, ItemMacro, Macro, Token};

use super::{Binding, Body};

/// A macro, as it was when it was defined.
pub(super) struct LocalMacro {
    parameters: Vec<(Ident, Fragment)>,
    body: TokenStream,
    /// What the names in the body meant.
    names: HashMap<String, Option<Binding>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fragment {
    Expr,
    Type,
    Path,
    /// One token, taken as it is: identifiers, literals, lifetimes and all else.
    Token,
}

/// `(pattern) => { body }` with an optional semicolon.
struct Rule {
    parameters: Vec<(Ident, Fragment)>,
    body: TokenStream,
}

impl Parse for Rule {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let pattern: Group = input.parse()?;
        input.parse::<Token![=>]>()?;
        let body: Group = input.parse()?;
        input.parse::<Option<Token![;]>>()?;
        if !input.is_empty() {
            return Err(input.error("in a jitted function a local macro has one arm only"));
        }
        let parameters = syn::parse::Parser::parse2(parameters, pattern.stream())?;
        Ok(Rule { parameters, body: body.stream() })
    }
}

fn parameters(input: ParseStream) -> syn::Result<Vec<(Ident, Fragment)>> {
    const FORM: &str = "in a jitted function a local macro's parameters have the form `$a:expr, $b:ident`";
    let mut list = Vec::new();
    while !input.is_empty() {
        input.parse::<Token![$]>().map_err(|e| syn::Error::new(e.span(), FORM))?;
        let name: Ident = input.parse().map_err(|e| syn::Error::new(e.span(), FORM))?;
        input.parse::<Token![:]>().map_err(|e| syn::Error::new(e.span(), FORM))?;
        let kind: Ident = input.parse()?;
        let fragment = match kind.to_string().as_str() {
            "expr" => Fragment::Expr,
            "ty" => Fragment::Type,
            "path" => Fragment::Path,
            "ident" | "literal" | "tt" | "lifetime" => Fragment::Token,
            _ => {
                return Err(syn::Error::new(
                    kind.span(),
                    "in a jitted function a local macro takes `expr`, `ident`, `ty`, `path`, `literal` or `tt`",
                ));
            }
        };
        list.push((name, fragment));
        if !input.is_empty() {
            input.parse::<Token![,]>().map_err(|e| syn::Error::new(e.span(), FORM))?;
        }
    }
    Ok(list)
}

/// All identifiers in tokens, but those behind `.`, `::` or `$`, and field names of struct literals can't be told from others.
pub(super) fn identifiers(tokens: &TokenStream, out: &mut Vec<Ident>) {
    let mut previous = None;
    for token in tokens.clone() {
        match &token {
            TokenTree::Group(g) => identifiers(&g.stream(), out),
            TokenTree::Ident(i) if !matches!(previous, Some('.' | '$')) => out.push(i.clone()),
            _ => {}
        }
        previous = match &token {
            TokenTree::Punct(p) if p.as_char() == '.' && p.spacing() == Spacing::Alone => Some('.'),
            TokenTree::Punct(p) if p.as_char() == '$' => Some('$'),
            _ => None,
        };
    }
}

/// The names that the tokens bind by `let`, by closures or by arms of `match`, roughly: those that follow `let` up to its `=`.
fn bound(tokens: &TokenStream, out: &mut Vec<String>) {
    let mut in_let = false;
    for token in tokens.clone() {
        match &token {
            TokenTree::Ident(i) if i == "let" => in_let = true,
            TokenTree::Ident(i) if in_let && !super::is_upper(i) => out.push(i.to_string()),
            TokenTree::Punct(p) if p.as_char() == '=' || p.as_char() == ';' => in_let = false,
            TokenTree::Group(g) if in_let => {
                let mut inner = Vec::new();
                identifiers(&g.stream(), &mut inner);
                out.extend(inner.iter().map(Ident::to_string));
            }
            TokenTree::Group(g) => bound(&g.stream(), out),
            _ => {}
        }
    }
}

fn substitute(tokens: TokenStream, arguments: &HashMap<String, TokenStream>) -> TokenStream {
    let mut out = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(ref p) if p.as_char() == '$' => {
                let argument = match tokens.peek() {
                    Some(TokenTree::Ident(name)) => arguments.get(&name.to_string()),
                    _ => None,
                };
                match argument {
                    Some(argument) => {
                        tokens.next();
                        out.extend(argument.clone());
                    }
                    None => out.extend([token]),
                }
            }
            TokenTree::Group(g) => {
                let mut new = Group::new(g.delimiter(), substitute(g.stream(), arguments));
                new.set_span(g.span());
                out.extend([TokenTree::Group(new)]);
            }
            token => out.extend([token]),
        }
    }
    out
}

impl Body {
    pub(super) fn define_macro(&mut self, item: &ItemMacro) -> syn::Result<()> {
        let Some(name) = &item.ident else {
            return Err(syn::Error::new_spanned(
                &item.mac.path,
                "macros that make items are not possible in jitted functions",
            ));
        };
        let rule: Rule = item.mac.parse_body()?;
        let mut used = Vec::new();
        identifiers(&rule.body, &mut used);
        let names = used.iter().map(|i| (i.to_string(), self.look_up(&i.to_string()))).collect();
        self.macros.push((name.to_string(), LocalMacro { parameters: rule.parameters, body: rule.body, names }));
        Ok(())
    }

    /// The expansion of a local macro; `None` if the macro is none.
    pub(super) fn expand_local(&mut self, m: &Macro) -> Option<syn::Result<Expr>> {
        let name = m.path.get_ident()?.to_string();
        let (_, definition) = self.macros.iter().rev().find(|(n, _)| *n == name)?;
        Some(self.expand(m, definition))
    }

    fn expand(&self, m: &Macro, definition: &LocalMacro) -> syn::Result<Expr> {
        let arguments =
            syn::parse::Parser::parse2(|input: ParseStream| split(input, &definition.parameters), m.tokens.clone())?;
        let mut inner = Vec::new();
        bound(&definition.body, &mut inner);
        for (name, argument) in &arguments {
            let mut names = Vec::new();
            identifiers(argument, &mut names);
            if let Some(clash) =
                names.iter().find(|n| inner.contains(&n.to_string()) && self.look_up(&n.to_string()).is_some())
            {
                return Err(syn::Error::new(
                    clash.span(),
                    format!(
                        "the macro binds `{clash}`, too, and its argument `{name}` would be confused with that: rename one of them"
                    ),
                ));
            }
        }
        for (name, binding) in &definition.names {
            if !inner.contains(name) && binding.is_some() && self.look_up(name) != *binding {
                return Err(syn::Error::new_spanned(
                    &m.path,
                    format!("`{name}` means something else here than where the macro was defined: rename it"),
                ));
            }
        }
        let body = substitute(definition.body.clone(), &arguments.into_iter().collect());
        syn::parse2(quote!({ #body }))
    }
}

/// The arguments of a call, by parameter.
fn split(input: ParseStream, parameters: &[(Ident, Fragment)]) -> syn::Result<Vec<(String, TokenStream)>> {
    let mut list = Vec::new();
    for (i, (name, fragment)) in parameters.iter().enumerate() {
        if i > 0 {
            input.parse::<Token![,]>()?;
        }
        let tokens = match fragment {
            Fragment::Expr => {
                let e: Expr = input.parse()?;
                // An expression stays one, whatever stands around it.
                let group = Group::new(Delimiter::None, quote!(#e));
                quote!(#group)
            }
            Fragment::Type => {
                let t: syn::Type = input.parse()?;
                quote!(#t)
            }
            Fragment::Path => {
                let p: syn::Path = input.parse()?;
                quote!(#p)
            }
            Fragment::Token if input.peek(syn::Lifetime) => {
                let l: syn::Lifetime = input.parse()?;
                quote!(#l)
            }
            // With its sign.
            Fragment::Token if input.peek(syn::Lit) || input.peek(Token![-]) && input.peek2(syn::Lit) => {
                let l: syn::Lit = input.parse()?;
                quote!(#l)
            }
            Fragment::Token => {
                let t: TokenTree = input.parse()?;
                quote!(#t)
            }
        };
        list.push((name.to_string(), tokens));
    }
    input.parse::<Option<Token![,]>>()?;
    if !input.is_empty() {
        return Err(input.error("too many arguments"));
    }
    Ok(list)
}

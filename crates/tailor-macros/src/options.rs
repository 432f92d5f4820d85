//! The options of `#[jit(..)]` and its kin.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Expr, Ident, Meta, Token};

/// What is said about a function.
#[derive(Clone, Default)]
pub struct Options {
    pub portal: bool,
    /// Where the portal's JIT is.
    pub jit: Option<Expr>,
    /// Leaves guest frames.
    pub leaves: Option<Span>,
    pub elidable: bool,
    pub unroll: bool,
    pub inline_in_tier1: bool,
    /// `#[inline(always)]`: it is recorded where it is called, too.
    pub inlined: bool,
    /// `#[inline(never)]`.
    pub never_inlined: bool,
    /// `#[cold]`: tier 1 leaves it to the interpreter.
    pub cold: bool,
    /// Opaque to the JIT; with its declared effects.
    pub residual: Option<Effects>,
    /// Nothing to the JIT: calls of it vanish.
    pub ignore: bool,
    /// For native code only.
    pub native: bool,
}

/// What a residual function declares.
#[derive(Clone)]
pub struct Effects {
    span: Span,
    reads: Option<Vec<(String, String)>>,
    writes: Option<Vec<(String, String)>>,
    collects: bool,
    reenters: bool,
    panics: bool,
    role: Option<Ident>,
}

impl Effects {
    fn any(span: Span) -> Effects {
        Effects { span, reads: None, writes: None, collects: true, reenters: true, panics: true, role: None }
    }

    fn none(&mut self) {
        *self = Effects {
            reads: Some(Vec::new()),
            writes: Some(Vec::new()),
            collects: false,
            reenters: false,
            panics: false,
            ..self.clone()
        };
    }

    /// The constant of type `Effects`.
    pub fn tokens(&self) -> TokenStream {
        let touches = |list: &Option<Vec<(String, String)>>| match list {
            None => quote!(::tailor::__jit::Touches::All),
            Some(list) => {
                let pairs = list.iter().map(|(owner, field)| quote!((#owner, #field)));
                quote!(::tailor::__jit::Touches::Only(&[#(#pairs),*]))
            }
        };
        let (reads, writes) = (touches(&self.reads), touches(&self.writes));
        let (collects, reenters, panics) = (self.collects, self.reenters, self.panics);
        quote!(::tailor::__jit::Effects { reads: #reads, writes: #writes, collects: #collects, reenters: #reenters, panics: #panics })
    }

    /// The constant of type `Role`.
    pub fn role(&self) -> TokenStream {
        let found = self.role.as_ref().and_then(|role| ROLES.iter().find(|(name, _)| role == name));
        let role = Ident::new(found.map_or("Ordinary", |(_, role)| role), Span::call_site());
        quote!(::tailor::__jit::Role::#role)
    }
}

/// What a residual function can be to the compilers: the name, and the variant of `Role`.
const ROLES: [(&str, &str); 5] =
    [("alloc", "Allocate"), ("barrier", "Barrier"), ("boxing", "Box"), ("is_boxed", "IsBoxed"), ("unboxing", "Unbox")];

const RESIDUAL_FORM: &str = "expected `pure`, `reads(Type.field, ..)`, `writes(..)`, `no_collect`, `no_reenter`, `no_panic`, `elidable`, \
                             or `role = ..`: `alloc`, `barrier`, `boxing`, `is_boxed`, `unboxing`";

/// `Type.field`, a list of them in parentheses; `Type.*` is what lies behind pointers, in slices and in cells.
fn places(input: ParseStream) -> syn::Result<Vec<(String, String)>> {
    let content;
    syn::parenthesized!(content in input);
    let mut list = Vec::new();
    while !content.is_empty() {
        let owner: syn::Type = content.parse()?;
        content.parse::<Token![.]>()?;
        let field = if content.peek(Token![*]) {
            content.parse::<Token![*]>()?;
            "*".to_string()
        } else {
            let field: syn::Member = content.parse()?;
            quote!(#field).to_string()
        };
        list.push((quote!(#owner).to_string(), field));
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    Ok(list)
}

impl Options {
    /// Adds those of `#[jit(..)]`.
    pub fn add_jit(&mut self, tokens: TokenStream) -> syn::Result<()> {
        let parse = |input: ParseStream| -> syn::Result<()> {
            while !input.is_empty() {
                let name: Ident = input.parse()?;
                match name.to_string().as_str() {
                    "portal" => self.portal = true,
                    "elidable" => self.elidable = true,
                    "unroll" => self.unroll = true,
                    "inline_in_tier1" => self.inline_in_tier1 = true,
                    "leaves" => self.leaves = Some(name.span()),
                    "jit" => {
                        input.parse::<Token![=]>()?;
                        self.jit = Some(input.parse()?);
                    }
                    _ => {
                        return Err(syn::Error::new(
                            name.span(),
                            "expected `portal`, `jit = ..`, `leaves`, `elidable`, `unroll` or `inline_in_tier1`",
                        ));
                    }
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        parse.parse2(tokens)
    }

    /// Adds those of `#[jit::residual(..)]`.
    pub fn add_residual(&mut self, tokens: TokenStream, span: Span) -> syn::Result<()> {
        let mut effects = Effects::any(span);
        let mut elidable = false;
        let parse = |input: ParseStream| -> syn::Result<()> {
            while !input.is_empty() {
                let name: Ident = input.parse()?;
                match name.to_string().as_str() {
                    "pure" => effects.none(),
                    "reads" => effects.reads = Some(places(input)?),
                    "writes" => effects.writes = Some(places(input)?),
                    "no_collect" => effects.collects = false,
                    "no_reenter" => effects.reenters = false,
                    "no_panic" => effects.panics = false,
                    "elidable" => elidable = true,
                    "role" => {
                        input.parse::<Token![=]>()?;
                        let role: Ident = input.parse()?;
                        if !ROLES.iter().any(|(name, _)| role == name) {
                            let names: Vec<&str> = ROLES.iter().map(|(name, _)| *name).collect();
                            let message = format!("expected one of {}", names.join(", "));
                            return Err(syn::Error::new(role.span(), message));
                        }
                        effects.role = Some(role);
                    }
                    _ => return Err(syn::Error::new(name.span(), RESIDUAL_FORM)),
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        parse.parse2(tokens)?;
        self.elidable |= elidable;
        self.residual = Some(effects);
        Ok(())
    }

    /// Adds those of the attributes of ours on a function within an annotated block, and removes these.
    pub fn take_from(&mut self, attributes: &mut Vec<Attribute>) -> syn::Result<()> {
        let mut kept = Vec::new();
        for attribute in attributes.drain(..) {
            let path = attribute.path();
            let is_ours = path.is_ident("jit") || path.segments.len() == 2 && path.segments[0].ident == "jit";
            if !is_ours {
                self.inlined |= is_inline(&attribute, "always");
                self.never_inlined |= is_inline(&attribute, "never");
                self.cold |= path.is_ident("cold");
                kept.push(attribute);
                continue;
            }
            let tokens = match &attribute.meta {
                Meta::List(l) => l.tokens.clone(),
                _ => TokenStream::new(),
            };
            // A path has a last segment.
            let Some(last) = path.segments.last() else { continue };
            match last.ident.to_string().as_str() {
                "jit" => self.add_jit(tokens)?,
                "residual" => self.add_residual(tokens, last.ident.span())?,
                "elidable" => self.elidable = true,
                "unroll" => self.unroll = true,
                "inline_in_tier1" => self.inline_in_tier1 = true,
                "ignore" => self.ignore = true,
                "native" => self.native = true,
                _ => return Err(syn::Error::new(last.ident.span(), "this attribute does not belong on a function")),
            }
        }
        *attributes = kept;
        Ok(())
    }

    /// The constant of type `Traits`.
    pub fn traits(&self) -> TokenStream {
        let Options { portal, elidable, unroll, inline_in_tier1, cold, .. } = self;
        quote!(::tailor::__jit::Traits { portal: #portal, elidable: #elidable, unroll: #unroll, inline_in_tier1: #inline_in_tier1, cold: #cold })
    }

    /// Where the effects were declared.
    pub fn residual_span(&self) -> Option<Span> {
        self.residual.as_ref().map(|e| e.span)
    }
}

/// Options given as one token stream.
pub struct JitOptions(pub Options);

impl Parse for JitOptions {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut options = Options::default();
        options.add_jit(input.parse()?)?;
        Ok(JitOptions(options))
    }
}

/// Whether it is `#[inline(how)]`.
fn is_inline(attribute: &Attribute, how: &str) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("inline") && list.tokens.to_string() == how
}

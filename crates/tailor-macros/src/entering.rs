//! The native readings of `can_enter!`: none, or counting and entering compiled code.
//!
//! A portal that says where its JIT is (`#[jit(portal, jit = vm.jit)]`) has two native readings. One is as it was written, where `can_enter!` is nothing. In the other, which is executed while
//! the JIT is on, each `can_enter!` becomes, roughly,
//! ```text
//! if vm.jit.tick(hash of the greens) {
//!     match __enter(&vm.jit, hash, vm, method, pc, frame) {
//!         Entered::Not => {}
//!         Entered::Moved(state) => { (method, pc, frame) = state; continue 'portal }
//!         Entered::Returned(result) => return result,
//!     }
//! }
//! ```
//! where `__enter`, out of line, packs the state into words and asks the JIT.
//!
//! # Why so
//! - *Why two?* Who does not want a JIT should not pay for one: counts take 1 to 2 % of the instructions that SOM's interpreter executes (`scripts/native-cost.sh`). A machine is compiled for, or
//!   not, before it is run; so it can be asked once.
//! - *Why tokens?* `can_enter!` also stands in the bodies of local macros, which are no syntax trees. What stands for an expression there (`$x`) is given a name while the arguments are parsed.
//! - *Why no plain macro?* It would have to know the portal's parameters and result.

use proc_macro2::{Delimiter, Group, Ident, Punct, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, Parser};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Block, Error, Expr, FnArg, Lifetime, Pat, ReturnType, Signature, Type, parse_quote};

use crate::body::{EnterMark, find_merge_point};
use crate::types;

/// The label of the loop to go on with.
const LABEL: &str = "'portal";

/// A parameter of the portal.
struct Parameter {
    name: Ident,
    ty: Type,
    /// Whether it can be given another value.
    mutable: bool,
}

/// A portal with a JIT.
pub struct Portal<'a> {
    jit: &'a Expr,
    name: Ident,
    parameters: Vec<Parameter>,
    result: Type,
    /// The names at the merge point: greens, reds.
    marked: (Vec<String>, Vec<String>),
    /// The function that enters, as a path.
    enter: TokenStream,
}

impl<'a> Portal<'a> {
    /// The portal of this signature; `owner` is what `Self` stands for, `enter` names the function that enters.
    pub fn new(
        jit: &'a Expr,
        signature: &Signature,
        body: &Block,
        owner: Option<&Type>,
        enter: TokenStream,
    ) -> syn::Result<Portal<'a>> {
        if let Some(parameter) = signature.generics.params.iter().find(|p| !matches!(p, syn::GenericParam::Lifetime(_)))
        {
            return Err(Error::new(parameter.span(), "a portal with a JIT is one function: it can't be generic"));
        }
        let Some(marked) = find_merge_point(body) else {
            return Err(Error::new(signature.ident.span(), "a portal has a `merge_point!` at the top of its loop"));
        };
        let mut parameters = Vec::new();
        for input in &signature.inputs {
            let (name, mut ty, mutable) = match input {
                FnArg::Receiver(r) => (Ident::new("self", r.self_token.span), (*r.ty).clone(), false),
                FnArg::Typed(t) => {
                    let Pat::Ident(p) = &*t.pat else {
                        return Err(Error::new(t.pat.span(), "a parameter of a portal is a name"));
                    };
                    (p.ident.clone(), (*t.ty).clone(), p.mutability.is_some())
                }
            };
            if let Some(owner) = owner {
                syn::visit_mut::VisitMut::visit_type_mut(&mut types::SubstituteSelf(owner), &mut ty);
            }
            parameters.push(Parameter { name, ty, mutable });
        }
        let mut result: Type = match &signature.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, t) => (**t).clone(),
        };
        if let Some(owner) = owner {
            syn::visit_mut::VisitMut::visit_type_mut(&mut types::SubstituteSelf(owner), &mut result);
        }
        Ok(Portal { jit, name: signature.ident.clone(), parameters, result, marked, enter })
    }

    /// The function that enters. `name` is its name, `function` the portal's `JitFunction`.
    pub fn function(&self, name: &Ident, function: &TokenStream) -> TokenStream {
        let (mut taken, mut put, mut read, mut moved, mut types) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (i, parameter) in self.parameters.iter().enumerate() {
            let (value, again) = (format_ident!("value{}", i), format_ident!("again{}", i));
            let erased = types::without_lifetimes(&parameter.ty);
            let span = parameter.ty.span();
            let (passed, words, next) = match types::sized_reference(&parameter.ty) {
                Some(r) => {
                    let (target, asserted) = (types::without_lifetimes(&r.elem), types::erased(&r.elem));
                    let by_address = quote_spanned!(span=> ::tailor::__jit::assert_by_address::<#asserted>(););
                    let next = match &r.mutability {
                        Some(_) => quote!(words.next_mut::<#target>()),
                        None => quote!(&*(words.word() as *const #target)),
                    };
                    (quote!(*mut #target), quote!(#by_address results.word(#value as u64);), next)
                }
                None => (quote!(#erased), quote!(results.put(#value);), quote_spanned!(span=> words.next::<#erased>())),
            };
            taken.push(quote!(#value: #passed));
            put.push(words);
            let counted = types::erased(&parameter.ty);
            if parameter.mutable {
                read.push(quote!(let #again = #next;));
                moved.push(again);
                types.push(erased);
            } else {
                read.push(quote!(words.skip(<#counted as ::tailor::__jit::JitType>::SHAPE.leaf_count());));
            }
        }
        let result = types::without_lifetimes(&self.result);
        let counts = self.parameters.iter().map(|p| {
            let t = types::erased(&p.ty);
            quote!(<#t as ::tailor::__jit::JitType>::SHAPE.leaf_count())
        });
        quote! {
            #[cold]
            #[inline(never)]
            unsafe fn #name(jit: *const ::tailor::Jit, hash: u64, #(#taken),*) -> ::tailor::__jit::Entered<(#(#types,)*), #result> {
                let mut state = [0_u64; 0 #(+ #counts)*];
                let mut results = unsafe { ::tailor::__jit::Results::new(state.as_mut_ptr()) };
                #(#put)*
                unsafe {
                    match ::tailor::__jit::enter(jit, #function, hash, &mut state) {
                        ::tailor::__jit::Outcome::Not => ::tailor::__jit::Entered::Not,
                        ::tailor::__jit::Outcome::Moved => {
                            let mut words = ::tailor::__jit::Arguments::new(state.as_ptr());
                            #(#read)*
                            ::tailor::__jit::Entered::Moved((#(#moved,)*))
                        }
                        ::tailor::__jit::Outcome::Returned => {
                            let mut words = ::tailor::__jit::Arguments::new((*jit).results().as_ptr());
                            ::tailor::__jit::Entered::Returned(words.next::<#result>())
                        }
                    }
                }
            }
        }
    }

    /// The portal's parameters, passed on.
    pub fn arguments(&self) -> impl Iterator<Item = &Ident> {
        self.parameters.iter().map(|p| &p.name)
    }

    /// Replaces each `can_enter!` in the portal's body.
    pub fn rewrite(&self, body: &mut Block) -> syn::Result<()> {
        check_label(body, &self.name)?;
        let mut errors = None;
        let tokens = self.replace(body.to_token_stream(), &mut errors);
        if let Some(e) = errors {
            return Err(e);
        }
        *body = syn::parse2(tokens)?;
        Ok(())
    }

    fn replace(&self, tokens: TokenStream, errors: &mut Option<Error>) -> TokenStream {
        let mut out: Vec<TokenTree> = Vec::new();
        for token in tokens {
            let TokenTree::Group(group) = token else {
                out.push(token);
                continue;
            };
            if !is_call_of_can_enter(&out) {
                let mut new = Group::new(group.delimiter(), self.replace(group.stream(), errors));
                new.set_span(group.span());
                out.push(TokenTree::Group(new));
                continue;
            }
            let span = remove_path(&mut out);
            match self.entry(group.stream(), span) {
                Ok(code) => out.push(TokenTree::Group(Group::new(Delimiter::Brace, code))),
                Err(e) => match errors {
                    Some(all) => all.combine(e),
                    None => *errors = Some(e),
                },
            }
        }
        out.into_iter().collect()
    }

    /// What `can_enter!(arguments)` is.
    fn entry(&self, arguments: TokenStream, span: Span) -> syn::Result<TokenStream> {
        let mut names = Vec::new();
        let mark = EnterMark::parse.parse2(hide(arguments, &mut names))?;
        let (greens, reds) = &self.marked;
        if (mark.greens.len(), mark.reds.len()) != (greens.len(), reds.len()) {
            // The builder says so.
            return Ok(TokenStream::new());
        }
        let (mut values, mut hashed) = (TokenStream::new(), TokenStream::new());
        let named = greens.iter().chain(reds).zip(mark.greens.iter().chain(&mark.reds)).enumerate();
        let mut locals: Vec<Option<Ident>> = vec![None; self.parameters.len()];
        let (hash, mut count) = (crate::internal("hash"), 0_usize);
        for (i, (name, expression)) in named {
            let Some(at) = self.parameters.iter().position(|p| p.name == name.as_str()) else { continue };
            let (local, ty) = (crate::internal(&format!("value{i}")), &self.parameters[at].ty);
            let expression = show(expression.to_token_stream(), &names);
            let reference = types::sized_reference(ty);
            let value = match reference {
                Some(r) if r.mutability.is_some() => quote!(&raw mut *#expression),
                Some(_) => quote!((&raw const *#expression).cast_mut()),
                None if matches!(ty, Type::Reference(_)) => {
                    let erased = types::without_lifetimes(ty);
                    // SAFETY (of the expansion): the words are used before this statement ends.
                    quote!(unsafe { ::core::mem::transmute::<#ty, #erased>(#expression) })
                }
                None => quote!(#expression),
            };
            values.extend(quote!(let #local = #value;));
            if i < greens.len() && reference.is_none() {
                hashed.extend(quote!(let #hash = ::tailor::__jit::mix(#hash, #local, #count);));
                count += 1;
            }
            locals[at] = Some(local);
        }
        let (place, enter, label) = (self.jit, &self.enter, Lifetime::new(LABEL, span));
        let (jit, state, result) = (crate::internal("jit"), crate::internal("state"), crate::internal("result"));
        let tick = format_ident!("{}", if mark.call { "tick_call" } else { "tick" });
        let mutable = self.parameters.iter().filter(|p| p.mutable).map(|p| &p.name);
        Ok(quote! {
            #values
            let #hash = 0_u64;
            #hashed
            let #hash = ::tailor::__jit::hash(#hash);
            let #jit: *const ::tailor::Jit = &raw const #place;
            if unsafe { (*#jit).#tick(#hash) } {
                match unsafe { #enter(#jit, #hash, #(#locals),*) } {
                    ::tailor::__jit::Entered::Not => {}
                    ::tailor::__jit::Entered::Moved(#state) => {
                        (#(#mutable,)*) = #state;
                        continue #label;
                    }
                    ::tailor::__jit::Entered::Returned(#result) => return #result,
                }
            }
        })
    }
}

/// Do the tokens end in `can_enter!`?
fn is_call_of_can_enter(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [.., TokenTree::Ident(name), TokenTree::Punct(p)] if name == "can_enter" && p.as_char() == '!')
}

/// Removes `path::can_enter!` from the end of the tokens; the span of the name.
fn remove_path(tokens: &mut Vec<TokenTree>) -> Span {
    tokens.pop();
    let span = tokens.pop().map_or_else(Span::call_site, |name| name.span());
    while matches!(tokens.as_slice(), [.., TokenTree::Punct(a), TokenTree::Punct(b)] if a.as_char() == ':' && b.as_char() == ':')
    {
        tokens.truncate(tokens.len() - 2);
        if matches!(tokens.last(), Some(TokenTree::Ident(_))) {
            tokens.pop();
        }
    }
    span
}

/// The name that stands for `$name` while tokens are parsed.
fn hidden(name: &Ident) -> Ident {
    format_ident!("__hidden_{}", name, span = name.span())
}

/// The tokens with `$name` replaced by a name; the names are noted.
fn hide(tokens: TokenStream, names: &mut Vec<(Ident, Punct)>) -> TokenStream {
    let mut out = TokenStream::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        match token {
            TokenTree::Punct(dollar) if dollar.as_char() == '$' && matches!(rest.peek(), Some(TokenTree::Ident(_))) => {
                if let Some(TokenTree::Ident(name)) = rest.next() {
                    out.extend([TokenTree::Ident(hidden(&name))]);
                    names.push((name, dollar));
                }
            }
            TokenTree::Group(group) => {
                let mut new = Group::new(group.delimiter(), hide(group.stream(), names));
                new.set_span(group.span());
                out.extend([TokenTree::Group(new)]);
            }
            token => out.extend([token]),
        }
    }
    out
}

/// Undoes [`hide`].
fn show(tokens: TokenStream, names: &[(Ident, Punct)]) -> TokenStream {
    let shown = |token: TokenTree| -> TokenStream {
        match token {
            TokenTree::Ident(i) => match names.iter().find(|(name, _)| hidden(name) == i) {
                Some((name, dollar)) => quote!(#dollar #name),
                None => quote!(#i),
            },
            TokenTree::Group(group) => {
                let mut new = Group::new(group.delimiter(), show(group.stream(), names));
                new.set_span(group.span());
                quote!(#new)
            }
            token => quote!(#token),
        }
    };
    tokens.into_iter().flat_map(shown).collect()
}

/// Whether there is a loop to go on with, around each local macro that needs it.
fn check_label(body: &Block, portal: &Ident) -> syn::Result<()> {
    let mut find = FindLabel { inside: false, found: false, macro_outside: None };
    find.visit_block(body);
    if !find.found {
        return Err(Error::new(
            portal.span(),
            "compiled code comes back at any merge point: label the loop that begins anew with the portal's parameters, `'portal: loop`",
        ));
    }
    match find.macro_outside {
        Some(span) => Err(Error::new(
            span,
            "`can_enter!` goes on with the loop labelled 'portal: it must stand within it, as must a macro that uses it",
        )),
        None => Ok(()),
    }
}

/// Finds the labelled loop, and what is not within it but should be.
struct FindLabel {
    inside: bool,
    found: bool,
    macro_outside: Option<Span>,
}

impl FindLabel {
    fn labelled(&mut self, label: Option<&syn::Label>, visit: impl FnOnce(&mut Self)) {
        let is_it = label.is_some_and(|l| l.name.to_string() == LABEL);
        let before = self.inside;
        self.inside |= is_it;
        self.found |= is_it;
        visit(self);
        self.inside = before;
    }
}

impl<'ast> Visit<'ast> for FindLabel {
    fn visit_expr_loop(&mut self, e: &'ast syn::ExprLoop) {
        self.labelled(e.label.as_ref(), |this| syn::visit::visit_expr_loop(this, e));
    }
    fn visit_expr_while(&mut self, e: &'ast syn::ExprWhile) {
        self.labelled(e.label.as_ref(), |this| syn::visit::visit_expr_while(this, e));
    }
    fn visit_macro(&mut self, m: &'ast syn::Macro) {
        let uses =
            m.path.segments.last().is_some_and(|s| s.ident == "can_enter") || contains_can_enter(m.tokens.clone());
        if uses && !self.inside {
            self.macro_outside.get_or_insert(m.path.span());
        }
    }
}

/// Is there a `can_enter!` in the tokens?
fn contains_can_enter(tokens: TokenStream) -> bool {
    let mut before: Vec<TokenTree> = Vec::new();
    for token in tokens {
        if let TokenTree::Group(group) = &token
            && (is_call_of_can_enter(&before) || contains_can_enter(group.stream()))
        {
            return true;
        }
        before.push(token);
    }
    false
}

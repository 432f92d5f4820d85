//! What a function leaves beside itself.
//!
//! For `fn f(a: A) -> R` the expansion has, apart from the function:
//! - a *twin* `struct f {}` in the type namespace, which `use path::f` imports along with the function, and which carries the rest;
//! - `f::__jit(a: V<A>) -> V<R>`, which builds a call of `f`;
//! - `f::__function()`, the [`JitFunction`](::tailor) that a call refers to;
//! - its builder, and its trampoline; if it is residual, also what machine code calls.
//!
//! For a method of `T` the same functions are `T::__jit_f` and so on, and there is a method `f` on the operations of `T`.
//!
//! A function with closures as parameters has no `JitFunction`: its `__jit` builds the body where it is called.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{Block, Error, FnArg, Generics, Pat, ReturnType, Signature, Type, Visibility, parse_quote};

use crate::body::{Body, Wanted, find_merge_point, return_ident, self_ident};
use crate::entering::Portal;
use crate::options::Options;
use crate::overflow;
use crate::types::{self, SubstituteSelf};

/// What a function belongs to.
#[derive(Clone, Copy)]
pub enum Owner<'a> {
    /// Nothing: it has a twin.
    Free,
    /// The type of an `impl` block with these generics.
    Type(&'a Type, &'a Generics),
}

/// The pieces of a function's expansion.
pub struct Pieces {
    /// Associated functions: of the twin, or of the type.
    pub associated: TokenStream,
    /// The method for the operations of the type.
    pub method: TokenStream,
    /// The body of the native reading, if it is not as it was.
    pub native: Option<Block>,
}

struct Parameter {
    /// In the builder.
    name: Ident,
    /// In the source, or a number.
    label: String,
    ty: Type,
    pattern: Option<Pat>,
    is_self: bool,
}

/// Expands a function.
pub fn expand(
    signature: &Signature,
    visibility: &Visibility,
    body: &Block,
    options: &Options,
    owner: Owner,
) -> syn::Result<Pieces> {
    check_signature(signature)?;
    let suffix = match owner {
        Owner::Free => String::new(),
        Owner::Type(..) => format!("_{}", signature.ident),
    };
    let parameters = parameters(signature, owner)?;
    let result: Type = match &signature.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, t) => (**t).clone(),
    };
    check_options(options, signature)?;
    if options.portal {
        check_portal(&parameters, body, signature)?;
    } else if let (Some(_), false) = (find_merge_point(body), options.residual.is_some()) {
        return Err(Error::new(
            signature.ident.span(),
            "a function with a `merge_point!` is a portal: mark it #[jit(portal)]",
        ));
    }
    let generics = types::builder_generics(&signature.generics);
    let inlined = generics.closures || parameters.iter().any(|p| types::is_impl_trait(&p.ty));
    let expansion =
        Expansion { signature, visibility, body, options, owner, suffix, parameters, result, generics, inlined };
    expansion.pieces()
}

fn check_signature(signature: &Signature) -> syn::Result<()> {
    let refuse = |span: Span, message: &str| Err(Error::new(span, message));
    if let Some(a) = &signature.asyncness {
        return refuse(a.span, "jitted code can't be asynchronous");
    }
    if let Some(v) = &signature.variadic {
        return refuse(v.span(), "jitted functions have a fixed number of parameters");
    }
    if let Some(a) = &signature.abi {
        return refuse(a.span(), "jitted functions have Rust's own calling convention");
    }
    if let ReturnType::Type(_, t) = &signature.output {
        match &**t {
            Type::Never(n) => {
                return refuse(
                    n.span(),
                    "a function that never returns can't be called from jitted code: use `panic!` there, or return the failure as a value",
                );
            }
            Type::ImplTrait(i) => return refuse(i.span(), "jitted functions return a type that has a name"),
            _ => {}
        }
    }
    Ok(())
}

/// Refuses options that do not go together.
fn check_options(options: &Options, signature: &Signature) -> syn::Result<()> {
    if let Some(jit) = &options.jit
        && !options.portal
    {
        return Err(Error::new(jit.span(), "`jit = ..` says where a portal's JIT is: it goes with `portal`"));
    }
    let Some(span) = options.leaves else { return Ok(()) };
    let refuse = |message: &str| Err(Error::new(span, message));
    if options.portal {
        return refuse("a portal does not leave guest frames itself: mark the function that it calls for this");
    }
    if options.residual.is_some() || options.elidable || options.inline_in_tier1 {
        return refuse(
            "a function that leaves guest frames is called and looked into: no other option goes with `leaves`",
        );
    }
    if signature.inputs.is_empty() {
        return refuse("the first parameter of a function that leaves guest frames is the frame");
    }
    Ok(())
}

fn check_portal(parameters: &[Parameter], body: &Block, signature: &Signature) -> syn::Result<()> {
    let Some((greens, reds)) = find_merge_point(body) else {
        return Err(Error::new(signature.ident.span(), "a portal has a `merge_point!` at the top of its loop"));
    };
    let named: Vec<&String> = greens.iter().chain(&reds).collect();
    for p in parameters {
        if !named.contains(&&p.label) {
            return Err(Error::new(
                p.name.span(),
                format!(
                    "the merge point must name each of the portal's parameters, so that the portal can be entered there: `{}` is missing",
                    p.label
                ),
            ));
        }
    }
    for name in &named {
        if !parameters.iter().any(|p| p.label == **name) {
            return Err(Error::new(
                signature.ident.span(),
                format!(
                    "`{name}`, named at the merge point, is no parameter of the portal: make it one, or compute it behind the merge point"
                ),
            ));
        }
    }
    if named.len() != parameters.len() {
        return Err(Error::new(signature.ident.span(), "the merge point names a variable twice"));
    }
    Ok(())
}

fn parameters(signature: &Signature, owner: Owner) -> syn::Result<Vec<Parameter>> {
    let mut list = Vec::new();
    for (i, input) in signature.inputs.iter().enumerate() {
        match input {
            FnArg::Receiver(r) => {
                if r.colon_token.is_some() {
                    return Err(Error::new(r.span(), "in jitted code `self` is `self`, `&self` or `&mut self`"));
                }
                if let (Some(m), None) = (&r.mutability, &r.reference) {
                    return Err(Error::new(m.span(), "in jitted code write `let mut this = self;`"));
                }
                let Owner::Type(ty, _) = owner else { return Err(Error::new(r.span(), "`self` without a type")) };
                let ty: Type = match (&r.reference, &r.mutability) {
                    (None, _) => ty.clone(),
                    (Some(_), None) => parse_quote!(&#ty),
                    (Some(_), Some(_)) => parse_quote!(&mut #ty),
                };
                list.push(Parameter {
                    name: self_ident(),
                    label: "self".to_string(),
                    ty,
                    pattern: None,
                    is_self: true,
                });
            }
            FnArg::Typed(t) => {
                let label = match &*t.pat {
                    Pat::Ident(p) => p.ident.to_string(),
                    _ => i.to_string(),
                };
                let name = format_ident!("__parameter{}", i, span = t.pat.span().resolved_at(Span::mixed_site()));
                let mut ty = (*t.ty).clone();
                if let Owner::Type(owner, _) = owner {
                    SubstituteSelf(owner).visit_type_mut(&mut ty);
                }
                list.push(Parameter { name, label, ty, pattern: Some((*t.pat).clone()), is_self: false });
            }
        }
    }
    Ok(list)
}

struct Expansion<'a> {
    signature: &'a Signature,
    visibility: &'a Visibility,
    body: &'a Block,
    options: &'a Options,
    owner: Owner<'a>,
    suffix: String,
    parameters: Vec<Parameter>,
    result: Type,
    generics: types::BuilderGenerics,
    inlined: bool,
}

impl Expansion<'_> {
    fn name(&self, stem: &str) -> Ident {
        format_ident!("__{}{}", stem, self.suffix, span = self.signature.ident.span())
    }

    /// `Self` of the associated functions, with which they name each other.
    fn this(&self) -> TokenStream {
        quote!(Self)
    }

    fn result(&self) -> Type {
        let mut result = self.result.clone();
        if let Owner::Type(owner, _) = self.owner {
            SubstituteSelf(owner).visit_type_mut(&mut result);
        }
        result
    }

    /// `a: V<A>, b: V<B>`
    fn handles(&self) -> Vec<TokenStream> {
        self.parameters
            .iter()
            .map(|p| {
                let name = &p.name;
                let ty = match &p.ty {
                    Type::ImplTrait(i) => types::closure_type(i),
                    Type::Reference(r) => match &*r.elem {
                        Type::ImplTrait(i) => types::closure_type(i),
                        _ => None,
                    },
                    t if is_type_parameter(t, self.signature) && self.generics.closures => {
                        // A closure's type parameter, or a value's: told apart by its bound.
                        Some(closure_parameter(t, self.signature).unwrap_or_else(|| types::handle(t)))
                    }
                    _ => None,
                };
                let ty = ty.unwrap_or_else(|| types::handle(&p.ty));
                quote!(#name: #ty)
            })
            .collect()
    }

    fn pieces(self) -> syn::Result<Pieces> {
        let associated = if self.options.ignore {
            self.ignored()?
        } else if self.inlined {
            self.inlined()?
        } else {
            self.called()?
        };
        let (entering, native) = self.entering()?.unzip();
        Ok(Pieces { associated: quote!(#associated #entering), method: self.method(), native })
    }

    /// What belongs to a portal with a JIT, and its native body. That asks whether to count, and is else as it was; the function that counts, and the one that enters, stand beside it.
    fn entering(&self) -> syn::Result<Option<(TokenStream, Block)>> {
        let Some(jit) = &self.options.jit else { return Ok(None) };
        let (enter, function, owner) = (self.name("enter"), self.name("function"), self.owner);
        let this = match owner {
            Owner::Free => self.signature.ident.to_token_stream(),
            Owner::Type(t, _) => types::without_lifetimes(t).to_token_stream(),
        };
        let owner = match owner {
            Owner::Free => None,
            Owner::Type(t, _) => Some(t),
        };
        let portal = Portal::new(jit, self.signature, self.body, owner, quote!(<#this>::#enter))?;
        let mut counting = self.body.clone();
        portal.rewrite(&mut counting)?;
        let signature = Signature { ident: self.name("counting"), ..self.signature.clone() };
        let entered = portal.function(&enter, &quote!(Self::#function()));
        let (name, arguments) = (&signature.ident, portal.arguments());
        let mut native = self.body.clone();
        native.stmts.insert(
            0,
            parse_quote!(if ::tailor::Jit::is_on(&#jit) {
                return <#this>::#name(#(#arguments),*);
            }),
        );
        Ok(Some((quote!(#entered #[inline(never)] #signature #counting), native)))
    }

    /// The function that builds a call.
    fn caller(&self, body: &TokenStream) -> TokenStream {
        let (jit, visibility, handles, result) =
            (self.name("jit"), self.visibility, self.handles(), types::handle(&self.result()));
        let params = &self.generics.params;
        // A body that is inlined has places of its own.
        let track = (!self.inlined).then(|| quote!(#[track_caller]));
        quote! {
            #[inline]
            #track
            #visibility fn #jit #params (#(#handles),*) -> #result { #body }
        }
    }

    fn ignored(&self) -> syn::Result<TokenStream> {
        if !matches!(self.signature.output, ReturnType::Default) {
            return Err(Error::new(self.signature.output.span(), "what means nothing to the JIT yields nothing"));
        }
        Ok(self.caller(&quote!(::tailor::__jit::unit())))
    }

    /// The builder's statements for the body, between `start` (which makes the return target) and the end.
    fn builder_body(&self, start: &TokenStream) -> syn::Result<TokenStream> {
        let mut body = Body::new(self.body);
        let mut prelude = TokenStream::new();
        for p in &self.parameters {
            match &p.pattern {
                None => body.bind_self(),
                Some(pattern) => {
                    let name = &p.name;
                    let is_closure = types::is_impl_trait(&p.ty) || closure_parameter(&p.ty, self.signature).is_some();
                    if is_closure {
                        let Pat::Ident(i) = pattern else {
                            return Err(Error::new(pattern.span(), "a closure needs a name"));
                        };
                        body.bind_closure(&i.ident);
                        let source = &i.ident;
                        prelude.extend(quote!(let #source = #name;));
                    } else {
                        prelude.extend(body.pattern(pattern, &quote!(#name), None));
                    }
                    if let Type::Reference(r) = &p.ty
                        && let Some(m) = &r.mutability
                        && !types::is_impl_trait(&p.ty)
                        && types::sized_reference(&p.ty).is_some()
                    {
                        let target = types::erased(&r.elem);
                        let span = m.span();
                        prelude.extend(quote_spanned!(span=> ::tailor::__jit::assert_by_address::<#target>();));
                    }
                }
            }
        }
        let value = body.block(self.body, Wanted::Value);
        if let Some(e) = body.errors() {
            return Err(e);
        }
        let target = return_ident();
        Ok(quote! {
            use ::tailor::__jit::functions::*;
            #start
            #prelude
            let __value = #value;
            #target.end(__value)
        })
    }

    fn inlined(&self) -> syn::Result<TokenStream> {
        if let Some(span) = self.options.leaves {
            return Err(Error::new(span, "a function that leaves guest frames takes no closures"));
        }
        if let Some(span) = self.options.residual_span() {
            return Err(Error::new(span, "a residual function can't take closures: they are known at build time only"));
        }
        let (checks, target, result) = (overflow::checks(), return_ident(), types::handle(&self.result()));
        let erased = types::erased(&self.result());
        let start = quote!(let #target = ::tailor::__jit::Return::<#erased>::inlined(#checks););
        let body = self.builder_body(&start)?;
        Ok(self.caller(&quote!(let __result: #result = { #body }; __result)))
    }

    /// A function that jitcode calls: jitted or residual.
    fn called(&self) -> syn::Result<TokenStream> {
        let this = self.this();
        let (function, build, native) = (self.name("function"), self.name("build"), self.name("native"));
        let (visibility, turbofish, params) = (self.visibility, &self.generics.turbofish, &self.generics.params);
        let names = self.parameters.iter().map(|p| &p.name);
        let result = types::erased(&self.result());
        let call = match self.parameters.len() {
            count @ 0..=4 => {
                let call = format_ident!("call{}", count);
                quote!(::tailor::__jit::#call(#this::#function #turbofish, #(#names.__id()),*))
            }
            _ => quote!(::tailor::__jit::call(#this::#function #turbofish(), &[#(#names.__id()),*])),
        };
        let call = self.caller(&quote!(::tailor::__jit::V::__from(#call)));
        let labels = self.parameters.iter().map(|p| &p.label);
        let shapes = self.parameters.iter().map(|p| {
            let (t, span) = (types::erased(&p.ty), p.ty.span());
            quote_spanned!(span=> <#t as ::tailor::__jit::JitType>::SHAPE)
        });
        let (name, span) = (self.signature.ident.to_string(), self.signature.ident.span());
        let full_name = match self.owner {
            Owner::Free => quote!(concat!(module_path!(), "::", #name)),
            Owner::Type(t, _) => {
                let t = t.to_token_stream().to_string().replace(' ', "");
                quote!(concat!(module_path!(), "::", #t, "::", #name))
            }
        };
        let signature = quote_spanned! {span=> ::tailor::__jit::Signature {
            name: #full_name,
            location: ::core::panic::Location::caller(),
            parameter_names: &[#(#labels),*],
            parameters: &[#(#shapes),*],
            result: <#result as ::tailor::__jit::JitType>::SHAPE,
        }};
        let traits = self.options.traits();
        // What is called for its result alone, constant where its arguments are, stays a call.
        let inlined = (self.options.inlined && !self.options.elidable).then(|| quote!(.inlined()));
        let leaving = self.options.leaves.map(|_| quote!(.leaving()));
        let direct = self.name("direct");
        let made = match &self.options.residual {
            Some(effects) => {
                let (effects, role) = (effects.tokens(), effects.role());
                quote!(::tailor::__jit::JitFunction::residual(__SIGNATURE, #this::#native #turbofish, #traits, #effects, #role).called_directly(#this::#direct #turbofish))
            }
            None => {
                quote!(::tailor::__jit::JitFunction::new(__SIGNATURE, #this::#build #turbofish, #this::#native #turbofish, #traits) #inlined #leaving)
            }
        };
        let is_generic = self.generics.any
            || matches!(self.owner, Owner::Type(_, g) if g.type_params().next().is_some() || g.const_params().next().is_some());
        let access = if is_generic {
            let signature = quote!(const { #signature });
            let made = match &self.options.residual {
                Some(effects) => {
                    let (effects, role) = (effects.tokens(), effects.role());
                    quote!(::tailor::__jit::JitFunction::residual(#signature, #this::#native #turbofish, #traits, #effects, #role).called_directly(#this::#direct #turbofish))
                }
                None => {
                    quote!(::tailor::__jit::JitFunction::new(#signature, #this::#build #turbofish, #this::#native #turbofish, #traits) #inlined #leaving)
                }
            };
            quote!(::tailor::__jit::JitFunction::instance(#made))
        } else {
            // A static can't name `Self`.
            let made = match self.owner {
                Owner::Free => {
                    let twin = &self.signature.ident;
                    replace_self(made, &quote!(#twin))
                }
                Owner::Type(t, _) => {
                    let t = types::without_lifetimes(t);
                    replace_self(made, &quote!(<#t>))
                }
            };
            quote! {
                const __SIGNATURE: ::tailor::__jit::Signature = #signature;
                static __FUNCTION: ::tailor::__jit::JitFunction = #made;
                &__FUNCTION
            }
        };
        let builder = match &self.options.residual {
            Some(_) => TokenStream::new(),
            None => self.builder(&build)?,
        };
        let trampoline = self.trampoline(&native);
        let direct = self.options.residual.as_ref().map(|_| self.direct(&direct));
        Ok(quote! {
            #call
            #[cold]
            #[inline]
            #visibility fn #function #params () -> &'static ::tailor::__jit::JitFunction { #access }
            #builder
            #trampoline
            #direct
        })
    }

    fn builder(&self, build: &Ident) -> syn::Result<TokenStream> {
        let (checks, target, result) = (overflow::checks(), return_ident(), types::erased(&self.result()));
        let params = &self.generics.params;
        let turbofish = &self.generics.turbofish;
        let taken = self.parameters.iter().map(|p| {
            let (name, t, span) = (&p.name, types::erased(&p.ty), p.ty.span());
            quote_spanned!(span=> let #name = ::tailor::__jit::parameter::<#t>();)
        });
        let start = quote! {
            let #target = ::tailor::__jit::function::<#result>();
            #(#taken)*
        };
        let body = self.builder_body(&start)?;
        let record = format_ident!("__record{}", self.suffix);
        let this = self.this();
        Ok(quote! {
            #[cold]
            fn #build #params (tape: &::tailor::__jit::Tape) {
                ::tailor::__jit::run(tape, #checks, #this::#record #turbofish)
            }
            #[cold]
            #[inline(never)]
            fn #record #params () { #body; }
        })
    }

    /// Statements that read the arguments from `words`; and the arguments.
    fn read_arguments(&self, words: &Ident) -> (Vec<TokenStream>, Vec<TokenStream>) {
        let (mut holders, mut arguments) = (Vec::new(), Vec::new());
        for p in &self.parameters {
            let name = &p.name;
            let span = p.ty.span();
            match types::sized_reference(&p.ty) {
                Some(r) if r.mutability.is_some() => {
                    let t = types::without_lifetimes(&r.elem);
                    holders.push(quote_spanned!(span=> let #name = #words.next_mut::<#t>();));
                    arguments.push(quote!(#name));
                }
                Some(r) => {
                    let t = types::without_lifetimes(&r.elem);
                    holders.push(quote_spanned!(span=> let #name = #words.next_borrowed::<#t>();));
                    arguments.push(quote_spanned!(span=> <#t as ::tailor::__jit::Borrowed>::borrow(&#name)));
                }
                None => {
                    let t = types::without_lifetimes(&p.ty);
                    holders.push(quote_spanned!(span=> let #name = #words.next::<#t>();));
                    arguments.push(quote!(#name));
                }
            }
        }
        (holders, arguments)
    }

    /// The function itself, as a path.
    fn callee(&self) -> TokenStream {
        let (function, turbofish) = (&self.signature.ident, &self.generics.turbofish);
        match self.owner {
            Owner::Free => quote!(#function #turbofish),
            Owner::Type(..) => quote!(Self::#function #turbofish),
        }
    }

    /// What machine code calls.
    fn direct(&self, direct: &Ident) -> TokenStream {
        let params = &self.generics.params;
        let (words, results, result) =
            (crate::internal("arguments"), crate::internal("results"), crate::internal("result"));
        let (holders, arguments) = self.read_arguments(&words);
        let callee = self.callee();
        let counts = self.parameters.iter().map(|p| {
            let t = types::erased(&p.ty);
            quote!(<#t as ::tailor::__jit::JitType>::SHAPE.leaf_count())
        });
        quote! {
            #[allow(unused_mut, unused_unsafe, unused_variables)]
            unsafe extern "C" fn #direct #params (#results: *mut u64, a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 {
                // Who has more arguments is not called so.
                if const { (0 #(+ #counts)*) > ::tailor::__jit::DIRECT } {
                    return 0;
                }
                let #words = [a, b, c, d, e];
                unsafe {
                    let mut #words = ::tailor::__jit::Arguments::new(#words.as_ptr());
                    #(#holders)*
                    let #result = #callee(#(#arguments),*);
                    ::tailor::__jit::answer(#result, #results)
                }
            }
        }
    }

    fn trampoline(&self, native: &Ident) -> TokenStream {
        let params = &self.generics.params;
        // Not part of `quote_spanned`: the source's spans may come from a macro and have its hygiene.
        let (words, results, result) =
            (crate::internal("arguments"), crate::internal("results"), crate::internal("result"));
        let (holders, arguments) = self.read_arguments(&words);
        let callee = self.callee();
        let blanks = self.parameters.iter().map(|_| quote!(_));
        let span = self.signature.output.span();
        let put = quote_spanned!(span=> ::tailor::__jit::Results::new(#results).put(#result););
        // By pointer, so that the function is not compiled into its trampoline once more. If it would not be, then not: a function whose address is taken keeps the plain calling convention.
        let function = match self.options.never_inlined {
            true => quote!(#callee),
            false => quote!(::core::hint::black_box(#callee as unsafe fn(#(#blanks),*) -> _)),
        };
        quote! {
            #[allow(unused_mut, unused_unsafe, unused_variables)]
            unsafe fn #native #params (#words: *const u64, #results: *mut u64) {
                unsafe {
                    let mut #words = ::tailor::__jit::Arguments::new(#words);
                    #(#holders)*
                    let #result = (#function)(#(#arguments),*);
                    #put
                }
            }
        }
    }

    /// The method on the operations of the type.
    fn method(&self) -> TokenStream {
        let Owner::Type(owner, _) = self.owner else { return TokenStream::new() };
        let Some(first) = self.parameters.first().filter(|p| p.is_self) else { return TokenStream::new() };
        let _ = first;
        let (visibility, function, jit) = (self.visibility, &self.signature.ident, self.name("jit"));
        let handles = self.handles();
        let handles = &handles[1..];
        let names = self.parameters[1..].iter().map(|p| &p.name);
        let (params, turbofish) = (&self.generics.params, &self.generics.turbofish);
        let (result, owner) = (types::handle(&self.result()), types::erased(owner));
        // With `impl Trait` among the parameters, generic arguments can't be given explicitly.
        let turbofish = if self.parameters.iter().any(|p| types::is_impl_trait(&p.ty)) {
            TokenStream::new()
        } else {
            turbofish.clone()
        };
        quote! {
            #[inline]
            #[track_caller]
            #visibility fn #function #params (self, #(#handles),*) -> #result {
                <#owner>::#jit #turbofish (::tailor::__jit::get(::tailor::__jit::V::__from(self.__id())), #(#names),*)
            }
        }
    }
}

fn replace_self(tokens: TokenStream, by: &TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            proc_macro2::TokenTree::Ident(i) if i == "Self" => by.clone(),
            proc_macro2::TokenTree::Group(g) => {
                let mut new = proc_macro2::Group::new(g.delimiter(), replace_self(g.stream(), by));
                new.set_span(g.span());
                quote!(#new)
            }
            token => quote!(#token),
        })
        .collect()
}

fn is_type_parameter(t: &Type, signature: &Signature) -> bool {
    let Type::Path(p) = t else { return false };
    p.path.get_ident().is_some_and(|name| signature.generics.type_params().any(|t| t.ident == *name))
}

/// The type, if it is a type parameter bound by `Fn` or its kin.
fn closure_parameter(t: &Type, signature: &Signature) -> Option<TokenStream> {
    let Type::Path(p) = t else { return None };
    let name = p.path.get_ident()?;
    let generics = &signature.generics;
    let is_fn = |b: &syn::TypeParamBound| matches!(b, syn::TypeParamBound::Trait(t) if t.path.segments.last().is_some_and(|s| s.ident.to_string().starts_with("Fn")));
    let direct = generics.type_params().any(|t| t.ident == *name && t.bounds.iter().any(is_fn));
    let in_where = generics.where_clause.iter().flat_map(|w| &w.predicates).any(|p| {
        matches!(p, syn::WherePredicate::Type(t) if matches!(&t.bounded_ty, Type::Path(b) if b.path.is_ident(name)) && t.bounds.iter().any(is_fn))
    });
    (direct || in_where).then(|| quote!(#name))
}

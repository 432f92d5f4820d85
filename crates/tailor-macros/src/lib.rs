//! The attributes that give an interpreter its second reading.
//!
//! `#[jit]` leaves a function as it is and adds a *builder*: the same body, desugared by syntax alone into calls on typed handles. Run, the builder records
//! the function's jitcode (see `tailor-jitcode`). Which types, methods, fields and constants the body means is found out by rustc, which
//! compiles the builder like any other code; so the two readings can't disagree about that, and what a handle has no operation for
//! does not compile.
//!
//! # Parts
//! | module | idea |
//! |---|---|
//! | [`options`] | what the attributes say |
//! | [`function`] | what a function leaves beside itself |
//! | [`blocks`] | `impl` blocks |
//! | [`data`] | structs and enums |
//! | [`types`] | types, as the builder sees them |
//! | [`body`] | the desugaring of bodies |
//! | [`entering`] | the native reading of `can_enter!` |
//! | [`diverge`] | which expressions never yield a value |
//! | [`overflow`] | whether arithmetic is checked in the crate being compiled |
//!
//! # Why so
//! - *Why syntax and not types?* A procedural macro sees no types. Guessing them from names is how such tools get silently wrong; handles make rustc the judge.
//! - *Why does the twin of a function live in the type namespace?* So that `use module::function;` imports both.
//! - *Why is everything behind the feature `jit`?* With the feature off the attributes only remove themselves: a native interpreter without any trace of the JIT.

mod blocks;
mod body;
mod data;
mod diverge;
mod entering;
mod function;
mod options;
mod overflow;
mod types;

use proc_macro::TokenStream as Tokens;
use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Error, Ident, Item, ItemFn, Token, parse_macro_input};

use function::Owner;
use options::{JitOptions, Options};

/// Whether expansions have the second reading.
const ENABLED: bool = cfg!(feature = "jit");

/// Lints that do not concern expanded code.
fn allow() -> TokenStream {
    quote! {
        #[doc(hidden)]
        #[allow(
            unused, dead_code, non_snake_case, non_camel_case_types, unreachable_code, unused_mut, missing_docs, private_interfaces,
            clippy::all, clippy::pedantic, clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn, single_use_lifetimes
        )]
    }
}

/// A name within an expansion, out of the way of the user's.
fn internal(name: &str) -> Ident {
    quote::format_ident!("__{}", name, span = proc_macro2::Span::mixed_site())
}

/// The item, and what goes with it or what is wrong with it.
fn with(item: &impl quote::ToTokens, result: syn::Result<TokenStream>) -> Tokens {
    let extra = match result {
        Ok(_) if !ENABLED => TokenStream::new(),
        Ok(extra) => extra,
        Err(e) => e.to_compile_error(),
    };
    quote!(#item #extra).into()
}

/// Refuses conditional compilation within an item: the attribute sees the item before conditions are evaluated.
fn refuse_conditions(visit: impl FnOnce(&mut Conditions)) -> syn::Result<()> {
    let mut conditions = Conditions(None);
    visit(&mut conditions);
    match conditions.0 {
        None => Ok(()),
        Some(span) => Err(Error::new(
            span,
            "conditional compilation is not possible within what is jitted: put `#[cfg(..)]` above the attribute, or use `if cfg!(..)`",
        )),
    }
}

/// Finds `#[cfg]` and `#[cfg_attr]`.
struct Conditions(Option<proc_macro2::Span>);

impl<'ast> Visit<'ast> for Conditions {
    fn visit_attribute(&mut self, a: &'ast syn::Attribute) {
        if a.path().is_ident("cfg") || a.path().is_ident("cfg_attr") {
            self.0 = Some(a.span());
        }
    }
}

/// Gives a function the body of its native reading, where the label that is gone on with is not used. Without the feature `jit` it keeps the one that it has.
fn replace_body(block: &mut syn::Block, attributes: &mut Vec<syn::Attribute>, native: Option<syn::Block>) {
    let Some(native) = native else { return };
    attributes.push(syn::parse_quote!(#[allow(unused_labels, clippy::never_loop)]));
    if ENABLED {
        *block = native;
    }
}

fn free_function(mut f: ItemFn, mut options: Options) -> Tokens {
    let result = refuse_conditions(|c| c.visit_item_fn(&f))
        .and_then(|()| options.take_from(&mut f.attrs))
        .and_then(|()| expand_free_function(&mut f, &options));
    with(&f, result)
}

fn expand_free_function(f: &mut ItemFn, options: &Options) -> syn::Result<TokenStream> {
    if options.native {
        return Err(Error::new(
            f.sig.ident.span(),
            "`native` is for functions within an annotated impl block: leave this one without attributes",
        ));
    }
    let pieces = function::expand(&f.sig, &f.vis, &f.block, options, Owner::Free)?;
    replace_body(&mut f.block, &mut f.attrs, pieces.native);
    let (name, visibility, allow, associated) = (&f.sig.ident, &f.vis, allow(), pieces.associated);
    Ok(quote! {
        #allow
        #visibility struct #name {}
        #allow
        impl #name { #associated }
    })
}

/// Gives a function, or the functions of an `impl` block, a second reading.
///
/// Options: `portal` (the interpreter's loop, with a merge point), `elidable`, `unroll`, `inline_in_tier1`.
#[proc_macro_attribute]
pub fn jit(attribute: Tokens, item: Tokens) -> Tokens {
    let JitOptions(options) = parse_macro_input!(attribute as JitOptions);
    match parse_macro_input!(item as Item) {
        Item::Fn(f) => free_function(f, options),
        Item::Impl(block) => {
            let conditions = refuse_conditions(|c| c.visit_item_impl(&block));
            let (block, result) = blocks::expand(block);
            with(&block, conditions.and(result))
        }
        Item::Enum(e) => with(&e, refuse_conditions(|c| c.visit_item_enum(&e)).and_then(|()| data::value_enum(&e))),
        other => {
            let e = Error::new(
                other.span(),
                "#[jit] goes on functions, impl blocks and enums; structs take #[jit::value] or #[jit::object]",
            );
            with(&other, Err(e))
        }
    }
}

/// A function that jitted code may call but the JIT does not look into; with the effects that it declares.
#[proc_macro_attribute]
pub fn residual(attribute: Tokens, item: Tokens) -> Tokens {
    let f = parse_macro_input!(item as ItemFn);
    let mut options = Options::default();
    match options.add_residual(attribute.into(), f.sig.ident.span()) {
        Ok(()) => free_function(f, options),
        Err(e) => with(&f, Err(e)),
    }
}

/// Options that are attributes of their own on free functions.
fn marked(item: Tokens, mark: impl FnOnce(&mut Options)) -> Tokens {
    let f = parse_macro_input!(item as ItemFn);
    let mut options = Options::default();
    mark(&mut options);
    free_function(f, options)
}

/// `#[jit(elidable)]`
#[proc_macro_attribute]
pub fn elidable(_: Tokens, item: Tokens) -> Tokens {
    marked(item, |o| o.elidable = true)
}

/// `#[jit(unroll)]`
#[proc_macro_attribute]
pub fn unroll(_: Tokens, item: Tokens) -> Tokens {
    marked(item, |o| o.unroll = true)
}

/// `#[jit(inline_in_tier1)]`
#[proc_macro_attribute]
pub fn inline_in_tier1(_: Tokens, item: Tokens) -> Tokens {
    marked(item, |o| o.inline_in_tier1 = true)
}

/// A function without parameters and result whose calls mean nothing to the JIT.
#[proc_macro_attribute]
pub fn ignore(_: Tokens, item: Tokens) -> Tokens {
    marked(item, |o| o.ignore = true)
}

/// A small `Copy` struct or an enum: jitted code keeps its parts in registers.
#[proc_macro_attribute]
pub fn value(_: Tokens, item: Tokens) -> Tokens {
    match parse_macro_input!(item as Item) {
        Item::Struct(s) => {
            with(&s, refuse_conditions(|c| c.visit_item_struct(&s)).and_then(|()| data::value_struct(&s)))
        }
        Item::Enum(e) => with(&e, refuse_conditions(|c| c.visit_item_enum(&e)).and_then(|()| data::value_enum(&e))),
        other => {
            let e = Error::new(other.span(), "#[jit::value] goes on structs and enums");
            with(&other, Err(e))
        }
    }
}

/// A struct that jitted code uses by address. `#[jit::object(a, b)]`: of its fields, jitted code sees `a` and `b` only.
#[proc_macro_attribute]
pub fn object(attribute: Tokens, item: Tokens) -> Tokens {
    let only = parse_macro_input!(attribute with Punctuated<Ident, Token![,]>::parse_terminated);
    match parse_macro_input!(item as Item) {
        Item::Struct(mut s) => {
            let only: Vec<Ident> = only.into_iter().collect();
            let result = refuse_conditions(|c| c.visit_item_struct(&s)).and_then(|()| data::object(&s, &only));
            data::clean_fields(&mut s.fields);
            with(&s, result)
        }
        other => {
            let e = Error::new(other.span(), "#[jit::object] goes on structs");
            with(&other, Err(e))
        }
    }
}

/// A struct of one `Cell` that lies within heap objects only: a field of a guest's object, an element of its arrays.
///
/// It is an object whose cell is used by the name of the field. All slots of one type are one alias class, and slots at different distances from the starts of two objects are different.
/// For that, jitted code must get the address of a slot only by computing it from that of its object: not from memory, nor from a residual function.
#[proc_macro_attribute]
pub fn slot(_: Tokens, item: Tokens) -> Tokens {
    match parse_macro_input!(item as Item) {
        Item::Struct(mut s) => {
            let result = refuse_conditions(|c| c.visit_item_struct(&s)).and_then(|()| data::slot(&s));
            data::clean_fields(&mut s.fields);
            with(&s, result)
        }
        other => {
            let e = Error::new(other.span(), "#[jit::slot] goes on structs");
            with(&other, Err(e))
        }
    }
}

/// A small `Copy` type that jitted code passes on without looking into it.
#[proc_macro_attribute]
pub fn opaque(_: Tokens, item: Tokens) -> Tokens {
    match parse_macro_input!(item as Item) {
        Item::Struct(s) => with(&s, data::opaque(&s.ident, &s.generics, &s.vis)),
        Item::Enum(e) => with(&e, data::opaque(&e.ident, &e.generics, &e.vis)),
        other => {
            let e = Error::new(other.span(), "#[jit::opaque] goes on structs and enums");
            with(&other, Err(e))
        }
    }
}

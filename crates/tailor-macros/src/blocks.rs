//! `#[jit] impl T { .. }`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Error, ImplItem, ItemImpl, Type};

use crate::function::{self, Owner};
use crate::options::Options;
use crate::types;

/// The type of the operations of a type, by name.
pub fn operations(ty: &Type) -> syn::Result<Type> {
    let Type::Path(p) = ty else {
        return Err(Error::new(ty.span(), "#[jit] goes on an impl block of a struct or enum"));
    };
    let mut p = p.clone();
    let Some(last) = p.path.segments.last_mut() else { return Err(Error::new(ty.span(), "a type has a name")) };
    last.ident = format_ident!("__jit_{}", last.ident, span = last.ident.span());
    last.arguments = syn::PathArguments::None;
    Ok(Type::Path(p))
}

/// Expands an annotated block. What is returned includes the block itself, without our attributes.
pub fn expand(mut block: ItemImpl) -> (ItemImpl, syn::Result<TokenStream>) {
    let result = expand_items(&mut block);
    (block, result)
}

fn expand_items(block: &mut ItemImpl) -> syn::Result<TokenStream> {
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new(
            path.span(),
            "the JIT does not see trait methods: write an inherent method, marked #[jit], and call it from the trait's",
        ));
    }
    if block.generics.type_params().next().is_some() || block.generics.const_params().next().is_some() {
        return Err(Error::new(
            block.generics.span(),
            "#[jit] goes on impl blocks without type parameters: make the functions generic instead",
        ));
    }
    let owner = types::without_lifetimes(&block.self_ty);
    let operations = operations(&block.self_ty)?;
    let (mut associated, mut methods, mut errors) = (TokenStream::new(), TokenStream::new(), None::<Error>);
    for item in &mut block.items {
        let ImplItem::Fn(f) = item else { continue };
        let mut options = Options::default();
        let expanded = options.take_from(&mut f.attrs).and_then(|()| {
            if options.native {
                return Ok(());
            }
            let pieces = function::expand(&f.sig, &f.vis, &f.block, &options, Owner::Type(&owner, &block.generics))?;
            associated.extend(pieces.associated);
            crate::replace_body(&mut f.block, &mut f.attrs, pieces.native);
            methods.extend(pieces.method);
            Ok(())
        });
        if let Err(e) = expanded {
            match &mut errors {
                Some(all) => all.combine(e),
                None => errors = Some(e),
            }
        }
    }
    if let Some(e) = errors {
        return Err(e);
    }
    let allow = crate::allow();
    let methods = (!methods.is_empty()).then(|| quote!(#allow impl #operations { #methods }));
    Ok(quote! {
        #allow
        impl #owner { #associated }
        #methods
    })
}

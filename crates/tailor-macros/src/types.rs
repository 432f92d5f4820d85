//! Types as the builder sees them.
//!
//! A builder knows no lifetimes (handles borrow nothing) and does not tell `&mut` from `&`, nor `*const` from `*mut`: the native reading has
//! been checked by rustc already, and what remains of a reference is the address or, for values, the value. Mapping the types by
//! syntax has the effect of Rust's implicit coercions (`&mut T` to `&T`, `*mut T` to `*const T`), which do not reach
//! through a handle's type parameter.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericParam, Generics, Lifetime, ParenthesizedGenericArguments, PathArguments, ReturnType, Type, TypeImplTrait,
    TypeParamBound, TypePtr, TypeReference, parse_quote,
};

struct Erase {
    /// Whether mutability goes, too.
    mutability: bool,
}

fn static_lifetime() -> Lifetime {
    Lifetime::new("'static", Span::call_site())
}

impl VisitMut for Erase {
    fn visit_type_reference_mut(&mut self, t: &mut TypeReference) {
        t.lifetime = Some(static_lifetime());
        if self.mutability {
            t.mutability = None;
        }
        visit_mut::visit_type_mut(self, &mut t.elem);
    }

    fn visit_type_ptr_mut(&mut self, t: &mut TypePtr) {
        if self.mutability {
            t.const_token = None;
            t.mutability = Some(parse_quote!(mut));
        }
        visit_mut::visit_type_mut(self, &mut t.elem);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        *lifetime = Lifetime::new("'static", lifetime.span());
    }

    // A function pointer's own lifetimes are bound where it stands.
    fn visit_type_bare_fn_mut(&mut self, _: &mut syn::TypeBareFn) {}
}

/// The type with `'static` for every lifetime, as the trampoline names it.
pub fn without_lifetimes(t: &Type) -> Type {
    let mut t = t.clone();
    Erase { mutability: false }.visit_type_mut(&mut t);
    t
}

/// The type as handles name it; see the module's header.
pub fn erased(t: &Type) -> Type {
    let mut t = t.clone();
    Erase { mutability: true }.visit_type_mut(&mut t);
    t
}

/// A path's generic arguments as handles name them.
pub fn erase_path(path: &syn::Path) -> syn::Path {
    let mut path = path.clone();
    Erase { mutability: true }.visit_path_mut(&mut path);
    path
}

/// `V<T>`.
pub fn handle(t: &Type) -> TokenStream {
    let span = t.span();
    let t = erased(t);
    quote_spanned!(span=> ::tailor::__jit::V<#t>)
}

/// Is this `&T` or `&mut T` with a sized `T`?
pub fn sized_reference(t: &Type) -> Option<&TypeReference> {
    match t {
        Type::Reference(r) if !matches!(&*r.elem, Type::Slice(_)) && !is_str(&r.elem) => Some(r),
        Type::Paren(p) => sized_reference(&p.elem),
        Type::Group(g) => sized_reference(&g.elem),
        _ => None,
    }
}

fn is_str(t: &Type) -> bool {
    matches!(t, Type::Path(p) if p.path.is_ident("str"))
}

/// Does the type contain `impl Trait`?
pub fn is_impl_trait(t: &Type) -> bool {
    match t {
        Type::ImplTrait(_) => true,
        Type::Reference(r) => is_impl_trait(&r.elem),
        _ => false,
    }
}

/// `Fn(A, B) -> R` with handles for `A`, `B` and `R`; `None` if the bound is of another kind.
fn closure_bound(bound: &TypeParamBound) -> Option<TokenStream> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let last = bound.path.segments.last()?;
    let name = &last.ident;
    if name != "Fn" && name != "FnMut" && name != "FnOnce" {
        return None;
    }
    let PathArguments::Parenthesized(ParenthesizedGenericArguments { inputs, output, .. }) = &last.arguments else {
        return None;
    };
    let inputs = inputs.iter().map(handle);
    let output = match output {
        ReturnType::Default => quote!(::tailor::__jit::V<()>),
        ReturnType::Type(_, t) => handle(t),
    };
    Some(quote!(#name(#(#inputs),*) -> #output))
}

/// `impl Fn(A) -> R` with handles; `None` if it is another trait.
pub fn closure_type(t: &TypeImplTrait) -> Option<TokenStream> {
    let bounds: Option<Vec<_>> =
        t.bounds.iter().filter(|b| !matches!(b, TypeParamBound::Lifetime(_))).map(closure_bound).collect();
    let bounds = bounds?;
    Some(quote!(impl #(#bounds)+* + Copy))
}

/// The type parameters of `generics` for a builder: no lifetimes, everything `'static`, bounds by `Fn...` with handles.
pub struct BuilderGenerics {
    /// `<T: Object + 'static, const N: usize>`
    pub params: TokenStream,
    /// `::<T, N>`
    pub turbofish: TokenStream,
    /// Whether there are type or const parameters at all.
    pub any: bool,
    /// Whether a parameter is a closure.
    pub closures: bool,
}

/// Builds [`BuilderGenerics`].
pub fn builder_generics(generics: &Generics) -> BuilderGenerics {
    let (mut params, mut names) = (Vec::new(), Vec::new());
    let mut closures = false;
    let where_bounds = |ident: &syn::Ident| {
        let mut found = Vec::new();
        for p in generics.where_clause.iter().flat_map(|w| &w.predicates) {
            if let syn::WherePredicate::Type(p) = p
                && matches!(&p.bounded_ty, Type::Path(t) if t.path.is_ident(ident))
            {
                found.extend(p.bounds.iter().cloned());
            }
        }
        found
    };
    for p in &generics.params {
        match p {
            GenericParam::Lifetime(_) => {}
            GenericParam::Const(c) => {
                let (name, t) = (&c.ident, &c.ty);
                params.push(quote!(const #name: #t));
                names.push(quote!(#name));
            }
            GenericParam::Type(t) => {
                let name = &t.ident;
                let mut bounds = Vec::new();
                let mut is_closure = false;
                for b in t.bounds.iter().cloned().chain(where_bounds(name)) {
                    match closure_bound(&b) {
                        Some(b) => {
                            is_closure = true;
                            bounds.push(b);
                        }
                        None => {
                            let mut b = b;
                            Erase { mutability: true }.visit_type_param_bound_mut(&mut b);
                            bounds.push(quote!(#b));
                        }
                    }
                }
                if is_closure {
                    closures = true;
                    bounds.push(quote!(Copy));
                } else {
                    bounds.push(quote!('static));
                }
                params.push(quote!(#name: #(#bounds)+*));
                names.push(quote!(#name));
            }
        }
    }
    let any = !params.is_empty();
    BuilderGenerics {
        params: if any { quote!(<#(#params),*>) } else { TokenStream::new() },
        turbofish: if any { quote!(::<#(#names),*>) } else { TokenStream::new() },
        any,
        closures,
    }
}

/// Replaces `Self` by the type that an impl block is for.
pub struct SubstituteSelf<'a>(pub &'a Type);

impl VisitMut for SubstituteSelf<'_> {
    fn visit_type_mut(&mut self, t: &mut Type) {
        if matches!(t, Type::Path(p) if p.qself.is_none() && p.path.is_ident("Self")) {
            *t = self.0.clone();
        } else {
            visit_mut::visit_type_mut(self, t);
        }
    }
}

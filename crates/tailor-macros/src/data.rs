//! `#[jit::value]`, `#[jit::object]`, `#[jit::opaque]`: what jitted code needs to know of types.
//!
//! For a type `T` the expansion has `__jit_T`, the type of its operations (fields, and later the methods of `#[jit] impl T`), its shape and layout, and
//! for values the conversion to and from words. Associated functions beginning with `__` make and take apart handles, under names that the
//! desugaring of expressions and patterns derives from the source: `__f_field` (its place), `__g_field` (its value), `__s_field` (for literals), `__new`, `__is_Variant`, `__v_Variant_field` ...

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Field, Fields, ItemEnum, ItemStruct, Meta, Type, Variant, Visibility};

use crate::types::{erased, handle, without_lifetimes};

/// A field, with the name that accessors are built from.
struct Member {
    /// As in `offset_of!` and literals.
    access: TokenStream,
    /// As in accessors: the name or the number.
    label: String,
    ty: Type,
    visibility: Visibility,
    span: Span,
}

fn members(fields: &Fields) -> Vec<Member> {
    let member = |(i, f): (usize, &Field)| {
        let index = syn::Index::from(i);
        Member {
            access: f.ident.as_ref().map_or_else(|| quote!(#index), |name| quote!(#name)),
            label: f.ident.as_ref().map_or_else(|| i.to_string(), ToString::to_string),
            ty: f.ty.clone(),
            visibility: f.vis.clone(),
            span: f.ident.as_ref().map_or_else(|| f.ty.span(), Ident::span),
        }
    };
    fields.iter().enumerate().map(member).collect()
}

/// Does a `derive` below the attribute name this trait?
fn derives(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|a| {
        let mut found = false;
        if a.path().is_ident("derive") {
            // Whatever is wrong with the attribute is rustc's to say.
            let _ = a.parse_nested_meta(|meta| {
                found |= meta.path.segments.last().is_some_and(|s| s.ident == name);
                Ok(())
            });
        }
        found
    })
}

fn refuse_generics(generics: &syn::Generics) -> syn::Result<()> {
    if generics.type_params().next().is_some() || generics.const_params().next().is_some() {
        return Err(Error::new(
            generics.span(),
            "types of jitted code have no type parameters: make one type for each use",
        ));
    }
    Ok(())
}

/// The type with `'static` for its lifetimes.
fn named(name: &Ident, generics: &syn::Generics) -> Type {
    let (_, arguments, _) = generics.split_for_impl();
    let plain: Type = syn::parse_quote!(#name #arguments);
    without_lifetimes(&plain)
}

/// The type of the operations, with what all have.
fn operations(name: &Ident, visibility: &Visibility) -> (Ident, TokenStream) {
    let operations = format_ident!("__jit_{}", name, span = name.span());
    let allow = crate::allow();
    let code = quote! {
        #[doc(hidden)]
        #allow
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        #visibility struct #operations(::tailor::__jit::Id);
        #allow
        impl #operations {
            #[doc(hidden)]
            #[inline(always)]
            #visibility fn __id(self) -> ::tailor::__jit::Id { self.0 }
        }
    };
    (operations, code)
}

fn shape(ty: &Type, span: Span) -> TokenStream {
    let ty = erased(ty);
    quote_spanned!(span=> <#ty as ::tailor::__jit::JitType>::SHAPE)
}

fn layout(ty: &Type, span: Span) -> TokenStream {
    let ty = erased(ty);
    quote_spanned!(span=> <#ty as ::tailor::__jit::JitType>::LAYOUT)
}

/// `JitType`, and for values what goes with it.
fn by_value(
    ty: &Type,
    operations: &Ident,
    shape: &TokenStream,
    layout: &TokenStream,
    read: &TokenStream,
    write: &TokenStream,
) -> TokenStream {
    let (allow, words) = (crate::allow(), crate::internal("words"));
    quote! {
        #allow
        unsafe impl ::tailor::__jit::JitType for #ty {
            type Ops = #operations;
            const SHAPE: &'static ::tailor::__jit::Shape = #shape;
            const LAYOUT: &'static ::tailor::__jit::Layout = #layout;
        }
        #allow
        unsafe impl ::tailor::__jit::Words for #ty {
            #[inline]
            unsafe fn read(#words: &mut ::tailor::__jit::Arguments) -> Self { unsafe { #read } }
            #[inline]
            fn write(self, #words: &mut ::tailor::__jit::Results) { #write }
        }
        #allow
        unsafe impl ::tailor::__jit::Borrowed for #ty {
            type Holder = Self;
            #[inline]
            unsafe fn hold(__words: &mut ::tailor::__jit::Arguments) -> Self { unsafe { <Self as ::tailor::__jit::Words>::read(__words) } }
            #[inline]
            unsafe fn borrow(holder: &Self) -> &'static Self { unsafe { &*::core::ptr::from_ref(holder) } }
        }
        const _: () = ::tailor::__jit::jitted_values_must_be_copy::<#ty>();
    }
}

fn equality(ty: &Type, attributes: &[Attribute], test: &TokenStream) -> TokenStream {
    if !derives(attributes, "PartialEq") {
        return TokenStream::new();
    }
    let (allow, a, b) = (crate::allow(), crate::internal("a"), crate::internal("b"));
    quote! {
        #allow
        impl ::tailor::__jit::JitEq for #ty {
            #[inline]
            #[track_caller]
            fn equal(#a: ::tailor::__jit::Id, #b: ::tailor::__jit::Id) -> ::tailor::__jit::V<bool> { #test }
        }
    }
}

/// `#[jit::value]` on a struct.
pub fn value_struct(item: &ItemStruct) -> syn::Result<TokenStream> {
    refuse_generics(&item.generics)?;
    let (name, visibility) = (&item.ident, &item.vis);
    let ty = named(name, &item.generics);
    let (operations, mut code) = operations(name, visibility);
    let members = members(&item.fields);
    let count = members.len();
    let (mut fields, mut makers) = (TokenStream::new(), TokenStream::new());
    let (mut shapes, mut layouts, mut reads, mut writes, mut tests) = (vec![], vec![], vec![], vec![], vec![]);
    let (words, a, b, this_value) =
        (crate::internal("words"), crate::internal("a"), crate::internal("b"), quote!(self));
    for (i, m) in members.iter().enumerate() {
        let Member { access, label, ty: field, visibility, span } = m;
        let (span, number) = (*span, i as u32);
        let (place, set) = (format_ident!("__f_{}", label, span = span), format_ident!("__s_{}", label, span = span));
        let get = format_ident!("__g_{}", label, span = span);
        let (handle, plain) = (handle(field), without_lifetimes(field));
        fields.extend(quote! {
            #[inline]
            #visibility fn #place(self) -> #handle { ::tailor::__jit::V::__from(::tailor::__jit::part(self.0, #number)) }
            #[inline]
            #visibility fn #get(self) -> #handle { ::tailor::__jit::V::__from(::tailor::__jit::read_part(self.0, #number)) }
        });
        makers.extend(quote! {
            #[inline]
            #visibility fn #set(value: #handle) -> ::tailor::__jit::Part { (#number, value.__id()) }
        });
        let (s, l) = (shape(field, span), layout(field, span));
        shapes.push(s);
        layouts.push(quote!((::core::mem::offset_of!(#ty, #access), #l)));
        reads.push(quote_spanned!(span=> #access: <#plain as ::tailor::__jit::Words>::read(#words)));
        writes.push(quote_spanned!(span=> <#plain as ::tailor::__jit::Words>::write(#this_value.#access, #words);));
        let f = erased(field);
        tests.push(quote_spanned!(span=> <#f as ::tailor::__jit::JitEq>::equal(::tailor::__jit::part(#a, #number), ::tailor::__jit::part(#b, #number))));
    }
    let this = quote!(<#ty as ::tailor::__jit::JitType>::SHAPE);
    makers.extend(quote! {
        #[inline]
        #visibility fn __make(parts: [::tailor::__jit::Part; #count]) -> ::tailor::__jit::V<#ty> {
            ::tailor::__jit::V::__from(::tailor::__jit::make(#this, &parts))
        }
        #[inline]
        #visibility fn __update(parts: &[::tailor::__jit::Part], base: ::tailor::__jit::V<#ty>) -> ::tailor::__jit::V<#ty> {
            ::tailor::__jit::V::__from(::tailor::__jit::update(base.__id(), parts))
        }
    });
    if let Fields::Unnamed(_) = &item.fields {
        makers.extend(constructor(&format_ident!("__new"), visibility, &members, &ty, &quote!(__make)));
    }
    let allow = crate::allow();
    code.extend(quote! {
        #allow
        impl #operations { #fields }
        #allow
        impl #ty { #makers }
    });
    code.extend(by_value(
        &ty,
        &operations,
        &quote!(&::tailor::__jit::Shape::Product(&[#(#shapes),*])),
        &quote!(&::tailor::__jit::Layout::Struct(&[#(#layouts),*])),
        &quote!(#name { #(#reads),* }),
        &quote!(#(#writes)*),
    ));
    code.extend(equality(&ty, &item.attrs, &quote!(::tailor::__jit::both(&[#(#tests),*]))));
    Ok(code)
}

/// A function that makes a value of handles of its fields, in order.
fn constructor(
    function: &Ident,
    visibility: &Visibility,
    members: &[Member],
    ty: &Type,
    make: &TokenStream,
) -> TokenStream {
    let names: Vec<_> = (0..members.len()).map(|i| format_ident!("__field{}", i)).collect();
    let handles = members.iter().map(|m| handle(&m.ty));
    let numbers = 0..members.len() as u32;
    quote! {
        #[inline]
        #visibility fn #function(#(#names: #handles),*) -> ::tailor::__jit::V<#ty> {
            Self::#make([#((#numbers, #names.__id())),*])
        }
    }
}

/// What attributes on an object's field say.
struct FieldMark {
    /// Jitted code does not see it.
    opaque: bool,
    /// It is a cell that is never borrowed.
    by_name: bool,
    mutability: TokenStream,
}

fn field_mark(attributes: &[Attribute]) -> syn::Result<FieldMark> {
    let (mut opaque, mut by_name, mut mutability) = (false, false, quote!(Mutable));
    for a in attributes {
        let mut word = |name: &Ident| match name.to_string().as_str() {
            "opaque" => {
                opaque = true;
                true
            }
            "by_name" => {
                by_name = true;
                true
            }
            "immutable" => {
                mutability = quote!(Immutable);
                true
            }
            "quasi_immutable" => {
                mutability = quote!(QuasiImmutable);
                true
            }
            _ => false,
        };
        if let Some(name) = a.path().get_ident() {
            if name == "jit" {
                let Meta::List(list) = &a.meta else { return Err(Error::new(a.span(), FIELD_FORM)) };
                let name: Ident = list.parse_args().map_err(|e| Error::new(e.span(), FIELD_FORM))?;
                if !word(&name) {
                    return Err(Error::new(name.span(), FIELD_FORM));
                }
            } else {
                word(name);
            }
        }
    }
    Ok(FieldMark { opaque, by_name, mutability })
}

const FIELD_FORM: &str =
    "expected `#[jit(immutable)]`, `#[jit(quasi_immutable)]`, `#[jit(by_name)]` or `#[jit(opaque)]`";

/// What is in a `Cell`.
fn cell_contents(ty: &Type) -> Option<&Type> {
    let Type::Path(p) = ty else { return None };
    let last = p.path.segments.last().filter(|last| last.ident == "Cell")?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(t)) if arguments.args.len() == 1 => Some(t),
        _ => None,
    }
}

/// `#[jit::slot]`: an object that is one cell, accessed by name.
pub fn slot(item: &ItemStruct) -> syn::Result<TokenStream> {
    let mut fields = item.fields.iter();
    match (fields.next(), fields.next()) {
        (Some(f), None) if cell_contents(&f.ty).is_some() => struct_by_address(item, &[], true),
        _ => Err(Error::new(item.ident.span(), "a slot is a struct whose one field is a `Cell`")),
    }
}

/// Removes our attributes from fields.
pub fn clean_fields(fields: &mut Fields) {
    for f in fields {
        f.attrs.retain(|a| {
            !["jit", "opaque", "immutable", "quasi_immutable", "by_name"].iter().any(|ours| a.path().is_ident(ours))
        });
    }
}

/// `#[jit::object]`; with names, jitted code sees these fields only.
pub fn object(item: &ItemStruct, only: &[Ident]) -> syn::Result<TokenStream> {
    struct_by_address(item, only, false)
}

fn struct_by_address(item: &ItemStruct, only: &[Ident], is_slot: bool) -> syn::Result<TokenStream> {
    let is_field = |name: &Ident| item.fields.iter().any(|f| f.ident.as_ref() == Some(name));
    if let Some(unknown) = only.iter().find(|name| !is_field(name)) {
        return Err(Error::new(unknown.span(), "the struct has no field of this name"));
    }
    refuse_generics(&item.generics)?;
    let (name, visibility) = (&item.ident, &item.vis);
    let ty = named(name, &item.generics);
    let (operations, mut code) = operations(name, visibility);
    let mut fields = TokenStream::new();
    let owner = name.to_string();
    for (m, f) in members(&item.fields).iter().zip(&item.fields) {
        let FieldMark { opaque, by_name, mutability } = field_mark(&f.attrs)?;
        if opaque || !only.is_empty() && f.ident.as_ref().is_some_and(|name| !only.contains(name)) {
            continue;
        }
        let Member { access, label, ty: field, visibility, span } = m;
        let (place, get, span) =
            (format_ident!("__f_{}", label, span = *span), format_ident!("__g_{}", label, span = *span), f.ty.span());
        let (mut handle, plain) = (handle(field), erased(field));
        if by_name || is_slot {
            let Some(contents) = cell_contents(field) else {
                return Err(Error::new(f.ty.span(), "`by_name` is for fields that are a `Cell`: all others are"));
            };
            let contents = erased(contents);
            handle = quote_spanned!(span=> ::tailor::__jit::V<::tailor::__jit::FieldCell<#contents>>);
        }
        let of_slot = is_slot.then(|| quote!(.of_slot()));
        let descriptor = quote_spanned!(span=> ::tailor::__jit::Field::of::<#plain>(
            #owner, #label, ::core::mem::offset_of!(#ty, #access), ::tailor::__jit::Mutability::#mutability
        )#of_slot);
        fields.extend(quote! {
            #[inline]
            #visibility fn #place(self) -> #handle {
                ::tailor::__jit::V::__from(::tailor::__jit::object_field(self.0, const { &#descriptor }))
            }
            #[inline]
            #[track_caller]
            #visibility fn #get(self) -> #handle {
                ::tailor::__jit::V::__from(::tailor::__jit::read_field(self.0, const { &#descriptor }))
            }
        });
    }
    let allow = crate::allow();
    code.extend(quote! {
        #allow
        impl #operations { #fields }
        #allow
        unsafe impl ::tailor::__jit::JitType for #ty {
            type Ops = #operations;
            const SHAPE: &'static ::tailor::__jit::Shape = ::tailor::__jit::Shape::REF;
            const LAYOUT: &'static ::tailor::__jit::Layout = &::tailor::__jit::Layout::Address;
        }
        impl ::tailor::__jit::ByAddress for #ty {}
        #allow
        unsafe impl ::tailor::__jit::Borrowed for #ty {
            type Holder = *const Self;
            #[inline]
            unsafe fn hold(__words: &mut ::tailor::__jit::Arguments) -> *const Self { unsafe { __words.word() as *const Self } }
            #[inline]
            unsafe fn borrow(holder: &*const Self) -> &'static Self { unsafe { &**holder } }
        }
    });
    Ok(code)
}

/// `#[jit::opaque]`: the bytes, as words.
pub fn opaque(name: &Ident, generics: &syn::Generics, visibility: &Visibility) -> syn::Result<TokenStream> {
    refuse_generics(generics)?;
    let words = crate::internal("words");
    let ty = named(name, generics);
    let (operations, mut code) = operations(name, visibility);
    code.extend(by_value(
        &ty,
        &operations,
        &quote!(::tailor::__jit::opaque_shape(::core::mem::size_of::<#ty>())),
        &quote!(::tailor::__jit::opaque_layout(::core::mem::size_of::<#ty>())),
        &quote!(::tailor::__jit::read_opaque(#words)),
        &quote!(::tailor::__jit::write_opaque(self, #words)),
    ));
    // Evaluated here, whether it is used or not.
    code.extend(quote!(const _: &::tailor::__jit::Shape = <#ty as ::tailor::__jit::JitType>::SHAPE;));
    Ok(code)
}

/// The type in `#[repr(u8)]` and its kin.
fn tag_type(attributes: &[Attribute]) -> Option<Ident> {
    let mut found = None;
    for a in attributes.iter().filter(|a| a.path().is_ident("repr")) {
        let _ = a.parse_nested_meta(|meta| {
            if let Some(name) = meta.path.get_ident()
                && name.to_string().starts_with(['u', 'i'])
            {
                found = Some(name.clone());
            }
            Ok(())
        });
    }
    found
}

/// `#[jit::value]` on an enum.
pub fn value_enum(item: &ItemEnum) -> syn::Result<TokenStream> {
    refuse_generics(&item.generics)?;
    if item.variants.is_empty() {
        return Err(Error::new(item.ident.span(), "an enum without variants has no values"));
    }
    if item.variants.iter().all(|v| v.fields.is_empty()) { Ok(c_like(item)) } else { with_data(item) }
}

fn c_like(item: &ItemEnum) -> TokenStream {
    let (name, visibility) = (&item.ident, &item.vis);
    let (words, a, b) = (crate::internal("words"), crate::internal("a"), crate::internal("b"));
    let ty = named(name, &item.generics);
    let (operations, mut code) = operations(name, visibility);
    let tag = tag_type(&item.attrs);
    let signed = tag.as_ref().is_some_and(|t| t.to_string().starts_with('i'));
    let allow = crate::allow();
    let to_word = match &tag {
        Some(t) => quote!(self as #t as u64),
        // Discriminants are not negative, as checked below.
        None => quote!(self as isize as u64),
    };
    let variants = item.variants.iter().map(|v| &v.ident);
    let check = tag.is_none().then(|| quote!(const _: () = { #(assert!(#name::#variants as isize >= 0, "give the enum a #[repr(i8)] (or so) for its negative discriminants");)* };));
    code.extend(by_value(
        &ty,
        &operations,
        &quote!(::tailor::__jit::Shape::INT),
        &quote!(&::tailor::__jit::Layout::Scalar(::tailor::__jit::width_of_tag(::core::mem::size_of::<#ty>(), #signed))),
        &quote!(::tailor::__jit::enum_of_word::<#ty>(#words.word())),
        &quote!(#words.word(#to_word)),
    ));
    code.extend(quote! {
        #check
        #allow
        impl ::tailor::__jit::CastFrom for #ty {
            const FROM: ::tailor::__jit::Repr = ::tailor::__jit::Repr::Int(::tailor::__jit::IntType { bits: 64, signed: #signed });
        }
    });
    code.extend(equality(&ty, &item.attrs, &quote!(::tailor::__jit::words_equal(#a, #b))));
    code
}

fn with_data(item: &ItemEnum) -> syn::Result<TokenStream> {
    let (name, visibility) = (&item.ident, &item.vis);
    let (words, a, b) = (crate::internal("words"), crate::internal("a"), crate::internal("b"));
    let ty = named(name, &item.generics);
    let (operations, mut code) = operations(name, visibility);
    let tag = tag_type(&item.attrs);
    let (mut accessors, mut makers) = (TokenStream::new(), TokenStream::new());
    let (mut shapes, mut layouts, mut reads, mut writes, mut tests, mut mirrors) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for (i, v) in item.variants.iter().enumerate() {
        if let Some((_, d)) = &v.discriminant {
            return Err(Error::new(d.span(), "jitted code numbers the variants of an enum with data by itself"));
        }
        let number = i as u32;
        let pieces = variant(v, number, visibility, &ty);
        accessors.extend(pieces.accessors);
        makers.extend(pieces.makers);
        shapes.push(pieces.shape);
        tests.push(pieces.test);
        reads.push((number, pieces.read));
        writes.push(pieces.write);
        if let Some(tag) = &tag {
            let mirror = format_ident!("__layout_{}_{}", name, v.ident);
            let fields = members(&v.fields);
            let types = fields.iter().map(|m| without_lifetimes(&m.ty));
            mirrors.push(quote!(#[repr(C)] struct #mirror(#tag, #(#types),*);));
            let parts = fields.iter().enumerate().map(|(k, m)| {
                let (k, l) = (syn::Index::from(k + 1), layout(&m.ty, m.span));
                quote!((::core::mem::offset_of!(#mirror, #k), #l))
            });
            layouts.push(quote!((#number as u64, &[#(#parts),*])));
        }
    }
    let allow = crate::allow();
    let layout = match &tag {
        None => quote!(&::tailor::__jit::Layout::Unknown),
        Some(t) => {
            let signed = t.to_string().starts_with('i');
            quote!(&::tailor::__jit::Layout::Enum {
                tag: ::tailor::__jit::width_of_tag(::core::mem::size_of::<#t>(), #signed),
                variants: &[#(#layouts),*],
            })
        }
    };
    // Each variant's words follow those of the variants before.
    let total = item.variants.len();
    let skips: Vec<_> = (0..total)
        .map(|i| {
            let (before, after) = (&shapes[..i], &shapes[i + 1..]);
            (quote!(const { 0 #(+ #before.leaf_count())* }), quote!(const { 0 #(+ #after.leaf_count())* }))
        })
        .collect();
    let read_arms = reads.iter().zip(&skips).map(|((number, read), (before, after))| {
        let pattern = if *number as usize + 1 == total { quote!(_) } else { quote!(#number) };
        quote!(#pattern => { #words.skip(#before); let __value = #read; #words.skip(#after); __value })
    });
    let write_arms = writes.iter().enumerate().zip(&skips).map(|((i, (pattern, write)), (before, after))| {
        let number = i as u64;
        quote!(#pattern => { #words.word(#number); #words.skip(#before); #write #words.skip(#after); })
    });
    code.extend(quote! {
        #allow
        impl #operations { #accessors }
        #allow
        impl #ty { #makers }
    });
    let value = by_value(
        &ty,
        &operations,
        &quote!(&::tailor::__jit::Shape::Sum(&[#(#shapes),*])),
        &layout,
        &quote!(match #words.word() as u32 { #(#read_arms)* }),
        &quote!(match self { #(#write_arms)* }),
    );
    code.extend(quote!(#allow const _: () = { #(#mirrors)* #value };));
    code.extend(equality(&ty, &item.attrs, &quote!(::tailor::__jit::sums(#a, #b, &[#(#tests),*]))));
    Ok(code)
}

/// The pieces of one variant's code.
struct VariantPieces {
    accessors: TokenStream,
    makers: TokenStream,
    shape: TokenStream,
    read: TokenStream,
    /// Pattern and statements.
    write: (TokenStream, TokenStream),
    test: TokenStream,
}

fn variant(v: &Variant, number: u32, visibility: &Visibility, ty: &Type) -> VariantPieces {
    let (name, span) = (&v.ident, v.ident.span());
    let members = members(&v.fields);
    let count = members.len();
    let is = format_ident!("__is_{}", name, span = span);
    let mut accessors = quote! {
        #[inline]
        #visibility fn #is(self) -> ::tailor::__jit::V<bool> { ::tailor::__jit::is_variant(self.0, #number) }
    };
    let make = format_ident!("__make_{}", name, span = span);
    let mut makers = quote! {
        #[inline]
        #visibility fn #make(parts: [::tailor::__jit::Part; #count]) -> ::tailor::__jit::V<#ty> {
            ::tailor::__jit::V::__from(::tailor::__jit::make_variant(<#ty as ::tailor::__jit::JitType>::SHAPE, #number, &parts))
        }
    };
    let (mut shapes, mut reads, mut bindings, mut writes, mut tests) = (vec![], vec![], vec![], vec![], vec![]);
    let (words, a, b) = (crate::internal("words"), crate::internal("a"), crate::internal("b"));
    for (i, m) in members.iter().enumerate() {
        let Member { access, label, ty: field, span, .. } = m;
        let (span, index) = (*span, i as u32);
        let (get, set) = (
            format_ident!("__v_{}_{}", name, label, span = span),
            format_ident!("__s_{}_{}", name, label, span = span),
        );
        let (handle, plain) = (handle(field), without_lifetimes(field));
        accessors.extend(quote! {
            #[inline]
            #visibility fn #get(self) -> #handle { ::tailor::__jit::V::__from(::tailor::__jit::payload(self.0, #number, #index)) }
        });
        makers.extend(quote! {
            #[inline]
            #visibility fn #set(value: #handle) -> ::tailor::__jit::Part { (#index, value.__id()) }
        });
        shapes.push(shape(field, span));
        reads.push(quote_spanned!(span=> #access: <#plain as ::tailor::__jit::Words>::read(#words)));
        let binding = format_ident!("__field{}", i);
        bindings.push(quote!(#access: #binding));
        writes.push(quote_spanned!(span=> <#plain as ::tailor::__jit::Words>::write(#binding, #words);));
        let f = erased(field);
        tests.push(quote_spanned!(span=> <#f as ::tailor::__jit::JitEq>::equal(
            ::tailor::__jit::payload(#a, #number, #index), ::tailor::__jit::payload(#b, #number, #index)
        )));
    }
    if let Fields::Unnamed(_) = &v.fields {
        let new = format_ident!("__new_{}", name, span = span);
        makers.extend(constructor(&new, visibility, &members, ty, &quote!(#make)));
    }
    VariantPieces {
        accessors,
        makers,
        shape: quote!((&::tailor::__jit::Shape::Product(&[#(#shapes),*]))),
        read: quote!(Self::#name { #(#reads),* }),
        write: (quote!(Self::#name { #(#bindings),* }), quote!(#(#writes)*)),
        test: quote!(::tailor::__jit::both(&[#(#tests),*])),
    }
}

//! The desugaring of a function's body into calls on handles.
//!
//! # How
//! Each source expression becomes a Rust expression of type `V<T>`, the *handle* of what it will compute, where `T` is the type that the source
//! expression has. Names, methods, fields and literals stay what they are, so rustc finds out all types, just as it does for the native reading. The
//! statements of the builder run one after another, whatever the control flow of the source: branches, loops and returns become calls that start and end
//! *blocks*. A builder thus has no control flow of its own and is quick to compile.
//!
//! # Terms
//! - A *place* is a handle of something that can be assigned: a mutable local, a field, an element. [`Body::place`] yields one, [`Body::value`] reads it.
//! - A *fail block* is where a pattern's test or a condition goes when it does not hold.
//! - A *dead* handle stands for the value of an expression that diverges (`return`, `break`, `panic!`). What is built after it is dropped
//!   by the tape, and its type is whatever is wanted there. So diverging expressions need no special care, except that
//!   the end of a block must know by syntax whether it is reached ([`crate::diverge`]).
//!
//! # Meaning
//! Order of evaluation is Rust's: operands from left to right, the right side of an assignment before its left side. A mutable local is read where its name is
//! evaluated. What Rust does by type and a handle can't (`&mut` of a local, implicit borrows of temporaries) is refused, by
//! syntax where possible, else by the handles' types.

mod alternatives;
mod assign;
mod calls;
mod control;
mod expr;
mod local_macros;
mod macros;
mod pattern;

pub use control::Wanted;
pub use macros::{EnterMark, find_merge_point};

use std::collections::HashMap;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::Error;

use local_macros::LocalMacro;

/// A local name of the source.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Binding {
    /// Tells apart bindings of one name.
    number: usize,
    /// Whether its handle is a place.
    mutable: bool,
}

/// A loop or labelled block around the current expression.
struct Target {
    label: Option<String>,
    /// The variable of the builder that holds its blocks.
    handle: Ident,
    /// The variable for the value of `break`, if one is wanted.
    result: Option<Ident>,
    /// Whether `continue` and a plain `break` may mean it.
    is_loop: bool,
}

/// What the expressions of one function (or closure) body share.
pub struct Body {
    scopes: Vec<HashMap<String, Binding>>,
    macros: Vec<(String, LocalMacro)>,
    /// Innermost last. `None` is the boundary of a closure.
    targets: Vec<Option<Target>>,
    /// What `return` and `?` refer to, innermost last.
    returns: Vec<Ident>,
    fresh: usize,
    errors: Vec<Error>,
    /// The span of the parentheses around the expression to be desugared next.
    parentheses: Option<Span>,
    /// The names of the portal's greens and reds.
    merge_point: Option<(Vec<String>, Vec<String>)>,
}

/// The names that are in scope in the builder for the function itself.
pub fn return_ident() -> Ident {
    Ident::new("__return", Span::mixed_site())
}

/// `self` of the source.
pub fn self_ident() -> Ident {
    Ident::new("__self", Span::mixed_site())
}

impl Body {
    /// For a function body.
    pub fn new(body: &syn::Block) -> Body {
        Body {
            merge_point: macros::find_merge_point(body),
            scopes: vec![HashMap::new()],
            macros: Vec::new(),
            targets: Vec::new(),
            returns: vec![return_ident()],
            fresh: 0,
            parentheses: None,
            errors: Vec::new(),
        }
    }

    /// Makes `self` known.
    pub fn bind_self(&mut self) {
        self.bind("self", false);
    }

    /// Makes a parameter known that is a closure.
    pub fn bind_closure(&mut self, name: &Ident) {
        self.bind(&name.to_string(), false);
    }

    /// What was found wrong, as `compile_error!`s; `None` if nothing.
    pub fn errors(self) -> Option<Error> {
        self.errors.into_iter().reduce(|mut all, e| {
            all.combine(e);
            all
        })
    }

    /// Notes an error; what it returns stands for the expression.
    fn error(&mut self, span: Span, message: impl std::fmt::Display) -> TokenStream {
        self.errors.push(Error::new(span, message));
        quote!(::tailor::__jit::dead())
    }

    fn fresh(&mut self, hint: &str) -> Ident {
        self.fresh += 1;
        format_ident!("__{}{}", hint, self.fresh, span = Span::mixed_site())
    }

    fn bind(&mut self, name: &str, mutable: bool) {
        self.fresh += 1;
        let binding = Binding { number: self.fresh, mutable };
        // There is always the function's scope.
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_string(), binding);
        }
    }

    fn look_up(&self, name: &str) -> Option<Binding> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name).copied())
    }

    fn scoped<R>(&mut self, f: impl FnOnce(&mut Body) -> R) -> R {
        self.scopes.push(HashMap::new());
        let macros = self.macros.len();
        let result = f(self);
        self.macros.truncate(macros);
        self.scopes.pop();
        result
    }
}

/// Does the name begin like a type, constant or variant?
pub fn is_upper(ident: &Ident) -> bool {
    let name = ident.to_string();
    let name = name.strip_prefix("r#").unwrap_or(&name);
    name.trim_start_matches('_').starts_with(char::is_uppercase)
}

const PRIMITIVES: [&str; 19] = [
    "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64", "bool",
    "char", "str", "Self", "never",
];

/// Does the name stand for a type?
pub fn names_type(ident: &Ident) -> bool {
    is_upper(ident) && !ident.to_string().chars().all(|c| c.is_uppercase() || c == '_' || c.is_numeric())
        || ident.to_string().len() == 1 && is_upper(ident)
        || PRIMITIVES.iter().any(|p| ident == p)
}

//! Guards behind patterns with alternatives.
//!
//! Rust tries a guard again for each alternative that matches, until it holds: `match x { 1 | _ if { n += 1; false } => ..` adds 2 for 1. Where alternatives can't both match that makes no
//! difference. Where they can, the arm is taken apart into one for each alternative.

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Arm, Error, Expr, ExprMatch, Lit, Pat};

/// As many alternatives as a guard may stand behind.
const MOST: usize = 32;

/// The arms, with those taken apart whose guard might be tried again.
pub(super) fn arms(arms: &[Arm]) -> syn::Result<Vec<Arm>> {
    let mut list = Vec::new();
    for arm in arms {
        if arm.guard.is_none() || !may_overlap(&arm.pat) {
            list.push(arm.clone());
            continue;
        }
        let patterns = expand(&arm.pat);
        if patterns.len() > MOST {
            return Err(Error::new(
                arm.pat.span(),
                "the guard would be tried for each of these alternatives: too many for jitted code, write the condition into the arm",
            ));
        }
        list.extend(patterns.into_iter().map(|pat| Arm { pat, ..arm.clone() }));
    }
    Ok(list)
}

/// The `match` that `matches!(subject, pattern if guard)` stands for, if the guard might be tried again.
pub(super) fn matches(subject: &Expr, pattern: &Pat, guard: &Expr) -> Option<ExprMatch> {
    may_overlap(pattern).then(|| {
        syn::parse_quote!(match #subject {
            #pattern if #guard => true,
            _ => false,
        })
    })
}

/// Whether there are alternatives of which two might match the same value.
fn may_overlap(pattern: &Pat) -> bool {
    match pattern {
        Pat::Or(or) => {
            let apart = or.cases.iter().enumerate().all(|(i, a)| or.cases.iter().take(i).all(|b| are_apart(a, b)));
            !apart || or.cases.iter().any(may_overlap)
        }
        _ => children(pattern).into_iter().any(may_overlap),
    }
}

/// Whether two patterns match no value both, for certain.
fn are_apart(a: &Pat, b: &Pat) -> bool {
    match (a, b) {
        (Pat::Paren(a), b) => are_apart(&a.pat, b),
        (a, Pat::Paren(b)) => are_apart(a, &b.pat),
        (Pat::Lit(a), Pat::Lit(b)) => match (&a.lit, &b.lit) {
            (Lit::Int(a), Lit::Int(b)) => a.base10_digits() != b.base10_digits(),
            (Lit::Bool(a), Lit::Bool(b)) => a.value != b.value,
            (Lit::Char(a), Lit::Char(b)) => a.value() != b.value(),
            (Lit::Byte(a), Lit::Byte(b)) => a.value() != b.value(),
            _ => false,
        },
        (a, b) => matches!((variant(a), variant(b)), (Some(a), Some(b)) if a != b),
    }
}

/// The name of the variant that a pattern takes apart. (A mere path may be a constant.)
fn variant(pattern: &Pat) -> Option<String> {
    let path = match pattern {
        Pat::TupleStruct(p) => &p.path,
        Pat::Struct(p) => &p.path,
        Pat::Ident(p) if p.ident == "None" => return Some("None".to_string()),
        _ => return None,
    };
    path.segments.last().map(|s| s.ident.to_string())
}

/// The patterns within a pattern.
fn children(pattern: &Pat) -> Vec<&Pat> {
    match pattern {
        Pat::Paren(p) => vec![&p.pat],
        Pat::Reference(p) => vec![&p.pat],
        Pat::Type(p) => vec![&p.pat],
        Pat::Ident(p) => p.subpat.iter().map(|(_, p)| &**p).collect(),
        Pat::Tuple(p) => p.elems.iter().collect(),
        Pat::TupleStruct(p) => p.elems.iter().collect(),
        Pat::Struct(p) => p.fields.iter().map(|f| &*f.pat).collect(),
        Pat::Or(p) => p.cases.iter().collect(),
        _ => Vec::new(),
    }
}

/// The pattern once for each choice of alternatives, the leftmost varying least.
fn expand(pattern: &Pat) -> Vec<Pat> {
    let one = |pat: &Pat, with: &dyn Fn(Pat) -> Pat| expand(pat).into_iter().map(with).collect();
    match pattern {
        Pat::Or(or) => or.cases.iter().flat_map(expand).collect(),
        Pat::Paren(p) => one(&p.pat, &|pat| Pat::Paren(syn::PatParen { pat: Box::new(pat), ..p.clone() })),
        Pat::Reference(p) => one(&p.pat, &|pat| Pat::Reference(syn::PatReference { pat: Box::new(pat), ..p.clone() })),
        Pat::Type(p) => one(&p.pat, &|pat| Pat::Type(syn::PatType { pat: Box::new(pat), ..p.clone() })),
        Pat::Ident(p) => match &p.subpat {
            Some((at, pat)) => {
                one(pat, &|pat| Pat::Ident(syn::PatIdent { subpat: Some((*at, Box::new(pat))), ..p.clone() }))
            }
            None => vec![pattern.clone()],
        },
        Pat::Tuple(p) => each(p.elems.iter())
            .into_iter()
            .map(|list| Pat::Tuple(syn::PatTuple { elems: joined(list), ..p.clone() }))
            .collect(),
        Pat::TupleStruct(p) => each(p.elems.iter())
            .into_iter()
            .map(|list| Pat::TupleStruct(syn::PatTupleStruct { elems: joined(list), ..p.clone() }))
            .collect(),
        Pat::Struct(p) => each(p.fields.iter().map(|f| &*f.pat))
            .into_iter()
            .map(|list| {
                let mut p = p.clone();
                p.fields.iter_mut().zip(list).for_each(|(field, pat)| *field.pat = pat);
                Pat::Struct(p)
            })
            .collect(),
        _ => vec![pattern.clone()],
    }
}

/// All choices for a list of patterns.
fn each<'a>(patterns: impl Iterator<Item = &'a Pat>) -> Vec<Vec<Pat>> {
    patterns.fold(vec![Vec::new()], |lists, pattern| {
        let choices = expand(pattern);
        let with = |list: &Vec<Pat>, choice: &Pat| list.iter().chain([choice]).cloned().collect::<Vec<Pat>>();
        // Beyond any sensible number there is no need to have them all.
        lists.iter().flat_map(|list| choices.iter().map(move |choice| with(list, choice))).take(MOST * MOST).collect()
    })
}

/// Elements of a tuple; of one, too, with its comma.
fn joined(list: Vec<Pat>) -> Punctuated<Pat, syn::Token![,]> {
    let mut elements: Punctuated<Pat, syn::Token![,]> = list.into_iter().collect();
    if elements.len() == 1 {
        elements.push_punct(Default::default());
    }
    elements
}

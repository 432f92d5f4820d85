//! Whether the crate being compiled has overflow checks.
//!
//! `cfg(overflow_checks)` is not stable (rust-lang/rust#111466). The attribute runs within rustc, whose arguments say it: `-C overflow-checks` if given, else the checks follow
//! `debug_assertions`, which expanded code can ask for.

use proc_macro2::TokenStream;
use quote::quote;

/// An expression of type `bool` for the expansion.
pub fn checks() -> TokenStream {
    match explicit(std::env::args()) {
        Some(checks) => quote!(#checks),
        None => quote!(cfg!(debug_assertions)),
    }
}

/// What the last `-C overflow-checks` says.
fn explicit(arguments: impl Iterator<Item = String>) -> Option<bool> {
    let mut result = None;
    for argument in arguments {
        let argument =
            argument.strip_prefix("-C").or(argument.strip_prefix("--codegen=")).unwrap_or(&argument).trim().to_string();
        if let Some(value) = argument.strip_prefix("overflow-checks") {
            result = Some(matches!(value, "" | "=y" | "=yes" | "=on" | "=true"));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::explicit;

    fn given(arguments: &[&str]) -> Option<bool> {
        explicit(arguments.iter().map(ToString::to_string))
    }

    #[test]
    fn the_last_setting_counts_in_all_its_forms() {
        assert_eq!(given(&["rustc", "-C", "opt-level=3"]), None);
        assert_eq!(given(&["rustc", "-C", "overflow-checks=on"]), Some(true));
        assert_eq!(given(&["rustc", "-Coverflow-checks"]), Some(true));
        assert_eq!(given(&["rustc", "--codegen=overflow-checks=yes", "-C", "overflow-checks=off"]), Some(false));
    }
}

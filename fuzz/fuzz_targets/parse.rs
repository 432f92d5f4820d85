//! Fuzzes the parser: whatever the input, it yields a tree or diagnostics.
//!
//! On a stable toolchain: `fuzz/run.sh parse SECONDS`. With cargo-fuzz and a nightly one: `cargo fuzz run parse`.
//!
//! Checked besides the absence of panics: diagnostics are between one and the limit and can be shown; positions lie in the
//! source; a snippet that parses also parses as the body of a method.

#![no_main]

use libfuzzer_sys::fuzz_target;
use som::syntax::{Diagnostic, MAX_DIAGNOSTICS, Source, is_incomplete, parse_class, parse_snippet};

fuzz_target!(|bytes: &[u8]| {
    let source = match Source::from_bytes("fuzz.som", bytes) {
        Ok(source) => source,
        Err(error) => return drop(error.to_string()),
    };
    if let Err(errors) = parse_class(&source) {
        check(&source, &errors);
    }
    match parse_snippet(&source) {
        Err(errors) => check(&source, &errors),
        Ok(_) => {
            // A byte order mark is one only in front.
            let text = format!("A = ( f = ( {} ) )", source.text().trim_start_matches('\u{feff}'));
            // Two brackets more may be too many; nothing else can be wrong.
            let limit = |e: &Diagnostic| e.message.contains("nest too deeply");
            if let Err(errors) = parse_class(&Source::new("method.som", text)) {
                assert!(errors.iter().all(limit), "{errors:?}");
            }
        }
    }
});

fn check(source: &Source, errors: &[Diagnostic]) {
    assert!((1..=MAX_DIAGNOSTICS).contains(&errors.len()));
    is_incomplete(errors);
    for error in errors {
        assert!(error.line as usize <= source.text().lines().count() + 1);
        assert!(!error.to_string().contains('\u{1b}'));
    }
}

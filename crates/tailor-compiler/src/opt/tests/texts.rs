//! Before and after, as text: `tests/opt/*.txt`, a file for each pass.
//!
//! # Form of the files
//! ```text
//! unit { … }               ; descriptors of all cases of the file
//! === name of the case     ; a behaviour
//! passes=fold,cse          ; optional: otherwise the passes that the file's first line `passes=…` says
//! before
//! ---
//! after
//! ```
//! Both texts are parsed with the file's descriptors and printed in the normal form, so names do not matter.

use crate::ir::Descriptors;
use crate::opt::{Options, Passes, Scratch, optimise};
use crate::text::{Addresses, parse, print};

/// One case: name, passes, before, after.
struct Case<'a> {
    name: &'a str,
    passes: Passes,
    before: &'a str,
    after: &'a str,
}

/// The descriptors of a file, and its cases.
fn split(file: &str) -> (&str, Vec<Case<'_>>) {
    let mut parts = file.split("\n=== ");
    let head = parts.next().expect("a split yields something");
    let (first, descriptors) = head.split_once('\n').expect("a file begins with its passes");
    let passes = first.strip_prefix("passes=").expect("a file begins with its passes");
    let case = |part| {
        let (name, rest): (&str, &str) = part;
        let (own, rest) = match rest.strip_prefix("passes=") {
            Some(rest) => rest.split_once('\n').expect("a case follows its passes"),
            None => (passes, rest),
        };
        let (before, after) = rest.split_once("\n---\n").expect("a case has two sides");
        Case { name, passes: Passes::parse(own).unwrap(), before, after }
    };
    (descriptors, parts.map(|part| case(part.split_once('\n').expect("a case has a name"))).collect())
}

/// The constants that last.
unsafe extern "C" fn is_lasting(_: usize, word: u64) -> bool {
    (64..80).contains(&word)
}

fn check(file: &str) {
    let (head, cases) = split(file);
    let mut scratch = Scratch::default();
    let mut failures = String::new();
    for Case { name, passes, before, after } in cases {
        let mut descriptors = Descriptors::default();
        let unit = |text: &str, descriptors: &mut Descriptors| {
            parse(&format!("{head}\n{text}"), descriptors).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"))
        };
        let source = unit(before, &mut descriptors);
        let expected = unit(after, &mut descriptors);
        crate::verify::verify(&source, &descriptors).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut out = crate::ir::Unit::default();
        let options = Options { passes, is_lasting: (is_lasting, 0), ..Options::default() };
        optimise(&source, &mut descriptors, &options, &mut scratch, &mut out);
        let got = print(&out, &descriptors, Addresses::Hidden);
        let expected = print(&expected, &descriptors, Addresses::Hidden);
        if got != expected {
            failures += &format!("=== {name}\n--- expected\n{expected}\n--- got\n{got}\n");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

macro_rules! files {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            check(include_str!(concat!("../../../tests/opt/", stringify!($name), ".txt")));
        }
    )*};
}

files! { arith fold ranges cse guards exits heap stack virtuals peel boxes dce joins }

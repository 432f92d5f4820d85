use std::collections::BTreeSet;

use super::pattern::may_be_guarded;
use super::tree::Code;
use super::types::INTS;
use super::{Program, Selection, generate};

fn whole(program: &Program) -> String {
    program.write(&Selection::default())
}

#[test]
fn codes_fill_holes() {
    let code = Code::fill("(# + #)", [Code::text("a"), Code::fill("#!", [Code::text("b")])]);
    assert_eq!(code.write(&BTreeSet::new()).trim(), "(a + b!)");
}

#[test]
fn parts_are_numbered_in_order_whatever_is_left_out() {
    let inner = Code::fill("f(#, #)", [Code::text("a").part("A"), Code::text("b").part("B")]).part("F");
    let code = Code::fill("# + #", [inner, Code::text("c").part("C")]);
    assert_eq!(code.parts(), 4);
    let written = |without: &[usize]| code.write(&without.iter().copied().collect()).trim().to_string();
    assert_eq!(written(&[]), "f(a, b) + c");
    assert_eq!(written(&[1]), "f(A, b) + c");
    assert_eq!(written(&[0]), "F + c");
    assert_eq!(written(&[0, 3]), "F + C");
    assert_eq!(written(&[2, 3]), "f(a, B) + C");
}

#[test]
fn declarations_that_were_left_out_stay_if_they_are_needed() {
    let declaration = |name: &str| {
        Code::text(format!("let {name} = f();")).part(format!("let mut {name}: u8 = 0u8;{}", super::tree::IDLE))
    };
    let code = Code::join([declaration("v1"), Code::text("\n"), declaration("v2"), Code::text("\ng(v2);")], "");
    let written = code.write(&BTreeSet::from([0, 1]));
    assert_eq!(written, "let mut v2: u8 = 0u8;\ng(v2);\n");
}

#[test]
fn the_same_seed_gives_the_same_program() {
    assert_eq!(whole(&generate(5, 20)), whole(&generate(5, 20)));
    assert_ne!(whole(&generate(5, 20)), whole(&generate(6, 20)));
}

#[test]
fn a_selected_function_comes_with_what_it_calls_and_is_the_only_entry() {
    let program = generate(3, 60);
    let of = program.functions.iter().map(|f| f.signature.clone()).find(|s| s.is_entry()).expect("an entry");
    let text = program.write(&Selection { only: Some(of.name.clone()), without: BTreeSet::new() });
    let functions: BTreeSet<_> = program.functions.iter().map(|f| f.signature.name.as_str()).collect();
    let words: BTreeSet<_> = text.split(|c: char| !c.is_alphanumeric()).filter(|w| functions.contains(w)).collect();
    for word in words {
        assert!(text.contains(&format!("pub fn {word}(")), "{word} is used and not there");
    }
    assert_eq!(text.matches("Entry { name").count(), 1);
}

#[test]
fn braces_are_balanced_and_parts_can_be_left_out_one_by_one() {
    let program = generate(7, 12);
    let all = program.parts(&Selection::default());
    assert!(all.windows(2).all(|pair| pair[0] + 1 == pair[1]), "numbers follow each other through the program");
    for part in all {
        let text = program.write(&Selection { only: None, without: BTreeSet::from([part]) });
        for (open, close) in [('{', '}'), ('(', ')'), ('[', ']')] {
            assert_eq!(text.matches(open).count(), text.matches(close).count(), "without {part}");
        }
    }
}

/// Seed 9101 had a guard behind more alternatives than the macro takes.
#[test]
fn no_guard_stands_behind_many_alternatives() {
    assert!(may_be_guarded("(0 | 1, 0 | 1 | 2, 0 | _)") && !may_be_guarded("(0 | 1 | 2, 0 | 1 | 2, 0 | 1 | _)"));
    let text = whole(&generate(9101, 150));
    let guarded = text.lines().filter_map(|line| line.split_once(" if (")).map(|(pattern, _)| pattern);
    // What assigns is no arm, and a pattern calls no macro.
    let patterns: Vec<_> = guarded.filter(|p| ![" = ", "!", "return"].iter().any(|sign| p.contains(sign))).collect();
    assert!(patterns.iter().any(|p| p.contains(" | ")));
    for pattern in patterns {
        assert!(may_be_guarded(pattern), "{pattern}");
    }
}

/// Seed 20006 borrowed a part of `m` for a call that got `m`, too.
#[test]
fn no_part_of_m_is_borrowed_for_a_call() {
    let text = whole(&generate(20006, 150));
    assert!(text.contains(", m)") && text.contains("m.b") && !text.contains("&(m."));
}

/// What must come up in some programs, that the table's rows are not dead by mistake.
#[test]
fn the_grammar_is_used() {
    let text: String = (0..40).map(|seed| whole(&generate(seed, 40))).collect();
    let signs = [
        "&& let ",
        "else {",
        "loop {",
        "while ",
        "while let ",
        "for i",
        "..=",
        "break 'l",
        "break 'b",
        "continue 'l",
        "return ",
        "?",
        "|a",
        "move |",
        ".map(",
        ".and_then(",
        ".map_or(",
        ".ok_or(",
        ".unwrap()",
        ".expect(",
        "checked_mul",
        "overflowing_",
        "saturating_",
        "rotate_left",
        "wrapping_shl",
        "leading_zeros",
        "::from(",
        ".into()",
        " as ",
        "matches!",
        ".contains(&",
        "panic!(",
        "unreachable!(",
        "assert!(",
        "debug_assert!(",
        "macro_rules!",
        "GuestStack::at",
        "as_ptr()",
        "offset_from",
        "..Rec",
        "Sum1::Alt",
        " @ ",
        " | ",
        "if (",
        "impl Fn(",
        "&self",
        "(self",
        "m: &mut Mobile",
        "&[",
        "const L",
        "let r",
        "w.log(",
        ".len()",
        ".iter()",
        "<<=",
        "%=",
        "f64::NAN",
        "sqrt",
        "to_bits",
        "pick(",
        "swapped(",
        "or_else::<",
        "Rec1::LIMIT",
    ];
    for sign in signs {
        assert!(text.contains(sign), "`{sign}` never comes up");
    }
    for int in INTS {
        assert!(text.contains(&format!("-> {} ", int.name)), "no function yields {}", int.name);
    }
}

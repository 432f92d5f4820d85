//! Properties that hold for every source.

use proptest::prelude::*;

use super::super::ast::{ClassDef, MethodBody};
use super::super::{MAX_DIAGNOSTICS, Source, parse_class, parse_snippet};
use super::{each_expr, sample, show, show_class};

/// Parses it both ways. That nothing panics is the test; and a few things beyond.
fn parse_both(text: &str) {
    let source = Source::new("Test.som", text);
    let class = parse_class(&source);
    if let Ok(class) = &class {
        check_spans(class, text);
        let shown = show_class(class);
        let again = parse_class(&Source::new("Again.som", &*shown)).expect("a tree shown should parse");
        assert_eq!(show_class(&again), shown);
    }
    let snippet = parse_snippet(&source);
    for errors in class.err().into_iter().chain(snippet.err()) {
        assert!((1..=MAX_DIAGNOSTICS).contains(&errors.len()));
        for error in errors {
            assert!(error.line >= 1 && error.column >= 1 && !error.message.contains('\n'), "{error}");
            assert!(error.line as usize <= text.lines().count() + 1, "{error}");
        }
    }
}

fn check_spans(class: &ClassDef, text: &str) {
    for method in class.instance_side.methods.iter().chain(&class.class_side.methods) {
        let MethodBody::Code(body) = &method.body else { continue };
        assert_eq!(&text[body.end.start as usize..body.end.end as usize], ")");
        each_expr(body, &mut |expr| {
            assert!(!text[expr.span.start as usize..expr.span.end as usize].is_empty());
            assert!(method.span.start < expr.span.start && expr.span.end < method.span.end);
        });
    }
}

/// Something that is a token, or nearly.
fn token() -> impl Strategy<Value = String> {
    const TOKENS: [&str; 52] = [
        "(",
        ")",
        "[",
        "]",
        "#(",
        "#",
        "|",
        "||",
        "=",
        ":=",
        ":",
        ".",
        "^",
        "----",
        "-",
        "+",
        "<=",
        "a",
        "b",
        "foo",
        "self",
        "super",
        "nil",
        "primitive",
        "at:",
        "put:",
        "ifTrue:",
        ":a",
        ":b |",
        "1",
        "2.5",
        "-3",
        "'s'",
        "'\\n'",
        "'\\q'",
        "'",
        "\"c\"",
        "\"",
        "\n",
        "\n  ",
        "\t",
        "$",
        ";",
        "é",
        "\u{a0}",
        "\n f = (",
        "\n g: a = (",
        "[:a |",
        "| a b |",
        "( ^",
        "99999999999999999999",
        "\r\n",
    ];
    proptest::sample::select(&TOKENS[..]).prop_map(str::to_string)
}

/// An expression written as [`show`] writes it.
fn expression() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(&["a", "b", "self", "super", "nil", "primitive", "größe"][..]);
    let literal = prop_oneof![
        any::<i128>().prop_map(|i| i.to_string()),
        (any::<i32>(), 0..100u8).prop_map(|(i, f)| format!("{i}.{f}1")),
        "[a-z \n\t'\\\\é]{0,8}".prop_map(|s| format!("'{}'", super::escape(&s))),
        "[a-z:+\\- ]{0,8}".prop_map(|s| format!("#'{s}'")),
    ];
    let atom = prop_oneof![name.prop_map(str::to_string), literal];
    atom.prop_recursive(5, 64, 4, |inner| {
        // What is itself a message or an assignment needs parentheses as an operand.
        let operand = inner.clone().prop_map(|e| {
            let is_compound = parse_snippet(&Source::new("", &*e))
                .is_ok_and(|body| super::show_operand(&body.statements[0]).starts_with('('));
            if is_compound { format!("({e})") } else { e }
        });
        let operand = operand.boxed();
        prop_oneof![
            operand.clone().prop_map(|r| format!("{r} unary")),
            (operand.clone(), operand.clone()).prop_map(|(r, a)| format!("{r} >>> {a}")),
            (operand.clone(), operand.clone()).prop_map(|(r, a)| format!("{r} | {a}")),
            (operand.clone(), operand.clone(), operand.clone()).prop_map(|(r, a, b)| format!("{r} at: {a} put: {b}")),
            inner.clone().prop_map(|v| format!("x := {v}")),
            inner.clone().prop_map(|v| format!("[ :y | | z | z. ^ {v} ]")),
            proptest::collection::vec(inner, 0..3).prop_map(|s| format!("[ {} ]", s.join(". "))),
        ]
    })
}

proptest! {
    // What is found becomes a test of its own, not a file beside the sources.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        match Source::from_bytes("Test.som", bytes.clone()) {
            Ok(source) => parse_both(source.text()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        parse_both(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_tokens(tokens in proptest::collection::vec(token(), 0..60), space in proptest::sample::select(&["", " "][..])) {
        let text = tokens.join(space);
        parse_both(&text);
        parse_both(&format!("A = (\n f = ( {text} )\n g = ( b )\n)"));
    }

    #[test]
    fn any_edit_of_a_class(edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..12usize, token()), 1..6)) {
        let mut text: Vec<char> = sample().chars().collect();
        for (at, removed, inserted) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, inserted.chars());
        }
        parse_both(&text.into_iter().collect::<String>());
    }

    #[test]
    fn any_beginning_of_a_class(length in any::<prop::sample::Index>()) {
        let text: Vec<char> = sample().chars().collect();
        parse_both(&text[..length.index(text.len() + 1)].iter().collect::<String>());
    }

    #[test]
    fn any_expression_is_shown_as_it_was_written(text in expression()) {
        let body = parse_snippet(&Source::new("Test.som", &*text)).map_err(|e| TestCaseError::fail(super::render(&e)))?;
        prop_assert_eq!(show(&body), text);
    }
}

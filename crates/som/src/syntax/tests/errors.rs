//! What is said about sources that are wrong, and that it is said once.

use super::super::{MAX_DIAGNOSTICS, MAX_HEIGHT, MAX_NESTING, Source, is_incomplete, parse_class, parse_snippet};
use super::{class_errors, render, snippet_errors, source};

/// The errors in a class, as users see them.
fn rendered(text: &str) -> String {
    render(&parse_class(&source(text)).expect_err("it should not parse"))
}

/// The remedy that goes with the only error in a snippet.
fn help(text: &str) -> String {
    match parse_snippet(&source(text)).expect_err("it should not parse").as_slice() {
        [error] => error.help.clone().unwrap_or_default(),
        errors => panic!("{}", render(errors)),
    }
}

/// The first error in a class with this method.
fn in_method(code: &str) -> String {
    class_errors(&format!("A = (\n  f = (\n{code}\n  )\n)")).remove(0)
}

#[test]
fn a_diagnostic_shows_the_place() {
    let text = "A = (\n  run = (\n\t'a\\qb' println.\n  )\n)";
    let expected = "File 'Test.som', line 3, column 4:
  \t'a\\qb' println.
  \t  ^^
Unknown escape sequence '\\q'
Help: SOM knows \\t \\b \\n \\r \\f \\0 \\' and \\\\.";
    assert_eq!(rendered(text), expected);
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let text = format!("{} $ {}", "a ".repeat(200), "b ".repeat(200));
    let shown = render(&parse_snippet(&source(&text)).expect_err("it should not parse"));
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[1].starts_with("  ...") && lines[1].ends_with("..."), "{shown}");
    assert!(lines[1].len() < 220);
    assert_eq!(lines[1].find('$'), lines[2].find('^'));
}

#[test]
fn control_characters_are_not_passed_on() {
    let shown = rendered("A = ( \u{1b}[31m )");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn bytes_that_are_no_text() {
    let error = Source::from_bytes("Test.som", b"A = (\n \xc3\xa9 \xff )".to_vec()).expect_err("it is not UTF-8");
    assert_eq!((error.line, error.column), (2, 4));
    assert_eq!(error.message, "This file is not UTF-8: byte 0xff is out of place");
}

#[test]
fn class_heads() {
    assert_eq!(class_errors(""), ["1:1 Expected a class's name, found the end of the input"]);
    assert_eq!(class_errors("'Hello' println"), ["1:1 Expected a class's name, found string 'Hello'"]);
    assert_eq!(class_errors("a foo. b bar"), ["1:3 Expected '=' behind the class's name, found name 'foo'"]);
    assert_eq!(
        class_errors("A = B"),
        ["1:6 Expected '(' and the class's fields and methods, found the end of the input"]
    );
    assert_eq!(class_errors("A = ("), ["1:6 Expected a method, '----' or ')', found the end of the input"]);
    assert_eq!(class_errors("A = ( f )"), ["1:9 Expected '=' behind the method's name and arguments, found ')'"]);
    assert_eq!(
        class_errors("A = ( f = 3 )"),
        ["1:11 Expected '(' and the code of method 'f', or 'primitive', found number 3"]
    );
}

#[test]
fn text_behind_the_class() {
    assert_eq!(class_errors("A = ( f = ( a ) ) )"), ["1:19 Expected the end of the file behind the class, found ')'"]);
    assert_eq!(
        class_errors("A = (\n f = ( a ) )\n g = ( b )\n)"),
        ["3:2 Expected the end of the file behind the class, found name 'g'"]
    );
}

#[test]
fn sides() {
    assert_eq!(class_errors("A = ( ---- ---- f = ( ) )"), ["1:12 A class has only two sides, and this begins a third"]);
    assert_eq!(class_errors("A = ( f = ( ) | a | g = ( ) )"), ["1:15 Fields can't be declared here"]);
    assert_eq!(class_errors("A = ( | a, b | f = ( ) )"), ["1:10 Expected a field's name or '|', found ','"]);
}

#[test]
fn pseudo_variables_are_not_declared() {
    assert_eq!(snippet_errors("| true |"), ["1:3 'true' can't be declared: it has a meaning of its own"]);
    assert_eq!(class_errors("A = ( f: self = ( ) )"), ["1:10 'self' can't be declared: it has a meaning of its own"]);
}

#[test]
fn names_are_declared_once() {
    assert_eq!(
        rendered("A = ( | a b a | )"),
        "File 'Test.som', line 1, column 13:
  A = ( | a b a | )
              ^
Field 'a' has already been defined in this class.
Help: The other one is at line 1, column 9."
    );
    assert_eq!(class_errors("A = ( f: a g: a = ( ) )"), ["1:15 Variable 'a' shadows another of the same name"]);
    assert_eq!(class_errors("A = ( f: a = ( | a | ) )"), ["1:18 Variable 'a' shadows another of the same name"]);
    assert_eq!(snippet_errors("[:a | | a | ]"), ["1:9 Variable 'a' shadows another of the same name"]);
    assert_eq!(snippet_errors("| a b c d e f g h i j a |"), ["1:23 Variable 'a' shadows another of the same name"]);
    assert_eq!(
        class_errors("A = ( f = ( ) g = ( ) f = ( ) )"),
        ["1:23 Method 'f' has already been defined in this class."]
    );
    assert!(
        parse_class(&source("A = ( | a | f: a = ( [:a | | b | ] value: [ | b | ] ) ---- | a | f = ( ) f: a = ( ) )"))
            .is_ok()
    );
}

#[test]
fn blocks_take_two_arguments() {
    assert_eq!(snippet_errors("[:a :b :c | a]"), ["1:9 A block takes at most 2 arguments, and this is one too many"]);
    assert_eq!(snippet_errors("[:a]"), ["1:4 Expected '|' behind the block's arguments, found ']'"]);
    assert_eq!(snippet_errors("[:a:b | a]"), ["1:3 Expected the name of a block argument, found keyword 'a:'"]);
}

#[test]
fn statements() {
    assert_eq!(snippet_errors("a .. b"), ["1:4 Expected an expression, found '.'"]);
    assert_eq!(snippet_errors("^ a. b"), ["1:6 This can never be reached"]);
    assert_eq!(snippet_errors("a 3"), ["1:3 Expected '.' or the end, found number 3"]);
    assert_eq!(snippet_errors("3 := a"), ["1:3 Only a variable can be assigned to"]);
    assert_eq!(snippet_errors("a foo: b := c"), ["1:10 Only a variable can be assigned to"]);
    assert_eq!(snippet_errors("a ] . b. c )"), ["1:3 ']' closes nothing", "1:12 ')' closes nothing"]);
}

#[test]
fn remedies() {
    for (code, expected) in [
        ("a : = 3", "without a space"),
        ("a foo; bar", "cascades"),
        ("a := \"text\".", "Double quotes"),
        ("{ a }", "'( )'"),
        ("a := $a", "length one"),
        ("_a foo", "begins with a letter"),
        ("\u{201c}a\u{201d} foo", "straight"),
        ("a\u{a0}foo", "white space"),
        ("(^ 3) foo", "beginning of a statement"),
        ("[:a || b | c]", "'| |'"),
        ("[:a |- 3]", "a space behind"),
        ("a. | b | b", "at the beginning"),
        ("#(a)", "#name"),
        ("#((1))", "its '#'"),
        ("(a", "line 1, column 1 is not closed"),
    ] {
        let help = help(code);
        assert!(help.contains(expected), "{code}: {help}");
    }
}

#[test]
fn several_errors_and_no_more() {
    assert_eq!(
        snippet_errors("a + . b foo: . c. [ d * . e ] value. (f - ) g. #(1 h). i"),
        [
            "1:5 Expected an expression, found '.'",
            "1:14 Expected an expression, found '.'",
            "1:25 Expected an expression, found '.'",
            "1:43 Expected an expression, found ')'",
            "1:52 Expected a literal or ')', found name 'h'",
        ]
    );
    let text = "A = (
  f = ( 1 + )
  g: = ( 2 )
  h = ( 'a\\qb' foo: )
  ----
  i = ( [:x 3] )
  j = ( ^ 3 )
)";
    assert_eq!(
        class_errors(text),
        [
            "2:13 Expected an expression, found ')'",
            "3:6 Expected the argument's name, found '='",
            "4:11 Unknown escape sequence '\\q'",
            "4:21 Expected an expression, found ')'",
            "6:13 Expected '|' behind the block's arguments, found number 3",
        ]
    );
}

#[test]
fn there_is_an_end_to_it() {
    assert_eq!(snippet_errors(&"a + . ".repeat(1000)).len(), MAX_DIAGNOSTICS);
    assert_eq!(snippet_errors(&format!("'{}'", "\\q".repeat(1000))).len(), MAX_DIAGNOSTICS);
    assert_eq!(snippet_errors(&format!("| {} |", "a ".repeat(1000))).len(), MAX_DIAGNOSTICS);
}

#[test]
fn a_missing_parenthesis_is_missed_where_the_next_method_begins() {
    let text = "A = (
  f = (
    a foo: 3
  g: x h: y = (
    ^ 1. )
  + b = ( a. b )
)";
    let expected = "File 'Test.som', line 4, column 3:
    g: x h: y = (
    ^^
Expected ')', found what looks like the beginning of a method
Help: The '(' at line 2, column 7 is not closed.";
    assert_eq!(rendered(text), expected);
    let text = "A = (
  f = (
    a foo: [ 3
  ----
  g = ( ^ 1. )
)";
    assert_eq!(class_errors(text), ["4:3 Expected ']', found what looks like the beginning of the class side"]);
}

#[test]
fn a_comparison_is_not_taken_for_a_method() {
    let text = "A = (
  f = (
    a foo: [ 3
      b = (c) ].
    ^ a
 )
)";
    assert!(parse_class(&source(text)).is_ok());
}

#[test]
fn a_missing_bracket_within_a_method() {
    assert_eq!(in_method("a := (b + c.\nd := e"), "3:12 Expected ')', found '.'");
    for code in [
        "a := (b + c.\n    d := e",
        "a foo: (b. c) bar.\n    d := e",
        "a foo: [ b. c. (d ].\n    d := e",
        "a foo: [ b. c )\n    d",
        "a foo: ( b ]\n    d",
    ] {
        let text = format!("A = (\n  f = (\n{code}\n  )\n  g = ( ^ 1 )\n)");
        assert_eq!(class_errors(&text).len(), 1, "{text}\n{}", rendered(&text));
    }
}

#[test]
fn brackets_too_many() {
    for code in ["a ] foo. b", "[ a ] ] value. b", "#( 1 ] ). b"] {
        let text = format!("A = (\n  f = (\n{code}\n  )\n  g = ( ^ 1 )\n)");
        assert_eq!(class_errors(&text).len(), 1, "{text}\n{}", rendered(&text));
    }
}

#[test]
fn texts_that_never_end() {
    assert_eq!(in_method("a foo: 'text.\n b"), "3:8 This string is never closed");
    assert_eq!(in_method("a \"comment\n b"), "3:3 This comment is never closed");
    let text = "A = (
  f = (
    a foo: 'text.
  )
  g = ( 'more' foo )
)";
    let shown = rendered(text);
    assert!(shown.contains("The string at line 3, column 12 spans lines: is the quote missing there?"), "{shown}");
}

#[test]
fn limits() {
    let nested = |open: &str| snippet_errors(&open.repeat(100_000))[0].clone();
    let message = format!("Brackets nest too deeply: {MAX_NESTING} levels are the limit");
    assert_eq!(nested("("), format!("1:{} {message}", MAX_NESTING + 1));
    assert_eq!(nested("["), format!("1:{} {message}", MAX_NESTING + 1));
    assert_eq!(nested("#("), format!("1:{} {message}", 2 * MAX_NESTING + 2));
    let message = format!("This expression is too long: {MAX_HEIGHT} messages in a row are the limit");
    let row = |text: &str| snippet_errors(&format!("a{}", text.repeat(100_000)));
    assert_eq!(row(" b"), [format!("1:{} {message}", 2 * MAX_HEIGHT + 1)]);
    assert_eq!(row(" + b"), [format!("1:{} {message}", 4 * MAX_HEIGHT + 1)]);
    assert!(row(" := a")[0].ends_with(&message));
    // Rows within brackets add up.
    assert!(
        snippet_errors(&format!("{}a{}", "(".repeat(100), " b)".repeat(100).replace('b', &"b ".repeat(20))))[0]
            .ends_with(&message)
    );
    assert!(snippet_errors(&"9".repeat(1_000_001))[0].contains("1000000 digits"));
}

#[test]
fn incomplete_input_is_told_from_wrong_input() {
    let incomplete = |text: &str| is_incomplete(&parse_snippet(&source(text)).expect_err("it should not parse"));
    for text in ["(3", "(3 +", "a foo: [", "a foo: [:x", "[:x | | y", "'abc", "a \"abc", "#(1", "[ a. (b", "a. 'b\n"] {
        assert!(incomplete(text), "{text}");
    }
    for text in ["3 +", "foo: [", "3 )", "(3 + ) + (4", "^ 3. 4", "a ; (", "[ ) ", "'a\\q' (", "x :=", "#"] {
        assert!(!incomplete(text), "{text}");
    }
    assert!(!is_incomplete(&[]));
}

//! What parses, and to which tree.

use super::super::ast::{ExprKind, Literal, MethodBody, Superclass};
use super::super::{MAX_HEIGHT, MAX_NESTING, Source, parse_class, parse_snippet};
use super::{at, class, each_expr, sample, show, show_class, snippet, source};

/// The tree of a snippet in full parentheses.
fn tree(text: &str) -> String {
    show(&snippet(text))
}

#[test]
fn messages_bind_by_kind_and_then_from_the_left() {
    assert_eq!(tree("a b c"), "(a b) c");
    assert_eq!(tree("a + b * c"), "(a + b) * c");
    assert_eq!(tree("a + b c"), "a + (b c)");
    assert_eq!(tree("a b + c d foo: e f + g bar: h"), "((a b) + (c d)) foo: ((e f) + g) bar: h");
    assert_eq!(tree("a foo: (b bar: c)"), "a foo: (b bar: c)");
    assert_eq!(tree("(((a)))"), "a");
    assert_eq!(tree("a | b || c = d"), "((a | b) || c) = d");
}

#[test]
fn a_dash_subtracts_unless_an_operand_begins() {
    assert_eq!(tree("3 -4"), "3 - 4");
    assert_eq!(tree("a-1"), "a - 1");
    assert_eq!(tree("1 - -1"), "1 - -1");
    assert_eq!(tree("1--1"), "1 -- 1");
    assert_eq!(tree("-3 abs"), "-3 abs");
    assert_eq!(tree("a foo: -3 bar: - 4.5"), "a foo: -3 bar: -4.5");
    assert_eq!(tree("a --- 3"), "a --- 3");
}

#[test]
fn assignments() {
    assert_eq!(tree("a := b := c + d. e:=f"), "a := b := c + d. e := f");
    assert_eq!(tree("a foo: (b := c)"), "a foo: (b := c)");
    assert_eq!(tree("system := primitive := primitive primitive"), "system := primitive := primitive primitive");
}

#[test]
fn statements() {
    assert_eq!(tree(""), "");
    assert_eq!(tree(" \"only a comment\" "), "");
    assert_eq!(tree("| | a"), "a");
    assert_eq!(tree("| a b | a. b."), "| a b | a. b");
    assert_eq!(tree("a. ^ b"), "a. ^ b");
    assert_eq!(tree("^ b . "), "^ b");
    assert_eq!(tree("a:=1.b"), "a := 1. b");
}

#[test]
fn blocks() {
    assert_eq!(tree("[]"), "[  ]");
    assert_eq!(tree("[:a | ]"), "[ :a |  ]");
    assert_eq!(tree("[ : a :b | | c | c := a | b. ^ c. ]"), "[ :a :b | | c | c := a | b. ^ c ]");
    assert_eq!(tree("[| |]"), "[  ]");
    assert_eq!(tree("[:a | [:a | a] value: a]"), "[ :a | [ :a | a ] value: a ]");
}

#[test]
fn literals() {
    assert_eq!(tree("12. -0. 1.5. -1.25"), "12. 0. 1.5. -1.25");
    assert_eq!(tree("18446744073709551615"), "18446744073709551615");
    assert_eq!(tree("9999999999999999999"), "9999999999999999999");
    assert_eq!(tree("-123456789012345678901234567890"), "-123456789012345678901234567890");
    assert_eq!(tree(r"'a\t\b\n\r\f\0\'\\z'"), r"'a\t\b\n\r\f\0\'\\z'");
    assert_eq!(tree("'two\nlines'"), r"'two\nlines'");
    assert_eq!(
        tree("#a. #at:put:. # b. #'c d'. #primitive. #+. #|. #---. #-. #="),
        "#'a'. #'at:put:'. #'b'. #'c d'. #'primitive'. #'+'. #'|'. #'---'. #'-'. #'='"
    );
    assert_eq!(tree("#at: put"), "#'at:' put");
    assert_eq!(
        tree("#(1 -2 3.5 - 4 'a' #b #at:put: #'c' #+ #(#()))"),
        "#( 1 -2 3.5 -4 'a' #'b' #'at:put:' #'c' #'+' #( #(  ) ) )"
    );
}

#[test]
fn the_sign_of_zero_is_kept() {
    let ExprKind::Literal(Literal::Double(zero)) = snippet("-0.0").statements[0].kind else { panic!("a double") };
    assert!(zero == 0.0 && zero.is_sign_negative());
}

#[test]
fn classes() {
    assert_eq!(show_class(&class("A = ()")), "A = ( ---- )");
    assert_eq!(show_class(&class("Object = nil ()")), "Object = nil ( ---- )");
    assert_eq!(show_class(&class("A = B ( | | ---- | | )")), "A = B ( ---- )");
    assert_eq!(
        show_class(&class(
            "A = ( |a primitive| b = primitive + c = () - c = (c) d: e f: g = (^ e) -------- |h| primitive = ( ) )"
        )),
        "A = ( | a primitive | b = primitive + c = (  ) - c = ( c ) d: e f: g = ( ^ e ) ---- | h | primitive = (  ) )"
    );
    assert!(matches!(class("A = Object ()").superclass, Superclass::Named(_)));
    class(&sample());
}

#[test]
fn a_bar_may_begin_a_method() {
    assert_eq!(show_class(&class("A = ( | b = ( b ) || b = ( b ) )")), "A = ( | b = ( b ) || b = ( b ) ---- )");
    assert_eq!(show_class(&class("A = ( |a| | b = primitive )")), "A = ( | a | | b = primitive ---- )");
}

#[test]
fn spans() {
    let text = "A = ( foo: x bar: y = ( ^ (x + 1) baz: [ y ] ) )";
    let class = class(text);
    let method = &class.instance_side.methods[0];
    assert_eq!(method.span, at(text, "foo: x bar: y = ( ^ (x + 1) baz: [ y ] )"));
    assert_eq!(method.selector.span, at(text, "foo: x bar: y"));
    assert_eq!(method.params[1].span, at(text, "y"));
    let MethodBody::Code(body) = &method.body else { panic!("code") };
    assert_eq!(body.end.start as usize, text.len() - 3);
    let ExprKind::Return(value) = &body.statements[0].kind else { panic!("a return") };
    assert_eq!(body.statements[0].span, at(text, "^ (x + 1) baz: [ y ]"));
    assert_eq!(value.span, at(text, "(x + 1) baz: [ y ]"));
    let ExprKind::Send(send) = &value.kind else { panic!("a send") };
    assert_eq!(send.selector.span, at(text, "baz:"));
    assert_eq!(send.receiver.span, at(text, "x + 1"));
    assert_eq!(send.args[0].span, at(text, "[ y ]"));
}

#[test]
fn names_are_shared() {
    let body = snippet("foo. foo");
    let name = |index: usize| match &body.statements[index].kind {
        ExprKind::Var(name) => name.clone(),
        _ => panic!("a variable"),
    };
    assert!(std::rc::Rc::ptr_eq(&name(0), &name(1)));
}

/// On a stack a little smaller than that of a Rust thread: the deepest of every kind, parsed and dropped.
#[test]
fn what_is_just_not_too_deep_parses() {
    let deepest = || {
        // The class and the method are brackets, too.
        let n = MAX_NESTING - 2;
        let nested = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(n), close.repeat(n));
        let row = MAX_HEIGHT as usize - 1;
        for code in [
            nested("(", "a", ")"),
            nested("[", "", "]"),
            nested("#(", "", ")"),
            nested("a foo: (", "b", ")"),
            nested("a foo: [", "", "]"),
            nested("a := b + (", "c", ")"),
            format!("a{}", " b".repeat(row)),
            format!("a{}", " + b".repeat(row)),
            "a := ".repeat(row) + "b",
        ] {
            let text = format!("A = ( f = ( {code} ) )");
            let class = parse_class(&Source::new("Test.som", text)).expect("it is not too deep");
            drop(class.clone());
        }
    };
    let thread = std::thread::Builder::new().stack_size(7 << 18).spawn(deepest);
    thread.expect("a thread").join().expect("it should end well");
}

#[test]
fn expressions_lie_within_their_source() {
    let text = sample();
    for method in &class(&text).instance_side.methods {
        if let MethodBody::Code(body) = &method.body {
            each_expr(body, &mut |expr| {
                assert!(method.span.start <= expr.span.start && expr.span.end <= method.span.end, "{expr:?}");
            });
        }
    }
}

#[test]
fn lines_and_columns() {
    let source = source("ab\r\né\tc\n\nd");
    let place = |offset| {
        let position = source.position(offset);
        (position.line, position.column)
    };
    assert_eq!(place(0), (1, 1));
    assert_eq!(place(2), (1, 3));
    assert_eq!(place(4), (2, 1));
    assert_eq!(place(5), (2, 1), "within a character");
    assert_eq!(place(6), (2, 2));
    assert_eq!(place(7), (2, 3));
    assert_eq!(place(9), (3, 1));
    assert_eq!(place(10), (4, 1));
    assert_eq!(place(11), (4, 2));
    assert_eq!(place(u32::MAX), (4, 2));
    let lines: Vec<_> = (0..6).map(|line| source.line(line)).collect();
    assert_eq!(lines, ["", "ab", "é\tc", "", "d", ""]);
}

#[test]
fn a_snippet_ends_where_the_text_does() {
    let body = parse_snippet(&source("a. b ")).expect("two statements");
    assert_eq!((body.end.start, body.end.end), (5, 5));
}

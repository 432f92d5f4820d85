//! Tokens: their kinds and where one ends and the next begins.

use super::super::lexer::{Lexer, TokenKind, TokenKind::*};

fn tokens(text: &str) -> Vec<(TokenKind, &str)> {
    let mut lexer = Lexer::new(text, 0);
    let next = || {
        let token = lexer.next();
        (token.kind, &text[token.span.start as usize..token.span.end as usize])
    };
    std::iter::repeat_with(next).take_while(|(kind, _)| *kind != End).collect()
}

fn kinds(text: &str) -> Vec<TokenKind> {
    tokens(text).into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn every_kind() {
    let text = "abc at: | = - + ---- ( ) [ ] : := ^ . # 12 1.5 'text' $";
    let expected = [
        Identifier, Keyword, Bar, Equal, Minus, Operator, Separator, Open, Close, OpenBlock, CloseBlock, Colon, Assign,
        Caret, Period, Pound, Integer, Double, String, Unknown,
    ];
    assert_eq!(kinds(text), expected);
}

#[test]
fn the_end_comes_for_ever() {
    let mut lexer = Lexer::new("a", 0);
    lexer.next();
    for _ in 0..3 {
        let token = lexer.next();
        assert_eq!((token.kind, token.span.start, token.span.end), (End, 1, 1));
    }
}

#[test]
fn blanks_and_comments_separate_and_are_nothing_else() {
    assert_eq!(kinds(" \t\r\n\u{b}\u{c}a\"comment\n'\"\"\"b"), [Identifier, Identifier]);
    assert_eq!(kinds("\u{feff}a"), [Identifier]);
}

#[test]
fn names() {
    assert_eq!(tokens("a1_B c"), [(Identifier, "a1_B"), (Identifier, "c")]);
    assert_eq!(tokens("größe été_2:"), [(Identifier, "größe"), (Keyword, "été_2:")]);
    assert_eq!(kinds("_a"), [Unknown, Identifier]);
    assert_eq!(tokens("primitives primitive"), [(Identifier, "primitives"), (Identifier, "primitive")]);
}

#[test]
fn a_colon_makes_a_keyword_unless_it_begins_an_assignment() {
    assert_eq!(tokens("at:put:"), [(Keyword, "at:"), (Keyword, "put:")]);
    assert_eq!(tokens("x:=1"), [(Identifier, "x"), (Assign, ":="), (Integer, "1")]);
    assert_eq!(kinds(":x :y"), [Colon, Identifier, Colon, Identifier]);
}

#[test]
fn behind_a_pound_adjacent_keywords_are_one() {
    assert_eq!(tokens("#at:put: x"), [(Pound, "#"), (Keyword, "at:put:"), (Identifier, "x")]);
    assert_eq!(tokens("#at:put"), [(Pound, "#"), (Keyword, "at:"), (Identifier, "put")]);
    assert_eq!(tokens("#x:=y"), [(Pound, "#"), (Keyword, "x:"), (Equal, "="), (Identifier, "y")]);
    assert_eq!(tokens("#a:é: b:c:"), [(Pound, "#"), (Keyword, "a:é:"), (Keyword, "b:"), (Keyword, "c:")]);
}

#[test]
fn operators_are_as_long_as_can_be() {
    assert_eq!(
        tokens("a||b&&~=<>->@%\\,"),
        [(Identifier, "a"), (Operator, "||"), (Identifier, "b"), (Operator, "&&~=<>->@%\\,")]
    );
    assert_eq!(tokens("3--1"), [(Integer, "3"), (Operator, "--"), (Integer, "1")]);
    assert_eq!(kinds("| | ||"), [Bar, Bar, Operator]);
}

#[test]
fn four_dashes_separate() {
    assert_eq!(kinds("-- --- ---- ------------"), [Operator, Operator, Separator, Separator]);
    assert_eq!(kinds("-----+ +----"), [Operator, Operator]);
}

#[test]
fn numbers() {
    assert_eq!(tokens("12 1.5"), [(Integer, "12"), (Double, "1.5")]);
    assert_eq!(tokens("1."), [(Integer, "1"), (Period, ".")]);
    assert_eq!(tokens("1.2.3"), [(Double, "1.2"), (Period, "."), (Integer, "3")]);
    assert_eq!(tokens("1e5"), [(Integer, "1"), (Identifier, "e5")]);
    assert_eq!(kinds("3 -4"), [Integer, Minus, Integer]);
}

#[test]
fn strings() {
    assert_eq!(tokens(r"'a\'b' c"), [(String, r"'a\'b'"), (Identifier, "c")]);
    assert_eq!(tokens(r"'a\\' b"), [(String, r"'a\\'"), (Identifier, "b")]);
    assert_eq!(tokens("'two\nlines'"), [(String, "'two\nlines'")]);
    assert_eq!(tokens("'\\é'"), [(String, "'\\é'")]);
    assert_eq!(tokens("''''"), [(String, "''"), (String, "''")]);
}

#[test]
fn what_never_ends_reaches_to_the_end() {
    assert_eq!(tokens("a 'b c"), [(Identifier, "a"), (UnclosedString, "'b c")]);
    assert_eq!(tokens("a \"b c"), [(Identifier, "a"), (UnclosedComment, "\"b c")]);
    assert_eq!(kinds("'a\\"), [UnclosedString]);
    assert_eq!(kinds("'a\\é"), [UnclosedString]);
    assert_eq!(kinds("\""), [UnclosedComment]);
}

//! Inline caches and quickening: one site, many receiver classes.
//!
//! A site is quickened by what it first meets; whatever comes later must be answered as if it had been the first.

use crate::support::Guest;

/// Classes that answer `it` in every way that a send can be quickened for, and one that does not answer it.
const SHAPES: &[&str] = &[
    "Sends = ( it: object = ( ^ object it ) set: object = ( ^ object it: 5 ) plus: object = ( ^ object + 1 )
        call: block = ( ^ block value ) equal: object = ( ^ object = 3 )
        test: object = ( ^ object isNil ) same: object = ( ^ object == object )
        choose: object = ( ^ object ifNil: [ #nil ] ifNotNil: [ #other ] ) )",
    "Coded = ( it = ( | x | x := 1. ^ x + 1 ) it: value = ( ^ value * 2 ) + other = ( ^ #coded ) )",
    "Getter = ( | field | it = ( ^ field ) it: value = ( field := value ) )",
    "Farther = ( | a b field | it = ( ^ field ) it: value = ( field := value ) )",
    "Constant = ( it = ( ^ #constant ) it: value = ( ^ nil ) )",
    "Asks = ( doesNotUnderstand: selector arguments: arguments = ( ^ selector ) )",
    "Inherits = Coded ( )",
    "Overrides = Coded ( it = ( ^ super it + 40 ) )",
    "Answers = ( isNil = ( ^ #never ) ifNil: a ifNotNil: b = ( ^ #mine ) == other = ( ^ #same ) )",
];

/// What `Sends new it: X` answers for each receiver.
const ANSWERS: &[(&str, &str)] = &[
    ("Coded new", "2"),
    ("Getter new", "nil"),
    ("(Getter new it: 9)", "9"),
    ("(Farther new it: 8)", "8"),
    ("Constant new", "#constant"),
    ("Asks new", "#it"),
    ("Inherits new", "2"),
    ("Overrides new", "42"),
];

#[test]
fn a_site_answers_right_from_its_first_class_to_megamorphism_and_back() {
    // Each rotation starts the site with another shape, and passes it through all states twice.
    for start in 0..ANSWERS.len() {
        let mut guest = Guest::of(SHAPES);
        for round in 0..2 {
            for i in 0..ANSWERS.len() {
                let (receiver, answer) = ANSWERS[(start + i) % ANSWERS.len()];
                assert_eq!(guest.shown(&format!("Sends new it: {receiver}")), answer, "{receiver}, {start}, {round}");
            }
        }
    }
}

#[test]
fn setters_of_different_layouts_share_a_site() {
    let mut guest = Guest::of(SHAPES);
    for _ in 0..2 {
        assert_eq!(guest.shown("| g | g := Getter new. (Sends new set: g) == g and: [ g it = 5 ]"), "true");
        assert_eq!(guest.shown("| f | f := Farther new. (Sends new set: f) == f and: [ f it = 5 ]"), "true");
        assert_eq!(guest.shown("Sends new set: Coded new"), "10");
        assert_eq!(guest.shown("Sends new set: Constant new"), "nil");
        assert_eq!(guest.shown("Sends new set: Asks new"), "#it:");
    }
}

#[test]
fn an_operator_site_takes_numbers_of_all_kinds_and_objects() {
    let mut guest = Guest::of(SHAPES);
    for _ in 0..2 {
        assert_eq!(guest.shown("Sends new plus: 1"), "2");
        assert_eq!(guest.shown("Sends new plus: Coded new"), "#coded");
        assert_eq!(guest.shown("Sends new plus: 1.5"), "2.5");
        assert_eq!(guest.shown("Sends new plus: 4611686018427387903"), "4611686018427387904");
        assert_eq!(guest.shown("Sends new plus: 'a'"), "'a1'");
        assert_eq!(guest.shown("Sends new plus: Inherits new"), "#coded");
        assert_eq!(guest.shown("Sends new plus: Asks new"), "#+");
        assert_eq!(guest.shown("Sends new equal: 3.0"), "true");
        assert_eq!(guest.shown("Sends new equal: nil"), "false");
        assert_eq!(guest.shown("Sends new equal: 'x'"), "false");
    }
    assert!(guest.error("Sends new plus: nil").message.contains("not found in class Nil"));
    assert_eq!(guest.shown("Sends new plus: 1"), "2");
}

#[test]
fn a_block_site_takes_blocks_of_all_arities_and_other_objects() {
    let mut guest = Guest::of(SHAPES);
    for _ in 0..2 {
        assert_eq!(guest.shown("Sends new call: [ 1 ]"), "1");
        assert_eq!(guest.shown("Sends new call: 7"), "7");
        assert_eq!(guest.shown("Sends new call: [ 2 ]"), "2");
        assert_eq!(guest.shown("Sends new call: nil"), "nil");
    }
}

#[test]
fn a_site_that_raised_an_error_works_afterwards() {
    let mut guest = Guest::of(SHAPES);
    for _ in 0..3 {
        assert!(guest.error("Sends new it: 3").message.contains("Method it not found"));
        assert_eq!(guest.shown("Sends new it: Coded new"), "2");
    }
}

#[test]
fn a_class_loaded_late_withdraws_what_was_assumed_of_all_classes() {
    let (before, answers) = (&SHAPES[..SHAPES.len() - 1], SHAPES[SHAPES.len() - 1]);
    let mut guest = Guest::of(before);
    // The sites have run on their fast paths.
    assert_eq!(guest.shown("Sends new test: Coded new"), "false");
    assert_eq!(guest.shown("Sends new choose: 3"), "#other");
    assert_eq!(guest.shown("Sends new same: Coded new"), "true");
    guest.load(answers).expect("it loads");
    assert_eq!(guest.shown("Sends new test: Answers new"), "#never");
    assert_eq!(guest.shown("Sends new choose: Answers new"), "#mine");
    assert_eq!(guest.shown("Sends new same: Answers new"), "#same");
    assert_eq!(guest.shown("Sends new test: nil"), "true");
    assert_eq!(guest.shown("Sends new choose: nil"), "#nil");
    assert_eq!(guest.shown("Sends new choose: 3"), "#other");
    assert_eq!(guest.shown("Sends new same: 3"), "true");
}

#[test]
fn a_send_to_super_starts_above_the_class_of_the_code() {
    let mut guest = Guest::of(&[
        "Base = ( name = ( ^ 'base' ) )",
        "Middle = Base ( name = ( ^ super name + ' middle' ) )",
        "Leaf = Middle ( name = ( ^ super name + ' leaf' ) )",
        "Other = Middle ( )",
    ]);
    for _ in 0..2 {
        assert_eq!(guest.shown("Leaf new name"), "'base middle leaf'");
        assert_eq!(guest.shown("Other new name"), "'base middle'");
    }
}

#[test]
fn class_side_fields_are_per_class_and_survive_subclassing() {
    let mut guest = Guest::of(&[
        "Counter = ( ---- | count | next = ( count isNil ifTrue: [ count := 0 ]. count := count + 1. ^ count ) )",
        "Second = Counter ( ---- | more | both = ( more := self next. ^ more * 100 + self next ) )",
    ]);
    assert_eq!(guest.shown("Counter next. Counter next. Counter next"), "3");
    assert_eq!(guest.shown("Second both"), "102");
    assert_eq!(guest.shown("Counter next"), "4");
}

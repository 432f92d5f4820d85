//! Run-time errors: kind, message, and the stack trace with class, selector, line and column.

use som::errors::{ErrorKind, RuntimeError};

use crate::support::Guest;

/// A trace in short: `Class>>selector line:column`, outermost first.
fn places(error: &RuntimeError) -> Vec<String> {
    error.trace.iter().map(|e| format!("{} {}:{}", e.method, e.line, e.column)).collect()
}

const DEEP: &str = "Deep = (
    outer: n = (
        ^ self middle: [ 1 / n ]
    )
    middle: block = (
        ^ #(1) do: [:each |
            block value ]
    )
)";

#[test]
fn a_trace_names_class_selector_line_and_column_of_every_activation() {
    let error = Guest::of(&[DEEP]).error("Deep new outer: 0");
    assert_eq!(error.message, "Division by zero.");
    let places = places(&error);
    let of_ours: Vec<_> = places.iter().filter(|p| !p.starts_with("Array")).map(String::as_str).collect();
    assert_eq!(
        of_ours,
        [
            "Nil>>evaluate 1:1",
            "Deep>>outer: 3:11",
            "Deep>>middle: 6:11",
            "block in Deep>>middle: 7:13",
            "block in Deep>>outer: 3:26"
        ]
    );
    assert_eq!(error.trace[1].text.trim(), "^ self middle: [ 1 / n ]");
    assert_eq!(error.trace[1].file, "Deep.som");
}

#[test]
fn the_traceback_for_people_ends_with_the_innermost_call() {
    let error = Guest::of(&[DEEP]).error("Deep new outer: 0");
    let text = error.to_string();
    assert!(
        text.starts_with(
            "Traceback (most recent call at bottom):\n  File 'test', line 1, column 1, in Nil>>evaluate\n"
        )
    );
    assert!(
        text.ends_with("in block in Deep>>outer:\n            ^ self middle: [ 1 / n ]\nDivision by zero."),
        "{text}"
    );
}

#[test]
fn columns_count_characters_not_bytes() {
    let error = Guest::new().error("'üöä' length. 1 / 0");
    assert_eq!(places(&error), ["Nil>>evaluate 1:15"]);
}

#[test]
fn the_message_of_each_common_mistake() {
    let cases = [
        ("nil foo", "Method foo not found in class Nil"),
        ("3 foo: 4 bar: 5", "Method foo:bar: not found in class Integer"),
        ("Object foo", "Method foo not found in class Object class"),
        ("3 ifTrue: [ 4 ]", "Method ifTrue: not found in class Integer"),
        ("#(1 2) at: 3", "Index 3 not valid for array of length 2."),
        ("#(1 2) at: 0", "Index 0 not valid for array of length 2."),
        ("1 / 0", "Division by zero."),
        ("1 % 0", "Division by zero."),
        ("1 + nil", "Expected a numeric type but got type 'Nil'."),
        ("1 + 'a'", "Expected a numeric type but got type 'String'."),
        ("1 < 'a'", "Expected a numeric type but got type 'String'."),
        ("#(1 2) at: 'a'", "'Integer'"),
        ("NoSuchClass", "'NoSuchClass'"),
        ("3 perform: 4", "'Symbol'"),
        ("3 perform: #+", "requires 1"),
        ("[ 1 ] value: 2", "Method value: not found in class Block1"),
        ("self error: 'mine'", "mine"),
        ("Object new subclassResponsibility", "abstract"),
        ("system exit: 1 << 70", "Can't represent as signed machine integer."),
    ];
    let mut guest = Guest::new();
    for (code, part) in cases {
        let message = guest.error(code).message;
        assert!(message.contains(part), "{code}: {message}");
    }
    guest.assert_usable();
}

#[test]
fn kinds_tell_the_programs_errors_from_the_machines() {
    let mut guest = Guest::new();
    assert_eq!(guest.error("self error: 'x'").kind, ErrorKind::User);
    assert_eq!(guest.error("1 / 0").kind, ErrorKind::Primitive);
}

#[test]
fn a_class_that_is_wrong_is_an_error_where_it_is_first_used() {
    let directory = crate::support::Directory::new("wrong-at-run-time");
    directory.write("Broken.som", "Broken = ( a = ( ^ ");
    let class_path = vec![directory.path().to_path_buf()];
    let mut guest = Guest::with(som::Config { class_path, ..crate::support::config() });
    let error = guest.error("Broken new");
    assert_eq!(error.kind, ErrorKind::Load);
    assert!(error.message.contains("Broken.som', line 1"), "{}", error.message);
    guest.assert_usable();
}

#[test]
fn a_block_that_outlives_its_method_asks_its_receiver() {
    let makers =
        ["Plain = ( block = ( ^ [ ^ 1 ] ) )", "Tolerant = ( block = ( ^ [ ^ 1 ] ) escapedBlock: b = ( ^ #escaped ) )"];
    let mut guest = Guest::of(&makers);
    assert!(guest.error("Plain new block value").message.contains("escaped"));
    assert_eq!(guest.shown("Tolerant new block value"), "#escaped");
}

#[test]
fn hooks_of_a_class_replace_the_error() {
    let hooks = "Hooks = (
        doesNotUnderstand: selector arguments: arguments = ( ^ arguments at: arguments length )
        unknownGlobal: name = ( ^ name )
        global = ( ^ Unheard )
        inBlock = ( ^ [ Unheard ] value )
    )";
    let mut guest = Guest::of(&[hooks]);
    assert_eq!(guest.shown("Hooks new foo: 1 bar: 2"), "2");
    assert_eq!(guest.shown("Hooks new + 3"), "3");
    assert_eq!(guest.shown("Hooks new global"), "#Unheard");
    assert_eq!(guest.shown("Hooks new inBlock"), "#Unheard");
}

/// After an error no method is active any more, however deep the stack was; the blocks that got away know it.
#[test]
fn a_block_that_outlives_an_error_has_escaped() {
    let keeper = "Keeper = (
        keep = ( system global: #kept put: [ ^ 1 ]. ^ 1 / 0 )
        deep: n = ( n = 0 ifTrue: [ ^ self keep ]. ^ (self deep: n - 1) + 0 )
        exit = ( system global: #kept put: [ ^ 1 ]. system exit: 3 )
        escapedBlock: block = ( ^ #escaped )
        call: n = ( n = 0 ifTrue: [ ^ kept value ]. ^ self call: n - 1 )
    )";
    for code in ["Keeper new keep", "Keeper new deep: 10", "Keeper new exit", "self foo: (Keeper new deep: 3)"] {
        let mut guest = Guest::of(&[keeper]);
        assert!(guest.vm.evaluate("test", code).is_err());
        assert_eq!(guest.shown("kept value"), "#escaped", "{code}");
        assert_eq!(guest.shown("Keeper new call: 20"), "#escaped", "{code}");
        guest.assert_usable();
    }
}

#[test]
fn a_block_of_a_snippet_has_escaped_when_the_snippet_is_done() {
    let mut guest = Guest::new();
    guest.value("system global: #kept put: [ ^ 1 ]");
    assert!(guest.error("kept value. 2").message.contains("escaped"));
    guest.error("system global: #kept put: [ ^ 1 ]. 1 / 0");
    assert!(guest.error("kept value. 2").message.contains("escaped"));
}

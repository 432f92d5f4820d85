//! A core class on the class path that differs from the embedded one: what it says, counts.

use crate::support::{Directory, Guest, config};

/// A VM whose class path holds the core class `class` with one method more, or an existing one replaced.
fn with_core_class(test: &str, class: &str, change: impl Fn(&str) -> String) -> Guest {
    let directory = Directory::new(test);
    let original = som::core_library::source(class).expect("a core class");
    let changed = change(original);
    assert_ne!(changed, original);
    directory.write(&format!("{class}.som"), &changed);
    // Core classes are loaded at once, so the files may go afterwards.
    Guest::with(som::Config { class_path: vec![directory.path().to_path_buf()], ..config() })
}

/// Puts a method behind the opening of the class.
fn adding(method: &'static str) -> impl Fn(&str) -> String {
    move |text| {
        let opening = text.find("= (").or_else(|| text.find("nil (")).or_else(|| text.find(" (")).expect("a class");
        let at = text[opening..].find('(').expect("it opens") + opening + 1;
        format!("{}\n{method}\n{}", &text[..at], &text[at..])
    }
}

/// Gives a method that is a primitive another definition.
fn replacing(selector: &'static str, body: &'static str) -> impl Fn(&str) -> String {
    move |text| {
        let lines = text.lines().map(|line| match line.trim_start().strip_prefix(selector) {
            Some(rest) if rest.trim_start().starts_with('=') => format!("    {selector} = ( {body} )"),
            _ => line.to_string(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn arithmetic_that_the_library_defines_is_used() {
    let mut guest = with_core_class("plus", "Integer", replacing("- number", "^ 1000"));
    assert_eq!(guest.shown("7 - 2"), "1000");
    assert_eq!(guest.shown("| x | x := 7. x - 2"), "1000");
    assert_eq!(guest.shown("7 + 2"), "9");
}

#[test]
fn comparisons_that_the_library_defines_are_used_in_conditions() {
    let mut guest = with_core_class("less", "Integer", replacing("<  number", "^ true"));
    assert_eq!(guest.shown("(3 < 2) ifTrue: [ 1 ] ifFalse: [ 2 ]"), "1");
    assert_eq!(guest.shown("3 < 2"), "true");
}

#[test]
fn element_access_that_the_library_defines_is_used() {
    let mut guest = with_core_class("at", "Array", replacing("at: index", "^ #mine"));
    assert_eq!(guest.shown("#(1 2) at: 7"), "#mine");
}

#[test]
fn negation_that_the_library_defines_is_used() {
    let mut guest = with_core_class("not", "True", replacing("not", "^ #mine"));
    assert_eq!(guest.shown("true not"), "#mine");
}

#[test]
fn a_test_for_nil_that_a_core_class_defines_is_used() {
    let mut guest = with_core_class("is-nil", "Integer", adding("isNil = ( ^ #mine )"));
    assert_eq!(guest.shown("5 isNil"), "#mine");
    assert_eq!(guest.shown("nil isNil"), "true");
}

#[test]
fn a_condition_on_nil_that_a_core_class_defines_is_used() {
    let mut guest = with_core_class("if-nil", "String", adding("ifNil: a ifNotNil: b = ( ^ #mine )"));
    assert_eq!(guest.shown("'x' ifNil: [ 1 ] ifNotNil: [ 2 ]"), "#mine");
}

#[test]
fn identity_that_a_core_class_defines_is_used() {
    let mut guest = with_core_class("identity", "Array", adding("== other = ( ^ #mine )"));
    assert_eq!(guest.shown("#(1) == 3"), "#mine");
}

#[test]
fn a_block_that_lacks_its_arguments_is_an_error_each_time() {
    // Without the library's own idea, `value` of a block that wants arguments is the primitive of all blocks.
    let mut guest = with_core_class("block-arguments", "Block2", |text| {
        text.lines().filter(|line| !line.trim_start().starts_with("value  ")).collect::<Vec<_>>().join("\n")
    });
    guest.load("Caller = ( call: block = ( ^ block value ) )").expect("it loads");
    for _ in 0..3 {
        let error = guest.error("Caller new call: [:x | x println ]");
        assert!(error.message.contains("was given 0"), "{}", error.message);
    }
}

#[test]
fn a_primitive_that_the_vm_does_not_have_is_an_error_when_it_is_used() {
    let mut guest = with_core_class("unknown-primitive", "Integer", adding("fly = primitive"));
    guest.assert_usable();
    guest.error("3 fly");
    guest.assert_usable();
}

#[test]
fn a_class_of_the_same_name_as_a_core_class_loaded_later_is_another_class() {
    let mut guest = Guest::new();
    guest.load("Integer = ( hello = ( ^ 1 ) )").expect("it loads");
    assert_eq!(guest.shown("3 + 4"), "7");
    assert_eq!(guest.shown("Integer new hello"), "1");
}

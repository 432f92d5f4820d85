//! Reflection must not break memory safety: wrong receivers, wrong classes, and instances that cannot be made.
//!
//! Fast paths trust that a method runs on instances of its class, and that instances look as their class says. These tests
//! try to get around that from within the language.

use crate::support::Guest;

/// Values of every representation.
const EVERYTHING: &[&str] = &[
    "nil",
    "true",
    "7",
    "-3",
    "1 << 100",
    "1.5",
    "0.0",
    "2.0 sqrt",
    "'text'",
    "#symbol",
    "#(1 2 3)",
    "[ 1 ]",
    "[:a | a ]",
    "[:a :b | b ]",
    "Object",
    "Object class",
    "Metaclass",
    "Object class class",
    "system",
    "Object new",
    "(Object methods at: 1)",
    "(Block methods at: 1)",
    "Two new",
];

const CLASSES: &[&str] = &[
    "Two = ( | a b | a = ( ^ a ) b = ( ^ b ) a: x = ( a := x ) b: x = ( b := x ) sum = ( ^ a + b ) )",
    "Three = Two ( | c | c = ( ^ c ) c: x = ( c := x ) )",
    "Bare = ( a = ( ^ 1 ) )",
];

fn guest() -> Guest {
    Guest::of(CLASSES)
}

/// Runs a snippet for whatever it does; only the VM's health matters.
fn try_out(guest: &mut Guest, code: &str) {
    let _ = guest.vm.evaluate("test", code);
}

#[test]
fn a_method_is_invoked_on_instances_of_its_class_only() {
    let mut guest = guest();
    for number in 1..=5 {
        for receiver in EVERYTHING.iter().filter(|r| **r != "Two new") {
            let code = format!("(Two methods at: {number}) invokeOn: ({receiver}) with: (Array new: 0)");
            assert!(guest.error(&code).message.contains("no instance of Two"), "{receiver}");
        }
    }
    let code = "(Two methods at: 3) invokeOn: t with: (Array with: 5)";
    assert_eq!(guest.shown(&format!("| t | t := Three new. {code}. t a")), "5");
    let code = "(Two methods at: 3) invokeOn: Two new with: (Array new: 0)";
    assert!(guest.error(code).message.contains("requires 1"));
}

#[test]
fn a_method_found_by_perform_in_superclass_is_that_of_a_superclass() {
    let mut guest = guest();
    assert_eq!(guest.shown("Three new perform: #a inSuperclass: Two"), "nil");
    for code in [
        "Bare new perform: #b inSuperclass: Two",
        "3 perform: #sum inSuperclass: Two",
        "Two new perform: #c inSuperclass: Three",
        "Two new perform: #b: withArguments: #(1) inSuperclass: Three",
        "[ 1 ] perform: #b inSuperclass: Two",
    ] {
        assert!(guest.error(code).message.contains("is no superclass of"), "{code}");
    }
    assert!(guest.error("Two new perform: #a inSuperclass: 3").message.contains("'Class'"));
}

#[test]
fn only_classes_of_ordinary_objects_make_instances_with_new() {
    let mut guest = guest();
    for class in [
        "Integer",
        "Double",
        "Symbol",
        "Block",
        "Block1",
        "Block2",
        "Block3",
        "Method",
        "Primitive",
        "Class",
        "Metaclass",
        "Object class",
        "Metaclass class",
    ] {
        // Some libraries give such classes their own `new`; whatever comes out must be sound.
        try_out(&mut guest, &format!("{class} new println"));
        try_out(&mut guest, &format!("{class} new value"));
        try_out(&mut guest, &format!("({class} new) + 1"));
        try_out(&mut guest, &format!("({class} new) name println"));
        try_out(&mut guest, &format!("({class} new) new println"));
        guest.assert_usable();
    }
    assert!(guest.error("Block1 new").message.contains("can't be instantiated"));
    assert!(guest.error("Metaclass new").message.contains("can't be instantiated"));
}

#[test]
fn fields_by_number_stay_within_the_object() {
    let mut guest = guest();
    assert_eq!(guest.shown("| t | t := Two new. t instVarAt: 2 put: 9. t b"), "9");
    for receiver in EVERYTHING {
        for index in ["0", "-1", "1", "2", "3", "100", "4611686018427387903", "1 << 70", "nil", "'a'"] {
            try_out(&mut guest, &format!("({receiver}) instVarAt: ({index})"));
            try_out(&mut guest, &format!("({receiver}) instVarAt: ({index}) put: 4711"));
        }
        try_out(&mut guest, &format!("({receiver}) instVarNamed: #a"));
        try_out(&mut guest, &format!("({receiver}) objectSize"));
        try_out(&mut guest, &format!("({receiver}) inspect"));
        try_out(&mut guest, &format!("({receiver}) hashcode"));
    }
    assert!(guest.error("Two new instVarAt: 3").message.contains('3'));
    // A class object keeps what the VM stores in it.
    assert_eq!(guest.shown("Two new class name"), "#Two");
    assert_eq!(guest.shown("Object new class name"), "#Object");
    guest.assert_usable();
}

/// Methods that run for very long on purpose, or with the largest receiver.
const ENDLESS: &[&str] =
    &["restart", "to:", "to:do:", "to:by:do:", "downTo:do:", "downTo:by:do:", "timesRepeat:", "raisedTo:", "!"];

#[test]
fn every_method_of_every_core_class_survives_every_receiver_and_odd_arguments() {
    let mut guest = guest();
    let arguments = ["nil", "-5", "#(1)", "Object", "[:a | a ]", "'t'", "1.5", "#size", "1 << 70"];
    for (i, code) in EVERYTHING.iter().chain(&arguments).enumerate() {
        guest.value(&format!("system global: #v{i} put: ({code})"));
    }
    for core in som::classes::Core::ALL {
        for class in [core.name().to_string(), format!("{} class", core.name())] {
            let count = guest.value(&format!("{class} methods length")).to_small().expect("a length");
            for number in 1..=count {
                let method = format!("({class} methods at: {number})");
                let signature = guest.shown(&format!("{method} signature"));
                let selector = signature.trim_start_matches('#');
                if ENDLESS.contains(&selector) {
                    continue;
                }
                let is_operator = !selector.starts_with(char::is_alphabetic);
                let expected = if is_operator { 1 } else { selector.matches(':').count() };
                for receiver in 0..EVERYTHING.len() {
                    let argument = |n: usize| EVERYTHING.len() + (receiver + n + number as usize) % arguments.len();
                    let puts: String = (1..=expected).map(|n| format!("a at: {n} put: v{}. ", argument(n))).collect();
                    let code =
                        format!("| a | a := Array new: {expected}. {puts}{method} invokeOn: v{receiver} with: a");
                    try_out(&mut guest, &code);
                }
                guest.vm.output().take();
            }
        }
    }
    guest.assert_usable();
}

#[test]
fn subclasses_of_special_classes_keep_their_representation() {
    let mut guest = guest();
    for class in [
        "Table = Array ( | extra | )",
        "Text = String ( | extra | )",
        "Number = Integer ( | extra | )",
        "Closure = Block ( | extra | )",
        "Closure = Block1 ( | extra | )",
        "Code = Method ( | extra | )",
        "Mark = Symbol ( | extra | )",
        "Real = Double ( | extra | )",
    ] {
        assert!(guest.load(class).is_err(), "{class}");
    }
    for class in [
        "Table = Array ( third = ( ^ self at: 3 ) )",
        "Text = String ( twice = ( ^ self + self ) )",
        "Number = Integer ( succ = ( ^ self + 1 ) )",
        "Closure = Block1 ( twice = ( self value. ^ self value ) )",
        "Code = Method ( it = ( ^ self signature ) )",
        "Truth = True ( | extra | extra = ( ^ extra ) extra: x = ( extra := x ) )",
        "Nothing = Nil ( | extra | extra: x = ( extra := x ) extra = ( ^ extra ) )",
        "Kind = Class ( | extra | )",
    ] {
        if let Err(e) = guest.load(class) {
            panic!("{class}: {e}");
        }
    }
    assert_eq!(guest.shown("| t | t := Table new: 4. t at: 3 put: 8. t third"), "8");
    assert_eq!(guest.shown("(Table new: 2) class name"), "#Table");
    assert_eq!(guest.shown("(Truth new extra: 3) extra"), "3");
    assert_eq!(guest.shown("(Nothing new extra: 3) extra"), "3");
    for class in ["Number", "Closure", "Code", "Kind"] {
        assert!(guest.error(&format!("{class} new")).message.contains("can't be instantiated"), "{class}");
    }
    try_out(&mut guest, "Text new twice println");
    guest.assert_usable();
}

#[test]
fn selectors_and_argument_counts_of_perform_are_checked() {
    let mut guest = guest();
    for code in [
        "3 perform: #+",
        "3 perform: #+ withArguments: #(1 2)",
        "3 perform: #foo withArguments: 7",
        "3 perform: nil",
        "3 perform: 'asString' withArguments: nil",
        "3 perform: #+ withArguments: (Array new: 60000)",
        "3 perform: #unheard withArguments: (Array new: 100000)",
    ] {
        guest.error(code);
    }
    assert_eq!(guest.shown("3 perform: #+ withArguments: #(4)"), "7");
    assert_eq!(guest.shown("3 perform: #perform:withArguments: withArguments: #(#+ #(5))"), "8");
    assert_eq!(guest.shown("[:a | a * 2] perform: #value: withArguments: #(6)"), "12");
    guest.assert_usable();
}

#[test]
fn methods_tell_their_signature_and_holder_in_order_of_declaration() {
    let mut guest = guest();
    assert_eq!(guest.shown("(Two methods at: 3) signature"), "#a:");
    assert_eq!(guest.shown("(Three methods at: 1) holder"), "Three");
    assert_eq!(guest.shown("Three fields length"), "3");
    assert_eq!(guest.shown("Three fields at: 3"), "#c");
    assert_eq!(guest.shown("Object superclass"), "nil");
    assert_eq!(guest.shown("Three superclass superclass"), "Object");
    assert_eq!(guest.shown("Three class class"), "Metaclass");
    assert_eq!(guest.shown("Object class superclass"), "Class");
    assert_eq!(guest.shown("Metaclass class class"), "Metaclass");
}

//! Several VMs, output, and the ways to run code.

use som::errors::{LoadError, Unwind};
use som::vm::EvalError;

use crate::support::{Directory, Guest, config};

const GREETER: &str = "Greeter = (
    run: arguments = ( arguments do: [:each | each println]. ^ arguments length )
)";

#[test]
fn vms_share_neither_globals_nor_classes() {
    let mut one = Guest::of(&[GREETER]);
    let mut two = Guest::new();
    one.value("system global: #shared put: 1");
    two.value("system global: #shared put: 2");
    assert_eq!(one.shown("shared"), "1");
    assert_eq!(two.shown("shared"), "2");
    assert_eq!(two.shown("system hasGlobal: #Greeter"), "false");
    drop(one);
    two.assert_usable();
}

#[test]
fn vms_run_on_threads_side_by_side() {
    let threads: Vec<_> = (1..=4)
        .map(|n| {
            std::thread::spawn(move || {
                let mut guest = Guest::new();
                guest.shown(&format!("| sum | sum := 0. 1 to: {n}000 do: [:i | sum := sum + i]. sum"))
            })
        })
        .collect();
    let sums: Vec<_> = threads.into_iter().map(|t| t.join().expect("no VM panics")).collect();
    assert_eq!(sums, ["500500", "2001000", "4501500", "8002000"]);
}

#[test]
fn captured_output_keeps_the_streams_apart_and_is_taken_once() {
    let mut guest = Guest::new();
    guest.value("'out' println. system errorPrintln: 'err'. 'more' print");
    assert_eq!(guest.vm.output().take(), ("out\nmore".into(), "err\n".into()));
    assert_eq!(guest.vm.output().take(), (String::new(), String::new()));
}

#[test]
fn run_program_passes_the_class_name_first() {
    let mut guest = Guest::of(&[GREETER]);
    let arguments = ["a".to_string(), "b c".to_string(), "ü".to_string()];
    let value = guest.vm.run_program("Greeter", &arguments).expect("it runs");
    assert_eq!(value.to_small(), Some(4));
    assert_eq!(guest.vm.output().take().0, "Greeter\na\nb c\nü\n");
}

#[test]
fn run_program_falls_back_to_run_without_arguments() {
    let mut guest = Guest::of(&["Plain = ( run = ( ^ 42 ) )"]);
    assert_eq!(guest.vm.run_program("Plain", &[]).expect("it runs").to_small(), Some(42));
}

#[test]
fn send_takes_the_receiver_and_arguments_of_the_host() {
    let mut guest = Guest::new();
    let (six, seven) = (guest.value("6"), guest.value("7"));
    let product = guest.vm.send_named(six, "*", &[seven]).expect("integers multiply");
    assert_eq!(product.to_small(), Some(42));
    let text = guest.vm.send_named(product, "asString", &[]).expect("integers have a text");
    assert_eq!(guest.vm.text_of(text), Some("42"));
}

#[test]
fn send_with_the_wrong_number_of_arguments_is_an_error() {
    let mut guest = Guest::new();
    let six = guest.value("6");
    assert!(matches!(guest.vm.send_named(six, "+", &[]), Err(Unwind::Error(_))));
    assert!(matches!(guest.vm.send_named(six, "noSuchMessage", &[]), Err(Unwind::Error(_))));
    guest.assert_usable();
}

#[test]
fn a_snippet_has_the_value_of_its_last_expression_and_self_is_nil() {
    let mut guest = Guest::new();
    assert_eq!(guest.shown("1. 2. 3"), "3");
    assert_eq!(guest.shown("self"), "nil");
    assert_eq!(guest.shown("^ 5"), "5");
    assert_eq!(guest.shown(""), "nil");
    assert_eq!(guest.shown("#(1 2 3) do: [:each | each = 2 ifTrue: [ ^ each ]]. 9"), "2");
}

#[test]
fn exit_codes_reach_the_host_from_any_depth() {
    let mut guest = Guest::new();
    for (code, expected) in
        [("system exit: 3", 3), ("system exit", 0), ("#(1) do: [:each | [ system exit: -7 ] value]", -7)]
    {
        match guest.vm.evaluate("test", code) {
            Err(EvalError::Unwind(Unwind::Exit(code))) => assert_eq!(code, expected),
            other => panic!("{code}: {other:?}"),
        }
    }
    guest.assert_usable();
}

#[test]
fn globals_that_the_host_sets_are_seen_and_the_other_way_round() {
    let mut guest = Guest::new();
    let value = guest.value("#(7 8)");
    guest.vm.set_named_global("given", value).expect("there is memory");
    assert_eq!(guest.shown("given at: 2"), "8");
    guest.value("system global: #made put: 11");
    let name = guest.vm.intern("made").expect("there is memory");
    assert_eq!(guest.vm.global(name).and_then(|v| v.to_small()), Some(11));
}

#[test]
fn undeclared_variables_of_a_snippet_are_globals_that_stay() {
    let mut guest = Guest::new();
    guest.value("kept := 3. #(1 2) do: [:each | kept := kept + each ]");
    assert_eq!(guest.shown("kept * 2"), "12");
    assert_eq!(guest.shown("| kept | kept := 1. kept"), "1");
    assert_eq!(guest.shown("kept"), "6");
}

#[test]
fn snippets_that_are_wrong_say_so_without_running() {
    let mut guest = Guest::new();
    for code in ["1 +", "nil := 3. 'ran' println", "self := 3", "[:a :b :c | ]", ")"] {
        assert!(matches!(guest.vm.evaluate("test", code), Err(EvalError::Source(_))), "{code}");
    }
    assert_eq!(guest.vm.output().take().0, "");
    guest.assert_usable();
}

#[test]
fn classes_come_from_the_class_path_in_its_order() {
    let (first, second) = (Directory::new("path-first"), Directory::new("path-second"));
    first.write("Here.som", "Here = ( where = ( ^ #first ) )");
    second.write("Here.som", "Here = ( where = ( ^ #second ) )");
    second.write("Only.som", "Only = Here ( )");
    let class_path = vec![first.path().to_path_buf(), second.path().to_path_buf()];
    let mut guest = Guest::with(som::Config { class_path, ..config() });
    assert_eq!(guest.shown("Only new where"), "#first");
}

#[test]
fn loading_reports_what_is_wrong() {
    let directory = Directory::new("wrong-classes");
    directory.write("Syntax.som", "Syntax = ( a = ( ^ ) b = ( ] ) )");
    directory.write("Named.som", "Other = ( )");
    directory.write("Orphan.som", "Orphan = Missing ( )");
    directory.write("Ping.som", "Ping = Pong ( )");
    directory.write("Pong.som", "Pong = Ping ( )");
    directory.write("Own.som", "Own = Own ( )");
    directory.write("Assigns.som", "Assigns = ( a = ( b := 1 ) c = ( d := 1 ) )");
    directory.write("Empty.som", "");
    let mut guest = Guest::with(som::Config { class_path: vec![directory.path().to_path_buf()], ..config() });
    let mut message = |class: &str| guest.vm.class_named(class).expect_err("it is wrong").to_string();
    assert!(message("Syntax").contains("Syntax.som', line 1, column 20"));
    assert!(message("Named").contains("should define class 'Named', but it defines 'Other'"));
    assert!(message("Orphan").contains("There is no class 'Missing' on the class path to inherit from"));
    assert!(message("Ping").contains("inherits from itself"));
    assert!(message("Own").contains("can't inherit from itself"));
    let both = message("Assigns");
    assert!(both.contains("No such field 'b'") && both.contains("No such field 'd'"), "{both}");
    assert!(message("Empty").contains("line 1, column 1"));
    assert!(matches!(guest.vm.class_named("Absent"), Err(LoadError::NotFound(_))));
    assert!(matches!(guest.vm.class_named("../Absent"), Err(LoadError::NotFound(_))));
    guest.assert_usable();
}

#[test]
fn a_class_that_failed_to_load_can_be_mended() {
    let directory = Directory::new("mended");
    directory.write("Late.som", "Late = ( a = ( b := 1 ) )");
    let mut guest = Guest::with(som::Config { class_path: vec![directory.path().to_path_buf()], ..config() });
    assert!(guest.vm.class_named("Late").is_err());
    directory.write("Late.som", "Late = ( a = ( ^ 8 ) )");
    assert_eq!(guest.shown("Late new a"), "8");
}

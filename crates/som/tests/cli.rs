//! The `som` program: its options, exit codes, and what goes to which stream.

mod program;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use program::{Directory, Run};

const HELLO: (&str, &str) = ("Hello.som", "Hello = ( run = ( 'Hello' println ) )");
const ECHO: (&str, &str) = (
    "Echo.som",
    "Echo = ( run: arguments = ( arguments do: [:each | each println ]. system exit: arguments length ) )",
);
const FAILS: (&str, &str) = (
    "Fails.som",
    "Fails = (
    run = (
        'before' println.
        self deeper
    )
    deeper = ( ^ 1 / 0 )
)",
);
const SHOWN: (&str, &str) = ("Shown.som", "Shown = ( field = ( ^ 7 ) add: n = ( ^ n + 1 ) ---- side = ( ^ 8 ) )");

// ---- running programs ----

#[test]
fn a_file_runs_with_its_arguments_the_class_name_first() {
    let here = Directory::of("file", &[HELLO, ECHO]);
    here.som(&["Hello.som"]).assert(0, "Hello\n", "");
    here.som(&["./Echo.som", "a", "--help", "-e", "-cp", "ü x"]).assert(6, "Echo\na\n--help\n-e\n-cp\nü x\n", "");
}

#[test]
fn a_file_in_another_directory_finds_its_neighbours() {
    let here = Directory::of(
        "neighbours",
        &[
            ("sub/Main.som", "Main = ( run = ( Other new hello println ) )"),
            ("sub/Other.som", "Other = ( hello = ( ^ #hi ) )"),
        ],
    );
    here.som(&["sub/Main.som"]).assert(0, "#hi\n", "");
    let absolute = here.path().join("sub/Main.som");
    here.som(&[absolute.to_str().expect("it is text")]).assert(0, "#hi\n", "");
}

#[test]
fn a_class_by_name_is_looked_for_on_the_class_path() {
    let here = Directory::of("by-name", &[("a/Hello.som", HELLO.1), ("b/Echo.som", ECHO.1)]);
    for option in ["-cp", "-c", "--cp", "--class-path"] {
        here.som(&[option, "a:b", "Hello"]).assert(0, "Hello\n", "");
    }
    here.som(&["-cp", "a:b", "Echo", "x"]).assert(2, "Echo\nx\n", "");
    here.som(&["-cp", "::a:", "Hello"]).assert(0, "Hello\n", "");
    here.som(&["Hello"]).assert(3, "", "There is no class 'Hello' on the class path.\n");
}

#[test]
fn the_core_library_needs_no_class_path_and_can_be_overridden() {
    let here = Directory::of("override", &[("Pair.som", "Pair = ( run = ( 'mine' println ) )")]);
    here.som(&["-e", "Pair new class name"]).assert(0, "#Pair\n", "");
    here.som(&["-cp", ".", "Pair"]).assert(0, "mine\n", "");
}

// ---- -e ----

#[test]
fn an_expression_prints_its_value_unless_that_is_nil() {
    let here = Directory::new("expression");
    here.som(&["-e", "3 + 4"]).assert(0, "7\n", "");
    here.som(&["-e", "'text'"]).assert(0, "'text'\n", "");
    here.som(&["--evaluate", "#symbol"]).assert(0, "#symbol\n", "");
    here.som(&["-e", "nil"]).assert(0, "", "");
    here.som(&["-e", "Object new"]).assert(0, "instance of Object\n", "");
    here.som(&["-e", "| x | x := 1 << 70. x - x"]).assert(0, "0\n", "");
}

#[test]
fn an_expression_that_is_wrong_shows_where() {
    let here = Directory::new("wrong-expression");
    let run = here.som(&["-e", "3 + "]);
    run.assert(
        3,
        "",
        "File '-e', line 1, column 5:\n  3 + \n      ^\nExpected an expression, found the end of the input\n",
    );
    here.som(&["-e", "self := 3"]).assert_error(3, "", &["line 1, column 1", "'self'"]);
}

#[test]
fn an_object_whose_text_is_no_string_is_shown_by_its_class() {
    let here = Directory::of("odd-text", &[("Odd.som", "Odd = ( asString = ( ^ 3 ) )")]);
    here.som(&["-cp", ".", "-e", "Odd new"]).assert(0, "instance of Odd\n", "");
}

// ---- errors and exit codes ----

#[test]
fn exit_codes_are_the_low_byte_of_what_the_program_says() {
    let here = Directory::new("exit");
    for (code, expected) in [("0", 0), ("1", 1), ("42", 42), ("255", 255), ("256", 0), ("-1", 255)] {
        let run = here.som(&["-e", &format!("'x' print. system exit: {code}")]);
        run.assert(expected, "x", "");
    }
}

#[test]
fn an_error_of_the_machine_goes_to_standard_error_with_its_trace() {
    let here = Directory::of("machine-error", &[FAILS]);
    let run = here.som(&["Fails.som"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), "before\n"));
    assert!(run.err.starts_with("Traceback (most recent call at bottom):\n"), "{}", run.err);
    assert!(
        run.err.ends_with(
            "  File './Fails.som', line 4, column 9, in Fails>>run\n            self deeper\n  \
             File './Fails.som', line 6, column 18, in Fails>>deeper\n        deeper = ( ^ 1 / 0 )\n\
             Division by zero.\n"
        ),
        "{}",
        run.err
    );
}

#[test]
fn an_error_of_the_program_goes_to_standard_output_with_the_trace_on_standard_error() {
    let here = Directory::new("program-error");
    here.som(&["-e", "self error: 'mine'"]).assert_error(1, "\nERROR: mine\n", &["Traceback", "line 1, column 1"]);
}

#[test]
fn output_and_errors_come_in_the_order_of_the_program() {
    let here = Directory::of("order", &[HELLO]);
    let both = std::fs::File::create(here.path().join("both")).expect("writable");
    let code = "'1' println. system errorPrintln: '2'. '3' print. system errorPrint: '4'. '5' println. 1 / 0";
    let mut command = here.command(&["-e", code]);
    command.stdout(both.try_clone().expect("a file can be shared")).stderr(both);
    assert_eq!(command.status().expect("it starts").code(), Some(1));
    let text = std::fs::read_to_string(here.path().join("both")).expect("it was written");
    assert!(text.starts_with("1\n2\n345\nTraceback"), "{text}");
}

#[test]
fn a_class_that_cannot_be_loaded_is_exit_code_3() {
    let here = Directory::of(
        "load",
        &[("Empty.som", ""), ("Two.som", "Two = ( a = ( ^ ) b = ( ] ) )"), ("Named.som", HELLO.1)],
    );
    here.write("Bytes.som", b"Bytes = ( a = ( '\xff' ) )");
    std::fs::create_dir(here.path().join("Dir.som")).expect("writable");
    here.som(&["Missing.som"]).assert_error(3, "", &["Missing"]);
    here.som(&["no/such/Missing.som"]).assert_error(3, "", &["Missing"]);
    here.som(&["Dir.som"]).assert_error(3, "", &["Dir"]);
    here.som(&["Empty.som"]).assert_error(3, "", &["Empty.som', line 1, column 1", "Expected a class's name"]);
    here.som(&["Bytes.som"]).assert_error(3, "", &["Bytes.som', line 1, column 18", "not UTF-8"]);
    here.som(&["Named.som"]).assert_error(3, "", &["Named.som', line 1, column 1", "'Named'", "'Hello'"]);
    // Several mistakes are reported in one run.
    here.som(&["Two.som"]).assert_error(3, "", &["line 1, column 17", "line 1, column 25"]);
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let here = Directory::of("command-line", &[SHOWN]);
    for arguments in [
        &["--no-such-option"][..],
        &["-cp"],
        &["-e"],
        &["--heap-size"],
        &["--heap-size", "much", "-e", "1"],
        &["--stack-size", "-1", "-e", "1"],
        &["--stack-size", "99999999999G", "-e", "1"],
        &["--disassemble"],
        &["--disassemble", "Object>>noSuchMethod"],
    ] {
        let run = here.som(arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments:?}: {}", run.err);
        assert!(!run.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn source_nested_to_any_depth_is_refused_without_harm() {
    let here = Directory::new("nested");
    for (open, close) in [("(", ")"), ("[", "]"), ("#(", ")")] {
        let text = format!("Deep = ( run = ( {}1{} ) )", open.repeat(200_000), close.repeat(200_000));
        here.write("Deep.som", text.as_bytes());
        let run = here.som(&["Deep.som"]);
        assert_eq!(run.code, Some(3), "{open}: {}", run.err.chars().take(300).collect::<String>());
    }
}

#[test]
fn long_chains_of_sends_compile_or_are_refused() {
    let here = Directory::new("long");
    for (name, body) in [
        ("unary", format!("^ 1{}", " abs".repeat(30_000))),
        ("binary", format!("^ 1{}", " + 1".repeat(30_000))),
        ("statements", "1 foo. ".repeat(70_000)),
        ("assignments", format!("| x | {} 1", "x := ".repeat(30_000))),
        ("returns", format!("{} 1", "^ ".repeat(30_000))),
        ("literals", (0..70_000).map(|i| format!("'{i}' . ")).collect()),
    ] {
        here.write("Long.som", format!("Long = ( run = ( 'x' foo: [:b | {body} ]. {body} ) )").as_bytes());
        let run = here.som(&["Long.som"]);
        assert!(
            matches!(run.code, Some(0 | 1 | 3)),
            "{name}: {:?} {}",
            run.code,
            &run.err[run.err.len().saturating_sub(300)..]
        );
    }
}

// ---- options ----

#[test]
fn parse_only_checks_the_syntax_of_all_files_and_runs_nothing() {
    let here = Directory::of("parse-only", &[HELLO, ECHO, ("Bad.som", "Bad = ( ]"), ("Worse.som", "")]);
    here.som(&["--parse-only", "Hello.som", "Echo.som"]).assert(0, "", "");
    let run = here.som(&["--parse-only", "Bad.som", "Hello.som", "Missing.som", "Worse.som"]);
    run.assert_error(3, "", &["Bad.som', line 1", "Can't read 'Missing.som'", "Worse.som', line 1"]);
}

const SHOWN_ADD: &str = "Shown>>add:\n  1 arguments, 0 locals, 9 registers\n     0 AddImm             r2 <- r1, 1\n     1 Return             r2\n\n";
const SHOWN_FIELD: &str = "Shown>>field\n  returns 7\n\n";
const SHOWN_SIDE: &str = "Shown class>>side\n  returns 8\n\n";

#[test]
fn disassembly_of_a_class_shows_both_sides() {
    let here = Directory::of("disassemble-class", &[SHOWN]);
    let all = format!("{SHOWN_FIELD}{SHOWN_ADD}{SHOWN_SIDE}");
    here.som(&["--disassemble", "Shown.som"]).assert(0, &all, "");
    here.som(&["-cp", ".", "--disassemble", "Shown"]).assert(0, &all, "");
}

#[test]
fn disassembly_of_a_method_names_class_or_class_side() {
    let here = Directory::of("disassemble-method", &[SHOWN]);
    here.som(&["--disassemble", "Shown>>add:", "Shown.som"]).assert(0, SHOWN_ADD, "");
    here.som(&["-cp", ".", "--disassemble", "Shown>>add:"]).assert(0, SHOWN_ADD, "");
    here.som(&["--disassemble", "Shown class>>side", "Shown.som"]).assert(0, SHOWN_SIDE, "");
    here.som(&["--disassemble", "Shown>>side", "Shown.som"]).assert_error(2, "", &["no method Shown>>side"]);
    here.som(&["--disassemble", "Missing>>side"]).assert_error(3, "", &["no class 'Missing'"]);
}

#[test]
fn the_heap_size_limits_objects() {
    let here = Directory::new("heap-size");
    let code = "(Array new: 2000000) length";
    here.som(&["--heap-size", "8M", "-e", code]).assert_error(1, "", &["Out of memory", "--heap-size"]);
    here.som(&["--heap-size", "64M", "-e", code]).assert(0, "2000000\n", "");
    here.som(&["--heap-size", "1K", "-e", "1"]).assert_error(3, "", &["Out of memory"]);
}

#[test]
fn the_stack_size_limits_recursion() {
    let down =
        "Down = ( run = ( (self down: 20000) println ) down: n = ( n = 0 ifTrue: [ ^ 0 ]. ^ 1 + (self down: n - 1) ) )";
    let here = Directory::of("stack-size", &[("Down.som", down)]);
    here.som(&["Down.som"]).assert(0, "20000\n", "");
    here.som(&["--stack-size", "128k", "Down.som"]).assert_error(
        1,
        "",
        &["Stack overflow", "--stack-size", "calls left out"],
    );
    here.som(&["--stack-size", "32MB", "Down.som"]).assert(0, "20000\n", "");
}

/// The memory for code is got when compiling begins.
#[test]
#[cfg(target_os = "linux")]
fn without_memory_for_code_programs_are_interpreted() {
    let count = "Count = ( run = ( | sum | sum := 0. 1 to: 5000 do: [ :i | sum := sum + i ]. sum println ) )";
    let here = Directory::of("no-code-memory", &[("Count.som", count)]);
    let arguments = ["--jit", "budget=0,code_limit=1073741824", "--jit-stats", "Count.som"];
    here.som(&arguments).assert_error(0, "12502500\n", &["units"]);
    let limited = format!("ulimit -v 1200000; exec {} \"$@\"", env!("CARGO_BIN_EXE_som"));
    let mut command = Command::new("sh");
    command.current_dir(here.path()).args(["-c", &limited, "sh"]).args(arguments);
    Run::from(command.output().expect("there is a shell")).assert(0, "12502500\n", "");
}

#[test]
fn verbose_tells_on_standard_error_only() {
    let here = Directory::of("verbose", &[HELLO]);
    here.som(&["-v", "Hello.som"]).assert_error(0, "Hello\n", &["ready after", "running Hello", "done after"]);
}

#[test]
fn help_and_version_go_to_standard_output() {
    let here = Directory::new("help");
    for option in ["--help", "-h"] {
        let run = here.som(&[option]);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
        for part in ["Usage: som", "--class-path", "--evaluate", "--disassemble", "--heap-size"] {
            assert!(run.out.contains(part), "{part} is not in {}", run.out);
        }
    }
    here.som(&["--version"]).assert(0, concat!("som ", env!("CARGO_PKG_VERSION"), "\n"), "");
}

// ---- streams ----

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let here = Directory::of("pipe", &[("Many.som", "Many = ( run = ( 1 to: 50000 do: [:i | i println ] ) )")]);
    let mut child =
        here.command(&["Many.som"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    // The pipe is closed when the reader goes, after the first line.
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it prints");
    let run = Run::from(child.wait_with_output().expect("it ends"));
    assert_eq!((line.as_str(), run.err.as_str()), ("1\n", ""));
    assert!(run.code.is_some(), "it was not killed by a signal");
}

//! The interactive session without a person: input from a pipe is evaluated as a whole.

mod program;

use program::Directory;

#[test]
fn the_value_of_the_last_statement_is_printed() {
    let here = Directory::new("value");
    here.piped(&[], b"3 + 4").assert(0, "7\n", "");
    here.piped(&[], b"| a |\na := 'x'.\na + 'y'\n").assert(0, "'xy'\n", "");
    here.piped(&[], b"'printed' println. nil").assert(0, "printed\n", "");
}

#[test]
fn nothing_or_only_comments_is_a_session_that_does_nothing() {
    let here = Directory::new("nothing");
    here.piped(&[], b"").assert(0, "", "");
    here.piped(&[], b"\n\n  \"just a remark\" \n").assert(0, "", "");
}

#[test]
fn a_failure_is_the_exit_code() {
    let here = Directory::new("failure");
    here.piped(&[], b"1 / 0").assert_error(
        1,
        "",
        &["Traceback", "File 'input', line 1, column 1", "Division by zero."],
    );
    here.piped(&[], b"3 +").assert_error(1, "", &["File 'input', line 1, column 4", "Expected an expression"]);
    here.piped(&[], b"'out' println. self error: 'no'").assert_error(1, "out\n\nERROR: no\n", &["Traceback"]);
}

#[test]
fn variables_need_no_declaration() {
    Directory::new("variables").piped(&[], b"a := 5. [ b := a + 1 ] value. a + b").assert(0, "11\n", "");
}

#[test]
fn exit_ends_the_session_with_its_code() {
    Directory::new("exit").piped(&[], b"'x' print. system exit: 9. 'y' print").assert(9, "x", "");
}

#[test]
fn the_class_path_serves_the_session() {
    let here = Directory::of("class-path", &[("lib/There.som", "There = ( it = ( ^ 5 ) )")]);
    here.piped(&["-cp", "lib"], b"There new it").assert(0, "5\n", "");
    here.piped(&[], b"There new it").assert_error(1, "\nERROR: Tried loading 'There' as a class, but failed.\n", &[]);
}

#[test]
fn input_that_is_no_text_is_an_error_with_a_place() {
    let here = Directory::new("bytes");
    here.piped(&[], b"3. \xff").assert_error(1, "", &["line 1, column 4"]);
    here.piped(&[], b"\0").assert_error(1, "", &["line 1, column 1"]);
}

#[test]
fn standard_input_is_left_alone_when_a_program_is_given() {
    let here = Directory::of("given", &[("Hello.som", "Hello = ( run = ( 'Hello' println ) )")]);
    here.piped(&["Hello.som"], b"1 / 0").assert(0, "Hello\n", "");
    here.piped(&["-e", "2"], b"1 / 0").assert(0, "2\n", "");
}

//! The program `tla`: its options, what it prints where, and its exit codes.

use std::path::Path;
use std::process::{Command, Output};

fn tla(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tla"));
    command.current_dir(directory).args(arguments).envs(environment.iter().copied());
    command.env_remove("TAILOR_LOG").output().expect("it can be run")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it is text")
}

#[test]
fn runs_a_program() {
    for (arguments, environment) in [
        (&["--jit", "tier1=off,budget=0,threshold=1", "--jit-stats", "sum.tla", "100"][..], &[][..]),
        (&["--jit", "off", "sum.tla", "100"], &[]),
        (&["sum.tla", "100"], &[("TAILOR_EXEC", "jitcode")]),
    ] {
        let output = tla(arguments, environment);
        assert_eq!((text(&output.stdout), output.status.code()), ("4950\n", Some(0)), "{arguments:?}");
        let stats = text(&output.stderr).contains("units                 1");
        assert_eq!(stats, arguments.contains(&"--jit-stats"), "{}", text(&output.stderr));
    }
}

#[test]
fn shows_threaded_code() {
    for (form, line) in [
        ("trace", "  cut_here return(depth 2), go on at"),
        ("classic", ": if jump_if(depth 2) goto "),
        ("direct", ": call call(depth 2, @5)"),
    ] {
        let output = tla(&["--show", form, "fib.tla"], &[]);
        let listing = text(&output.stdout);
        assert!(listing.starts_with("main:\n") && listing.contains("\nfib:\n") && listing.contains(line), "{listing}");
    }
}

#[test]
fn says_what_is_wrong() {
    for (arguments, environment, code, complaint) in [
        (&["none.tla"][..], &[][..], 2, "tla: none.tla can't be read: "),
        (&["sum.tla"], &[], 1, "tla: sum.tla: main has 1 parameters, and 0 arguments were given; pass them behind"),
        (&["zero.tla", "3"], &[], 1, "tla: zero.tla: line 13: division by zero; test the divisor before"),
        (&["sum.tla", "3"], &[("TAILOR_EXEC", "x")], 2, "tla: TAILOR_EXEC: there is no reading 'x'; use 'native'"),
        (&["--jit", "x", "sum.tla"], &[], 2, "error: invalid value 'x' for '--jit"),
    ] {
        let output = tla(arguments, environment);
        assert!(text(&output.stderr).starts_with(complaint), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
    assert!(text(&tla(&["--help"], &[]).stdout).contains("jump_if LABEL"));
}

//! What users of the `som` program see of the collector: its limit, its statistics, its modes for testing.

mod program;

use program::{Directory, Run};

/// Keeps all it makes, in a method of its own that a stack trace can name.
const HOARDER: (&str, &str) = (
    "Hoarder.som",
    "Hoarder = (
    run  = ( 'before' println. self keep. 'never' println )
    keep = ( | list | [ true ] whileTrue: [ list := Pair withKey: list andValue: (Array new: 10) ] )
)",
);

/// Makes 10,000 arrays, and keeps some.
const MAKER: (&str, &str) = (
    "Maker.som",
    "Maker = ( run = ( | kept | kept := Array new: 10.
        1 to: 10000 do: [ :i | kept at: i % 10 + 1 put: (Array with: i) ]. ((kept at: 1) at: 1) println ) )",
);

fn with_modes(here: &Directory, modes: &str, arguments: &[&str]) -> Run {
    let mut command = here.command(arguments);
    command.env("TAILOR_GC", modes);
    Run::from(command.output().expect("the program starts"))
}

/// The number of collections that `--gc-stats` reports, and how many of them were full.
fn collections(run: &Run) -> (u64, u64) {
    let line = run.err.lines().find(|line| line.starts_with("collections:")).expect("a line about collections");
    let mut numbers = line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok());
    (numbers.next().expect("all"), numbers.next().expect("full ones"))
}

#[test]
fn memory_that_runs_out_is_an_error_with_the_stack_trace() {
    let here = Directory::of("hoarder", &[HOARDER]);
    let run = here.som(&["--heap-size", "8M", "--gc-stats", "Hoarder.som"]);
    run.assert_error(
        1,
        "before\n",
        &["Traceback", "in Hoarder>>run\n", "in Hoarder>>keep\n", "Out of memory", "--heap-size"],
    );
    assert!(collections(&run).1 > 0, "what could be freed was freed first: {}", run.err);
}

/// Allocation in compiled code cannot fail: it lives on a reserve, until the interpreter, which goes on as soon as may be, raises the error.
#[test]
fn memory_that_runs_out_in_compiled_code_is_an_error_with_the_stack_trace() {
    let here = Directory::of("compiled-hoarder", &[HOARDER]);
    for parameters in [
        "budget=0,tier2_patience=1",
        "tier1=off,budget=0",
        "tier1=off,budget=0,threshold=3,function_threshold=3,trace_eagerness=1",
        "tier1=off,budget=0,threshold=1,passes=-virtuals",
    ] {
        let run = here.som(&["--heap-size", "8M", "--jit", parameters, "--jit-stats", "Hoarder.som"]);
        let trace = ["Traceback", "in Hoarder>>run\n", "in Hoarder>>keep\n", "Out of memory", "--heap-size"];
        run.assert_error(1, "before\n", &trace);
        let units = run.err.lines().find_map(|line| line.strip_prefix("units")).expect("statistics");
        assert!(!units.trim_start().starts_with("0 "), "something was compiled: {}", run.err);
    }
}

#[test]
fn a_request_larger_than_the_heap_is_refused_at_once() {
    let here = Directory::new("large-request");
    let run = here.som(&["--heap-size", "8M", "--gc-stats", "-e", "Array new: 2000000"]);
    run.assert_error(1, "", &["Traceback", "16000016 bytes", "8 MiB"]);
    assert_eq!(collections(&run), (0, 0));
}

#[test]
fn statistics_go_to_standard_error() {
    let here = Directory::of("statistics", &[MAKER]);
    let parts = ["collections:", "longest pause:", "allocated:", "survived nursery:", "pinned:", "heap:"];
    here.som(&["--gc-stats", "Maker.som"]).assert_error(0, "10000\n", &parts);
    let run = here.som(&["--gc-stats", "-e", "system fullGC. system fullGC. 1"]);
    assert_eq!((collections(&run), run.out.as_str()), ((2, 2), "1\n"));
}

#[test]
fn stress_collects_at_every_allocation_or_at_a_sample() {
    let here = Directory::of("stress", &[MAKER]);
    let all = with_modes(&here, "stress,verify", &["--gc-stats", "Maker.som"]);
    all.assert_error(0, "10000\n", &[]);
    assert!((10_000..10_500).contains(&collections(&all).0), "{}", all.err);
    for seed in ["1", "2"] {
        let modes = format!("stress=100,verify=3,seed={seed}");
        let sample = with_modes(&here, &modes, &["--gc-stats", "Maker.som"]);
        sample.assert_error(0, "10000\n", &[]);
        assert!((50..200).contains(&collections(&sample).0), "{}", sample.err);
    }
}

#[test]
fn a_mode_that_does_not_exist_is_refused_with_those_that_do() {
    let here = Directory::new("modes");
    for wrong in ["stres", "stress=0", "verify=often", "stress;verify"] {
        let named = format!("TAILOR_GC: '{wrong}' is no mode");
        with_modes(&here, wrong, &["-e", "1"]).assert_error(2, "", &[&named, "stress=N", "seed=S"]);
    }
    with_modes(&here, "", &["-e", "1"]).assert(0, "1\n", "");
}

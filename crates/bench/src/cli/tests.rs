use clap::CommandFactory;

use super::*;

fn parse(arguments: &[&str]) -> Options {
    Options::try_parse_from([&["bench"], arguments].concat()).unwrap()
}

#[test]
fn the_command_line_is_well_formed() {
    Options::command().debug_assert();
}

#[test]
fn commands_are_split_into_words() {
    let named: Named = "a='b c' d=e".parse().unwrap();
    assert_eq!(named, Named { name: "a".into(), words: vec!["b c".into(), "d=e".into()] });
    assert!("=x".parse::<Named>().is_err());
    assert!("a b=x".parse::<Named>().is_err());
    assert!("a='x".parse::<Named>().is_err());
}

#[test]
fn flags_of_a_variant_may_begin_with_dashes() {
    let options = parse(&["--variant", "small=--heap-size 16m"]);
    assert_eq!(options.variant[0].words, ["--heap-size", "16m"]);
}

#[test]
fn presets_yield_to_explicit_numbers() {
    let options = parse(&["--size", "steady", "--iterations", "7"]);
    assert_eq!((options.invocations(), options.iterations(), options.warmup()), (5, 7, 50));
    assert!(Options::try_parse_from(["bench", "--iterations", "0"]).is_err());
}

#[test]
fn warm_up_is_measured_from_the_first_iteration() {
    let options = parse(&["--measure", "warmup", "--warmup", "7"]);
    assert_eq!((options.invocations(), options.iterations(), options.warmup()), (5, 1000, 0));
    assert_eq!(options.size(), Size::Warmup);
    let benchmark = |name: &str| Benchmark { name: name.into(), inner: 1 };
    assert_eq!(options.all_iterations(&benchmark("Sieve")), [1000]);
    assert_eq!(options.all_iterations(&benchmark("Havlak")), [20]);
    let options = parse(&["--measure", "warmup", "--iterations", "30", "--clock", "cpu"]);
    assert_eq!(options.all_iterations(&benchmark("Havlak")), [1, 2, 5, 10, 20, 30]);
    assert_eq!(checkpoints(1), [1]);
    assert_eq!(checkpoints(1000).last(), Some(&1000));
}

#[test]
fn there_is_a_bar_for_warm_up_only() {
    assert!(parse(&["--measure", "warmup", "--bar", "1.1"]).check().is_ok());
    assert!(parse(&["--load", "x.data", "--bar", "1.1"]).check().is_ok());
    assert!(parse(&["--bar", "1.1"]).check().is_err());
    assert!(Options::try_parse_from(["bench", "--measure", "warmup", "--bar", "0"]).is_err());
}

#[test]
fn a_startup_run_is_one_iteration_of_many_processes() {
    let options = parse(&["--measure", "startup", "--size", "steady"]);
    assert_eq!((options.invocations(), options.iterations(), options.warmup()), (30, 1, 0));
}

//! The programs in `programs/`: what they print, in all ways of running them. Their head comments say what is expected.

mod common;

use common::random::random_program;
use common::{Expected, programs, run};
use tla::assembler::assemble;
use tla::machine::Reading;

/// The JIT at its most eager.
const EAGER: &str = "tier1=off,threshold=1,function_threshold=1,trace_eagerness=1,budget=0,short_unit=0";

#[test]
fn interpreted() {
    for (name, program, Expected { arguments, outcome }) in programs() {
        assert_eq!(run(&program, &arguments, Reading::Native, "off").0, outcome, "{name}");
    }
}

#[test]
fn in_the_second_reading() {
    for (name, program, Expected { arguments, outcome }) in programs() {
        assert_eq!(run(&program, &arguments, Reading::Jitcode, "").0, outcome, "{name}");
    }
}

#[test]
fn compiled() {
    for (name, program, Expected { arguments, outcome }) in programs() {
        for parameters in [EAGER, "tier1=off,threshold=3,function_threshold=2,trace_eagerness=2,budget=0,short_unit=0"]
        {
            for parameters in [parameters.to_owned(), format!("{parameters},fail_guards")] {
                let (found, stats) = run(&program, &arguments, Reading::Native, &parameters);
                assert_eq!(found, outcome, "{name}, {parameters}");
                let units = stats.expect("the JIT is on").units;
                assert!(units > 0, "{name}, {parameters}: nothing was compiled");
            }
        }
    }
}

/// By tier 1 alone, and by both, in all orders.
#[test]
fn threaded() {
    for (name, program, Expected { arguments, outcome }) in programs() {
        for parameters in [
            "budget=0,tier1=on,tier2=off,tier1_threshold=1".to_owned(),
            "budget=0,tier1=on,tier2=off,tier1_threshold=2".to_owned(),
            format!("{EAGER},tier1=on,tier2_patience=1,tier1_threshold=1"),
            "tier1=on,tier2_patience=1,tier1_threshold=1,threshold=3,function_threshold=2,trace_eagerness=2,budget=0,short_unit=0"
                .to_owned(),
            "tier1=on,tier2_patience=1,tier1_threshold=3,threshold=5,function_threshold=5,trace_eagerness=3,budget=0,short_unit=0,seed=4"
                .to_owned(),
        ] {
            let (found, stats) = run(&program, &arguments, Reading::Native, &parameters);
            assert_eq!(found, outcome, "{name}, {parameters}");
            let stats = stats.expect("the JIT is on");
            assert!(stats.pieces > 0 || stats.units > 0, "{name}, {parameters}: nothing was compiled");
            assert!(!parameters.contains("tier2=off") || stats.units == 0, "{name}, {parameters}");
        }
    }
}

/// With the parameters that are the default, but at once: a hot loop stays in compiled code.
#[test]
fn hot_loops_stay_in_compiled_code() {
    let (_, program, _) = programs().into_iter().find(|(name, ..)| name == "sum.tla").expect("it is there");
    let (outcome, stats) = run(&program, &[1_000_000], Reading::Native, "tier1=off,budget=0");
    assert_eq!(outcome, "499999500000\n");
    let stats = stats.expect("the JIT is on");
    assert!(stats.entries <= 2 && stats.exits <= 2, "{stats}");
}

/// The same in all ways. `TLA_SEEDS` says how many, `TLA_SEED` which is the first.
#[test]
fn random_programs() {
    let setting = |name, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (first, count): (u64, u64) = (setting("TLA_SEED", 1), setting("TLA_SEEDS", 100));
    for seed in first..first + count {
        let text = random_program(seed);
        let program = assemble(&text).unwrap_or_else(|mistake| panic!("seed {seed}: {mistake}\n{text}"));
        let expected = run(&program, &[], Reading::Native, "off").0;
        assert_eq!(run(&program, &[], Reading::Jitcode, "").0, expected, "seed {seed}, jitcode\n{text}");
        let varied = |trace_limit| {
            format!(
                "tier1=off,budget=0,short_unit=0,threshold=9,function_threshold=7,trace_eagerness=4,seed={seed},{trace_limit}"
            )
        };
        for parameters in [
            EAGER.to_owned(),
            format!("{EAGER},fail_guards"),
            varied("inline_depth=1"),
            varied("trace_limit=300"),
            "budget=0,tier1=on,tier2=off,tier1_threshold=1".to_owned(),
            varied("tier1=on,tier2_patience=1,tier1_threshold=3"),
        ] {
            assert_eq!(
                run(&program, &[], Reading::Native, &parameters).0,
                expected,
                "seed {seed}, {parameters}\n{text}"
            );
        }
    }
}

//! Random programs for two minutes, half of it by each of two processes: they must behave alike natively, compiled, and in the black hole.
//!
//! They run in the workers of `som-fuzz`, so that a crash or an endless loop is told with its seed. How far it gets
//! depends on the machine, which programs are run does not. The same for an hour, with others:
//! `cargo run --release -p som-generator -- --seconds 3600 --seed 1000000`

use std::process::Command;
use std::thread;

/// What runs at the same time: where each begins.
const SEEDS: [&str; 2] = ["300000", "600000"];

#[test]
fn ways_to_execute_a_program_agree() {
    thread::scope(|scope| {
        for seed in SEEDS {
            scope.spawn(move || {
                let programs = fuzz(seed, "2", "60");
                assert!(programs >= 20, "{programs} programs from {seed} on are too few to show anything");
            });
        }
    });
}

/// Pieces asked once for a unit that something the guest had done since had made invalid.
#[test]
fn pieces_do_not_enter_what_is_invalid() {
    assert!(fuzz("17447", "4", "1") > 0);
}

/// How many programs have been run, in all ways, without a failure.
fn fuzz(seed: &str, size: &str, seconds: &str) -> u64 {
    let saved = std::env::temp_dir().join(format!("som-generator-ways-{}-{seed}", std::process::id()));
    let fuzz = Command::new(env!("CARGO_BIN_EXE_som-fuzz"))
        .args(["--seconds", seconds, "--seed", seed, "--size", size, "--patience", "60", "--save"])
        .arg(saved)
        .output()
        .expect("the program was built with this test");
    let said = String::from_utf8_lossy(&fuzz.stderr);
    assert!(fuzz.status.success(), "{said}");
    let last = said.trim().rsplit(['\r', '\n']).next();
    last.and_then(|last| last.split(' ').next()?.parse().ok()).unwrap_or(0)
}

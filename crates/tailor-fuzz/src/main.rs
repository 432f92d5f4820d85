//! Shows generated functions, and makes smaller those that differ; `scripts/fuzz-jit.sh` uses it.
//!
//!     tailor-fuzz show SEED FUNCTIONS [NAME [WITHOUT]]
//!     tailor-fuzz minimise SEED FUNCTIONS NAME [CARGO-TEST-OPTION...]

use std::process::{Command, ExitCode};

use tailor_fuzz::generate::{Program, Selection, generate};
use tailor_fuzz::minimise::{minimise, text};

const USAGE: &str = "usage: tailor-fuzz show SEED FUNCTIONS [NAME [WITHOUT]]
       tailor-fuzz minimise SEED FUNCTIONS NAME [CARGO-TEST-OPTION...]";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Some(()) => ExitCode::SUCCESS,
        None => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Option<()> {
    let [command, seed, functions, rest @ ..] = arguments else { return None };
    let (seed, functions) = (seed.parse().ok()?, functions.parse().ok()?);
    let program = generate(seed, functions);
    match (command.as_str(), rest) {
        ("show", rest) => {
            let without = rest.get(1).map_or("", String::as_str);
            println!("{}", program.write(&Selection::new(rest.first().cloned(), without)));
        }
        ("minimise", [name, options @ ..]) => minimise_and_show(&program, seed, functions, name, options),
        _ => return None,
    }
    Some(())
}

fn minimise_and_show(program: &Program, seed: u64, functions: usize, name: &str, options: &[String]) {
    let mut tried = 0;
    let smallest = minimise(program, name, |selection| {
        let differs = differs(seed, functions, selection, options);
        tried += 1;
        eprintln!(
            "{tried}: {} parts left out, {}",
            selection.without.len(),
            if differs { "differs" } else { "does not" }
        );
        differs
    });
    println!("{}\n{}", program.types.write(), text(program, &smallest));
    println!("TAILOR_FUZZ_SEED={seed} TAILOR_FUZZ_FUNCTIONS={functions} TAILOR_FUZZ_ONLY={name} \\");
    println!("TAILOR_FUZZ_WITHOUT={} cargo test -p tailor-fuzz --test differential", list(&smallest));
}

/// Whether the test, built anew, finds a difference or dies. What does not compile does not differ.
fn differs(seed: u64, functions: usize, selection: &Selection, options: &[String]) -> bool {
    let output = Command::new("cargo")
        .args(["test", "--package", "tailor-fuzz", "--test", "differential"])
        .args(options)
        .args(["--", "--nocapture"])
        .env("TAILOR_FUZZ_SEED", seed.to_string())
        .env("TAILOR_FUZZ_FUNCTIONS", functions.to_string())
        .env("TAILOR_FUZZ_ONLY", selection.only.as_deref().unwrap_or_default())
        .env("TAILOR_FUZZ_WITHOUT", list(selection))
        .env("TAILOR_FUZZ_SECONDS", "3")
        .output()
        .expect("cargo can be run");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    ["DIFFERENCE", "signal: "].iter().any(|sign| text.contains(sign))
}

fn list(selection: &Selection) -> String {
    let numbers: Vec<_> = selection.without.iter().map(ToString::to_string).collect();
    numbers.join(",")
}

//! Random functions give the same natively and in the black hole. The crate's documentation says what can be set.

use std::thread;
use std::time::{Duration, Instant};

use tailor_compiler::random::Rng;
use tailor_fuzz::Entry;
use tailor_fuzz::compare::{Input, Way, call, dump};
use tailor_fuzz::generate::{Function, Program, Selection, generate};

#[allow(
    warnings,
    clippy::all,
    arithmetic_overflow,
    unconditional_panic,
    overflowing_literals,
    reason = "nobody wrote these functions"
)]
mod functions {
    include!(concat!(env!("OUT_DIR"), "/functions.rs"));
}

/// Of both threads together.
const DEFAULT_SECONDS: u64 = 120;

/// What has been done.
struct Done {
    calls: u64,
    panics: u64,
    different: Vec<&'static str>,
}

/// Compares all functions in every second round, for so long.
fn compare_all(program: &Program, first: u64, time: Duration) -> Done {
    let end = Instant::now() + time;
    let mut entries = functions::FUNCTIONS.to_vec();
    let (mut round, mut done) = (first, Done { calls: 0, panics: 0, different: Vec::new() });
    while round == first || Instant::now() < end {
        entries.retain(|entry| {
            done.calls += 1;
            match compare(program, entry, round) {
                Ok(panicked) => done.panics += u64::from(panicked),
                Err(report) => {
                    println!("{report}");
                    done.different.push(entry.name);
                }
            }
            !done.different.contains(&entry.name)
        });
        round += 2;
    }
    done
}

#[test]
fn native_and_black_hole_agree() {
    let seconds = std::env::var("TAILOR_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(DEFAULT_SECONDS);
    let time = Duration::from_secs(seconds) / 2;
    let program = generate(functions::SEED, functions::COUNT);
    let done = thread::scope(|scope| {
        let program = &program;
        let parts = [0, 1].map(|part| scope.spawn(move || compare_all(program, part, time)));
        parts.map(|part| part.join().expect("differences do not panic"))
    });
    let (calls, panics): (u64, u64) =
        (done.iter().map(|done| done.calls).sum(), done.iter().map(|done| done.panics).sum());
    let different: Vec<&str> = done.iter().flat_map(|done| done.different.iter().copied()).collect();
    let count = functions::FUNCTIONS.len();
    println!("seed {}: {count} functions, {calls} calls each way, of which {panics} panicked", functions::SEED);
    assert!(different.is_empty(), "DIFFERENCES in {different:?} of seed {}", functions::SEED);
}

/// Compares one call; whether it panicked, or a report on the difference.
fn compare(program: &Program, entry: &Entry, round: u64) -> Result<bool, String> {
    let is_it = |f: &&Function| f.signature.name == entry.name;
    let function = program.functions.iter().find(is_it).expect("the program that was compiled");
    let (signature, types) = (&function.signature, &program.types);
    let mut rng = Rng::new(round << 16 ^ entry.name.bytes().fold(0, |hash, byte| hash * 31 + u64::from(byte)));
    let input = Input::random(signature, types, &mut rng);
    let run = |way| call((entry.function)(), signature, types, &input, way);
    let native = run(Way::Native);
    let mut ways = vec![Way::BlackHole];
    match round % 8 {
        0 => ways.push(Way::Pieces(1)),
        4 => ways.push(Way::Pieces(1 + rng.below(20) as u64)),
        _ => {}
    }
    let different = ways.into_iter().map(|way| (way, run(way))).find(|(_, seen)| !seen.agrees_with(&native));
    let Some((way, seen)) = different else { return Ok(native.outcome.starts_with("panic")) };
    let selection = Selection::new(functions::ONLY.map(str::to_string), functions::WITHOUT);
    let sources = program.sources(&Selection { only: Some(entry.name.to_string()), ..selection });
    let sources: String = sources.into_iter().map(|(_, source)| source).collect();
    Err(format!(
        "{sources}\n{}\nDIFFERENCE in {} of seed {}, round {round}\n{}\nnative: {native:?}\n{way:?}: {seen:?}\n\
         native: {} at {}\n{way:?}: {} at {}\n",
        dump((entry.function)()),
        entry.name,
        functions::SEED,
        input.text(signature, types),
        native.outcome,
        native.place,
        seen.outcome,
        seen.place,
    ))
}

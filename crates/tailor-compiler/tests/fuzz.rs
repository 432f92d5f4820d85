//! Random units for two minutes of CPU time, on two threads: the IR interpreter, the optimiser and machine code must agree, whichever guard fails.
//!
//! So must pairs of units, one of which enters the loop of the other. `TAILOR_FUZZ_SECONDS` is another time, `TAILOR_FUZZ_SEED` another seed to begin with. The example `fuzz_units` of this crate does the same for longer, and makes small what fails.

use std::thread;
use std::time::Duration;

use tailor_compiler::random::check::check;
use tailor_compiler::random::generate::{generate, generate_linked};
use tailor_compiler::random::links::check_linked;
use tailor_compiler::random::tools::{Selection, tools};
use tailor_compiler::random::world::World;
use tailor_compiler::text::{Addresses, print};

fn setting(name: &str, default: u64) -> u64 {
    let Ok(value) = std::env::var(name) else { return default };
    value.parse().unwrap_or_else(|_| panic!("{name}={value}: not a number"))
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the time to where it is told.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What has been done.
#[derive(Default)]
struct Done {
    units: u64,
    exits: u64,
    entered: u64,
}

/// Checks every second seed, for so long.
fn fuzz(first: u64, time: Duration) -> Done {
    let mut world = World::new();
    let mut tools = tools(Selection::default());
    let (mut seed, mut done) = (first, Done::default());
    while cpu_time() < time {
        let sample = generate(&world, seed, 100);
        match check(&mut world, &sample, seed, &mut tools) {
            Ok(report) => done.exits += report.exits,
            Err(failure) => {
                let text = print(&sample.unit, &world.descriptors, Addresses::Hidden);
                panic!("seed {seed}: {failure}\nThe unit is\n{text}");
            }
        }
        if seed % 3 == 0 {
            let (looping, jumper) = generate_linked(&world, seed, 100);
            match check_linked(&mut world, &looping, &jumper, seed, &mut tools) {
                Ok(report) => done.entered += report.entered,
                Err(failure) => {
                    let text = print(&jumper.unit, &world.descriptors, Addresses::Hidden);
                    panic!("pair {seed}: {failure}\nThe unit that jumps is\n{text}");
                }
            }
        }
        seed += 2;
        done.units += 1;
    }
    done
}

#[test]
fn random_units() {
    let (seconds, first) = (setting("TAILOR_FUZZ_SECONDS", 120), setting("TAILOR_FUZZ_SEED", 1));
    let time = Duration::from_secs(seconds) / 2;
    let done = thread::scope(|scope| {
        [0, 1].map(|part| scope.spawn(move || fuzz(first + part, time))).map(|part| part.join().expect("see above"))
    });
    let sum = |count: fn(&Done) -> u64| done.iter().map(count).sum::<u64>();
    let (units, exits, entered) = (sum(|done| done.units), sum(|done| done.exits), sum(|done| done.entered));
    println!("{units} units, {exits} exits, {entered} loops entered");
    assert!(exits > 0 && entered > 0);
}

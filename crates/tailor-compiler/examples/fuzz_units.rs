//! Checks random units for as long as is wanted; see `tailor_compiler::random`.
//!
//! ```text
//! fuzz_units [--count N] [--seconds N] [--seed N] [--size PERCENT] [--show SEED] [--passes LIST] [--only TOOL] [--pairs yes]
//! ```
//! Units with the seeds from `--seed` on are checked, until there are `--count` or `--seconds` of CPU time are over. They run in a process of their own, so that machine code that
//! crashes is found like any other mistake: it ends that process, and the unit under way is the one to look at. What is found is made small and
//! printed. `--show` prints the unit with that seed. `--passes` are those of the optimiser that run
//! (`-peel,-cse` are all but two); without it, half of the units have all, the others any of them. `--only` is `optimiser`, `machine` or
//! `interpreter`: then the others are not held against the IR interpreter. With `--pairs`, pairs of units are checked, one of which enters the loop of the other.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tailor_compiler::opt::Passes;
use tailor_compiler::random::check::{Report, Step, Tools, check};
use tailor_compiler::random::generate::{Sample, generate, generate_linked};
use tailor_compiler::random::links::check_linked;
use tailor_compiler::random::shrink::shrink;
use tailor_compiler::random::tools::{self, Selection};
use tailor_compiler::random::world::World;
use tailor_compiler::text::{Addresses, print};

struct Settings {
    count: u64,
    seconds: u64,
    seed: u64,
    size: usize,
    show: Option<u64>,
    pairs: bool,
    selection: Selection,
}

fn main() -> ExitCode {
    match settings() {
        Ok(settings) => run(&settings),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn settings() -> Result<Settings, String> {
    let mut settings = Settings {
        count: u64::MAX,
        seconds: u64::MAX,
        seed: 0,
        size: 100,
        show: None,
        pairs: false,
        selection: Selection::default(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("`{word} {value}`: not a number"));
        match word.as_str() {
            "--count" => settings.count = number()?,
            "--seconds" => settings.seconds = number()?,
            "--seed" => settings.seed = number()?,
            "--size" => settings.size = number()? as usize,
            "--pairs" => settings.pairs = value == "yes",
            "--show" => settings.show = Some(number()?),
            "--only" => {
                settings.selection.optimise = value == "optimiser";
                settings.selection.machine = value == "machine";
            }
            "--passes" => {
                let passes = Passes::parse(&value).map_err(|error| error.to_string())?;
                settings.selection.passes = Some(passes);
            }
            _ => return Err(format!("unknown option `{word}`")),
        }
    }
    if settings.count == u64::MAX && settings.seconds == u64::MAX {
        settings.seconds = 60;
    }
    Ok(settings)
}

/// What the checking process tells the other.
#[derive(Default)]
struct Progress {
    /// The seed of the unit under way.
    seed: AtomicU64,
    checked: AtomicU64,
    interpreted: AtomicU64,
    executed: AtomicU64,
    exits: AtomicU64,
    described: AtomicU64,
    entered: AtomicU64,
    inherited: AtomicU64,
    before: AtomicU64,
    after: AtomicU64,
}

impl Progress {
    fn add(&self, report: &Report) {
        let add = |to: &AtomicU64, number| to.fetch_add(number, Ordering::Relaxed);
        add(&self.checked, 1);
        add(&self.interpreted, report.interpreted);
        add(&self.executed, report.executed);
        add(&self.exits, report.exits);
        add(&self.described, report.described);
        add(&self.entered, report.entered);
        add(&self.inherited, report.inherited);
        add(&self.before, report.operations[0]);
        add(&self.after, report.operations[1]);
    }

    fn print(&self) {
        let get = |from: &AtomicU64| from.load(Ordering::Relaxed);
        let kept = 100 * get(&self.after) / get(&self.before).max(1);
        println!(
            "{} units checked: {} runs interpreted, {} runs of machine code, {} exits resumed; optimised units have {kept} % of the operations",
            get(&self.checked),
            get(&self.interpreted),
            get(&self.executed),
            get(&self.exits),
        );
        if get(&self.described) > 0 {
            let (described, entered) = (get(&self.described), get(&self.entered));
            println!("{described} loops described, {entered} entered, {} parts that inherit", get(&self.inherited));
        }
    }
}

/// How a process that checks units has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// All is well.
    Well,
    /// A check has failed in this step.
    Failed(u8),
    /// It crashed.
    Crashed(i32),
}

/// Runs `act` in a process of its own; its result says at which step something failed.
fn in_process(act: impl FnOnce() -> Option<Step>) -> Ended {
    // SAFETY: there is one thread only, so the child can do all that the parent can.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no process can be made");
    if child == 0 {
        // A crash is not to be explained at length.
        std::panic::set_hook(Box::new(|_| {}));
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        let code = match result {
            Ok(None) => 0,
            Ok(Some(step)) => 10 + step as i32,
            Err(_) => 9,
        };
        // SAFETY: ends this process, which has nothing to clean up.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: our own child.
    unsafe { libc::waitpid(child, &mut status, 0) };
    if libc::WIFEXITED(status) {
        match libc::WEXITSTATUS(status) {
            0 => Ended::Well,
            9 => Ended::Crashed(0),
            code => Ended::Failed((code - 10) as u8),
        }
    } else {
        Ended::Crashed(libc::WTERMSIG(status))
    }
}

fn run(settings: &Settings) -> ExitCode {
    let mut world = World::new();
    if let Some(seed) = settings.show {
        let sample = generate(&world, seed, settings.size);
        println!("{}", print(&sample.unit, &world.descriptors, Addresses::Hidden));
        println!("; {:?}", settings.selection.passes.unwrap_or_else(|| tools::passes(seed)));
        let optimised = tools::tools(settings.selection)
            .optimise
            .map(|mut optimise| optimise(&sample.unit, &mut world.descriptors, seed));
        if let Some(unit) = optimised {
            println!("; optimised\n{}", print(&unit, &world.descriptors, Addresses::Hidden));
        }
        return ExitCode::SUCCESS;
    }
    let progress = shared();
    let ended = in_process(|| check_many(settings, &mut world, progress));
    progress.print();
    if ended == Ended::Well {
        return ExitCode::SUCCESS;
    }
    let seed = progress.seed.load(Ordering::Relaxed);
    println!("seed {seed}: {ended:?}; making it smaller");
    if settings.pairs {
        explain_pair(settings, &mut world, seed, ended);
    } else {
        explain(settings, &mut world, seed, ended);
    }
    ExitCode::FAILURE
}

fn check_many(settings: &Settings, world: &mut World, progress: &Progress) -> Option<Step> {
    let mut tools = tools::tools(settings.selection);
    let mut said = cpu_time();
    for number in 0..settings.count {
        let seed = settings.seed.wrapping_add(number);
        progress.seed.store(seed, Ordering::Relaxed);
        if let Err(failure) = check_one(settings, world, seed, &mut tools).map(|report| progress.add(&report)) {
            return Some(failure);
        }
        let now = cpu_time();
        if now.as_secs() >= settings.seconds {
            break;
        }
        if now - said > Duration::from_secs(20) {
            said = now;
            progress.print();
        }
    }
    None
}

fn check_one(settings: &Settings, world: &mut World, seed: u64, tools: &mut Tools) -> Result<Report, Step> {
    let checked = if settings.pairs {
        let (looping, jumper) = generate_linked(world, seed, settings.size);
        check_linked(world, &looping, &jumper, seed, tools)
    } else {
        let sample = generate(world, seed, settings.size);
        check(world, &sample, seed, tools)
    };
    checked.map_err(|failure| failure.step)
}

/// The same for a pair.
fn explain_pair(settings: &Settings, world: &mut World, seed: u64, ended: Ended) {
    let attempt = |world: &mut World, looping: &Sample, jumper: &Sample| {
        in_process(|| {
            let mut tools = tools::tools(settings.selection);
            check_linked(world, looping, jumper, seed, &mut tools).err().map(|failure| failure.step)
        })
    };
    let (mut looping, mut jumper) = generate_linked(world, seed, settings.size);
    let layout = world.layout;
    for _ in 0..3 {
        jumper = shrink(layout, jumper, &mut |jumper| attempt(world, &looping, jumper) == ended);
        looping = shrink(layout, looping, &mut |looping| attempt(world, looping, &jumper) == ended);
    }
    for sample in [&looping, &jumper] {
        println!("{}", print(&sample.unit, &world.descriptors, Addresses::Hidden));
    }
    in_process(|| {
        match check_linked(world, &looping, &jumper, seed, &mut tools::tools(settings.selection)) {
            Ok(_) => println!("now it is well"),
            Err(failure) => println!("{failure}"),
        }
        None
    });
}

/// Makes the unit with this seed smaller as long as it ends in the same way, and prints it.
fn explain(settings: &Settings, world: &mut World, seed: u64, ended: Ended) {
    let attempt = |world: &mut World, sample: &Sample| {
        in_process(|| {
            check(world, sample, seed, &mut tools::tools(settings.selection)).err().map(|failure| failure.step)
        })
    };
    let sample = generate(world, seed, settings.size);
    let layout = world.layout;
    if attempt(world, &sample) != ended {
        println!("seed {seed} alone does not end so: it depends on what was run before");
        return;
    }
    let small = shrink(layout, sample, &mut |sample| attempt(world, sample) == ended);
    println!("{}", print(&small.unit, &world.descriptors, Addresses::Hidden));
    let again = in_process(|| {
        match check(world, &small, seed, &mut tools::tools(settings.selection)) {
            Ok(_) => println!("now it is well"),
            Err(failure) => println!("{failure}"),
        }
        None
    });
    if again != Ended::Well {
        println!("{again:?}");
    }
}

/// Memory that a process shares with those that it makes.
fn shared() -> &'static Progress {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: new memory, filled with zeros, which are a `Progress`; it is never given back.
    unsafe {
        let memory = libc::mmap(std::ptr::null_mut(), size_of::<Progress>(), protection, flags, -1, 0);
        assert_ne!(memory, libc::MAP_FAILED, "no memory to share");
        &*memory.cast::<Progress>()
    }
}

/// CPU time of this process.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the time to where it is told.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

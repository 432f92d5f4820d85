//! `som-fuzz`: runs random programs until time is up or one shows a bug.
//!
//! Programs run in a *worker*, a process of its own that is given a range of seeds and announces each on its standard
//! output before it starts; so whatever happens to the worker (a crash, an abort, an endless loop), it is known which
//! seed it was, and in which way the program was being executed. A panic or a difference is found by the worker itself, which says so and ends.
//!
//! Exit code: 0 if no bug was found, 1 if some were, 2 if it can't work.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Parser;
use som_generator::{Form, check, generate, generate_without, minimise};

/// Runs random SOM programs on the virtual machine and looks for crashes, for results that depend on how a control
/// structure is written, and for results that differ when the program is compiled or executed in the black hole.
///
/// For an hour, say: som-fuzz --seconds 3600 --seed 1000000
#[derive(Debug, Parser)]
#[command(name = "som-fuzz", version)]
struct Options {
    /// How long to go on.
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How large the programs are.
    #[arg(long, default_value_t = 4)]
    size: usize,
    /// Where failing programs are saved.
    #[arg(long, default_value = "target/som-fuzz", value_name = "DIR")]
    save: PathBuf,
    /// Seconds that one way to execute a program may take: of the processor, where the system tells, since the machine may have other work.
    #[arg(long, default_value_t = 10, value_name = "N")]
    patience: u64,
    /// Of a hundred compiled runs, how many collect at every few allocations.
    #[arg(long, default_value_t = 25, value_name = "N")]
    stressed: usize,
    /// Print the program of a seed and stop.
    #[arg(long, value_name = "SEED")]
    show: Option<u64>,
    /// Make the failing program of a seed smaller, save it, and stop.
    #[arg(long, value_name = "SEED")]
    minimise: Option<u64>,
    /// Worker: how many seeds to run.
    #[arg(long, hide = true)]
    work: Option<u64>,
    /// Worker: parts to leave out.
    #[arg(long, hide = true, value_delimiter = ',')]
    without: Vec<usize>,
}

/// Seeds given to one worker; bounds what leaks or fragments there.
const BATCH: u64 = 500;

/// Stack of the thread that programs run in, in bytes.
const NATIVE_STACK: usize = 256 << 20;

/// After this many failures there is enough to do.
const MAX_FAILURES: usize = 50;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(seed) = options.show {
        for (_, source) in generate(seed, options.size).sources(Form::InPlace) {
            println!("{source}");
        }
        return ExitCode::SUCCESS;
    }
    if let Some(count) = options.work {
        // Primitives that send messages nest on the native stack, more so in the black hole.
        let worker = std::thread::Builder::new().stack_size(NATIVE_STACK).spawn(move || work(&options, count));
        return worker.ok().and_then(|worker| worker.join().ok()).unwrap_or(ExitCode::from(2));
    }
    let result = match options.minimise {
        Some(seed) => make_smaller(&options, seed),
        None => fuzz(&options),
    };
    match result {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(e) => {
            eprintln!("som-fuzz: {e}");
            ExitCode::from(2)
        }
    }
}

// ---- the worker ----

fn work(options: &Options, count: u64) -> ExitCode {
    let directory = std::env::temp_dir().join(format!("som-fuzz-{}", std::process::id()));
    let without: BTreeSet<usize> = options.without.iter().copied().collect();
    let mut code = ExitCode::SUCCESS;
    for seed in options.seed..options.seed + count {
        println!("seed {seed}");
        let program = generate_without(seed, options.size, &without);
        // The VM that panicked is gone afterwards, and nothing else is shared.
        let run =
            std::panic::AssertUnwindSafe(|| check(&program, options.stressed, &directory, |way| println!("way {way}")));
        let failure = match std::panic::catch_unwind(run) {
            Ok(Ok(())) => continue,
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => "panic (its message stands above)".to_string(),
        };
        println!("fail {}", failure.replace('\n', "\u{1}"));
        code = ExitCode::from(1);
        break;
    }
    // What cannot be removed stays in the directory for temporary files, which is there for that.
    let _ = std::fs::remove_dir_all(&directory);
    code
}

// ---- the supervisor ----

/// How a worker ended.
enum Batch {
    /// After this many seeds, without a failure.
    Passed(u64),
    /// At this seed.
    Failed { seed: u64, why: String },
}

fn worker(options: &Options, seed: u64, count: u64, without: &BTreeSet<usize>) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--work", &count.to_string(), "--seed", &seed.to_string(), "--size", &options.size.to_string()]);
    command.args(["--stressed", &options.stressed.to_string()]);
    if !without.is_empty() {
        let parts: Vec<String> = without.iter().map(usize::to_string).collect();
        command.args(["--without", &parts.join(",")]);
    }
    Ok(command)
}

fn run_batch(options: &Options, mut command: Command, until: Instant) -> std::io::Result<Batch> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let lines = BufReader::new(child.stdout.take().ok_or_else(|| std::io::Error::other("no pipe"))?).lines();
    let (sender, receiver) = mpsc::channel();
    // The thread ends with the worker's output.
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut current = 0;
    let mut started = 0;
    let mut why = None;
    let mut way = String::new();
    let mut clock = Clock::start(child.id());
    loop {
        match receiver.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => {
                clock = Clock::start(child.id());
                if let Some(seed) = line.strip_prefix("seed ") {
                    current = seed.parse().unwrap_or(current);
                    started += 1;
                    way.clear();
                } else if let Some(text) = line.strip_prefix("way ") {
                    way = text.to_string();
                } else if let Some(text) = line.strip_prefix("fail ") {
                    why = Some(text.replace('\u{1}', "\n"));
                }
                if why.is_none() && Instant::now() >= until {
                    child.kill()?;
                    child.wait()?;
                    return Ok(Batch::Passed(started));
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) if !clock.is_over(options.patience) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                return Ok(Batch::Failed {
                    seed: current,
                    why: format!("took more than {} s: {way}", options.patience),
                });
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    match why {
        Some(why) => Ok(Batch::Failed { seed: current, why }),
        None if status.success() => Ok(Batch::Passed(started)),
        None => Ok(Batch::Failed { seed: current, why: format!("crashed: {status}: {way}") }),
    }
}

/// How long a worker has been at something.
struct Clock {
    worker: u32,
    begun: Instant,
    /// Ticks of the processor's time that it had used.
    used: Option<u64>,
}

/// A worker that waits uses no processor: after so many times the patience it has hung.
const WAITING: u64 = 60;

impl Clock {
    fn start(worker: u32) -> Clock {
        Clock { worker, begun: Instant::now(), used: ticks(worker) }
    }

    /// Whether it has taken longer than so many seconds.
    fn is_over(&self, patience: u64) -> bool {
        let elapsed = self.begun.elapsed().as_secs();
        match self.used.zip(ticks(self.worker)) {
            Some((before, now)) => (now - before) / TICKS > patience || elapsed > patience * WAITING,
            None => elapsed > patience,
        }
    }
}

/// Ticks a second, in what Linux says of processes.
const TICKS: u64 = 100;

/// The processor's time that a process has used, in ticks; `None` if the system does not tell so.
fn ticks(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may contain anything: user and system time are fields 14 and 15 of all.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// The number of failures.
fn fuzz(options: &Options) -> std::io::Result<usize> {
    let start = Instant::now();
    let until = start + Duration::from_secs(options.seconds);
    let mut failures = 0;
    let mut seed = options.seed;
    while Instant::now() < until && failures < MAX_FAILURES {
        let command = worker(options, seed, BATCH, &BTreeSet::new())?;
        match run_batch(options, command, until)? {
            Batch::Passed(count) => seed += count,
            Batch::Failed { seed: failed, why } => {
                failures += 1;
                save(options, failed, &BTreeSet::new(), &why)?;
                seed = failed + 1;
            }
        }
        let ran = seed - options.seed;
        eprint!("\r{ran} programs, {failures} failures, {} s ", start.elapsed().as_secs());
    }
    eprintln!();
    Ok(failures)
}

fn save(options: &Options, seed: u64, without: &BTreeSet<usize>, why: &str) -> std::io::Result<()> {
    let program = generate_without(seed, options.size, without);
    let directory = options.save.join(seed.to_string());
    for form in Form::ALL {
        program.write(&directory.join(format!("{form:?}")), form)?;
    }
    let limits = program.limits;
    let text = format!("size {}, {limits:?}\n{why}\n", options.size);
    std::fs::write(directory.join("failure.txt"), &text)?;
    eprintln!("\nseed {seed}, {text}saved to {}", directory.display());
    Ok(())
}

/// The number of failures, 1 or 0.
fn make_smaller(options: &Options, seed: u64) -> std::io::Result<usize> {
    let check = |without: &BTreeSet<usize>| -> std::io::Result<Option<String>> {
        let mut command = worker(options, seed, 1, without)?;
        command.stderr(Stdio::null());
        let far = Instant::now() + Duration::from_secs(3600);
        Ok(match run_batch(options, command, far)? {
            Batch::Passed(_) => None,
            Batch::Failed { why, .. } => Some(why),
        })
    };
    let Some(original) = check(&BTreeSet::new())? else {
        eprintln!("seed {seed} does not fail");
        return Ok(0);
    };
    let kind = |why: &str| why.split([':', ',']).next().map(str::to_string);
    let parts = generate(seed, options.size).parts;
    let out =
        minimise(parts, |without| check(without).is_ok_and(|why| why.is_some_and(|why| kind(&why) == kind(&original))));
    let why = check(&out)?.unwrap_or(original);
    save(options, seed, &out, &why)?;
    Ok(1)
}

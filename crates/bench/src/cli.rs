//! The command line.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Parser, ValueEnum};

use crate::complaint::Complaint;
use crate::suite::{Benchmark, Selection, Size, Suite};

const EXAMPLES: &str = "\
A command given by --vm is split into words like a shell's, but not run by one; in it these are replaced:
  {benchmark} {iterations} {inner}   what to run (iterations include the warm-up)
  {awfy} {benchmarks}                the checkout given by --awfy; our own benchmarks' directory
  {program}                          the SOM program of --measure startup

Examples:
  our VM on our fourteen benchmarks
    bench
  against other languages, ratios to Java's interpreter
    bench --awfy are-we-fast-yet --vms java-int,lua54,python3,som --baseline java-int
  one benchmark under two settings of our VM, and another SOM VM
    bench Sieve:500 --variant small-heap='--heap-size 16m' \\
          --vm som-rs='som-interpreter-bc -c Smalltalk {benchmarks} -- BenchmarkHarness {benchmark} {iterations} {inner}'
  a VM that must run in the directory of its sources
    bench --awfy A --vms java-int --vm lua53='env -C {awfy}/benchmarks/Lua lua5.3 harness.lua {benchmark} {iterations} {inner}'
  time and memory of Hello World
    bench --measure startup --vms som,lua54,java
  peak performance at full size, about a quarter of an hour
    bench --awfy are-we-fast-yet --vms java,node,pypy3,som --size steady --invocations 1
  whether the JIT ever makes a program slower, however short it is
    bench --measure warmup --suite all --variant int='--jit off' --baseline int --bar 1.1
  what each tier gives a program that does many things, in twenty orders
    bench --suite workload --measure warmup --invocations 20 --variant tier2='--jit tier1=off' --variant int='--jit off' --baseline int";

/// Runs benchmarks on several virtual machines side by side, interleaved, and compares them.
///
/// The estimate is the median over measured iterations, then over processes, with a 95 % bootstrap confidence
/// interval; VMs are compared by ratios to a baseline and their geometric mean.
#[derive(Debug, Parser)]
#[command(name = "bench", version, after_help = EXAMPLES)]
pub struct Options {
    /// Benchmarks, each NAME or NAME:INNER [default: the whole suite]
    #[arg(value_name = "BENCHMARK")]
    pub benchmarks: Vec<Selection>,

    /// Which benchmarks to run when none is named
    #[arg(long, value_enum, default_value_t = Suite::Awfy)]
    pub suite: Suite,

    /// Preset of inner counts, iterations and invocations [default: quick; warmup for --measure warmup]
    #[arg(long, value_enum)]
    pub size: Option<Size>,

    /// What to measure
    #[arg(long, value_enum, default_value_t = Measure::Time)]
    pub measure: Measure,

    /// Which time to compare; with --load, too
    #[arg(long, value_enum, default_value_t = Clock::Harness)]
    pub clock: Clock,

    /// Known VMs, separated by commas; --list names them [default: som, unless --vm is given]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Virtual machines")]
    pub vms: Vec<String>,

    /// A VM given by its command line (repeatable)
    #[arg(long, value_name = "NAME=COMMAND", help_heading = "Virtual machines")]
    pub vm: Vec<Named>,

    /// Our VM with more flags (repeatable)
    #[arg(long, value_name = "NAME=FLAGS", help_heading = "Virtual machines", allow_hyphen_values = true)]
    pub variant: Vec<Named>,

    /// Our VM's program [default: `som` beside this program]
    #[arg(long, value_name = "FILE", help_heading = "Virtual machines")]
    pub som: Option<PathBuf>,

    /// Checkout of Are-We-Fast-Yet; all known VMs then run its sources, ours too
    #[arg(long, value_name = "DIR", help_heading = "Virtual machines")]
    pub awfy: Option<PathBuf>,

    /// The VM that ratios refer to [default: the first]
    #[arg(long, value_name = "NAME", help_heading = "Virtual machines")]
    pub baseline: Option<String>,

    /// With --measure warmup: exit code 1 if a VM certainly takes this many times as long as the baseline, after whatever
    /// number of iterations
    #[arg(long, value_name = "RATIO", value_parser = positive_ratio)]
    pub bar: Option<f64>,

    /// Processes for each benchmark and VM [default: the size's; 30 for startup]
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "How often")]
    pub invocations: Option<usize>,

    /// Measured iterations in each process [default: the size's]
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "How often")]
    pub iterations: Option<usize>,

    /// Iterations in each process before the measured ones [default: the size's, or as recorded in --load]
    #[arg(long, value_name = "N", help_heading = "How often")]
    pub warmup: Option<usize>,

    /// Seconds after which a process is killed and its run counts as failed
    #[arg(long, value_name = "SECONDS", default_value_t = 600, help_heading = "How often")]
    pub timeout: u64,

    /// Write all measurements to a new file that ReBench can read
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub data: Option<PathBuf>,

    /// Report on an earlier --data file instead of running anything
    #[arg(long, value_name = "FILE", conflicts_with = "data", help_heading = "Files")]
    pub load: Option<PathBuf>,

    /// Write a plot of the ratios
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub svg: Option<PathBuf>,

    /// List benchmarks and VMs
    #[arg(long)]
    pub list: bool,
}

/// What an experiment measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// The times that the benchmark harness prints
    Time,
    /// CPU time and peak memory of a whole process that prints one line
    Startup,
    /// The time that the first n iterations take together, for every n
    Warmup,
}

/// What a time is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Clock {
    /// What the harness prints for each measured iteration
    Harness,
    /// CPU time of a whole process per iteration, start and warm-up included; for a machine that others use too. With
    /// --measure warmup: CPU time of processes of 1, 2, 5, 10, 20, ... iterations
    Cpu,
}

/// What the program is to do.
pub enum Action<'a> {
    /// Run an experiment.
    Run,
    /// Report on a data file.
    Load(&'a Path),
    /// List benchmarks and VMs.
    List,
}

/// Processes of a start-up experiment: each takes milliseconds, and single ones scatter widely.
const STARTUP_INVOCATIONS: usize = 30;

impl Options {
    /// What to do.
    pub fn action(&self) -> Action<'_> {
        match &self.load {
            _ if self.list => Action::List,
            Some(file) => Action::Load(file),
            None => Action::Run,
        }
    }

    /// The preset.
    pub fn size(&self) -> Size {
        self.size.unwrap_or(match self.measure {
            Measure::Warmup => Size::Warmup,
            Measure::Time | Measure::Startup => Size::Quick,
        })
    }

    /// Processes for each benchmark and VM.
    pub fn invocations(&self) -> usize {
        self.invocations.unwrap_or(match self.measure {
            Measure::Time | Measure::Warmup => self.size().invocations(),
            Measure::Startup => STARTUP_INVOCATIONS,
        })
    }

    /// Measured iterations in each process, but for benchmarks of which that is too many.
    pub fn iterations(&self) -> usize {
        match self.measure {
            Measure::Time | Measure::Warmup => self.iterations.unwrap_or(self.size().iterations()),
            Measure::Startup => 1,
        }
    }

    /// All iterations in a process of this benchmark, what its harness is told; several numbers if it is to be run for each
    /// of them.
    pub fn all_iterations(&self, benchmark: &Benchmark) -> Vec<usize> {
        let measured = self.iterations.unwrap_or_else(|| benchmark.iterations(self.size()));
        match (self.measure, self.clock) {
            (Measure::Startup, _) => vec![1],
            (Measure::Warmup, Clock::Cpu) => checkpoints(measured),
            _ => vec![self.warmup() + measured],
        }
    }

    /// Warm-up iterations in each process.
    pub fn warmup(&self) -> usize {
        match self.measure {
            Measure::Time => self.warmup.unwrap_or(self.size().warmup()),
            Measure::Startup | Measure::Warmup => 0,
        }
    }

    /// Refuses what cannot be done together.
    ///
    /// # Errors
    /// When a bar is given for what has none.
    pub fn check(&self) -> Result<(), Complaint> {
        // What a data file holds, only the file tells.
        if self.bar.is_some() && self.measure != Measure::Warmup && self.load.is_none() {
            return Err(Complaint::with_remedy("there is no bar but for --measure warmup", "leave --bar out"));
        }
        Ok(())
    }
}

/// 1, 2, 5, 10, 20, ... up to `last`, and that.
fn checkpoints(last: usize) -> Vec<usize> {
    let decades = std::iter::successors(Some(1usize), |decade| decade.checked_mul(10));
    let steps = decades.flat_map(|decade| [decade, decade.saturating_mul(2), decade.saturating_mul(5)]);
    steps.take_while(|step| *step < last).chain([last]).collect()
}

/// A name and what it stands for, written `NAME=TEXT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name, shown in reports.
    pub name: String,
    /// The words of the text, split like a shell's.
    pub words: Vec<String>,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, words) = text.split_once('=').ok_or("expected NAME=TEXT")?;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == ',') {
            return Err(format!("'{name}' is no name: it must not be empty nor have blanks or commas"));
        }
        let words = shlex::split(words).ok_or("the text ends inside quotes")?;
        Ok(Named { name: name.to_string(), words })
    }
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a positive integer".to_string()),
    }
}

fn positive_ratio(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(ratio) if ratio > 0.0 && f64::is_finite(ratio) => Ok(ratio),
        _ => Err("expected a number above 0".to_string()),
    }
}

#[cfg(test)]
mod tests;

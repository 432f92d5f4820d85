//! `bench`: runs benchmarks on several virtual machines side by side and says how they compare.
//!
//! # Terms
//! - *benchmark*: a self-verifying program with an *inner count*, the work of one iteration ([`suite`]).
//! - *virtual machine* (VM): a command line that runs the harness of one suite ([`vms`]).
//! - *iteration*: one timed execution inside a process; the harness prints its time ([`harness`]).
//! - *invocation*: one process, with warm-up iterations and then measured ones ([`process`], [`run`]).
//! - *estimate*: the median over the measured iterations, then over invocations, with a bootstrap confidence
//!   interval ([`stats`]).
//! - *baseline*: the VM that all ratios refer to ([`analysis`]).
//! - *curve*: where a VM stands after its first n iterations, over n ([`warmup`]).
//!
//! # Rules
//! - Invocations are interleaved: one round visits every benchmark on every VM before the next begins. A machine that
//!   grows slower over an hour then slows all VMs alike, instead of the one that happened to run last.
//! - A run that fails its own verification, stops early or times out is reported and left out of every mean; what is
//!   compared is always the same set of benchmarks on both sides.
//! - Elapsed time is what users feel and what is compared by default; on a machine that others use it measures them too, so
//!   reports warn of it and `--clock cpu` compares CPU time instead.
//! - Data are written as they arrive, so an interrupted experiment keeps what it has ([`rebench`]).
//!
//! The flow is one way: [`cli`] -> [`suite`], [`vms`] -> [`run`] -> [`results`] -> [`analysis`] or [`warmup`] ->
//! [`report`], [`terminal`], [`svg`].

mod analysis;
mod cli;
mod complaint;
mod harness;
mod process;
mod progress;
mod rebench;
mod report;
mod results;
mod run;
mod startup;
mod stats;
mod suite;
mod svg;
mod table;
mod terminal;
mod toolchain;
mod vms;
mod warmup;

use std::io::{self, Write};
use std::process::ExitCode;

use analysis::Comparison;
use clap::Parser;
use cli::{Action, Measure, Options};
use complaint::Complaint;
use results::Results;
use warmup::{Certainty, Curves};

/// Exit codes: 0 everything ran, 1 some runs failed or the bar was broken, 2 nothing could be run (as for a usage error).
fn main() -> ExitCode {
    let options = Options::parse();
    match execute(&options) {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Wanting) => ExitCode::from(1),
        Err(complaint) => {
            eprintln!("bench: {complaint}");
            ExitCode::from(2)
        }
    }
}

enum Outcome {
    Complete,
    Wanting,
}

fn execute(options: &Options) -> Result<Outcome, Complaint> {
    options.check()?;
    let results = match options.action() {
        Action::List => {
            print(&report::list())?;
            return Ok(Outcome::Complete);
        }
        Action::Load(file) => rebench::load(file, options.warmup)?,
        Action::Run => run::experiment(options)?,
    };
    let holds = match results.measure {
        Measure::Time | Measure::Startup => present(options, &results).map(|()| true),
        Measure::Warmup => present_curves(options, &results),
    }?;
    Ok(if holds && results.failures.is_empty() { Outcome::Complete } else { Outcome::Wanting })
}

fn present(options: &Options, results: &Results) -> Result<(), Complaint> {
    let comparison = Comparison::new(results, options.baseline.as_deref(), options.clock)?;
    write_plot(options, || svg::ratios(&comparison))?;
    let tables = match results.measure {
        Measure::Startup => report::startup(&comparison, results),
        Measure::Time | Measure::Warmup => report::times(&comparison, results),
    };
    print(&(tables + &terminal::plot(&comparison) + &report::failures(results)))
}

/// Presents a warm-up experiment; yields whether the bar holds, as it does if there is none.
fn present_curves(options: &Options, results: &Results) -> Result<bool, Complaint> {
    let curves = Curves::new(results, options.baseline.as_deref(), options.clock)?;
    write_plot(options, || svg::curves(&curves, options.bar))?;
    let bar = options.bar.map_or(String::new(), |bar| report::bar(&curves, bar));
    print(&(report::warmup(&curves, results) + &bar + &report::failures(results)))?;
    let broken = |bar| curves.above(bar).iter().any(|excess| excess.certainty == Certainty::Certain);
    Ok(!options.bar.is_some_and(broken))
}

fn write_plot(options: &Options, plot: impl FnOnce() -> String) -> Result<(), Complaint> {
    let Some(file) = &options.svg else { return Ok(()) };
    std::fs::write(file, plot())
        .map_err(|error| Complaint::new(format!("cannot write the plot {}: {error}", file.display())))
}

/// Prints to standard output; a reader that has seen enough (`| head`) is not an error.
fn print(text: &str) -> Result<(), Complaint> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Complaint::new(format!("cannot write the report: {error}")))
        }
        _ => Ok(()),
    }
}

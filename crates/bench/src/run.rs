//! Runs an experiment: every benchmark on every VM, round by round.
//!
//! Within a round the VMs of a benchmark follow each other directly, and which of them goes first changes from round to
//! round, so that none always runs on a machine that another has just warmed up.

use std::process::ExitStatus;
use std::time::Duration;

use crate::cli::{Measure, Options};
use crate::complaint::Complaint;
use crate::harness;
use crate::process::{self, End, Finished};
use crate::progress::Progress;
use crate::rebench::Writer;
use crate::results::{Failure, Invocation, Results};
use crate::startup;
use crate::suite::{self, Benchmark};
use crate::toolchain::Scratch;
use crate::vms::{self, Vm};

/// Lines of a failed process's output that are shown.
const SHOWN_LINES: usize = 3;

/// Runs what `options` ask for.
///
/// # Errors
/// When it cannot begin (a VM is missing) or its data cannot be written. Runs that fail are part of the results.
pub fn experiment(options: &Options) -> Result<Results, Complaint> {
    let scratch = Scratch::new()?;
    let vms = vms::resolve(options, &scratch)?;
    let plan = Plan::new(options, &vms)?;
    warn_if_unoptimised(options);
    let mut writer = options.data.as_deref().map(|file| Writer::create(file, options)).transpose()?;
    let mut progress = Progress::new(plan.jobs.iter().map(|job| job.key()).collect());
    let mut results = plan.results(options);
    for job in &plan.jobs {
        if results.has_failed(&job.vm.name, &job.benchmark.name) {
            progress.skip();
            continue;
        }
        progress.begin(&job.vm.name, &job.label);
        let outcome = job.run(options);
        progress.end();
        match outcome {
            Ok(invocation) => {
                if let Some(writer) = &mut writer {
                    writer.append(&invocation, &job.vm.words(&job.benchmark, job.iterations))?;
                }
                results.invocations.push(invocation);
            }
            Err(reason) => {
                progress.say(&format!("{} failed on {}: {reason}", job.benchmark.name, job.vm.name));
                results.failures.push(job.failure(reason));
            }
        }
    }
    progress.finish();
    Ok(results)
}

/// A debug build of this program finds a debug build of the SOM VM beside it.
fn warn_if_unoptimised(options: &Options) {
    if cfg!(debug_assertions) && options.som.is_none() {
        eprintln!(
            "bench: this is a debug build; a `som` found beside it is one too (use cargo run --release -p bench)"
        );
    }
}

struct Plan<'a> {
    vms: &'a [Vm],
    benchmarks: Vec<Benchmark>,
    jobs: Vec<Job<'a>>,
}

struct Job<'a> {
    vm: &'a Vm,
    benchmark: Benchmark,
    /// All of them, with those of the warm-up.
    iterations: usize,
    /// Tells processes apart that run the same benchmark on the same VM.
    number: usize,
    /// What it is called while it runs.
    label: String,
}

impl<'a> Plan<'a> {
    fn new(options: &Options, vms: &'a [Vm]) -> Result<Self, Complaint> {
        let benchmarks = match options.measure {
            Measure::Time | Measure::Warmup => suite::choose(&options.benchmarks, options.suite, options.size()),
            Measure::Startup => vec![Benchmark { name: startup::BENCHMARK.to_string(), inner: 1 }],
        };
        let covered = |vm: &Vm, benchmark: &Benchmark| options.measure == Measure::Startup || vm.covers(benchmark);
        let mut jobs = Vec::new();
        for round in 0..options.invocations() {
            for benchmark in &benchmarks {
                let lengths = options.all_iterations(benchmark);
                for (place, &iterations) in lengths.iter().enumerate() {
                    let number = round * lengths.len() + place + 1;
                    let label = match lengths.len() {
                        1 => benchmark.name.clone(),
                        _ => format!("{}, {iterations} iterations", benchmark.name),
                    };
                    let order = (0..vms.len()).map(|index| &vms[(index + round) % vms.len()]);
                    let order = order.filter(|vm| covered(vm, benchmark));
                    jobs.extend(order.map(|vm| Job {
                        vm,
                        benchmark: benchmark.in_round(round),
                        iterations,
                        number,
                        label: label.clone(),
                    }));
                }
            }
        }
        if jobs.is_empty() {
            return Err(Complaint::with_remedy(
                "none of these VMs has any of these benchmarks",
                "the suites of other languages have only the fourteen of Are-We-Fast-Yet; see --list",
            ));
        }
        Ok(Plan { vms, benchmarks, jobs })
    }

    fn results(&self, options: &Options) -> Results {
        let vms = self.vms.iter().map(|vm| vm.name.clone()).collect();
        let benchmarks = self.benchmarks.iter().map(|benchmark| benchmark.name.clone()).collect();
        Results::new(options.measure, options.warmup(), vms, benchmarks)
    }
}

impl Job<'_> {
    fn key(&self) -> (String, String) {
        (self.vm.name.clone(), self.label.clone())
    }

    fn run(&self, options: &Options) -> Result<Invocation, String> {
        let mut command = self.vm.command(&self.benchmark, self.iterations);
        let finished = process::run(&mut command, Duration::from_secs(options.timeout))
            .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
        check_end(&finished, options)?;
        let iterations = match options.measure {
            Measure::Time | Measure::Warmup => measured_times(&finished, &self.benchmark.name, self.iterations)?,
            Measure::Startup => greeting_time(&finished)?,
        };
        Ok(Invocation {
            vm: self.vm.name.clone(),
            benchmark: self.benchmark.name.clone(),
            inner: self.benchmark.inner,
            number: self.number,
            iterations,
            cost: finished.cost,
        })
    }

    fn failure(&self, reason: String) -> Failure {
        Failure { vm: self.vm.name.clone(), benchmark: self.benchmark.name.clone(), reason }
    }
}

fn check_end(finished: &Finished, options: &Options) -> Result<(), String> {
    match finished.end {
        End::Exited(status) if status.success() => Ok(()),
        End::Exited(status) => Err(with_output(&describe(status), finished)),
        End::TimedOut => Err(format!("killed after {} s (see --timeout)", options.timeout)),
    }
}

fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

fn measured_times(finished: &Finished, benchmark: &str, expected: usize) -> Result<Vec<f64>, String> {
    let times = harness::iteration_times(&finished.stdout, benchmark);
    if times.len() == expected {
        return Ok(times);
    }
    Err(with_output(&format!("printed {} of {expected} iteration times", times.len()), finished))
}

fn greeting_time(finished: &Finished) -> Result<Vec<f64>, String> {
    if finished.stdout.trim_end() == startup::GREETING {
        return Ok(vec![finished.cost.cpu()]);
    }
    Err(with_output(&format!("did not print '{}'", startup::GREETING), finished))
}

/// Adds the end of what the process said, on standard error if it said anything there.
fn with_output(problem: &str, finished: &Finished) -> String {
    let output = if finished.stderr.trim().is_empty() { &finished.stdout } else { &finished.stderr };
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    shown.iter().fold(problem.to_string(), |text, line| format!("{text}\n    | {line}"))
}

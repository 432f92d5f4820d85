//! What is said about an experiment, in tables and sentences.

use clap::ValueEnum;

use crate::analysis::Comparison;
use crate::cli::Clock;
use crate::process;
use crate::results::{Cost, Invocation, Results};
use crate::stats::{self, Estimate};
use crate::suite::{ENTRIES, Size};
use crate::table::{NONE, Table};
use crate::vms::{OURS, PEERS};

mod warmup;

pub use warmup::{bar, warmup};

/// The report of a `time` experiment: times, ratios, and what the processes took.
pub fn times(comparison: &Comparison, results: &Results) -> String {
    let what = match comparison.clock {
        Clock::Harness => "Time of an iteration",
        Clock::Cpu => "CPU time of a process per iteration",
    };
    let mut text = format!("{what} (median; half the 95 % interval)\n\n{}", time_table(comparison));
    if comparison.vms.len() > 1 {
        let name = comparison.baseline_name();
        text += &format!("\nRatio to {name} (below 1 is faster; 95 % interval)\n\n{}", ratio_table(comparison));
    }
    text + &format!("\nWhole processes, warm-up included\n\n{}\n", process_table(comparison, results))
        + &busy_warning(comparison.clock, results)
        + &still_warming(comparison, results)
}

/// Below this share of CPU time in elapsed time, a process was waiting for others.
const UNDISTURBED: f64 = 0.9;

/// Warns when elapsed times say more about the machine's other work than about the VMs.
fn busy_warning(clock: Clock, results: &Results) -> String {
    let cpu: f64 = results.invocations.iter().map(|run| run.cost.cpu()).sum();
    let wall: f64 = results.invocations.iter().map(|run| run.cost.wall).sum();
    let share = cpu / wall;
    if clock == Clock::Cpu || share.is_nan() || share >= UNDISTURBED {
        return String::new();
    }
    format!(
        "Warning: processes had the CPU for {:.0} % of their time only, so elapsed times are too long, and not alike on\n\
         all VMs. Repeat this on an idle machine, or compare by --clock cpu.\n\n",
        share * 100.0
    )
}

/// Names what had not reached its final speed when measurement began.
fn still_warming(comparison: &Comparison, results: &Results) -> String {
    let found = comparison.still_warming(results);
    let lines: String = found
        .iter()
        .map(|(vm, benchmark, gain)| format!("  {benchmark} on {vm}: by {:.0} %\n", gain * 100.0))
        .collect();
    if lines.is_empty() {
        return lines;
    }
    format!(
        "Warning: in their second half, measured iterations were faster than in the first; raise --warmup.\n{lines}\n"
    )
}

fn time_table(comparison: &Comparison) -> String {
    let mut table = Table::new("Benchmark", &comparison.vms);
    for (row, benchmark) in comparison.benchmarks.iter().enumerate() {
        table.add(benchmark, (0..comparison.vms.len()).map(|vm| optional(comparison.time(row, vm), time_with_error)));
    }
    table.render()
}

fn ratio_table(comparison: &Comparison) -> String {
    let mut table = Table::new("Benchmark", &comparison.vms);
    for (row, benchmark) in comparison.benchmarks.iter().enumerate() {
        let ratio = |vm| optional(comparison.ratio(row, vm).as_ref(), ratio_with_interval);
        table.add(benchmark, (0..comparison.vms.len()).map(ratio));
    }
    let total = comparison.benchmarks.len();
    table.add(
        "geometric mean",
        (0..comparison.vms.len()).map(|vm| match comparison.mean(vm) {
            None => NONE.to_string(),
            Some(mean) if mean.count == total => ratio_with_interval(&mean.ratio),
            Some(mean) => format!("{} ({} of {total})", ratio_with_interval(&mean.ratio), mean.count),
        }),
    );
    table.render()
}

fn process_table(comparison: &Comparison, results: &Results) -> String {
    let columns = ["runs", "CPU time", "CPU / elapsed", "peak memory"].map(String::from);
    let mut table = Table::new("VM", &columns);
    for vm in &comparison.vms {
        let runs: Vec<&Invocation> = results.invocations.iter().filter(|run| run.vm == *vm).collect();
        let cpu: f64 = runs.iter().map(|run| run.cost.cpu()).sum();
        let wall: f64 = runs.iter().map(|run| run.cost.wall).sum();
        let memory = runs.iter().map(|run| run.cost.peak_rss).fold(0.0, f64::max);
        // ReBench's own files do not say what a process took.
        let cells = [runs.len().to_string(), time(cpu), format!("{:.2}", cpu / wall), self::memory(memory)];
        let empty = || [runs.len().to_string(), NONE.to_string(), NONE.to_string(), NONE.to_string()];
        table.add(vm, (if wall > 0.0 { cells } else { empty() }).into_iter());
    }
    table.render()
}

/// The report of a `startup` experiment.
pub fn startup(comparison: &Comparison, results: &Results) -> String {
    let ratio = format!("ratio to {}", comparison.baseline_name());
    let columns = ["CPU time".to_string(), ratio, "elapsed".to_string(), "peak memory".to_string()];
    let mut table = Table::new("VM", &columns);
    for (vm, name) in comparison.vms.iter().enumerate() {
        let memory = cost_median(results, name, |cost| cost.peak_rss);
        let cells = [
            optional(comparison.time(0, vm), time_with_error),
            optional(comparison.ratio(0, vm).as_ref(), ratio_with_interval),
            optional(cost_median(results, name, |cost| cost.wall).as_ref(), |wall| time(*wall)),
            optional(memory.as_ref(), |peak| bounded_memory(*peak)),
        ];
        table.add(name, cells.into_iter());
    }
    format!("Start to end of a process that prints one line (median; 95 % interval)\n\n{}\n", table.render())
}

fn cost_median(results: &Results, vm: &str, part: fn(&Cost) -> f64) -> Option<f64> {
    let mut values: Vec<f64> =
        results.invocations.iter().filter(|run| run.vm == vm).map(|run| part(&run.cost)).collect();
    (!values.is_empty()).then(|| stats::median(&mut values))
}

/// What failed and why; empty when nothing did.
pub fn failures(results: &Results) -> String {
    let lines = results
        .failures
        .iter()
        .map(|failure| format!("  {} on {}: {}\n", failure.benchmark, failure.vm, failure.reason));
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("\nFailed, and left out of all means:\n{lines}") }
}

/// All benchmarks and VMs known by name.
pub fn list() -> String {
    let mut benchmarks = Table::new("Benchmark", &["suite", "quick", "steady", "warmup"].map(String::from));
    for entry in ENTRIES {
        let suite = entry.suite.to_possible_value().map_or(String::new(), |value| value.get_name().to_string());
        let counts = [Size::Quick, Size::Steady, Size::Warmup].map(|size| entry.inner(size).to_string());
        benchmarks.add(entry.name, std::iter::once(suite).chain(counts));
    }
    let names = OURS.iter().copied().chain(PEERS.iter().map(|peer| (peer.name, peer.description)));
    let vms: String = names.map(|(name, description)| format!("  {name:<12}{description}\n")).collect();
    format!("{}\nVMs (for --vms):\n{vms}", benchmarks.render())
}

fn optional<T>(value: Option<&T>, show: impl Fn(&T) -> String) -> String {
    value.map_or(NONE.to_string(), show)
}

fn time_with_error(estimate: &Estimate) -> String {
    let value = time(estimate.value);
    match estimate.interval() {
        None => value,
        Some(interval) => {
            let half = (interval.high - interval.low) / 2.0 / estimate.value * 100.0;
            format!("{value} ±{half:.0}%")
        }
    }
}

fn ratio_with_interval(estimate: &Estimate) -> String {
    let value = ratio(estimate.value);
    match estimate.interval() {
        None => value,
        Some(interval) => format!("{value} [{}, {}]", ratio(interval.low), ratio(interval.high)),
    }
}

/// A ratio with two decimals, or two significant digits when it is small.
pub fn ratio(value: f64) -> String {
    if value < 0.095 { format!("{value:.3}") } else { format!("{value:.2}") }
}

/// A time with three significant digits, in the unit that suits it.
fn time(milliseconds: f64) -> String {
    let (value, unit) = match milliseconds {
        ms if ms < 0.9995 => (ms * 1e3, "us"),
        ms if ms < 999.5 => (ms, "ms"),
        ms => (ms * 1e-3, "s"),
    };
    let decimals = match value {
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

fn memory(kib: f64) -> String {
    format!("{:.1} MiB", kib / 1024.0)
}

/// Peaks are never seen below this program's own; see [`process`].
fn bounded_memory(kib: f64) -> String {
    let bound = if kib <= process::own_peak_rss() { "<= " } else { "" };
    format!("{bound}{}", memory(kib))
}

#[cfg(test)]
mod tests;

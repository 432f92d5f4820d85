//! The report of a `warmup` experiment: a table for each VM, and whether the bar held.

use std::iter;

use crate::cli::Clock;
use crate::results::Results;
use crate::stats;
use crate::table::{NONE, Table};
use crate::warmup::{Certainty, Curve, Curves, Excess};

use super::{busy_warning, optional, ratio};

/// Numbers of iterations after which the table shows where a VM stands, before the last.
const MARKS: [usize; 3] = [1, 10, 100];

/// All VMs that have something to show, relative to the baseline.
pub fn warmup(curves: &Curves, results: &Results) -> String {
    let baseline = &curves.vms[curves.baseline];
    let time = match curves.clock {
        Clock::Harness => "Time of the first n iterations",
        Clock::Cpu => "CPU time of a process of n iterations",
    };
    let tables = curves.others().map(|vm| {
        let name = &curves.vms[vm];
        format!("{time} on {name}, relative to {baseline} (median; below 1 is ahead)\n\n{}\n", table(curves, vm))
    });
    tables.collect::<String>() + &busy_warning(curves.clock, results)
}

fn table(curves: &Curves, vm: usize) -> String {
    let headings = ["worst".to_string(), "at n =".to_string()]
        .into_iter()
        .chain(MARKS.map(|mark| format!("n = {mark}")))
        .chain(["at the end", "n =", "ahead for good from n =", "CPU time of processes"].map(String::from));
    let headings: Vec<String> = headings.collect();
    let mut table = Table::new("Benchmark", &headings);
    for (benchmark, name) in curves.benchmarks.iter().enumerate() {
        match curves.curve(benchmark, vm) {
            Some(curve) => table.add(name, cells(curve).into_iter()),
            None => table.add(name, iter::repeat_n(NONE.to_string(), headings.len())),
        }
    }
    let mean = |value: &dyn Fn(&Curve) -> Option<f64>| mean(curves, vm, value);
    let means = [mean(&|curve| Some(curve.worst().ratio)), String::new()]
        .into_iter()
        .chain(MARKS.map(|mark| mean(&|curve| curve.at(mark))))
        .chain([mean(&|curve| Some(curve.last().ratio)), String::new(), String::new(), mean(&|curve| curve.cpu)]);
    table.add("geometric mean", means);
    table.render()
}

fn cells(curve: &Curve) -> Vec<String> {
    let (worst, last) = (curve.worst(), curve.last());
    let ahead = curve.ahead_for_good().map_or("never".to_string(), |point| point.iterations.to_string());
    [ratio(worst.ratio), worst.iterations.to_string()]
        .into_iter()
        .chain(MARKS.map(|mark| shown(curve.at(mark))))
        .chain([ratio(last.ratio), last.iterations.to_string(), ahead, shown(curve.cpu)])
        .collect()
}

fn shown(value: Option<f64>) -> String {
    optional(value.as_ref(), |value| ratio(*value))
}

/// The geometric mean over all benchmarks that have a value, and how many those are if some have none.
fn mean(curves: &Curves, vm: usize, value: &dyn Fn(&Curve) -> Option<f64>) -> String {
    let values: Vec<f64> = curves.of(vm).filter_map(|(_, curve)| value(curve)).collect();
    match values.len() {
        0 => NONE.to_string(),
        count if count == curves.benchmarks.len() => ratio(stats::geometric_mean_of_values(&values)),
        count => {
            format!("{} ({count} of {})", ratio(stats::geometric_mean_of_values(&values)), curves.benchmarks.len())
        }
    }
}

/// Whether all VMs stayed below the bar.
pub fn bar(curves: &Curves, bar: f64) -> String {
    let above = curves.above(bar);
    let lines = |certainty: Certainty| -> String {
        let found = above.iter().filter(|excess| excess.certainty == certainty);
        found
            .map(|Excess { vm, benchmark, point, .. }| {
                format!("  {benchmark} on {vm}: {} at n = {}\n", ratio(point.ratio), point.iterations)
            })
            .collect()
    };
    let verdict = match lines(Certainty::Certain) {
        none if none.is_empty() => format!("The bar of {bar} holds.\n"),
        certain => format!("The bar of {bar} is broken:\n{certain}"),
    };
    match lines(Certainty::Uncertain) {
        none if none.is_empty() => verdict,
        uncertain => format!("{verdict}Above it, but perhaps by chance (more --invocations will tell):\n{uncertain}"),
    }
}

#[cfg(test)]
mod tests;

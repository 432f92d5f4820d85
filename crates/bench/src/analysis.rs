//! Turns results into a table of estimates: benchmarks down, VMs across, with ratios to a baseline.
//!
//! A geometric mean covers exactly the benchmarks that both
//! the VM and the baseline completed, and says how many those were; comparing means over different sets is the oldest
//! mistake in this trade.

use crate::cli::Clock;
use crate::complaint::Complaint;
use crate::results::Results;
use crate::stats::{self, Estimate, Random};

/// The estimates of an experiment.
pub struct Comparison {
    /// VM names, in order.
    pub vms: Vec<String>,
    /// Benchmarks, in order.
    pub benchmarks: Vec<String>,
    /// What times were read from.
    pub clock: Clock,
    /// Index of the baseline in `vms`.
    pub baseline: usize,
    /// By benchmark, then by VM; none where a run failed, is missing, or was too short for its clock.
    estimates: Vec<Vec<Option<Estimate>>>,
}

/// A geometric mean of ratios, and over how many benchmarks.
pub struct Mean {
    /// The mean.
    pub ratio: Estimate,
    /// How many benchmarks it covers.
    pub count: usize,
}

impl Comparison {
    /// Analyses `results` by the time that `clock` shows, with ratios to the VM named `baseline`, by default the first.
    ///
    /// # Errors
    /// When there is no data, or no VM of that name.
    pub fn new(results: &Results, baseline: Option<&str>, clock: Clock) -> Result<Self, Complaint> {
        let (vms, benchmarks) = (results.vms.clone(), results.benchmarks.clone());
        let baseline = find_baseline(results, baseline)?;
        let mut random = Random::new();
        let estimates = benchmarks
            .iter()
            .map(|benchmark| vms.iter().map(|vm| estimate(results, vm, benchmark, clock, &mut random)).collect())
            .collect();
        Ok(Comparison { clock, vms, benchmarks, baseline, estimates })
    }

    /// The estimate of a benchmark on a VM, ms.
    pub fn time(&self, benchmark: usize, vm: usize) -> Option<&Estimate> {
        self.estimates[benchmark][vm].as_ref()
    }

    /// The estimate as a multiple of the baseline's; below 1 is faster.
    pub fn ratio(&self, benchmark: usize, vm: usize) -> Option<Estimate> {
        Some(self.time(benchmark, vm)?.ratio_to(self.time(benchmark, self.baseline)?))
    }

    /// The geometric mean of a VM's ratios.
    pub fn mean(&self, vm: usize) -> Option<Mean> {
        let ratios: Vec<Estimate> =
            (0..self.benchmarks.len()).filter_map(|benchmark| self.ratio(benchmark, vm)).collect();
        let ratio = stats::geometric_mean(&ratios.iter().collect::<Vec<_>>())?;
        Some(Mean { ratio, count: ratios.len() })
    }

    /// What was clearly faster in the second half of its measured iterations than in the first: VM, benchmark, and the share
    /// of its time that it gained.
    pub fn still_warming<'a>(&'a self, results: &'a Results) -> Vec<(&'a str, &'a str, f64)> {
        let mut found = Vec::new();
        for benchmark in &self.benchmarks {
            for vm in self.vms.iter().filter(|vm| !results.has_failed(vm, benchmark)) {
                if let Some(gain) = gain(results, vm, benchmark).filter(|gain| *gain > CLEAR_GAIN) {
                    found.push((vm.as_str(), benchmark.as_str(), gain));
                }
            }
        }
        found
    }

    /// The name of the baseline.
    pub fn baseline_name(&self) -> &str {
        &self.vms[self.baseline]
    }
}

/// The share of its time that a VM must gain for it to count as still warming up.
const CLEAR_GAIN: f64 = 0.1;

/// Fewer measured iterations than these are not enough to tell warming up from noise.
const ENOUGH_ITERATIONS: usize = 10;

/// By which share the second half of the measured iterations was faster than the first, in the median over invocations.
fn gain(results: &Results, vm: &str, benchmark: &str) -> Option<f64> {
    let measured =
        results.invocations_of(vm, benchmark).map(|run| run.iterations.get(results.warmup..).unwrap_or_default());
    let gains = measured.filter(|times| times.len() >= ENOUGH_ITERATIONS).map(|times| {
        let (first, second) = times.split_at(times.len() / 2);
        1.0 - stats::median(&mut second.to_vec()) / stats::median(&mut first.to_vec())
    });
    let mut gains: Vec<f64> = gains.filter(|gain| gain.is_finite()).collect();
    (!gains.is_empty()).then(|| stats::median(&mut gains))
}

fn no_data(results: &Results) -> String {
    let mut text = "no run succeeded".to_string();
    for failure in &results.failures {
        text.push_str(&format!("\n  {} on {}: {}", failure.benchmark, failure.vm, failure.reason));
    }
    text
}

/// The index of the VM that others are compared with: that of this name, by default the first.
///
/// # Errors
/// When there is no VM of that name, or no data at all.
pub fn find_baseline(results: &Results, name: Option<&str>) -> Result<usize, Complaint> {
    if results.invocations.is_empty() {
        return Err(Complaint::new(no_data(results)));
    }
    let Some(name) = name else { return Ok(0) };
    let vms = &results.vms;
    vms.iter().position(|vm| vm == name).ok_or_else(|| {
        Complaint::with_remedy(
            format!("the baseline '{name}' is not among the VMs"),
            format!("--baseline must be one of: {}", vms.join(", ")),
        )
    })
}

fn estimate(results: &Results, vm: &str, benchmark: &str, clock: Clock, random: &mut Random) -> Option<Estimate> {
    if results.has_failed(vm, benchmark) {
        return None;
    }
    let runs = results.invocations_of(vm, benchmark).map(|run| match clock {
        Clock::Harness => run.iterations.get(results.warmup..).unwrap_or_default().to_vec(),
        Clock::Cpu => vec![run.cost.cpu() / run.iterations.len() as f64],
    });
    Estimate::new(&runs.collect::<Vec<_>>(), random).filter(|estimate| estimate.value > 0.0)
}

#[cfg(test)]
mod tests;

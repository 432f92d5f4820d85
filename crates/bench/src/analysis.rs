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
        if results.invocations.is_empty() {
            return Err(Complaint::new(no_data(results)));
        }
        let (vms, benchmarks) = (results.vms.clone(), results.benchmarks.clone());
        let baseline = find_baseline(&vms, baseline)?;
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

    /// The name of the baseline.
    pub fn baseline_name(&self) -> &str {
        &self.vms[self.baseline]
    }
}

fn no_data(results: &Results) -> String {
    let mut text = "no run succeeded".to_string();
    for failure in &results.failures {
        text.push_str(&format!("\n  {} on {}: {}", failure.benchmark, failure.vm, failure.reason));
    }
    text
}

fn find_baseline(vms: &[String], name: Option<&str>) -> Result<usize, Complaint> {
    let Some(name) = name else { return Ok(0) };
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

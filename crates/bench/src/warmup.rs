//! Whether, and when, a VM that warms up has paid for it.
//!
//! # Terms
//! - *cumulative time after n iterations*: what the first n iterations of a process took together; the median over
//!   invocations. By `--clock cpu`, the CPU time of processes that were told to run n iterations.
//! - *curve*: the ratio of a VM's cumulative time to the baseline's (as a rule, an interpreter's), over n.
//! - *worst*: the curve's highest point. A VM that never makes a program slower, however short that is, stays near 1.
//! - *ahead for good*: the curve stays below 1 from here on. Counted in iterations, this is the break-even point.
//!
//! Medians of sums and not sums of medians: a pause for compilation comes in another iteration of each process, so that the
//! median of every single iteration would miss all of them.
//!
//! By elapsed time a curve has a point at every n, but whatever disturbs an early iteration is seen in it: after n = 1, the sum
//! *is* one iteration. The worst of many points is also the one that chance was hardest on: of two equal VMs, either seems to be
//! worse somewhere. So a bar counts as broken only where the whole 95 % interval of the ratio lies above it. On a busy machine CPU time is the better measure. Its curve has a few points only, as each takes
//! processes of its own, and it contains the start of the process, as what a user waits for does.

use std::collections::BTreeMap;

use crate::analysis::find_baseline;
use crate::cli::Clock;
use crate::complaint::Complaint;
use crate::results::{Invocation, Results};
use crate::stats::{self, Estimate, Random};

/// The curves of an experiment.
pub struct Curves {
    /// VM names, in order.
    pub vms: Vec<String>,
    /// Benchmarks, in order.
    pub benchmarks: Vec<String>,
    /// What times were read from.
    pub clock: Clock,
    /// Index of the baseline in `vms`.
    pub baseline: usize,
    /// By benchmark, then by VM; none where a run failed or is missing.
    curves: Vec<Vec<Option<Curve>>>,
}

/// A VM on a benchmark.
pub struct Curve {
    /// By ascending number of iterations; not empty.
    pub points: Vec<Point>,
    /// CPU time of the longest processes as a whole, as a multiple of the baseline's; none if it was not recorded.
    pub cpu: Option<f64>,
    /// What every point was computed from.
    samples: Vec<Samples>,
}

/// Cumulative times after the same number of iterations, one for each invocation.
struct Samples {
    own: Vec<f64>,
    baseline: Vec<f64>,
}

/// A curve that rises above a bar.
#[derive(Debug, PartialEq)]
pub struct Excess<'a> {
    /// The VM.
    pub vm: &'a str,
    /// The benchmark.
    pub benchmark: &'a str,
    /// The highest point that is certainly above the bar, or if there is none, the highest.
    pub point: Point,
    /// Whether that is more than chance.
    pub certainty: Certainty,
}

/// How sure it is that a point is above a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// All of its 95 % interval is, or there is no interval, as a VM ran once only.
    Certain,
    /// It may be chance.
    Uncertain,
}

/// What was reached after a number of iterations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The number.
    pub iterations: usize,
    /// Cumulative time as a multiple of the baseline's; below 1 is ahead.
    pub ratio: f64,
}

impl Curves {
    /// Analyses `results`, relative to the VM named `baseline`, by default the first.
    ///
    /// # Errors
    /// When there is no VM of that name, or no benchmark that both the baseline and another VM completed.
    pub fn new(results: &Results, baseline: Option<&str>, clock: Clock) -> Result<Self, Complaint> {
        let (vms, benchmarks) = (results.vms.clone(), results.benchmarks.clone());
        let baseline = find_baseline(results, baseline)?;
        let curve = |vm: &String, benchmark: &String| curve(results, vm, &vms[baseline], benchmark, clock);
        let of_benchmark = |benchmark| vms.iter().map(|vm| curve(vm, benchmark)).collect();
        let curves: Vec<Vec<Option<Curve>>> = benchmarks.iter().map(of_benchmark).collect();
        let curves = Curves { vms, benchmarks, clock, baseline, curves };
        if curves.others().next().is_none() {
            return Err(Complaint::with_remedy(
                "there are no two VMs that completed the same benchmark",
                "warm-up is shown relative to another VM: say by --baseline to which",
            ));
        }
        Ok(curves)
    }

    /// All VMs that have a curve, but for the baseline.
    pub fn others(&self) -> impl Iterator<Item = usize> {
        (0..self.vms.len()).filter(|vm| *vm != self.baseline && self.of(*vm).next().is_some())
    }

    /// The curves of a VM, with their benchmarks.
    pub fn of(&self, vm: usize) -> impl Iterator<Item = (&str, &Curve)> {
        let named = self.benchmarks.iter().zip(&self.curves);
        named.filter_map(move |(name, row)| Some((name.as_str(), row[vm].as_ref()?)))
    }

    /// The curve of a benchmark on a VM.
    pub fn curve(&self, benchmark: usize, vm: usize) -> Option<&Curve> {
        self.curves[benchmark][vm].as_ref()
    }

    /// The curves of VMs other than the baseline that rise above `bar`.
    pub fn above(&self, bar: f64) -> Vec<Excess<'_>> {
        let of_vm = |vm: usize| {
            self.of(vm).filter_map(move |(benchmark, curve)| {
                let (point, certainty) = curve.above(bar)?;
                Some(Excess { vm: &self.vms[vm], benchmark, point, certainty })
            })
        };
        self.others().flat_map(of_vm).collect()
    }
}

impl Curve {
    /// The highest point, the first of them if there are several.
    pub fn worst(&self) -> Point {
        let higher = |a: Point, b: Point| if b.ratio > a.ratio { b } else { a };
        self.points.iter().copied().fold(self.points[0], higher)
    }

    /// The highest point that is certainly above `bar`, or if there is none, the highest above it.
    fn above(&self, bar: f64) -> Option<(Point, Certainty)> {
        let mut higher: Vec<usize> = (0..self.points.len()).filter(|place| self.points[*place].ratio > bar).collect();
        higher.sort_by(|one, other| self.points[*other].ratio.total_cmp(&self.points[*one].ratio));
        let highest = self.points[*higher.first()?];
        let certain = higher.into_iter().find(|place| self.samples[*place].lower_end().is_none_or(|low| low > bar));
        Some(certain.map_or((highest, Certainty::Uncertain), |place| (self.points[place], Certainty::Certain)))
    }

    /// The last point.
    pub fn last(&self) -> Point {
        self.points[self.points.len() - 1]
    }

    /// The ratio after so many iterations, if the curve has a point there.
    pub fn at(&self, iterations: usize) -> Option<f64> {
        let place = self.points.binary_search_by_key(&iterations, |point| point.iterations).ok()?;
        Some(self.points[place].ratio)
    }

    /// The first point from which on the VM is ahead; none if it is not ahead in the end.
    pub fn ahead_for_good(&self) -> Option<Point> {
        let behind = self.points.iter().rposition(|point| point.ratio >= 1.0);
        self.points.get(behind.map_or(0, |place| place + 1)).copied()
    }
}

fn curve(results: &Results, vm: &str, baseline: &str, benchmark: &str, clock: Clock) -> Option<Curve> {
    if results.has_failed(vm, benchmark) || results.has_failed(baseline, benchmark) {
        return None;
    }
    let own: Vec<&Invocation> = results.invocations_of(vm, benchmark).collect();
    let base: Vec<&Invocation> = results.invocations_of(baseline, benchmark).collect();
    let mut base_times = cumulative_times(&base, clock);
    let (mut points, mut samples) = (Vec::new(), Vec::new());
    for (iterations, own) in cumulative_times(&own, clock) {
        let Some(baseline) = base_times.remove(&iterations) else { continue };
        let found = Samples { own, baseline };
        let ratio = found.ratio();
        // A time of zero, below the clock's resolution, has no ratio.
        if ratio.is_finite() && ratio > 0.0 {
            points.push(Point { iterations, ratio });
            samples.push(found);
        }
    }
    let cpu = Some(process_time(&own)? / process_time(&base)?).filter(|ratio| ratio.is_finite() && *ratio > 0.0);
    (!points.is_empty()).then_some(Curve { points, cpu, samples })
}

impl Samples {
    fn ratio(&self) -> f64 {
        stats::median(&mut self.own.clone()) / stats::median(&mut self.baseline.clone())
    }

    /// The lower end of the ratio's 95 % interval; none if there is no interval.
    fn lower_end(&self) -> Option<f64> {
        let mut random = Random::new();
        let mut estimate =
            |times: &[f64]| Estimate::new(&times.iter().map(|time| vec![*time]).collect::<Vec<_>>(), &mut random);
        Some(estimate(&self.own)?.ratio_to(&estimate(&self.baseline)?).interval()?.low)
    }
}

/// The cumulative times of all invocations, by number of iterations.
fn cumulative_times(invocations: &[&Invocation], clock: Clock) -> BTreeMap<usize, Vec<f64>> {
    let mut times: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (iterations, sum) in invocations.iter().flat_map(|run| sums(run, clock)) {
        times.entry(iterations).or_default().push(sum);
    }
    times
}

/// What a process says about cumulative times.
fn sums(run: &Invocation, clock: Clock) -> Vec<(usize, f64)> {
    match clock {
        Clock::Cpu => vec![(run.iterations.len(), run.cost.cpu())],
        Clock::Harness => {
            let sum = |sum: &mut f64, time: &f64| {
                *sum += time;
                Some(*sum)
            };
            run.iterations.iter().scan(0.0, sum).enumerate().map(|(index, sum)| (index + 1, sum)).collect()
        }
    }
}

/// The median CPU time of the longest processes.
fn process_time(invocations: &[&Invocation]) -> Option<f64> {
    cumulative_times(invocations, Clock::Cpu).pop_last().map(|(_, mut times)| stats::median(&mut times))
}

#[cfg(test)]
mod tests;

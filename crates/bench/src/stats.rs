//! Estimates with confidence intervals, and their ratios and geometric means.
//!
//! The estimate of a benchmark on a VM is the median over the measured iterations of each invocation, then the median
//! of those. Medians, because interruptions by the machine only ever add time, sometimes much.
//!
//! The confidence interval is a percentile bootstrap that resamples as the data were made: invocations first, then
//! iterations within each (Kalibera and Jones, "Rigorous Benchmarking in Reasonable Time", 2013). An estimate keeps its
//! bootstrap *replicates*; a ratio or a geometric mean is computed replicate by replicate and so has an interval
//! without any assumption on the distribution. With a single invocation the interval covers only what varies
//! *within* a process; layout and seeds, which vary between processes, need several. From few values an interval is too
//! narrow, and from one value there is none.

/// Bootstrap replicates of an estimate; the ends of a 95 % interval then rest on 50 replicates each.
const REPLICATES: usize = 2000;

/// The share of replicates outside the interval on each side.
const TAIL: f64 = 0.025;

/// A value with its bootstrap replicates.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// The estimate itself.
    pub value: f64,
    /// None if the estimate, or one that it was computed from, rests on a single value.
    replicates: Vec<f64>,
}

/// A 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Estimate {
    /// The estimate for the measured iterations of several invocations; none without data.
    pub fn new(invocations: &[Vec<f64>], random: &mut Random) -> Option<Self> {
        let invocations: Vec<&[f64]> =
            invocations.iter().map(Vec::as_slice).filter(|times| !times.is_empty()).collect();
        if invocations.is_empty() {
            return None;
        }
        let mut medians: Vec<f64> = invocations.iter().map(|times| median(&mut times.to_vec())).collect();
        let single = invocations.iter().map(|times| times.len()).sum::<usize>() == 1;
        let count = if single { 0 } else { REPLICATES };
        let replicates = (0..count).map(|_| replicate(&invocations, random)).collect();
        Some(Estimate { value: median(&mut medians), replicates })
    }

    /// This divided by `base`.
    pub fn ratio_to(&self, base: &Estimate) -> Estimate {
        let replicates = self.replicates.iter().zip(&base.replicates).map(|(mine, its)| mine / its).collect();
        Estimate { value: self.value / base.value, replicates }
    }

    /// The 95 % confidence interval; none if the estimate rests on a single value.
    pub fn interval(&self) -> Option<Interval> {
        let mut sorted = self.replicates.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let cut = (last as f64 * TAIL) as usize;
        Some(Interval { low: sorted[cut], high: sorted[last - cut] })
    }
}

/// The median over resampled invocations of the medians over their resampled iterations.
fn replicate(invocations: &[&[f64]], random: &mut Random) -> f64 {
    let mut medians = Vec::with_capacity(invocations.len());
    let mut times = Vec::new();
    for _ in invocations {
        let invocation = random.choose(invocations);
        times.clear();
        times.extend(invocation.iter().map(|_| *random.choose(invocation)));
        medians.push(median(&mut times));
    }
    median(&mut medians)
}

/// The geometric mean of positive estimates; none for an empty list.
pub fn geometric_mean(estimates: &[&Estimate]) -> Option<Estimate> {
    let count = estimates.iter().map(|estimate| estimate.replicates.len()).min()?;
    let mean = |value: &dyn Fn(&Estimate) -> f64| {
        geometric_mean_of_values(&estimates.iter().map(|estimate| value(estimate)).collect::<Vec<_>>())
    };
    Some(Estimate {
        value: mean(&|estimate| estimate.value),
        replicates: (0..count).map(|index| mean(&|estimate| estimate.replicates[index])).collect(),
    })
}

/// The geometric mean of positive numbers, of which there must be at least one.
pub fn geometric_mean_of_values(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

/// The median; sorts `values`, of which there must be at least one.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, good enough to resample with, and the same on every machine, so
/// that a report made twice from the same data is the same report.
pub struct Random {
    state: u64,
}

impl Random {
    /// The generator's one and only sequence.
    pub fn new() -> Self {
        Random { state: 0 }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `items`, which must not be empty; the modulo's bias is below one in 2^50 for any list that fits here.
    fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[(self.next() % items.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests;

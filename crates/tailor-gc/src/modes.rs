//! Modes for testing: how they are asked for, and how often they act.
//!
//! A collection at every allocation finds every fault that any collection can, but takes time that is the product of
//! allocations and heap. A *sample* of the allocations costs a fraction, and finds in many runs what the whole finds in
//! one: the intervals are random, so no loop of the program runs in step with them, and depend on a seed, so a run can
//! be repeated, and another seed hits other allocations.

use std::fmt;

use crate::HeapConfig;

/// How often stress mode collects, and how often verification checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// In stress mode, one allocation in so many collects, on average. 1, the default: each. At least 1.
    pub stress: u32,
    /// With verification, one collection in so many is checked, on average. 1, the default: each. At least 1.
    pub verify: u32,
    /// Which ones these are, if not all.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { stress: 1, verify: 1, seed: 0 }
    }
}

/// A text that names no mode, see [`HeapConfig::set_modes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMode(String);

impl fmt::Display for UnknownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is no mode of the collector; there are stress, stress=N, verify, verify=N and seed=S, \
             separated by commas, where N is a number from 1 to {}, and S one from 0 to {}",
            self.0,
            u32::MAX,
            u64::MAX
        )
    }
}
impl std::error::Error for UnknownMode {}

impl HeapConfig {
    /// Sets the modes that a text such as `stress,verify` or `stress=1000,verify=10,seed=7` names, for environment
    /// variables and the like; others stay as they are.
    ///
    /// # Errors
    /// If part of the text names no mode, or its number is out of range.
    pub fn set_modes(&mut self, text: &str) -> Result<(), UnknownMode> {
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let unknown = || UnknownMode(item.into());
            let (mode, number) = match item.split_once('=') {
                Some((mode, number)) => (mode, Some(number.parse::<u64>().map_err(|_| unknown())?)),
                None => (item, None),
            };
            let interval = || u32::try_from(number.unwrap_or(1)).ok().filter(|&n| n > 0).ok_or_else(unknown);
            match (mode, number) {
                ("stress", _) => (self.stress, self.sampling.stress) = (true, interval()?),
                ("verify", _) => (self.verify, self.sampling.verify) = (true, interval()?),
                ("seed", Some(seed)) => self.sampling.seed = seed,
                _ => return Err(unknown()),
            }
        }
        Ok(())
    }
}

/// Decides which allocations collect and which collections are checked.
pub(crate) struct Sampler {
    sampling: Sampling,
    random: u64,
    /// Events until the next that counts.
    until_collection: u64,
    until_check: u64,
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling) -> Sampler {
        let mut sampler = Sampler { sampling, random: sampling.seed, until_collection: 0, until_check: 0 };
        sampler.until_collection = sampler.interval(sampling.stress);
        sampler.until_check = sampler.interval(sampling.verify);
        sampler
    }

    /// To be asked at each allocation in stress mode: whether it collects.
    pub(crate) fn collects(&mut self) -> bool {
        self.until_collection -= 1;
        let due = self.until_collection == 0;
        if due {
            self.until_collection = self.interval(self.sampling.stress);
        }
        due
    }

    /// To be asked after each collection if there is verification: whether the heap is checked.
    pub(crate) fn checks(&mut self) -> bool {
        self.until_check -= 1;
        let due = self.until_check == 0;
        if due {
            self.until_check = self.interval(self.sampling.verify);
        }
        due
    }

    /// A number from 1 to `2 * mean - 1`, all equally likely.
    fn interval(&mut self, mean: u32) -> u64 {
        // SplitMix64 (Steele, Lea, Flood, 2014).
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        1 + (z ^ z >> 31) % (2 * u64::from(mean.max(1)) - 1)
    }
}

#[cfg(test)]
mod tests;

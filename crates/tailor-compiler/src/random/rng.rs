//! A small generator of random numbers: the same from its seed on every platform and in every release.

/// SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Starts from `seed`; different seeds give unrelated sequences.
    pub fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6a09_e667_f3bc_c908)
    }

    /// Any word.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.word()) * bound as u128) >> 64) as usize
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`, which are not none.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// An integer of the kind that finds mistakes: small, near a power of two, near an end, or anything.
    pub fn int(&mut self) -> i64 {
        match self.below(10) {
            0..=3 => self.below(20) as i64 - 4,
            4 => self.below(600) as i64 - 300,
            5 => (1i64 << self.below(63)).wrapping_add(self.below(3) as i64 - 1),
            6 => (1i64 << self.below(63)).wrapping_neg().wrapping_add(self.below(3) as i64 - 1),
            7 => self.pick(&[i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1, i32::MIN.into(), i32::MAX.into()]),
            8 => self.word() as i64 >> self.below(64),
            _ => self.word() as i64,
        }
    }

    /// A double of the kind that finds mistakes.
    pub fn float(&mut self) -> f64 {
        match self.below(8) {
            0..=2 => self.below(40) as f64 / 4.0 - 3.0,
            3 => self.pick(&[0.0, -0.0, 1.0, -1.0, 0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]),
            4 => self.pick(&[
                f64::MIN,
                f64::MAX,
                f64::EPSILON,
                f64::MIN_POSITIVE,
                9.3e18,
                -9.3e18,
                9_007_199_254_740_993.0,
            ]),
            5 => self.int() as f64,
            6 => self.int() as f64 / 1024.0,
            // Not the payloads of NaNs: they are not specified.
            _ => Some(f64::from_bits(self.word())).filter(|float| !float.is_nan()).unwrap_or(2.5),
        }
    }
}

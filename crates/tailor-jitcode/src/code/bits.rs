//! Sets of small numbers.

/// A set of numbers below a bound.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BitSet {
    words: Vec<u64>,
}

impl BitSet {
    /// The empty set of numbers below `bound`.
    #[inline]
    pub fn new(bound: usize) -> BitSet {
        BitSet { words: vec![0; bound.div_ceil(64)] }
    }

    /// Makes it the same as `other`, the words of a set with the same bound.
    #[inline]
    pub fn copy_from(&mut self, other: &[u64]) {
        self.words.copy_from_slice(other);
    }

    /// Removes all.
    #[inline]
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Its words.
    #[inline]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Whether it contains `number`.
    #[inline]
    pub fn contains(&self, number: usize) -> bool {
        self.words[number / 64] >> (number % 64) & 1 == 1
    }

    /// Adds `number`; whether it was new.
    #[inline]
    pub fn insert(&mut self, number: usize) -> bool {
        let (word, bit) = (&mut self.words[number / 64], 1 << (number % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Removes `number`.
    #[inline]
    pub fn remove(&mut self, number: usize) {
        self.words[number / 64] &= !(1 << (number % 64));
    }

    /// Adds all of `other`; whether there was anything new.
    #[inline]
    pub fn union_with(&mut self, other: &[u64]) -> bool {
        unite(&mut self.words, other)
    }

    /// Removes all of `other`.
    #[inline]
    pub fn subtract(&mut self, other: &[u64]) {
        for (word, &less) in self.words.iter_mut().zip(other) {
            *word &= !less;
        }
    }

    /// Its numbers, increasing.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        numbers(&self.words)
    }
}

/// Sets of numbers below one bound, by index.
pub(crate) struct BitSets {
    words: Vec<u64>,
    /// Words a set.
    width: usize,
}

impl BitSets {
    /// `count` empty sets of numbers below `bound`.
    #[inline]
    pub fn new(count: usize, bound: usize) -> BitSets {
        let width = bound.div_ceil(64);
        BitSets { words: vec![0; count * width], width }
    }

    /// The words of a set.
    #[inline]
    pub fn words(&self, index: usize) -> &[u64] {
        &self.words[index * self.width..(index + 1) * self.width]
    }

    /// Whether a set contains `number`.
    #[inline]
    pub fn contains(&self, index: usize, number: usize) -> bool {
        self.words(index)[number / 64] >> (number % 64) & 1 == 1
    }

    /// Adds `number` to a set.
    #[inline]
    pub fn insert(&mut self, index: usize, number: usize) {
        self.words[index * self.width + number / 64] |= 1 << (number % 64);
    }

    /// Removes `number` from a set.
    #[inline]
    pub fn remove(&mut self, index: usize, number: usize) {
        self.words[index * self.width + number / 64] &= !(1 << (number % 64));
    }

    /// Adds all of `other` to a set; whether there was anything new.
    #[inline]
    pub fn unite(&mut self, index: usize, other: &[u64]) -> bool {
        unite(&mut self.words[index * self.width..(index + 1) * self.width], other)
    }

    /// The numbers of a set, increasing.
    #[inline]
    pub fn iter(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        numbers(self.words(index))
    }
}

#[inline]
fn unite(words: &mut [u64], other: &[u64]) -> bool {
    let mut new = 0;
    for (word, &more) in words.iter_mut().zip(other) {
        new |= more & !*word;
        *word |= more;
    }
    new != 0
}

#[inline]
fn numbers(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(i, &word)| {
        std::iter::successors((word != 0).then_some(word), |&rest| {
            let rest = rest & (rest - 1);
            (rest != 0).then_some(rest)
        })
        .map(move |rest| i * 64 + rest.trailing_zeros() as usize)
    })
}

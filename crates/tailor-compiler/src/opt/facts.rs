//! Facts: what is known of a word, as an interval of signed integers and as bits whose value is known.
//!
//! A fact is a set of words: those within `lo..=hi` that have no bit of `zeros` and all bits of `ones`, without 0 if it is `nonzero`. It is always too large rather than too
//! small. Both halves sharpen each other ([`Fact::sharpen`]), as far as is cheap.
//!
//! *Why both?* Intervals decide comparisons, overflow and bounds checks; known bits decide tag tests and make masks vanish. Either alone loses much at the
//! boundary between tagged words and the integers in them.

/// A set of words; see the module's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Least value, as a signed integer.
    pub lo: i64,
    /// Greatest value, as a signed integer.
    pub hi: i64,
    /// Bits that are 0.
    pub zeros: u64,
    /// Bits that are 1.
    pub ones: u64,
    /// Not 0: what a check for null finds.
    pub nonzero: bool,
}

impl Fact {
    /// Nothing is known.
    pub const ANY: Fact = Fact { lo: i64::MIN, hi: i64::MAX, zeros: 0, ones: 0, nonzero: false };
    /// A truth value.
    pub const TRUTH: Fact = Fact { lo: 0, hi: 1, zeros: !1, ones: 0, nonzero: false };
    /// The address of an object.
    pub const OBJECT: Fact = Fact { zeros: 7, ..Fact::ANY };

    /// This word.
    pub fn constant(bits: u64) -> Fact {
        Fact { lo: bits as i64, hi: bits as i64, zeros: !bits, ones: bits, nonzero: bits != 0 }
    }

    /// From `lo` to `hi`, which is not less.
    pub fn range(lo: i64, hi: i64) -> Fact {
        Fact { lo, hi, ..Fact::ANY }.sharpen()
    }

    /// Words with these known bits.
    pub fn bits(zeros: u64, ones: u64) -> Fact {
        Fact { zeros, ones, ..Fact::ANY }.sharpen()
    }

    /// The word, if there is but one.
    pub fn as_constant(self) -> Option<u64> {
        (self.lo == self.hi).then_some(self.lo as u64)
    }

    /// Whether no word is in it: the place where it holds is never reached.
    fn is_empty(self) -> bool {
        self.lo > self.hi || self.zeros & self.ones != 0 || self.nonzero && (self.lo, self.hi) == (0, 0)
    }

    /// Never negative.
    pub fn is_nonnegative(self) -> bool {
        self.lo >= 0
    }

    /// Never zero.
    pub fn is_nonzero(self) -> bool {
        self.nonzero || self.ones != 0 || self.lo > 0 || self.hi < 0
    }

    /// Whether all words of `other` are in it.
    pub fn includes(self, other: Fact) -> bool {
        // The same set may have been written down with wider bounds.
        let other = other.sharpen();
        let bounds = self.lo <= other.lo && other.hi <= self.hi;
        let bits = self.zeros & !other.zeros == 0 && self.ones & !other.ones == 0;
        bounds && bits && (!self.nonzero || other.is_nonzero())
    }

    /// The words of both; `self` if there is none, for then the place is never reached and anything is right.
    pub fn meet(self, other: Fact) -> Fact {
        let both = Fact {
            lo: self.lo.max(other.lo),
            hi: self.hi.min(other.hi),
            zeros: self.zeros | other.zeros,
            ones: self.ones | other.ones,
            nonzero: self.nonzero || other.nonzero,
        };
        if both.is_empty() {
            return self;
        }
        let both = both.sharpen();
        if both.is_empty() { self } else { both }
    }

    /// The words of either.
    pub fn join(self, other: Fact) -> Fact {
        Fact {
            lo: self.lo.min(other.lo),
            hi: self.hi.max(other.hi),
            zeros: self.zeros & other.zeros,
            ones: self.ones & other.ones,
            nonzero: self.is_nonzero() && other.is_nonzero(),
        }
    }

    /// Lets the interval learn from the bits and the other way round.
    pub fn sharpen(self) -> Fact {
        let sign = 1 << 63;
        let Fact { mut lo, mut hi, mut zeros, mut ones, nonzero } = self;
        // The least and greatest words with these bits: an unknown sign bit is set for the least.
        let least = ones | if zeros & sign == 0 { sign } else { 0 };
        let greatest = !zeros & if ones & sign == 0 { !sign } else { !0 };
        lo = lo.max(least as i64);
        hi = hi.min(greatest as i64);
        lo += i64::from(nonzero && lo == 0 && hi > 0);
        hi -= i64::from(nonzero && hi == 0 && lo < 0);
        // Bits above the highest in which the bounds differ are those of all words between.
        let differing = (lo ^ hi) as u64;
        let common = if differing == 0 { !0 } else { !(!0 >> differing.leading_zeros()) };
        if lo <= hi {
            zeros |= common & !(lo as u64);
            ones |= common & lo as u64;
        }
        Fact { lo, hi, zeros, ones, nonzero }
    }
}

//! Native values as words: how trampolines pass them, and how constants get onto the tape.
//!
//! A value is as many words as its [`Shape`](crate::tape::Shape) has leaves. The words of the variants that an enum's value is not are left as they are.

use super::value::{ByAddress, JitType};

/// The words of a call's arguments, read from front to back.
#[derive(Debug)]
pub struct Arguments(*const u64);

impl Arguments {
    /// From the first word on.
    ///
    /// # Safety
    /// All words that will be read are there.
    #[inline(always)]
    pub unsafe fn new(first: *const u64) -> Arguments {
        Arguments(first)
    }

    /// The next word.
    ///
    /// # Safety
    /// There is one.
    #[inline(always)]
    pub unsafe fn word(&mut self) -> u64 {
        // SAFETY: the caller's promise.
        //
        // Volatile, since words are stored one by one: if two of them were loaded at once, the processor would wait for both stores to reach the cache.
        unsafe {
            let word = self.0.read_volatile();
            self.0 = self.0.add(1);
            word
        }
    }

    /// Leaves out words.
    ///
    /// # Safety
    /// They are there.
    #[inline(always)]
    pub unsafe fn skip(&mut self, words: usize) {
        // SAFETY: the caller's promise.
        self.0 = unsafe { self.0.add(words) };
    }

    /// The next value.
    ///
    /// # Safety
    /// Its words are there, and they are those of a `T`.
    #[inline(always)]
    pub unsafe fn next<T: Words>(&mut self) -> T {
        // SAFETY: the caller's promise.
        unsafe { T::read(self) }
    }

    /// What a parameter of type `&T` borrows from.
    ///
    /// # Safety
    /// As for [`Arguments::next`].
    #[inline(always)]
    pub unsafe fn next_borrowed<T: Borrowed>(&mut self) -> T::Holder {
        // SAFETY: the caller's promise.
        unsafe { T::hold(self) }
    }

    /// The next value, of type `&mut T`.
    ///
    /// # Safety
    /// As for [`Arguments::next`]; the object is borrowed by nothing else.
    #[inline(always)]
    pub unsafe fn next_mut<T: ByAddress>(&mut self) -> &'static mut T {
        // SAFETY: the caller's promise.
        unsafe { &mut *(self.word() as *mut T) }
    }
}

/// Where words are written, from front to back.
#[derive(Debug)]
pub struct Results(*mut u64);

impl Results {
    /// From the first word on.
    ///
    /// # Safety
    /// There is room for all words that will be written.
    #[inline(always)]
    pub unsafe fn new(first: *mut u64) -> Results {
        Results(first)
    }

    /// Writes a word.
    #[inline(always)]
    pub fn word(&mut self, word: u64) {
        // SAFETY: there is room, by `new`'s contract.
        unsafe {
            *self.0 = word;
            self.0 = self.0.add(1);
        }
    }

    /// Leaves words as they are.
    #[inline(always)]
    pub fn skip(&mut self, words: usize) {
        // SAFETY: there is room, by `new`'s contract.
        self.0 = unsafe { self.0.add(words) };
    }

    /// Writes a value.
    #[inline(always)]
    pub fn put<T: Words>(&mut self, value: T) {
        value.write(self);
    }
}

/// How many words of a result [`answer`] keeps in registers.
const ANSWERED: usize = 8;

/// Answers a result as [`Direct`](crate::Direct) does: its first word, the others being written into their places.
///
/// # Safety
/// There is room for all words, if they are more than one.
#[inline(always)]
pub unsafe fn answer<T: Words>(result: T, places: *mut u64) -> u64 {
    let count = const { T::SHAPE.leaf_count() };
    let mut words = [0; ANSWERED];
    // SAFETY: the caller's promise; the array has room for what is written there.
    unsafe {
        if count > ANSWERED {
            Results::new(places).put(result);
            return *places;
        }
        Results::new(words.as_mut_ptr()).put(result);
        for (number, &word) in words.iter().enumerate().take(count).skip(1) {
            *places.add(number) = word;
        }
    }
    words[0]
}

/// What the addresses of objects are multiples of, and so are [hashes](hash).
pub const ALIGNMENT: u64 = 8;

/// A type whose native values can be turned into words and back.
///
/// # Safety
/// `read` and `write` use as many words as the type's shape has leaves, and are inverse to each other.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be passed between native and jitted code",
    note = "the arguments and the result of #[jit] and #[jit::residual] functions, and constants, must be values that fit into registers"
)]
pub unsafe trait Words: JitType + Sized {
    /// What its words are multiplied by when they are [mixed](mix), so that all are multiples of [`ALIGNMENT`]: addresses mostly are by themselves.
    const SPREAD: u64 = if Self::SHAPE.is_address() { 1 } else { ALIGNMENT };

    /// The value of the next words.
    ///
    /// # Safety
    /// They are those of such a value.
    unsafe fn read(words: &mut Arguments) -> Self;
    /// Writes the value's words.
    fn write(self, words: &mut Results);
}

/// A type that parameters may borrow: what the reference of a parameter `&T` refers to.
///
/// # Safety
/// As for [`Words`].
pub unsafe trait Borrowed: JitType + Sized {
    /// The value, or the address of it.
    type Holder;
    /// From the next words.
    ///
    /// # Safety
    /// They are those of a `&Self`.
    unsafe fn hold(words: &mut Arguments) -> Self::Holder;
    /// The reference.
    ///
    /// # Safety
    /// It is used no longer than the holder, and what that borrows from, lives. (Its lifetime is not tied to the holder's, since what the function returns may be borrowed from it
    /// and is turned into words at once.)
    unsafe fn borrow(holder: &Self::Holder) -> &'static Self;
}

/// A type that is used by address, as a bound of type parameters.
pub trait JitObject: ByAddress + Borrowed {}
impl<T: ByAddress + Borrowed> JitObject for T {}

/// Makes types by value [`Borrowed`]: the trampoline holds the value.
macro_rules! held_by_value {
    ($([$($generics:tt)*] $t:ty,)*) => {$(
        // SAFETY: the value itself, by its `Words`.
        unsafe impl<$($generics)*> $crate::handle::Borrowed for $t {
            type Holder = Self;
            #[inline(always)]
            unsafe fn hold(words: &mut $crate::handle::Arguments) -> Self {
                // SAFETY: the caller's promise.
                unsafe { <Self as $crate::handle::Words>::read(words) }
            }
            #[inline(always)]
            unsafe fn borrow(holder: &Self) -> &'static Self {
                // SAFETY: the caller's promise.
                unsafe { &*std::ptr::from_ref(holder) }
            }
        }
    )*};
}
pub(super) use held_by_value;

/// Makes types by address [`Borrowed`].
macro_rules! held_by_address {
    ($([$($generics:tt)*] $t:ty,)*) => {$(
        impl<$($generics)*> $crate::handle::ByAddress for $t {}
        // SAFETY: the handle is the address.
        unsafe impl<$($generics)*> $crate::handle::Borrowed for $t {
            type Holder = *const Self;
            #[inline(always)]
            unsafe fn hold(words: &mut $crate::handle::Arguments) -> *const Self {
                // SAFETY: the caller's promise.
                unsafe { words.word() as *const Self }
            }
            #[inline(always)]
            unsafe fn borrow(holder: &*const Self) -> &'static Self {
                // SAFETY: the address is that of an object which the caller of the trampoline borrows.
                unsafe { &**holder }
            }
        }
    )*};
}
pub(super) use held_by_address;

// SAFETY: one word, the address.
unsafe impl<T: ByAddress> Words for &'static T {
    #[inline(always)]
    unsafe fn read(words: &mut Arguments) -> &'static T {
        // SAFETY: the caller's promise.
        unsafe { &*(words.word() as *const T) }
    }
    #[inline(always)]
    fn write(self, words: &mut Results) {
        words.word(std::ptr::from_ref(self) as u64);
    }
}

// SAFETY: one word, the address.
unsafe impl<T: ByAddress> Words for &'static mut T {
    #[inline(always)]
    unsafe fn read(words: &mut Arguments) -> &'static mut T {
        // SAFETY: the caller's promise.
        unsafe { &mut *(words.word() as *mut T) }
    }
    #[inline(always)]
    fn write(self, words: &mut Results) {
        words.word(std::ptr::from_mut(self) as u64);
    }
}

/// The most words of a value that names points of guest programs.
const MOST_HASHED: usize = 8;

/// Odd, and without a pattern: 2^32 divided by the golden ratio.
const FACTOR: u32 = 0x9e37_79b1;

/// The number of different [hashes](hash).
pub const HASHES: usize = 1 << 16;

/// Mixes a value into what will be [hashed](hash).
///
/// Native interpreters do this at each call and back edge, so it is as little as possible: a point of a guest program is mostly an address and a position in what lies
/// there. Their sum, with the position as if it counted words, is one instruction, and all but unique. What comes after the second value is mixed more thoroughly.
#[inline(always)]
pub fn mix<T: Words>(sum: u64, value: T, number: usize) -> u64 {
    let count = const {
        assert!(T::SHAPE.leaf_count() <= MOST_HASHED, "a green variable has at most eight words");
        T::SHAPE.leaf_count()
    };
    let mut words = [0_u64; MOST_HASHED];
    // SAFETY: there is room.
    value.write(&mut unsafe { Results::new(words.as_mut_ptr()) });
    let mut sum = sum;
    for &word in &words[..count] {
        if number > 1 {
            sum = sum.wrapping_mul(u64::from(FACTOR));
        }
        sum = sum.wrapping_add(word.wrapping_mul(T::SPREAD));
    }
    sum
}

/// The hash of what has been mixed together, below [`HASHES`].
///
/// Its lowest bits: what is near each other has different hashes, and all are multiples of eight (if addresses are), so that each may be the offset of eight bytes in a table.
#[inline(always)]
pub fn hash(sum: u64) -> u64 {
    sum % HASHES as u64
}

/// The words of a native value.
pub(super) fn words_of<T: Words>(value: T) -> Vec<u64> {
    let mut words = vec![0; T::SHAPE.leaf_count()];
    // SAFETY: as many words as the shape has leaves.
    value.write(&mut unsafe { Results::new(words.as_mut_ptr()) });
    words
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{HASHES, hash, mix};

    #[test]
    fn points_of_a_program_have_different_hashes_mostly() {
        // 100 methods of 128 bytes each, with a loop at every seventh of 40 instructions.
        let points = || (0..100_usize).flat_map(|method| (0..40_usize).step_by(7).map(move |pc| (method, pc)));
        let of = |(method, pc): (usize, usize)| {
            let method = (0x7f12_3400 + method * 128) as *const u64;
            hash(mix(mix(0, method, 0), pc, 1))
        };
        let different: HashSet<u64> = points().map(of).collect();
        assert!(different.iter().all(|&hash| hash < HASHES as u64 && hash % 8 == 0));
        // As many as if they were random, or more: 600 points, 8192 hashes.
        assert!(different.len() > 575, "{}", different.len());
        // Numbers alone, and addresses of what is not aligned.
        assert_eq!((0..1000_u16).map(|pc| hash(mix(0, pc, 0))).collect::<HashSet<u64>>().len(), 1000);
        let bytes: HashSet<u64> = (0..1000).map(|pc| hash(mix(0, (0x7f12_3401 + pc) as *const u8, 0))).collect();
        assert!(bytes.len() == 1000 && bytes.iter().all(|&hash| hash % 8 == 0));
        // The third value counts, too, and so does the order.
        let three = |a: u64, b: u64, c: u64| hash(mix(mix(mix(0, a, 0), b, 1), c, 2));
        assert_ne!(three(0x1000, 5, 6), three(0x1000, 6, 5));
    }
}

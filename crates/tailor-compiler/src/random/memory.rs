//! The memory of a [`World`](super::world::World): where things lie, what they are at first, and what is watched.
//!
//! # Places
//! A world lies at a fixed address (there are a few, so that threads can have their own), and so do its objects: text that mentions them is the same from run to
//! run. New objects come from a heap beside it, by advancing a cursor; its limit is low, so that the slow path is often taken.
//!
//! # What is watched
//! When something may collect, and at the end of a run, two things must hold, or there is a [`Memory::violation`]: no word of the heap is unwritten (the heap is poisoned before), and an old object that asks for the
//! barrier has not changed in what it refers to. A collection (in a function that says so, or the slow path of allocation) gives old objects their barrier
//! bit again, as aging would.

use std::sync::atomic::{AtomicU64, Ordering};

use super::rng::Rng;
use super::shapes::{BOXING, Kind, Shape};
use crate::interp::RELEASED;

/// The bit of a header that asks for the barrier.
pub const LOG_BIT: u64 = 2;
/// What the heap is filled with.
pub const POISON: u64 = 0xdead_beef_dead_beef;
/// The elements of arrays, except those of bytes, which have twice as many.
pub const LENGTH: u64 = 4;
/// How many old objects of each shape there are.
pub const OLD: usize = 2;
/// The words of the guest stack; the argument points to its middle.
pub const STACK: usize = 48;
/// The words above those, in which frames of calls lie ([`Layout::stack_word`] with numbers from [`STACK`] on): they mean nothing but between a frame's beginning and its release.
pub const FRAMES: usize = 32;
/// The kind of the guest stack's words, by their number modulo 4.
pub const STACK_KINDS: [Kind; 4] = [Kind::Int, Kind::Tagged, Kind::Float, Kind::Object(Shape::P)];

/// An address that no small integers or bytes make up by chance.
const BASE: usize = 0x3a5c_0000_0000;
const DISTANCE: usize = 1 << 32;
const HEAP: usize = 1 << 24;
const HEAP_BYTES: usize = 1 << 24;
/// Words before the first object: the cursor, the limit, the limit of the native stack, one unused.
const FRONT: usize = 4;

/// The words of a world between runs; see [`Memory::capture`].
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Everything but the heap.
    pub old: Vec<u64>,
    /// The heap up to its cursor.
    pub heap: Vec<u64>,
    /// Calls: number of the function, number of words, words.
    pub calls: Vec<u64>,
}

/// Where things lie.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    at: usize,
}

impl Layout {
    /// The address of the word that holds the heap's cursor; behind it come those of its limit and of the native stack's limit.
    pub fn front(self) -> usize {
        self.at
    }

    /// The address of old object number `number` (below [`OLD`]) of a shape.
    pub fn old(self, shape: Shape, number: usize) -> u64 {
        let before: usize =
            Shape::ALL.iter().take_while(|other| **other != shape).map(|other| other.words() * OLD).sum();
        (self.at + (FRONT + before + number * shape.words()) * 8) as u64
    }

    /// The address of word `word` of the guest stack.
    pub fn stack_word(self, word: usize) -> u64 {
        (self.at + (self.words() - STACK + word) * 8) as u64
    }

    /// The guest stack's addresses.
    pub fn stack(self) -> std::ops::Range<u64> {
        self.stack_word(0)..self.stack_word(STACK + FRAMES)
    }

    /// Words outside the heap.
    fn words(self) -> usize {
        FRONT + Shape::ALL.iter().map(|shape| shape.words() * OLD).sum::<usize>() + STACK
    }

    /// Whether `word` could be the address of something in the heap.
    pub fn in_heap(self, word: u64) -> bool {
        (word as usize).wrapping_sub(self.at + HEAP) < HEAP_BYTES
    }

    /// The heap's first address.
    pub fn heap_start(self) -> u64 {
        (self.at + HEAP) as u64
    }

    /// The numbers of the words that are headers of old objects.
    fn headers(self) -> impl Iterator<Item = usize> {
        let old = Shape::ALL.into_iter().flat_map(|shape| (0..OLD).map(move |number| (shape, number)));
        old.map(move |(shape, number)| (self.old(shape, number) as usize - self.at) / 8)
    }

    /// A value of a kind, as old objects have them.
    pub fn value(self, kind: Kind, rng: &mut Rng) -> u64 {
        match kind {
            Kind::Int => rng.int() as u64,
            Kind::Truth => rng.below(2) as u64,
            Kind::Float => rng.float().to_bits(),
            Kind::Tagged => self.old(Shape::P, rng.below(OLD)),
            Kind::Boxed => BOXING.word(rng.float().to_bits()).unwrap_or(2),
            Kind::Object(shape) => self.old(shape, rng.below(OLD)),
            Kind::Maybe => [0, self.old(Shape::P, rng.below(OLD))][rng.below(2)],
            Kind::Stack(word) => self.stack_word(usize::from(word)),
        }
    }
}

/// See the module's header.
#[derive(Debug)]
pub struct Memory {
    /// Where things lie.
    pub layout: Layout,
    /// Which of the places is ours.
    slot: u32,
    /// Calls so far; see [`State::calls`].
    pub calls: Vec<u64>,
    /// Old objects as they were when they were last given their barrier bits.
    aged: Vec<u64>,
    /// What has been found wrong in this run.
    pub violation: Option<String>,
}

static TAKEN: AtomicU64 = AtomicU64::new(0);

impl Memory {
    /// Memory in a place of its own.
    ///
    /// # Panics
    /// If there are 64 already, or the system refuses the address.
    pub fn claim() -> Memory {
        let slot = (0..64).find(|slot| TAKEN.fetch_or(1 << slot, Ordering::SeqCst) >> slot & 1 == 0);
        let slot = slot.expect("there are at most 64 worlds at a time");
        let at = BASE + slot as usize * DISTANCE;
        map(at, HEAP + HEAP_BYTES);
        let layout = Layout { at };
        let mut memory = Memory { layout, slot, calls: Vec::new(), aged: Vec::new(), violation: None };
        memory.set_word(0, layout.heap_start());
        memory
    }

    fn word(&self, number: usize) -> u64 {
        self.peek((self.layout.at + number * 8) as u64)
    }

    fn set_word(&mut self, number: usize, word: u64) {
        self.poke((self.layout.at + number * 8) as u64, word);
    }

    /// The word at an address in this memory.
    ///
    /// # Panics
    /// If it is not in this memory.
    pub fn peek(&self, address: u64) -> u64 {
        self.check(address);
        // SAFETY: mapped as long as this lives.
        unsafe { (address as *const u64).read_unaligned() }
    }

    /// Writes the word at an address in this memory.
    ///
    /// # Panics
    /// If it is not in this memory.
    pub fn poke(&mut self, address: u64, word: u64) {
        self.check(address);
        // SAFETY: mapped as long as this lives, and of use to nobody but units that run.
        unsafe { (address as *mut u64).write_unaligned(word) }
    }

    fn check(&self, address: u64) {
        let inside = (address as usize).wrapping_sub(self.layout.at) < HEAP + HEAP_BYTES - 8;
        assert!(inside, "{address:#x} is not in the world that units work on");
    }

    /// Makes the state that `seed` says.
    pub fn reset(&mut self, seed: u64) {
        let mut rng = Rng::new(seed);
        let used = (self.word(0) as usize - self.layout.heap_start() as usize) / 8;
        for word in 0..used {
            self.poke(self.layout.heap_start() + word as u64 * 8, POISON);
        }
        self.set_word(0, self.layout.heap_start());
        self.set_word(1, self.layout.heap_start() + 200);
        self.set_word(2, 0);
        for shape in Shape::ALL {
            for number in 0..OLD {
                let object = self.layout.old(shape, number);
                self.fill(object, shape, &mut rng);
            }
        }
        for word in 0..STACK {
            let value = self.layout.value(STACK_KINDS[word % 4], &mut rng);
            self.poke(self.layout.stack_word(word), value);
        }
        for word in STACK..STACK + FRAMES {
            self.poke(self.layout.stack_word(word), RELEASED);
        }
        self.calls.clear();
        self.violation = None;
        self.age();
    }

    fn fill(&mut self, object: u64, shape: Shape, rng: &mut Rng) {
        self.poke(object, shape.header() | LOG_BIT);
        for (number, &kind) in shape.kinds().iter().enumerate() {
            let value = self.layout.value(kind, rng);
            self.poke(object + 8 + number as u64 * 8, value);
        }
        if shape.is_array() {
            self.poke(object + 8, LENGTH);
        }
    }

    /// What the run has left behind.
    pub fn capture(&mut self, state: &mut State) {
        self.inspect("the end");
        state.old.clear();
        // The cursor and its limit depend on how much has been allocated, and a barrier may come earlier or later: that is nobody's business.
        state.old.extend((2..self.layout.words()).map(|number| self.word(number)));
        for number in self.layout.headers() {
            state.old[number - 2] &= !LOG_BIT;
        }
        state.heap.clear();
        let used = (self.word(0) - self.layout.heap_start()) / 8;
        state.heap.extend((0..used).map(|number| self.peek(self.layout.heap_start() + number * 8)));
        state.calls.clone_from(&self.calls);
    }

    /// The slow path of allocation.
    pub fn allocate(&mut self, bytes: u64, header: u64) -> u64 {
        self.collect();
        let object = self.word(0);
        let end = object + bytes;
        if !self.layout.in_heap(end + 4096) {
            self.violation.get_or_insert("the heap is full".into());
            return self.layout.heap_start();
        }
        self.set_word(0, end);
        self.set_word(1, end + 120);
        self.poke(object, header);
        object
    }

    /// A collection, as the guest sees it.
    pub fn collect(&mut self) {
        self.inspect("a collection");
        self.age();
    }

    fn age(&mut self) {
        for number in self.layout.headers() {
            self.set_word(number, self.word(number) | LOG_BIT);
        }
        self.aged = (0..self.layout.words()).map(|number| self.word(number)).collect();
    }

    /// Looks for what a collection would trip over.
    fn inspect(&mut self, when: &str) {
        let (start, end) = (self.layout.heap_start(), self.word(0));
        if let Some(address) = (start..end).step_by(8).find(|&address| self.peek(address) == POISON) {
            let word = (address - start) / 8;
            self.violation.get_or_insert(format!("at {when}: word {word} of the heap has not been written"));
        }
        for number in self.layout.headers() {
            let header = self.word(number);
            let shape = Shape::ALL[(header >> 8 & 0xff) as usize];
            let changed = (number + 1..).zip(shape.kinds()).any(|(number, kind)| {
                let refers = matches!(kind, Kind::Object(_) | Kind::Maybe | Kind::Tagged);
                refers && self.word(number) != self.aged[number] && !is_lasting(self.word(number))
            });
            if changed && header & LOG_BIT != 0 {
                let message = format!("at {when}: old object {shape:?} at word {number} has changed without a barrier");
                self.violation.get_or_insert(message);
            }
        }
    }
}

/// Whether a word may be stored without a barrier, where units know it: null and small tagged numbers. (Others are references, or could be.)
pub fn is_lasting(word: u64) -> bool {
    word < 1 << 12
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and nobody else's.
        unsafe { libc::munmap(self.layout.at as *mut libc::c_void, HEAP + HEAP_BYTES) };
        TAKEN.fetch_and(!(1 << self.slot), Ordering::SeqCst);
    }
}

fn map(at: usize, bytes: usize) {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: a new mapping that replaces none.
    let memory =
        unsafe { libc::mmap(at as *mut libc::c_void, bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    assert_eq!(memory as usize, at, "no memory at the address of a world of random units");
    // The heap begins as it is after each run.
    let words = (bytes - HEAP) / 8;
    for word in 0..words.min(1 << 16) {
        // SAFETY: just mapped.
        unsafe { ((at + HEAP) as *mut u64).add(word).write(POISON) };
    }
}

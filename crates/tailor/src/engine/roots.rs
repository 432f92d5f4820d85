//! What the collector must see of the JIT: words that traces and exits hold, and constants of units.
//!
//! All of it is ambiguous: what a word points to stays alive and where it is. A unit's constants are words of machine code, which nobody rewrites.

use std::cell::{Cell, RefCell};

use rustc_hash::FxHashSet;
use tailor_gc::{AmbiguousRoots, StackRange};

/// See the module.
#[derive(Debug)]
pub struct Roots {
    /// The words of the tracer's frames: start and number.
    tracer: Cell<(*const u64, usize)>,
    /// Words between two places: taken from an exit, not yet in frames.
    held: RefCell<Vec<u64>>,
    /// Constants of units that may be references; each once.
    constants: RefCell<Vec<u64>>,
    known: RefCell<FxHashSet<u64>>,
}

impl Default for Roots {
    fn default() -> Self {
        Roots {
            tracer: Cell::new((std::ptr::null(), 0)),
            held: RefCell::default(),
            constants: RefCell::default(),
            known: RefCell::default(),
        }
    }
}

impl Roots {
    /// From now on, the tracer's frames are these words.
    pub fn show_tracer(&self, words: *const u64, count: usize) {
        self.tracer.set((words, count));
    }

    /// Holds words until [`Roots::release`].
    pub fn hold(&self, words: impl IntoIterator<Item = u64>) {
        self.held.borrow_mut().extend(words);
    }

    /// Lets go of the words that are held.
    pub fn release(&self) {
        self.held.borrow_mut().clear();
    }

    /// Holds a constant of a unit under way until [`Roots::release`]: till then the unit is complete, or given up.
    pub fn hold_constant(&self, word: u64) {
        if may_be_reference(word) {
            self.held.borrow_mut().push(word);
        }
    }

    /// Holds constants, until they are [forgotten](Roots::forget_constants).
    pub fn add_constants(&self, words: impl IntoIterator<Item = u64>) {
        let (mut constants, mut known) = (self.constants.borrow_mut(), self.known.borrow_mut());
        constants.extend(words.into_iter().filter(|&word| may_be_reference(word) && known.insert(word)));
    }

    /// Lets go of all constants; there is no code any more.
    pub fn forget_constants(&self) {
        self.constants.borrow_mut().clear();
        self.known.borrow_mut().clear();
    }
}

/// Whether a constant may refer to an object. (What does not does no harm.)
fn may_be_reference(word: u64) -> bool {
    word > 0xffff && word & 7 == 0
}

fn range(words: &[u64]) -> StackRange {
    let ends = words.as_ptr_range();
    StackRange { base: ends.start, top: ends.end }
}

// SAFETY: the vectors are not touched while a collection runs, and the tracer shows only words that it keeps.
unsafe impl AmbiguousRoots for Roots {
    fn report(&self, report: &mut dyn FnMut(StackRange)) {
        let (base, count) = self.tracer.get();
        if count > 0 {
            report(StackRange { base, top: base.wrapping_add(count) });
        }
        report(range(&self.held.borrow()));
        report(range(&self.constants.borrow()));
    }
}

//! The optimiser: a unit in, a better unit out.
//!
//! # The pipeline
//! One *walk* takes the source unit's operations in order and emits the output. Each operation's operands are renamed, and what it is decides which passes see it:
//!
//! | pass | file | idea |
//! |---|---|---|
//! | `fold` | [`fold`], [`rules`], [`divide`] | constants are computed, operations simplified by a table of rules |
//! | `ranges` | [`facts`], [`transfer`] | intervals and known bits decide comparisons, overflow tests, tag tests |
//! | `cse` | [`cse`] | what has been computed is not computed again |
//! | `guards` | [`guards`] | conditions that are known are not tested again; what a guard finds is known behind it |
//! | `heap` | [`heap`], [`address`], [`stack`], [`calls`] | loads of what is known, stores that are put off |
//! | `virtuals` | [`virtuals`], [`exits`] | objects that nobody sees are not allocated, except by exits |
//! | `peel` | [`peel`], [`close`], [`coding`] | the body of a loop is emitted twice: what the first iteration found is known in the loop |
//! | | [`loops`], [`describe`], [`open`], [`enter`] | units go to the loops of others directly, not by their first iterations |
//! | | [`inherit`] | bridges know what the units knew that they continue |
//! | `dce` | [`dce`] | afterwards, what nobody needs is left out |
//!
//! [`walk`] is the walk itself, [`mod@cfg`] what it must know beforehand, [`trail`] how it forgets.
//!
//! # Terms
//! - The *source* is the unit that is read, the *output* the one that is written; *values* are the output's (or virtual objects), *operands* the source's.
//! - A *fact* is what is known of a value ([`facts::Fact`]); a value that is known to be a constant is *replaced* by it from there on.
//! - A *location* is a place in memory of which the contents are known; it is *dirty* if its store has been put off.
//! - A *virtual object* is an allocation that has not been done; *forcing* it does it.
//!
//! # Invariants
//! 1. The output is well-formed at every moment, but for its end; constants have the same numbers in source and output, labels of the source the same numbers in the output.
//! 2. Emitted operations stay as they are (but for one case of guard strengthening); so whatever refers to them, in whatever table, stays true.
//! 3. What is known of values holds where their operation and what taught it dominate; the trail takes care. What is known of memory and virtual objects holds here only: at a label that joins something, memory
//!    is up to date, objects that may be used are made, and nothing is known.
//! 4. A snapshot describes the state before its guard: nothing that the guard teaches is in it. So any guard may fail at any time.
//! 5. Exits are taken at the guards where the source takes them. No guard is moved to before another, so the first that fails is the source's.
//! 6. Time is linear in the length of the source, and in that of its snapshots: each table that is searched is bounded or hashed ([`heap`] and [`trail`] say how), a loop is emitted twice, and a walk is repeated some
//!    [`ATTEMPTS`] times before loops are given up.
//!
//! # Why so
//! - *Why one walk and not a sequence of passes?* Each pass makes work for the others: a load that is forwarded becomes a constant that folds a guard that bounds a value that removes an overflow test. In a walk they help each other at once and
//!   at each operation; separate passes would have to be repeated, and would cost a traversal of the unit each. The files are separate, and so are the switches.
//! - *Why forward?* What is known here follows from what was before. The two things that need the future are done otherwise: dead code afterwards, and what stays the same in a loop by emitting it twice.
//! - *Why no use lists?* Nothing is changed once it is emitted, so nobody needs to be told.

mod address;
mod calls;
mod cfg;
mod close;
mod coding;
mod cse;
mod dce;
mod describe;
mod divide;
mod enter;
mod exits;
mod facts;
mod fold;
mod guards;
mod heap;
mod inherit;
mod loops;
mod open;
mod options;
mod peel;
mod rules;
mod stack;
#[cfg(test)]
mod tests;
mod trail;
mod transfer;
mod virtuals;
mod walk;

pub use facts::Fact;
pub use inherit::{Inherited, Origin};
pub use loops::{Definition, HeldLocation, HeldObject, Holding, Links, LoopEntry, Passed, Term, Variable};
pub use options::{Options, Passes, UnknownPass};

use crate::ir::{Descriptors, Ref, Unit};
use crate::verify::debug_verify;
use peel::{Key, Lesson, Mismatch};
use walk::Walk;

/// How often a unit is walked before loops that were guessed wrongly are given up.
pub const ATTEMPTS: u32 = 5;

/// How often it is walked with bold guesses about loops.
const BOLD_ATTEMPTS: u32 = 3;

/// How much is learnt from wrong guesses before guesses become cautious.
const LESSONS: usize = 64;

/// Memory of the optimiser, to be used again and again: in the end, optimising allocates nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    cfg: cfg::Cfg,
    trail: trail::Trail,
    expressions: cse::Expressions,
    heap: heap::Heap,
    virtuals: virtuals::Virtuals,
    exits: exits::Exits,
    state: peel::State,
    liveness: dce::Liveness,
    /// By source operation: its value.
    map: Vec<Ref>,
    /// By output operation: what is known of it.
    facts: Vec<facts::Fact>,
    /// By output operation: itself, or the constant that it is known to be (or another value, see [`coding`]).
    replaced: Vec<Ref>,
    /// Operations that are known to be constants, each with its constant: what was computed of the one before serves for the other.
    known: Vec<(Ref, u32)>,
    /// By output operation: the epoch in which its barrier has been done; see [`heap`].
    logged: Vec<u32>,
    /// By output operation: whether something has been stored into it since its last barrier.
    stored: Vec<bool>,
    /// By label of the source: whether anything goes there in the output.
    reached: Vec<bool>,
    /// Lists under construction.
    values: Vec<Ref>,
    /// What was learnt from attempts that failed; see [`peel`].
    plan: Vec<(u32, Key, Lesson)>,
    /// By output operation before the label of a loop that is described: whether the loop relies on it; see [`describe`].
    touched: Vec<std::cell::Cell<bool>>,
    draft: describe::Draft,
    opening: open::Opening,
    peeled: Peeled,
    /// Steps of work.
    work: u64,
}

impl Scratch {
    /// Prepares for a walk.
    fn reset(&mut self, src: &Unit) {
        let length = src.ops.len();
        self.trail.clear();
        self.expressions.reset(length * 2);
        self.heap.reset();
        self.virtuals.clear();
        self.exits.reset(src);
        self.map.clear();
        self.map.resize(length, Ref::NONE);
        self.facts.clear();
        self.replaced.clear();
        self.known.clear();
        self.logged.clear();
        self.stored.clear();
        self.reached.clear();
        self.reached.resize(src.labels.len(), false);
        self.touched.clear();
        self.draft.clear();
        self.peeled = Peeled::default();
        self.state.clear();
    }
}

/// What loops have become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peeled {
    /// How many were peeled.
    pub loops: usize,
    /// Virtual objects that they carry.
    pub objects: usize,
    /// Locations that they carry.
    pub locations: usize,
    /// Parameters that are always the same.
    pub invariant: usize,
}

/// What is returned beside the output.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// What was done to loops.
    pub peeled: Peeled,
    /// How others enter the unit's loop, if that was asked for and is possible.
    pub loop_entry: Option<LoopEntry>,
    /// Whether the unit enters a loop of another.
    pub enters_loop: bool,
    /// How often the unit was walked: 1 unless a guess about a loop went wrong.
    pub attempts: u32,
    /// Steps of work, of the order of nanoseconds; for tests of linearity.
    pub work: u64,
}

/// Optimises `unit`, which is well-formed, into `out`, whose former contents are lost. Descriptors that accesses need in their canonical form are added.
///
/// In debug builds the result is verified.
pub fn optimise(
    unit: &Unit,
    descriptors: &mut Descriptors,
    options: &Options,
    scratch: &mut Scratch,
    out: &mut Unit,
) -> Summary {
    optimise_linked(unit, descriptors, options, &Links::default(), scratch, out)
}

/// The same for a unit that has to do with others: its loop gets an entry, or it enters the loops of others; see [`loops`].
pub fn optimise_linked(
    unit: &Unit,
    descriptors: &mut Descriptors,
    options: &Options,
    links: &Links,
    scratch: &mut Scratch,
    out: &mut Unit,
) -> Summary {
    scratch.work = 0;
    scratch.plan.clear();
    scratch.cfg.analyse(unit, if options.passes.peel { options.peel_limit } else { 0 });
    let mut attempts = 0;
    let enters_loop = loop {
        let mut walk = Walk::new(unit, descriptors, options, links, scratch, out);
        walk.cautious = attempts >= BOLD_ATTEMPTS;
        let Err(Mismatch { label }) = walk.run() else { break walk.entered };
        attempts += 1;
        if attempts < BOLD_ATTEMPTS && scratch.plan.len() > LESSONS {
            attempts = BOLD_ATTEMPTS;
            scratch.plan.clear();
        } else if attempts >= ATTEMPTS {
            scratch.plan.clear();
            scratch.cfg.keep_loops(unit, (attempts < 2 * ATTEMPTS).then_some(label));
        }
    };
    debug_verify(out, descriptors, "the walk");
    if options.passes.dce {
        dce::remove_dead(out, descriptors, &mut scratch.liveness);
        debug_verify(out, descriptors, "dce");
    }
    let mut loop_entry = None;
    if let Some(name) = links.loop_entry {
        let removed = options.passes.dce.then_some(&scratch.liveness);
        loop_entry = open::open_loop(out, descriptors, name, &mut scratch.draft, removed, &mut scratch.opening);
        debug_verify(out, descriptors, "opening the loop");
    }
    Summary { peeled: scratch.peeled, loop_entry, enters_loop, attempts: attempts + 1, work: scratch.work }
}

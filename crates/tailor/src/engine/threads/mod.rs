//! Tier 1 as the driver has it: which points have pieces, how pieces are linked, entered and left. What a piece is, and how it is recorded: [`crate::thread`].
//!
//! # When pieces are made
//! When the interpreter asks about a point (a method's entry, a loop's header), its piece is made, with those of all points that it goes on in within the guest's frame, and so on. A guest method that is called is not
//! made with its caller: the call leads to a *hatch*, five bytes that leave the pieces, and become a jump to the method's pieces when it is called first. Points that are not known when a piece is
//! recorded (where a call returns to, say) are looked up in a [`Table`] by the piece itself, and made when they are not there.
//!
//! # Counting
//! If there is tier 2, entries of methods and headers of loops have a counter each, and code before their pieces that counts it down. When it has run out, the driver is asked about the point as the interpreter would ask: it traces,
//! or enters what has been traced, and pieces go on where that ends. The counter of a point with code of tier 2 asks each time.
//!
//! # Leaving
//! What leaves its piece is executed by the interpreter, which comes back at the next back edge or call. A piece that is left again and again is made anew, from what the interpreter has
//! learnt meanwhile. If that is nothing (the piece would be the same), it is made with calls of what is cold. What has never been executed when its piece is made, and can only be left, is made anew when
//! it is come to once more.

mod making;
mod running;

use std::cell::Cell;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use tailor_compiler::backend::native::Table;
use tailor_compiler::backend::pieces::{Chunk, Placed, Template};
use tailor_compiler::ir::{EntryDesc, EntryId, Type};
use tailor_jitcode::JitFunction;
use tailor_jitcode::code::Code;

use super::asker::ticks;
use super::clock::ThreadTime;
use super::driver::Driver;
use super::{LocationId, Parameters};
use crate::thread::{Given, Goal, GoalPlan, Recording, Shapes, Wishes};

/// How many counters are made at a time: they stay where they are.
const COUNTERS: usize = 256;

/// Why pieces were left at a site; see [`site`].
const LEFT_PIECE: u32 = 0;
const RUN_OUT: u32 = 1;
const HATCH: u32 = 2;
/// At sites with this, the number is that of the words that are handed out.
const RETURNED: u32 = 3;

/// The number of a site: a point, and what happens there.
fn site(point: u32, what: u32) -> u32 {
    point * 4 + what
}

/// What is known of a point.
#[derive(Debug)]
pub(super) struct Point {
    /// The words of the portal's greens.
    pub greens: Rc<[u64]>,
    /// Where its piece is, in the arena.
    piece: Option<u32>,
    /// Where it is entered if that is counted.
    counting: Option<u32>,
    /// Where calls of it leave the pieces, until it is made.
    hatch: Option<u32>,
    /// What is counted down at its entries.
    counter: *const Cell<i32>,
    /// Whether its counter is for calls.
    called: bool,
    /// Its location, once it has been asked about.
    location: Option<LocationId>,
    /// The template of its piece.
    template: Option<u32>,
    /// How often its piece has been left.
    left: u32,
    /// How often its piece has been made.
    made: u32,
    wishes: Wishes,
    under_way: UnderWay,
}

impl Point {
    /// Whether it has a piece, or one that is under way.
    fn is_made(&self) -> bool {
        self.piece.or(self.under_way.piece).is_some()
    }
}

/// What a chunk under way has for a point, and where it begins there: as in [`Point`].
#[derive(Clone, Copy, Debug, Default)]
struct UnderWay {
    piece: Option<u32>,
    counting: Option<u32>,
    hatch: Option<u32>,
}

/// See the module.
#[derive(Default)]
pub struct Threads {
    numbers: FxHashMap<Rc<[u64]>, u32>,
    points: Vec<Point>,
    /// Numbers of sites, by their offsets in the arena.
    sites: FxHashMap<u32, u32>,
    placed: Vec<Placed>,
    dispatch: Option<Dispatch>,
    counters: Vec<Box<[Cell<i32>]>>,
    used_counters: usize,
    /// What has been made once, by the shapes of points: as rule, and with all wishes.
    shapes: [Shapes; 2],
    templates: Vec<Rc<Shape>>,
    /// Pieces that can be for any point of their shape with the same words, by template and words: where they are.
    common: FxHashMap<Common, u32>,
    /// What pieces hand out by sites.
    returned: Vec<Box<[u64]>>,
    // Memory that is used again.
    recording: Recording,
    values: Vec<u64>,
    words: Vec<u64>,
    greens: Vec<u64>,
    goals: Vec<u32>,
    constants: Vec<u64>,
    making: Making,
    /// By the types of what is passed.
    entries: FxHashMap<Vec<Type>, EntryId>,
    /// Jitted functions with loops of any number of turns, when these of their arguments are static.
    called: FxHashSet<(*const JitFunction, Given)>,
    /// Activations of [`Driver::run_threads`].
    running: u32,
}

/// What pieces of one shape have in common.
struct Shape {
    code: Template,
    /// Which node each hole is for.
    holes: Box<[u32]>,
    goals: Box<[GoalPlan]>,
    /// Whether it does nothing.
    only_leaves: bool,
    /// The site of what it hands out each time.
    returned: u32,
}

/// How pieces find those of points that are not known when they are recorded.
struct Dispatch {
    /// Pieces, and entries that are counted; behind each the offset of the code that looks there.
    tables: [(Table, u32); 2],
}

/// A chunk under way, and what belongs to it.
#[derive(Default)]
struct Making {
    chunk: Chunk,
    /// Points, and where their pieces, what counts their entries, and their hatches begin in the chunk.
    here: Vec<(u32, u32)>,
    counting: Vec<(u32, u32)>,
    hatches: Vec<(u32, u32)>,
    /// Points whose pieces belong to the chunk, unless they have some.
    work: Vec<u32>,
    /// All that its pieces go on in.
    wanted: Vec<Goal>,
    /// Pieces of it that may be for other points, too.
    common: Vec<(Common, u32)>,
    /// How many points have pieces that were there already.
    same: u64,
}

impl Making {
    fn clear(&mut self) {
        let Making { chunk, here, counting, hatches, work, wanted, common, same } = self;
        chunk.clear();
        [here, counting, hatches].into_iter().for_each(Vec::clear);
        work.clear();
        wanted.clear();
        common.clear();
        *same = 0;
    }
}

/// Points, and where something of theirs begins in a chunk.
type Here = [(u32, u32)];

/// A piece that can be for any point of its shape with the same words: its template and these words.
type Common = (u32, Box<[u64]>);

impl Threads {
    fn counter(&mut self) -> *const Cell<i32> {
        if self.used_counters.is_multiple_of(COUNTERS) {
            self.counters.push((0..COUNTERS).map(|_| Cell::new(i32::MAX)).collect());
        }
        let last = self.counters.last().expect("one has just been made, or was there");
        let counter = &raw const last[self.used_counters % COUNTERS];
        self.used_counters += 1;
        counter
    }

    fn new_point(&mut self, greens: &[u64]) -> u32 {
        let greens: Rc<[u64]> = greens.into();
        let number = self.points.len() as u32;
        let counter = self.counter();
        self.numbers.insert(Rc::clone(&greens), number);
        self.points.push(Point {
            greens,
            piece: None,
            counting: None,
            hatch: None,
            counter,
            called: false,
            location: None,
            template: None,
            left: 0,
            made: 0,
            wishes: Wishes::default(),
            under_way: UnderWay::default(),
        });
        number
    }

    /// The number of sites where these words are handed out.
    fn site_of(&mut self, returned: &[u64]) -> u32 {
        let known = self.returned.iter().position(|known| **known == *returned);
        let number = known.unwrap_or_else(|| {
            self.returned.push(returned.into());
            self.returned.len() - 1
        });
        site(number as u32, RETURNED)
    }

    fn point(&mut self, number: u32) -> &mut Point {
        &mut self.points[number as usize]
    }

    /// Whether there are pieces on the native stack.
    pub(super) fn are_running(&self) -> bool {
        self.running > 0
    }
}
impl Driver {
    // ---- What the recorder asks.

    /// The jitcode of a function. (How long it takes to build it is noted.)
    pub(crate) fn jitcode(&mut self, function: &'static JitFunction) -> &'static Code {
        if function.is_built() {
            return function.code();
        }
        let begun = ThreadTime::now();
        let code = function.code();
        self.stats.building += begun.elapsed();
        code
    }

    /// Whether a jitted function is to be called, and not looked into.
    pub(crate) fn is_called(&self, function: &'static JitFunction, given: Given) -> bool {
        self.threads.called.contains(&(std::ptr::from_ref(function), given))
    }

    /// The entry that stands for goals which are passed values of these types.
    pub(crate) fn entry_of_goals(&mut self, types: Vec<Type>) -> Option<EntryId> {
        if let Some(&known) = self.threads.entries.get(&types) {
            return Some(known);
        }
        let name = format!("goal{}", self.threads.entries.len());
        let desc = EntryDesc { name, arguments: types.clone(), result: Type::Void, stack_arguments: Vec::new() };
        let entry = self.descriptors.intern_entry(desc)?;
        self.threads.entries.insert(types, entry);
        Some(entry)
    }

    /// What lies near to which pieces can address: see [`tailor_compiler::backend::pieces`].
    pub(crate) fn anchor(&self) -> u64 {
        self.machine.runtime().context as u64
    }

    // ---- Points and their counters.

    /// The number of the point with these greens. They are held from now on, since it is found by them.
    fn point_of(&mut self, greens: &[u64]) -> u32 {
        if let Some(&point) = self.threads.numbers.get(greens) {
            return point;
        }
        self.roots.add_constants(greens.iter().copied());
        self.threads.new_point(greens)
    }

    /// After how many ticks the driver asks about the point with this number again, if it could not do then what it was asked for; never if that is 0.
    fn threshold_of(&self, number: u32) -> u32 {
        let Parameters { tier2, threshold, function_threshold, .. } = self.parameters;
        let called = self.threads.points[number as usize].called;
        let most = if called { function_threshold } else { threshold };
        if tier2 { self.parameters.varied(most, u64::from(number)) } else { 0 }
    }

    /// After how many ticks it asks first.
    fn patience_of(&self, number: u32) -> u32 {
        self.threshold_of(number).saturating_mul(self.patience.times())
    }

    /// Shortens what all counters wait for.
    fn lose_patience(&self, halvings: u32) {
        for counter in self.threads.counters.iter().flat_map(|counters| counters.iter()) {
            // What asks each time goes on doing so, and what has not been started yet stays there.
            if (1..i32::MAX).contains(&counter.get()) {
                counter.set((counter.get() >> halvings).max(1));
            }
        }
    }

    /// Notes where a point is entered if that is counted.
    fn is_counted(&mut self, point: u32, offset: u32) {
        self.threads.point(point).counting = Some(offset);
        let known = &self.threads.points[point as usize];
        self.rest(known.counter, self.patience_of(point), known.hatch.map(|hatch| (hatch, offset)));
    }

    /// Starts a counter, and lets the hatch of its point lead there.
    fn rest(&self, counter: *const Cell<i32>, threshold: u32, hatch: Option<(u32, u32)>) {
        // SAFETY: counters stay where they are as long as there are points.
        unsafe { (*counter).set(ticks(threshold, 1)) };
        if let Some((hatch, to)) = hatch {
            self.machine.redirect(hatch, to);
        }
    }
}

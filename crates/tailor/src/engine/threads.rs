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

use std::cell::Cell;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use tailor_compiler::backend::Left;
use tailor_compiler::backend::holes::Hole;
use tailor_compiler::backend::native::Table;
use tailor_compiler::backend::pieces::{Chunk, Link, Placed, Template};
use tailor_compiler::ir::{EntryDesc, EntryId, OpCode, Type};
use tailor_compiler::runtime::Runtime;
use tailor_compiler::text::{Addresses, print};
use tailor_jitcode::JitFunction;

use super::asker::{Asker, ticks};
use super::clock::{Moment, ThreadTime};
use super::driver::Driver;
use super::log::Part;
use super::{LocationId, Outcome, Parameters};
use crate::thread::{Given, Goal, GoalPlan, Recorder, Recording, Shapes, Unrecorded, Way, Wishes, handed_out, word_of};

/// How often a piece is left before it is made anew.
const LEFT: u32 = 2;

/// How often a piece is made anew.
const ANEW: u32 = 3;

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
    chunk: Chunk,
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
    work: Vec<u32>,
    wanted: Vec<Goal>,
    constants: Vec<u64>,
    here: Here,
    counting: Here,
    hatches: Here,
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

/// Where the pieces of a chunk under way begin.
type Here = FxHashMap<u32, u32>;

/// A piece that can be for any point of its shape with the same words: its template and these words.
type Common = (u32, Box<[u64]>);

/// What came of making a piece.
enum Made {
    /// It begins there in the chunk, and may be for other points, too.
    New(u32, Option<Common>),
    /// Another point's piece is the same.
    Known,
}

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

    // ---- Making.

    /// What going on at a point is called.
    fn goal(&mut self, plan: &GoalPlan, values: &[u64]) -> Goal {
        let mut greens = std::mem::take(&mut self.threads.greens);
        greens.clear();
        greens.extend(plan.greens.iter().map(|&green| word_of(green, values)));
        let point = self.point_of(&greens);
        self.threads.greens = greens;
        self.threads.point(point).called |= plan.way == Way::Call;
        Goal::of(point, plan.way)
    }

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
    fn lose_patience(&mut self, halvings: u32) {
        if !self.parameters.tier2 {
            return;
        }
        for counter in self.threads.counters.iter().flat_map(|counters| counters.iter()) {
            // What asks each time goes on doing so, and what has not been started yet stays there.
            if (1..i32::MAX).contains(&counter.get()) {
                counter.set((counter.get() >> halvings).max(1));
            }
        }
    }

    /// Makes the piece of a point, and those of all that follow in the guest's frame; what counts entries of the point, too, if it is `counted`. Whether there is one now.
    fn make(&mut self, first: u32, counted: bool) -> bool {
        let begun = ThreadTime::now();
        if self.threads.dispatch.is_none() && self.make_dispatch().is_none() {
            return false;
        }
        let mut chunk = std::mem::take(&mut self.threads.chunk);
        chunk.clear();
        let [mut here, mut counting, mut hatches] =
            [&mut self.threads.here, &mut self.threads.counting, &mut self.threads.hatches].map(std::mem::take);
        [&mut here, &mut counting, &mut hatches].into_iter().for_each(Here::clear);
        let (mut work, mut wanted) = (std::mem::take(&mut self.threads.work), std::mem::take(&mut self.threads.wanted));
        wanted.clear();
        // Whether what has been put into the chunk goes on behind it, in the piece that comes next.
        let mut goes_on = counted && self.parameters.tier2 && self.threads.point(first).counting.is_none();
        if goes_on {
            let counter = self.threads.point(first).counter;
            counting.insert(first, chunk.count(&self.machine, counter as u64, site(first, RUN_OUT)));
        }
        work.clear();
        work.push(first);
        let (mut common, mut same) = (Vec::new(), 0);
        while let Some(mut point) = work.pop() {
            while self.threads.point(point).piece.is_none() && !here.contains_key(&point) {
                let goes_here = std::mem::take(&mut goes_on);
                let before = wanted.len();
                let offset = match self.piece(point, &mut chunk, &mut wanted) {
                    Some(Made::New(offset, words)) => {
                        common.extend(words.map(|words| (words, offset)));
                        offset
                    }
                    Some(Made::Known) => {
                        same += 1;
                        if goes_here {
                            chunk.jump(Goal::of(point, Way::Plain).0);
                        }
                        break;
                    }
                    None if self.threads.point(point).made > 1 => {
                        // What it has is better than nothing.
                        self.threads.chunk = chunk;
                        return false;
                    }
                    None => chunk.hatch(&self.machine, site(point, LEFT_PIECE)),
                };
                here.insert(point, offset);
                work.extend(
                    wanted[before..]
                        .iter()
                        .filter_map(|goal| goal.point())
                        .filter(|&(_, way)| way != Way::Call)
                        .map(|(point, _)| point),
                );
                match chunk.falls_to().and_then(|goal| Goal(goal).point()) {
                    Some((next, Way::Plain))
                        if self.threads.point(next).piece.is_none() && !here.contains_key(&next) =>
                    {
                        chunk.fall();
                        goes_on = true;
                        point = next;
                    }
                    _ => break,
                }
            }
        }
        for &goal in &wanted {
            let Some((point, way)) = goal.point() else { continue };
            let known = self.threads.point(point).counting.is_some() || counting.contains_key(&point);
            match way {
                Way::Plain => {}
                Way::BackEdge if !known && self.parameters.tier2 => {
                    let counter = self.threads.point(point).counter as u64;
                    counting.insert(point, chunk.count(&self.machine, counter, site(point, RUN_OUT)));
                    chunk.jump(Goal::of(point, Way::Plain).0);
                }
                Way::Call if !known && self.threads.point(point).hatch.is_none() && !hatches.contains_key(&point) => {
                    hatches.insert(point, chunk.hatch(&self.machine, site(point, HATCH)));
                }
                Way::BackEdge | Way::Call => {}
            }
        }
        let threads = &self.threads;
        let dispatch = threads.dispatch.as_ref().expect("made above");
        let tier2 = self.parameters.tier2;
        let arena = |offset: Option<u32>| Link::Arena(offset.expect("every goal has been made"));
        let plain = |point: u32| match here.get(&point) {
            Some(&offset) => Link::Here(offset),
            None => arena(threads.points[point as usize].piece),
        };
        chunk.link(|goal| {
            let Some((point, way)) = Goal(goal).point() else {
                return Link::Arena(dispatch.tables[usize::from(Goal(goal) == Goal::COUNTED)].1);
            };
            let known = &threads.points[point as usize];
            match way {
                Way::BackEdge if !tier2 => plain(point),
                Way::Plain => plain(point),
                _ => match (counting.get(&point), known.counting, hatches.get(&point)) {
                    (Some(&offset), ..) => Link::Here(offset),
                    (None, Some(offset), _) => Link::Arena(offset),
                    (None, None, Some(&offset)) => Link::Here(offset),
                    (None, None, None) => arena(known.hatch),
                },
            }
        });
        if chunk.size() == 0 {
            // Another point's piece is all there is to it.
            self.threads.chunk = chunk;
            return true;
        }
        self.roots.add_constants(self.threads.constants.drain(..));
        let placed = chunk.place(&self.machine);
        self.threads.chunk = chunk;
        let Ok(placed) = placed else {
            self.full = true;
            return false;
        };
        self.log.write(Part::Asm, || placed.disassemble());
        self.stats.pieces += here.len() as u64 + same;
        for (words, offset) in common {
            self.threads.common.insert(words, placed.start() + offset);
        }
        self.stats.piece_bytes += u64::from(placed.size());
        self.has_made(&placed, &here, &counting, &hatches);
        self.threads.placed.push(placed);
        (self.threads.here, self.threads.counting, self.threads.hatches) = (here, counting, hatches);
        (self.threads.work, self.threads.wanted) = (work, wanted);
        self.stats.threading += begun.elapsed();
        true
    }

    /// Notes where what has been made lies. (What is looked up by pieces is entered there when it has been missed: most points never are.)
    fn has_made(&mut self, placed: &Placed, here: &Here, counting: &Here, hatches: &Here) {
        let start = placed.start();
        self.threads.sites.extend(placed.sites().iter().copied());
        for (&point, &offset) in hatches {
            self.threads.point(point).hatch = Some(start + offset);
        }
        for (&point, &offset) in here {
            self.threads.point(point).piece = Some(start + offset);
        }
        for (&point, &offset) in counting {
            self.is_counted(point, start + offset);
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

    /// Makes a point's piece; `None` if there can be none. What it goes on in is `wanted`, too.
    fn piece(&mut self, point: u32, chunk: &mut Chunk, wanted: &mut Vec<Goal>) -> Option<Made> {
        let Point { greens, wishes, .. } = &self.threads.points[point as usize];
        let (greens, wishes) = (Rc::clone(greens), *wishes);
        self.threads.point(point).made += 1;
        let mut values = std::mem::take(&mut self.threads.values);
        let found = self.threads.shapes[usize::from(wishes.all)].find(&greens, self.anchor(), &mut values);
        let template = match found {
            Some(known) => known,
            None => self.template(&greens, wishes, &mut values),
        };
        self.threads.point(point).template = template;
        let made = template.map(|number| {
            let template = Rc::clone(&self.threads.templates[number as usize]);
            let first = wanted.len();
            for plan in &template.goals {
                wanted.push(self.goal(plan, &values));
            }
            let goals = &wanted[first..];
            let mut words = std::mem::take(&mut self.threads.words);
            words.clear();
            words.extend(template.holes.iter().map(|&node| values[node as usize]));
            let mut common = None;
            if goals.is_empty() && !template.code.can_be_left() {
                let same: Common = (number, words.as_slice().into());
                if let Some(&piece) = self.threads.common.get(&same) {
                    self.threads.point(point).piece = Some(piece);
                    self.threads.words = words;
                    return Made::Known;
                }
                common = Some(same);
            }
            let mut numbers = std::mem::take(&mut self.threads.goals);
            numbers.clear();
            numbers.extend(goals.iter().map(|goal| goal.0));
            let start = chunk.append(&template.code, &words, &numbers, [site(point, LEFT_PIECE), template.returned]);
            self.threads.constants.extend_from_slice(&words);
            (self.threads.words, self.threads.goals) = (words, numbers);
            self.log.write(Part::Trace, || {
                let of = |goal: &Goal| Some((self.describe)(&self.threads.points[goal.point()?.0 as usize].greens));
                let known: Vec<String> = goals.iter().filter_map(of).collect();
                format!("; {} goes on at {}", (self.describe)(&greens), known.join(", "))
            });
            Made::New(start, common)
        });
        self.threads.values = values;
        self.stats.no_piece += u64::from(made.is_none());
        made
    }

    /// Makes a template of the shape of a point that is like none before; `None` if there can be none. The words of its nodes are in `values` then.
    fn template(&mut self, greens: &[u64], wishes: Wishes, values: &mut Vec<u64>) -> Option<u32> {
        let (recording, result) = loop {
            let memory = std::mem::take(&mut self.threads.recording);
            match Recorder::record(self, greens, wishes, memory) {
                (recording, Err(Unrecorded::Loops(function, given))) => {
                    self.threads.called.insert((std::ptr::from_ref(function), given));
                    // What has been recorded before looks into it.
                    self.threads.shapes = Default::default();
                    self.threads.recording = recording;
                }
                recorded => break recorded,
            }
        };
        let unit = &recording.unit;
        let code = result.map_err(|why| format!("{why:?}")).and_then(|()| {
            tailor_compiler::verify::debug_verify(unit, &self.descriptors, "the recorder of pieces");
            let code = self.compiler.compile_piece(&self.machine, unit, &self.descriptors, recording.holes.len());
            code.map_err(|error| error.to_string())
        });
        self.log.write(Part::Trace, || {
            let text = print(unit, &self.descriptors, Addresses::Hidden);
            let failure = code.as_ref().err().map_or("", |why| why);
            format!("; piece at {} {failure}\n{text}", (self.describe)(greens))
        });
        self.stats.piece_operations += unit.ops.len() as u64;
        let number = code.ok().map(|code| {
            self.roots.add_constants(unit.constants.iter().map(|&(_, word)| word));
            let (holes, goals) = (recording.holes.as_slice().into(), recording.goals.as_slice().into());
            let only_leaves = unit.ops.iter().all(|op| !matches!(op.code, OpCode::JumpUnit | OpCode::Return));
            let returned = code.returned().map_or(0, |words| self.threads.site_of(words));
            self.threads.templates.push(Rc::new(Shape { code, holes, goals, only_leaves, returned }));
            self.threads.templates.len() as u32 - 1
        });
        self.threads.shapes[usize::from(wishes.all)].insert(&recording.tape, number);
        values.clear();
        values.extend_from_slice(recording.tape.values());
        self.threads.recording = recording;
        number
    }

    /// Makes the tables, and the code that looks there.
    fn make_dispatch(&mut self) -> Option<()> {
        // What every piece may contain must not look like a hole.
        let Runtime { cursor, limit, context, alloc_slow, barrier_slow, .. } = *self.machine.runtime();
        let fixed = [cursor, limit, context, alloc_slow as usize, barrier_slow as usize];
        if fixed.iter().any(|&word| Hole::of(word as u64).is_some()) {
            return None;
        }
        let names = self.portal().greens.len();
        let tables = [Table::new(names)?, Table::new(names)?];
        let mut chunk = Chunk::default();
        let offsets =
            [chunk.dispatcher(&tables[0], handed_out::POINT), chunk.dispatcher(&tables[1], handed_out::COUNTED)];
        let placed = chunk.place(&self.machine).ok()?;
        let start = placed.start();
        let [plain, counted] = tables;
        self.threads.dispatch = Some(Dispatch { tables: [(plain, start + offsets[0]), (counted, start + offsets[1])] });
        self.threads.placed.push(placed);
        Some(())
    }

    // ---- Running.

    /// Where the pieces of a point begin, made if need be; `None` if that cannot be.
    fn entrance(&mut self, point: u32, counted: bool) -> Option<u32> {
        if self.threads.point(point).piece.is_none() {
            self.make(point, counted).then_some(())?;
        }
        if counted && self.threads.point(point).counting.is_none() && !self.parameters.tier2 {
            // Nobody is asked.
            let piece = self.threads.point(point).piece?;
            self.is_counted(point, piece);
        } else if counted && self.threads.point(point).counting.is_none() {
            // Its piece was made before anything counted it.
            let mut chunk = Chunk::default();
            let counter = self.threads.point(point).counter as u64;
            let start = chunk.count(&self.machine, counter, site(point, RUN_OUT));
            chunk.jump(0);
            let piece = self.threads.point(point).piece?;
            chunk.link(|_| Link::Arena(piece));
            let placed = chunk.place(&self.machine).ok()?;
            let counting = Here::from_iter([(point, start)]);
            self.has_made(&placed, &Here::default(), &counting, &Here::default());
            self.threads.placed.push(placed);
        }
        let Point { piece, counting, .. } = *self.threads.point(point);
        if counted { counting } else { piece }
    }

    /// The same for a point that was not found where pieces look; there it is found now.
    fn missed(&mut self, point: u32, counted: bool) -> Option<u32> {
        let entrance = self.entrance(point, counted)?;
        if let Some(Dispatch { tables }) = &mut self.threads.dispatch {
            let address = self.machine.address(entrance);
            tables[usize::from(counted)].0.set(&self.threads.points[point as usize].greens, address);
        }
        Some(entrance)
    }

    /// Enters tier 1 at a point that the interpreter has asked about, and goes on there and in tier 2 as long as there is code.
    pub(super) fn enter_threads(&mut self, asker: &Asker, state: &mut [u64]) -> Outcome {
        let greens: Vec<u64> = self.portal().greens.iter().map(|&at| state[at]).collect();
        let point = self.point_of(&greens);
        self.threads.point(point).called |= asker.called();
        let Some(entrance) = self.entrance(point, true) else {
            asker.rest(1);
            return Outcome::Not;
        };
        asker.pin();
        self.run_threads(entrance, state)
    }

    /// Goes on in tier 1 if the point of this state has a piece.
    pub(super) fn go_on_in_threads(&mut self, state: &mut [u64]) -> Outcome {
        let greens = &self.portal().greens;
        let words: Vec<u64> = greens.iter().map(|&at| state[at]).collect();
        let known = self.threads.numbers.get(words.as_slice());
        match known.and_then(|&point| self.threads.points[point as usize].piece) {
            Some(piece) => self.run_threads(piece, state),
            None => Outcome::Moved,
        }
    }

    fn run_threads(&mut self, entrance: u32, state: &mut [u64]) -> Outcome {
        self.threads.running += 1;
        let outcome = self.run_from(entrance, state);
        self.threads.running -= 1;
        outcome
    }

    fn run_from(&mut self, mut entrance: u32, state: &mut [u64]) -> Outcome {
        let frame = self.portal().frame;
        loop {
            self.stats.piece_entries += 1;
            // SAFETY: pieces do what the interpreter would do in this frame.
            let left = unsafe { self.machine.run_piece(entrance, state[frame]) };
            let mut words: [u64; 40] = [0; 40];
            let (place, root) = match left {
                Left::Site(place, root) => (Some(place), root),
                Left::Returned(returned) => {
                    words.iter_mut().zip(returned.words()).for_each(|(to, word)| *to = word);
                    (None, words[1])
                }
            };
            let Some(place) = place else {
                if words[0] == handed_out::RESULT {
                    return self.results_are(&words[1..]);
                }
                self.stats.piece_misses += 1;
                let count = self.portal().greens.len();
                self.set_state(state, &words[2..2 + count], root);
                let point = self.point_of(&words[2..2 + count]);
                let counted = words[0] == handed_out::COUNTED;
                self.log.write(Part::Exits, || {
                    let how = if counted { "counted " } else { "" };
                    format!("{how}point not found: {}", (self.describe)(&words[2..2 + count]))
                });
                self.threads.point(point).called |= counted;
                match self.missed(point, counted) {
                    Some(next) => entrance = next,
                    None => return Outcome::Moved,
                }
                continue;
            };
            let number = self.threads.sites[&place];
            let (point, what) = (number / 4, number % 4);
            if what == RETURNED {
                // The first word says that it is the portal's result: it ends in no other way with constants alone.
                let words = self.threads.returned[point as usize].clone();
                return self.results_are(&words[1..]);
            }
            let greens = Rc::clone(&self.threads.point(point).greens);
            self.set_state(state, &greens, root);
            let next = match what {
                // There is no room for more code: it is made when the interpreter asks next.
                RUN_OUT if self.full && self.threads.running == 1 => None,
                RUN_OUT => match self.run_out(point, state) {
                    Outcome::Not => self.entrance(point, false),
                    Outcome::Moved => {
                        let greens: Vec<u64> = self.portal().greens.iter().map(|&at| state[at]).collect();
                        let known = self.threads.numbers.get(greens.as_slice()).copied();
                        known.and_then(|point| self.threads.point(point).piece)
                    }
                    Outcome::Returned => return Outcome::Returned,
                },
                HATCH => self.entrance(point, true),
                _ => {
                    self.log.write(Part::Exits, || format!("left at {}", (self.describe)(&greens)));
                    self.stats.piece_exits += 1;
                    self.left_piece(point)
                }
            };
            match next {
                Some(next) => entrance = next,
                None => return Outcome::Moved,
            }
        }
    }

    /// The portal has returned these words.
    fn results_are(&mut self, words: &[u64]) -> Outcome {
        let count = self.portal().function.signature.result.leaf_count();
        self.results.clear();
        self.results.extend_from_slice(&words[..count]);
        Outcome::Returned
    }

    fn set_state(&self, state: &mut [u64], greens: &[u64], frame: u64) {
        let portal = self.portal();
        for (&at, &word) in portal.greens.iter().zip(greens) {
            state[at] = word;
        }
        state[portal.frame] = frame;
    }

    /// The counter of a point has run out: asks about its location, as the interpreter would.
    fn run_out(&mut self, point: u32, state: &mut [u64]) -> Outcome {
        let asked = Moment::now();
        let halvings = self.patience.wears_off(asked);
        if halvings > 0 {
            self.lose_patience(halvings);
        }
        let Point { greens, counter, called, location, .. } = self.threads.point(point);
        let (greens, counter, called) = (Rc::clone(greens), *counter, *called);
        let location = match *location {
            Some(location) => Some(location),
            None => self.location(&greens),
        };
        self.threads.point(point).location = location;
        let threshold = self.threshold_of(point);
        // SAFETY: counters stay where they are as long as there are points.
        let asker = Asker::Piece { counter: unsafe { &*counter }, threshold, called };
        let Some(location) = location.filter(|_| threshold > 0) else {
            asker.rest(64);
            return Outcome::Not;
        };
        self.enter_location(&asker, location, asked, state)
    }

    /// A piece has been left: perhaps another is better, which is gone on in at once.
    fn left_piece(&mut self, point: u32) -> Option<u32> {
        let nested = self.threads.running > 1;
        let known = self.threads.point(point);
        known.left += 1;
        let template = known.template;
        let never_executed = template.is_some_and(|number| self.threads.templates[number as usize].only_leaves);
        let Point { greens, template, left, made, wishes, .. } = &self.threads.points[point as usize];
        let enough = if never_executed && *made == 1 { 2 } else { LEFT << made };
        if *left < enough || *made > ANEW || nested {
            return None;
        }
        let mut values = std::mem::take(&mut self.threads.values);
        let again =
            self.threads.shapes[usize::from(wishes.all)].find(greens, self.anchor(), &mut values) == Some(*template);
        self.threads.values = values;
        let known = self.threads.point(point);
        known.left = 0;
        known.wishes.all |= again;
        let old = known.piece.take()?;
        if !self.make(point, false) {
            let known = self.threads.point(point);
            (known.piece, known.made) = (Some(old), ANEW + 1);
            return None;
        }
        let new = self.threads.point(point).piece?;
        self.machine.redirect(old, new);
        Some(new)
    }
}

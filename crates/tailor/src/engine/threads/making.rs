//! Making pieces: which belong to a chunk, what is the same as what has been made, and what a shape is compiled to.

use std::rc::Rc;

use tailor_compiler::backend::holes::Hole;
use tailor_compiler::backend::native::Table;
use tailor_compiler::backend::pieces::{Chunk, Link, Placed};
use tailor_compiler::ir::OpCode;
use tailor_compiler::runtime::Runtime;
use tailor_compiler::text::{Addresses, print};

use super::{Common, Dispatch, HATCH, Here, LEFT_PIECE, Making, Point, RUN_OUT, Shape, UnderWay, site};
use crate::engine::clock::ThreadTime;
use crate::engine::driver::Driver;
use crate::engine::log::Part;
use crate::thread::{Goal, GoalPlan, Recorder, Unrecorded, Way, Wishes, handed_out, word_of};

/// What came of making a piece.
enum Made {
    /// It begins there in the chunk, and may be for other points, too.
    New(u32, Option<Common>),
    /// Another point's piece is the same.
    Known,
}

impl Driver {
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

    /// Makes the piece of a point, and those of all that follow in the guest's frame; what counts entries of the point, too, if it is `counted`. Whether there is one now.
    pub(super) fn make(&mut self, first: u32, counted: bool) -> bool {
        let begun = ThreadTime::now();
        if self.threads.dispatch.is_none() && self.make_dispatch().is_none() {
            return false;
        }
        let mut making = std::mem::take(&mut self.threads.making);
        making.clear();
        let made = self.make_chunk(first, counted, &mut making);
        for &(point, _) in making.here.iter().chain(&making.counting).chain(&making.hatches) {
            self.threads.point(point).under_way = UnderWay::default();
        }
        self.threads.making = making;
        self.stats.threading += begun.elapsed();
        made
    }

    fn make_chunk(&mut self, first: u32, counted: bool, making: &mut Making) -> bool {
        // Whether what has been put into the chunk goes on behind it, in the piece that comes next.
        let mut goes_on = counted && self.parameters.tier2 && self.threads.point(first).counting.is_none();
        if goes_on {
            self.count_here(first, making);
        }
        making.work.push(first);
        while let Some(mut point) = making.work.pop() {
            while !self.threads.point(point).is_made() {
                let goes_here = std::mem::take(&mut goes_on);
                let before = making.wanted.len();
                let offset = match self.piece(point, &mut making.chunk, &mut making.wanted) {
                    Some(Made::New(offset, words)) => {
                        making.common.extend(words.map(|words| (words, offset)));
                        offset
                    }
                    Some(Made::Known) => {
                        making.same += 1;
                        if goes_here {
                            making.chunk.jump(Goal::of(point, Way::Plain).0);
                        }
                        break;
                    }
                    // What it has is better than nothing.
                    None if self.threads.point(point).made > 1 => return false,
                    None => making.chunk.hatch(&self.machine, site(point, LEFT_PIECE)),
                };
                making.here.push((point, offset));
                self.threads.point(point).under_way.piece = Some(offset);
                let next = making.wanted[before..].iter().filter_map(|goal| goal.point());
                making.work.extend(next.filter(|&(_, way)| way != Way::Call).map(|(point, _)| point));
                match making.chunk.falls_to().and_then(|goal| Goal(goal).point()) {
                    Some((next, Way::Plain)) if !self.threads.point(next).is_made() => {
                        making.chunk.fall();
                        goes_on = true;
                        point = next;
                    }
                    _ => break,
                }
            }
        }
        for at in 0..making.wanted.len() {
            let Some((point, way)) = making.wanted[at].point() else { continue };
            let known = self.threads.point(point);
            let counted = known.counting.or(known.under_way.counting).is_some();
            match way {
                Way::BackEdge if !counted && self.parameters.tier2 => {
                    self.count_here(point, making);
                    making.chunk.jump(Goal::of(point, Way::Plain).0);
                }
                Way::Call if !counted && known.hatch.or(known.under_way.hatch).is_none() => {
                    let offset = making.chunk.hatch(&self.machine, site(point, HATCH));
                    self.threads.point(point).under_way.hatch = Some(offset);
                    making.hatches.push((point, offset));
                }
                Way::Plain | Way::BackEdge | Way::Call => {}
            }
        }
        self.link(&mut making.chunk);
        if making.chunk.size() == 0 {
            // Another point's piece is all there is to it.
            return true;
        }
        self.roots.add_constants(self.threads.constants.drain(..));
        let Ok(placed) = making.chunk.place(&self.machine) else {
            self.full = true;
            return false;
        };
        self.log.write(Part::Asm, || placed.disassemble());
        self.stats.pieces += making.here.len() as u64 + making.same;
        for (words, offset) in making.common.drain(..) {
            self.threads.common.insert(words, placed.start() + offset);
        }
        self.stats.piece_bytes += u64::from(placed.size());
        self.has_made(&placed, &making.here, &making.counting, &making.hatches);
        self.threads.placed.push(placed);
        true
    }

    /// Puts code into the chunk that counts entries of a point.
    fn count_here(&mut self, point: u32, making: &mut Making) {
        let counter = self.threads.point(point).counter as u64;
        let offset = making.chunk.count(&self.machine, counter, site(point, RUN_OUT));
        self.threads.point(point).under_way.counting = Some(offset);
        making.counting.push((point, offset));
    }

    /// Says where all goals of a chunk lie.
    fn link(&self, chunk: &mut Chunk) {
        let threads = &self.threads;
        let dispatch = threads.dispatch.as_ref().expect("it is made before the first chunk");
        let tier2 = self.parameters.tier2;
        let link = |here: Option<u32>, known: Option<u32>| here.map(Link::Here).or(known.map(Link::Arena));
        chunk.link(|goal| {
            let Some((point, way)) = Goal(goal).point() else {
                return Link::Arena(dispatch.tables[usize::from(Goal(goal) == Goal::COUNTED)].1);
            };
            let known = &threads.points[point as usize];
            let found = if way == Way::Plain || (way == Way::BackEdge && !tier2) {
                link(known.under_way.piece, known.piece)
            } else {
                let counting = link(known.under_way.counting, known.counting);
                counting.or_else(|| link(known.under_way.hatch, known.hatch))
            };
            found.expect("every goal has been made")
        });
    }

    /// Notes where what has been made lies. (What is looked up by pieces is entered there when it has been missed: most points never are.)
    pub(super) fn has_made(&mut self, placed: &Placed, here: &Here, counting: &Here, hatches: &Here) {
        let start = placed.start();
        self.threads.sites.extend(placed.sites().iter().copied());
        for &(point, offset) in hatches {
            self.threads.point(point).hatch = Some(start + offset);
        }
        for &(point, offset) in here {
            self.threads.point(point).piece = Some(start + offset);
        }
        for &(point, offset) in counting {
            self.is_counted(point, start + offset);
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
        let (begun, built) = (ThreadTime::now(), self.stats.building);
        let template = self.new_template(greens, wishes, values);
        self.stats.templates += u64::from(template.is_some());
        self.stats.templating += begun.elapsed().saturating_sub(self.stats.building - built);
        template
    }

    fn new_template(&mut self, greens: &[u64], wishes: Wishes, values: &mut Vec<u64>) -> Option<u32> {
        let (recording, result) = loop {
            let memory = std::mem::take(&mut self.threads.recording);
            match Recorder::record(self, greens, wishes, memory) {
                (recording, Err(Unrecorded::Loops(function, given))) => {
                    self.threads.called.insert((std::ptr::from_ref(function), given));
                    // What has looked into it would be recorded otherwise now.
                    if self.threads.shapes.iter().any(|shapes| shapes.look_into(function, given)) {
                        self.threads.shapes = Default::default();
                    }
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
}

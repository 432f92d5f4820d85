//! Running pieces: how they are entered, why they are left, and what is done about it.

use std::rc::Rc;

use tailor_compiler::backend::Left;
use tailor_compiler::backend::pieces::{Chunk, Link};

use super::{Dispatch, HATCH, Point, RETURNED, RUN_OUT, site};
use crate::engine::Outcome;
use crate::engine::asker::Asker;
use crate::engine::clock::Moment;
use crate::engine::driver::Driver;
use crate::engine::log::Part;
use crate::thread::handed_out;

/// How often a piece is left before it is made anew.
const LEFT: u32 = 2;

/// How often a piece is made anew.
const ANEW: u32 = 3;

impl Driver {
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
            self.has_made(&placed, &[], &[(point, start)], &[]);
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
    pub(in crate::engine) fn enter_threads(&mut self, asker: &Asker, state: &mut [u64]) -> Outcome {
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
    pub(in crate::engine) fn go_on_in_threads(&mut self, state: &mut [u64]) -> Outcome {
        match self.piece_at(state) {
            Some(piece) => self.run_threads(piece, state),
            None => Outcome::Moved,
        }
    }

    /// The piece of the point of this state, if it has one.
    fn piece_at(&self, state: &[u64]) -> Option<u32> {
        let greens: Vec<u64> = self.portal().greens.iter().map(|&at| state[at]).collect();
        let point = *self.threads.numbers.get(greens.as_slice())?;
        self.threads.points[point as usize].piece
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
                    Outcome::Moved => self.piece_at(state),
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
        // What has been executed in pieces may have changed what units rest on.
        self.discard_invalid();
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

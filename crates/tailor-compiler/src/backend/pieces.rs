//! Code in pieces: small units that follow each other in one frame.
//!
//! What tier 1 makes of an instruction of a guest program is a *piece*: a unit with one parameter, the root (the guest's frame), all whose results are in memory when it ends. Pieces call nothing of each
//! other's and keep nothing in registers but the root, so that one can go on in any other, wherever it lies, by a plain jump.
//!
//! # Terms
//! - A *chunk* is a run of pieces that are placed in code memory together: first what is executed as a rule, then the cold parts.
//! - A *goal* is what a piece goes on in, by the number in field `c` of its `JumpUnit`. The chunk's maker says where it lies ([`Chunk::link`]).
//! - A *template* is the code of a piece in which some constants are missing ([holes](super::holes)).
//! - A *site* is a place where pieces are left for native code.
//! - The *anchor* is the runtime's context, which a register holds as long as pieces run: what lies near it is addressed by its distance.
//! - The *pool* are words that pieces read from memory, wide constants and addresses of functions: one for all that has the same word.
//!
//! # The unit of a piece
//! - Its entry has one parameter, of type Ref: the root. A `JumpUnit` passes the root of the piece that it goes on in first, and may pass more to routines.
//! - Guards and exits leave the piece: all lead to one place, which hands out the site and the root. Their snapshots mention the root, and nothing else.
//! - `Return` leaves all pieces, with words for whoever entered. If these are constants, it may do so by a site: they are [told](Template::returned) by the template.
//! - It has no `GuardValid`, `CallUnit` and exports.
//!
//! # Frame
//! All pieces share one native frame, which is made when the first is entered ([`Machine::run_piece`]); a piece that needs more than it has cannot be compiled.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::holes::{Filling, Hole, leftover};
use super::machine::{Machine, Shared};
use super::native::{Assembler, Emitter, Fixup, Goal, JUMP_BYTES, Table, counting, dispatcher};
use crate::code::{CodeMemory, CodeMemoryError};

/// Where something lies in a chunk that is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Hot(u32),
    Cold(u32),
}

/// A displacement to be filled in.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// Of its four bytes.
    at: Place,
    /// How many bytes of the instruction follow it.
    behind: u8,
    to: Target,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Place(Place),
    Arena(i32),
    /// Not known yet: the goal's number.
    Goal(u32),
    /// A word of the pool: in a template, its number, else itself.
    Word(u64),
}

/// The code of a piece with holes: what all pieces of one shape have in common.
#[derive(Clone, Debug)]
pub struct Template {
    hot: Box<[u8]>,
    cold: Box<[u8]>,
    /// As in a chunk that begins with it.
    open: Box<[Open]>,
    /// Values to be written, by place.
    fillings: Box<[(Place, Filling)]>,
    /// Behind which byte it is left, if it can be.
    left_behind: Option<Place>,
    /// The goal that it goes on in at its very end, by a jump that is not part of the code.
    falls: Option<u32>,
    /// What is handed out at a site, and behind which byte.
    returned: Option<(Place, Box<[u64]>)>,
    /// Words of the pool, which may stand for holes.
    words: Box<[u64]>,
    anchor: u64,
}

impl Template {
    /// What its pieces hand out that is always the same, at a site of its own.
    pub fn returned(&self) -> Option<&[u64]> {
        self.returned.as_ref().map(|(_, words)| &**words)
    }

    /// Whether its pieces can be left for the instruction to be executed natively.
    pub fn can_be_left(&self) -> bool {
        self.left_behind.is_some()
    }

    /// Takes a piece with so many holes from the emitter; `None` if one has not been found.
    pub(super) fn of(emitter: &mut Emitter, machine: &Machine, holes: usize) -> Option<Template> {
        let cold_part = emitter.cold_part;
        let place = |offset: u32| match offset.checked_sub(cold_part) {
            None => Place::Hot(offset),
            Some(offset) => Place::Cold(offset),
        };
        let target = |goal| match goal {
            Goal::Mark(offset) => Target::Place(place(offset)),
            Goal::Arena(offset) => Target::Arena(offset),
            Goal::Next(number) => Target::Goal(number),
            Goal::Pool(number) => Target::Word(u64::from(number)),
            Goal::Stub(_) => unreachable!("pieces have no stubs"),
        };
        let opens = |fixup: &Fixup| Open { at: place(fixup.at), behind: fixup.behind, to: target(fixup.goal) };
        let mut open: Vec<Open> = emitter.asm.fixups.iter().map(opens).collect();
        let fillings = emitter.asm.fillings.iter().map(|&filling| (place(filling.at), filling)).collect();
        let last = Place::Hot(cold_part.wrapping_sub(4));
        let falls = open.iter().position(|open| open.at == last && matches!(open.to, Target::Goal(_)));
        let falls = falls.map(|number| open.remove(number)).and_then(|open| match open.to {
            Target::Goal(number) => Some(number),
            _ => None,
        });
        // Behind a call that is the hot part's last instruction is still the hot part.
        let at_end = |behind: u32| if behind == cold_part { Place::Hot(behind) } else { place(behind) };
        let left_behind = emitter.left_behind.map(at_end);
        let returned = emitter.returned.take().zip(emitter.returned_behind);
        let returned = returned.map(|((_, words), behind)| (at_end(behind), words.into()));
        let words = emitter.asm.pool.as_slice().into();
        let anchor = machine.shared.runtime.context as u64;
        let code = emitter.asm.code();
        if leftover(code, holes) {
            return None;
        }
        let (hot, cold) = code.split_at(cold_part as usize);
        let hot = &hot[..hot.len() - if falls.is_some() { JUMP_BYTES as usize } else { 0 }];
        Some(Template {
            hot: hot.into(),
            cold: cold.into(),
            open: open.into(),
            fillings,
            left_behind,
            falls,
            returned,
            words,
            anchor,
        })
    }
}

/// Pieces that are not placed yet.
#[derive(Debug, Default)]
pub struct Chunk {
    hot: Vec<u8>,
    cold: Vec<u8>,
    open: Vec<Open>,
    /// Sites: behind which bytes, and their numbers.
    sites: Vec<(Place, u32)>,
    /// The goal of the jump at the very end of the hot part.
    falls: Option<u32>,
    asm: Assembler,
}

/// Pieces that have been placed; they are freed with this.
pub struct Placed {
    shared: Rc<Shared>,
    start: u32,
    size: u32,
    /// Bytes of words that the pool has because of these.
    pooled: u32,
    sites: Vec<(u32, u32)>,
}

impl std::fmt::Debug for Placed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Placed({} bytes)", self.size)
    }
}

impl Chunk {
    /// Makes it empty.
    pub fn clear(&mut self) {
        self.hot.clear();
        self.cold.clear();
        self.open.clear();
        self.sites.clear();
        self.falls = None;
    }

    /// Bytes so far.
    pub fn size(&self) -> usize {
        self.hot.len() + self.cold.len()
    }

    /// Where the next piece begins.
    pub fn here(&self) -> u32 {
        self.hot.len() as u32
    }

    /// Puts a piece behind the others: a template, the values of its holes, what its goals are here, and the numbers of its sites: where it is left, and where it [hands out](Template::returned) the same each
    /// time. Where it begins.
    pub fn append(&mut self, template: &Template, values: &[u64], goals: &[u32], sites: [u32; 2]) -> u32 {
        let (start, cold_start) = (self.here(), self.cold.len() as u32);
        let moved = |place: Place| match place {
            Place::Hot(offset) => Place::Hot(start + offset),
            Place::Cold(offset) => Place::Cold(cold_start + offset),
        };
        self.hot.extend_from_slice(&template.hot);
        self.cold.extend_from_slice(&template.cold);
        for &(place, Filling { bytes, hole, plus, distance, .. }) in &template.fillings {
            let from = if distance { template.anchor } else { 0 };
            let word = values[hole as usize].wrapping_add(u64::from(plus)).wrapping_sub(from).to_le_bytes();
            let (part, at) = match moved(place) {
                Place::Hot(at) => (&mut self.hot, at as usize),
                Place::Cold(at) => (&mut self.cold, at as usize),
            };
            match bytes {
                1 => part[at] = word[0],
                4 => part[at..at + 4].copy_from_slice(&word[..4]),
                _ => part[at..at + usize::from(bytes)].copy_from_slice(&word[..usize::from(bytes)]),
            }
        }
        for &Open { at, behind, to } in &template.open {
            let to = match to {
                Target::Place(place) => Target::Place(moved(place)),
                Target::Goal(number) => Target::Goal(goals.get(number as usize).copied().unwrap_or(number)),
                Target::Word(number) => Target::Word(filled(template.words[number as usize], values)),
                arena => arena,
            };
            self.open.push(Open { at: moved(at), behind, to });
        }
        if let Some(behind) = template.left_behind {
            self.sites.push((moved(behind), sites[0]));
        }
        if let Some((behind, _)) = template.returned {
            self.sites.push((moved(behind), sites[1]));
        }
        self.falls = None;
        if let Some(number) = template.falls {
            self.jump(goals.get(number as usize).copied().unwrap_or(number));
        }
        start
    }

    /// The goal that the last piece goes on in at its very end.
    pub fn falls_to(&self) -> Option<u32> {
        self.falls
    }

    /// Lets the last piece fall into the next one instead of jumping there.
    pub fn fall(&mut self) {
        if self.falls.take().is_some() {
            // The jump has been appended last.
            self.open.pop();
            self.hot.truncate((self.here() - JUMP_BYTES) as usize);
        }
    }

    /// Counts down the counter at an address, before the next piece: when it is negative, code is left at the site with this number.
    pub fn count(&mut self, machine: &Machine, counter: u64, site: u32) -> u32 {
        let start = self.here();
        let mut asm = std::mem::take(&mut self.asm);
        asm.clear();
        asm.anchor = Some(machine.shared.runtime.context as u64);
        counting(&mut asm, counter, Goal::Mark(0));
        let cold = Place::Cold(self.cold.len() as u32);
        for fixup in &asm.fixups {
            self.open.push(Open { at: Place::Hot(start + fixup.at), behind: 0, to: Target::Place(cold) });
        }
        self.hot.extend_from_slice(asm.code());
        asm.clear();
        asm.call(Goal::Arena(machine.shared.routines.leave_piece as i32));
        let base = self.cold.len() as u32;
        for &Fixup { at, goal, .. } in &asm.fixups {
            let Goal::Arena(to) = goal else { unreachable!("the routine lies in the arena") };
            self.open.push(Open { at: Place::Cold(base + at), behind: 0, to: Target::Arena(to) });
        }
        self.cold.extend_from_slice(asm.code());
        self.sites.push((Place::Cold(self.cold.len() as u32), site));
        self.falls = None;
        self.asm = asm;
        start
    }

    /// Code that goes on at the point that words behind the root name; where it begins. If the table does not have it, `what` is handed out, and the root and the words.
    pub fn dispatcher(&mut self, table: &Table, what: u64) -> u32 {
        let mut asm = std::mem::take(&mut self.asm);
        asm.clear();
        dispatcher(&mut asm, table, what);
        let start = self.here();
        for &Fixup { at, behind, goal, .. } in &asm.fixups {
            let Goal::Arena(to) = goal else { unreachable!("it refers to data only") };
            self.open.push(Open { at: Place::Hot(start + at), behind, to: Target::Arena(to) });
        }
        self.hot.extend_from_slice(asm.code());
        self.falls = None;
        self.asm = asm;
        start
    }

    /// A place that is left at once, at the site with this number, until [`Machine::redirect`] makes it a jump.
    pub fn hatch(&mut self, machine: &Machine, site: u32) -> u32 {
        let start = self.here();
        self.hot.push(0xe8);
        let to = Target::Arena(machine.shared.routines.leave_piece as i32);
        self.open.push(Open { at: Place::Hot(start + 1), behind: 0, to });
        self.hot.extend_from_slice(&[0; 4]);
        self.sites.push((Place::Hot(self.here()), site));
        self.falls = None;
        start
    }

    /// A jump to a goal, where the next piece would begin.
    pub fn jump(&mut self, goal: u32) {
        self.hot.push(0xe9);
        self.open.push(Open { at: Place::Hot(self.here()), behind: 0, to: Target::Goal(goal) });
        self.hot.extend_from_slice(&[0; 4]);
        self.falls = Some(goal);
    }

    /// Says where all goals lie: in this chunk, or in the arena.
    pub fn link(&mut self, mut find: impl FnMut(u32) -> Link) {
        for open in &mut self.open {
            if let Target::Goal(goal) = open.to {
                open.to = match find(goal) {
                    Link::Here(offset) => Target::Place(Place::Hot(offset)),
                    Link::Arena(offset) => Target::Arena(offset as i32),
                };
            }
        }
    }

    /// Places the chunk in code memory.
    ///
    /// # Errors
    /// If there is no room.
    ///
    /// # Panics
    /// If there are goals that have not been linked.
    pub fn place(&mut self, machine: &Machine) -> Result<Placed, CodeMemoryError> {
        let (hot, size) = (self.hot.len() as u32, self.size() as u32);
        let mut memory = machine.shared.memory.borrow_mut();
        let mut pool = machine.shared.pool.borrow_mut();
        let before = pool.len();
        for open in &mut self.open {
            if let Target::Word(word) = open.to {
                open.to = Target::Arena(pool.place(word, &mut memory)? as i32);
            }
        }
        let pooled = (pool.len() - before) as u32 * 8;
        let start = memory.allocate(size as usize)?;
        let offset = |place: Place| match place {
            Place::Hot(offset) => offset,
            Place::Cold(offset) => hot + offset,
        };
        self.hot.append(&mut self.cold);
        for open in &self.open {
            let to = match open.to {
                Target::Place(place) => start + offset(place),
                Target::Arena(offset) => offset as u32,
                Target::Goal(goal) => panic!("goal {goal} has not been linked"),
                Target::Word(_) => unreachable!("words have their places"),
            };
            let at = offset(open.at);
            let distance = to.wrapping_sub(start + at + 4 + u32::from(open.behind));
            self.hot[at as usize..][..4].copy_from_slice(&distance.to_le_bytes());
        }
        memory.write(start, &self.hot);
        drop(memory);
        let sites = self.sites.iter().map(|&(behind, number)| (start + offset(behind), number)).collect();
        self.clear();
        Ok(Placed { shared: Rc::clone(&machine.shared), start, size, pooled, sites })
    }
}

/// The value of a word that may stand for a hole.
fn filled(word: u64, values: &[u64]) -> u64 {
    Hole::of(word).map_or(word, |(hole, plus)| values[hole.number as usize].wrapping_add(u64::from(plus)))
}

/// Words that pieces read from memory. They stay where they are as long as the machine.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    places: FxHashMap<u64, u32>,
    /// Where the next word goes, and how many there is room for.
    next: u32,
    room: u32,
}

impl Pool {
    /// How many words there is room for at a time.
    const WORDS: u32 = 64;

    fn len(&self) -> usize {
        self.places.len()
    }

    /// The offset of a word in the arena.
    fn place(&mut self, word: u64, memory: &mut CodeMemory) -> Result<u32, CodeMemoryError> {
        if let Some(&place) = self.places.get(&word) {
            return Ok(place);
        }
        if self.room == 0 {
            self.next = memory.allocate(Pool::WORDS as usize * 8)?;
            self.room = Pool::WORDS;
        }
        let place = self.next;
        memory.write(place, &word.to_le_bytes());
        self.places.insert(word, place);
        (self.next, self.room) = (place + 8, self.room - 1);
        Ok(place)
    }
}

/// Where a goal lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// At this offset of the chunk.
    Here(u32),
    /// At this offset of the arena.
    Arena(u32),
}

impl Placed {
    /// Where it begins in the arena.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// Bytes in all, with those that it has added to the pool.
    pub fn size(&self) -> u32 {
        self.size + self.pooled
    }

    /// Its sites: the offsets in the arena that [`Left::Site`](super::Left::Site) hands out, and their numbers.
    pub fn sites(&self) -> &[(u32, u32)] {
        &self.sites
    }

    /// Its code, as text.
    pub fn disassemble(&self) -> String {
        let bytes = self.shared.memory.borrow().bytes(self.start, self.size as usize);
        let lines = super::native::disassemble(&bytes, u64::from(self.start));
        lines.iter().map(|(offset, line)| format!("{offset:8x}  {line}\n")).collect()
    }
}

impl Machine {
    /// Makes five bytes at an offset of the arena, which are the beginning of a piece or a [hatch](Chunk::hatch), a jump to another offset. They are not executed meanwhile.
    pub fn redirect(&self, from: u32, to: u32) {
        let distance = to.wrapping_sub(from + JUMP_BYTES);
        let [a, b, c, d] = distance.to_le_bytes();
        self.shared.memory.borrow_mut().write(from, &[0xe9, a, b, c, d]);
    }

    /// The address of an offset of the arena.
    pub fn address(&self, offset: u32) -> u64 {
        self.shared.start as u64 + u64::from(offset)
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        self.shared.memory.borrow_mut().free(self.start, self.size as usize);
    }
}

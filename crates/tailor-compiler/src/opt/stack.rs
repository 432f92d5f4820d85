//! The guest stack within the pass `heap`: many words, found by their offsets; words that are dead; frames that are handed to other units.
//!
//! # The window
//! Of the guest stack some hundred words are known at a time: those of all frames that are inlined. So that an access finds its word at once, the [`Window`] has a table from offsets to the
//! numbers of locations, for the words that are *regular*: whole, aligned, at a constant distance from one root. Two of these are the same word or have nothing in common, so nothing else
//! need be looked at. As soon as there are irregular locations as well, all are looked through, as in other classes; there may be no more of them than there are in those.
//!
//! # Dead words
//! `Release` forgets words and the stores to them that have been put off: what a call that was inlined has left behind is never written. A later use of such a word would be read before it is written, so nothing that
//! is known of it through another root can do harm. The operation itself says nothing to anybody else, and is not emitted.
//!
//! # Frames of other units
//! By rule 15 a unit that is called touches no word below its frame. If that is at a constant distance from a root, stores to words below it remain put off across the call (its snapshot has them: the call may be left by an exit), and what is in
//! them remains known. The other words are written before the call, except those that are passed as arguments instead; of all of them nothing is known behind it.

use super::heap::{Location, bits};
use super::walk::Walk;
use crate::ir::{AliasSet, EntryId, ListRange, MemKind, Op, OpCode, Ref, Type};

/// How many words of the guest stack are known.
pub const STACK_LIMIT: usize = 512;

/// How many stores to them are put off: each snapshot lists them.
pub const STACK_DIRTY_LIMIT: usize = 128;

/// Words of the window below its root, and in all.
const BELOW: i64 = 256;
const WORDS: i64 = 4096;

const BYTES: i64 = 8;

/// Where the regular words of the guest stack are among the locations of their class; see the module's header.
#[derive(Debug, Default)]
pub struct Window {
    /// The class that it is about; none has a location of the guest stack if there is no root.
    pub class: usize,
    root: Option<Ref>,
    /// By word: number of the location + 1, 0 if it is not known.
    numbers: Vec<u16>,
    /// How many locations of the class are not regular.
    pub irregular: usize,
}

impl Window {
    /// The place in the table of a location that is regular.
    fn place(&self, class: usize, location: &Location) -> Option<usize> {
        let regular = self.is_about(class)
            && self.root == Some(location.root)
            && location.kind == MemKind::Stack
            && !location.immutable
            && location.index == Ref::NONE
            && i64::from(location.width.bytes()) == BYTES
            && location.offset % BYTES == 0;
        let word = location.offset / BYTES + BELOW;
        (regular && (0..WORDS).contains(&word)).then_some(word as usize)
    }

    /// Whether the words of this class are in the window.
    pub fn is_about(&self, class: usize) -> bool {
        self.root.is_some() && self.class == class
    }

    /// Whether there is a window.
    pub fn is_used(&self) -> bool {
        self.root.is_some()
    }

    /// Whether such a location would be irregular.
    pub fn is_irregular(&self, class: usize, location: &Location) -> bool {
        self.is_about(class) && self.place(class, location).is_none()
    }

    /// Where a location is, or that it is not known; `None` if the window cannot tell.
    pub fn find(&self, class: usize, location: &Location) -> Option<Option<usize>> {
        if self.irregular > 0 {
            return None;
        }
        let place = self.place(class, location)?;
        Some(usize::from(self.numbers[place]).checked_sub(1))
    }

    /// A location has got this number, the first of its class if it is 0.
    pub fn added(&mut self, class: usize, number: usize, location: &Location) {
        let unused = self.root.is_none() || (self.class == class && number == 0);
        if unused && location.kind == MemKind::Stack {
            (self.class, self.root) = (class, Some(location.root));
            self.numbers.resize(WORDS as usize, 0);
        }
        self.note(class, number + 1, location);
        self.irregular += usize::from(self.is_irregular(class, location));
    }

    /// A location has gone.
    pub fn removed(&mut self, class: usize, location: &Location) {
        self.note(class, 0, location);
        self.irregular -= usize::from(self.is_irregular(class, location));
    }

    /// A location has another number.
    pub fn moved(&mut self, class: usize, number: usize, location: &Location) {
        self.note(class, number + 1, location);
    }

    fn note(&mut self, class: usize, number: usize, location: &Location) {
        if let Some(place) = self.place(class, location) {
            self.numbers[place] = number as u16;
        }
    }

    /// Forgets everything; these were the locations of its class.
    pub fn reset(&mut self, locations: &[Location]) {
        for location in locations {
            self.note(self.class, 0, location);
        }
        (self.root, self.irregular) = (None, 0);
    }
}

/// The frame that another unit is given.
#[derive(Clone, Copy, Debug)]
pub struct UnitFrame {
    entry: EntryId,
    root: Ref,
    offset: i64,
}

/// What is done with a location when another unit is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The unit does not touch it.
    Kept,
    /// The unit is passed its contents.
    Passed,
    /// The unit may read and write it.
    Shared,
}

impl Walk<'_> {
    /// The root of an address, and its distance from it.
    pub(super) fn root_of(&self, address: Ref) -> (Ref, i64) {
        if let Some(op) = address.as_op().map(|at| self.out.ops[at])
            && op.code == OpCode::PtrAdd
            && let Some(displacement) = self.constant_bits(Ref::from_word(op.b))
        {
            return (Ref::from_word(op.a), displacement as i64);
        }
        (address, 0)
    }

    /// `Release`.
    pub(super) fn release(&mut self, op: &Op) {
        let base = self.operand(op.a, Type::Ref);
        let (root, from) = self.root_of(base);
        self.forget_locations(|_, location| {
            location.kind == MemKind::Stack && location.root == root && location.offset >= from
        });
    }

    /// The frame that the unit behind `entry` is given by these arguments, which are the output's.
    pub(super) fn unit_frame(&self, entry: EntryId, list: ListRange) -> Option<UnitFrame> {
        let frame = self.out.elements(list).find(|&argument| self.out.type_of(argument) == Type::Ref)?;
        let (root, offset) = self.root_of(frame);
        Some(UnitFrame { entry, root, offset })
    }

    fn fate(&self, frame: Option<UnitFrame>, location: &Location) -> Fate {
        let Some(frame) = frame.filter(|frame| location.kind == MemKind::Stack && location.root == frame.root) else {
            return Fate::Shared;
        };
        let (start, bytes) = (location.offset - frame.offset, i64::from(location.width.bytes()));
        let passed = &self.descriptors.entry(frame.entry).stack_arguments;
        if location.index != Ref::NONE {
            Fate::Shared
        } else if start + bytes <= 0 {
            Fate::Kept
        } else if bytes == BYTES && passed.iter().any(|&offset| i64::from(offset) == start) {
            Fate::Passed
        } else {
            Fate::Shared
        }
    }

    /// Writes what the unit that is about to be called may read.
    pub(super) fn before_unit_call(&mut self, frame: Option<UnitFrame>) {
        self.drop_passed(frame);
        for class in bits(self.s.heap.present) {
            for number in 0..self.s.heap.classes[class].len() {
                let location = self.s.heap.classes[class][number];
                if location.dirty && self.fate(frame, &location) == Fate::Shared {
                    self.flush(class, number);
                }
            }
        }
    }

    /// Forgets what the unit may have written.
    pub(super) fn after_unit_call(&mut self, frame: Option<UnitFrame>) {
        self.written = AliasSet::ALL.0;
        self.forget_locations(|walk, location| !location.immutable && walk.fate(frame, location) != Fate::Kept);
    }

    /// Words that are passed as arguments are not written for the unit that goes on.
    pub(super) fn drop_passed(&mut self, frame: Option<UnitFrame>) {
        if frame.is_some_and(|frame| !self.descriptors.entry(frame.entry).stack_arguments.is_empty()) {
            self.forget_locations(|walk, location| walk.fate(frame, location) == Fate::Passed);
        }
    }

    /// Forgets locations without writing them.
    fn forget_locations(&mut self, forgotten: impl Fn(&Self, &Location) -> bool) {
        for class in bits(self.s.heap.present) {
            self.count(self.s.heap.classes[class].len() as u64);
            for number in (0..self.s.heap.classes[class].len()).rev() {
                if forgotten(self, &self.s.heap.classes[class][number]) {
                    self.drop_location(class, number);
                }
            }
        }
    }
}

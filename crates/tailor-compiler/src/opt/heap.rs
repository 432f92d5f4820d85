//! The pass `heap`: what memory contains, and stores that are put off.
//!
//! # Locations
//! A [`Location`] is a place of which the contents are known, because it has been loaded or stored. It is *dirty* if the store has not been done yet: memory is stale then.
//! Dirty locations are written (*flushed*)
//! - before something that may read them: a load or store that may touch the same bytes, a call whose descriptor says so;
//! - where knowledge ends: at jumps, branches, returns, and before the back edge of a loop that does not carry them.
//!
//! At exits they are not written: they become the snapshot's pending stores. So a store that is overwritten later costs nothing, and a slot of the guest's stack
//! lives in a register.
//!
//! # Addresses
//! See [`address`](super::address).
//!
//! # Aliasing
//! As [`crate::ir`] says; see [`Location::meets`]. Beyond that, an object that the unit has allocated is none of those that were there before.
//!
//! # New objects
//! Stores into an object that the unit itself has allocated (it is not virtual any more) are done at once: all its words must be filled before the next collection.
//!
//! # Barriers
//! A barrier of an object with dirty locations is noted in them, and done when they are flushed. One that has been done holds until the next collection, and a new object needs
//! none until then. Constants that the memory manager says to be lasting ([`Options::is_lasting`](super::Options::is_lasting)) need none: truth values and the like.
//!
//! # Bounds
//! Per alias class at most [`CLASS_LIMIT`] locations are kept, an old one goes first; in all at most [`DIRTY_LIMIT`] are dirty. So each access takes bounded time, as does each snapshot. The guest
//! stack has bounds of its own ([`stack`](super::stack)).

use super::stack::{STACK_DIRTY_LIMIT, STACK_LIMIT, Window};
use super::walk::{Walk, as_virtual};
use crate::ir::{AliasClass, AliasSet, MemId, MemKind, Op, OpCode, Ref, Type, Width};
use crate::opt::facts::Fact;

/// How many locations of one alias class are known.
const CLASS_LIMIT: usize = 24;

/// How many stores are put off.
const DIRTY_LIMIT: usize = 48;

/// A place in memory and what is in it.
#[derive(Clone, Copy, Debug)]
pub struct Location {
    /// The base without its displacement.
    pub root: Ref,
    /// Whether the root is itself an address computed by a displacement that is not known.
    pub computed: bool,
    /// The base as it is to be accessed.
    pub base: Ref,
    /// The index, or [`Ref::NONE`].
    pub index: Ref,
    /// Bytes from the root (and the index).
    pub offset: i64,
    /// The descriptor.
    pub mem: MemId,
    /// From the descriptor.
    pub kind: MemKind,
    /// From the descriptor.
    pub width: Width,
    /// From the descriptor.
    pub scale: u8,
    /// From the descriptor.
    pub immutable: bool,
    /// What is in it: may be virtual. Narrow values are not extended.
    pub value: Ref,
    /// Memory does not have the value yet.
    pub dirty: bool,
    /// The object's barrier is to be done after the store.
    pub barrier: bool,
    /// Whether the value was a constant in the source.
    pub literal: bool,
    /// What was in it when the loop under way began; [`Ref::NONE`] if that is not known.
    pub entering: Ref,
    /// The source operation that last stored it, + 1; 0 if it was only loaded.
    pub stored_at: u32,
}

/// How two locations may overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meeting {
    Never,
    Same,
    Perhaps,
}

fn overlap(a: &Location, b: &Location) -> Meeting {
    let (size_a, size_b) = (i64::from(a.width.bytes()), i64::from(b.width.bytes()));
    if a.offset == b.offset && size_a == size_b {
        Meeting::Same
    } else if a.offset + size_a <= b.offset || b.offset + size_b <= a.offset {
        Meeting::Never
    } else {
        Meeting::Perhaps
    }
}

impl Location {
    /// How it may overlap with another location of its class. `apart` tells whether two roots are different objects for certain.
    fn meets(&self, other: &Location, apart: impl Fn(Ref, Ref) -> bool) -> Meeting {
        let same_index = self.index == other.index && self.scale == other.scale;
        if self.root == other.root {
            return if same_index { overlap(self, other) } else { Meeting::Perhaps };
        }
        if apart(self.root, other.root) {
            return Meeting::Never;
        }
        // Offsets of different roots can be compared if both are the starts of objects.
        let displaced = self.root != self.base || other.root != other.base || self.computed || other.computed;
        let from_start = self.kind == MemKind::Field && other.kind == MemKind::Field;
        if displaced || !from_start || !same_index || overlap(self, other) != Meeting::Never {
            Meeting::Perhaps
        } else {
            Meeting::Never
        }
    }
}

/// What is known of memory.
#[derive(Debug)]
pub struct Heap {
    /// By alias class.
    pub classes: Vec<Vec<Location>>,
    /// Which classes have locations.
    pub present: u64,
    /// How many are dirty.
    pub dirty: usize,
    /// Of them, how many of each class.
    dirty_in: [u32; AliasClass::COUNT],
    /// Those of the guest stack.
    pub window: Window,
}

impl Default for Heap {
    fn default() -> Self {
        let classes = vec![Vec::new(); AliasClass::COUNT];
        Heap { classes, present: 0, dirty: 0, dirty_in: [0; AliasClass::COUNT], window: Window::default() }
    }
}

impl Heap {
    /// Forgets everything; nothing is dirty, or it does not matter.
    pub fn reset(&mut self) {
        self.window.reset(&self.classes[self.window.class]);
        for class in bits(self.present) {
            self.classes[class].clear();
            self.dirty_in[class] = 0;
        }
        (self.present, self.dirty) = (0, 0);
    }

    /// Adds a location.
    fn add(&mut self, class: usize, location: Location) {
        self.window.added(class, self.classes[class].len(), &location);
        self.present |= 1 << class;
        self.dirty += usize::from(location.dirty);
        self.dirty_in[class] += u32::from(location.dirty);
        self.classes[class].push(location);
    }

    /// Forgets a location without writing it; the last of its class takes its number.
    pub fn remove(&mut self, class: usize, number: usize) -> Location {
        self.clean(class, number);
        let removed = self.classes[class].swap_remove(number);
        self.window.removed(class, &removed);
        if let Some(moved) = self.classes[class].get(number) {
            self.window.moved(class, number, moved);
        }
        removed
    }

    /// A location is not dirty any more; whether it was.
    fn clean(&mut self, class: usize, number: usize) -> bool {
        let location = &mut self.classes[class][number];
        location.barrier = false;
        let was_dirty = std::mem::take(&mut location.dirty);
        self.dirty -= usize::from(was_dirty);
        self.dirty_in[class] -= u32::from(was_dirty);
        was_dirty
    }

    /// The classes that have dirty locations.
    pub fn dirty_classes(&self) -> u64 {
        bits(self.present).filter(|&class| self.dirty_in[class] > 0).fold(0, |set, class| set | 1 << class)
    }
}

/// The numbers of the bits that are set.
pub fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

impl Walk<'_> {
    /// Whether two values are different objects for certain: one has been allocated by the unit when the other was there already.
    pub(super) fn are_apart(&self, a: Ref, b: Ref) -> bool {
        let is_new = |value: Ref| value.as_op().filter(|&at| self.out.ops[at].code == OpCode::New);
        match (is_new(a), is_new(b)) {
            (Some(a), Some(b)) => a != b,
            (Some(new), None) => b.as_op().is_none_or(|other| other < new),
            (None, Some(new)) => a.as_op().is_none_or(|other| other < new),
            (None, None) => false,
        }
    }

    /// Writes all dirty locations of `class` that may overlap with `location`; forgets them if it is `stored`. The number of the location itself, if
    /// it is known.
    pub(super) fn meet(&mut self, class: usize, location: &Location, stored: bool) -> Option<usize> {
        if let Some(found) = self.s.heap.window.find(class, location) {
            return found;
        }
        let mut number = 0;
        let mut found = None;
        while number < self.s.heap.classes[class].len() {
            self.count(1);
            let other = self.s.heap.classes[class][number];
            match location.meets(&other, |a, b| self.are_apart(a, b)) {
                Meeting::Never => {}
                Meeting::Same => found = Some(number),
                Meeting::Perhaps => {
                    self.flush(class, number);
                    if stored {
                        // What has been found stands before it, so only the last moves; writing may have added some.
                        self.s.heap.remove(class, number);
                        continue;
                    }
                }
            }
            number += 1;
        }
        found
    }

    /// Keeps a location.
    pub(super) fn keep(&mut self, class: usize, location: Location) {
        let heap = &self.s.heap;
        let in_window = heap.window.is_about(class);
        let others = heap.dirty - if heap.window.is_used() { heap.dirty_in[heap.window.class] as usize } else { 0 };
        if in_window && heap.window.irregular >= CLASS_LIMIT && heap.window.is_irregular(class, &location) {
            self.flush_classes(AliasSet(1 << class));
            while !self.s.heap.classes[class].is_empty() {
                self.s.heap.remove(class, 0);
            }
        } else if heap.classes[class].len() >= if in_window { STACK_LIMIT } else { CLASS_LIMIT } {
            self.flush(class, 0);
            self.s.heap.remove(class, 0);
        }
        if location.dirty && !in_window && others >= DIRTY_LIMIT {
            self.flush_classes(AliasSet::ALL);
        }
        if location.dirty && in_window && self.s.heap.dirty_in[class] as usize >= STACK_DIRTY_LIMIT {
            self.flush_classes(AliasSet(1 << class));
        }
        self.s.heap.add(class, location);
    }

    /// `Load`.
    pub(super) fn load(&mut self, op: &Op) {
        let mem = MemId(op.aux);
        let base = self.value(Ref::from_word(op.a));
        let index = if Ref::from_word(op.b) == Ref::NONE { Ref::NONE } else { self.operand(op.b, Type::Int) };
        if as_virtual(base).is_some()
            && let Some(value) = self.load_virtual(base, mem, index)
        {
            return self.bind(self.at, value);
        }
        let base = self.concrete(base, Type::Ref);
        let location = self.locate(mem, base, index);
        let value = self.load_from(location);
        self.bind(self.at, value);
    }

    pub(super) fn load_from(&mut self, mut location: Location) -> Ref {
        let class = usize::from(self.descriptors.mem(location.mem).class.0);
        let passes = self.options.passes;
        if passes.heap
            && let Some(value) = self.load_header(&location)
        {
            return value;
        }
        if passes.heap
            && let Some(number) = self.meet(class, &location, false)
        {
            let known = self.s.heap.classes[class][number];
            return self.contents(known.width, known.value, location.width);
        }
        let mut op = Op::new(OpCode::Load, location.width.ty());
        (op.aux, op.a, op.b) = (location.mem.0, location.base.word(), location.index.word());
        if location.immutable
            && let Some(value) = self.find_expression(&op).or_else(|| self.find_load_before(&op))
        {
            return self.resolve(value);
        }
        let fact = if passes.ranges { range_of(location.width) } else { Fact::ANY };
        let value = self.push(op, fact);
        if location.immutable {
            self.enter_expression(self.out.ops.len() - 1);
        }
        if passes.heap {
            location.value = value;
            self.keep(class, location);
        }
        value
    }

    /// What a load of this width sees where `value` has been stored by another access of the same size.
    pub(super) fn contents(&mut self, stored: Width, value: Ref, loaded: Width) -> Ref {
        let value = self.resolve(value);
        if as_virtual(value).is_some() {
            return value;
        }
        let value = self.retype(value, loaded.ty());
        // What has been loaded with this width is extended already, and the fact of it says so.
        let code = match loaded {
            Width::I8 | Width::I16 | Width::I32 => OpCode::SignExtend,
            Width::U8 | Width::U16 | Width::U32 => OpCode::ZeroExtend,
            Width::I64 | Width::F64 | Width::Ref => return value,
        };
        let loaded_before = value.as_op().map(|at| self.out.ops[at]).filter(|op| op.code == OpCode::Load);
        if stored == loaded && loaded_before.is_some_and(|op| self.descriptors.mem(MemId(op.aux)).width == loaded) {
            return value;
        }
        let op = Op { aux: loaded.bytes() as u16 * 8, a: value.word(), ..Op::new(code, Type::Int) };
        let fact = self.fact(value);
        if range_of(loaded).includes(fact) { value } else { self.pure(op) }
    }

    /// `Store`.
    pub(super) fn store(&mut self, op: &Op) {
        let mem = MemId(op.aux);
        let desc = *self.descriptors.mem(mem);
        let base = self.value(Ref::from_word(op.a));
        let index = if Ref::from_word(op.b) == Ref::NONE { Ref::NONE } else { self.operand(op.b, Type::Int) };
        let literal = Ref::from_word(op.c).as_constant().is_some();
        let mut value = self.value(Ref::from_word(op.c));
        if as_virtual(value).is_none() || desc.width.bytes() != 8 || desc.width == Width::F64 {
            value = self.concrete(value, desc.width.ty());
        }
        if as_virtual(base).is_some() && self.store_virtual(base, mem, index, value, literal) {
            return;
        }
        let base = self.concrete(base, Type::Ref);
        let location = Location { value, literal, ..self.locate(mem, base, index) };
        self.store_to(location, desc.class);
    }

    fn store_to(&mut self, mut location: Location, class: AliasClass) {
        self.written |= 1 << class.0;
        let class = usize::from(class.0);
        location.stored_at = self.at as u32 + 1;
        if !self.options.passes.heap {
            self.emit_store(&location);
            return;
        }
        let found = self.meet(class, &location, true);
        if let Some(number) = found {
            let known = self.s.heap.classes[class][number];
            if self.resolve(known.value) == self.resolve(location.value) && known.width == location.width {
                return;
            }
            self.drop_location(class, number);
            location.barrier = known.dirty && known.barrier;
            location.entering = known.entering;
        }
        let is_new = location.root.as_op().is_some_and(|at| self.out.ops[at].code == OpCode::New);
        if is_new {
            self.emit_store(&location);
            location.value = self.resolve(location.value);
        } else {
            location.dirty = true;
            self.s.exits.new_group();
        }
        self.keep(class, location);
    }

    /// Forgets a location without writing it.
    pub(super) fn drop_location(&mut self, class: usize, number: usize) {
        if self.s.heap.classes[class][number].dirty {
            self.s.exits.new_group();
        }
        self.s.heap.remove(class, number);
    }

    /// Emits a store, its value made if it was virtual.
    pub(super) fn emit_store(&mut self, location: &Location) {
        let value = self.concrete(location.value, location.width.ty());
        let mut op = Op::new(OpCode::Store, Type::Void);
        (op.aux, op.a, op.b, op.c) = (location.mem.0, location.base.word(), location.index.word(), value.word());
        self.push(op, Fact::ANY);
        if let Some(at) = location.base.as_op().filter(|_| !self.is_lasting(value)) {
            self.s.stored[at] = true;
        }
    }

    /// Whether a value is known to be of no interest to the barrier of the object that it is stored into.
    fn is_lasting(&self, value: Ref) -> bool {
        let (is_lasting, context) = self.options.is_lasting;
        // SAFETY: whoever has set the option promises that the context is the function's.
        as_virtual(value).is_none()
            && self.constant_bits(value).is_some_and(|bits| unsafe { is_lasting(context, bits) })
    }

    /// Writes a location if it is dirty.
    pub(super) fn flush(&mut self, class: usize, number: usize) {
        let location = self.s.heap.classes[class][number];
        if self.s.heap.clean(class, number) {
            self.s.exits.new_group();
            self.emit_store(&location);
            if location.barrier {
                self.emit_barrier(location.base);
            }
        }
    }

    /// Writes all that is dirty in these classes.
    pub(super) fn flush_classes(&mut self, classes: AliasSet) {
        for class in bits(self.s.heap.dirty_classes() & classes.0) {
            for number in 0..self.s.heap.classes[class].len() {
                self.flush(class, number);
            }
        }
    }

    /// Writes all that is dirty.
    pub(super) fn flush_all(&mut self) {
        self.flush_classes(AliasSet::ALL);
    }

    /// What a call does to memory: what it may read is written before.
    pub(super) fn before_call(&mut self, reads: AliasSet, writes: AliasSet) {
        self.flush_classes(AliasSet(reads.0 | writes.0));
    }

    /// What it may write is not known any more.
    pub(super) fn after_call(&mut self, writes: AliasSet) {
        self.written |= writes.0;
        for class in bits(self.s.heap.present & writes.0) {
            for number in (0..self.s.heap.classes[class].len()).rev() {
                if !self.s.heap.classes[class][number].immutable {
                    self.s.heap.remove(class, number);
                }
            }
        }
    }

    /// Writes dirty locations in immutable memory: an elidable call may read them whatever its descriptor says.
    pub(super) fn flush_immutable(&mut self) {
        for class in bits(self.s.heap.dirty_classes()) {
            for number in 0..self.s.heap.classes[class].len() {
                if self.s.heap.classes[class][number].immutable {
                    self.flush(class, number);
                }
            }
        }
    }

    /// Learns what is in a location of a new object, which has just been stored. Nothing is forgotten for it: this may happen while locations are
    /// looked through.
    pub(super) fn learn_contents(&mut self, location: Location, class: AliasClass) {
        let class = usize::from(class.0);
        if self.options.passes.heap && self.s.heap.classes[class].len() < CLASS_LIMIT {
            self.keep(class, location);
        }
    }

    // Barriers.

    /// `Barrier`.
    pub(super) fn barrier(&mut self, op: &Op) {
        let object = self.value(Ref::from_word(op.a));
        if as_virtual(object).is_some() {
            return;
        }
        let object = self.concrete(object, Type::Ref);
        self.flush_interiors(object);
        let mut noted = false;
        for class in bits(self.s.heap.dirty_classes()) {
            for number in 0..self.s.heap.classes[class].len() {
                let location = self.s.heap.classes[class][number];
                if location.dirty && location.base == object {
                    noted = true;
                    let needs_barrier = location.barrier || !self.is_lasting(self.resolve(location.value));
                    self.s.heap.classes[class][number].barrier = needs_barrier;
                }
            }
        }
        if noted {
            self.s.exits.new_group();
        }
        // What has been stored already needs it now.
        let stored = object.as_op().is_none_or(|at| self.s.stored[at]);
        if !noted || stored {
            self.emit_barrier(object);
        }
    }

    /// Writes dirty locations that are reached through pointers into objects: the barrier that is to come is perhaps theirs.
    fn flush_interiors(&mut self, object: Ref) {
        for class in bits(self.s.heap.dirty_classes()) {
            for number in 0..self.s.heap.classes[class].len() {
                let location = self.s.heap.classes[class][number];
                let computed = match location.base.as_op() {
                    Some(at) => self.out.ops[at].code == OpCode::PtrAdd,
                    // Of two constants, one may point into what the other points to.
                    None => location.base != object && object.as_constant().is_some(),
                };
                if computed && location.kind != MemKind::Stack {
                    self.flush(class, number);
                }
            }
        }
    }

    pub(super) fn emit_barrier(&mut self, object: Ref) {
        if let Some(at) = object.as_op() {
            self.s.stored[at] = false;
            if self.options.passes.heap && self.s.logged[at] == self.epoch {
                return;
            }
            self.s.logged[at] = self.epoch;
        }
        self.push(Op { a: object.word(), ..Op::new(OpCode::Barrier, Type::Void) }, Fact::ANY);
    }
}

/// What a load of this width yields.
pub(super) fn range_of(width: Width) -> Fact {
    match width {
        Width::I8 => Fact::range(i64::from(i8::MIN), i64::from(i8::MAX)),
        Width::U8 => Fact::range(0, 0xff),
        Width::I16 => Fact::range(i64::from(i16::MIN), i64::from(i16::MAX)),
        Width::U16 => Fact::range(0, 0xffff),
        Width::I32 => Fact::range(i64::from(i32::MIN), i64::from(i32::MAX)),
        Width::U32 => Fact::range(0, 0xffff_ffff),
        Width::I64 | Width::F64 | Width::Ref => Fact::ANY,
    }
}

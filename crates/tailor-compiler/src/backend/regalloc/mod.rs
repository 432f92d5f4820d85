//! Register allocation: one walk forwards over a unit, after the walk backwards of [`analysis`](super::analysis).
//!
//! # Method
//! Linear scan with next-use distances, block by block. The state is which value each register holds. Where a register is needed and none is free, the value
//! that is read furthest in the future gives way (Belady 1966; Braun and Hack 2009 use it likewise for spilling in SSA form). What is read by
//! snapshots only is furthest of all.
//!
//! A value that ever has to leave its register gets a slot in the frame, *and is stored into it where it is defined*, even though that place has been passed
//! already: code is emitted after the whole walk. So a slot is valid wherever its value is alive, whatever path was taken; leaving a register is free, and no path needs repair
//! stores. A register is then a copy that may be dropped at any time. Hence the two invariants that all the rest is built on:
//!
//! - a value without a slot is in one and the same register wherever it is alive;
//! - a value with a slot is in it wherever it is alive, from its definition on.
//!
//! So *each value has one home for all its life* ([`Allocation::home`]), which is all that exits have to know: there is no table of locations per exit.
//!
//! # Labels
//! The state at a label is decided when the first jump or branch to it is met: what is in registers there stays, if it is alive, and parameters get the
//! registers of their arguments if those are free. Every later edge brings values to where the label wants them: a parallel move ([`Move`]), empty on most
//! edges. A loop's label gives up, before the loop, the registers that its calls would take anyway, and those of values that the loop does not read if there are few left.
//! Exported labels and entries have their parameters where the convention says; but a block that does nothing but lead into a loop, for others, has them where the loop has them: others are told ([`Agreements`]).
//!
//! # Calls
//! Values that are read behind a call go to registers that functions preserve, if there are any left; else they are stored once, at their definition, and loaded
//! when read again. Units preserve nothing.
//!
//! # Why forwards, not backwards as LuaJIT does
//! Backwards, the use decides and definitions comply, which is best for straight lines; but at a join, and at a loop's end, the decisions of the other
//! path are not known, and threaded methods are joins and loops. Forwards with next uses known has the same information.
//!
//! # Random mode
//! With a seed, every choice that is free is taken at random: which register, which victim, load or use from the slot, keep or drop at a label; from a few
//! registers only. The result must be as correct.

mod edges;
mod registers;

use std::rc::Rc;

use super::analysis::{Analysis, Condition, NONE, Operands, Role, condition};
use super::target::{Agreements, Loc, Reg, RegSet, Shape, Target, Use};
use crate::ir::{Descriptors, LabelId, ListRange, Op, OpCode, Ref, Type, Unit};
use crate::random::Rng;

/// Where an operation's operands are and its result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpLocs {
    /// The operands `a`, `b`, `c`, when the instruction is executed; operands of an operation that is fused, folded or deferred, too.
    pub operands: [Loc; 3],
    /// Where its value is first: for a parameter, where edges put it.
    pub result: Loc,
}

/// A register that is loaded from the slot of a value before an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Before which operation.
    pub op: u32,
    /// The register.
    pub to: Reg,
    /// The value.
    pub value: u32,
}

/// One of the moves of an edge, which all happen at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Where to.
    pub to: Loc,
    /// Where from.
    pub from: Loc,
    /// What is moved.
    pub value: Ref,
    /// The parameter that it becomes, or [`NONE`] if it stays what it is.
    pub parameter: u32,
}

/// The result of allocation.
#[derive(Debug, Default)]
pub struct Allocation {
    /// By operation.
    pub ops: Vec<OpLocs>,
    /// Where the elements of lists are: for each operation with a list that is no edge, in order.
    pub arguments: Vec<Loc>,
    /// What is loaded from slots, by increasing operation.
    pub reloads: Vec<Reload>,
    /// The moves of all edges.
    pub moves: Vec<Move>,
    /// For each jump and branch, in order: where its moves end in `moves`; they begin where the former's end.
    pub edges: Vec<u32>,
    /// By operation: the slot of its value, or `u16::MAX`.
    pub slots: Vec<u16>,
    /// How many slots the frame has.
    pub slot_count: u16,
    /// Exported labels whose parameters are not where the convention says, and where they are.
    pub agreed: Vec<(LabelId, Rc<[Loc]>)>,
}

impl Allocation {
    /// Where a value is whenever it is alive.
    pub fn home(&self, value: usize) -> Loc {
        match self.slots[value] {
            u16::MAX => self.ops[value].result,
            slot => Loc::slot(slot),
        }
    }
}

/// Choices for tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Take every free choice at random, with this seed, using few registers.
    pub random: Option<u64>,
}

/// Where a unit finds the parameters of its entry.
#[derive(Clone, Copy, Debug)]
pub enum EntryLocations<'a> {
    /// By the convention.
    Convention,
    /// There: the homes of values at the exit of another unit, whose frame has so many slots.
    Exit(&'a [Loc], u16),
    /// There: it is a [piece](super::pieces), which does not use the register that is its anchor.
    Piece(&'a [Loc]),
}

impl<'a> EntryLocations<'a> {
    /// Where parameters are, if not by the convention.
    pub fn given(self) -> Option<&'a [Loc]> {
        match self {
            EntryLocations::Convention => None,
            EntryLocations::Exit(locs, _) | EntryLocations::Piece(locs) => Some(locs),
        }
    }
}

/// There are more values in memory, or arguments, than locations can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// The allocator; it keeps its memory from unit to unit.
#[derive(Debug, Default)]
pub struct Allocator {
    /// What is known about the unit.
    pub analysis: Analysis,
    /// What has been decided.
    pub result: Allocation,
    /// What each register holds, or [`NONE`].
    holds: Vec<u32>,
    free: RegSet,
    allowed: RegSet,
    /// By value: the register that holds it, or `u8::MAX`.
    register_of: Vec<u8>,
    /// Values by the operation after which they are not needed: first of a chain, and next in it.
    ends: Vec<u32>,
    next_end: Vec<u32>,
    /// Slots that are free, and the half-position from which on they are.
    free_slots: Vec<(u16, u32)>,
    /// By label: its state, a range of `entries`; the start is [`NONE`] if it is not decided yet.
    states: Vec<(u32, u32)>,
    entries: Vec<(Reg, u32)>,
    rng: Option<Rng>,
    too_large: bool,
}

impl Allocator {
    /// Allocates registers and slots for a unit.
    ///
    /// # Errors
    /// If the unit needs more slots or passes more arguments than there are.
    pub fn run<T: Target>(
        &mut self,
        target: &T,
        unit: &Unit,
        descriptors: &Descriptors,
        entry: EntryLocations,
        agreements: &Agreements,
        options: Options,
    ) -> Result<(), TooLarge> {
        self.analysis.run(target, unit, descriptors, agreements);
        self.reset::<T>(unit, options, entry);
        if let EntryLocations::Exit(locs, count) = entry {
            self.result.slot_count = count;
            let taken = |slot: u16| locs.contains(&Loc::slot(slot));
            self.free_slots.extend((0..count).filter(|&slot| !taken(slot)).map(|slot| (slot, 0)));
        }
        let mut walk = Walk { allocator: self, target, unit, entry, at: 0, pinned: RegSet::EMPTY };
        for at in 0..unit.ops.len() {
            walk.at = at;
            walk.operation();
            walk.expire();
        }
        debug_assert!(self.too_large || self.analysis.uses.is_empty(), "both walks read the same operands");
        if self.too_large { Err(TooLarge) } else { Ok(()) }
    }

    fn reset<T: Target>(&mut self, unit: &Unit, options: Options, entry: EntryLocations) {
        fn refill<T: Copy>(vector: &mut Vec<T>, length: usize, value: T) {
            vector.clear();
            vector.resize(length, value);
        }
        let count = unit.ops.len();
        refill(&mut self.result.ops, count, OpLocs { operands: [Loc::NONE; 3], result: Loc::NONE });
        refill(&mut self.result.slots, count, u16::MAX);
        refill(&mut self.register_of, count, u8::MAX);
        refill(&mut self.ends, count, NONE);
        refill(&mut self.next_end, count, NONE);
        refill(&mut self.states, unit.labels.len(), (NONE, 0));
        refill(&mut self.holds, 64, NONE);
        self.result.arguments.clear();
        self.result.reloads.clear();
        self.result.moves.clear();
        self.result.edges.clear();
        self.result.slot_count = 0;
        self.result.agreed.clear();
        self.free_slots.clear();
        self.entries.clear();
        self.free = T::ALLOCATABLE;
        self.allowed = T::ALLOCATABLE;
        if let EntryLocations::Piece(_) = entry {
            self.allowed.remove(T::ANCHOR);
        }
        self.too_large = false;
        self.rng = options.random.map(Rng::new);
        if let Some(rng) = &mut self.rng {
            for class in [RegSet::GENERAL, RegSet::FLOAT] {
                // An operation reads up to five registers and writes one.
                let keep = 6 + rng.below(5);
                while let count = self.allowed.and(class).len() as usize
                    && count > keep
                    && let Some(register) = self.allowed.and(class).iter().nth(rng.below(count))
                {
                    self.allowed.remove(register);
                }
            }
        }
    }
}

struct Walk<'a, T> {
    allocator: &'a mut Allocator,
    target: &'a T,
    unit: &'a Unit,
    entry: EntryLocations<'a>,
    at: usize,
    /// Registers that the current operation reads.
    pinned: RegSet,
}

impl<T: Target> Walk<'_, T> {
    fn operation(&mut self) {
        let op = self.unit.ops[self.at];
        if self.allocator.analysis.roles[self.at] != Role::Own {
            return;
        }
        self.pinned = RegSet::EMPTY;
        match op.code {
            OpCode::Label => self.label(LabelId(op.a)),
            OpCode::Param | OpCode::GuardValid | OpCode::Exit => {}
            OpCode::Jump => self.edge(&op),
            OpCode::BranchIf | OpCode::BranchUnless => {
                self.condition();
                self.edge(&op);
            }
            OpCode::GuardTrue | OpCode::GuardFalse => self.condition(),
            OpCode::Return | OpCode::JumpUnit => self.arguments(ListRange(op.a)),
            OpCode::Call => self.call(&op, T::ALLOCATABLE.minus(T::PRESERVED)),
            OpCode::CallUnit => self.call(&op, T::ALLOCATABLE),
            OpCode::Select => self.select(&op),
            _ => self.plain(self.at, &op),
        }
    }

    /// An operation that reads its operands and computes its result.
    fn plain(&mut self, at: usize, op: &Op) {
        let shape = self.target.shape(self.unit, op);
        let late = self.operands(at, &shape);
        self.result(at, op, &shape, late);
    }

    fn select(&mut self, op: &Op) {
        let shape = self.target.shape(self.unit, op);
        let mut late = self.test(op);
        for field in [1, 2] {
            let value = Ref::from_word([op.a, op.b, op.c][field]);
            let loc = self.read(value, shape.uses[field]);
            self.allocator.result.ops[self.at].operands[field] = loc;
            if shape.late >> field & 1 == 1 {
                late = late.or(set_of(loc));
            }
        }
        self.result(self.at, op, &shape, late);
    }

    /// The condition of a guard or branch, and the arithmetic that is computed with it.
    fn condition(&mut self) {
        let at = self.at;
        let op = self.unit.ops[at];
        let late = self.test(&op);
        if let Condition::Flags { reader, .. } = condition(self.unit, &self.allocator.analysis.roles, at)
            && matches!(self.allocator.analysis.roles[reader], Role::Late | Role::Early)
        {
            let arithmetic = self.unit.ops[reader];
            let shape = self.target.shape(self.unit, &arithmetic);
            self.result(reader, &arithmetic, &shape, late);
        }
    }

    /// Reads the condition of `op`; the registers that a result may not take.
    fn test(&mut self, op: &Op) -> RegSet {
        match condition(self.unit, &self.allocator.analysis.roles, self.at) {
            Condition::Value => {
                let loc = self.read(Ref::from_word(op.a), Use::Any);
                self.allocator.result.ops[self.at].operands[0] = loc;
                set_of(loc)
            }
            Condition::Flags { reader, .. } => {
                let shape = self.target.shape(self.unit, &self.unit.ops[reader]);
                let late = self.operands(reader, &shape);
                if op.code == OpCode::Select { self.pinned } else { late }
            }
        }
    }

    /// Reads the operands of operation `at`, which is this or part of it; the registers that the result may not take.
    fn operands(&mut self, at: usize, shape: &Shape) -> RegSet {
        let mut late = RegSet::EMPTY;
        let operands = Operands::of(self.unit, &self.allocator.analysis.roles, at);
        for &(owner, field, value) in operands.as_slice() {
            let (owner, field) = (owner as usize, usize::from(field));
            let folded = owner != at;
            let wanted = if folded { Use::Register } else { shape.uses[field] };
            let loc = self.read(value, wanted);
            self.allocator.result.ops[owner].operands[field] = loc;
            if folded {
                let op = &self.unit.ops[at];
                let field = usize::from(op.a != Ref::op(owner).word());
                self.allocator.result.ops[at].operands[field] = Loc::FOLDED;
            }
            if folded || shape.late >> field & 1 == 1 {
                late = late.or(set_of(loc));
            }
        }
        late
    }

    /// Where an operand can be read, now.
    fn read(&mut self, operand: Ref, wanted: Use) -> Loc {
        let Some(value) = operand.as_op() else { return Loc::CONSTANT };
        let next = self.next_use(value);
        let register = self.allocator.register_of[value];
        if register != u8::MAX {
            self.pinned.insert(Reg(register));
            return Loc::reg(Reg(register));
        }
        let ty = self.unit.ops[value].ty;
        let slot = self.allocator.result.slots[value];
        debug_assert_ne!(slot, u16::MAX, "a value that is alive is in a register or a slot");
        if wanted == Use::Any && !self.worth_loading(ty, next) {
            return Loc::slot(slot);
        }
        let register = self.choose(ty, value, RegSet::EMPTY, self.pinned);
        self.hold(register, value);
        self.allocator.result.reloads.push(Reload { op: self.at as u32, to: register, value: value as u32 });
        self.pinned.insert(register);
        Loc::reg(register)
    }

    /// Whether an operand that could be read from its slot should rather be loaded.
    fn worth_loading(&mut self, ty: Type, next: u32) -> bool {
        if let Some(rng) = &mut self.allocator.rng {
            return rng.chance(50);
        }
        next != NONE && !self.allocator.free.and(self.allocator.allowed).and(RegSet::class(ty)).is_empty()
    }

    /// Passes a read of `value`: the next one is the operation that is returned.
    fn next_use(&mut self, value: usize) -> u32 {
        let analysis = &mut self.allocator.analysis;
        let next = analysis.uses.pop().expect("the analysis has recorded each read");
        analysis.next_use[value] = next;
        next
    }

    /// Makes room for the result of operation `at`, which is this or part of it.
    fn result(&mut self, at: usize, op: &Op, shape: &Shape, late: RegSet) {
        let locs = self.allocator.result.ops[at].operands;
        let mut tied = RegSet::EMPTY;
        // What a branch passes on is read after the arithmetic that it tests has been done.
        let branch = self.unit.ops[self.at].target().is_some();
        for (field, loc) in locs.into_iter().enumerate() {
            if let Some(register) = loc.as_reg()
                && !late.contains(register)
                && !branch
            {
                self.release_if_dying(register);
                if shape.tied >> field & 1 == 1 && self.allocator.free.contains(register) {
                    tied.insert(register);
                }
            }
        }
        for register in shape.clobbers.iter() {
            self.vacate(register);
        }
        if op.ty == Type::Void {
            return;
        }
        if let Some(register) = shape.result {
            tied.insert(register);
        }
        let register = self.choose(op.ty, at, tied, late);
        self.allocator.result.ops[at].result = Loc::reg(register);
        if self.allocator.analysis.end[at] != 0 {
            self.define(at, register);
        }
    }

    fn arguments(&mut self, list: ListRange) {
        self.allocator.too_large |= self.unit.elements(list).len() >= usize::from(Loc::LIMIT);
        for operand in self.unit.elements(list) {
            let loc = self.argument(operand);
            self.allocator.result.arguments.push(loc);
        }
    }

    /// Where an operand is, that may be anywhere.
    fn argument(&mut self, operand: Ref) -> Loc {
        let Some(value) = operand.as_op() else { return Loc::CONSTANT };
        self.next_use(value);
        match self.allocator.register_of[value] {
            u8::MAX => Loc::slot(self.allocator.result.slots[value]),
            register => Loc::reg(Reg(register)),
        }
    }

    fn call(&mut self, op: &Op, clobbers: RegSet) {
        let list = ListRange(op.a);
        self.arguments(list);
        for value in self.unit.elements(list).filter_map(Ref::as_op) {
            if let register @ 0..64 = self.allocator.register_of[value] {
                self.release_if_dying(Reg(register));
            }
        }
        for register in clobbers.minus(self.allocator.free).iter() {
            self.vacate(register);
        }
        if op.ty != Type::Void && self.allocator.analysis.end[self.at] != 0 {
            let result = if op.ty == Type::Float { T::RESULT_FLOAT } else { T::RESULT_GENERAL };
            let register = self.choose(op.ty, self.at, RegSet::of(&[result]), RegSet::EMPTY);
            self.allocator.result.ops[self.at].result = Loc::reg(register);
            self.define(self.at, register);
        }
    }
}

/// The register that a location is, as a set.
fn set_of(loc: Loc) -> RegSet {
    loc.as_reg().map_or(RegSet::EMPTY, |register| RegSet::of(&[register]))
}

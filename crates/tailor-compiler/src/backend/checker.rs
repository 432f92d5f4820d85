//! Whether an allocation keeps every value where it is read: an abstract run over the unit, in which a register or slot holds not a word but the *name of a value*, or nothing
//! known (as in regalloc2's checker; the idea is Rideau and Leroy's, 2010).
//!
//! # States and transfer
//! A state maps each register and slot to a value or to nothing. Operations demand that their operands' locations hold those values; results, reloads and moves of edges write names; clobbered registers
//! lose theirs. A definition makes all older copies of its value's name invalid: they are of a loop's earlier turn. Where edges meet, a location
//! keeps what all agree on. That is repeated until no state changes; states only lose knowledge, so that it ends, and a mistake that is seen on the way is one.
//!
//! # What is demanded
//! - Operands are where the allocation says; in registers, if the shape wants that; and a result is not in the register of an operand that is read late.
//! - Every value of a snapshot is at its home at the exit: in its slot, if the exit is that of a call, since callees preserve nothing. So is what the unit's last operation passes on, at guards of its block: bridges want it.
//! - Each parameter that is needed is passed on each edge, and moves read what they say.
//!
//! It does not see what the emitter does; fuzzing does.

use super::analysis::{Condition, Operands, Role, condition};
use super::compile::passed_on;
use super::regalloc::{Allocator, EntryLocations, OpLocs};
use super::target::{Loc, Place, Reg, RegSet, Target, Use, entry_locations};
use crate::ir::{LabelId, ListRange, Op, OpCode, PendingStore, Ref, Slot, SnapshotId, Unit};

/// Nothing known.
const NOTHING: u32 = u32::MAX;

/// What each register and then each slot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State(Vec<u32>);

impl State {
    fn place(loc: Loc) -> Option<usize> {
        match loc.place() {
            Place::Reg(register) => Some(usize::from(register.0)),
            Place::Slot(slot) => Some(64 + usize::from(slot)),
            _ => None,
        }
    }

    fn holds(&self, loc: Loc, value: usize) -> bool {
        Self::place(loc).is_some_and(|place| self.0[place] == value as u32)
    }

    fn set(&mut self, loc: Loc, value: u32) {
        if let Some(place) = Self::place(loc) {
            self.0[place] = value;
        }
    }

    /// Old copies of a value mean nothing any more.
    fn forget(&mut self, value: usize) {
        self.0.iter_mut().filter(|held| **held == value as u32).for_each(|held| *held = NOTHING);
    }

    fn clobber(&mut self, registers: RegSet) {
        registers.iter().for_each(|register| self.set(Loc::reg(register), NOTHING));
    }

    /// Keeps what `other` agrees on; whether anything was lost.
    fn meet(&mut self, other: &State) -> bool {
        let mut changed = false;
        for (held, &other) in self.0.iter_mut().zip(&other.0) {
            if *held != other && *held != NOTHING {
                *held = NOTHING;
                changed = true;
            }
        }
        changed
    }
}

/// Checks an allocation.
///
/// # Errors
/// The first mistake, in words.
pub fn check<T: Target>(target: &T, unit: &Unit, allocator: &Allocator, entry: EntryLocations) -> Result<(), String> {
    let mut cursors = Vec::new();
    let mut cursor = Cursor::default();
    for (at, op) in unit.ops.iter().enumerate() {
        cursors.push(cursor);
        cursor.pass(unit, allocator, at, op);
    }
    let mut checker = Checker {
        target,
        unit,
        allocator,
        states: vec![None; unit.labels.len()],
        dirty: Vec::new(),
        cursors,
        passed_on: passed_on(unit, &allocator.analysis.roles),
        last_block: unit.ops.iter().rposition(|op| op.code == OpCode::Label).unwrap_or(0),
    };
    checker.enter_from_outside(entry)?;
    while let Some(label) = checker.dirty.pop() {
        let state = checker.states[label.0 as usize].clone().expect("a label is dirty once it has a state");
        checker.block(unit.labels[label.0 as usize] as usize, state)?;
    }
    Ok(())
}

/// How much of the allocation's streams belongs to the operations before one.
#[derive(Clone, Copy, Default)]
struct Cursor {
    reload: usize,
    argument: usize,
    edge: usize,
}

impl Cursor {
    fn pass(&mut self, unit: &Unit, allocator: &Allocator, at: usize, op: &Op) {
        let reloads = &allocator.result.reloads;
        self.reload += reloads[self.reload..].iter().take_while(|reload| reload.op == at as u32).count();
        if op.target().is_some() {
            self.edge += 1;
        } else if let Some((_, word)) = op.fields().find(|&(kind, _)| kind == b'*') {
            self.argument += unit.elements(ListRange(word)).len();
        }
    }
}

struct Checker<'a, T> {
    target: &'a T,
    unit: &'a Unit,
    allocator: &'a Allocator,
    states: Vec<Option<State>>,
    dirty: Vec<LabelId>,
    cursors: Vec<Cursor>,
    /// What bridges are passed beyond what snapshots mention, if they leave from the last block.
    passed_on: Vec<u32>,
    last_block: usize,
}

type Checked = Result<(), String>;

impl<T: Target> Checker<'_, T> {
    fn locs(&self, at: usize) -> OpLocs {
        self.allocator.result.ops[at]
    }

    fn needed(&self, value: usize) -> bool {
        self.allocator.analysis.end[value] != 0
    }

    fn enter_from_outside(&mut self, entry: EntryLocations) -> Checked {
        let unit = self.unit;
        let empty = State(vec![NOTHING; 64 + usize::from(self.allocator.result.slot_count)]);
        let exported = unit.exports.iter().map(|export| export.label);
        for label in std::iter::once(LabelId(unit.ops[0].a)).chain(exported) {
            let at = unit.labels[label.0 as usize] as usize;
            let parameters = self.parameters(at);
            let types = unit.ops[parameters.clone()].iter().map(|op| op.ty);
            let agreed = self.allocator.result.agreed.iter().find(|(agreed, _)| *agreed == label);
            let mut locs: Vec<Loc> = match agreed {
                Some((_, locs)) => locs.to_vec(),
                None => entry_locations::<T>(types).collect(),
            };
            if let (0, Some(exit)) = (at, entry.given()) {
                locs = exit.to_vec();
            }
            let mut state = empty.clone();
            for (parameter, loc) in parameters.zip(locs).filter(|&(parameter, _)| self.needed(parameter)) {
                let result = self.locs(parameter).result;
                let taken_in = matches!((loc.place(), result.place()), (Place::Argument(_), Place::Slot(_)));
                if result != loc && !taken_in {
                    return Err(format!("parameter {parameter} is passed in {loc:?}, but expected in {result:?}"));
                }
                state.set(result, parameter as u32);
            }
            self.arrive(label, state);
        }
        Ok(())
    }

    fn parameters(&self, label: usize) -> std::ops::Range<usize> {
        let count = self.unit.ops[label + 1..].iter().take_while(|op| op.code == OpCode::Param).count();
        label + 1..label + 1 + count
    }

    fn arrive(&mut self, label: LabelId, state: State) {
        let known = &mut self.states[label.0 as usize];
        let changed = match known {
            Some(known) => known.meet(&state),
            None => {
                *known = Some(state);
                true
            }
        };
        if changed && !self.dirty.contains(&label) {
            self.dirty.push(label);
        }
    }

    fn block(&mut self, start: usize, mut state: State) -> Checked {
        for parameter in self.parameters(start).filter(|&parameter| self.needed(parameter)) {
            if state.holds(self.locs(parameter).result, parameter) {
                state.set(self.allocator.result.home(parameter), parameter as u32);
            }
        }
        for at in start + 1..self.unit.ops.len() {
            let op = self.unit.ops[at];
            if op.code == OpCode::Label {
                break;
            }
            if self.allocator.analysis.roles[at] == Role::Own {
                self.operation(at, &op, &mut state).map_err(|error| format!("operation {at}: {error}"))?;
            }
        }
        Ok(())
    }

    fn operation(&mut self, at: usize, op: &Op, state: &mut State) -> Checked {
        let reloads = &self.allocator.result.reloads;
        for reload in reloads[self.cursors[at].reload..].iter().take_while(|reload| reload.op == at as u32) {
            let slot = self.allocator.result.home(reload.value as usize);
            self.demand(state, slot, Ref::op(reload.value as usize))?;
            state.set(Loc::reg(reload.to), reload.value);
        }
        match op.code {
            OpCode::Param => {}
            OpCode::Jump => self.edge(at, op, state)?,
            OpCode::BranchIf | OpCode::BranchUnless => {
                self.condition(at, op, state)?;
                self.edge(at, op, state)?;
            }
            OpCode::GuardTrue | OpCode::GuardFalse => {
                self.condition(at, op, state)?;
                self.snapshot(op, state)?;
                self.passed_on(at, state)?;
            }
            OpCode::GuardValid | OpCode::Exit => self.snapshot(op, state)?,
            OpCode::Return | OpCode::JumpUnit => self.list(at, op, state)?,
            OpCode::Call | OpCode::CallUnit => {
                self.list(at, op, state)?;
                let preserved = if op.code == OpCode::Call { T::PRESERVED } else { RegSet::EMPTY };
                state.clobber(T::ALLOCATABLE.minus(preserved));
                self.snapshot(op, state)?;
                self.define(at, state);
            }
            OpCode::Select => {
                let mut late = self.condition(at, op, state)?;
                for (field, word) in [(1, op.b), (2, op.c)] {
                    let loc = self.locs(at).operands[field];
                    self.demand(state, loc, Ref::from_word(word))?;
                    if self.target.shape(self.unit, op).late >> field & 1 == 1 {
                        late.extend(loc.as_reg());
                    }
                }
                self.result(at, &late, state)?;
            }
            _ => {
                let late = self.operands(at, state)?;
                state.clobber(self.target.shape(self.unit, op).clobbers);
                self.result(at, &late, state)?;
            }
        }
        Ok(())
    }

    fn demand(&self, state: &State, loc: Loc, operand: Ref) -> Checked {
        let fine = match operand.as_op() {
            Some(value) => state.holds(loc, value),
            None => loc == Loc::CONSTANT,
        };
        if fine { Ok(()) } else { Err(format!("{operand:?} is not in {loc:?}")) }
    }

    /// The operands of operation `at`; the registers that are read late.
    fn operands(&self, at: usize, state: &State) -> Result<Vec<Reg>, String> {
        let shape = self.target.shape(self.unit, &self.unit.ops[at]);
        let mut late = Vec::new();
        for &(owner, field, operand) in Operands::of(self.unit, &self.allocator.analysis.roles, at).as_slice() {
            let (owner, field) = (owner as usize, usize::from(field));
            let loc = self.locs(owner).operands[field];
            self.demand(state, loc, operand)?;
            let folded = owner != at;
            if (folded || shape.uses[field] == Use::Register) && matches!(loc.place(), Place::Slot(_)) {
                return Err(format!("{operand:?} is in a slot, but wanted in a register"));
            }
            if folded || shape.late >> field & 1 == 1 {
                late.extend(loc.as_reg());
            }
        }
        Ok(late)
    }

    /// The condition of a guard, branch or selection, and the value of arithmetic that is computed with it.
    fn condition(&self, at: usize, op: &Op, state: &mut State) -> Result<Vec<Reg>, String> {
        match condition(self.unit, &self.allocator.analysis.roles, at) {
            Condition::Value => {
                let loc = self.locs(at).operands[0];
                self.demand(state, loc, Ref::from_word(op.a))?;
                Ok(loc.as_reg().into_iter().collect())
            }
            Condition::Flags { reader, .. } => {
                let late = self.operands(reader, state)?;
                if matches!(self.allocator.analysis.roles[reader], Role::Late | Role::Early) {
                    self.result(reader, &late, state)?;
                }
                let locs = self.locs(reader).operands;
                Ok(late.into_iter().chain(locs.into_iter().filter_map(Loc::as_reg)).collect())
            }
        }
    }

    fn result(&self, at: usize, late: &[Reg], state: &mut State) -> Checked {
        if let Some(register) = self.locs(at).result.as_reg()
            && late.contains(&register)
        {
            return Err(format!("the result is in {register:?}, which is read later"));
        }
        self.define(at, state);
        Ok(())
    }

    fn define(&self, at: usize, state: &mut State) {
        state.forget(at);
        let held = if self.needed(at) { at as u32 } else { NOTHING };
        state.set(self.locs(at).result, held);
        state.set(self.allocator.result.home(at), held);
    }

    fn list(&self, at: usize, op: &Op, state: &State) -> Checked {
        let first = self.cursors[at].argument;
        for (number, operand) in self.unit.elements(ListRange(op.a)).enumerate() {
            self.demand(state, self.allocator.result.arguments[first + number], operand)?;
        }
        Ok(())
    }

    fn snapshot(&self, op: &Op, state: &State) -> Checked {
        let Some(SnapshotId(id)) = op.snapshot() else { return Ok(()) };
        let all = &self.unit.snapshots;
        let snapshot = &all.snapshots[id as usize];
        let recipes = &all.recipes[snapshot.recipes.start as usize..snapshot.recipes.end as usize];
        let stores = &all.stores[snapshot.stores.start as usize..snapshot.stores.end as usize];
        let in_frames = all.chain(snapshot.frames).flat_map(|frame| all.slots_of(frame)).copied();
        let in_recipes = recipes.iter().flat_map(|recipe| &recipe.fields).map(|&(_, slot)| slot);
        let in_stores = stores.iter().flat_map(|&PendingStore { base, index, value, .. }| {
            [Some(base), index, Some(value)].into_iter().flatten()
        });
        for slot in in_frames.chain(in_recipes).chain(in_stores) {
            if let Slot::Value(operand) = slot
                && let Some(value) = operand.as_op()
            {
                // What exits compute is there if what they compute it from is.
                let coded = self.allocator.analysis.roles[value] == Role::Coded;
                let base = self.unit.derived(operand).filter(|_| coded).map_or(value, |(_, base)| base);
                let home = self.allocator.result.home(base);
                self.demand(state, home, Ref::op(base)).map_err(|error| format!("at the exit {error}"))?;
            }
        }
        Ok(())
    }

    fn passed_on(&self, at: usize, state: &State) -> Checked {
        if at < self.last_block {
            return Ok(());
        }
        for &value in self.passed_on.iter().take_while(|&&value| (value as usize) < at) {
            let home = self.allocator.result.home(value as usize);
            self.demand(state, home, Ref::op(value as usize)).map_err(|error| format!("for bridges {error}"))?;
        }
        Ok(())
    }

    fn edge(&mut self, at: usize, op: &Op, state: &State) -> Checked {
        let (label, _) = op.target().expect("only jumps and branches have edges");
        let (edges, edge) = (&self.allocator.result.edges, self.cursors[at].edge);
        let start = edge.checked_sub(1).map_or(0, |before| edges[before]);
        let moves = &self.allocator.result.moves[start as usize..edges[edge] as usize];
        let parameters = self.parameters(self.unit.labels[label.0 as usize] as usize);
        let mut after = state.clone();
        parameters.clone().for_each(|parameter| after.forget(parameter));
        for step in moves {
            // A value that stays what it is, but is not needed behind the label, may be anything.
            let known = self.demand(state, step.from, step.value);
            let becomes = match (step.parameter, step.value.as_op()) {
                (super::analysis::NONE, Some(value)) if known.is_ok() => value as u32,
                (super::analysis::NONE, _) => NOTHING,
                (parameter, _) => {
                    known?;
                    parameter
                }
            };
            after.set(step.to, becomes);
        }
        for parameter in parameters.filter(|&parameter| self.needed(parameter)) {
            if !after.holds(self.locs(parameter).result, parameter) {
                return Err(format!("parameter {parameter} is not passed"));
            }
        }
        self.arrive(label, after);
        Ok(())
    }
}

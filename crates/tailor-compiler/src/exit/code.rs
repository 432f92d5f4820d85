//! A compiled unit: where its code is, and what is known about its exits.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::backend::machine::{Machine, Shared};
use crate::backend::native::{
    EntryPoint, STUB_BYTES, STUB_RETURN, Site, SiteKind, disassemble, frame_bytes, with_jump,
};
use crate::backend::target::Loc;
use crate::ir::{BoxDesc, BoxId, Derivation, LabelId, PendingStore, Ref, Slot, SnapshotId, Snapshots, Type};

/// Number of a place in a compiled unit where it can be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExitId(pub u32);

/// Why a bridge cannot be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeError {
    /// This exit is that of a call or entry: it has no stub of its own.
    NotPatchable,
    /// The code is not a bridge for this exit.
    OtherExit,
}

impl std::fmt::Display for BridgeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BridgeError::NotPatchable => write!(f, "only exits of guards can continue in a bridge"),
            BridgeError::OtherExit => write!(f, "the bridge was compiled for another exit"),
        }
    }
}

impl std::error::Error for BridgeError {}

/// What [`Code`] is made of.
pub(crate) struct Parts {
    pub start: u32,
    pub size: u32,
    pub slots: u16,
    pub stubs: u32,
    pub sites: Vec<Site>,
    pub site_snapshots: Vec<Option<SnapshotId>>,
    /// How many sites have stubs.
    pub stub_count: u32,
    /// By operation of the unit: where its value is, and its type.
    pub homes: Vec<(Loc, Type)>,
    /// Words that are not computed, since only exits want them: the operation, the double (or other word) that it is had from, and how; in order.
    pub coded: Vec<(u32, u32, Derivation)>,
    /// How doubles are boxed, by [`BoxId`].
    pub boxings: Vec<BoxDesc>,
    /// Operations that are other operations' values as references or words: operation, operand; in order.
    pub conversions: Vec<(u32, u32)>,
    /// Values that the unit's last operation passes on, to itself or to another unit; in order.
    pub passed_on: Vec<u32>,
    /// Where the unit's last block begins.
    pub last_block: u32,
    pub constants: Vec<u64>,
    pub snapshots: Snapshots,
    pub entries: Vec<(EntryPoint, Vec<Type>)>,
    /// Labels of entries that find their arguments elsewhere than the convention says.
    pub agreed: Vec<(LabelId, Rc<[Loc]>)>,
    pub patches: Vec<(u32, u32)>,
    pub listing: Vec<(u32, u32)>,
    /// The code and exit that this continues.
    pub parent: Option<(Weak<Code>, ExitId)>,
}

/// A compiled unit. Its memory is free again when the last reference is gone; it must not be executing then.
pub struct Code {
    machine: Rc<Shared>,
    parts: Parts,
    counts: Vec<Cell<u32>>,
    /// What exits have been attached to.
    bridges: RefCell<Vec<Rc<Code>>>,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code {{ start: {:#x}, size: {} }}", self.parts.start, self.parts.size)
    }
}

impl Code {
    pub(crate) fn new(machine: &Machine, parts: Parts) -> Rc<Code> {
        let counts = vec![Cell::new(0); parts.sites.len()];
        let start = parts.start;
        let code = Rc::new(Code { machine: Rc::clone(&machine.shared), parts, counts, bridges: RefCell::default() });
        machine.shared.codes.borrow_mut().insert(start, Rc::downgrade(&code));
        code
    }

    /// Offset in the arena.
    pub(crate) fn start(&self) -> u32 {
        self.parts.start
    }

    /// Bytes of code.
    pub fn size(&self) -> u32 {
        self.parts.size
    }

    /// Slots of its frame.
    pub(crate) fn slots(&self) -> u16 {
        self.parts.slots
    }

    /// Bytes of its frame.
    pub fn frame_bytes(&self) -> u32 {
        frame_bytes(self.parts.slots)
    }

    /// The address of the first instruction, for profilers.
    pub fn address(&self) -> usize {
        self.machine.start + self.parts.start as usize
    }

    /// The number of the entry at this label; that of the unit's own entry is 0.
    pub fn entry_of(&self, label: LabelId) -> Option<usize> {
        self.parts.entries.iter().position(|(point, _)| point.label == label)
    }

    /// The types of an entry's arguments.
    ///
    /// # Panics
    /// If there is no entry with this number.
    pub fn entry_types(&self, entry: usize) -> &[Type] {
        &self.parts.entries[entry].1
    }

    /// Where an entry finds its arguments, if not where the convention says.
    pub(crate) fn agreement(&self, entry: usize) -> Option<Rc<[Loc]>> {
        let label = self.parts.entries[entry].0.label;
        self.parts.agreed.iter().find(|(agreed, _)| *agreed == label).map(|(_, locs)| Rc::clone(locs))
    }

    /// Where an entry is entered: by calls, and by jumps.
    pub(crate) fn addresses(&self, entry: usize) -> (usize, usize) {
        let point = self.parts.entries[entry].0;
        (self.address() + point.call as usize, self.address() + point.jump as usize)
    }

    /// All places where it can be left.
    pub fn exits(&self) -> impl Iterator<Item = ExitId> {
        (0..self.parts.sites.len() as u32).map(ExitId)
    }

    /// The operation of the unit that leaves there: a guard, an exit, a call of a unit; or the label of an entry.
    pub fn operation_of(&self, exit: ExitId) -> usize {
        self.parts.sites[exit.0 as usize].op as usize
    }

    /// The exit of an operation.
    pub fn exit_at(&self, op: usize) -> Option<ExitId> {
        self.parts.sites.iter().position(|site| site.op as usize == op).map(|number| ExitId(number as u32))
    }

    /// What is to be rebuilt there; `None` at an entry.
    pub fn snapshot_of(&self, exit: ExitId) -> Option<SnapshotId> {
        self.parts.site_snapshots[exit.0 as usize]
    }

    /// How often it was left there, since the start or since somebody has [set](Code::set_count) the count.
    pub fn count(&self, exit: ExitId) -> u32 {
        self.counts[exit.0 as usize].get()
    }

    /// Sets the count of an exit.
    pub fn set_count(&self, exit: ExitId, count: u32) {
        self.counts[exit.0 as usize].set(count);
    }

    /// The unit's snapshots.
    pub fn snapshots(&self) -> &Snapshots {
        &self.parts.snapshots
    }

    /// The bits of one of the unit's constants.
    pub(crate) fn constant(&self, number: usize) -> u64 {
        self.parts.constants[number]
    }

    /// The bits of a constant that a snapshot mentions; 0 if it is none.
    pub fn constant_word(&self, value: Ref) -> u64 {
        value.as_constant().map_or(0, |number| self.constant(number))
    }

    /// Where a value is wherever it is alive.
    pub(crate) fn home(&self, value: usize) -> Loc {
        self.parts.homes[value].0
    }

    /// What a value is computed from at exits, if it has no home: a double or other word, and how that is coded.
    pub(crate) fn coded(&self, value: usize) -> Option<(Derivation, usize)> {
        let at = self.parts.coded.binary_search_by_key(&value, |&(op, ..)| op as usize).ok()?;
        let (_, double, coding) = self.parts.coded[at];
        Some((coding, double as usize))
    }

    /// How doubles are boxed.
    pub(crate) fn boxing(&self, id: BoxId) -> &BoxDesc {
        &self.parts.boxings[usize::from(id.0)]
    }

    /// The values that the snapshot of an exit mentions and that are boxes which are made there, if any: each with how, and the double's operation. They may be repeated.
    pub(crate) fn exit_boxes(&self, exit: ExitId) -> Vec<(usize, BoxId, usize)> {
        let mut boxes = Vec::new();
        if !self.parts.boxings.is_empty() {
            self.for_each_mentioned(exit, |value| {
                if let Some((Derivation::Boxed(boxing), double)) = self.coded(value) {
                    boxes.push((value, boxing, double));
                }
            });
        }
        boxes
    }

    /// The type of a value of the unit; `Void` for constants.
    pub fn type_of(&self, value: Ref) -> Type {
        value.as_op().map_or(Type::Void, |op| self.parts.homes[op].1)
    }

    /// The exit whose stub ends at an offset.
    pub(crate) fn exit_of_stub(&self, offset: u32) -> Option<ExitId> {
        let from_stubs = offset.checked_sub(self.parts.start + self.parts.stubs)?;
        let (stub, inside) = (from_stubs / STUB_BYTES, from_stubs % STUB_BYTES);
        (inside == STUB_RETURN && stub < self.parts.stub_count).then_some(ExitId(stub))
    }

    /// The call that returns to an offset.
    pub(crate) fn exit_of_call(&self, offset: u32) -> Option<ExitId> {
        let offset = offset - self.parts.start;
        let calls = &self.parts.sites[self.parts.stub_count as usize..];
        let back = |site: &Site| match site.kind {
            SiteKind::Call(back) => back,
            _ => 0,
        };
        let found = calls.binary_search_by_key(&offset, back).ok()?;
        Some(ExitId(self.parts.stub_count + found as u32))
    }

    /// Whether an exit is that of an entry which could not be entered: then the entry's number.
    pub(crate) fn refused_entry(&self, exit: ExitId) -> Option<usize> {
        match self.parts.sites[exit.0 as usize].kind {
            SiteKind::Refused(entry) => Some(entry as usize),
            _ => None,
        }
    }

    pub(crate) fn count_one(&self, exit: ExitId) {
        let count = &self.counts[exit.0 as usize];
        count.set(count.get().saturating_add(1));
    }

    /// The values that a bridge from this exit takes over, each once: those of the snapshot's frames, innermost first, then those of recipes and pending stores,
    /// in order; then what the unit would have passed on in the end, such as a loop what does not change in it: the bridge may well lead there. They are values of this unit; the bridge's entry has a parameter for each, of its type. What words are
    /// computed from stands for those of [`Code::exit_coded`].
    pub fn exit_values(&self, exit: ExitId) -> Vec<Ref> {
        let mut values = Vec::new();
        self.for_each_mentioned(exit, |value| {
            let home = self.coded(value).map_or(value, |(_, double)| double);
            if !values.contains(&Ref::op(home)) {
                values.push(Ref::op(home));
            }
        });
        let at = self.operation_of(exit) as u32;
        let kept = if at > self.parts.last_block && self.is_patchable(exit) { &self.parts.passed_on[..] } else { &[] };
        for value in kept.iter().take_while(|&&value| value < at).map(|&value| Ref::op(value as usize)) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }

    /// Whether the exit can be continued in a bridge.
    fn is_patchable(&self, exit: ExitId) -> bool {
        self.parts.sites[exit.0 as usize].kind == SiteKind::Exit
    }

    /// The words that the exit computes from doubles or other words: each with that, and how it is coded.
    pub fn exit_coded(&self, exit: ExitId) -> Vec<(Ref, Ref, Derivation)> {
        let mut words: Vec<(Ref, Ref, Derivation)> = Vec::new();
        self.for_each_mentioned(exit, |value| {
            if let Some((coding, double)) = self.coded(value)
                && !words.iter().any(|&(word, ..)| word == Ref::op(value))
            {
                words.push((Ref::op(value), Ref::op(double), coding));
            }
        });
        words
    }

    /// Calls `visit` with every value that the snapshot of an exit mentions.
    fn for_each_mentioned(&self, exit: ExitId, mut visit: impl FnMut(usize)) {
        let mut add = |slot: Slot| {
            if let Slot::Value(value) = slot
                && let Some(value) = value.as_op()
            {
                visit(value);
            }
        };
        let Some(snapshot) = self.snapshot_of(exit) else { return };
        let all = &self.parts.snapshots;
        let snapshot = &all.snapshots[snapshot.0 as usize];
        for frame in all.chain(snapshot.frames) {
            all.slots_of(frame).iter().for_each(|&slot| add(slot));
        }
        for recipe in &all.recipes[snapshot.recipes.start as usize..snapshot.recipes.end as usize] {
            recipe.fields.iter().for_each(|&(_, slot)| add(slot));
        }
        for store in &all.stores[snapshot.stores.start as usize..snapshot.stores.end as usize] {
            let PendingStore { base, index, value, .. } = *store;
            [Some(base), index, Some(value)].into_iter().flatten().for_each(&mut add);
        }
    }

    /// Those of the [values](Code::exit_values) that are conversions (`IntToRef`, `RefToInt`) of others of them: each with that other one. A bridge that converts anew, and does not use the parameter, knows that they are the same.
    pub fn exit_copies(&self, exit: ExitId) -> Vec<(Ref, Ref)> {
        let mentioned = self.exit_values(exit);
        let source = |value: Ref| {
            let at = self.parts.conversions.binary_search_by_key(&value.as_op()?, |&(op, _)| op as usize).ok()?;
            Some(Ref::op(self.parts.conversions[at].1 as usize))
        };
        let mut copies = Vec::new();
        for &value in &mentioned {
            let sources = std::iter::successors(source(value), |&value| source(value));
            // The last of a chain is a conversion of nothing that is mentioned.
            if let Some(first) = sources.filter(|source| mentioned.contains(source)).last() {
                copies.push((value, first));
            }
        }
        copies
    }

    /// From now on this exit continues in `bridge`, which has been compiled for it. This code keeps the bridge alive.
    ///
    /// # Errors
    /// If the exit has no stub, or the bridge is for another one.
    pub fn attach(&self, exit: ExitId, bridge: &Rc<Code>) -> Result<(), BridgeError> {
        let fits = |(code, of): &(Weak<Code>, ExitId)| std::ptr::eq(code.as_ptr(), self) && *of == exit;
        if !bridge.parts.parent.as_ref().is_some_and(fits) {
            return Err(BridgeError::OtherExit);
        }
        if !self.is_patchable(exit) {
            return Err(BridgeError::NotPatchable);
        }
        let stub = self.parts.start + self.parts.stubs + exit.0 * STUB_BYTES;
        self.patch_jump(stub, bridge.parts.start + bridge.parts.entries[0].0.jump);
        self.bridges.borrow_mut().push(Rc::clone(bridge));
        Ok(())
    }

    /// Lets all `guard_valid` of the unit leave from now on, also those of activations that are under way.
    pub fn invalidate(&self) {
        for &(offset, stub) in &self.parts.patches {
            let stub = self.parts.start + self.parts.stubs + stub * STUB_BYTES;
            self.patch_jump(self.parts.start + offset, stub);
        }
    }

    /// Makes a jump of five bytes that lie in one aligned word.
    fn patch_jump(&self, offset: u32, to: u32) {
        let memory = self.machine.memory.borrow();
        let word = memory.read(offset & !7);
        memory.patch(offset & !7, with_jump(word, offset, to));
    }

    /// The instructions: offset, the operation of the unit that they belong to (if any), and text.
    pub fn disassemble(&self) -> Vec<(u32, Option<usize>, String)> {
        let bytes = self.machine.memory.borrow().bytes(self.parts.start, self.parts.size as usize);
        let lines = disassemble(&bytes, self.address() as u64);
        let operation = |offset: u32| {
            let next = self.parts.listing.partition_point(|&(start, _)| start <= offset);
            let last = self.parts.listing.get(next.checked_sub(1)?)?;
            (offset < self.parts.stubs).then_some(last.1 as usize)
        };
        lines.into_iter().map(|(offset, text)| (offset, operation(offset), text)).collect()
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // Both are borrowed for single operations only, during which nothing is dropped.
        self.machine.codes.borrow_mut().remove(&self.parts.start);
        self.machine.memory.borrow_mut().free(self.parts.start, self.parts.size as usize);
    }
}

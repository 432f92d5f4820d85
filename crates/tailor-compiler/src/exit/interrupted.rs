//! The walk through interrupted units, and their values.

use std::rc::Rc;

use super::{Code, ExitId};
use crate::backend::machine::Shared;
use crate::backend::native::{Processor, STUB_RETURN, Saved};
use crate::backend::target::{Loc, Place, entry_locations};
use crate::interp::{Exit, FrameValues, Virtual, materialise};
use crate::ir::{BoxId, Derivation, Descriptors, EntryId, Frame, FrameId, Ref, Slot, Type};
use crate::runtime::Runtime;

/// Where the values of an interrupted unit are.
#[derive(Clone, Copy)]
pub struct State<'a> {
    /// The upper end of its frame.
    top: u64,
    /// The registers; those of units that are interrupted in a call are lost.
    saved: Option<&'a Saved>,
}

impl State<'_> {
    /// The word at a home; 0 where no value can be.
    pub(crate) fn word(&self, home: Loc) -> u64 {
        match (home.place(), self.saved) {
            (Place::Reg(register), Some(saved)) => saved.word(register),
            (Place::Slot(slot), _) => {
                let address = self.top - 8 * (u64::from(slot) + 1);
                // SAFETY: the frame is on the native stack as long as the state is known (see `Interrupted::new`).
                unsafe { (address as *const u64).read() }
            }
            _ => 0,
        }
    }
}

/// An entry that could not be entered.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The native stack is too deep for this entry of this code.
    Stack(Rc<Code>, usize),
    /// There is no code behind this entry.
    Unbound(EntryId),
}

/// All units that are interrupted by an exit; see the module's header.
pub struct Interrupted<'a> {
    shared: &'a Shared,
    saved: &'a Saved,
    refused: Option<Refused>,
    /// The unit that comes next.
    next: Option<InterruptedUnit<'a>>,
    /// Where the next return address is.
    return_slot: u64,
}

/// One interrupted unit.
#[derive(Clone)]
pub struct InterruptedUnit<'a> {
    /// Its code.
    pub code: Rc<Code>,
    /// Where it has been left.
    pub exit: ExitId,
    /// Where its values are.
    pub state: State<'a>,
}

impl<'a> Interrupted<'a> {
    /// # Safety
    /// The registers have just been saved by the exit routine, at the lower end of the native stack of the units that are interrupted, and stay there as long
    /// as this is used.
    pub(crate) unsafe fn new(shared: &'a Shared, saved: &'a Saved) -> Interrupted<'a> {
        let stack = (&raw const *saved as u64) + size_of::<Saved>() as u64;
        let mut this = Interrupted { shared, saved, refused: None, next: None, return_slot: stack };
        if saved.stub == shared.start as u64 + u64::from(shared.routines.unbound + STUB_RETURN) {
            this.refused = Some(Refused::Unbound(EntryId(saved.entry())));
            this.caller();
            return this;
        }
        let offset = (saved.stub - shared.start as u64) as u32;
        let code = shared.code_at(saved.stub).expect("stubs belong to code that is alive while it executes");
        let exit = code.exit_of_stub(offset).expect("code is left by its stubs");
        code.count_one(exit);
        if let Some(entry) = code.refused_entry(exit) {
            this.refused = Some(Refused::Stack(code, entry));
            this.caller();
        } else {
            let top = stack + u64::from(code.frame_bytes());
            this.return_slot = top;
            this.next = Some(InterruptedUnit { code, exit, state: State { top, saved: Some(saved) } });
        }
        this
    }

    /// The return address above the last frame.
    fn return_address(&self) -> u64 {
        // SAFETY: frames are what `new` was promised, and lie as their codes say.
        unsafe { (self.return_slot as *const u64).read() }
    }

    /// Finds the unit that called the last one.
    fn caller(&mut self) {
        let address = self.return_address();
        let end = (self.shared.start + self.shared.routines.returned as usize) as u64;
        if address == end {
            self.next = None;
            return;
        }
        let code = self.shared.code_at(address).expect("units are called by units");
        let exit = code.exit_of_call((address - self.shared.start as u64) as u32).expect("calls are known");
        let top = self.return_slot + 8 + u64::from(code.frame_bytes());
        self.return_slot = top;
        self.next = Some(InterruptedUnit { code, exit, state: State { top, saved: None } });
    }

    /// The entry that could not be entered, if that is why units are interrupted.
    pub fn refused(&self) -> Option<&Refused> {
        self.refused.as_ref()
    }

    /// The arguments for the entry that could not be entered, which are of these types. They are to be read before anything is allocated or entered.
    pub fn refused_arguments(&self, types: &[Type]) -> impl Iterator<Item = u64> {
        entry_locations::<Processor>(types.iter().copied()).map(|loc| self.shared.argument(loc, self.saved))
    }

    /// The next interrupted unit, innermost first; `None` after the outermost.
    pub fn next_unit(&mut self) -> Option<InterruptedUnit<'a>> {
        let unit = self.next.take()?;
        self.caller();
        Some(unit)
    }

    /// Goes through the rest of the units; where the stack is cut back to.
    pub(crate) fn cut(&mut self) -> u64 {
        while self.next_unit().is_some() {}
        self.return_slot + 8
    }
}

impl InterruptedUnit<'_> {
    /// The word of an operand that is alive at the exit; `objects` are those of [`InterruptedUnit::materialise`].
    fn value(&self, operand: Ref, objects: &[u64]) -> u64 {
        match (operand.as_op(), operand.as_constant()) {
            (Some(op), _) => match self.code.coded(op) {
                None => self.state.word(self.code.home(op)),
                Some((Derivation::Coded(coding), double)) => coding.code(self.state.word(self.code.home(double))),
                Some((Derivation::Boxed(boxing), double)) => {
                    let bits = self.state.word(self.code.home(double));
                    self.code.boxing(boxing).word(bits).unwrap_or_else(|| self.made_box(op, objects))
                }
            },
            (_, Some(constant)) => self.code.constant(constant),
            _ => 0,
        }
    }

    /// The boxes that the exit has to make: their operations, how, and the doubles' bits.
    fn boxes(&self) -> impl Iterator<Item = (usize, BoxId, u64)> {
        let mut boxes = self.code.exit_boxes(self.exit);
        boxes.sort_unstable();
        boxes.dedup();
        boxes.into_iter().filter_map(|(value, boxing, double)| {
            let bits = self.state.word(self.code.home(double));
            self.code.boxing(boxing).word(bits).is_none().then_some((value, boxing, bits))
        })
    }

    /// The object that has been made for the box `op`.
    fn made_box(&self, op: usize, objects: &[u64]) -> u64 {
        let boxes: Vec<_> = self.boxes().collect();
        let number = boxes.iter().position(|&(value, ..)| value == op);
        number.map_or(0, |number| objects[objects.len() - boxes.len() + number])
    }

    /// Makes the virtual objects and boxes, and carries out the pending stores, of the exit; `objects` has the addresses then, which must be put where the collector looks
    /// before anything is allocated.
    ///
    /// # Safety
    /// `runtime` describes living memory; the descriptors are those that the unit was compiled with.
    pub unsafe fn materialise(&self, descriptors: &Descriptors, runtime: &Runtime, objects: &mut Vec<u64>) {
        objects.clear();
        let Some(id) = self.code.snapshot_of(self.exit) else { return };
        let all = self.code.snapshots();
        let snapshot = &all.snapshots[id.0 as usize];
        let recipes = &all.recipes[snapshot.recipes.start as usize..snapshot.recipes.end as usize];
        let stores = &all.stores[snapshot.stores.start as usize..snapshot.stores.end as usize];
        let boxes: Vec<(BoxId, u64)> = self.boxes().map(|(_, boxing, bits)| (boxing, bits)).collect();
        let what = Virtual { recipes, boxes: &boxes, stores };
        if what.is_empty() {
            return;
        }
        let value = |operand, objects: &[u64]| self.value(operand, objects);
        // SAFETY: the caller's promise; the values are alive, and references among them are on the native stack.
        unsafe { materialise(what, descriptors, runtime, &value, objects) };
    }

    /// The interrupted frames, innermost first.
    pub fn frames(&self) -> impl Iterator<Item = (FrameId, Frame)> {
        let all = self.code.snapshots();
        let innermost = self.code.snapshot_of(self.exit).and_then(|id| all.snapshots[id.0 as usize].frames);
        all.chain(innermost).map(|id| (id, all.frames[id.0 as usize]))
    }

    /// The words of a frame's slots, 0 for dead ones; `objects` are those of [`InterruptedUnit::materialise`].
    pub fn words<'s>(&'s self, frame: FrameId, objects: &'s [u64]) -> impl Iterator<Item = u64> + 's {
        self.code.snapshots().slots_of(frame).iter().map(move |slot| match *slot {
            Slot::Value(operand) => self.value(operand, objects),
            Slot::Virtual(number) => objects[number as usize],
            Slot::Dead => 0,
        })
    }

    /// All of that, as the IR interpreter has it.
    ///
    /// # Safety
    /// As [`InterruptedUnit::materialise`]; and nothing moves or frees what only the result refers to.
    pub unsafe fn collect(&self, descriptors: &Descriptors, runtime: &Runtime) -> Option<Exit> {
        let snapshot = self.code.snapshot_of(self.exit)?;
        let mut objects = Vec::new();
        // SAFETY: the caller's promise.
        unsafe { self.materialise(descriptors, runtime, &mut objects) };
        let frames = self.frames().map(|(id, frame)| FrameValues {
            code: frame.code,
            position: frame.position,
            words: self.words(id, &objects).collect(),
        });
        Some(Exit { op: self.code.operation_of(self.exit), snapshot, frames: frames.collect() })
    }
}

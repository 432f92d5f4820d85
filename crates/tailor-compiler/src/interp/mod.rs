//! The IR interpreter: runs units as they stand, on real memory, calling the functions that machine code would call. It is the definition of what a
//! unit means; optimiser and backend are tested against it. It is built to be plainly right, not to be fast.
//!
//! # What a run is
//! A run has an [`Outcome`]: the unit returned words; or control left by an exit, and then for each interrupted unit, innermost first, the values of its frames, after virtual
//! objects have been made and pending stores carried out ([`materialise()`]). A unit is interrupted if an exit is taken in it or in a unit that it called by `CallUnit`:
//! then it is left by the snapshot of the call, without the call's value.
//!
//! Words are 64 bits, whatever their type: integers, the bits of doubles, addresses.
//!
//! # Forced exits
//! A guard may fail at any time, as far as correctness goes: its snapshot is valid whether or not its condition holds. [`Force`] makes one fail at its `n`th execution.
//!
//! # Memory
//! The interpreter's own values lie in a vector that no collector scans. It is for tests, whose collectors move nothing.

mod call;
mod materialise;
mod memory;
#[cfg(test)]
mod tests;

pub use call::{MAX_FLOAT_ARGUMENTS, MAX_WORD_ARGUMENTS, call};
pub use materialise::{Virtual, materialise};
pub use memory::{load, store};

use crate::eval::evaluate;
use crate::ir::{
    AllocId, BoxId, CallId, Descriptors, EntryId, LabelId, ListRange, MemId, Op, OpCode, Ref, Slot, SnapshotId, Unit,
};
use crate::runtime::Runtime;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The unit returned these words.
    Returned(Vec<u64>),
    /// Control left by an exit: the interrupted units, innermost first.
    Exited(Vec<Exit>),
    /// As many operations as allowed have been executed.
    OutOfFuel,
    /// An operation has no meaning: a division that rule 9 excludes, or an entry behind which there is no unit.
    Undefined {
        /// The index of the operation.
        op: usize,
    },
}

/// What is handed over for one interrupted unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The index of the guard, call or exit in its unit.
    pub op: usize,
    /// By which it left.
    pub snapshot: SnapshotId,
    /// Its frames, innermost first.
    pub frames: Vec<FrameValues>,
}

/// One frame at an exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameValues {
    /// As in [`crate::ir::Frame`].
    pub code: u32,
    /// As in [`crate::ir::Frame`].
    pub position: u32,
    /// A word for each slot; 0 for dead ones.
    pub words: Vec<u64>,
}

/// A guard that shall fail although its condition holds. Only guards of the unit that a run began with count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Force {
    /// The guard's index.
    pub op: usize,
    /// At which of its executions, from 0.
    pub execution: u32,
}

/// What released words of the guest stack contain: nothing that a unit could go on with unnoticed.
pub const RELEASED: u64 = 0xdead_0f5a_dead_0f5a;

/// A unit under way: it goes on at operation `at`, with these values by operation.
struct Activation<'a> {
    unit: &'a Unit,
    at: usize,
    values: Vec<u64>,
    /// Whether it is what the run began with.
    first: bool,
}

/// Finds the unit and label behind an entry.
pub type Entries<'a> = &'a dyn Fn(EntryId) -> Option<(&'a Unit, LabelId)>;

/// See the module's header.
pub struct Interpreter<'a> {
    /// What units refer to.
    pub descriptors: &'a Descriptors,
    /// How to allocate.
    pub runtime: &'a Runtime,
    /// What `CallUnit` and `JumpUnit` go to.
    pub entries: Entries<'a>,
    /// How many more operations may be executed.
    pub fuel: u64,
    /// A guard to fail.
    pub force: Option<Force>,
    /// The addresses of the guest stack: its words at and above a `Release` are overwritten with [`RELEASED`]. Empty if nobody shall.
    pub stack: std::ops::Range<u64>,
    /// How often each operation of the unit that the run began with has been executed.
    pub executions: Vec<u32>,
    activations: Vec<Activation<'a>>,
}

/// What comes after an operation.
enum Next {
    /// The next in the list.
    Following,
    /// Another place, in the innermost unit.
    At(usize),
    /// The same: a unit has been entered or left, and says itself where it goes on.
    Resumed,
    /// Leave by this snapshot.
    Exit(SnapshotId),
    /// The run has ended.
    Done(Outcome),
}

impl<'a> Interpreter<'a> {
    /// An interpreter with a million operations' fuel, no other units and nothing forced.
    pub fn new(descriptors: &'a Descriptors, runtime: &'a Runtime) -> Self {
        Interpreter {
            descriptors,
            runtime,
            entries: &|_| None,
            fuel: 1_000_000,
            force: None,
            stack: 0..0,
            executions: Vec::new(),
            activations: Vec::new(),
        }
    }

    /// Runs a unit that is well-formed from its entry.
    ///
    /// # Panics
    /// If the arguments are not as many as the entry's parameters.
    ///
    /// # Safety
    /// What the unit does with memory and functions, given these arguments, is sound; `runtime` describes living memory.
    pub unsafe fn run(&mut self, unit: &'a Unit, arguments: &[u64]) -> Outcome {
        let parameters = parameters(unit, 0);
        assert_eq!(arguments.len(), parameters, "the entry has {parameters} parameters");
        let mut values = vec![0; unit.ops.len()];
        values[1..=parameters].copy_from_slice(arguments);
        // SAFETY: the caller's promise.
        unsafe { self.run_from(unit, 1 + parameters, values) }
    }

    /// Goes on with a unit at operation `at`; `values` has a word for each of its operations, of which those that are used from there on count.
    ///
    /// # Safety
    /// As for [`Interpreter::run`].
    pub unsafe fn run_from(&mut self, unit: &'a Unit, at: usize, values: Vec<u64>) -> Outcome {
        self.executions.clear();
        self.executions.resize(unit.ops.len(), 0);
        self.activations.clear();
        self.activations.push(Activation { unit, at, values, first: true });
        loop {
            if self.fuel == 0 {
                return Outcome::OutOfFuel;
            }
            self.fuel -= 1;
            // SAFETY: the caller's promise.
            match unsafe { self.step() } {
                Next::Following => self.innermost().at += 1,
                Next::At(at) => self.innermost().at = at,
                Next::Resumed => {}
                Next::Done(outcome) => return outcome,
                // SAFETY: the caller's promise.
                Next::Exit(snapshot) => return Outcome::Exited(unsafe { self.leave(snapshot) }),
            }
        }
    }

    fn innermost(&mut self) -> &mut Activation<'a> {
        self.activations.last_mut().expect("a run has an activation as long as it lasts")
    }

    /// Executes one operation.
    ///
    /// # Safety
    /// As for [`Interpreter::run`].
    unsafe fn step(&mut self) -> Next {
        let (descriptors, runtime) = (self.descriptors, self.runtime);
        let Activation { unit, at, first, .. } = *self.innermost();
        let op = unit.ops[at];
        let mut execution = 0;
        if first {
            execution = self.executions[at];
            self.executions[at] += 1;
        }
        let activation = self.innermost();
        let word = |word| activation.operand(Ref::from_word(word));
        match op.code {
            OpCode::Label | OpCode::Param => Next::Following,
            OpCode::Jump => activation.go(LabelId(op.a), ListRange(op.b)),
            OpCode::BranchIf | OpCode::BranchUnless => {
                if (word(op.a) != 0) == (op.code == OpCode::BranchIf) {
                    activation.go(LabelId(op.b), ListRange(op.c))
                } else {
                    Next::Following
                }
            }
            OpCode::GuardTrue | OpCode::GuardFalse | OpCode::GuardValid => {
                let (holds, snapshot) = match op.code {
                    OpCode::GuardTrue => (word(op.a) != 0, op.b),
                    OpCode::GuardFalse => (word(op.a) == 0, op.b),
                    _ => (true, op.a),
                };
                let forced = first && self.force == Some(Force { op: at, execution });
                if holds && !forced { Next::Following } else { Next::Exit(SnapshotId(snapshot)) }
            }
            OpCode::Exit => Next::Exit(SnapshotId(op.a)),
            OpCode::Return => {
                let words = activation.list(ListRange(op.a));
                self.give_back(words)
            }
            OpCode::CallUnit | OpCode::JumpUnit => self.enter(&op),
            // SAFETY: the caller's promise.
            OpCode::Call => unsafe { self.call(&op) },
            OpCode::New => {
                let desc = descriptors.alloc(AllocId(op.aux));
                // SAFETY: the caller's promise.
                let object = unsafe { runtime.allocate(desc.size, desc.header) };
                self.set(object)
            }
            OpCode::Box => {
                let (desc, bits) = (descriptors.boxing(BoxId(op.aux)), word(op.a));
                // SAFETY: the caller's promise.
                let value = desc.word(bits).unwrap_or_else(|| unsafe { runtime.allocate_box(desc, bits) });
                self.set(value)
            }
            OpCode::Barrier => {
                // SAFETY: the caller's promise.
                unsafe { runtime.barrier(word(op.a)) };
                Next::Following
            }
            OpCode::Release => {
                let first = word(op.a);
                if self.stack.contains(&first) {
                    for address in (first..self.stack.end).step_by(8) {
                        // SAFETY: the guest stack may be written.
                        unsafe { (address as *mut u64).write(RELEASED) };
                    }
                }
                Next::Following
            }
            OpCode::Load => {
                let mem = *descriptors.mem(MemId(op.aux));
                let (base, index) = (word(op.a), activation.index(op.b));
                // SAFETY: the caller's promise.
                let value = unsafe { load(&mem, base, index) };
                self.set(value)
            }
            OpCode::Store => {
                let mem = *descriptors.mem(MemId(op.aux));
                let (base, index, value) = (word(op.a), activation.index(op.b), word(op.c));
                // SAFETY: the caller's promise.
                unsafe { store(&mem, base, index, value) };
                Next::Following
            }
            _ => {
                let fields = op.fields().map(|(kind, field)| if kind == b'.' { 0 } else { word(field) });
                let words: Vec<u64> = fields.collect();
                match evaluate(&op, words[0], words[1], words[2]) {
                    Some(value) => self.set(value),
                    None => Next::Done(Outcome::Undefined { op: at }),
                }
            }
        }
    }

    /// Gives the current operation its value.
    fn set(&mut self, value: u64) -> Next {
        let activation = self.innermost();
        activation.values[activation.at] = value;
        Next::Following
    }

    /// # Safety
    /// As for [`Interpreter::run`].
    unsafe fn call(&mut self, op: &Op) -> Next {
        let desc = self.descriptors.call(CallId(op.aux));
        let words = self.innermost().list(ListRange(op.a));
        // SAFETY: the caller's promise: the descriptor tells the truth about the function.
        let value = unsafe { call(desc.address, &desc.arguments, desc.result, &words) };
        self.set(value)
    }

    fn enter(&mut self, op: &Op) -> Next {
        let at = self.innermost().at;
        let Some((unit, label)) = (self.entries)(EntryId(op.aux)) else {
            return Next::Done(Outcome::Undefined { op: at });
        };
        let words = self.innermost().list(ListRange(op.a));
        let label = unit.labels[label.0 as usize] as usize;
        let mut values = vec![0; unit.ops.len()];
        values[label + 1..][..words.len()].copy_from_slice(&words);
        let callee = Activation { unit, at: label + 1 + words.len(), values, first: false };
        if op.code == OpCode::CallUnit {
            self.activations.push(callee);
        } else {
            *self.innermost() = callee;
        }
        Next::Resumed
    }

    /// Returns from the innermost unit.
    fn give_back(&mut self, words: Vec<u64>) -> Next {
        self.activations.pop();
        match self.activations.last_mut() {
            None => Next::Done(Outcome::Returned(words)),
            Some(caller) => {
                caller.values[caller.at] = words.first().copied().unwrap_or(0);
                Next::Following
            }
        }
    }

    /// Leaves all units: the innermost by `snapshot`, its callers by those of their calls.
    ///
    /// # Safety
    /// As for [`Interpreter::run`].
    unsafe fn leave(&mut self, snapshot: SnapshotId) -> Vec<Exit> {
        let mut exits = Vec::new();
        let mut snapshot = snapshot;
        while let Some(activation) = self.activations.pop() {
            // SAFETY: the caller's promise.
            exits.push(unsafe { activation.exit(snapshot, self.descriptors, self.runtime) });
            if let Some(caller) = self.activations.last() {
                snapshot = caller.unit.ops[caller.at].snapshot().expect("a call of a unit has a snapshot (rule 7)");
            }
        }
        exits
    }
}

impl Activation<'_> {
    fn operand(&self, operand: Ref) -> u64 {
        match (operand.as_op(), operand.as_constant()) {
            (Some(op), _) => self.values[op],
            (_, Some(constant)) => self.unit.constants[constant].1,
            _ => unreachable!("an operand is an operation or a constant (rule 5)"),
        }
    }

    /// The index of an access, 0 if it has none.
    fn index(&self, word: u32) -> u64 {
        let index = Ref::from_word(word);
        if index == Ref::NONE { 0 } else { self.operand(index) }
    }

    fn list(&self, list: ListRange) -> Vec<u64> {
        self.unit.elements(list).map(|operand| self.operand(operand)).collect()
    }

    /// Passes arguments to a label and goes there. All are read before any parameter is set.
    fn go(&mut self, label: LabelId, list: ListRange) -> Next {
        let words = self.list(list);
        let first = self.unit.labels[label.0 as usize] as usize + 1;
        self.values[first..][..words.len()].copy_from_slice(&words);
        Next::At(first + words.len())
    }

    /// # Safety
    /// As for [`Interpreter::run`].
    unsafe fn exit(&self, id: SnapshotId, descriptors: &Descriptors, runtime: &Runtime) -> Exit {
        let all = &self.unit.snapshots;
        let snapshot = &all.snapshots[id.0 as usize];
        let recipes = &all.recipes[snapshot.recipes.start as usize..snapshot.recipes.end as usize];
        let stores = &all.stores[snapshot.stores.start as usize..snapshot.stores.end as usize];
        let value = |operand, _: &[u64]| self.operand(operand);
        let mut objects = Vec::new();
        // SAFETY: the caller's promise; the interpreter's collectors move nothing.
        unsafe { materialise(Virtual { recipes, boxes: &[], stores }, descriptors, runtime, &value, &mut objects) };
        let word = |slot: &Slot| match *slot {
            Slot::Value(operand) => self.operand(operand),
            Slot::Virtual(number) => objects[number as usize],
            Slot::Dead => 0,
        };
        let frames = all.chain(snapshot.frames).map(|id| {
            let frame = all.frames[id.0 as usize];
            let words = all.slots_of(id).iter().map(word).collect();
            FrameValues { code: frame.code, position: frame.position, words }
        });
        Exit { op: self.at, snapshot: id, frames: frames.collect() }
    }
}

/// How many parameters the label at operation `label` has.
fn parameters(unit: &Unit, label: usize) -> usize {
    unit.ops[label + 1..].iter().take_while(|op| op.code == OpCode::Param).count()
}

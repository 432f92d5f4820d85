//! What all compiled units of a thread share: their memory, the routines by which they are entered and left, the entries by which they find each other, and
//! which code lies where.
//!
//! # Entries
//! An [`EntryId`] names a place where units continue in each other. Behind it stands a cell with two addresses (for calls and for jumps), through which all units go: so the code behind an entry can be
//! changed or taken away at any time ([`Machine::bind`], [`Machine::unbind`]) without knowing who refers to it. An entry with no code behind it
//! leaves: control goes to the handler with the entry's number and its arguments, which are where the convention puts them.
//! *Why cells, not patched jumps?* An indirect jump whose target does not change is predicted as well as a direct one, and nobody has to keep lists of jumps.
//!
//! # Entering and leaving
//! [`Machine::enter`] runs a unit. If it is left by an exit, the handler is called *while all native frames of the interrupted units are still there*: it reads their values (see
//! [`crate::exit`]), and puts them where they belong. Then the stack is cut back, and `enter` returns. The handler may allocate, collect, compile, and enter other units; only
//! then do those belong to another activation, whose exits do not concern this one.
//!
//! # Threads
//! A machine belongs to one thread: the argument area is one for all its units.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::{Rc, Weak};

use super::native::{Arguments, Processor, Results, Routines, Saved};
use super::pieces::Pool;
use super::target::{Agreements, Loc, Place, entry_locations};
use crate::code::{CodeMemory, CodeMemoryError, layout};
use crate::exit::{Code, Interrupted};
use crate::ir::{EntryId, Type};
use crate::runtime::Runtime;

/// Why there is no machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineError {
    /// The processor lacks instructions that code needs: SSE 4.1 and POPCNT.
    Processor,
    /// [`Runtime::log_bit`] is not one bit.
    LogBit,
    /// There is no memory.
    Memory(CodeMemoryError),
}

impl std::fmt::Display for MachineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MachineError::Processor => write!(f, "the processor lacks SSE 4.1 or POPCNT"),
            MachineError::LogBit => write!(f, "the mask of the barrier's bit is not one bit"),
            MachineError::Memory(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MachineError {}

impl From<CodeMemoryError> for MachineError {
    fn from(error: CodeMemoryError) -> Self {
        MachineError::Memory(error)
    }
}

/// What is called when a unit is left.
type Handler<'a> = dyn FnMut(&mut Interrupted) + 'a;

/// See the module's header.
pub struct Machine {
    pub(crate) shared: Rc<Shared>,
}

/// The part of a machine that its code refers to; it stays as long as there is code.
pub(crate) struct Shared {
    pub memory: RefCell<CodeMemory>,
    pub start: usize,
    pub runtime: Runtime,
    pub routines: Routines,
    pub processor: Processor,
    /// Words that pieces read.
    pub pool: RefCell<Pool>,
    /// Code by its offset.
    pub codes: RefCell<BTreeMap<u32, Weak<Code>>>,
    /// What stands behind entries.
    bound: RefCell<HashMap<u16, Rc<Code>>>,
    /// What is special about the entries of code that is or was behind them.
    pub agreements: RefCell<Agreements>,
    /// How many entries have cells that have been written.
    cells: Cell<usize>,
    /// The handler of the innermost activation.
    handler: Cell<Option<*mut Handler<'static>>>,
}

/// The words that a unit returned.
#[derive(Clone, Copy)]
pub struct Returned<'a> {
    machine: &'a Machine,
    first: u64,
    count: u32,
}

impl Returned<'_> {
    /// The first word; 0 if there is none.
    pub fn first(&self) -> u64 {
        if self.count == 0 { 0 } else { self.first }
    }

    /// All words. They are to be read before another unit is entered.
    pub fn words(&self) -> impl Iterator<Item = u64> {
        let memory = self.machine.shared.memory.borrow();
        let further = (1..self.count).map(move |word| memory.read_data(layout::ARGUMENTS + 8 * (word as i32 - 1)));
        std::iter::once(self.first).take(self.count as usize).chain(further)
    }
}

/// How pieces were left.
#[derive(Clone, Copy)]
pub enum Left<'a> {
    /// At this site, an offset in the arena (see [`Placed::sites`](super::pieces::Placed::sites)), with this root.
    Site(u32, u64),
    /// With these words, of which the first is no address of code.
    Returned(Returned<'a>),
}

fn check_runtime(runtime: &Runtime) -> Result<(), MachineError> {
    if runtime.log_bit.is_power_of_two() { Ok(()) } else { Err(MachineError::LogBit) }
}

impl Machine {
    /// Whether there can be a machine, but for its memory.
    ///
    /// # Errors
    /// If the processor is too old, or the runtime is not one that code can work with.
    pub fn check(runtime: &Runtime) -> Result<(), MachineError> {
        Processor::detect().ok_or(MachineError::Processor)?;
        check_runtime(runtime)
    }

    /// A machine whose code takes at most `limit` bytes.
    ///
    /// # Errors
    /// If the processor is too old, the runtime is not one that code can work with, or the system gives no memory.
    pub fn new(runtime: Runtime, limit: usize) -> Result<Machine, MachineError> {
        let processor = Processor::detect().ok_or(MachineError::Processor)?;
        Machine::with_processor(runtime, limit, processor)
    }

    /// The same, for a processor that can do less than this one.
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn with_processor(runtime: Runtime, limit: usize, processor: Processor) -> Result<Machine, MachineError> {
        check_runtime(&runtime)?;
        let memory = CodeMemory::new(limit)?;
        let start = memory.start();
        let mut shared = Rc::new(Shared {
            memory: RefCell::new(memory),
            start,
            runtime,
            routines: Routines::default(),
            processor,
            pool: RefCell::default(),
            codes: RefCell::default(),
            bound: RefCell::default(),
            agreements: RefCell::default(),
            cells: Cell::new(0),
            handler: Cell::new(None),
        });
        let context = Rc::as_ptr(&shared) as usize;
        let (routines, code) = Routines::emit(&runtime, left, context);
        let inner = Rc::get_mut(&mut shared).expect("nobody else knows it yet");
        inner.routines = routines;
        let memory = inner.memory.get_mut();
        let block = memory.allocate(code.len())?;
        debug_assert_eq!(block, 0, "the routines are at the start of the arena");
        memory.write(block, &code);
        Ok(Machine { shared })
    }

    /// How code allocates and notes stores.
    pub fn runtime(&self) -> &Runtime {
        &self.shared.runtime
    }

    /// Bytes of code memory in use.
    pub fn used(&self) -> usize {
        self.shared.memory.borrow().used()
    }

    /// Puts an entry of `code` (see [`Code::entry_of`]) behind `entry`. The machine keeps the code alive until it is unbound.
    pub fn bind(&self, entry: EntryId, code: &Rc<Code>, number: usize) {
        self.prepare(entry);
        let (call, jump) = code.addresses(number);
        self.set_cell(entry, call as u64, jump as u64);
        let mut agreements = self.shared.agreements.borrow_mut();
        match code.agreement(number) {
            Some(locs) => agreements.insert(entry.0, locs),
            None => agreements.remove(&entry.0),
        };
        drop(agreements);
        self.shared.bound.borrow_mut().insert(entry.0, Rc::clone(code));
    }

    /// Takes away what stands behind `entry`; that code must not be executing if this is the last that keeps it.
    pub fn unbind(&self, entry: EntryId) {
        self.prepare(entry);
        let unbound = self.unbound();
        self.set_cell(entry, unbound, unbound);
        self.shared.bound.borrow_mut().remove(&entry.0);
    }

    fn unbound(&self) -> u64 {
        (self.shared.start + self.shared.routines.unbound as usize) as u64
    }

    fn set_cell(&self, entry: EntryId, call: u64, jump: u64) {
        let cell = layout::ENTRIES + 16 * i32::from(entry.0);
        let memory = self.shared.memory.borrow();
        memory.write_data(cell, call);
        memory.write_data(cell + 8, jump);
    }

    /// Sees to it that the cells up to that of `entry` have been written.
    pub(crate) fn prepare(&self, entry: EntryId) {
        let unbound = self.unbound();
        while self.shared.cells.get() <= usize::from(entry.0) {
            self.set_cell(EntryId(self.shared.cells.get() as u16), unbound, unbound);
            self.shared.cells.set(self.shared.cells.get() + 1);
        }
    }

    /// Runs `code` from its entry number `entry`. If it returns, the words; if it is left, `None`, after `handler` has been called.
    ///
    /// # Panics
    /// If the arguments are not as many as the entry takes.
    ///
    /// # Safety
    /// What the unit does with memory and functions, given these arguments, is sound; the code is of this machine. The handler does not unwind.
    pub unsafe fn enter(
        &self,
        code: &Code,
        entry: usize,
        arguments: &[u64],
        handler: &mut dyn FnMut(&mut Interrupted),
    ) -> Option<Returned<'_>> {
        let types = code.entry_types(entry);
        debug_assert!(code.agreement(entry).is_none(), "only jumps know where it finds its arguments");
        assert_eq!(arguments.len(), types.len(), "the entry takes {} arguments", types.len());
        let registers = self.distribute(types, arguments);
        let mut results = Results::default();
        // SAFETY: the lifetime is that of this call, after which the handler is taken away again.
        let handler = unsafe { std::mem::transmute::<*mut Handler<'_>, *mut Handler<'static>>(handler) };
        let outer = self.shared.handler.replace(Some(handler));
        let enter = self.shared.start + self.shared.routines.enter as usize;
        // SAFETY: the routine at this address is of this type.
        let enter: unsafe extern "C" fn(usize, *const Arguments, *mut Results) = unsafe { std::mem::transmute(enter) };
        // SAFETY: the caller's promise; the registers are those of the unit's convention.
        unsafe { enter(code.addresses(entry).0, &registers, &mut results) };
        self.shared.handler.set(outer);
        if results.shape == Results::EXITED {
            return None;
        }
        let first = if results.shape >> 31 & 1 == 1 { results.float } else { results.general };
        Some(Returned { machine: self, first, count: results.shape as u32 & 0x7fff_ffff })
    }

    /// Runs a piece at this offset of the arena with this root, and all that it goes on in; see [`super::pieces`].
    ///
    /// # Safety
    /// A piece is there, and what it and all that it goes on in do with memory and functions, given this root, is sound.
    pub unsafe fn run_piece(&self, piece: u32, root: u64) -> Left<'_> {
        let address = self.shared.start as u64 + u64::from(piece);
        let registers = self.distribute(&[Type::Ref, Type::Int], &[root, address]);
        let mut results = Results::default();
        let enter = self.shared.start + self.shared.routines.enter as usize;
        // SAFETY: the routine at this address is of this type.
        let enter: unsafe extern "C" fn(usize, *const Arguments, *mut Results) = unsafe { std::mem::transmute(enter) };
        let piece = self.shared.start + self.shared.routines.enter_piece as usize;
        // SAFETY: the caller's promise; the registers are those of the piece's convention, and of the routine before it.
        unsafe { enter(piece, &registers, &mut results) };
        let returned = Returned { machine: self, first: results.general, count: results.shape as u32 & 0x7fff_ffff };
        let offset = results.general.wrapping_sub(self.shared.start as u64);
        // What a site returns to lies behind its call, which may be the arena's last instruction.
        let in_arena = offset <= self.shared.memory.borrow().size() as u64;
        if in_arena {
            Left::Site(offset as u32, self.shared.memory.borrow().read_data(layout::ARGUMENTS))
        } else {
            Left::Returned(returned)
        }
    }

    /// Puts arguments where the convention says.
    fn distribute(&self, types: &[Type], arguments: &[u64]) -> Arguments {
        let mut registers = Arguments::default();
        let (mut general, mut float) = (registers.general.iter_mut(), registers.float.iter_mut());
        let memory = self.shared.memory.borrow();
        for (loc, &word) in entry_locations::<Processor>(types.iter().copied()).zip(arguments) {
            match loc.place() {
                Place::Argument(number) => memory.write_data(layout::ARGUMENTS + 8 * i32::from(number), word),
                Place::Reg(register) => {
                    let place = if register.is_float() { float.next() } else { general.next() };
                    *place.expect("the convention has as many registers") = word;
                }
                _ => unreachable!("arguments are in registers or the area"),
            }
        }
        registers
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // What is bound keeps the machine alive, and the other way round.
        self.shared.bound.borrow_mut().clear();
    }
}

impl Shared {
    /// The code that contains the instruction before `address`.
    pub fn code_at(&self, address: u64) -> Option<Rc<Code>> {
        let offset = u32::try_from(address.checked_sub(self.start as u64)?).ok()?;
        let codes = self.codes.borrow();
        let code = codes.range(..offset).next_back()?.1.upgrade()?;
        (offset <= code.start() + code.size()).then_some(code)
    }

    /// The word of an entry's argument at a location of the convention, from the registers of an exit.
    pub fn argument(&self, loc: Loc, saved: &Saved) -> u64 {
        match loc.place() {
            Place::Argument(word) => self.memory.borrow().read_data(layout::ARGUMENTS + 8 * i32::from(word)),
            Place::Reg(register) => saved.word(register),
            _ => unreachable!("arguments are in registers or the area"),
        }
    }
}

/// The exit routine's other half: calls the handler of the innermost activation; where to cut the stack.
///
/// # Safety
/// Called by the exit routine only.
unsafe extern "C" fn left(context: usize, saved: *mut Saved) -> u64 {
    // SAFETY: the context is the machine, which is alive while it executes.
    let shared = unsafe { &*(context as *const Shared) };
    // SAFETY: the routine has saved the registers there.
    let saved = unsafe { &*saved };
    // SAFETY: the stack above the saved registers is that of the interrupted units.
    let mut interrupted = unsafe { Interrupted::new(shared, saved) };
    let handler = shared.handler.get().expect("units are entered with a handler");
    // SAFETY: it lives as long as the activation that has just been left.
    unsafe { (*handler)(&mut interrupted) };
    shared.handler.set(Some(handler));
    interrupted.cut()
}

//! The tracer: executes jitcode and records what it does as a unit.
//!
//! # Terms
//! - A *register* of a frame of jitcode has a word, which is what it holds now, and a *symbol* ([`Sym`]), which is what it holds in the unit: a constant, or a value of the unit, or such a value and a
//!   number of bytes further. A symbol and its word go together ([`Operand`]): a constant's symbol says that it is one, not which. So the interpreter's own computations, nearly all of them on constants,
//!   leave no trace, not even in a table; what is recorded makes a constant of the unit of the word ([`record`]).
//! - The *root* is the unit's frame on the guest stack: the one parameter of a unit that begins at a location. Guest frames of inlined calls are the root and some bytes.
//! - A *header* is a location that a back edge leads to.
//!
//! # What is recorded
//! What depends on constants alone is not recorded but done: pure operations, loads of what never changes, elidable calls. Since method and program counter are constants, so is nearly all of the interpreter.
//! The rest becomes operations. Branches on what is not constant become guards, which go on in jitcode where the trace did not ([`frames`]). What memory is known to hold is remembered
//! ([`memory`]): above all the links of inlined frames, so that returns lead to constants.
//!
//! Nothing is optimised here that the optimiser does better; what is recorded twice is only left out where that is cheaper than recording it.
//!
//! # How a trace ends ([`points`])
//! | where | how |
//! |---|---|
//! | back at its own header | the loop is closed |
//! | at another header with code | continues there |
//! | the root frame is left | `Return`: whoever entered the unit leaves the guest frame |
//! | the guest's point is not constant, or the portal returns | `Exit` |
//!
//! A header without code that is met twice is traced first; a trace that is too long is given up, and the largest call in it is not inlined any more.
//!
//! # Calls
//! Guest calls are inlined by going on. A call that is not inlined (recursion above all) becomes `CallUnit`; it is executed here and now, in code or in the black hole, and the trace goes on behind
//! it with the value that it returned: it inlines the leaving of the callee's frame ([`calls`]).
//!
//! # Invariants
//! 1. Everything is executed once, for real: a trace that is given up leaves a state that execution goes on from.
//! 2. Words of registers lie in a range that the collector sees, and which does not move.
//! 3. Symbols of type Ref with an offset are addresses into the same object, or into the guest stack. A constant with an offset is an address in the object that begins so many bytes below.
//! 4. What the unit's constants refer to stays where it is, from the moment of their recording on.

mod bridge;
mod calls;
mod execute;
mod frames;
mod memory;
mod points;
mod record;
mod rust;

use rustc_hash::{FxHashMap, FxHashSet};
use tailor_compiler::ir::{FrameId, LabelId, Ref, Unit};
use tailor_jitcode::black_hole::SavedFrame;

use crate::engine::{Abort, Driver, LocationId};
pub use calls::LARGEST_NEW;
pub use execute::Traced;
pub use frames::{FrameShape, ROOT_FRAME};
pub use memory::read;
pub use record::{key, operand_count, operand_type, result_type};
pub use rust::{Called, Rust};

/// What a register holds in the unit: a value or constant, and bytes to be added if it is an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sym {
    pub base: Ref,
    pub offset: i32,
}

/// What stands for the base of constants; no constant of a unit has this number.
const WORD: Ref = Ref::constant(i32::MAX as usize - 1);

impl Sym {
    pub const NONE: Sym = Sym { base: Ref::NONE, offset: 0 };
    /// What its register's word is.
    pub const CONSTANT: Sym = Sym { base: WORD, offset: 0 };

    /// A value or constant of the unit.
    pub fn of(base: Ref) -> Sym {
        if base.as_constant().is_some() { Sym::CONSTANT } else { Sym { base, offset: 0 } }
    }

    pub fn is_constant(self) -> bool {
        self.base == WORD
    }
}

/// A word, and what it is in the unit.
pub type Operand = (u64, Sym);

/// Memory that tracers use one after the other.
#[derive(Default)]
pub struct Workspace {
    /// What has been recorded last.
    pub unit: Unit,
    words: Vec<u64>,
    syms: Vec<Sym>,
    known: Vec<Sym>,
    pure: FxHashMap<(u64, u64), Ref>,
    memory: memory::Known,
}

/// How recording ended.
pub enum End {
    /// The unit is complete.
    Complete,
    /// It was given up.
    Aborted(Abort),
    /// It was given up to trace this location instead, whose frame is this.
    Instead(LocationId, u64),
}

/// Where execution goes on after recording.
pub enum Continue {
    /// In these frames.
    Frames(Vec<SavedFrame>),
    /// The portal has returned these words.
    Returned(Vec<u64>),
}

/// Why recording stops in the midst of an operation.
enum Stop {
    End(End),
    /// The portal has returned, in a call that was executed.
    Portal(Vec<u64>),
    /// A call that was executed is not done: these frames are.
    Frames(Vec<SavedFrame>, Abort),
}

type Step<T = ()> = Result<T, Box<Stop>>;

impl Stop {
    fn end(end: End) -> Box<Stop> {
        Box::new(Stop::End(end))
    }

    fn abort(reason: Abort) -> Box<Stop> {
        Stop::end(End::Aborted(reason))
    }
}

/// A guest call that is being inlined.
struct Inlined {
    location: LocationId,
    /// Of its frame, from the root.
    offset: i32,
    /// How many operations there were when it began.
    first: usize,
}

/// A trace under way.
pub struct Tracer<'d> {
    driver: &'d mut Driver,
    pub unit: Unit,
    frames: Vec<frames::Frame>,
    words: Vec<u64>,
    syms: Vec<Sym>,
    /// What values have been found to be, constants, or the root and some bytes: by operation; `NONE` if nothing.
    known: Vec<Sym>,
    /// Pure operations that have been recorded, by [`record::key`].
    pure: FxHashMap<(u64, u64), Ref>,
    memory: memory::Known,
    root: Ref,
    root_word: u64,
    root_frame: FrameId,
    /// Where the trace began, and the label to close the loop at; `None` for bridges.
    start: Option<(LocationId, LabelId)>,
    /// Offset of the guest frame at the last merge point.
    guest_frame: i32,
    inlined: Vec<Inlined>,
    /// Whose call the trace began in, and the offset of that frame.
    outer_call: Option<(LocationId, i32)>,
    /// The largest guest call inlined so far, and its operations.
    largest: Option<(LocationId, usize)>,
    /// Headers met, with their frames.
    headers: FxHashSet<(LocationId, i32)>,
    /// The header where the trace begins and where it is to end at once, going on in the header's unit from the beginning.
    enters: Option<LocationId>,
    /// Whether it goes on at the beginning of another unit, whatever that one's loop relies on.
    at_beginning: bool,
    /// Whether the trace has come by a merge point.
    gets_on: bool,
    /// Whether the trace has come back to where it began.
    closed: bool,
    /// Addresses of quasi-immutable fields that the unit depends on.
    pub dependencies: Vec<u64>,
}

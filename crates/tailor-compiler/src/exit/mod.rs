//! Exits: what compiled code knows about itself, and how the values of interrupted frames are found when it is left.
//!
//! # Interrupted units
//! A unit is interrupted if an exit is taken in it, or in a unit that it called by `CallUnit`. When control leaves, all of them are still on the native stack, and nothing has been
//! saved beforehand: the innermost is found by the stub through which it left, each further one by the return address above the frame of its callee. So a call
//! of a unit costs nothing for the case that its callee is left; there is no status to be checked behind it.
//! [`Interrupted::next_unit`] goes through them, innermost first. The innermost one's values are in the saved registers and in its frame, those of
//! the others in their frames only, since units preserve no registers.
//!
//! It is also possible that there is no innermost unit, because one was not entered: the native stack was too deep, or there is no code behind an entry. Then
//! [`Interrupted::refused`] says which, with its arguments; all units that there are have been interrupted in calls.
//!
//! # What is stored
//! A value has one home for all its life (see [`crate::backend::regalloc`]). So the metadata are two bytes for each operation, the snapshots as the unit had them, and
//! the constants. [`State::word`] is the pure function from a machine's state and a home to a word; nothing is decoded into memory.
//!
//! # Collections
//! While the handler runs, all references that interrupted units need lie on the native stack: in frames, or in the saved registers. What the handler
//! takes from there it must put where the collector looks before it allocates. [`InterruptedUnit::materialise`] allocates, one unit at a time: the frames of
//! an inner unit are to be written before the next unit is asked for its objects.
//!
//! # Bridges
//! The values that a bridge takes over are those of [`Code::exit_values`]: it is compiled so that it finds them in their homes, in the frame of the unit
//! that it continues. [`Code::attach`] turns the stub into a jump to it.

mod code;
mod interrupted;

pub(crate) use code::Parts;
pub use code::{BridgeError, Code, ExitId};
pub use interrupted::{Interrupted, InterruptedUnit, Refused, State};

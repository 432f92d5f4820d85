//! Frames of jitcode under execution, and the snapshots that guards take of them.
//!
//! # Snapshots
//! The chain of a snapshot's frames ends in a pseudo frame that holds the root, and the number of the location whose inlined call the guest is in: so an exit always knows its guest frame, and registers that hold the root and some bytes need not be kept in the unit: the slot is the
//! number of bytes then, and the frame's [`FrameShape`] says so. The pseudo frame's position is where the current guest frame lies, in bytes from the root.

use tailor_compiler::ir::{FrameId, Slot, SnapshotId};
use tailor_jitcode::JitFunction;
use tailor_jitcode::black_hole::SavedFrame;
use tailor_jitcode::code::{Code, Position, Register};

use super::{Operand, Step, Stop, Sym, Tracer};
use crate::engine::{Abort, LocationId};

/// How many words frames may have in all.
pub const WORDS: usize = 1 << 14;

/// How deep frames of jitcode may nest.
const DEPTH: usize = 64;

/// An activation of jitcode.
pub struct Frame {
    pub code: &'static Code,
    /// Its first register, in the tracer's words and symbols.
    pub base: usize,
    /// The instruction that comes next; in a waiting frame, the call.
    pub position: Position,
    /// The snapshot's frame for it while it waits.
    waiting: Option<FrameId>,
}

/// What the number of a snapshot's frame stands for: a function, and the slots that are offsets from the root.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrameShape {
    /// Whose frame.
    pub function: &'static JitFunction,
    /// Numbers of those slots, increasing.
    pub relative: Box<[u16]>,
}

/// The number that the root's pseudo frame has instead of a [`FrameShape`]'s.
pub const ROOT_FRAME: u32 = u32::MAX;

/// What the pseudo frame has instead of a location if it is not known whose call the guest is in.
const NO_CALL: i64 = -1;

impl Tracer<'_> {
    /// The location whose call the current guest frame belongs to; the unit's own, if it is the root.
    fn innermost_call(&self) -> Option<LocationId> {
        match self.inlined.last() {
            Some(call) if call.offset == self.guest_frame => Some(call.location),
            Some(_) => None,
            None => self.outer_call.filter(|&(_, offset)| offset == self.guest_frame).map(|(location, _)| location),
        }
    }

    /// Begins to execute a function; its registers are undefined.
    pub(super) fn push_frame(&mut self, code: &'static Code) -> Step {
        let base = self.words.len();
        let end = base + code.register_count();
        if end > WORDS || self.frames.len() == DEPTH {
            return Err(Stop::abort(Abort::TooDeep));
        }
        self.words.resize(end, 0);
        self.syms.resize(end, Sym::NONE);
        self.frames.push(Frame { code, base, position: 0, waiting: None });
        self.show();
        Ok(())
    }

    /// Ends the innermost frame.
    pub(super) fn pop_frame(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.words.truncate(frame.base);
            self.syms.truncate(frame.base);
            self.show();
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.waiting = None;
        }
    }

    fn show(&self) {
        self.driver.roots.show_tracer(self.words.as_ptr(), self.words.len());
    }

    /// The innermost frame.
    pub(super) fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("something executes")
    }

    /// What a register or constant of the innermost frame holds.
    pub(super) fn operand(&mut self, register: Register) -> Operand {
        let Frame { code, base, .. } = *self.frame();
        self.operand_of(code, base, register)
    }

    /// What a register or constant of a frame holds: its code, and its first register.
    #[inline]
    pub(super) fn operand_of(&self, code: &'static Code, base: usize, register: Register) -> Operand {
        if let Some(word) = code.constant(register) {
            return (word, Sym::CONSTANT);
        }
        let at = base + register.index();
        (self.words[at], self.resolve(self.syms[at]))
    }

    /// Sets a register of the innermost frame.
    pub(super) fn set(&mut self, register: Register, word: u64, sym: Sym) {
        let at = self.frame().base + register.index();
        self.words[at] = word;
        self.syms[at] = sym;
    }

    /// Makes the pseudo frame of the root anew, after the guest's frame has become another.
    pub(super) fn renew_root_frame(&mut self) {
        let call = self.innermost_call().map_or(NO_CALL, |location| i64::from(location.0));
        let slots = [Slot::Value(self.root), Slot::Value(self.unit.int(call))];
        self.root_frame = self.unit.snapshots.add_frame(None, ROOT_FRAME, self.guest_frame as u32, &slots);
        self.frames.iter_mut().for_each(|frame| frame.waiting = None);
    }

    /// A snapshot of all frames, the innermost standing before `position`.
    pub(super) fn snapshot(&mut self, position: Position) -> SnapshotId {
        let mut parent = self.root_frame;
        let last = self.frames.len() - 1;
        for at in 0..last {
            let Frame { code, position, waiting, .. } = self.frames[at];
            parent = match waiting {
                Some(known) => known,
                None => {
                    let registers = code.live_across(position).unwrap_or_default();
                    let id = self.snapshot_frame(at, registers, position, parent);
                    self.frames[at].waiting = Some(id);
                    id
                }
            };
        }
        let code = self.frames[last].code;
        let innermost = self.snapshot_frame(last, code.live(position), position, parent);
        self.unit.snapshots.add(Some(innermost))
    }

    fn snapshot_frame(&mut self, at: usize, registers: &[Register], position: Position, parent: FrameId) -> FrameId {
        let Frame { code, base, .. } = self.frames[at];
        let mut slots = std::mem::take(&mut self.driver.slots);
        let mut relative = std::mem::take(&mut self.driver.relative);
        slots.clear();
        relative.clear();
        for (number, &register) in registers.iter().enumerate() {
            let (word, sym) = self.operand_of(code, base, register);
            slots.push(if sym == Sym::NONE {
                Slot::Dead
            } else if sym.base == self.root {
                relative.push(number as u16);
                Slot::Value(self.unit.int(i64::from(sym.offset)))
            } else {
                Slot::Value(self.value((word, sym), code.type_of(register)))
            });
        }
        let shape = self.driver.shape(code.function(), &relative);
        let id = self.unit.snapshots.add_frame(Some(parent), shape, position, &slots);
        self.driver.slots = slots;
        self.driver.relative = relative;
        id
    }

    /// The frames as they are now, for the black hole.
    pub(super) fn save(&self) -> Vec<SavedFrame> {
        let last = self.frames.len().saturating_sub(1);
        let save = |(at, frame): (usize, &Frame)| {
            let code = frame.code;
            let registers = if at == last {
                code.live(frame.position)
            } else {
                code.live_across(frame.position).unwrap_or_default()
            };
            let values = registers.iter().map(|register| self.words[frame.base + register.index()]).collect();
            SavedFrame { function: code.function(), position: frame.position, values }
        };
        self.frames.iter().enumerate().map(save).collect()
    }
}

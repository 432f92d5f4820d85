//! Taking over: what the driver needs of interrupted units, in a form that no longer depends on the native stack.
//!
//! Exits are frequent until bridges have been made, so this does not allocate: [`Spare`] keeps the vectors of frames that have been gone on with, for the next ones.

use std::rc::Rc;

use tailor_compiler::exit::{Code, ExitId, Interrupted, Refused};
use tailor_compiler::ir::{Descriptors, Frame, FrameId, Type};
use tailor_compiler::runtime::Runtime;
use tailor_jitcode::black_hole::SavedFrame;

use super::clock::Moment;
use super::locations::{LocationId, Locations};
use super::portal::Portal;
use super::roots::Roots;
use crate::trace::{FrameShape, ROOT_FRAME};

/// An exit that has been taken.
#[derive(Debug, Default)]
pub struct ExitState {
    /// The interrupted frames, outermost first.
    pub frames: Vec<SavedFrame>,
    /// The address of the root.
    pub root: u64,
    /// Whose inlined call the guest is in.
    pub call: Option<LocationId>,
    /// When.
    pub left: Moment,
    /// By what; `None` if a unit could not be entered.
    pub source: Option<(Rc<Code>, ExitId)>,
    /// The location that could not be entered, for want of code, and the state there.
    pub unbound: Option<(LocationId, Vec<u64>)>,
}

/// Vectors to be used again.
#[derive(Debug, Default)]
pub struct Spare {
    frames: Vec<SavedFrame>,
    values: Vec<Vec<u64>>,
    objects: Vec<u64>,
    chain: Vec<(FrameId, Frame)>,
}

/// How many vectors of values are kept: as many as an exit usually has frames.
const KEPT: usize = 32;

impl Spare {
    /// Takes frames that nobody needs any more.
    pub fn recycle(&mut self, mut frames: Vec<SavedFrame>) {
        for SavedFrame { mut values, .. } in frames.drain(..) {
            if self.values.len() < KEPT {
                values.clear();
                self.values.push(values);
            }
        }
        self.frames = frames;
    }
}

/// What describes units.
pub struct World<'a> {
    pub descriptors: &'a Descriptors,
    pub shapes: &'a [FrameShape],
    pub roots: &'a Roots,
    pub locations: &'a Locations,
    pub portal: &'a Portal,
    pub runtime: &'a Runtime,
}

impl World<'_> {
    /// Does what interrupted units have put off, innermost first; the frames of the innermost. (Of the others nothing is needed, since the guest stack describes who called.)
    pub fn take_over(&self, interrupted: &mut Interrupted, spare: &mut Spare) -> ExitState {
        let mut exit = ExitState { frames: std::mem::take(&mut spare.frames), ..ExitState::default() };
        let refused = match interrupted.refused() {
            Some(Refused::Unbound(entry)) => self.locations.of_entry(*entry).map(|location| (location, true)),
            Some(Refused::Stack(code, _)) => self.locations.of_code(code).map(|location| (location, false)),
            None => None,
        };
        if let Some((location, unbound)) = refused {
            let passed = self.locations.passed(location);
            let mut types = vec![Type::Ref];
            types.resize(1 + passed.len(), Type::Int);
            let mut arguments = interrupted.refused_arguments(&types);
            let frame = arguments.next().unwrap_or_default();
            for (&offset, word) in passed.iter().zip(arguments) {
                // SAFETY: the unit would write there, in the frame that it was given.
                unsafe { (frame.wrapping_add(offset as u64) as *mut u64).write(word) };
            }
            let state = self.portal.state(&self.locations[location].greens, frame);
            exit.frames.extend(self.portal.beginning(&state));
            if unbound {
                exit.unbound = Some((location, state));
            }
        }
        let Spare { values: vectors, objects, chain, .. } = spare;
        let mut innermost = refused.is_none();
        while let Some(unit) = interrupted.next_unit() {
            // SAFETY: the runtime is the machine's; what is taken is held by the roots before the next allocation.
            unsafe { unit.materialise(self.descriptors, self.runtime, objects) };
            if !std::mem::take(&mut innermost) {
                continue;
            }
            self.roots.hold(objects.iter().copied());
            chain.clear();
            chain.extend(unit.frames());
            if let Some((root, _)) = chain.last() {
                let mut words = unit.words(*root, objects);
                exit.root = words.next().unwrap_or_default();
                exit.call = words.next().and_then(|word| self.locations.numbered(word));
            }
            for (id, frame) in chain.iter().rev().filter(|(_, frame)| frame.code != ROOT_FRAME) {
                let shape = &self.shapes[frame.code as usize];
                let mut values = vectors.pop().unwrap_or_default();
                values.extend(unit.words(*id, objects));
                for &slot in &shape.relative {
                    values[usize::from(slot)] = values[usize::from(slot)].wrapping_add(exit.root);
                }
                self.roots.hold(values.iter().copied());
                exit.frames.push(SavedFrame { function: shape.function, position: frame.position, values });
            }
            exit.source = Some((Rc::clone(&unit.code), unit.exit));
        }
        exit
    }
}

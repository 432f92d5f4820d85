//! Parallel moves: a jump passes all its arguments at once; instructions move one at a time.
//!
//! A move can be done once nobody still wants what is in its target. If all that are left wait for each other, they form cycles; one
//! content is put aside, which opens its cycle.

use tailor_compiler::ir::Type;

use crate::tape::graph::Value;

/// Where a move takes its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Register(u16),
    Constant(Value),
}

/// Appends to `sequence` the moves, to be done one after the other, that do all `moves` at once. `scratch` yields a register of the given type that is otherwise unused.
pub(crate) fn in_sequence(
    moves: &mut Vec<(u16, Source)>,
    sequence: &mut Vec<(u16, Source)>,
    mut scratch: impl FnMut(u16) -> u16,
) {
    moves.retain(|&(to, from)| from != Source::Register(to));
    while !moves.is_empty() {
        let ready = moves.iter().position(|&(to, _)| !moves.iter().any(|&(_, from)| from == Source::Register(to)));
        if let Some(ready) = ready {
            sequence.push(moves.swap_remove(ready));
            continue;
        }
        let (blocked, _) = moves[0];
        let aside = scratch(blocked);
        sequence.push((aside, Source::Register(blocked)));
        for (_, from) in &mut *moves {
            if *from == Source::Register(blocked) {
                *from = Source::Register(aside);
            }
        }
    }
}

/// Registers for putting contents aside, one of each type, made at the first request.
#[derive(Default)]
pub(crate) struct Scratch {
    registers: Vec<(Type, u16)>,
}

impl Scratch {
    /// The scratch register of the type of `register`; may append to `types`.
    pub fn like(&mut self, register: u16, types: &mut Vec<Type>) -> u16 {
        let ty = types[usize::from(register)];
        if let Some(&(_, known)) = self.registers.iter().find(|&&(known, _)| known == ty) {
            return known;
        }
        let new = u16::try_from(types.len()).expect("a function has fewer than 65,536 registers");
        types.push(ty);
        self.registers.push((ty, new));
        new
    }
}

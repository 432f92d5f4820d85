//! The portal, as the driver knows it: which words of its state are what, and where it leaves guest frames.

use tailor_compiler::ir::Type;
use tailor_jitcode::black_hole::SavedFrame;
use tailor_jitcode::code::{Operation, Position, Register};
use tailor_jitcode::tape::Color;
use tailor_jitcode::{JitFunction, Role};

use super::landing::{Landing, RESULTS};

/// The portal, as the driver knows it.
#[derive(Clone, Debug)]
pub struct Portal {
    /// Its function.
    pub function: &'static JitFunction,
    /// Which words of the state are green.
    pub greens: Vec<usize>,
    /// Which word of the state is the frame.
    pub frame: usize,
    /// Where it leaves guest frames.
    pub leave: Option<LeaveSite>,
}

impl Portal {
    /// Looks at a portal; `None` if it has more red words than its frame.
    pub fn learn(function: &'static JitFunction) -> Option<Portal> {
        let code = function.code();
        let positions = 0..code.len() as Position;
        let mark = positions.clone().find_map(|position| match code.operation(position) {
            Operation::MergePoint(mark) => Some(mark),
            _ => None,
        })?;
        let (mut greens, mut reds) = (Vec::new(), Vec::new());
        for variable in &mark.variables {
            let words = variable.first as usize..(variable.first + variable.count) as usize;
            match variable.color {
                Color::Green => greens.extend(words),
                Color::Red => reds.extend(words),
            }
        }
        let &[frame] = reds.as_slice() else { return None };
        let mut leaves = positions.filter_map(|position| match code.operation(position) {
            Operation::Call { function, .. } if function.role == Role::Leave => Some((position, function)),
            _ => None,
        });
        let leave = leaves.next().and_then(|(position, function)| {
            let mut types = Vec::new();
            function.signature.parameters.iter().for_each(|shape| shape.leaf_types(&mut types));
            let result = match types.as_slice() {
                [_] => Type::Void,
                [_, result] => *result,
                _ => return None,
            };
            if function.signature.result.leaf_count() > RESULTS {
                return None;
            }
            let registers = code.live_across(position)?;
            Some(LeaveSite { position, function, registers, values: None, result, landing: None })
        });
        Some(Portal { function, greens, frame, leave })
    }

    /// The words of the state with these greens and this frame.
    pub fn state(&self, greens: &[u64], frame: u64) -> Vec<u64> {
        let mut state = vec![0; greens.len() + 1];
        for (&at, &word) in self.greens.iter().zip(greens) {
            state[at] = word;
        }
        state[self.frame] = frame;
        state
    }

    /// The frame in which the portal begins in a state.
    pub fn beginning(&self, state: &[u64]) -> Vec<SavedFrame> {
        let live = self.function.code().live(0).iter();
        let values = live.map(|register| state[register.index()]).collect();
        vec![SavedFrame { function: self.function, position: 0, values }]
    }

    /// The frame in which the portal is about to leave this guest frame with this value, after a unit has returned it.
    pub fn leaving(&self, frame: u64, value: u64) -> SavedFrame {
        let site = self.leave.as_ref().expect("units return only where the portal leaves frames");
        let code = self.function.code();
        let Operation::Call { arguments, .. } = code.operation(site.position) else {
            unreachable!("the leaving function is called there")
        };
        let words = |register: &Register| {
            let argument = arguments.iter().position(|other| other == register).map(|at| [frame, value][at]);
            let across = || site.registers.iter().position(|other| other == register);
            argument.or_else(|| site.values.as_ref().zip(across()).map(|(values, at)| values[at])).unwrap_or_default()
        };
        let values = code.live(site.position).iter().map(words).collect();
        SavedFrame { function: self.function, position: site.position, values }
    }
}

/// The call by which the portal leaves guest frames. Where it does so in several places, what follows is the same in all of them (that is a rule for authors), so the first stands for all.
#[derive(Clone, Debug)]
pub struct LeaveSite {
    /// The call.
    pub position: Position,
    /// The function that is called.
    pub function: &'static JitFunction,
    /// What lives on in the portal.
    pub registers: &'static [Register],
    /// What is in these registers, whoever returns; `None` as long as nobody has.
    pub values: Option<Vec<u64>>,
    /// The type of what is returned.
    pub result: Type,
    /// The short way from there to the merge point, once it has been looked for.
    pub landing: Option<Option<Landing>>,
}

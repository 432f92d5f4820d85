//! Landing: how the native interpreter goes on after a unit has returned to it.
//!
//! A unit returns where the portal leaves the unit's guest frame. The rest is the interpreter's: the leaving function, and what the portal does with its result up to the next merge point. The black hole can do that;
//! but functions are compiled before those that call them, so returns to the interpreter are frequent. So what the portal does there is looked at once: if it only moves words about, a [`Landing`] says which word of the
//! result becomes which word of the state, and the leaving function is called natively.

use tailor_jitcode::JitFunction;
use tailor_jitcode::code::{Code, Operation, Position, Register};

/// Where a word comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The leaving function's result.
    Result(usize),
    Constant(u64),
    /// It is computed; nobody needs it.
    Other,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Landing {
    /// The leaving function.
    leave: &'static JitFunction,
    /// Words of its result that decide on the way, with what they have to be.
    conditions: Vec<(usize, u64)>,
    /// Where the words of the state come from.
    state: Vec<Source>,
}

/// The most words that a leaving function may answer.
pub const RESULTS: usize = 16;

/// How many instructions are looked at.
const STEPS: usize = 64;

impl Landing {
    /// What the portal does behind the call at `position`, where `values` live on, when the call has this result. `None` if it is more than moving words.
    pub fn find(code: &'static Code, position: Position, values: &[u64], result: &[u64]) -> Option<Landing> {
        let Operation::Call { function, results, .. } = code.operation(position) else { return None };
        if results.len() > RESULTS || results.len() != result.len() {
            return None;
        }
        let mut registers = vec![Source::Other; code.register_count()];
        for (register, &word) in code.live_across(position)?.iter().zip(values) {
            registers[register.index()] = Source::Constant(word);
        }
        for (number, register) in results.iter().enumerate() {
            registers[register.index()] = Source::Result(number);
        }
        let source = |registers: &[Source], register: Register| match code.constant(register) {
            Some(word) => Source::Constant(word),
            None => registers[register.index()],
        };
        let mut conditions = Vec::new();
        let mut next = position + 1;
        for _ in 0..STEPS {
            let at = next;
            next += 1;
            match code.operation(at) {
                Operation::Move { dest, source: from } => registers[dest.index()] = source(&registers, from),
                // What is loaded is for later: the state must not need it.
                Operation::Load { dest, .. } => registers[dest.index()] = Source::Other,
                Operation::Jump { target } => next = target,
                Operation::Branch { condition, then, otherwise } => {
                    let word = decide(source(&registers, condition), result, &mut conditions)?;
                    next = if word != 0 { then } else { otherwise };
                }
                Operation::Switch { value, table } => {
                    let word = decide(source(&registers, value), result, &mut conditions)?;
                    next = table.target(word);
                }
                Operation::MergePoint(mark) => {
                    let state: Vec<Source> = mark.values.iter().map(|&value| source(&registers, value)).collect();
                    let known = !state.contains(&Source::Other);
                    return known.then_some(Landing { leave: function, conditions, state });
                }
                _ => return None,
            }
        }
        None
    }

    /// Leaves the frame that the arguments name; the result's words are in `results` then. Whether that led to the state: else it did not go the way that was looked at, and the portal is to go on with the
    /// result.
    ///
    /// # Safety
    /// The leaving function could be called with these arguments.
    pub unsafe fn land(&self, arguments: &[u64], results: &mut [u64; RESULTS], state: &mut [u64]) -> bool {
        // SAFETY: the caller's promise; there is room for the result.
        unsafe { (self.leave.native)(arguments.as_ptr(), results.as_mut_ptr()) };
        if self.conditions.iter().any(|&(number, word)| results[number] != word) {
            return false;
        }
        for (word, source) in state.iter_mut().zip(&self.state) {
            *word = match *source {
                Source::Result(number) => results[number],
                Source::Constant(word) => word,
                Source::Other => unreachable!("a landing knows all words"),
            };
        }
        true
    }
}

/// The word that decides a branch.
fn decide(source: Source, result: &[u64], conditions: &mut Vec<(usize, u64)>) -> Option<u64> {
    match source {
        Source::Result(number) => {
            conditions.push((number, result[number]));
            Some(result[number])
        }
        Source::Constant(word) => Some(word),
        Source::Other => None,
    }
}

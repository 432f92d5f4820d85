//! Tier 1: threaded code, made of *pieces*, one an instruction of the guest program.
//!
//! # Terms
//! - A *point* is a merge point of the portal with these greens: an instruction of the guest program, as a rule.
//! - Its *piece* ([`tailor_compiler::backend::pieces`]) is machine code that does what the portal does from there to the next merge points, on whatever path. Its one parameter is the guest's frame,
//!   the *root*; all guest state is in memory before and after it.
//! - A *path* is one way through the portal's jitcode, from the point to a merge point or out of the portal.
//! - What follows from the greens is *static*: it is done when the piece is recorded. The rest is *dynamic*: it is recorded.
//!
//! # Method
//! The recorder ([`record`]) executes the portal's jitcode from the point on, with the greens as constants and the frame unknown. A branch on something dynamic is recorded as a branch, and
//! both sides are followed, one after the other; each point is thus recorded once, and a piece is a tree of paths that end
//!
//! | where | how |
//! |---|---|
//! | at a merge point with static greens | in a jump to that point's piece |
//! | at one with dynamic greens (a return, a call of what is not known) | in handing out the state: the driver goes on at that point |
//! | where something rare begins | in leaving: the native interpreter executes the instruction anew |
//! | where the portal returns | in handing out its result |
//!
//! Since the interpreter has not been told that it runs in a unit ([`we_are_jitted`](crate::jit::we_are_jitted) is false), what it does is what its native reading does: its own inline caches, quickened
//! instructions, fast paths. What they hold by the time of recording is the feedback that a compiler needs; since whatever is read is either immutable or read by the piece, too, a piece is
//! right whatever becomes of them, and is made anew when it is left too often.
//!
//! # Templates
//! Pieces of one kind of instruction differ in words only: which registers, which constants, which points follow. So what has been computed from the greens is kept with the recording ([`tape`]), and its constants are
//! [holes](tailor_compiler::backend::holes) in the code; a point whose greens lead to the same decisions gets a copy in which its own words are filled in, a hundred times as quickly as it would be recorded and
//! compiled.
//!
//! # What is rare
//! A call of a function that is `#[cold]`. As long as a path has done nothing (*effects*) it can be left there: the interpreter begins the instruction again. Behind an effect, or if a piece is left
//! often, the function is called like any other.
//!
//! # Why so
//! - *Why pieces, and no units of whole methods?* All state is in memory at merge points anyway, so that a method can be entered and left at each; then nothing is gained by compiling its
//!   instructions together, and much is lost: pieces need no analysis, and can be made one at a time, when they are reached.
//! - *Why is there no native recursion?* Guest calls are jumps, as they are in the interpreter; the guest's stack holds who called. So non-local returns, errors and stack overflow need nothing of their own, and any
//!   piece can be left for the interpreter or for tier 2.

mod calls;
mod memory;
mod paths;
mod record;
mod tape;
mod tidy;

pub use paths::Given;
pub use record::{GoalPlan, Recorder, Recording, Unrecorded, Wishes};
pub use tape::{Shapes, word_of};

/// What a piece goes on in: the number that its `JumpUnit` has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Goal(pub u32);

/// How a goal is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Its piece, at once.
    Plain,
    /// By a back edge: it is counted.
    BackEdge,
    /// By a call: it is counted, and made when it is called first.
    Call,
}

impl Goal {
    /// The point whose greens are passed.
    pub const POINT: Goal = Goal(u32::MAX);
    /// The same, to be counted.
    pub const COUNTED: Goal = Goal(u32::MAX - 1);

    /// The point with this number.
    pub fn of(point: u32, way: Way) -> Goal {
        Goal(point * 4 + way as u32)
    }

    /// The point's number, and how it is entered; `None` if the greens are passed.
    pub fn point(self) -> Option<(u32, Way)> {
        let way = [Way::Plain, Way::BackEdge, Way::Call].get(self.0 as usize % 4).copied();
        (self != Goal::POINT && self != Goal::COUNTED).then_some((self.0 / 4, way?))
    }
}

/// Words that pieces hand out first, where they are left by `Return`: what follows them.
pub mod handed_out {
    /// The frame and the greens of the point to go on at.
    pub const POINT: u64 = 1;
    /// The same; it is the entry of a guest method, or a loop's header, which is to be counted.
    pub const COUNTED: u64 = 2;
    /// The words of the portal's result.
    pub const RESULT: u64 = 3;
}

//! Paths: what the recorder knows at a place of one way through the jitcode.

use tailor_compiler::ir::{LabelId, Ref, Type};
use tailor_jitcode::code::{Code, Position};

use crate::trace::{Operand, Sym};

/// A frame of jitcode.
#[derive(Clone, Copy)]
pub struct Frame {
    pub code: &'static Code,
    /// Its first register's place in [`Path::values`].
    pub base: usize,
    /// The instruction that comes next, or the call that is waited for.
    pub position: Position,
    /// Whether it has come to a branch that is not static.
    pub branched: bool,
    /// How often it has jumped back.
    pub turns: u32,
    /// Which of its arguments are static.
    pub given: Given,
}

/// Which arguments of a function are static: a bit for each of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Given(u32);

impl Given {
    /// By the arguments.
    pub fn of(arguments: &[Operand]) -> Given {
        let is_static = |(_, (_, sym)): &(u32, &Operand)| sym.is_constant();
        let bits = (0..32).zip(arguments).filter(is_static).map(|(at, _)| 1 << at);
        Given(bits.sum())
    }
}

/// A condition that has been decided on this path.
///
/// It is used to decide branches, and in place of truth values. A value that has been compared with a constant and found equal is *not* taken for that constant: the recorder follows paths that no execution
/// takes, and would read memory where there is none.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    pub condition: Ref,
    /// Whether it is not 0.
    pub holds: bool,
    /// Whether it is a truth value.
    pub test: bool,
}

/// See the module. What it lists is searched from one end to the other: there is little of it.
pub struct Path {
    pub frames: Vec<Frame>,
    /// The registers of all frames: static words, or values of the unit and bytes to be added.
    pub values: Vec<Operand>,
    pub facts: Vec<Fact>,
    /// Pure operations and loads that have been recorded, by [`key`](crate::trace::key).
    recorded: Vec<((u64, u64), Ref)>,
    /// Words of the guest stack: bytes from the root and the node of that, and what is there.
    stack: Vec<((i32, u32), Type, Operand)>,
    /// Whether something has been done that must not be done again.
    pub effects: bool,
    /// Whether it has come by the first merge point.
    pub begun: bool,
    /// Whether it has come by a `can_enter!`.
    pub counted: bool,
    /// Where it goes on in the unit.
    pub label: LabelId,
}

impl Default for Path {
    fn default() -> Path {
        Path {
            frames: Vec::new(),
            values: Vec::new(),
            facts: Vec::new(),
            recorded: Vec::new(),
            stack: Vec::new(),
            effects: false,
            begun: false,
            counted: false,
            label: LabelId(0),
        }
    }
}

impl Path {
    /// Becomes one that has not begun, in the same memory.
    pub fn begin(&mut self, label: LabelId) {
        let Path { frames, values, facts, recorded, stack, .. } = self;
        frames.clear();
        values.clear();
        facts.clear();
        recorded.clear();
        stack.clear();
        (self.effects, self.begun, self.counted, self.label) = (false, false, false, label);
    }

    /// Becomes like another, in the same memory.
    pub fn copy(&mut self, other: &Path) {
        let &Path { ref frames, ref values, ref facts, ref recorded, ref stack, effects, begun, counted, label } =
            other;
        self.frames.clone_from(frames);
        self.values.clone_from(values);
        self.facts.clone_from(facts);
        self.recorded.clone_from(recorded);
        self.stack.clone_from(stack);
        (self.effects, self.begun, self.counted, self.label) = (effects, begun, counted, label);
    }

    /// The word that a symbol is known to be: if it is a truth value.
    pub fn known(&self, sym: Sym) -> Option<u64> {
        if sym.offset != 0 || sym.base.as_op().is_none() {
            return None;
        }
        let fact = self.facts.iter().find(|fact| fact.test && fact.condition == sym.base)?;
        Some(u64::from(fact.holds))
    }

    /// Whether a condition is known to hold, or not to.
    pub fn truth(&self, condition: Ref) -> Option<bool> {
        self.facts.iter().find(|fact| fact.condition == condition).map(|fact| fact.holds)
    }

    pub fn recorded(&self, key: (u64, u64)) -> Option<Ref> {
        self.recorded.iter().find(|(known, _)| *known == key).map(|&(_, value)| value)
    }

    pub fn remember(&mut self, key: (u64, u64), value: Ref) {
        self.recorded.push((key, value));
    }

    /// What is in a word of the guest stack.
    pub fn stack(&self, word: (i32, u32), ty: Type) -> Option<Operand> {
        self.stack.iter().find(|&&(known, type_, _)| known == word && type_ == ty).map(|&(.., value)| value)
    }

    /// Notes what a word of the guest stack holds, which has been read.
    pub fn has_read(&mut self, word: (i32, u32), ty: Type, value: Operand) {
        self.stack.push((word, ty, value));
    }

    /// Notes what a word of the guest stack holds, which has been written. Others whose distance follows from other greens may be the same, if not here then in another piece of this shape.
    pub fn has_written(&mut self, word: (i32, u32), ty: Type, value: Operand) {
        self.stack.retain(|&((offset, node), ..)| node == 0 && word.1 == 0 && offset.abs_diff(word.0) >= 8);
        self.stack.push((word, ty, value));
    }

    /// Forgets what other paths that come here do not know.
    pub fn forget(&mut self) {
        self.facts.clear();
        self.recorded.clear();
        self.stack.clear();
    }

    /// Forgets what the guest stack holds.
    pub fn forget_stack(&mut self) {
        self.stack.clear();
    }
}

#[cfg(test)]
mod tests {
    use tailor_compiler::ir::{Ref, Type};

    use super::{Fact, Path, Sym};

    fn sym(op: usize) -> Sym {
        Sym { base: Ref::op(op), offset: 0 }
    }

    #[test]
    fn facts_are_words_for_truth_values_only() {
        let mut path = Path::default();
        path.facts.push(Fact { condition: Ref::op(1), holds: true, test: true });
        path.facts.push(Fact { condition: Ref::op(2), holds: true, test: false });
        path.facts.push(Fact { condition: Ref::op(3), holds: false, test: true });
        assert_eq!([1, 2, 3, 4].map(|op| path.truth(Ref::op(op))), [Some(true), Some(true), Some(false), None]);
        assert_eq!([1, 2, 3, 4].map(|op| path.known(sym(op))), [Some(1), None, Some(0), None]);
        assert_eq!(path.known(Sym { offset: 8, ..sym(1) }), None);
    }

    #[test]
    fn words_of_the_stack_are_the_same_only_if_they_are_in_every_piece_of_the_shape() {
        let value = |op| (0, sym(op));
        let mut path = Path::default();
        path.has_read((0, 0), Type::Int, value(1));
        path.has_read((16, 0), Type::Int, value(2));
        path.has_read((0, 7), Type::Int, value(3));
        assert_eq!(path.stack((16, 0), Type::Int), Some(value(2)));
        assert_eq!(path.stack((16, 0), Type::Float), None);
        // What is written at a known distance changes nothing at another one, but what a green says may be the same word.
        path.has_written((8, 0), Type::Int, value(4));
        let known = |path: &Path| [(0, 0), (8, 0), (16, 0), (0, 7)].map(|word| path.stack(word, Type::Int));
        assert_eq!(known(&path), [Some(value(1)), Some(value(4)), Some(value(2)), None]);
        // Half a word further, it is a part of both.
        path.has_written((12, 0), Type::Int, value(5));
        assert_eq!(known(&path), [Some(value(1)), None, None, None]);
        path.has_written((0, 7), Type::Int, value(6));
        assert_eq!(known(&path), [None, None, None, Some(value(6))]);
    }

    #[test]
    fn what_others_do_not_know_is_forgotten() {
        let mut path = Path::default();
        path.facts.push(Fact { condition: Ref::op(1), holds: true, test: true });
        path.remember((1, 2), Ref::op(3));
        path.has_read((0, 0), Type::Int, (0, sym(4)));
        path.forget_stack();
        assert_eq!((path.recorded((1, 2)), path.stack((0, 0), Type::Int)), (Some(Ref::op(3)), None));
        path.forget();
        assert_eq!((path.recorded((1, 2)), path.truth(Ref::op(1))), (None, None));
    }
}

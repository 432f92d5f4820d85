//! Control flow.
//!
//! A builder runs straight through; these functions start and end the blocks that its source stands for.

use std::marker::PhantomData;

use tailor_compiler::ir::{OpCode, Type};

pub use super::option::{Question, question};
use super::session::{located, with};
use super::value::{Id, JitType, V, undefined};
use super::words::{Words, words_of};
use crate::tape::{Block, Node, Shape, Tape};

/// A block.
pub type BlockId = Block;

/// A new block.
#[cold]
#[inline(never)]
pub fn block() -> BlockId {
    with(|s| s.tape().block())
}

/// Goes to a block.
#[cold]
#[inline(never)]
pub fn jump(to: BlockId) {
    with(|s| s.tape().jump(to))
}

/// Goes on at the end of a block.
#[cold]
#[inline(never)]
pub fn at(block: BlockId) {
    with(|s| s.tape().enter(block))
}

/// Goes on if `condition` holds, and to `otherwise` if not.
#[cold]
#[inline(never)]
#[track_caller]
pub fn check(condition: V<bool>, otherwise: BlockId) {
    located(|s| s.tape().check(condition.node(), otherwise))
}

/// The value of an expression that never has one.
#[inline(never)]
pub fn dead<T: JitType>() -> V<T> {
    V::__from(undefined(T::SHAPE))
}

/// Two ways that meet again.
#[derive(Clone, Copy, Debug)]
pub struct Fork {
    otherwise: BlockId,
    end: BlockId,
}

/// A new fork; what is recorded next is its first way.
#[cold]
#[inline(never)]
pub fn fork() -> Fork {
    Fork { otherwise: block(), end: block() }
}

impl Fork {
    /// Where the other way begins.
    #[inline(always)]
    pub fn otherwise(self) -> BlockId {
        self.otherwise
    }

    /// Ends the first way and begins the other one.
    #[cold]
    #[inline(never)]
    pub fn turn(self) {
        jump(self.end);
        at(self.otherwise);
    }

    /// Ends the other way; both meet.
    #[cold]
    #[inline(never)]
    pub fn end(self) {
        jump(self.end);
        at(self.end);
    }
}

/// A loop or a labelled block.
#[derive(Clone, Copy, Debug)]
pub struct LoopId {
    header: BlockId,
    exit: BlockId,
}

/// A new loop, in whose body recording goes on.
#[cold]
#[inline(never)]
pub fn loop_() -> LoopId {
    let this = LoopId { header: block(), exit: block() };
    jump(this.header);
    at(this.header);
    this
}

/// A labelled block.
#[cold]
#[inline(never)]
pub fn labelled() -> LoopId {
    let exit = block();
    LoopId { header: exit, exit }
}

impl LoopId {
    /// Where it is left to.
    #[inline(always)]
    pub fn exit(self) -> BlockId {
        self.exit
    }

    /// `continue`
    #[inline(always)]
    pub fn again(self) {
        jump(self.header);
    }

    /// `break`
    #[inline(always)]
    pub fn leave(self) {
        jump(self.exit);
    }

    /// The end of the body.
    #[cold]
    #[inline(never)]
    pub fn end(self) {
        jump(self.header);
        at(self.exit);
    }

    /// The end of the body of a loop that is not left. What follows is dead.
    #[cold]
    #[inline(never)]
    pub fn end_endless(self) {
        jump(self.header);
    }

    /// The end of a labelled block.
    #[cold]
    #[inline(never)]
    pub fn end_labelled(self) {
        jump(self.exit);
        at(self.exit);
    }
}

// ---- Constants in patterns.

/// A type whose handle can be held against constants of type `T`: `T`, or a reference to it.
pub trait Subject<T> {}
impl<T> Subject<T> for T {}
impl<T> Subject<T> for &'static T {}

/// Goes on if `subject` is the constant, and to `otherwise` if not.
#[inline(never)]
#[track_caller]
pub fn expect<S: Subject<T>, T: Words>(subject: V<S>, constant: T, otherwise: BlockId) {
    expect_words(T::SHAPE, subject.0, &words_of(constant), otherwise);
}

#[cold]
#[inline(never)]
#[track_caller]
fn expect_words(shape: &'static Shape, subject: Id, words: &[u64], otherwise: BlockId) {
    located(|s| {
        let test = equals(s.tape(), shape, subject.node(), words);
        s.tape().check(test, otherwise);
    });
}

/// Whether a value is a constant: what patterns mean by it, which is structural.
fn equals(tape: &Tape, shape: &'static Shape, value: Node, words: &[u64]) -> Node {
    match shape {
        Shape::Scalar(ty) => {
            let constant = tape.constant(shape, words);
            let code = match ty {
                Type::Float => OpCode::FEq,
                Type::Ref => OpCode::RefEq,
                _ => OpCode::Eq,
            };
            tape.pure(code, &[tape.reshape(value, shape), constant])
        }
        Shape::Product(parts) => parts_equal(tape, parts, |i| tape.part(value, i), words),
        Shape::Sum(variants) => {
            let variant = words[0] as usize;
            let first = 1 + variants[..variant].iter().map(|v| v.leaf_count()).sum::<usize>();
            let is = tape.is_variant(value, variant);
            let payload = equals(tape, variants[variant], tape.payload(value, variant), &words[first..]);
            and(tape, is, payload)
        }
    }
}

fn parts_equal(tape: &Tape, parts: &[&'static Shape], part: impl Fn(usize) -> Node, words: &[u64]) -> Node {
    let (mut result, mut first) = (tape.int(1), 0);
    for (i, shape) in parts.iter().enumerate() {
        let test = equals(tape, shape, part(i), &words[first..first + shape.leaf_count()]);
        result = and(tape, result, test);
        first += shape.leaf_count();
    }
    result
}

fn and(tape: &Tape, a: Node, b: Node) -> Node {
    let is_true = |node| tape.constant_words(node).is_some_and(|words| words == [1]);
    if is_true(a) {
        b
    } else if is_true(b) {
        a
    } else {
        tape.pure(OpCode::And, &[a, b])
    }
}

/// The arms of a `match` on constants.
#[derive(Clone, Copy, Debug)]
pub struct SwitchId {
    /// The blocks of the arms follow one another.
    first: BlockId,
}

/// Branches to the arm that a constant is listed with, else to arm `default`; with `default == arms` there is no other constant.
#[inline(never)]
#[track_caller]
pub fn switch<S: Subject<T>, T: Words + Copy>(subject: V<S>, cases: &[(T, u32)], arms: u32, default: u32) -> SwitchId {
    let cases: Vec<(Vec<u64>, u32)> = cases.iter().map(|(constant, arm)| (words_of(*constant), *arm)).collect();
    switch_on_words(T::SHAPE, subject.0, &cases, arms, default)
}

#[cold]
#[inline(never)]
#[track_caller]
fn switch_on_words(shape: &'static Shape, subject: Id, cases: &[(Vec<u64>, u32)], arms: u32, default: u32) -> SwitchId {
    located(|s| {
        let tape = s.tape();
        let first = tape.block();
        for _ in 1..=arms {
            tape.block();
        }
        let this = SwitchId { first };
        // Without a default the last arm takes what can't be.
        let default = if default < arms { default } else { arms - 1 };
        let Some(key) = key(tape, shape, subject.node(), cases) else {
            for (words, arm) in cases {
                let test = equals(tape, shape, subject.node(), words);
                let next = tape.block();
                tape.branch(test, this.block(*arm), next);
                tape.enter(next);
            }
            tape.jump(this.block(default));
            return this;
        };
        let switch = tape.switch(key);
        for (words, arm) in cases {
            tape.case(&switch, &words[..1]);
            tape.jump(this.block(*arm));
        }
        tape.default_case(&switch);
        tape.jump(this.block(default));
        this
    })
}

/// The integer that tells the constants apart, if one does.
fn key(tape: &Tape, shape: &'static Shape, value: Node, cases: &[(Vec<u64>, u32)]) -> Option<Node> {
    match shape {
        Shape::Scalar(Type::Int) => Some(value),
        Shape::Product([only]) => key(tape, only, tape.part(value, 0), cases),
        Shape::Sum(variants) if cases.iter().all(|(words, _)| variants[words[0] as usize].leaf_count() == 0) => {
            Some(tape.tag(value))
        }
        _ => None,
    }
}

impl SwitchId {
    fn block(self, arm: u32) -> BlockId {
        self.first.following(arm)
    }

    /// Begins an arm.
    #[cold]
    #[inline(never)]
    pub fn arm(self, number: u32) {
        at(self.block(number));
    }
}

// ---- Returns.

/// What `return` leaves: a function, a closure with `return`s or `?`s of its own, or an inlined function.
pub struct Return<R> {
    inlined: bool,
    /// The overflow checks of the caller of an inlined function.
    checks: bool,
    result: PhantomData<fn() -> R>,
}

impl<R> Clone for Return<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Return<R> {}

/// The function that is being recorded.
#[inline(always)]
pub fn function<R: JitType>() -> Return<R> {
    Return { inlined: false, checks: false, result: PhantomData }
}

/// A closure, or with `checks` an inlined function whose crate has (or has not) overflow checks.
#[inline(never)]
fn begin<R: JitType>(checks: Option<bool>) -> Return<R> {
    Return { inlined: true, checks: begin_inlined(R::SHAPE, checks), result: PhantomData }
}

/// Begins the body of a closure.
#[inline(always)]
pub fn closure<R: JitType>() -> Return<R> {
    begin(None)
}

#[cold]
#[inline(never)]
fn begin_inlined(shape: &'static Shape, checks: Option<bool>) -> bool {
    with(|s| {
        s.tape().begin_inline(shape);
        let before = s.checks.get();
        s.checks.set(checks.unwrap_or(before));
        before
    })
}

#[cold]
#[inline(never)]
fn end_inlined(value: Id, checks: bool) -> Id {
    with(|s| {
        s.tape().ret(value.node());
        s.checks.set(checks);
        Id::of(s.tape().end_inline())
    })
}

#[cold]
#[inline(never)]
fn give(value: Id) {
    with(|s| s.tape().ret(value.node()))
}

impl<R: JitType> Return<R> {
    /// A function that is being inlined.
    #[inline(always)]
    pub fn inlined(checks: bool) -> Return<R> {
        begin(Some(checks))
    }

    /// `return value`
    #[inline(always)]
    pub fn give(self, value: V<R>) {
        give(value.0);
    }

    /// The end of the body. The result, if it is inlined.
    #[inline(always)]
    pub fn end(self, value: V<R>) -> V<R> {
        if self.inlined {
            V::__from(end_inlined(value.0, self.checks))
        } else {
            give(value.0);
            value
        }
    }
}

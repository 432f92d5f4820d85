//! Recording control flow: blocks, joins, loops, switches, inlined activations, returns, panics.

use tailor_compiler::ir::OpCode;

use super::graph::{Edge, Terminator, Value};
use super::{Node, Shape, Tape};
use crate::function::JitFunction;

/// A block of the function being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Block(u32);

impl Block {
    pub(super) fn from_index(index: usize) -> Block {
        Block(index as u32)
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// The block made `count` blocks after this one.
    pub(crate) fn following(self, count: u32) -> Block {
        Block(self.0 + count)
    }
}

/// A place where paths meet, each bringing a value.
#[derive(Clone, Copy, Debug)]
pub struct Join {
    block: Block,
    value: Node,
}

/// A loop that is being recorded.
#[derive(Clone, Copy, Debug)]
pub struct Loop {
    header: Block,
    exit: Block,
}

impl Loop {
    /// Where the loop goes on when it is left.
    pub fn exit(&self) -> Block {
        self.exit
    }

    /// Where an iteration begins.
    pub fn header(&self) -> Block {
        self.header
    }
}

/// A multi-way branch that is being recorded.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    from: Block,
    default: Block,
}

/// What `return` leaves: an inlined body. (The function itself is not on the list.)
pub(super) struct Activation {
    join: Join,
    /// What is inlined, with its arguments; `None` if it is a closure.
    call: Option<InlinedCall>,
}

/// A call that is being inlined.
pub(super) struct InlinedCall {
    pub function: &'static JitFunction,
    pub arguments: Vec<Node>,
    /// How many of them the body has asked for.
    pub taken: usize,
}

impl Tape {
    // ---- Blocks.

    /// A new, empty block.
    #[cold]
    #[inline(never)]
    pub fn block(&self) -> Block {
        Block::from_index(self.graph.borrow_mut().new_block())
    }

    /// Goes on recording at the end of `block`.
    #[cold]
    #[inline(never)]
    pub fn enter(&self, block: Block) {
        self.current.set(block);
    }

    /// Goes to `block`; what follows is dead until [`Tape::enter`].
    #[cold]
    #[inline(never)]
    pub fn jump(&self, block: Block) {
        self.terminate(Terminator::Jump(Edge::to(block.index())));
    }

    /// Goes to `then` if `condition` (a truth value) holds, and to `otherwise` if not.
    #[cold]
    #[inline(never)]
    pub fn branch(&self, condition: Node, then: Block, otherwise: Block) {
        let condition = self.leaf(condition);
        self.terminate(Terminator::Branch {
            condition,
            then: Edge::to(then.index()),
            otherwise: Edge::to(otherwise.index()),
        });
    }

    /// Goes on here if `condition` holds, and to `otherwise` if not.
    #[cold]
    #[inline(never)]
    pub fn check(&self, condition: Node, otherwise: Block) {
        let next = self.block();
        self.branch(condition, next, otherwise);
        self.enter(next);
    }

    /// Goes on here unless `condition` holds, and to `otherwise` if it does.
    #[cold]
    #[inline(never)]
    pub fn check_not(&self, condition: Node, otherwise: Block) {
        let next = self.block();
        self.branch(condition, otherwise, next);
        self.enter(next);
    }

    /// Whether anything recorded now is dropped, because the current block is complete.
    #[cold]
    #[inline(never)]
    pub fn is_dead(&self) -> bool {
        self.graph.borrow().blocks[self.current.get().index()].terminator.is_some()
    }

    // ---- Joins.

    /// A place where paths will meet with values of this shape.
    #[cold]
    #[inline(never)]
    pub fn join(&self, shape: &'static Shape) -> Join {
        let block = self.block();
        let (value, leaves) = self.fresh(shape);
        self.graph.borrow_mut().blocks[block.index()].parameters = leaves;
        Join { block, value }
    }

    /// Goes to the join with `value`.
    #[cold]
    #[inline(never)]
    pub fn arrive(&self, join: &Join, value: Node) {
        self.expect_shape(value, self.shape(join.value));
        let args = self.leaves_of(value);
        self.terminate(Terminator::Jump(Edge { target: join.block.index(), args }));
    }

    /// Goes on recording at the join: the value that was brought there.
    #[cold]
    #[inline(never)]
    pub fn joined(&self, join: &Join) -> Node {
        self.enter(join.block);
        join.value
    }

    // ---- Loops.

    /// Begins a loop; recording goes on in its body.
    #[cold]
    #[inline(never)]
    pub fn begin_loop(&self) -> Loop {
        let result = Loop { header: self.block(), exit: self.block() };
        self.jump(result.header);
        self.enter(result.header);
        result
    }

    /// `continue`, and the end of the body.
    #[cold]
    #[inline(never)]
    pub fn repeat(&self, of: &Loop) {
        self.jump(of.header);
    }

    /// `break` without a value. (With one: a [`Join`] made before the loop, and [`Tape::arrive`].)
    #[cold]
    #[inline(never)]
    pub fn leave(&self, of: &Loop) {
        self.jump(of.exit);
    }

    /// Goes on recording behind the loop.
    #[cold]
    #[inline(never)]
    pub fn end_loop(&self, of: &Loop) {
        self.enter(of.exit);
    }

    // ---- Switches.

    /// Branches on an Int. Its cases follow: for each, [`Tape::case`] and what is to be done; and [`Tape::default_case`], in any order, exactly once.
    #[cold]
    #[inline(never)]
    pub fn switch(&self, value: Node) -> Switch {
        let value = self.leaf(value);
        let switch = Switch { from: self.current.get(), default: self.block() };
        self.terminate(Terminator::Switch { value, cases: Vec::new(), default: Edge::to(switch.default.index()) });
        // Of a dead switch, the cases are dead, too.
        switch
    }

    /// Begins what is to be done for these values. The first case that lists a value gets it.
    #[cold]
    #[inline(never)]
    pub fn case(&self, switch: &Switch, values: &[u64]) {
        let block = self.block();
        let mut graph = self.graph.borrow_mut();
        if let Some((Terminator::Switch { cases, default, .. }, _)) = &mut graph.blocks[switch.from.index()].terminator
            && default.target == switch.default.index()
        {
            for &value in values {
                if !cases.iter().any(|&(known, _)| known == value) {
                    cases.push((value, Edge::to(block.index())));
                }
            }
        }
        drop(graph);
        self.enter(block);
    }

    /// Begins what is to be done for all other values.
    #[cold]
    #[inline(never)]
    pub fn default_case(&self, switch: &Switch) {
        self.enter(switch.default);
    }

    // ---- Activations.

    /// Begins an inlined body (of a function or a closure): until [`Tape::end_inline`], [`Tape::ret`] leaves it rather than the function.
    #[cold]
    #[inline(never)]
    pub fn begin_inline(&self, result: &'static Shape) {
        self.begin_activation(result, None);
    }

    pub(super) fn begin_activation(&self, result: &'static Shape, call: Option<InlinedCall>) {
        let join = self.join(result);
        self.activations.borrow_mut().push(Activation { join, call });
    }

    /// Runs `f` on the calls that are being inlined here, outermost first.
    pub(super) fn with_inlined_calls<R>(
        &self,
        f: impl FnOnce(&mut dyn DoubleEndedIterator<Item = &mut InlinedCall>) -> R,
    ) -> R {
        f(&mut self.activations.borrow_mut().iter_mut().filter_map(|activation| activation.call.as_mut()))
    }

    /// Ends an inlined body, whose last value has been given to [`Tape::ret`]; its result.
    ///
    /// # Panics
    /// None has begun.
    #[cold]
    #[inline(never)]
    pub fn end_inline(&self) -> Node {
        let Activation { join, .. } = self.activations.borrow_mut().pop().expect("an inlined body has begun");
        self.joined(&join)
    }

    /// Returns `value` from the innermost activation.
    #[cold]
    #[inline(never)]
    pub fn ret(&self, value: Node) {
        let inlined = self.activations.borrow().last().map(|activation| activation.join);
        if let Some(join) = inlined {
            return self.arrive(&join, value);
        }
        self.expect_shape(value, self.function.signature.result);
        let values = self.leaves_of(value);
        self.terminate(Terminator::Return(values));
    }

    /// The shape that the innermost activation returns.
    #[cold]
    #[inline(never)]
    pub fn result_shape(&self) -> &'static Shape {
        let inlined = self.activations.borrow().last().map(|activation| activation.join.value);
        inlined.map_or(self.function.signature.result, |value| self.shape(value))
    }

    // ---- Panics.

    /// Panics with this message, in which each `{}` stands for one of `args` (Ints, written as signed decimals; `{u}`: as unsigned ones).
    #[cold]
    #[inline(never)]
    pub fn panic(&self, template: &'static str, args: &[Node]) {
        let args: Vec<Value> = args.iter().map(|&arg| self.leaf(arg)).collect();
        assert_eq!(template.matches("{}").count() + template.matches("{u}").count(), args.len(), "{template}");
        self.terminate(Terminator::Panic { template, args });
    }

    /// Panics as [`Tape::panic`] unless `condition` holds.
    #[cold]
    #[inline(never)]
    pub fn panic_unless(&self, condition: Node, template: &'static str, args: &[Node]) {
        let (bad, good) = (self.block(), self.block());
        self.branch(condition, good, bad);
        self.enter(bad);
        self.panic(template, args);
        self.enter(good);
    }

    /// Panics as [`Tape::panic`] if `condition` holds.
    #[cold]
    #[inline(never)]
    pub fn panic_if(&self, condition: Node, template: &'static str, args: &[Node]) {
        let (bad, good) = (self.block(), self.block());
        self.branch(condition, bad, good);
        self.enter(bad);
        self.panic(template, args);
        self.enter(good);
    }

    /// The negation of a truth value.
    #[cold]
    #[inline(never)]
    pub fn not(&self, condition: Node) -> Node {
        let zero = self.int(0);
        self.pure(OpCode::Eq, &[condition, zero])
    }

    fn terminate(&self, terminator: Terminator) {
        self.graph.borrow_mut().terminate(self.current.get().index(), terminator);
    }
}

//! The tape: on it a function's body is recorded, operation by operation, and becomes jitcode.
//!
//! # Terms
//! - A *node* ([`Node`]) is a value in the function being built: a number. Behind it are a [`Shape`] and one scalar for each of the shape's leaves. Nodes never change; what
//!   changes is a *variable*.
//! - A *variable* ([`Variable`]) holds one node's worth of leaves at a time: `let mut`.
//! - A *block* ([`Block`]) is a straight piece of code. Recording always goes to the end of the *current block*. After a jump, branch, return or panic the current block is *dead*: what
//!   is recorded there is dropped.
//! - A *join* ([`Join`]) is a block where several paths meet, each bringing a value.
//! - An *activation* is what `return` leaves: the function itself, or something inlined into it.
//!
//! # Rules
//! 1. Integers are 64 bits wide and wrap; narrow ones are kept extended (sign or zero, by type), truth values are 0 or 1: as in units. [`arith`] keeps to this by itself,
//!    [`Tape::pure`] does as told.
//! 2. Shapes agree: a variable, a join, an argument takes a node of its own shape. (They are compared leaf by leaf; checked always, since a mistake here is a mistake in
//!    the macros and would surface far away.)
//! 3. A node is used only where its definition has been executed. Code recorded by following a body's structure obeys this by itself.
//! 4. A variable is read only after it has been set on every path. (Otherwise the value is undefined.)
//! 5. Joins, loops, switches and inlined activations nest properly.
//!
//! # How the pieces of Rust are recorded
//! | Rust | tape |
//! |---|---|
//! | literals, constants | [`Tape::int`], [`Tape::float`], [`Tape::address`], [`Tape::constant`] |
//! | `a + b` and its kin | [`Tape::arithmetic`] …, see [`arith`] |
//! | tuples, structs, their fields | [`Tape::product`], [`Tape::part`], [`Tape::with_part`] |
//! | enums with data, `Option`, `Result` | [`Tape::variant`], [`Tape::tag`], [`Tape::payload`] |
//! | `let mut` | [`Tape::variable`], [`Tape::set`], [`Tape::get`] |
//! | `if`, `match`, `&&`, `\|\|` | [`Tape::join`], [`Tape::check`] (goes on here if it holds, elsewhere otherwise), [`Tape::switch`] |
//! | loops | [`Tape::begin_loop`], [`Tape::repeat`], [`Tape::leave`], [`Tape::end_loop`] |
//! | calls | [`Tape::call`]; inlined: [`Tape::begin_inline`], body, [`Tape::end_inline`] |
//! | `return`, `?` | [`Tape::ret`] |
//! | panics | [`Tape::panic`], [`Tape::panic_unless`] |
//! | fields, elements, guest stack | [`Tape::load`], [`Tape::store`], [`Tape::offset`], see [`memory`] |
//! | directives | [`Tape::merge_point`], [`Tape::can_enter`], [`Tape::promote`], [`Tape::we_are_jitted`] |
//!
//! # Why so
//! - *Why is nothing here generic?* Each annotated function's builder is compiled by rustc. Calls of a few functions on 32-bit numbers are the cheapest thing that it can be given.
//! - *Why are all functions `#[cold] #[inline(never)]`?* So that they are compiled once, here, and never into the builders.
//! - *Why do aggregates vanish here rather than in a later pass?* They have no identity: a product is the list of its leaves. Taking one apart and putting one together records nothing.
//! - *Why are variables explicit rather than the tape building SSA as it goes?* With all blocks known, construction is one walk in order (see `code::ssa`), and blocks need not be declared complete.

pub mod arith;
mod calls;
mod control;
pub(crate) mod graph;
pub mod memory;
mod shape;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::panic::Location;

use tailor_compiler::eval::evaluate;
use tailor_compiler::ir::{Op, OpCode, Type};

pub use arith::{Arithmetic, Compare, IntType, Overflow, Unary};
pub use calls::{Color, MarkVariable};
pub use control::{Block, Join, Loop, Switch};
pub use memory::{Memory, Mutability};
pub use shape::Shape;

use control::Activation;
use graph::{Graph, Inst, Value, result_type};

use crate::function::JitFunction;

/// A value in the function being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Node(pub(crate) u32);

/// A mutable variable of the function being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Variable(u32);

/// What is behind a node: a shape, and a range of [`Tape::leaves`].
#[derive(Clone, Copy)]
struct NodeData {
    shape: &'static Shape,
    first: u32,
    /// How many they are.
    count: u32,
}

/// What is behind a variable: a shape, and the first of its scalar variables.
#[derive(Clone, Copy)]
struct VariableData {
    shape: &'static Shape,
    first: u32,
}

/// Records one function's body; see [the module](self).
pub struct Tape {
    function: &'static JitFunction,
    graph: RefCell<Graph>,
    nodes: RefCell<Vec<NodeData>>,
    leaves: RefCell<Vec<Value>>,
    variables: RefCell<Vec<VariableData>>,
    /// By scalar variable: what it was set to last, or read as, and in which block. There, nobody else can have changed it since.
    held: RefCell<Vec<(Block, Value)>>,
    activations: RefCell<Vec<Activation>>,
    current: Cell<Block>,
    parameters_taken: Cell<usize>,
}

impl Tape {
    /// An empty tape for `function`, at the beginning of its entry block.
    pub(crate) fn new(function: &'static JitFunction) -> Tape {
        let mut graph = Graph::new(function.signature.location);
        let entry = graph.new_block();
        for shape in function.signature.parameters {
            shape.for_each_leaf(&mut |ty| {
                let value = graph.new_value(ty);
                graph.blocks[entry].parameters.push(value);
            });
        }
        Tape {
            function,
            graph: RefCell::new(graph),
            // Room for most functions.
            nodes: RefCell::new(Vec::with_capacity(256)),
            leaves: RefCell::new(Vec::with_capacity(256)),
            held: RefCell::default(),
            variables: RefCell::default(),
            activations: RefCell::default(),
            current: Cell::new(Block::from_index(entry)),
            parameters_taken: Cell::new(0),
        }
    }

    /// What has been recorded.
    pub(crate) fn into_graph(self) -> Graph {
        self.graph.into_inner()
    }

    /// The function whose body is being recorded: the one being built, or one that is being inlined into it.
    pub fn function(&self) -> &'static JitFunction {
        self.with_inlined_calls(|calls| calls.next_back().map_or(self.function, |call| call.function))
    }

    /// From here on, what is recorded stems from this place in the source. (Handles that are `#[track_caller]` say `tape.at(Location::caller())`.)
    #[cold]
    #[inline(never)]
    pub fn at(&self, location: &'static Location<'static>) {
        self.graph.borrow_mut().location = location;
    }

    // ---- Nodes.

    /// The parameters of the function whose body is being recorded, one after the other; if it is being inlined, the arguments of the call.
    ///
    /// # Panics
    /// There are no more.
    #[cold]
    #[inline(never)]
    pub fn next_parameter(&self) -> Node {
        let argument = self.with_inlined_calls(|calls| {
            calls.next_back().map(|call| {
                call.taken += 1;
                call.arguments[call.taken - 1]
            })
        });
        argument.unwrap_or_else(|| {
            let index = self.parameters_taken.get();
            self.parameters_taken.set(index + 1);
            let shapes = self.function.signature.parameters;
            let first: usize = shapes[..index].iter().map(|shape| shape.leaf_count()).sum();
            let entry = self.graph.borrow().blocks[0].parameters.clone();
            self.node(shapes[index], &entry[first..first + shapes[index].leaf_count()])
        })
    }

    /// The shape of a node.
    #[cold]
    #[inline(never)]
    pub fn shape(&self, node: Node) -> &'static Shape {
        self.nodes.borrow()[node.0 as usize].shape
    }

    /// The words of a node all of whose leaves are constants.
    #[cold]
    #[inline(never)]
    pub fn constant_words(&self, node: Node) -> Option<Vec<u64>> {
        let leaves = self.leaves_of(node);
        let graph = self.graph.borrow();
        leaves.iter().map(|&leaf| graph.constant_of(leaf)).collect()
    }

    /// An Int constant: any integer, truth value, discriminant, extended to 64 bits.
    #[cold]
    #[inline(never)]
    pub fn int(&self, bits: u64) -> Node {
        self.constant(Shape::INT, &[bits])
    }

    /// A Float constant.
    #[cold]
    #[inline(never)]
    pub fn float(&self, value: f64) -> Node {
        self.constant(Shape::FLOAT, &[value.to_bits()])
    }

    /// A Ref constant. An object of the collected heap must be immortal.
    #[cold]
    #[inline(never)]
    pub fn address(&self, address: u64) -> Node {
        self.constant(Shape::REF, &[address])
    }

    /// A constant of any shape, by the words of its leaves.
    #[cold]
    #[inline(never)]
    pub fn constant(&self, shape: &'static Shape, words: &[u64]) -> Node {
        assert_eq!(shape.leaf_count(), words.len(), "a constant has a word for each leaf");
        let mut words = words.iter();
        self.node_of(shape, |graph, ty| words.next().map_or(Value::NONE, |&bits| graph.constant(ty, bits)))
    }

    /// `()`.
    #[cold]
    #[inline(never)]
    pub fn unit(&self) -> Node {
        self.node(Shape::UNIT, &[])
    }

    /// A value of which nothing is known: what code that is never reached yields.
    #[cold]
    #[inline(never)]
    pub fn undefined(&self, shape: &'static Shape) -> Node {
        self.node_of(shape, Graph::undefined)
    }

    // ---- Aggregates.

    /// A value made of parts, one for each of the shape's.
    ///
    /// # Panics
    /// The shape is no product, or has other parts.
    #[cold]
    #[inline(never)]
    pub fn product(&self, shape: &'static Shape, parts: &[Node]) -> Node {
        assert!(matches!(shape, Shape::Product(expected) if expected.len() == parts.len()), "{shape:?}");
        let mut leaves = Vec::new();
        for (i, &part) in parts.iter().enumerate() {
            self.expect_shape(part, shape.part(i).0);
            self.add_leaves(part, &mut leaves);
        }
        self.node(shape, &leaves)
    }

    /// Part `index` of a product.
    ///
    /// # Panics
    /// There is none.
    #[cold]
    #[inline(never)]
    pub fn part(&self, aggregate: Node, index: usize) -> Node {
        let NodeData { shape, first, .. } = self.nodes.borrow()[aggregate.0 as usize];
        let (shape, offset) = shape.part(index);
        let count = shape.leaf_count() as u32;
        self.push_node(NodeData { shape, first: first + offset as u32, count })
    }

    /// The product with another part `index`.
    ///
    /// # Panics
    /// There is no such part, or it has another shape.
    #[cold]
    #[inline(never)]
    pub fn with_part(&self, aggregate: Node, index: usize, part: Node) -> Node {
        let shape = self.shape(aggregate);
        let (expected, offset) = shape.part(index);
        self.expect_shape(part, expected);
        let mut leaves = self.leaves_of(aggregate);
        let new = self.leaves_of(part);
        leaves[offset..offset + new.len()].copy_from_slice(&new);
        self.node(shape, &leaves)
    }

    /// The node as a value of another shape with the same leaves: newtypes and their contents.
    ///
    /// # Panics
    /// The leaves differ.
    #[cold]
    #[inline(never)]
    pub fn reshape(&self, node: Node, shape: &'static Shape) -> Node {
        self.expect_shape(node, shape);
        let known = self.nodes.borrow()[node.0 as usize];
        self.push_node(NodeData { shape, ..known })
    }

    /// A sum that is variant `index`, with this payload.
    ///
    /// # Panics
    /// There is no such variant, or its payload has another shape.
    #[cold]
    #[inline(never)]
    pub fn variant(&self, shape: &'static Shape, index: usize, payload: Node) -> Node {
        let tag = self.int(index as u64);
        self.sum(shape, tag, index, payload)
    }

    /// A sum with a tag computed elsewhere: `tag` says which variant it is, and if it is `index`, this is its payload. For conditional payloads: `checked_add` is the sum of
    /// `(tag: no overflow, 1: the value)`.
    ///
    /// # Panics
    /// As [`Tape::variant`].
    #[cold]
    #[inline(never)]
    pub fn sum(&self, shape: &'static Shape, tag: Node, index: usize, payload: Node) -> Node {
        assert!(matches!(shape, Shape::Sum(_)), "{shape:?}");
        let (expected, offset) = shape.part(index);
        self.expect_shape(payload, expected);
        let (tag, payload) = (self.leaf(tag), self.leaves_of(payload));
        let sum = self.undefined(shape);
        let first = self.range_of(sum).start;
        let mut leaves = self.leaves.borrow_mut();
        leaves[first] = tag;
        leaves[first + offset..][..payload.len()].copy_from_slice(&payload);
        sum
    }

    /// The tag of a sum, an Int.
    #[cold]
    #[inline(never)]
    pub fn tag(&self, sum: Node) -> Node {
        let NodeData { shape, first, .. } = self.nodes.borrow()[sum.0 as usize];
        assert!(matches!(shape, Shape::Sum(_)), "{shape:?}");
        self.push_node(NodeData { shape: Shape::INT, first, count: 1 })
    }

    /// Whether a sum is variant `index`: a truth value. (Of two variants, the tag itself tells.)
    #[cold]
    #[inline(never)]
    pub fn is_variant(&self, sum: Node, index: usize) -> Node {
        let tag = self.tag(sum);
        match (self.shape(sum), index) {
            (Shape::Sum([_, _]), 0) => self.not(tag),
            (Shape::Sum([_, _]), 1) => tag,
            _ => {
                let index = self.int(index as u64);
                self.pure(OpCode::Eq, &[tag, index])
            }
        }
    }

    /// The payload of variant `index`; undefined if the sum is another.
    #[cold]
    #[inline(never)]
    pub fn payload(&self, sum: Node, index: usize) -> Node {
        self.part(sum, index)
    }

    // ---- Variables.

    /// A new variable of this shape, not set yet.
    #[cold]
    #[inline(never)]
    pub fn variable(&self, shape: &'static Shape) -> Variable {
        let first = {
            let mut graph = self.graph.borrow_mut();
            let first = graph.variables.len();
            shape.for_each_leaf(&mut |ty| graph.variables.push(ty));
            // No block is held to know a variable yet: there is none with this number.
            self.held.borrow_mut().resize(graph.variables.len(), (Block::from_index(u32::MAX as usize), Value::NONE));
            first
        };
        let mut variables = self.variables.borrow_mut();
        variables.push(VariableData { shape, first: first as u32 });
        Variable(variables.len() as u32 - 1)
    }

    /// A new variable that holds `value`.
    #[cold]
    #[inline(never)]
    pub fn variable_of(&self, value: Node) -> Variable {
        let variable = self.variable(self.shape(value));
        self.set(variable, value);
        variable
    }

    /// Sets a variable.
    #[cold]
    #[inline(never)]
    pub fn set(&self, variable: Variable, value: Node) {
        let VariableData { shape, first } = self.variables.borrow()[variable.0 as usize];
        self.expect_shape(value, shape);
        let range = self.range_of(value);
        for (variable, &value) in (first..).zip(&self.leaves.borrow()[range]) {
            self.push(Inst::Set { variable, value });
            self.held.borrow_mut()[variable as usize] = (self.current.get(), value);
        }
    }

    /// The value of a variable, as it is now.
    #[cold]
    #[inline(never)]
    pub fn get(&self, variable: Variable) -> Node {
        let VariableData { shape, first: mut variable } = self.variables.borrow()[variable.0 as usize];
        let block = self.current.get();
        let mut held = self.held.borrow_mut();
        self.node_of(shape, |graph, ty| {
            let known = &mut held[variable as usize];
            if known.0 != block {
                let dest = graph.new_value(ty);
                graph.push(block.index(), Inst::Get { variable, dest });
                *known = (block, dest);
            }
            variable += 1;
            known.1
        })
    }

    /// The shape of a variable.
    #[cold]
    #[inline(never)]
    pub fn variable_shape(&self, variable: Variable) -> &'static Shape {
        self.variables.borrow()[variable.0 as usize].shape
    }

    // ---- Pure operations.

    /// A pure operation of the unit IR on scalars, folded if all operands are constants. (`SignExtend` and `ZeroExtend`: [`Tape::extend`].)
    ///
    /// # Panics
    /// The operation is not pure, or the operands are not what it wants.
    #[cold]
    #[inline(never)]
    pub fn pure(&self, code: OpCode, operands: &[Node]) -> Node {
        self.pure_with_bits(code, 0, operands)
    }

    /// The low `bits` (8, 16, 32) bits of an Int, extended.
    #[cold]
    #[inline(never)]
    pub fn extend(&self, signed: bool, bits: u8, operand: Node) -> Node {
        assert!(matches!(bits, 8 | 16 | 32));
        self.pure_with_bits(if signed { OpCode::SignExtend } else { OpCode::ZeroExtend }, bits, &[operand])
    }

    fn pure_with_bits(&self, code: OpCode, bits: u8, operands: &[Node]) -> Node {
        let Some(ty) = result_type(code) else { panic!("{code:?} is not pure") };
        let shape = scalar(ty);
        let mut args = [Value::NONE; 3];
        let mut words = [Some(0); 3];
        {
            let graph = self.graph.borrow();
            for (i, &kind) in code.operands().iter().enumerate() {
                let expected = match kind {
                    b'i' => Type::Int,
                    b'f' => Type::Float,
                    b'r' => Type::Ref,
                    _ => continue,
                };
                args[i] = self.leaf(operands[i]);
                assert_eq!(graph.type_of(args[i]), expected, "operand {i} of {code:?}");
                words[i] = graph.constant_of(args[i]);
            }
        }
        if let [Some(a), Some(b), Some(c)] = words {
            let mut op = Op::new(code, ty);
            op.aux = u16::from(bits);
            if let Some(word) = evaluate(&op, a, b, c) {
                return self.constant(shape, &[word]);
            }
        }
        let dest = self.graph.borrow_mut().new_value(ty);
        self.push(Inst::Pure { code, bits, args, dest });
        self.node(shape, &[dest])
    }

    // ---- Within the crate.

    fn push(&self, inst: Inst) {
        self.graph.borrow_mut().push(self.current.get().index(), inst);
    }

    fn push_node(&self, data: NodeData) -> Node {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(data);
        Node(nodes.len() as u32 - 1)
    }

    fn node(&self, shape: &'static Shape, leaves: &[Value]) -> Node {
        let first = {
            let mut all = self.leaves.borrow_mut();
            let first = all.len() as u32;
            all.extend_from_slice(leaves);
            first
        };
        self.push_node(NodeData { shape, first, count: leaves.len() as u32 })
    }

    /// A node whose leaves are what `make` makes of their types.
    fn node_of(&self, shape: &'static Shape, mut make: impl FnMut(&mut Graph, Type) -> Value) -> Node {
        let (first, count) = {
            let (mut all, mut graph) = (self.leaves.borrow_mut(), self.graph.borrow_mut());
            let first = all.len() as u32;
            shape.for_each_leaf(&mut |ty| all.push(make(&mut graph, ty)));
            (first, all.len() as u32 - first)
        };
        self.push_node(NodeData { shape, first, count })
    }

    /// Where the leaves of a node are.
    fn range_of(&self, node: Node) -> std::ops::Range<usize> {
        let NodeData { first, count, .. } = self.nodes.borrow()[node.0 as usize];
        first as usize..(first + count) as usize
    }

    fn leaves_of(&self, node: Node) -> Vec<Value> {
        self.leaves.borrow()[self.range_of(node)].to_vec()
    }

    /// Appends the leaves of a node.
    fn add_leaves(&self, node: Node, leaves: &mut Vec<Value>) {
        leaves.extend_from_slice(&self.leaves.borrow()[self.range_of(node)]);
    }

    /// The leaf of a node that has one.
    fn leaf(&self, node: Node) -> Value {
        let NodeData { shape, first, count } = self.nodes.borrow()[node.0 as usize];
        assert_eq!(count, 1, "a scalar is expected, not {shape:?}");
        self.leaves.borrow()[first as usize]
    }

    fn type_of(&self, node: Node) -> Type {
        let leaf = self.leaf(node);
        self.graph.borrow().type_of(leaf)
    }

    /// Nodes for fresh values of this shape, and these values.
    fn fresh(&self, shape: &'static Shape) -> (Node, Vec<Value>) {
        let node = self.node_of(shape, Graph::new_value);
        (node, self.leaves_of(node))
    }

    fn expect_shape(&self, node: Node, expected: &'static Shape) {
        let shape = self.shape(node);
        assert!(shape.has_leaves_of(expected), "the leaves of {shape:?} are not those of {expected:?}");
    }
}

/// The shape of one leaf.
fn scalar(ty: Type) -> &'static Shape {
    match ty {
        Type::Int => Shape::INT,
        Type::Float => Shape::FLOAT,
        Type::Ref => Shape::REF,
        Type::Void => Shape::UNIT,
    }
}

//! What a tape records: a control-flow graph of scalar instructions. The passes of [`code`](crate::code) turn it into SSA form and then into code.
//!
//! # Form
//! - A [`Value`] is defined once: as a parameter of a block, or by an instruction. Constants and undefined values are values without a definition.
//! - While recording, [`Inst::Get`] and [`Inst::Set`] access scalar variables; SSA construction removes both.
//! - A block without a terminator is still being recorded. Nothing is appended to a block that has one.

use std::panic::Location;

use rustc_hash::FxHashMap;
use tailor_compiler::ir::opcode::{Class, ResultType};
use tailor_compiler::ir::{OpCode, Type};

use super::calls::Color;
use super::memory::Memory;
use crate::code::BitSet;
use crate::function::JitFunction;

/// A scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Value(pub u32);

impl Value {
    /// No value: an unused operand.
    pub const NONE: Value = Value(u32::MAX);

    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Definition {
    Constant(u64),
    Undefined,
    /// An instruction or a block's parameter.
    Computed,
}

/// The variables of a merge point or an entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Name, colour and number of leaves, in the order of the portal's parameters.
    pub variables: Vec<(&'static str, Color, u32)>,
    /// All leaves.
    pub values: Vec<Value>,
}

/// An instruction.
#[derive(Clone, Debug)]
pub(crate) enum Inst {
    Pure { code: OpCode, bits: u8, args: [Value; 3], dest: Value },
    Load { memory: u16, base: Value, index: Value, dest: Value },
    Store { memory: u16, base: Value, index: Value, value: Value },
    Call { function: &'static JitFunction, args: Vec<Value>, dests: Vec<Value> },
    Promote { value: Value, dest: Value },
    WeAreJitted { dest: Value },
    Release { base: Value },
    MergePoint(Mark),
    CanEnter(Mark),
    Get { variable: u32, dest: Value },
    Set { variable: u32, value: Value },
}

impl Inst {
    /// Calls `f` with each value it uses.
    #[inline]
    pub fn for_each_use(&mut self, mut f: impl FnMut(&mut Value)) {
        let mut optional = |value: &mut Value| {
            if *value != Value::NONE {
                f(value);
            }
        };
        match self {
            Inst::Pure { args, .. } => args.iter_mut().for_each(optional),
            Inst::Load { base, index, .. } => [base, index].into_iter().for_each(optional),
            Inst::Store { base, index, value, .. } => [base, index, value].into_iter().for_each(optional),
            Inst::Call { args, .. } => args.iter_mut().for_each(optional),
            Inst::Promote { value, .. } | Inst::Set { value, .. } => optional(value),
            Inst::MergePoint(mark) | Inst::CanEnter(mark) => mark.values.iter_mut().for_each(optional),
            Inst::Release { base } => optional(base),
            Inst::WeAreJitted { .. } | Inst::Get { .. } => {}
        }
    }

    /// Calls `f` with each value it uses, which stay as they are.
    #[inline]
    pub fn for_each_used(&self, mut f: impl FnMut(Value)) {
        let mut all =
            |values: &[Value]| values.iter().filter(|&&value| value != Value::NONE).for_each(|&value| f(value));
        match self {
            Inst::Pure { args, .. } => all(args),
            Inst::Load { base, index, .. } => all(&[*base, *index]),
            Inst::Store { base, index, value, .. } => all(&[*base, *index, *value]),
            Inst::Call { args, .. } => all(args),
            Inst::Promote { value, .. } | Inst::Set { value, .. } => all(&[*value]),
            Inst::MergePoint(mark) | Inst::CanEnter(mark) => all(&mark.values),
            Inst::Release { base } => all(&[*base]),
            Inst::WeAreJitted { .. } | Inst::Get { .. } => {}
        }
    }

    /// Calls `f` with each value it defines.
    #[inline]
    pub fn for_each_dest(&self, mut f: impl FnMut(Value)) {
        match self {
            Inst::Pure { dest, .. }
            | Inst::Load { dest, .. }
            | Inst::Promote { dest, .. }
            | Inst::WeAreJitted { dest }
            | Inst::Get { dest, .. } => f(*dest),
            Inst::Call { dests, .. } => dests.iter().copied().for_each(f),
            Inst::Store { .. } | Inst::Release { .. } | Inst::MergePoint(_) | Inst::CanEnter(_) | Inst::Set { .. } => {}
        }
    }

    /// Whether it can go if nobody uses what it defines.
    #[inline]
    pub fn is_droppable(&self) -> bool {
        match self {
            Inst::Pure { .. } | Inst::Load { .. } | Inst::Promote { .. } | Inst::WeAreJitted { .. } => true,
            Inst::Call { function, .. } => function.traits.elidable,
            Inst::Store { .. }
            | Inst::Release { .. }
            | Inst::MergePoint(_)
            | Inst::CanEnter(_)
            | Inst::Get { .. }
            | Inst::Set { .. } => false,
        }
    }
}

/// A way to a block, with arguments for its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub target: usize,
    pub args: Vec<Value>,
}

impl Edge {
    pub fn to(target: usize) -> Edge {
        Edge { target, args: Vec::new() }
    }
}

/// How a block ends.
#[derive(Clone, Debug)]
pub(crate) enum Terminator {
    Jump(Edge),
    Branch { condition: Value, then: Edge, otherwise: Edge },
    Switch { value: Value, cases: Vec<(u64, Edge)>, default: Edge },
    Return(Vec<Value>),
    Panic { template: &'static str, args: Vec<Value> },
}

impl Terminator {
    /// Calls `f` with each of its edges, in order.
    #[inline]
    pub fn for_each_edge(&self, mut f: impl FnMut(&Edge)) {
        match self {
            Terminator::Jump(edge) => f(edge),
            Terminator::Branch { then, otherwise, .. } => {
                f(then);
                f(otherwise);
            }
            Terminator::Switch { cases, default, .. } => {
                cases.iter().for_each(|(_, edge)| f(edge));
                f(default);
            }
            Terminator::Return(_) | Terminator::Panic { .. } => {}
        }
    }

    /// Its edges, to be changed.
    pub fn edges_mut(&mut self) -> impl Iterator<Item = &mut Edge> {
        let (first, cases, last): (_, &mut [(u64, Edge)], _) = match self {
            Terminator::Jump(edge) => (Some(edge), &mut [], None),
            Terminator::Branch { then, otherwise, .. } => (Some(then), &mut [], Some(otherwise)),
            Terminator::Switch { cases, default, .. } => (None, cases, Some(default)),
            Terminator::Return(_) | Terminator::Panic { .. } => (None, &mut [], None),
        };
        first.into_iter().chain(cases.iter_mut().map(|(_, edge)| edge)).chain(last)
    }

    /// The number of its edges.
    #[inline]
    pub fn edge_count(&self) -> usize {
        match self {
            Terminator::Jump(_) => 1,
            Terminator::Branch { .. } => 2,
            Terminator::Switch { cases, .. } => cases.len() + 1,
            Terminator::Return(_) | Terminator::Panic { .. } => 0,
        }
    }

    /// One of its edges, by its number in their order.
    ///
    /// # Panics
    /// There are not so many.
    #[inline]
    pub fn edge(&self, number: usize) -> &Edge {
        match (self, number) {
            (Terminator::Jump(edge), 0)
            | (Terminator::Branch { then: edge, .. }, 0)
            | (Terminator::Branch { otherwise: edge, .. }, 1) => edge,
            (Terminator::Switch { cases, default, .. }, _) if number <= cases.len() => {
                cases.get(number).map_or(default, |(_, edge)| edge)
            }
            _ => panic!("no edge {number}"),
        }
    }

    /// One of its edges, to be changed.
    ///
    /// # Panics
    /// As [`Terminator::edge`].
    #[inline]
    pub fn edge_mut(&mut self, number: usize) -> &mut Edge {
        match (self, number) {
            (Terminator::Jump(edge), 0)
            | (Terminator::Branch { then: edge, .. }, 0)
            | (Terminator::Branch { otherwise: edge, .. }, 1) => edge,
            (Terminator::Switch { cases, default, .. }, _) if number <= cases.len() => {
                cases.get_mut(number).map_or(default, |(_, edge)| edge)
            }
            _ => panic!("no edge {number}"),
        }
    }

    /// The values that it uses itself, not as arguments of an edge.
    #[inline]
    pub fn own_uses(&self) -> &[Value] {
        match self {
            Terminator::Jump(_) => &[],
            Terminator::Branch { condition: value, .. } | Terminator::Switch { value, .. } => {
                std::slice::from_ref(value)
            }
            Terminator::Return(values) | Terminator::Panic { args: values, .. } => values,
        }
    }

    /// Calls `f` with each value it uses itself, not as an argument of an edge.
    #[inline]
    pub fn for_each_own_use(&mut self, f: impl FnMut(&mut Value)) {
        match self {
            Terminator::Jump(_) => {}
            Terminator::Branch { condition: value, .. } | Terminator::Switch { value, .. } => {
                std::iter::once(value).for_each(f);
            }
            Terminator::Return(values) | Terminator::Panic { args: values, .. } => values.iter_mut().for_each(f),
        }
    }
}

/// An instruction and its place in the source.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub inst: Inst,
    pub at: &'static Location<'static>,
}

/// A block.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockData {
    pub parameters: Vec<Value>,
    pub insts: Vec<Placed>,
    pub terminator: Option<(Terminator, &'static Location<'static>)>,
}

impl BlockData {
    /// Where it jumps to, if it does nothing else.
    #[inline]
    pub fn only_jumps(&self) -> Option<&Edge> {
        match &self.terminator {
            Some((Terminator::Jump(edge), _)) if self.insts.is_empty() => Some(edge),
            _ => None,
        }
    }

    /// The number of edges from it.
    #[inline]
    pub fn edge_count(&self) -> usize {
        self.terminator.as_ref().map_or(0, |(terminator, _)| terminator.edge_count())
    }
}

/// See [the module](self). Block 0 is the entry; its parameters are the function's.
pub(crate) struct Graph {
    pub blocks: Vec<BlockData>,
    pub values: Vec<(Type, Definition)>,
    /// Types of the scalar variables.
    pub variables: Vec<Type>,
    pub memories: Vec<Memory>,
    /// Where in the source what comes next stems from.
    pub location: &'static Location<'static>,
    constants: FxHashMap<(Type, u64), Value>,
    undefined: FxHashMap<Type, Value>,
}

impl Graph {
    pub fn new(location: &'static Location<'static>) -> Graph {
        Graph {
            // Room for most functions.
            blocks: Vec::with_capacity(64),
            values: Vec::with_capacity(128),
            variables: Vec::new(),
            memories: Vec::new(),
            location,
            constants: FxHashMap::default(),
            undefined: FxHashMap::default(),
        }
    }

    pub fn new_block(&mut self) -> usize {
        self.blocks.push(BlockData::default());
        self.blocks.len() - 1
    }

    #[inline]
    pub fn new_value(&mut self, ty: Type) -> Value {
        self.values.push((ty, Definition::Computed));
        Value(self.values.len() as u32 - 1)
    }

    pub fn constant(&mut self, ty: Type, bits: u64) -> Value {
        let values = &mut self.values;
        *self.constants.entry((ty, bits)).or_insert_with(|| {
            values.push((ty, Definition::Constant(bits)));
            Value(values.len() as u32 - 1)
        })
    }

    pub fn undefined(&mut self, ty: Type) -> Value {
        let values = &mut self.values;
        *self.undefined.entry(ty).or_insert_with(|| {
            values.push((ty, Definition::Undefined));
            Value(values.len() as u32 - 1)
        })
    }

    #[inline]
    pub fn type_of(&self, value: Value) -> Type {
        self.values[value.index()].0
    }

    #[inline]
    pub fn constant_of(&self, value: Value) -> Option<u64> {
        match self.values.get(value.index())?.1 {
            Definition::Constant(bits) => Some(bits),
            Definition::Undefined | Definition::Computed => None,
        }
    }

    #[inline]
    pub fn is_undefined(&self, value: Value) -> bool {
        self.values[value.index()].1 == Definition::Undefined
    }

    #[inline]
    pub fn is_computed(&self, value: Value) -> bool {
        self.values[value.index()].1 == Definition::Computed
    }

    pub fn memory(&mut self, memory: &Memory) -> u16 {
        let number = self.memories.iter().position(|known| known == memory).unwrap_or_else(|| {
            self.memories.push(*memory);
            self.memories.len() - 1
        });
        u16::try_from(number).expect("a function touches fewer than 65,536 kinds of places")
    }

    /// Appends to a block that is not complete yet.
    pub fn push(&mut self, block: usize, inst: Inst) {
        let at = self.location;
        let block = &mut self.blocks[block];
        if block.terminator.is_none() {
            block.insts.push(Placed { inst, at });
        }
    }

    /// Completes a block, unless it is complete.
    pub fn terminate(&mut self, block: usize, terminator: Terminator) {
        let at = self.location;
        self.blocks[block].terminator.get_or_insert((terminator, at));
    }

    /// Blocks that can be reached, each after those that dominate it: reverse postorder.
    pub fn reverse_postorder(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.blocks.len());
        let mut seen = vec![false; self.blocks.len()];
        // Blocks to be visited; and below those that are visited from a block, this block, to be left: its complement.
        let mut stack = Vec::with_capacity(self.blocks.len());
        stack.push(0);
        while let Some(next) = stack.pop() {
            if next > usize::MAX / 2 {
                order.push(!next);
            } else if !std::mem::replace(&mut seen[next], true) {
                stack.push(!next);
                self.terminator(next).for_each_edge(|edge| {
                    if !seen[edge.target] {
                        stack.push(edge.target);
                    }
                });
            }
        }
        order.reverse();
        order
    }

    /// How a complete block ends.
    #[inline]
    pub fn terminator(&self, block: usize) -> &Terminator {
        &self.blocks[block].terminator.as_ref().expect("every reachable block is complete").0
    }

    /// An edge of a complete block, by its number.
    #[inline]
    pub fn edge(&self, block: usize, number: usize) -> &Edge {
        self.terminator(block).edge(number)
    }

    /// The same, to be changed.
    #[inline]
    pub fn edge_mut(&mut self, block: usize, number: usize) -> &mut Edge {
        self.blocks[block].terminator.as_mut().expect("every reachable block is complete").0.edge_mut(number)
    }

    /// Drops these parameters of a block, by their places, and what is passed for them.
    pub fn drop_parameters(&mut self, block: usize, incoming: &Incoming, dropped: &BitSet) {
        keep_others(&mut self.blocks[block].parameters, dropped);
        for (from, number) in incoming.edges(block) {
            keep_others(&mut self.edge_mut(from, number).args, dropped);
        }
    }

    /// Where each block is reached from. Only `order`'s blocks are regarded.
    pub fn incoming(&self, order: &[usize]) -> Incoming {
        let mut incoming = Incoming::empty(self.blocks.len());
        for &block in order {
            incoming.add(block, self.terminator(block));
        }
        incoming
    }
}

/// Keeps the items at other places.
fn keep_others(list: &mut Vec<Value>, dropped: &BitSet) {
    let mut place = 0;
    list.retain(|_| {
        place += 1;
        !dropped.contains(place - 1)
    });
}

/// For each block, the edges that lead to it: a list.
pub(crate) struct Incoming {
    /// By block, the last of its edges that have been added.
    last: Vec<u32>,
    /// Where from, the number there, and the one that was added before.
    edges: Vec<(u32, u32, u32)>,
}

impl Incoming {
    const NONE: u32 = u32::MAX;

    /// No edges yet, between so many blocks.
    pub fn empty(blocks: usize) -> Incoming {
        Incoming { last: vec![Incoming::NONE; blocks], edges: Vec::with_capacity(blocks + blocks / 2) }
    }

    /// Adds the edges of a block.
    #[inline]
    pub fn add(&mut self, block: usize, terminator: &Terminator) {
        let mut number = 0;
        terminator.for_each_edge(|edge| {
            let before = std::mem::replace(&mut self.last[edge.target], self.edges.len() as u32);
            self.edges.push((block as u32, number, before));
            number += 1;
        });
    }

    /// The edges to a block: where from, and the number there. Those from one block are listed at once.
    #[inline]
    pub fn edges(&self, block: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let mut next = self.last[block];
        std::iter::from_fn(move || {
            let &(from, number, before) = self.edges.get(next as usize)?;
            next = before;
            Some((from as usize, number as usize))
        })
    }

    /// Adds a block that comes behind all others, with the edge that leads to it.
    pub fn add_block(&mut self, (from, number): (usize, usize)) {
        self.last.push(self.edges.len() as u32);
        self.edges.push((from as u32, number as u32, Incoming::NONE));
    }

    /// Removes an edge to a block.
    pub fn remove(&mut self, from: usize, number: usize, block: usize) {
        let (mut behind, mut next) = (None, self.last[block]);
        while let Some(&(other, other_number, before)) = self.edges.get(next as usize) {
            if (other as usize, other_number as usize) == (from, number) {
                match behind {
                    Some(behind) => self.edges[behind as usize].2 = before,
                    None => self.last[block] = before,
                }
                return;
            }
            (behind, next) = (Some(next), before);
        }
    }

    /// Whether nothing leads to a block.
    #[inline]
    pub fn is_empty(&self, block: usize) -> bool {
        self.last[block] == Incoming::NONE
    }

    /// Where a block is reached from, if by one edge alone.
    #[inline]
    pub fn single(&self, block: usize) -> Option<usize> {
        let &(from, _, before) = self.edges.get(self.last[block] as usize)?;
        (before == Incoming::NONE).then_some(from as usize)
    }
}

/// The type of a pure operation's result; `None` if the operation is not pure.
pub(crate) fn result_type(code: OpCode) -> Option<Type> {
    if code.class() != Class::Pure {
        return None;
    }
    match code.result() {
        ResultType::I => Some(Type::Int),
        ResultType::F => Some(Type::Float),
        ResultType::R => Some(Type::Ref),
        ResultType::V | ResultType::D => None,
    }
}

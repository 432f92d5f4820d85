//! The tape: what a recording has computed from the greens, and what it has decided by that. So the next point need not be recorded if it is of the same shape.
//!
//! # Terms
//! - A *node* is a static value that depends on the greens: they are the first nodes (from 1 on), the others are computed from nodes and constants. Node 0 stands for constants.
//! - A *decision* is a question about a node on whose answer, the *outcome*, depends what is recorded.
//! - The [`Shapes`] are all recordings so far, as a tree: steps that compute nodes, then a decision, and for each outcome that has been met another such tree; at its leaves what was made of the
//!   recording. To find the shape of a point is to execute steps and decide, from the root to a leaf.
//!
//! # Invariant
//! Recording is a function of the greens, and asks for each of their properties by a decision. So recordings with the same outcomes are equal, but for the words of nodes.

use std::collections::hash_map::Entry;

use rustc_hash::{FxHashMap, FxHashSet};
use tailor_compiler::backend::holes::HoleSize;
use tailor_compiler::eval::evaluate;
use tailor_compiler::ir::{Op, OpCode, Type, Width};
use tailor_jitcode::JitFunction;
use tailor_jitcode::code::SwitchTable;

use super::paths::Given;
use crate::trace::read;

/// An operand of a node: a word, or, if that is not 0, a node's number.
pub type Input = (u64, u32);

/// How a node is computed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A pure operation.
    Pure { code: OpCode, bits: u8, operands: [Input; 3] },
    /// Memory that does not change.
    Load { width: Width, address: Input },
    /// An elidable function's result: as many nodes as it has words.
    Call { function: &'static JitFunction, arguments: Box<[Input]>, results: u32 },
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub enum Decision {
    /// Whether it is not 0.
    Truth(u32),
    /// Where a switch goes.
    Target(u32, &'static SwitchTable),
    /// How much room it takes.
    Size(u32),
    /// What it is.
    Exact(u32),
}

impl Decision {
    fn outcome(self, values: &[u64], anchor: u64) -> u64 {
        match self {
            Decision::Truth(node) => u64::from(values[node as usize] != 0),
            Decision::Target(node, table) => u64::from(table.target(values[node as usize])),
            Decision::Size(node) => HoleSize::of(values[node as usize], anchor) as u64,
            Decision::Exact(node) => values[node as usize],
        }
    }

    fn is(self, other: Decision) -> bool {
        match (self, other) {
            (Decision::Truth(a), Decision::Truth(b))
            | (Decision::Size(a), Decision::Size(b))
            | (Decision::Exact(a), Decision::Exact(b)) => a == b,
            (Decision::Target(a, table), Decision::Target(b, other)) => a == b && std::ptr::eq(table, other),
            _ => false,
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Compute(Node),
    Decide(Decision, u64),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Tape {
    steps: Vec<Step>,
    decided: Vec<Decision>,
    /// The words of nodes.
    values: Vec<u64>,
    numbers: FxHashMap<Node, u32>,
    /// Functions that have been looked into, and with which arguments static.
    looked_into: Vec<LookedInto>,
    /// What sizes of holes depend on.
    anchor: u64,
}

/// The most words that are given to an elidable function.
pub const MOST_ARGUMENTS: usize = 16;

/// The word of an input.
#[inline]
pub fn word_of((word, node): Input, values: &[u64]) -> u64 {
    if node == 0 { word } else { values[node as usize] }
}

/// Computes a node, whose words are appended; `None` if it has no value.
fn compute(node: &Node, values: &mut Vec<u64>) -> Option<()> {
    match node {
        Node::Pure { code, bits, operands } => {
            let (a, b) = (word_of(operands[0], values), word_of(operands[1], values));
            let c = word_of(operands[2], values);
            let op = Op { aux: u16::from(*bits), ..Op::new(*code, Type::Int) };
            values.push(evaluate(&op, a, b, c)?);
        }
        Node::Load { width, address } => {
            // SAFETY: the interpreter would read there, at the point with these greens: it takes the decisions that have led here.
            let word = unsafe { read(*width, word_of(*address, values)) };
            values.push(word);
        }
        Node::Call { function, arguments, results } => {
            let mut given = [0; MOST_ARGUMENTS];
            for (place, &argument) in given.iter_mut().zip(arguments.iter()) {
                *place = word_of(argument, values);
            }
            let first = values.len();
            values.resize(first + *results as usize + 1, 0);
            // SAFETY: as above. There is room for the results, and for one word where there is none.
            unsafe { (function.native)(given.as_ptr(), values.as_mut_ptr().add(first)) };
            values.pop();
        }
    }
    Some(())
}

/// The values of the greens, as nodes.
fn beginning(greens: &[u64], values: &mut Vec<u64>) {
    values.clear();
    values.push(0);
    values.extend_from_slice(greens);
}

impl Tape {
    /// A tape for a point with these greens: nodes 1 and so on; for pieces with this anchor.
    pub fn begin(&mut self, greens: &[u64], anchor: u64) {
        self.anchor = anchor;
        self.steps.clear();
        self.decided.clear();
        self.numbers.clear();
        self.looked_into.clear();
        beginning(greens, &mut self.values);
    }

    /// Notes that a function is looked into.
    pub fn looks_into(&mut self, function: &'static JitFunction, given: Given) {
        self.looked_into.push((std::ptr::from_ref(function), given));
    }

    /// The first node of these, computed unless it has been; `None` if it has no value.
    pub fn node(&mut self, node: Node) -> Option<u32> {
        let number = self.values.len() as u32;
        match self.numbers.entry(node) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(place) => {
                compute(place.key(), &mut self.values)?;
                self.steps.push(Step::Compute(place.key().clone()));
                place.insert(number);
                Some(number)
            }
        }
    }

    /// The size of a node's hole.
    pub fn size(&mut self, node: u32) -> HoleSize {
        self.decide(Decision::Size(node));
        HoleSize::of(self.word(node), self.anchor)
    }

    /// A node's word.
    pub fn word(&self, node: u32) -> u64 {
        self.values[node as usize]
    }

    /// The words of all nodes.
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// Decides something; the outcome.
    pub fn decide(&mut self, decision: Decision) -> u64 {
        let outcome = decision.outcome(&self.values, self.anchor);
        if !self.decided.iter().any(|known| known.is(decision)) {
            self.decided.push(decision);
            self.steps.push(Step::Decide(decision, outcome));
        }
        outcome
    }
}

/// The nodes that steps compute.
fn nodes_of(steps: &[Step]) -> Vec<Node> {
    let mut nodes = Vec::with_capacity(steps.len());
    nodes.extend(steps.iter().filter_map(|step| match step {
        Step::Compute(node) => Some(node.clone()),
        Step::Decide(..) => None,
    }));
    nodes
}

/// All recordings so far; see the module. At the leaves are numbers, or nothing where nothing can be made.
#[derive(Debug, Default)]
pub struct Shapes {
    trees: Vec<Tree>,
    /// By any of the recordings.
    looked_into: FxHashSet<LookedInto>,
}

/// A jitted function, and which of its arguments are static.
type LookedInto = (*const JitFunction, Given);

#[derive(Debug)]
struct Tree {
    steps: Vec<Node>,
    end: End,
}

#[derive(Debug)]
enum End {
    Leaf(Option<u32>),
    Decide(Decision, Vec<(u64, u32)>),
}

impl Shapes {
    /// Finds the shape of the point with these greens, and computes the words of its nodes. `None` if there was none like it.
    pub fn find(&self, greens: &[u64], anchor: u64, values: &mut Vec<u64>) -> Option<Option<u32>> {
        beginning(greens, values);
        let mut tree = self.trees.first()?;
        loop {
            for node in &tree.steps {
                compute(node, values)?;
            }
            match &tree.end {
                End::Leaf(leaf) => return Some(*leaf),
                End::Decide(decision, outcomes) => {
                    let outcome = decision.outcome(values, anchor);
                    let (_, next) = outcomes.iter().find(|(known, _)| *known == outcome)?;
                    tree = &self.trees[*next as usize];
                }
            }
        }
    }

    /// Whether a recording has looked into a function with these arguments static. Only then would it be another one if the function were called.
    pub fn look_into(&self, function: &'static JitFunction, given: Given) -> bool {
        self.looked_into.contains(&(std::ptr::from_ref(function), given))
    }

    /// Adds a recording.
    pub fn insert(&mut self, tape: &Tape, leaf: Option<u32>) {
        self.looked_into.extend(&tape.looked_into);
        let mut steps = tape.steps.iter();
        // Along what is known already.
        let mut known = if self.trees.is_empty() { None } else { Some(0_usize) };
        let mut link: Option<(usize, u64)> = None;
        while let Some(at) = known {
            let decided = steps.find_map(|step| match step {
                Step::Decide(decision, outcome) => Some((*decision, *outcome)),
                Step::Compute(_) => None,
            });
            let (End::Decide(decision, outcomes), Some((decided, outcome))) = (&self.trees[at].end, decided) else {
                return self.restart(tape, leaf);
            };
            if !decision.is(decided) {
                return self.restart(tape, leaf);
            }
            link = Some((at, outcome));
            known = outcomes.iter().find(|(known, _)| *known == outcome).map(|&(_, next)| next as usize);
        }
        // The rest is new.
        for part in steps.as_slice().split_inclusive(|step| matches!(step, Step::Decide(..))) {
            if let Some((Step::Decide(decision, outcome), nodes)) = part.split_last() {
                let end = End::Decide(*decision, Vec::with_capacity(1));
                link = Some((self.attach(link, Tree { steps: nodes_of(nodes), end }), *outcome));
            }
        }
        let behind = steps.as_slice().iter().rposition(|step| matches!(step, Step::Decide(..))).map_or(0, |at| at + 1);
        let nodes = nodes_of(&steps.as_slice()[behind..]);
        self.attach(link, Tree { steps: nodes, end: End::Leaf(leaf) });
    }

    fn attach(&mut self, link: Option<(usize, u64)>, tree: Tree) -> usize {
        let at = self.trees.len();
        self.trees.push(tree);
        if let Some((parent, outcome)) = link
            && let End::Decide(_, outcomes) = &mut self.trees[parent].end
        {
            outcomes.push((outcome, at as u32));
        }
        at
    }

    /// Recordings are not what they were (functions are called now that were looked into): what is known is of no use any more.
    fn restart(&mut self, tape: &Tape, leaf: Option<u32>) {
        *self = Shapes::default();
        self.insert(tape, leaf);
    }
}

//! Register assignment: every value gets a register of its type; values that live at different times share.
//!
//! In SSA form the values alive at a point are coloured greedily by one walk along the dominator tree (Hack, Grund and Goos, "Register Allocation for Programs in
//! SSA-Form", 2006); reverse postorder is such a walk. As frames may be of any size, nothing is ever spilled; sharing keeps frames small, and most of all lets a block's
//! parameters have the registers of what is passed to them, so that jumps need few moves.
//!
//! The function's parameters have the first registers, in order.

use tailor_compiler::ir::Type;

use super::bits::{BitSet, BitSets};
use crate::tape::graph::{BlockData, Graph, Terminator, Value};

/// Which register each value has.
pub(crate) struct Assignment {
    /// By value; `None` for constants, undefined values and values that do not occur.
    pub register: Vec<Option<u16>>,
    /// By register.
    pub types: Vec<Type>,
}

/// Puts a block on each edge that passes arguments from a block with several ways out, so that there is a place for moves.
pub(crate) fn split_edges(graph: &mut Graph, blocks: &[usize]) {
    for &block in blocks {
        let Some((mut terminator, at)) = graph.blocks[block].terminator.take() else { continue };
        if !matches!(terminator, Terminator::Jump(_)) {
            for edge in terminator.edges_mut() {
                if !edge.args.is_empty() {
                    let middle = graph.new_block();
                    let to = std::mem::replace(edge, crate::tape::graph::Edge::to(middle));
                    graph.blocks[middle] = BlockData {
                        parameters: Vec::new(),
                        insts: Vec::new(),
                        terminator: Some((Terminator::Jump(to), at)),
                    };
                }
            }
        }
        graph.blocks[block].terminator = Some((terminator, at));
    }
}

/// Assigns registers to all values in `order`, a reverse postorder.
///
/// # Panics
/// The function needs more than 65,535 registers.
pub(crate) fn assign(graph: &Graph, order: &[usize]) -> Assignment {
    let numbers = Numbers::of(graph, order);
    let live_out = live_values(graph, order, &numbers);
    let mut pass = Assigner {
        assignment: Assignment { register: vec![None; graph.values.len()], types: Vec::new() },
        free: Vec::new(),
        passed: PassedTo { first: vec![PassedTo::NONE; graph.values.len()], all: Vec::new() },
        wanted: vec![None; graph.values.len()],
        live: BitSet::new(numbers.values.len()),
        last_uses: LastUses::default(),
        numbers,
    };
    // Backwards: what is added last is listed first.
    for &block in order.iter().rev() {
        graph.terminator(block).for_each_edge(|edge| {
            for (&arg, &parameter) in edge.args.iter().zip(&graph.blocks[edge.target].parameters).rev() {
                pass.passed.add(arg, parameter);
            }
        });
    }
    for &block in order {
        pass.block(graph, block, live_out.words(block));
    }
    pass.assignment
}

struct Assigner {
    assignment: Assignment,
    /// Whether each register is free at the current point.
    free: Vec<bool>,
    passed: PassedTo,
    /// For each parameter, the register of something that is passed to it.
    wanted: Vec<Option<u16>>,
    /// What is live at the current point.
    live: BitSet,
    last_uses: LastUses,
    numbers: Numbers,
}

/// For each value, the parameters that it is passed to: a list.
struct PassedTo {
    /// By value.
    first: Vec<u32>,
    /// Parameters, and what comes next for the same value.
    all: Vec<(Value, u32)>,
}

impl PassedTo {
    const NONE: u32 = u32::MAX;

    fn add(&mut self, value: Value, parameter: Value) {
        let next = std::mem::replace(&mut self.first[value.index()], self.all.len() as u32);
        self.all.push((parameter, next));
    }

    fn of(&self, value: Value) -> impl Iterator<Item = Value> {
        let mut next = self.first[value.index()];
        std::iter::from_fn(move || {
            let &(parameter, then) = self.all.get(next as usize)?;
            next = then;
            Some(parameter)
        })
    }
}

/// Numbers of the values that are alive somewhere: of all values, most have been removed, or are constant.
struct Numbers {
    /// By value; `NONE` for others.
    number: Vec<u32>,
    /// By number.
    values: Vec<Value>,
}

impl Numbers {
    const NONE: u32 = u32::MAX;

    /// For what is computed in these blocks.
    fn of(graph: &Graph, order: &[usize]) -> Numbers {
        let mut all = Numbers { number: vec![Numbers::NONE; graph.values.len()], values: Vec::new() };
        for &block in order {
            let data = &graph.blocks[block];
            data.parameters.iter().for_each(|&parameter| all.add(parameter));
            data.insts.iter().for_each(|placed| placed.inst.for_each_dest(|dest| all.add(dest)));
        }
        all
    }

    fn add(&mut self, value: Value) {
        self.number[value.index()] = self.values.len() as u32;
        self.values.push(value);
    }

    /// The number of a value that is computed.
    fn get(&self, value: Value) -> Option<usize> {
        let number = self.number[value.index()];
        (number != Numbers::NONE).then_some(number as usize)
    }

    /// The number of a value that is known to be computed.
    fn of_computed(&self, value: Value) -> usize {
        self.number[value.index()] as usize
    }
}

impl Assigner {
    fn block(&mut self, graph: &Graph, block: usize, live_out: &[u64]) {
        let data = &graph.blocks[block];
        self.live.copy_from(live_out);
        let mut last_uses = std::mem::take(&mut self.last_uses);
        back_through(&self.numbers, data, &mut self.live, &mut last_uses);
        last_uses.unused_parameters.clear();
        for &parameter in &data.parameters {
            let number = self.numbers.of_computed(parameter);
            if !self.live.contains(number) {
                last_uses.unused_parameters.push(parameter);
            }
            self.live.remove(number);
        }
        self.free.iter_mut().for_each(|free| *free = true);
        for number in self.live.iter() {
            if let Some(register) = self.assignment.register[self.numbers.values[number].index()] {
                self.free[usize::from(register)] = false;
            }
        }
        if block == 0 {
            for &parameter in &data.parameters {
                self.take_new(graph, parameter);
            }
        } else {
            // First those that something is passed to where it is, lest others take its place.
            for &parameter in &data.parameters {
                if let Some(register) = self.wanted(parameter) {
                    self.set(parameter, register);
                }
            }
            for &parameter in &data.parameters {
                if self.assignment.register[parameter.index()].is_none() {
                    self.take(graph, parameter);
                }
            }
        }
        last_uses.unused_parameters.iter().for_each(|&value| self.release(value));
        for placed in &data.insts {
            last_uses.dying.next_list().for_each(|value| self.release(value));
            placed.inst.for_each_dest(|dest| self.take(graph, dest));
            last_uses.unused.next_list().for_each(|value| self.release(value));
        }
        self.last_uses = last_uses;
    }

    fn release(&mut self, value: Value) {
        if let Some(register) = self.assignment.register[value.index()] {
            self.free[usize::from(register)] = true;
        }
    }

    /// A free register that spares a move: one of a parameter that the value is passed to, or of something passed to the same parameter.
    fn wanted(&self, value: Value) -> Option<u16> {
        self.passed
            .of(value)
            .flat_map(|target| [self.assignment.register[target.index()], self.wanted[target.index()]])
            .chain([self.wanted[value.index()]])
            .flatten()
            .find(|&register| self.free[usize::from(register)])
    }

    fn take(&mut self, graph: &Graph, value: Value) {
        let ty = graph.type_of(value);
        let found = self.wanted(value).or_else(|| {
            let fits = |&register: &usize| self.free[register] && self.assignment.types[register] == ty;
            (0..self.free.len()).find(fits).map(|register| register as u16)
        });
        match found {
            Some(register) => self.set(value, register),
            None => self.take_new(graph, value),
        }
    }

    fn take_new(&mut self, graph: &Graph, value: Value) {
        let register = u16::try_from(self.free.len()).expect("a function has fewer than 65,536 registers");
        self.free.push(false);
        self.assignment.types.push(graph.type_of(value));
        self.set(value, register);
    }

    fn set(&mut self, value: Value, register: u16) {
        self.free[usize::from(register)] = false;
        self.assignment.register[value.index()] = Some(register);
        for target in self.passed.of(value) {
            self.wanted[target.index()].get_or_insert(register);
        }
    }
}

/// Which values are used for the last time where, in a block.
#[derive(Default)]
struct LastUses {
    unused_parameters: Vec<Value>,
    /// For each instruction, operands that die.
    dying: Lists,
    /// For each instruction, results that nobody uses.
    unused: Lists,
}

/// Lists of values that are taken in the order opposite to that in which they are made.
#[derive(Default)]
struct Lists {
    values: Vec<Value>,
    /// Where each begins.
    starts: Vec<usize>,
}

impl Lists {
    /// Begins another one.
    fn begin(&mut self) {
        self.starts.push(self.values.len());
    }

    /// Removes the one that was made last.
    fn next_list(&mut self) -> impl Iterator<Item = Value> + '_ {
        let start = self.starts.pop().expect("there is a list for each instruction");
        self.values.drain(start..)
    }
}

/// From what is live at a block's end to what is live behind its parameters; notes last uses by the way.
fn back_through(numbers: &Numbers, data: &BlockData, live: &mut BitSet, last_uses: &mut LastUses) {
    step_over_terminator(numbers, data, live);
    for placed in data.insts.iter().rev() {
        last_uses.dying.begin();
        last_uses.unused.begin();
        placed.inst.for_each_dest(|dest| {
            let number = numbers.of_computed(dest);
            if !live.contains(number) {
                last_uses.unused.values.push(dest);
            }
            live.remove(number);
        });
        placed.inst.for_each_used(|value| {
            if numbers.get(value).is_some_and(|number| live.insert(number)) {
                last_uses.dying.values.push(value);
            }
        });
    }
}

fn step_over_terminator(numbers: &Numbers, data: &BlockData, live: &mut BitSet) {
    let uses = data.terminator.iter().flat_map(|(terminator, _)| terminator.own_uses());
    for number in uses.filter_map(|&value| numbers.get(value)) {
        live.insert(number);
    }
}

/// For each block, the numbers of the values that are still needed at its end, arguments of its edges included.
fn live_values(graph: &Graph, order: &[usize], numbers: &Numbers) -> BitSets {
    let count = numbers.values.len();
    let mut live_in = BitSets::new(graph.blocks.len(), count);
    let mut live_out = BitSets::new(graph.blocks.len(), count);
    let mut live = BitSet::new(count);
    // When a block was looked at last, and when what is live at its beginning has changed: only if it has for a successor is a block looked at again.
    let (mut seen, mut changed) = (vec![0_u32; graph.blocks.len()], vec![0_u32; graph.blocks.len()]);
    let mut now = 1;
    let mut last_change = 1;
    while std::mem::take(&mut last_change) > 0 {
        for &block in order.iter().rev() {
            now += 1;
            let mut stale = seen[block] == 0;
            graph.terminator(block).for_each_edge(|edge| stale |= changed[edge.target] > seen[block]);
            if !stale {
                continue;
            }
            seen[block] = now;
            graph.terminator(block).for_each_edge(|edge| {
                live_out.unite(block, live_in.words(edge.target));
                for number in edge.args.iter().filter_map(|&arg| numbers.get(arg)) {
                    live_out.insert(block, number);
                }
            });
            live.copy_from(live_out.words(block));
            let data = &graph.blocks[block];
            step_over_terminator(numbers, data, &mut live);
            for placed in data.insts.iter().rev() {
                placed.inst.for_each_dest(|dest| live.remove(numbers.of_computed(dest)));
                placed.inst.for_each_used(|value| {
                    if let Some(number) = numbers.get(value) {
                        live.insert(number);
                    }
                });
            }
            data.parameters.iter().for_each(|&parameter| live.remove(numbers.of_computed(parameter)));
            if live_in.unite(block, live.words()) {
                changed[block] = now;
                last_change = now;
            }
        }
    }
    live_out
}

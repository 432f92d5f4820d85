//! Register assignment: every value gets a register of its type; values that live at different times share.
//!
//! In SSA form the values alive at a point are coloured greedily by one walk along the dominator tree (Hack, Grund and Goos, "Register Allocation for Programs in
//! SSA-Form", 2006); reverse postorder is such a walk. As frames may be of any size, nothing is ever spilled; sharing keeps frames small, and most of all lets a block's
//! parameters have the registers of what is passed to them, so that jumps need few moves.
//!
//! The function's parameters have the first registers, in order.

use tailor_compiler::ir::Type;

use super::bits::BitSet;
use crate::tape::graph::{BlockData, Graph, Terminator, Value};

/// Which register each value has.
pub(crate) struct Assignment {
    /// By value; `None` for constants, undefined values and values that do not occur.
    pub register: Vec<Option<u16>>,
    /// By register.
    pub types: Vec<Type>,
}

/// Puts a block on each edge that passes arguments from a block with several ways out, so that there is a place for moves.
pub(crate) fn split_edges(graph: &mut Graph) {
    for block in graph.reverse_postorder() {
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
pub(crate) fn assign(graph: &mut Graph, order: &[usize]) -> Assignment {
    let live_out = live_values(graph, order);
    let mut pass = Assigner {
        assignment: Assignment { register: vec![None; graph.values.len()], types: Vec::new() },
        free: Vec::new(),
        passed_to: vec![Vec::new(); graph.values.len()],
        wanted: vec![None; graph.values.len()],
    };
    for &block in order {
        for edge in graph.terminator(block).edges() {
            for (&arg, &parameter) in edge.args.iter().zip(&graph.blocks[edge.target].parameters) {
                pass.passed_to[arg.index()].push(parameter);
            }
        }
    }
    for &block in order {
        pass.block(graph, block, &live_out[block]);
    }
    pass.assignment
}

struct Assigner {
    assignment: Assignment,
    /// Whether each register is free at the current point.
    free: Vec<bool>,
    /// For each value, the parameters that it is passed to.
    passed_to: Vec<Vec<Value>>,
    /// For each parameter, the register of something that is passed to it.
    wanted: Vec<Option<u16>>,
}

impl Assigner {
    fn block(&mut self, graph: &mut Graph, block: usize, live_out: &BitSet) {
        let mut data = std::mem::take(&mut graph.blocks[block]);
        let dying = last_uses(graph, &mut data, live_out);
        self.free.iter_mut().for_each(|free| *free = true);
        for value in dying.live_in.iter() {
            if let Some(register) = self.assignment.register[value] {
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
        for parameter in dying.unused_parameters {
            self.release(parameter);
        }
        for (placed, (dying, unused)) in data.insts.iter().zip(dying.at_inst) {
            dying.into_iter().for_each(|value| self.release(value));
            placed.inst.for_each_dest(|dest| self.take(graph, dest));
            unused.into_iter().for_each(|value| self.release(value));
        }
        graph.blocks[block] = data;
    }

    fn release(&mut self, value: Value) {
        if let Some(register) = self.assignment.register[value.index()] {
            self.free[usize::from(register)] = true;
        }
    }

    /// A free register that spares a move: one of a parameter that the value is passed to, or of something passed to the same parameter.
    fn wanted(&self, value: Value) -> Option<u16> {
        let targets = self.passed_to[value.index()].iter();
        targets
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
        for target in &self.passed_to[value.index()] {
            self.wanted[target.index()].get_or_insert(register);
        }
    }
}

/// Which values are used for the last time where, in a block.
struct LastUses {
    live_in: BitSet,
    unused_parameters: Vec<Value>,
    /// For each instruction: operands that die, results that nobody uses.
    at_inst: Vec<(Vec<Value>, Vec<Value>)>,
}

fn last_uses(graph: &Graph, data: &mut BlockData, live_out: &BitSet) -> LastUses {
    let mut live = live_out.clone();
    let mut at_inst = Vec::new();
    back_through(graph, data, &mut live, |dying, unused| at_inst.push((dying.to_vec(), unused.to_vec())));
    at_inst.reverse();
    let unused_parameters = data.parameters.iter().copied().filter(|value| !live.contains(value.index())).collect();
    for parameter in &data.parameters {
        live.remove(parameter.index());
    }
    LastUses { live_in: live, unused_parameters, at_inst }
}

/// From what is live at a block's end to what is live behind its parameters. Calls `f` for each instruction, from the last one on: with the operands that die and the results that nobody uses.
fn back_through(graph: &Graph, data: &mut BlockData, live: &mut BitSet, mut f: impl FnMut(&[Value], &[Value])) {
    if let Some((terminator, _)) = &mut data.terminator {
        terminator.for_each_own_use(|value| {
            if graph.is_computed(*value) {
                live.insert(value.index());
            }
        });
    }
    let (mut dying, mut unused) = (Vec::new(), Vec::new());
    for placed in data.insts.iter_mut().rev() {
        dying.clear();
        unused.clear();
        placed.inst.for_each_dest(|dest| {
            if !live.contains(dest.index()) {
                unused.push(dest);
            }
            live.remove(dest.index());
        });
        placed.inst.for_each_use(|value| {
            if graph.is_computed(*value) && live.insert(value.index()) {
                dying.push(*value);
            }
        });
        f(&dying, &unused);
    }
}

/// For each block, the values that are still needed at its end, arguments of its edges included.
fn live_values(graph: &mut Graph, order: &[usize]) -> Vec<BitSet> {
    let none = BitSet::new(graph.values.len());
    let mut live_in = vec![none.clone(); graph.blocks.len()];
    let mut live_out = live_in.clone();
    let mut live = none;
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for &block in order.iter().rev() {
            let out = &mut live_out[block];
            for edge in graph.terminator(block).edges() {
                out.union_with(&live_in[edge.target]);
                for arg in edge.args.iter().filter(|&&arg| graph.is_computed(arg)) {
                    out.insert(arg.index());
                }
            }
            live.copy_from(out);
            let mut data = std::mem::take(&mut graph.blocks[block]);
            back_through(graph, &mut data, &mut live, |_, _| {});
            data.parameters.iter().for_each(|parameter| live.remove(parameter.index()));
            graph.blocks[block] = data;
            changed |= live_in[block].union_with(&live);
        }
    }
    live_out
}

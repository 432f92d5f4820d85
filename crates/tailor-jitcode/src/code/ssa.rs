//! The walk: SSA form is made, and what is known is used, as blocks are come by in reverse postorder.
//!
//! # What is done at a block
//! 1. What it is passed: a parameter that all ways bring the same value to is that value. (Undefined values count as any constant: whatever is there, nobody may look.)
//! 2. Variables: with one way in, they hold what they did at its end; where several meet with different values, a variable that is live there (pruned SSA) becomes a parameter of the block.
//! 3. Operations are renamed and [folded](super::fold); a branch that is decided becomes a jump.
//!
//! Blocks that are not reached any more are passed by. So one walk is enough, as all ways to a block but those back to a loop's header have been walked before it; a header has parameters for all its variables at
//! first, as in Braun et al., "Simple and Efficient Construction of Static Single Assignment Form" (2013). If some turn out to be unnecessary, the graph is walked through again. Then there are no variables
//! left: the same walk cleans up what other passes have changed.

use super::bits::{BitSet, BitSets};
use super::fold::Folding;
use crate::tape::graph::{Graph, Incoming, Inst, Value};

/// What is known of the graph's shape behind a walk.
pub(crate) struct Walked {
    /// The blocks that are reached, in reverse postorder.
    pub order: Vec<usize>,
    /// How.
    pub incoming: Incoming,
}

/// Removes all [`Inst::Get`] and [`Inst::Set`], and what the module says.
///
/// `order` is the graph's blocks in reverse postorder.
pub(crate) fn walk(graph: &mut Graph, folding: &mut Folding, mut order: Vec<usize>) -> Walked {
    loop {
        let walked = walk_once(graph, folding, order);
        if !merge_at_headers(graph, folding, &walked) {
            return walked;
        }
        order = walked.order;
    }
}

fn walk_once(graph: &mut Graph, folding: &mut Folding, order: Vec<usize>) -> Walked {
    let headers = headers(graph, &order);
    let live = live_variables(graph, &order, &headers);
    folding.begin(graph);
    let count = graph.variables.len();
    // What each variable holds at each block's end, block by block.
    let mut at_end = vec![Value::NONE; graph.blocks.len() * count];
    let undefined: Vec<Value> = (0..count).map(|variable| graph.undefined(graph.variables[variable])).collect();
    let mut held = undefined.clone();
    // Blocks and the variables that they have parameters for, in order.
    let mut passed: Vec<(usize, usize)> = Vec::new();
    let mut walked = Walked { order: Vec::with_capacity(order.len()), incoming: Incoming::empty(graph.blocks.len()) };
    let incoming = &mut walked.incoming;

    for block in order {
        let is_header = headers.contains(block);
        if block != 0 {
            if incoming.is_empty(block) {
                continue;
            }
            if !is_header {
                merge_parameters(graph, folding, incoming, block);
            }
        }
        match incoming.single(block) {
            Some(single) if !is_header => held.copy_from_slice(&at_end[single * count..][..count]),
            _ => {
                held.copy_from_slice(&undefined);
                for variable in live.iter(block).filter(|_| block != 0) {
                    let values = incoming.edges(block).map(|(from, _)| at_end[from * count + variable]);
                    let known = only_value(graph, folding, Value::NONE, values).filter(|_| !is_header);
                    held[variable] = known.unwrap_or_else(|| {
                        passed.push((block, variable));
                        let parameter = graph.new_value(graph.variables[variable]);
                        graph.blocks[block].parameters.push(parameter);
                        parameter
                    });
                }
            }
        }
        let mut insts = std::mem::take(&mut graph.blocks[block].insts);
        insts.retain_mut(|placed| match &mut placed.inst {
            Inst::Get { variable, dest } => {
                folding.unite(*dest, held[*variable as usize]);
                false
            }
            Inst::Set { variable, value } => {
                held[*variable as usize] = folding.representative(*value);
                false
            }
            inst => folding.inst(graph, inst),
        });
        let (mut terminator, at) = graph.blocks[block].terminator.take().expect("reachable blocks are complete");
        folding.terminator(graph, &mut terminator);
        incoming.add(block, &terminator);
        let data = &mut graph.blocks[block];
        (data.insts, data.terminator) = (insts, Some((terminator, at)));
        at_end[block * count..][..count].copy_from_slice(&held);
        walked.order.push(block);
    }

    // There are none any more.
    graph.variables.clear();
    for (block, variable) in passed {
        for (from, number) in walked.incoming.edges(block) {
            graph.edge_mut(from, number).args.push(at_end[from * count + variable]);
        }
    }
    walked
}

/// Removes parameters of headers that are one value after all; whether there were any.
fn merge_at_headers(graph: &mut Graph, folding: &mut Folding, Walked { order, incoming }: &Walked) -> bool {
    let mut any = false;
    for &block in &order[1..] {
        any |= merge_parameters(graph, folding, incoming, block);
    }
    any
}

/// Removes parameters of a block that are one value; whether there were any.
fn merge_parameters(graph: &mut Graph, folding: &mut Folding, incoming: &Incoming, block: usize) -> bool {
    let count = graph.blocks[block].parameters.len();
    let mut merged = None;
    for i in 0..count {
        let parameter = graph.blocks[block].parameters[i];
        let args = incoming.edges(block).map(|(from, number)| graph.edge(from, number).args[i]);
        if let Some(value) = only_value(graph, folding, parameter, args) {
            folding.unite(parameter, value);
            merged.get_or_insert_with(|| BitSet::new(count)).insert(i);
        }
    }
    if let Some(merged) = &merged {
        graph.drop_parameters(block, incoming, merged);
    }
    merged.is_some()
}

/// The value that all `args` for a parameter are, if they are one.
fn only_value(graph: &Graph, folding: &Folding, parameter: Value, args: impl Iterator<Item = Value>) -> Option<Value> {
    let mut only = None;
    let mut undefined = None;
    for arg in args {
        let arg = folding.representative(arg);
        if arg == parameter || only == Some(arg) {
            continue;
        }
        if graph.is_undefined(arg) {
            undefined = Some(arg);
        } else if only.replace(arg).is_some() {
            return None;
        }
    }
    match (only, undefined) {
        // A computed value need not be available on the way that brings nothing.
        (Some(value), Some(_)) => (!graph.is_computed(value)).then_some(value),
        (only, undefined) => only.or(undefined),
    }
}

/// The blocks that are reached from behind.
fn headers(graph: &Graph, order: &[usize]) -> BitSet {
    let (mut headers, mut seen) = (BitSet::new(graph.blocks.len()), BitSet::new(graph.blocks.len()));
    for &block in order {
        seen.insert(block);
        graph.terminator(block).for_each_edge(|edge| {
            if seen.contains(edge.target) {
                headers.insert(edge.target);
            }
        });
    }
    headers
}

/// For each block, the variables whose value at its beginning may be read.
fn live_variables(graph: &Graph, order: &[usize], headers: &BitSet) -> BitSets {
    let count = graph.variables.len();
    let mut live = BitSets::new(graph.blocks.len(), count);
    let mut set = BitSets::new(graph.blocks.len(), count);
    if count == 0 {
        return live;
    }
    for &block in order {
        for placed in &graph.blocks[block].insts {
            match placed.inst {
                Inst::Get { variable, .. } if !set.contains(block, variable as usize) => {
                    live.insert(block, variable as usize);
                }
                Inst::Set { variable, .. } => set.insert(block, variable as usize),
                _ => {}
            }
        }
    }
    let mut after = BitSet::new(count);
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for &block in order.iter().rev() {
            after.clear();
            graph.terminator(block).for_each_edge(|edge| _ = after.union_with(live.words(edge.target)));
            after.subtract(set.words(block));
            // What has been asked already need be asked again only if it was a block's that comes first.
            changed |= live.unite(block, after.words()) && headers.contains(block);
        }
    }
    live
}

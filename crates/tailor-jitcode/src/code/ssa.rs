//! SSA construction: variables become parameters of blocks.
//!
//! All blocks are known, so one walk in reverse postorder suffices: a block with one way in takes over what its predecessor knew; one with several gets a parameter for every variable
//! that is live there (pruned SSA). Too many parameters, where all ways bring the same value, are removed by [`simplify`](super::simplify), as in Braun et al.,
//! "Simple and Efficient Construction of Static Single Assignment Form" (2013).

use super::bits::{BitSet, BitSets};
use crate::tape::graph::{Graph, Incoming, Inst, Value};

/// Removes all [`Inst::Get`] and [`Inst::Set`].
pub(crate) fn construct(graph: &mut Graph) {
    let order = graph.reverse_postorder();
    let incoming = graph.incoming(&order);
    let live = live_variables(graph, &order);
    let undefined: Vec<Value> = graph.variables.clone().into_iter().map(|ty| graph.undefined(ty)).collect();
    // What each variable holds at each block's end, block by block.
    let count = undefined.len();
    let mut at_end = vec![Value::NONE; graph.blocks.len() * count];
    // What stands for the result of each `Get`.
    let mut read: Vec<Value> = (0..graph.values.len() as u32).map(Value).collect();
    let mut held = undefined.clone();

    for &block in &order {
        if let Some(single) = incoming.single(block) {
            held.copy_from_slice(&at_end[single * count..][..count]);
        } else {
            held.copy_from_slice(&undefined);
            if merges(&incoming, block) {
                for variable in live.iter(block) {
                    let parameter = graph.new_value(graph.variables[variable]);
                    graph.blocks[block].parameters.push(parameter);
                    held[variable] = parameter;
                }
            }
        }
        let data = &mut graph.blocks[block];
        data.insts.retain_mut(|placed| {
            placed.inst.for_each_use(|value| *value = replacement(&read, *value));
            match placed.inst {
                Inst::Get { variable, dest } => read[dest.index()] = held[variable as usize],
                Inst::Set { variable, value } => held[variable as usize] = value,
                _ => return true,
            }
            false
        });
        let replace = |value: &mut Value| *value = replacement(&read, *value);
        let (terminator, _) = data.terminator.as_mut().expect("reachable blocks are complete");
        terminator.for_each_own_use(replace);
        terminator.edges_mut().flat_map(|edge| &mut edge.args).for_each(replace);
        at_end[block * count..][..count].copy_from_slice(&held);
    }

    for &block in &order {
        let (terminator, _) = graph.blocks[block].terminator.as_mut().expect("reachable blocks are complete");
        for edge in terminator.edges_mut().filter(|edge| merges(&incoming, edge.target)) {
            edge.args.extend(live.iter(edge.target).map(|variable| at_end[block * count + variable]));
        }
    }
}

/// Whether a block has parameters for its variables.
fn merges(incoming: &Incoming, block: usize) -> bool {
    incoming.edges(block).len() > 1
}

/// What stands for a value. (Parameters that have been added here stand for themselves.)
fn replacement(read: &[Value], value: Value) -> Value {
    read.get(value.index()).copied().unwrap_or(value)
}

/// For each block, the variables whose value at its beginning may be read.
fn live_variables(graph: &Graph, order: &[usize]) -> BitSets {
    let count = graph.variables.len();
    let mut live = BitSets::new(graph.blocks.len(), count);
    let mut set = BitSets::new(graph.blocks.len(), count);
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
            changed |= live.unite(block, after.words());
        }
    }
    live
}

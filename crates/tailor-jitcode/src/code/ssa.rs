//! SSA construction: variables become parameters of blocks.
//!
//! All blocks are known, so one walk in reverse postorder suffices: a block with one way in takes over what its predecessor knew; one with several gets a parameter for every variable
//! that is live there (pruned SSA). Too many parameters, where all ways bring the same value, are removed by [`simplify`](super::simplify), as in Braun et al.,
//! "Simple and Efficient Construction of Static Single Assignment Form" (2013).

use super::bits::BitSet;
use crate::tape::graph::{Graph, Inst, Value};

/// Removes all [`Inst::Get`] and [`Inst::Set`].
pub(crate) fn construct(graph: &mut Graph) {
    let order = graph.reverse_postorder();
    let incoming = graph.incoming(&order);
    let live = live_variables(graph, &order);
    let undefined: Vec<Value> = graph.variables.clone().into_iter().map(|ty| graph.undefined(ty)).collect();
    // What each variable holds at each block's end.
    let mut at_end: Vec<Vec<Value>> = vec![Vec::new(); graph.blocks.len()];
    // For each block, the variables that it has parameters for.
    let mut merged: Vec<Vec<usize>> = vec![Vec::new(); graph.blocks.len()];
    // What stands for the result of each `Get`.
    let mut read: Vec<Value> = (0..graph.values.len() as u32).map(Value).collect();

    for &block in &order {
        let mut held = match (incoming.single(block), incoming.edges(block).len()) {
            (Some(single), _) => at_end[single].clone(),
            (None, 0) => undefined.clone(),
            _ => {
                let mut held = undefined.clone();
                for variable in live[block].iter() {
                    let parameter = graph.new_value(graph.variables[variable]);
                    graph.blocks[block].parameters.push(parameter);
                    held[variable] = parameter;
                    merged[block].push(variable);
                }
                held
            }
        };
        let mut insts = std::mem::take(&mut graph.blocks[block].insts);
        insts.retain_mut(|placed| {
            placed.inst.for_each_use(|value| *value = replacement(&read, *value));
            match placed.inst {
                Inst::Get { variable, dest } => read[dest.index()] = held[variable as usize],
                Inst::Set { variable, value } => held[variable as usize] = value,
                _ => return true,
            }
            false
        });
        let replace = |value: &mut Value| *value = replacement(&read, *value);
        let (terminator, _) = graph.blocks[block].terminator.as_mut().expect("reachable blocks are complete");
        terminator.for_each_own_use(replace);
        terminator.edges_mut().flat_map(|edge| &mut edge.args).for_each(replace);
        graph.blocks[block].insts = insts;
        at_end[block] = held;
    }

    for &block in &order {
        let (terminator, _) = graph.blocks[block].terminator.as_mut().expect("reachable blocks are complete");
        for edge in terminator.edges_mut() {
            edge.args.extend(merged[edge.target].iter().map(|&variable| at_end[block][variable]));
        }
    }
}

/// What stands for a value. (Parameters that have been added here stand for themselves.)
fn replacement(read: &[Value], value: Value) -> Value {
    read.get(value.index()).copied().unwrap_or(value)
}

/// For each block, the variables whose value at its beginning may be read.
fn live_variables(graph: &Graph, order: &[usize]) -> Vec<BitSet> {
    let count = graph.variables.len();
    let none = BitSet::new(count);
    let mut live = vec![none.clone(); graph.blocks.len()];
    let mut set = vec![none.clone(); graph.blocks.len()];
    for &block in order {
        for placed in &graph.blocks[block].insts {
            match placed.inst {
                Inst::Get { variable, .. } if !set[block].contains(variable as usize) => {
                    live[block].insert(variable as usize);
                }
                Inst::Set { variable, .. } => {
                    set[block].insert(variable as usize);
                }
                _ => {}
            }
        }
    }
    let mut changed = true;
    while changed {
        changed = false;
        for &block in order.iter().rev() {
            let mut after = none.clone();
            for target in graph.successors(block) {
                after.union_with(&live[target]);
            }
            after.subtract(&set[block]);
            changed |= live[block].union_with(&after);
        }
    }
    live
}

//! Cleaning up: SSA form is made and folded ([`walk`](super::ssa::walk)), then what has become superfluous goes.
//!
//! # What is done
//! - Instructions and parameters whose values are not used are dropped, if they do nothing else.
//! - An empty block that jumps on is bypassed; a block that is alone in jumping to another continues in it.
//! - Blocks that only decide something are bypassed by those who come with the answer ([`thread`](super::thread)).
//!
//! Each of these leaves nothing to do for those before it, as a rule: what is dropped empties blocks, bypassing makes chains. Where one does, the graph is walked through again.
//!
//! # Why here
//! Bodies are recorded by their structure, without regard for what is constant; constants appear when functions are inlined, when newtypes and options are taken apart. The tracer runs whatever is
//! left here over and over, so that an instruction less is a gain each time.

use super::bits::BitSet;
use super::fold::{Folding, decide};
use super::ssa::{Walked, walk};
use super::thread::thread;
use crate::tape::graph::{Edge, Graph, Incoming, Inst, Placed, Terminator, Value};

/// Makes SSA form, and the least of it; see [the module](self). The blocks that are left are returned in reverse postorder.
pub(crate) fn simplify(graph: &mut Graph) -> Vec<usize> {
    let mut folding = Folding::default();
    let order = straighten(graph);
    let mut order = clean(graph, &mut folding, order);
    while thread(graph, &order) {
        let threaded = graph.reverse_postorder();
        order = clean(graph, &mut folding, threaded);
    }
    order
}

/// Bypasses empty blocks and concatenates others, where no values are passed: a third of what is recorded. This is cheap as long as there are variables, and spares all that follows from looking at
/// these blocks. The rest is returned in reverse postorder.
fn straighten(graph: &mut Graph) -> Vec<usize> {
    for block in graph.reverse_postorder() {
        for number in 0..graph.blocks[block].edge_count() {
            let edge = graph.terminator(block).edge(number);
            let mut target = edge.target;
            let mut last = None;
            // As long as a chain can be; there may be loops that do nothing.
            for _ in 0..graph.blocks.len() {
                let next = graph.blocks[target].only_jumps().filter(|_| graph.blocks[target].parameters.is_empty());
                let Some(next) = next else { break };
                last = Some(next.clone());
                target = next.target;
            }
            if let (Some(next), Some((terminator, _))) = (last, &mut graph.blocks[block].terminator) {
                *terminator.edge_mut(number) = next;
            }
        }
    }
    let mut order = graph.reverse_postorder();
    let incoming = graph.incoming(&order);
    for &block in &order {
        while let Some((Terminator::Jump(edge), _)) = &graph.blocks[block].terminator
            && edge.target != block
            && incoming.single(edge.target).is_some()
            && graph.blocks[edge.target].parameters.is_empty()
        {
            let target = edge.target;
            let next = std::mem::take(&mut graph.blocks[target]);
            let data = &mut graph.blocks[block];
            data.insts.extend(next.insts);
            data.terminator = next.terminator;
        }
    }
    only_blocks(graph, &mut order);
    order
}

/// Does it all, once there is SSA form; from and to blocks in reverse postorder.
fn clean(graph: &mut Graph, folding: &mut Folding, mut order: Vec<usize>) -> Vec<usize> {
    loop {
        let incoming;
        Walked { order, incoming } = walk(graph, folding, order);
        drop_unused(graph, &order, &incoming);
        if concatenate(graph, folding, &mut order, &incoming) {
            continue;
        }
        let bypassed = bypass(graph, &order);
        if bypassed == Bypassed::None {
            return order;
        }
        order = graph.reverse_postorder();
        let incoming = graph.incoming(&order);
        let united = concatenate(graph, folding, &mut order, &incoming);
        if !united && bypassed != Bypassed::Decided {
            return order;
        }
    }
}

/// What bypassing has done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bypassed {
    None,
    Some,
    /// Some, and ways have turned out to be the same.
    Decided,
}

/// Edges to blocks that do nothing but jump on lead to where these jump.
fn bypass(graph: &mut Graph, order: &[usize]) -> Bypassed {
    if !order.iter().any(|&block| graph.blocks[block].only_jumps().is_some()) {
        return Bypassed::None;
    }
    let mut used = None;
    let mut done = Bypassed::None;
    for &block in order {
        let mut any = false;
        for number in 0..graph.blocks[block].edge_count() {
            if let Some(next) = next_of_empty(graph, graph.edge(block, number), order, &mut used) {
                *graph.edge_mut(block, number) = next;
                any = true;
            }
        }
        if any {
            done = done.max(Bypassed::Some);
            let (mut terminator, at) = graph.blocks[block].terminator.take().expect("it has edges");
            if decide(graph, &mut terminator) {
                done = Bypassed::Decided;
            }
            graph.blocks[block].terminator = Some((terminator, at));
        }
    }
    done
}

/// Where an edge to an empty block leads in the end, through others like it; `None` if the block is not empty, its parameters are used elsewhere, or it leads nowhere. What is `used` is found out when it is
/// asked for.
fn next_of_empty(graph: &Graph, edge: &Edge, order: &[usize], used: &mut Option<BitSet>) -> Option<Edge> {
    let mut last: Option<Edge> = None;
    for _ in 0..graph.blocks.len() {
        let Edge { target, args } = last.as_ref().unwrap_or(edge);
        let data = &graph.blocks[*target];
        let Some(next) = data.only_jumps() else { return last };
        if !data.parameters.is_empty() {
            let used = used.get_or_insert_with(|| used_beyond_jumps(graph, order));
            if data.parameters.iter().any(|value| used.contains(value.index())) {
                return last;
            }
        }
        let mut next = next.clone();
        for value in &mut next.args {
            if let Some(i) = data.parameters.iter().position(|parameter| parameter == value) {
                *value = args[i];
            }
        }
        last = Some(next);
    }
    None
}

/// All values that are used elsewhere than in a block that does nothing but pass its own parameters on.
fn used_beyond_jumps(graph: &Graph, order: &[usize]) -> BitSet {
    let mut used = BitSet::new(graph.values.len());
    for &block in order {
        let data = &graph.blocks[block];
        for placed in &data.insts {
            placed.inst.for_each_used(|value| _ = used.insert(value.index()));
        }
        let terminator = graph.terminator(block);
        terminator.own_uses().iter().for_each(|value| _ = used.insert(value.index()));
        let only_jumps = data.only_jumps().is_some();
        terminator.for_each_edge(|edge| {
            for arg in &edge.args {
                if !(only_jumps && data.parameters.contains(arg)) {
                    used.insert(arg.index());
                }
            }
        });
    }
    used
}

/// A block that is the only one to come to the block it jumps to takes that block's place, too; whether values have become the same by that.
fn concatenate(graph: &mut Graph, folding: &mut Folding, order: &mut Vec<usize>, incoming: &Incoming) -> bool {
    let mut united = false;
    for &block in &*order {
        while let Some((Terminator::Jump(edge), _)) = &mut graph.blocks[block].terminator
            && edge.target != block
            && incoming.single(edge.target).is_some()
        {
            let Edge { target, args } = std::mem::replace(edge, Edge::to(block));
            let next = std::mem::take(&mut graph.blocks[target]);
            for (parameter, arg) in next.parameters.into_iter().zip(args) {
                folding.unite(parameter, arg);
                united = true;
            }
            let data = &mut graph.blocks[block];
            if data.insts.is_empty() {
                data.insts = next.insts;
            } else {
                data.insts.extend(next.insts);
            }
            data.terminator = next.terminator;
        }
    }
    only_blocks(graph, order);
    united
}

/// Forgets blocks that have been taken by others: they have no end.
fn only_blocks(graph: &Graph, order: &mut Vec<usize>) {
    order.retain(|&block| graph.blocks[block].terminator.is_some());
}

/// Drops what only computes values that nobody uses.
fn drop_unused(graph: &mut Graph, order: &[usize], incoming: &Incoming) {
    let used = used_in_the_end(graph, order, incoming);
    for &block in order {
        graph.blocks[block].insts.retain(|placed| is_needed(&placed.inst, &used));
        let parameters = &graph.blocks[block].parameters;
        if block != 0 && !parameters.iter().all(|parameter| used.contains(parameter.index())) {
            let mut unused = BitSet::new(parameters.len());
            for (i, _) in parameters.iter().enumerate().filter(|(_, parameter)| !used.contains(parameter.index())) {
                unused.insert(i);
            }
            graph.drop_parameters(block, incoming, &unused);
        }
    }
}

/// All values that what cannot be dropped uses, itself or by way of others.
fn used_in_the_end(graph: &Graph, order: &[usize], incoming: &Incoming) -> BitSet {
    let mut marks = Marks { used: BitSet::new(graph.values.len()), new: Vec::new() };
    // Where values are defined: the block, and the number of the parameter or, behind all parameters, of the instruction.
    let mut sources = vec![(0_u32, u32::MAX); graph.values.len()];
    for &block in order {
        let data = &graph.blocks[block];
        let mut number = 0;
        for parameter in &data.parameters {
            sources[parameter.index()] = (block as u32, number);
            number += 1;
        }
        for Placed { inst, .. } in &data.insts {
            if inst.is_droppable() {
                inst.for_each_dest(|dest| sources[dest.index()] = (block as u32, number));
            } else {
                inst.for_each_used(|value| marks.mark(value));
            }
            number += 1;
        }
        graph.terminator(block).own_uses().iter().for_each(|&value| marks.mark(value));
    }
    while let Some(value) = marks.new.pop() {
        let (block, number) = sources[value.index()];
        // Constants come from nowhere, nor do results of what is there anyway.
        if number == u32::MAX {
            continue;
        }
        let data = &graph.blocks[block as usize];
        match (number as usize).checked_sub(data.parameters.len()) {
            Some(inst) => data.insts[inst].inst.for_each_used(|value| marks.mark(value)),
            None => incoming.edges(block as usize).for_each(|(from, edge)| {
                marks.mark(graph.edge(from, edge).args[number as usize]);
            }),
        }
    }
    marks.used
}

/// Values that are used.
struct Marks {
    used: BitSet,
    /// Those of them whose operands have not been marked.
    new: Vec<Value>,
}

impl Marks {
    fn mark(&mut self, value: Value) {
        if self.used.insert(value.index()) {
            self.new.push(value);
        }
    }
}

fn is_needed(inst: &Inst, used: &BitSet) -> bool {
    let mut needed = !inst.is_droppable();
    inst.for_each_dest(|dest| needed |= used.contains(dest.index()));
    needed
}

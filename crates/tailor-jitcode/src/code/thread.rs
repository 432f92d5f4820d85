//! Jump threading: a block that only decides something is bypassed by those who come with the answer.
//!
//! Inlined functions that return an `Option`, and methods like `checked_add(..).ok_or(..)?`, join paths whose tag is known only to branch on the tag again. Such a block is
//! copied for each way in that decides its branch; the copy goes straight on. Values of the block that are used behind it then have several definitions; parameters are
//! added where these meet, on demand, as in Braun et al. (2013). Parameters that turn out to be unnecessary go with the next round of [`simplify`](super::simplify).
//!
//! Loop headers are left alone: bypassing one would make a loop with two entries.

use rustc_hash::FxHashMap;
use tailor_compiler::eval::evaluate;
use tailor_compiler::ir::Op;

use crate::tape::graph::{BlockData, Edge, Graph, Incoming, Inst, Placed, Terminator, Value, result_type};

/// The most operations that are copied for a way in.
const MAX_COPIED: usize = 4;

/// Blocks that can still be made, for how many there are: an end to what might, in theory, double a function again and again.
const GROWTH: usize = 4;

/// Threads jumps; whether there was one.
pub(crate) fn thread(graph: &mut Graph) -> bool {
    if !(0..graph.blocks.len()).any(|block| decides(graph, block)) {
        return false;
    }
    let limit = graph.blocks.len() * GROWTH + 64;
    let mut changed = false;
    let mut next = 1;
    let mut order = graph.reverse_postorder();
    let mut ways = Ways::of(graph, &order, graph.incoming(&order));
    while next < order.len() && graph.blocks.len() < limit {
        let block = order[next];
        next += 1;
        if !decides(graph, block) {
            continue;
        }
        if ways.incoming.edges(block).any(|(from, _)| ways.place[from] >= ways.place[block]) {
            continue;
        }
        let copies: Vec<Copy> = ways.incoming.edges(block).filter_map(|edge| Copy::of(graph, block, edge)).collect();
        if copies.is_empty() {
            continue;
        }
        let incoming;
        (order, incoming) = split(graph, block, copies);
        changed = true;
        // A block that is passed over now because the order has changed has its turn in the next round.
        ways = Ways::of(graph, &order, incoming);
    }
    changed
}

/// How blocks are reached.
struct Ways {
    incoming: Incoming,
    /// Where each block comes in the order.
    place: Vec<usize>,
}

impl Ways {
    fn of(graph: &Graph, order: &[usize], incoming: Incoming) -> Ways {
        let mut place = vec![0; graph.blocks.len()];
        order.iter().enumerate().for_each(|(at, &block)| place[block] = at);
        Ways { incoming, place }
    }
}

/// Whether a block does nothing but pure operations and a choice.
fn decides(graph: &Graph, block: usize) -> bool {
    let data = &graph.blocks[block];
    matches!(&data.terminator, Some((Terminator::Branch { .. } | Terminator::Switch { .. }, _)))
        && !data.parameters.is_empty()
        && data.insts.len() <= MAX_COPIED
        && data.insts.iter().all(|placed| matches!(placed.inst, Inst::Pure { .. }))
}

/// A block as it is for one way in.
struct Copy {
    /// The block and the number of its edge.
    edge: (usize, usize),
    /// What stands for the block's values.
    values: FxHashMap<Value, Value>,
    insts: Vec<Placed>,
    /// Where it goes on.
    next: Edge,
}

impl Copy {
    /// The copy for an edge that decides the block's choice.
    fn of(graph: &mut Graph, block: usize, (from, number): (usize, usize)) -> Option<Copy> {
        let args = graph.terminator(from).edge(number).args.clone();
        let data = graph.blocks[block].clone();
        let mut values: FxHashMap<Value, Value> = data.parameters.iter().copied().zip(args).collect();
        let mut insts = Vec::new();
        for placed in &data.insts {
            let Inst::Pure { code, bits, mut args, dest } = placed.inst else { return None };
            for arg in &mut args {
                *arg = values.get(arg).copied().unwrap_or(*arg);
            }
            let ty = result_type(code)?;
            let words = args.map(|arg| if arg == Value::NONE { Some(0) } else { graph.constant_of(arg) });
            let word = if let [Some(a), Some(b), Some(c)] = words {
                let mut op = Op::new(code, ty);
                op.aux = u16::from(bits);
                evaluate(&op, a, b, c)
            } else {
                None
            };
            let value = match word {
                Some(word) => graph.constant(ty, word),
                None => {
                    let value = graph.new_value(ty);
                    insts.push(Placed { inst: Inst::Pure { code, bits, args, dest: value }, at: placed.at });
                    value
                }
            };
            values.insert(dest, value);
        }
        let known = |value: &Value| graph.constant_of(values.get(value).copied().unwrap_or(*value));
        let mut next = match &data.terminator.as_ref()?.0 {
            Terminator::Branch { condition, then, otherwise } => {
                if known(condition)? != 0 { then } else { otherwise }.clone()
            }
            Terminator::Switch { value, cases, default } => {
                let word = known(value)?;
                cases.iter().find(|&&(case, _)| case == word).map_or(default, |(_, edge)| edge).clone()
            }
            _ => return None,
        };
        for arg in &mut next.args {
            *arg = values.get(arg).copied().unwrap_or(*arg);
        }
        Some(Copy { edge: (from, number), values, insts, next })
    }
}

/// Puts the copies in place and repairs the uses of the block's values. The blocks' new order, and how they are reached.
fn split(graph: &mut Graph, block: usize, copies: Vec<Copy>) -> (Vec<usize>, Incoming) {
    let data = &graph.blocks[block];
    let at = data.terminator.as_ref().map_or(0, |&(_, at)| at);
    let mut defined = data.parameters.clone();
    data.insts.iter().for_each(|placed| placed.inst.for_each_dest(|dest| defined.push(dest)));
    let mut definitions: FxHashMap<Value, FxHashMap<usize, Value>> =
        defined.iter().map(|&value| (value, FxHashMap::from_iter([(block, value)]))).collect();
    let mut versions = vec![block];
    for Copy { edge: (from, number), values, insts, next } in copies {
        let copy = graph.new_block();
        versions.push(copy);
        let terminator = Some((Terminator::Jump(next), at));
        graph.blocks[copy] = BlockData { parameters: Vec::new(), insts, terminator };
        if let Some((terminator, _)) = &mut graph.blocks[from].terminator {
            *terminator.edge_mut(number) = Edge::to(copy);
        }
        for (value, by) in values {
            if let Some(definitions) = definitions.get_mut(&value) {
                definitions.insert(copy, by);
            }
        }
    }
    let order = graph.reverse_postorder();
    let incoming = graph.incoming(&order);
    for &user in order.iter().filter(|user| !versions.contains(user)) {
        let mut used = Vec::new();
        for_each_use(graph, user, |value| {
            if defined.contains(value) {
                used.push(*value);
            }
        });
        if used.is_empty() {
            continue;
        }
        let mut reaching = FxHashMap::default();
        for value in used {
            if let Some(definitions) = definitions.get_mut(&value) {
                reaching.insert(value, reaching_definition(graph, &incoming, definitions, value, user));
            }
        }
        // (Arguments that have just been added for a parameter are what reaches this block already.)
        for_each_use(graph, user, |value| *value = reaching.get(value).copied().unwrap_or(*value));
    }
    (order, incoming)
}

/// Calls `f` with each value that a block uses, edges included.
fn for_each_use(graph: &mut Graph, block: usize, mut f: impl FnMut(&mut Value)) {
    let data = &mut graph.blocks[block];
    data.insts.iter_mut().for_each(|placed| placed.inst.for_each_use(&mut f));
    if let Some((terminator, _)) = &mut data.terminator {
        terminator.for_each_own_use(&mut f);
        terminator.edges_mut().flat_map(|edge| &mut edge.args).for_each(f);
    }
}

/// What stands for `value` at the beginning of `block`, one of `definitions` (by block, valid at its end) or a new parameter, which becomes one of them.
fn reaching_definition(
    graph: &mut Graph,
    incoming: &Incoming,
    definitions: &mut FxHashMap<usize, Value>,
    value: Value,
    block: usize,
) -> Value {
    if let Some(&known) = definitions.get(&block) {
        return known;
    }
    if let Some(single) = incoming.single(block) {
        let reaching = reaching_definition(graph, incoming, definitions, value, single);
        definitions.insert(block, reaching);
        return reaching;
    }
    let parameter = graph.new_value(graph.type_of(value));
    graph.blocks[block].parameters.push(parameter);
    definitions.insert(block, parameter);
    // A block with several edges to this one is listed as often, at once.
    let mut last = None;
    for (from, _) in incoming.edges(block) {
        if last.replace(from) == Some(from) {
            continue;
        }
        let arg = reaching_definition(graph, incoming, definitions, value, from);
        if let Some((terminator, _)) = &mut graph.blocks[from].terminator {
            for edge in terminator.edges_mut() {
                if edge.target == block {
                    edge.args.push(arg);
                }
            }
        }
    }
    parameter
}

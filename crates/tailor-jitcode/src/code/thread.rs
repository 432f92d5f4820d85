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
///
/// `order` is the graph's blocks in reverse postorder.
pub(crate) fn thread(graph: &mut Graph, order: &[usize]) -> bool {
    if !order.iter().any(|&block| decides(graph, block)) {
        return false;
    }
    let limit = graph.blocks.len() * GROWTH + 64;
    let (incoming, count) = (graph.incoming(order), graph.blocks.len());
    let mut ways = Ways { order: order.to_vec(), incoming, place: vec![0; count], dead: vec![false; count] };
    for (place, &block) in ways.order.iter().enumerate() {
        ways.place[block] = place;
    }
    let mut escapes = None;
    for &block in &order[1..] {
        if graph.blocks.len() >= limit {
            break;
        }
        if !decides(graph, block) || ways.dead[block] {
            continue;
        }
        if ways.incoming.edges(block).any(|(from, _)| ways.place[from] >= ways.place[block]) {
            continue;
        }
        let copies: Vec<Copy> = ways.incoming.edges(block).filter_map(|edge| Copy::of(graph, block, edge)).collect();
        if !copies.is_empty() {
            let escapes = escapes.get_or_insert_with(|| escaping(graph, order));
            ways.split(graph, block, copies, escapes);
        }
    }
    escapes.is_some()
}

/// How blocks are reached.
struct Ways {
    /// All blocks that have been reached when threading began, and the copies that have been made.
    order: Vec<usize>,
    incoming: Incoming,
    /// Where each block comes in reverse postorder; copies have the place of what they are copies of.
    place: Vec<usize>,
    /// Blocks that are not reached any more.
    dead: Vec<bool>,
}

/// The values that are used in other blocks than they are defined in.
fn escaping(graph: &Graph, order: &[usize]) -> Vec<bool> {
    const NOWHERE: u32 = u32::MAX;
    let mut home = vec![NOWHERE; graph.values.len()];
    for &block in order {
        let data = &graph.blocks[block];
        data.parameters.iter().for_each(|value| home[value.index()] = block as u32);
        data.insts.iter().for_each(|placed| placed.inst.for_each_dest(|value| home[value.index()] = block as u32));
    }
    let mut escaping = vec![false; graph.values.len()];
    for &block in order {
        let mut used = |value: Value| escaping[value.index()] |= home[value.index()] != block as u32;
        let data = &graph.blocks[block];
        data.insts.iter().for_each(|placed| placed.inst.for_each_used(&mut used));
        let terminator = graph.terminator(block);
        terminator.own_uses().iter().for_each(|&value| used(value));
        terminator.for_each_edge(|edge| edge.args.iter().for_each(|&value| used(value)));
    }
    escaping
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
    values: Versions,
    insts: Vec<Placed>,
    /// Where it goes on.
    next: Edge,
}

/// What stands for values of a block in a copy.
struct Versions(Vec<(Value, Value)>);

impl Versions {
    fn of(&self, value: Value) -> Value {
        self.0.iter().find(|&&(known, _)| known == value).map_or(value, |&(_, by)| by)
    }
}

impl Copy {
    /// The copy for an edge that decides the block's choice.
    fn of(graph: &mut Graph, block: usize, (from, number): (usize, usize)) -> Option<Copy> {
        let args = &graph.edge(from, number).args;
        // What is decided by nothing constant has been decided before.
        if !args.iter().any(|&arg| graph.constant_of(arg).is_some()) {
            return None;
        }
        let args = args.iter().copied();
        let mut values = Versions(graph.blocks[block].parameters.iter().copied().zip(args).collect());
        let mut insts = Vec::new();
        for at in 0..graph.blocks[block].insts.len() {
            let placed = &graph.blocks[block].insts[at];
            let Placed { inst: Inst::Pure { code, bits, args, dest }, at } = *placed else { return None };
            let args = args.map(|arg| values.of(arg));
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
                    insts.push(Placed { inst: Inst::Pure { code, bits, args, dest: value }, at });
                    value
                }
            };
            values.0.push((dest, value));
        }
        let known = |value: &Value| graph.constant_of(values.of(*value));
        let mut next = match graph.terminator(block) {
            Terminator::Branch { condition, then, otherwise } => {
                if known(condition)? != 0 { then } else { otherwise }.clone()
            }
            Terminator::Switch { value, cases, default } => {
                let word = known(value)?;
                cases.iter().find(|&&(case, _)| case == word).map_or(default, |(_, edge)| edge).clone()
            }
            _ => return None,
        };
        next.args.iter_mut().for_each(|arg| *arg = values.of(*arg));
        Some(Copy { edge: (from, number), values, insts, next })
    }
}

impl Ways {
    /// If a block is not reached any more, nor are those that follow it alone. (A header that is reached from its own loop only is not: all other ways come from before it.)
    fn forget_dead(&mut self, graph: &Graph, block: usize) {
        let mut work = vec![block];
        while let Some(block) = work.pop() {
            if self.dead[block] || self.incoming.edges(block).any(|(from, _)| self.place[from] < self.place[block]) {
                continue;
            }
            self.dead[block] = true;
            let mut number = 0;
            graph.terminator(block).for_each_edge(|edge| {
                self.incoming.remove(block, number, edge.target);
                number += 1;
                work.push(edge.target);
            });
        }
    }

    /// Puts the copies in place and repairs the uses of the block's values: only those that are `escaping`, or have been made since that was found out, are used elsewhere.
    fn split(&mut self, graph: &mut Graph, block: usize, copies: Vec<Copy>, escaping: &[bool]) {
        let data = &graph.blocks[block];
        let Some((_, at)) = data.terminator else { return };
        let mut defined = data.parameters.clone();
        data.insts.iter().for_each(|placed| placed.inst.for_each_dest(|dest| defined.push(dest)));
        defined.retain(|value| escaping.get(value.index()).is_none_or(|&escapes| escapes));
        let mut definitions: FxHashMap<Value, FxHashMap<usize, Value>> =
            defined.iter().map(|&value| (value, FxHashMap::from_iter([(block, value)]))).collect();
        let mut versions = vec![block];
        for Copy { edge: (from, number), values, insts, next } in copies {
            let copy = graph.new_block();
            versions.push(copy);
            let terminator = Terminator::Jump(next);
            self.incoming.remove(from, number, block);
            self.incoming.add_block((from, number));
            self.incoming.add(copy, &terminator);
            self.order.push(copy);
            self.place.push(self.place[block]);
            self.dead.push(false);
            graph.blocks[copy] = BlockData { parameters: Vec::new(), insts, terminator: Some((terminator, at)) };
            *graph.edge_mut(from, number) = Edge::to(copy);
            for (value, by) in values.0 {
                if let Some(definitions) = definitions.get_mut(&value) {
                    definitions.insert(copy, by);
                }
            }
        }
        self.forget_dead(graph, block);
        if defined.is_empty() {
            return;
        }
        for at in 0..self.order.len() {
            let user = self.order[at];
            if versions.contains(&user) || self.dead[user] {
                continue;
            }
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
                    reaching.insert(value, reaching_definition(graph, &self.incoming, definitions, value, user));
                }
            }
            // (Arguments that have just been added for a parameter are what reaches this block already.)
            for_each_use(graph, user, |value| *value = reaching.get(value).copied().unwrap_or(*value));
        }
    }
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

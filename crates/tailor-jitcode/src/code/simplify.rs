//! Cleaning up SSA form, until nothing changes: what constants decide is decided, what is the same becomes one, what nobody uses goes.
//!
//! # What is done
//! - A parameter that all ways bring the same value to is that value. (Undefined values count as any constant: whatever is there, nobody may look.)
//! - Operations on constants are computed; a few identities that conversions and truth values bring along.
//! - Branches on constants become jumps; branches on a negation are turned round; blocks that are not reached are forgotten.
//! - A block that is alone in jumping to another continues in it; an empty block that jumps on is bypassed.
//! - Blocks that only decide something are bypassed by those who come with the answer ([`thread`](super::thread)).
//! - Instructions and parameters whose values are not used are dropped, if they do nothing else.
//!
//! # Why here
//! Bodies are recorded by their structure, without regard for what is constant; constants appear when functions are inlined, when newtypes and options are taken apart. The tracer runs whatever is
//! left here over and over, so that an instruction less is a gain each time.

use tailor_compiler::eval::evaluate;
use tailor_compiler::ir::{Op, OpCode, Type};

use super::bits::BitSet;
use super::thread::thread;
use crate::tape::graph::{Edge, Graph, Incoming, Inst, Placed, Terminator, Value, result_type};

/// See [the module](self).
pub(crate) fn simplify(graph: &mut Graph) {
    to_fixed_point(graph);
    while thread(graph) {
        to_fixed_point(graph);
    }
}

/// Bypasses empty blocks and concatenates others, where no values are passed: a third of what is recorded. This is cheap as long as there are variables, and spares all that follows from looking at
/// these blocks.
pub(crate) fn straighten(graph: &mut Graph) {
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
    let order = graph.reverse_postorder();
    let incoming = graph.incoming(&order);
    for block in order {
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
}

fn to_fixed_point(graph: &mut Graph) {
    let mut pass = Simplifier { same: (0..graph.values.len() as u32).map(Value).collect(), changed: true, graph };
    let mut order = pass.graph.reverse_postorder();
    let mut incoming = pass.graph.incoming(&order);
    while std::mem::take(&mut pass.changed) {
        pass.merge_parameters(&order, &incoming);
        pass.fold(&order);
        if pass.decide(&order) {
            order = pass.graph.reverse_postorder();
        }
        if pass.bypass(&order) {
            order = pass.graph.reverse_postorder();
        }
        incoming = pass.graph.incoming(&order);
        if pass.concatenate(&order, &incoming) {
            order = pass.graph.reverse_postorder();
            incoming = pass.graph.incoming(&order);
        }
        pass.drop_unused(&order, &incoming);
    }
}

struct Simplifier<'a> {
    graph: &'a mut Graph,
    /// For each value, what it is the same as; chains end in the representative.
    same: Vec<Value>,
    changed: bool,
}

impl Simplifier<'_> {
    fn representative(&self, value: Value) -> Value {
        representative(&self.same, value)
    }

    fn unite(&mut self, value: Value, with: Value) {
        self.same[value.index()] = with;
        self.changed = true;
    }

    fn constant(&mut self, ty: Type, bits: u64) -> Value {
        let value = self.graph.constant(ty, bits);
        if value.index() == self.same.len() {
            self.same.push(value);
        }
        value
    }

    /// Removes parameters that are one value.
    fn merge_parameters(&mut self, order: &[usize], incoming: &Incoming) {
        let mut kept = Vec::new();
        for &block in &order[1..] {
            kept.clear();
            for i in 0..self.graph.blocks[block].parameters.len() {
                let parameter = self.graph.blocks[block].parameters[i];
                let args = incoming.edges(block).map(|(from, edge)| self.graph.terminator(from).edge(edge).args[i]);
                match self.only_value(parameter, args) {
                    Some(value) => self.unite(parameter, value),
                    None => kept.push(i),
                }
            }
            self.keep_parameters(block, &kept, incoming);
        }
    }

    /// The value that all `args` are, if they are one.
    fn only_value(&self, parameter: Value, args: impl Iterator<Item = Value>) -> Option<Value> {
        let mut only = None;
        let mut undefined = None;
        for arg in args {
            let arg = self.representative(arg);
            if arg == parameter || only == Some(arg) {
                continue;
            }
            if self.graph.is_undefined(arg) {
                undefined = Some(arg);
            } else if only.replace(arg).is_some() {
                return None;
            }
        }
        match (only, undefined) {
            // A computed value need not be available on the way that brings nothing.
            (Some(value), Some(_)) => (!self.graph.is_computed(value)).then_some(value),
            (only, undefined) => only.or(undefined),
        }
    }

    fn keep_parameters(&mut self, block: usize, kept: &[usize], incoming: &Incoming) {
        if kept.len() == self.graph.blocks[block].parameters.len() {
            return;
        }
        keep(&mut self.graph.blocks[block].parameters, kept);
        for (from, edge) in incoming.edges(block) {
            let (terminator, _) = self.graph.blocks[from].terminator.as_mut().expect("it has this edge");
            keep(&mut terminator.edge_mut(edge).args, kept);
        }
    }

    /// Renames all uses and folds operations.
    fn fold(&mut self, order: &[usize]) {
        // The operations that values come from.
        let mut sources: Vec<Option<(OpCode, [Value; 3])>> = vec![None; self.graph.values.len()];
        for &block in order {
            let mut insts = std::mem::take(&mut self.graph.blocks[block].insts);
            insts.retain_mut(|placed| {
                placed.inst.for_each_use(|value| *value = self.representative(*value));
                self.fold_address(&mut placed.inst, &sources);
                let Inst::Pure { code, bits, args, dest } = &mut placed.inst else { return true };
                if let Some(value) = self.folded(*code, *bits, args, &sources) {
                    self.unite(*dest, value);
                    return false;
                }
                sources[dest.index()] = Some((*code, *args));
                true
            });
            self.graph.blocks[block].insts = insts;
            let Some((terminator, _)) = &mut self.graph.blocks[block].terminator else { continue };
            let rename = |value: &mut Value| *value = representative(&self.same, *value);
            terminator.for_each_own_use(rename);
            terminator.edges_mut().flat_map(|edge| &mut edge.args).for_each(rename);
            let Terminator::Branch { condition, .. } = *terminator else { continue };
            if let Some((operand, negated)) = self.tested(condition, &sources)
                && let Some((Terminator::Branch { condition, then, otherwise }, _)) =
                    &mut self.graph.blocks[block].terminator
            {
                *condition = operand;
                if negated {
                    std::mem::swap(then, otherwise);
                }
                self.changed = true;
            }
        }
    }

    /// Constants that are added to the address of an access become part of its offset.
    fn fold_address(&mut self, inst: &mut Inst, sources: &[Option<(OpCode, [Value; 3])>]) {
        let (Inst::Load { memory, base, .. } | Inst::Store { memory, base, .. }) = inst else { return };
        let Some(&Some((OpCode::PtrAdd, [below, bytes, _]))) = sources.get(base.index()) else { return };
        let mut place = self.graph.memories[usize::from(*memory)];
        let bytes = self.graph.constant_of(bytes).and_then(|bytes| i32::try_from(bytes as i64).ok());
        if let Some(offset) = bytes.and_then(|bytes| place.offset.checked_add(bytes)) {
            place.offset = offset;
            *memory = self.graph.memory(&place);
            *base = below;
            self.changed = true;
        }
    }

    /// If a condition compares a word with 0: that word, and whether it must be 0.
    fn tested(&self, condition: Value, sources: &[Option<(OpCode, [Value; 3])>]) -> Option<(Value, bool)> {
        let &Some((code, [a, b, _])) = sources.get(condition.index())? else { return None };
        let zero = self.graph.constant_of(b) == Some(0);
        match code {
            OpCode::Eq if zero => Some((a, true)),
            OpCode::Ne if zero => Some((a, false)),
            _ => None,
        }
    }

    /// What an operation can be replaced by.
    fn folded(
        &mut self,
        code: OpCode,
        bits: u8,
        args: &mut [Value; 3],
        sources: &[Option<(OpCode, [Value; 3])>],
    ) -> Option<Value> {
        let commutes = matches!(
            code,
            OpCode::Add | OpCode::Mul | OpCode::And | OpCode::Or | OpCode::Xor | OpCode::Eq | OpCode::Ne
        );
        if commutes && self.graph.constant_of(args[0]).is_some() {
            args.swap(0, 1);
        }
        let [a, b, c] = *args;
        let constant = |value| if value == Value::NONE { Some(0) } else { self.graph.constant_of(value) };
        let (ka, kb) = (constant(a), constant(b));
        if let (Some(a), Some(b), Some(c)) = (ka, kb, constant(c)) {
            let ty = result_type(code)?;
            let mut op = Op::new(code, ty);
            op.aux = u16::from(bits);
            return evaluate(&op, a, b, c).map(|word| self.constant(ty, word));
        }
        let source = |value: Value| sources.get(value.index()).copied().flatten();
        if let (OpCode::Add | OpCode::PtrAdd, Some(more)) = (code, kb)
            && let Some((inner_code, [inner, addend, _])) = source(a)
            && inner_code == code
            && let Some(addend) = self.graph.constant_of(addend)
        {
            *args = [inner, self.constant(Type::Int, addend.wrapping_add(more)), c];
            self.changed = true;
            return None;
        }
        match (code, kb) {
            (OpCode::Add | OpCode::Sub | OpCode::Or | OpCode::Xor | OpCode::PtrAdd, Some(0))
            | (OpCode::Shl | OpCode::Shr | OpCode::Sar, Some(0))
            | (OpCode::Mul | OpCode::DivS | OpCode::DivU, Some(1))
            | (OpCode::And, Some(u64::MAX)) => Some(a),
            (OpCode::And, Some(1)) | (OpCode::Ne, Some(0)) | (OpCode::Eq, Some(1)) => {
                source(a).is_some_and(|(code, _)| is_truth(code)).then_some(a)
            }
            // Not not.
            (OpCode::Eq, Some(0)) => match source(a) {
                Some((OpCode::Eq, [inner, zero, _])) if self.graph.constant_of(zero) == Some(0) => {
                    source(inner).is_some_and(|(code, _)| is_truth(code)).then_some(inner)
                }
                _ => None,
            },
            (OpCode::IntToRef, _) => source(a).and_then(|(code, args)| (code == OpCode::RefToInt).then_some(args[0])),
            (OpCode::RefToInt, _) => source(a).and_then(|(code, args)| (code == OpCode::IntToRef).then_some(args[0])),
            (OpCode::BitsFloat, _) => source(a).and_then(|(code, args)| (code == OpCode::FloatBits).then_some(args[0])),
            (OpCode::FloatBits, _) => source(a).and_then(|(code, args)| (code == OpCode::BitsFloat).then_some(args[0])),
            (OpCode::Select, _) => match ka {
                Some(0) => Some(c),
                Some(_) => Some(b),
                None => (b == c).then_some(b),
            },
            _ => None,
        }
    }

    /// Branches whose way is known become jumps; whether there were any.
    fn decide(&mut self, order: &[usize]) -> bool {
        let mut any = false;
        for &block in order {
            let Some((terminator, at)) = &self.graph.blocks[block].terminator else { continue };
            let decided = match terminator {
                Terminator::Branch { condition, then, otherwise } => match self.graph.constant_of(*condition) {
                    Some(0) => Some(otherwise.clone()),
                    Some(_) => Some(then.clone()),
                    None => (then == otherwise).then(|| then.clone()),
                },
                Terminator::Switch { value, cases, default } => match self.graph.constant_of(*value) {
                    Some(word) => {
                        let case = cases.iter().find(|&&(case, _)| case == word);
                        Some(case.map_or(default, |(_, edge)| edge).clone())
                    }
                    None => cases.iter().all(|(_, edge)| edge == default).then(|| default.clone()),
                },
                _ => None,
            };
            if let Some(edge) = decided {
                self.graph.blocks[block].terminator = Some((Terminator::Jump(edge), *at));
                any = true;
            }
        }
        self.changed |= any;
        any
    }

    /// Edges to blocks that do nothing but jump on lead to where these jump; whether there were any.
    fn bypass(&mut self, order: &[usize]) -> bool {
        let empty = |&&block: &&usize| self.graph.blocks[block].only_jumps().is_some();
        if !order.iter().any(|block| empty(&block)) {
            return false;
        }
        let used = self.used_beyond_jumps(order);
        let mut any = false;
        for &block in order {
            for number in 0..self.graph.blocks[block].edge_count() {
                let Some(next) = self.next_of_empty(self.graph.terminator(block).edge(number), &used) else { continue };
                if let Some((terminator, _)) = &mut self.graph.blocks[block].terminator {
                    *terminator.edge_mut(number) = next;
                }
                any = true;
            }
        }
        self.changed |= any;
        any
    }

    /// All values that are used elsewhere than in a block that does nothing but pass its own parameters on.
    fn used_beyond_jumps(&self, order: &[usize]) -> BitSet {
        let mut used = BitSet::new(self.graph.values.len());
        for &block in order {
            let data = &self.graph.blocks[block];
            for placed in &data.insts {
                placed.inst.for_each_used(|value| _ = used.insert(value.index()));
            }
            let Some((terminator, _)) = &data.terminator else { continue };
            terminator.own_uses().iter().for_each(|value| _ = used.insert(value.index()));
            let only_jumps = data.only_jumps().is_some();
            for arg in terminator.edges().flat_map(|edge| &edge.args) {
                if !(only_jumps && data.parameters.contains(arg)) {
                    used.insert(arg.index());
                }
            }
        }
        used
    }

    /// Where an edge to an empty block leads in the end, through others like it; `None` if the block is not empty, its parameters are `used` elsewhere, or it leads nowhere.
    fn next_of_empty(&self, edge: &Edge, used: &BitSet) -> Option<Edge> {
        let mut last: Option<Edge> = None;
        for _ in 0..self.graph.blocks.len() {
            let Edge { target, args } = last.as_ref().unwrap_or(edge);
            let data = &self.graph.blocks[*target];
            match data.only_jumps() {
                Some(next) if !data.parameters.iter().any(|value| used.contains(value.index())) => {
                    let mut next = next.clone();
                    for value in &mut next.args {
                        if let Some(i) = data.parameters.iter().position(|parameter| parameter == value) {
                            *value = args[i];
                        }
                    }
                    last = Some(next);
                }
                _ => return last,
            }
        }
        None
    }

    /// A block that is the only one to come to the block it jumps to takes that block's place, too; whether there were any.
    fn concatenate(&mut self, order: &[usize], incoming: &Incoming) -> bool {
        let mut any = false;
        // What has been taken by another is empty.
        for &block in order {
            while let Some((Terminator::Jump(edge), _)) = &mut self.graph.blocks[block].terminator
                && edge.target != block
                && incoming.single(edge.target).is_some()
            {
                let Edge { target, args } = std::mem::replace(edge, Edge::to(block));
                let next = std::mem::take(&mut self.graph.blocks[target]);
                for (parameter, arg) in next.parameters.into_iter().zip(args) {
                    self.unite(parameter, arg);
                }
                let data = &mut self.graph.blocks[block];
                data.insts.extend(next.insts);
                data.terminator = next.terminator;
                any = true;
            }
        }
        self.changed |= any;
        any
    }

    /// Drops what only computes values that nobody uses.
    fn drop_unused(&mut self, order: &[usize], incoming: &Incoming) {
        let used = self.used_in_the_end(order, incoming);
        let mut kept = Vec::new();
        for &block in order {
            let insts = &mut self.graph.blocks[block].insts;
            let count = insts.len();
            insts.retain(|placed| is_needed(&placed.inst, &used));
            self.changed |= insts.len() != count;
            let parameters = &self.graph.blocks[block].parameters;
            if block != 0 && !parameters.iter().all(|parameter| used.contains(parameter.index())) {
                kept.clear();
                kept.extend((0..parameters.len()).filter(|&i| used.contains(parameters[i].index())));
                self.changed = true;
                self.keep_parameters(block, &kept, incoming);
            }
        }
    }

    /// All values that what cannot be dropped uses, itself or by way of others.
    fn used_in_the_end(&self, order: &[usize], incoming: &Incoming) -> BitSet {
        let mut marks = Marks { used: BitSet::new(self.graph.values.len()), new: Vec::new(), same: &self.same };
        // Where values are defined: the block, and the number of the parameter or, behind all parameters, of the instruction.
        let mut sources = vec![(0, u32::MAX); self.graph.values.len()];
        for &block in order {
            let data = &self.graph.blocks[block];
            let mut number = 0;
            for parameter in &data.parameters {
                sources[parameter.index()] = (block, number);
                number += 1;
            }
            for Placed { inst, .. } in &data.insts {
                if inst.is_droppable() {
                    inst.for_each_dest(|dest| sources[dest.index()] = (block, number));
                } else {
                    inst.for_each_used(|value| marks.mark(value));
                }
                number += 1;
            }
            let Some((terminator, _)) = &data.terminator else { continue };
            terminator.own_uses().iter().for_each(|&value| marks.mark(value));
        }
        while let Some(value) = marks.new.pop() {
            let (block, number) = sources[value.index()];
            // Constants come from nowhere, nor do results of what is there anyway.
            if number == u32::MAX {
                continue;
            }
            let data = &self.graph.blocks[block];
            match (number as usize).checked_sub(data.parameters.len()) {
                Some(inst) => data.insts[inst].inst.for_each_used(|value| marks.mark(value)),
                None => incoming.edges(block).for_each(|(from, edge)| {
                    marks.mark(self.graph.terminator(from).edge(edge).args[number as usize]);
                }),
            }
        }
        marks.used
    }
}

/// Values that are used.
struct Marks<'a> {
    used: BitSet,
    /// Those of them whose operands have not been marked.
    new: Vec<Value>,
    /// As in [`Simplifier`].
    same: &'a [Value],
}

impl Marks<'_> {
    fn mark(&mut self, value: Value) {
        let value = representative(self.same, value);
        if self.used.insert(value.index()) {
            self.new.push(value);
        }
    }
}

/// What `value` is the same as in the end.
fn representative(same: &[Value], mut value: Value) -> Value {
    while value != Value::NONE && same[value.index()] != value {
        value = same[value.index()];
    }
    value
}

/// Keeps the items at these places, which increase.
fn keep(list: &mut Vec<Value>, kept: &[usize]) {
    kept.iter().enumerate().for_each(|(to, &from)| list[to] = list[from]);
    list.truncate(kept.len());
}

fn is_needed(inst: &Inst, used: &BitSet) -> bool {
    let mut needed = !inst.is_droppable();
    inst.for_each_dest(|dest| needed |= used.contains(dest.index()));
    needed
}

/// Whether an operation yields 0 or 1.
fn is_truth(code: OpCode) -> bool {
    matches!(
        code,
        OpCode::Eq
            | OpCode::Ne
            | OpCode::Lt
            | OpCode::Le
            | OpCode::LtU
            | OpCode::LeU
            | OpCode::FEq
            | OpCode::FNe
            | OpCode::FLt
            | OpCode::FLe
            | OpCode::RefEq
            | OpCode::RefNe
            | OpCode::OvfAdd
            | OpCode::OvfSub
            | OpCode::OvfMul
    )
}

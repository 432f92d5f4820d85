//! Folding: what an operation on constants, or on the results of certain others, is the same as.
//!
//! - Operations on constants are computed; a few identities that conversions and truth values bring along.
//! - Constants that are added to the address of an access become part of its offset.
//! - A branch on a negation is turned round, one on a constant becomes a jump.
//!
//! All this is done at an operation once, when its operands have been folded: whoever comes by the blocks in reverse postorder has seen the definitions of what an operation uses.

use tailor_compiler::eval::evaluate;
use tailor_compiler::ir::{Op, OpCode, Type};

use crate::tape::graph::{Graph, Inst, Terminator, Value, result_type};

/// What is known of values; see [the module](self).
#[derive(Default)]
pub(crate) struct Folding {
    /// For each value that is the same as another, that one; itself for others, or nothing if it is behind the end. Chains end in the representative.
    same: Vec<Value>,
    /// The operations that values come from.
    sources: Vec<Option<(OpCode, [Value; 3])>>,
}

impl Folding {
    /// Forgets where values come from: `graph` is going to be walked through again.
    pub fn begin(&mut self, graph: &Graph) {
        self.sources.clear();
        self.sources.resize(graph.values.len(), None);
    }

    /// What `value` is the same as in the end.
    #[inline]
    pub fn representative(&self, mut value: Value) -> Value {
        while let Some(&same) = self.same.get(value.index())
            && same != value
        {
            value = same;
        }
        value
    }

    /// Says that a value is the same as another.
    pub fn unite(&mut self, value: Value, with: Value) {
        let known = self.same.len() as u32;
        self.same.extend((known..=value.0).map(Value));
        self.same[value.index()] = with;
    }

    fn source(&self, value: Value) -> Option<(OpCode, [Value; 3])> {
        self.sources.get(value.index()).copied().flatten()
    }

    /// Renames what an instruction uses, and folds it; whether it is still needed to compute its result.
    pub fn inst(&mut self, graph: &mut Graph, inst: &mut Inst) -> bool {
        inst.for_each_use(|value| *value = self.representative(*value));
        match inst {
            Inst::Load { memory, base, .. } | Inst::Store { memory, base, .. } => {
                self.fold_address(graph, memory, base);
                true
            }
            Inst::Pure { code, bits, args, dest } => match self.folded(graph, *code, *bits, args) {
                Some(value) => {
                    self.unite(*dest, value);
                    false
                }
                None => {
                    self.sources[dest.index()] = Some((*code, *args));
                    true
                }
            },
            _ => true,
        }
    }

    /// Constants that are added to the address of an access become part of its offset.
    fn fold_address(&self, graph: &mut Graph, memory: &mut u16, base: &mut Value) {
        while let Some((OpCode::PtrAdd, [below, bytes, _])) = self.source(*base) {
            let mut place = graph.memories[usize::from(*memory)];
            let bytes = graph.constant_of(bytes).and_then(|bytes| i32::try_from(bytes as i64).ok());
            let Some(offset) = bytes.and_then(|bytes| place.offset.checked_add(bytes)) else { break };
            place.offset = offset;
            *memory = graph.memory(&place);
            *base = below;
        }
    }

    /// What an operation can be replaced by; else its operands may have been.
    fn folded(&self, graph: &mut Graph, code: OpCode, bits: u8, args: &mut [Value; 3]) -> Option<Value> {
        let commutes = matches!(
            code,
            OpCode::Add | OpCode::Mul | OpCode::And | OpCode::Or | OpCode::Xor | OpCode::Eq | OpCode::Ne
        );
        if commutes && graph.constant_of(args[0]).is_some() {
            args.swap(0, 1);
        }
        let [a, b, c] = *args;
        let constant = |value| if value == Value::NONE { Some(0) } else { graph.constant_of(value) };
        let (ka, kb) = (constant(a), constant(b));
        if let (Some(a), Some(b), Some(c)) = (ka, kb, constant(c)) {
            let ty = result_type(code)?;
            let mut op = Op::new(code, ty);
            op.aux = u16::from(bits);
            return evaluate(&op, a, b, c).map(|word| graph.constant(ty, word));
        }
        let of = |from: OpCode| self.source(a).and_then(|(code, args)| (code == from).then_some(args[0]));
        if let (OpCode::Add | OpCode::PtrAdd, Some(more)) = (code, kb)
            && let Some((inner_code, [inner, addend, _])) = self.source(a)
            && inner_code == code
            && let Some(addend) = graph.constant_of(addend)
        {
            *args = [inner, graph.constant(Type::Int, addend.wrapping_add(more)), c];
            return self.folded(graph, code, bits, args);
        }
        match (code, kb) {
            (OpCode::Add | OpCode::Sub | OpCode::Or | OpCode::Xor | OpCode::PtrAdd, Some(0))
            | (OpCode::Shl | OpCode::Shr | OpCode::Sar, Some(0))
            | (OpCode::Mul | OpCode::DivS | OpCode::DivU, Some(1))
            | (OpCode::And, Some(u64::MAX)) => Some(a),
            (OpCode::And, Some(1)) | (OpCode::Ne, Some(0)) | (OpCode::Eq, Some(1)) => {
                self.source(a).is_some_and(|(code, _)| is_truth(code)).then_some(a)
            }
            // Not not.
            (OpCode::Eq, Some(0)) => match self.source(a) {
                Some((OpCode::Eq, [inner, zero, _])) if graph.constant_of(zero) == Some(0) => {
                    self.source(inner).is_some_and(|(code, _)| is_truth(code)).then_some(inner)
                }
                _ => None,
            },
            (OpCode::IntToRef, _) => of(OpCode::RefToInt),
            (OpCode::RefToInt, _) => of(OpCode::IntToRef),
            (OpCode::BitsFloat, _) => of(OpCode::FloatBits),
            (OpCode::FloatBits, _) => of(OpCode::BitsFloat),
            (OpCode::Select, _) => match ka {
                Some(0) => Some(c),
                Some(_) => Some(b),
                None => (b == c).then_some(b),
            },
            _ => None,
        }
    }

    /// Renames what a terminator uses, and decides it if that can be done; whether it has been.
    pub fn terminator(&self, graph: &Graph, terminator: &mut Terminator) -> bool {
        let rename = |value: &mut Value| *value = self.representative(*value);
        terminator.for_each_own_use(rename);
        terminator.edges_mut().flat_map(|edge| &mut edge.args).for_each(rename);
        if let Terminator::Branch { condition, then, otherwise } = terminator {
            while let Some((operand, negated)) = self.tested(graph, *condition) {
                *condition = operand;
                if negated {
                    std::mem::swap(then, otherwise);
                }
            }
        }
        decide(graph, terminator)
    }

    /// If a condition compares a word with 0: that word, and whether it must be 0.
    fn tested(&self, graph: &Graph, condition: Value) -> Option<(Value, bool)> {
        let (code, [a, b, _]) = self.source(condition)?;
        let zero = graph.constant_of(b) == Some(0);
        match code {
            OpCode::Eq if zero => Some((a, true)),
            OpCode::Ne if zero => Some((a, false)),
            _ => None,
        }
    }
}

/// Makes a terminator whose way is known, or the same in each case, a jump; whether it was one.
pub(crate) fn decide(graph: &Graph, terminator: &mut Terminator) -> bool {
    let decided = match terminator {
        Terminator::Branch { condition, then, otherwise } => match graph.constant_of(*condition) {
            Some(0) => otherwise,
            Some(_) => then,
            None if then == otherwise => then,
            None => return false,
        },
        Terminator::Switch { value, cases, default } => match graph.constant_of(*value) {
            Some(word) => cases.iter_mut().find(|(case, _)| *case == word).map_or(default, |(_, edge)| edge),
            None if cases.iter().all(|(_, edge)| edge == default) => default,
            None => return false,
        },
        _ => return false,
    };
    *terminator = Terminator::Jump(std::mem::replace(decided, crate::tape::graph::Edge::to(0)));
    true
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

//! Recording operations: constants are computed, pure operations shared, guards made.

use tailor_compiler::eval::evaluate;
use tailor_compiler::ir::opcode::ResultType;
use tailor_compiler::ir::{Op, OpCode, Ref, Type};
use tailor_jitcode::code::Position;

use super::{Sym, Tracer};

impl Tracer<'_> {
    /// A symbol with what has been found out about it.
    pub(super) fn resolve(&mut self, sym: Sym) -> Sym {
        let Some(&known) = self.known.get(&sym.base) else { return sym };
        Sym { base: known.base, offset: known.offset + sym.offset }
    }

    /// The word of a symbol that is a constant.
    pub(super) fn constant_of(&self, sym: Sym) -> Option<u64> {
        let (_, word) = self.unit.constants[sym.base.as_constant()?];
        Some(word.wrapping_add(i64::from(sym.offset) as u64))
    }

    /// A constant.
    pub(super) fn constant(&mut self, ty: Type, word: u64) -> Sym {
        Sym::of(self.unit.constant(ty, word))
    }

    /// A symbol as operand.
    pub(super) fn value(&mut self, sym: Sym) -> Ref {
        if sym.offset == 0 {
            return sym.base;
        }
        if let Some(word) = self.constant_of(sym) {
            return self.unit.constant(Type::Ref, word);
        }
        let offset = self.unit.int(i64::from(sym.offset));
        self.share(Op { aux: 0, ..Op::new(OpCode::PtrAdd, Type::Ref) }, [sym.base, offset, Ref::NONE])
    }

    /// The value of a pure operation, recorded unless it has been.
    fn share(&mut self, op: Op, operands: [Ref; 3]) -> Ref {
        let key = (op.code, op.aux, operands);
        if let Some(&value) = self.pure.get(&key) {
            return value;
        }
        let [a, b, c] = operands.map(|operand| if operand == Ref::NONE { 0 } else { operand.word() });
        let value = self.unit.push(Op { a, b, c, ..op });
        self.pure.insert(key, value);
        value
    }

    /// A pure operation of words and symbols. `None` if it has no value: a division that is not defined.
    pub(super) fn pure(&mut self, code: OpCode, bits: u8, operands: &[(u64, Sym)]) -> Option<(u64, Sym)> {
        let ty = match code.result() {
            ResultType::F => Type::Float,
            ResultType::R => Type::Ref,
            _ => Type::Int,
        };
        let op = Op { aux: u16::from(bits), ..Op::new(code, ty) };
        let word_of = |at: usize| operands.get(at).map_or(0, |operand| operand.0);
        let word = evaluate(&op, word_of(0), word_of(1), word_of(2))?;
        // An address in an object that is a constant keeps the object: its barrier has to be told from others.
        if code == OpCode::PtrAdd
            && let Some(sym) = self.simplified(code, operands)
        {
            return Some((word, sym));
        }
        if operands.iter().all(|&(_, sym)| sym.base.as_constant().is_some()) {
            return Some((word, self.constant(ty, word)));
        }
        if let Some(sym) = self.simplified(code, operands) {
            return Some((word, sym));
        }
        let mut values = [Ref::NONE; 3];
        for (value, &(_, sym)) in values.iter_mut().zip(operands) {
            *value = self.value(sym);
        }
        Some((word, Sym::of(self.share(op, values))))
    }

    /// What the tracer itself must see through: addresses with constant offsets, conversions there and back, decided choices, and that new objects are not null.
    fn simplified(&mut self, code: OpCode, operands: &[(u64, Sym)]) -> Option<Sym> {
        let (word, sym) = operands[0];
        match code {
            OpCode::PtrAdd => {
                let bytes = self.constant_of(operands[1].1)? as i64;
                let offset = i32::try_from(i64::from(sym.offset).checked_add(bytes)?).ok()?;
                Some(Sym { base: sym.base, offset })
            }
            OpCode::IntToRef => self.converted(sym, OpCode::RefToInt),
            OpCode::RefToInt => self.converted(sym, OpCode::IntToRef),
            OpCode::FloatBits => self.converted(sym, OpCode::BitsFloat),
            OpCode::BitsFloat => self.converted(sym, OpCode::FloatBits),
            OpCode::Select => {
                self.constant_of(sym)?;
                Some(operands[if word != 0 { 1 } else { 2 }].1)
            }
            OpCode::RefEq | OpCode::RefNe => {
                let (other, null) = (operands[1].1, self.constant_of(operands[1].1)? == 0);
                debug_assert!(other.base.as_constant().is_some());
                let is_new = sym.offset == 0 && self.fresh.contains_key(&sym.base);
                (null && is_new).then(|| self.constant(Type::Int, u64::from(code == OpCode::RefNe)))
            }
            _ => None,
        }
    }

    /// What a value was before it was converted by `from`.
    fn converted(&self, sym: Sym, from: OpCode) -> Option<Sym> {
        let op = self.unit.ops[sym.base.as_op()?];
        (sym.offset == 0 && op.code == from).then(|| Sym::of(Ref::from_word(op.a)))
    }

    /// Guards that a truth value is what it is; if not, execution goes on at `otherwise`.
    ///
    /// Guards that are made to fail in tests go on where they are, and decide anew.
    pub(super) fn guard(&mut self, (word, sym): (u64, Sym), otherwise: Position) {
        if sym.base.as_constant().is_some() {
            return;
        }
        let condition = self.value(sym);
        let forced = self.driver.parameters.fail_guards;
        let position = if forced { self.frame().position } else { otherwise };
        let snapshot = self.snapshot(position);
        let code = if word != 0 { OpCode::GuardTrue } else { OpCode::GuardFalse };
        self.unit.push(Op { a: condition.word(), b: snapshot.0, ..Op::new(code, Type::Void) });
        self.learn(condition, word != 0);
    }

    /// What follows from a condition that has been guarded.
    fn learn(&mut self, condition: Ref, holds: bool) {
        let Some(op) = condition.as_op().map(|op| self.unit.ops[op]) else { return };
        // What holds may be any word but 0, if it is not made by a comparison.
        if !holds || is_truth_value(op.code) {
            let truth = self.unit.int(i64::from(holds));
            self.known.insert(condition, Sym::of(truth));
        }
        let equal = match op.code {
            OpCode::Eq | OpCode::RefEq => holds,
            OpCode::Ne | OpCode::RefNe => !holds,
            _ => return,
        };
        let (a, b) = (Ref::from_word(op.a), Ref::from_word(op.b));
        if equal && a.as_op().is_some() && b.as_constant().is_some() {
            self.known.insert(a, Sym::of(b));
        } else if equal && b.as_op().is_some() && a.as_constant().is_some() {
            self.known.insert(b, Sym::of(a));
        }
    }

    /// Makes a value a constant: guards that it is what it is; if not, execution goes on at `position`.
    pub(super) fn promote(&mut self, (word, sym): (u64, Sym), ty: Type, position: Position) -> Sym {
        if sym.base.as_constant().is_some() {
            return sym;
        }
        let (subject, equals) = match ty {
            Type::Ref => (Sym::of(self.value(sym)), OpCode::RefEq),
            Type::Float => {
                let bits = self.pure(OpCode::FloatBits, 0, &[(word, sym)]);
                (bits.map_or(sym, |(_, bits)| bits), OpCode::Eq)
            }
            _ => (sym, OpCode::Eq),
        };
        let compared = if ty == Type::Ref { Type::Ref } else { Type::Int };
        let constant = self.constant(compared, word);
        let equal = self.pure(equals, 0, &[(word, subject), (word, constant)]);
        if let Some(equal) = equal {
            self.guard(equal, position);
        }
        let result = self.constant(ty, word);
        if sym.offset == 0 {
            self.known.insert(sym.base, result);
        }
        result
    }

    /// Finds out that an address is the root and some bytes: guards it; if not, execution goes on at `position`.
    pub(super) fn relate_to_root(&mut self, (word, sym): (u64, Sym), bytes: i32, position: Position) {
        let expected = Sym { base: self.root, offset: bytes };
        let equal = self.pure(OpCode::RefEq, 0, &[(word, sym), (word, expected)]);
        if let Some(equal) = equal {
            self.guard(equal, position);
        }
        if sym.offset == 0 && sym.base.as_op().is_some() {
            self.known.insert(sym.base, expected);
        }
    }
}

/// Whether an operation's value is 0 or 1.
fn is_truth_value(code: OpCode) -> bool {
    use OpCode::{Eq, FEq, FLe, FLt, FNe, Le, LeU, Lt, LtU, Ne, OvfAdd, OvfMul, OvfSub, RefEq, RefNe};
    matches!(code, Eq | Ne | Lt | Le | LtU | LeU | OvfAdd | OvfSub | OvfMul | FEq | FNe | FLt | FLe | RefEq | RefNe)
}

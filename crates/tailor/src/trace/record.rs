//! Recording operations: constants are computed, pure operations shared, guards made.

use tailor_compiler::eval::evaluate;
use tailor_compiler::ir::opcode::ResultType;
use tailor_compiler::ir::{Op, OpCode, Ref, Type};
use tailor_jitcode::code::Position;

use super::{Operand, Sym, Tracer};

/// What tells a pure operation from others.
pub fn key(op: &Op) -> (u64, u64) {
    let code = op.code as u64 | u64::from(op.aux) << 8;
    (code | u64::from(op.a) << 32, u64::from(op.b) | u64::from(op.c) << 32)
}

/// The type of an operand of this kind, of a pure operation.
pub fn operand_type(kind: &u8) -> Type {
    match kind {
        b'f' => Type::Float,
        b'r' => Type::Ref,
        _ => Type::Int,
    }
}

/// The type of a pure operation's value.
pub fn result_type(code: OpCode) -> Type {
    match code.result() {
        ResultType::F => Type::Float,
        ResultType::R => Type::Ref,
        _ => Type::Int,
    }
}

/// How many operands a pure operation has.
pub fn operand_count(code: OpCode) -> usize {
    match code.operands() {
        [_, _, b'.'] if code.operands()[1] == b'.' => 1,
        [_, _, b'.'] => 2,
        _ => 3,
    }
}

impl Tracer<'_> {
    /// A symbol with what has been found out about it.
    pub(super) fn resolve(&self, sym: Sym) -> Sym {
        let Some(&known) = sym.base.as_op().and_then(|op| self.known.get(op)) else { return sym };
        if known == Sym::NONE { sym } else { Sym { base: known.base, offset: known.offset + sym.offset } }
    }

    /// Notes what a value has been found to be.
    fn note(&mut self, value: Ref, is: Sym) {
        let Some(op) = value.as_op() else { return };
        if op >= self.known.len() {
            self.known.resize(op + 1, Sym::NONE);
        }
        self.known[op] = is;
    }

    /// Whether a value is an object that the unit has allocated.
    pub(super) fn is_new(&self, value: Ref) -> bool {
        value.as_op().is_some_and(|op| self.unit.ops[op].code == OpCode::New)
    }

    /// A constant of the unit. An object that it refers to stays where it is: until the unit is complete, for the roots' sake.
    pub(super) fn intern(&mut self, ty: Type, word: u64) -> Ref {
        let count = self.unit.constants.len();
        let constant = self.unit.constant(ty, word);
        if self.unit.constants.len() > count {
            self.driver.roots.hold_constant(word);
        }
        constant
    }

    /// An operand of an operation that is recorded; its type is this.
    pub(super) fn value(&mut self, (word, sym): Operand, ty: Type) -> Ref {
        if sym.is_constant() {
            return self.intern(ty, word);
        }
        if sym.offset == 0 {
            return sym.base;
        }
        let offset = self.unit.int(i64::from(sym.offset));
        self.share(Op { a: sym.base.word(), b: offset.word(), ..Op::new(OpCode::PtrAdd, Type::Ref) })
    }

    /// The value of a pure operation, recorded unless it has been.
    pub(super) fn share(&mut self, op: Op) -> Ref {
        let next = Ref::op(self.unit.ops.len());
        let value = *self.pure.entry(key(&op)).or_insert(next);
        if value == next {
            self.unit.push(op);
        }
        value
    }

    /// A pure operation of words and symbols. `None` if it has no value: a division that is not defined.
    pub(super) fn pure(&mut self, code: OpCode, bits: u8, operands: &[Operand]) -> Option<Operand> {
        let mut op = Op { aux: u16::from(bits), ..Op::new(code, Type::Int) };
        let word_of = |at: usize| operands.get(at).map_or(0, |operand| operand.0);
        let word = evaluate(&op, word_of(0), word_of(1), word_of(2))?;
        let constant = operands.iter().all(|&(_, sym)| sym.is_constant());
        // An address in an object that is a constant keeps the object: its barrier has to be told from others.
        if constant && code != OpCode::PtrAdd {
            return Some((word, Sym::CONSTANT));
        }
        if let Some(sym) = self.simplified(code, operands) {
            return Some((word, sym));
        }
        if constant {
            return Some((word, Sym::CONSTANT));
        }
        let mut values = [0; 3];
        for ((value, &operand), kind) in values.iter_mut().zip(operands).zip(code.operands()) {
            let ty = operand_type(kind);
            *value = self.value(operand, ty).word();
        }
        [op.a, op.b, op.c] = values;
        op.ty = result_type(code);
        Some((word, Sym::of(self.share(op))))
    }

    /// What the tracer itself must see through: addresses with constant offsets, conversions there and back, decided choices, and that new objects are not null, what tags boxes have not.
    fn simplified(&self, code: OpCode, operands: &[Operand]) -> Option<Sym> {
        let (word, sym) = operands[0];
        match code {
            OpCode::PtrAdd => {
                let (bytes, index) = operands[1];
                let offset = i32::try_from(i64::from(sym.offset).checked_add(bytes as i64)?).ok()?;
                index.is_constant().then_some(Sym { base: sym.base, offset })
            }
            OpCode::IntToRef => self.converted(sym, OpCode::RefToInt),
            OpCode::RefToInt => self.converted(sym, OpCode::IntToRef),
            OpCode::FloatBits => self.converted(sym, OpCode::BitsFloat),
            OpCode::BitsFloat => self.converted(sym, OpCode::FloatBits),
            OpCode::Select => sym.is_constant().then(|| operands[if word != 0 { 1 } else { 2 }].1),
            OpCode::RefEq | OpCode::RefNe => {
                let (other, is) = operands[1];
                let null = is.is_constant() && other == 0;
                (null && sym.offset == 0 && self.is_new(sym.base)).then_some(Sym::CONSTANT)
            }
            // Boxes are not 0, and their tag has but its own bits.
            OpCode::Eq | OpCode::Ne | OpCode::And => {
                let (other, is) = operands[1];
                let (boxing, _) = self.unit.boxed(sym.base).filter(|_| is.is_constant())?;
                let desc = self.driver.descriptors.boxing(boxing);
                let known = if code == OpCode::And { other & !desc.mask | other & desc.tag } else { other };
                (known == 0).then_some(Sym::CONSTANT)
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
    pub(super) fn guard(&mut self, (word, sym): Operand, otherwise: Position) {
        if sym.is_constant() {
            return;
        }
        let condition = self.value((word, sym), Type::Int);
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
        if !holds || op.code.is_test() {
            self.note(condition, Sym::CONSTANT);
        }
        let equal = match op.code {
            OpCode::Eq | OpCode::RefEq => holds,
            OpCode::Ne | OpCode::RefNe => !holds,
            _ => return,
        };
        let (a, b) = (Ref::from_word(op.a), Ref::from_word(op.b));
        if equal && a.as_op().is_some() && b.as_constant().is_some() {
            self.note(a, Sym::CONSTANT);
        } else if equal && b.as_op().is_some() && a.as_constant().is_some() {
            self.note(b, Sym::CONSTANT);
        }
    }

    /// Makes a value a constant: guards that it is what it is; if not, execution goes on at `position`.
    pub(super) fn promote(&mut self, (word, sym): Operand, ty: Type, position: Position) {
        if sym.is_constant() {
            return;
        }
        let (subject, equals) = match ty {
            Type::Ref => (sym, OpCode::RefEq),
            Type::Float => {
                let bits = self.pure(OpCode::FloatBits, 0, &[(word, sym)]);
                (bits.map_or(sym, |(_, bits)| bits), OpCode::Eq)
            }
            _ => (sym, OpCode::Eq),
        };
        let equal = self.pure(equals, 0, &[(word, subject), (word, Sym::CONSTANT)]);
        if let Some(equal) = equal {
            self.guard(equal, position);
        }
        if sym.offset == 0 {
            self.note(sym.base, Sym::CONSTANT);
        }
    }

    /// Finds out that an address is the root and some bytes: guards it; if not, execution goes on at `position`.
    pub(super) fn relate_to_root(&mut self, (word, sym): Operand, bytes: i32, position: Position) {
        let expected = Sym { base: self.root, offset: bytes };
        let equal = self.pure(OpCode::RefEq, 0, &[(word, sym), (word, expected)]);
        if let Some(equal) = equal {
            self.guard(equal, position);
        }
        if sym.offset == 0 {
            self.note(sym.base, expected);
        }
    }
}

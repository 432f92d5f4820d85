//! The pass `guards`: conditions that are known are not tested again; what a guard or branch has found holds behind it.
//!
//! # What is learnt
//! - The condition itself is a constant from there on (so a guard on it falls away, and what is computed from it folds).
//! - Comparisons bound their operands, if the pass `ranges` is on; a comparison that another one implies is decided by looking for that one ([`Walk::implied`]).
//! - A guard against overflow says that the sum did not wrap.
//!
//! A guard's own snapshot is made before anything is learnt from it: there, the condition does not hold.
//!
//! # Strengthening
//! If a guard directly follows another with the same snapshot, and its condition implies the other's, the first takes the condition of the second. (Only then: a guard that is moved before others, or
//! that leaves at another place than its own, would be correct too, since guards may fail at any time, but exits would be taken that
//! tell the profile lies.) The two halves of a bounds check, `0 <= i` and `i < n` for a length `n`, become one unsigned comparison in this way.
//!
//! # `GuardValid`
//! A unit is invalidated by calls only. One such guard lasts until the next call that writes anything.

use super::facts::Fact;
use super::transfer::{add_without_overflow, subtract_without_overflow};
use super::walk::{Walk, as_virtual};
use crate::ir::{Op, OpCode, Ref, SnapshotId, Type};

/// How many conditions within conditions are looked into.
const NESTING: u32 = 8;

impl Walk<'_> {
    /// Whether a value is known to be true (not 0) or false.
    pub(super) fn truth_of(&self, condition: Ref) -> Option<bool> {
        if as_virtual(condition).is_some() {
            return Some(true);
        }
        if let Some(bits) = self.constant_bits(condition) {
            return Some(bits != 0);
        }
        let fact = self.fact(condition);
        if fact.is_nonzero() { Some(true) } else { fact.as_constant().map(|bits| bits != 0) }
    }

    /// The same test without negations: comparisons with zero are absorbed.
    pub(super) fn normal_condition(&self, mut condition: Ref, mut wanted: bool) -> (Ref, bool) {
        if !self.options.passes.fold {
            return (condition, wanted);
        }
        for _ in 0..NESTING {
            let Some(op) = condition.as_op().map(|at| self.out.ops[at]) else { break };
            let with_zero = self.constant_bits(Ref::from_word(op.b)) == Some(0);
            match op.code {
                OpCode::Eq if with_zero => wanted = !wanted,
                OpCode::Ne if with_zero => {}
                _ => break,
            }
            condition = self.resolve(Ref::from_word(op.a));
        }
        (condition, wanted)
    }

    /// `GuardTrue` and `GuardFalse`.
    pub(super) fn guard(&mut self, op: &Op) {
        let condition = self.value(Ref::from_word(op.a));
        let condition = self.tag_condition(condition).unwrap_or(condition);
        let wanted = op.code == OpCode::GuardTrue;
        let known = if self.options.passes.guards { self.truth_of(condition) } else { None };
        match known {
            Some(truth) if truth == wanted => {}
            Some(_) => self.exit(op.b),
            None => {
                let condition = self.concrete(condition, Type::Int);
                let (condition, wanted) = self.normal_condition(condition, wanted);
                self.guard_on(condition, wanted, SnapshotId(op.b));
            }
        }
    }

    pub(super) fn guard_on(&mut self, condition: Ref, wanted: bool, snapshot: SnapshotId) {
        let snapshot = self.snapshot_of_guard(snapshot, condition, wanted);
        let code = if wanted { OpCode::GuardTrue } else { OpCode::GuardFalse };
        let op = Op { a: condition.word(), b: snapshot.0, ..Op::new(code, Type::Void) };
        if self.options.passes.guards && self.strengthen(&op) {
            self.assume(condition, wanted);
            return;
        }
        self.push(op, Fact::ANY);
        self.assume(condition, wanted);
    }

    /// Lets the guard before take the condition of this one, if that is right; see the module's header.
    fn strengthen(&mut self, op: &Op) -> bool {
        // Between the guards there may be what computes the second condition, from values that were there at the first.
        let last = self.out.ops.len() - 1;
        let compares = matches!(self.out.ops[last].code, OpCode::Lt);
        let Some(before) = last.checked_sub(usize::from(compares)) else { return false };
        let first = self.out.ops[before];
        if !matches!(first.code, OpCode::GuardTrue | OpCode::GuardFalse) || first.b != op.b {
            return false;
        }
        let Some(length) = self.bounds_check(&first, op) else { return false };
        let index = Ref::from_word(self.out.ops[Ref::from_word(op.a).as_op().unwrap_or(0)].a);
        if [index, length].iter().any(|value| value.as_op().is_some_and(|at| at >= before)) {
            return false;
        }
        // The first guard becomes the comparison, and the guard follows.
        let comparison = Op { a: index.word(), b: length.word(), ..Op::new(OpCode::LtU, Type::Int) };
        self.out.ops[before] = comparison;
        self.s.facts[before] = Fact::constant(1);
        self.push(Op { a: Ref::op(before).word(), b: op.b, ..Op::new(OpCode::GuardTrue, Type::Void) }, Fact::ANY);
        true
    }

    /// If `first` guards that an index is not negative, and `second` that it is less than something that is not negative: that.
    fn bounds_check(&self, first: &Op, second: &Op) -> Option<Ref> {
        let condition = |guard: &Op| Ref::from_word(guard.a).as_op().map(|at| self.out.ops[at]);
        let (low, high) = (condition(first)?, condition(second)?);
        let index = Ref::from_word(high.a);
        if high.code != OpCode::Lt || second.code != OpCode::GuardTrue || index.as_op().is_none() {
            return None;
        }
        let (a, b) = (Ref::from_word(low.a), Ref::from_word(low.b));
        let not_negative = match (low.code, first.code) {
            (OpCode::Lt, OpCode::GuardFalse) => a == index && self.constant_bits(b) == Some(0),
            (OpCode::Lt, OpCode::GuardTrue) => b == index && self.constant_bits(a) == Some(u64::MAX),
            (OpCode::Le, OpCode::GuardTrue) => b == index && self.constant_bits(a) == Some(0),
            _ => false,
        };
        let length = Ref::from_word(high.b);
        (not_negative && self.fact(length).is_nonnegative()).then_some(length)
    }

    /// `GuardValid`.
    pub(super) fn guard_valid(&mut self, op: &Op) {
        let known = self.options.passes.guards && self.valid;
        let of_entry = self.is_guard_of_entry();
        if known && !of_entry {
            return;
        }
        let snapshot = self.snapshot(SnapshotId(op.a));
        self.push(Op { a: snapshot.0, ..*op }, Fact::ANY);
        if of_entry {
            self.s.draft.guard = Some((self.out.ops.len() - 1, known));
        }
        self.valid = true;
    }

    /// Leaves unconditionally.
    pub(super) fn exit(&mut self, snapshot: u32) {
        let snapshot = self.snapshot(SnapshotId(snapshot));
        self.push(Op { a: snapshot.0, ..Op::new(OpCode::Exit, Type::Void) }, Fact::ANY);
        self.dead = true;
    }

    // Learning.

    /// From here on, `condition` is known to be true (not 0), or false.
    pub(super) fn assume(&mut self, condition: Ref, truth: bool) {
        if self.options.passes.guards {
            self.assume_at(condition, truth, 0);
        }
    }

    fn assume_at(&mut self, condition: Ref, truth: bool, nesting: u32) {
        let Some(at) = self.resolve(condition).as_op().filter(|_| nesting < NESTING) else { return };
        if as_virtual(condition).is_some() {
            return;
        }
        let op = self.out.ops[at];
        if !truth || op.code.is_test() {
            self.refine(condition, Fact::constant(u64::from(truth)));
            self.replace(at, op.ty, u64::from(truth));
        } else {
            let fact = self.fact(condition);
            if Fact::TRUTH.includes(fact) {
                self.refine(condition, Fact::constant(1));
            } else {
                self.refine(condition, Fact { nonzero: true, ..Fact::ANY });
            }
        }
        let (a, b) = (Ref::from_word(op.a), Ref::from_word(op.b));
        match op.code {
            OpCode::And if truth && Fact::TRUTH.includes(self.fact(a).join(self.fact(b))) => {
                self.assume_at(a, true, nesting + 1);
                self.assume_at(b, true, nesting + 1);
            }
            OpCode::Or if !truth => {
                self.assume_at(a, false, nesting + 1);
                self.assume_at(b, false, nesting + 1);
            }
            OpCode::And => {
                if let Some(mask) = self.constant_bits(b).filter(|mask| !truth || mask.is_power_of_two()) {
                    self.refine(a, if truth { Fact::bits(0, mask) } else { Fact::bits(mask, 0) });
                }
            }
            OpCode::Eq if self.constant_bits(b) == Some(0) => self.assume_at(a, !truth, nesting + 1),
            OpCode::Ne if self.constant_bits(b) == Some(0) => self.assume_at(a, truth, nesting + 1),
            _ => {}
        }
        if self.options.passes.ranges {
            self.learn_bounds(&op, a, b, truth);
        }
    }

    /// What a comparison's outcome says of its operands.
    fn learn_bounds(&mut self, op: &Op, a: Ref, b: Ref, truth: bool) {
        match (op.code, truth) {
            (OpCode::Lt, true) => self.learn_less(a, b, 1),
            (OpCode::Le, true) => self.learn_less(a, b, 0),
            (OpCode::Lt, false) => self.learn_less(b, a, 0),
            (OpCode::Le, false) => self.learn_less(b, a, 1),
            (OpCode::LtU, true) => self.learn_below(a, b, 1),
            (OpCode::LeU, true) => self.learn_below(a, b, 0),
            (OpCode::LtU, false) => self.learn_below(b, a, 0),
            (OpCode::LeU, false) => self.learn_below(b, a, 1),
            (OpCode::Eq | OpCode::RefEq, true) | (OpCode::Ne | OpCode::RefNe, false) => self.learn_equal(a, b),
            (OpCode::Ne | OpCode::RefNe, true) | (OpCode::Eq | OpCode::RefEq, false) => self.learn_different(a, b),
            (OpCode::OvfAdd | OpCode::OvfSub, false) => {
                let sum = if op.code == OpCode::OvfAdd { OpCode::Add } else { OpCode::Sub };
                let sum = Op { code: sum, ..*op };
                let fact = self.without_overflow(&sum, self.fact(a), self.fact(b));
                if let Some((sum, fact)) = self.find_expression(&sum).zip(fact) {
                    self.refine(sum, fact);
                }
                self.learn_room(op.code, a, b);
            }
            _ => {}
        }
    }

    /// `a + gap <= b`, as signed integers; `gap` is 0 or 1.
    fn learn_less(&mut self, a: Ref, b: Ref, gap: i64) {
        let (low, high) = (self.fact(a).lo, self.fact(b).hi);
        self.refine(a, Fact { hi: high.saturating_sub(gap), ..Fact::ANY });
        self.refine(b, Fact { lo: low.saturating_add(gap), ..Fact::ANY });
    }

    /// `a + gap <= b`, as unsigned integers.
    fn learn_below(&mut self, a: Ref, b: Ref, gap: i64) {
        let high = self.fact(b);
        if high.is_nonnegative() {
            self.refine(a, Fact { lo: 0, hi: (high.hi - gap).max(0), ..Fact::ANY });
        }
        let low = self.fact(a);
        if low.is_nonnegative() && high.is_nonnegative() {
            self.refine(b, Fact { lo: low.lo.saturating_add(gap), ..Fact::ANY });
        }
    }

    fn learn_equal(&mut self, a: Ref, b: Ref) {
        let (fact_a, fact_b) = (self.fact(a), self.fact(b));
        self.refine(a, fact_b);
        self.refine(b, fact_a);
        // A masked word that is known says what its bits are: tags are tested so.
        let masked = a.as_op().filter(|_| as_virtual(a).is_none()).map(|at| self.out.ops[at]);
        if let (Some(op), Some(bits)) = (masked, self.constant_bits(b))
            && op.code == OpCode::And
            && let Some(mask) = self.constant_bits(Ref::from_word(op.b))
        {
            self.refine(Ref::from_word(op.a), Fact::bits(mask & !bits, mask & bits));
            self.learn_box(Ref::from_word(op.a));
        }
    }

    fn learn_different(&mut self, a: Ref, b: Ref) {
        let Some(bits) = self.constant_bits(b) else { return };
        let fact = self.fact(a);
        if fact.lo == bits as i64 && fact.lo < fact.hi {
            self.refine(a, Fact { lo: fact.lo + 1, ..Fact::ANY });
        } else if fact.hi == bits as i64 && fact.lo < fact.hi {
            self.refine(a, Fact { hi: fact.hi - 1, ..Fact::ANY });
        }
        if bits == 0 {
            self.refine(a, Fact { nonzero: true, ..Fact::ANY });
        }
        // A single bit that is not 0 is 1, and the other way round.
        let masked = a.as_op().filter(|_| as_virtual(a).is_none()).map(|at| self.out.ops[at]);
        if let Some(op) = masked
            && op.code == OpCode::And
            && let Some(mask) = self.constant_bits(Ref::from_word(op.b))
            && mask.is_power_of_two()
            && (bits == 0 || bits == mask)
        {
            let known = mask ^ bits;
            self.refine(Ref::from_word(op.a), Fact::bits(mask & !known, known));
        }
    }

    /// The addition or subtraction of a constant that did not overflow bounds the other operand.
    fn learn_room(&mut self, code: OpCode, a: Ref, b: Ref) {
        let Some(amount) = self.constant_bits(b).map(|bits| bits as i64).filter(|_| code == OpCode::OvfAdd) else {
            return;
        };
        let fact = if amount >= 0 {
            Fact { hi: i64::MAX - amount, ..Fact::ANY }
        } else {
            Fact { lo: i64::MIN - amount, ..Fact::ANY }
        };
        self.refine(a, fact);
    }

    /// The fact of a sum or difference, if the test whether it overflows has been made and said no.
    pub(super) fn without_overflow(&self, op: &Op, a: Fact, b: Fact) -> Option<Fact> {
        let (test, fact) = match op.code {
            OpCode::Add => (OpCode::OvfAdd, add_without_overflow(a, b)),
            OpCode::Sub => (OpCode::OvfSub, subtract_without_overflow(a, b)),
            _ => return None,
        };
        let test = self.find_expression(&Op { code: test, ..*op })?;
        (self.constant_bits(self.resolve(test)) == Some(0)).then_some(fact)
    }

    /// The truth of a comparison that follows from others with the same operands.
    pub(super) fn implied(&self, op: &Op) -> Option<bool> {
        if !self.options.passes.guards {
            return None;
        }
        let known = |code, a, b| {
            let found = self.find_expression(&Op { code, a, b, ..*op })?;
            self.constant_bits(self.resolve(found)).map(|bits| bits != 0)
        };
        let (a, b) = (op.a, op.b);
        let nonnegative = |word| self.fact(Ref::from_word(word)).is_nonnegative();
        match op.code {
            OpCode::Lt => {
                match (known(OpCode::Le, b, a), known(OpCode::Lt, b, a), known(OpCode::Eq, a.min(b), a.max(b))) {
                    (Some(truth), ..) => Some(!truth),
                    (_, Some(true), _) | (_, _, Some(true)) => Some(false),
                    _ if nonnegative(b) && known(OpCode::LtU, a, b) == Some(true) => Some(true),
                    _ => None,
                }
            }
            OpCode::Le => {
                match (known(OpCode::Lt, b, a), known(OpCode::Lt, a, b), known(OpCode::Eq, a.min(b), a.max(b))) {
                    (Some(truth), ..) => Some(!truth),
                    (_, Some(true), _) | (_, _, Some(true)) => Some(true),
                    _ if nonnegative(b) && known(OpCode::LtU, a, b) == Some(true) => Some(true),
                    _ => None,
                }
            }
            OpCode::LtU => match known(OpCode::LeU, b, a) {
                Some(truth) => Some(!truth),
                None if nonnegative(a) && nonnegative(b) => known(OpCode::Lt, a, b),
                None => None,
            },
            OpCode::LeU => match known(OpCode::LtU, b, a) {
                Some(truth) => Some(!truth),
                None if nonnegative(a) && nonnegative(b) => known(OpCode::Le, a, b),
                None => None,
            },
            OpCode::Eq => match known(OpCode::Ne, a, b) {
                Some(truth) => Some(!truth),
                None => {
                    (known(OpCode::Lt, a, b) == Some(true) || known(OpCode::Lt, b, a) == Some(true)).then_some(false)
                }
            },
            OpCode::Ne => match known(OpCode::Eq, a, b) {
                Some(truth) => Some(!truth),
                None => {
                    (known(OpCode::Lt, a, b) == Some(true) || known(OpCode::Lt, b, a) == Some(true)).then_some(true)
                }
            },
            OpCode::RefEq => known(OpCode::RefNe, a, b).map(|truth| !truth),
            OpCode::RefNe => known(OpCode::RefEq, a, b).map(|truth| !truth),
            _ => None,
        }
    }
}

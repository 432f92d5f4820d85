//! The walk: takes source operations in order, renames their operands, and sends them through the passes into the output.
//!
//! Here are the walk's state, the pipeline of pure operations, and the dispatch of all others to the files of their passes. See [`super`] for the terms.

use super::facts::Fact;
use super::fold::is_commutative;
use super::peel::{Carried, Mismatch, Peeling};
use super::trail::Event;
use super::transfer::{operand_of, transfer};
use super::virtuals::WORD;
use super::{Links, Options, Scratch};
use crate::ir::opcode::Class;
use crate::ir::{Descriptors, EntryId, LabelId, ListRange, MemId, Op, OpCode, Position, Ref, Type, Unit};

/// Values from this operation number on are virtual objects.
const VIRTUAL: usize = 1 << 30;

/// The value that stands for virtual object `number`.
pub fn virtual_value(number: usize) -> Ref {
    Ref::op(VIRTUAL + number)
}

/// How many operations deep what is learnt of a value says something of what it has been computed of.
const REFINED: u32 = 4;

/// The number of the virtual object that a value stands for (it may have been made real since).
pub fn as_virtual(value: Ref) -> Option<usize> {
    value.as_op().and_then(|op| op.checked_sub(VIRTUAL))
}

/// The state of a walk, but for what [`Scratch`] keeps the memory of.
pub struct Walk<'a> {
    pub src: &'a Unit,
    pub out: &'a mut Unit,
    pub descriptors: &'a mut Descriptors,
    pub options: &'a Options,
    pub links: &'a Links<'a>,
    pub s: &'a mut Scratch,
    /// The source operation under way.
    pub at: usize,
    /// Control does not reach the source operation under way.
    pub dead: bool,
    /// Guesses about loops went wrong too often: only what can hardly be wrong is guessed.
    pub cautious: bool,
    /// The loop that is being peeled.
    pub peeling: Option<Peeling>,
    /// Counts the places where a collection may happen; barriers hold until the next.
    pub epoch: u32,
    /// The unit cannot have been invalidated since the last `GuardValid`.
    pub valid: bool,
    /// Something has been boxed since the loop under way began, or its second copy.
    pub boxes: bool,
    /// Alias classes that have been written since the loop under way began.
    pub written: u64,
    /// How words of new objects are filled that have no value yet; `None` if the table of descriptors is full: then no object is virtual.
    pub harmless: Option<MemId>,
    /// A loop of another unit is entered.
    pub entered: bool,
    next_position: usize,
}

impl<'a> Walk<'a> {
    /// A walk over `src`, whose graph has been analysed, into `out`.
    pub fn new(
        src: &'a Unit,
        descriptors: &'a mut Descriptors,
        options: &'a Options,
        links: &'a Links<'a>,
        s: &'a mut Scratch,
        out: &'a mut Unit,
    ) -> Self {
        out.clear();
        out.copy_constants(src);
        out.labels.resize(src.labels.len(), u32::MAX);
        out.exports.extend_from_slice(&src.exports);
        s.reset(src);
        let harmless = descriptors.intern_mem(WORD);
        Walk {
            src,
            out,
            descriptors,
            options,
            links,
            s,
            at: 0,
            dead: false,
            cautious: false,
            peeling: None,
            epoch: 1,
            valid: false,
            boxes: false,
            written: 0,
            harmless,
            entered: false,
            next_position: 0,
        }
    }

    /// Walks to the end.
    pub fn run(&mut self) -> Result<(), Mismatch> {
        while self.at < self.src.ops.len() {
            if self.dead && self.src.ops[self.at].code != OpCode::Label {
                self.at += 1;
                continue;
            }
            self.count(1);
            self.position();
            self.at = self.step()?;
        }
        Ok(())
    }

    /// Notes work, for the tests of linearity.
    pub fn count(&mut self, steps: u64) {
        self.s.work += steps;
    }

    /// Takes over the guest position that begins at the operation under way, if one does.
    fn position(&mut self) {
        let positions = &self.src.positions;
        while let Some(position) = positions.get(self.next_position)
            && position.op as usize <= self.at
        {
            self.next_position += 1;
            self.out.positions.push(Position { op: self.out.ops.len() as u32, position: position.position });
        }
    }

    /// Goes back to source operation `at`, for another copy of what follows.
    pub fn rewind(&mut self, at: usize) {
        let after = self.src.positions.partition_point(|position| position.op as usize <= at);
        self.next_position = after.saturating_sub(1);
        self.at = at;
    }

    // Values.

    /// What has become of a value of the output.
    pub fn resolve(&self, value: Ref) -> Ref {
        self.touch(value);
        self.resolve_untouched(value)
    }

    /// The same, for who does not rely on it; see [`describe`](super::describe).
    pub fn resolve_untouched(&self, value: Ref) -> Ref {
        match value.as_op() {
            None => value,
            Some(op) if op < VIRTUAL => self.s.replaced[op],
            Some(op) => self.s.virtuals.objects[op - VIRTUAL].real.unwrap_or(value),
        }
    }

    /// The value of a source operand: a value of the output, or a virtual object. If it is not virtual any more, its type may be Ref where the source
    /// has Int; [`Walk::concrete`] mends that.
    pub fn value(&self, operand: Ref) -> Ref {
        match operand.as_op() {
            None => operand,
            Some(op) => self.resolve(self.s.map[op]),
        }
    }

    /// A value of the output with type `ty`: virtual objects are made.
    pub fn concrete(&mut self, value: Ref, ty: Type) -> Ref {
        let value = self.resolve(value);
        let value = if as_virtual(value).is_some() { self.force(value) } else { value };
        self.retype(value, ty)
    }

    /// A value that is not virtual, as type `ty`.
    pub fn retype(&mut self, value: Ref, ty: Type) -> Ref {
        match (self.out.type_of(value), ty) {
            (from, to) if from == to => value,
            (Type::Ref, Type::Int) => self.unary(OpCode::RefToInt, value),
            (Type::Int, Type::Ref) => self.unary(OpCode::IntToRef, value),
            (Type::Float, Type::Int) => self.unary(OpCode::FloatBits, value),
            (Type::Int, Type::Float) => self.unary(OpCode::BitsFloat, value),
            (Type::Ref, Type::Float) => {
                let bits = self.unary(OpCode::RefToInt, value);
                self.unary(OpCode::BitsFloat, bits)
            }
            (Type::Float, Type::Ref) => {
                let bits = self.unary(OpCode::FloatBits, value);
                self.unary(OpCode::IntToRef, bits)
            }
            (Type::Void, _) | (_, Type::Void) => unreachable!("operands have values (rule 5)"),
            _ => value,
        }
    }

    /// The value of a source operand with type `ty`.
    pub fn operand(&mut self, word: u32, ty: Type) -> Ref {
        let value = self.value(Ref::from_word(word));
        self.concrete(value, ty)
    }

    /// Gives source operation `op` a value.
    pub fn bind(&mut self, op: usize, value: Ref) {
        self.s.map[op] = value;
        if let Some(number) = as_virtual(value) {
            let used = self.s.cfg.last_use(op);
            let object = &mut self.s.virtuals.objects[number];
            object.used_until = object.used_until.max(used);
        }
    }

    /// The constant of this type with these bits.
    pub fn constant(&mut self, ty: Type, bits: u64) -> Ref {
        self.out.constant(ty, bits)
    }

    /// The bits of a constant.
    pub fn constant_bits(&self, value: Ref) -> Option<u64> {
        value.as_constant().map(|number| self.out.constants[number].1)
    }

    // Facts.

    /// What is known of a value.
    pub fn fact(&self, value: Ref) -> Fact {
        self.touch(value);
        match (value.as_op(), value.as_constant()) {
            (Some(op), _) if op >= VIRTUAL => Fact::OBJECT,
            (Some(op), _) => self.s.facts[op],
            (_, Some(number)) => Fact::constant(self.out.constants[number].1),
            _ => Fact::ANY,
        }
    }

    /// From now on, `value` is known to be within `fact` as well; and what it is a constant more than, or has been shifted from, within what follows from that.
    pub fn refine(&mut self, value: Ref, fact: Fact) {
        let (mut value, mut fact) = (value, fact);
        for _ in 0..REFINED {
            let Some(op) = self.refine_one(value, fact).filter(|_| self.options.passes.ranges) else { return };
            let [a, b] = [op.a, op.b].map(Ref::from_word);
            if !matches!(op.code, OpCode::Add | OpCode::Sar) {
                return;
            }
            let (known, amount) = (self.fact(a), self.fact(b));
            let exact = self.without_overflow(&op, known, amount).is_some();
            let Some(amount) = amount.as_constant() else { return };
            let Some(of_operand) = operand_of(&op, amount as i64, known, self.fact(value), exact) else { return };
            (value, fact) = (a, of_operand);
        }
    }

    /// The same for the value alone; what computes it, if that was news.
    fn refine_one(&mut self, value: Ref, fact: Fact) -> Option<Op> {
        let op = value.as_op().filter(|&op| op < VIRTUAL)?;
        let ty = self.out.ops[op].ty;
        let old = self.s.facts[op];
        let new = old.meet(fact);
        if new == old || ty == Type::Float {
            return None;
        }
        self.s.facts[op] = new;
        self.s.trail.push(Event::Fact(op as u32, old));
        if let Some(bits) = new.as_constant() {
            self.replace(op, ty, bits);
        }
        Some(self.out.ops[op])
    }

    /// From now on, the value of output operation `op` is this constant.
    pub fn replace(&mut self, op: usize, ty: Type, bits: u64) {
        if self.s.replaced[op] == Ref::op(op) {
            let constant = self.constant(ty, bits);
            self.s.replaced[op] = constant;
            self.s.known.push((constant, op as u32));
            self.s.trail.push(Event::Replaced(op as u32));
        }
    }

    /// Forgets all that has been learnt of values since the trail had this length.
    fn forget(&mut self, length: usize) {
        while let Some(event) = self.s.trail.pop_beyond(length) {
            match event {
                Event::Fact(op, fact) => self.s.facts[op as usize] = fact,
                Event::Replaced(op) => self.s.replaced[op as usize] = Ref::op(op as usize),
                Event::Expression(place) => self.s.expressions.remove(place),
            }
        }
        self.s.trail.lower_marks(length);
    }

    // Emission.

    /// Appends an operation to the output.
    pub fn push(&mut self, op: Op, fact: Fact) -> Ref {
        let value = self.out.push(op);
        self.s.facts.push(fact);
        self.s.replaced.push(value);
        self.s.logged.push(0);
        self.s.stored.push(false);
        value
    }

    /// The value of the pure operation `code` of one operand.
    pub fn unary(&mut self, code: OpCode, a: Ref) -> Ref {
        self.pure(Op { a: a.word(), ..Op::new(code, super::fold::result_type(code)) })
    }

    /// The value of a pure operation, whose operands are the output's.
    pub fn pure(&mut self, op: Op) -> Ref {
        self.pure_at(op, 0)
    }

    /// The same, `depth` replacements deep.
    pub fn pure_at(&mut self, mut op: Op, depth: u32) -> Ref {
        if op.code == OpCode::Box {
            return self.boxed(op);
        }
        if is_commutative(op.code) {
            // Words of constants are greater, as unsigned numbers, than those of operations.
            if op.a > op.b {
                std::mem::swap(&mut op.a, &mut op.b);
            }
        }
        if self.options.passes.fold {
            if let Some(value) = self.fold_constants(&op) {
                return value;
            }
            if let Some(value) = self.apply_rules(&op, depth) {
                return value;
            }
            if let Some(value) = self.divide_by_constant(&op, depth) {
                // What is known of a quotient or remainder is not seen in how it is computed.
                if self.options.passes.ranges {
                    let fact = self.transfer(&op);
                    self.refine(value, fact);
                }
                return self.resolve(value);
            }
            if let Some(truth) = self.tag_test(&op) {
                return truth;
            }
            if let Some(same) = self.compare_with_new(&op) {
                return self.constant(Type::Int, u64::from(same));
            }
        }
        let mut fact = Fact::ANY;
        if self.options.passes.ranges && op.ty != Type::Float {
            fact = self.transfer(&op);
            if let Some(bits) = fact.as_constant() {
                return self.constant(op.ty, bits);
            }
            if self.is_extended(&op) {
                return Ref::from_word(op.a);
            }
        }
        if let Some(value) = self.find_expression(&op) {
            return self.resolve(value);
        }
        if let Some(truth) = self.implied(&op) {
            return self.constant(Type::Int, u64::from(truth));
        }
        let value = self.push(op, fact);
        self.enter_expression(self.out.ops.len() - 1);
        value
    }

    /// Whether an extension finds its operand extended already.
    fn is_extended(&self, op: &Op) -> bool {
        let extended = match op.code {
            OpCode::SignExtend => Fact::range(-1 << (op.aux - 1), (1 << (op.aux - 1)) - 1),
            OpCode::ZeroExtend => Fact::range(0, (1 << op.aux) - 1),
            _ => return false,
        };
        extended.includes(self.fact(Ref::from_word(op.a)))
    }

    /// What is known of the value of an operation, by its operands and by overflow tests that have been passed.
    fn transfer(&mut self, op: &Op) -> Fact {
        let mut facts = [Fact::ANY; 3];
        for (fact, (kind, field)) in facts.iter_mut().zip(op.fields()) {
            if kind != b'.' {
                *fact = self.fact(Ref::from_word(field));
            }
        }
        let fact = transfer(op, facts[0], facts[1], facts[2]);
        match self.without_overflow(op, facts[0], facts[1]) {
            Some(better) => fact.meet(better),
            None => fact,
        }
    }

    /// A list of the output, of source operands that have these types.
    pub fn arguments(&mut self, list: u32, ty: impl Fn(&Self, usize) -> Type) -> ListRange {
        let mut values = std::mem::take(&mut self.s.values);
        values.clear();
        for number in 0..self.src.lists[list as usize] as usize {
            let ty = ty(self, number);
            values.push(self.operand(self.src.lists[list as usize + 1 + number], ty));
        }
        let list = self.out.list(&values);
        self.s.values = values;
        list
    }

    /// The type of parameter `number` of a label of the source.
    fn parameter_type(&self, label: u32, number: usize) -> Type {
        self.src.ops[self.src.labels[label as usize] as usize + 1 + number].ty
    }

    /// The number of parameters of a label of the source.
    pub fn parameters(&self, label: u32) -> usize {
        let first = self.src.labels[label as usize] as usize + 1;
        self.src.ops[first..].iter().take_while(|op| op.code == OpCode::Param).count()
    }

    // Dispatch.

    /// Takes one source operation; the index of the next.
    fn step(&mut self) -> Result<usize, Mismatch> {
        let op = self.src.ops[self.at];
        match op.code {
            OpCode::Label => return Ok(self.label(op.a)),
            OpCode::Jump => return self.jump(&op),
            OpCode::BranchIf | OpCode::BranchUnless => self.branch(&op),
            OpCode::JumpUnit | OpCode::Return => self.finish(&op),
            OpCode::Exit => self.exit(op.a),
            OpCode::GuardTrue | OpCode::GuardFalse => self.guard(&op),
            OpCode::GuardValid => self.guard_valid(&op),
            OpCode::Load => self.load(&op),
            OpCode::Store => self.store(&op),
            OpCode::New => self.new_object(&op),
            OpCode::Barrier => self.barrier(&op),
            OpCode::Release => self.release(&op),
            OpCode::Call => self.call(&op),
            OpCode::CallUnit => self.call_unit(&op),
            _ => {
                debug_assert_eq!(op.code.class(), Class::Pure);
                let value = match self.of_virtual(&op) {
                    Some(value) => value,
                    None => self.renamed(&op),
                };
                self.bind(self.at, value);
            }
        }
        Ok(self.at + 1)
    }

    /// A pure operation with its operands renamed.
    fn renamed(&mut self, op: &Op) -> Ref {
        let mut op = *op;
        let kinds = op.code.operands();
        for (field, kind) in [&mut op.a, &mut op.b, &mut op.c].into_iter().zip(kinds) {
            let ty = match kind {
                b'i' => Type::Int,
                b'f' => Type::Float,
                b'r' => Type::Ref,
                _ => continue,
            };
            *field = self.operand(*field, ty).word();
        }
        self.pure(op)
    }

    /// A label that joins something: nothing is known of memory there, and of values what is known at its dominator.
    fn label(&mut self, label: u32) -> usize {
        let block = *self.s.cfg.block(label);
        let first = self.at + 1;
        if self.at > 0 && !block.exported && !self.s.reached[label as usize] {
            return first;
        }
        self.dead = false;
        let known = block.dominator.map_or(0, |branch| self.s.trail.length_at(branch as usize));
        self.forget(known);
        self.s.heap.reset();
        // What may be used here has been made on all ways to here; others may have been begun where control does not come from.
        self.s.virtuals.open.clear();
        self.new_world();
        self.valid = false;
        let count = self.parameters(label);
        self.place_label(LabelId(label));
        for number in 0..count {
            let value = self.push(Op::new(OpCode::Param, self.src.ops[first + number].ty), Fact::ANY);
            self.bind(first + number, value);
        }
        if block.forward + block.backward == 1 && !block.exported {
            let edge = self.src.ops[block.edge as usize];
            if edge.code != OpCode::Jump {
                let condition = self.value(Ref::from_word(edge.a));
                self.assume(condition, edge.code == OpCode::BranchIf);
            }
        }
        if let (0, Some(inherited)) = (self.at, self.links.inherited) {
            self.inherit(inherited);
        }
        if block.peel.is_some() {
            self.begin_peeling(label);
        }
        first + count
    }

    /// Appends a label to the output.
    pub fn place_label(&mut self, label: LabelId) {
        self.out.labels[label.0 as usize] = self.out.ops.len() as u32;
        self.push(Op { a: label.0, ..Op::new(OpCode::Label, Type::Void) }, Fact::ANY);
    }

    /// What holds until the next collection, and frames copied so far, are of no use from here.
    pub fn new_world(&mut self) {
        self.epoch += 1;
        self.s.exits.new_copy();
    }

    fn jump(&mut self, op: &Op) -> Result<usize, Mismatch> {
        let (label, list) = (op.a, op.b);
        self.mark();
        if let Some(peeling) = &self.peeling
            && peeling.end == self.at
        {
            return match peeling.carried {
                Carried::Unknown => self.close_first_iteration(list),
                Carried::Known => self.close_loop(list),
            };
        }
        let block = *self.s.cfg.block(label);
        if block.elided && self.src.labels[label as usize] as usize == self.at + 1 {
            let first = self.at + 2;
            let count = self.src.lists[list as usize] as usize;
            let mut values = std::mem::take(&mut self.s.values);
            values.clear();
            values.extend(self.src.elements(ListRange(list)).map(|argument| self.value(argument)));
            for (number, &value) in values.iter().enumerate() {
                self.bind(first + number, value);
            }
            self.s.values = values;
            if block.peel.is_some() {
                self.at += 1;
                self.begin_peeling(label);
            }
            return Ok(first + count);
        }
        self.edge(label, list, None);
        self.dead = true;
        Ok(self.at + 1)
    }

    fn branch(&mut self, op: &Op) {
        self.mark();
        let condition = self.operand(op.a, Type::Int);
        let condition = self.tag_condition(condition).unwrap_or(condition);
        let wanted = op.code == OpCode::BranchIf;
        match self.truth_of(condition) {
            Some(truth) if truth != wanted => {}
            Some(_) => {
                self.edge(op.b, op.c, None);
                self.dead = true;
            }
            None => {
                let (condition, wanted) = self.normal_condition(condition, wanted);
                self.edge(op.b, op.c, Some((condition, wanted)));
                self.assume(condition, !wanted);
            }
        }
    }

    /// Lets later labels refer to what is known here. The second copy of a loop's body is dominated by the first, whose marks count.
    fn mark(&mut self) {
        if !self.peeling.as_ref().is_some_and(|peeling| matches!(peeling.carried, Carried::Known)) {
            self.s.trail.mark(self.at);
        }
    }

    /// Emits a jump, or a branch on a condition, to a label where nothing is known: all stores are done and all objects are there that may be used behind the
    /// operation under way.
    fn edge(&mut self, label: u32, list: u32, condition: Option<(Ref, bool)>) {
        let before = self.out.ops.len();
        self.flush_all();
        self.force_used_behind();
        let list = self.arguments(list, |walk, number| walk.parameter_type(label, number));
        self.s.reached[label as usize] = true;
        let op = match condition {
            None => Op { a: label, b: list.0, ..Op::new(OpCode::Jump, Type::Void) },
            Some((condition, wanted)) => {
                let condition = self.beside(condition, before);
                let code = if wanted { OpCode::BranchIf } else { OpCode::BranchUnless };
                Op { a: condition.word(), b: label, c: list.0, ..Op::new(code, Type::Void) }
            }
        };
        self.push(op, Fact::ANY);
    }

    /// A comparison that was the last operation when the output had this length is done again if something has come between: machine code compares and
    /// branches in one go if both stand together, and the first comparison is left out if nobody else needs it.
    fn beside(&mut self, condition: Ref, length: usize) -> Ref {
        match condition.as_op() {
            Some(at) if at + 1 == length && length < self.out.ops.len() && self.options.passes.dce => {
                let op = self.out.ops[at];
                let compares = op.code.class() == Class::Pure && self.s.facts[at] == Fact::TRUTH;
                if compares { self.push(op, Fact::TRUTH) } else { condition }
            }
            _ => condition,
        }
    }

    /// `Return` and `JumpUnit`.
    fn finish(&mut self, op: &Op) {
        if op.code == OpCode::JumpUnit && self.enter_loop(op) {
            self.dead = true;
            return;
        }
        let src = self.src;
        let list = self.arguments(op.a, |_, number| src.type_of(Ref::from_word(src.lists[op.a as usize + 1 + number])));
        if op.code == OpCode::JumpUnit {
            let frame = self.unit_frame(EntryId(op.aux), list);
            self.drop_passed(frame);
        }
        self.flush_all();
        self.push(Op { a: list.0, ..*op }, Fact::ANY);
        self.dead = true;
    }
}

//! Statements without control flow: some operations each, with operands of the right kinds.

use super::{Generator, P};
use crate::ir::{Op, OpCode, Ref, Type};
use crate::random::memory::{FRAMES, LENGTH, STACK, STACK_KINDS};
use crate::random::shapes::{Kind, Shape};
use crate::random::world::Field;

/// What a statement does.
#[derive(Clone, Copy)]
pub enum Statement {
    Integers,
    Floats,
    Conversions,
    Identities,
    Load,
    Store,
    Stack,
    Frame,
    Allocate,
    Call,
    Guards,
    GuardValid,
    SideExit,
    OneOrOther,
    Loop,
    Boxes,
}

use Statement::{
    Allocate, Boxes, Call, Conversions, Floats, Frame, GuardValid, Guards, Identities, Integers, Load, Loop,
    OneOrOther, SideExit, Stack, Store,
};

/// Statements, as often as they are to come.
pub const STATEMENTS: &[Statement] = &[
    Integers,
    Integers,
    Integers,
    Integers,
    Floats,
    Floats,
    Boxes,
    Boxes,
    Conversions,
    Identities,
    Load,
    Load,
    Load,
    Load,
    Store,
    Store,
    Store,
    Stack,
    Stack,
    Frame,
    Allocate,
    Allocate,
    Call,
    Call,
    Guards,
    Guards,
    Guards,
    Guards,
    GuardValid,
    SideExit,
    OneOrOther,
    OneOrOther,
    Loop,
];

/// What a unit may be rich in: as units of real programs are, and so that what belongs together meets.
pub const THEMES: &[&[Statement]] = &[
    STATEMENTS,
    &[Allocate, Load, Store, Identities, Guards],
    &[Allocate, Allocate, Load, Stack, Loop],
    &[Integers, Guards, Conversions],
    &[Stack, Stack, Integers, Guards],
    &[Frame, Frame, Guards, Call, Stack],
    &[Frame, Loop, Allocate, Load, Guards],
    &[OneOrOther, SideExit, Loop, Integers],
    &[Load, Store, Load, Guards],
    &[Call, Store, Load, Stack, Allocate],
    &[Floats, Conversions, Loop],
    &[Floats, Boxes, Boxes, Loop],
];

/// Operations on two integers that are defined for all of them.
const INTEGER: [OpCode; 18] = [
    OpCode::Add,
    OpCode::Add,
    OpCode::Sub,
    OpCode::Mul,
    OpCode::MulHiS,
    OpCode::MulHiU,
    OpCode::And,
    OpCode::Or,
    OpCode::Xor,
    OpCode::Shl,
    OpCode::Shr,
    OpCode::Sar,
    OpCode::RotL,
    OpCode::Add,
    OpCode::Sub,
    OpCode::And,
    OpCode::Shl,
    OpCode::Sar,
];

const INTEGER_OF_ONE: [OpCode; 7] =
    [OpCode::Neg, OpCode::Not, OpCode::Clz, OpCode::Ctz, OpCode::PopCount, OpCode::SignExtend, OpCode::ZeroExtend];

const COMPARISONS: [OpCode; 9] = [
    OpCode::Eq,
    OpCode::Ne,
    OpCode::Lt,
    OpCode::Le,
    OpCode::LtU,
    OpCode::LeU,
    OpCode::OvfAdd,
    OpCode::OvfSub,
    OpCode::OvfMul,
];

const FLOAT: [OpCode; 4] = [OpCode::FAdd, OpCode::FSub, OpCode::FMul, OpCode::FDiv];

const FLOAT_OF_ONE: [OpCode; 7] =
    [OpCode::FNeg, OpCode::FAbs, OpCode::FSqrt, OpCode::FFloor, OpCode::FCeil, OpCode::FTrunc, OpCode::FRoundEven];

const FLOAT_COMPARISONS: [OpCode; 4] = [OpCode::FEq, OpCode::FNe, OpCode::FLt, OpCode::FLe];

impl Generator<'_> {
    /// A truth value: computed now, or an old one.
    pub(super) fn condition(&mut self) -> Ref {
        match self.rng.below(4) {
            0 => self.pick(Kind::Truth),
            1 => {
                let code = self.rng.pick(&FLOAT_COMPARISONS);
                let operands = [self.pick(Kind::Float), self.pick(Kind::Float)];
                self.value(code, Kind::Truth, &operands)
            }
            _ => {
                let code = self.rng.pick(&COMPARISONS);
                let operands = [self.pick(Kind::Int), self.pick(Kind::Int)];
                self.value(code, Kind::Truth, &operands)
            }
        }
    }

    /// An index up to `last`, which is a power of two less one.
    pub(super) fn index(&mut self, last: u64) -> Ref {
        if self.rng.chance(20) {
            let index = self.rng.below(last as usize + 1);
            return self.int(index as i64);
        }
        if last == LENGTH - 1 && self.rng.chance(25) {
            return self.checked_index();
        }
        let (any, mask) = (self.pick(Kind::Int), self.int(last as i64));
        let index = self.value(OpCode::And, Kind::Int, &[any, mask]);
        *self.sample.essential.last_mut().expect("just pushed") = true;
        if self.rng.chance(30) {
            let bound = self.int(last as i64 + 1);
            let inside = self.value(OpCode::LtU, Kind::Truth, &[index, bound]);
            self.guard(OpCode::GuardTrue, inside);
        }
        index
    }

    /// An index of -1 to 6, checked in two steps as a front end with signed integers does.
    fn checked_index(&mut self) -> Ref {
        let first = self.sample.unit.ops.len();
        let (any, mask, minus_one) = (self.pick(Kind::Int), self.int(7), self.int(-1));
        let masked = self.value(OpCode::And, Kind::Int, &[any, mask]);
        let index = self.value(OpCode::Add, Kind::Int, &[masked, minus_one]);
        let (zero, length) = (self.int(0), self.int(LENGTH as i64));
        self.mark();
        let not_negative = self.value(OpCode::Le, Kind::Truth, &[zero, index]);
        self.guard(OpCode::GuardTrue, not_negative);
        let inside = self.value(OpCode::Lt, Kind::Truth, &[index, length]);
        self.guard(OpCode::GuardTrue, inside);
        self.sample.essential[first..].fill(true);
        index
    }

    pub(super) fn integers(&mut self) {
        match self.rng.below(9) {
            0 => {
                let code = self.rng.pick(&INTEGER_OF_ONE);
                let operand = self.pick(Kind::Int);
                self.value(code, Kind::Int, &[operand]);
            }
            1 => {
                let (any, mask) = (self.pick(Kind::Int), self.rng.pick(&[0xff, 0x7fff_ffff, 3, i64::MAX]));
                let (mask, one) = (self.int(mask), self.int(1));
                let small = self.value(OpCode::And, Kind::Int, &[any, mask]);
                let mut divisor = self.value(OpCode::Or, Kind::Int, &[small, one]);
                if self.rng.chance(40) {
                    let constant = self.rng.pick(&[1, 2, 3, 7, 8, 10, 64, 1000, i64::MAX, -2, -7, i64::MIN]);
                    divisor = self.int(constant);
                }
                let code = self.rng.pick(&[OpCode::DivS, OpCode::RemS, OpCode::DivU, OpCode::RemU]);
                let dividend = self.pick(Kind::Int);
                self.value(code, Kind::Int, &[dividend, divisor]);
            }
            2 => {
                let kind = self.rng.pick(&[Kind::Int, Kind::Tagged, Kind::Truth]);
                let operands = [self.condition(), self.pick(kind), self.pick(kind)];
                self.value(OpCode::Select, kind, &operands);
            }
            3 => {
                // Checked arithmetic, as interpreters have it.
                let (code, test) = self.rng.pick(&[
                    (OpCode::Add, OpCode::OvfAdd),
                    (OpCode::Sub, OpCode::OvfSub),
                    (OpCode::Mul, OpCode::OvfMul),
                ]);
                let operands = [self.pick(Kind::Int), self.pick(Kind::Int)];
                let value_first = self.rng.chance(50);
                if value_first {
                    self.value(code, Kind::Int, &operands);
                }
                let overflow = self.value(test, Kind::Truth, &operands);
                if !value_first {
                    self.value(code, Kind::Int, &operands);
                }
                if self.rng.chance(80) {
                    self.guard(OpCode::GuardFalse, overflow);
                }
            }
            4 => {
                self.condition();
            }
            _ => {
                let code = self.rng.pick(&INTEGER);
                let operands = [self.pick(Kind::Int), self.pick(Kind::Int)];
                self.value(code, Kind::Int, &operands);
            }
        }
    }

    /// Arithmetic on a double that a word of the guest stack codes, as guest languages do that have tagged words.
    fn coded_float(&mut self) {
        let (base, _) = self.stack_base();
        let mem = self.world.stack[4 * self.rng.below(4)];
        let (bias, minus_bias) = (self.int(1 << 60), self.int(-1 << 60));
        let (there, back) = (self.int(3), self.int(61));
        let word = Op { aux: mem.0, a: base.word(), b: Ref::NONE.word(), ..Op::new(OpCode::Load, Type::Int) };
        let word = self.push(word, Some(Kind::Int));
        let turned = self.value(OpCode::RotL, Kind::Int, &[word, back]);
        let bits = self.value(OpCode::Add, Kind::Int, &[turned, minus_bias]);
        let float = self.value(OpCode::BitsFloat, Kind::Float, &[bits]);
        let (code, other) = (self.rng.pick(&FLOAT), self.pick(Kind::Float));
        let float = self.value(code, Kind::Float, &[float, other]);
        // The bits of a NaN are not specified, so nothing may depend on them.
        let first = self.sample.essential.len();
        let number = self.value(OpCode::FEq, Kind::Truth, &[float, float]);
        self.guard(OpCode::GuardTrue, number);
        let bits = self.hidden(Op { a: float.word(), ..Op::new(OpCode::FloatBits, Type::Int) });
        let sum = self.value(OpCode::Add, Kind::Int, &[bits, bias]);
        let word = self.value(OpCode::RotL, Kind::Int, &[sum, there]);
        if self.rng.chance(40) {
            // What is learnt of the word is learnt of the box, if that is the word.
            self.boxed(float);
        }
        if self.rng.chance(70) {
            // Whether the double can be coded so: its tag tells.
            let (mask, tag) = self.rng.pick(&[(3, 2), (3, 2), (3, 1), (1, 0), (6, 4), (7, 2), (5, 1)]);
            let (mask, tag) = (self.int(mask), self.int(tag));
            let bits = self.value(OpCode::And, Kind::Int, &[word, mask]);
            let is_coded = self.value(OpCode::Eq, Kind::Truth, &[bits, tag]);
            self.guard(OpCode::GuardTrue, is_coded);
        }
        self.sample.essential[first..].fill(true);
        if self.rng.chance(50) {
            return;
        }
        let field = Field { mem, kind: Kind::Int, last_index: 0, immutable: false };
        self.store_at(base, field, Ref::NONE, word);
    }

    pub(super) fn floats(&mut self) {
        if self.rng.chance(20) {
            return self.coded_float();
        }
        if self.rng.chance(30) {
            let code = self.rng.pick(&FLOAT_OF_ONE);
            let operand = self.pick(Kind::Float);
            self.value(code, Kind::Float, &[operand]);
        } else {
            let code = self.rng.pick(&FLOAT);
            let operands = [self.pick(Kind::Float), self.pick(Kind::Float)];
            self.value(code, Kind::Float, &operands);
        }
    }

    /// Boxes of doubles, tests of their tags, and doubles that have been in boxes.
    pub(super) fn boxes(&mut self) {
        let (_, content) = self.world.boxing;
        if self.rng.chance(50) {
            let float = self.pick(Kind::Float);
            return self.boxed(float);
        }
        let boxed = self.pick(Kind::Boxed);
        if self.rng.chance(30) {
            let (mask, tag) = self.rng.pick(&[(3, 2), (3, 0), (2, 2), (2, 0), (1, 0), (3, 1), (1, 1)]);
            let (mask, tag) = (self.int(mask), self.int(tag));
            let masked = self.value(OpCode::And, Kind::Int, &[boxed, mask]);
            if self.rng.chance(30) {
                let code = self.rng.pick(&[OpCode::GuardTrue, OpCode::GuardFalse]);
                return self.guard(code, masked);
            }
            let code = self.rng.pick(&[OpCode::Eq, OpCode::Ne]);
            self.value(code, Kind::Truth, &[masked, tag]);
            return;
        }
        let first = self.sample.essential.len();
        let (mask, tag) = (self.int(3), self.int(2));
        let masked = self.value(OpCode::And, Kind::Int, &[boxed, mask]);
        // (Guards that hold, both: a test of this harness turns others round.)
        let coded = self.rng.chance(80);
        let code = if coded { OpCode::Eq } else { OpCode::Ne };
        let expected = self.value(code, Kind::Truth, &[masked, tag]);
        self.guard(OpCode::GuardTrue, expected);
        if coded {
            let (back, minus_bias) = (self.int(61), self.int(-1 << 60));
            let turned = self.value(OpCode::RotL, Kind::Int, &[boxed, back]);
            let bits = self.value(OpCode::Add, Kind::Int, &[turned, minus_bias]);
            self.value(OpCode::BitsFloat, Kind::Float, &[bits]);
        } else {
            let object = self.hidden(Op { a: boxed.word(), ..Op::new(OpCode::IntToRef, Type::Ref) });
            let load =
                Op { aux: content.0, a: object.word(), b: Ref::NONE.word(), ..Op::new(OpCode::Load, Type::Float) };
            self.push(load, Some(Kind::Float));
        }
        self.sample.essential[first..].fill(true);
    }

    fn boxed(&mut self, float: Ref) {
        let (boxing, _) = self.world.boxing;
        self.push(Op { aux: boxing.0, a: float.word(), ..Op::new(OpCode::Box, Type::Int) }, Some(Kind::Boxed));
    }

    pub(super) fn conversions(&mut self) {
        match self.rng.below(4) {
            0 => {
                let int = self.pick(Kind::Int);
                self.value(OpCode::IntToFloat, Kind::Float, &[int]);
            }
            1 => {
                let float = self.pick(Kind::Float);
                self.value(OpCode::FloatToInt, Kind::Int, &[float]);
            }
            2 => {
                // The bits of a NaN are not specified, so nothing may depend on them.
                let float = self.pick(Kind::Float);
                let number = self.value(OpCode::FEq, Kind::Truth, &[float, float]);
                let bits = self.sample.unit.push(Op { a: float.word(), ..Op::new(OpCode::FloatBits, Type::Int) });
                self.sample.kinds.push(Some(Kind::Int));
                self.sample.essential.push(true);
                let zero = self.int(0);
                self.value(OpCode::Select, Kind::Int, &[number, bits, zero]);
            }
            _ => {
                let int = self.pick(Kind::Int);
                self.value(OpCode::BitsFloat, Kind::Float, &[int]);
            }
        }
    }

    /// Conversions between references and tagged words, and comparisons of them.
    pub(super) fn identities(&mut self) {
        match self.rng.below(5) {
            4 => {
                // The test of a tag.
                let (tagged, mask) = (self.pick(Kind::Tagged), self.rng.pick(&[1, 3, 7]));
                let mask = self.int(mask);
                self.value(OpCode::And, Kind::Int, &[tagged, mask]);
            }
            0 => {
                let object = self.pick(P);
                self.value(OpCode::RefToInt, Kind::Tagged, &[object]);
            }
            1 => {
                let tagged = self.pick(Kind::Tagged);
                self.value(OpCode::IntToRef, P, &[tagged]);
            }
            2 => {
                let operands = [self.pick(Kind::Tagged), self.pick(Kind::Tagged)];
                let code = self.rng.pick(&[OpCode::Eq, OpCode::Ne]);
                self.value(code, Kind::Truth, &operands);
            }
            _ => {
                let code = self.rng.pick(&[OpCode::RefEq, OpCode::RefNe]);
                let operands = [self.pick(Kind::Maybe), self.pick(Kind::Maybe)];
                self.value(code, Kind::Truth, &operands);
            }
        }
        if self.rng.chance(30) {
            self.assume_not_null();
        }
    }

    /// Makes a `P` of what may be null.
    pub(super) fn assume_not_null(&mut self) {
        let maybe = self.pick(Kind::Maybe);
        let Some(op) = maybe.as_op().filter(|&op| self.sample.kinds[op] == Some(Kind::Maybe)) else { return };
        let null = self.sample.unit.constant(Type::Ref, 0);
        let is_object = self.value(OpCode::RefNe, Kind::Truth, &[maybe, null]);
        self.guard(OpCode::GuardTrue, is_object);
        let last = self.sample.essential.len();
        self.sample.essential[last - 2..].fill(true);
        self.sample.essential[op] = true;
        self.visible.push((maybe, P));
    }

    pub(super) fn field(&mut self, shape: Shape) -> Field {
        let fields = &self.world.fields[shape as usize];
        // The constant indexes of arrays are many.
        let number =
            if self.rng.chance(45) { self.rng.below(fields.len().min(3)) } else { self.rng.below(fields.len()) };
        fields[number]
    }

    /// A place in memory: often one that was touched before, since that is where mistakes show.
    fn place(&mut self) -> (Ref, Field, Ref) {
        use Shape::{Bytes, Floats, Ints, Objects, P, Q, R};
        if self.rng.chance(50)
            && let Some(&(shape, object, field, index)) = self.places.iter().rev().nth(self.rng.below(4))
            && self.is_visible(object, Kind::Object(shape))
            && self.is_visible(index, Kind::Int)
        {
            if self.rng.chance(30) {
                // Another place of the same object: it may overlap.
                let field = self.field(shape);
                return (object, field, self.index_for(field));
            }
            return (object, field, index);
        }
        let any = self.rng.pick(&[P, P, P, P, P, Q, Q, Q, R, Ints, Ints, Floats, Objects, Bytes, Bytes]);
        let shape = if self.rng.chance(60) { self.favourite } else { any };
        let (object, field) = (self.pick(Kind::Object(shape)), self.field(shape));
        let index = self.index_for(field);
        self.places.push((shape, object, field, index));
        (object, field, index)
    }

    fn index_for(&mut self, field: Field) -> Ref {
        if self.world.descriptors.mem(field.mem).scale == 0 { Ref::NONE } else { self.index(field.last_index) }
    }

    /// Whether a value can be used here as one of this kind: blocks that are over have values that cannot.
    fn is_visible(&self, value: Ref, kind: Kind) -> bool {
        value.as_op().is_none() || self.visible.contains(&(value, kind))
    }

    pub(super) fn load(&mut self) {
        let (object, field, index) = self.place();
        let op = Op { aux: field.mem.0, a: object.word(), b: index.word(), ..Op::new(OpCode::Load, field.kind.ty()) };
        self.push(op, Some(field.kind));
    }

    pub(super) fn store(&mut self) {
        let (object, field, index) = self.place();
        if !field.immutable {
            let value = self.pick(field.kind);
            self.store_at(object, field, index, value);
            let refers = !matches!(field.kind, Kind::Int | Kind::Float);
            if refers {
                self.push(Op { a: object.word(), ..Op::new(OpCode::Barrier, Type::Void) }, None);
            }
        }
    }

    pub(super) fn store_at(&mut self, object: Ref, field: Field, index: Ref, value: Ref) {
        let (a, b, c) = (object.word(), index.word(), value.word());
        self.push(Op { aux: field.mem.0, a, b, c, ..Op::new(OpCode::Store, Type::Void) }, None);
    }

    /// A word of the guest stack that bases of accesses may point to.
    fn frame(&mut self) -> u8 {
        8 + 4 * self.rng.below(9) as u8
    }

    /// A base of accesses to the guest stack, and to which word it points.
    pub(super) fn stack_base(&mut self) -> (Ref, u8) {
        let bases = self.visible.iter().filter_map(|&(value, kind)| match kind {
            Kind::Stack(word) => Some((value, word)),
            _ => None,
        });
        let bases: Vec<_> = bases.collect();
        if self.rng.chance(8) {
            let word = self.frame();
            return (self.constant(Kind::Stack(word)), word);
        }
        self.rng.pick(&bases)
    }

    pub(super) fn stack(&mut self) {
        let (base, word) = self.stack_base();
        if self.rng.chance(20) {
            let to = self.frame();
            let displacement = self.int((i64::from(to) - i64::from(word)) * 8);
            self.value(OpCode::PtrAdd, Kind::Stack(to), &[base, displacement]);
            return;
        }
        let displacement = self.rng.below(16);
        let (mem, kind) = (self.world.stack[displacement], STACK_KINDS[displacement % 4]);
        let field = Field { mem, kind, last_index: 0, immutable: false };
        if self.rng.chance(50) {
            let op = Op { aux: mem.0, a: base.word(), b: Ref::NONE.word(), ..Op::new(OpCode::Load, kind.ty()) };
            self.push(op, Some(kind));
        } else {
            let value = self.pick(kind);
            self.store_at(base, field, Ref::NONE, value);
        }
    }

    /// A call that has been inlined: its frame is filled, used and released; calls within it have frames above it.
    pub(super) fn frame_of_call(&mut self) {
        let first = self.frames;
        if first + 8 > STACK + FRAMES {
            return self.stack();
        }
        let base = self.frame_base(first);
        let mut filled = Vec::new();
        for _ in 0..1 + self.rng.below(6) {
            let displacement = self.rng.below(4);
            self.store_in_frame(base, displacement);
            filled.push(displacement);
        }
        self.frames += 4;
        self.some_statements();
        for _ in 0..self.rng.below(4) {
            let displacement = self.rng.pick(&filled);
            if self.rng.chance(30) {
                self.store_in_frame(base, displacement);
            } else {
                self.load_from_frame(base, displacement);
            }
        }
        if self.rng.chance(50) {
            self.call_with_frame(base);
            let displacement = self.rng.pick(&filled);
            self.load_from_frame(base, displacement);
        }
        self.frames -= 4;
        self.push(Op { a: base.word(), ..Op::new(OpCode::Release, Type::Void) }, None);
        if self.rng.chance(30) {
            self.guards();
        }
    }

    /// The address of a word in the part of the stack where frames lie.
    pub(super) fn frame_base(&mut self, first: usize) -> Ref {
        let (root, word) = self.stack_base();
        let displacement = self.int((first as i64 - i64::from(word)) * 8);
        // It is not visible to other statements: what they read must have been written.
        self.hidden(Op { a: root.word(), b: displacement.word(), ..Op::new(OpCode::PtrAdd, Type::Ref) })
    }

    /// An operation whose value no other statement uses.
    fn hidden(&mut self, op: Op) -> Ref {
        let value = self.push(op, None);
        *self.sample.essential.last_mut().expect("just pushed") = true;
        value
    }

    fn store_in_frame(&mut self, base: Ref, displacement: usize) {
        let (mem, kind) = (self.world.stack[8 + displacement], STACK_KINDS[displacement]);
        let value = self.pick(kind);
        let field = Field { mem, kind, last_index: 0, immutable: false };
        self.store_at(base, field, Ref::NONE, value);
        *self.sample.essential.last_mut().expect("just pushed") = true;
    }

    fn load_from_frame(&mut self, base: Ref, displacement: usize) -> Ref {
        let (mem, kind) = (self.world.stack[8 + displacement], STACK_KINDS[displacement]);
        let op = Op { aux: mem.0, a: base.word(), b: Ref::NONE.word(), ..Op::new(OpCode::Load, kind.ty()) };
        self.push(op, Some(kind))
    }

    /// A call of a unit that is given the frame above this one, with its arguments in there.
    fn call_with_frame(&mut self, base: Ref) {
        let size = self.int(32);
        let frame = self.hidden(Op { a: base.word(), b: size.word(), ..Op::new(OpCode::PtrAdd, Type::Ref) });
        let (entry, list) = self.frame_arguments(frame);
        self.push(Op { aux: entry, a: list, ..Op::new(OpCode::CallUnit, Type::Int) }, Some(Kind::Int));
        *self.sample.essential.last_mut().expect("just pushed") = true;
        if self.rng.chance(50) {
            self.push(Op { a: frame.word(), ..Op::new(OpCode::Release, Type::Void) }, None);
        }
    }

    /// A unit that takes a frame, and its arguments: they are stored there, and what the unit takes itself is loaded.
    pub(super) fn frame_arguments(&mut self, frame: Ref) -> (u16, u32) {
        for displacement in 0..4 {
            self.store_in_frame(frame, displacement);
        }
        let number = self.rng.below(self.world.callees.frames.len());
        let callee = &self.world.callees.frames[number];
        let (entry, passed) = (callee.entry, callee.arguments.len() - 1);
        let mut arguments = vec![frame];
        for displacement in 0..passed {
            // What the unit takes is loaded for it.
            let value = self.load_from_frame(frame, displacement);
            arguments.push(value);
        }
        (entry.0, self.sample.unit.list(&arguments).0)
    }

    pub(super) fn allocate(&mut self) {
        use Shape::{Bytes, Floats, Ints, Objects, P, Q, R};
        let shape = self.rng.pick(&[P, P, P, P, P, Q, Q, R, Ints, Floats, Objects, Bytes]);
        let object = self.new_object(shape);
        if shape == P && self.rng.chance(40) {
            self.value(OpCode::RefToInt, Kind::Tagged, &[object]);
        }
    }

    /// A new object, filled.
    pub(super) fn new_object(&mut self, shape: Shape) -> Ref {
        // What its fields get has to be there before: an operation between could collect.
        let kinds = shape.kinds();
        let values: Vec<Option<Ref>> = kinds
            .iter()
            .map(|&kind| match kind {
                // Itself, perhaps.
                Kind::Object(of) if of == shape && self.rng.chance(25) => None,
                _ => Some(self.pick(kind)),
            })
            .collect();
        let aux = self.world.allocs[shape as usize].0;
        let object = self.push(Op { aux, ..Op::new(OpCode::New, Type::Ref) }, Some(Kind::Object(shape)));
        for (number, value) in values.into_iter().enumerate() {
            let offset = number as i32 * 8 + 8;
            let fields = &self.world.fields[shape as usize];
            let whole = fields.iter().find(|field| {
                let mem = self.world.descriptors.mem(field.mem);
                mem.offset == offset && mem.scale == 0 && mem.width.bytes() == 8
            });
            let field = *whole.expect("every word of a shape has a field of its size");
            let mut value = value.unwrap_or(object);
            if shape.is_array() && number == 0 {
                value = self.int(LENGTH as i64);
            }
            self.store_at(object, field, Ref::NONE, value);
        }
        object
    }

    /// An entry, a list of arguments for it, and what it returns.
    pub(super) fn callee(&mut self) -> (u16, u32, Option<Kind>) {
        let number = self.rng.below(self.world.callees.entries.len());
        let callee = &self.world.callees.entries[number];
        let arguments: Vec<Ref> = callee.arguments.iter().map(|&kind| self.pick(kind)).collect();
        (callee.entry.0, self.sample.unit.list(&arguments).0, callee.result)
    }

    pub(super) fn call(&mut self) {
        if self.rng.chance(25) {
            let (entry, list, result) = self.callee();
            let ty = result.map_or(Type::Void, Kind::ty);
            self.push(Op { aux: entry, a: list, ..Op::new(OpCode::CallUnit, ty) }, result);
            return;
        }
        let number = self.rng.below(self.world.functions.len());
        let (call, function) = self.world.functions[number];
        let arguments: Vec<Ref> = function.arguments.iter().map(|&kind| self.pick(kind)).collect();
        let list = self.sample.unit.list(&arguments).0;
        let ty = function.result.map_or(Type::Void, Kind::ty);
        self.push(Op { aux: call.0, a: list, ..Op::new(OpCode::Call, ty) }, function.result);
    }

    /// A guard that mostly holds, or one that may not, or several of which one implies the other.
    pub(super) fn guards(&mut self) {
        match self.rng.below(12) {
            0 => {
                let condition = self.condition();
                let code = self.rng.pick(&[OpCode::GuardTrue, OpCode::GuardFalse]);
                self.guard(code, condition);
            }
            1..=3 => {
                let (value, small) = (self.pick(Kind::Int), self.rng.below(5) as i64 - 2);
                let other = self.rng.int() | 0x100;
                let others = [self.int(other), self.int(other.wrapping_add(small))];
                for bound in others {
                    let differs = self.value(OpCode::Ne, Kind::Truth, &[value, bound]);
                    self.guard(OpCode::GuardTrue, differs);
                }
            }
            4..=5 => {
                let value = self.pick(Kind::Int);
                for shift in [60, 58] {
                    let (code, more) = (self.rng.pick(&[OpCode::Lt, OpCode::Le]), self.rng.below(3) as i64);
                    let bound = self.int((1 << shift) + more);
                    let below = self.value(code, Kind::Truth, &[value, bound]);
                    self.guard(OpCode::GuardTrue, below);
                }
            }
            6..=8 => self.assume_not_null(),
            9 => {
                let (a, b) = (self.pick(Kind::Object(Shape::Q)), self.pick(P));
                let same = self.value(OpCode::RefEq, Kind::Truth, &[a, b]);
                self.guard(OpCode::GuardFalse, same);
            }
            _ => {
                let array = self.pick(Kind::Object(Shape::Ints));
                let field = self.world.fields[Shape::Ints as usize][0];
                let (a, b) = (array.word(), Ref::NONE.word());
                let op = Op { aux: field.mem.0, a, b, ..Op::new(OpCode::Load, Type::Int) };
                let length = self.push(op, Some(Kind::Int));
                let index = self.pick(Kind::Int);
                let mask = self.int(3);
                let masked = self.value(OpCode::And, Kind::Int, &[index, mask]);
                let inside = self.value(OpCode::LtU, Kind::Truth, &[masked, length]);
                self.guard(OpCode::GuardTrue, inside);
            }
        }
    }
}

//! Trees, recorded on the tape.

use tailor_compiler::ir::{OpCode, Width};

use super::LOG;
use super::tree::{Float, Int, MEMORY, Opt, PARAMETERS, Program, Statement, VARIABLES};
use crate::function::JitFunction;
use crate::tape::{IntType, Loop, Memory, Node, Overflow, Shape, Tape, Variable};
use crate::testing::{function, inlined, residual};

const OPTION: &Shape = &Shape::Sum(&[Shape::UNIT, Shape::INT]);
const WORD: Memory = Memory::element("World", "memory", Width::I64, 0, 8);

/// The program's functions.
pub fn functions(program: &Program) -> Vec<&'static JitFunction> {
    let note = residual("note", &[Shape::INT], Shape::INT, note);
    let mut functions: Vec<&'static JitFunction> = Vec::new();
    for (body, result) in &program.functions {
        let (body, result, callees) = (body.clone(), result.clone(), functions.clone());
        let parameters = [Shape::REF, Shape::INT, Shape::INT, Shape::INT];
        let record = move |tape: &Tape, parameters: &[Node]| {
            let ints = (0..VARIABLES)
                .map(|i| tape.variable_of(if i < PARAMETERS { parameters[i + 1] } else { tape.int(0) }))
                .collect();
            let floats = (0..VARIABLES).map(|_| tape.variable_of(tape.float(0.0))).collect();
            let none = tape.variant(OPTION, 0, tape.unit());
            let opts = (0..VARIABLES).map(|_| tape.variable_of(none)).collect();
            let memory = parameters[0];
            let mut recorder =
                Recorder { tape, memory, note, callees: &callees, ints, floats, opts, loops: Vec::new() };
            recorder.block(&body);
            Some(recorder.int(&result))
        };
        // Every other one is inlined where it is called.
        let make_inlined = functions.len() % 2 == 1;
        functions.push(if make_inlined {
            inlined("random", &parameters, Shape::INT, record)
        } else {
            function("random", &parameters, Shape::INT, record)
        });
    }
    functions
}

/// Notes its argument and returns it plus one.
unsafe fn note(arguments: *const u64, results: *mut u64) {
    // SAFETY: it has one argument and one result.
    unsafe {
        LOG.with_borrow_mut(|log| log.push(*arguments));
        *results = (*arguments).wrapping_add(1);
    }
}

struct Recorder<'a> {
    tape: &'a Tape,
    memory: Node,
    note: &'static JitFunction,
    callees: &'a [&'static JitFunction],
    ints: Vec<Variable>,
    floats: Vec<Variable>,
    opts: Vec<Variable>,
    loops: Vec<Loop>,
}

impl Recorder<'_> {
    fn block(&mut self, block: &[Statement]) {
        block.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Statement) {
        let tape = self.tape;
        match statement {
            Statement::SetInt(to, value) => {
                let value = self.int(value);
                tape.set(self.ints[*to], value);
            }
            Statement::SetFloat(to, value) => {
                let value = self.float(value);
                tape.set(self.floats[*to], value);
            }
            Statement::SetOpt(to, value) => {
                let value = self.opt(value);
                tape.set(self.opts[*to], value);
            }
            Statement::Store(at, value) => {
                let at = self.place(at);
                let value = self.int(value);
                tape.store(&WORD, self.memory, Some(at), value);
            }
            Statement::If(condition, then, otherwise) => {
                let (join, no) = (tape.block(), tape.block());
                let condition = self.int(condition);
                tape.check(condition, no);
                self.block(then);
                tape.jump(join);
                tape.enter(no);
                self.block(otherwise);
                tape.jump(join);
                tape.enter(join);
            }
            Statement::IfLet(to, opt, then, otherwise) => {
                let (join, no) = (tape.block(), tape.block());
                let opt = self.opt(opt);
                tape.check(tape.is_variant(opt, 1), no);
                tape.set(self.ints[*to], tape.payload(opt, 1));
                self.block(then);
                tape.jump(join);
                tape.enter(no);
                self.block(otherwise);
                tape.jump(join);
                tape.enter(join);
            }
            Statement::Switch(value, cases, default) => {
                let join = tape.block();
                let value = self.int(value);
                let switch = tape.switch(value);
                for (values, body) in cases {
                    let values: Vec<u64> = values.iter().map(|&value| value as u64).collect();
                    tape.case(&switch, &values);
                    self.block(body);
                    tape.jump(join);
                }
                tape.default_case(&switch);
                self.block(default);
                tape.jump(join);
                tape.enter(join);
            }
            Statement::Loop(count, body) => {
                let left = tape.variable_of(tape.int(u64::from(*count)));
                let of = tape.begin_loop();
                let now = tape.get(left);
                tape.check(now, of.exit());
                tape.set(left, tape.pure(OpCode::Sub, &[now, tape.int(1)]));
                self.loops.push(of);
                self.block(body);
                self.loops.pop();
                tape.repeat(&of);
                tape.end_loop(&of);
            }
            Statement::Break(level) => tape.leave(&self.loops[self.loops.len() - 1 - level]),
            Statement::Continue(level) => tape.repeat(&self.loops[self.loops.len() - 1 - level]),
            Statement::Return(value) => {
                let value = self.int(value);
                tape.ret(value);
            }
            Statement::Panic(message) => tape.panic(message, &[]),
        }
    }

    fn place(&mut self, at: &Int) -> Node {
        let at = self.int(at);
        self.tape.pure(OpCode::And, &[at, self.tape.int(MEMORY as u64 - 1)])
    }

    /// An operand as a value of another type.
    fn converted(&mut self, ty: IntType, value: &Int) -> Node {
        let value = self.int(value);
        self.tape.cast(IntType::I64, ty, value)
    }

    fn int(&mut self, int: &Int) -> Node {
        let tape = self.tape;
        match int {
            Int::Constant(value) => tape.int(*value as u64),
            Int::Variable(variable) => tape.get(self.ints[*variable]),
            Int::Arithmetic(op, ty, overflow, a, b) => {
                let (a, b) = (self.converted(*ty, a), self.converted(*ty, b));
                let result = tape.arithmetic(*op, *ty, a, b, *overflow);
                tape.cast(*ty, IntType::I64, result)
            }
            Int::Negate(ty, overflow, a) => {
                let a = self.converted(*ty, a);
                let overflow = if ty.signed { *overflow } else { Overflow::Wrap };
                let result = tape.negate(*ty, a, overflow);
                tape.cast(*ty, IntType::I64, result)
            }
            Int::Compare(op, ty, a, b) => {
                let (a, b) = (self.converted(*ty, a), self.converted(*ty, b));
                tape.compare(*op, *ty, a, b)
            }
            Int::CompareFloats(op, a, b) => {
                let (a, b) = (self.float(a), self.float(b));
                tape.compare_floats(*op, a, b)
            }
            Int::Load(at) => {
                let at = self.place(at);
                tape.load(&WORD, self.memory, Some(at))
            }
            Int::FromFloat(ty, value) => {
                let value = self.float(value);
                let result = tape.float_to_int(*ty, value);
                tape.cast(*ty, IntType::I64, result)
            }
            Int::UnwrapOr(opt, otherwise) => {
                let opt = self.opt(opt);
                let otherwise = self.int(otherwise);
                let (join, none) = (tape.join(Shape::INT), tape.block());
                tape.check(tape.is_variant(opt, 1), none);
                tape.arrive(&join, tape.payload(opt, 1));
                tape.enter(none);
                tape.arrive(&join, otherwise);
                tape.joined(&join)
            }
            Int::If(condition, then, otherwise) => {
                let (join, no) = (tape.join(Shape::INT), tape.block());
                let condition = self.int(condition);
                tape.check(condition, no);
                let then = self.int(then);
                tape.arrive(&join, then);
                tape.enter(no);
                let otherwise = self.int(otherwise);
                tape.arrive(&join, otherwise);
                tape.joined(&join)
            }
            Int::Call(function, arguments) => {
                let arguments: Vec<Node> =
                    std::iter::once(self.memory).chain(arguments.iter().map(|argument| self.int(argument))).collect();
                tape.call(self.callees[*function], &arguments)
            }
            Int::Note(value) => {
                let value = self.int(value);
                tape.call(self.note, &[value])
            }
        }
    }

    fn float(&mut self, float: &Float) -> Node {
        let tape = self.tape;
        match float {
            Float::Constant(value) => tape.float(*value),
            Float::Variable(variable) => tape.get(self.floats[*variable]),
            Float::Add(a, b) => {
                let (a, b) = (self.float(a), self.float(b));
                tape.pure(OpCode::FAdd, &[a, b])
            }
            Float::Mul(a, b) => {
                let (a, b) = (self.float(a), self.float(b));
                tape.pure(OpCode::FMul, &[a, b])
            }
            Float::FromInt(ty, value) => {
                let value = self.converted(*ty, value);
                tape.int_to_float(*ty, value)
            }
        }
    }

    fn opt(&mut self, opt: &Opt) -> Node {
        let tape = self.tape;
        match opt {
            Opt::None => tape.variant(OPTION, 0, tape.unit()),
            Opt::Some(value) => {
                let value = self.int(value);
                tape.variant(OPTION, 1, value)
            }
            Opt::Variable(variable) => tape.get(self.opts[*variable]),
            Opt::If(condition, then, otherwise) => {
                let (join, no) = (tape.join(OPTION), tape.block());
                let condition = self.int(condition);
                tape.check(condition, no);
                let then = self.opt(then);
                tape.arrive(&join, then);
                tape.enter(no);
                let otherwise = self.opt(otherwise);
                tape.arrive(&join, otherwise);
                tape.joined(&join)
            }
            Opt::Map(opt, to, value) => {
                let opt = self.opt(opt);
                let (join, none) = (tape.join(OPTION), tape.block());
                tape.check(tape.is_variant(opt, 1), none);
                tape.set(self.ints[*to], tape.payload(opt, 1));
                let value = self.int(value);
                tape.arrive(&join, tape.variant(OPTION, 1, value));
                tape.enter(none);
                tape.arrive(&join, tape.variant(OPTION, 0, tape.unit()));
                tape.joined(&join)
            }
            Opt::Checked(op, ty, a, b) => {
                let (a, b) = (self.converted(*ty, a), self.converted(*ty, b));
                let (value, overflows) = tape.overflowing_arithmetic(*op, *ty, a, b);
                let value = tape.cast(*ty, IntType::I64, value);
                tape.sum(OPTION, tape.not(overflows), 1, value)
            }
        }
    }
}

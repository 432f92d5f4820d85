//! Each pure opcode against the shared evaluator: interesting words, in registers, slots and as constants, in random registers, with and without newer instructions.

use super::super::x86_64::shapes::X86;
use super::super::{Compiler, Machine, Options, Run, run};
use super::Heap;
use crate::eval::evaluate;
use crate::interp::Outcome;
use crate::ir::opcode::{AuxKind, Class, ResultType};
use crate::ir::{Descriptors, Op, OpCode, Ref, Type, Unit};
use crate::random::Rng;

const INTS: [i64; 18] = [
    0,
    1,
    -1,
    2,
    3,
    7,
    63,
    64,
    127,
    128,
    -128,
    255,
    0x7fff_ffff,
    0x8000_0000,
    -0x8000_0000,
    i64::MAX,
    i64::MIN,
    0x1234_5678_9abc_def0,
];

const FLOATS: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    2.5,
    -2.5,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    9.3e18,
    -9.3e18,
    1e300,
    5e-324,
    9_223_372_036_854_774_784.0,
];

fn word(ty: Type, rng: &mut Rng) -> u64 {
    match ty {
        Type::Float => FLOATS[rng.below(FLOATS.len())].to_bits(),
        _ if rng.chance(80) => INTS[rng.below(INTS.len())] as u64,
        _ => rng.word(),
    }
}

/// Types of the operands of an opcode.
fn operand_types(code: OpCode) -> Vec<Type> {
    let ty = |kind: &u8| match kind {
        b'i' => Some(Type::Int),
        b'f' => Some(Type::Float),
        b'r' => Some(Type::Ref),
        _ => None,
    };
    code.operands().iter().filter_map(ty).collect()
}

fn result_type(code: OpCode) -> Type {
    match code.result() {
        ResultType::I => Type::Int,
        ResultType::F => Type::Float,
        ResultType::R => Type::Ref,
        ResultType::V | ResultType::D => Type::Void,
    }
}

/// Some operations, each on words of its own: a unit that returns all results, and what they should be.
fn unit(rng: &mut Rng, code: OpCode, count: usize) -> (Unit, Vec<u64>, Vec<u64>) {
    let mut unit = Unit::default();
    let (mut arguments, mut expected) = (Vec::new(), Vec::new());
    let label = unit.new_label();
    unit.labels[0] = 0;
    unit.push(Op { a: label.0, ..Op::new(OpCode::Label, Type::Void) });
    let mut pending = Vec::new();
    while pending.len() < count {
        let types = operand_types(code);
        let mut op = Op::new(code, result_type(code));
        if code.aux() == AuxKind::Bits {
            op.aux = rng.pick(&[8, 16, 32]);
        }
        let mut words: Vec<u64> = types.iter().map(|&ty| word(ty, rng)).collect();
        if rng.chance(10) && types.iter().all(|&ty| ty == types[0]) {
            // The same value twice.
            let first = words[0];
            words.fill(first);
        }
        words.resize(3, 0);
        let Some(value) = evaluate(&op, words[0], words[1], words[2]) else { continue };
        let mut operands = Vec::new();
        for (&ty, &word) in types.iter().zip(&words) {
            let known = arguments.iter().position(|&(other_ty, other)| (other_ty, other) == (ty, word));
            operands.push(match known {
                _ if rng.chance(25) => unit.constant(ty, word),
                Some(parameter) => Ref::op(1 + parameter),
                None => {
                    arguments.push((ty, word));
                    unit.push(Op::new(OpCode::Param, ty))
                }
            });
        }
        operands.resize(3, Ref::op(0));
        (op.a, op.b, op.c) = (operands[0].word(), operands[1].word(), operands[2].word());
        pending.push(op);
        expected.push(value);
    }
    let results: Vec<Ref> = pending.into_iter().map(|op| unit.push(op)).collect();
    let list = unit.list(&results);
    unit.push(Op { a: list.0, ..Op::new(OpCode::Return, Type::Void) });
    (unit, arguments.into_iter().map(|(_, word)| word).collect(), expected)
}

fn test(x86: X86) {
    let heap = Heap::new();
    let machine = Machine::with_processor(heap.runtime(), 1 << 20, x86).unwrap();
    let descriptors = Descriptors::default();
    let mut compiler = Compiler::new();
    let mut rng = Rng::new(11);
    // (Boxes have tests of their own.)
    let pure = OpCode::ALL.iter().copied().filter(|&code| code.class() == Class::Pure && code != OpCode::Box);
    for code in pure {
        for round in 0..60 {
            let count = 1 + rng.below(12);
            let (unit, arguments, expected) = unit(&mut rng, code, count);
            compiler.options = Options { random: (round % 3 != 0).then(|| rng.word()) };
            let compiled = compiler.compile(&machine, &unit, &descriptors).unwrap();
            // SAFETY: pure operations are sound.
            let ended = unsafe { run(&machine, &compiled, &descriptors, &arguments) };
            let Run::Ended(Outcome::Returned(words)) = ended else { panic!("{code:?}: {ended:?}") };
            assert_eq!(words.len(), expected.len());
            for (found, expected) in words.into_iter().zip(expected) {
                let both_nan = f64::from_bits(found).is_nan() && f64::from_bits(expected).is_nan();
                let float = result_type(code) == Type::Float;
                let listing = || compiled.disassemble().into_iter().map(|line| line.2 + "\n").collect::<String>();
                assert!(
                    found == expected || float && both_nan,
                    "{code:?} of {arguments:x?}: {found:#x} instead of {expected:#x}\n{}",
                    listing()
                );
            }
        }
    }
}

#[test]
fn opcodes_compute_what_the_evaluator_says() {
    test(X86::detect().unwrap());
}

#[test]
fn opcodes_without_newer_instructions() {
    test(X86 { bmi: false });
}

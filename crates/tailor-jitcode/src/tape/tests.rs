//! The tape's own promises: shapes, constants, dead code, mistakes that are caught. (What recorded arithmetic computes is tested by random functions.)

use tailor_compiler::ir::{OpCode, Width};

use super::{Arithmetic, IntType, Memory, Overflow, Shape, Unary};
use crate::black_hole::{Mode, run};
use crate::testing::function;

const INT: &Shape = Shape::INT;
const RESULT: &Shape = &Shape::Sum(&[&Shape::Product(&[INT, Shape::REF]), Shape::FLOAT]);

#[test]
fn shapes_number_their_leaves() {
    assert_eq!(RESULT.leaf_count(), 4);
    assert_eq!(RESULT.part(0).1, 1);
    assert_eq!(RESULT.part(1).1, 3);
    assert_eq!(Shape::UNIT.leaf_count(), 0);
    assert_eq!(Shape::Product(&[RESULT, INT]).part(1).1, 4);
}

#[test]
fn constants_fold_while_recording() {
    function("fold", &[], INT, |tape, _| {
        let sum = tape.arithmetic(Arithmetic::Add, IntType::U8, tape.int(255), tape.int(2), Overflow::Wrap);
        assert_eq!(tape.constant_words(sum), Some(vec![1]));
        let sum = tape.variant(RESULT, 1, tape.float(1.5));
        assert_eq!(tape.constant_words(tape.tag(sum)), Some(vec![1]));
        assert_eq!(tape.constant_words(tape.payload(sum, 1)), Some(vec![1.5_f64.to_bits()]));
        assert_eq!(tape.constant_words(sum), None, "the other variant is undefined");
        Some(sum).map(|sum| tape.tag(sum))
    });
}

#[test]
fn what_follows_a_return_is_dropped() {
    let early = function("early", &[INT], INT, |tape, parameters| {
        tape.ret(parameters[0]);
        assert!(tape.is_dead());
        let memory = Memory::field("Nothing", "there", Width::I64, 0);
        tape.store(&memory, tape.address(0), None, parameters[0]);
        tape.panic("not reached", &[]);
        Some(tape.int(3))
    });
    // SAFETY: the function takes an integer.
    assert_eq!(unsafe { run(early, &[7], Mode::Throughout) }, [7]);
}

#[test]
fn counting_bits_regards_the_width() {
    for (ty, word) in [
        (IntType::I8, 0xffff_ffff_ffff_ff80_u64),
        (IntType::U8, 0x10),
        (IntType::I16, 0x7f),
        (IntType::U16, 0),
        (IntType::I32, 0xffff_ffff_ffff_fff0),
        (IntType::U32, 0xffff_0000),
        (IntType::I64, 0),
        (IntType::U64, u64::MAX),
    ] {
        let count = function("count", &[INT], &Shape::Product(&[INT, INT, INT, INT]), move |tape, parameters| {
            let parts = [Unary::LeadingZeros, Unary::TrailingZeros, Unary::CountOnes, Unary::Not];
            let parts = parts.map(|op| tape.unary(op, ty, parameters[0]));
            Some(tape.product(&Shape::Product(&[INT, INT, INT, INT]), &parts))
        });
        let bits = word << (64 - ty.bits) >> (64 - ty.bits);
        let not = !word & if ty.signed { u64::MAX } else { u64::MAX >> (64 - ty.bits) };
        let expected = [
            u64::from(bits.leading_zeros()) + u64::from(ty.bits) - 64,
            u64::from(bits.trailing_zeros().min(ty.bits.into())),
            bits.count_ones().into(),
            not,
        ];
        // SAFETY: the function takes an integer.
        assert_eq!(unsafe { run(count, &[word], Mode::Throughout) }, expected, "{ty:?}");
    }
}

#[test]
fn rotations_stay_within_the_width() {
    for (ty, word, by, expected) in [
        (IntType::U8, 0x81_u64, 1, 0x03_u64),
        (IntType::U16, 0x8001, 20, 0x0018),
        (IntType::I8, 0xffff_ffff_ffff_ff81, 1, 0x03),
        (IntType::I8, 0x41, 1, 0xffff_ffff_ffff_ff82),
        (IntType::U32, 0x8000_0001, 0, 0x8000_0001),
        (IntType::U64, 0x8000_0000_0000_0001, 65, 3),
    ] {
        let rotate = function("rotate", &[INT, INT], INT, move |tape, parameters| {
            Some(tape.rotate_left(ty, parameters[0], parameters[1]))
        });
        // SAFETY: the function takes integers.
        assert_eq!(unsafe { run(rotate, &[word, by], Mode::Throughout) }, [expected], "{ty:?}");
    }
}

#[test]
fn ranges_of_types_are_known() {
    let types =
        [IntType::I8, IntType::U8, IntType::I16, IntType::U16, IntType::I32, IntType::U32, IntType::I64, IntType::U64];
    let exact = |ty: IntType, word: u64| if ty.signed { i128::from(word as i64) } else { i128::from(word) };
    for from in types {
        for to in types {
            let check =
                function("check", &[INT], INT, move |tape, parameters| Some(tape.is_in_range(from, to, parameters[0])));
            for of in types {
                for word in [0, 1, u64::MAX, of.min(), of.max(), of.max().wrapping_add(1), of.min().wrapping_sub(1)] {
                    // As the type keeps it.
                    let unused = 64 - from.bits;
                    let word =
                        if from.signed { ((word << unused) as i64 >> unused) as u64 } else { word << unused >> unused };
                    let expected = (exact(to, to.min())..=exact(to, to.max())).contains(&exact(from, word));
                    // SAFETY: the function takes an integer.
                    let result = unsafe { run(check, &[word], Mode::Throughout) };
                    assert_eq!(result, [u64::from(expected)], "{word:#x} from {from:?} to {to:?}");
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "operand 1 of Add")]
fn operands_of_the_wrong_type_are_refused() {
    function("wrong", &[INT], INT, |tape, parameters| Some(tape.pure(OpCode::Add, &[parameters[0], tape.float(1.0)])));
}

#[test]
#[should_panic(expected = "are not those of")]
fn values_of_the_wrong_shape_are_refused() {
    function("wrong", &[INT], RESULT, |_, parameters| Some(parameters[0]));
}

#[test]
#[should_panic(expected = "every reachable block is complete")]
fn paths_without_an_end_are_refused() {
    function("wrong", &[INT], INT, |tape, parameters| {
        let forgotten = tape.block();
        tape.check(parameters[0], forgotten);
        Some(parameters[0])
    });
}

#[test]
fn instances_are_made_once() {
    use crate::function::{Effects, JitFunction, Role, Signature, Traits};
    unsafe fn native(_: *const u64, _: *mut u64) {}
    let template = |parameters: &'static [&'static Shape]| {
        let location = std::panic::Location::caller();
        let signature = Signature { name: "id", location, parameter_names: &["x"], parameters, result: Shape::UNIT };
        JitFunction::residual(signature, native, Traits::NONE, Effects::NONE, Role::Ordinary)
    };
    let ints = JitFunction::instance(template(&[INT]));
    assert!(std::ptr::eq(ints, JitFunction::instance(template(&[INT]))));
    assert!(!std::ptr::eq(ints, JitFunction::instance(template(&[Shape::REF]))));
}

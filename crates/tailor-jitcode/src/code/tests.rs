//! What the passes make of functions recorded by hand, as text.

use tailor_compiler::ir::{OpCode, Type, Width};

use super::moves::{Source, in_sequence};
use super::{Operation, Register, dump};
use crate::analysis::effects::reachable;
use crate::function::{JitFunction, Traits};
use crate::tape::{Arithmetic, Color, Compare, IntType, MarkVariable, Memory, Mutability, Node, Overflow, Shape, Tape};
use crate::testing::{declare, define, function, inlined, residual, with_native};

const INT: &Shape = Shape::INT;
const REF: &Shape = Shape::REF;
const PAIR: &Shape = &Shape::Product(&[INT, INT]);
const OPTION: &Shape = &Shape::Sum(&[Shape::UNIT, INT]);

/// The text without the source lines.
fn text(function: &'static JitFunction) -> String {
    let lines = dump(function.code());
    lines.lines().map(|line| line.split(" ; ").next().unwrap_or_default().trim_end().to_owned() + "\n").collect()
}

fn add(tape: &Tape, a: Node, b: Node) -> Node {
    tape.arithmetic(Arithmetic::Add, IntType::I64, a, b, Overflow::Wrap)
}

fn less(tape: &Tape, a: Node, b: Node) -> Node {
    tape.compare(Compare::Lt, IntType::I64, a, b)
}

#[test]
fn a_loop_that_does_nothing_is_not_bypassed_for_ever() {
    let spin = function("spin", &[INT], INT, |tape, parameters| {
        let out = tape.block();
        tape.check(parameters[0], out);
        let (outer, inner) = (tape.begin_loop(), tape.begin_loop());
        tape.repeat(&inner);
        tape.end_loop(&inner);
        tape.repeat(&outer);
        tape.end_loop(&outer);
        tape.enter(out);
        Some(tape.int(7))
    });
    let text = text(spin);
    assert_eq!(text.matches("jump").count(), 1, "{text}");
    assert_eq!(text.matches("return").count(), 1, "{text}");
}

#[test]
fn loops_keep_their_variables_in_place() {
    let sum = function("sum", &[INT], INT, |tape, parameters| {
        let (i, sum) = (tape.variable_of(tape.int(0)), tape.variable_of(tape.int(0)));
        let of = tape.begin_loop();
        tape.check(less(tape, tape.get(i), parameters[0]), of.exit());
        tape.set(sum, add(tape, tape.get(sum), tape.get(i)));
        tape.set(i, add(tape, tape.get(i), tape.int(1)));
        tape.repeat(&of);
        tape.end_loop(&of);
        Some(tape.get(sum))
    });
    assert_eq!(
        text(sum),
        "\
sum(a: i0), 4 registers, 2 constants
    i1 = 0
    i2 = 0
@2:
    i3 = lt i1, i0
    branch i3 @4 @7
@4:
    i2 = add i2, i1
    i1 = add i1, 1
    jump @2
@7:
    return i2
"
    );
    let live = |position| sum.code().live(position).to_vec();
    assert_eq!(live(0), [Register(0)]);
    assert_eq!(live(1), [Register(0), Register(1)]);
    assert_eq!(live(3), [0, 1, 2, 3].map(Register));
    assert_eq!(live(7), [Register(2)]);
}

#[test]
fn constants_flow_through_variables() {
    let constant = function("constant", &[INT], INT, |tape, parameters| {
        let x = tape.variable_of(tape.int(5));
        let (join, no) = (tape.block(), tape.block());
        tape.check(parameters[0], no);
        tape.set(x, tape.int(5));
        tape.jump(join);
        tape.enter(no);
        tape.jump(join);
        tape.enter(join);
        // Both ways it is 5: this is never reached.
        let never = tape.block();
        let is_five = tape.compare(Compare::Eq, IntType::I64, tape.get(x), tape.int(5));
        tape.check_not(is_five, never);
        tape.ret(parameters[0]);
        tape.enter(never);
        Some(add(tape, tape.get(x), tape.int(2)))
    });
    assert_eq!(text(constant), "constant(a: i0), 1 registers, 1 constants\n    return 7\n");
}

#[test]
fn aggregates_leave_nothing_behind() {
    // let p = (a, b); let q = (p.1, p.0); match Some(q.0) { Some(x) => x, None => panic }
    let swap = function("swap", &[PAIR], PAIR, |tape, parameters| {
        let (a, b) = (tape.part(parameters[0], 0), tape.part(parameters[0], 1));
        let swapped = tape.product(PAIR, &[b, a]);
        let some = tape.variant(OPTION, 1, tape.part(swapped, 0));
        let none = tape.block();
        tape.check(tape.is_variant(some, 1), none);
        tape.ret(tape.with_part(swapped, 0, tape.payload(some, 1)));
        tape.enter(none);
        tape.panic("none", &[]);
        None
    });
    assert_eq!(text(swap), "swap(a: (i0, i1)), 2 registers, 0 constants\n    return (i1, i0)\n");
}

#[test]
fn negations_turn_branches_round() {
    let max = function("max", &[INT, INT], INT, |tape, parameters| {
        let no = tape.block();
        let not_less = tape.not(less(tape, parameters[0], parameters[1]));
        tape.check(tape.not(tape.not(not_less)), no);
        tape.ret(parameters[0]);
        tape.enter(no);
        Some(parameters[1])
    });
    assert_eq!(
        text(max),
        "\
max(a: i0, b: i1), 3 registers, 0 constants
    i2 = lt i0, i1
    branch i2 @2 @3
@2:
    return i1
@3:
    return i0
"
    );
}

#[test]
fn unused_work_is_dropped_but_effects_are_kept() {
    let note = residual("note", &[INT], INT, never);
    let field = Memory::field("Point", "x", Width::I32, 8);
    let useless = function("useless", &[REF], Shape::UNIT, move |tape, parameters| {
        let x = tape.load(&field, parameters[0], None);
        let sum = add(tape, x, tape.int(1));
        tape.call(note, &[x]);
        tape.store(&field, parameters[0], None, tape.int(3));
        let _ = add(tape, sum, sum);
        Some(tape.unit())
    });
    assert_eq!(
        text(useless),
        "\
useless(a: r0), 2 registers, 1 constants
    i1 = load Point.x I32 [r0 + 8]
    i1 = residual note(i1)
    store Point.x I32 [r0 + 8], 3
    return ()
"
    );
}

unsafe fn never(_: *const u64, _: *mut u64) {
    unreachable!("nothing is executed here");
}

#[test]
fn directives_and_switches_read_well() {
    let traits = Traits { portal: true, ..Traits::NONE };
    let portal = with_native("portal", &[REF, INT], INT, traits, never, |tape, parameters| {
        let pc = tape.variable_of(parameters[1]);
        let of = tape.begin_loop();
        let mark = |pc| {
            [
                MarkVariable { name: "code", color: Color::Green, value: parameters[0] },
                MarkVariable { name: "pc", color: Color::Red, value: pc },
            ]
        };
        tape.merge_point(&mark(tape.get(pc)));
        let code = Memory::element("Code", "*", Width::U8, 16, 1).that_is(Mutability::Immutable);
        let op = tape.load(&code, tape.promote(parameters[0]), Some(tape.get(pc)));
        let switch = tape.switch(op);
        tape.case(&switch, &[0, 2]);
        tape.set(pc, add(tape, tape.get(pc), tape.int(1)));
        tape.repeat(&of);
        tape.case(&switch, &[1]);
        tape.can_enter(&mark(tape.int(0)));
        tape.set(pc, tape.int(0));
        tape.repeat(&of);
        tape.default_case(&switch);
        tape.panic("bad opcode {}", &[op]);
        None
    });
    assert_eq!(
        text(portal),
        "\
portal(a: r0, b: i1), 4 registers, 2 constants
@0:
    merge_point green code=r0 red pc=i1
    r2 = promote r0
    i3 = load Code.* U8 [r2 + i1 * 1 + 16]
    switch i3 0:@4 1:@6 2:@4 else @9
@4:
    i1 = add i1, 1
    jump @0
@6:
    can_enter green code=r0 red pc=0
    i1 = 0
    jump @0
@9:
    panic \"bad opcode {}\", i3
"
    );
    let Operation::MergePoint(mark) = portal.code().operation(0) else { panic!("it begins with its merge point") };
    assert!(mark.leaves(Color::Green).eq([Register(0)]) && mark.leaves(Color::Red).eq([Register(1)]));
}

#[test]
fn calls_keep_what_is_needed_afterwards() {
    let callee = function("callee", &[INT], OPTION, |tape, parameters| Some(tape.variant(OPTION, 1, parameters[0])));
    let caller = function("caller", &[INT, INT], INT, move |tape, parameters| {
        let result = tape.call(callee, &[parameters[0]]);
        Some(add(tape, tape.payload(result, 1), parameters[1]))
    });
    assert_eq!(
        text(caller),
        "\
caller(a: i0, b: i1), 3 registers, 0 constants
    (i0, i2) = call callee(i0)
    i0 = add i2, i1
    return i0
"
    );
    assert_eq!(caller.code().live(0), [Register(0), Register(1)]);
    assert_eq!(caller.code().live_across(0), Some(&[Register(1)][..]));
    assert_eq!(caller.code().live_across(1), None);
}

#[test]
fn inlined_calls_leave_nothing_behind() {
    let twice = inlined("twice", &[INT], OPTION, |tape, parameters| {
        let small = tape.block();
        tape.check_not(less(tape, parameters[0], tape.int(10)), small);
        tape.ret(tape.variant(OPTION, 0, tape.unit()));
        tape.enter(small);
        Some(tape.variant(OPTION, 1, add(tape, parameters[0], parameters[0])))
    });
    let record = move |tape: &Tape, parameters: &[Node]| {
        let (join, none) = (tape.join(INT), tape.block());
        let result = tape.call(twice, &[parameters[0]]);
        tape.check(tape.is_variant(result, 1), none);
        tape.arrive(&join, tape.payload(result, 1));
        tape.enter(none);
        tape.arrive(&join, tape.int(0));
        Some(tape.joined(&join))
    };
    assert_eq!(
        text(function("caller", &[INT], INT, record)),
        "\
caller(a: i0), 2 registers, 2 constants
    i1 = lt i0, 10
    branch i1 @2 @4
@2:
    i0 = add i0, i0
    jump @5
@4:
    i0 = 0
@5:
    return i0
"
    );
    let portal = with_native("portal", &[INT], INT, Traits { portal: true, ..Traits::NONE }, never, record);
    assert!(text(portal).contains("call twice(i0)"), "a portal's callees are for tier 1 to call");
}

#[test]
fn undefined_leaves_cost_no_moves() {
    let option = function("option", &[INT], OPTION, |tape, parameters| {
        let (join, none) = (tape.join(OPTION), tape.block());
        tape.check(parameters[0], none);
        tape.arrive(&join, tape.variant(OPTION, 1, parameters[0]));
        tape.enter(none);
        tape.arrive(&join, tape.variant(OPTION, 0, tape.unit()));
        Some(tape.joined(&join))
    });
    assert_eq!(
        text(option),
        "\
option(a: i0), 2 registers, 2 constants
    branch i0 @1 @3
@1:
    i1 = 1
    jump @4
@3:
    i1 = 0
@4:
    return (i1, i0)
"
    );
}

#[test]
fn locations_are_those_of_the_source() {
    let here = std::panic::Location::caller();
    let located = function("located", &[INT], INT, move |tape, parameters| {
        tape.at(here);
        Some(add(tape, parameters[0], parameters[0]))
    });
    assert_eq!(located.code().location(0), here);
    assert!(dump(located.code()).contains(&format!("; tests.rs:{}", here.line())));
}

#[test]
fn moves_are_sequenced() {
    let registers = |moves: &[(u16, u16)]| {
        let mut moves = moves.iter().map(|&(to, from)| (to, Source::Register(from))).collect();
        let mut sequence = Vec::new();
        in_sequence(&mut moves, &mut sequence, |_| 9);
        let mut file: Vec<u16> = (0..10).collect();
        for (to, from) in &sequence {
            let Source::Register(from) = *from else { panic!("only registers are moved") };
            file[usize::from(*to)] = file[usize::from(from)];
        }
        (file[..4].to_vec(), sequence.len())
    };
    assert_eq!(registers(&[(0, 1), (1, 2)]), (vec![1, 2, 2, 3], 2));
    assert_eq!(registers(&[(1, 0), (2, 1)]), (vec![0, 0, 1, 3], 2));
    assert_eq!(registers(&[(0, 1), (1, 0)]), (vec![1, 0, 2, 3], 3));
    assert_eq!(registers(&[(0, 1), (1, 2), (2, 0), (3, 0)]), (vec![1, 2, 0, 0], 5));
    assert_eq!(registers(&[(0, 1), (1, 0), (2, 3), (3, 2)]), (vec![1, 0, 3, 2], 6));
    assert_eq!(registers(&[(2, 2)]), (vec![0, 1, 2, 3], 0));
}

#[test]
fn effects_reach_through_calls_and_recursion() {
    let field = |name| Memory::field("Effects", name, Width::I64, 8);
    let note = residual("note", &[INT], INT, never);
    let (even, odd) =
        (declare("even", &[REF, INT], INT, Traits::NONE, never), declare("odd", &[REF, INT], INT, Traits::NONE, never));
    define(even, move |tape, parameters| {
        let x = tape.load(&field("even"), parameters[0], None);
        let constant = tape.load(&field("constant").that_is(Mutability::Immutable), parameters[0], None);
        Some(tape.call(odd, &[parameters[0], add(tape, x, constant)]))
    });
    define(odd, move |tape, parameters| {
        tape.store(&field("odd"), parameters[0], None, parameters[1]);
        tape.call(note, &[parameters[1]]);
        Some(tape.call(even, parameters))
    });
    let pure = function("pure", &[INT], INT, |tape, parameters| {
        let shift = tape.int(3);
        Some(tape.pure(OpCode::Shl, &[parameters[0], shift]))
    });
    let summary = even.code().summary();
    assert_eq!(summary, odd.code().summary());
    assert!(summary.reads.contains(field("even").class()) && !summary.reads.contains(field("odd").class()));
    assert!(!summary.reads.contains(field("constant").class()));
    assert!(summary.writes.contains(field("odd").class()) && !summary.writes.contains(field("even").class()));
    assert!(summary.writes.contains(Memory::field("Log", "text", Width::I64, 0).class()));
    assert!(!summary.collects && !summary.panics && !summary.reenters);
    assert!(pure.code().summary().is_pure() && !summary.is_pure());
    assert_eq!(reachable(even), [even, odd]);
}

#[test]
fn registers_have_one_type() {
    let mixed = function("mixed", &[INT], Shape::FLOAT, |tape, parameters| {
        let mut value = parameters[0];
        let mut float = tape.float(0.0);
        for _ in 0..3 {
            let next = tape.pure(OpCode::IntToFloat, &[value]);
            float = tape.pure(OpCode::FAdd, &[float, next]);
            value = tape.pure(OpCode::FloatToInt, &[float]);
        }
        Some(float)
    });
    let code = mixed.code();
    for position in 0..code.len() as u32 {
        if let Operation::Pure { code: op, dest, .. } = code.operation(position) {
            let expected = if matches!(op, OpCode::FloatToInt) { Type::Int } else { Type::Float };
            assert_eq!(code.type_of(dest), expected);
        }
    }
    assert!(code.register_count() <= 3, "registers are shared: {}", dump(code));
}

//! The black hole on functions recorded by hand: results, panics, calls, memory, and interruption at every instruction.

use std::cell::RefCell;

use tailor_compiler::ir::{OpCode, Type, Width};

use super::{
    Mode, Outcome, Reached, RegisterFile, SavedFrame, Stop, last_panic, resume, resume_for, resume_until, run, run_for,
    run_in_pieces,
};
use crate::code::Operation;
use crate::function::{JitFunction, Traits};
use crate::tape::{Arithmetic, Color, Compare, IntType, MarkVariable, Memory, Node, Overflow, Shape, Tape};
use crate::testing::{declare, define, function, leaving, residual, with_native};

const INT: &Shape = Shape::INT;
const REF: &Shape = Shape::REF;
const OPTION: &Shape = &Shape::Sum(&[Shape::UNIT, Shape::INT]);

fn throughout(function: &'static JitFunction, arguments: &[u64]) -> Vec<u64> {
    // SAFETY: the tests' functions can be run with the tests' arguments.
    unsafe { run(function, arguments, Mode::Throughout) }
}

/// Runs a function, then again interrupting it before every instruction, or every third, each time carrying only live values over.
fn all_ways(function: &'static JitFunction, arguments: &[u64]) -> Vec<u64> {
    let result = throughout(function, arguments);
    for every in [1, 3] {
        // SAFETY: as above.
        assert_eq!(unsafe { run_in_pieces(function, arguments, Mode::Throughout, every) }, result, "every {every}");
    }
    result
}

fn add(tape: &Tape, a: Node, b: Node) -> Node {
    tape.arithmetic(Arithmetic::Add, IntType::I64, a, b, Overflow::Panic)
}

fn less(tape: &Tape, a: Node, b: Node) -> Node {
    tape.compare(Compare::Lt, IntType::I64, a, b)
}

/// The sum of all numbers from 0 below `a` that `b` does not divide.
fn loop_function() -> &'static JitFunction {
    function("sum", &[INT, INT], INT, |tape, parameters| {
        let (i, sum) = (tape.variable_of(tape.int(0)), tape.variable_of(tape.int(0)));
        let of = tape.begin_loop();
        tape.check(less(tape, tape.get(i), parameters[0]), of.exit());
        let now = tape.get(i);
        tape.set(i, add(tape, now, tape.int(1)));
        let rest = tape.arithmetic(Arithmetic::Rem, IntType::I64, now, parameters[1], Overflow::Panic);
        let divided = tape.block();
        tape.check(rest, divided);
        tape.set(sum, add(tape, tape.get(sum), now));
        tape.repeat(&of);
        tape.enter(divided);
        tape.repeat(&of);
        tape.end_loop(&of);
        Some(tape.get(sum))
    })
}

#[test]
fn a_loop_sums_up() {
    let sum = loop_function();
    assert_eq!(all_ways(sum, &[10, 3]), [1 + 2 + 4 + 5 + 7 + 8]);
    assert_eq!(all_ways(sum, &[0, 3]), [0]);
}

#[test]
fn panics_have_the_message_and_place_of_the_source() {
    let sum = loop_function();
    let payload = std::panic::catch_unwind(|| throughout(sum, &[10, 0])).expect_err("division by zero");
    let message = payload.downcast::<String>().expect("the payload is a message");
    assert_eq!(*message, "attempt to calculate the remainder with a divisor of zero");
    assert_eq!(last_panic().expect("a panic has been noted").file(), file!());
    let (base, top) = RegisterFile::used();
    assert_eq!(base, top, "frames are gone after a panic");
}

#[test]
fn messages_have_arguments() {
    let bounds = function("bounds", &[INT, INT], INT, |tape, parameters| {
        let good = tape.compare(Compare::Lt, IntType::U64, parameters[1], parameters[0]);
        tape.panic_unless(
            good,
            "index out of bounds: the len is {} but the index is {}",
            &[parameters[0], parameters[1]],
        );
        Some(parameters[1])
    });
    assert_eq!(all_ways(bounds, &[4, 3]), [3]);
    let payload = std::panic::catch_unwind(|| throughout(bounds, &[4, 5])).expect_err("out of bounds");
    assert_eq!(*payload.downcast::<String>().unwrap(), "index out of bounds: the len is 4 but the index is 5");
}

#[test]
fn functions_recurse() {
    let fibonacci = declare("fibonacci", &[INT], INT, Traits::NONE, never);
    define(fibonacci, move |tape, parameters| {
        let n = parameters[0];
        let small = tape.block();
        tape.check_not(less(tape, n, tape.int(2)), small);
        let sub = |k| tape.arithmetic(Arithmetic::Sub, IntType::I64, n, tape.int(k), Overflow::Panic);
        let (one, two) = (tape.call(fibonacci, &[sub(1)]), tape.call(fibonacci, &[sub(2)]));
        tape.ret(add(tape, one, two));
        tape.enter(small);
        Some(n)
    });
    assert_eq!(all_ways(fibonacci, &[10]), [55]);
    assert_eq!(throughout(fibonacci, &[20]), [6765]);
}

unsafe fn never(_: *const u64, _: *mut u64) {
    unreachable!("the native reading is not called");
}

#[test]
fn options_are_taken_apart() {
    // checked_add(a, b).map_or(-1, |x| x + 1)
    let checked = function("checked", &[INT, INT], OPTION, |tape, parameters| {
        let (sum, overflows) = tape.overflowing_arithmetic(Arithmetic::Add, IntType::I64, parameters[0], parameters[1]);
        Some(tape.sum(OPTION, tape.not(overflows), 1, sum))
    });
    let user = function("user", &[INT, INT], INT, move |tape, parameters| {
        let sum = tape.call(checked, parameters);
        let (join, none) = (tape.join(INT), tape.block());
        tape.check(tape.is_variant(sum, 1), none);
        let payload = tape.payload(sum, 1);
        tape.arrive(&join, add(tape, payload, tape.int(1)));
        tape.enter(none);
        tape.arrive(&join, tape.int(u64::MAX));
        Some(tape.joined(&join))
    });
    assert_eq!(all_ways(user, &[3, 4]), [8]);
    assert_eq!(all_ways(user, &[i64::MAX as u64, 1]), [u64::MAX]);
}

#[test]
fn inlined_bodies_return_to_their_caller() {
    let clamp = function("clamp", &[INT], INT, |tape, parameters| {
        tape.begin_inline(INT);
        let large = tape.block();
        tape.check(less(tape, parameters[0], tape.int(100)), large);
        tape.ret(parameters[0]);
        tape.enter(large);
        tape.ret(tape.int(100));
        let clamped = tape.end_inline();
        Some(add(tape, clamped, tape.int(1)))
    });
    assert_eq!(all_ways(clamp, &[7]), [8]);
    assert_eq!(all_ways(clamp, &[700]), [101]);
}

#[test]
fn switches_choose() {
    for far in [20, 1 << 40] {
        let choose = function("choose", &[INT], INT, move |tape, parameters| {
            let join = tape.join(INT);
            let switch = tape.switch(parameters[0]);
            tape.case(&switch, &[1, 3]);
            tape.arrive(&join, tape.int(10));
            tape.case(&switch, &[2, far]);
            tape.arrive(&join, tape.int(20));
            tape.default_case(&switch);
            tape.arrive(&join, parameters[0]);
            Some(tape.joined(&join))
        });
        for (from, to) in
            [(0, 0), (1, 10), (2, 20), (3, 10), (4, 4), (far, 20), (far + 1, far + 1), (u64::MAX, u64::MAX)]
        {
            assert_eq!(all_ways(choose, &[from]), [to], "{from}");
        }
    }
}

#[test]
fn variables_that_change_places_do_not_overwrite_each_other() {
    let rotate = function("rotate", &[INT, INT, INT, INT], &Shape::Product(&[INT, INT, INT]), |tape, parameters| {
        let [i, a, b, c] = [0, 1, 2, 3].map(|k| tape.variable_of(parameters[k]));
        let of = tape.begin_loop();
        let now = tape.get(i);
        tape.check(less(tape, tape.int(0), now), of.exit());
        tape.set(i, add(tape, now, tape.int(u64::MAX)));
        let (x, y, z) = (tape.get(a), tape.get(b), tape.get(c));
        tape.set(a, y);
        tape.set(b, z);
        tape.set(c, x);
        tape.repeat(&of);
        tape.end_loop(&of);
        Some(tape.product(&Shape::Product(&[INT, INT, INT]), &[tape.get(a), tape.get(b), tape.get(c)]))
    });
    assert_eq!(all_ways(rotate, &[0, 1, 2, 3]), [1, 2, 3]);
    assert_eq!(all_ways(rotate, &[1, 1, 2, 3]), [2, 3, 1]);
    assert_eq!(all_ways(rotate, &[5, 1, 2, 3]), [3, 1, 2]);
}

#[test]
fn memory_is_read_and_written_in_all_widths() {
    for width in Width::ALL {
        let copy = function("copy", &[REF, INT, REF], INT, move |tape, parameters| {
            let from = Memory::element("Test", "from", width, 8, width.bytes());
            let to = Memory::field("Test", "to", width, -8);
            let value = tape.load(&from, parameters[0], Some(parameters[1]));
            tape.store(&to, parameters[2], None, value);
            Some(match width.ty() {
                Type::Float => tape.pure(OpCode::FloatBits, &[value]),
                Type::Ref => tape.pure(OpCode::RefToInt, &[value]),
                _ => value,
            })
        });
        let from: Vec<u8> = (0..64).map(|i| 0xf0 - i * 3).collect();
        let mut to = [0_u8; 16];
        let result = throughout(copy, &[from.as_ptr() as u64, 3, to.as_mut_ptr() as u64 + 8])[0];
        let count = width.bytes() as usize;
        let expected = &from[8 + 3 * count..8 + 4 * count];
        assert_eq!(&to[..count], expected, "{width:?}");
        assert_eq!(&to[count..], vec![0; 16 - count], "{width:?}");
        assert_eq!(&result.to_le_bytes()[..count], expected, "{width:?}");
        let signed = matches!(width, Width::I8 | Width::I16 | Width::I32);
        let fill = if signed { 0xff } else { 0 };
        assert!(result.to_le_bytes()[count..].iter().all(|&byte| byte == fill), "{width:?}");
    }
}

#[test]
fn odd_element_sizes_are_multiplied_out() {
    let third = function("third", &[REF, INT], INT, |tape, parameters| {
        Some(tape.load(&Memory::element("Entry", "class", Width::U32, 4, 24), parameters[0], Some(parameters[1])))
    });
    let words: Vec<u32> = (0..60).collect();
    assert_eq!(throughout(third, &[words.as_ptr() as u64, 5]), [31]);
}

thread_local! {
    static LOG: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Notes its argument, returns its double.
unsafe fn note(arguments: *const u64, results: *mut u64) {
    // SAFETY: it has one argument and one result.
    unsafe {
        LOG.with_borrow_mut(|log| log.push(*arguments));
        *results = *arguments * 2;
    }
}

#[test]
fn residual_calls_happen_in_order() {
    let note = residual("note", &[INT], INT, note);
    let twice = function("twice", &[INT], INT, move |tape, parameters| {
        let once = tape.call(note, &[parameters[0]]);
        Some(tape.call(note, &[once]))
    });
    assert_eq!(throughout(twice, &[3]), [12]);
    assert_eq!(LOG.take(), [3, 6]);
}

/// A portal that counts its second argument down to 0, adding to the third: `merge_point!(greens: a; reds: b, c)`.
fn portal() -> &'static JitFunction {
    /// Says that it was called by adding 1000 first.
    unsafe fn native(arguments: *const u64, results: *mut u64) {
        // SAFETY: it has three arguments and one result.
        unsafe {
            let (step, mut left, mut sum) = (*arguments, *arguments.add(1), *arguments.add(2) + 1000);
            while left > 0 {
                left -= 1;
                sum += step;
            }
            *results = sum;
        }
    }
    let traits = Traits { portal: true, ..Traits::NONE };
    with_native("portal", &[INT, INT, INT], INT, traits, native, |tape, parameters| {
        let (left, sum) = (tape.variable_of(parameters[1]), tape.variable_of(parameters[2]));
        let of = tape.begin_loop();
        let mark = |name, color, value| MarkVariable { name, color, value };
        tape.merge_point(&[
            mark("step", Color::Green, parameters[0]),
            mark("left", Color::Red, tape.get(left)),
            mark("sum", Color::Red, tape.get(sum)),
        ]);
        let now = tape.get(left);
        tape.check(now, of.exit());
        tape.set(left, add(tape, now, tape.int(u64::MAX)));
        tape.set(sum, add(tape, tape.get(sum), parameters[0]));
        tape.repeat(&of);
        tape.end_loop(&of);
        Some(tape.get(sum))
    })
}

#[test]
fn portals_run_throughout_if_asked() {
    assert_eq!(all_ways(portal(), &[2, 5, 1]), [11]);
}

/// A portal over frames that are numbers: leaves its frame for the one below, adding 1 to `sum`, until it is 0: `merge_point!(greens: step; reds: frame, sum)`.
fn portal_with_frames() -> &'static JitFunction {
    let leave = leaving("leave", &[REF, INT], &Shape::Product(&[REF, INT]), |tape, parameters| {
        let below = tape.offset(parameters[0], tape.int(-8_i64 as u64));
        let sum = add(tape, parameters[1], tape.int(1));
        Some(tape.product(&Shape::Product(&[REF, INT]), &[below, sum]))
    });
    let traits = Traits { portal: true, ..Traits::NONE };
    with_native("frames", &[INT, REF, INT], INT, traits, never, move |tape, parameters| {
        let (frame, sum) = (tape.variable_of(parameters[1]), tape.variable_of(parameters[2]));
        let of = tape.begin_loop();
        let mark = |name, color, value| MarkVariable { name, color, value };
        let marks = [
            mark("step", Color::Green, parameters[0]),
            mark("frame", Color::Red, tape.get(frame)),
            mark("sum", Color::Red, tape.get(sum)),
        ];
        tape.merge_point(&marks);
        tape.can_enter(&marks);
        tape.check(tape.pure(OpCode::RefNe, &[tape.get(frame), tape.address(0)]), of.exit());
        tape.release(tape.get(frame));
        tape.set(sum, add(tape, tape.get(sum), parameters[0]));
        let state = tape.call(leave, &[tape.get(frame), tape.get(sum)]);
        tape.set(frame, tape.part(state, 0));
        tape.set(sum, tape.part(state, 1));
        tape.repeat(&of);
        tape.end_loop(&of);
        Some(tape.get(sum))
    })
}

fn from_start(portal: &'static JitFunction, arguments: &[u64]) -> SavedFrame {
    let live = portal.code().live(0).iter();
    SavedFrame { function: portal, position: 0, values: live.map(|register| arguments[register.index()]).collect() }
}

/// Continues until `stop`, interrupting before every instruction.
fn until(mut frames: Vec<SavedFrame>, stop: Stop) -> Reached {
    loop {
        // SAFETY: the frames come from an interrupted run, or are the beginning of one.
        match unsafe { resume_until(&frames, stop, &mut 1) } {
            Reached::OutOfFuel(next) => frames = next,
            reached => return reached,
        }
    }
}

#[test]
fn a_portal_stops_at_its_next_merge_point() {
    let portal = portal();
    let stop = Stop { merge_point: true, ..Stop::default() };
    // It stands before one.
    assert_eq!(until(vec![from_start(portal, &[2, 5, 1])], stop), Reached::MergePoint(vec![2, 5, 1]));
    // From behind the first, it goes to the second.
    // SAFETY: the function takes three integers.
    let Outcome::Interrupted(frames) = (unsafe { run_for(portal, &[2, 5, 1], Mode::Throughout, &mut 2) }) else {
        panic!("it is not done so soon");
    };
    assert_eq!(until(frames, stop), Reached::MergePoint(vec![2, 4, 3]));
    // There is none on the way to its end.
    // SAFETY: as above.
    let Outcome::Interrupted(frames) = (unsafe { run_for(portal, &[2, 0, 7], Mode::Throughout, &mut 1) }) else {
        panic!("it is not done so soon");
    };
    assert_eq!(until(frames, stop), Reached::Returned(vec![7]));
}

#[test]
fn portals_that_are_called_do_not_stop() {
    let inner = portal();
    let traits = Traits { portal: true, ..Traits::NONE };
    let outer = with_native("outer", &[INT], INT, traits, never, move |tape, parameters| {
        let sum = tape.call(inner, &[tape.int(2), parameters[0], tape.int(0)]);
        tape.merge_point(&[MarkVariable { name: "a", color: Color::Red, value: sum }]);
        Some(sum)
    });
    let start = || vec![from_start(outer, &[5])];
    // The inner one runs natively, and says so.
    assert_eq!(until(start(), Stop { merge_point: true, ..Stop::default() }), Reached::MergePoint(vec![1010]));
    assert_eq!(until(start(), Stop::default()), Reached::Returned(vec![1010]));
    // Interrupted in the inner one, it hands that over.
    // SAFETY: the function takes an integer.
    let Outcome::Interrupted(frames) = (unsafe { run_for(outer, &[5], Mode::Throughout, &mut 4) }) else {
        panic!("it is not done so soon");
    };
    assert_eq!(frames.len(), 2);
    assert_eq!(until(frames, Stop { merge_point: true, ..Stop::default() }), Reached::MergePoint(vec![1010]));
}

#[test]
fn a_portal_stops_where_it_leaves_a_frame() {
    let portal = portal_with_frames();
    assert_eq!(all_ways(portal, &[10, 24, 0]), [33]);
    for (frame, sum) in [(24, 10), (16, 21), (8, 32)] {
        let stop = Stop { leaving: Some(frame), ..Stop::default() };
        let Reached::Left { position, values, arguments } = until(vec![from_start(portal, &[10, 24, 0])], stop) else {
            panic!("it leaves {frame}");
        };
        assert_eq!(arguments, [frame, sum]);
        assert!(matches!(portal.code().operation(position), Operation::Call { .. }));
        // What lives on is the green, which is all that is needed besides the call's results.
        assert_eq!(values, [10]);
    }
    let stop = Stop { leaving: Some(40), ..Stop::default() };
    assert_eq!(until(vec![from_start(portal, &[10, 24, 0])], stop), Reached::Returned(vec![33]));
}

#[test]
fn a_portal_stops_where_it_could_enter_code() {
    let stop = Stop { entry: true, ..Stop::default() };
    let mut frames = vec![from_start(portal_with_frames(), &[10, 24, 0])];
    for (frame, sum) in [(24, 0), (16, 11), (8, 22), (0, 33)] {
        let Reached::Entry { state, frames: next } = until(frames, stop) else { panic!("it could enter {frame}") };
        assert_eq!(state, [10, frame, sum]);
        frames = next;
    }
    assert_eq!(until(frames, stop), Reached::Returned(vec![33]));
}

#[test]
#[should_panic(expected = "one address")]
fn what_is_left_is_a_frame() {
    leaving("leave", &[INT], INT, |_, parameters| Some(parameters[0]));
}

#[test]
fn code_can_be_told_that_it_is_a_unit() {
    let asks = function("asks", &[], INT, |tape, _| Some(tape.we_are_jitted()));
    // SAFETY: the function has no parameters.
    unsafe {
        assert_eq!(run(asks, &[], Mode::Throughout), [0]);
        assert_eq!(run(asks, &[], Mode::AsUnit), [1]);
    }
}

#[test]
fn interrupted_portals_are_handed_over() {
    let portal = portal();
    let outer = function("outer", &[INT], INT, move |tape, parameters| {
        let result = tape.call(portal, &[tape.int(2), parameters[0], tape.int(0)]);
        Some(add(tape, result, tape.int(1)))
    });
    // Interrupted anywhere in the portal, it goes on natively from its next merge point, if there is one, and `outer` goes on with the result.
    let mut handed_over = 0;
    for steps in 0.. {
        // SAFETY: the frames come from an interrupted run.
        let result = unsafe {
            match run_for(outer, &[5], Mode::Throughout, &mut { steps }) {
                Outcome::Interrupted(frames) => resume(&frames, Mode::ToMergePoint),
                Outcome::Returned(words) => {
                    assert_eq!(words, [11]);
                    break;
                }
            }
        };
        assert!(result == [11] || result == [1011], "after {steps} steps: {result:?}");
        handed_over += u32::from(result == [1011]);
    }
    assert!(handed_over > 20, "{handed_over}");
}

#[test]
fn called_portals_run_natively_on_the_way_to_a_merge_point() {
    let portal = portal();
    let outer = function("outer", &[INT], INT, move |tape, parameters| {
        Some(tape.call(portal, &[tape.int(2), parameters[0], tape.int(0)]))
    });
    // SAFETY: the function takes an integer.
    assert_eq!(unsafe { run(outer, &[5], Mode::ToMergePoint) }, [1010]);
}

/// Runs jitcode within a native call within jitcode.
unsafe fn nested(arguments: *const u64, results: *mut u64) {
    // SAFETY: it has one argument and one result.
    unsafe { *results = throughout(loop_function(), &[*arguments, 3])[0] };
}

#[test]
fn executions_nest() {
    let nested = residual("nested", &[INT], INT, nested);
    let outer = function("outer", &[INT, INT], INT, move |tape, parameters| {
        let result = tape.call(nested, &[parameters[0]]);
        Some(add(tape, result, parameters[1]))
    });
    assert_eq!(all_ways(outer, &[10, 100]), [127]);
    let (base, top) = RegisterFile::used();
    assert_eq!(base, top);
}

/// The word it is given must be in the range that is reported to collectors.
unsafe fn find_in_registers(arguments: *const u64, results: *mut u64) {
    let (base, top) = RegisterFile::used();
    // SAFETY: the range is the register file's; it has one argument and one result.
    unsafe {
        let used = std::slice::from_raw_parts(base, top.offset_from(base) as usize);
        *results = used.iter().filter(|&&word| word == *arguments).count() as u64;
    }
}

#[test]
fn references_are_seen_by_collectors() {
    let find = residual("find", &[REF], INT, find_in_registers);
    let holder = function("holder", &[REF], &Shape::Product(&[INT, REF]), move |tape, parameters| {
        let count = tape.call(find, &[parameters[0]]);
        Some(tape.product(&Shape::Product(&[INT, REF]), &[count, parameters[0]]))
    });
    // Once in the frame, once as an argument.
    assert_eq!(throughout(holder, &[0x1234_5678_9abc]), [2, 0x1234_5678_9abc]);
}

#[test]
fn saved_frames_hold_live_values_only() {
    let sum = loop_function();
    // SAFETY: the function takes two integers.
    let Outcome::Interrupted(frames) = (unsafe { run_for(sum, &[10, 3], Mode::Throughout, &mut 0) }) else {
        panic!("no instruction has been executed");
    };
    assert_eq!(frames, [SavedFrame { function: sum, position: 0, values: vec![10, 3] }]);
    let mut steps = 1000;
    // SAFETY: as above.
    let outcome = unsafe { resume_for(&frames, Mode::Throughout, &mut steps) };
    assert_eq!(outcome, Outcome::Returned(vec![27]));
    assert!((800..980).contains(&steps), "{steps}");
}

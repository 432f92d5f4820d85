//! What bridges know because of the unit that they continue, and what they must not take for known.

use crate::ir::{Descriptors, OpCode, Ref, Unit};
use crate::opt::{Inherited, Links, Options, Origin, Passes, Scratch, optimise_linked};
use crate::text::{Addresses, parse, print};
use crate::verify::verify;

const HEAD: &str = "unit {
  mem s0 = stack class=1 offset=0 i64
  mem class = field class=2 offset=0 i64 immutable
  mem value = field class=3 offset=8 i64
  mem next = field class=3 offset=16 i64
  mem byte = field class=5 offset=24 u8
  call f = \"f\" (int) -> int reads=all writes=all collects
}
";

/// What a bridge becomes that continues `origin`, as it is, at its last guard, whose values `passed` (by number of operation) its parameters are.
fn continued(descriptors: &mut Descriptors, origin: &str, passed: &[usize], bridge: &str) -> Unit {
    let [unit, bridge] = [origin, bridge].map(|text| parse(&format!("{HEAD}{text}"), descriptors).unwrap());
    assert_eq!(verify(&unit, descriptors), Ok(()));
    let exit = unit.ops.iter().rposition(|op| op.code == OpCode::GuardTrue).unwrap();
    let values = passed.iter().map(|&at| Ref::op(at)).collect();
    let inherited = Inherited { origin: Origin::new(&unit, None, None), exit, values };
    let links = Links { inherited: Some(&inherited), ..Links::default() };
    let mut out = Unit::default();
    optimise_linked(&bridge, descriptors, &Options::default(), &links, &mut Scratch::default(), &mut out);
    out
}

#[track_caller]
fn becomes(origin: &str, passed: &[usize], bridge: &str, expected: &str) {
    let mut descriptors = Descriptors::default();
    let out = continued(&mut descriptors, origin, passed, bridge);
    let expected = parse(&format!("{HEAD}{expected}"), &mut descriptors).unwrap();
    let [got, expected] = [&out, &expected].map(|unit| print(unit, &descriptors, Addresses::Hidden));
    assert!(got == expected, "--- expected\n{expected}\n--- got\n{got}");
}

/// A word that has been tested, the object in it, a field of it.
const TESTED: &str = "entry(%1: int, %2: int):
  %3 = and %1, 7
  guard_false %3 [ 1@1 { } ]
  %5 = i2r %1
  %6 = load.class %5
  %7 = eq %6, 77
  guard_true %7 [ 1@2 { } ]
  %9 = load.value %5
  guard_true %2 [ 1@3 { %1, %9 } ]
  return()";

#[test]
fn tests_and_loads_are_not_repeated() {
    becomes(
        TESTED,
        &[1, 9],
        "entry(%1: int, %2: int):
           %3 = and %1, 3
           guard_false %3 [ 2@1 { } ]
           %5 = i2r %1
           %6 = load.class %5
           %7 = eq %6, 77
           guard_true %7 [ 2@2 { } ]
           %9 = load.value %5
           %10 = load.next %5
           return(%9, %10)",
        "entry(%1: int, %2: int):
           %3 = i2r %1
           %4 = load.next %3
           return(%2, %4)",
    );
}

#[test]
fn what_is_not_passed_is_not_known() {
    // The field was loaded, but its value is gone; who asks for the object's class in another word must test that.
    let bridge = "entry(%1: int, %2: int):
       %3 = i2r %1
       %4 = load.value %3
       %5 = and %2, 7
       guard_false %5 [ 2@1 { } ]
       return(%4)";
    becomes(TESTED, &[1, 2], bridge, bridge);
}

#[test]
fn the_guard_that_failed_says_nothing() {
    let bridge = "entry(%1: int):
       guard_false %1 [ 2@1 { } ]
       return()";
    becomes("entry(%1: int): guard_true %1 [ 1@1 { } ] return()", &[1], bridge, bridge);
}

/// A field that is loaded; then `between`; then an exit with what was loaded.
fn loaded_before(between: &str) -> String {
    format!(
        "entry(%1: ref, %2: ref, %3: int):
           %4 = load.value %1
           {between}
           guard_true %3 [ 1@1 {{ %1, %2, %4 }} ]
           return()"
    )
}

const LOADS: &str = "entry(%1: ref, %2: ref, %3: int):
  %4 = load.value %1
  return(%4)";

const FORWARDS: &str = "entry(%1: ref, %2: ref, %3: int): return(%3)";

#[test]
fn stores_and_calls_end_what_is_known_of_memory() {
    let after = |between: &str, expected: &str| becomes(&loaded_before(between), &[1, 2, 4], LOADS, expected);
    after("", FORWARDS);
    after("store.next %1, 5", FORWARDS);
    after("store.byte %2, 5", FORWARDS);
    after("store.s0 %2, 5", FORWARDS);
    after("store.value %2, 5", LOADS);
    after("%5 = call.f(1)", LOADS);
    // Nobody knows which object this is.
    let unknown = "entry(%1: ref, %2: ref, %3: int):
       %4 = load.value %1
       store.value %2, 5
       guard_true %3 [ 1@1 { %1, %4 } ]
       return()";
    let bridge = "entry(%1: ref, %2: int): %3 = load.value %1 return(%3)";
    becomes(unknown, &[1, 4], bridge, bridge);
}

#[test]
fn what_was_stored_is_there() {
    becomes(&loaded_before("store.value %1, 5"), &[1, 2, 4], LOADS, "entry(%1: ref, %2: ref, %3: int): return(5)");
    // Only the low byte is.
    becomes(
        "entry(%1: ref, %2: int): store.byte %1, %2 guard_true %2 [ 1@1 { %1, %2 } ] return()",
        &[1, 2],
        "entry(%1: ref, %2: int): %3 = load.byte %1 return(%3)",
        "entry(%1: ref, %2: int): %3 = zext.8 %2 return(%3)",
    );
}

#[test]
fn a_store_that_was_put_off_is_done() {
    // Memory has the 5; the bridge does the store that the exit's snapshot has.
    becomes(
        &loaded_before("store.value %1, 5"),
        &[1, 2, 4],
        "entry(%1: ref, %2: ref, %3: int):
           store.value %1, 6
           %4 = load.value %1
           return(%4)",
        "entry(%1: ref, %2: ref, %3: int):
           store.value %1, 6
           return(6)",
    );
}

#[test]
fn words_of_the_guest_stack_that_are_dead_are_not_known() {
    let released = "entry(%1: ref, %2: int): %3 = load.s0 %1 release %1 guard_true %2 [ 1@1 { %1, %3 } ] return()";
    let loads = "entry(%1: ref, %2: int): %3 = load.s0 %1 return(%3)";
    becomes(released, &[1, 3], loads, loads);
}

#[test]
fn knowledge_is_handed_on() {
    let mut descriptors = Descriptors::default();
    let parse = |text: &str, descriptors: &mut Descriptors| parse(&format!("{HEAD}{text}"), descriptors).unwrap();
    let first = parse(TESTED, &mut descriptors);
    let between = parse("entry(%1: int, %2: int): guard_true %2 [ 1@1 { %1, %2 } ] return()", &mut descriptors);
    let last = parse("entry(%1: int): %2 = and %1, 7 guard_false %2 [ 1@1 { } ] return()", &mut descriptors);
    let exit = first.ops.iter().rposition(|op| op.code == OpCode::GuardTrue).unwrap();
    let before = Inherited { origin: Origin::new(&first, None, None), exit, values: vec![Ref::op(1), Ref::op(2)] };
    let origin = Origin::new(&between, None, Some(before));
    let inherited = Inherited { origin, exit: 3, values: vec![Ref::op(1)] };
    let links = Links { inherited: Some(&inherited), ..Links::default() };
    let mut out = Unit::default();
    optimise_linked(&last, &mut descriptors, &Options::default(), &links, &mut Scratch::default(), &mut out);
    assert!(out.ops.iter().all(|op| op.code != OpCode::GuardFalse));
}

#[test]
fn bridges_upon_bridges_do_not_grow() {
    const BRIDGE: &str = "entry(%1: int, %2: int):
       %3 = add %1, %2
       guard_true %3 [ 1@1 { %1, %2 } ]
       return(%3)";
    for passes in ["all", "none", "-dce", "-cse", "-cse,-fold,-ranges,-guards"] {
        let mut descriptors = Descriptors::default();
        let bridge = parse(&format!("{HEAD}{BRIDGE}"), &mut descriptors).unwrap();
        let options = Options { passes: Passes::parse(passes).unwrap(), ..Options::default() };
        let mut before: Option<Inherited> = None;
        for _ in 0..12 {
            let links = Links { inherited: before.as_ref(), ..Links::default() };
            let mut out = Unit::default();
            optimise_linked(&bridge, &mut descriptors, &options, &links, &mut Scratch::default(), &mut out);
            assert!(out.ops.len() <= bridge.ops.len(), "with the passes {passes}");
            let exit = out.ops.iter().rposition(|op| op.code == OpCode::GuardTrue).unwrap();
            let values = vec![Ref::op(1), Ref::op(2)];
            before = Some(Inherited { origin: Origin::new(&out, None, before), exit, values });
        }
    }
}

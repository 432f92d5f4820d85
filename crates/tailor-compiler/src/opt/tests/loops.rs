//! Loops that other units enter: what is passed, what is tested, what stays in registers.

use crate::ir::{Descriptors, EntryDesc, EntryId, Type, Unit};
use crate::opt::{Links, Options, Scratch, Summary, optimise_linked};
use crate::text::{Addresses, parse, print};

const HEAD: &str = "unit {
  mem s0 = stack class=1 offset=0 i64
  mem s1 = stack class=1 offset=8 i64
  mem class = field class=2 offset=0 i64 immutable
  mem value = field class=3 offset=8 i64
  mem other = field class=4 offset=16 i64
  alloc box = size=16 header=77
  entry loop = (ref) -> int
}
";

struct Pair {
    descriptors: Descriptors,
    looping: Unit,
    bridge: Unit,
    entered: bool,
}

fn pair(looping: &str, bridge: &str) -> Pair {
    let mut descriptors = Descriptors::default();
    let [looping, bridge] = [looping, bridge].map(|text| parse(&format!("{HEAD}{text}"), &mut descriptors).unwrap());
    let outer =
        EntryDesc { name: "loop".into(), arguments: vec![Type::Ref], result: Type::Int, stack_arguments: Vec::new() };
    let outer: EntryId = descriptors.intern_entry(outer).unwrap();
    let (mut scratch, options) = (Scratch::default(), Options::default());
    let mut out = [Unit::default(), Unit::default()];
    let links = Links { loop_entry: Some("inner"), ..Links::default() };
    let Summary { loop_entry: entry, .. } =
        optimise_linked(&looping, &mut descriptors, &options, &links, &mut scratch, &mut out[0]);
    let loops: Vec<_> = entry.iter().map(|entry| (outer, entry)).collect();
    let links = Links { loops: &loops, ..Links::default() };
    let summary = optimise_linked(&bridge, &mut descriptors, &options, &links, &mut scratch, &mut out[1]);
    let [looping, bridge] = out;
    Pair { descriptors, looping, bridge, entered: summary.enters_loop }
}

/// A loop of a guest language: a counter, tagged, in a word of its frame, and an object with a field that is the same each time.
const COUNTING: &str = "
entry(%r: ref): jump header(%r)
header(%f: ref):
  guard_valid [ 1@1 { %f } ]
  %i = load.s0 %f
  %t = and %i, 1
  guard_true %t [ 1@2 { %f } ]
  %p = load.s1 %f
  %u = and %p, 1
  guard_false %u [ 1@3 { %f } ]
  %o = i2r %p
  %c = load.class %o
  %k = eq %c, 77
  guard_true %k [ 1@4 { %f } ]
  %n = load.other %o
  %l = lt %i, %n
  guard_true %l [ 1@5 { %f } ]
  %v = ovf_add %i, 2
  guard_false %v [ 1@6 { %f } ]
  %j = add %i, 2
  store.s0 %f, %j
  jump header(%f)";

#[track_caller]
fn prints(pair: &Pair, unit: &Unit, inner: &str, expected: &str) {
    let mut descriptors = pair.descriptors.clone();
    let head = HEAD.replace("\n}", &format!("\n  entry inner = {inner}\n}}"));
    let expected = parse(&format!("{head}{expected}"), &mut descriptors).unwrap_or_else(|error| panic!("{error}"));
    let [got, expected] = [unit, &expected].map(|unit| print(unit, &descriptors, Addresses::Hidden));
    assert!(got == expected, "--- expected\n{expected}\n--- got\n{got}");
}

#[test]
fn a_bridge_passes_in_registers_what_the_loop_keeps_there() {
    let pair = pair(
        COUNTING,
        "entry(%f: ref, %i: int):
           %t = and %i, 1
           guard_true %t [ 2@1 { %f } ]
           %v = ovf_add %i, 4
           guard_false %v [ 2@2 { %f } ]
           %j = add %i, 4
           store.s0 %f, %j
           guard_valid [ 1@1 { %f } ]
           jump_unit.loop(%f)",
    );
    assert!(pair.entered);
    prints(
        &pair,
        &pair.looping,
        "(int, ref, int)",
        "entry(%1: ref):
           guard_valid [ 1@1 { %1 } ]
           %3 = load.s0 %1
           %4 = and %3, 1
           guard_true %4 [ 1@2 { %1 } ]
           %6 = load.s1 %1
           %7 = and %6, 1
           guard_false %7 [ 1@3 { %1 } ]
           %9 = i2r %6
           %10 = load.class %9
           %11 = eq %10, 77
           guard_true %11 [ 1@4 { %1 } ]
           %13 = load.other %9
           %14 = lt %3, %13
           guard_true %14 [ 1@5 { %1 } ]
           %16 = ovf_add %3, 2
           guard_false %16 [ 1@6 { %1 } ]
           %18 = add %3, 2
           jump L2(%18, %1, %13)
         enter(%21: int, %22: ref, %23: int) export.inner:
           guard_valid [ 1@1 { %22 } store.s0 %22, %21 ]
           jump L2(%21, %22, %23)
         L2(%27: int, %28: ref, %29: int):
           %30 = lt %27, %29
           guard_true %30 [ 1@5 { %28 } store.s0 %28, %27 ]
           %32 = ovf_add %27, 2
           guard_false %32 [ 1@6 { %28 } store.s0 %28, %27 ]
           %34 = add %27, 2
           jump L2(%34, %28, %29)",
    );
    prints(
        &pair,
        &pair.bridge,
        "(int, ref, int)",
        "entry(%1: ref, %2: int):
           %3 = and %2, 1
           guard_true %3 [ 2@1 { %1 } ]
           %5 = ovf_add %2, 4
           guard_false %5 [ 2@2 { %1 } ]
           %7 = add %2, 4
           guard_valid [ 1@1 { %1 } store.s0 %1, %7 ]
           %9 = load.s1 %1
           %10 = and %9, 1
           guard_false %10 [ 1@1 { %1 } store.s0 %1, %7 ]
           %12 = i2r %9
           %13 = load.class %12
           %14 = eq %13, 77
           guard_true %14 [ 1@1 { %1 } store.s0 %1, %7 ]
           %16 = load.other %12
           jump_unit.inner(%7, %1, %16)",
    );
}

#[test]
fn a_bridge_that_knows_otherwise_goes_to_the_beginning() {
    // A word that is no small integer.
    let pair = pair(
        COUNTING,
        "entry(%f: ref, %i: int):
           %j = and %i, -2
           store.s0 %f, %j
           guard_valid [ 1@1 { %f } ]
           jump_unit.loop(%f)",
    );
    assert!(!pair.entered);
    prints(
        &pair,
        &pair.bridge,
        "()",
        "entry(%1: ref, %2: int):
           %3 = and %2, -2
           guard_valid [ 1@1 { %1 } store.s0 %1, %3 ]
           store.s0 %1, %3
           jump_unit.loop(%1)",
    );
}

#[test]
fn without_a_snapshot_only_what_is_known_is_entered() {
    let known = "entry(%f: ref, %i: int, %p: int):
           %t = and %i, 1
           guard_true %t [ 2@1 { %f } ]
           store.s0 %f, %i
           store.s1 %f, %p
           %u = and %p, 1
           guard_false %u [ 2@1 { %f } ]
           %o = i2r %p
           %c = load.class %o
           %k = eq %c, 77
           guard_true %k [ 2@1 { %f } ]
           jump_unit.loop(%f)";
    assert!(pair(COUNTING, known).entered);
    let unknown = known.replace("guard_true %k [ 2@1 { %f } ]", "");
    assert!(!pair(COUNTING, &unknown).entered);
}

/// A loop whose counter is in an object that is new in each iteration, and which is never made.
const BOXING: &str = "
entry(%r: ref): jump header(%r)
header(%f: ref):
  guard_valid [ 1@1 { %f } ]
  %p = load.s0 %f
  %o = i2r %p
  %c = load.class %o
  %k = eq %c, 77
  guard_true %k [ 1@2 { %f } ]
  %i = load.value %o
  %j = add %i, -1
  guard_true %j [ 1@3 { %f } ]
  %b = new.box
  store.value %b, %j
  %q = r2i %b
  store.s0 %f, %q
  jump header(%f)";

#[test]
fn an_object_that_is_virtual_on_both_sides_is_passed_as_its_fields() {
    let bridge = "entry(%f: ref, %i: int):
           %b = new.box
           store.value %b, %i
           %q = r2i %b
           store.s0 %f, %q
           guard_valid [ 1@1 { %f } ]
           jump_unit.loop(%f)";
    let virtual_box = pair(BOXING, bridge);
    assert!(virtual_box.entered);
    prints(
        &virtual_box,
        &virtual_box.bridge,
        "(int, ref)",
        "entry(%1: ref, %2: int):
           guard_valid [ 1@1 { %1 } new.box v0 { value = %2 } store.s0 %1, v0 ]
           jump_unit.inner(%2, %1)",
    );
    let real = bridge.replace("%b = new.box", "%b = i2r 4096");
    assert!(!pair(BOXING, &real).entered);
    // It is made if it is also elsewhere.
    let escaping = bridge.replace("guard_valid", "store.s1 %f, %q guard_valid");
    assert!(!pair(BOXING, &escaping).entered);
}

/// A loop with tests of what is the same each time that are found again by roundabout ways: a word that is not 0, a field of an object that turns out to be a certain one.
const TESTING: &str = "
entry(%r: ref): jump header(%r)
header(%f: ref):
  guard_valid [ 1@1 { %f } ]
  %p = load.s1 %f
  guard_true %p [ 1@2 { %f } ]
  %o = i2r %p
  %c = load.class %o
  %k = eq %c, 77
  guard_true %k [ 1@3 { %f } ]
  %same = req %o, &0x5000
  guard_true %same [ 1@4 { %f } ]
  %i = load.s0 %f
  %j = add %i, -1
  guard_true %j [ 1@5 { %f } ]
  store.s0 %f, %j
  jump header(%f)";

#[test]
fn a_loop_that_tests_nothing_twice_can_be_entered() {
    let bridge = "entry(%f: ref, %i: int):
           store.s0 %f, %i
           guard_valid [ 1@1 { %f } ]
           jump_unit.loop(%f)";
    let pair = pair(TESTING, bridge);
    assert!(pair.entered);
    let guards = |unit: &Unit| unit.ops.iter().filter(|op| op.code.class() == crate::ir::opcode::Class::Guard).count();
    // Those of the first iteration, of the entry, and of the counter.
    assert_eq!(guards(&pair.looping), 5 + 1 + 1);
}

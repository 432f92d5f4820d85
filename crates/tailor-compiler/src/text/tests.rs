use super::{Addresses, parse, parse_with, print};
use crate::ir::{Descriptors, OpCode, Slot};

/// All of the grammar.
const EVERYTHING: &str = r#"
; A comment.
unit {
  mem tail = field class=3 offset=8 i64
  mem name = field class=5 offset=-16 ref immutable
  mem elem = element class=63 offset=16 scale=8 f64
  mem slot = stack class=0 offset=0 scale=1 u8
  alloc pair = size=24 header=0xffffffffffffffff
  boxing dbl = bias=0x1000000000000000 rotation=3 mask=3 tag=2 header=0xffffffffffffffff
  call f = "a \"name\"\n" at 0x7f (int, ref, float) -> int reads=all writes=class(3, 4) collects
  call g () elidable
  entry fib = (int) -> int
  entry start = (int, float)
  entry done = "the end" ()
}
entry(%a: int, %b: ref, %x: float):
  %c = add %a, -1
  %o = ovf_add %a, 0x7fffffffffffffff
  @1
  guard_false %o [ 7@12 { %a, %c, dead } < 3@4 { %b, 1.5, null, &0x1000 } ]
  guard_true %o [ 7@13 { } < 3@4 { %b, 1.5, null, &0x1000 } ]
  guard_valid [ ]
  %e = load.elem %b, %c
  %n = load.name %b
  store.tail %b, %c
  store.elem %b, %c, nan.0x7ff8000000000001
  %s = sext.16 %c
  %t = select %s, %c, 18446744073709551615
  %p = ptr_add %b, 8
  %w = new.pair
  barrier %w
  %v = box.dbl %x
  %y = call.f(%s, %n, inf)
  call.g()
  %z = call_unit.fib(%y) [ 7@20 { v1, v0, %t } new.pair v0 { tail = %z0, name = v1 } new.pair v1 { } store.tail v1, 4 barrier store.slot %p, 0, -1e300 ]
  br_if %z, out(%t)
  br_unless %z, last
  jump loop(%c, %e)
@2
loop(%i: int, %f: float) export.start export.fib:
  @3
  %h = fadd %f, -inf
  jump loop(%i, %h)
out(%r: int):
  return(%r, %x)
last():
  br_if %a, leave
  jump_unit.done()
leave():
  exit [ 1@2 { -0.0 } ]
"#;

fn everything() -> String {
    EVERYTHING.replace("call g ()", "call g = ()").replace("%z0", "%y")
}

#[test]
fn what_is_printed_parses_to_the_same() {
    let mut descriptors = Descriptors::default();
    let unit = parse(&everything(), &mut descriptors).unwrap();
    let printed = print(&unit, &descriptors, Addresses::Shown);
    let again = parse(&printed, &mut descriptors).unwrap();
    assert_eq!(print(&again, &descriptors, Addresses::Shown), printed);
    assert_eq!(unit.ops, again.ops);
    assert_eq!(unit.snapshots.frames, again.snapshots.frames);
    assert_eq!(unit.snapshots.slots, again.snapshots.slots);
    assert_eq!(unit.snapshots.recipes, again.snapshots.recipes);
    assert_eq!(unit.snapshots.stores, again.snapshots.stores);
    assert_eq!(unit.snapshots.snapshots, again.snapshots.snapshots);
    assert_eq!(unit.positions, again.positions);
    assert_eq!(unit.constants, again.constants);
    assert_eq!(unit.exports, again.exports);
    // Other tables, other numbers: the text itself holds all that is needed.
    let mut others = Descriptors::default();
    let unit = parse(&printed, &mut others).unwrap();
    assert_eq!(print(&unit, &others, Addresses::Shown), printed);
}

#[test]
fn normal_form() {
    let mut descriptors = Descriptors::default();
    let text = "unit { mem x = field class=1 offset=8 i64 mem unused = field class=2 offset=8 i64 } \
                top(%q: ref): jump l() l(): %v = load.x %q @7 guard_true %v [1@2{%v,v0}<3@4{} new.p v0 {x=%v}] return(%v)";
    let text = text.replace("mem unused", "alloc p = size=16 header=1 mem unused");
    let unit = parse(&text, &mut descriptors).unwrap();
    let expected = "\
unit {
  mem m0 = field class=1 offset=8 i64
  alloc a0 = size=16 header=0x1
}
entry(%1: ref):
  jump L1()
L1():
  %4 = load.m0 %1
  @7
  guard_true %4 [ 1@2 { %4, v0 } < 3@4 { } new.a0 v0 { m0 = %4 } ]
  return(%4)
";
    assert_eq!(print(&unit, &descriptors, Addresses::Hidden), expected);
}

#[test]
fn equal_frames_are_shared() {
    let unit = parse(&everything(), &mut Descriptors::default()).unwrap();
    let guards: Vec<_> =
        unit.ops.iter().filter(|op| matches!(op.code, OpCode::GuardTrue | OpCode::GuardFalse)).collect();
    let chain = |snapshot: u32| {
        let all = &unit.snapshots;
        all.chain(all.snapshots[snapshot as usize].frames).collect::<Vec<_>>()
    };
    assert_eq!(chain(guards[0].b)[1], chain(guards[1].b)[1]);
    assert_ne!(chain(guards[0].b)[0], chain(guards[1].b)[0]);
    assert_eq!(unit.snapshots.slots_of(chain(guards[0].b)[0])[2], Slot::Dead);
}

#[test]
fn functions_are_bound_by_name() {
    let mut descriptors = Descriptors::default();
    let text = "unit { call f = \"func\" () call g = () } entry(): call.f() call.g() return()";
    let symbols = |name: &str| (name == "func").then_some(0x1234);
    let unit = parse_with(text, &mut descriptors, &symbols).unwrap();
    assert_eq!(descriptors.call(crate::ir::CallId(unit.ops[1].aux)).address, 0x1234);
    assert_eq!(descriptors.call(crate::ir::CallId(unit.ops[2].aux)).address, 0);
    assert!(!print(&unit, &descriptors, Addresses::Hidden).contains("0x1234"));
    assert!(print(&unit, &descriptors, Addresses::Shown).contains("0x1234"));
}

#[test]
fn mistakes_have_a_place_and_say_what_is_expected() {
    let cases = [
        ("entry(", "1:7: expected a parameter, found the end of the text"),
        ("entry():\n  jump", "2:7: expected the name of a block, found the end of the text"),
        ("entry():\n  jump nowhere()", "2:8: there is no block `nowhere`"),
        ("entry():\n  %a = add 1\n", "3:1: expected `,`, found the end of the text"),
        ("entry():\n  %a = add 1, %b\n", "2:15: `%b` is not defined above"),
        ("entry():\n  %a = frob 1\n", "2:8: there is no operation `frob`"),
        ("entry():\n  frob 1\n", "2:3: expected an operation or a block, found `frob`"),
        ("entry(%a: int):\n  %a = add 1, 2\n", "2:3: `%a` is defined twice"),
        ("entry(): return()\nentry(): return()", "2:1: there are two blocks `entry`"),
        ("entry():\n  %a = return()", "2:3: `%a` would have no value: the operation yields none"),
        ("entry():\n  %a = sext.7 1", "2:13: expected 8, 16 or 32"),
        ("entry():\n  %a = load.x null", "2:13: there is no `mem` named `x`"),
        ("entry():\n  guard_true 1 [ 1@2 { v0 } ]", "2:16: `v0` has no recipe in this snapshot"),
        ("entry():\n  guard_true 1 [ 1 2 { } ]", "2:20: expected `@`, found `2`"),
        ("entry():\n  guard_true 1 [ 1@2 { } < ]", "2:28: expected the caller's frame, found `]`"),
        ("entry():\n  return(1 2)", "2:12: expected `,` or `)`, found `2`"),
        ("entry():\n  return(nan.5)", "2:14: these are not the bits of a NaN"),
        ("entry():\n  return(99999999999999999999)", "2:10: `99999999999999999999` is no integer of 64 bits"),
        ("entry():\n  return(0xg)", "2:10: expected a hexadecimal number of at most 16 digits"),
        ("entry():\n  return(1x)", "2:10: a number is followed by a letter"),
        ("entry(): \u{fc}", "1:10: unexpected character 'ü'"),
        ("entry():\n  @4294967296", "2:4: expected a guest position below 2^32"),
        ("entry():\n  param int", "2:3: labels and parameters are written as blocks: `name(%parameter: type):`"),
        ("unit { frob x = 1 }", "1:8: expected `mem`, `alloc`, `boxing`, `call` or `entry`, found `frob`"),
        ("unit { mem x = filed class=1 offset=1 i64 }", "1:16: expected `field`, `element` or `stack`, found `filed`"),
        ("unit { mem x = field class=64 offset=1 i64 }", "1:28: expected an integer from 0 to 63"),
        ("unit { mem x = element class=1 offset=1 scale=3 i64 }", "1:41: a scale is 1, 2, 4 or 8"),
        ("unit { mem x = field class=1 offset=1 scale=8 i64 }", "1:39: a field has no scale"),
        ("unit { alloc x = size=9 header=0 }", "1:18: a size is a multiple of 8, and at least 8"),
        ("unit { entry x = () entry x = (int) }", "1:27: `x` is declared twice"),
        ("unit { call x = \"a\n", "1:17: a string is not closed on its line"),
        ("unit { call x = \"\\q\" ()", "1:18: unknown escape in a string"),
        ("unit { call x = (void) }", "1:18: expected a type, found `void`"),
        ("unit { call x = () reads=class(64) }", "1:32: there are 64 alias classes, from 0"),
    ];
    for (text, expected) in cases {
        let error = parse(text, &mut Descriptors::default()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

/// Text that is damaged at random gives a unit or an error, never a panic; and every prefix does.
#[test]
fn damaged_text_does_not_panic() {
    let text = everything();
    let mut random = 1u64;
    for at in 0..text.len() {
        if text.is_char_boundary(at) {
            let _ = parse(&text[..at], &mut Descriptors::default());
        }
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mut bytes = text.clone().into_bytes();
        let from = (random >> 33) as usize % bytes.len();
        bytes[at] = bytes[from];
        if let Ok(unit) = parse(&String::from_utf8(bytes).unwrap(), &mut Descriptors::default()) {
            assert!(!unit.ops.is_empty());
        }
    }
}

#[test]
fn malformed_units_print() {
    let mut descriptors = Descriptors::default();
    let mut unit = parse(&everything(), &mut descriptors).unwrap();
    for op in &mut unit.ops {
        if op.code.aux() != crate::ir::opcode::AuxKind::None {
            op.aux = 999;
        }
        (op.a, op.b, op.c) = (op.a.wrapping_add(12345), op.b ^ 0x4000_0000, !op.c);
    }
    assert!(print(&unit, &descriptors, Addresses::Shown).contains("nowhere"));
}

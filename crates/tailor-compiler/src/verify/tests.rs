use super::verify;
use crate::ir::{Descriptors, OpCode, Type};
use crate::text::parse;

const HEAD: &str = "unit {
  mem x = field class=1 offset=8 i64
  mem far = field class=1 offset=24 i64
  mem f = field class=1 offset=8 f64
  mem n = field class=1 offset=8 u32
  mem e = element class=2 offset=16 scale=8 i64
  alloc p = size=16 header=0
  call f = (int, float) -> int
  entry g = (ref) -> ref
}
";

#[track_caller]
fn broken(rule: u8, op: usize, text: &str) {
    let mut descriptors = Descriptors::default();
    let unit = parse(&format!("{HEAD}{text}"), &mut descriptors).unwrap();
    let error = verify(&unit, &descriptors).unwrap_err();
    assert_eq!((error.rule, error.op), (rule, op), "{error}\n{text}");
}

#[track_caller]
fn fine(text: &str) {
    let mut descriptors = Descriptors::default();
    let unit = parse(&format!("{HEAD}{text}"), &mut descriptors).unwrap();
    assert_eq!(verify(&unit, &descriptors), Ok(()), "{text}");
}

#[test]
fn well_formed() {
    fine("entry(): return()");
    fine(
        "entry(%a: int, %r: ref):
           br_if %a, right(%a)
           %b = add %a, 1
           br_if %b, right(%b)
           jump join(%b)
         right(%c: int):
           %d = add %a, %c
           jump join(%d)
         join(%e: int):
           guard_true %e [ 1@2 { %a, %e, v0 } new.p v0 { x = %e } store.e %r, 1, 2 ]
           br_if %e, loop(%e)
           %u = call_unit.g(%r) [ ]
           jump_unit.g(%u)
         loop(%i: int):
           %q = load.e %r, %i
           br_if %q, loop(%a)
           jump more()
         more():
           %z = call.f(%q, 1.5)
           br_if %z, loop(%z)
           exit [ ]",
    );
}

#[test]
fn a_loop_in_a_loop_keeps_what_dominates_it() {
    fine(
        "entry(%a: int):
           %b = add %a, 1
           jump outer(%a)
         outer(%i: int):
           %c = add %b, %i
           jump inner(%c)
         inner(%j: int):
           %d = add %j, %c
           br_if %d, inner(%d)
           br_if %b, outer(%d)
           return(%i, %d)",
    );
}

#[test]
fn order_of_blocks() {
    broken(2, 2, "entry(): %a = add 1, 2");
    broken(2, 2, "entry(): return() %a = add 1, 2 return()");
    broken(2, 2, "entry(): %a = add 1, 2 next(): return()");
    broken(1, 0, "%a = add 1, 2 return()");
    broken(1, 1, "entry(): jump entry()");
    broken(12, 2, "entry(): return() next(): return()");
    broken(12, 2, "entry(): jump next() early(): jump next() next(): br_if 1, early() return()");
}

#[test]
fn types() {
    broken(6, 1, "entry(): %a = add 1, 1.0 return()");
    broken(6, 2, "entry(%a: float): %b = fsqrt null return()");
    broken(6, 1, "entry(): guard_true null [ ] return()");
    broken(6, 1, "entry(): %a = load.x 5 return()");
    broken(6, 1, "entry(): store.f null, 5 return()");
    broken(6, 1, "entry(): %a = call.f(1, 1) return()");
    broken(6, 1, "entry(): %a = call.f(1) return()");
    broken(6, 1, "entry(): jump_unit.g(1)");
    broken(6, 1, "entry(): %a = call_unit.g() [ ] return()");
    broken(3, 1, "entry(): jump l(1) l(%a: float): return()");
    broken(3, 1, "entry(): br_if 1, l() return() l(%a: float): return()");
    broken(11, 1, "entry(): %a = load.e null return()");
    broken(11, 1, "entry(): %a = load.x null, 1 return()");
    broken(11, 1, "entry(): store.x null, 1, 1 return()");
}

#[test]
fn dominance() {
    broken(5, 6, "entry(%c: int): br_if %c, l() %a = add 1, 2 jump l() l(): return(%a)");
    broken(5, 6, "entry(%c: int): br_if %c, l() %a = add 1, 2 return(%a) l(): return(%a)");
    // Only the snapshot uses it.
    broken(5, 6, "entry(%c: int): br_if %c, l() %a = add 1, 2 return() l(): guard_true 1 [ 1@1 { %a } ] return()");
    broken(5, 6, "entry(%c: int): br_if %c, l() %a = add 1, 2 return() l(): exit [ new.p v0 { x = %a } ]");
    broken(5, 6, "entry(%c: int): br_if %c, l() %a = add 1, 2 return() l(): exit [ store.x null, %a ]");
    // The inner loop's value does not reach the block that its entry branches to.
    broken(5, 8, "entry(%c: int): jump l() l(): br_if %c, out() %a = add 1, 2 jump l() out(): return(%a)");
    fine("entry(%c: int): jump l() l(): %a = add 1, 2 br_if %c, out() jump l() out(): return(%a)");
    // A loop back into a block that can be reached without it.
    broken(
        5,
        9,
        "entry(%c: int): jump l() l(): br_if %c, m() %a = add 1, 2 jump m() m(): %b = add 1, 1 br_if %a, l() return()",
    );
}

#[test]
fn exports() {
    fine("entry(%r: ref) export.g: jump l(%r) l(%q: ref) export.g: %a = load.x %q return(%a)");
    fine("entry(%r: ref): return() l(%q: ref) export.g: %a = load.x %q return(%a)");
    broken(5, 5, "entry(%r: ref): jump l(%r) l(%q: ref) export.g: %a = load.x %r return(%a)");
    broken(13, 5, "entry(%r: ref): return() l() export.g: return()");
}

#[test]
fn snapshots() {
    broken(10, 1, "entry(): exit [ new.p v0 { far = 1 } ]");
    broken(10, 1, "entry(): exit [ new.p v0 { e = 1 } ]");
    broken(10, 1, "entry(): exit [ new.p v0 { x = 1.0 } ]");
    broken(10, 1, "entry(): exit [ new.p v0 { n = v0 } ]");
    broken(10, 1, "entry(): exit [ new.p v0 { x = dead } ]");
    broken(10, 1, "entry(): exit [ store.x 1, 1 ]");
    broken(10, 1, "entry(): exit [ store.e null, 1.0, 1 ]");
    broken(11, 1, "entry(): exit [ store.e null, 1 ]");
    fine("entry(): exit [ new.p v0 { x = v1 } new.p v1 { x = v0 } store.e v1, 1, v0 ]");
}

/// Numbers that are out of range are found, wherever they are: no unit makes the verifier panic.
#[test]
fn damaged_units_do_not_panic() {
    let mut descriptors = Descriptors::default();
    let text = "entry(%a: int, %r: ref):
          br_if %a, right(%a)
          %q = load.e %r, %a
          %z = call.f(%q, 1.5)
          %u = call_unit.g(%r) [ 1@2 { %a, v0 } new.p v0 { x = %a } store.e %r, 1, 2 ]
          jump_unit.g(%u)
        right(%c: int):
          br_if %c, right(%c)
          return(%c, %a)";
    let unit = parse(&format!("{HEAD}{text}"), &mut descriptors).unwrap();
    assert_eq!(verify(&unit, &descriptors), Ok(()));
    let (mut random, mut refused) = (1u64, 0);
    let mut next = |below: usize| {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (random >> 33) as usize % below
    };
    for _ in 0..20_000 {
        let mut unit = unit.clone();
        let word = [0, 1, 2, 3, 7, 100, u32::MAX, u32::MAX - 1, 1 << 31][next(9)];
        let at = next(unit.ops.len());
        let op = &mut unit.ops[at];
        match next(9) {
            0 => op.a = word,
            1 => op.b = word,
            2 => op.c = word,
            3 => op.aux = word as u16,
            4 => op.code = OpCode::ALL[next(OpCode::ALL.len())],
            5 => op.ty = [Type::Void, Type::Int, Type::Float, Type::Ref][next(4)],
            6 => {
                let at = next(unit.lists.len());
                unit.lists[at] = word;
            }
            7 => {
                let at = next(unit.labels.len());
                unit.labels[at] = word;
            }
            _ => {
                let snapshot = &mut unit.snapshots;
                match next(4) {
                    0 => snapshot.frames[0].count = word,
                    1 => snapshot.frames[0].parent = Some(crate::ir::FrameId(word)),
                    2 => snapshot.snapshots[0].recipes.end = word,
                    _ => snapshot.snapshots[0].stores.start = word,
                }
            }
        }
        refused += usize::from(verify(&unit, &descriptors).is_err());
    }
    assert!(refused > 10_000, "{refused}");
}

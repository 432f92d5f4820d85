//! Bridges: units that continue others at their exits, in the same frame.

use super::super::{CompileError, Compiler, Machine, Options, Run, run};
use super::Fixture;
use crate::exit::{BridgeError, Code, ExitId};
use crate::interp::{Exit, Outcome};
use crate::ir::{Coding, Derivation, Op, OpCode, Ref, Slot, SnapshotId, Type, Unit};
use crate::random::generate::{arguments, generate};
use crate::random::world::World;

const LOOP: &str = "
unit {
  entry loop = (int, int, float)
  call twice = \"twice\" (int) -> int reads=none writes=none
}
entry(%n: int):
  %k = call.twice(%n)
  jump loop(0, 0, 0.5)
loop(%i: int, %sum: int, %x: float) export.loop:
  %more = lt %i, 10
  guard_true %more [ 1@1 { %i, %sum, %x } ]
  %y = fadd %x, %x
  %t = call.twice(%i)
  %odd = and %i, 1
  guard_true %odd [ 1@2 { %sum, %i, %t, dead, 5, %y } < 0@0 { %i, %x } ]
  %s = add %sum, %t
  %i1 = add %i, 1
  jump loop(%i1, %s, %y)";

/// For the guard on odd numbers: its values are sum, i, t, y, x.
const BRIDGE: &str = "
unit {
  entry loop = (int, int, float)
  call twice = \"twice\" (int) -> int reads=none writes=none
}
entry(%sum: int, %i: int, %t: int, %y: float, %x: float):
  %a = add %t, 100
  %b = call.twice(%a)
  %s = add %sum, %b
  %big = lt %s, 1000
  guard_true %big [ 8@8 { %s, %x, %y, %i, %t } ]
  %i1 = add %i, 1
  jump_unit.loop(%i1, %s, %y)";

fn value(exits: &Outcome) -> (u32, Vec<u64>) {
    let Outcome::Exited(exits) = exits else { panic!("{exits:?}") };
    (exits[0].frames[0].position, exits[0].frames[0].words.clone())
}

#[test]
fn bridges_find_values_where_the_exit_has_them() {
    for seed in 0..30 {
        let mut fixture = Fixture::new();
        if seed > 0 {
            fixture.random(seed);
        }
        let code = fixture.compile(LOOP);
        let Run::Ended(outcome) = fixture.run(&code, &[0]) else { panic!("nothing is refused") };
        let (position, words) = value(&outcome);
        assert_eq!((position, &words[..3]), (2, &[0, 0, 0][..]));
        let exits: Vec<_> = code.exits().filter(|&exit| code.count(exit) == 1).collect();
        let [exit] = exits[..] else { panic!("one exit has been taken") };
        assert_eq!(code.exit_values(exit).len(), 5);

        let bridge = fixture.parse(BRIDGE);
        let compiled =
            fixture.compiler.compile_bridge(&fixture.machine, &bridge, &fixture.descriptors, &code, exit).unwrap();
        code.attach(exit, &compiled).unwrap();
        let Run::Ended(outcome) = fixture.run(&code, &[0]) else { panic!("nothing is refused") };
        // Even numbers: 2 (2 i + 100) more, odd ones: 2 i more; until the bridge's own guard fails.
        let (mut sum, mut x, mut expected) = (0, 0.5, None);
        for i in 0..10u64 {
            let t = 2 * i;
            let y: f64 = x + x;
            sum += if i % 2 == 0 { 2 * (t + 100) } else { t };
            if i % 2 == 0 && sum >= 1000 {
                expected = Some(vec![sum, x.to_bits(), y.to_bits(), i, t]);
                break;
            }
            x = y;
        }
        assert_eq!(value(&outcome), (8, expected.unwrap()), "seed {seed}");
        assert_eq!(code.count(exit), 1, "the exit is not taken any more");

        // A bridge from the bridge.
        let exit = compiled.exits().find(|&exit| compiled.count(exit) == 1).unwrap();
        let text = "entry(%s: int, %x: float, %y: float, %i: int, %t: int):\n return(%x, %s, %t)";
        let unit = fixture.parse(text);
        let second =
            fixture.compiler.compile_bridge(&fixture.machine, &unit, &fixture.descriptors, &compiled, exit).unwrap();
        compiled.attach(exit, &second).unwrap();
        let Run::Ended(Outcome::Returned(words)) = fixture.run(&code, &[0]) else { panic!("it returns now") };
        assert_eq!(words.len(), 3);
        assert!(words[1] >= 1000);
    }
}

#[test]
fn code_and_its_bridges_are_freed_together() {
    let mut fixture = Fixture::new();
    let used = fixture.machine.used();
    let code = fixture.compile(&LOOP.replace(" export.loop", ""));
    let exit = code.exits().nth(2).unwrap();
    let bridge = fixture.parse(BRIDGE);
    let bridge = fixture.compiler.compile_bridge(&fixture.machine, &bridge, &fixture.descriptors, &code, exit).unwrap();
    code.attach(exit, &bridge).unwrap();
    drop(bridge);
    let both = fixture.machine.used();
    assert!(both > used + code.size() as usize);
    drop(code);
    assert_eq!(fixture.machine.used(), used);
}

#[test]
fn wrong_bridges_are_refused() {
    let mut fixture = Fixture::new();
    let code = fixture.compile(LOOP);
    let guards: Vec<_> = code.exits().filter(|&exit| code.snapshot_of(exit).is_some()).collect();
    for text in ["entry(%a: int):\n return(%a)", "entry(%s: int, %i: int, %t: int, %y: int, %x: float):\n return(%s)"] {
        let unit = fixture.parse(text);
        let exit = guards[1];
        let result = fixture.compiler.compile_bridge(&fixture.machine, &unit, &fixture.descriptors, &code, exit);
        assert!(matches!(result, Err(CompileError::Parameters)), "{text}");
    }
    let bridge = fixture.parse(BRIDGE);
    let compiled =
        fixture.compiler.compile_bridge(&fixture.machine, &bridge, &fixture.descriptors, &code, guards[1]).unwrap();
    assert_eq!(code.attach(guards[0], &compiled), Err(BridgeError::OtherExit));
    assert_eq!(compiled.attach(guards[1], &compiled), Err(BridgeError::OtherExit));
}

/// A bridge that computes something of all values that it takes over, and leaves with the frames that the exit has and one more, for what it has computed.
fn repeat(unit: &Unit, code: &Code, exit: ExitId, snapshot: SnapshotId) -> Unit {
    let values = code.exit_values(exit);
    let mut bridge = Unit::default();
    let label = bridge.new_label();
    bridge.labels[0] = 0;
    bridge.push(Op { a: label.0, ..Op::new(OpCode::Label, Type::Void) });
    let parameters: Vec<Ref> =
        values.iter().map(|&value| bridge.push(Op::new(OpCode::Param, unit.type_of(value)))).collect();
    let mut taken_over: Vec<(Ref, Ref)> = values.iter().copied().zip(parameters.iter().copied()).collect();
    for (word, double, derivation) in code.exit_coded(exit) {
        let (_, double) = *taken_over.iter().find(|&&(value, _)| value == double).unwrap();
        let coding = match derivation {
            Derivation::Coded(coding) => coding,
            Derivation::Boxed(boxing) => {
                let boxed = Op { aux: boxing.0, a: double.word(), ..Op::new(OpCode::Box, Type::Int) };
                taken_over.push((word, bridge.push(boxed)));
                continue;
            }
        };
        let bits = match bridge.type_of(double) {
            Type::Float => bridge.push(Op { a: double.word(), ..Op::new(OpCode::FloatBits, Type::Int) }),
            _ => double,
        };
        let bias = bridge.int(coding.bias as i64);
        let sum = bridge.push(Op { a: bits.word(), b: bias.word(), ..Op::new(OpCode::Add, Type::Int) });
        let rotation = bridge.int(i64::from(coding.rotation));
        let coded = bridge.push(Op { a: sum.word(), b: rotation.word(), ..Op::new(OpCode::RotL, Type::Int) });
        taken_over.push((word, coded));
    }
    let all = &unit.snapshots;
    let mut parent = None;
    let frames: Vec<_> = all.chain(all.snapshots[snapshot.0 as usize].frames).collect();
    for &id in frames.iter().rev() {
        let slots = all.slots_of(id).iter().map(|&slot| match slot {
            Slot::Value(value) => match taken_over.iter().find(|&&(other, _)| other == value) {
                Some(&(_, here)) => Slot::Value(here),
                None => {
                    let (ty, bits) = unit.constants[value.as_constant().unwrap()];
                    Slot::Value(bridge.constant(ty, bits))
                }
            },
            other => other,
        });
        let slots: Vec<Slot> = slots.collect();
        let frame = all.frames[id.0 as usize];
        parent = Some(bridge.snapshots.add_frame(parent, frame.code, frame.position, &slots));
    }
    let binary =
        |bridge: &mut Unit, code, ty, a: Ref, b: Ref| bridge.push(Op { a: a.word(), b: b.word(), ..Op::new(code, ty) });
    // All intermediate results live until the end.
    let mut extra = vec![bridge.int(1)];
    for &parameter in &parameters {
        let word = match bridge.type_of(parameter) {
            Type::Float => bridge.push(Op { a: parameter.word(), ..Op::new(OpCode::FloatBits, Type::Int) }),
            Type::Ref => bridge.push(Op { a: parameter.word(), ..Op::new(OpCode::RefToInt, Type::Int) }),
            _ => parameter,
        };
        let sum = binary(&mut bridge, OpCode::Add, Type::Int, word, extra[extra.len() - 1]);
        extra.push(sum);
    }
    let mut folded = extra[0];
    for &word in &extra[1..] {
        folded = binary(&mut bridge, OpCode::Xor, Type::Int, word, folded);
    }
    let frame = bridge.snapshots.add_frame(parent, 77, 77, &[Slot::Value(folded)]);
    let snapshot = bridge.snapshots.add(Some(frame));
    bridge.push(Op { a: snapshot.0, ..Op::new(OpCode::Exit, Type::Void) });
    bridge
}

#[test]
fn bridges_of_random_units_see_what_the_exit_sees() {
    let world = World::new();
    let machine = Machine::new(world.runtime, 1 << 20).unwrap();
    let mut compiler = Compiler::new();
    let mut bridges = 0;
    for seed in 0..700 {
        let mut unit = generate(&world, seed, 100).unit;
        let calls = unit.ops.iter().any(|op| matches!(op.code, OpCode::CallUnit | OpCode::JumpUnit));
        if calls {
            continue;
        }
        // Some guard fails, if it is met.
        let guards: Vec<usize> = (0..unit.ops.len())
            .filter(|&at| matches!(unit.ops[at].code, OpCode::GuardTrue | OpCode::GuardFalse))
            .collect();
        if let Some(&at) = guards.get(seed as usize % 7) {
            let one = unit.int(1).word();
            unit.ops[at] = Op { code: OpCode::GuardFalse, a: one, ..unit.ops[at] };
        }
        compiler.options = Options { random: (seed % 3 != 0).then_some(seed) };
        let code = compiler.compile(&machine, &unit, &world.descriptors).unwrap();
        let arguments = arguments(&world, seed);
        let outcome = || {
            world.reset(seed);
            // SAFETY: random units are sound in their world.
            unsafe { run(&machine, &code, &world.descriptors, &arguments) }
        };
        let Run::Ended(Outcome::Exited(before)) = outcome() else { continue };
        let [Exit { op, snapshot, .. }] = before[..] else { panic!("one unit is interrupted") };
        let exit = code.exit_at(op).unwrap();
        let bridge = repeat(&unit, &code, exit, snapshot);
        crate::verify::verify(&bridge, &world.descriptors).unwrap();
        let bridge = compiler.compile_bridge(&machine, &bridge, &world.descriptors, &code, exit).unwrap();
        code.attach(exit, &bridge).unwrap();
        let Run::Ended(Outcome::Exited(after)) = outcome() else { panic!("the bridge leaves, too") };
        let (extra, frames) = after[0].frames.split_first().unwrap();
        assert_eq!(frames, before[0].frames, "seed {seed}");
        assert_eq!(extra.code, 77);
        bridges += 1;
    }
    assert!(bridges > 150, "{bridges} bridges");
}

#[test]
fn conversions_of_other_values_are_told() {
    let mut fixture = Fixture::new();
    let code = fixture.compile(
        "entry(%a: int, %r: ref, %z: int):
           %o = i2r %a
           %w = r2i %r
           guard_true %z [ 1@1 { %a, %o, %w } ]
           return(%a)",
    );
    let exit = code.exits().find(|&exit| code.snapshot_of(exit).is_some()).unwrap();
    // What %w was made of is not mentioned.
    assert_eq!(code.exit_copies(exit), [(Ref::op(4), Ref::op(1))]);
}

#[test]
fn words_that_exits_compute_are_told_with_their_doubles() {
    let mut fixture = Fixture::new();
    let text = "entry(%x: float, %z: int):
       %y = fadd %x, %x
       %b = fbits %y
       %s = add %b, 0x1000000000000000
       %w = rotl %s, 3
       guard_true %z [ 1@1 { %w, %z } < 1@2 { %w, %b } ]
       return(%w)";
    // Where nobody reads the word.
    let code = fixture.compile(&text.replace("return(%w)", "return(%z)"));
    let exit = code.exits().find(|&exit| code.snapshot_of(exit).is_some()).unwrap();
    assert_eq!(code.exit_values(exit), [Ref::op(3), Ref::op(2)]);
    let coding = |bias, rotation| Derivation::Coded(Coding { bias, rotation });
    let expected = [(Ref::op(6), Ref::op(3), coding(1 << 60, 3)), (Ref::op(4), Ref::op(3), coding(0, 0))];
    assert_eq!(code.exit_coded(exit), expected);
    let Run::Ended(outcome) = fixture.run(&code, &[1.5f64.to_bits(), 0]) else { panic!("nothing is refused") };
    let word = (3.0f64.to_bits() + (1 << 60)).rotate_left(3);
    assert_eq!(value(&outcome), (1, vec![word, 0]));
    // Where it is returned it is computed, and so is what it is computed from.
    let code = fixture.compile(text);
    assert!(code.exit_coded(exit).is_empty());
    assert_eq!(code.exit_values(exit).len(), 3);
}

#[test]
fn words_that_differ_little_from_others_are_computed_by_exits() {
    let mut fixture = Fixture::new();
    let code = fixture.compile(
        "entry(%i: int, %z: int):
           %a = add %i, -2
           %b = add %i, 9
           %c = add %b, 3
           guard_true %z [ 1@1 { %a, %b, %c, %z } ]
           return(%z)",
    );
    let exit = code.exits().find(|&exit| code.snapshot_of(exit).is_some()).unwrap();
    // 9 is too much; and what would be the next of a chain is computed as well.
    let less = Derivation::Coded(Coding { bias: 2u64.wrapping_neg(), rotation: 0 });
    assert_eq!(code.exit_coded(exit), [(Ref::op(3), Ref::op(1), less)]);
    assert_eq!(code.exit_values(exit), [1, 4, 5, 2].map(Ref::op));
    let Run::Ended(outcome) = fixture.run(&code, &[1, 0]) else { panic!("nothing is refused") };
    assert_eq!(value(&outcome), (1, vec![u64::MAX, 10, 13, 0]));
}

#[test]
fn what_a_loop_passes_on_is_passed_to_bridges() {
    for seed in 0..30 {
        let mut fixture = Fixture::new();
        if seed > 0 {
            fixture.random(seed);
        }
        let code = fixture.compile(
            "entry(%n: int, %m: int):
               jump loop(%n, %m)
             loop(%i: int, %k: int):
               %more = lt %i, 10
               guard_true %more [ 1@1 { %i } ]
               %s = add %i, %k
               jump loop(%s, %k)",
        );
        let exit = code.exits().find(|&exit| code.snapshot_of(exit).is_some()).unwrap();
        assert_eq!(code.exit_values(exit), [5, 6].map(Ref::op));
        let text = "entry(%i: int, %k: int):\n %s = mul %i, %k\n exit [ 8@8 { %s } ]";
        let unit = fixture.parse(text);
        let bridge =
            fixture.compiler.compile_bridge(&fixture.machine, &unit, &fixture.descriptors, &code, exit).unwrap();
        code.attach(exit, &bridge).unwrap();
        let Run::Ended(outcome) = fixture.run(&code, &[4, 7]) else { panic!("nothing is refused") };
        assert_eq!(value(&outcome), (8, vec![77]));
    }
}

#[test]
fn a_loop_is_passed_arguments_where_it_keeps_them() {
    const HEAD: &str = "unit { entry inner = (int, float, int) }\n";
    let mut agreed = 0;
    for seed in 0..60 {
        let mut fixture = Fixture::new();
        if seed > 0 {
            fixture.random(seed);
        }
        let text = "entry(%n: int):
               jump loop(%n, 0.5, 3)
             enter(%x: int, %f: float, %k: int) export.inner:
               guard_valid [ 1@1 { %x, %f, %k } ]
               jump loop(%x, %f, %k)
             loop(%i: int, %y: float, %d: int):
               %more = lt %i, 10
               guard_true %more [ 2@2 { %i, %y, %d } ]
               %s = add %i, %d
               %z = fadd %y, %y
               jump loop(%s, %z, %d)";
        let code = fixture.compile(&format!("{HEAD}{text}"));
        agreed += usize::from(code.agreement(1).is_some());
        let jumps = "entry(%a: int, %b: int):
               %c = i2f %b
               jump_unit.inner(%a, %c, %b)";
        let jumper = fixture.compile(&format!("{HEAD}{jumps}"));
        let Run::Ended(outcome) = fixture.run(&jumper, &[4, 5]) else { panic!("nothing is refused") };
        assert_eq!(value(&outcome), (2, vec![14, 20.0f64.to_bits(), 5]), "seed {seed}");
        code.invalidate();
        let Run::Ended(outcome) = fixture.run(&jumper, &[4, 5]) else { panic!("nothing is refused") };
        assert_eq!(value(&outcome), (1, vec![4, 5.0f64.to_bits(), 5]), "seed {seed}");
    }
    assert_eq!(agreed, 60);
}

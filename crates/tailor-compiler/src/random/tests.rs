use std::collections::HashSet;

use super::check::{Step, Tools, check};
use super::generate::{PARAMETERS, Sample, arguments, generate};
use super::shrink::shrink;
use super::world::World;
use crate::interp::{Interpreter, Outcome};
use crate::ir::{Descriptors, Op, OpCode, Ref, Slot, Type, Unit};
use crate::text::{Addresses, print};

#[test]
fn units_are_sound_and_the_interpreter_resumes_them() {
    let mut world = World::new();
    let (mut exits, mut exited, mut together, mut codes) = (0, 0, 0, HashSet::new());
    for seed in 0..400 {
        let sample = generate(&world, seed, 100);
        let report = check(&mut world, &sample, seed, &mut Tools::default());
        let report = report.unwrap_or_else(|failure| {
            panic!("seed {seed}: {failure}\n{}", print(&sample.unit, &world.descriptors, Addresses::Hidden))
        });
        exits += report.exits;
        codes.extend(sample.unit.ops.iter().map(|op| op.code));
        world.reset(seed);
        let arguments = arguments(&world, seed);
        let entries = |entry| world.unit(entry);
        let mut interpreter = Interpreter::new(&world.descriptors, &world.runtime);
        interpreter.entries = &entries;
        // SAFETY: just checked.
        let outcome = unsafe { interpreter.run(&sample.unit, &arguments) };
        exited += usize::from(matches!(outcome, Outcome::Exited(_)));
        together += usize::from(matches!(outcome, Outcome::Exited(exits) if exits.len() > 1));
    }
    assert!(exits > 1000, "{exits}");
    assert!(together > 5, "{together} of 400 units are left by an exit of one that they call");
    assert!((80..320).contains(&exited), "{exited} of 400 units leave by exits");
    let missing: Vec<_> = OpCode::ALL.iter().filter(|code| !codes.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn callees_are_well_formed() {
    let world = World::new();
    for unit in &world.callees.units {
        let text = print(unit, &world.descriptors, Addresses::Hidden);
        assert_eq!(crate::verify::verify(unit, &world.descriptors), Ok(()), "{text}");
    }
}

#[test]
fn the_same_seed_makes_the_same_unit() {
    let world = World::new();
    let text = |seed| print(&generate(&world, seed, 100).unit, &world.descriptors, Addresses::Hidden);
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}

/// A pass with a mistake: it replaces the first operation `from` by `to`.
fn mistaken(from: OpCode, to: OpCode) -> impl FnMut(&Unit, &mut Descriptors, u64) -> Unit {
    move |unit, _, _| {
        let mut unit = unit.clone();
        if let Some(op) = unit.ops.iter_mut().find(|op| op.code == from) {
            op.code = to;
        }
        unit
    }
}

/// Which steps find a mistake, over some hundred units.
fn found(mut optimise: impl FnMut(&Unit, &mut Descriptors, u64) -> Unit) -> Vec<Step> {
    let mut world = World::new();
    let mut steps = Vec::new();
    for seed in 0..400 {
        let sample = generate(&world, seed, 100);
        let mut tools = Tools { optimise: Some(Box::new(&mut optimise)), ..Tools::default() };
        steps.extend(check(&mut world, &sample, seed, &mut tools).err().map(|failure| failure.step));
    }
    steps
}

#[test]
fn mistakes_are_found() {
    assert!(found(|unit, _, _| unit.clone()).is_empty());
    // (Nothing that indexes are made of: that would be the end of this test.)
    let steps = found(mistaken(OpCode::Sub, OpCode::Add));
    assert!(steps.len() > 3 && steps.contains(&Step::OptimisedRun), "{steps:?}");
    assert!(found(mistaken(OpCode::Le, OpCode::Lt)).len() > 1);
    // (Not the other way round: that would be a check for null, and the end of this test.)
    let steps = found(mistaken(OpCode::GuardFalse, OpCode::GuardTrue));
    // A guard that fails when it should not is no mistake; one that holds when it should not is, if what it guards is done.
    assert!(!steps.is_empty() && steps.len() < 200, "{steps:?}");
}

/// Drops the operations of a kind that `which` picks.
fn without(which: impl Fn(&Unit, usize) -> bool) -> impl FnMut(&Unit, &mut Descriptors, u64) -> Unit {
    move |unit, _, _| {
        let mut unit = unit.clone();
        for at in 0..unit.ops.len() {
            if which(&unit, at) {
                // A guard that always holds does nothing.
                let one = unit.int(1);
                unit.ops[at] = Op { code: OpCode::GuardTrue, a: one.word(), b: 0, aux: 0, c: 0, ..unit.ops[at] };
            }
        }
        unit
    }
}

#[test]
fn lost_stores_barriers_and_initialisations_are_found() {
    let barriers = found(without(|unit, at| unit.ops[at].code == OpCode::Barrier));
    assert!(barriers.len() > 10, "{barriers:?}");
    // (Only of what cannot be an address.)
    let stores = found(without(|unit, at| {
        let op = unit.ops[at];
        op.code == OpCode::Store && unit.type_of(Ref::from_word(op.c)) == Type::Float
    }));
    assert!(stores.len() > 20, "{stores:?}");
    let calls = found(without(|unit, at| {
        let op = unit.ops[at];
        op.code == OpCode::Call && op.ty == Type::Void
    }));
    assert!(calls.len() > 20, "{calls:?}");
}

#[test]
fn wrong_values_in_snapshots_are_found() {
    let steps = found(|unit, _, _| {
        let mut unit = unit.clone();
        // Not an address: a wrong one is not found, it crashes.
        let float = |slot: &&mut Slot| matches!(slot, Slot::Value(value) if unit.ops[value.as_op().unwrap_or(0)].ty == Type::Float);
        if let Some(slot) = unit.snapshots.slots.iter_mut().rev().find(float) {
            *slot = Slot::Dead;
        }
        unit
    });
    assert!(steps.len() > 20 && steps.contains(&Step::OptimisedForced), "{steps:?}");
}

#[test]
fn failing_units_shrink() {
    let mut world = World::new();
    let layout = world.layout;
    let mut optimise = mistaken(OpCode::Sub, OpCode::Add);
    let mut sizes = Vec::new();
    let mut seed = 0;
    while sizes.len() < 3 {
        seed += 1;
        let sample = generate(&world, seed, 60);
        let mut step = |sample: &Sample| {
            let mut tools = Tools { optimise: Some(Box::new(&mut optimise)), ..Tools::default() };
            check(&mut world, sample, seed, &mut tools).err().map(|failure| failure.step)
        };
        let Some(wanted) = step(&sample) else { continue };
        let before = sample.unit.ops.len();
        let small = shrink(layout, sample, &mut |sample| step(sample) == Some(wanted)).unit.ops;
        assert!(small.iter().any(|op| op.code == OpCode::Sub));
        sizes.push((before, small.len()));
    }
    // The entry and its parameters cannot go; besides them the mistake and what shows it are left, and perhaps a loop.
    assert!(sizes.iter().any(|&(_, after)| after < 1 + PARAMETERS.len() + 16), "{sizes:?}");
    assert!(sizes.iter().all(|&(before, after)| after < before), "{sizes:?}");
}

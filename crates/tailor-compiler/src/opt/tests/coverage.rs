//! Whether the random units that the fuzzing harness makes reach what is difficult in the optimiser: an argument that its silence means something.

use crate::ir::{OpCode, Unit};
use crate::opt::{Options, Scratch, optimise};
use crate::random::generate::generate;
use crate::random::world::World;

#[test]
fn random_units_reach_what_is_difficult() {
    let mut world = World::new();
    let mut scratch = Scratch::default();
    let (mut peeled, mut retried, mut virtuals, mut carried, mut invariant) = (0, 0, 0, 0, 0);
    let (mut recipes, mut pending, mut removed) = (0, 0, 0);
    for seed in 0..1000 {
        let sample = generate(&world, seed, 150);
        let mut out = Unit::default();
        let summary = optimise(&sample.unit, &mut world.descriptors, &Options::default(), &mut scratch, &mut out);
        peeled += summary.peeled.loops;
        retried += usize::from(summary.attempts > 1);
        virtuals += summary.peeled.objects;
        carried += summary.peeled.locations;
        invariant += summary.peeled.invariant;
        let all = &out.snapshots;
        recipes += all.snapshots.iter().filter(|snapshot| !snapshot.recipes.is_empty()).count();
        pending += all.snapshots.iter().filter(|snapshot| !snapshot.stores.is_empty()).count();
        let allocations = |unit: &Unit| unit.ops.iter().filter(|op| op.code == OpCode::New).count();
        removed += usize::from(allocations(&out) < allocations(&sample.unit));
    }
    let reached = [peeled, retried, virtuals, carried, invariant, recipes, pending, removed];
    println!("{reached:?}");
    assert!(reached.iter().all(|&count| count > 20), "{reached:?}");
}

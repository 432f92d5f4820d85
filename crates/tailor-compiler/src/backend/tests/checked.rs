//! The checker sees mistakes: allocations that are right are made wrong, one by one.

use super::super::checker::check;
use super::super::regalloc::{Allocator, EntryLocations, Options};
use super::super::target::{Agreements, Loc, Place, Reg};
use super::super::x86_64::shapes::X86;
use super::Fixture;
use crate::ir::OpCode;
use crate::random::Rng;
use crate::random::generate::generate;
use crate::random::world::World;

const X86_64: X86 = X86 { bmi: true };

/// Another location of the same kind.
fn other(loc: Loc) -> Option<Loc> {
    match loc.place() {
        Place::Reg(register) => Some(Loc::reg(Reg(register.0 ^ 1))),
        Place::Slot(slot) => Some(Loc::slot(slot + 1)),
        _ => None,
    }
}

#[test]
fn mistakes_are_seen() {
    let world = World::new();
    let mut rng = Rng::new(3);
    let (mut tried, mut seen) = ([0; 5], [0; 5]);
    for seed in 0..200 {
        let unit = generate(&world, seed, 100).unit;
        let mut allocator = Allocator::default();
        let options = Options { random: Some(seed) };
        for turn in 0..10 {
            allocator
                .run(&X86_64, &unit, &world.descriptors, EntryLocations::Convention, &Agreements::new(), options)
                .unwrap();
            check(&X86_64, &unit, &allocator, EntryLocations::Convention).unwrap();
            let result = &mut allocator.result;
            let kind = turn % 5;
            let changed = match kind {
                // An operand is elsewhere.
                0 => {
                    let at = rng.below(unit.ops.len());
                    let field = rng.below(3);
                    let loc = &mut result.ops[at].operands[field];
                    other(*loc).map(|wrong| *loc = wrong).is_some()
                }
                // A reload loads another value's slot, or is forgotten.
                1 if !result.reloads.is_empty() => {
                    let number = rng.below(result.reloads.len());
                    result.reloads[number].to = Reg(result.reloads[number].to.0 ^ 1);
                    true
                }
                // A move goes elsewhere.
                2 if !result.moves.is_empty() => {
                    let number = rng.below(result.moves.len());
                    let to = &mut result.moves[number].to;
                    other(*to).map(|wrong| *to = wrong).is_some()
                }
                // A value is in another's slot.
                3 => {
                    let slots: Vec<usize> = (0..unit.ops.len()).filter(|&op| result.slots[op] != u16::MAX).collect();
                    if let [first, .., last] = slots[..] {
                        result.slots[last] = result.slots[first];
                    }
                    slots.len() > 1
                }
                // An argument is elsewhere.
                4 if !result.arguments.is_empty() => {
                    let number = rng.below(result.arguments.len());
                    let loc = &mut result.arguments[number];
                    other(*loc).map(|wrong| *loc = wrong).is_some()
                }
                _ => false,
            };
            if changed {
                result.slot_count += 1;
                tried[kind] += 1;
                seen[kind] += usize::from(check(&X86_64, &unit, &allocator, EntryLocations::Convention).is_err());
            }
        }
    }
    for (kind, (&tried, &seen)) in tried.iter().zip(&seen).enumerate() {
        // A value may be in a second place, too; a slot may be shared by values that do not live at the same time; a move may be to where nothing is read.
        let least = if kind == 3 { tried / 10 } else { tried / 2 };
        assert!(tried > 50 && seen > least, "mistake {kind}: {seen} of {tried} seen");
    }
}

#[test]
fn what_other_operations_have_in_their_words_is_not_taken_for_operands() {
    // The last call's list begins behind the last operation.
    let text = "
unit { call f = \"add_floats\" (int, float, int, float) -> float reads=none writes=none }
entry(%a: int, %x: float):
  %r = call.f(%a, %x, %a, %x)
  %s = call.f(1, 2.0, 3, %r)
  %t = call.f(4, %s, 5, %r)
  guard_true %a [ 1@1 { %t, %a } ]
  return(%a)";
    let mut fixture = Fixture::new();
    let unit = fixture.parse(text);
    let last = unit.ops.iter().rfind(|op| op.code == OpCode::Call).unwrap();
    assert!(last.a as usize >= unit.ops.len());
    let mut allocator = Allocator::default();
    allocator
        .run(&X86_64, &unit, &fixture.descriptors, EntryLocations::Convention, &Agreements::new(), Options::default())
        .unwrap();
    check(&X86_64, &unit, &allocator, EntryLocations::Convention).unwrap();
}

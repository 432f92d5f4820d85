//! What must be equal for a pair of random units, one of which jumps to the loop of the other; see [`check`](super::check) for the rest.
//!
//! The loop gets an entry of its own, and the other unit is told of it. Then a run of both as they were optimised must end as a run of both as they were made; whichever guard fails, also that of the
//! loop's entry.
//!
//! Then both units are divided at a guard, as if it had failed and a bridge went on as the unit would have; the second part inherits what the first knows. The parts must do what the whole does.

use super::check::{Checked, Checker, Failure, Report, Step, Tools, failure};
use super::functions;
use super::generate::{Sample, arguments};
use super::parts::{self, Rest, beginning, divide};
use super::resume::{Resumer, attach};
use super::rng::Rng;
use super::world::{Linked, World};
use crate::interp::Outcome;
use crate::ir::{Descriptors, EntryId, LabelId, OpCode, SnapshotId, Type, Unit};
use crate::opt::{Inherited, Links, LoopEntry, Options, Origin, Passes, Scratch, Summary, optimise_linked};
use crate::verify::verify;

/// Checks the loop `looping` and the unit `jumper` that goes there.
///
/// # Errors
/// The first difference.
pub fn check_linked(
    world: &mut World,
    looping: &Sample,
    jumper: &Sample,
    seed: u64,
    tools: &mut Tools,
) -> Result<Report, Box<Failure>> {
    // Entries are made for each pair.
    let descriptors = world.descriptors.clone();
    let result = check(world, looping, jumper, seed, tools);
    world.descriptors = descriptors;
    (world.linked, world.originals) = (Vec::new(), Vec::new());
    result
}

fn check(
    world: &mut World,
    looping: &Sample,
    jumper: &Sample,
    seed: u64,
    tools: &mut Tools,
) -> Result<Report, Box<Failure>> {
    let (mut looping, jumper) = (looping.unit.clone(), &jumper.unit);
    attach(&mut looping, world.callees.units.len() as u32 + 1);
    let ill_formed = |error: crate::verify::VerifyError| failure(Step::Original, error.to_string());
    verify(&looping, &world.descriptors).map_err(ill_formed)?;
    verify(jumper, &world.descriptors).map_err(ill_formed)?;
    let outer = |unit: &Unit| Linked { entry: world.outer, unit: unit.clone(), label: LabelId(0) };
    world.originals = vec![outer(&looping)];
    world.linked = vec![outer(&looping)];

    let passes = tools.passes.unwrap_or_else(|| super::tools::passes(seed));
    let options = Options { passes, is_lasting: (functions::is_lasting, 0), ..Options::default() };
    let mut scratch = Scratch::default();
    let mut optimised = Unit::default();
    let links = Links { loop_entry: Some("inner"), ..Links::default() };
    let descriptors = &mut world.descriptors;
    let Summary { loop_entry, .. } =
        optimise_linked(&looping, descriptors, &options, &links, &mut scratch, &mut optimised);
    let mut bridge = Unit::default();
    let loops: Vec<_> = loop_entry.iter().map(|entry| (world.outer, entry)).collect();
    let links = Links { loops: &loops, ..Links::default() };
    let Summary { enters_loop, .. } = optimise_linked(jumper, descriptors, &options, &links, &mut scratch, &mut bridge);
    // As they were optimised; then with the guard of the loop's entry failing; then in parts.
    let whole = |looping: Unit| Variant { looping, jumping: bridge.clone(), rests: Vec::new() };
    let mut variants = vec![whole(optimised.clone())];
    variants.extend(loop_entry.as_ref().map(|entry| whole(leaving_at(&optimised, entry.label))));
    let mut divider = Divider { descriptors: &mut world.descriptors, options: &options, rng: Rng::new(seed ^ 0x9a7) };
    variants.extend(divider.divided(&optimised, loop_entry.as_ref(), &mut scratch).map(|(looping, rests)| Variant {
        looping,
        jumping: bridge.clone(),
        rests,
    }));
    variants.extend(divider.divided(&bridge, None, &mut scratch).map(|(jumping, rests)| Variant {
        looping: optimised.clone(),
        jumping,
        rests,
    }));
    let describe = |error: Box<Failure>| {
        let text = |unit| crate::text::print(unit, &world.descriptors, crate::text::Addresses::Hidden);
        let message = format!("{}\n{}\n{loop_entry:#?}\n{}", error.message, text(&looping), text(&optimised));
        Box::new(Failure { message, ..*error })
    };
    verify(&optimised, &world.descriptors).map_err(|error| describe(failure(Step::Optimised, error.to_string())))?;

    let units: Vec<&Unit> = std::iter::once(jumper).chain(&world.callees.units).chain([&looping]).collect();
    let may_force = !options.passes.exits;
    let mut checker = Checker {
        world: &*world,
        seed,
        arguments: arguments(world, seed),
        original: jumper,
        resumer: Resumer::new(units),
        report: Report::default(),
        may_force,
    };
    let undisturbed = checker.run(jumper, None).map_err(|message| failure(Step::Original, message))?;
    if !matches!(undisturbed.end.outcome, Outcome::Returned(_) | Outcome::Exited(_)) {
        return Err(failure(Step::Original, format!("{:?}", undisturbed.end.outcome)));
    }
    let mut report = checker.report;
    for (number, Variant { looping: unit, jumping: bridge, rests }) in variants.iter().enumerate() {
        let mut linked = vec![Linked { entry: world.outer, unit: unit.clone(), label: LabelId(0) }];
        linked.extend(loop_entry.iter().map(|entry| Linked {
            entry: entry.entry,
            unit: unit.clone(),
            label: entry.label,
        }));
        linked.extend(rests.iter().map(|(entry, unit)| Linked {
            entry: *entry,
            unit: unit.clone(),
            label: parts::ENTRY,
        }));
        world.linked = linked;
        for part in rests.iter().map(|(_, part)| part).chain([unit]) {
            verify(part, &world.descriptors).map_err(|error| {
                let text = crate::text::print(part, &world.descriptors, crate::text::Addresses::Hidden);
                failure(Step::Optimised, format!("{error}\n{text}"))
            })?;
        }
        let units: Vec<&Unit> = std::iter::once(jumper).chain(&world.callees.units).chain([&looping]).collect();
        let arguments = arguments(world, seed);
        let resumer = Resumer::new(units);
        let mut checker = Checker { world: &*world, seed, arguments, original: jumper, resumer, report, may_force };
        let checked: Checked = match (number, &mut tools.machine) {
            (0, Some(machine)) => checker
                .optimised(bridge, &undisturbed.end)
                .and_then(|()| checker.machine(machine, bridge, Step::MachineOptimised)),
            _ => checker.optimised(bridge, &undisturbed.end),
        };
        report = checker.report;
        checked.map_err(describe).map_err(|error| {
            let text = |unit| crate::text::print(unit, &world.descriptors, crate::text::Addresses::Hidden);
            let parts = rests.iter().fold(error.message.clone(), |message, (_, part)| message + "\n" + &text(part));
            Box::new(Failure { message: parts, ..*error })
        })?;
    }
    report.inherited += variants.iter().map(|variant| variant.rests.len() as u64).sum::<u64>();
    report.described += u64::from(loop_entry.is_some());
    report.entered += u64::from(enters_loop);
    Ok(report)
}

/// Units that are run together.
struct Variant {
    looping: Unit,
    jumping: Unit,
    /// Second parts of them.
    rests: Vec<(EntryId, Unit)>,
}

/// Divides units.
struct Divider<'a> {
    descriptors: &'a mut Descriptors,
    options: &'a Options,
    rng: Rng,
}

impl Divider<'_> {
    /// A unit in parts, each optimised with what it inherits: the second may be divided again. `None` if it cannot be divided.
    fn divided(
        &mut self,
        unit: &Unit,
        loop_entry: Option<&LoopEntry>,
        scratch: &mut Scratch,
    ) -> Option<(Unit, Vec<(EntryId, Unit)>)> {
        let again = loop_entry.map(|entry| entry.entry);
        let rest = divide(unit, self.descriptors, "rest", again, &mut self.rng)?;
        let first = beginning(unit, &rest);
        let inherits = inherits(unit, loop_entry, None, &rest);
        let optimised = self.optimised(&rest, &inherits, scratch);
        let mut rests = Vec::new();
        match divide(&optimised, self.descriptors, "rest of the rest", None, &mut self.rng) {
            Some(second) => {
                rests.push((rest.entry, beginning(&optimised, &second)));
                let inherits = self::inherits(&optimised, None, Some(inherits), &second);
                rests.push((second.entry, self.optimised(&second, &inherits, scratch)));
            }
            None => rests.push((rest.entry, optimised)),
        }
        Some((first, rests))
    }

    fn optimised(&mut self, rest: &Rest, inherits: &Inherited, scratch: &mut Scratch) -> Unit {
        let links = Links { inherited: Some(inherits), ..Links::default() };
        let mut optimised = Unit::default();
        // Most is remembered if the first part has left much undone.
        let all = Options { passes: Passes { exits: self.options.passes.exits, ..Passes::ALL }, ..*self.options };
        let options = if self.rng.chance(50) { &all } else { self.options };
        optimise_linked(&rest.unit, self.descriptors, options, &links, scratch, &mut optimised);
        optimised
    }
}

/// What the second part of a unit inherits.
fn inherits(unit: &Unit, loop_entry: Option<&LoopEntry>, before: Option<Inherited>, rest: &Rest) -> Inherited {
    let origin = Origin::new(unit, loop_entry.cloned(), before);
    Inherited { origin, exit: rest.guard, values: rest.values.clone() }
}

/// The unit with its loop's entry left at once.
fn leaving_at(unit: &Unit, label: LabelId) -> Unit {
    let mut unit = unit.clone();
    let never = unit.constant(Type::Int, 0);
    let first = unit.labels[label.0 as usize] as usize;
    let guard = unit.ops[first..].iter().position(|op| op.code == OpCode::GuardValid);
    let guard = &mut unit.ops[first + guard.expect("an entry of a loop has a guard")];
    let SnapshotId(snapshot) = guard.snapshot().expect("a guard has a snapshot (rule 7)");
    (guard.code, guard.a, guard.b) = (OpCode::GuardTrue, never.word(), snapshot);
    unit
}

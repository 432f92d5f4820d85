//! Pairs of units: a loop, and a unit that jumps to it, as a bridge does.
//!
//! Half of the jumping units do what the loop's body does and then go round, as bridges from guards of the loop do: what they leave behind is what the loop expects.

use super::{Generator, PARAMETERS, Sample, budget_of};
use crate::ir::{Op, OpCode, Ref, Type};
use crate::random::resume;
use crate::random::rng::Rng;
use crate::random::shapes::Kind;
use crate::random::world::World;

/// The pair with this seed: the loop, and who jumps to it. Both take [`PARAMETERS`]. Snapshots of the loop are still to be attached.
pub fn generate_linked(world: &World, seed: u64, size: usize) -> (Sample, Sample) {
    let mut rng = Rng::new(seed);
    let body = rng.int() as u64;
    let other = if rng.chance(50) { body } else { rng.int() as u64 };
    let looping = Generator::new(world, body, 1, |rng| budget_of(rng) * size / 200).looping();
    let mut jumper = Generator::new(world, other, 1, |rng| budget_of(rng) * size / 200).jumper(rng.chance(80));
    resume::attach(&mut jumper.unit, 0);
    (looping, jumper)
}

impl Generator<'_> {
    /// A loop as a trace has it: the entry does nothing but go there.
    fn looping(mut self) -> Sample {
        let entry = self.sample.unit.new_label();
        let parameters = self.label(entry, &PARAMETERS);
        let header = self.sample.unit.new_label();
        self.jump(header, &parameters);
        self.visible.clear();
        let parameters = self.label(header, &PARAMETERS);
        self.guard(OpCode::GuardValid, Ref::from_word(0));
        let arguments = self.body(&parameters);
        self.jump(header, &arguments);
        self.sample
    }

    /// The same once, and then to the loop.
    fn jumper(mut self, guarded: bool) -> Sample {
        let entry = self.sample.unit.new_label();
        let parameters = self.label(entry, &PARAMETERS);
        let arguments = self.body(&parameters);
        if guarded {
            self.mark();
            self.guard(OpCode::GuardValid, Ref::from_word(0));
        }
        let list = self.sample.unit.list(&arguments).0;
        self.push(Op { aux: self.world.outer.0, a: list, ..Op::new(OpCode::JumpUnit, Type::Void) }, None);
        self.sample
    }

    /// Statements in a row, and what they pass on. The first parameter counts down.
    fn body(&mut self, parameters: &[Ref]) -> Vec<Ref> {
        self.straight = true;
        // Loops and branches make labels.
        self.depth = 3;
        let (mask, minus_one) = (self.int(7), self.int(-1));
        let counter = self.value(OpCode::And, Kind::Int, &[parameters[0], mask]);
        self.guard(OpCode::GuardTrue, counter);
        let left = self.value(OpCode::Add, Kind::Int, &[counter, minus_one]);
        self.sample.essential.iter_mut().for_each(|essential| *essential = true);
        self.statements();
        let passed = PARAMETERS.iter().zip(parameters).skip(1).map(|(&kind, &parameter)| match kind {
            Kind::Object(_) if self.rng.chance(40) => self.handed_on(&[kind])[0],
            // The frame stays the same, mostly.
            Kind::Stack(_) if self.rng.chance(90) => parameter,
            _ if self.rng.chance(50) => parameter,
            _ => self.pick(kind),
        });
        let passed: Vec<Ref> = passed.collect();
        std::iter::once(left).chain(passed).collect()
    }
}

//! Generates random units for a [`World`]: every opcode, nested loops, branches and joins, guards, memory that may alias, objects that escape or do
//! not, calls. Every unit ends, divides by nothing but what it may, and touches only what its values' kinds allow.
//!
//! # How
//! As an author of a test would, block by block: the generator keeps the values that are visible (they dominate the place where it is) with their kinds, and appends
//! statements of a few operations each, picking operands from them, rather late than early ones. Loops count down from at most 4; indexes are
//! masked or guarded; divisors are made positive. Blocks beside the main line are put off to the end.
//!
//! All units have the same parameters ([`PARAMETERS`]), so that a unit's text is all that is needed to run it.

mod flow;
mod linked;
mod statements;

pub use linked::generate_linked;
use statements::{Statement, THEMES};

use super::memory::STACK;
use super::resume;
use super::rng::Rng;
use super::shapes::{Kind, Shape};
use super::world::{Field, World};
use crate::ir::opcode::AuxKind;
use crate::ir::{LabelId, Op, OpCode, Ref, Type, Unit};

/// What every random unit takes.
pub const PARAMETERS: [Kind; 14] = [
    Kind::Int,
    Kind::Int,
    Kind::Float,
    Kind::Tagged,
    Kind::Maybe,
    Kind::Object(Shape::P),
    Kind::Object(Shape::P),
    Kind::Object(Shape::Q),
    Kind::Object(Shape::R),
    Kind::Object(Shape::Ints),
    Kind::Object(Shape::Floats),
    Kind::Object(Shape::Objects),
    Kind::Object(Shape::Bytes),
    Kind::Stack(STACK as u8 / 2),
];

/// A random unit and what is known of its values.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The unit; its snapshots are those of [`resume::attach`].
    pub unit: Unit,
    /// The kind of each operation's value; `None` if it has none.
    pub kinds: Vec<Option<Kind>>,
    /// Operations that make others sound (a check for null, the mask of an index): they are not to be taken away.
    pub essential: Vec<bool>,
}

/// The arguments of the run with this seed.
pub fn arguments(world: &World, seed: u64) -> Vec<u64> {
    let mut rng = Rng::new(seed ^ 0x5eed);
    PARAMETERS.iter().map(|&kind| world.layout.value(kind, &mut rng)).collect()
}

/// The random unit with this seed. Most have 20 to 150 operations, `size` being a percentage of that.
pub fn generate(world: &World, seed: u64, size: usize) -> Sample {
    let mut generator = Generator::new(world, seed, 2, |rng| budget_of(rng) * size / 100);
    generator.unit();
    let mut sample = generator.sample;
    resume::attach(&mut sample.unit, 0);
    sample
}

/// How many statements a unit of the usual size has.
fn budget_of(rng: &mut Rng) -> usize {
    8 + rng.below(20) + if rng.chance(25) { rng.below(60) } else { 0 }
}

/// A block beside the main line.
struct Deferred {
    label: LabelId,
    parameters: Vec<Kind>,
    visible: Vec<(Ref, Kind)>,
}

struct Generator<'w> {
    world: &'w World,
    rng: Rng,
    sample: Sample,
    /// Values that can be used here.
    visible: Vec<(Ref, Kind)>,
    deferred: Vec<Deferred>,
    /// Statements to come.
    budget: usize,
    /// How many loops and branches are open.
    depth: usize,
    /// No blocks are made.
    straight: bool,
    merge_points: u32,
    /// The first word of the guest stack above the frames that are in use.
    frames: usize,
    theme: &'static [Statement],
    /// What it accesses most.
    favourite: Shape,
    /// Places in memory that have been touched: shape, object, field, index.
    places: Vec<(Shape, Ref, Field, Ref)>,
}

const P: Kind = Kind::Object(Shape::P);

impl<'w> Generator<'w> {
    /// A generator at the beginning of a unit of so many statements, which are at least `least`.
    fn new(world: &'w World, seed: u64, least: usize, budget: impl FnOnce(&mut Rng) -> usize) -> Generator<'w> {
        let mut rng = Rng::new(seed);
        let budget = budget(&mut rng).max(least);
        let (theme, favourite) = (rng.pick(THEMES), rng.pick(&Shape::ALL));
        Generator {
            world,
            rng,
            sample: Sample { unit: Unit::default(), kinds: Vec::new(), essential: Vec::new() },
            visible: Vec::new(),
            deferred: Vec::new(),
            budget,
            depth: 0,
            straight: false,
            merge_points: 0,
            frames: STACK,
            theme,
            favourite,
            places: Vec::new(),
        }
    }
}

/// Emission.
impl Generator<'_> {
    fn push(&mut self, op: Op, kind: Option<Kind>) -> Ref {
        let value = self.sample.unit.push(op);
        self.sample.kinds.push(kind);
        self.sample.essential.push(false);
        if let Some(kind) = kind {
            self.visible.push((value, kind));
        }
        value
    }

    /// An operation on words, with a value.
    fn value(&mut self, code: OpCode, kind: Kind, operands: &[Ref]) -> Ref {
        debug_assert!(matches!(code.aux(), AuxKind::None | AuxKind::Bits));
        let aux = if code.aux() == AuxKind::Bits { self.rng.pick(&[8, 16, 32]) } else { 0 };
        let word = |number: usize| operands.get(number).map_or(0, |operand| operand.word());
        self.push(Op { aux, a: word(0), b: word(1), c: word(2), ..Op::new(code, kind.ty()) }, Some(kind))
    }

    fn int(&mut self, value: i64) -> Ref {
        self.sample.unit.int(value)
    }

    fn label(&mut self, label: LabelId, parameters: &[Kind]) -> Vec<Ref> {
        self.sample.unit.labels[label.0 as usize] = self.sample.unit.ops.len() as u32;
        self.push(Op { a: label.0, ..Op::new(OpCode::Label, Type::Void) }, None);
        parameters.iter().map(|&kind| self.push(Op::new(OpCode::Param, kind.ty()), Some(kind))).collect()
    }

    fn jump(&mut self, label: LabelId, arguments: &[Ref]) {
        let list = self.sample.unit.list(arguments).0;
        self.push(Op { a: label.0, b: list, ..Op::new(OpCode::Jump, Type::Void) }, None);
    }

    fn branch(&mut self, code: OpCode, condition: Ref, label: LabelId, arguments: &[Ref]) {
        let list = self.sample.unit.list(arguments).0;
        self.push(Op { a: condition.word(), b: label.0, c: list, ..Op::new(code, Type::Void) }, None);
    }

    fn guard(&mut self, code: OpCode, condition: Ref) {
        self.push(Op { a: condition.word(), ..Op::new(code, Type::Void) }, None);
    }
}

/// Operands.
impl Generator<'_> {
    /// A value of this kind: one that is visible, or a constant.
    fn pick(&mut self, kind: Kind) -> Ref {
        let fits = |&(value, other): &(Ref, Kind)| {
            let fits = other == kind || matches!((kind, other), (Kind::Int, Kind::Truth) | (Kind::Maybe, P));
            fits.then_some(value)
        };
        let found: Vec<Ref> = self.visible.iter().filter_map(fits).collect();
        let constants = match kind {
            Kind::Stack(_) => 5,
            // Of most shapes there are few values: constants may be the same objects.
            Kind::Object(_) => 25,
            _ => 12,
        };
        if found.is_empty() || self.rng.chance(constants) {
            return self.constant(kind);
        }
        // Late values are likelier: so that chains grow.
        let recent = if self.rng.chance(60) { found.len().min(5) } else { found.len() };
        found[found.len() - 1 - self.rng.below(recent)]
    }

    fn constant(&mut self, kind: Kind) -> Ref {
        let word = match kind {
            Kind::Stack(word) => self.world.layout.stack_word(usize::from(word)),
            _ => self.world.layout.value(kind, &mut self.rng),
        };
        self.sample.unit.constant(kind.ty(), word)
    }

    /// A visible value of any kind.
    fn any(&mut self) -> (Ref, Kind) {
        let number = self.rng.below(self.visible.len());
        self.visible[number]
    }
}

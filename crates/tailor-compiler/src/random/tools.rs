//! The tools that random units are checked with: the optimiser and the backend as they are.

use super::check::Tools;
use super::functions;
use super::rng::Rng;
use crate::ir::Unit;
use crate::opt::{self, Options, Passes};

/// Which tools to hold against the IR interpreter, and how they are to work.
#[derive(Clone, Copy, Debug)]
pub struct Selection {
    /// Whether to optimise.
    pub optimise: bool,
    /// Which passes run; `None` if the seed says: all for every other unit, any for the others.
    pub passes: Option<Passes>,
    /// Whether to make machine code. (Where there is no backend, none is made.) Registers are chosen at random for every other unit.
    pub machine: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Selection { optimise: true, passes: None, machine: true }
    }
}

/// The passes that run for a seed.
pub fn passes(seed: u64) -> Passes {
    let mut rng = Rng::new(seed ^ 0x0b7);
    let mut passes = Passes::ALL;
    if rng.chance(50) {
        let Passes { fold, ranges, cse, heap, virtuals, guards, exits: _, peel, dce } = &mut passes;
        for pass in [fold, ranges, cse, heap, virtuals, guards, peel, dce] {
            *pass = rng.chance(65);
        }
    }
    // With it, guards can't be made to fail, which finds more.
    passes.exits = rng.chance(25);
    passes
}

/// Makes them.
pub fn tools(selection: Selection) -> Tools<'static> {
    let mut tools = Tools { passes: selection.passes, ..Tools::default() };
    if selection.optimise {
        let mut scratch = opt::Scratch::default();
        tools.optimise = Some(Box::new(move |unit, descriptors, seed| {
            let passes = selection.passes.unwrap_or_else(|| passes(seed));
            let options = Options { passes, is_lasting: (functions::is_lasting, 0), ..Options::default() };
            let mut out = Unit::default();
            opt::optimise(unit, descriptors, &options, &mut scratch, &mut out);
            out
        }));
    }
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if selection.machine {
        let mut native = native::Native::default();
        tools.machine = Some(Box::new(move |unit, world, arguments, seed| native.run(unit, world, arguments, seed)));
    }
    tools
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod native {
    use crate::backend::{self, Compiler, Machine, Run, run};
    use crate::interp::Outcome;
    use crate::ir::{LabelId, Unit};
    use crate::random::world::World;

    /// Code memory, in which the callees of the world that it was first used with lie.
    #[derive(Default)]
    pub struct Native {
        compiler: Compiler,
        machine: Option<Machine>,
    }

    impl Native {
        /// Compiles and runs a unit.
        ///
        /// # Panics
        /// If it cannot be compiled: random units are small.
        pub fn run(&mut self, unit: &Unit, world: &World, arguments: &[u64], seed: u64) -> Outcome {
            self.compiler.options = backend::Options { random: (seed % 2 == 1).then_some(seed) };
            self.compiler.check = true;
            if self.machine.is_none() {
                self.machine = Some(self.prepare(world));
            }
            let machine = self.machine.as_ref().expect("just prepared");
            let mut compile =
                |unit| self.compiler.compile(machine, unit, &world.descriptors).expect("random units are small");
            for linked in &world.linked {
                let code = compile(&linked.unit);
                let number = if linked.label == LabelId(0) { Some(0) } else { code.entry_of(linked.label) };
                machine.bind(linked.entry, &code, number.expect("exported labels are entries"));
            }
            let code = compile(unit);
            // SAFETY: random units are sound in their world.
            match unsafe { run(machine, &code, &world.descriptors, arguments) } {
                Run::Ended(outcome) => outcome,
                Run::Refused(exits) => panic!("an entry of a callee is not bound: {exits:?}"),
            }
        }

        fn prepare(&mut self, world: &World) -> Machine {
            let machine = Machine::new(world.runtime, 1 << 20).expect("a megabyte of code memory");
            for callee in &world.callees.units {
                let code = self.compiler.compile(&machine, callee, &world.descriptors).expect("callees are small");
                for export in &callee.exports {
                    let number = code.entry_of(export.label).expect("exported labels are entries");
                    machine.bind(export.entry, &code, number);
                }
            }
            machine
        }
    }
}

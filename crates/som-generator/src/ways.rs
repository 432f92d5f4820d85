//! Ways to execute a program, all of which must behave alike: the readings of the interpreter, and compiled code.
//!
//! # Terms
//! - *Way*: a reading of the interpreter with the parameters of the JIT, if it compiles, and the collector's modes.
//!   As text it reads as the environment and options that the program `som` would be given.
//!
//! Compiling is made eager, and other from program to program: with the usual thresholds, a random program would end
//! before anything was compiled. Passes are switched off, guards made to fail and limits made small at random, since
//! each combination takes paths that others don't; any is correct.

use std::fmt;

use som::Execution;

use crate::random::Random;

/// How a program is executed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The reading of the interpreter.
    pub execution: Execution,
    /// Parameters of the JIT; `None` if nothing is compiled.
    pub jit: Option<String>,
    /// Modes of the collector.
    pub collector: String,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.execution {
            Execution::Native => {}
            Execution::Jitcode => write!(f, "TAILOR_EXEC=jitcode ")?,
            Execution::JitcodeAsUnit => write!(f, "TAILOR_EXEC=jitcode-unit ")?,
        }
        if !self.collector.is_empty() {
            write!(f, "TAILOR_GC={} ", self.collector)?;
        }
        write!(f, "som")?;
        match &self.jit {
            Some(parameters) => write!(f, " --jit {parameters}"),
            None => Ok(()),
        }
    }
}

/// Set apart from the numbers that the program itself is made from.
const SALT: u64 = 0x6a69_745f_7761_7973;

/// One program in so many is executed in the black hole, which takes as long as all else.
const BLACK_HOLE: u64 = 4;

/// One compiled run in so many has thresholds that differ from place to place: all orders in which things may be compiled.
const SCATTERED: usize = 3;

/// The ways to execute the program of a seed, beside the native one. Of a hundred compiled runs, `stressed` collect at every few allocations.
pub fn ways(seed: u64, stressed: usize) -> Vec<Way> {
    let mut random = Random::new(seed ^ SALT);
    let both = random.chance(50);
    let mut ways = vec![
        compiled(if both { Tiers::Both } else { Tiers::Second }, &mut random, stressed),
        compiled(if both { Tiers::First } else { Tiers::Both }, &mut random, stressed),
    ];
    if seed.is_multiple_of(BLACK_HOLE) {
        let as_unit = (seed / BLACK_HOLE).is_multiple_of(2);
        let execution = if as_unit { Execution::JitcodeAsUnit } else { Execution::Jitcode };
        ways.push(Way { execution, ..Way::default() });
    }
    ways
}

/// What compiles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tiers {
    First,
    Second,
    Both,
}

fn compiled(tiers: Tiers, random: &mut Random, stressed: usize) -> Way {
    let mut parameters = vec!["budget=0".to_string(), "tier2_patience=1".to_string()];
    parameters.push(if tiers == Tiers::Second { "tier1=off".into() } else { "tier1=on".into() });
    parameters.push(if tiers == Tiers::First { "tier2=off".into() } else { "tier2=on".into() });
    let mut number = |name: &str, values: &[u32], random: &mut Random| {
        parameters.push(format!("{name}={}", random.pick(values)));
    };
    if random.below(SCATTERED) == 0 {
        number("threshold", &[4, 8, 20], random);
        number("function_threshold", &[4, 8, 20], random);
        number("tier1_threshold", &[1, 2, 4, 12], random);
        number("trace_eagerness", &[2, 4, 12], random);
        let seed = 1 + random.below(1 << 20) as u32;
        number("seed", &[seed], random);
    } else {
        number("threshold", &[1, 2, 3, 3, 5, 8, 20, 0], random);
        number("function_threshold", &[1, 2, 3, 5, 8, 20, 0], random);
        number("tier1_threshold", &[1, 1, 1, 2, 2, 4, 10], random);
        number("trace_eagerness", &[1, 1, 2, 2, 3, 8, 0], random);
    }
    if random.chance(30) {
        number("trace_limit", &[20, 60, 200, 1000], random);
    }
    if random.chance(30) {
        number("inline_depth", &[0, 1, 2, 5], random);
    }
    if random.chance(20) {
        number("bridge_limit", &[0, 1, 3, 10], random);
        number("branch_limit", &[0, 1, 50, 400], random);
    }
    if random.chance(20) {
        number("abort_limit", &[1, 100], random);
    }
    if random.chance(10) {
        // Room for some units: all code is thrown away now and then.
        number("code_limit", &[12 << 10, 32 << 10, 100 << 10], random);
    }
    if random.chance(10) {
        number("native_stack", &[1000, 10_000, 1 << 20], random);
    }
    if random.chance(50) {
        number("short_unit", &[0, 0, 20], random);
    }
    match random.below(10) {
        0..5 => {}
        5..8 => parameters.push(format!("passes=-{}", random.word(PASSES))),
        8 => parameters.push("passes=none".into()),
        _ => {
            let chosen: Vec<_> = PASSES.iter().filter(|_| random.chance(50)).copied().collect();
            parameters.push(format!("passes={}", if chosen.is_empty() { "none".into() } else { chosen.join(",") }));
        }
    }
    if random.chance(25) {
        parameters.push("fail_guards".into());
    }
    let collector = if random.chance(stressed) {
        let (stress, verify) = (random.pick(&[20, 50, 100, 500]), random.pick(&[10, 50, 200]));
        format!("stress={stress},verify={verify},seed={}", random.below(1000))
    } else {
        String::new()
    };
    Way { execution: Execution::Native, jit: Some(parameters.join(",")), collector }
}

/// The names of the optimiser's passes.
const PASSES: &[&str] = tailor_compiler::opt::Passes::NAMES;

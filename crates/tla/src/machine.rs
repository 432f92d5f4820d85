//! One run of a program: its memory, the start of the JIT, the outcome.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use tailor::engine::{Config, Jit, Log, Parameters, Runtime, Stats};
use tailor::{GuestStack, Heap, HeapConfig, jit};

use crate::interpreter::{Frame, Stopped, Vm, Why, interpret};
use crate::program::{FRAME, Program};

/// Words of the guest stack.
const STACK: usize = 1 << 20;

/// Which reading of the interpreter executes a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// Machine code, made by rustc, and by the JIT.
    #[default]
    Native,
    /// Jitcode: for tests, a hundred times slower.
    Jitcode,
}

impl FromStr for Reading {
    type Err = String;

    fn from_str(name: &str) -> Result<Reading, String> {
        match name {
            "" | "native" => Ok(Reading::Native),
            "jitcode" => Ok(Reading::Jitcode),
            _ => Err(format!("there is no reading '{name}'; use 'native' or 'jitcode'")),
        }
    }
}

/// How to run a program.
#[derive(Debug, Default)]
pub struct Options {
    /// By which reading.
    pub reading: Reading,
    /// The JIT's parameters.
    pub parameters: Parameters,
    /// What the JIT is to log.
    pub log: Log,
}

/// Where a program prints to.
pub struct Output {
    to: Box<dyn Write>,
    /// The first failure; nothing is written after it.
    failed: io::Result<()>,
}

impl Output {
    /// Prints a number, and ends the line.
    pub(crate) fn line(&mut self, value: i64) {
        if self.failed.is_ok() {
            self.failed = writeln!(self.to, "{value}");
        }
    }

    fn finish(self) -> io::Result<()> {
        let mut to = self.to;
        self.failed.and_then(|()| to.flush())
    }
}

/// Why a program did not run to its end.
#[derive(Debug)]
pub enum RunError {
    /// It has other parameters than were given.
    Arguments {
        /// How many it has.
        expected: usize,
        /// How many were given.
        given: usize,
    },
    /// It was stopped, at this line.
    Stopped(Why, usize),
    /// What it printed can't be written.
    Output(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Arguments { expected, given } => {
                write!(f, "main has {expected} parameters, and {given} arguments were given; pass them behind the file")
            }
            RunError::Stopped(Why::DivisionByZero, line) => {
                write!(f, "line {line}: division by zero; test the divisor before")
            }
            RunError::Stopped(Why::StackOverflow, line) => {
                write!(f, "line {line}: calls are nested too deeply; does the recursion end?")
            }
            RunError::Output(error) => write!(f, "what is printed can't be written: {error}"),
        }
    }
}

impl std::error::Error for RunError {}

/// Runs a program, which prints to `to`; what its main function returns, and what the JIT did, if it was on.
///
/// # Errors
/// See [`RunError`].
pub fn run(
    program: &Program,
    arguments: &[i64],
    options: Options,
    to: Box<dyn Write>,
) -> (Result<i64, RunError>, Option<Stats>) {
    // TLA has no objects; this is for the JIT's own references.
    let mut heap = Heap::new(HeapConfig::default());
    let describe = |greens: &[u64]| format!("instruction {}", greens[1]);
    let Options { reading, parameters, log } = options;
    let config = Config { runtime: Runtime::without_objects(), parameters, describe, log };
    let start = program.main().start;
    let mut stats = None;
    let result = with_machine(program, arguments, to, |vm, frame| match reading {
        Reading::Native => {
            // Where the JIT can't be started, programs are interpreted: slower, but the same.
            let _ = vm.jit.start(config, &mut heap);
            let result = interpret(vm, start, frame);
            stats = vm.jit.stats().cloned();
            result
        }
        // SAFETY: the arguments are those that the native reading gets.
        Reading::Jitcode => unsafe { jit::in_black_hole!(interpret(std::ptr::from_mut(vm), start, frame)) },
    });
    (result, stats)
}

/// Executes a program in some way: from its first frame on.
pub(crate) fn with_machine(
    program: &Program,
    arguments: &[i64],
    to: Box<dyn Write>,
    execute: impl FnOnce(&mut Vm, Frame) -> Result<i64, Stopped>,
) -> Result<i64, RunError> {
    let (expected, given) = (program.main().parameters, arguments.len());
    if given != expected {
        return Err(RunError::Arguments { expected, given });
    }
    let mut stack = vec![0_i64; STACK];
    // The first frame's link is 0.
    stack[1..=given].copy_from_slice(arguments);
    let base = stack.as_mut_ptr();
    let (code, limit) = (program.code().as_ptr(), base.wrapping_add(STACK - FRAME));
    let mut vm = Vm { code, limit, output: Output { to, failed: Ok(()) }, jit: Jit::default() };
    let result = execute(&mut vm, Frame(GuestStack::at(base.wrapping_add(1))));
    let result = result.map_err(|Stopped { why, pc }| RunError::Stopped(why, program.line(pc)));
    let written = vm.output.finish().map_err(RunError::Output);
    result.and_then(|value| written.map(|()| value))
}

//! Runs programs, and compares how their forms behave, and the ways to execute them.

use std::path::Path;

use som::errors::{ErrorKind, Unwind};
use som::{Config, Output, Vm};
use tailor::engine::{Log, Parameters};
use tailor_gc::HeapConfig;

use crate::ways::{Way, ways};
use crate::{Form, Limits, Program};

/// How a unit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this value, described.
    Value(String),
    /// With this error's message.
    Error(String),
    /// By `system exit:`.
    Exit(i32),
    /// The stack or the heap was used up.
    Exhausted,
}

/// What a unit did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitRun {
    /// What it printed.
    pub output: String,
    /// What it printed as errors, and the calls under way at the error that ended it. Depends on the form.
    pub errors: String,
    /// How it ended.
    pub ending: Ending,
}

/// Why a program shows a bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The VM rejects it.
    Rejected(String),
    /// Two forms behave differently, here described.
    Different(String),
    /// A way to execute it behaves differently from the native one, here described.
    Wrong(Way, String),
    /// Its files cannot be written.
    Io(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Rejected(why) => write!(f, "rejected: {why}"),
            Failure::Different(how) => write!(f, "forms differ: {how}"),
            Failure::Wrong(way, how) => {
                let kind = if way.jit.is_some() { "compiled" } else { "black hole" };
                write!(f, "{kind}: {way}: {how}")
            }
            Failure::Io(why) => write!(f, "{why}"),
        }
    }
}

/// Writes a program in one form to `directory`, and runs its units from there, natively.
///
/// # Errors
/// If the program cannot be written, or the VM rejects it.
pub fn run(program: &Program, form: Form, directory: &Path) -> Result<Vec<UnitRun>, Failure> {
    run_in(program, form, &Way::default(), directory)
}

/// The same, in some way.
///
/// # Errors
/// As for [`run`]; also if the way's texts are wrong.
pub fn run_in(program: &Program, form: Form, way: &Way, directory: &Path) -> Result<Vec<UnitRun>, Failure> {
    program.write(directory, form).map_err(|e| Failure::Io(format!("{}: {e}", directory.display())))?;
    let rejected = |e: &dyn std::fmt::Display| Failure::Rejected(e.to_string());
    let mut heap = heap(program);
    heap.set_modes(&way.collector).map_err(|e| rejected(&e))?;
    let config = Config {
        class_path: vec![directory.to_path_buf()],
        heap,
        stack_size: program.limits.stack,
        output: Output::captured(),
        execution: way.execution,
    };
    let mut vm = Vm::new(config).map_err(|e| rejected(&e))?;
    if let Some(parameters) = &way.jit {
        let parameters: Parameters = parameters.parse().map_err(|e| rejected(&e))?;
        let log = Log::open("").map_err(|e| rejected(&e))?;
        vm.compile(parameters, log);
    }
    let class = vm.class_named("Main").map_err(|e| rejected(&e))?;
    let class = vm.class_object(class);
    // Only a heap that is too small keeps an instance from being made.
    let Ok(main) = vm.send_named(class, "new", &[]) else { return Ok(Vec::new()) };
    // The host's own references are not seen by the collector, which a global is.
    let _ = vm.set_named_global("theMain", main);
    let mut runs = Vec::new();
    for unit in 1..=program.units {
        let (ending, traceback) = ending(&mut vm, &format!("unit{unit}"));
        let (output, errors) = vm.output().take();
        let stop = matches!(ending, Ending::Exit(_));
        runs.push(UnitRun { output, errors: errors + &traceback, ending });
        if stop {
            break;
        }
    }
    Ok(runs)
}

/// Verifying goes through the whole heap at each collection, so only small heaps are verified.
fn heap(program: &Program) -> HeapConfig {
    let Limits { heap, nursery, .. } = program.limits;
    HeapConfig { limit: heap, nursery, verify: heap <= 2 << 20, ..HeapConfig::default() }
}

/// How a unit ends, and the calls under way at the error, if it is one.
fn ending(vm: &mut Vm, unit: &str) -> (Ending, String) {
    let ending = match vm.evaluate("host", &format!("theMain {unit}")) {
        Ok(value) => Ending::Value(vm.describe(value)),
        Err(som::vm::EvalError::Unwind(Unwind::Exit(code))) => Ending::Exit(code),
        Err(som::vm::EvalError::Unwind(Unwind::Error(e))) => match e.kind {
            ErrorKind::StackOverflow | ErrorKind::OutOfMemory => Ending::Exhausted,
            _ => return (Ending::Error(e.message.clone()), e.traceback()),
        },
        Err(som::vm::EvalError::Source(e)) => Ending::Error(e.to_string()),
    };
    (ending, String::new())
}

/// Runs a program in its natural form, in other [ways](ways()), each of which is announced beforehand, and in another
/// form; and compares. Of a hundred compiled runs, `stressed` collect at every few allocations.
///
/// # Errors
/// How it shows a bug.
pub fn check(
    program: &Program,
    stressed: usize,
    directory: &Path,
    mut announce: impl FnMut(&Way),
) -> Result<(), Failure> {
    let natural = run(program, Form::InPlace, directory)?;
    for way in ways(program.seed, stressed) {
        announce(&way);
        let runs = run_in(program, Form::InPlace, &way, directory)?;
        compare(&natural, &runs, true).map_err(|how| Failure::Wrong(way, how))?;
    }
    announce(&Way::default());
    compare_forms(program, &natural, directory)
}

/// Runs a program in its natural form and in another, natively, and compares.
///
/// # Errors
/// How it shows a bug.
pub fn check_forms(program: &Program, directory: &Path) -> Result<(), Failure> {
    let natural = run(program, Form::InPlace, directory)?;
    compare_forms(program, &natural, directory)
}

fn compare_forms(program: &Program, natural: &[UnitRun], directory: &Path) -> Result<(), Failure> {
    let other = if program.seed.is_multiple_of(2) { Form::Sent } else { Form::Performed };
    let twin = run(program, other, directory)?;
    compare(natural, &twin, false).map_err(Failure::Different)
}

/// Compares runs of the same program.
fn compare(expected: &[UnitRun], got: &[UnitRun], with_errors: bool) -> Result<(), String> {
    for (i, (a, b)) in expected.iter().zip(got).enumerate() {
        // Forms use different amounts of stack and heap, as does compiled code, so that one may be exhausted earlier,
        // and things differ from then on.
        if a.ending == Ending::Exhausted || b.ending == Ending::Exhausted {
            return if is_prefix(a, b) { Ok(()) } else { Err(different(i, a, b)) };
        }
        if a.output != b.output || a.ending != b.ending || with_errors && a.errors != b.errors {
            return Err(different(i, a, b));
        }
    }
    Ok(())
}

/// Whether the one that was exhausted printed no more and nothing else than the other.
fn is_prefix(a: &UnitRun, b: &UnitRun) -> bool {
    let a_is_shorter = a.ending == Ending::Exhausted && b.output.starts_with(&a.output);
    let b_is_shorter = b.ending == Ending::Exhausted && a.output.starts_with(&b.output);
    a_is_shorter || b_is_shorter
}

fn different(unit: usize, a: &UnitRun, b: &UnitRun) -> String {
    let same = |x: &str, y: &str| x.lines().zip(y.lines()).take_while(|(x, y)| x == y).count();
    let (common, in_errors) = (same(&a.output, &b.output), same(&a.errors, &b.errors));
    let rest = |run: &UnitRun| {
        let next: Vec<_> = run.output.lines().skip(common).take(3).collect();
        let errors: Vec<_> = run.errors.lines().skip(in_errors).take(3).collect();
        format!("{next:?} ... {:?} {errors:?}", run.ending)
    };
    let unit = unit + 1;
    format!("unit{unit}, after {common} equal lines:\n  expected: {}\n  got:      {}", rest(a), rest(b))
}

//! Runs programs, and compares how their forms behave.

use std::path::Path;

use som::errors::{ErrorKind, Unwind};
use som::{Config, Execution, Output, Vm};
use tailor_gc::HeapConfig;

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
    /// Its files cannot be written.
    Io(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Rejected(why) => write!(f, "rejected: {why}"),
            Failure::Different(how) => write!(f, "forms differ: {how}"),
            Failure::Io(why) => write!(f, "{why}"),
        }
    }
}

/// Writes a program in one form to `directory`, and runs its units from there.
///
/// # Errors
/// If the program cannot be written, or the VM rejects it.
pub fn run(program: &Program, form: Form, directory: &Path) -> Result<Vec<UnitRun>, Failure> {
    program.write(directory, form).map_err(|e| Failure::Io(format!("{}: {e}", directory.display())))?;
    let config = Config {
        class_path: vec![directory.to_path_buf()],
        heap: heap(program),
        stack_size: program.limits.stack,
        output: Output::captured(),
        execution: Execution::Native,
    };
    let mut vm = Vm::new(config).map_err(|e| Failure::Rejected(e.to_string()))?;
    let class = vm.class_named("Main").map_err(|e| Failure::Rejected(e.to_string()))?;
    let class = vm.class_object(class);
    // Only a heap that is too small keeps an instance from being made.
    let Ok(main) = vm.send_named(class, "new", &[]) else { return Ok(Vec::new()) };
    // The host's own references are not seen by the collector, which a global is.
    let _ = vm.set_named_global("theMain", main);
    let mut runs = Vec::new();
    for unit in 1..=program.units {
        let ending = ending(&mut vm, &format!("unit{unit}"));
        let (output, _) = vm.output().take();
        let stop = matches!(ending, Ending::Exit(_));
        runs.push(UnitRun { output, ending });
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

fn ending(vm: &mut Vm, unit: &str) -> Ending {
    match vm.evaluate("host", &format!("theMain {unit}")) {
        Ok(value) => Ending::Value(vm.describe(value)),
        Err(som::vm::EvalError::Unwind(Unwind::Exit(code))) => Ending::Exit(code),
        Err(som::vm::EvalError::Unwind(Unwind::Error(e))) => match e.kind {
            ErrorKind::StackOverflow | ErrorKind::OutOfMemory => Ending::Exhausted,
            _ => Ending::Error(e.message),
        },
        Err(som::vm::EvalError::Source(e)) => Ending::Error(e.to_string()),
    }
}

/// Runs a program in its natural form and in another, and compares.
///
/// # Errors
/// How it shows a bug.
pub fn check(program: &Program, directory: &Path) -> Result<(), Failure> {
    let other = if program.seed.is_multiple_of(2) { Form::Sent } else { Form::Performed };
    let natural = run(program, Form::InPlace, directory)?;
    let twin = run(program, other, directory)?;
    for (i, (a, b)) in natural.iter().zip(&twin).enumerate() {
        // Forms use different amounts of stack and heap, so that one may be exhausted earlier, and things differ from
        // then on.
        if a.ending == Ending::Exhausted || b.ending == Ending::Exhausted {
            if is_prefix(a, b) {
                return Ok(());
            }
            return Err(different(i, a, b));
        }
        if a != b {
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

fn different(unit: usize, a: &UnitRun, b: &UnitRun) -> Failure {
    let common = a.output.lines().zip(b.output.lines()).take_while(|(x, y)| x == y).count();
    let rest = |run: &UnitRun| {
        let next: Vec<_> = run.output.lines().skip(common).take(3).collect();
        format!("{next:?} ... {:?}", run.ending)
    };
    let unit = unit + 1;
    Failure::Different(format!(
        "unit{unit}, after {common} equal lines:\n  in place: {}\n  sent:     {}",
        rest(a),
        rest(b)
    ))
}

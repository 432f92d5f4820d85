//! The command line: options, and what is done with them.

mod repl;
mod size;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use som::bytecode::disassemble;
use som::errors::{ErrorKind, LoadError, RuntimeError, Unwind};
use som::interpreter::UnknownExecution;
use som::syntax::{Source, parse_class};
use som::vm::{DEFAULT_STACK_SIZE, EvalError};
use som::{Config, Output, Vm};
#[cfg(feature = "jit")]
use tailor::engine::{Log, LogError, Parameters};
use tailor_gc::HeapConfig;

/// Stack of the thread that everything runs in, in bytes.
pub const NATIVE_STACK: usize = 256 << 20;
/// A run-time error ended the program.
const EXIT_ERROR: u8 = 1;
/// The command line is wrong.
const EXIT_USAGE: u8 = 2;
/// A class cannot be found or loaded.
const EXIT_LOAD: u8 = 3;
/// Something that should not happen.
pub const EXIT_BUG: u8 = 70;

/// SOM, the Simple Object Machine.
///
/// Runs the program in FILE (a class with a method `run` or `run:`), or the class of that name on the class path. Without a
/// program, starts an interactive session.
#[derive(Parser, Debug)]
#[command(
    name = "som",
    version,
    after_help = "Examples:
  som examples/Hello.som
  som -cp lib:more Main 10 20
  som -e \"(3 + 4) println\"
  som --disassemble 'Hello>>run' examples/Hello.som

Environment:
  TAILOR_GC=stress,verify  collect at every allocation; check the whole heap after each collection
  TAILOR_GC=stress=N,verify=N,seed=S  the same at one allocation in N, and after one collection in N, on average;
                           another seed makes it others
  TAILOR_EXEC=jitcode      execute the interpreter's jitcode instead of its machine code (slow; for tests)
  TAILOR_EXEC=jitcode-unit the same, as compiled code takes it
  TAILOR_LOG=trace,opt,asm,exits:FILE
                           write what the JIT compiler does to a file, or to standard error"
)]
struct Options {
    /// Directories to search for classes, separated by colons; the core library is found without
    #[arg(short = 'c', long = "class-path", visible_alias = "cp", value_name = "DIR:DIR")]
    class_path: Option<String>,

    /// Evaluate an expression, and print its value unless it is nil
    #[arg(short, long, value_name = "EXPR")]
    evaluate: Option<String>,

    /// Show the bytecode of the program's class, or of one method, instead of running it
    #[arg(long, value_name = "Class>>selector", num_args = 0..=1, require_equals = false, default_missing_value = "")]
    disassemble: Option<String>,

    /// Show the interpreter's jitcode: that of the functions whose names contain NAME, or all
    #[cfg(feature = "jit")]
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    dump_jitcode: Option<String>,

    /// Parameters of the JIT compiler, such as threshold=100,trace_limit=5000, or off to interpret only
    #[cfg(feature = "jit")]
    #[arg(long, value_name = "NAME=VALUE,...")]
    jit: Option<Parameters>,

    /// At the end, say what the JIT compiler did
    #[cfg(feature = "jit")]
    #[arg(long)]
    jit_stats: bool,

    /// Only check the syntax of the given files
    #[arg(long)]
    parse_only: bool,

    /// The most memory that objects may take, such as 512M or 2G
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    heap_size: Option<usize>,

    /// Memory for nested calls, such as 64M
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    stack_size: Option<usize>,

    /// At the end, say what the collector did
    #[arg(long)]
    gc_stats: bool,

    /// Say what is being done, and how long it took
    #[arg(short, long)]
    verbose: bool,

    /// The program, and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FILE|CLASS")]
    program: Vec<String>,
}

/// SOM's programs have always had `-cp`, which is not in the form that clap knows. Arguments behind the program are its own.
fn arguments() -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let mut i = 1;
    while i < arguments.len() && arguments[i].to_str().is_some_and(|a| a.starts_with('-')) {
        if arguments[i] == "-cp" {
            arguments[i] = "--class-path".into();
        }
        let takes_value = ["-c", "-e", "--class-path", "--evaluate", "--heap-size", "--stack-size", "--jit"]
            .iter()
            .any(|option| arguments[i] == *option)
            || arguments[i] == "--disassemble"
                && arguments.get(i + 1).and_then(|a| a.to_str()).is_some_and(|a| a.contains(">>"));
        i += if takes_value { 2 } else { 1 };
    }
    arguments
}

/// Runs the program that the command line asks for; returns the exit code.
pub fn main() -> u8 {
    let options = Options::parse_from(arguments());
    // Arguments of the program may look like options, so clap takes an unknown option for the program.
    if let Some(unknown) = options.program.first().filter(|p| p.starts_with('-')) {
        eprintln!("som: there is no option '{unknown}'; --help lists those there are");
        return EXIT_USAGE;
    }
    if options.parse_only {
        return parse_only(&options.program);
    }
    #[cfg(feature = "jit")]
    if let Some(name) = &options.dump_jitcode {
        return dump_jitcode(name);
    }
    let started = Instant::now();
    let config = match config(&options) {
        Ok(config) => config,
        Err(e) => {
            eprintln!("som: {e}");
            return EXIT_USAGE;
        }
    };
    let mut vm = match Vm::new(config) {
        Ok(vm) => vm,
        Err(e) => return report_load(&e),
    };
    if options.verbose {
        eprintln!("som: ready after {:.2} ms", started.elapsed().as_secs_f64() * 1e3);
    }
    #[cfg(feature = "jit")]
    if let Err(e) = compile(&mut vm, &options) {
        eprintln!("som: {e}");
        return EXIT_USAGE;
    }
    let code = dispatch(&mut vm, &options);
    vm.flush();
    #[cfg(feature = "jit")]
    if options.jit_stats
        && let Some(stats) = vm.jit_stats()
    {
        eprint!("{stats}");
    }
    if options.gc_stats {
        eprint!("{}", gc_report(&vm));
    }
    if options.verbose {
        let stats = vm.heap_stats();
        eprintln!(
            "som: done after {:.2} ms, {} bytes allocated, {} collections in {:.2} ms",
            started.elapsed().as_secs_f64() * 1e3,
            stats.allocated_bytes,
            stats.collections,
            stats.pause_ns as f64 / 1e6
        );
    }
    // The process ends, and the system takes its memory back at once: freeing it bit by bit is a sixth of what a small program takes.
    std::mem::forget(vm);
    code
}

/// Makes the VM compile, as the options and the environment say.
#[cfg(feature = "jit")]
fn compile(vm: &mut Vm, options: &Options) -> Result<(), LogError> {
    let log = Log::open(&std::env::var("TAILOR_LOG").unwrap_or_default())?;
    vm.compile(options.jit.clone().unwrap_or_default(), log);
    Ok(())
}

#[cfg(feature = "jit")]
fn dump_jitcode(name: &str) -> u8 {
    match som::interpreter::jitcode(name) {
        Some(text) => {
            let mut output = Output::process();
            output.print(&text);
            output.flush();
            0
        }
        None => {
            eprintln!("som: no function of the interpreter has '{name}' in its name; --dump-jitcode alone lists all");
            EXIT_USAGE
        }
    }
}

fn gc_report(vm: &Vm) -> String {
    let stats = vm.heap_stats();
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let ms = |ns: u64| ns as f64 / 1e6;
    format!(
        "collections:      {} ({} full), {:.2} ms in all\n\
         longest pause:    {:.2} ms (nursery), {:.2} ms (full)\n\
         allocated:        {:.1} MiB\n\
         survived nursery: {:.1} MiB; moved by full collections: {:.1} MiB; pinned: {} objects\n\
         heap:             {:.1} MiB at most\n",
        stats.collections,
        stats.full_collections,
        ms(stats.pause_ns),
        ms(stats.max_minor_pause_ns),
        ms(stats.max_full_pause_ns),
        mib(stats.allocated_bytes),
        mib(stats.promoted_bytes),
        mib(stats.evacuated_bytes),
        stats.pinned_objects,
        mib(stats.peak_heap_bytes.max(stats.heap_bytes)),
    )
}

fn config(options: &Options) -> Result<Config, String> {
    let class_path = options.class_path.as_deref().unwrap_or_default();
    let mut heap = HeapConfig::default();
    if let Some(limit) = options.heap_size {
        heap.limit = limit;
    }
    let modes = std::env::var_os("TAILOR_GC").unwrap_or_default();
    heap.set_modes(&modes.to_string_lossy()).map_err(|e| format!("TAILOR_GC: {e}"))?;
    let execution = std::env::var_os("TAILOR_EXEC").unwrap_or_default();
    let execution = execution.to_string_lossy().parse().map_err(|e: UnknownExecution| format!("TAILOR_EXEC: {e}"))?;
    Ok(Config {
        class_path: class_path.split(':').filter(|d| !d.is_empty()).map(PathBuf::from).collect(),
        heap,
        stack_size: options.stack_size.unwrap_or(DEFAULT_STACK_SIZE),
        output: Output::process(),
        execution,
    })
}

fn dispatch(vm: &mut Vm, options: &Options) -> u8 {
    if let Some(method) = &options.disassemble {
        return show_bytecode(vm, method, options.program.first().map(String::as_str));
    }
    if let Some(code) = &options.evaluate {
        return evaluate(vm, code);
    }
    match options.program.split_first() {
        Some((program, args)) => run(vm, program, args, options.verbose),
        None => repl::run(vm),
    }
}

/// Whether a program argument is meant as a path. SOM's programs may leave out the `.som`.
fn is_path(program: &str) -> bool {
    program.ends_with(".som") || program.contains('/')
}

/// The class that a program argument names: a path puts its directory on the class path.
fn program_class(vm: &mut Vm, program: &str) -> String {
    if !is_path(program) {
        return program.to_string();
    }
    let path = Path::new(program);
    let directory = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    vm.add_class_path(directory.to_path_buf());
    path.file_stem().map_or_else(|| program.to_string(), |stem| stem.to_string_lossy().into_owned())
}

fn run(vm: &mut Vm, program: &str, args: &[String], verbose: bool) -> u8 {
    if is_path(program) && !Path::new(program).with_extension("som").is_file() {
        eprintln!("som: there is no file '{program}'");
        return EXIT_LOAD;
    }
    let class = program_class(vm, program);
    if let Err(e) = vm.class_named(&class) {
        return report_load(&e);
    }
    if verbose {
        eprintln!("som: running {class}");
    }
    let result = vm.run_program(&class, args);
    finish(vm, result.map(|_| ()))
}

/// Reports how a program ended.
fn finish(vm: &mut Vm, result: Result<(), Unwind>) -> u8 {
    match result {
        Ok(()) => 0,
        // The operating system keeps the low byte.
        Err(Unwind::Exit(code)) => code as u8,
        Err(Unwind::Error(e)) => {
            report_error(vm, &e);
            if e.kind == ErrorKind::Load { EXIT_LOAD } else { EXIT_ERROR }
        }
    }
}

/// Errors raised with `error:` go to standard output, as in every SOM; all others to standard error, with the trace.
fn report_error(vm: &mut Vm, error: &RuntimeError) {
    if error.kind == ErrorKind::User {
        vm.output().print_error(&error.traceback());
        vm.output().print(&format!("\n{}\n", error.message));
    } else {
        vm.output().print_error(&format!("{error}\n"));
    }
}

fn report_load(error: &LoadError) -> u8 {
    eprintln!("{error}");
    EXIT_LOAD
}

fn evaluate(vm: &mut Vm, code: &str) -> u8 {
    let value = match vm.evaluate("-e", code) {
        Ok(value) => value,
        Err(EvalError::Source(e)) => return report_load(&e),
        Err(EvalError::Unwind(unwind)) => return finish(vm, Err(unwind)),
    };
    if value == vm.nil() {
        return 0;
    }
    let shown = repl::printed(vm, value).map(|text| vm.output().print(&format!("{text}\n")));
    finish(vm, shown)
}

fn parse_only(files: &[String]) -> u8 {
    let mut failed = false;
    for file in files {
        let parsed = std::fs::read(file)
            .map_err(|e| LoadError::Io(file.clone(), e))
            .and_then(|bytes| Source::from_bytes(file.clone(), bytes).map_err(|d| LoadError::Source(vec![d])))
            .and_then(|source| parse_class(&source).map_err(LoadError::Source));
        if let Err(e) = parsed {
            report_load(&e);
            failed = true;
        }
    }
    if failed { EXIT_LOAD } else { 0 }
}

fn show_bytecode(vm: &mut Vm, wanted: &str, program: Option<&str>) -> u8 {
    // With a value that names no method, the option has taken the program's name.
    let (method, program) = match wanted.split_once(">>") {
        Some(_) => (wanted.split_once(">>"), program),
        None => (None, if wanted.is_empty() { program } else { Some(wanted) }),
    };
    let class = program.map(|p| program_class(vm, p));
    let Some(class) = method.map(|(c, _)| c.to_string()).or(class) else {
        eprintln!("som: --disassemble needs a class, a file, or Class>>selector");
        return EXIT_USAGE;
    };
    let (class, side) = match class.strip_suffix(" class") {
        Some(class) => (class.to_string(), 1),
        None => (class, 0),
    };
    let id = match vm.class_named(&class) {
        Ok(id) => id,
        Err(e) => return report_load(&e),
    };
    let methods = if method.is_some() {
        if side == 0 { vm.class_info(id).methods.clone() } else { vm.metaclass_info(id).methods.clone() }
    } else {
        vm.class_info(id).methods.iter().chain(&vm.metaclass_info(id).methods).copied().collect()
    };
    let mut found = false;
    for m in methods {
        if method.is_none_or(|(_, selector)| m.selector().as_str() == selector) {
            found = true;
            if let Err(e) = vm.make_executable(m) {
                eprintln!("{e}");
                return EXIT_LOAD;
            }
            let text = disassemble(vm, m);
            vm.output().print(&format!("{text}\n"));
        }
    }
    if !found {
        eprintln!("som: there is no method {wanted}");
        return EXIT_USAGE;
    }
    0
}

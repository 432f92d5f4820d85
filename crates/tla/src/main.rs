//! The program `tla`: runs a program of the tiny teaching language.
//!
//! Exit codes: 0; 1 after a run-time error; 2 if the command line or the program is wrong.

use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tailor::engine::{Log, Parameters};
use tla::assembler::assemble;
use tla::classic::{self, TooLong, traverse};
use tla::machine::{Options, run};
use tla::program::Program;
use tla::threaded::walk;

/// TLA, a tiny teaching language: runs the program in FILE.
#[derive(Parser, Debug)]
#[command(name = "tla", version, after_help = EXPLANATION)]
struct Arguments {
    /// Parameters of the JIT compiler, such as threshold=100,budget=0, or off to interpret only
    #[arg(long, value_name = "NAME=VALUE,...")]
    jit: Option<Parameters>,

    /// At the end, say what the JIT compiler did
    #[arg(long)]
    jit_stats: bool,

    /// Show the program's threaded code instead of running it
    #[arg(long, value_enum)]
    show: Option<Form>,

    /// The program
    file: PathBuf,

    /// Numbers for its main function
    #[arg(allow_negative_numbers = true)]
    arguments: Vec<i64>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Form {
    /// The literature's trace through all paths
    Trace,
    /// What is cut and stitched from it
    Classic,
    /// All paths, each instruction once
    Direct,
}

const EXPLANATION: &str = "The language, one instruction a line, # begins a comment:
  function NAME PARAMETER ...   begins a function; `main` is called first
  local NAME                    a local variable, 0 at first; before all instructions
  NAME:                         a label
  const N, load NAME            push a number, a parameter or a local
  store NAME, pop, dup          move the top to a parameter or local; drop it; push it again
  add sub mul div rem lt eq     replace the two uppermost by the result
  jump LABEL, jump_if LABEL     jump; jump if the top is not 0
  call NAME, return, print      call a function; leave it with the top; print the top

Environment:
  TAILOR_EXEC=jitcode           execute the interpreter's jitcode (slow; for tests)
  TAILOR_LOG=trace,opt,asm,exits:FILE
                                write what the JIT compiler does to a file, or to standard error";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (code, complaint) = match execute(&arguments) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    eprintln!("tla: {complaint}");
    ExitCode::from(code)
}

/// Why it failed, with the exit code.
fn execute(arguments: &Arguments) -> Result<(), (u8, String)> {
    let file = arguments.file.display();
    let wrong = |what: String| (2, what);
    let text = std::fs::read_to_string(&arguments.file).map_err(|e| wrong(format!("{file} can't be read: {e}")))?;
    let program = assemble(&text).map_err(|e| wrong(format!("{file}: {e}")))?;
    if let Some(form) = arguments.show {
        return show(&program, form).map_err(|e| (1, format!("{file}: {e}")));
    }
    let environment = |name| std::env::var(name).unwrap_or_default();
    let options = Options {
        reading: environment("TAILOR_EXEC").parse().map_err(|e| wrong(format!("TAILOR_EXEC: {e}")))?,
        parameters: arguments.jit.clone().unwrap_or_default(),
        log: Log::open(&environment("TAILOR_LOG")).map_err(|e| wrong(e.to_string()))?,
    };
    let output = Box::new(BufWriter::new(io::stdout()));
    let (result, stats) = run(&program, &arguments.arguments, options, output);
    if let Some(stats) = stats.filter(|_| arguments.jit_stats) {
        eprint!("{stats}");
    }
    result.map(|_| ()).map_err(|e| (1, format!("{file}: {e}")))
}

fn show(program: &Program, form: Form) -> Result<(), TooLong> {
    for function in program.functions() {
        let listing = match form {
            Form::Trace => traverse(program, function)?.to_string(),
            Form::Classic => classic::compile(program, function)?.to_string(),
            Form::Direct => walk(program, function).to_string(),
        };
        println!("{}:\n{listing}", function.name);
    }
    Ok(())
}

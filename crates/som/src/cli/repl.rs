//! The interactive session.
//!
//! Each input is a sequence of statements; the value of the last is printed and kept in the global `it`. An input that is not
//! complete yet continues on the next line. Errors are reported and the session goes on. History is kept between sessions.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use som::errors::Unwind;
use som::syntax::{Source, is_incomplete, parse_snippet};
use som::vm::EvalError;
use som::{Value, Vm};

use super::{EXIT_ERROR, report_error};

const HELP: &str = "Statements are evaluated; the value of the last one is printed, and kept as `it`.
Variables need no declaration, and stay. An incomplete input goes on in the next line. :help shows this, :quit or Ctrl-D ends the session.";

/// What an input led to.
enum Next {
    Continue { failed: bool },
    Exit(u8),
}

/// Runs a session on standard input; returns the exit code.
pub fn run(vm: &mut Vm) -> u8 {
    if std::io::stdin().is_terminal() { interactive(vm) } else { piped(vm) }
}

/// Without a person there is nothing to prompt for: the whole input is evaluated, and a failure is the exit code.
fn piped(vm: &mut Vm) -> u8 {
    let mut code = Vec::new();
    if let Err(e) = std::io::stdin().read_to_end(&mut code) {
        eprintln!("som: can't read standard input: {e}");
        return EXIT_ERROR;
    }
    match input(vm, &String::from_utf8_lossy(&code)) {
        Next::Continue { failed } => u8::from(failed),
        Next::Exit(code) => code,
    }
}

fn history_file() -> Option<PathBuf> {
    let directory = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?
        .join("som");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("history"))
}

fn interactive(vm: &mut Vm) -> u8 {
    let mut editor = match DefaultEditor::new() {
        Ok(editor) => editor,
        Err(e) => {
            eprintln!("som: can't use the terminal: {e}");
            return EXIT_ERROR;
        }
    };
    let history = history_file();
    if let Some(file) = &history {
        // The first session has no history yet.
        let _ = editor.load_history(file);
    }
    println!("SOM {}. Type :help for help.", env!("CARGO_PKG_VERSION"));
    let mut pending = String::new();
    let code = loop {
        let line = match editor.readline(if pending.is_empty() { "som> " } else { "...> " }) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                pending.clear();
                continue;
            }
            Err(ReadlineError::Eof) => break 0,
            Err(e) => {
                eprintln!("som: can't read from the terminal: {e}");
                break EXIT_ERROR;
            }
        };
        match line.trim() {
            ":help" => {
                println!("{HELP}");
                continue;
            }
            ":quit" => break 0,
            "" if pending.is_empty() => continue,
            _ => {}
        }
        // An empty line ends an input even if more seems to be missing.
        let done = line.trim().is_empty();
        pending.push_str(&line);
        pending.push('\n');
        if !done && parse_snippet(&Source::new("input", pending.as_str())).is_err_and(|d| is_incomplete(&d)) {
            continue;
        }
        let code = std::mem::take(&mut pending);
        // Only a full memory can keep an entry out; the session is not the worse for it.
        let _ = editor.add_history_entry(code.trim_end());
        if let Next::Exit(code) = input(vm, &code) {
            break code;
        }
    };
    if let Some(file) = &history
        && let Err(e) = editor.save_history(file)
    {
        eprintln!("som: can't keep the history: {e}");
    }
    code
}

fn input(vm: &mut Vm, code: &str) -> Next {
    let result = vm.evaluate("input", code).and_then(|value| show(vm, value).map_err(EvalError::Unwind));
    let next = match result {
        Ok(()) => Next::Continue { failed: false },
        Err(EvalError::Source(e)) => {
            vm.flush();
            eprintln!("{e}");
            Next::Continue { failed: true }
        }
        Err(EvalError::Unwind(Unwind::Exit(code))) => Next::Exit(code as u8),
        Err(EvalError::Unwind(Unwind::Error(e))) => {
            report_error(vm, &e);
            Next::Continue { failed: true }
        }
    };
    vm.flush();
    next
}

/// Prints a value and keeps it as `it`.
fn show(vm: &mut Vm, value: Value) -> Result<(), Unwind> {
    vm.set_named_global("it", value)?;
    if value != vm.nil() {
        let text = printed(vm, value)?;
        vm.output().print(&format!("{text}\n"));
    }
    Ok(())
}

/// How a value presents itself: strings and symbols as literals, others by `asString`.
pub fn printed(vm: &mut Vm, value: Value) -> Result<String, Unwind> {
    if vm.text_of(value).is_some() {
        return Ok(vm.describe(value));
    }
    let text = vm.send_named(value, "asString", &[])?;
    Ok(match vm.text_of(text) {
        Some(text) => text.to_string(),
        None => vm.describe(value),
    })
}

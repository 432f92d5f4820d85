//! The `som` program: a thin layer over the library.
//!
//! Exit codes: what the program passed to `system exit:`; 1 after a run-time error; 2 if the command line is wrong; 3 if a class
//! cannot be found or loaded.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The parser and the compiler recurse over nested source; its depth is bounded, and this stack holds the bound.
    let worker = std::thread::Builder::new().stack_size(cli::NATIVE_STACK).spawn(cli::main);
    match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(_)) => ExitCode::from(cli::EXIT_BUG),
        Err(e) => {
            eprintln!("som: can't start a thread: {e}");
            ExitCode::from(cli::EXIT_BUG)
        }
    }
}

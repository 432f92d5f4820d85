//! Programs with what is expected of them, and running them.

#![allow(dead_code)] // Each test uses what it needs.

pub mod random;

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use tailor::engine::{Log, Stats};
use tla::assembler::assemble;
use tla::machine::{self, Options, Reading, RunError};
use tla::program::Program;

/// What a program's head comment says.
pub struct Expected {
    pub arguments: Vec<i64>,
    /// What it prints, and then its error.
    pub outcome: String,
}

/// All programs, with their names.
pub fn programs() -> Vec<(String, Program, Expected)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    let files = directory.read_dir().expect("the programs are there").map(|entry| entry.expect("it is there").path());
    let program = |file: std::path::PathBuf| {
        let name = file.file_name().expect("it is a file").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("it can be read");
        let program = assemble(&text).unwrap_or_else(|mistake| panic!("{name}: {mistake}"));
        let said = |what: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(what)?.strip_prefix(": "));
            line.unwrap_or_default()
        };
        let numbers = |what: &str| said(what).split_whitespace().collect::<Vec<_>>();
        let lines = numbers("prints").into_iter().chain(Some(said("fails")).filter(|error| !error.is_empty()));
        let outcome: String = lines.map(|line| format!("{line}\n")).collect();
        assert!(!outcome.is_empty(), "{name}: its head comment says nothing");
        let arguments = numbers("arguments").into_iter().map(|word| word.parse().expect("a number")).collect();
        (name, program, Expected { arguments, outcome })
    };
    let mut programs: Vec<_> = files.map(program).collect();
    programs.sort_by(|(left, ..), (right, ..)| left.cmp(right));
    assert!(programs.len() > 5, "programs are missing");
    programs
}

/// What a program prints is kept.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is printed, with the error behind, if there is one.
pub fn kept(run: impl FnOnce(Box<dyn Write>) -> Result<i64, RunError>) -> String {
    let kept = Kept::default();
    let result = run(Box::new(kept.clone()));
    let mut outcome = String::from_utf8(kept.0.take()).expect("numbers are text");
    if let Err(error) = result {
        outcome.push_str(&format!("{error}\n"));
    }
    outcome
}

/// What a program prints, and what the JIT did.
pub fn run(program: &Program, arguments: &[i64], reading: Reading, parameters: &str) -> (String, Option<Stats>) {
    run_logging(program, arguments, reading, parameters, Log::default())
}

/// The same, with a log.
pub fn run_logging(
    program: &Program,
    arguments: &[i64],
    reading: Reading,
    parameters: &str,
    log: Log,
) -> (String, Option<Stats>) {
    let parameters = parameters.parse().expect("parameters are right");
    let options = Options { reading, parameters, log };
    let mut stats = None;
    let outcome = kept(|to| {
        let (result, done) = machine::run(program, arguments, options, to);
        stats = done;
        result
    });
    (outcome, stats)
}

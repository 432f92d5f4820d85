//! Random functions, recorded on the tape, against an evaluator of the trees they were recorded from: what all passes from the tape to the black hole must preserve.
//!
//! | module | idea |
//! |---|---|
//! | [`tree`] | programs as trees, and how to make them up |
//! | [`record`] | a tree, recorded on the tape |
//! | [`evaluate`] | a tree, evaluated directly |
//!
//! Each function is run in the black hole at once, then interrupted before every instruction and resumed with its live values only, all other registers being
//! filled with garbage. Result or panic, memory, and the calls of residual functions must agree.

mod evaluate;
mod record;
mod tree;

use std::cell::RefCell;

use crate::black_hole::{Mode, run, run_in_pieces};
use crate::function::JitFunction;
use tree::{MEMORY, Program};

/// What a run did.
#[derive(Clone, Debug, PartialEq)]
struct Behaviour {
    result: Result<Vec<u64>, String>,
    memory: Vec<u64>,
    log: Vec<u64>,
}

thread_local! {
    static LOG: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Runs the program's last function in the black hole; interrupted at each instruction if `stepwise`.
fn behaviour(functions: &[&'static JitFunction], arguments: &[u64], stepwise: bool) -> Behaviour {
    let function = functions[functions.len() - 1];
    let mut memory = vec![0_u64; MEMORY];
    let words: Vec<u64> = std::iter::once(memory.as_mut_ptr() as u64).chain(arguments.iter().copied()).collect();
    LOG.take();
    // SAFETY: the function's arguments are the address of enough memory, and integers; interrupted frames are resumed as they are.
    let result = std::panic::catch_unwind(|| unsafe {
        if stepwise {
            run_in_pieces(function, &words, Mode::Throughout, 1)
        } else {
            run(function, &words, Mode::Throughout)
        }
    });
    let result = result.map_err(|payload| match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(_) => "a payload that is no message".to_owned(),
    });
    Behaviour { result, memory, log: LOG.take() }
}

/// Checks one program with some arguments.
fn check(seed: u64) {
    let mut random = tree::Random::new(seed);
    let program = Program::random(&mut random);
    let functions = record::functions(&program);
    for _ in 0..4 {
        let arguments = [random.interesting(), random.interesting(), random.next() % 16];
        let expected = evaluate::program(&program, &arguments);
        for stepwise in [false, true] {
            let actual = behaviour(&functions, &arguments, stepwise);
            if actual != expected {
                for function in &functions {
                    eprintln!("{}", crate::code::dump(function.code()));
                }
                panic!(
                    "seed {seed}, arguments {arguments:?}, stepwise {stepwise}\n{program:#?}\nexpected {expected:?}\nbut got {actual:?}"
                );
            }
        }
    }
}

/// How many programs the test checks; the environment variable `TAILOR_RANDOM_FUNCTIONS` says otherwise.
const PROGRAMS: u64 = 1000;

#[test]
fn random_functions_behave_as_their_trees() {
    let hook = std::panic::take_hook();
    // Panics of random functions are expected by the thousand.
    std::panic::set_hook(Box::new(move |info| {
        if !info.location().is_some_and(|location| location.file().ends_with("black_hole/panics.rs")) {
            hook(info);
        }
    }));
    let count = std::env::var("TAILOR_RANDOM_FUNCTIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(PROGRAMS);
    let first = std::env::var("TAILOR_RANDOM_FIRST").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    for seed in first..first + count {
        check(seed);
    }
}

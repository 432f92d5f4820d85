//! How good machine code is: hand-written units (`kernels/*.unit`), optimised and compiled, against Rust that makes the same checks, compiled with -O. Both run side by side in one
//! process, in turn; medians of CPU time.
//!
//! `cargo bench -p bench --bench kernels`. Prints a table and fails if results differ or a unit takes more than 1.25 times as long (`--no-bar` to only look, `--dump NAME` to see a
//! unit's code).
//!
//! # What is the same
//! Overflow, bounds and type checks; what a unit guards, Rust tests, and leaves with what it knows so far. Inputs are opaque to rustc, functions that are called are not
//! inlined, and lengths are read from memory in each turn, unless the compiler can show that they do not change.

#[path = "kernels/native.rs"]
mod native;

use std::rc::Rc;

use tailor_compiler::backend::{Compiler, Machine};
use tailor_compiler::exit::{Code, Interrupted};
use tailor_compiler::ir::{Descriptors, Unit};
use tailor_compiler::opt;
use tailor_compiler::runtime::{Runtime, nothing_lasts};
use tailor_compiler::text::{Addresses, parse_with, print};

/// How much longer than Rust a unit may take.
const BAR: f64 = 1.25;
/// How often each side runs.
const ROUNDS: usize = 21;

/// A unit and what it is compared with.
struct Kernel {
    name: &'static str,
    text: &'static str,
    arguments: Vec<u64>,
    /// Runs the same in Rust; the words that the unit leaves with or returns.
    native: Box<dyn Fn() -> Vec<u64>>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    // Built for tests, only the results are of interest.
    let measure = has("--bench");
    let strict = measure && !has("--no-bar");
    let dump = arguments.iter().position(|argument| argument == "--dump").and_then(|at| arguments.get(at + 1));
    let mut heap = Heap::new();
    println!("{:<12} {:>12} {:>12} {:>8}", "kernel", "unit", "Rust -O", "ratio");
    let mut bad = Vec::new();
    for kernel in native::kernels() {
        let runner = Runner::new(&kernel, &heap.runtime(), dump == Some(&kernel.name.to_owned()));
        assert_eq!(runner.run(&kernel.arguments), (kernel.native)(), "{}: results differ", kernel.name);
        let [mut unit, mut rust] = [const { Vec::new() }; 2];
        for _ in 0..if measure { ROUNDS } else { 1 } {
            unit.push(cpu_time_of(|| runner.run(&kernel.arguments)));
            rust.push(cpu_time_of(|| (kernel.native)()));
        }
        let ratio = median(&mut unit) / median(&mut rust);
        println!(
            "{:<12} {:>9.2} ms {:>9.2} ms {:>8.2}",
            kernel.name,
            median(&mut unit) / 1e6,
            median(&mut rust) / 1e6,
            ratio
        );
        if ratio > BAR {
            bad.push(kernel.name);
        }
    }
    assert!(!strict || bad.is_empty(), "more than {BAR} times as long as Rust: {bad:?}");
}

fn median(times: &mut [u64]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2] as f64
}

fn cpu_time_of<T>(run: impl FnOnce() -> T) -> u64 {
    let now = || {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: a place for the answer.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    };
    let start = now();
    std::hint::black_box(run());
    now() - start
}

/// Memory to allocate from, of which no unit needs much.
struct Heap {
    words: Vec<u64>,
    bounds: Box<[usize; 3]>,
}

impl Heap {
    fn new() -> Heap {
        let words = vec![0; 1 << 16];
        let start = words.as_ptr() as usize;
        let bounds = Box::new([start, start + words.len() * 8, 0]);
        Heap { words, bounds }
    }

    fn runtime(&mut self) -> Runtime {
        let at = |number: usize| &raw const self.bounds[number] as usize;
        assert!(!self.words.is_empty());
        Runtime {
            cursor: at(0),
            limit: at(1),
            alloc_slow: no_more_memory,
            log_bit: 2,
            barrier_slow: no_barrier,
            is_lasting: nothing_lasts,
            context: 0,
            harmless: 0,
            stack_limit: at(2),
        }
    }
}

extern "C" fn no_more_memory(_: usize, _: u64, _: u64) -> u64 {
    std::process::abort()
}

extern "C" fn no_barrier(_: usize, _: u64) {}

/// A compiled unit.
struct Runner {
    machine: Machine,
    code: Rc<Code>,
}

impl Runner {
    fn new(kernel: &Kernel, runtime: &Runtime, dump: bool) -> Runner {
        let mut descriptors = Descriptors::default();
        let unit = parse_with(kernel.text, &mut descriptors, &native::symbol)
            .unwrap_or_else(|error| panic!("{}: {error}", kernel.name));
        let (mut scratch, mut optimised) = (opt::Scratch::default(), Unit::default());
        opt::optimise(&unit, &mut descriptors, &opt::Options::default(), &mut scratch, &mut optimised);
        let machine = Machine::new(*runtime, 1 << 20).expect("there is memory for code");
        let code = Compiler::new().compile(&machine, &optimised, &descriptors).expect("there is memory for code");
        for export in &optimised.exports {
            machine.bind(export.entry, &code, code.entry_of(export.label).expect("exported labels are entries"));
        }
        if dump {
            println!("{}", print(&optimised, &descriptors, Addresses::Hidden));
            for (offset, op, text) in code.disassemble() {
                println!("{offset:6x} {:>6}  {text}", op.map_or(String::new(), |op| op.to_string()));
            }
        }
        Runner { machine, code }
    }

    /// The words that it returns, or leaves with.
    fn run(&self, arguments: &[u64]) -> Vec<u64> {
        let mut words = Vec::new();
        let mut handler = |interrupted: &mut Interrupted| {
            let unit = interrupted.next_unit().expect("some unit has been left");
            for (frame, _) in unit.frames() {
                words.extend(unit.words(frame, &[]));
            }
        };
        // SAFETY: the kernels are sound for their arguments.
        let returned = unsafe { self.machine.enter(&self.code, 0, arguments, &mut handler) };
        if let Some(returned) = returned {
            return returned.words().collect();
        }
        words
    }
}

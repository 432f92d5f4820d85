//! How fast the black hole is: `cargo bench -p tailor-jitcode --bench black_hole`.
//!
//! Reports CPU time an instruction of jitcode. Run with the argument `once`, it executes each program once and reports how many instructions that were, to be
//! divided into what `valgrind --tool=callgrind` counts.

use std::panic::Location;
use std::time::Instant;

use tailor_compiler::ir::Width;
use tailor_jitcode::black_hole::{Mode, Outcome, run, run_for};
use tailor_jitcode::tape::{Arithmetic, Compare, IntType, Memory, Node, Overflow};
use tailor_jitcode::{JitFunction, Shape, Signature, Tape, Traits};

const INT: &Shape = Shape::INT;

/// The number of primes below `size`, by a sieve of bytes at `flags`: loads, stores, compares, nested loops.
static SIEVE: JitFunction =
    JitFunction::new(signature("sieve", &["flags", "size"], &[Shape::REF, INT]), sieve, never, Traits::NONE);

/// Calls, and what surrounds them.
static FIBONACCI: JitFunction =
    JitFunction::new(signature("fibonacci", &["n"], &[INT]), fibonacci, never, Traits::NONE);

/// What an interpreter does: fetches an instruction, switches, works on a frame.
static DISPATCH: JitFunction = JitFunction::new(
    signature("dispatch", &["code", "frame"], &[Shape::REF, Shape::REF]),
    dispatch,
    never,
    Traits::NONE,
);

const fn signature(
    name: &'static str,
    parameter_names: &'static [&'static str],
    parameters: &'static [&'static Shape],
) -> Signature {
    Signature { name, location: Location::caller(), parameter_names, parameters, result: INT }
}

unsafe fn never(_: *const u64, _: *mut u64) {
    unreachable!("the native reading is not called");
}

fn add(tape: &Tape, a: Node, b: Node) -> Node {
    tape.arithmetic(Arithmetic::Add, IntType::I64, a, b, Overflow::Wrap)
}

fn less(tape: &Tape, a: Node, b: Node) -> Node {
    tape.compare(Compare::Lt, IntType::I64, a, b)
}

fn sieve(tape: &Tape) {
    let (flags, size) = (tape.next_parameter(), tape.next_parameter());
    let flag = Memory::element("flags", "*", Width::U8, 0, 1);
    let (i, count) = (tape.variable_of(tape.int(2)), tape.variable_of(tape.int(0)));
    let outer = tape.begin_loop();
    tape.check(less(tape, tape.get(i), size), outer.exit());
    let prime = tape.get(i);
    tape.set(i, add(tape, prime, tape.int(1)));
    let composite = tape.block();
    tape.check_not(tape.load(&flag, flags, Some(prime)), composite);
    tape.set(count, add(tape, tape.get(count), tape.int(1)));
    let k = tape.variable_of(add(tape, prime, prime));
    let inner = tape.begin_loop();
    tape.check(less(tape, tape.get(k), size), inner.exit());
    tape.store(&flag, flags, Some(tape.get(k)), tape.int(1));
    tape.set(k, add(tape, tape.get(k), prime));
    tape.repeat(&inner);
    tape.end_loop(&inner);
    tape.repeat(&outer);
    tape.enter(composite);
    tape.repeat(&outer);
    tape.end_loop(&outer);
    tape.ret(tape.get(count));
}

fn fibonacci(tape: &Tape) {
    let n = tape.next_parameter();
    let small = tape.block();
    tape.check_not(less(tape, n, tape.int(2)), small);
    let one = tape.call(&FIBONACCI, &[add(tape, n, tape.int(u64::MAX))]);
    let two = tape.call(&FIBONACCI, &[add(tape, n, tape.int(u64::MAX - 1))]);
    tape.ret(add(tape, one, two));
    tape.enter(small);
    tape.ret(n);
}

fn dispatch(tape: &Tape) {
    let (code, frame) = (tape.next_parameter(), tape.next_parameter());
    let field = |offset| Memory::element("Instruction", "field", Width::U16, offset, 8);
    let slot = Memory::stack(Width::I64, 0, 8);
    let pc = tape.variable_of(tape.int(0));
    let of = tape.begin_loop();
    let now = tape.get(pc);
    let [op, a, b] = [0, 2, 4].map(|offset| tape.load(&field(offset), code, Some(now)));
    tape.set(pc, add(tape, now, tape.int(1)));
    let switch = tape.switch(op);
    // a += b
    tape.case(&switch, &[0]);
    let (x, y) = (tape.load(&slot, frame, Some(a)), tape.load(&slot, frame, Some(b)));
    let (sum, overflows) = tape.overflowing_arithmetic(Arithmetic::Add, IntType::I64, x, y);
    tape.panic_if(overflows, "overflow", &[]);
    tape.store(&slot, frame, Some(a), sum);
    tape.repeat(&of);
    // Jump to b if a is not 0, after a -= 1.
    tape.case(&switch, &[1]);
    let left = add(tape, tape.load(&slot, frame, Some(a)), tape.int(u64::MAX));
    tape.store(&slot, frame, Some(a), left);
    tape.check(left, of.header());
    tape.set(pc, b);
    tape.repeat(&of);
    // Return a.
    tape.case(&switch, &[2]);
    tape.ret(tape.load(&slot, frame, Some(a)));
    tape.default_case(&switch);
    tape.panic("no such instruction", &[]);
}

fn main() {
    let once = std::env::args().any(|argument| argument == "once");
    let mut flags = vec![0_u8; 100_000];
    let code: [[u16; 4]; 4] = [[0, 1, 2, 0], [0, 3, 1, 0], [1, 0, 0, 0], [2, 3, 0, 0]];
    let mut frame = [0_u64; 4];
    let programs: [(&str, &'static JitFunction, Vec<u64>, u64); 3] = [
        ("sieve", &SIEVE, vec![flags.as_mut_ptr() as u64, 100_000], 9592),
        ("fibonacci", &FIBONACCI, vec![22], 17711),
        ("dispatch", &DISPATCH, vec![code.as_ptr() as u64, frame.as_mut_ptr() as u64], 5_000_050_000),
    ];
    for (name, function, arguments, expected) in programs {
        let mut reset = || {
            flags.fill(0);
            frame = [100_000, 0, 1, 0];
        };
        reset();
        let mut left = u64::MAX;
        // SAFETY: the function reads and writes what the arguments point to, which is long enough.
        let outcome = unsafe { run_for(function, &arguments, Mode::Throughout, &mut left) };
        assert_eq!(outcome, Outcome::Returned(vec![expected]), "{name}");
        let instructions = u64::MAX - left;
        let rounds = if once { 1 } else { 20 };
        let mut best = f64::INFINITY;
        for _ in 0..rounds {
            reset();
            let start = Instant::now();
            // SAFETY: as above.
            let result = unsafe { run(function, &arguments, Mode::Throughout) };
            best = best.min(start.elapsed().as_secs_f64());
            assert_eq!(result, [expected], "{name}");
        }
        println!("{name:10} {instructions:9} instructions, {:.2} ns each", best * 1e9 / instructions as f64);
    }
}

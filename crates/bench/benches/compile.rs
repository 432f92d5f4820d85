//! What compiling costs: nanoseconds of CPU time per IR operation for each stage, for traces of about 100, 1,000 and 4,000 operations.
//!
//! `cargo bench -p bench --bench compile`. Prints a table and fails if optimising, allocating and emitting take more than 500 ns per operation of the
//! unit that goes in (`--no-bar` to only look).
//!
//! # The units
//! A loop as a tracer records it: tag checks, checked arithmetic, bounds checks, field and element accesses, some float arithmetic, and a call now and then. Each guard has a
//! snapshot of three frames with some twenty values, the outer two of which it shares with its neighbours, as guards of an inlined method do. The units of the second half have guest frames as well, up to eight of inlined calls
//! at a time, whose words are stores that all guards have pending.

use std::fmt::Write;

use tailor_compiler::backend::regalloc::EntryLocations;
use tailor_compiler::backend::{Compiler, Machine};
use tailor_compiler::ir::{Descriptors, Unit};
use tailor_compiler::opt;
use tailor_compiler::runtime::{Runtime, nothing_lasts};
use tailor_compiler::text::parse;

/// The most nanoseconds per operation that all stages together may take.
const BAR: f64 = 500.0;

fn main() {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    // Built for tests, it would measure nothing of interest.
    let strict = has("--bench") && !has("--no-bar");
    println!(
        "{:>10} {:>10} {:>12} {:>12} {:>12} {:>12}",
        "operations", "optimised", "optimise", "allocate", "emit", "total"
    );
    let mut worst: f64 = 0.0;
    let sizes = || [100, 1000, 4000].into_iter().take(if has("--bench") { 3 } else { 1 });
    let plain = sizes().map(|size| (size, Frames::None));
    for (size, frames) in plain.chain(sizes().map(|size| (size, Frames::Nested))) {
        let line = measure(size, frames);
        let total = line.optimise + line.allocate + line.emit;
        worst = worst.max(total);
        println!(
            "{:>10} {:>10} {:>9.1} ns {:>9.1} ns {:>9.1} ns {:>9.1} ns",
            line.operations, line.optimised, line.optimise, line.allocate, line.emit, total
        );
    }
    println!("per operation of the unit that goes in; bar: {BAR} ns");
    assert!(!strict || worst <= BAR, "compiling takes more than {BAR} ns per operation");
}

struct Line {
    operations: usize,
    optimised: usize,
    optimise: f64,
    allocate: f64,
    emit: f64,
}

/// Whether a trace has frames of calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frames {
    None,
    Nested,
}

/// A trace of about this many operations.
fn source(size: usize, frames: Frames) -> String {
    let mut text = String::from(
        "unit {
  mem value = field class=1 offset=8 i64
  mem count = field class=2 offset=16 i64
  mem next = field class=3 offset=24 ref
  mem weight = field class=4 offset=32 f64
  mem length = field class=5 offset=8 i64 immutable
  mem elem = element class=6 offset=16 scale=8 i64
  mem w0 = stack class=7 offset=0 i64
  mem w1 = stack class=7 offset=8 i64
  mem w2 = stack class=7 offset=16 i64
  mem w3 = stack class=7 offset=24 ref
  call f = \"f\" at 0x1000 (int, ref) -> int reads=all writes=all collects
}
entry(%o: ref, %array: ref, %from: int, %x0: float, %l0: int, %l1: int, %stack: ref):
  jump loop(%o, %from, %x0, %l0)
loop(%p0: ref, %a0: int, %f0: float, %k0: int):
",
    );
    let mut operations = 12;
    let mut turn = 0;
    while operations < size {
        let (now, then) = (turn, turn + 1);
        let outer = format!(
            "1@{} {{ %p0, %a0, %f0, %k0, %o, %array, dead, %l0, 5 }} < 2@3 {{ %o, %array, %l0, %l1, 7, dead, %from }}",
            turn / 4 * 10
        );
        let frame = format!("[ 3@{turn} {{ %p{now}, %a{now}, dead, %v{now}, %f{now}, %k{now} }} < {outer} ]");
        let _ = write!(
            text,
            "  %v{now} = load.value %p{now}
  %t{now} = and %v{now}, 1
  guard_true %t{now} {frame}
  %a{then} = add %a{now}, %v{now}
  %u{now} = ovf_add %a{now}, %v{now}
  guard_false %u{now} {frame}
  %n{now} = load.length %array
  %i{now} = and %a{then}, 1023
  %b{now} = lt_u %i{now}, %n{now}
  guard_true %b{now} {frame}
  %e{now} = load.elem %array, %i{now}
  %c{now} = load.count %p{now}
  %d{now} = add %c{now}, %e{now}
  store.count %p{now}, %d{now}
  %w{now} = load.weight %p{now}
  %f{then} = fadd %f{now}, %w{now}
  %p{then} = load.next %p{now}
  %m{now} = rne %p{then}, null
  guard_true %m{now} {frame}
",
        );
        operations += 19;
        if frames == Frames::Nested {
            let offset = turn % 8 * 64;
            let _ = write!(
                text,
                "  %g{now} = ptr_add %stack, {offset}
  store.w0 %g{now}, %a{then}
  store.w1 %g{now}, {turn}
  store.w2 %g{now}, %e{now}
  store.w3 %g{now}, %p{then}
  %h{now} = load.w0 %g{now}
",
            );
            operations += 6;
            if turn % 8 == 7 {
                let _ = writeln!(text, "  release %g{}", turn - 6);
                operations += 1;
            }
        }
        if turn % 4 == 3 {
            let _ = writeln!(text, "  %k{then} = call.f(%a{then}, %p{then})");
        } else {
            let _ = writeln!(text, "  %k{then} = xor %k{now}, %e{now}");
        }
        operations += 1;
        turn += 1;
    }
    let _ = writeln!(text, "  jump loop(%p{turn}, %a{turn}, %f{turn}, %k{turn})");
    text
}

extern "C" fn unused_allocation(_: usize, _: u64, _: u64) -> u64 {
    0
}

extern "C" fn unused_barrier(_: usize, _: u64) {}

fn measure(size: usize, frames: Frames) -> Line {
    let mut descriptors = Descriptors::default();
    let unit = parse(&source(size, frames), &mut descriptors).expect("the generated text is well-formed");
    // The code is never run.
    let runtime = Runtime {
        cursor: 8,
        limit: 16,
        alloc_slow: unused_allocation,
        log_bit: 2,
        barrier_slow: unused_barrier,
        is_lasting: nothing_lasts,
        context: 0,
        harmless: 0,
        stack_limit: 24,
    };
    let machine = Machine::new(runtime, 16 << 20).expect("there is memory for code");
    let (mut scratch, mut optimised) = (opt::Scratch::default(), Unit::default());
    let mut compiler = Compiler::new();
    let mut stages = [const { Vec::new() }; 3];
    for _ in 0..200_000 / size / if cfg!(debug_assertions) { 100 } else { 1 } {
        let start = cpu_time();
        opt::optimise(&unit, &mut descriptors, &opt::Options::default(), &mut scratch, &mut optimised);
        let after_optimiser = cpu_time();
        compiler.allocate(&machine, &optimised, &descriptors, EntryLocations::Convention).expect("it is small");
        let after_allocation = cpu_time();
        let code = compiler.finish(&machine, &optimised, &descriptors).expect("there is memory for code");
        let end = cpu_time();
        drop(code);
        stages[0].push(after_optimiser - start);
        stages[1].push(after_allocation - after_optimiser);
        stages[2].push(end - after_allocation);
    }
    let per_operation = |times: &mut Vec<u64>| {
        times.sort_unstable();
        times[times.len() / 2] as f64 / unit.ops.len() as f64
    };
    Line {
        operations: unit.ops.len(),
        optimised: optimised.ops.len(),
        optimise: per_operation(&mut stages[0]),
        allocate: per_operation(&mut stages[1]),
        emit: per_operation(&mut stages[2]),
    }
}

/// CPU time of this process, in nanoseconds.
fn cpu_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

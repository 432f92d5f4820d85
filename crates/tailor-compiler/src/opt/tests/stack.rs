//! More words of a guest stack than are known at a time, run before and after: what falls out of the tables is written.

use std::fmt::Write;

use crate::interp::{Interpreter, Outcome};
use crate::ir::{Descriptors, Unit};
use crate::opt::{Options, Scratch, optimise};
use crate::random::Rng;
use crate::runtime::{Runtime, nothing_lasts};
use crate::text::parse;

const WORDS: usize = 700;

/// Words from the first base to the second.
const SHIFT: i64 = 350;

extern "C" fn no_allocation(_: usize, _: u64, _: u64) -> u64 {
    0
}

extern "C" fn no_barrier(_: usize, _: u64) {}

/// Stores and loads of random words, in stretches that keep to some of them; now and then from another base, or of halves of words.
fn text(seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let mut text = String::from(
        "unit {
  mem s = stack class=4 offset=0 i64
  mem low = stack class=4 offset=0 u32
  mem high = stack class=4 offset=4 u32
}
entry(%r: ref, %q: ref, %i0: int):
",
    );
    let (mut first, mut count) = (0, WORDS);
    let mut odd = 0;
    for n in 0..4 * WORDS {
        if rng.chance(4) {
            count = rng.pick(&[4, WORDS, WORDS, WORDS]);
            first = rng.below(WORDS - count + 1);
            odd = if seed.is_multiple_of(2) { 0 } else { rng.pick(&[0, 0, 30]) };
        }
        let word = first + rng.below(count);
        let (base, shift) = if rng.chance(odd) { ("%q", SHIFT) } else { ("%r", 0) };
        let place = if rng.chance(odd) { rng.pick(&["low", "high"]) } else { "s" };
        let _ = writeln!(text, "%p{n} = ptr_add {base}, {}", (word as i64 - shift) * 8);
        let m = n + 1;
        let _ = match rng.below(3) {
            0 => writeln!(text, "%l{n} = load.{place} %p{n}\n %i{m} = add %i{n}, %l{n}"),
            _ => writeln!(text, "store.{place} %p{n}, %i{n}\n %i{m} = add %i{n}, {n}"),
        };
    }
    let _ = writeln!(text, "return(%i{})", 4 * WORDS);
    text
}

#[test]
fn words_beyond_the_limits_are_written() {
    (0..20).for_each(same_as_before);
}

fn same_as_before(seed: u64) {
    let mut descriptors = Descriptors::default();
    let unit = parse(&text(seed), &mut descriptors).unwrap();
    let mut optimised = Unit::default();
    optimise(&unit, &mut descriptors, &Options::default(), &mut Scratch::default(), &mut optimised);
    let runtime = Runtime {
        cursor: 8,
        limit: 16,
        alloc_slow: no_allocation,
        log_bit: 2,
        barrier_slow: no_barrier,
        is_lasting: nothing_lasts,
        context: 0,
        harmless: 0,
        stack_limit: 0,
    };
    let run = |unit: &Unit| -> (Outcome, Vec<u64>) {
        let mut memory: Vec<u64> = (0..WORDS as u64).collect();
        let base = memory.as_mut_ptr() as u64;
        let mut interpreter = Interpreter::new(&descriptors, &runtime);
        // SAFETY: the unit touches the words of the memory only.
        let outcome = unsafe { interpreter.run(unit, &[base, base + SHIFT as u64 * 8, 5]) };
        (outcome, memory)
    };
    assert!(run(&unit) == run(&optimised), "seed {seed}");
    assert!(optimised.ops.len() < unit.ops.len());
}

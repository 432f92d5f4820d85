//! The native readings of `can_enter!`: while the JIT is on it counts, in the way that it says, and evaluates its values once; else it is nothing. (What comes of entering is tested with the
//! tracer.)

#![cfg(feature = "jit")]

use std::cell::Cell;

use tailor::engine::{Config, Log, Runtime};
use tailor::{Heap, HeapConfig, Jit, jit};

#[jit::object]
struct Machine {
    #[jit(opaque)]
    jit: Jit,
    limit: u64,
    evaluated: Cell<u64>,
}

#[jit::residual(no_collect, no_reenter)]
fn evaluate(vm: &Machine, x: usize) -> usize {
    vm.evaluated.set(vm.evaluated.get() + 1);
    x
}

/// Sums up code words; 0 goes back to the start.
#[jit(portal, jit = vm.jit)]
fn run(vm: &mut Machine, code: &[u64], mut pc: usize, mut sum: u64) -> Option<u64> {
    'portal: loop {
        let mut steps = 0_u64;
        macro_rules! back {
            ($target:expr) => {{
                jit::can_enter!(vm, code, evaluate(vm, $target); sum);
                pc = $target;
            }};
        }
        loop {
            jit::merge_point!(greens: vm, code, pc; reds: sum);
            steps = steps.wrapping_add(1);
            match code[pc] {
                0 if sum < vm.limit => back!(0),
                0 => return Some(sum),
                1 => {
                    jit::can_enter!(call: vm, code, 0; sum.wrapping_add(100));
                    pc = 0;
                    sum = sum.wrapping_add(100);
                }
                x => {
                    sum = sum.wrapping_add(x);
                    pc += 1;
                }
            }
        }
    }
}

#[test]
fn back_edges_and_calls_are_evaluated_while_the_jit_is_on_and_the_result_is_the_same() {
    let mut heap = Heap::new(HeapConfig::default());
    let mut vm = Machine { jit: Jit::default(), limit: 1000, evaluated: Cell::new(0) };
    let check = |vm: &mut Machine, evaluated: [u64; 2]| {
        assert_eq!(run(vm, &[5, 7, 0], 0, 0), Some(1008));
        assert_eq!(vm.evaluated.take(), evaluated[0]);
        // A method's entry, too.
        assert_eq!(run(vm, &[5, 7, 0, 1], 3, 0), Some(1000));
        assert_eq!(vm.evaluated.take(), evaluated[1]);
    };
    check(&mut vm, [0, 0]);
    // It never asks.
    let config = || Config {
        runtime: Runtime::without_objects(),
        parameters: "threshold=0,function_threshold=0".parse().expect("they are parameters"),
        describe: |_| String::new(),
        log: Log::open("").expect("nothing is logged"),
    };
    for _ in 0..2 {
        vm.jit.start(config(), &mut heap).expect("there is a processor, and memory");
        check(&mut vm, [83, 74]);
        vm.jit.stop();
        check(&mut vm, [0, 0]);
    }
}

//! The native reading of `can_enter!`: it counts, in the way that it says, and evaluates its values once. (What comes of entering is tested with the tracer.)

use std::cell::Cell;

use tailor::{Jit, jit};

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
fn a_jit_that_was_not_started_changes_nothing() {
    let mut vm = Machine { jit: Jit::default(), limit: 1000, evaluated: Cell::new(0) };
    assert_eq!(run(&mut vm, &[5, 7, 0], 0, 0), Some(1008));
    assert_eq!(vm.evaluated.get(), 83);
    // A method's entry, too.
    assert_eq!(run(&mut vm, &[5, 7, 0, 1], 3, 0), Some(1000));
    assert_eq!(vm.evaluated.get(), 83 + 74);
}

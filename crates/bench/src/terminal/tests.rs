use super::*;
use crate::cli::{Clock, Measure};
use crate::results::{Cost, Invocation, Results};

fn comparison(times: &[(&str, f64)]) -> Comparison {
    let vms = times.iter().map(|(vm, _)| vm.to_string()).collect();
    let mut results = Results::new(Measure::Time, 0, vms, vec!["X".into()]);
    for (vm, time) in times {
        let (vm, benchmark) = (vm.to_string(), "X".to_string());
        results.invocations.push(Invocation {
            vm,
            benchmark,
            inner: 1,
            number: 1,
            iterations: vec![*time],
            cost: Cost::default(),
        });
    }
    Comparison::new(&results, None, Clock::Harness).unwrap()
}

#[test]
fn bars_grow_from_the_baseline_in_both_directions() {
    let text = plot(&comparison(&[("base", 2.0), ("fast", 1.0), ("slow", 4.0)]));
    let lines: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(lines[0], format!("X  fast    0.50 {}│", "█".repeat(HALF_WIDTH)));
    assert_eq!(lines[1], format!("   slow    2.00 {}│{}", " ".repeat(HALF_WIDTH), "█".repeat(HALF_WIDTH)));
}

#[test]
fn noise_does_not_fill_the_plot() {
    let text = plot(&comparison(&[("base", 100.0), ("same", 101.0)]));
    assert!(text.matches('█').count() <= 2, "{text}");
}

#[test]
fn half_cells_are_drawn_on_the_outer_end() {
    let half = 0.5 / HALF_WIDTH as f64;
    assert_eq!(shape(3.0 * half), format!("{}│█▌", " ".repeat(HALF_WIDTH)));
    assert_eq!(shape(-3.0 * half), format!("{}▐█│", " ".repeat(HALF_WIDTH - 2)));
}

#[test]
fn a_single_vm_has_no_plot() {
    assert_eq!(plot(&comparison(&[("only", 1.0)])), "");
}

use super::drawing::{Axis, step_above, step_below, tick_label};
use super::{curves, ratios};
use crate::analysis::Comparison;
use crate::cli::{Clock, Measure};
use crate::results::{Cost, Invocation, Results};
use crate::warmup::Curves;

fn comparison(times: &[(&str, &str, f64)]) -> Comparison {
    let mut results = Results::new(Measure::Time, 0, vec!["a&b".into(), "c".into()], vec!["X".into(), "Y".into()]);
    for (vm, benchmark, time) in times {
        let (vm, benchmark) = (vm.to_string(), benchmark.to_string());
        let cost = Cost::default();
        results.invocations.push(Invocation { vm, benchmark, inner: 1, number: 1, iterations: vec![*time], cost });
    }
    Comparison::new(&results, None, Clock::Harness).unwrap()
}

#[test]
fn every_ratio_has_a_dot_and_names_are_escaped() {
    let svg = ratios(&comparison(&[("a&b", "X", 2.0), ("c", "X", 1.0), ("a&b", "Y", 3.0)]));
    let (legend, first_row, second_row, mean) = (2, 2, 1, 2);
    assert_eq!(svg.matches("<circle").count(), legend + first_row + second_row + mean);
    assert!(svg.contains("a&amp;b") && !svg.contains("a&b"));
    assert!(svg.ends_with("</svg>\n"));
}

#[test]
fn the_axis_ends_at_steps() {
    assert_eq!((step_below(0.3), step_below(7.0), step_below(1.0)), (0.2, 5.0, 1.0));
    assert_eq!((step_above(0.3), step_above(7.0), step_above(1.0)), (0.5, 10.0, 1.0));
}

#[test]
fn ticks_include_the_baseline_and_both_ends() {
    let axis = Axis { low: 0.2, high: 5.0, places: (0.0, 100.0) };
    let labels: Vec<String> = axis.ticks().map(tick_label).collect();
    assert_eq!(labels, ["0.2", "0.5", "1", "2", "5"]);
    assert!(axis.place(0.2) < axis.place(1.0) && axis.place(1.0) < axis.place(5.0));
    assert_eq!(axis.place(100.0), axis.place(5.0));
}

#[test]
fn an_axis_that_counts_begins_at_one_and_ends_where_it_is_told() {
    let axis = Axis::counting_to(300.0, (10.0, 20.0));
    assert_eq!((axis.place(1.0), axis.place(300.0)), (10.0, 20.0));
    assert_eq!(axis.ticks().map(tick_label).last().unwrap(), "200");
    assert!(Axis::counting_to(1.0, (10.0, 20.0)).place(1.0).is_finite());
}

#[test]
fn every_curve_is_a_line_through_its_points() {
    let mut results = Results::new(Measure::Warmup, 0, vec!["int".into(), "jit".into()], vec!["X".into(), "Y".into()]);
    for (vm, benchmark, iterations) in
        [("int", "X", [2.0, 2.0]), ("jit", "X", [4.0, 2.0]), ("int", "Y", [1.0, 1.0]), ("jit", "Y", [1.0, 1.0])]
    {
        let (vm, benchmark, iterations) = (vm.to_string(), benchmark.to_string(), iterations.to_vec());
        let cost = Cost::default();
        results.invocations.push(Invocation { vm, benchmark, inner: 1, number: 1, iterations, cost });
    }
    let found = Curves::new(&results, None, Clock::Harness).unwrap();
    let (legend, bar) = (2, 1);
    assert_eq!(curves(&found, None).matches("<polyline").count(), legend + 2);
    let svg = curves(&found, Some(1.1));
    assert_eq!(svg.matches("<polyline").count(), legend + 2 + bar);
    // The axes go from 1 to 2 iterations and from 0.5 to 5: X is at 2 and 1.5, Y at 1.
    assert!(svg.contains("points=\"70.0,225.3 876.0,270.2\""), "{svg}");
    assert!(svg.ends_with("</svg>\n"));
}

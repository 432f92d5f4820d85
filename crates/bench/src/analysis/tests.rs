use super::*;
use crate::cli::{Clock, Measure};
use crate::results::{Cost, Failure, Invocation};

fn run(vm: &str, benchmark: &str, iterations: &[f64]) -> Invocation {
    let (vm, benchmark) = (vm.to_string(), benchmark.to_string());
    Invocation { vm, benchmark, inner: 1, number: 1, iterations: iterations.to_vec(), cost: Cost::default() }
}

fn results(warmup: usize, invocations: Vec<Invocation>) -> Results {
    let mut vms: Vec<String> = invocations.iter().map(|run| run.vm.clone()).collect();
    let mut benchmarks: Vec<String> = invocations.iter().map(|run| run.benchmark.clone()).collect();
    vms.sort();
    vms.dedup();
    benchmarks.sort();
    benchmarks.dedup();
    Results { invocations, ..Results::new(Measure::Time, warmup, vms, benchmarks) }
}

#[test]
fn cpu_time_is_that_of_the_process_per_iteration() {
    let mut run = run("a", "X", &[100.0, 2.0, 2.0, 2.0]);
    run.cost = Cost { user: 90.0, system: 30.0, ..Cost::default() };
    let comparison = Comparison::new(&results(1, vec![run]), None, Clock::Cpu).unwrap();
    assert_eq!(comparison.time(0, 0).unwrap().value, 30.0);
}

#[test]
fn warm_up_is_cut_off() {
    let results = results(1, vec![run("a", "X", &[100.0, 2.0, 2.0])]);
    let comparison = Comparison::new(&results, None, Clock::Harness).unwrap();
    assert_eq!(comparison.time(0, 0).unwrap().value, 2.0);
}

#[test]
fn means_cover_only_what_both_sides_completed() {
    let runs = vec![run("a", "X", &[2.0]), run("b", "X", &[4.0]), run("a", "Y", &[2.0]), run("b", "Z", &[9.0])];
    let results = results(0, runs);
    let comparison = Comparison::new(&results, Some("a"), Clock::Harness).unwrap();
    let mean = comparison.mean(1).unwrap();
    assert_eq!(mean.count, 1);
    assert!((mean.ratio.value - 2.0).abs() < 1e-12);
}

#[test]
fn a_benchmark_that_failed_later_does_not_count() {
    let mut results = results(0, vec![run("a", "X", &[2.0]), run("b", "X", &[4.0])]);
    results.failures.push(Failure { vm: "b".into(), benchmark: "X".into(), reason: "exit code 1".into() });
    let comparison = Comparison::new(&results, None, Clock::Harness).unwrap();
    assert!(comparison.time(0, 1).is_none());
    assert!(comparison.mean(1).is_none());
}

#[test]
fn a_time_of_zero_is_no_time() {
    let results = results(0, vec![run("a", "X", &[0.0, 0.0])]);
    assert!(Comparison::new(&results, None, Clock::Harness).unwrap().time(0, 0).is_none());
}

#[test]
fn an_unknown_baseline_is_an_error_that_names_the_known() {
    let results = results(0, vec![run("a", "X", &[2.0])]);
    let complaint = Comparison::new(&results, Some("c"), Clock::Harness).err().unwrap().to_string();
    assert!(complaint.contains("one of: a"), "{complaint}");
}

#[test]
fn the_default_baseline_is_the_first_vm_even_if_it_failed_first() {
    let mut results = results(0, vec![run("a", "Y", &[2.0]), run("b", "X", &[4.0]), run("b", "Y", &[4.0])]);
    results.failures.push(Failure { vm: "a".into(), benchmark: "X".into(), reason: "exit code 1".into() });
    assert_eq!(Comparison::new(&results, None, Clock::Harness).unwrap().baseline_name(), "a");
}

#[test]
fn what_gains_speed_while_it_is_measured_is_told() {
    let falling: Vec<f64> = (0..20).map(|iteration| if iteration < 12 { 4.0 } else { 3.0 }).collect();
    let slightly: Vec<f64> = (0..20).map(|iteration| if iteration < 12 { 4.0 } else { 3.9 }).collect();
    let results =
        results(2, vec![run("a", "X", &falling), run("b", "X", &slightly), run("a", "Y", &[9.0, 9.0, 5.0, 1.0])]);
    let comparison = Comparison::new(&results, None, Clock::Harness).unwrap();
    assert_eq!(comparison.still_warming(&results), [("a", "X", 0.25)]);
}

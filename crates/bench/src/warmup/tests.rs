use super::*;
use crate::cli::Measure;
use crate::results::{Cost, Failure};

fn results(runs: &[(&str, &[f64])]) -> Results {
    let mut results = Results::new(Measure::Warmup, 0, vec!["int".into(), "jit".into()], vec!["X".into()]);
    for (number, (vm, iterations)) in runs.iter().enumerate() {
        results.invocations.push(Invocation {
            vm: vm.to_string(),
            benchmark: "X".into(),
            inner: 1,
            number,
            iterations: iterations.to_vec(),
            cost: Cost::default(),
        });
    }
    results
}

/// The curve of `jit`, relative to `int`.
fn curve_of(results: &Results, clock: Clock) -> Curve {
    let mut curves = Curves::new(results, None, clock).unwrap();
    curves.curves[0][1].take().unwrap()
}

/// The first five iterations are twice as slow as the interpreter's, the others ten times as fast.
fn warming_up() -> Results {
    let jit: Vec<f64> = (0..100).map(|iteration| if iteration < 5 { 20.0 } else { 1.0 }).collect();
    results(&[("int", &[10.0; 100]), ("jit", &jit)])
}

#[test]
fn a_curve_follows_the_cumulative_time() {
    let curve = curve_of(&warming_up(), Clock::Harness);
    assert_eq!(curve.points.len(), 100);
    assert_eq!(curve.worst(), Point { iterations: 1, ratio: 2.0 });
    assert_eq!((curve.at(5), curve.at(10)), (Some(2.0), Some(105.0 / 100.0)));
    assert_eq!(curve.last(), Point { iterations: 100, ratio: 195.0 / 1000.0 });
    assert_eq!(curve.at(1000), None);
}

#[test]
fn the_break_even_point_is_the_first_that_stays_ahead() {
    // After n iterations: 100 + (n - 5) against 10 n.
    let ahead = curve_of(&warming_up(), Clock::Harness).ahead_for_good().unwrap();
    assert_eq!(ahead, Point { iterations: 11, ratio: 106.0 / 110.0 });
    let relapse = curve_of(&results(&[("int", &[10.0; 4]), ("jit", &[1.0, 30.0, 1.0, 1.0])]), Clock::Harness);
    assert_eq!(relapse.ahead_for_good().unwrap().iterations, 4);
    let never = curve_of(&results(&[("int", &[10.0; 2]), ("jit", &[1.0, 19.0])]), Clock::Harness);
    assert_eq!(never.ahead_for_good(), None);
    let always = curve_of(&results(&[("int", &[10.0; 2]), ("jit", &[9.0, 9.0])]), Clock::Harness);
    assert_eq!(always.ahead_for_good().unwrap().iterations, 1);
}

#[test]
fn pauses_that_come_in_another_iteration_of_each_process_all_count() {
    let runs: [(&str, &[f64]); 4] =
        [("int", &[1.0; 3]), ("jit", &[7.0, 1.0, 1.0]), ("jit", &[1.0, 7.0, 1.0]), ("jit", &[1.0, 1.0, 7.0])];
    let curve = curve_of(&results(&runs), Clock::Harness);
    assert_eq!(curve.points.iter().map(|point| point.ratio).collect::<Vec<_>>(), [1.0, 4.0, 3.0]);
}

#[test]
fn an_outlier_among_processes_does_not_count() {
    let runs: [(&str, &[f64]); 6] =
        [("int", &[1.0]), ("int", &[1.0]), ("int", &[90.0]), ("jit", &[2.0]), ("jit", &[80.0]), ("jit", &[2.0])];
    assert_eq!(curve_of(&results(&runs), Clock::Harness).at(1), Some(2.0));
}

#[test]
fn by_cpu_time_every_length_of_a_process_is_a_point() {
    let mut results = results(&[
        ("int", &[1.0]),
        ("int", &[1.0; 10]),
        ("int", &[1.0; 20]),
        ("jit", &[1.0; 20]),
        ("jit", &[1.0; 1]),
        ("jit", &[1.0; 5]),
    ]);
    for (run, user) in results.invocations.iter_mut().zip([4.0, 20.0, 40.0, 30.0, 6.0, 9.0]) {
        run.cost = Cost { user, system: 0.0, ..Cost::default() };
    }
    let curve = curve_of(&results, Clock::Cpu);
    assert_eq!(curve.points, [Point { iterations: 1, ratio: 1.5 }, Point { iterations: 20, ratio: 0.75 }]);
    assert_eq!(curve.cpu, Some(0.75));
}

#[test]
fn cpu_time_that_was_not_recorded_is_no_ratio() {
    assert_eq!(curve_of(&warming_up(), Clock::Harness).cpu, None);
}

#[test]
fn the_bar_is_broken_by_the_worst_point() {
    let results = warming_up();
    let curves = Curves::new(&results, None, Clock::Harness).unwrap();
    let point = Point { iterations: 1, ratio: 2.0 };
    let certainty = Certainty::Certain;
    assert_eq!(curves.above(1.1), [Excess { vm: "jit", benchmark: "X", point, certainty }]);
    assert!(curves.above(2.0).is_empty());
}

#[test]
fn what_may_be_chance_does_not_break_the_bar() {
    let certainty = |jit: [f64; 3]| {
        let [one, two, three] = jit.map(|time| [time]);
        let runs: [(&str, &[f64]); 6] =
            [("int", &[1.0]), ("int", &[1.1]), ("int", &[0.9]), ("jit", &one), ("jit", &two), ("jit", &three)];
        curve_of(&results(&runs), Clock::Harness).above(1.1).map(|(_, certainty)| certainty)
    };
    assert_eq!(certainty([0.9, 1.3, 1.4]), Some(Certainty::Uncertain));
    assert_eq!(certainty([1.4, 1.5, 1.6]), Some(Certainty::Certain));
    assert_eq!(certainty([1.0, 1.05, 1.6]), None);
}

#[test]
fn a_certain_excess_counts_more_than_a_higher_one_that_may_be_chance() {
    let runs: [(&str, &[f64]); 4] =
        [("int", &[1.0, 9.0]), ("int", &[4.0, 6.0]), ("jit", &[4.5, 15.5]), ("jit", &[4.5, 15.5])];
    let (point, certainty) = curve_of(&results(&runs), Clock::Harness).above(1.1).unwrap();
    assert_eq!((point, certainty), (Point { iterations: 2, ratio: 2.0 }, Certainty::Certain));
}

#[test]
fn without_two_vms_there_is_nothing_to_show() {
    let mut results = warming_up();
    assert!(Curves::new(&results, Some("none"), Clock::Harness).is_err());
    results.failures.push(Failure { vm: "int".into(), benchmark: "X".into(), reason: "exit code 1".into() });
    let complaint = Curves::new(&results, None, Clock::Harness).err().unwrap().to_string();
    assert!(complaint.contains("--baseline"), "{complaint}");
}

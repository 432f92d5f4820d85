use super::*;
use crate::cli::{Clock, Measure};
use crate::results::Failure;

fn results() -> Results {
    let mut results = Results::new(Measure::Time, 0, vec!["a".into(), "b".into()], vec!["X".into(), "Y".into()]);
    for (vm, benchmark, time) in [("a", "X", 2.0), ("b", "X", 1.0), ("a", "Y", 3.0)] {
        results.invocations.push(Invocation {
            vm: vm.into(),
            benchmark: benchmark.into(),
            inner: 1,
            number: 1,
            iterations: vec![time, time],
            cost: Cost { user: 8.0, system: 2.0, wall: 10.0, peak_rss: 3072.0 },
        });
    }
    results.failures.push(Failure { vm: "b".into(), benchmark: "Y".into(), reason: "exit code 1".into() });
    results
}

#[test]
fn times_have_three_significant_digits() {
    assert_eq!(time(0.0123), "12.3 us");
    assert_eq!(time(0.99996), "1.00 ms");
    assert_eq!(time(9.996), "10.0 ms");
    assert_eq!(time(123.4), "123 ms");
    assert_eq!(time(999.6), "1.00 s");
}

#[test]
fn small_ratios_keep_two_significant_digits() {
    assert_eq!((ratio(0.0123), ratio(0.5), ratio(12.0)), ("0.012".into(), "0.50".into(), "12.00".into()));
}

#[test]
fn the_report_shows_times_ratios_and_costs() {
    let results = results();
    let comparison = Comparison::new(&results, None, Clock::Harness).unwrap();
    let text = times(&comparison, &results);
    let expected = "\
Time of an iteration (median; half the 95 % interval)

| Benchmark |           a |           b |
|-----------|------------:|------------:|
| X         | 2.00 ms ±0% | 1.00 ms ±0% |
| Y         | 3.00 ms ±0% |           - |

Ratio to a (below 1 is faster; 95 % interval)

| Benchmark      |                 a |                          b |
|----------------|------------------:|---------------------------:|
| X              | 1.00 [1.00, 1.00] |          0.50 [0.50, 0.50] |
| Y              | 1.00 [1.00, 1.00] |                          - |
| geometric mean | 1.00 [1.00, 1.00] | 0.50 [0.50, 0.50] (1 of 2) |

Whole processes, warm-up included

| VM | runs | CPU time | CPU / elapsed | peak memory |
|----|-----:|---------:|--------------:|------------:|
| a  |    2 |  20.0 ms |          1.00 |     3.0 MiB |
| b  |    1 |  10.0 ms |          1.00 |     3.0 MiB |

";
    assert_eq!(text, expected);
}

#[test]
fn a_busy_machine_is_warned_of() {
    let mut results = results();
    results.invocations[0].cost.wall = 1000.0;
    let report = |clock| times(&Comparison::new(&results, None, clock).unwrap(), &results);
    assert!(report(Clock::Harness).contains("--clock cpu"));
    assert!(!report(Clock::Cpu).contains("Warning"));
}

#[test]
fn failures_are_named() {
    assert!(failures(&results()).contains("Y on b: exit code 1"));
    assert_eq!(failures(&Results::new(Measure::Time, 0, vec![], vec![])), "");
}

#[test]
fn costs_that_were_not_recorded_are_left_blank() {
    let mut results = results();
    results.invocations.iter_mut().for_each(|run| run.cost = Cost::default());
    let report = times(&Comparison::new(&results, None, Clock::Harness).unwrap(), &results);
    assert!(report.contains("| a  |    2 |        - |             - |           - |"), "{report}");
}

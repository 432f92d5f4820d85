use super::*;
use crate::cli::Measure;
use crate::results::{Cost, Invocation};

fn results() -> Results {
    let mut results =
        Results::new(Measure::Warmup, 0, vec!["int".into(), "jit".into(), "none".into()], vec!["X".into(), "Y".into()]);
    for (vm, benchmark, times, user) in
        [("int", "X", vec![2.0; 20], 40.0), ("jit", "X", vec![1.0; 20], 10.0), ("int", "Y", vec![2.0], 4.0)]
    {
        results.invocations.push(Invocation {
            vm: vm.into(),
            benchmark: benchmark.into(),
            inner: 1,
            number: 1,
            iterations: times,
            cost: Cost { user, system: 0.0, wall: user, peak_rss: 0.0 },
        });
    }
    results
}

#[test]
fn a_table_shows_where_a_vm_stands_after_so_many_iterations() {
    let results = results();
    let curves = Curves::new(&results, None, Clock::Harness).unwrap();
    let expected = "\
Time of the first n iterations on jit, relative to int (median; below 1 is ahead)

| Benchmark      |         worst | at n = |         n = 1 |        n = 10 | n = 100 |    at the end | n = | ahead for good from n = | CPU time of processes |
|----------------|--------------:|-------:|--------------:|--------------:|--------:|--------------:|----:|------------------------:|----------------------:|
| X              |          0.50 |      1 |          0.50 |          0.50 |       - |          0.50 |  20 |                       1 |                  0.25 |
| Y              |             - |      - |             - |             - |       - |             - |   - |                       - |                     - |
| geometric mean | 0.50 (1 of 2) |        | 0.50 (1 of 2) | 0.50 (1 of 2) |       - | 0.50 (1 of 2) |     |                         |         0.25 (1 of 2) |

";
    assert_eq!(warmup(&curves, &results), expected);
}

#[test]
fn a_broken_bar_is_explained() {
    let results = results();
    let curves = Curves::new(&results, Some("jit"), Clock::Harness).unwrap();
    assert_eq!(bar(&curves, 2.5), "The bar of 2.5 holds.\n");
    assert_eq!(bar(&curves, 1.5), "The bar of 1.5 is broken:\n  X on int: 2.00 at n = 1\n");
}

#[test]
fn what_may_be_chance_is_told_apart() {
    let mut results = results();
    let mut again: Vec<Invocation> = results.invocations[..2].to_vec();
    again[0].iterations = vec![0.5; 20];
    results.invocations.append(&mut again);
    let curves = Curves::new(&results, Some("jit"), Clock::Harness).unwrap();
    let expected = "\
The bar of 1.2 holds.
Above it, but perhaps by chance (more --invocations will tell):
  X on int: 1.25 at n = 1
";
    assert_eq!(bar(&curves, 1.2), expected);
}

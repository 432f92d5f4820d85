use super::*;

#[test]
fn a_suite_without_selection_is_complete() {
    assert_eq!(choose(&[], Suite::Awfy, Size::Quick).len(), 14);
    assert_eq!(choose(&[], Suite::Micro, Size::Quick).len(), 16);
    assert_eq!(choose(&[], Suite::Branching, Size::Quick).len(), 9);
    assert_eq!(choose(&[], Suite::All, Size::Steady).len(), 39);
    assert_eq!(choose(&[], Suite::Workload, Size::Steady).len(), 1);
}

#[test]
fn a_selection_may_override_the_inner_count() {
    let selected = ["Sieve:7".parse().unwrap(), "Queens".parse().unwrap()];
    let chosen = choose(&selected, Suite::Awfy, Size::Steady);
    assert_eq!(chosen[0], Benchmark { name: "Sieve".into(), inner: 7 });
    assert_eq!(chosen[1], Benchmark { name: "Queens".into(), inner: 1000 });
}

#[test]
fn an_unknown_benchmark_needs_its_inner_count() {
    assert!("Nope".parse::<Selection>().unwrap_err().contains("--list"));
    let chosen = choose(&["Nope:3".parse().unwrap()], Suite::Awfy, Size::Quick);
    assert_eq!(chosen, [Benchmark { name: "Nope".into(), inner: 3 }]);
    assert!(!chosen[0].is_awfy());
}

#[test]
fn inner_counts_are_positive() {
    assert!("Sieve:0".parse::<Selection>().is_err());
    assert!("Sieve:many".parse::<Selection>().is_err());
}

#[test]
fn only_the_slowest_benchmarks_have_presets_of_their_own_for_iterations() {
    let few = |size| choose(&[], Suite::All, size).iter().filter(|b| b.iterations(size) != size.iterations()).count();
    assert_eq!([Size::Quick, Size::Steady, Size::Warmup].map(few), [0, 0, 1]);
    assert_eq!(choose(&[], Suite::Workload, Size::Warmup)[0].iterations(Size::Warmup), 100);
}

#[test]
fn each_round_of_the_workload_has_an_order_of_its_own() {
    let inners = |suite, round| -> Vec<u64> {
        choose(&[], suite, Size::Quick).iter().map(|benchmark| benchmark.in_round(round).inner).collect()
    };
    assert_eq!([0, 1, 19].map(|round| inners(Suite::Workload, round)), [[1], [2], [20]]);
    assert_eq!(inners(Suite::All, 0), inners(Suite::All, 7));
}

#[test]
fn every_benchmark_exists() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benchmarks");
    for entry in ENTRIES {
        assert!(directory.join(format!("{}.som", entry.name)).exists(), "{}", entry.name);
    }
}

use super::*;

#[test]
fn a_suite_without_selection_is_complete() {
    assert_eq!(choose(&[], Suite::Awfy, Size::Quick).len(), 14);
    assert_eq!(choose(&[], Suite::Micro, Size::Quick).len(), 16);
    assert_eq!(choose(&[], Suite::All, Size::Steady).len(), 30);
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

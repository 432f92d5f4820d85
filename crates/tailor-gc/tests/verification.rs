//! Stress mode, and what verification finds.

mod common;

use common::*;
use tailor_gc::{HeapConfig, Sampling};

#[test]
fn stress_mode_collects_at_every_allocation() {
    let mut heap = heap(HeapConfig { stress: true, verify: true, limit: 64 << 20, ..HeapConfig::default() });
    let first = list(&mut heap, 300);
    assert!(heap.stats().collections >= 300);
    check_list(first, 300);
}

#[test]
fn sampled_stress_collects_at_some_allocations() {
    let sampling = Sampling { stress: 100, verify: 10, seed: 3 };
    let mut heap = heap(HeapConfig { stress: true, verify: true, sampling, limit: 64 << 20, ..HeapConfig::default() });
    let first = list(&mut heap, 10_000);
    let collections = heap.stats().collections;
    assert!((70..130).contains(&collections), "{collections}");
    check_list(first, 10_000);
}

#[test]
#[should_panic(expected = "is old, refers to what is or was a young object, and is not remembered")]
fn verification_finds_a_missing_barrier() {
    let (mut heap, roots) = long_verified_heap(1, 0);
    let young = new_node(&mut heap, 2, 0);
    roots.get(2500).slots()[0].set(Some(young));
    collect_nursery(&mut heap);
    std::hint::black_box(young);
}

#[test]
#[should_panic(expected = "is old, refers to what is or was a young object, and is not remembered")]
fn verification_finds_a_missing_barrier_to_an_object_that_died() {
    let (mut heap, roots) = long_verified_heap(1, 0);
    apart(|| {
        let young = new_node(&mut heap, 2, 0);
        roots.get(2500).slots()[0].set(Some(young));
    });
    collect(&mut heap);
}

#[test]
#[should_panic(expected = "is old, refers to what is or was a young object, and is not remembered")]
fn verification_finds_a_store_that_was_announced_for_another_slot() {
    let (mut heap, roots) = long_verified_heap(20_000, 0);
    let (young, old) = (new_node(&mut heap, 2, 0), roots.get(5000));
    link(&mut heap, old, 1, Some(young));
    // On another card than slot 1.
    old.slots()[9_000].set(Some(young));
    collect_nursery(&mut heap);
    std::hint::black_box(young);
}

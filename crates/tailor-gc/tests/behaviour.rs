//! What users of the heap can rely on, one behaviour a test.

mod common;

use std::cell::Cell;

use common::*;
use tailor_gc::{Gc, Heap, HeapConfig, StackRange, WeakMap, WeakRef};

#[test]
fn what_a_local_variable_refers_to_survives_where_it_is() {
    let mut heap = small_heap();
    let node = new_node(&mut heap, 42, 3);
    let address = node.as_ptr();
    for _ in 0..5 {
        collect_nursery(&mut heap);
        collect(&mut heap);
    }
    assert_eq!(std::hint::black_box(node).as_ptr(), address);
    assert_eq!(node.id, 42);
}

#[test]
fn a_pointer_into_an_object_keeps_it() {
    let mut heap = small_heap();
    let words: &[Cell<u64>] = apart(|| {
        let node = new_node_at(&mut heap, Place::Nursery, 5, 0, 100, StackRange::EMPTY).expect("memory");
        // SAFETY: the test is that this pointer keeps the object.
        unsafe { std::slice::from_raw_parts(node.words()[60..].as_ptr(), 40) }
    });
    for _ in 0..3 {
        apart(|| list(&mut heap, 20_000));
        collect(&mut heap);
    }
    for (i, word) in std::hint::black_box(words).iter().enumerate() {
        assert_eq!(word.get(), 5 * 31 + 60 + i as u64);
    }
}

#[test]
fn a_pointer_into_a_large_object_keeps_it() {
    let mut heap = small_heap();
    let word: &Cell<u64> = apart(|| {
        let node = new_node_at(&mut heap, Place::Nursery, 5, 0, 100_000, StackRange::EMPTY).expect("memory");
        // SAFETY: the test is that this pointer keeps the object.
        unsafe { &*std::ptr::from_ref(&node.words()[99_000]) }
    });
    collect_nursery(&mut heap);
    collect(&mut heap);
    apart(|| new_node_at(&mut heap, Place::Nursery, 6, 0, 100_000, StackRange::EMPTY).expect("memory"));
    assert_eq!(std::hint::black_box(word).get(), 5 * 31 + 99_000);
}

#[test]
fn the_guest_stack_is_a_root() {
    let mut heap = small_heap();
    let mut stack = vec![0u64; 64];
    stack[17] = apart(|| list(&mut heap, 1000).as_ptr() as u64 ^ !0) ^ !0;
    clean_stack();
    let range = StackRange { base: stack.as_ptr(), top: stack.as_ptr_range().end };
    // SAFETY: the range is that of the vector.
    unsafe {
        heap.collect_nursery(range);
        heap.collect(range);
        heap.collect(range);
        check_list(Gc::from_ptr(stack[17] as *mut Node), 1000);
    }
}

#[test]
fn survivors_move_and_keep_their_content() {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    let before = apart(|| {
        let node = list(&mut heap, 1000);
        roots.push(node);
        !(node.as_ptr() as u64)
    });
    collect_nursery(&mut heap);
    check_list(roots.get(0), 1000);
    assert_ne!(!(roots.get(0).as_ptr() as u64), before);
    collect(&mut heap);
    check_list(roots.get(0), 1000);
}

#[test]
fn dead_objects_are_freed() {
    let mut heap = heap(HeapConfig { limit: 64 << 20, nursery: 256 << 10, ..HeapConfig::default() });
    for _ in 0..50 {
        apart(|| list(&mut heap, 100_000));
    }
    collect(&mut heap);
    let stats = heap.stats();
    assert!(stats.allocated_bytes >= 50 * 100_000 * 32, "{stats:?}");
    assert!(stats.heap_bytes <= 2 << 20, "{stats:?}");
}

#[test]
fn old_objects_keep_new_ones_by_the_write_barrier() {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    apart(|| roots.push(new_node(&mut heap, 1, 1)));
    let immortal = new_node_at(&mut heap, Place::Immortal, 2, 1, 0, StackRange::EMPTY).expect("memory");
    for round in 0..20 {
        collect_nursery(&mut heap);
        apart(|| {
            let young = list(&mut heap, 10 + round);
            link(&mut heap, roots.get(0), 0, Some(young));
            let young = list(&mut heap, 20 + round);
            link(&mut heap, immortal, 0, Some(young));
        });
        collect_nursery(&mut heap);
        check_list(roots.get(0).slots()[0].get().expect("kept"), 10 + round);
        check_list(immortal.slots()[0].get().expect("kept"), 20 + round);
    }
}

#[test]
fn old_objects_keep_residents_of_the_nursery() {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    apart(|| roots.push(new_node(&mut heap, 1, 2)));
    collect(&mut heap);
    // Pinned by this frame at the first collection, so that it stays young; later only the old object refers to it.
    let address = apart(|| {
        let resident = new_node(&mut heap, 7, 0);
        link(&mut heap, roots.get(0), 0, Some(resident));
        collect_nursery(&mut heap);
        !(std::hint::black_box(resident).as_ptr() as usize)
    });
    assert_eq!(!(roots.get(0).slots()[0].get().expect("kept").as_ptr() as usize), address);
    collect_nursery(&mut heap);
    apart(|| list(&mut heap, 50_000));
    assert_eq!(roots.get(0).slots()[0].get().expect("kept").id, 7);
}

#[test]
fn large_objects_live_and_die() {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    apart(|| {
        let node = new_node_at(&mut heap, Place::Nursery, 1, 50_000, 10, StackRange::EMPTY).expect("memory");
        roots.push(node);
    });
    for i in 0..100 {
        apart(|| {
            new_node_at(&mut heap, Place::Nursery, 2, 0, 200_000, StackRange::EMPTY).expect("memory");
            let young = new_node(&mut heap, i, 0);
            link(&mut heap, roots.get(0), i as usize * 400, Some(young));
        });
    }
    collect(&mut heap);
    roots.get(0).check();
    for i in 0..100 {
        assert_eq!(roots.get(0).slots()[i * 400].get().expect("kept").id, i as u64);
    }
    // The last dead one or two may still be pinned by stale words on the stack.
    assert!(heap.stats().heap_bytes < 5 << 20, "{:?}", heap.stats());
}

#[test]
fn identity_hashes_stay_and_differ() {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    let mut hashes = Vec::new();
    apart(|| {
        for id in 0..1000 {
            let node = new_node(&mut heap, id, 0);
            hashes.push(heap.identity_hash(node));
            roots.push(node);
        }
    });
    for round in 0..3 {
        if round == 0 {
            collect_nursery(&mut heap)
        } else {
            collect(&mut heap)
        }
        for (id, &hash) in hashes.iter().enumerate() {
            assert_eq!(heap.identity_hash(roots.get(id)), hash);
            assert_eq!(roots.get(id).id, id as u64);
        }
    }
    assert!(hashes.iter().all(|&h| h < 1 << 30));
    hashes.sort_unstable();
    hashes.dedup();
    assert!(hashes.len() > 995, "{} different hashes of 1000", hashes.len());
}

#[test]
fn weak_references_are_cleared_when_their_object_dies() {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    let weak = apart(|| {
        let mut weak = Vec::new();
        for id in 0..100 {
            let node = new_node(&mut heap, id, 0);
            if id % 2 == 0 {
                roots.push(node);
            }
            // SAFETY: no guest stack.
            weak.push(unsafe { WeakRef::new(&mut heap, node, StackRange::EMPTY) }.expect("memory"));
        }
        weak
    });
    // Weak references themselves are kept alive by nothing but this stack-resident copy of the pointers.
    let weak: [Gc<WeakRef<Node>>; 100] = weak.try_into().expect("100 of them");
    collect_nursery(&mut heap);
    collect(&mut heap);
    let dead = (0..100).filter(|i| weak[*i].get().is_none()).count();
    assert!((45..=50).contains(&dead), "{dead} cleared");
    for i in 0..50 {
        assert_eq!(weak[2 * i].get(), Some(roots.get(i)));
    }
}

#[test]
fn weak_maps_keep_values_as_long_as_keys() {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    let map: WeakMap<NodeSlot> = WeakMap::new(&mut heap);
    apart(|| {
        for id in 0..200 {
            let (key, value) = (new_node(&mut heap, id, 0), new_node(&mut heap, id + 1000, 1));
            // The value refers to its key, which must not keep it alive.
            value.slots()[0].set(Some(key));
            map.insert(&mut heap, key, Cell::new(Some(value)));
            if id % 2 == 0 {
                roots.push(key);
            }
        }
    });
    for round in 0..4 {
        if round == 0 {
            collect_nursery(&mut heap)
        } else {
            collect(&mut heap)
        }
        assert!((100..=105).contains(&map.len()), "{} entries left", map.len());
        for i in 0..100 {
            let value = map.get(roots.get(i)).expect("its key is alive").get().expect("a value");
            assert_eq!(value.id, 1000 + 2 * i as u64);
            assert_eq!(value.slots()[0].get(), Some(roots.get(i)));
        }
    }
    assert!(map.remove(roots.get(3)).is_some());
    assert!(map.get(roots.get(3)).is_none());
    drop(map);
    collect(&mut heap);
}

#[test]
fn ephemerons_form_chains() {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    let map: WeakMap<NodeSlot> = WeakMap::new(&mut heap);
    const LENGTH: u64 = 20_000;
    apart(|| {
        // Entry i's value is entry i+1's key; inserted last first, so that a search in order would be quadratic.
        let mut key = new_node(&mut heap, LENGTH, 0);
        for id in (0..LENGTH).rev() {
            let before = new_node(&mut heap, id, 0);
            map.insert(&mut heap, before, Cell::new(Some(key)));
            key = before;
        }
        roots.push(key);
    });
    collect(&mut heap);
    let mut key = roots.get(0);
    for id in 0..LENGTH {
        assert_eq!(key.id, id);
        key = map.get(key).expect("in the chain").get().expect("a value");
    }
    roots.0.borrow_mut().clear();
    apart(|| key.id);
    collect(&mut heap);
    collect(&mut heap);
    assert!(map.len() <= LENGTH as usize);
}

#[test]
fn marking_does_not_use_the_native_stack() {
    const LENGTH: u64 = if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 };
    let run = || {
        let mut heap = heap(HeapConfig { limit: 1 << 30, ..HeapConfig::default() });
        let roots = Roots::new(&mut heap);
        roots.push(list(&mut heap, LENGTH));
        collect(&mut heap);
        check_list(roots.get(0), LENGTH);
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).expect("a thread").join().expect("no overflow");
}

#[test]
fn too_large_a_request_is_refused_at_once() {
    let mut heap = heap(HeapConfig { limit: 8 << 20, ..HeapConfig::default() });
    let error = new_node_at(&mut heap, Place::Nursery, 1, 0, 2 << 20, StackRange::EMPTY).expect_err("16 MB of 8");
    assert_eq!((error.requested, error.limit), (Node::size_for(0, 2 << 20), 8 << 20));
    assert_eq!(heap.stats().collections, 0);
    new_node(&mut heap, 1, 1);
}

#[test]
fn a_full_heap_is_an_error_and_can_be_used_on() {
    for slots in [1, 100, 3000, 20_000] {
        let mut heap = heap(HeapConfig { limit: 8 << 20, ..HeapConfig::default() });
        let roots = Roots::new(&mut heap);
        for round in 0..3 {
            let mut bytes = 0;
            apart(|| {
                while let Ok(node) = new_node_at(&mut heap, Place::Nursery, 1, slots, 0, StackRange::EMPTY) {
                    bytes += Node::size_for(slots, 0);
                    if roots.len() == 0 {
                        roots.push(node);
                    } else {
                        node.slots()[0].set(Some(roots.get(0)));
                        roots.0.borrow()[0].set(Some(node));
                    }
                }
            });
            assert!(bytes > 4 << 20, "round {round}: {bytes} bytes fit into 8 MB, nodes of {slots} slots");
            assert!(heap.stats().peak_heap_bytes <= 9 << 20, "{:?}", heap.stats());
            roots.0.borrow_mut().clear();
        }
    }
}

#[test]
fn a_heap_far_below_its_limit_does_not_collect_much() {
    let mut heap = heap(HeapConfig { limit: 1 << 30, ..HeapConfig::default() });
    apart(|| list(&mut heap, 1_000_000));
    let stats = heap.stats();
    assert!(stats.collections <= 9 && stats.full_collections == 0, "{stats:?}");
}

#[test]
fn the_nursery_is_as_large_as_survivors_make_it() {
    const FIRST: u64 = 256 << 10;
    let mut heap = heap(HeapConfig { limit: 256 << 20, nursery: FIRST as usize, ..HeapConfig::default() });
    // Bytes allocated between collections, as the average of some.
    let between = |heap: &mut Heap, nodes: u64, length: u64| {
        let before = heap.stats();
        for _ in 0..nodes / length {
            apart(|| list(heap, length));
        }
        let after = heap.stats();
        (after.allocated_bytes - before.allocated_bytes) / (after.collections - before.collections)
    };
    // Lists that are dead before a collection comes, but for one.
    let small = between(&mut heap, 200_000, 50);
    assert!(small < FIRST + FIRST / 4, "{small}");
    // Lists that outlive many nurseries of the first size.
    between(&mut heap, 400_000, 200_000);
    let grown = between(&mut heap, 400_000, 200_000);
    assert!(grown > 5 * FIRST && grown < 9 * FIRST, "{grown}");
    between(&mut heap, 400_000, 50);
    let small = between(&mut heap, 200_000, 50);
    assert!(small < FIRST + FIRST / 4, "{small}");
    // A collection on request gives the memory back.
    between(&mut heap, 400_000, 200_000);
    collect(&mut heap);
    assert!(heap.stats().heap_bytes < 2 * FIRST, "{:?}", heap.stats());
}

#[test]
fn fragmented_blocks_are_evacuated() {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    apart(|| {
        for id in 0..200_000 {
            roots.push(new_node(&mut heap, id, 0));
        }
    });
    collect(&mut heap);
    let full = heap.stats().heap_bytes;
    let kept: Vec<_> = roots.0.borrow_mut().drain(..).step_by(50).collect();
    *roots.0.borrow_mut() = kept;
    collect(&mut heap);
    collect(&mut heap);
    let stats = heap.stats();
    assert!(stats.evacuated_bytes > 0 && stats.heap_bytes < full / 10, "{full} before, {stats:?}");
    for i in 0..roots.len() {
        assert_eq!(roots.get(i).id, 50 * i as u64);
    }
}

#[test]
fn a_deep_guest_stack_full_of_pointers_is_no_problem() {
    let mut heap = small_heap();
    let mut stack = vec![0u64; 30_000];
    for i in 0..stack.len() {
        let range = StackRange { base: stack.as_ptr(), top: stack[i..].as_ptr() };
        let node = new_node_at(&mut heap, Place::Nursery, i as u64, 1, 0, range).expect("memory");
        node.slots()[0].set((i > 0).then(|| {
            // SAFETY: an object that the stack keeps.
            unsafe { Gc::from_ptr(stack[i - 1] as *mut Node) }
        }));
        stack[i] = node.as_ptr() as u64;
    }
    for (i, &word) in stack.iter().enumerate() {
        // SAFETY: as above.
        let node: Gc<Node> = unsafe { Gc::from_ptr(word as *mut Node) };
        assert_eq!(node.id, i as u64);
    }
}

#[test]
fn several_heaps_live_side_by_side() {
    let mut heaps: Vec<_> = (0..8).map(|_| small_heap()).collect();
    let roots: Vec<_> = heaps.iter_mut().map(Roots::new).collect();
    for round in 1..5 {
        for (heap, roots) in heaps.iter_mut().zip(&roots) {
            roots.push(list(heap, 5000 * round));
        }
    }
    for roots in &roots {
        for i in 0..4 {
            check_list(roots.get(i), 5000 * (i as u64 + 1));
        }
    }
}

#[test]
#[should_panic(expected = "have the same kind number")]
fn kinds_are_registered_once() {
    #[repr(C)]
    struct Other(tailor_gc::Header);
    // SAFETY: as the trait demands, but for the kind number.
    unsafe impl tailor_gc::Object for Other {
        const KIND: u8 = Node::KIND;
        const NAME: &'static str = "Other";
        fn size(&self) -> usize {
            8
        }
        fn trace(&self, _: &mut tailor_gc::Visitor<'_>) {}
    }
    let mut heap = small_heap();
    heap.register::<Node>();
    heap.register::<Other>();
}

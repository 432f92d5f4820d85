//! Stores into very large objects.

mod common;

use std::cell::Cell;

use common::*;
use tailor_gc::{Gc, HeapConfig, StackRange};

#[test]
fn stores_into_very_large_objects_keep_what_they_refer_to() {
    for stay_young in [false, true] {
        let (mut heap, roots) = long_verified_heap(50_000, 7);
        let old = roots.get(5000);
        for round in 0..200u64 {
            let slot = (round as usize * 7919) % 50_000;
            let young = list(&mut heap, 5 + round);
            link(&mut heap, old, slot, Some(young));
            let kept = std::hint::black_box(stay_young.then_some(young));
            if round % 3 == 0 {
                collect_nursery(&mut heap);
            }
            std::hint::black_box(kept);
        }
        collect(&mut heap);
        for round in 0..200u64 {
            let slot = (round as usize * 7919) % 50_000;
            check_list(old.slots()[slot].get().expect("kept"), 5 + round);
        }
        old.check();
    }
}

#[test]
fn a_store_into_a_very_large_object_does_not_cost_a_look_at_all_of_it() {
    thread_local!(static VISITED: Cell<usize> = const { Cell::new(0) });
    #[repr(C)]
    struct Table {
        header: tailor_gc::Header,
        slots: [NodeSlot; 100_000],
    }
    // SAFETY: `repr(C)`, begins with the header, fixed size, visits all slots.
    unsafe impl tailor_gc::Object for Table {
        const KIND: u8 = 9;
        const NAME: &'static str = "Table";
        fn size(&self) -> usize {
            size_of::<Self>()
        }
        fn trace(&self, visitor: &mut tailor_gc::Visitor<'_>) {
            VISITED.set(VISITED.get() + self.slots.len());
            self.slots.iter().for_each(|slot| visitor.visit(slot));
        }
        const HAS_PARTS: bool = true;
        fn trace_part(&self, part: tailor_gc::Part, visitor: &mut tailor_gc::Visitor<'_>) {
            VISITED.set(VISITED.get() + part.of(&self.slots).len());
            part.of(&self.slots).iter().for_each(|slot| visitor.visit(slot));
        }
    }
    let mut heap = heap(HeapConfig { limit: 64 << 20, ..HeapConfig::default() });
    heap.register::<Table>();
    // SAFETY: zero is a slot without a reference.
    let table = unsafe {
        let table: Gc<Table> = heap.alloc(size_of::<Table>(), 0, StackRange::EMPTY).expect("memory");
        (&raw mut (*table.as_ptr()).slots).write_bytes(0, 1);
        table
    };
    collect_nursery(&mut heap);
    VISITED.set(0);
    for index in [0, 777, 778, 99_999] {
        table.slots[index].set(Some(apart(|| new_node(&mut heap, index as u64, 0))));
        heap.write_barrier_slot(table, &table.slots[index]);
    }
    collect_nursery(&mut heap);
    assert!((4..=4 * 32).contains(&VISITED.get()), "{} slots visited", VISITED.get());
    for index in [0, 777, 778, 99_999] {
        assert_eq!(table.slots[index].get().expect("kept").id, index as u64);
    }
    // What has moved to the old generation needs no more looks.
    VISITED.set(0);
    clean_stack();
    collect_nursery(&mut heap);
    collect_nursery(&mut heap);
    VISITED.set(0);
    collect_nursery(&mut heap);
    assert_eq!(VISITED.get(), 0);
}

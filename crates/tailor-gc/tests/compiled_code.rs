//! What a JIT compiler relies on: allocation and barrier inline, words that are roots.

mod common;

use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use common::*;
use tailor_gc::{AmbiguousRoots, Gc, Header, Heap, HeapConfig, Object, StackRange};

/// Registers of some virtual machine, in memory that nobody scans by himself.
struct RegisterFile(Vec<Cell<u64>>);

// SAFETY: the range is that of the vector, which is never resized.
unsafe impl AmbiguousRoots for RegisterFile {
    fn report(&self, range: &mut dyn FnMut(StackRange)) {
        let words = self.0.as_ptr_range();
        range(StackRange { base: words.start.cast(), top: words.end.cast() });
    }
}

#[test]
fn registered_ranges_pin_what_they_point_to() {
    let mut heap = small_heap();
    let file = Rc::new(RegisterFile(vec![Cell::new(0); 16]));
    heap.add_ambiguous_roots(&file);
    let address = apart(|| {
        let node = list(&mut heap, 100);
        // Into the object: any pointer keeps it.
        file.0[15].set(node.as_ptr() as u64 + 9);
        !(node.as_ptr() as u64)
    });
    for round in 0..6 {
        apart(|| list(&mut heap, 20_000));
        if round % 2 == 0 {
            collect(&mut heap)
        } else {
            collect_nursery(&mut heap)
        }
        // SAFETY: the test is that the object is still there.
        check_list(unsafe { Gc::from_ptr(!address as *mut Node) }, 100);
    }
    let pinned = heap.stats().pinned_objects;
    drop(file);
    collect(&mut heap);
    collect(&mut heap);
    assert!(heap.stats().pinned_objects <= pinned + 8, "what only the dropped set pointed to is pinned no more");
}

/// What compiled code does, as documented at `Heap::CURSOR_OFFSET`.
#[test]
fn the_documented_sequences_allocate_and_announce_stores() {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    let bytes = Node::size_for(1, 0);
    let allocate = |heap: &mut Heap, id: u64| {
        let base = (&raw mut *heap).cast::<u8>();
        let field = |offset: usize| base.wrapping_add(offset).cast::<usize>();
        let (cursor, limit) = (field(Heap::CURSOR_OFFSET), field(Heap::LIMIT_OFFSET));
        // SAFETY: this is the sequence that is documented; a node's payload is initialised below.
        unsafe {
            let object = cursor.read();
            let end = object + bytes;
            let object = if end <= limit.read() {
                cursor.write(end);
                (object as *mut u64).write(Header::word(Node::KIND, bytes, 5));
                object as *mut u64
            } else {
                heap.alloc_slow(Node::KIND, bytes, 5, StackRange::EMPTY).expect("memory").as_ptr().cast()
            };
            object.add(1).write(id);
            object.add(2).write(1);
            object.add(3).write(0);
            Gc::<Node>::from_ptr(object.cast())
        }
    };
    let store = |heap: &mut Heap, object: Gc<Node>, value: Gc<Node>| {
        let header = object.as_ptr().cast::<u8>();
        // SAFETY: the first slot of a node is its fourth word.
        let slot = unsafe { object.as_ptr().cast::<u64>().add(3) };
        // SAFETY: the same; the state is a byte of the header.
        unsafe {
            slot.write(value.as_ptr() as u64);
            if header.add(Header::STATE_OFFSET).read() & Header::UNLOGGED != 0 {
                heap.remember_slot(NonNull::new_unchecked(header.cast()), slot.cast());
            }
        }
    };
    apart(|| roots.push(allocate(&mut heap, 0)));
    collect(&mut heap);
    for id in 1..50_000 {
        let node = allocate(&mut heap, id);
        assert_eq!((node.id, node.slots().len()), (id, 1));
        if id % 100 == 0 {
            if let Some(before) = roots.get(0).slots()[0].get() {
                store(&mut heap, node, before);
            }
            store(&mut heap, roots.get(0), node);
        }
    }
    let (mut length, mut next) = (0, roots.get(0).slots()[0].get());
    while let Some(node) = next {
        length += 1;
        assert_eq!(node.id, 50_000 - 100 * length);
        next = node.slots()[0].get();
    }
    assert_eq!(length, 499);
    assert!(heap.stats().collections > 3);
}

/// Compiled code goes on allocating beyond the limit, which costs no more than what it allocates; everybody else is refused, until there is room again.
#[test]
fn beyond_the_limit_only_compiled_code_gets_memory() {
    const LIMIT: usize = 4 << 20;
    let mut heap = heap(HeapConfig { limit: LIMIT, verify: true, ..HeapConfig::default() });
    let roots = Roots::new(&mut heap);
    let bytes = Node::size_for(1, 0);
    let allocate = |heap: &mut Heap| {
        // SAFETY: a node's payload is initialised at once.
        let (object, is_within_limit) = unsafe {
            let word = Header::word(Node::KIND, bytes, 0);
            let (object, is_within_limit) = heap.alloc_beyond_limit(bytes, word, StackRange::EMPTY);
            object.cast::<u64>().add(1).write(7);
            object.cast::<u64>().add(2).write(1);
            object.cast::<u64>().add(3).write(0);
            (Gc::<Node>::from_ptr(object.cast()), is_within_limit)
        };
        (object, is_within_limit)
    };
    for _ in 0..2 {
        let mut beyond = 0;
        apart(|| {
            // A quarter of the limit more than there is.
            while beyond * bytes < LIMIT / 4 {
                let (node, is_within_limit) = allocate(&mut heap);
                beyond += usize::from(!is_within_limit);
                node.slots()[0].set((roots.len() > 0).then(|| roots.get(0)));
                roots.0.borrow_mut().clear();
                roots.push(node);
            }
        });
        let refused = new_node_at(&mut heap, Place::Nursery, 1, 1, 0, StackRange::EMPTY).is_err();
        assert!(refused, "there is no room for others");
        let mut length = 0;
        // What is left of the last node on this function's stack would keep all of them in the next round.
        apart(|| {
            let mut next = Some(roots.get(0));
            while let Some(node) = next {
                assert_eq!(node.id, 7);
                length += 1;
                next = node.slots()[0].get();
            }
        });
        assert!(length * bytes > LIMIT, "{length} objects were kept");
        roots.0.borrow_mut().clear();
        collect(&mut heap);
        new_node(&mut heap, 1, 1);
    }
}

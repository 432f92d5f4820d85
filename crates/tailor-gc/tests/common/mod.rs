//! A small object model for the tests: nodes with an identifying number, slots, and some bytes behind them.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tailor_gc::{Gc, Header, Heap, HeapConfig, Object, OutOfMemory, Part, RootSet, StackRange, Visitor};

/// An object with `slots` slots and `words` words of data.
#[repr(C)]
pub struct Node {
    header: Header,
    pub id: u64,
    slots: u32,
    words: u32,
}

pub type NodeSlot = Cell<Option<Gc<Node>>>;

impl Node {
    pub fn size_for(slots: usize, words: usize) -> usize {
        size_of::<Node>() + 8 * (slots + words)
    }

    pub fn slots(&self) -> &[NodeSlot] {
        // SAFETY: allocated with that many slots.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).add(1).cast(), self.slots as usize) }
    }

    pub fn words(&self) -> &[Cell<u64>] {
        // SAFETY: the words lie behind the slots.
        unsafe { std::slice::from_raw_parts(self.slots().as_ptr_range().end.cast(), self.words as usize) }
    }

    /// Panics unless the data are as `new_node` made them.
    pub fn check(&self) {
        for (i, word) in self.words().iter().enumerate() {
            assert_eq!(word.get(), self.id.wrapping_mul(31).wrapping_add(i as u64), "data of node {}", self.id);
        }
    }
}

// SAFETY: `repr(C)`, begins with the header, sized by its counts, traces all slots.
unsafe impl Object for Node {
    const KIND: u8 = 7;
    const NAME: &'static str = "Node";
    fn size(&self) -> usize {
        Node::size_for(self.slots as usize, self.words as usize)
    }
    fn trace(&self, visitor: &mut Visitor<'_>) {
        for slot in self.slots() {
            visitor.visit(slot);
        }
    }
    const HAS_PARTS: bool = true;
    fn trace_part(&self, part: Part, visitor: &mut Visitor<'_>) {
        for slot in part.of(self.slots()) {
            visitor.visit(slot);
        }
    }
}

/// Where a node is allocated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Nursery,
    Immortal,
}

pub fn new_node_at(
    heap: &mut Heap,
    place: Place,
    id: u64,
    slots: usize,
    words: usize,
    stack: StackRange,
) -> Result<Gc<Node>, OutOfMemory> {
    let bytes = Node::size_for(slots, words);
    // SAFETY: initialised right here.
    unsafe {
        let node: Gc<Node> = match place {
            Place::Nursery => heap.alloc(bytes, id as u32, stack)?,
            Place::Immortal => heap.alloc_immortal(bytes, id as u32)?,
        };
        let p = node.as_ptr();
        (&raw mut (*p).id).write(id);
        (&raw mut (*p).slots).write(slots as u32);
        (&raw mut (*p).words).write(words as u32);
        let tail = p.add(1).cast::<u64>();
        for i in 0..slots {
            tail.add(i).write(0);
        }
        for i in 0..words {
            tail.add(slots + i).write(id.wrapping_mul(31).wrapping_add(i as u64));
        }
        Ok(node)
    }
}

pub fn new_node(heap: &mut Heap, id: u64, slots: usize) -> Gc<Node> {
    new_node_at(heap, Place::Nursery, id, slots, 0, StackRange::EMPTY).expect("memory")
}

/// Stores a reference, and announces it in one of the two ways.
pub fn link(heap: &mut Heap, from: Gc<Node>, slot: usize, to: Option<Gc<Node>>) {
    from.slots()[slot].set(to);
    if slot.is_multiple_of(5) {
        heap.write_barrier(from);
    } else {
        heap.write_barrier_slot(from, &from.slots()[slot]);
    }
}

pub fn heap(config: HeapConfig) -> Heap {
    let mut heap = Heap::new(config);
    heap.register::<Node>();
    heap
}

pub fn small_heap() -> Heap {
    heap(HeapConfig { limit: 64 << 20, nursery: 256 << 10, verify: true, ..HeapConfig::default() })
}

/// Precise roots.
#[derive(Default)]
pub struct Roots(pub RefCell<Vec<NodeSlot>>);

impl RootSet for Roots {
    fn trace(&self, visitor: &mut Visitor<'_>) {
        for slot in self.0.borrow().iter() {
            visitor.visit(slot);
        }
    }
}

impl Roots {
    pub fn new(heap: &mut Heap) -> Rc<Roots> {
        let roots = Rc::new(Roots::default());
        heap.add_root_set(&roots);
        roots
    }

    pub fn push(&self, node: Gc<Node>) {
        self.0.borrow_mut().push(Cell::new(Some(node)));
    }

    pub fn get(&self, index: usize) -> Gc<Node> {
        self.0.borrow()[index].get().expect("a root")
    }

    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

/// Runs `f` deep enough below the caller's frame, and returns after its frames' memory has been overwritten, so that no
/// pointer it had is left on the stack.
#[inline(never)]
pub fn apart<R>(f: impl FnOnce() -> R) -> R {
    let result = std::hint::black_box(f)();
    clean_stack();
    result
}

#[inline(never)]
pub fn clean_stack() {
    let mut space = [0u64; 4096];
    std::hint::black_box(&mut space);
}

pub fn collect(heap: &mut Heap) {
    clean_stack();
    // SAFETY: there is no guest stack; all objects are initialised.
    unsafe { heap.collect(StackRange::EMPTY) }
}

pub fn collect_nursery(heap: &mut Heap) {
    clean_stack();
    // SAFETY: as in `collect`.
    unsafe { heap.collect_nursery(StackRange::EMPTY) }
}

/// Makes a list of `length` nodes, the last with the highest number, and returns its first.
pub fn list(heap: &mut Heap, length: u64) -> Gc<Node> {
    let mut first = None;
    for id in 0..length {
        let node = new_node(heap, id, 1);
        node.slots()[0].set(first);
        first = Some(node);
    }
    first.expect("not empty")
}

pub fn check_list(first: Gc<Node>, length: u64) {
    let mut next = Some(first);
    for id in (0..length).rev() {
        let node = next.expect("as long as it was made");
        assert_eq!(node.id, id);
        next = node.slots()[0].get();
    }
    assert_eq!(next, None);
}

/// An old object in a heap that has been checked many times, in which most blocks have not changed for long.
pub fn long_verified_heap(slots: usize, words: usize) -> (Heap, Rc<Roots>) {
    let mut heap = small_heap();
    let roots = Roots::new(&mut heap);
    apart(|| {
        for id in 0..5000 {
            roots.push(new_node(&mut heap, id, 1));
        }
        roots.push(new_node_at(&mut heap, Place::Nursery, 5000, slots, words, StackRange::EMPTY).expect("memory"));
    });
    collect(&mut heap);
    for _ in 0..5 {
        collect_nursery(&mut heap);
    }
    (heap, roots)
}

//! A small object model for the tests: nodes with an identifying number, slots, and some bytes behind them.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tailor_gc::{Gc, Header, Heap, HeapConfig, Object, OutOfMemory, RootSet, StackRange, Visitor};

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

pub fn link(heap: &mut Heap, from: Gc<Node>, slot: usize, to: Option<Gc<Node>>) {
    from.slots()[slot].set(to);
    heap.write_barrier(from);
}

pub fn heap(config: HeapConfig) -> Heap {
    Heap::new(config)
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

//! What the heap costs, against references that are measured in the same run.
//!
//! `cargo bench -p tailor-gc`. Times are CPU times of the measuring thread; each figure is the median of several runs,
//! which are interleaved with those of its reference. References:
//! - *bump*: advances a cursor through memory and never collects. *Fresh* memory has to be paged in by the system as it is
//!   used, which a program that never frees cannot avoid; *recycled* starts over at the beginning of 4 MB whenever
//!   they are full, which is as good as memory can get, and of no use to any program.
//! - *semispace*: Cheney's copying collector, with explicit roots; 64 MB a space.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

use tailor_gc::{Gc, Header, Heap, HeapConfig, Object, Part, RootSet, StackRange, Visitor};

/// 24 bytes.
#[repr(C)]
struct Node {
    header: Header,
    left: Cell<Option<Gc<Node>>>,
    right: Cell<Option<Gc<Node>>>,
}

// SAFETY: `repr(C)`, begins with the header, fixed size, both slots are visited.
unsafe impl Object for Node {
    const KIND: u8 = 1;
    const NAME: &'static str = "Node";
    fn size(&self) -> usize {
        size_of::<Node>()
    }
    fn trace(&self, visitor: &mut Visitor<'_>) {
        visitor.visit(&self.left);
        visitor.visit(&self.right);
    }
}

#[inline(always)]
fn new_node(heap: &mut Heap, left: Option<Gc<Node>>, right: Option<Gc<Node>>) -> Gc<Node> {
    // SAFETY: initialised right here; there is no guest stack.
    unsafe {
        let node: Gc<Node> = heap.alloc(size_of::<Node>(), 7, StackRange::EMPTY).expect("memory");
        (&raw mut (*node.as_ptr()).left).write(Cell::new(left));
        (&raw mut (*node.as_ptr()).right).write(Cell::new(right));
        node
    }
}

fn heap(limit: usize) -> Heap {
    let mut heap = Heap::new(HeapConfig { limit, ..HeapConfig::default() });
    heap.register::<Node>();
    heap
}

/// Memory straight from the system, all zero, not paged in.
struct Memory {
    start: *mut u8,
    bytes: usize,
}

impl Memory {
    fn new(bytes: usize) -> Memory {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping touches nothing that exists.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0) };
        assert!(start != libc::MAP_FAILED, "{bytes} bytes of memory");
        Memory { start: start.cast(), bytes }
    }

    fn end(&self) -> *mut u8 {
        self.start.wrapping_add(self.bytes)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`.
        unsafe { libc::munmap(self.start.cast(), self.bytes) };
    }
}

/// A node of the references; `forward` serves the copier.
#[repr(C)]
struct PlainNode {
    forward: *mut PlainNode,
    left: *mut PlainNode,
    right: *mut PlainNode,
}

/// The allocator that never collects.
struct Bump {
    cursor: *mut u8,
    limit: *mut u8,
    memory: Memory,
    recycle: bool,
}

impl Bump {
    fn fresh(bytes: usize) -> Bump {
        let memory = Memory::new(bytes);
        Bump { cursor: memory.start, limit: memory.end(), memory, recycle: false }
    }

    fn recycled() -> Bump {
        Bump { recycle: true, ..Bump::fresh(4 << 20) }
    }

    #[inline(always)]
    fn node(&mut self, left: *mut PlainNode, right: *mut PlainNode) -> *mut PlainNode {
        let size = size_of::<PlainNode>();
        if size > self.limit as usize - self.cursor as usize {
            self.full();
        }
        let node = self.cursor.cast::<PlainNode>();
        self.cursor = self.cursor.wrapping_add(size);
        // SAFETY: the node lies within the memory.
        unsafe { node.write(PlainNode { forward: std::ptr::dangling_mut(), left, right }) };
        node
    }

    #[cold]
    fn full(&mut self) {
        assert!(self.recycle, "the benchmark knows how much it allocates");
        self.cursor = self.memory.start;
    }
}

/// Cheney's collector.
struct Semispace {
    cursor: *mut u8,
    limit: *mut u8,
    from: Memory,
    to: Memory,
    roots: Vec<*mut PlainNode>,
}

impl Semispace {
    fn new(bytes: usize) -> Semispace {
        let (from, to) = (Memory::new(bytes), Memory::new(bytes));
        Semispace { cursor: from.start, limit: from.end(), from, to, roots: Vec::with_capacity(1000) }
    }

    /// A node whose children are the two topmost roots.
    #[inline(always)]
    fn node(&mut self, children: bool) -> *mut PlainNode {
        let size = size_of::<PlainNode>();
        if size > self.limit as usize - self.cursor as usize {
            self.collect();
        }
        let (mut left, mut right) = (std::ptr::null_mut(), std::ptr::null_mut());
        if children {
            right = self.roots.pop().expect("pushed by the caller");
            left = self.roots.pop().expect("pushed by the caller");
        }
        let node = self.cursor.cast::<PlainNode>();
        self.cursor = self.cursor.wrapping_add(size);
        // SAFETY: the node lies within the memory.
        unsafe { node.write(PlainNode { forward: std::ptr::null_mut(), left, right }) };
        node
    }

    #[cold]
    #[inline(never)]
    fn collect(&mut self) {
        std::mem::swap(&mut self.from, &mut self.to);
        self.cursor = self.from.start;
        self.limit = self.from.end();
        let mut scan = self.cursor;
        for i in 0..self.roots.len() {
            self.roots[i] = self.copy(self.roots[i]);
        }
        while scan < self.cursor {
            // SAFETY: between the start and the cursor there are nodes.
            let node = unsafe { &mut *scan.cast::<PlainNode>() };
            node.left = self.copy(node.left);
            node.right = self.copy(node.right);
            scan = scan.wrapping_add(size_of::<PlainNode>());
        }
    }

    #[inline(always)]
    fn copy(&mut self, node: *mut PlainNode) -> *mut PlainNode {
        if node.is_null() {
            return node;
        }
        // SAFETY: nodes refer to nodes of the space that is being left.
        let old = unsafe { &mut *node };
        if old.forward.is_null() {
            let new = self.cursor.cast::<PlainNode>();
            self.cursor = self.cursor.wrapping_add(size_of::<PlainNode>());
            // SAFETY: the spaces are equally large, so there is room.
            unsafe { new.write(PlainNode { forward: std::ptr::null_mut(), left: old.left, right: old.right }) };
            old.forward = new;
        }
        old.forward
    }
}

/// CPU time of this thread, in seconds.
fn now() -> f64 {
    // SAFETY: a query.
    unsafe {
        let mut time = std::mem::zeroed::<libc::timespec>();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    }
}

fn time<R>(f: impl FnOnce() -> R) -> f64 {
    let begin = now();
    black_box(f());
    now() - begin
}

/// Makes so many objects, all of them used as far as the compiler knows.
#[inline(always)]
fn for_each<R>(count: usize, mut make: impl FnMut() -> R) {
    for _ in 0..count {
        black_box(make());
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs all contestants `runs` times in turn; returns their medians.
fn compare<const N: usize>(runs: usize, mut contestants: [Box<dyn FnMut() -> f64>; N]) -> [f64; N] {
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..runs {
        for (times, contestant) in times.iter_mut().zip(&mut contestants) {
            times.push(contestant());
        }
    }
    times.map(median)
}

fn verdict(ok: bool) -> &'static str {
    if ok { "met" } else { "MISSED" }
}

fn short_lived() {
    const COUNT: usize = 20_000_000;
    let [ours, fresh, recycled] = compare(
        9,
        [
            Box::new(|| {
                let mut heap = heap(1 << 30);
                time(|| for_each(COUNT, || new_node(&mut heap, None, None)))
            }),
            Box::new(|| {
                let mut bump = Bump::fresh(COUNT * 24);
                let null = std::ptr::null_mut;
                time(|| for_each(COUNT, || bump.node(null(), null())))
            }),
            Box::new(|| {
                let mut bump = Bump::recycled();
                let null = std::ptr::null_mut;
                time(|| for_each(COUNT, || bump.node(null(), null())))
            }),
        ],
    );
    let each = |seconds: f64| seconds * 1e9 / COUNT as f64;
    println!("24-byte objects that die at once, 4 MB nursery ({COUNT} of them)");
    println!("  tailor-gc          {:6.2} ns each", each(ours));
    println!("  bump, fresh        {:6.2} ns each   ratio {:.2}", each(fresh), ours / fresh);
    println!("  bump, recycled     {:6.2} ns each   ratio {:.2}", each(recycled), ours / recycled);
    println!("  at most 1.5 times bump, fresh: {}\n", verdict(ours <= 1.5 * fresh));
}

const DEPTH: u32 = 18;

fn tree(heap: &mut Heap, depth: u32) -> Gc<Node> {
    if depth == 0 {
        return new_node(heap, None, None);
    }
    let left = tree(heap, depth - 1);
    let right = tree(heap, depth - 1);
    new_node(heap, Some(left), Some(right))
}

fn count(tree: Gc<Node>) -> u64 {
    match (tree.left.get(), tree.right.get()) {
        (Some(left), Some(right)) => 1 + count(left) + count(right),
        _ => 1,
    }
}

fn bump_tree(bump: &mut Bump, depth: u32) -> *mut PlainNode {
    if depth == 0 {
        return bump.node(std::ptr::null_mut(), std::ptr::null_mut());
    }
    let left = bump_tree(bump, depth - 1);
    let right = bump_tree(bump, depth - 1);
    bump.node(left, right)
}

/// Leaves the tree on the root stack.
fn semispace_tree(space: &mut Semispace, depth: u32) {
    let children = depth != 0;
    if children {
        semispace_tree(space, depth - 1);
        semispace_tree(space, depth - 1);
    }
    let node = space.node(children);
    space.roots.push(node);
}

fn count_plain(tree: *mut PlainNode) -> u64 {
    // SAFETY: trees consist of nodes.
    let node = unsafe { &*tree };
    if node.left.is_null() { 1 } else { 1 + count_plain(node.left) + count_plain(node.right) }
}

/// The usual program: a long-lived tree, and lots of trees of all sizes that are counted and dropped. Returns a checksum.
fn binary_trees(mut make_and_count: impl FnMut(u32, bool) -> u64) -> u64 {
    let mut nodes = make_and_count(DEPTH + 1, false) + make_and_count(DEPTH, true);
    for depth in (4..=DEPTH).step_by(2) {
        for _ in 0..1 << (DEPTH - depth + 4) {
            nodes += make_and_count(depth, false);
        }
    }
    nodes
}

/// Nodes that `binary_trees` makes.
fn binary_trees_nodes() -> u64 {
    binary_trees(|depth, _| (2 << depth) - 1)
}

fn trees() {
    let [ours, semispace, bump] = compare(
        5,
        [
            Box::new(|| {
                let mut heap = heap(1 << 30);
                let mut long_lived = None;
                let nodes = Cell::new(0);
                let time = time(|| {
                    nodes.set(binary_trees(|depth, keep| {
                        let tree = tree(&mut heap, depth);
                        if keep {
                            long_lived = Some(tree);
                        }
                        count(tree)
                    }));
                });
                assert_eq!(nodes.get(), binary_trees_nodes());
                assert_eq!(count(long_lived.expect("made")), (2 << DEPTH) - 1);
                time
            }),
            Box::new(|| {
                let mut space = Semispace::new(64 << 20);
                let nodes = Cell::new(0);
                let time = time(|| {
                    nodes.set(binary_trees(|depth, keep| {
                        semispace_tree(&mut space, depth);
                        let nodes = count_plain(*space.roots.last().expect("just made"));
                        if !keep {
                            space.roots.pop();
                        }
                        nodes
                    }));
                });
                assert_eq!(nodes.get(), binary_trees_nodes());
                assert_eq!(count_plain(space.roots[0]), (2 << DEPTH) - 1);
                time
            }),
            Box::new(|| {
                let mut bump = Bump::fresh(binary_trees_nodes() as usize * 24);
                time(|| binary_trees(|depth, _| count_plain(bump_tree(&mut bump, depth))))
            }),
        ],
    );
    println!("binary trees, depth {DEPTH} ({} nodes)", binary_trees_nodes());
    println!("  tailor-gc          {:6.0} ms", ours * 1e3);
    println!("  semispace copier   {:6.0} ms   ratio {:.2}", semispace * 1e3, ours / semispace);
    println!("  bump, fresh        {:6.0} ms   ratio {:.2}", bump * 1e3, ours / bump);
    println!("  at most 1.3 times the semispace copier: {}\n", verdict(ours <= 1.3 * semispace));
}

fn start_up() {
    let run = || {
        time(|| {
            let mut heap = heap(1 << 30);
            black_box(new_node(&mut heap, None, None));
            heap
        })
    };
    let seconds = median((0..101).map(|_| run()).collect());
    println!("start-up: heap made, first object allocated");
    println!("  tailor-gc          {:6.3} ms", seconds * 1e3);
    println!("  at most 0.3 ms: {}\n", verdict(seconds <= 0.3e-3));
}

#[derive(Default)]
struct Root(Cell<Option<Gc<Node>>>);

impl RootSet for Root {
    fn trace(&self, visitor: &mut Visitor<'_>) {
        visitor.visit(&self.0);
    }
}

fn nursery_pause() {
    const LIVE: usize = (1 << 20) / 24;
    let mut heap = heap(1 << 30);
    let root = Rc::new(Root::default());
    heap.add_root_set(&root);
    let mut pauses = Vec::new();
    for _ in 0..51 {
        root.0.set(None);
        // SAFETY: there is no guest stack.
        unsafe { heap.collect(StackRange::EMPTY) };
        for _ in 0..LIVE {
            root.0.set(Some(new_node(&mut heap, root.0.get(), None)));
        }
        for_each(100_000, || new_node(&mut heap, None, None));
        // SAFETY: there is no guest stack.
        pauses.push(time(|| unsafe { heap.collect_nursery(StackRange::EMPTY) }));
    }
    let longest = pauses.iter().copied().fold(0.0, f64::max);
    let seconds = median(pauses);
    println!("collection of a nursery in which 1 MB is alive ({LIVE} objects of 24 bytes)");
    println!("  tailor-gc          {:6.2} ms   longest {:.2} ms", seconds * 1e3, longest * 1e3);
    println!("  under 2 ms: {}\n", verdict(seconds < 2e-3));
}

fn full_pause() {
    const LIVE: usize = 100 << 20;
    let mut heap = heap(1 << 30);
    let root = Rc::new(Root::default());
    heap.add_root_set(&root);
    // A list of trees of depth 10, with garbage in between.
    for _ in 0..LIVE / 24 / 2048 {
        let kept = tree(&mut heap, 10);
        root.0.set(Some(new_node(&mut heap, root.0.get(), Some(kept))));
        black_box(tree(&mut heap, 10));
    }
    let run = |heap: &mut Heap| {
        // SAFETY: there is no guest stack.
        time(|| unsafe { heap.collect(StackRange::EMPTY) })
    };
    let first = run(&mut heap);
    let seconds = median((0..11).map(|_| run(&mut heap)).collect());
    let live = heap.stats().live_bytes as f64 / 1e6;
    println!("collection of the whole heap with {live:.0} MB alive, objects of 24 bytes");
    println!("  tailor-gc          {:6.1} ms   the first {:.1} ms", seconds * 1e3, first * 1e3);
    println!("  under 150 ms: {}\n", verdict(seconds < 0.15));
}

/// A million slots.
#[repr(C)]
struct Table {
    header: Header,
    slots: [Cell<Option<Gc<Node>>>; 1_000_000],
}

// SAFETY: `repr(C)`, begins with the header, fixed size, all slots are visited.
unsafe impl Object for Table {
    const KIND: u8 = 2;
    const NAME: &'static str = "Table";
    fn size(&self) -> usize {
        size_of::<Self>()
    }
    fn trace(&self, visitor: &mut Visitor<'_>) {
        self.slots.iter().for_each(|slot| visitor.visit(slot));
    }
    const HAS_PARTS: bool = true;
    fn trace_part(&self, part: Part, visitor: &mut Visitor<'_>) {
        part.of(&self.slots).iter().for_each(|slot| visitor.visit(slot));
    }
}

/// An old table of nothing.
fn old_table(heap: &mut Heap) -> Gc<Table> {
    heap.register::<Table>();
    // SAFETY: zero is a slot without a reference; there is no guest stack.
    unsafe {
        let table: Gc<Table> = heap.alloc(size_of::<Table>(), 0, StackRange::EMPTY).expect("memory");
        (&raw mut (*table.as_ptr()).slots).write_bytes(0, 1);
        heap.collect_nursery(StackRange::EMPTY);
        table
    }
}

/// Seconds for stores of new objects all over an old table, and, for comparison, without the stores.
fn table_stores(objects: usize, barrier: Option<fn(&mut Heap, Gc<Table>, usize)>) -> f64 {
    let mut heap = heap(1 << 30);
    let table = old_table(&mut heap);
    let mut index = 0;
    time(|| {
        for_each(objects, || {
            let node = new_node(&mut heap, None, None);
            if let Some(barrier) = barrier {
                // A step that visits all indices, far apart.
                index = (index + 618_033) % table.slots.len();
                table.slots[index].set(Some(node));
                barrier(&mut heap, table, index);
            }
            node
        })
    })
}

fn large_old_object() {
    // Each 4 MB nursery holds about 175,000 objects; stores to one slot in a hundred objects, and to every one.
    const OBJECTS: usize = 5_000_000;
    let whole: fn(&mut Heap, Gc<Table>, usize) = |heap, table, _| heap.write_barrier(table);
    let slot: fn(&mut Heap, Gc<Table>, usize) =
        |heap, table, index| heap.write_barrier_slot(table, &table.slots[index]);
    let rare = |barrier: fn(&mut Heap, Gc<Table>, usize)| {
        let mut heap = heap(1 << 30);
        let table = old_table(&mut heap);
        let mut index = 0;
        time(|| {
            for_each(OBJECTS / 100, || {
                for_each(99, || new_node(&mut heap, None, None));
                index = (index + 618_033) % table.slots.len();
                table.slots[index].set(Some(new_node(&mut heap, None, None)));
                barrier(&mut heap, table, index);
            })
        })
    };
    let [none, rare_whole, rare_slot, all_whole, all_slot] = compare(
        7,
        [
            Box::new(|| table_stores(OBJECTS, None)),
            Box::new(move || rare(whole)),
            Box::new(move || rare(slot)),
            Box::new(move || table_stores(OBJECTS, Some(whole))),
            Box::new(move || table_stores(OBJECTS, Some(slot))),
        ],
    );
    let ms = |seconds: f64| seconds * 1e3;
    println!(
        "stores into an old object of a million slots ({OBJECTS} objects made, {:.0} ms without stores)",
        ms(none)
    );
    println!("  one object in 100, write_barrier       {:6.0} ms", ms(rare_whole));
    println!("  one object in 100, write_barrier_slot  {:6.0} ms   ratio {:.2}", ms(rare_slot), rare_slot / rare_whole);
    println!("  every object, write_barrier            {:6.0} ms", ms(all_whole));
    println!("  every object, write_barrier_slot       {:6.0} ms   ratio {:.2}", ms(all_slot), all_slot / all_whole);
    barrier_alone();
}

/// The barriers, on an object that has been stored to already.
fn barrier_alone() {
    const STORES: usize = 20_000_000;
    let mut heap = heap(1 << 30);
    let table = old_table(&mut heap);
    let mut index = 0;
    let mut run = |barrier: fn(&mut Heap, Gc<Table>, usize)| {
        let run = || {
            time(|| {
                for_each(STORES, || {
                    index = (index + 1) & 0xffff;
                    barrier(&mut heap, table, index);
                })
            })
        };
        median(std::iter::repeat_with(run).take(5).collect()) * 1e9 / STORES as f64
    };
    let slot = run(|heap, table, index| heap.write_barrier_slot(table, &table.slots[index]));
    let whole = run(|heap, table, _| heap.write_barrier(table));
    println!("  a store's barrier: write_barrier {whole:.2} ns, write_barrier_slot {slot:.2} ns\n");
}

fn main() {
    start_up();
    short_lived();
    trees();
    nursery_pause();
    full_pause();
    large_old_object();
}

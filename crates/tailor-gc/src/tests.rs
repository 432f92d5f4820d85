//! Tests of the parts, none of which scans a native stack; hence these run under memcheck without a complaint:
//!
//! ```text
//! CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind -q --error-exitcode=1" cargo test -p tailor-gc --lib
//! ```
//!
//! (The other tests scan stacks, and a stack has words that nobody has initialised, which is what memcheck is there to
//! find.)

use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use crate::collector::Collector;
use crate::full::Evacuation;
use crate::header::{self, HASHED, MOVED_HASH, copied_size, copy_object};
use crate::mapping::Mapping;
use crate::minor::Pinned;
use crate::object::Type;
use crate::space::{BLOCK, LINE, LINES, MAP_WORDS, MAX_SMALL, Space, WALK_END, bits, first_bit_from, kind};
use crate::{Gc, Header, Object, RootSet, Slot, StackRange, Visitor};

#[repr(C)]
struct Pair {
    header: Header,
    value: u64,
    next: Cell<Option<Gc<Pair>>>,
}

// SAFETY: `repr(C)`, begins with the header, fixed size, its slot is visited.
unsafe impl Object for Pair {
    const KIND: u8 = 3;
    const NAME: &'static str = "Pair";
    fn size(&self) -> usize {
        size_of::<Self>()
    }
    fn trace(&self, visitor: &mut Visitor<'_>) {
        visitor.visit(&self.next);
    }
}

/// A collector whose only roots are `roots` and what a test passes as stack.
struct Bench {
    collector: Collector,
    roots: Rc<Roots>,
    gap: crate::nursery::Gap,
}

#[derive(Default)]
struct Roots(std::cell::RefCell<Vec<Cell<Option<Gc<Pair>>>>>);

impl RootSet for Roots {
    fn trace(&self, visitor: &mut Visitor<'_>) {
        self.0.borrow().iter().for_each(|slot| visitor.visit(slot));
    }
}

impl Bench {
    fn new() -> Bench {
        let mut collector = Collector::new(Space::new(1000));
        collector.types[Pair::KIND as usize] = Type::of::<Pair>();
        collector.nursery.budget = 100 * BLOCK;
        let roots = Rc::new(Roots::default());
        let set: Rc<dyn RootSet> = roots.clone();
        collector.add_root_set(Rc::downgrade(&set));
        let null = std::ptr::null_mut();
        Bench { collector, roots, gap: crate::nursery::Gap { start: null, end: null } }
    }

    fn pair(&mut self, value: u64, next: Option<Gc<Pair>>) -> Gc<Pair> {
        let size = size_of::<Pair>();
        if self.gap.end as usize - self.gap.start as usize <= size {
            self.close();
            self.gap = self.collector.nursery.next_gap(&mut self.collector.space, size, |_| true).expect("budget");
        }
        let object = self.gap.start;
        self.gap.start = object.wrapping_add(size);
        // SAFETY: the object lies within the gap.
        unsafe {
            object.cast::<u64>().write(Header::word(Pair::KIND, size, 0));
            object.cast::<u64>().add(1).write(value);
            object.cast::<u64>().add(2).write(next.map_or(0, |next| next.as_ptr() as u64));
            Gc::from_ptr(object.cast())
        }
    }

    fn close(&mut self) {
        // SAFETY: there is nothing in the rest of the gap.
        unsafe { crate::space::fill(self.gap.start, self.gap.end as usize - self.gap.start as usize) };
        self.gap.start = self.gap.end;
    }

    fn minor(&mut self, stack: &[u64]) {
        self.close();
        let range = StackRange { base: stack.as_ptr(), top: stack.as_ptr_range().end };
        assert!(self.collector.can_collect());
        // SAFETY: the range is a slice's, the gap is closed.
        unsafe { self.collector.minor(&[range], Pinned::MayStayYoung) };
        self.collector.verify();
    }

    fn full(&mut self, stack: &[u64], evacuation: Evacuation) {
        self.close();
        let range = StackRange { base: stack.as_ptr(), top: stack.as_ptr_range().end };
        assert!(self.collector.can_collect());
        // SAFETY: the range is a slice's, the gap is closed.
        unsafe { self.collector.full(&[range], evacuation, 100) };
        self.collector.verify();
    }

    fn root(&self, index: usize) -> Gc<Pair> {
        self.roots.0.borrow()[index].get().expect("a root")
    }

    fn add_root(&self, pair: Gc<Pair>) {
        self.roots.0.borrow_mut().push(Cell::new(Some(pair)));
    }

    fn kind_of(&self, pair: Gc<Pair>) -> u8 {
        self.collector.space.kind(self.collector.space.block_of(pair.header()))
    }
}

#[test]
fn survivors_are_promoted_and_the_rest_is_gone() {
    let mut bench = Bench::new();
    for i in 0..10_000 {
        let pair = bench.pair(i, None);
        if i % 10 == 0 {
            bench.add_root(pair);
        }
    }
    bench.minor(&[]);
    for i in 0..1000 {
        assert_eq!(bench.root(i).value, 10 * i as u64);
        assert_eq!(bench.kind_of(bench.root(i)), kind::OLD);
    }
    assert_eq!(bench.collector.old.blocks.len(), 1);
    assert_eq!(bench.collector.nursery.used_blocks(), 0);
}

#[test]
fn only_the_object_pointed_to_is_pinned() {
    let mut bench = Bench::new();
    let before = bench.pair(1, None);
    let pinned = bench.pair(2, Some(before));
    let after = bench.pair(3, Some(pinned));
    bench.add_root(after);
    // Into the middle of the object.
    let stack = [pinned.as_ptr() as u64 + 17];
    bench.minor(&stack);
    assert_eq!(bench.kind_of(pinned), kind::NURSERY);
    assert_eq!(bench.root(0).next.get(), Some(pinned));
    assert_ne!(bench.root(0), after);
    assert_eq!(pinned.next.get().expect("kept").value, 1);
    assert_ne!(pinned.next.get(), Some(before));
    // Pinned for the second time, its block becomes old; then the object can be evacuated like any other.
    bench.minor(&stack);
    assert_eq!(bench.kind_of(pinned), kind::OLD);
    bench.full(&stack, Evacuation::AsMuchAsPossible);
    assert_eq!(bench.root(0).next.get(), Some(pinned));
    bench.full(&[], Evacuation::AsMuchAsPossible);
    let moved = bench.root(0).next.get().expect("kept");
    assert_ne!(moved, pinned);
    assert_eq!((moved.value, moved.next.get().expect("kept").value), (2, 1));
}

#[test]
fn pointers_past_an_object_or_into_dead_space_keep_nothing() {
    let mut bench = Bench::new();
    let pair = bench.pair(1, None);
    let end = pair.as_ptr() as u64 + size_of::<Pair>() as u64;
    bench.minor(&[end, end + 1000, 0, u64::MAX]);
    assert_eq!(bench.collector.stats.pinned_objects, 0);
    // A dead old object is not brought back to life by a stale pointer, even on a line that is in use.
    let (dead, alive) = (bench.pair(1, None), bench.pair(2, None));
    bench.add_root(dead);
    bench.add_root(alive);
    bench.minor(&[]);
    let stale = bench.root(0).as_ptr() as u64;
    bench.roots.0.borrow_mut().remove(0);
    bench.full(&[], Evacuation::IfFragmented);
    let pinned = bench.collector.stats.pinned_objects;
    bench.full(&[stale], Evacuation::IfFragmented);
    assert_eq!(bench.collector.stats.pinned_objects, pinned);
}

#[test]
fn holes_are_filled_before_fresh_blocks_are_taken() {
    let mut bench = Bench::new();
    for i in 0..20_000 {
        let pair = bench.pair(i, None);
        bench.add_root(pair);
    }
    bench.minor(&[]);
    let blocks = bench.collector.old.blocks.len();
    // Every other line's worth of objects dies.
    let mut i = 0;
    bench.roots.0.borrow_mut().retain(|_| {
        i += 1;
        i / 64 % 2 == 0
    });
    bench.full(&[], Evacuation::IfFragmented);
    let kept = bench.roots.0.borrow().len();
    for i in 0..5000 {
        let pair = bench.pair(100_000 + i, None);
        bench.add_root(pair);
    }
    bench.minor(&[]);
    assert!(bench.collector.old.blocks.len() <= blocks, "{} blocks of {blocks}", bench.collector.old.blocks.len());
    for i in 0..5000 {
        assert_eq!(bench.root(kept + i).value, 100_000 + i as u64);
    }
}

#[test]
#[cfg(debug_assertions)]
fn freed_memory_is_poisoned() {
    const POISON: u64 = 0xf4f4_f4f4_f4f4_f4f4;
    let mut bench = Bench::new();
    let (dead, old) = (bench.pair(1, None), bench.pair(2, None));
    bench.pair(3, None);
    bench.add_root(old);
    bench.minor(&[]);
    // SAFETY: the heap's memory stays readable; the object is gone. The word behind the header is its value.
    let value = |pair: Gc<Pair>| unsafe { pair.as_ptr().cast::<u64>().add(1).read() };
    assert_eq!(value(dead), POISON);
    let old = bench.root(0);
    assert_eq!(value(old), 2);
    bench.roots.0.borrow_mut().clear();
    bench.full(&[], Evacuation::IfFragmented);
    assert_eq!(value(old), POISON);
}

#[test]
fn hashes_move_with_objects() {
    let mut from = [Header::word(1, 24, 77), 1, 2];
    let mut to = [0u64; 4];
    let mut again = [0u64; 4];
    let header = NonNull::from(&mut from).cast::<Header>();
    // SAFETY: the arrays are objects of three words, and room for four.
    unsafe {
        header.as_ref().begin_hash(5);
        let hash = header.as_ref().identity_hash();
        assert_eq!(copied_size(header.as_ref()), 32);
        let new = copy_object(header, 24, to.as_mut_ptr().cast(), 0);
        assert_eq!(header.as_ref().forwarding(), Some(new));
        assert!(new.as_ref().has(HASHED) && new.as_ref().has(MOVED_HASH));
        assert_eq!((new.as_ref().small_size(), copied_size(new.as_ref())), (32, 32));
        assert_eq!((new.as_ref().identity_hash(), new.as_ref().tag(), new.as_ref().kind()), (hash, 77, 1));
        let newer = copy_object(new, 32, again.as_mut_ptr().cast(), header::UNLOGGED);
        assert_eq!((newer.as_ref().identity_hash(), newer.as_ref().small_size()), (hash, 32));
    }
    assert_eq!(again[1..3], [1, 2]);
}

#[test]
fn headers_hold_the_largest_small_object_with_its_hash() {
    let word = [Header::word(9, MAX_SMALL, u32::MAX)];
    // SAFETY: only the header is looked at.
    let header = unsafe { &*word.as_ptr().cast::<Header>() };
    assert_eq!((header.small_size(), header.kind(), header.tag()), (MAX_SMALL, 9, u32::MAX));
    header.begin_hash(!0);
    assert_eq!((header.small_size(), header.kind(), header.tag()), (MAX_SMALL, 9, u32::MAX));
    assert!(copied_size(header) <= BLOCK && copied_size(header) / 8 <= 0xfff);
    assert_eq!(WALK_END % 8, 0);
}

#[test]
fn slots_of_pointers() {
    let mut word = [Header::word(3, 24, 0), 0, 0];
    // SAFETY: the array has a pair's layout.
    let pair: Gc<Pair> = unsafe { Gc::from_ptr(word.as_mut_ptr().cast()) };
    let slot: Cell<Option<Gc<Pair>>> = Cell::new(None);
    assert_eq!(Slot::get(&slot), None);
    Slot::set(&slot, pair.header());
    assert_eq!(slot.get(), Some(pair));
    assert_eq!(Slot::get(&Cell::new(pair)), Some(pair.header()));
}

#[test]
fn mappings_grow_and_start_as_zero() {
    let mut mapping = Mapping::reserve(1 << 20).expect("address space");
    assert!(mapping.commit(100));
    assert!(mapping.commit(200_000));
    assert!(!mapping.commit(2 << 20));
    // SAFETY: committed above.
    unsafe {
        assert_eq!(mapping.base().add(199_999).read(), 0);
        mapping.base().write(7);
        mapping.discard(0, 1 << 16);
        mapping.base().write(8);
        assert_eq!(mapping.base().read(), 8);
    }
    assert!(!Mapping::empty().commit(1));
}

#[test]
fn blocks_and_runs_are_taken_and_given_back() {
    let mut space = Space::new(200);
    let singles: Vec<_> = (0..10).map(|_| space.acquire(kind::OLD).expect("a block")).collect();
    let run = space.acquire_run(5 * BLOCK - 1, kind::LARGE_YOUNG).expect("a run");
    assert_eq!((space.run_length(run), space.used()), (5, 15));
    assert_eq!(space.meta(run + 4).head as usize, run);
    space.release(singles[3], 1);
    space.release(singles[4], 1);
    let pair = space.acquire_run(2 * BLOCK, kind::LARGE_YOUNG).expect("a run");
    assert_eq!(pair, singles[3]);
    space.release(run, 5);
    assert!(space.acquire_run(250 * BLOCK, kind::LARGE_YOUNG).is_none());
    let big = space.acquire_run(150 * BLOCK, kind::LARGE_YOUNG).expect("a run behind the rest");
    assert_eq!(space.block_of_word(space.start(big) as usize + 150 * BLOCK - 1), Some(big + 149));
    assert_eq!(space.block_of_word(space.base().wrapping_sub(1)), None);
    assert!(space.ensure_free(200 - space.used()));
    assert!(!space.ensure_free(201 - space.used()));
    space.discard_free(0);
    while space.acquire(kind::OLD).is_some() {}
    assert_eq!(space.used(), 200);
}

#[test]
fn a_space_of_nothing_refuses() {
    let mut space = Space::new(0);
    assert!(space.acquire(kind::OLD).is_none() && space.acquire_run(BLOCK, kind::OLD).is_none());
    assert_eq!(space.block_of_word(space.base()), None);
}

#[test]
fn bit_maps_are_searched_in_both_directions() {
    let mut map = [0; MAP_WORDS];
    assert_eq!(first_bit_from(&map, 0), None);
    for bit in [0, 63, 64, 1000, MAP_WORDS * 64 - 1] {
        map[bit / 64] |= 1 << (bit % 64);
    }
    assert_eq!(bits(&map).collect::<Vec<_>>(), [0, 63, 64, 1000, 4095]);
    assert_eq!(
        [0, 1, 64, 65, 1001, 4095].map(|i| first_bit_from(&map, i)),
        [Some(0), Some(63), Some(64), Some(1000), Some(4095), Some(4095)]
    );
    assert_eq!(first_bit_from(&map, 4096), None);
}

#[test]
fn old_objects_are_found_by_pointers_into_them() {
    let mut space = Space::new(100);
    let block = space.acquire(kind::OLD).expect("a block");
    let start = space.start(block);
    for (offset, size) in [(0, 24), (24, 1000), (2048, 8)] {
        // SAFETY: within the block.
        unsafe { start.add(offset).cast::<u64>().write(Header::word(1, size, 0)) };
        space.set_live(NonNull::new(start.wrapping_add(offset).cast()).expect("an address"));
    }
    let find =
        |offset: usize| space.find_old(start as usize + offset).map(|object| object.as_ptr() as usize - start as usize);
    assert_eq!(
        [0, 23, 24, 1023, 1024, 2047, 2048, 2055, 2056, BLOCK - 1].map(find),
        [Some(0), Some(0), Some(24), Some(24), None, None, Some(2048), Some(2048), None, None]
    );
    space.mark_lines(NonNull::new(start.wrapping_add(200).cast()).expect("an address"), 24 + LINE);
    assert_eq!(space.meta(block).lines[..3], [1, 1, 0]);
    assert_eq!(space.meta(block).lines.len(), LINES);
}

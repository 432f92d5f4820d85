//! A random mutator against a model.
//!
//! The model knows each object by its number: its slots, its size, whether it is reachable. After some operations, everything
//! reachable from the roots is compared with the model: numbers, data, edges, identity hashes; weak references and weak maps
//! must still have what is reachable, and nothing but what was put there. Roots are a root set, a guest stack,
//! and local variables of the test itself. What the model calls dead may still be alive (a stale word on a stack), but
//! most of it must go.

mod common;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use common::*;
use proptest::prelude::*;
use tailor_gc::{Gc, Heap, HeapConfig, StackRange, WeakMap, WeakRef};

/// One step of the mutator. Indices are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// Makes an object with so many slots and words, and links its slot 0 to a root; it becomes a root.
    Make {
        slots: u16,
        words: u16,
        linked: u8,
    },
    /// Makes a large object.
    MakeLarge {
        slots: u8,
        words: u8,
    },
    /// Makes an immortal object.
    MakeImmortal {
        slots: u8,
    },
    /// Makes several objects at once that are garbage at once.
    Churn {
        count: u16,
    },
    /// Stores one root into a slot of another.
    Link {
        from: u16,
        slot: u8,
        to: u16,
    },
    /// Makes a slot of a root empty.
    Unlink {
        from: u16,
        slot: u8,
    },
    /// Replaces a root by what one of its slots refers to.
    Descend {
        root: u16,
        slot: u8,
    },
    Drop {
        root: u16,
    },
    /// Pushes a root on the guest stack.
    Push {
        root: u16,
    },
    Pop,
    Hash {
        root: u16,
    },
    /// Makes a weak reference to a root.
    MakeWeak {
        root: u16,
    },
    /// Associates a root with another.
    MapInsert {
        key: u16,
        value: u16,
    },
    MapRemove {
        key: u16,
    },
    Collect,
    CollectNursery,
    Check,
}

struct ModelObject {
    slots: Vec<Option<usize>>,
    words: usize,
    hash: Option<u32>,
}

struct World {
    heap: Heap,
    roots: Rc<Roots>,
    stack: Vec<u64>,
    weak_roots: Rc<WeakRoots>,
    map: WeakMap<NodeSlot>,
    objects: HashMap<usize, ModelObject>,
    next: usize,
    model_roots: Vec<usize>,
    model_stack: Vec<usize>,
    immortals: Vec<usize>,
    /// What each weak reference refers to.
    model_weak: Vec<usize>,
    model_map: HashMap<usize, usize>,
    most_roots: usize,
    stress: bool,
    /// Weak references to dead objects that were found cleared, and not.
    cleared: usize,
    not_cleared: usize,
}

#[derive(Default)]
struct WeakRoots(std::cell::RefCell<Vec<Cell<Gc<WeakRef<Node>>>>>);

impl tailor_gc::RootSet for WeakRoots {
    fn trace(&self, visitor: &mut tailor_gc::Visitor<'_>) {
        for slot in self.0.borrow().iter() {
            visitor.visit(slot);
        }
    }
}

const STACK: usize = 256;
const MOST_WEAK: usize = 200;

impl World {
    fn new(config: HeapConfig, most_roots: usize) -> World {
        let stress = config.stress;
        let mut heap = heap(config);
        let weak_roots = Rc::new(WeakRoots::default());
        heap.add_root_set(&weak_roots);
        World {
            roots: Roots::new(&mut heap),
            stack: Vec::with_capacity(STACK),
            weak_roots,
            map: WeakMap::new(&mut heap),
            heap,
            objects: HashMap::new(),
            next: 0,
            model_roots: Vec::new(),
            model_stack: Vec::new(),
            immortals: Vec::new(),
            model_weak: Vec::new(),
            model_map: HashMap::new(),
            most_roots,
            stress,
            cleared: 0,
            not_cleared: 0,
        }
    }

    fn stack_range(&self) -> StackRange {
        StackRange { base: self.stack.as_ptr(), top: self.stack.as_ptr_range().end }
    }

    fn root(&self, index: u16) -> Option<usize> {
        (!self.model_roots.is_empty()).then(|| index as usize % self.model_roots.len())
    }

    fn make(&mut self, place: Place, slots: usize, words: usize, linked: Option<u8>) {
        let (id, stack) = (self.next, self.stack_range());
        self.next += 1;
        let linked = linked.and_then(|l| self.root(l.into())).filter(|_| slots > 0);
        let target = linked.map(|root| self.roots.get(root));
        let node = new_node_at(&mut self.heap, place, id as u64, slots, words, stack).expect("memory");
        let mut model = ModelObject { slots: vec![None; slots], words, hash: None };
        if let Some(root) = linked {
            node.slots()[0].set(target);
            model.slots[0] = Some(self.model_roots[root]);
        }
        self.objects.insert(id, model);
        if place == Place::Immortal {
            self.immortals.push(id);
        }
        self.add_root(id, node);
    }

    fn add_root(&mut self, id: usize, node: Gc<Node>) {
        if self.model_roots.len() < self.most_roots {
            self.roots.push(node);
            self.model_roots.push(id);
        } else {
            let index = id.wrapping_mul(7919) % self.most_roots;
            self.roots.0.borrow()[index].set(Some(node));
            self.model_roots[index] = id;
        }
    }

    fn link(&mut self, from: usize, slot: u8, to: Option<usize>) {
        let (node, id) = (self.roots.get(from), self.model_roots[from]);
        if node.slots().is_empty() {
            return;
        }
        // Large objects get their references all over.
        let slot = slot as usize * 97 % node.slots().len();
        link(&mut self.heap, node, slot, to.map(|to| self.roots.get(to)));
        self.objects.get_mut(&id).expect("a root exists").slots[slot] = to.map(|to| self.model_roots[to]);
    }

    fn descend(&mut self, root: usize, slot: u8) {
        let node = self.roots.get(root);
        if node.slots().is_empty() {
            return;
        }
        let slot = slot as usize * 97 % node.slots().len();
        if let Some(child) = node.slots()[slot].get() {
            let id = self.objects[&self.model_roots[root]].slots[slot].expect("the model has an edge, too");
            assert_eq!(child.id, id as u64);
            self.roots.0.borrow()[root].set(Some(child));
            self.model_roots[root] = id;
        }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Make { slots, words, linked } => {
                self.make(Place::Nursery, slots as usize % 9, words as usize % 12, Some(linked));
                if words.is_multiple_of(512) && !self.stress {
                    self.make(Place::Nursery, slots as usize % 900, words as usize % 1100, Some(linked));
                }
            }
            // With few slots, for verification at every step looks at all of them.
            Op::MakeLarge { slots, words } if self.stress => {
                self.make(Place::Nursery, slots as usize % 30, 1000 + 40 * words as usize, Some(slots))
            }
            Op::MakeLarge { slots, words } => {
                self.make(Place::Nursery, 1000 + 40 * slots as usize, 100 * words as usize, Some(slots))
            }
            // Few, since they and what they refer to live for ever.
            Op::MakeImmortal { slots } if self.immortals.len() < 20 => {
                self.make(Place::Immortal, 1 + slots as usize % 4, 2, None)
            }
            Op::MakeImmortal { .. } => {}
            Op::Churn { count } => {
                let stack = self.stack_range();
                for i in 0..count as u64 % 50 {
                    new_node_at(&mut self.heap, Place::Nursery, i, 2, 1, stack).expect("memory");
                }
            }
            Op::Link { from, slot, to } => {
                if let (Some(from), Some(to)) = (self.root(from), self.root(to)) {
                    self.link(from, slot, Some(to));
                }
            }
            Op::Unlink { from, slot } => {
                if let Some(from) = self.root(from) {
                    self.link(from, slot, None);
                }
            }
            Op::Descend { root, slot } => {
                if let Some(root) = self.root(root) {
                    self.descend(root, slot);
                }
            }
            Op::Drop { root } => {
                if let Some(root) = self.root(root) {
                    self.roots.0.borrow_mut().swap_remove(root);
                    self.model_roots.swap_remove(root);
                }
            }
            Op::Push { root } => {
                if let Some(root) = self.root(root)
                    && self.stack.len() < STACK
                {
                    self.stack.push(self.roots.get(root).as_ptr() as u64);
                    self.model_stack.push(self.model_roots[root]);
                }
            }
            Op::Pop => {
                self.stack.pop();
                self.model_stack.pop();
            }
            Op::Hash { root } => {
                if let Some(root) = self.root(root) {
                    self.check_hash(root);
                }
            }
            Op::MakeWeak { root } => {
                if let Some(root) = self.root(root) {
                    self.make_weak(root);
                }
            }
            Op::MapInsert { key, value } => {
                if let (Some(key), Some(value)) = (self.root(key), self.root(value)) {
                    self.map.insert(&mut self.heap, self.roots.get(key), Cell::new(Some(self.roots.get(value))));
                    self.model_map.insert(self.model_roots[key], self.model_roots[value]);
                }
            }
            Op::MapRemove { key } => {
                if let Some(key) = self.root(key) {
                    let removed = self.map.remove(self.roots.get(key)).map(|slot| slot.get().expect("a value").id);
                    let expected = self.model_map.remove(&self.model_roots[key]);
                    assert_eq!(removed, expected.map(|id| id as u64));
                }
            }
            // SAFETY: the range is that of our own vector.
            Op::Collect => unsafe { self.heap.collect(self.stack_range()) },
            // SAFETY: the same.
            Op::CollectNursery => unsafe { self.heap.collect_nursery(self.stack_range()) },
            Op::Check => self.check(),
        }
    }

    fn check_hash(&mut self, root: usize) {
        let hash = self.heap.identity_hash(self.roots.get(root));
        let model = self.objects.get_mut(&self.model_roots[root]).expect("a root exists");
        assert_eq!(*model.hash.get_or_insert(hash), hash);
    }

    fn make_weak(&mut self, root: usize) {
        if self.model_weak.len() == MOST_WEAK {
            self.weak_roots.0.borrow_mut().swap_remove(root % MOST_WEAK);
            self.model_weak.swap_remove(root % MOST_WEAK);
        }
        let (stack, target) = (self.stack_range(), self.roots.get(root));
        // SAFETY: the range is that of our own vector.
        let weak = unsafe { WeakRef::new(&mut self.heap, target, stack) }.expect("memory");
        self.weak_roots.0.borrow_mut().push(Cell::new(weak));
        self.model_weak.push(self.model_roots[root]);
    }

    /// Compares everything reachable; forgets what is not.
    fn check(&mut self) {
        let reachable = self.reachable();
        let mut seen = HashMap::new();
        let mut todo: Vec<(Gc<Node>, usize)> = Vec::new();
        todo.extend(self.model_roots.iter().enumerate().map(|(i, &id)| (self.roots.get(i), id)));
        // SAFETY: the words on the guest stack were made from nodes, and keep them.
        todo.extend(self.stack.iter().zip(&self.model_stack).map(|(&w, &id)| (unsafe { Gc::from_ptr(w as _) }, id)));
        while let Some((node, id)) = todo.pop() {
            match seen.insert(id, node) {
                Some(before) => assert_eq!(before, node, "object {id} is in two places"),
                None => self.check_node(node, id, &mut todo),
            }
        }
        self.check_weak(&reachable, &seen);
        self.check_map(&reachable, &seen);
        self.objects.retain(|id, _| reachable.contains(id));
    }

    fn check_node(&self, node: Gc<Node>, id: usize, todo: &mut Vec<(Gc<Node>, usize)>) {
        let model = &self.objects[&id];
        assert_eq!((node.id, node.slots().len(), node.words().len()), (id as u64, model.slots.len(), model.words));
        node.check();
        for (slot, expected) in node.slots().iter().zip(&model.slots) {
            assert_eq!(slot.get().map(|n| n.id), expected.map(|id| id as u64), "a slot of object {id}");
            todo.extend(slot.get().zip(*expected));
        }
        if let Some(value) = self.model_map.get(&id) {
            let slot = self.map.get(node).expect("an entry of a reachable key");
            todo.push((slot.get().expect("a value"), *value));
        }
    }

    fn check_weak(&mut self, reachable: &HashSet<usize>, seen: &HashMap<usize, Gc<Node>>) {
        for (weak, id) in self.weak_roots.0.borrow().iter().zip(&self.model_weak) {
            let target = weak.get().get();
            if let Some(target) = target {
                assert_eq!(target.id, *id as u64);
                target.check();
            }
            if let Some(node) = seen.get(id) {
                assert_eq!(target, Some(*node));
            } else if !reachable.contains(id) {
                if target.is_none() { self.cleared += 1 } else { self.not_cleared += 1 }
            }
        }
    }

    fn check_map(&mut self, reachable: &HashSet<usize>, seen: &HashMap<usize, Gc<Node>>) {
        for (key, value) in &self.model_map {
            if let Some(node) = seen.get(key) {
                let slot = self.map.get(*node).expect("an entry of a reachable key");
                assert_eq!(slot.get().expect("a value").id, *value as u64);
            }
        }
        self.model_map.retain(|key, _| reachable.contains(key));
    }

    fn reachable(&self) -> HashSet<usize> {
        let mut reachable = HashSet::new();
        let mut todo: Vec<usize> = self.model_roots.clone();
        todo.extend(&self.model_stack);
        todo.extend(&self.immortals);
        while let Some(id) = todo.pop() {
            if reachable.insert(id) {
                todo.extend(self.objects[&id].slots.iter().flatten());
                todo.extend(self.model_map.get(&id));
            }
        }
        reachable
    }
}

/// A generator of operations that is fast; its sequence depends on the seed only (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn op(&mut self, collections: bool) -> Op {
        let r = self.next();
        let (a, b, c) = ((r >> 16) as u16, (r >> 32) as u16, (r >> 48) as u16);
        match r % 1000 {
            0..300 => Op::Make { slots: a, words: b, linked: c as u8 },
            300..303 => Op::MakeLarge { slots: a as u8, words: b as u8 },
            303 => Op::MakeImmortal { slots: a as u8 },
            304..330 => Op::Churn { count: a },
            330..600 => Op::Link { from: a, slot: b as u8, to: c },
            600..680 => Op::Unlink { from: a, slot: b as u8 },
            680..740 => Op::Descend { root: a, slot: b as u8 },
            740..820 => Op::Drop { root: a },
            820..850 => Op::Push { root: a },
            850..880 => Op::Pop,
            880..920 => Op::Hash { root: a },
            920..950 => Op::MakeWeak { root: a },
            950..980 => Op::MapInsert { key: a, value: b },
            980..990 => Op::MapRemove { key: a },
            990..998 if collections => Op::CollectNursery,
            998 if collections => Op::Collect,
            _ => Op::Drop { root: a },
        }
    }
}

fn run(config: HeapConfig, most_roots: usize, seed: u64, operations: usize, check_every: usize) -> World {
    let mut random = Random(seed);
    let mut world = World::new(config, most_roots);
    for i in 0..operations {
        let op = random.op(true);
        world.run(op);
        if i % check_every == 0 {
            world.check();
        }
    }
    world.check();
    let weak = world.cleared + world.not_cleared;
    assert!(weak < 100 || world.cleared * 10 > weak * 5, "{} of {weak} weak references were cleared", world.cleared);
    world
}

fn config() -> HeapConfig {
    HeapConfig { limit: 256 << 20, nursery: 512 << 10, ..HeapConfig::default() }
}

#[test]
fn a_million_operations() {
    for seed in 0..4 {
        let world = run(config(), 1000, seed, 250_000, 10_000);
        let stats = world.heap.stats();
        assert!(stats.full_collections > 100 && stats.evacuated_bytes > 0, "{stats:?}");
    }
}

#[test]
fn operations_under_stress_with_verification() {
    // The heap is verified once or twice an operation, so it must be small; a million take 30 seconds in a release build.
    let operations = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
    for seed in 0..10 {
        let config = HeapConfig { stress: true, verify: true, ..config() };
        run(config, 20, seed, operations, 1000);
    }
}

#[test]
fn a_heap_near_its_limit() {
    for seed in 0..3 {
        let config = HeapConfig { limit: 24 << 20, nursery: 4 << 20, verify: true, ..config() };
        run(config, 1000, seed, 20_000, 2000);
    }
}

fn any_op() -> impl Strategy<Value = Op> {
    (any::<u64>(), 0..40u8).prop_map(|(seed, choice)| match choice {
        0 => Op::Collect,
        1 | 2 => Op::CollectNursery,
        3 => Op::Check,
        _ => Random(seed).op(true),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn short_histories(ops in prop::collection::vec(any_op(), 1..600), stress: bool) {
        let mut world = World::new(HeapConfig { stress, verify: true, ..config() }, 50);
        for op in ops {
            world.run(op);
        }
        world.check();
    }
}

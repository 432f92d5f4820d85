//! Weak references and weak maps.
//!
//! # Terms
//! - A *weak slot* refers to an object without keeping it alive, and is cleared when the object dies. Any type can have
//!   some: its `trace` reports them by [`Visitor::visit_weak`]. [`WeakRef`] is a ready-made type with one.
//! - A *weak map* associates values with objects, its *keys*, by identity. An entry is an *ephemeron* (Hayes:
//!   "Ephemerons: a new finalization mechanism", 1997): it keeps its value alive while its key is alive *otherwise*, so
//!   a value that refers to its own key is no leak. The entry goes with the key.
//!
//! # How ephemerons are traced in linear time
//! A key has a bit in its header. When a collection reaches an object with that bit, it looks the object up in all
//! maps, and visits the values found. No list of undecided entries is ever searched again. Lookup works by the
//! identity hash, which an object keeps when it moves.
//!
//! # Invariants
//! - Each key is hashed and has `WEAK_KEY`.
//! - A map's `recent` entries include all those whose key or value is young.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};

use crate::header::{Header, KindId, WEAK_KEY};
use crate::object::{Gc, Object, Slot, WeakSlot};
use crate::roots::StackRange;
use crate::visitor::Visitor;
use crate::{Heap, OutOfMemory};

/// An object that refers to another without keeping it alive.
#[derive(Debug)]
#[repr(C)]
pub struct WeakRef<T> {
    header: Header,
    target: Cell<Option<Gc<T>>>,
}

impl<T: 'static> WeakRef<T> {
    /// Makes a weak reference to `target`.
    ///
    /// # Errors
    /// [`OutOfMemory`] if the limit would be exceeded.
    ///
    /// # Safety
    /// As for [`Heap::alloc`].
    pub unsafe fn new(heap: &mut Heap, target: Gc<T>, guest_stack: StackRange) -> Result<Gc<Self>, OutOfMemory> {
        if !heap.is_registered::<Self>() {
            heap.register::<Self>();
        }
        // SAFETY: the caller's promise; the target slot is initialised at once. `target` lies in this frame, or was
        // alive in the caller's, so it is pinned during the allocation.
        unsafe {
            let weak = heap.alloc::<Self>(size_of::<Self>(), 0, guest_stack)?;
            (&raw mut (*weak.as_ptr()).target).write(Cell::new(Some(target)));
            Ok(weak)
        }
    }

    /// The target, if it is still alive.
    pub fn get(&self) -> Option<Gc<T>> {
        self.target.get()
    }
}

// SAFETY: `repr(C)`, begins with the header, fixed size, its one slot is reported.
unsafe impl<T: 'static> Object for WeakRef<T> {
    const KIND: KindId = crate::LAST_KIND + 1;
    const NAME: &'static str = "WeakRef";
    fn size(&self) -> usize {
        size_of::<Self>()
    }
    fn trace(&self, visitor: &mut Visitor<'_>) {
        visitor.visit_weak(&self.target);
    }
}

/// What a heap knows of weak references during a collection, and of weak maps.
#[derive(Default)]
pub(crate) struct WeakState {
    /// Slots in live objects whose target may be dead.
    pub(crate) slots: Vec<NonNull<dyn WeakSlot>>,
    /// Objects with `WEAK_KEY` that have been reached, and not been looked up.
    pub(crate) reached_keys: Vec<NonNull<Header>>,
    maps: Vec<Weak<dyn Ephemerons>>,
}

impl WeakState {
    /// The maps that still exist.
    pub(crate) fn live_maps(&mut self) -> Vec<Rc<dyn Ephemerons>> {
        self.maps.retain(|map| map.strong_count() != 0);
        self.maps.iter().filter_map(Weak::upgrade).collect()
    }
}

/// A weak map, as the collector sees it.
pub(crate) trait Ephemerons {
    /// Visits the values of recent entries with old keys, which a minor collection does not reach.
    fn visit_roots_of_minor(&self, visitor: &mut Visitor<'_>);
    /// Visits the values of entries with immortal keys, which a full collection does not reach.
    fn visit_roots_of_full(&self, visitor: &mut Visitor<'_>);
    /// Visits the value that belongs to a key, if there is one; the key may have moved.
    fn key_reached(&self, key: NonNull<Header>, visitor: &mut Visitor<'_>);
    /// After a minor collection: updates keys, removes entries with dead ones.
    fn remove_dead_young(&self, visitor: &Visitor<'_>);
    /// After a full collection: the same.
    fn remove_dead(&self, visitor: &Visitor<'_>);
}

impl Visitor<'_> {
    /// Visits everything that is reachable from gray objects and by ephemerons.
    pub(crate) fn drain_with(&mut self, maps: &[Rc<dyn Ephemerons>]) {
        loop {
            self.drain();
            let Some(key) = self.heap.weak.reached_keys.pop() else { break };
            for map in maps {
                map.key_reached(key, self);
            }
        }
    }

    /// Clears the weak slots whose object is dead, and updates the others.
    pub(crate) fn clear_weak_slots(&mut self) {
        for slot in std::mem::take(&mut self.heap.weak.slots) {
            // SAFETY: the slot lies in a live object, at its final address.
            let slot = unsafe { slot.as_ref() };
            let Some(target) = slot.get() else { continue };
            match self.survivor(target) {
                Some(new) => slot.set(new),
                None => slot.clear(),
            }
        }
    }
}

/// Associates values with objects, by identity, without keeping the objects alive; see the module's header.
///
/// `S` is the slot that holds a value. The map exists as long as this handle; it must be used with the heap that
/// made it.
pub struct WeakMap<S>(Rc<RefCell<Table<S>>>);

impl<S> fmt::Debug for WeakMap<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeakMap({} entries)", self.len())
    }
}

impl<S> WeakMap<S> {
    /// The number of entries. Those of dead keys count until the next collection.
    pub fn len(&self) -> usize {
        self.0.borrow().entries.len() - self.0.borrow().vacant.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<S: Slot + Clone + 'static> WeakMap<S> {
    /// Makes an empty map.
    pub fn new(heap: &mut Heap) -> WeakMap<S> {
        let table = Rc::new(RefCell::new(Table::default()));
        let ephemerons: Rc<dyn Ephemerons> = table.clone();
        heap.collector.weak.maps.push(Rc::downgrade(&ephemerons));
        WeakMap(table)
    }

    /// Associates `value` with `key`, instead of what was associated with it before.
    pub fn insert<T: Object>(&self, heap: &mut Heap, key: Gc<T>, value: S) {
        let hash = heap.identity_hash(key);
        let key = key.header();
        // SAFETY: `key` is alive.
        unsafe { key.as_ref() }.set(WEAK_KEY);
        self.0.borrow_mut().insert(key, hash, value);
    }

    /// What is associated with `key`.
    pub fn get<T: Object>(&self, key: Gc<T>) -> Option<S> {
        // SAFETY: `key` is alive.
        let header = unsafe { key.header().as_ref() };
        if !header.has(WEAK_KEY) {
            return None;
        }
        let table = self.0.borrow();
        // SAFETY: `key` is alive, and keys are hashed.
        let index = table.find(unsafe { header.identity_hash() }, |k| k == key.header())?;
        table.entries[index].as_ref().map(|entry| entry.value.clone())
    }

    /// Removes what is associated with `key`, and returns it.
    pub fn remove<T: Object>(&self, key: Gc<T>) -> Option<S> {
        // SAFETY: `key` is alive.
        let header = unsafe { key.header().as_ref() };
        if !header.has(WEAK_KEY) {
            return None;
        }
        let mut table = self.0.borrow_mut();
        // SAFETY: `key` is alive, and keys are hashed.
        let index = table.find(unsafe { header.identity_hash() }, |k| k == key.header())?;
        table.remove(index).map(|entry| entry.value)
    }
}

/// No entry.
const NONE: usize = usize::MAX;

struct Entry<S> {
    key: NonNull<Header>,
    hash: u32,
    value: S,
    /// The next entry of the same bucket, or `NONE`.
    next: usize,
}

/// A hash table with chained buckets, whose entries have stable indices.
struct Table<S> {
    /// First entry by hash modulo length, which is a power of two, or `NONE`.
    buckets: Vec<usize>,
    entries: Vec<Option<Entry<S>>>,
    /// Indices of the entries that are `None`.
    vacant: Vec<usize>,
    /// Entries inserted since the last collection, or whose key or value is still young.
    recent: Vec<usize>,
}

impl<S> Default for Table<S> {
    fn default() -> Self {
        Table { buckets: vec![NONE; 8], entries: Vec::new(), vacant: Vec::new(), recent: Vec::new() }
    }
}

impl<S> Table<S> {
    fn bucket(&self, hash: u32) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }

    fn entry(&self, index: usize) -> &Entry<S> {
        self.entries[index].as_ref().expect("chains consist of entries that exist")
    }

    fn find(&self, hash: u32, is_key: impl Fn(NonNull<Header>) -> bool) -> Option<usize> {
        let mut index = self.buckets[self.bucket(hash)];
        while index != NONE {
            let entry = self.entry(index);
            if entry.hash == hash && is_key(entry.key) {
                return Some(index);
            }
            index = entry.next;
        }
        None
    }

    fn insert(&mut self, key: NonNull<Header>, hash: u32, value: S) {
        let index = match self.find(hash, |k| k == key) {
            Some(index) => {
                self.entries[index].as_mut().expect("found").value = value;
                index
            }
            None => self.add(key, hash, value),
        };
        self.recent.push(index);
    }

    fn add(&mut self, key: NonNull<Header>, hash: u32, value: S) -> usize {
        if self.entries.len() == self.buckets.len() && self.vacant.is_empty() {
            self.double();
        }
        let bucket = self.bucket(hash);
        let entry = Some(Entry { key, hash, value, next: self.buckets[bucket] });
        let index = match self.vacant.pop() {
            Some(index) => {
                self.entries[index] = entry;
                index
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        self.buckets[bucket] = index;
        index
    }

    fn double(&mut self) {
        self.buckets = vec![NONE; self.buckets.len() * 2];
        for index in 0..self.entries.len() {
            let Some(hash) = self.entries[index].as_ref().map(|entry| entry.hash) else { continue };
            let bucket = self.bucket(hash);
            let next = std::mem::replace(&mut self.buckets[bucket], index);
            self.entries[index].as_mut().expect("just seen").next = next;
        }
    }

    fn remove(&mut self, index: usize) -> Option<Entry<S>> {
        let removed = self.entries[index].take()?;
        let bucket = self.bucket(removed.hash);
        if self.buckets[bucket] == index {
            self.buckets[bucket] = removed.next;
        } else {
            let mut before = self.buckets[bucket];
            while self.entry(before).next != index {
                before = self.entry(before).next;
            }
            self.entries[before].as_mut().expect("in the chain").next = removed.next;
        }
        self.vacant.push(index);
        Some(removed)
    }

    /// Gives an entry its key's new address, or removes it if the key is dead.
    fn update_key(&mut self, index: usize, visitor: &Visitor<'_>) {
        let Some(entry) = self.entries[index].as_mut() else { return };
        match visitor.survivor(entry.key) {
            Some(key) => entry.key = key,
            None => drop(self.remove(index)),
        }
    }
}

impl<S: Slot + 'static> Ephemerons for RefCell<Table<S>> {
    fn visit_roots_of_minor(&self, visitor: &mut Visitor<'_>) {
        let table = self.borrow();
        let recent = table.recent.iter().filter_map(|&index| table.entries[index].as_ref());
        for entry in recent.filter(|entry| visitor.survives_anyway(entry.key)).collect::<Vec<_>>() {
            visitor.visit(&entry.value);
        }
    }

    fn visit_roots_of_full(&self, visitor: &mut Visitor<'_>) {
        for entry in self.borrow().entries.iter().flatten() {
            if visitor.survives_anyway(entry.key) {
                visitor.visit(&entry.value);
            }
        }
    }

    fn key_reached(&self, key: NonNull<Header>, visitor: &mut Visitor<'_>) {
        let table = self.borrow();
        // SAFETY: a key that has been reached is alive, and keys are hashed.
        let hash = unsafe { key.as_ref().identity_hash() };
        if let Some(index) = table.find(hash, |k| visitor.survivor(k) == Some(key)) {
            visitor.visit(&table.entry(index).value);
        }
    }

    fn remove_dead_young(&self, visitor: &Visitor<'_>) {
        let mut table = self.borrow_mut();
        let mut recent = std::mem::take(&mut table.recent);
        recent.sort_unstable();
        recent.dedup();
        recent.retain(|&index| {
            table.update_key(index, visitor);
            table.entries[index].as_ref().is_some_and(|entry| {
                visitor.stays_young(entry.key) || entry.value.get().is_some_and(|value| visitor.stays_young(value))
            })
        });
        table.recent = recent;
    }

    fn remove_dead(&self, visitor: &Visitor<'_>) {
        let mut table = self.borrow_mut();
        for index in 0..table.entries.len() {
            table.update_key(index, visitor);
        }
    }
}

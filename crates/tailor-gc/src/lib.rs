//! The garbage-collected heap of Tailor's virtual machines: mostly-copying, generational, precise within the heap and
//! conservative on stacks.
//!
//! # Terms
//! - An *object* is a `#[repr(C)]` struct that begins with a [`Header`] and implements [`Object`].
//! - [`Gc<T>`] is a plain `Copy` pointer to one. It may be kept anywhere in Rust code: native stacks and the guest
//!   stack are scanned conservatively, so there are no handles and no rooting.
//! - A *slot* ([`Slot`]) is a mutable place inside an object that may hold a reference.
//! - *New* objects lie in the *nursery*. Those that survive its collection become *old*; *large* objects (more than 8 KB)
//!   do so without being moved.
//! - *Immortal* objects are never moved and never freed, and whatever they refer to is alive: they are the precise
//!   roots. Classes, symbols, methods and global associations of a language are immortal. Other precise roots are
//!   [`RootSet`]s.
//! - An object is *pinned* by an ambiguous pointer on a stack or in a register, to it or into it: while there is one, the
//!   object stays alive and keeps its address. All other objects may move in any allocation.
//! - The *remembered set* lists the old and immortal objects that may refer to young ones.
//!
//! # Invariants, which users uphold
//! - An object's payload is initialised before the next allocation.
//! - After a reference has been stored into a slot of an object, [`Heap::write_barrier`] or
//!   [`Heap::write_barrier_slot`] is called on that object before the next allocation. An object that was allocated
//!   since the last allocation needs none.
//! - A `Gc<T>` held only outside objects, root sets, stacks and registers (in a Rust heap structure) refers to an
//!   immortal object.
//! - The heap moves to another thread only while no `Gc` is on a stack.
//!
//! # Parts
//! | module | idea |
//! |---|---|
//! | `header` | the first word of every object |
//! | `object` | types, slots, pointers |
//! | `visitor` | what is done with each slot, by purpose |
//! | `mapping`, `space` | address space; blocks, lines, bit maps |
//! | `nursery`, `old`, `large` | where objects are put |
//! | `cards` | parts of very large objects, for the write barrier |
//! | `roots` | conservative scanning of stacks, registers, and registered ranges |
//! | `minor`, `full` | the two collections |
//! | `weak` | weak references, ephemerons |
//! | `verify`, `modes`, `stats` | checking, how often, and counting |
//! | `heap` | the interface, and when to collect |
//!
//! # Why this design
//! Allocation must be five instructions in compiled code, and a language's author must be able to write ordinary Rust. The
//! first asks for a copying nursery, the second for conservative stacks; "mostly copying" (Bartlett, 1988) has both, since
//! what a stack points to can simply stay where it is. Pinning single objects rather than whole blocks, and checking
//! ambiguous pointers exactly, keeps what is retained by mistake small. The old generation is made of
//! blocks and lines (Immix), where a pinned object costs a line, not a copy of everything around it.
//!
//! # Limits
//! The collector's own tables and stacks come from Rust's allocator and do not count towards the heap limit: about 4 % of
//! the heap, and one word for each object that waits to be scanned.

mod cards;
mod collector;
mod full;
mod header;
mod heap;
mod large;
mod mapping;
mod minor;
mod modes;
mod nursery;
mod object;
mod old;
mod roots;
mod space;
mod stats;
mod verify;
mod visitor;
mod weak;

#[cfg(test)]
mod tests;

pub use cards::Part;
pub use header::{Header, KindId, LAST_KIND};
pub use heap::{Heap, HeapConfig, OutOfMemory};
pub use modes::{Sampling, UnknownMode};
pub use object::{Gc, Object, Slot, WeakSlot};
pub use roots::{AmbiguousRoots, RootSet, StackRange, native_stack_low};
pub use stats::HeapStats;
pub use visitor::Visitor;
pub use weak::{WeakMap, WeakRef};

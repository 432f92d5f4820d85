//! What is done at an exit before frames are handed over: virtual objects become real, pending stores are carried out. Shared by the IR interpreter and the exits of machine code.
//!
//! # Order
//! All objects are allocated, each filled with a word that the collector passes over; an allocation may collect, and must find whole objects. Then they are filled in truth: recipes may refer
//! to each other in circles; a collection in a later allocation may have made an object old, so each gets its barrier. Then come the stores; what pending stores store into may need a barrier, and
//! says so.
//!
//! # Collections
//! Between the first and the last allocation, the objects that there are already live on the native stack only, in chunks that grow with the recursion of
//! [`Fill::allocate`]: there the collector sees and pins them. Its depth is a fraction of the recipes' number, and usually 1.

use crate::ir::{BoxId, Descriptors, PendingStore, Recipe, Ref, Slot};
use crate::runtime::Runtime;

use super::memory::store;

/// Makes the virtual objects of a snapshot and carries out its pending stores. Afterwards `objects` has the address of each virtual object, which are the values of
/// [`Slot::Virtual`], and of each box.
///
/// The addresses are not visible to the collector any more when this returns: they have to be put where it looks before the next allocation.
///
/// # Safety
/// The recipes, stores and values are those of a snapshot that is valid now; `runtime` describes living memory. References that `value` tells are visible to the collector.
pub unsafe fn materialise(
    what: Virtual<'_>,
    descriptors: &Descriptors,
    runtime: &Runtime,
    value: Value<'_>,
    objects: &mut Vec<u64>,
) {
    objects.clear();
    let fill = Fill { what, descriptors, runtime, value };
    // SAFETY: the caller's promise.
    unsafe { fill.allocate(0, objects) };
}

/// How many objects a level of recursion allocates.
const CHUNK: usize = 32;

/// Tells the word of an operand, given the objects.
pub type Value<'a> = &'a dyn Fn(Ref, &[u64]) -> u64;

/// What is to be made and done.
#[derive(Clone, Copy)]
pub struct Virtual<'a> {
    /// How to make virtual objects.
    pub recipes: &'a [Recipe],
    /// Boxes that are objects: how, and the bits of the double. They come behind the virtual objects.
    pub boxes: &'a [(BoxId, u64)],
    /// What to store then.
    pub stores: &'a [PendingStore],
}

impl Virtual<'_> {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.recipes.is_empty() && self.boxes.is_empty() && self.stores.is_empty()
    }
}

struct Fill<'a> {
    what: Virtual<'a>,
    descriptors: &'a Descriptors,
    runtime: &'a Runtime,
    value: Value<'a>,
}

impl Fill<'_> {
    /// Allocates the objects from number `from` on, then does the rest.
    ///
    /// # Safety
    /// As for [`materialise`].
    unsafe fn allocate(&self, from: usize, objects: &mut Vec<u64>) {
        let mut chunk = [0; CHUNK];
        let count = self.what.recipes.len() + self.what.boxes.len();
        for (place, number) in chunk.iter_mut().zip(from..count) {
            // SAFETY: the caller's promise.
            *place = unsafe { self.make(number) };
            // The array has to be in memory at the next allocation, and to stay there until the last.
            std::hint::black_box(&mut *place);
        }
        let end = (from + CHUNK).min(count);
        objects.extend(&chunk[..end - from]);
        // SAFETY: the caller's promise.
        unsafe {
            if end < count {
                self.allocate(end, objects);
            } else {
                self.finish(objects);
            }
        }
        std::hint::black_box(&chunk);
    }

    /// Object number `number`: a virtual one without its contents, or a box.
    ///
    /// # Safety
    /// As for [`materialise`].
    unsafe fn make(&self, number: usize) -> u64 {
        let Virtual { recipes, boxes, .. } = self.what;
        match recipes.get(number) {
            // SAFETY: the caller's promise.
            Some(recipe) => unsafe { self.blank(recipe) },
            None => {
                let (boxing, bits) = boxes[number - recipes.len()];
                // SAFETY: the caller's promise.
                unsafe { self.runtime.allocate_box(self.descriptors.boxing(boxing), bits) }
            }
        }
    }

    /// An object that is valid but says nothing.
    ///
    /// # Safety
    /// As for [`materialise`].
    unsafe fn blank(&self, recipe: &Recipe) -> u64 {
        let desc = self.descriptors.alloc(recipe.alloc);
        // SAFETY: the caller's promise; the object is as big as its descriptor says.
        unsafe {
            let object = self.runtime.allocate(desc.size, desc.header);
            for word in 1..desc.size as usize / 8 {
                (object as *mut u64).add(word).write(self.runtime.harmless);
            }
            object
        }
    }

    /// # Safety
    /// As for [`materialise`]; all objects have been allocated.
    unsafe fn finish(&self, objects: &[u64]) {
        let word = |slot| match slot {
            Slot::Value(operand) => (self.value)(operand, objects),
            Slot::Virtual(number) => objects[number as usize],
            Slot::Dead => 0,
        };
        for (recipe, &object) in self.what.recipes.iter().zip(objects) {
            for &(mem, slot) in &recipe.fields {
                // SAFETY: the field lies in the object (rule 10).
                unsafe { store(self.descriptors.mem(mem), object, 0, word(slot)) };
            }
            // SAFETY: it has been allocated.
            unsafe { self.runtime.barrier(object) };
        }
        for pending in self.what.stores {
            let base = word(pending.base);
            let index = pending.index.map_or(0, word);
            // SAFETY: the caller's promise.
            unsafe {
                store(self.descriptors.mem(pending.mem), base, index, word(pending.value));
                if pending.barrier {
                    self.runtime.barrier(base);
                }
            }
        }
    }
}

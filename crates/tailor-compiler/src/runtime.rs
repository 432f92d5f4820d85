//! What a compiled unit needs of the memory manager: where to allocate, and the write barrier's second half. Plain numbers and function pointers, so that the
//! machine code, the IR interpreter and the exits use one and the same, and none knows a collector.
//!
//! # Allocation
//! To allocate `size` bytes is to advance the *cursor* by them if it does not pass the *limit* then, and to write the header word; else the slow function is called, which
//! hands out the object with its header written. It may collect.
//! The slow function does not fail: whoever runs out of memory keeps a reserve, hands out from it, and raises the error at the next
//! place that can have one. (An allocation has no snapshot: it is put wherever an object escapes, and the guest may have no
//! program point there.)
//!
//! # The barrier
//! An object needs it if a bit of its header is set; the slow function then does what is to be done, and clears the bit. It need not know of stores of references that are *lasting*: to objects that were
//! there before the program and are never freed or moved, such as classes and truth values. Units know those that are constants.
//!
//! # What is promised to the collector
//! References that a unit works with are in machine registers or on the native stack, which the collector scans conservatively: an object that something there points to
//! is neither freed nor moved. All words of an object are filled before anything that may collect.

use crate::ir::BoxDesc;

/// The slow half of allocation: context, size in bytes, header; the object's address. It has that header, its other words are undefined.
pub type AllocSlow = unsafe extern "C" fn(usize, u64, u64) -> u64;

/// The slow half of the write barrier: context, the object's address.
pub type BarrierSlow = unsafe extern "C" fn(usize, u64);

/// Whether a word that is a constant, wherever it is stored, is of no interest to the barrier: it refers to a lasting object, or is no reference. The first argument is the context.
pub type IsLasting = unsafe extern "C" fn(usize, u64) -> bool;

/// How to allocate and to note stores.
#[derive(Clone, Copy, Debug)]
pub struct Runtime {
    /// Address of the word that holds the cursor.
    pub cursor: usize,
    /// Address of the word that holds the limit.
    pub limit: usize,
    /// See the module's header.
    pub alloc_slow: AllocSlow,
    /// Mask of the bit in an object's first word that says that the barrier is needed.
    pub log_bit: u64,
    /// See the module's header.
    pub barrier_slow: BarrierSlow,
    /// See the module's header.
    pub is_lasting: IsLasting,
    /// First argument of these functions.
    pub context: usize,
    /// A word that the collector passes over in whatever field it stands: it fills objects that are not complete yet.
    pub harmless: u64,
    /// Address of the word that holds the lowest address the native stack may reach: units that are entered below it leave at once. 0 if there is no such word.
    pub stack_limit: usize,
}

/// For memory managers that do not know, and guests without objects.
pub extern "C" fn nothing_lasts(_: usize, _: u64) -> bool {
    false
}

impl Runtime {
    /// For a guest without objects: there is nowhere to allocate, and nothing to note.
    pub fn without_objects() -> Runtime {
        // Cursor and limit at once: nothing fits in between, so it is never written.
        static NOWHERE: u64 = 0;
        unsafe extern "C" fn no_allocation(_: usize, _: u64, _: u64) -> u64 {
            unreachable!("a guest without objects allocates none")
        }
        unsafe extern "C" fn no_barrier(_: usize, _: u64) {}
        let word = &raw const NOWHERE as usize;
        Runtime {
            cursor: word,
            limit: word,
            alloc_slow: no_allocation,
            log_bit: 1,
            barrier_slow: no_barrier,
            is_lasting: nothing_lasts,
            context: 0,
            harmless: 0,
            stack_limit: 0,
        }
    }

    /// A new object.
    ///
    /// # Safety
    /// The runtime describes living memory; what is live is visible to its collector.
    pub unsafe fn allocate(&self, size: u32, header: u64) -> u64 {
        let (cursor, limit) = (self.cursor as *mut u64, self.limit as *const u64);
        // SAFETY: both words are the memory manager's, which hands out what lies between them.
        unsafe {
            let object = *cursor;
            if u64::from(size) <= (*limit).wrapping_sub(object) {
                *cursor = object + u64::from(size);
                (object as *mut u64).write(header);
                return object;
            }
            (self.alloc_slow)(self.context, u64::from(size), header)
        }
    }

    /// The object that is the box of the double with these bits.
    ///
    /// # Safety
    /// As [`Runtime::allocate`].
    pub unsafe fn allocate_box(&self, desc: &BoxDesc, bits: u64) -> u64 {
        // SAFETY: the caller's promise; the double lies in the object.
        unsafe {
            let object = self.allocate(BoxDesc::SIZE, desc.header);
            ((object + BoxDesc::OFFSET as u64) as *mut u64).write(bits);
            object
        }
    }

    /// The write barrier of `object`.
    ///
    /// # Safety
    /// `object` is the address of an object; otherwise as [`Runtime::allocate`].
    pub unsafe fn barrier(&self, object: u64) {
        // SAFETY: an object begins with its header.
        unsafe {
            if *(object as *const u64) & self.log_bit != 0 {
                (self.barrier_slow)(self.context, object);
            }
        }
    }
}

//! Address space that is reserved at once and becomes memory piece by piece.
//!
//! # Why
//! With the whole heap inside one reservation, "is this word a heap address, and of which block" is a subtraction and a
//! comparison, and tables indexed by block never move. A reservation costs no memory, and about two microseconds.

use std::ptr::{NonNull, null_mut};

/// The granularity of `commit`; a multiple of every page size that we meet.
const STEP: usize = 1 << 16;

/// A reservation; its first `committed` bytes can be read and written, and are zero at first.
pub(crate) struct Mapping {
    base: NonNull<u8>,
    reserved: usize,
    committed: usize,
}

impl Mapping {
    /// Reserves `bytes` bytes of address space; `None` if the system refuses.
    pub(crate) fn reserve(bytes: usize) -> Option<Mapping> {
        let reserved = bytes.max(1).checked_next_multiple_of(STEP)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: an anonymous mapping at an address of the system's choice touches nothing that exists.
        let base = unsafe { libc::mmap(null_mut(), reserved, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return None;
        }
        Some(Mapping { base: NonNull::new(base.cast())?, reserved, committed: 0 })
    }

    /// The reservation of nothing, for when the system refuses even a small one.
    pub(crate) fn empty() -> Mapping {
        Mapping { base: NonNull::dangling(), reserved: 0, committed: 0 }
    }

    #[inline(always)]
    pub(crate) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Makes the first `bytes` bytes usable; `false` if the system refuses, or the reservation is smaller.
    pub(crate) fn commit(&mut self, bytes: usize) -> bool {
        let wanted = bytes.next_multiple_of(STEP);
        if wanted <= self.committed {
            return true;
        }
        if wanted > self.reserved {
            return false;
        }
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the range lies within our own reservation.
        let failed =
            unsafe { libc::mprotect(self.base().add(self.committed).cast(), wanted - self.committed, access) != 0 };
        if !failed {
            self.committed = wanted;
        }
        !failed
    }

    /// Gives the memory of a range back to the system; the range then reads as zero or as before.
    pub(crate) fn discard(&mut self, offset: usize, bytes: usize) {
        debug_assert!(offset + bytes <= self.committed);
        // SAFETY: the range lies within our own reservation, and its content is no longer needed.
        unsafe { libc::madvise(self.base().add(offset).cast(), bytes, libc::MADV_DONTNEED) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.reserved == 0 {
            return;
        }
        // SAFETY: mapped by `reserve`; whoever holds addresses in it borrows from the owner of this mapping.
        unsafe { libc::munmap(self.base().cast(), self.reserved) };
    }
}

//! The guest stack: one contiguous piece of memory in which all frames lie.
//!
//! Its *limit*, which calls check, is not its end at once: it is raised as the stack is used. Compiled code that allocates does not say how much of the stack is in use, so the collector
//! then has to look at all that lies below the limit.

use std::alloc::{Layout, alloc_zeroed, dealloc};

use tailor::jit;

use crate::value::Value;

/// A guest stack. Its memory is reserved at once; the operating system supplies it as it is touched.
#[jit::object]
#[derive(Debug)]
pub struct GuestStack {
    #[jit(immutable)]
    base: *mut Value,
    limit: *mut Value,
    #[jit(opaque)]
    layout: Layout,
}

/// The smallest stack a VM can have, in bytes. Also what lies below the limit at first.
pub const MIN_STACK_SIZE: usize = 64 << 10;

impl GuestStack {
    /// A stack of about `bytes` bytes; `None` if the memory cannot be reserved.
    pub fn new(bytes: usize) -> Option<GuestStack> {
        let layout = Layout::from_size_align(bytes.max(MIN_STACK_SIZE) & !15, 16).ok()?;
        // What lies below the limit is looked at before it is written.
        // SAFETY: the size is not zero.
        let base = unsafe { alloc_zeroed(layout) }.cast::<Value>();
        if base.is_null() {
            return None;
        }
        Some(GuestStack { base, limit: base.wrapping_byte_add(MIN_STACK_SIZE), layout })
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.layout.size()
    }

    /// Lowers the limit to where it was at first.
    pub fn rest(&mut self) {
        self.limit = self.base.wrapping_byte_add(MIN_STACK_SIZE);
    }

    /// Raises the limit, if need be, to `end` or above, so that it is raised rarely; `false` if the stack does not reach so far.
    #[cold]
    #[inline(never)]
    pub fn reach(&mut self, end: *const Value) -> bool {
        let needed = end as usize - self.base as usize;
        let mut size = self.limit as usize - self.base as usize;
        if needed > self.size() {
            return false;
        }
        while size < needed {
            size *= 2;
        }
        self.limit = self.base.wrapping_byte_add(size.min(self.size()));
        true
    }
}

#[jit]
impl GuestStack {
    /// The lowest word.
    #[inline(always)]
    pub fn base(&self) -> *mut Value {
        self.base
    }

    /// Behind the highest word that may be used at present.
    #[inline(always)]
    pub fn limit(&self) -> *mut Value {
        self.limit
    }
}

impl Drop for GuestStack {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.base.cast(), self.layout) }
    }
}

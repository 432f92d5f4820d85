//! The guest stack: one contiguous piece of memory in which all frames lie.

use std::alloc::{Layout, alloc, dealloc};

use tailor::jit;

use crate::value::Value;

/// A guest stack. Its memory is reserved at once; the operating system supplies it as it is touched.
#[jit::object]
#[derive(Debug)]
pub struct GuestStack {
    base: *mut Value,
    limit: *mut Value,
    #[jit(opaque)]
    layout: Layout,
}

/// The smallest stack a VM can have, in bytes.
pub const MIN_STACK_SIZE: usize = 64 << 10;

impl GuestStack {
    /// A stack of about `bytes` bytes; `None` if the memory cannot be reserved.
    pub fn new(bytes: usize) -> Option<GuestStack> {
        let layout = Layout::from_size_align(bytes.max(MIN_STACK_SIZE) & !15, 16).ok()?;
        // SAFETY: the size is not zero.
        let base = unsafe { alloc(layout) }.cast::<Value>();
        if base.is_null() {
            return None;
        }
        Some(GuestStack { base, limit: base.wrapping_byte_add(layout.size()), layout })
    }
}

#[jit]
impl GuestStack {
    /// The lowest word.
    #[inline(always)]
    pub fn base(&self) -> *mut Value {
        self.base
    }

    /// Behind the highest word.
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

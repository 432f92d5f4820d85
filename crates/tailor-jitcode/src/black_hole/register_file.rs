//! Where the frames of executing jitcode lie: one stack of words a thread.
//!
//! Its memory is reserved once and never moves, so that executing code can hold plain pointers into it across calls that nest; the
//! system gives it real memory as it is touched.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::Cell;

use tailor_gc::{AmbiguousRoots, StackRange};

/// A thread's register file.
#[derive(Debug)]
pub struct RegisterFile {
    base: *mut u64,
    top: Cell<*mut u64>,
    limit: *mut u64,
}

/// Its size: 64 MB of address space. As deep as a native stack of the usual size would let the native reading recurse.
const WORDS: usize = 1 << 23;
const LAYOUT: Layout = match Layout::array::<u64>(WORDS) {
    Ok(layout) => layout,
    Err(_) => panic!("the size of a register file overflows"),
};

thread_local! {
    static FILE: RegisterFile = RegisterFile::new();
}

impl RegisterFile {
    fn new() -> RegisterFile {
        // Zeroed, so that all of it is initialised: registers that hold nothing yet may be copied.
        // SAFETY: the layout's size is not 0.
        let base = unsafe { alloc_zeroed(LAYOUT) }.cast::<u64>();
        if base.is_null() {
            handle_alloc_error(LAYOUT);
        }
        RegisterFile { base, top: Cell::new(base), limit: base.wrapping_add(WORDS) }
    }

    /// The words of this thread's register file that are in use: base and top.
    pub fn used() -> (*const u64, *const u64) {
        FILE.with(|file| (file.base.cast_const(), file.top.get().cast_const()))
    }

    /// The thread's, for as long as the thread lives.
    pub(super) fn of_thread() -> *const RegisterFile {
        FILE.with(std::ptr::from_ref)
    }

    /// Behind the last word in use.
    #[inline(always)]
    pub(super) fn top(&self) -> *mut u64 {
        self.top.get()
    }

    /// Uses exactly the words below `top`, which has been in use before.
    #[inline(always)]
    pub(super) fn set_top(&self, top: *mut u64) {
        self.top.set(top);
    }

    /// Uses `words` more words from `from` on, and none behind.
    ///
    /// # Panics
    /// There is no room.
    #[inline(always)]
    pub(super) fn reserve(&self, from: *mut u64, words: usize) {
        let room = (self.limit as usize - from as usize) / size_of::<u64>();
        if words > room {
            exhausted();
        }
        self.top.set(from.wrapping_add(words));
    }
}

#[cold]
#[inline(never)]
fn exhausted() -> ! {
    panic!("stack overflow: the black hole's register file is full")
}

impl Drop for RegisterFile {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.base.cast(), LAYOUT) }
    }
}

/// The register file of the collecting thread, as roots: to be given to [`Heap::add_ambiguous_roots`](tailor_gc::Heap::add_ambiguous_roots).
#[derive(Debug)]
pub struct RegisterRoots;

// SAFETY: the range is initialised memory that lives as long as the thread, and jitcode of this thread does not run while it collects.
unsafe impl AmbiguousRoots for RegisterRoots {
    fn report(&self, range: &mut dyn FnMut(StackRange)) {
        let (base, top) = RegisterFile::used();
        range(StackRange { base, top });
    }
}

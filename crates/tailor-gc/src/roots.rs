//! Where a collection starts from: stacks and registers (conservatively), and root sets (precisely).
//!
//! # Terms
//! - An *ambiguous pointer* is a word that may or may not be a reference. What it points to, or into, stays alive and where
//!   it is: it is *pinned*.
//!
//! # Why conservatively
//! Because then a `Gc` is a plain pointer, for the Rust compiler as for us: no handles, no rooting, no stack maps
//! for compiled code. The price is the odd dead object that stays until the next collection, and survivors that cannot
//! move for a while.
//!
//! # Limits
//! A compiler may, in theory, keep only a pointer outside an object and reach the object by an offset. LLVM forms such
//! pointers only inside loops over the very object, beside one that points into it; no collection can begin there unless
//! the loop allocates, and a loop that allocates makes the compiler reload what the allocation may change.

use std::cell::Cell;

use crate::visitor::Visitor;

/// Conservative roots: a range of words, any of which may be a reference.
#[derive(Clone, Copy, Debug)]
pub struct StackRange {
    /// The lowest word.
    pub base: *const u64,
    /// Behind the highest word in use.
    pub top: *const u64,
}

impl StackRange {
    /// The range without a word.
    pub const EMPTY: StackRange = StackRange { base: std::ptr::null(), top: std::ptr::null() };

    /// Calls `f` on each word.
    ///
    /// # Safety
    /// The range can be read.
    #[inline(always)]
    pub(crate) unsafe fn for_each(self, mut f: impl FnMut(usize)) {
        let mut word = self.base;
        while word < self.top {
            // SAFETY: the caller's promise. Volatile, since these are other functions' variables, of which the compiler
            // may think that it knows them.
            f(unsafe { word.read_volatile() } as usize);
            word = word.wrapping_add(1);
        }
    }
}

/// References that are kept in Rust data outside the heap, see
/// [`Heap::add_root_set`](crate::Heap::add_root_set).
pub trait RootSet {
    /// Visits every slot, as [`Object::trace`](crate::Object::trace) does.
    fn trace(&self, visitor: &mut Visitor<'_>);
}

/// Conservative roots beyond the stacks: registers of an interpreter that keeps them in memory, buffers of a compiler,
/// whatever holds references in words that the collector cannot rewrite. What they point to is pinned; see
/// [`Heap::add_ambiguous_roots`](crate::Heap::add_ambiguous_roots).
///
/// # Safety
/// Every range that is reported can be read, and keeps its content, until the set is next used by its owner.
pub unsafe trait AmbiguousRoots {
    /// Reports all words that may hold a reference still needed; called at the beginning of each collection.
    fn report(&self, range: &mut dyn FnMut(StackRange));
}

/// Calls `f` with the part of the native stack that belongs to the callers of this function, and with the callee-saved
/// registers in it.
#[inline(never)]
pub(crate) fn with_native_stack<R>(f: impl FnOnce(StackRange) -> R) -> R {
    let mut registers = [0u64; 12];
    let low = save_registers(&mut registers);
    let (_, top) = native_stack();
    let result = f(StackRange { base: low as *const u64, top: top as *const u64 });
    // Keeps the array, to which only the scan refers, in this frame until here.
    std::hint::black_box(&mut registers);
    result
}

thread_local! {
    /// Both ends of this thread's stack. Looking them up takes the system some 50 us on the main thread.
    static STACK: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// The low end of this thread's stack: native frames must stay above it.
pub fn native_stack_low() -> usize {
    native_stack().0
}

fn native_stack() -> (usize, usize) {
    STACK.get().unwrap_or_else(|| {
        let ends = ends_of_native_stack();
        STACK.set(Some(ends));
        ends
    })
}

/// Stores the callee-saved registers; returns the stack pointer.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn save_registers(to: &mut [u64; 12]) -> usize {
    let low: usize;
    // SAFETY: writes six words of the array.
    unsafe {
        std::arch::asm!(
            "mov [{to}], rbx",
            "mov [{to} + 8], rbp",
            "mov [{to} + 16], r12",
            "mov [{to} + 24], r13",
            "mov [{to} + 32], r14",
            "mov [{to} + 40], r15",
            "mov {low}, rsp",
            to = in(reg) to.as_mut_ptr(),
            low = lateout(reg) low,
            options(nostack, preserves_flags)
        );
    }
    low
}

/// Stores the callee-saved registers; returns the stack pointer.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn save_registers(to: &mut [u64; 12]) -> usize {
    let low: usize;
    // SAFETY: writes the twelve words of the array.
    unsafe {
        std::arch::asm!(
            "stp x19, x20, [{to}]",
            "stp x21, x22, [{to}, 16]",
            "stp x23, x24, [{to}, 32]",
            "stp x25, x26, [{to}, 48]",
            "stp x27, x28, [{to}, 64]",
            "stp x29, x30, [{to}, 80]",
            "mov {low}, sp",
            to = in(reg) to.as_mut_ptr(),
            low = lateout(reg) low,
            options(nostack, preserves_flags)
        );
    }
    low
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("tailor-gc must know this architecture's callee-saved registers: see save_registers");

#[cfg(target_os = "linux")]
fn ends_of_native_stack() -> (usize, usize) {
    // SAFETY: the attributes are initialised by the first call, and destroyed once.
    unsafe {
        let mut attributes = std::mem::zeroed();
        let mut low = std::ptr::null_mut();
        let mut size = 0;
        let failed = libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes) != 0
            || libc::pthread_attr_getstack(&raw const attributes, &raw mut low, &raw mut size) != 0;
        assert!(!failed, "the system does not tell where the stack is");
        libc::pthread_attr_destroy(&raw mut attributes);
        (low as usize, low as usize + size)
    }
}

#[cfg(target_os = "macos")]
fn ends_of_native_stack() -> (usize, usize) {
    // SAFETY: queries about the running thread.
    unsafe {
        let thread = libc::pthread_self();
        let end = libc::pthread_get_stackaddr_np(thread) as usize;
        (end - libc::pthread_get_stacksize_np(thread), end)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!("tailor-gc must know how this system tells a stack's bounds: see ends_of_native_stack");

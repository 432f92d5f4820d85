//! How units call Rust.
//!
//! A unit calls C functions on at most six words. Residual functions of few words have an entry for that ([`Direct`](tailor_jitcode::Direct)). What others take are words too, any number of them, but in an
//! array ([`Trampoline`]): they are called through [`call`], and find their arguments in the *call buffer*, a place at a fixed address. In either case the buffer receives all words of the result but the
//! first.
//!
//! Whoever records a call declares whether it reads and writes the buffer's alias class; so stores before it and loads behind it stay in their order.

use tailor_jitcode::{JitFunction, Trampoline};

/// Words of the buffer.
pub const BUFFER: usize = 64;

/// A residual function as units name it: by the address of this.
#[derive(Debug)]
pub struct Residual {
    native: Trampoline,
    buffer: *mut u64,
}

/// All residual functions that units call, and their buffer.
#[derive(Debug)]
pub struct Residuals {
    buffer: Box<[u64; BUFFER]>,
    list: Vec<(&'static JitFunction, Box<Residual>)>,
}

impl Default for Residuals {
    fn default() -> Self {
        Residuals { buffer: Box::new([0; BUFFER]), list: Vec::new() }
    }
}

impl Residuals {
    /// The address of the call buffer.
    pub fn buffer(&mut self) -> u64 {
        self.buffer.as_mut_ptr() as u64
    }

    /// What stands for a function in units; it stays there as long as this.
    pub fn address(&mut self, function: &'static JitFunction) -> u64 {
        if let Some((_, residual)) = self.list.iter().find(|(known, _)| *known == function) {
            return std::ptr::from_ref::<Residual>(residual) as u64;
        }
        let residual = Box::new(Residual { native: function.native, buffer: self.buffer.as_mut_ptr() });
        let address = std::ptr::from_ref::<Residual>(&residual) as u64;
        self.list.push((function, residual));
        address
    }
}

/// The address of [`call`].
pub fn entry() -> usize {
    call as *const () as usize
}

/// Calls a residual function from a unit; its first result's word.
///
/// # Safety
/// The buffer holds the function's arguments, and it could be called natively with them. It does not unwind.
unsafe extern "C" fn call(residual: &Residual) -> u64 {
    // SAFETY: the caller's promise. Arguments are read before results are written; the buffer has room for the results of every function that is called so.
    unsafe {
        (residual.native)(residual.buffer, residual.buffer);
        *residual.buffer
    }
}

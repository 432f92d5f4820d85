//! How units call Rust.
//!
//! A unit calls C functions on at most six words; what an interpreter's residual function takes and answers are words too, any number of them, but in arrays ([`Trampoline`]). Between them
//! stands [`call`]: it takes the function and five words. Functions of more words find them in the *call buffer*, a place at a fixed address, which also receives all results but the first.
//!
//! Whoever records a call declares that it reads and writes the buffer's alias class; so stores before it and loads behind it stay in their order.

use tailor_jitcode::{JitFunction, Trampoline};

/// How many words are passed in registers.
pub const DIRECT: usize = 5;

/// Words of the buffer.
pub const BUFFER: usize = 64;

/// A residual function as units name it: by the address of this.
#[derive(Debug)]
pub struct Residual {
    native: Trampoline,
    buffer: *mut u64,
    by_buffer: bool,
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
        let by_buffer = function.argument_words() > DIRECT;
        let residual = Box::new(Residual { native: function.native, buffer: self.buffer.as_mut_ptr(), by_buffer });
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
/// The arguments are those of the function, which could be called natively with them. It does not unwind.
unsafe extern "C" fn call(residual: &Residual, a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 {
    let direct = [a, b, c, d, e];
    // Arguments are read before results are written, so they may lie in the same place.
    let arguments = if residual.by_buffer { residual.buffer.cast_const() } else { direct.as_ptr() };
    // SAFETY: the caller's promise; the buffer has room for the results of every function that is called so.
    unsafe {
        (residual.native)(arguments, residual.buffer);
        *residual.buffer
    }
}

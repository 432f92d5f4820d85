//! Memory for machine code: one arena, mapped twice, so that no address is ever both writable and executable, and nothing has to be remapped to patch an instruction
//! (which costs a store; `mprotect` costs a thousand times that).
//!
//! # Layout
//! The arena is a memory file. Its executable view lies right behind a block of plain data ([`layout`]): what machine code reaches relative to itself without a register.
//! The writable view lies elsewhere, at an address that is in no code.
//!
//! # Patching
//! [`CodeMemory::patch`] replaces eight aligned bytes by one atomic store: a processor that executes them meanwhile sees the old or the new instruction, provided that the patch changes one
//! instruction, which does not cross an eight-byte boundary. Processors keep instruction caches coherent by physical address, so that the store through the
//! other view is seen.
//!
//! # Limits
//! The arena has a size that is chosen when it is made; memory is used when it is written first. When it is full, that is an error value, and freeing makes room again.

mod blocks;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};

use blocks::Blocks;

/// Offsets of the data before the arena, relative to the arena's start.
pub mod layout {
    /// Bytes of data: a multiple of the page size.
    pub const DATA: usize = 0x11_1000;
    /// 16 bytes: the sign bit of a double.
    pub const SIGN_MASK: i32 = -(DATA as i32);
    /// 16 bytes: all other bits of a double.
    pub const MAGNITUDE_MASK: i32 = SIGN_MASK + 16;
    /// Words by which units pass and return what has no register.
    pub const ARGUMENTS: i32 = SIGN_MASK + 64;
    /// How many of them.
    pub const ARGUMENT_COUNT: usize = 0x2000;
    /// For each entry two addresses: for calls, and for jumps.
    pub const ENTRIES: i32 = ARGUMENTS + 8 * ARGUMENT_COUNT as i32;
    /// How many entries.
    pub const ENTRY_COUNT: usize = 0x1_0000;

    const _: () = assert!(ENTRIES + 16 * ENTRY_COUNT as i32 <= 0);
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeMemoryError {
    /// There is no block of this size left.
    Full {
        /// How many bytes were wanted.
        bytes: usize,
    },
    /// The system refused the memory, with this error number.
    System(i32),
}

impl std::fmt::Display for CodeMemoryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CodeMemoryError::Full { bytes } => write!(f, "no room for {bytes} bytes of machine code"),
            CodeMemoryError::System(number) => {
                write!(f, "no memory for machine code: {}", std::io::Error::from_raw_os_error(*number))
            }
        }
    }
}

impl std::error::Error for CodeMemoryError {}

/// See the module's header.
#[derive(Debug)]
pub struct CodeMemory {
    /// The data, with the executable view behind it.
    data: *mut u8,
    writable: *mut u8,
    size: usize,
    blocks: Blocks,
}

fn system() -> CodeMemoryError {
    CodeMemoryError::System(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

fn mapped(address: *mut libc::c_void) -> Result<*mut u8, CodeMemoryError> {
    if address == libc::MAP_FAILED { Err(system()) } else { Ok(address.cast()) }
}

impl CodeMemory {
    /// An arena of `size` bytes, rounded up to pages; at most 1 GiB, since code reaches all of it with 32 bits.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn new(size: usize) -> Result<CodeMemory, CodeMemoryError> {
        let size = size.clamp(1, 1 << 30).next_multiple_of(4096);
        // SAFETY: the name is a C string; the call has no other preconditions.
        let file = unsafe { libc::memfd_create(c"tailor-code".as_ptr(), libc::MFD_CLOEXEC) };
        if file < 0 {
            return Err(system());
        }
        let memory = Self::map(file, size);
        // SAFETY: ours, and not used any more: mappings stay.
        unsafe { libc::close(file) };
        memory
    }

    fn map(file: libc::c_int, size: usize) -> Result<CodeMemory, CodeMemoryError> {
        let (read_write, read_execute) = (libc::PROT_READ | libc::PROT_WRITE, libc::PROT_READ | libc::PROT_EXEC);
        let reserve = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: new mappings, which replace nothing but, in the last call, a part of the first, which nobody uses yet.
        unsafe {
            if libc::ftruncate(file, size as libc::off_t) != 0 {
                return Err(system());
            }
            let writable = mapped(libc::mmap(std::ptr::null_mut(), size, read_write, libc::MAP_SHARED, file, 0))?;
            let both = layout::DATA + size;
            let data = match mapped(libc::mmap(std::ptr::null_mut(), both, read_write, reserve, -1, 0)) {
                Ok(data) => data,
                Err(error) => {
                    libc::munmap(writable.cast(), size);
                    return Err(error);
                }
            };
            let memory = CodeMemory { data, writable, size, blocks: Blocks::new(size as u32) };
            let code = data.add(layout::DATA).cast();
            mapped(libc::mmap(code, size, read_execute, libc::MAP_SHARED | libc::MAP_FIXED, file, 0))?;
            memory.write_data(layout::SIGN_MASK, 1 << 63);
            memory.write_data(layout::MAGNITUDE_MASK, u64::MAX >> 1);
            memory.write_data(layout::SIGN_MASK + 8, 0);
            memory.write_data(layout::MAGNITUDE_MASK + 8, u64::MAX);
            Ok(memory)
        }
    }

    /// Where the executable view begins.
    pub fn start(&self) -> usize {
        self.data as usize + layout::DATA
    }

    /// Bytes in all.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bytes that are in use.
    pub fn used(&self) -> usize {
        self.blocks.used() as usize
    }

    /// A new block, by its offset, which is a multiple of 32.
    ///
    /// # Errors
    /// If there is no room.
    pub fn allocate(&mut self, bytes: usize) -> Result<u32, CodeMemoryError> {
        let rounded = u32::try_from(bytes).ok().and_then(|bytes| bytes.checked_next_multiple_of(32));
        rounded.and_then(|bytes| self.blocks.take(bytes)).ok_or(CodeMemoryError::Full { bytes })
    }

    /// Gives a block back. Nothing may execute it any more.
    pub fn free(&mut self, offset: u32, bytes: usize) {
        self.blocks.give(offset, (bytes as u32).next_multiple_of(32));
    }

    /// Writes code into a block that is not executed yet.
    ///
    /// # Panics
    /// If it is not in the arena.
    pub fn write(&mut self, offset: u32, code: &[u8]) {
        assert!(offset as usize + code.len() <= self.size, "code is written into its block");
        // SAFETY: in the view, as has just been checked; nobody reads it meanwhile.
        unsafe { self.writable.add(offset as usize).copy_from_nonoverlapping(code.as_ptr(), code.len()) };
    }

    /// Replaces eight bytes at once; see the module's header.
    ///
    /// # Panics
    /// If they are not in the arena, or the offset is not a multiple of 8.
    pub fn patch(&self, offset: u32, word: u64) {
        self.word(offset).store(word, Ordering::Release);
    }

    /// The eight bytes at an offset.
    ///
    /// # Panics
    /// As [`CodeMemory::patch`].
    pub fn read(&self, offset: u32) -> u64 {
        self.word(offset).load(Ordering::Acquire)
    }

    fn word(&self, offset: u32) -> &AtomicU64 {
        assert!(offset as usize + 8 <= self.size && offset.is_multiple_of(8), "patches are aligned words of the arena");
        // SAFETY: in the view and aligned, as has just been checked; words that are patched are accessed so only.
        unsafe { &*self.writable.add(offset as usize).cast::<AtomicU64>() }
    }

    /// A copy of some code.
    ///
    /// # Panics
    /// If it is not in the arena.
    pub fn bytes(&self, offset: u32, length: usize) -> Vec<u8> {
        assert!(offset as usize + length <= self.size, "code lies in the arena");
        // SAFETY: in the view, as has just been checked.
        unsafe { std::slice::from_raw_parts(self.writable.add(offset as usize), length).to_vec() }
    }

    /// Writes a word of the data, at an offset of [`layout`].
    ///
    /// # Panics
    /// If it is not in the data.
    pub fn write_data(&self, offset: i32, word: u64) {
        // SAFETY: `data_word` is in the data, which nobody else writes now: a machine belongs to one thread.
        unsafe { self.data_word(offset).write(word) };
    }

    /// A word of the data.
    ///
    /// # Panics
    /// If it is not in the data.
    pub fn read_data(&self, offset: i32) -> u64 {
        // SAFETY: as for `write_data`.
        unsafe { self.data_word(offset).read() }
    }

    fn data_word(&self, offset: i32) -> *mut u64 {
        let from_start = offset as isize + layout::DATA as isize;
        assert!((0..layout::DATA as isize - 7).contains(&from_start) && offset % 8 == 0, "data lies before the arena");
        // SAFETY: in the mapping, as has just been checked.
        unsafe { self.data.offset(from_start).cast() }
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        // SAFETY: mapped in `map`; nothing executes code of it any more, since all code belongs to this.
        unsafe {
            libc::munmap(self.writable.cast(), self.size);
            libc::munmap(self.data.cast(), layout::DATA + self.size);
        }
    }
}

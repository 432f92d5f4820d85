//! Loads and stores as descriptors describe them.

use crate::ir::{MemDesc, Width};

fn address(mem: &MemDesc, base: u64, index: u64) -> u64 {
    base.wrapping_add(mem.offset as i64 as u64).wrapping_add(index.wrapping_mul(u64::from(mem.scale)))
}

/// The word at `base + offset + index * scale`, extended as the width says. The index counts only if there is a scale.
///
/// # Safety
/// The address may be read.
pub unsafe fn load(mem: &MemDesc, base: u64, index: u64) -> u64 {
    let address = address(mem, base, index);
    // SAFETY: the caller's promise.
    unsafe {
        match mem.width {
            Width::I8 => (address as *const i8).read() as u64,
            Width::U8 => u64::from((address as *const u8).read()),
            Width::I16 => (address as *const i16).read_unaligned() as u64,
            Width::U16 => u64::from((address as *const u16).read_unaligned()),
            Width::I32 => (address as *const i32).read_unaligned() as u64,
            Width::U32 => u64::from((address as *const u32).read_unaligned()),
            Width::I64 | Width::F64 | Width::Ref => (address as *const u64).read_unaligned(),
        }
    }
}

/// Stores the low bytes of `value` at `base + offset + index * scale`.
///
/// # Safety
/// The address may be written.
pub unsafe fn store(mem: &MemDesc, base: u64, index: u64, value: u64) {
    let address = address(mem, base, index);
    // SAFETY: the caller's promise.
    unsafe {
        match mem.width.bytes() {
            1 => (address as *mut u8).write(value as u8),
            2 => (address as *mut u16).write_unaligned(value as u16),
            4 => (address as *mut u32).write_unaligned(value as u32),
            _ => (address as *mut u64).write_unaligned(value),
        }
    }
}

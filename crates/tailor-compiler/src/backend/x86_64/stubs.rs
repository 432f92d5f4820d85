//! Stubs of exits, and how code is patched.
//!
//! A stub is a call of the exit routine: the address that it pushes tells which stub it is. It lies in one aligned word, so that it can be replaced by a jump with one store. A
//! `guard_valid` is five bytes that do nothing, also in one aligned word.

/// Bytes of a stub.
pub const STUB_BYTES: u32 = 8;

/// Bytes from a stub's start to the address that its call pushes.
pub const STUB_RETURN: u32 = 5;

/// What comes behind the call in a stub: nothing that is executed.
pub const STUB_REST: u64 = 0xcc_cccc;

/// Bytes of a place that can become a jump.
pub const JUMP_BYTES: u32 = 5;

/// The aligned word that has the code at `offset` in it, after a jump to `to` has been put there.
pub fn with_jump(word: u64, offset: u32, to: u32) -> u64 {
    let shift = offset % 8 * 8;
    let jump = 0xe9 | u64::from(to.wrapping_sub(offset + JUMP_BYTES)) << 8;
    word & !(0xff_ffff_ffff << shift) | jump << shift
}

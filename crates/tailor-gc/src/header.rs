//! The first word of every object.
//!
//! # Layout
//! | bits | content |
//! |---|---|
//! | 0..8 | state: the flags below |
//! | 8..16 | the [kind](KindId) |
//! | 16..28 | size in words, header included; 0 for objects whose size is kept outside (large objects, fillers) |
//! | 28..32 | salt of the identity hash |
//! | 32..64 | the tag, which belongs to the language |
//!
//! With `FORWARDED` set, the other 63 bits are the object's new address instead.
//!
//! # Invariants
//! - `UNLOGGED` is set exactly in old objects (see [`crate`]) that are not in the remembered set. Hence the write barrier
//!   is one bit test, and an object that was just allocated never takes it.
//! - `PINNED` and `FORWARDED` are set only during a collection.
//! - `MOVED_HASH` implies `HASHED`, and says that the object's last word, which its type does not know of, holds the hash.
//!
//! # Why the size is here
//! A block can be walked, and a survivor copied, without a call of the object's type; and a block can be walked even if
//! the language has a bug in its size function.

use std::cell::Cell;
use std::ptr::NonNull;

/// Number that identifies an object kind (a Rust type) within one heap; languages use `1 ..= LAST_KIND`.
pub type KindId = u8;

/// The last kind number that is free for the language.
pub const LAST_KIND: KindId = 0xef;

/// Kind of the dead space between objects; its size in words is in the tag.
pub(crate) const FILLER: KindId = 0;

pub(crate) const FORWARDED: u64 = 1;
pub(crate) const UNLOGGED: u64 = 1 << 1;
pub(crate) const PINNED: u64 = 1 << 2;
pub(crate) const HASHED: u64 = 1 << 3;
pub(crate) const MOVED_HASH: u64 = 1 << 4;
/// The object is, or once was, a key of a weak map.
pub(crate) const WEAK_KEY: u64 = 1 << 5;

const KIND_SHIFT: u32 = 8;
const SIZE_SHIFT: u32 = 16;
const SIZE_MASK: u64 = 0xfff;
const SALT_SHIFT: u32 = 28;
const SALT_MASK: u64 = 0xf;
const TAG_SHIFT: u32 = 32;

/// The first word of every object; see the module's header for its layout.
#[repr(transparent)]
#[derive(Debug)]
pub struct Header(Cell<u64>);

impl Header {
    /// Byte offset of the 32-bit tag within the header, for compiled code.
    pub const TAG_OFFSET: usize = 4;
    /// Byte offset of the state within the header, for compiled code.
    pub const STATE_OFFSET: usize = 0;
    /// The state bit that the write barrier tests: if it is set, [`Heap::remember`](crate::Heap::remember) must be called.
    pub const UNLOGGED: u8 = UNLOGGED as u8;

    /// The header of a new object of `bytes` bytes, which is less than [`Heap::MAX_INLINE`](crate::Heap::MAX_INLINE); for
    /// compiled code.
    #[inline(always)]
    pub const fn word(kind: KindId, bytes: usize, tag: u32) -> u64 {
        (kind as u64) << KIND_SHIFT | (bytes as u64 >> 3) << SIZE_SHIFT | (tag as u64) << TAG_SHIFT
    }

    /// The kind in the header of a new object.
    #[inline(always)]
    pub(crate) const fn kind_of(word: u64) -> KindId {
        (word >> KIND_SHIFT) as u8
    }

    /// The tag in the header of a new object.
    #[inline(always)]
    pub(crate) const fn tag_of(word: u64) -> u32 {
        (word >> TAG_SHIFT) as u32
    }

    /// The header of dead space.
    pub(crate) const fn filler(bytes: usize) -> u64 {
        (bytes as u64 >> 3) << TAG_SHIFT
    }

    /// The kind of the object.
    #[inline(always)]
    pub fn kind(&self) -> KindId {
        (self.0.get() >> KIND_SHIFT) as u8
    }

    /// The language's 32 bits.
    #[inline(always)]
    pub fn tag(&self) -> u32 {
        (self.0.get() >> TAG_SHIFT) as u32
    }

    /// Replaces the language's 32 bits.
    pub fn set_tag(&self, tag: u32) {
        self.0.set(self.0.get() & 0xffff_ffff | u64::from(tag) << TAG_SHIFT)
    }

    #[inline(always)]
    pub(crate) fn bits(&self) -> u64 {
        self.0.get()
    }

    #[inline(always)]
    pub(crate) fn has(&self, flag: u64) -> bool {
        self.0.get() & flag != 0
    }

    #[inline(always)]
    pub(crate) fn set(&self, flag: u64) {
        self.0.set(self.0.get() | flag)
    }

    #[inline(always)]
    pub(crate) fn clear(&self, flag: u64) {
        self.0.set(self.0.get() & !flag)
    }

    /// Size in bytes, or 0 if it is kept outside.
    #[inline(always)]
    pub(crate) fn small_size(&self) -> usize {
        ((self.0.get() >> SIZE_SHIFT & SIZE_MASK) << 3) as usize
    }

    /// Size in bytes of what begins here in a block that is walked: an object or a filler.
    #[inline(always)]
    pub(crate) fn walk_size(&self) -> usize {
        if self.kind() == FILLER { (self.tag() as usize) << 3 } else { self.small_size() }
    }

    /// Where the object has gone, if it has been copied.
    #[inline(always)]
    pub(crate) fn forwarding(&self) -> Option<NonNull<Header>> {
        let word = self.0.get();
        if word & FORWARDED == 0 { None } else { NonNull::new((word & !FORWARDED) as *mut Header) }
    }

    #[inline(always)]
    pub(crate) fn forward(&self, to: NonNull<Header>) {
        self.0.set(to.as_ptr() as u64 | FORWARDED)
    }

    /// Marks the object as hashed by its present address and `salt`.
    pub(crate) fn begin_hash(&self, salt: u64) {
        self.0.set(self.0.get() & !(SALT_MASK << SALT_SHIFT) | (salt & SALT_MASK) << SALT_SHIFT | HASHED)
    }

    /// The hash that follows from the address, for an object that has not moved since it was hashed.
    pub(crate) fn address_hash(&self) -> u32 {
        let salt = self.0.get() >> SALT_SHIFT & SALT_MASK;
        let key = (std::ptr::from_ref(self) as u64 >> 3) ^ salt << 58;
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 34) as u32
    }

    /// The identity hash.
    ///
    /// # Safety
    /// The header begins an object that is hashed.
    pub(crate) unsafe fn identity_hash(&self) -> u32 {
        if !self.has(MOVED_HASH) {
            return self.address_hash();
        }
        // SAFETY: `MOVED_HASH` says that the last word of the object holds the hash.
        unsafe { std::ptr::from_ref(self).cast::<u64>().add(self.small_size() / 8 - 1).read() as u32 }
    }
}

/// Copies an object of `size` bytes (header included) to `to`, which has room for [`copied_size`] bytes, and leaves the
/// forwarding address behind. The copy's header has `flags` in addition.
///
/// # Safety
/// `from` is an object of that size, not forwarded; the two do not overlap.
#[inline(always)]
pub(crate) unsafe fn copy_object(from: NonNull<Header>, size: usize, to: *mut u8, flags: u64) -> NonNull<Header> {
    // SAFETY: the caller's promise; new objects are never at null.
    unsafe {
        let header = from.as_ref();
        let (mut word, source, target) = (header.bits(), from.as_ptr().cast::<u64>(), to.cast::<u64>());
        let new = NonNull::new_unchecked(to.cast::<Header>());
        for i in 1..size / 8 {
            target.add(i).write(source.add(i).read());
        }
        if word & (HASHED | MOVED_HASH) == HASHED {
            target.add(size / 8).write(u64::from(header.address_hash()));
            word = (word | MOVED_HASH) + (1 << SIZE_SHIFT);
        }
        target.write(word | flags);
        header.forward(new);
        new
    }
}

/// Size in bytes of a copy of the object: an object that was hashed by its address takes the hash along.
#[inline(always)]
pub(crate) fn copied_size(header: &Header) -> usize {
    header.small_size() + if header.bits() & (HASHED | MOVED_HASH) == HASHED { 8 } else { 0 }
}

//! Which parts of the arena are free: first fit, neighbours join. Blocks are few (one per unit), so that a sorted map is quick enough.

use std::collections::BTreeMap;

/// Free blocks: length by offset. No two touch each other.
#[derive(Debug)]
pub struct Blocks {
    free: BTreeMap<u32, u32>,
    used: u32,
}

impl Blocks {
    /// One free block of `size` bytes.
    pub fn new(size: u32) -> Blocks {
        Blocks { free: BTreeMap::from([(0, size)]), used: 0 }
    }

    /// Bytes that are taken.
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Takes a block.
    pub fn take(&mut self, bytes: u32) -> Option<u32> {
        let (&offset, &length) = self.free.iter().find(|&(_, &length)| length >= bytes)?;
        self.free.remove(&offset);
        if length > bytes {
            self.free.insert(offset + bytes, length - bytes);
        }
        self.used += bytes;
        Some(offset)
    }

    /// Gives a block back.
    pub fn give(&mut self, offset: u32, bytes: u32) {
        self.used -= bytes;
        let mut bytes = bytes;
        if let Some(length) = self.free.remove(&(offset + bytes)) {
            bytes += length;
        }
        if let Some((&before, length)) = self.free.range_mut(..offset).next_back()
            && before + *length == offset
        {
            *length += bytes;
            return;
        }
        self.free.insert(offset, bytes);
    }
}

//! Large objects: each in a run of blocks of its own. They never move.
//!
//! A young large object lies in the nursery's list; to promote it is to change the kind of its blocks. Hence a big
//! array that dies young costs no more than its blocks' entries in the tables, and one that lives is never copied.

use std::ptr::NonNull;

use crate::header::Header;
use crate::nursery::Nursery;
use crate::space::{BLOCK, Space, kind};

/// The old large objects.
#[derive(Default)]
pub(crate) struct Large {
    pub(crate) heads: Vec<usize>,
    /// Their blocks.
    pub(crate) blocks: usize,
}

impl Large {
    pub(crate) fn add(&mut self, space: &Space, head: usize) {
        self.heads.push(head);
        self.blocks += space.run_length(head);
    }

    /// Frees those that are not marked.
    pub(crate) fn sweep(&mut self, space: &mut Space) {
        self.blocks = 0;
        self.heads.retain(|&head| {
            let length = space.run_length(head);
            let alive = space.is_marked(object_at(space, head));
            if alive {
                self.blocks += length;
            } else {
                space.release(head, length);
            }
            alive
        });
    }
}

/// Frees the young large objects that have not been promoted.
pub(crate) fn sweep_young(nursery: &mut Nursery, space: &mut Space) {
    for &head in &nursery.large {
        if space.kind(head) == kind::LARGE_YOUNG {
            space.release(head, space.run_length(head));
        }
    }
}

/// Takes the blocks for a young large object.
pub(crate) fn allocate_young(nursery: &mut Nursery, space: &mut Space, bytes: usize) -> Option<*mut u8> {
    let head = space.acquire_run(bytes, kind::LARGE_YOUNG)?;
    nursery.large.push(head);
    nursery.large_bytes += space.run_length(head) * BLOCK;
    Some(space.start(head))
}

/// The large object with this head.
pub(crate) fn object_at(space: &Space, head: usize) -> NonNull<Header> {
    NonNull::new(space.start(head).cast()).expect("blocks are not at address zero")
}

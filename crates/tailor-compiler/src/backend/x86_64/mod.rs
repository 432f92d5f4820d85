//! Machine code for x86-64, System V.
//!
//! | module | idea |
//! |---|---|
//! | [`registers`] | which register is for what |
//! | [`shapes`] | what the code for each operation demands of the allocator |
//! | [`assembler`] | instructions as bytes |
//! | [`emit`] | the walk over an allocated unit; operands; the code's layout |
//! | `integers`, `floats`, `memory`, `control` | the code for each operation |
//! | [`routines`] | how units are entered and left |
//! | [`dispatch`] | from piece to piece by a table |
//! | `shorten` | short jumps in pieces |
//! | [`stubs`] | exits, and how code is patched |
//! | [`disassemble`](mod@disassemble) | code as text |
//!
//! # What the rest uses
//! Other modules know this folder by the name `native`, and use nothing of it but what is listed at the end of this file: a [`Target`](super::target::Target), the emitter and what it
//! tells about the code, the routines with the registers that they pass and save, and how stubs are found and patched. Another machine is another folder with the same.

pub mod assembler;
mod control;
pub mod disassemble;
pub mod dispatch;
pub mod emit;
mod floats;
mod integers;
mod memory;
pub mod registers;
pub mod routines;
pub mod shapes;
mod shorten;
pub mod stubs;

pub use assembler::{Assembler, Fixup, Goal};
pub use disassemble::disassemble;
pub use dispatch::{Table, dispatcher};
pub use emit::{Emitter, EntryPoint, Input, PIECE_SLOTS, Site, SiteKind, counting, frame_bytes};
pub use routines::{Arguments, Results, Routines, Saved};
pub use shapes::X86 as Processor;
pub use stubs::{JUMP_BYTES, STUB_BYTES, STUB_RETURN, with_jump};

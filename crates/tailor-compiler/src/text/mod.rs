//! Units as text: what dumps show, and the language that tests of passes and backends are written in.
//!
//! ```text
//! unit {
//!   mem tail = field class=3 offset=8 i64
//!   mem elem = element class=4 offset=16 scale=8 i64
//!   alloc pair = size=24 header=0x1234
//!   call f = "name" (int, ref) -> int reads=all writes=class(3) collects
//!   entry fib = (int) -> int
//! }
//! entry(%a: int, %b: ref):
//!   %c = add %a, 1
//!   %o = ovf_add %a, 1
//!   guard_false %o [ 7@12 { %a, %c, dead } < 3@4 { %b } ]
//!   %x = load.elem %b, %c
//!   @17                               ; from here on: guest position 17
//!   store.tail %b, %x
//!   %y = call.f(%x, %b)
//!   %z = call_unit.fib(%y) [ 7@20 { %y } ]
//!   br_if %z, out(%x)
//!   jump loop(%c)
//! loop(%i: int):
//!   %n = new.pair
//!   guard_true %i [ 7@30 { v0 } new.pair v0 { tail = %i } store.tail %b, v0 barrier ]
//!   jump loop(%i)
//! out(%r: int):
//!   return(%r)
//! ```
//!
//! # Grammar
//! White space and line breaks only separate; a comment goes from `;` to the end of its line. Names are letters, digits and `_`.
//!
//! ```text
//! text       = ["unit" "{" {descriptor} "}"] {block}
//! descriptor = "mem" name "=" ("field" | "element" | "stack") "class" "=" int "offset" "=" int ["scale" "=" int] width ["immutable"]
//!            | "alloc" name "=" "size" "=" int "header" "=" int
//!            | "boxing" name "=" "bias" "=" int "rotation" "=" int "mask" "=" int "tag" "=" int "header" "=" int
//!            | "call" name "=" [string] ["at" int] signature ["reads" "=" classes] ["writes" "=" classes] ["collects"] ["elidable"]
//!            | "entry" name "=" [string] signature ["stack" "(" int {"," int} ")"]
//! signature  = "(" [type {"," type}] ")" ["->" type]
//! classes    = "all" | "none" | "class" "(" int {"," int} ")"
//! width      = "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "i64" | "f64" | "ref"
//! type       = "int" | "float" | "ref"
//! block      = name "(" [value ":" type {"," value ":" type}] ")" {"export" "." name} ":" {line}
//! line       = "@" int | [value "="] opcode ["." (name | int)] operands
//! operand    = value | int | float | "null" | "&" int
//! snapshot   = "[" [frame {"<" frame}] {recipe} {store} "]"
//! frame      = int "@" int "{" [slot {"," slot}] "}"
//! slot       = operand | "dead" | "v" int
//! recipe     = "new" "." name "v" int "{" [name "=" slot {"," name "=" slot}] "}"
//! store      = "store" "." name slot "," [slot ","] slot ["barrier"]
//! ```
//!
//! A line's operands are those of the opcode's row in [`crate::ir::opcode`], separated by commas: values; labels with their arguments in parentheses; lists in
//! parentheses; a snapshot, without a comma before it. What stands after the dot is the descriptor, or the number of bits. Integers are decimal or
//! `0x…` and may have any value of 64 bits, signed or unsigned; floats have a point or an exponent, or are `inf`, `-inf`, `nan.0x…` (with all bits).
//! Frames stand innermost first. What is left out of a call is nothing: no memory is read or written, nothing collects.
//!
//! # Round trip
//! Text that is parsed and printed is a normal form: values are named by their operation's index, labels by their order, descriptors by their number;
//! only descriptors that are used appear. So two units are the same if they print the same, whatever the order of their
//! side tables; and an expected text can be compared with a result by parsing it with the same [`Descriptors`](crate::ir::Descriptors) and printing both.
//! Equal snapshots and equal chains of frames become one in parsing.
//!
//! # Addresses
//! A function's address differs from run to run. A text without addresses is bound by [`parse_with`], which asks for the address of
//! each name; [`print()`] shows addresses only if asked to.

mod declarations;
mod parse;
mod print;
mod scan;
#[cfg(test)]
mod tests;

pub use parse::{parse, parse_with};
pub use print::{Addresses, print, print_operation};
pub use scan::ParseError;

/// What the words of the text for types, widths and kinds of memory mean: one table for both directions.
mod words {
    use crate::ir::{MemKind, Type, Width};

    pub const TYPES: [(&str, Type); 3] = [("int", Type::Int), ("float", Type::Float), ("ref", Type::Ref)];

    pub const WIDTHS: [(&str, Width); 9] = [
        ("i8", Width::I8),
        ("u8", Width::U8),
        ("i16", Width::I16),
        ("u16", Width::U16),
        ("i32", Width::I32),
        ("u32", Width::U32),
        ("i64", Width::I64),
        ("f64", Width::F64),
        ("ref", Width::Ref),
    ];

    pub const KINDS: [(&str, MemKind); 3] =
        [("field", MemKind::Field), ("element", MemKind::Element), ("stack", MemKind::Stack)];

    pub fn find<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
        table.iter().find(|(text, _)| *text == word).map(|&(_, value)| value)
    }

    pub fn text<T: Copy + PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
        table.iter().find(|(_, other)| *other == value).map_or("void", |&(text, _)| text)
    }
}

//! How values lie in memory, and reading and writing them there leaf by leaf.

use tailor_compiler::ir::Width;

use super::session::Session;
use crate::tape::{Memory, Node, Shape};

/// How a type lies in memory. It goes with the type's [`Shape`]: the parts are in the same order.
#[derive(Clone, Copy, Debug)]
pub enum Layout {
    /// A scalar.
    Scalar(Width),
    /// A struct or tuple: each part's offset and layout.
    Struct(&'static [(usize, &'static Layout)]),
    /// Equal elements, one every `stride` bytes.
    Array {
        /// How many.
        length: usize,
        /// Bytes from one to the next.
        stride: usize,
        /// Each.
        element: &'static Layout,
    },
    /// `None` as the null pointer, else `Some` of this layout, which has one Ref leaf.
    Nullable(&'static Layout),
    /// A tag, 0 for `None`, and at an offset what is in `Some`.
    Optional {
        /// The tag's width; its offset is 0.
        tag: Width,
        /// Of what is in `Some`.
        offset: usize,
        /// How it lies there.
        some: &'static Layout,
    },
    /// An enum with a tag of known place: for each variant the tag's value, and offset and layout of each part of the payload.
    Enum {
        /// The tag's width; its offset is 0.
        tag: Width,
        /// The variants, in the shape's order.
        variants: &'static [(u64, &'static [(usize, &'static Layout)])],
    },
    /// The type is used by address: nothing is read.
    Address,
    /// rustc's secret: can't be accessed in memory.
    Unknown,
}

impl Layout {
    /// A reference.
    pub const REF: Layout = Layout::Scalar(Width::Ref);
}

/// The width of an unsigned tag of so many bytes.
///
/// # Panics
/// There is none (in a constant, so at compile time).
pub const fn width_of_tag(bytes: usize, signed: bool) -> Width {
    match (bytes, signed) {
        (0 | 1, false) => Width::U8,
        (1, true) => Width::I8,
        (2, false) => Width::U16,
        (2, true) => Width::I16,
        (4, false) => Width::U32,
        (4, true) => Width::I32,
        (8, _) => Width::I64,
        _ => panic!("an enum's tag has 1, 2, 4 or 8 bytes"),
    }
}

/// A place in memory: what its accesses are called, and where it is. `memory.width` is that of nothing yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) memory: Memory,
    pub(super) base: Node,
    pub(super) index: Option<Node>,
}

impl At {
    pub(super) fn plus(mut self, bytes: usize) -> At {
        // Offsets within types are far below the limit, which `i32::try_from` would only restate.
        self.memory.offset += bytes as i32;
        self
    }

    fn wide(mut self, width: Width) -> At {
        self.memory.width = width;
        self
    }

    /// The address itself.
    pub(super) fn address(&self, s: &Session) -> Node {
        let tape = s.tape();
        let base = match self.index {
            Some(index) => tape.element_address(self.base, index, u64::from(self.memory.scale)),
            None => self.base,
        };
        let offset = tape.int(i64::from(self.memory.offset) as u64);
        tape.offset(base, offset)
    }
}

const SECRET: &str = "a field of this type has no layout that jitted code knows: give the enum `#[repr(u8)]` (or so), \
                      or read the field in a #[jit::residual] function";

/// Reads a value.
pub(super) fn load(s: &Session, layout: &Layout, shape: &'static Shape, at: At) -> Node {
    let tape = s.tape();
    match (layout, shape) {
        (Layout::Scalar(width), _) => {
            let at = at.wide(*width);
            tape.load(&at.memory, at.base, at.index)
        }
        (Layout::Struct(parts), Shape::Product(shapes)) => {
            let part = |((offset, layout), shape): (&(usize, &Layout), &&'static Shape)| {
                load(s, layout, shape, at.plus(*offset))
            };
            let parts: Vec<Node> = parts.iter().zip(*shapes).map(part).collect();
            tape.product(shape, &parts)
        }
        (Layout::Array { length, stride, element }, Shape::Product(shapes)) => {
            let elements: Vec<Node> = (0..*length).map(|i| load(s, element, shapes[i], at.plus(i * stride))).collect();
            tape.product(shape, &elements)
        }
        (Layout::Nullable(some), Shape::Sum([_, payload])) => {
            let payload = load(s, some, payload, at);
            let word = tape.reshape(payload, Shape::REF);
            let null = tape.address(0);
            let is_some = tape.pure(tailor_compiler::ir::OpCode::RefNe, &[word, null]);
            tape.sum(shape, is_some, 1, payload)
        }
        (Layout::Optional { tag, offset, some }, Shape::Sum([_, payload])) => {
            let tag = load(s, &Layout::Scalar(*tag), Shape::INT, at);
            tape.sum(shape, tag, 1, load(s, some, payload, at.plus(*offset)))
        }
        (Layout::Enum { tag, variants }, Shape::Sum(shapes)) => {
            let word = load(s, &Layout::Scalar(*tag), Shape::INT, at);
            // The variant's number, from the tag's values in memory.
            let mut number = tape.int(0);
            for (i, (value, _)) in variants.iter().enumerate().skip(1) {
                let value = tape.int(*value);
                let is = tape.pure(tailor_compiler::ir::OpCode::Eq, &[word, value]);
                let i = tape.int(i as u64);
                number = tape.pure(tailor_compiler::ir::OpCode::Select, &[is, i, number]);
            }
            // Payloads of all variants are read: their bytes are there, and what is not used is dropped.
            let payload = |i: usize| load(s, &Layout::Struct(variants[i].1), shapes[i], at);
            let mut sum = tape.sum(shape, number, 0, payload(0));
            for i in 1..variants.len() {
                sum = tape.with_part(sum, i, payload(i));
            }
            sum
        }
        (Layout::Address, _) => at.address(s),
        _ => panic!("{}.{}: {SECRET}", at.memory.owner, at.memory.field),
    }
}

/// Writes a value.
pub(super) fn store(s: &Session, layout: &Layout, shape: &'static Shape, at: At, value: Node) {
    let tape = s.tape();
    match (layout, shape) {
        (Layout::Scalar(width), _) => {
            let at = at.wide(*width);
            tape.store(&at.memory, at.base, at.index, value);
        }
        (Layout::Struct(parts), Shape::Product(shapes)) => {
            for (i, (offset, layout)) in parts.iter().enumerate() {
                store(s, layout, shapes[i], at.plus(*offset), tape.part(value, i));
            }
        }
        (Layout::Array { length, stride, element }, Shape::Product(shapes)) => {
            for i in 0..*length {
                store(s, element, shapes[i], at.plus(i * stride), tape.part(value, i));
            }
        }
        (Layout::Nullable(some), Shape::Sum([_, payload])) => {
            let (tag, word) = (tape.tag(value), tape.payload(value, 1));
            let null = tape.constant(payload, &[0]);
            let word = choose(s, tag, word, null, payload);
            store(s, some, payload, at, word);
        }
        (Layout::Optional { tag, offset, some }, Shape::Sum([_, payload])) => {
            store(s, &Layout::Scalar(*tag), Shape::INT, at, tape.tag(value));
            let none = tape.block();
            tape.check(tape.tag(value), none);
            store(s, some, payload, at.plus(*offset), tape.payload(value, 1));
            tape.jump(none);
            tape.enter(none);
        }
        (Layout::Enum { tag, variants }, Shape::Sum(shapes)) => {
            let (number, end) = (tape.tag(value), tape.block());
            for (i, (word, parts)) in variants.iter().enumerate() {
                let next = tape.block();
                if i + 1 < variants.len() {
                    let this = tape.int(i as u64);
                    let is = tape.pure(tailor_compiler::ir::OpCode::Eq, &[number, this]);
                    tape.check(is, next);
                }
                let word = tape.int(*word);
                store(s, &Layout::Scalar(*tag), Shape::INT, at, word);
                store(s, &Layout::Struct(parts), shapes[i], at, tape.payload(value, i));
                tape.jump(end);
                tape.enter(next);
            }
            tape.enter(end);
        }
        _ => panic!("{}.{}: {SECRET}", at.memory.owner, at.memory.field),
    }
}

/// `if condition { then } else { otherwise }`, of one scalar.
fn choose(s: &Session, condition: Node, then: Node, otherwise: Node, shape: &'static Shape) -> Node {
    let tape = s.tape();
    let (result, other, end) = (tape.variable(shape), tape.block(), tape.block());
    tape.check(condition, other);
    tape.set(result, then);
    tape.jump(end);
    tape.enter(other);
    tape.set(result, otherwise);
    tape.jump(end);
    tape.enter(end);
    tape.get(result)
}

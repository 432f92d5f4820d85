//! What values and objects in a [`World`](super::world::World) are: kinds and shapes.

use crate::ir::{BoxDesc, Coding, Type};

/// What a value is good for: finer than its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any integer.
    Int,
    /// 0 or 1.
    Truth,
    /// Any double.
    Float,
    /// An integer that is the address of a `P`.
    Tagged,
    /// An object of this shape.
    Object(Shape),
    /// An integer that is the box of a double.
    Boxed,
    /// A `P` or null.
    Maybe,
    /// An address in the guest stack, so many words from the start.
    Stack(u8),
}

impl Kind {
    /// The type of values of this kind.
    pub fn ty(self) -> Type {
        match self {
            Kind::Int | Kind::Truth | Kind::Tagged | Kind::Boxed => Type::Int,
            Kind::Float => Type::Float,
            _ => Type::Ref,
        }
    }
}

/// How doubles are boxed.
pub const BOXING: BoxDesc = BoxDesc {
    coding: Coding { bias: 1 << 60, rotation: 3 },
    mask: 3,
    tag: 2,
    header: 0x5000_0000 | 2 << 16 | 0xff << 8,
};

/// The shapes of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Shape {
    /// Two integers, a `P`, a double, a `P` or null.
    P,
    /// A tagged word, narrow integers that overlap, a `Q`.
    Q,
    /// What never changes: an integer, a `P`.
    R,
    /// An array of integers.
    Ints,
    /// An array of doubles.
    Floats,
    /// An array of `P`.
    Objects,
    /// An array of bytes.
    Bytes,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 7] =
        [Shape::P, Shape::Q, Shape::R, Shape::Ints, Shape::Floats, Shape::Objects, Shape::Bytes];

    /// Its size in words.
    pub fn words(self) -> usize {
        self.kinds().len() + 1
    }

    /// What its words behind the header hold.
    pub fn kinds(self) -> &'static [Kind] {
        const P: Kind = Kind::Object(Shape::P);
        match self {
            Shape::P => &[Kind::Int, Kind::Int, P, Kind::Float, Kind::Maybe],
            Shape::Q => &[Kind::Tagged, Kind::Int, Kind::Object(Shape::Q)],
            Shape::R => &[Kind::Int, P],
            Shape::Ints => &[Kind::Int; 5],
            Shape::Floats => &[Kind::Int, Kind::Float, Kind::Float, Kind::Float, Kind::Float],
            Shape::Objects => &[Kind::Int, P, P, P, P],
            Shape::Bytes => &[Kind::Int; 2],
        }
    }

    /// Whether it is an array: its first word is its length then.
    pub fn is_array(self) -> bool {
        self as u8 >= Shape::Ints as u8
    }

    /// The header of a new one.
    pub fn header(self) -> u64 {
        0x5000_0000 | (self.words() as u64) << 16 | (self as u64) << 8
    }
}

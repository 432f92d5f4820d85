//! What generated functions find: two objects, constants and some generic functions.
//!
//! The generator knows the names in here ([`places`](crate::generate::places) and the rows of [`integer`](crate::generate::integer)).

#![allow(missing_docs, reason = "the fields' names say what there is to say")]

use std::cell::Cell;

use tailor::{JitValue, jit};

/// The first struct of each program.
#[jit::value]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rec0 {
    pub f0: i32,
    pub f1: u8,
}

/// The first enum with data of each program.
#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub enum Sum0 {
    Alt0(u16),
    Alt1,
    Alt2(i32, u8),
}

/// The first enum without data of each program.
#[jit::value]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(u8)]
pub enum Tag0 {
    Is0 = 3,
    #[default]
    Is1 = 9,
    Is2 = 200,
}

impl Default for Sum0 {
    fn default() -> Sum0 {
        Sum0::Alt2(-7, 7)
    }
}

/// An object within another one.
#[jit::object]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inner {
    /// A cell behind some bytes.
    pub before: Cell<u8>,
    /// The one that is used.
    pub deep: Cell<i32>,
}

/// The object `w`, which all functions share: the side effects.
#[jit::object]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// How many more calls and turns of loops there may be.
    pub fuel: Cell<u32>,
    /// A hash of the marks that were left, in their order.
    pub trace: Cell<u64>,
    pub c_i8: Cell<i8>,
    pub c_u8: Cell<u8>,
    pub c_bool: Cell<bool>,
    pub c_i16: Cell<i16>,
    pub c_u16: Cell<u16>,
    pub c_i32: Cell<i32>,
    pub c_u32: Cell<u32>,
    pub c_i64: Cell<i64>,
    pub c_u64: Cell<u64>,
    pub c_isize: Cell<isize>,
    pub c_usize: Cell<usize>,
    pub c_f64: Cell<f64>,
    pub c_rec: Cell<Rec0>,
    pub c_sum: Cell<Sum0>,
    pub c_tag: Cell<Tag0>,
    pub c_option: Cell<Option<i32>>,
    /// Never changes.
    #[jit(immutable)]
    pub fixed: i32,
    /// Never changes, as far as it is known.
    pub inner: Inner,
    pub words: [Cell<i64>; 6],
    pub bytes: [Cell<u8>; 9],
    pub shorts: [Cell<i16>; 5],
    /// Used as a guest stack, and in no other way.
    pub stack: [Cell<i64>; 6],
}

#[jit]
impl World {
    /// Leaves a mark.
    pub fn log(&self, mark: u32) {
        self.trace.set(self.trace.get().wrapping_mul(31).wrapping_add(mark as u64));
    }

    /// Takes fuel; whether there was none.
    pub fn tick(&self) -> bool {
        let fuel = self.fuel.get();
        if fuel == 0 {
            return true;
        }
        self.fuel.set(fuel - 1);
        false
    }
}

/// The object `m`, which is borrowed exclusively.
#[jit::object]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mobile {
    pub n: i64,
    pub k: u8,
    pub b: bool,
    pub s: i16,
    pub u: u32,
    pub f: f64,
    pub bytes: [u8; 4],
    pub words: [i64; 4],
    pub rec: Rec0,
    pub recs: [Rec0; 3],
    pub sum: Sum0,
    pub tag: Tag0,
}

/// One of two values.
#[jit]
pub fn pick<T: JitValue + Copy>(first: bool, a: T, b: T) -> T {
    if first { a } else { b }
}

/// A pair the other way round.
#[jit]
pub fn swapped<A: JitValue + Copy, B: JitValue + Copy>(pair: (A, B)) -> (B, A) {
    let (a, b) = pair;
    (b, a)
}

/// The value, or another.
#[jit]
pub fn or_else<T: JitValue + Copy>(value: Option<T>, otherwise: T) -> T {
    match value {
        Some(value) => value,
        None => otherwise,
    }
}

//! Shapes: what values are made of, down to scalars.
//!
//! # Terms
//! - A *leaf* is a scalar within a value, numbered in depth-first order. A value of `n` leaves is `n` words wherever it is passed as words: to trampolines,
//!   from residual functions, in the black hole's frames.
//! - The leaves of a *sum* are its tag, then those of all its variants, one after the other. Leaves of the variants that it is not are undefined.
//!
//! # Why do variants not share leaves?
//! Sharing would save words where enums cross functions, but merge unrelated variables: liveness would be blurred, and a leaf's type could no longer be told without
//! the tag. What nobody reads costs nothing within a function.

use tailor_compiler::ir::Type;

/// What a value is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One word.
    Scalar(Type),
    /// Several values, in order: tuples, structs, arrays, slices as pointer and length.
    Product(&'static [&'static Shape]),
    /// One of several values: an integer tag (the variant's index), and the variants.
    Sum(&'static [&'static Shape]),
}

impl Shape {
    /// An integer, truth value or the like.
    pub const INT: &'static Shape = &Shape::Scalar(Type::Int);
    /// A double.
    pub const FLOAT: &'static Shape = &Shape::Scalar(Type::Float);
    /// An address.
    pub const REF: &'static Shape = &Shape::Scalar(Type::Ref);
    /// `()`.
    pub const UNIT: &'static Shape = &Shape::Product(&[]);

    /// The number of its leaves.
    pub const fn leaf_count(&self) -> usize {
        match self {
            Shape::Scalar(_) => 1,
            Shape::Product(parts) => sum_of_leaves(parts, parts.len()),
            Shape::Sum(variants) => 1 + sum_of_leaves(variants, variants.len()),
        }
    }

    /// Whether it has one leaf, an address.
    pub const fn is_address(&self) -> bool {
        match self {
            Shape::Scalar(ty) => matches!(ty, Type::Ref),
            Shape::Product(parts) => {
                let (mut found, mut i) = (false, 0);
                while i < parts.len() {
                    if parts[i].leaf_count() > 0 {
                        if found || !parts[i].is_address() {
                            return false;
                        }
                        found = true;
                    }
                    i += 1;
                }
                found
            }
            Shape::Sum(_) => false,
        }
    }

    /// The types of its leaves, appended to `types`.
    pub fn leaf_types(&self, types: &mut Vec<Type>) {
        self.for_each_leaf(&mut |ty| types.push(ty));
    }

    /// Calls `f` with the type of each leaf.
    pub(crate) fn for_each_leaf(&self, f: &mut impl FnMut(Type)) {
        match self {
            Shape::Scalar(ty) => f(*ty),
            Shape::Product(parts) => parts.iter().for_each(|part| part.for_each_leaf(f)),
            Shape::Sum(variants) => {
                f(Type::Int);
                variants.iter().for_each(|variant| variant.for_each_leaf(f));
            }
        }
    }

    /// Whether its leaves are those of `other`. One shape may have several addresses.
    pub(crate) fn has_leaves_of(&self, other: &Shape) -> bool {
        if std::ptr::eq(self, other) {
            return true;
        }
        if self == other {
            return true;
        }
        let (mut types, mut others) = (Vec::new(), Vec::new());
        self.leaf_types(&mut types);
        other.leaf_types(&mut others);
        types == others
    }

    /// The shape of part (or variant) `index` and the number of its first leaf.
    ///
    /// # Panics
    /// There is no such part.
    pub(crate) fn part(&self, index: usize) -> (&'static Shape, usize) {
        match self {
            Shape::Scalar(_) => panic!("a scalar has no parts"),
            Shape::Product(parts) => (parts[index], sum_of_leaves(parts, index)),
            Shape::Sum(variants) => (variants[index], 1 + sum_of_leaves(variants, index)),
        }
    }
}

/// Leaves of the first `count` shapes.
const fn sum_of_leaves(shapes: &[&Shape], count: usize) -> usize {
    let (mut sum, mut i) = (0, 0);
    while i < count {
        sum += shapes[i].leaf_count();
        i += 1;
    }
    sum
}

//! Tuples, structs and enums: making them and taking them apart.

use super::layout::Layout;
use super::place;
use super::session::with;
use super::value::{Id, JitType, V, ops};
use super::words::{Arguments, Borrowed, Results, Words};
use crate::tape::Shape;

/// A part of an aggregate that is being made: its number, its value.
pub type Part = (u32, Id);

/// `()`
#[cold]
#[inline(never)]
pub fn unit() -> V<()> {
    with(|s| V::of(s.tape().unit()))
}

/// Part `index` of a struct or tuple; of a place, again a place.
#[cold]
#[inline(never)]
pub fn part(aggregate: Id, index: u32) -> Id {
    with(|s| place::part_of(s, aggregate, index as usize))
}

/// The value of part `index`.
#[cold]
#[inline(never)]
pub fn read_part(aggregate: Id, index: u32) -> Id {
    with(|s| match aggregate.is_place() {
        true => Id::of(place::node(s, place::part_of(s, aggregate, index as usize))),
        false => Id::of(s.tape().part(aggregate.node(), index as usize)),
    })
}

/// A struct or tuple of parts in any order.
#[cold]
#[inline(never)]
pub fn make(shape: &'static Shape, parts: &[Part]) -> Id {
    with(|s| {
        let mut nodes: Vec<_> = parts.iter().map(|(i, id)| (*i, id.node())).collect();
        nodes.sort_by_key(|(i, _)| *i);
        let nodes: Vec<_> = nodes.into_iter().map(|(_, node)| node).collect();
        Id::of(s.tape().product(shape, &nodes))
    })
}

/// `Struct { parts, ..base }`
#[cold]
#[inline(never)]
pub fn update(base: Id, parts: &[Part]) -> Id {
    with(|s| Id::of(parts.iter().fold(base.node(), |all, (i, id)| s.tape().with_part(all, *i as usize, id.node()))))
}

/// A variant with these parts, in any order.
#[cold]
#[inline(never)]
pub fn make_variant(shape: &'static Shape, variant: u32, parts: &[Part]) -> Id {
    let payload = make(variant_shape(shape, variant), parts);
    with(|s| Id::of(s.tape().variant(shape, variant as usize, payload.node())))
}

fn variant_shape(shape: &'static Shape, variant: u32) -> &'static Shape {
    match shape {
        Shape::Sum(variants) => variants[variant as usize],
        _ => panic!("{shape:?} has no variants"),
    }
}

/// Whether an enum is this variant.
#[cold]
#[inline(never)]
pub fn is_variant(value: Id, variant: u32) -> V<bool> {
    with(|s| V::of(s.tape().is_variant(place::node(s, value), variant as usize)))
}

/// Part `index` of the payload of this variant.
#[cold]
#[inline(never)]
pub fn payload(value: Id, variant: u32, index: u32) -> Id {
    with(|s| {
        let payload = s.tape().payload(place::node(s, value), variant as usize);
        Id::of(s.tape().part(payload, index as usize))
    })
}

// ---- Tuples.

ops! {
    /// The elements of a tuple.
    TupleOps<T>
}

/// Handles of a tuple's elements.
pub trait Elements {
    /// The tuple.
    type Tuple: JitType;
    /// Puts the elements together.
    fn parts(self) -> Id;
}

/// `(a, b, ..)`
#[inline(always)]
pub fn tuple<E: Elements>(elements: E) -> V<E::Tuple> {
    V::__from(elements.parts())
}

macro_rules! tuples {
    ($(($($t:ident $i:tt $accessor:ident $get:ident),+);)*) => {$(
        // SAFETY: the elements' shapes, at their offsets.
        unsafe impl<$($t: JitType),+> JitType for ($($t,)+) {
            type Ops = TupleOps<($($t,)+)>;
            const SHAPE: &'static Shape = &Shape::Product(&[$($t::SHAPE),+]);
            const LAYOUT: &'static Layout = &Layout::Struct(&[$((std::mem::offset_of!(Self, $i), $t::LAYOUT)),+]);
        }
        // SAFETY: one after the other.
        unsafe impl<$($t: Words),+> Words for ($($t,)+) {
            #[inline(always)]
            unsafe fn read(words: &mut Arguments) -> Self {
                // SAFETY: the caller's promise.
                unsafe { ($($t::read(words),)+) }
            }
            #[inline(always)]
            fn write(self, words: &mut Results) {
                $(self.$i.write(words);)+
            }
        }
        // SAFETY: the value itself.
        unsafe impl<$($t: Words),+> Borrowed for ($($t,)+) {
            type Holder = Self;
            unsafe fn hold(words: &mut Arguments) -> Self {
                // SAFETY: the caller's promise.
                unsafe { Self::read(words) }
            }
            unsafe fn borrow(holder: &Self) -> &'static Self {
                // SAFETY: the caller's promise.
                unsafe { &*std::ptr::from_ref(holder) }
            }
        }
        impl<$($t: JitType),+> Elements for ($(V<$t>,)+) {
            type Tuple = ($($t,)+);
            #[inline(never)]
            fn parts(self) -> Id {
                make(Self::Tuple::SHAPE, &[$(($i, self.$i.0)),+])
            }
        }
        tuples!(@accessors ($($t),+) $($t $i $accessor $get)+);
    )*};
    (@accessors $all:tt $($t:ident $i:tt $accessor:ident $get:ident)+) => {
        $(tuples!(@accessor $all $t $i $accessor $get);)+
    };
    (@accessor ($($all:ident),+) $t:ident $i:tt $accessor:ident $get:ident) => {
        impl<$($all),+> TupleOps<($($all,)+)> {
            /// The element, a place if the tuple is one.
            #[inline(always)]
            pub fn $accessor(self) -> V<$t> {
                V::__from(part(self.0, $i))
            }
            /// The element's value.
            #[inline(always)]
            pub fn $get(self) -> V<$t> {
                V::__from(read_part(self.0, $i))
            }
        }
    };
}

tuples! {
    (A 0 __f_0 __g_0);
    (A 0 __f_0 __g_0, B 1 __f_1 __g_1);
    (A 0 __f_0 __g_0, B 1 __f_1 __g_1, C 2 __f_2 __g_2);
    (A 0 __f_0 __g_0, B 1 __f_1 __g_1, C 2 __f_2 __g_2, D 3 __f_3 __g_3);
    (A 0 __f_0 __g_0, B 1 __f_1 __g_1, C 2 __f_2 __g_2, D 3 __f_3 __g_3, E 4 __f_4 __g_4);
    (A 0 __f_0 __g_0, B 1 __f_1 __g_1, C 2 __f_2 __g_2, D 3 __f_3 __g_3, E 4 __f_4 __g_4, F 5 __f_5 __g_5);
    (A 0 __f_0 __g_0, B 1 __f_1 __g_1, C 2 __f_2 __g_2, D 3 __f_3 __g_3, E 4 __f_4 __g_4, F 5 __f_5 __g_5, G 6 __f_6 __g_6);
    (A 0 __f_0 __g_0, B 1 __f_1 __g_1, C 2 __f_2 __g_2, D 3 __f_3 __g_3, E 4 __f_4 __g_4, F 5 __f_5 __g_5, G 6 __f_6 __g_6, H 7 __f_7 __g_7);
}

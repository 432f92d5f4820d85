//! Values: one 64-bit word each.
//!
//! | low bits | meaning |
//! |---|---|
//! | `xx1` | a 63-bit integer, shifted left by one |
//! | `x10` | a double whose exponent lies in the middle quarter of the range |
//! | `x00` | a reference to a heap object (never null; the null word marks "undefined" inside the VM) |
//!
//! Doubles follow the idea of self-tagging (Melançon, Feeley, Serrano: "Float Self-Tagging", 2024, and the flonums of
//! Spur and CRuby): with `0x100` added to the exponent, a double with magnitude in `2^-255 .. 2^257` has the two top bits of its
//! exponent equal to `10`; rotated left by three, it has them at the bottom, where they are the tag. So coding and
//! decoding are an addition and a rotation each. All other doubles (zeros, infinities, NaN, extremes) are heap objects;
//! the two zeros are preallocated.
//!
//! Big integers are heap objects, and only integers outside `-2^62 ..= 2^62-1` are big, so that equal integers have
//! equal representation class.

use std::fmt;
use std::ptr::NonNull;

use tailor::jit;
use tailor_gc::{Gc, Header, Object, Slot};

use crate::objects::BoxedDouble;

/// A SOM value; see the module's header for the representation.
#[jit::value]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Value(u64);

/// The smallest integer that needs no heap object.
pub const MIN_SMALL: i64 = -(1 << 62);
/// The largest integer that needs no heap object.
pub const MAX_SMALL: i64 = (1 << 62) - 1;

/// The tag of doubles that need no heap object.
pub(crate) const DOUBLE_TAG: u64 = 2;
/// Where words have their tags.
pub(crate) const TAG_MASK: u64 = 3;
/// What is added to the exponent: the immediate range begins at `0x300`, and has `0x400` there then.
pub(crate) const DOUBLE_BIAS: u64 = 0x100 << 52;
/// Brings the top two bits of the exponent to the bottom.
pub(crate) const DOUBLE_ROTATION: u32 = 3;

#[jit]
impl Value {
    /// Marks a global without a value, a register that holds no context, and the like. Never visible to SOM code.
    pub const UNDEFINED: Value = Value(0);

    /// The integer `i`, which must lie in `MIN_SMALL ..= MAX_SMALL`.
    #[inline(always)]
    pub const fn small(i: i64) -> Value {
        debug_assert!(i >= MIN_SMALL && i <= MAX_SMALL);
        Value((i << 1 | 1) as u64)
    }

    /// The integer `i`, if it fits.
    #[inline(always)]
    pub fn try_small(i: i64) -> Option<Value> {
        let word = i << 1;
        (word >> 1 == i).then_some(Value((word | 1) as u64))
    }

    /// The word itself.
    #[inline(always)]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// A value from its word.
    ///
    /// # Safety
    /// `bits` came from [`Value::bits`] of a value that is still alive.
    #[inline(always)]
    pub const unsafe fn from_bits(bits: u64) -> Value {
        Value(bits)
    }

    /// Whether this is a small integer.
    #[inline(always)]
    pub const fn is_small(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether both are small integers.
    #[inline(always)]
    pub fn both_small(self, other: Value) -> bool {
        // One test for both is quicker; but a unit often knows one of them already, and remembers what it finds out of each.
        if jit::we_are_jitted() {
            other.made_of().is_none() && self.is_small() && other.is_small()
        } else {
            self.0 & other.0 & 1 == 1
        }
    }

    /// The integer; meaningful only if [`Value::is_small`].
    #[inline(always)]
    pub const fn as_small(self) -> i64 {
        self.0 as i64 >> 1
    }

    /// The integer, if this is a small one.
    #[inline(always)]
    pub fn to_small(self) -> Option<i64> {
        self.is_small().then(|| self.as_small())
    }

    /// Whether this is a reference to a heap object.
    #[inline(always)]
    pub const fn is_ref(self) -> bool {
        self.0 & TAG_MASK == 0
    }

    /// Whether this is a double that needs no heap object.
    #[inline(always)]
    pub const fn is_immediate_double(self) -> bool {
        self.0 & TAG_MASK == DOUBLE_TAG
    }

    /// The double `f`, if it can be represented without a heap object.
    #[inline(always)]
    pub fn try_double(f: f64) -> Option<Value> {
        let value = Value(f.to_bits().wrapping_add(DOUBLE_BIAS).rotate_left(DOUBLE_ROTATION));
        value.is_immediate_double().then_some(value)
    }

    /// The double; meaningful only if [`Value::is_immediate_double`].
    #[inline(always)]
    pub fn as_immediate_double(self) -> f64 {
        f64::from_bits(self.0.rotate_right(DOUBLE_ROTATION).wrapping_sub(DOUBLE_BIAS))
    }

    /// The double that the unit under way has made this value of: it need not look at the word. Never anything natively.
    #[inline(always)]
    pub fn made_of(self) -> Option<f64> {
        if jit::we_are_jitted() && is_boxed(self) { Some(unboxed(self)) } else { None }
    }

    /// The double, if the unit under way has made this value of it, or if this is immediate.
    #[inline(always)]
    pub fn to_quick_double(self) -> Option<f64> {
        if let Some(x) = self.made_of() {
            Some(x)
        } else if self.is_immediate_double() {
            Some(self.as_immediate_double())
        } else {
            None
        }
    }

    /// A reference to `object`.
    #[inline(always)]
    pub fn from_gc<T>(object: Gc<T>) -> Value {
        Value(object.as_ptr() as u64)
    }

    /// The object referred to, taken as a `T`.
    ///
    /// # Safety
    /// This is a reference, and its object is a `T`.
    #[inline(always)]
    pub unsafe fn as_gc<T>(self) -> Gc<T> {
        // SAFETY: references are made by `from_gc` only; the caller vouches for the type.
        unsafe { Gc::from_ptr(self.0 as *mut T) }
    }

    /// The object referred to, if this refers to an object of kind `T`.
    #[inline(always)]
    pub fn downcast<T: Object>(self) -> Option<Gc<T>> {
        let header = self.header()?;
        // SAFETY: the kind in the header says that the object is a `T`.
        (header.kind() == T::KIND).then(|| unsafe { self.as_gc() })
    }

    /// The header of the object referred to, if this is a (defined) reference.
    #[inline(always)]
    pub fn header<'a>(self) -> Option<&'a Header> {
        if self.is_ref() && self != Value::UNDEFINED {
            // SAFETY: a reference points to an object, and each object begins with its header.
            Some(unsafe { &*(self.0 as *const Header) })
        } else {
            None
        }
    }

    /// The header of the object referred to.
    ///
    /// # Safety
    /// This is a defined reference.
    #[inline(always)]
    pub unsafe fn header_unchecked<'a>(self) -> &'a Header {
        // SAFETY: the caller says that this is a reference, and each object begins with its header.
        unsafe { &*(self.0 as *const Header) }
    }
}

/// Whether the unit under way has made the value of a double.
#[jit::residual(role = is_boxed, pure)]
#[inline(always)]
fn is_boxed(_value: Value) -> bool {
    false
}

/// The double that a value is.
#[jit::residual(role = unboxing, pure)]
fn unboxed(value: Value) -> f64 {
    if value.is_immediate_double() {
        value.as_immediate_double()
    } else {
        // SAFETY: doubles that are not immediate are such objects.
        unsafe { value.as_gc::<BoxedDouble>() }.get()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_small() {
            write!(f, "{}", self.as_small())
        } else if self.is_immediate_double() {
            write!(f, "{:?}", self.as_immediate_double())
        } else {
            write!(f, "@{:#x}", self.0)
        }
    }
}

/// Places in heap objects that hold values: a type for each kind of place, since the JIT tells memory apart by it.
macro_rules! slots {
    ($($(#[$doc:meta])* $name:ident $(is $mark:ident)?,)*) => {$(
        $(#[$doc])*
        #[jit::slot]
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $name($(#[jit($mark)])? std::cell::Cell<Value>);

        #[jit]
        impl $name {
            /// Reads it.
            #[inline(always)]
            pub fn get(&self) -> Value {
                self.0.get()
            }

            /// Writes it. The object that it lies in needs the write barrier afterwards.
            #[inline(always)]
            pub fn set(&self, value: Value) {
                self.0.set(value)
            }
        }

        // SAFETY: a reference is exactly a non-zero word with tag 00.
        unsafe impl Slot for $name {
            #[inline(always)]
            fn get(&self) -> Option<NonNull<Header>> {
                let v = self.0.get();
                if v.is_ref() { NonNull::new(v.0 as *mut Header) } else { None }
            }

            #[inline(always)]
            fn set(&self, target: NonNull<Header>) {
                self.0.set(Value(target.as_ptr() as u64))
            }
        }
    )*};
}

slots! {
    /// A field of an ordinary object.
    FieldSlot,
    /// An element of an array.
    ElementSlot,
    /// A captured variable.
    ContextSlot,
    /// The value of a global.
    GlobalSlot is quasi_immutable,
    /// What is set when the object is made, and never again.
    FinalSlot is immutable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_integers_round_trip() {
        for i in [0, 1, -1, 42, MIN_SMALL, MAX_SMALL] {
            assert_eq!(Value::try_small(i).and_then(Value::to_small), Some(i));
        }
        assert_eq!(Value::try_small(MAX_SMALL + 1), None);
        assert_eq!(Value::try_small(MIN_SMALL - 1), None);
    }

    #[test]
    fn common_doubles_are_immediate_and_keep_every_bit() {
        for f in [1.0, -1.0, 0.1, 1e60, -1e-60, std::f64::consts::PI, 2f64.powi(256), 2f64.powi(-255)] {
            let v = Value::try_double(f).expect("in the immediate range");
            assert!(v.is_immediate_double() && !v.is_ref() && !v.is_small());
            assert_eq!(v.as_immediate_double().to_bits(), f.to_bits());
        }
    }

    #[test]
    fn each_exponent_is_either_immediate_and_exact_or_boxed() {
        for exponent in 0..0x800_u64 {
            for sign in [0, 1 << 63] {
                for mantissa in [0, 1, (1 << 52) - 1] {
                    let f = f64::from_bits(sign | exponent << 52 | mantissa);
                    let immediate = Value::try_double(f);
                    assert_eq!(immediate.is_some(), (0x300..0x500).contains(&exponent), "{f:e}");
                    if let Some(v) = immediate {
                        assert_eq!(v.as_immediate_double().to_bits(), f.to_bits());
                    }
                }
            }
        }
    }

    #[test]
    fn extreme_doubles_are_not_immediate() {
        for f in [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE, 2f64.powi(257)] {
            assert_eq!(Value::try_double(f), None, "{f}");
        }
    }
}

//! Bounds for type parameters of jitted functions.
//!
//! A generic function can be jitted for each of its instances; what it does with its type parameters must be possible for handles. Without the feature `jit` the
//! bounds hold of every type.

#[cfg(feature = "jit")]
pub use tailor_jitcode::handle::{JitObject, JitType, Words as JitValue};

#[cfg(not(feature = "jit"))]
mod nothing {
    /// A type that jitted code can handle.
    pub trait JitType {}
    impl<T: ?Sized> JitType for T {}
    /// A type that can be passed between native and jitted code.
    pub trait JitValue {}
    impl<T> JitValue for T {}
    /// A type that is used by address.
    pub trait JitObject {}
    impl<T> JitObject for T {}
}
#[cfg(not(feature = "jit"))]
pub use nothing::{JitObject, JitType, JitValue};

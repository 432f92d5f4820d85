//! Virtual machines with JIT compilers, tailored from an interpreter.
//!
//! An interpreter is written as ordinary Rust functions. A few *directives* give it a second reading, its *jitcode*, from which all compilers are
//! derived. Left out, a directive costs speed, never correctness.
//!
//! | directive | meaning |
//! |---|---|
//! | [`#[jit]`](macro@jit) on functions and `impl` blocks | both readings; every compiler looks into it |
//! | `#[jit(portal)]`, `#[jit(portal, jit = vm.jit)]` | the interpreter's loop; and where its [`Jit`] is |
//! | `#[jit(leaves)]` | leaves a guest frame, its first parameter, and answers the caller's state |
//! | [`jit::merge_point!`] | in the portal: a bytecode boundary; greens name the program point, reds are the state. No native cost |
//! | [`jit::can_enter!`] | in the portal: a back edge or method entry, with the values for the next merge point |
//! | [`#[jit::residual]`](macro@jit::residual) | opaque to the JIT, any Rust allowed; with its declared effects |
//! | `#[jit::elidable]`, `#[jit::unroll]`, `#[jit::inline_in_tier1]` | a function of its arguments; loops unrolled at build time; handler whose jitcode becomes part of the portal's |
//! | [`#[jit::ignore]`](macro@jit::ignore) | a function whose calls mean nothing to the JIT |
//! | `#[jit::native]` within an annotated `impl` | a function for native code only |
//! | [`#[jit::object]`](macro@jit::object) | a struct that is used by address; fields may be `#[jit(immutable)]`, `#[jit(quasi_immutable)]`, `#[jit(by_name)]`, `#[jit(opaque)]` |
//! | [`#[jit::slot]`](macro@jit::slot) | a struct of one `Cell` that lies within heap objects only |
//! | [`#[jit::value]`](macro@jit::value) | a small `Copy` struct or an enum, kept in registers |
//! | [`#[jit::opaque]`](macro@jit::opaque) | a small `Copy` type that is only passed on |
//! | [`jit::promote`] | makes its argument a constant of the unit, guarded |
//! | [`jit::we_are_jitted`] | false natively and in the black hole, true in units |
//!
//! What a jitted body may consist of is listed in `docs/subset.md`; whatever lies outside does not compile, with a message at the place that says what to
//! do instead.
//!
//! # Features
//! `jit` (on by default): the second reading. Without it the directives vanish and the interpreter is what it would be without them.

#[cfg(feature = "jit")]
pub mod engine;
#[cfg(feature = "jit")]
mod execute;
#[cfg(feature = "jit")]
mod inspect;
#[cfg(not(feature = "jit"))]
mod no_engine;
#[cfg(feature = "jit")]
mod thread;
#[cfg(feature = "jit")]
mod trace;

#[cfg(feature = "jit")]
pub use engine::Jit;
#[cfg(not(feature = "jit"))]
pub use no_engine::Jit;
pub use tailor_gc::{Gc, Heap, HeapConfig};
pub use tailor_jitcode::handle::GuestStack;
pub use tailor_macros::jit;

mod bounds;
pub use bounds::{JitObject, JitType, JitValue};

/// Directives; `use tailor::jit;` brings the attribute `#[jit]` and this module.
pub mod jit {
    #[cfg(feature = "jit")]
    pub use crate::execute::RegisterRoots;
    pub use crate::{can_enter, merge_point};
    #[cfg(feature = "jit")]
    pub use crate::{in_black_hole, in_black_hole_as_unit, jitcode_of};
    pub use tailor_macros::{elidable, ignore, inline_in_tier1, object, opaque, residual, slot, unroll, value};

    use tailor_jitcode::handle::{self, JitType, V};

    /// The value itself. In a unit it is a constant, guarded.
    #[inline(always)]
    pub fn promote<T>(value: T) -> T {
        value
    }

    /// The builder's [`promote()`].
    #[doc(hidden)]
    #[allow(non_camel_case_types)]
    pub struct promote {}

    impl promote {
        /// Builds it.
        #[doc(hidden)]
        #[inline(always)]
        #[track_caller]
        pub fn __jit<T: JitType>(value: V<T>) -> V<T> {
            handle::promote(value)
        }
    }

    /// Whether this runs as compiled code of a unit.
    #[inline(always)]
    pub fn we_are_jitted() -> bool {
        false
    }

    /// The builder's [`we_are_jitted()`].
    #[doc(hidden)]
    #[allow(non_camel_case_types)]
    pub struct we_are_jitted {}

    impl we_are_jitted {
        /// Builds it.
        #[doc(hidden)]
        #[inline(always)]
        pub fn __jit() -> V<bool> {
            handle::we_are_jitted()
        }
    }
}

/// A bytecode boundary of a portal: `merge_point!(greens: method, pc; reds: frame)`.
///
/// Greens of up to four words (leaves) can be looked up by threaded code. A portal with more is compiled by tier 2 alone.
///
/// It names each of the portal's parameters, in any order: so the portal can be entered here, by calling it. Natively it is nothing.
#[macro_export]
macro_rules! merge_point {
    (greens: $($green:ident),* ; reds: $($red:ident),* $(,)?) => {{
        // Nothing is evaluated; the names must be there.
        let _ = || { $(let _ = &$green;)* $(let _ = &$red;)* };
    }};
    ($($green:ident),* ; $($red:ident),* $(,)?) => { $crate::merge_point!(greens: $($green),*; reds: $($red),*) };
}

/// A back edge or a method's entry: `can_enter!(method, target; frame)`.
///
/// Counts, and enters compiled code where there is some, if the portal says where its JIT is (`#[jit(portal, jit = vm.jit)]`). The values are those that the variables of the merge point
/// will have when it is reached next, in its order. At the entry of a guest function: `can_enter!(call: method, 0; frame)`, which is counted by itself. They are evaluated while the JIT is on
/// only.
///
/// Compiled code comes back at any merge point of the portal, or from the portal: `can_enter!` is within a loop labelled `'portal`, which it then continues, with the portal's `mut`
/// parameters set.
///
/// In such a portal the attribute replaces it.
#[macro_export]
macro_rules! can_enter {
    (call: $($values:tt)*) => { $crate::can_enter!($($values)*) };
    ($(greens:)? $($green:expr),* ; $(reds:)? $($red:expr),* $(,)?) => {{
        // Nothing is evaluated.
        let _ = || { $(let _ = &$green;)* $(let _ = &$red;)* };
    }};
}

/// What expansions name. Nothing in here is for others.
#[doc(hidden)]
pub mod __jit {
    #[cfg(feature = "jit")]
    pub use crate::engine::{Entered, Outcome, enter};
    #[cfg(feature = "jit")]
    pub use crate::execute::in_black_hole;
    #[cfg(feature = "jit")]
    pub use crate::inspect::jitcode_text;
    /// Associated functions of types that are not the user's, as traits: builders import them all.
    pub mod functions {
        pub use tailor_jitcode::handle::standard::{FloatFunctions as _, IntFunctions as _, NumberFunctions as _};
        pub use tailor_jitcode::handle::{GcFunctions as _, GuestStackFunctions as _};
    }
    pub use tailor_jitcode::handle::*;
    pub use tailor_jitcode::tape::{IntType, Mutability};
    pub use tailor_jitcode::{DIRECT, Effects, JitFunction, Role, Shape, Signature, Tape, Touches, Traits};
}

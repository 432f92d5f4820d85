//! Executing jitcode instead of the native reading: how the two are held against each other.

pub use tailor_jitcode::black_hole::RegisterRoots;

use tailor_jitcode::JitFunction;
use tailor_jitcode::black_hole::{self, Mode};
use tailor_jitcode::handle::{Words, value_of_words};

/// Executes `function` on these words, to the end.
///
/// # Safety
/// As for [`in_black_hole!`](crate::jit::in_black_hole); the words are those of the arguments, and the result is an `R`.
#[doc(hidden)]
pub unsafe fn in_black_hole<R: Words>(function: &'static JitFunction, arguments: &[u64], as_unit: bool) -> R {
    let mode = if as_unit { Mode::AsUnit } else { Mode::Throughout };
    // SAFETY: the caller's promise.
    unsafe { value_of_words(&black_hole::run(function, arguments, mode)) }
}

/// Executes a jitted function's jitcode to the end, the portals that it calls included: `jit::in_black_hole!(function(arguments))`, an `unsafe` expression.
///
/// Arguments are values; for a parameter that is a reference to an object, a raw pointer.
///
/// # Safety
/// The function could be called with these arguments. What executing jitcode holds lies in the thread's register file: a heap that it allocates from
/// must have been given the [`RegisterRoots`](crate::jit::RegisterRoots).
#[macro_export]
macro_rules! in_black_hole {
    ($function:ident($($argument:expr),* $(,)?)) => {{
        let mut words: Vec<u64> = Vec::new();
        $(words.extend($crate::__jit::constant_words($argument));)*
        $crate::__jit::in_black_hole(<$function>::__function(), &words, false)
    }};
}

/// The same as in a unit: [`jit::we_are_jitted`](crate::jit::we_are_jitted()) answers true.
///
/// # Safety
/// As for [`in_black_hole!`](crate::jit::in_black_hole).
#[macro_export]
macro_rules! in_black_hole_as_unit {
    ($function:ident($($argument:expr),* $(,)?)) => {{
        let mut words: Vec<u64> = Vec::new();
        $(words.extend($crate::__jit::constant_words($argument));)*
        $crate::__jit::in_black_hole(<$function>::__function(), &words, true)
    }};
}

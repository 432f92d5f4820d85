//! Calls of functions whose types are known at run time only.
//!
//! # Method
//! The calling conventions of the platforms we care for (System V on x86-64, AAPCS64) pass the first words and the first doubles each in registers of their own, wherever
//! they stand in the list, and a function does not look at registers beyond its arguments. So one signature serves all: six words, then eight
//! doubles, of which the callee takes what is its own.

use crate::ir::Type;

/// How many Int and Ref arguments a call can have.
pub const MAX_WORD_ARGUMENTS: usize = 6;

/// How many Float arguments a call can have.
pub const MAX_FLOAT_ARGUMENTS: usize = 8;

type Words = extern "C" fn(u64, u64, u64, u64, u64, u64, f64, f64, f64, f64, f64, f64, f64, f64) -> u64;
type Floats = extern "C" fn(u64, u64, u64, u64, u64, u64, f64, f64, f64, f64, f64, f64, f64, f64) -> f64;

/// Calls the `extern "C"` function at `address`; its result as a word, 0 if it has none.
///
/// # Panics
/// If there are more arguments than registers (see rule 14 of [`crate::ir`]).
///
/// # Safety
/// There is a function of these types, and it may be called with these words.
pub unsafe fn call(address: usize, types: &[Type], result: Type, arguments: &[u64]) -> u64 {
    let (mut w, mut f) = ([0; MAX_WORD_ARGUMENTS], [0.0; MAX_FLOAT_ARGUMENTS]);
    let (mut words, mut floats) = (w.iter_mut(), f.iter_mut());
    for (ty, &argument) in types.iter().zip(arguments) {
        let fits = match ty {
            Type::Float => floats.next().map(|float| *float = f64::from_bits(argument)),
            _ => words.next().map(|word| *word = argument),
        };
        assert!(fits.is_some(), "a call has more arguments than registers");
    }
    match result {
        Type::Float => {
            // SAFETY: the caller's promise, and the module's header for the arguments that the function does not have.
            let function = unsafe { std::mem::transmute::<usize, Floats>(address) };
            function(w[0], w[1], w[2], w[3], w[4], w[5], f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]).to_bits()
        }
        _ => {
            // SAFETY: as above; what is in the result's register means nothing if the function has no result.
            let function = unsafe { std::mem::transmute::<usize, Words>(address) };
            let word = function(w[0], w[1], w[2], w[3], w[4], w[5], f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]);
            if result == Type::Void { 0 } else { word }
        }
    }
}

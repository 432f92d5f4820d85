//! Tests of the optimiser: texts of units before and after ([`texts`]), rules ([`rules`], [`divide`]) and transfer functions ([`transfer`]) against the evaluator, and the growth of work with length
//! ([`linear`]), and the loops of other units that are entered ([`loops`]). Whether optimised units do the same as the others is for the fuzzing harness to find out.

mod coverage;
mod divide;
mod linear;
mod loops;
mod rules;
mod texts;
mod transfer;

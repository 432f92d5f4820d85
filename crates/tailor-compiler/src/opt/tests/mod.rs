//! Tests of the optimiser: texts of units before and after ([`texts`]), rules ([`rules`], [`divide`]) and transfer functions ([`transfer`]) against the evaluator, and the growth of work with length
//! ([`linear`]), the loops of other units that are entered ([`loops`]), and guest stacks that are too large for the tables ([`stack`]). Whether optimised units do the same as the others is for the fuzzing harness to find out.

mod coverage;
mod divide;
mod inherit;
mod linear;
mod loops;
mod rules;
mod stack;
mod texts;
mod transfer;

//! Plots as SVG, on logarithmic axes: what is compared here are ratios, and twice is as far from once as half is.
//!
//! Written by hand because a picture of lines, circles and text needs no library. Lengths are in pixels.

mod curves;
mod drawing;
mod ratios;

pub use curves::curves;
pub use ratios::ratios;

#[cfg(test)]
mod tests;

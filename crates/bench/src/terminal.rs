//! A plot of the ratios for the terminal, in plain Unicode.
//!
//! Bars grow from the baseline, to the left for what is faster and to the right for what is slower, on a logarithmic
//! scale: twice as fast and half as fast are equally long.

use std::fmt::Write;

use crate::analysis::Comparison;
use crate::report;

/// Cells on either side of the baseline.
const HALF_WIDTH: usize = 24;

/// The smallest factor that the full half width stands for, lest noise fill the plot.
const MINIMUM_RANGE: f64 = 1.25;

/// The plot; empty when there is nothing to compare.
pub fn plot(comparison: &Comparison) -> String {
    let bars = bars(comparison);
    let range = bars.iter().map(|bar| bar.ratio.ln().abs()).fold(MINIMUM_RANGE.ln(), f64::max);
    let width = |part: fn(&Bar) -> &str| bars.iter().map(|bar| part(bar).chars().count()).max().unwrap_or(0);
    let (first, second) = (width(|bar| &bar.benchmark), width(|bar| &bar.vm));
    let mut text = String::new();
    if !bars.is_empty() {
        let name = comparison.baseline_name();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "Ratio to {name}, logarithmic: faster to the left, slower to the right; full width is {:.1}x\n",
            range.exp()
        );
    }
    for bar in &bars {
        let shape = shape(bar.ratio.ln() / range);
        let value = report::ratio(bar.ratio);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<first$}  {:<second$} {value:>7} {shape}", bar.benchmark, bar.vm);
    }
    text
}

struct Bar {
    benchmark: String,
    vm: String,
    ratio: f64,
}

fn bars(comparison: &Comparison) -> Vec<Bar> {
    let others: Vec<usize> = (0..comparison.vms.len()).filter(|&vm| vm != comparison.baseline).collect();
    let mut bars = Vec::new();
    let mut add = |benchmark: &str, ratio: &dyn Fn(usize) -> Option<f64>| {
        let present = others.iter().filter_map(|&vm| Some((vm, ratio(vm)?)));
        for (position, (vm, ratio)) in present.enumerate() {
            let benchmark = if position == 0 { benchmark.to_string() } else { String::new() };
            bars.push(Bar { benchmark, vm: comparison.vms[vm].clone(), ratio });
        }
    };
    for (row, benchmark) in comparison.benchmarks.iter().enumerate() {
        add(benchmark, &|vm| comparison.ratio(row, vm).map(|ratio| ratio.value));
    }
    if comparison.benchmarks.len() > 1 {
        add("geometric mean", &|vm| comparison.mean(vm).map(|mean| mean.ratio.value));
    }
    bars
}

/// A bar for a share of the half width, from -1 (all of the left) to 1 (all of the right), exact to half a cell.
fn shape(share: f64) -> String {
    let halves = (share.abs() * HALF_WIDTH as f64 * 2.0).round() as usize;
    let (full, half) = (halves / 2, halves % 2);
    if share < 0.0 {
        let bar = "▐".repeat(half) + &"█".repeat(full);
        format!("{bar:>HALF_WIDTH$}│")
    } else {
        let bar = "█".repeat(full) + &"▌".repeat(half);
        format!("{:>HALF_WIDTH$}│{bar}", "")
    }
}

#[cfg(test)]
mod tests;

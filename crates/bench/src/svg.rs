//! A plot of the ratios as SVG: one row a benchmark, one dot a VM with its confidence interval, on a logarithmic axis.
//!
//! Dots, not bars: a ratio has no natural zero, and dots leave room for the intervals. Written by hand because a picture
//! of lines, circles and text needs no library. Lengths are in pixels.

use std::fmt::Write;

use crate::analysis::Comparison;
use crate::cli::Clock;
use crate::stats::{Estimate, Interval};

/// Colours that stay apart for all kinds of colour vision (Okabe and Ito, 2008).
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b8a500"];

const WIDTH: f64 = 900.0;
const LABELS: f64 = 130.0;
const MARGIN: f64 = 24.0;
const TITLE: f64 = 34.0;
const LEGEND_LINE: f64 = 20.0;
const DOT_SPACING: f64 = 10.0;
const ROW_PADDING: f64 = 12.0;
const AXIS: f64 = 34.0;

/// Steps at which an axis may be divided, within a factor of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// The plot as a document.
pub fn plot(comparison: &Comparison) -> String {
    let rows = rows(comparison);
    let axis = Axis::spanning(&rows);
    let top = TITLE + LEGEND_LINE * comparison.vms.len().div_ceil(LEGEND_COLUMNS) as f64;
    let row_height = DOT_SPACING * comparison.vms.len() as f64 + ROW_PADDING;
    let bottom = top + row_height * rows.len() as f64;
    let mut svg = Drawing::new(bottom + AXIS);
    let time = match comparison.clock {
        Clock::Harness => "Time",
        Clock::Cpu => "CPU time",
    };
    svg.text(MARGIN, 22.0, "start", 15, &format!("{time} relative to {} (less is faster)", comparison.baseline_name()));
    legend(&mut svg, comparison);
    grid(&mut svg, &axis, top, bottom);
    for (index, row) in rows.iter().enumerate() {
        draw_row(&mut svg, &axis, row, top + row_height * index as f64, row_height);
    }
    svg.finish()
}

struct Row {
    label: String,
    ratios: Vec<Option<Estimate>>,
}

fn rows(comparison: &Comparison) -> Vec<Row> {
    let vms = 0..comparison.vms.len();
    let mut rows: Vec<Row> = comparison
        .benchmarks
        .iter()
        .enumerate()
        .map(|(row, name)| Row {
            label: name.clone(),
            ratios: vms.clone().map(|vm| comparison.ratio(row, vm)).collect(),
        })
        .collect();
    if rows.len() > 1 {
        let means = vms.map(|vm| comparison.mean(vm).map(|mean| mean.ratio)).collect();
        rows.push(Row { label: "geometric mean".to_string(), ratios: means });
    }
    rows
}

/// A logarithmic axis.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// The shortest axis from step to step that holds all ratios, their intervals, and the baseline.
    fn spanning(rows: &[Row]) -> Self {
        let (mut low, mut high) = (1.0f64, 1.0f64);
        for ratio in rows.iter().flat_map(|row| row.ratios.iter().flatten()) {
            let ends = ratio.interval().map(|interval| [interval.low, interval.high]);
            for end in ends.into_iter().flatten().chain([ratio.value]) {
                // An iteration of 0 us, below the clock's resolution, makes an end of the interval infinite or zero.
                if end.is_finite() && end > 0.0 {
                    low = low.min(end);
                    high = high.max(end);
                }
            }
        }
        Axis { low: step_below(low * 0.999), high: step_above(high * 1.001) }
    }

    /// Where `ratio` is, kept within the axis.
    fn place(&self, ratio: f64) -> f64 {
        let share = (ratio.max(self.low).min(self.high) / self.low).ln() / (self.high / self.low).ln();
        LABELS + share * (WIDTH - LABELS - MARGIN)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let (low, high) = (self.low * 0.999, self.high * 1.001);
        let all = (first..=last).flat_map(|decade| STEPS.map(|step| step * 10f64.powi(decade)));
        all.filter(move |tick| (low..=high).contains(tick))
    }
}

fn step_below(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let step = STEPS.iter().rev().find(|step| **step * decade <= value);
    step.copied().unwrap_or(1.0) * decade
}

fn step_above(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let step = STEPS.iter().find(|step| **step * decade >= value);
    step.copied().unwrap_or(10.0) * decade
}

const LEGEND_COLUMNS: usize = 5;

fn legend(svg: &mut Drawing, comparison: &Comparison) {
    let column_width = (WIDTH - 2.0 * MARGIN) / LEGEND_COLUMNS as f64;
    for (index, vm) in comparison.vms.iter().enumerate() {
        let x = MARGIN + column_width * (index % LEGEND_COLUMNS) as f64;
        let y = TITLE + LEGEND_LINE * (index / LEGEND_COLUMNS) as f64 + 10.0;
        svg.dot(x + 5.0, y - 4.0, colour(index));
        svg.text(x + 14.0, y, "start", 12, vm);
    }
}

fn grid(svg: &mut Drawing, axis: &Axis, top: f64, bottom: f64) {
    for tick in axis.ticks() {
        let x = axis.place(tick);
        let baseline = (tick - 1.0).abs() < 1e-9;
        svg.line((x, top), (x, bottom), if baseline { "#555555" } else { "#dddddd" });
        svg.text(x, bottom + 18.0, "middle", 11, &tick_label(tick));
    }
}

fn tick_label(tick: f64) -> String {
    let decimals = (-tick.log10().floor()).max(0.0) as usize;
    format!("{tick:.decimals$}")
}

fn draw_row(svg: &mut Drawing, axis: &Axis, row: &Row, top: f64, height: f64) {
    svg.line((MARGIN, top), (WIDTH - MARGIN, top), "#eeeeee");
    svg.text(LABELS - 10.0, top + height / 2.0 + 4.0, "end", 12, &row.label);
    for (vm, ratio) in row.ratios.iter().enumerate() {
        let Some(ratio) = ratio else { continue };
        let y = top + (ROW_PADDING + DOT_SPACING) / 2.0 + DOT_SPACING * vm as f64;
        if let Some(Interval { low, high }) = ratio.interval() {
            svg.line((axis.place(low), y), (axis.place(high), y), colour(vm));
        }
        svg.dot(axis.place(ratio.value), y, colour(vm));
    }
}

fn colour(vm: usize) -> &'static str {
    COLOURS[vm % COLOURS.len()]
}

/// The shapes drawn so far.
struct Drawing {
    text: String,
}

impl Drawing {
    fn new(height: f64) -> Self {
        Drawing {
            text: format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
                 viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\">\n\
                 <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
            ),
        }
    }

    fn add(&mut self, shape: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{shape}");
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str) {
        self.add(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
        ));
    }

    fn dot(&mut self, x: f64, y: f64, colour: &str) {
        self.add(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"));
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, size: u32, text: &str) {
        let text = escape(text);
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{text}</text>"
        ));
    }

    fn finish(self) -> String {
        self.text + "</svg>\n"
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;

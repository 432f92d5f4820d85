//! One row a benchmark, one dot a VM with its confidence interval.
//!
//! Dots, not bars: a ratio has no natural zero, and dots leave room for the intervals.

use crate::analysis::Comparison;
use crate::cli::Clock;
use crate::stats::{Estimate, Interval};

use super::drawing::{Axis, Drawing, MARGIN, WIDTH, colour, tick_label};

const LABELS: f64 = 130.0;
const TITLE: f64 = 34.0;
const LEGEND_LINE: f64 = 20.0;
const DOT_SPACING: f64 = 10.0;
const ROW_PADDING: f64 = 12.0;
const AXIS: f64 = 34.0;

/// The plot as a document.
pub fn ratios(comparison: &Comparison) -> String {
    let rows = rows(comparison);
    let axis = Axis::spanning(values(&rows), (LABELS, WIDTH - MARGIN));
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

/// All ratios and the ends of their intervals. An iteration of 0 us, below the clock's resolution, makes an end infinite or
/// zero.
fn values(rows: &[Row]) -> impl Iterator<Item = f64> {
    rows.iter().flat_map(|row| row.ratios.iter().flatten()).flat_map(|ratio| {
        let ends = ratio.interval().map(|interval| [interval.low, interval.high]);
        ends.into_iter().flatten().chain([ratio.value])
    })
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

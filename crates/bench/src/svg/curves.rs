//! Where a VM stands after n iterations, relative to the baseline: a line a benchmark, a panel a VM.
//!
//! A benchmark has the same colour and dashes in all panels, and its line ends in a dot where its iterations end.

use crate::cli::Clock;
use crate::warmup::{Curve, Curves, Point};

use super::drawing::{Axis, COLOURS, Drawing, MARGIN, WIDTH, colour, tick_label};

const LEFT: f64 = 70.0;
const TITLE: f64 = 34.0;
const LEGEND_COLUMNS: usize = 5;
const LEGEND_LINE: f64 = 18.0;
const PANEL: f64 = 360.0;
const PANEL_TITLE: f64 = 30.0;
const AXIS: f64 = 44.0;

/// What tells lines of one colour apart: dashes and gaps.
const DASHES: [&str; 4] = ["none", "7 3", "2 3", "9 3 2 3"];

/// The plot as a document; `bar` is drawn if there is one.
pub fn curves(curves: &Curves, bar: Option<f64>) -> String {
    let panels: Vec<usize> = curves.others().collect();
    let top = TITLE + LEGEND_LINE * curves.benchmarks.len().div_ceil(LEGEND_COLUMNS) as f64;
    let mut svg = Drawing::new(top + (PANEL_TITLE + PANEL + AXIS) * panels.len() as f64);
    let time = match curves.clock {
        Clock::Harness => "Time of the first n iterations",
        Clock::Cpu => "CPU time of n iterations",
    };
    let title = format!("{time} relative to {} (below 1 is ahead)", curves.vms[curves.baseline]);
    svg.text(MARGIN, 22.0, "start", 15, &title);
    legend(&mut svg, curves);
    for (index, &vm) in panels.iter().enumerate() {
        let start = top + (PANEL_TITLE + PANEL + AXIS) * index as f64;
        svg.text(LEFT, start + 20.0, "start", 13, &curves.vms[vm]);
        panel(&mut svg, curves, vm, start + PANEL_TITLE, bar);
    }
    svg.finish()
}

fn legend(svg: &mut Drawing, curves: &Curves) {
    let column_width = (WIDTH - 2.0 * MARGIN) / LEGEND_COLUMNS as f64;
    for (index, name) in curves.benchmarks.iter().enumerate() {
        let x = MARGIN + column_width * (index % LEGEND_COLUMNS) as f64;
        let y = TITLE + LEGEND_LINE * (index / LEGEND_COLUMNS) as f64 + 10.0;
        svg.path(&[(x, y - 4.0), (x + 26.0, y - 4.0)], colour(index), dashes(index));
        svg.text(x + 32.0, y, "start", 12, name);
    }
}

fn panel(svg: &mut Drawing, curves: &Curves, vm: usize, top: f64, bar: Option<f64>) {
    let all = || curves.of(vm).flat_map(|(_, curve)| &curve.points);
    let most = all().map(|point| point.iterations).max().unwrap_or(1);
    let iterations = Axis::counting_to(most as f64, (LEFT, WIDTH - MARGIN));
    let ratios = Axis::spanning(all().map(|point| point.ratio).chain(bar), (top + PANEL, top));
    for tick in ratios.ticks() {
        let y = ratios.place(tick);
        svg.line((LEFT, y), (WIDTH - MARGIN, y), if tick == 1.0 { "#555555" } else { "#dddddd" });
        svg.text(LEFT - 8.0, y + 4.0, "end", 11, &tick_label(tick));
    }
    for tick in iterations.ticks() {
        let x = iterations.place(tick);
        svg.line((x, top), (x, top + PANEL), "#eeeeee");
        svg.text(x, top + PANEL + 18.0, "middle", 11, &tick_label(tick));
    }
    svg.text(WIDTH - MARGIN, top + PANEL + 34.0, "end", 11, "n");
    if let Some(bar) = bar {
        let y = ratios.place(bar);
        svg.path(&[(LEFT, y), (WIDTH - MARGIN, y)], "#cc0000", DASHES[1]);
    }
    for benchmark in 0..curves.benchmarks.len() {
        if let Some(curve) = curves.curve(benchmark, vm) {
            draw(svg, curve, (&iterations, &ratios), benchmark);
        }
    }
}

fn draw(svg: &mut Drawing, curve: &Curve, (iterations, ratios): (&Axis, &Axis), benchmark: usize) {
    let place = |point: &Point| (iterations.place(point.iterations as f64), ratios.place(point.ratio));
    svg.path(&curve.points.iter().map(place).collect::<Vec<_>>(), colour(benchmark), dashes(benchmark));
    let (x, y) = place(&curve.last());
    svg.dot(x, y, colour(benchmark));
}

fn dashes(index: usize) -> &'static str {
    DASHES[index / COLOURS.len() % DASHES.len()]
}

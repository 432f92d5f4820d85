//! Shapes, colours and axes.

use std::fmt::Write;

/// Colours that stay apart for all kinds of colour vision (Okabe and Ito, 2008).
pub const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b8a500"];

/// How wide every plot is.
pub const WIDTH: f64 = 900.0;

/// What is left empty at the edges.
pub const MARGIN: f64 = 24.0;

/// Steps at which an axis may be divided, within a factor of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// A logarithmic axis.
pub struct Axis {
    /// The least value.
    pub low: f64,
    /// The greatest value.
    pub high: f64,
    /// Where those are.
    pub places: (f64, f64),
}

impl Axis {
    /// The shortest axis from step to step that holds 1 and all of `values`, some of which may be no positive numbers. It lies
    /// between these places of the drawing.
    pub fn spanning(values: impl Iterator<Item = f64>, places: (f64, f64)) -> Self {
        let (mut low, mut high) = (1.0f64, 1.0f64);
        for value in values.filter(|value| value.is_finite() && *value > 0.0) {
            low = low.min(value);
            high = high.max(value);
        }
        Axis { low: step_below(low * 0.999), high: step_above(high * 1.001), places }
    }

    /// The axis from 1 to `high`, or to 2 if that is more.
    pub fn counting_to(high: f64, places: (f64, f64)) -> Self {
        Axis { low: 1.0, high: high.max(2.0), places }
    }

    /// Where `value` is, kept within the axis.
    pub fn place(&self, value: f64) -> f64 {
        let share = (value.max(self.low).min(self.high) / self.low).ln() / (self.high / self.low).ln();
        self.places.0 + share * (self.places.1 - self.places.0)
    }

    /// The steps that are on it.
    pub fn ticks(&self) -> impl Iterator<Item = f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let (low, high) = (self.low * 0.999, self.high * 1.001);
        let all = (first..=last).flat_map(|decade| STEPS.map(|step| step * 10f64.powi(decade)));
        all.filter(move |tick| (low..=high).contains(tick))
    }
}

pub fn step_below(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let step = STEPS.iter().rev().find(|step| **step * decade <= value);
    step.copied().unwrap_or(1.0) * decade
}

pub fn step_above(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let step = STEPS.iter().find(|step| **step * decade >= value);
    step.copied().unwrap_or(10.0) * decade
}

/// What is written at a tick.
pub fn tick_label(tick: f64) -> String {
    let decimals = (-tick.log10().floor()).max(0.0) as usize;
    format!("{tick:.decimals$}")
}

/// The colour of the line or dots of this number.
pub fn colour(vm: usize) -> &'static str {
    COLOURS[vm % COLOURS.len()]
}

/// The shapes drawn so far.
pub struct Drawing {
    text: String,
}

impl Drawing {
    /// An empty drawing of this height.
    pub fn new(height: f64) -> Self {
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

    /// A straight line.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str) {
        self.add(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
        ));
    }

    /// A filled circle.
    pub fn dot(&mut self, x: f64, y: f64, colour: &str) {
        self.add(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"));
    }

    /// A line of text; `anchor` says which part of it is at `x`: its start, middle or end.
    pub fn text(&mut self, x: f64, y: f64, anchor: &str, size: u32, text: &str) {
        let text = escape(text);
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{text}</text>"
        ));
    }

    /// A line through points, dashed or not.
    pub fn path(&mut self, points: &[(f64, f64)], colour: &str, dashes: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        self.add(format_args!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" stroke-dasharray=\"{dashes}\"/>"
        ));
    }

    /// The document.
    pub fn finish(self) -> String {
        self.text + "</svg>\n"
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

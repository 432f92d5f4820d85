//! Reads what a benchmark harness prints.
//!
//! Every harness of Are-We-Fast-Yet, and ours, prints one line for each iteration, the format that ReBench calls
//! *RebenchLog*:
//!
//! ```text
//! Bounce: iterations=1 runtime: 1234us
//! ```
//!
//! The number may have a fraction, and the unit may be `ms`. Lines with a criterion between the name and the colon
//! (`Bounce GC: ...`) measure parts of an iteration, not the iteration, and are passed over like all other output.

/// The time of each iteration of `benchmark` in `output`, in order, ms.
pub fn iteration_times(output: &str, benchmark: &str) -> Vec<f64> {
    output.lines().filter_map(|line| iteration_time(line, benchmark)).collect()
}

fn iteration_time(line: &str, benchmark: &str) -> Option<f64> {
    let (name, rest) = line.split_once(": iterations=")?;
    if name.trim() != benchmark {
        return None;
    }
    let (count, runtime) = rest.split_once(" runtime: ")?;
    count.parse::<u64>().ok()?;
    parse_milliseconds(runtime.trim())
}

fn parse_milliseconds(runtime: &str) -> Option<f64> {
    let (number, scale) = match runtime.strip_suffix("us") {
        Some(number) => (number, 1e-3),
        None => (runtime.strip_suffix("ms")?, 1.0),
    };
    let value: f64 = number.parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some(value * scale)
}

#[cfg(test)]
mod tests;

//! Says on standard error how far an experiment is.
//!
//! On a terminal one line is rewritten; elsewhere (a log) each run gets a line. The time left is the sum, over the runs
//! to come, of what the same run took before, or of the mean of all runs where it has not run yet.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// A run as far as duration is concerned: VM and benchmark.
type Key = (String, String);

/// The progress of an experiment.
pub struct Progress {
    pending: Vec<Key>,
    total: usize,
    seen: HashMap<Key, Duration>,
    started: Instant,
    rewrites: bool,
}

impl Progress {
    /// An experiment of these runs, in order.
    pub fn new(runs: Vec<Key>) -> Self {
        let mut pending = runs;
        pending.reverse();
        let total = pending.len();
        Progress { pending, total, seen: HashMap::new(), started: Instant::now(), rewrites: io::stderr().is_terminal() }
    }

    /// The next run begins.
    pub fn begin(&mut self, vm: &str, benchmark: &str) {
        let line = format!("{}  {benchmark} on {vm}", self.position());
        if self.rewrites {
            eprint!("\r\x1b[K{line}");
            // Standard error is all there is to report to.
            let _ = io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
        self.started = Instant::now();
    }

    /// That run has ended, or was left out.
    pub fn end(&mut self) {
        if let Some(key) = self.pending.pop() {
            self.seen.insert(key, self.started.elapsed());
        }
    }

    /// The next run will not take place.
    pub fn skip(&mut self) {
        self.pending.pop();
    }

    /// Prints a line of its own.
    pub fn say(&self, message: &str) {
        let start = if self.rewrites { "\r\x1b[K" } else { "" };
        eprintln!("{start}{message}");
    }

    /// Removes the line that was rewritten.
    pub fn finish(&self) {
        if self.rewrites {
            eprint!("\r\x1b[K");
        }
    }

    fn position(&self) -> String {
        let left = match self.time_left() {
            Some(left) => format!("{} left", human(left)),
            None => "time left unknown".to_string(),
        };
        format!("[{}/{}, {left}]", self.total - self.pending.len() + 1, self.total)
    }

    fn time_left(&self) -> Option<Duration> {
        let count = u32::try_from(self.seen.len()).ok().filter(|count| *count > 0)?;
        let mean = self.seen.values().sum::<Duration>() / count;
        Some(self.pending.iter().map(|key| self.seen.get(key).copied().unwrap_or(mean)).sum())
    }
}

fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests;

//! The benchmarks, and how much work one iteration of each does.
//!
//! A *size* is a preset for a whole experiment. `steady` uses the inner counts in common use for Are-We-Fast-Yet, which
//! keep an optimising VM busy long enough to be timed. `quick` is for interpreters and for the daily look: about a tenth
//! of a second an iteration, at the speed of our interpreter. Where a benchmark verifies only certain inner counts (NBody,
//! Mandelbrot, Havlak, CD, and the micro benchmarks with a size), it is the one that comes nearest; an iteration of Havlak
//! takes seconds at any.

use std::str::FromStr;

use clap::ValueEnum;

/// A group of benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// The fourteen of Are-We-Fast-Yet, which every VM known here can run
    Awfy,
    /// The smaller ones known to SOM only
    Micro,
    /// Both
    All,
}

/// A preset: inner counts, and how often to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// 3 invocations of 1 + 4 iterations, about 0.1 s each
    Quick,
    /// 5 invocations of 50 + 50 iterations at full size
    Steady,
}

impl Size {
    /// Processes for each benchmark and VM.
    pub fn invocations(self) -> usize {
        match self {
            Size::Quick => 3,
            Size::Steady => 5,
        }
    }

    /// Measured iterations in a process.
    pub fn iterations(self) -> usize {
        match self {
            Size::Quick => 4,
            Size::Steady => 50,
        }
    }

    /// Iterations before the measured ones.
    pub fn warmup(self) -> usize {
        match self {
            Size::Quick => 1,
            Size::Steady => 50,
        }
    }
}

/// A benchmark with its inner counts.
pub struct Entry {
    /// Class name, as the harness expects it.
    pub name: &'static str,
    /// The suite it belongs to, never [`Suite::All`].
    pub suite: Suite,
    quick: u64,
    steady: u64,
}

const fn awfy(name: &'static str, quick: u64, steady: u64) -> Entry {
    Entry { name, suite: Suite::Awfy, quick, steady }
}

const fn micro(name: &'static str, quick: u64, steady: u64) -> Entry {
    Entry { name, suite: Suite::Micro, quick, steady }
}

/// Every benchmark known by name.
pub const ENTRIES: &[Entry] = &[
    awfy("DeltaBlue", 1200, 12000),
    awfy("Richards", 2, 100),
    awfy("Json", 5, 100),
    awfy("CD", 10, 250),
    awfy("Havlak", 1, 1500),
    awfy("Bounce", 200, 1500),
    awfy("List", 100, 1500),
    awfy("Mandelbrot", 500, 500),
    awfy("NBody", 250_000, 250_000),
    awfy("Permute", 100, 1000),
    awfy("Queens", 100, 1000),
    awfy("Sieve", 300, 3000),
    awfy("Storage", 50, 1000),
    awfy("Towers", 50, 600),
    micro("Fannkuch", 9, 10),
    micro("Fibonacci", 300, 3000),
    micro("Dispatch", 500, 5000),
    micro("Loop", 1500, 15_000),
    micro("Sum", 1500, 15_000),
    micro("Recurse", 400, 4000),
    micro("QuickSort", 500, 5000),
    micro("BubbleSort", 800, 8000),
    micro("TreeSort", 200, 2000),
    micro("IntegerLoop", 700, 7000),
    micro("FieldLoop", 40, 400),
    micro("WhileLoop", 1200, 12_000),
    micro("GraphSearch", 100_000, 100_000),
    micro("PageRank", 500, 1000),
    micro("Knapsack", 10_000, 10_000),
    micro("IfNil", 120, 1200),
];

impl Entry {
    /// The inner count of a size.
    pub fn inner(&self, size: Size) -> u64 {
        match size {
            Size::Quick => self.quick,
            Size::Steady => self.steady,
        }
    }
}

/// A benchmark as the user asked for it: `NAME` or `NAME:INNER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    name: String,
    inner: Option<u64>,
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, inner) = match text.split_once(':') {
            None => (text, None),
            Some((name, count)) => (name, Some(parse_inner(count)?)),
        };
        if inner.is_none() && entry(name).is_none() {
            return Err(format!("no benchmark of that name; --list names them, or give its inner count: {name}:100"));
        }
        Ok(Selection { name: name.to_string(), inner })
    }
}

fn parse_inner(count: &str) -> Result<u64, String> {
    match count.parse() {
        Ok(inner) if inner > 0 => Ok(inner),
        _ => Err(format!("the inner count after ':' must be a positive integer, not '{count}'")),
    }
}

/// A benchmark with its inner count settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Benchmark {
    /// Class name, as the harness expects it.
    pub name: String,
    /// Work of one iteration.
    pub inner: u64,
}

impl Benchmark {
    /// Whether the Are-We-Fast-Yet suites of other languages have it.
    pub fn is_awfy(&self) -> bool {
        entry(&self.name).is_some_and(|entry| entry.suite == Suite::Awfy)
    }
}

/// The benchmarks to run: those selected, or the whole suite when none is.
pub fn choose(selected: &[Selection], suite: Suite, size: Size) -> Vec<Benchmark> {
    if selected.is_empty() {
        let members = ENTRIES.iter().filter(|entry| suite == Suite::All || entry.suite == suite);
        return members.map(|entry| Benchmark { name: entry.name.to_string(), inner: entry.inner(size) }).collect();
    }
    selected.iter().map(|selection| settle(selection, size)).collect()
}

fn settle(selection: &Selection, size: Size) -> Benchmark {
    let preset = || entry(&selection.name).map_or(1, |entry| entry.inner(size));
    Benchmark { name: selection.name.clone(), inner: selection.inner.unwrap_or_else(preset) }
}

fn entry(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests;

//! The benchmarks, and how much work one iteration of each does.
//!
//! A *size* is a preset for a whole experiment. `steady` uses the inner counts in common use for Are-We-Fast-Yet, which
//! keep an optimising VM busy long enough to be timed. `quick` is for interpreters and for the daily look: about a tenth
//! of a second an iteration, at the speed of our interpreter. Where a benchmark verifies only certain inner counts (NBody,
//! Mandelbrot, Havlak, CD, and the micro benchmarks with a size), it is the one that comes nearest; an iteration of Havlak
//! takes seconds at any. `warmup` looks at a program's first second or so: its iterations take our interpreter from a tenth
//! of a millisecond to some milliseconds, so that a thousand of them show how a VM gets going. (Havlak again excepted: there,
//! a few iterations must do.)
//!
//! The suite `workload` is one benchmark, which runs many in one process; its inner count is their order, another one in each invocation.

use std::str::FromStr;

use clap::ValueEnum;

/// A group of benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// The fourteen of Are-We-Fast-Yet, which every VM known here can run
    Awfy,
    /// The smaller ones known to SOM only
    Micro,
    /// Programs whose branches depend on random data, to the harm of compilers that trace
    Branching,
    /// Sixteen of them in one process, in an order of its own in each invocation
    Workload,
    /// All of them, one at a time
    All,
}

/// A preset: inner counts, and how often to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// 3 invocations of 1 + 4 iterations, about 0.1 s each
    Quick,
    /// 5 invocations of 50 + 50 iterations at full size
    Steady,
    /// 5 invocations of 1000 iterations, all measured, about 1 ms each
    Warmup,
}

impl Size {
    /// Processes for each benchmark and VM.
    pub fn invocations(self) -> usize {
        match self {
            Size::Quick => 3,
            Size::Steady | Size::Warmup => 5,
        }
    }

    /// Measured iterations in a process.
    pub fn iterations(self) -> usize {
        match self {
            Size::Quick => 4,
            Size::Steady => 50,
            Size::Warmup => 1000,
        }
    }

    /// Iterations before the measured ones.
    pub fn warmup(self) -> usize {
        match self {
            Size::Quick => 1,
            Size::Steady => 50,
            Size::Warmup => 0,
        }
    }
}

/// A benchmark with its inner counts.
pub struct Entry {
    /// Class name, as the harness expects it.
    pub name: &'static str,
    /// The suite it belongs to, never [`Suite::All`].
    pub suite: Suite,
    /// Inner counts of the sizes quick, steady and warmup.
    inner: [u64; 3],
}

const fn awfy(name: &'static str, inner: [u64; 3]) -> Entry {
    Entry { name, suite: Suite::Awfy, inner }
}

const fn micro(name: &'static str, inner: [u64; 3]) -> Entry {
    Entry { name, suite: Suite::Micro, inner }
}

const fn branching(name: &'static str, inner: [u64; 3]) -> Entry {
    Entry { name, suite: Suite::Branching, inner }
}

/// Every benchmark known by name.
pub const ENTRIES: &[Entry] = &[
    awfy("DeltaBlue", [1200, 12000, 10]),
    awfy("Richards", [2, 100, 1]),
    awfy("Json", [5, 100, 1]),
    awfy("CD", [10, 250, 2]),
    awfy("Havlak", [1, 1500, 1]),
    awfy("Bounce", [200, 1500, 1]),
    awfy("List", [100, 1500, 1]),
    awfy("Mandelbrot", [500, 500, 50]),
    awfy("NBody", [250_000, 250_000, 250]),
    awfy("Permute", [100, 1000, 1]),
    awfy("Queens", [100, 1000, 1]),
    awfy("Sieve", [300, 3000, 1]),
    awfy("Storage", [50, 1000, 1]),
    awfy("Towers", [50, 600, 1]),
    micro("Fannkuch", [9, 10, 6]),
    micro("Fibonacci", [300, 3000, 1]),
    micro("Dispatch", [500, 5000, 1]),
    micro("Loop", [1500, 15_000, 2]),
    micro("Sum", [1500, 15_000, 2]),
    micro("Recurse", [400, 4000, 1]),
    micro("QuickSort", [500, 5000, 1]),
    micro("BubbleSort", [800, 8000, 1]),
    micro("TreeSort", [200, 2000, 1]),
    micro("IntegerLoop", [700, 7000, 1]),
    micro("FieldLoop", [40, 400, 1]),
    micro("WhileLoop", [1200, 12_000, 2]),
    micro("GraphSearch", [100_000, 100_000, 100]),
    micro("PageRank", [500, 1000, 10]),
    micro("Knapsack", [10_000, 10_000, 100]),
    micro("IfNil", [120, 1200, 1]),
    branching("BytecodeBlocks", [25, 250, 1]),
    branching("BytecodeSwitch", [15, 150, 1]),
    branching("HeapSort", [200, 2000, 1]),
    branching("MixedNumbers", [600, 6000, 1]),
    branching("RandomReturn", [1500, 15_000, 2]),
    branching("RandomScanner", [500, 5000, 1]),
    branching("RandomTree", [800, 8000, 1]),
    branching("RandomWalk", [250, 2500, 1]),
    branching("TripCounts", [300, 3000, 1]),
    Entry { name: SHUFFLED, suite: Suite::Workload, inner: [1, 1, 1] },
];

/// The benchmark that does many things; its inner count says in which order.
const SHUFFLED: &str = "Workload";

/// The benchmarks whose iterations take long (Havlak's about a second at the least), and how many of them a process is to run
/// for the size `warmup`.
const SLOWEST: [(&str, usize); 2] = [("Havlak", 20), (SHUFFLED, 100)];

impl Entry {
    /// The inner count of a size.
    pub fn inner(&self, size: Size) -> u64 {
        let [quick, steady, warmup] = self.inner;
        match size {
            Size::Quick => quick,
            Size::Steady => steady,
            Size::Warmup => warmup,
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

    /// Measured iterations in a process, by the preset.
    pub fn iterations(&self, size: Size) -> usize {
        let few = SLOWEST.iter().find(|(slow, _)| size == Size::Warmup && self.name == *slow);
        few.map_or(size.iterations(), |(_, few)| *few)
    }

    /// What is run in a round: where the inner count is an order, each round has another.
    pub fn in_round(&self, round: usize) -> Benchmark {
        let shuffled = if self.name == SHUFFLED { round as u64 } else { 0 };
        Benchmark { inner: self.inner + shuffled, ..self.clone() }
    }
}

/// The benchmarks to run: those selected, or the whole suite when none is.
pub fn choose(selected: &[Selection], suite: Suite, size: Size) -> Vec<Benchmark> {
    if selected.is_empty() {
        let members = ENTRIES
            .iter()
            .filter(|entry| entry.suite == suite || suite == Suite::All && entry.suite != Suite::Workload);
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

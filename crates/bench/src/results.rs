//! What an experiment measured, before any statistics.
//!
//! Everything is kept, warm-up iterations too: they are cut off only when the data are analysed, so that one data file
//! can be read again with another warm-up. Times are in milliseconds throughout, memory in KiB.

use crate::cli::Measure;

/// Resources that one whole process took, from start to exit, with the children it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// CPU time in user mode, ms.
    pub user: f64,
    /// CPU time in the kernel, ms.
    pub system: f64,
    /// Elapsed time, ms.
    pub wall: f64,
    /// Largest resident set, KiB.
    pub peak_rss: f64,
}

impl Cost {
    /// User and kernel time together, ms.
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

/// One process of one VM on one benchmark.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// Name of the VM.
    pub vm: String,
    /// Name of the benchmark.
    pub benchmark: String,
    /// Work of one iteration; its meaning is the benchmark's.
    pub inner: u64,
    /// Which of the processes of this benchmark on this VM it was, from 1.
    pub number: usize,
    /// Time of each iteration in order, warm-up included, ms.
    pub iterations: Vec<f64>,
    /// What the process took as a whole.
    pub cost: Cost,
}

/// A run that yielded nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Name of the VM.
    pub vm: String,
    /// Name of the benchmark.
    pub benchmark: String,
    /// What happened, with the end of what the process said.
    pub reason: String,
}

/// All that an experiment yielded.
#[derive(Debug, PartialEq)]
pub struct Results {
    /// What an iteration's value stands for.
    pub measure: Measure,
    /// How many iterations at the start of each invocation are warm-up.
    pub warmup: usize,
    /// Names of the VMs, in the order asked for, whether or not they yielded anything.
    pub vms: Vec<String>,
    /// Names of the benchmarks, likewise.
    pub benchmarks: Vec<String>,
    /// Successful invocations, in the order they ran.
    pub invocations: Vec<Invocation>,
    /// Runs that failed; a benchmark that failed once on a VM is not tried there again.
    pub failures: Vec<Failure>,
}

impl Results {
    /// An experiment that has not begun.
    pub fn new(measure: Measure, warmup: usize, vms: Vec<String>, benchmarks: Vec<String>) -> Self {
        Results { measure, warmup, vms, benchmarks, invocations: Vec::new(), failures: Vec::new() }
    }

    /// The invocations of `benchmark` on `vm`.
    pub fn invocations_of(&self, vm: &str, benchmark: &str) -> impl Iterator<Item = &Invocation> {
        self.invocations.iter().filter(move |run| run.vm == vm && run.benchmark == benchmark)
    }

    /// Whether `benchmark` has failed on `vm`.
    pub fn has_failed(&self, vm: &str, benchmark: &str) -> bool {
        self.failures.iter().any(|failure| failure.vm == vm && failure.benchmark == benchmark)
    }
}

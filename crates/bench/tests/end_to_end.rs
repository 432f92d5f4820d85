//! The whole program on VMs that are shell scripts, so that nothing need be installed.

use std::path::Path;
use std::process::{Command, Output};

/// A VM whose every iteration takes `time` microseconds.
fn vm(name: &str, time: &str) -> String {
    let script = format!(
        "for i in $(seq $2); do echo \"$1: iterations=1 runtime: {time}us\"; done; echo \"$1: iterations=$2 average: 1us\""
    );
    format!("{name}=sh -c '{script}' sh {{benchmark}} {{iterations}} {{inner}}")
}

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench")).args(arguments).output().expect("bench should start")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output should be UTF-8")
}

#[test]
fn compares_writes_and_reads_back() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (data, svg) = (file("x.data"), file("x.svg"));
    let (slow, fast) = (vm("slow", "4000"), vm("fast", "1000"));
    let arguments = ["Sieve", "List:5", "--vm", &slow, "--vm", &fast, "--data", &data, "--svg", &svg];
    let output = bench(&arguments);
    let report = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(report.contains("| Sieve     | 4.00 ms ±0% | 1.00 ms ±0% |"), "{report}");
    assert!(report.contains("0.25 [0.25, 0.25]"), "{report}");
    assert!(text(&output.stderr).contains("[12/12, 0 s left]  List on"), "{}", text(&output.stderr));
    assert!(Path::new(&svg).exists());
    let recorded = std::fs::read_to_string(&data).expect("the data file");
    assert!(recorded.contains("sh List 5 5\"") && recorded.contains("sh Sieve 5 300\""), "{recorded}");
    assert_eq!(text(&bench(&["--load", &data]).stdout), report);
    assert!(text(&bench(&["--load", &data, "--baseline", "fast"]).stdout).contains("4.00 [4.00, 4.00]"));
    assert_eq!(bench(&arguments).status.code(), Some(2));
}

#[test]
fn a_vm_that_fails_is_reported_and_the_others_run() {
    let broken = "broken=sh -c 'echo wrong result >&2; exit 7' {benchmark} {iterations} {inner}";
    let short = "short=sh -c 'echo only this' {benchmark} {iterations} {inner}";
    let good = vm("good", "10");
    let output = bench(&["Sieve", "--vm", &good, "--vm", broken, "--vm", short]);
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(report.contains("Sieve on broken: exit code 7\n    | wrong result"), "{report}");
    assert!(report.contains("Sieve on short: printed 0 of 5 iteration times\n    | only this"), "{report}");
    assert_eq!(report.matches("on broken").count(), 1);
}

#[test]
fn a_vm_that_hangs_is_killed() {
    let hangs = "hangs=sh -c 'exec sleep 60' {benchmark} {iterations} {inner}";
    let output = bench(&["Sieve", "--timeout", "1", "--vm", hangs]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("killed after 1 s"));
}

#[test]
fn startup_measures_a_whole_process() {
    let hello = "hello=sh -c 'test -f $0 && echo Hello, World!' {program}";
    let output = bench(&["--measure", "startup", "--invocations", "3", "--vm", hello]);
    let report = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(report.contains("| hello |") && report.contains("MiB"), "{report}");
}

#[test]
fn startup_requires_the_greeting() {
    let mute = "mute=sh -c 'test -f $0' {program}";
    let output = bench(&["--measure", "startup", "--invocations", "3", "--vm", mute]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did not print 'Hello, World!'"));
}

#[test]
fn lists_benchmarks_and_vms() {
    let listed = text(&bench(&["--list"]).stdout);
    assert!(listed.contains("| Fannkuch ") && listed.contains("lua54"), "{listed}");
}

#[test]
fn a_reader_that_closes_its_end_is_no_error() {
    use std::process::Stdio;
    let mut child = Command::new(env!("CARGO_BIN_EXE_bench"))
        .arg("--list")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bench should start");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("bench should end");
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
}

/// A VM whose first iteration takes `first` microseconds and every other one `later`.
fn warming_vm(name: &str, first: &str, later: &str) -> String {
    let script = format!(
        "time={first}; for i in $(seq $2); do echo \"$1: iterations=1 runtime: ${{time}}us\"; time={later}; done"
    );
    format!("{name}=sh -c '{script}' sh {{benchmark}} {{iterations}} {{inner}}")
}

#[test]
fn warm_up_is_shown_relative_to_the_baseline_and_held_against_the_bar() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (data, svg) = (file("w.data"), file("w.svg"));
    let (flat, warming) = (vm("flat", "1000"), warming_vm("warming", "5000", "500"));
    let sizes = ["--measure", "warmup", "--iterations", "100", "--invocations", "2"];
    let vms = ["--vm", &flat, "--vm", &warming];
    let output = bench(&[&["Sieve"], &sizes[..], &vms, &["--data", &data, "--svg", &svg, "--bar", "1.1"]].concat());
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    // After n iterations: 4.5 + 0.5 n against n.
    assert!(report.contains("| Sieve          |  5.00 |      1 |  5.00 |   0.95 |    0.55 |"), "{report}");
    assert!(report.contains("The bar of 1.1 is broken:\n  Sieve on warming: 5.00 at n = 1\n"), "{report}");
    assert!(Path::new(&svg).exists());
    let again = bench(&["--load", &data, "--bar", "5"]);
    assert!(again.status.success() && text(&again.stdout).contains("The bar of 5 holds."));
    let reversed = text(&bench(&["--load", &data, "--baseline", "warming"]).stdout);
    assert!(reversed.contains("| Sieve          |  1.83 |    100 |  0.20 |"), "{reversed}");
}

#[test]
fn warm_up_by_cpu_time_runs_processes_of_several_lengths() {
    let (one, other) = (vm("one", "10"), vm("other", "10"));
    let arguments = ["Sieve", "--measure", "warmup", "--clock", "cpu", "--iterations", "10", "--invocations", "1"];
    let output = bench(&[&arguments[..], &["--vm", &one, "--vm", &other]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("Sieve, 5 iterations on other"), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("CPU time of a process of n iterations on other"),
        "{}",
        text(&output.stdout)
    );
}

use super::*;

#[test]
fn reads_microseconds_and_milliseconds() {
    let output = "Starting Bounce benchmark ...\n\
                  Bounce: iterations=1 runtime: 1500us\n\
                  Bounce: iterations=1 runtime: 2.5ms\n\
                  Bounce: iterations=2 average: 2000us total: 4000us\n\
                  Total Runtime: 4000us\n";
    assert_eq!(iteration_times(output, "Bounce"), [1.5, 2.5]);
}

#[test]
fn passes_over_other_benchmarks_and_criteria() {
    let output = "Bounce GC: iterations=1 runtime: 3us\nList: iterations=1 runtime: 4us\nBounce: GC count: 3n\n";
    assert!(iteration_times(output, "Bounce").is_empty());
}

#[test]
fn passes_over_what_is_not_a_time() {
    let output = "Sieve: iterations=1 runtime: NaNus\nSieve: iterations=1 runtime: -4us\n\
                  Sieve: iterations=1 runtime: 12s\nSieve: iterations=x runtime: 12us\n";
    assert!(iteration_times(output, "Sieve").is_empty());
}

#[test]
fn reads_lines_ended_by_carriage_returns() {
    assert_eq!(iteration_times("Sieve: iterations=1 runtime: 12us\r\n", "Sieve"), [0.012]);
}

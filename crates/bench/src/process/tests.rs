use super::*;

fn shell(script: &str, limit: Duration) -> Finished {
    run(Command::new("sh").args(["-c", script]), limit).unwrap()
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn output_and_status_are_kept() {
    let finished = shell("echo out; echo err >&2; exit 3", LONG);
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("out\n", "err\n"));
    assert!(matches!(finished.end, End::Exited(status) if status.code() == Some(3)));
}

#[test]
fn cpu_time_counts_work_and_not_waiting() {
    let work = shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done", LONG).cost;
    let wait = shell("sleep 0.3", LONG).cost;
    assert!(work.cpu() > 20.0, "{work:?}");
    assert!(wait.wall >= 300.0 && wait.cpu() < 100.0, "{wait:?}");
    assert!(wait.peak_rss > 0.0);
}

#[test]
fn a_process_is_killed_when_its_time_is_up() {
    let start = Instant::now();
    let finished = shell("sleep 60", Duration::from_millis(100));
    assert!(matches!(finished.end, End::TimedOut));
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_grandchild_that_keeps_the_output_open_is_not_waited_for() {
    let start = Instant::now();
    let finished = shell("sleep 30 & echo done", LONG);
    assert_eq!(finished.stdout, "done\n");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_missing_program_is_an_error() {
    assert!(run(&mut Command::new("/nonexistent/program"), LONG).is_err());
}

use clap::Parser;

use super::*;

fn invocation(vm: &str, number: usize) -> Invocation {
    Invocation {
        vm: vm.to_string(),
        benchmark: "Sieve".to_string(),
        inner: 300,
        number,
        iterations: vec![12.5, 11.25],
        // None of these is a decimal of six digits: what is read back must be the very number.
        cost: Cost { user: 0.1 + 0.2, system: 2.5, wall: 100.0 / 3.0, peak_rss: 2048.0 },
    }
}

fn write_and_read(invocations: &[Invocation], arguments: &[&str]) -> (String, Results) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.data");
    let options = Options::try_parse_from([&["bench"], arguments].concat()).unwrap();
    let mut writer = Writer::create(&file, &options).unwrap();
    for invocation in invocations {
        writer.append(invocation, &["vm".to_string(), "a \"b\"".to_string()]).unwrap();
    }
    assert!(Writer::create(&file, &options).err().unwrap().to_string().contains("remove it"));
    (std::fs::read_to_string(&file).unwrap(), load(&file, None).unwrap())
}

#[test]
fn what_was_written_is_read_back() {
    let invocations = [invocation("a", 1), invocation("b", 1), invocation("a", 2)];
    let (_, results) = write_and_read(&invocations, &["--warmup", "1"]);
    assert_eq!(results.invocations, invocations);
    assert_eq!((results.warmup, results.measure), (1, Measure::Time));
    assert_eq!(results.vms, ["a", "b"]);
}

#[test]
fn the_kind_of_measurement_is_read_back() {
    let (_, results) = write_and_read(&[invocation("a", 1)], &["--measure", "startup"]);
    assert_eq!((results.warmup, results.measure), (0, Measure::Startup));
}

#[test]
fn rows_have_all_columns_and_totals_come_last() {
    let (text, _) = write_and_read(&[invocation("a", 1)], &[]);
    let rows: Vec<Vec<&str>> =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == COLUMNS.len()));
    let criteria: Vec<&str> = rows[1..].iter().map(|row| row[4]).collect();
    assert_eq!(criteria, ["total", "cpu-user", "cpu-system", "wall", "peak-rss", "total"]);
}

#[test]
fn runs_are_described_once() {
    let (text, _) = write_and_read(&[invocation("a", 1), invocation("a", 2), invocation("b", 1)], &[]);
    assert_eq!(text.matches("# benchmark: ").count(), 2);
    assert_eq!(text.matches("# run_id: 1=").count(), 1);
}

#[test]
fn warm_up_can_be_chosen_anew() {
    let text = format!("{MARK}warmup=3\n{}\n", COLUMNS.join("\t"));
    assert_eq!(parse(&text, None).unwrap().warmup, 3);
    assert_eq!(parse(&text, Some(9)).unwrap().warmup, 9);
}

#[test]
fn what_is_not_a_data_file_is_rejected_with_its_line() {
    assert!(parse("hello\n", None).unwrap_err().contains("line 1: no column"));
    let text = format!("{}\n1\t1\n", COLUMNS.join("\t"));
    assert!(parse(&text, None).unwrap_err().contains("line 2: only 2 columns"));
}

#[test]
fn strings_are_quoted_as_json() {
    assert_eq!(json("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
}

#[test]
fn times_are_iso_8601() {
    assert_eq!(iso_time(0), "1970-01-01T00:00:00+00:00");
    assert_eq!(iso_time(951_782_400), "2000-02-29T00:00:00+00:00");
    assert_eq!(iso_time(1_735_689_599), "2024-12-31T23:59:59+00:00");
}

//! The data file: what ReBench (1.4) writes and reads.
//!
//! # Format
//! Lines of tab-separated columns, named by one header line; lines that begin with `#` are comments, some of which
//! ReBench reads back:
//!
//! ```text
//! # benchmark: 0={"name": ..., "suite": {... "executor": ...}}     describes benchmark 0 on its executor (VM)
//! # run_id: 0={"cmdline": ..., "benchmark_id": 0}                  describes run 0; the last column refers to it
//! invocation  iteration  value  unit  criterion  benchmark  executor  suite  extraArgs  ...  runId
//! ```
//!
//! The rows of one iteration follow each other and end with the criterion `total`, its time. The cost of the whole
//! process is recorded as further criteria of its last iteration. One comment is our own, `# bench: ...`: what the
//! measurement was and how many iterations were warm-up, which ReBench keeps in its configuration instead.
//!
//! Every invocation is flushed when it is complete. Values have all the digits it takes to read the same number back, so
//! that a report made from the file is the report that was made at once.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;

use crate::cli::{Measure, Options};
use crate::complaint::Complaint;
use crate::results::{Cost, Invocation, Results};

/// The columns, in order.
const COLUMNS: [&str; 15] = [
    "invocation",
    "iteration",
    "value",
    "unit",
    "criterion",
    "benchmark",
    "executor",
    "suite",
    "extraArgs",
    "cores",
    "inputSize",
    "varValue",
    "tag",
    "machine",
    "runId",
];

/// What begins our own comment.
const MARK: &str = "# bench: ";

/// The name of the suite in the file.
const SUITE: &str = "bench";

/// A criterion of a process: name, unit, and the field it is kept in.
type Criterion = (&'static str, &'static str, fn(&mut Cost) -> &mut f64);

const COSTS: [Criterion; 4] = [
    ("cpu-user", "ms", |cost| &mut cost.user),
    ("cpu-system", "ms", |cost| &mut cost.system),
    ("wall", "ms", |cost| &mut cost.wall),
    ("peak-rss", "KiB", |cost| &mut cost.peak_rss),
];

/// Writes a data file.
pub struct Writer {
    file: File,
    name: String,
    details: String,
    run_ids: HashMap<(String, String), usize>,
}

impl Writer {
    /// Creates the file, which must not exist yet: measurements are never overwritten.
    ///
    /// # Errors
    /// When it exists or cannot be created.
    pub fn create(path: &Path, options: &Options) -> Result<Self, Complaint> {
        let name = path.display().to_string();
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
            let problem = format!("cannot create the data file {name}: {error}");
            match error.kind() {
                io::ErrorKind::AlreadyExists => Complaint::with_remedy(problem, "remove it or name another"),
                _ => Complaint::new(problem),
            }
        })?;
        let details = format!(
            r#"{{"invocations":{},"iterations":{},"warmup":{}}}"#,
            options.invocations(),
            options.iterations(),
            options.warmup()
        );
        let mut writer = Writer { file, name, details, run_ids: HashMap::new() };
        let arguments = std::env::args().collect::<Vec<_>>();
        let command_line = shlex::try_join(arguments.iter().map(String::as_str)).unwrap_or_default();
        writer.write(&header(&command_line, options.measure, options.warmup(), SystemTime::now()))?;
        Ok(writer)
    }

    /// Adds an invocation, which ran these words.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, invocation: &Invocation, words: &[String]) -> Result<(), Complaint> {
        let mut text = String::new();
        let key = (invocation.vm.clone(), invocation.benchmark.clone());
        let next = self.run_ids.len();
        let id = *self.run_ids.entry(key).or_insert_with(|| {
            text.push_str(&descriptions(invocation, words, &self.details, next));
            next
        });
        text.push_str(&rows(invocation, id));
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<(), Complaint> {
        self.file
            .write_all(text.as_bytes())
            .map_err(|error| Complaint::new(format!("cannot write the data file {}: {error}", self.name)))
    }
}

fn header(command_line: &str, measure: Measure, warmup: usize, now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let measure = measure.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default();
    format!(
        "#!{}\n# Execution Start: {}\n{MARK}measure={measure} warmup={warmup}\n{}\n",
        command_line.replace('\n', " "),
        iso_time(seconds),
        COLUMNS.join("\t")
    )
}

/// The two comments that introduce a run to ReBench.
fn descriptions(invocation: &Invocation, words: &[String], details: &str, id: usize) -> String {
    let command = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "));
    let executable = words.first().map_or("", String::as_str);
    let (benchmark, vm) = (json(&invocation.benchmark), json(&invocation.vm));
    let (command, executable) = (json(&command), json(executable));
    let inner = invocation.inner;
    let executor =
        format!(r#"{{"name":{vm},"executable":{executable},"action":"benchmark","runDetails":{{}},"variables":{{}}}}"#);
    let suite = format!(r#"{{"name":"{SUITE}","command":{command},"executor":{executor}}}"#);
    format!(
        "# benchmark: {id}={{\"name\":{benchmark},\"command\":{benchmark},\"runDetails\":{details},\"suite\":{suite},\
         \"variables\":{{}},\"extra_args\":\"{inner}\"}}\n\
         # run_id: {id}={{\"cmdline\":{command},\"extraArgs\":\"{inner}\",\"benchmark_id\":{id}}}\n"
    )
}

fn rows(invocation: &Invocation, id: usize) -> String {
    let mut text = String::new();
    let mut row = |iteration: usize, value: f64, unit: &str, criterion: &str| {
        let Invocation { vm, benchmark, inner, number, .. } = invocation;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{number}\t{iteration}\t{value}\t{unit}\t{criterion}\t{benchmark}\t{vm}\t{SUITE}\t{inner}\t\t\t\t\t\t{id}"
        );
    };
    for (index, time) in invocation.iterations.iter().enumerate() {
        let iteration = index + 1;
        if iteration == invocation.iterations.len() {
            let mut cost = invocation.cost;
            COSTS.iter().for_each(|(criterion, unit, field)| row(iteration, *field(&mut cost), unit, criterion));
        }
        row(iteration, *time, "ms", "total");
    }
    text
}

/// A JSON string.
fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            control if control < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

/// Seconds since 1970 as an ISO 8601 time in UTC. The date is Howard Hinnant's `civil_from_days`: years begin in March,
/// so that the leap day comes last.
fn iso_time(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}+00:00", second / 3600, second / 60 % 60, second % 60)
}

/// Reads a data file, ours or ReBench's own; `warmup` overrides what it records.
///
/// # Errors
/// When the file cannot be read or is not of this format.
pub fn load(path: &Path, warmup: Option<usize>) -> Result<Results, Complaint> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Complaint::new(format!("cannot read the data file {name}: {error}")))?;
    parse(&text, warmup).map_err(|problem| {
        Complaint::with_remedy(format!("{name}: {problem}"), "a data file is what --data wrote, or ReBench 1.4")
    })
}

fn parse(text: &str, warmup: Option<usize>) -> Result<Results, String> {
    let mut results = Results::new(Measure::Time, 0, Vec::new(), Vec::new());
    let mut columns = None;
    let mut open: HashMap<(String, String, usize), usize> = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let located = |problem: String| format!("line {}: {problem}", index + 1);
        if let Some(settings) = line.strip_prefix(MARK) {
            read_settings(settings, &mut results);
        } else if line.starts_with('#') || line.is_empty() {
            continue;
        } else if let Some(columns) = &columns {
            let row = Row::parse(line, columns).map_err(located)?;
            add_row(row, &mut results, &mut open);
        } else {
            columns = Some(Columns::find(line).map_err(located)?);
        }
    }
    if let Some(warmup) = warmup {
        results.warmup = warmup;
    }
    Ok(results)
}

fn read_settings(settings: &str, results: &mut Results) {
    for (name, value) in settings.split_whitespace().filter_map(|setting| setting.split_once('=')) {
        match name {
            "measure" => results.measure = Measure::from_str(value, false).unwrap_or(Measure::Time),
            "warmup" => results.warmup = value.parse().unwrap_or(0),
            _ => {}
        }
    }
}

/// Where the columns that matter are.
struct Columns([usize; 7]);

impl Columns {
    const WANTED: [&str; 7] = ["invocation", "value", "unit", "criterion", "benchmark", "executor", "extraArgs"];

    fn find(header: &str) -> Result<Self, String> {
        let names: Vec<&str> = header.split('\t').collect();
        let mut places = [0; 7];
        for (place, wanted) in places.iter_mut().zip(Self::WANTED) {
            *place = names.iter().position(|name| *name == wanted).ok_or(format!("no column '{wanted}'"))?;
        }
        Ok(Columns(places))
    }
}

struct Row<'a> {
    invocation: usize,
    value: f64,
    unit: &'a str,
    criterion: &'a str,
    benchmark: &'a str,
    vm: &'a str,
    inner: u64,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str, columns: &Columns) -> Result<Self, String> {
        let cells: Vec<&str> = line.split('\t').collect();
        let mut wanted = [""; 7];
        for (cell, place) in wanted.iter_mut().zip(columns.0) {
            *cell = cells.get(place).ok_or(format!("only {} columns", cells.len()))?;
        }
        let [invocation, value, unit, criterion, benchmark, vm, inner] = wanted;
        let number = |cell: &str| format!("'{cell}' is not a number");
        Ok(Row {
            invocation: invocation.parse().map_err(|_| number(invocation))?,
            value: value.parse().map_err(|_| number(value))?,
            unit,
            criterion,
            benchmark,
            vm,
            // ReBench lets any text stand here; only ours is always a count.
            inner: inner.parse().unwrap_or(1),
        })
    }
}

/// Adds a row to its invocation; `open` tells where in the results that is.
fn add_row(row: Row<'_>, results: &mut Results, open: &mut HashMap<(String, String, usize), usize>) {
    note(&mut results.vms, row.vm);
    note(&mut results.benchmarks, row.benchmark);
    let key = (row.vm.to_string(), row.benchmark.to_string(), row.invocation);
    let place = *open.entry(key).or_insert_with(|| {
        results.invocations.push(Invocation {
            vm: row.vm.to_string(),
            benchmark: row.benchmark.to_string(),
            inner: row.inner,
            number: row.invocation,
            iterations: Vec::new(),
            cost: Cost::default(),
        });
        results.invocations.len() - 1
    });
    let invocation = &mut results.invocations[place];
    if row.criterion == "total" {
        invocation.iterations.push(if row.unit == "us" { row.value * 1e-3 } else { row.value });
    } else if let Some((_, _, field)) = COSTS.iter().find(|(criterion, ..)| *criterion == row.criterion) {
        *field(&mut invocation.cost) = row.value;
    }
}

fn note(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_string());
    }
}

#[cfg(test)]
mod tests;

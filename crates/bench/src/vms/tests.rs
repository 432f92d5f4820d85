use clap::Parser;

use super::*;

fn resolve_with(arguments: &[&str]) -> Result<Vec<Vm>, Complaint> {
    let options = Options::try_parse_from([&["bench"], arguments].concat()).unwrap();
    resolve(&options, &Scratch::new().unwrap())
}

fn complaint(arguments: &[&str]) -> String {
    resolve_with(arguments).err().unwrap().to_string()
}

#[test]
fn placeholders_are_replaced_in_each_word() {
    let vms = resolve_with(&["--vm", "x=run {benchmark}.lua -n={iterations} {inner} {other}"]).unwrap();
    let benchmark = Benchmark { name: "Sieve".into(), inner: 7 };
    assert_eq!(vms[0].words(&benchmark, 3), ["run", "Sieve.lua", "-n=3", "7", "{other}"]);
}

#[test]
fn values_are_not_searched_for_placeholders() {
    let values = [("{a}", "{b}"), ("{b}", "x")];
    assert_eq!(substitute("<{a}{b}>", &values), "<{b}x>");
}

#[test]
fn a_command_must_say_where_the_benchmark_goes() {
    assert!(complaint(&["--vm", "x=run {benchmark} {iterations}"]).contains("{inner}"));
    assert!(complaint(&["--measure", "startup", "--vm", "x=run"]).contains("{program}"));
}

#[test]
fn unknown_names_and_missing_things_come_with_a_remedy() {
    assert!(complaint(&["--vms", "perl"]).contains("--vm"));
    assert!(complaint(&["--som", "/nonexistent/som"]).contains("cargo build"));
    assert!(complaint(&["--awfy", "/nonexistent"]).contains("git clone"));
    assert!(complaint(&["--vm", "x={awfy} {benchmark} {iterations} {inner}"]).contains("--awfy"));
}

#[test]
fn names_are_unique() {
    let command = "x=run {benchmark} {iterations} {inner}";
    assert!(complaint(&["--vm", command, "--vm", command]).contains("two VMs"));
}

#[test]
fn upstream_suites_have_only_the_fourteen() {
    let vm = Vm { name: "lua54".into(), template: vec![], directory: None, coverage: Coverage::AwfyOnly };
    assert!(vm.covers(&Benchmark { name: "Json".into(), inner: 1 }));
    assert!(!vm.covers(&Benchmark { name: "Fannkuch".into(), inner: 1 }));
}

//! Runs the SOM programs in `tests/` at the root of the repository. Each carries its expectation in its head comment, in
//! the form of [lang_tester](https://docs.rs/lang_tester): status, standard output, standard error; `...` is a gap. They run five times: in
//! the interpreter's native reading, in the black hole, in the black hole on the paths that compiled code takes, and compiled as early as can be, by tier 2 alone and by both tiers.

use std::path::{Path, PathBuf};
use std::process::Command;

use lang_tester::LangTester;

fn head_comment(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let (_, rest) = text.split_once('"')?;
    let (comment, _) = rest.split_once('"')?;
    comment.contains("VM:").then(|| comment.to_string())
}

fn main() {
    for execution in ["native", "jitcode", "jitcode-unit"] {
        run(execution, "off");
    }
    let eager = "budget=0,short_unit=0,threshold=3,function_threshold=3,trace_eagerness=2";
    run("native", &format!("tier1=off,{eager}"));
    run("native", &format!("tier1=on,tier1_threshold=1,tier2_patience=1,{eager}"));
}

fn run(execution: &'static str, jit: &str) {
    let jit = jit.to_owned();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository is there");
    let tests: PathBuf = root.join("tests");
    LangTester::new()
        .test_dir(tests.to_str().expect("the repository's path is text"))
        .test_path_filter(|file| file.extension().is_some_and(|e| e == "som") && head_comment(file).is_some())
        .test_extract(|file| head_comment(file).expect("the filter has looked"))
        .test_cmds(move |file| {
            let mut vm = Command::new(env!("CARGO_BIN_EXE_som"));
            // Names of files in messages are then the same everywhere.
            vm.current_dir(&root);
            vm.env("TAILOR_EXEC", execution).args(["--jit", &jit]);
            vm.arg(file.strip_prefix(&root).unwrap_or(file));
            vec![("VM", vm)]
        })
        .run();
}

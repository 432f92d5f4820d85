//! Writes the functions that `tests/differential.rs` compares; the environment variables are those of the crate's documentation.

#[allow(dead_code, reason = "the crate itself uses all of it")]
#[path = "src/generate/mod.rs"]
mod generate;

use std::path::Path;
use std::{env, fs};

fn main() {
    let variable = |name: &str| {
        println!("cargo::rerun-if-env-changed={name}");
        env::var(name).ok().filter(|value| !value.is_empty())
    };
    println!("cargo::rerun-if-changed=src/generate");
    println!("cargo::rerun-if-changed=build.rs");
    let number = |name: &str, default: u64| {
        variable(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    let (seed, functions) = (number("TAILOR_FUZZ_SEED", 1), number("TAILOR_FUZZ_FUNCTIONS", 60));
    let (only, without) = (variable("TAILOR_FUZZ_ONLY"), variable("TAILOR_FUZZ_WITHOUT").unwrap_or_default());
    let selection = generate::Selection::new(only.clone(), &without);
    let program = generate::generate(seed, functions as usize);
    let mut source = program.write(&selection);
    source += &format!(
        "\npub const SEED: u64 = {seed};\npub const COUNT: usize = {functions};\npub const WITHOUT: &str = {without:?};\n\
         pub const ONLY: Option<&str> = {only:?};\n"
    );
    let directory = env::var("OUT_DIR").expect("cargo says where to write");
    fs::write(Path::new(&directory).join("functions.rs"), source).expect("the output directory can be written to");
}

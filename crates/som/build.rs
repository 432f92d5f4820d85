//! Embeds the core library: writes a table of all `core-lib/*.som` files for `src/core_library.rs`.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let library = Path::new(&root).join("core-lib");
    println!("cargo::rerun-if-changed={}", library.display());
    let mut names: Vec<String> = fs::read_dir(&library)
        .expect("the core library lies beside the manifest")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".som").map(str::to_string))
        .collect();
    names.sort();
    let mut table = String::from("&[\n");
    for name in names {
        let path = library.join(format!("{name}.som"));
        writeln!(table, "    ({name:?}, include_str!({:?})),", path.display().to_string())
            .expect("writing to a string does not fail");
    }
    table.push_str("]\n");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("core_library.rs"), table).expect("OUT_DIR is writable");
}

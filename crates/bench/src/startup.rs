//! The tiny programs of `--measure startup`: one line of output in each language.

use std::path::PathBuf;

use crate::complaint::Complaint;
use crate::toolchain::Scratch;

/// The name under which start-up runs are reported.
pub const BENCHMARK: &str = "Hello";

/// What every program prints, so that a VM that did nothing is not measured.
pub const GREETING: &str = "Hello, World!";

/// Writes the SOM program.
///
/// # Errors
/// When it cannot be written.
pub fn som(scratch: &Scratch) -> Result<PathBuf, Complaint> {
    scratch.write("Hello.som", &format!("Hello = ( run = ( '{GREETING}' println ) )\n"))
}

/// Writes and compiles the Java program; yields its class path.
///
/// # Errors
/// When it cannot be written or compiled.
pub fn java(scratch: &Scratch) -> Result<PathBuf, Complaint> {
    let text = format!(
        "public class Hello {{ public static void main(String[] args) {{ System.out.println(\"{GREETING}\"); }} }}\n"
    );
    let source = scratch.write("Hello.java", &text)?;
    let directory = source.parent().map(PathBuf::from).unwrap_or_default();
    scratch.java_classes("hello-classes", &directory, &source)
}

/// Writes the program of a language that prints by `print(...)` or `console.log(...)`.
///
/// # Errors
/// When it cannot be written.
pub fn script(scratch: &Scratch, extension: &str, print: &str) -> Result<PathBuf, Complaint> {
    scratch.write(&format!("hello.{extension}"), &format!("{print}(\"{GREETING}\")\n"))
}

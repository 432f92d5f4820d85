//! Finds the programs that other VMs need, and prepares what they run.
//!
//! Compiled classes and start-up programs go to a scratch directory that disappears with the experiment; neither the
//! checkout nor the current directory is written to.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::complaint::Complaint;

/// A temporary directory for one experiment.
pub struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// A new, empty one.
    ///
    /// # Errors
    /// When the system's temporary directory is not writable.
    pub fn new() -> Result<Self, Complaint> {
        let directory = TempDir::with_prefix("bench-").map_err(|error| {
            Complaint::with_remedy(format!("no temporary directory: {error}"), "set TMPDIR to a writable directory")
        })?;
        Ok(Scratch { directory })
    }

    /// Writes a file, once.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Complaint> {
        let path = self.directory.path().join(name);
        fs::write(&path, text).map_err(|error| Complaint::new(format!("cannot write {}: {error}", path.display())))?;
        Ok(path)
    }

    /// The classes of a Java program, compiled on first use; `key` tells programs apart.
    ///
    /// # Errors
    /// When there is no compiler, or it rejects the program.
    pub fn java_classes(&self, key: &str, sources: &Path, main: &Path) -> Result<PathBuf, Complaint> {
        let classes = self.directory.path().join(key);
        if !classes.exists() {
            let compiler = find_program(&["javac"], "openjdk-17-jdk-headless")?;
            let mut command = Command::new(compiler);
            command.args(["-nowarn", "-d"]).arg(&classes).arg("-sourcepath").arg(sources).arg(main);
            finish(&mut command)?;
        }
        Ok(classes)
    }
}

/// Runs a preparatory command and yields its standard output.
fn finish(command: &mut Command) -> Result<String, Complaint> {
    let shown = format!("{command:?}");
    let output = command.output().map_err(|error| Complaint::new(format!("cannot run {shown}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Complaint::new(format!("{shown} failed:\n{}", String::from_utf8_lossy(&output.stderr))))
}

/// The first of `names` on the search path.
///
/// # Errors
/// When there is none; the remedy names the Debian package that has it.
pub fn find_program(names: &[&str], package: &str) -> Result<PathBuf, Complaint> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = names.iter().find_map(|name| search(env::split_paths(&path), name));
    found.ok_or_else(|| {
        Complaint::with_remedy(
            format!("no program '{}' on the search path", names.join("' or '")),
            format!("on Debian: apt-get install {package}; or leave this VM out"),
        )
    })
}

fn search(directories: impl Iterator<Item = PathBuf>, name: &str) -> Option<PathBuf> {
    directories.map(|directory| directory.join(name)).find(|candidate| candidate.is_file())
}

/// The interpreter proper behind a Python command, which may be a wrapper script whose own start-up would be measured.
///
/// # Errors
/// When the command does not run.
pub fn real_python(command: &Path) -> Result<PathBuf, Complaint> {
    let shown = finish(Command::new(command).args(["-c", "import sys; print(sys.executable)"]))?;
    Ok(PathBuf::from(shown.trim_end()))
}

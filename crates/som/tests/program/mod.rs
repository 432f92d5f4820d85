//! Runs the `som` program as a user would, in a directory of its own.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory for the files of one test, removed when the test ends.
pub struct Directory(PathBuf);

/// How a run of the program ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Directory {
    /// `name` must differ from that of all other tests.
    pub fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("som-program-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary directory is writable");
        Directory(path)
    }

    /// The directory with some files in it.
    pub fn of(name: &str, files: &[(&str, &str)]) -> Directory {
        let directory = Directory::new(name);
        for (file, text) in files {
            directory.write(file, text.as_bytes());
        }
        directory
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, file: &str, bytes: &[u8]) {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().expect("it lies in the directory")).expect("writable");
        std::fs::write(path, bytes).expect("writable");
    }

    /// The program, to be run in this directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_som"));
        command.current_dir(&self.0).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn som(&self, arguments: &[&str]) -> Run {
        Run::from(self.command(arguments).output().expect("the program starts"))
    }

    /// The program with something on its standard input.
    pub fn piped(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut command = self.command(arguments);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().expect("the program starts");
        // A program that ends without reading closes the pipe; what it printed is of interest all the same.
        let _ = child.stdin.take().expect("it is piped").write_all(input);
        Run::from(child.wait_with_output().expect("the program ends"))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left behind is the temporary directory's business.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
        Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Run {
    #[track_caller]
    pub fn assert(&self, code: i32, out: &str, err: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (Some(code), out, err));
    }

    /// As `assert`, but standard error must only contain the given parts.
    #[track_caller]
    pub fn assert_error(&self, code: i32, out: &str, parts: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (Some(code), out), "{}", self.err);
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in {}", self.err);
        }
    }
}

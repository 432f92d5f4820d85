//! Errors: what primitives raise, what running programs end in, and what loading reports.

use std::fmt;

use tailor_gc::OutOfMemory;

use crate::syntax::Diagnostic;

/// The kind of a run-time error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// Raised by the program with `error:`.
    User,
    /// A primitive cannot do what it is asked to.
    Primitive,
    /// The guest stack is exhausted.
    StackOverflow,
    /// The heap limit has been reached.
    OutOfMemory,
    /// A class could not be loaded.
    Load,
}

/// Why a primitive has no result. The interpreter turns it into an [`Unwind`] with a stack trace.
#[derive(Debug)]
pub struct Raise(Box<RaiseKind>);

/// What was raised.
#[derive(Debug)]
pub enum RaiseKind {
    /// An error.
    Error(ErrorKind, String),
    /// The program wants to exit.
    Exit(i32),
}

impl Raise {
    /// A primitive's error.
    #[cold]
    pub fn error(message: impl Into<String>) -> Raise {
        Raise::of(ErrorKind::Primitive, message)
    }

    /// An error of the given kind.
    #[cold]
    pub fn of(kind: ErrorKind, message: impl Into<String>) -> Raise {
        Raise(Box::new(RaiseKind::Error(kind, message.into())))
    }

    /// The program wants to exit with this code.
    #[cold]
    pub fn exit(code: i32) -> Raise {
        Raise(Box::new(RaiseKind::Exit(code)))
    }

    /// The kind of the error; none for an exit.
    pub fn error_kind(&self) -> Option<ErrorKind> {
        match *self.0 {
            RaiseKind::Error(kind, _) => Some(kind),
            RaiseKind::Exit(_) => None,
        }
    }

    /// What was raised.
    pub fn into_kind(self) -> RaiseKind {
        *self.0
    }
}

impl fmt::Display for Raise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            RaiseKind::Error(_, message) => f.write_str(message),
            RaiseKind::Exit(code) => write!(f, "exit with code {code}"),
        }
    }
}

impl From<OutOfMemory> for Raise {
    fn from(e: OutOfMemory) -> Raise {
        let OutOfMemory { requested, limit } = e;
        let message = format!(
            "Out of memory: no room for {requested} bytes more in a heap of {} MiB. --heap-size gives a larger one.",
            limit >> 20
        );
        Raise::of(ErrorKind::OutOfMemory, message)
    }
}

/// One activation in a stack trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// `Class>>selector`, with `in block of` in front for a block.
    pub method: String,
    /// The file, as given or found.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The text of that line.
    pub text: String,
}

/// How a run-time error ended a program.
#[derive(Clone, Debug)]
pub struct RuntimeError {
    /// Its kind.
    pub kind: ErrorKind,
    /// What went wrong.
    pub message: String,
    /// Where, outermost activation first. Of a deep stack the middle is left out.
    pub trace: Vec<TraceEntry>,
    /// Activations left out of `trace`, and after how many entries.
    pub omitted: Option<(usize, usize)>,
}

impl RuntimeError {
    /// The stack trace alone, for people.
    pub fn traceback(&self) -> String {
        let mut out = String::from("Traceback (most recent call at bottom):\n");
        for (i, entry) in self.trace.iter().enumerate() {
            if let Some((count, after)) = self.omitted
                && after == i
            {
                out.push_str(&format!("  ... {count} calls left out ...\n"));
            }
            out.push_str(&format!(
                "  File '{}', line {}, column {}, in {}\n    {}\n",
                entry.file,
                entry.line,
                entry.column,
                entry.method,
                entry.text.trim_end()
            ));
        }
        out
    }
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.traceback(), self.message)
    }
}

impl std::error::Error for RuntimeError {}

/// Why execution did not come to a result.
#[derive(Debug)]
pub enum Unwind {
    /// A run-time error.
    Error(Box<RuntimeError>),
    /// `system exit:`.
    Exit(i32),
}

/// Execution has stopped without a result. Why is in the VM ([`Vm::stop`](crate::vm::Vm)): so the result of a handler is plain data, and an error costs
/// the way without errors nothing.
#[tailor::jit::value]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

/// Why a class could not be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// There is no such file on the class path.
    NotFound(String),
    /// The file cannot be read.
    Io(String, std::io::Error),
    /// The source is wrong; one diagnostic or several.
    Source(Vec<Diagnostic>),
    /// The class cannot be built.
    Class(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::NotFound(name) => write!(f, "There is no class '{name}' on the class path."),
            LoadError::Io(file, e) => write!(f, "Can't read '{file}': {e}."),
            LoadError::Source(diagnostics) => {
                for (i, diagnostic) in diagnostics.iter().enumerate() {
                    if i > 0 {
                        writeln!(f)?;
                    }
                    write!(f, "{diagnostic}")?;
                }
                Ok(())
            }
            LoadError::Class(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<OutOfMemory> for LoadError {
    fn from(e: OutOfMemory) -> LoadError {
        LoadError::Class(format!("Out of memory while loading: {e}."))
    }
}

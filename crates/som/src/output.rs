//! Where a program's output goes.
//!
//! Standard output is buffered here, and written when the buffer is full, when a line ends and a person is watching, before
//! anything goes to standard error, and at the end.

use std::io::{self, IsTerminal, Write};

const CAPACITY: usize = 8 << 10;

/// Standard output and standard error of a program.
#[derive(Debug)]
pub struct Output {
    buffer: Vec<u8>,
    errors: Vec<u8>,
    target: Target,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// The process's own streams, line by line.
    Terminal,
    /// The process's own streams.
    Process,
    /// Kept for the host.
    Captured,
}

impl Output {
    /// Output to the process's streams.
    pub fn process() -> Output {
        let target = if io::stdout().is_terminal() { Target::Terminal } else { Target::Process };
        Output { buffer: Vec::new(), errors: Vec::new(), target, closed: false }
    }

    /// Output that is kept until [`Output::take`].
    pub fn captured() -> Output {
        Output { buffer: Vec::new(), errors: Vec::new(), target: Target::Captured, closed: false }
    }

    /// Prints to standard output.
    pub fn print(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
        let due = match self.target {
            Target::Terminal => text.ends_with('\n') || self.buffer.len() >= CAPACITY,
            Target::Process => self.buffer.len() >= CAPACITY,
            Target::Captured => false,
        };
        if due {
            self.flush();
        }
    }

    /// Prints to standard error.
    pub fn print_error(&mut self, text: &str) {
        if self.target == Target::Captured {
            self.errors.extend_from_slice(text.as_bytes());
        } else {
            self.flush();
            // There is nobody left to tell if standard error is gone.
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }

    /// Whether nobody reads the output any more, as in `som ... | head`.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes out what is buffered. If it cannot be written, it is dropped, and the output counts as closed.
    pub fn flush(&mut self) {
        if self.target != Target::Captured {
            let mut stdout = io::stdout().lock();
            self.closed |= stdout.write_all(&self.buffer).and_then(|()| stdout.flush()).is_err();
            self.buffer.clear();
        }
    }

    /// What was printed to standard output and standard error since the last call; empty unless captured.
    pub fn take(&mut self) -> (String, String) {
        let text = |bytes: &mut Vec<u8>| String::from_utf8_lossy(&std::mem::take(bytes)).into_owned();
        (text(&mut self.buffer), text(&mut self.errors))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.flush();
    }
}

//! The log: what the compiler did, as text, for who wants to look.
//!
//! `TAILOR_LOG=trace,opt,asm,exits:FILE` names the parts that are wanted, and the file; without a file it goes to standard error.

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::Write;

/// A part of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Units as they were recorded.
    Trace,
    /// Units as they were optimised.
    Opt,
    /// Machine code.
    Asm,
    /// Exits, aborts, and what was compiled.
    Exits,
}

const PARTS: [(&str, Part); 4] =
    [("trace", Part::Trace), ("opt", Part::Opt), ("asm", Part::Asm), ("exits", Part::Exits)];

/// See the module.
#[derive(Debug, Default)]
pub struct Log {
    parts: Vec<Part>,
    file: Option<RefCell<File>>,
}

/// What is wrong with the description of a log.
#[derive(Debug)]
pub enum LogError {
    /// There is no such part.
    Unknown(String),
    /// The file can't be written.
    File(String, std::io::Error),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Unknown(part) => {
                let known: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
                write!(f, "TAILOR_LOG: there is no `{part}` to log; parts are {}", known.join(", "))
            }
            LogError::File(name, error) => write!(f, "TAILOR_LOG: `{name}` can't be written: {error}"),
        }
    }
}

impl std::error::Error for LogError {}

impl Log {
    /// A log of what the text says, such as `trace,exits:FILE`; of nothing if it is empty.
    ///
    /// # Errors
    /// An unknown part, or a file that can't be written.
    pub fn open(text: &str) -> Result<Log, LogError> {
        let (parts, file) = text.split_once(':').map_or((text, None), |(parts, file)| (parts, Some(file)));
        let part = |name: &str| {
            let known = PARTS.iter().find(|(known, _)| *known == name);
            known.map(|&(_, part)| part).ok_or_else(|| LogError::Unknown(name.to_owned()))
        };
        let names = parts.split(',').map(str::trim).filter(|name| !name.is_empty());
        let parts = names.map(part).collect::<Result<_, _>>()?;
        let open = |name: &str| File::create(name).map_err(|error| LogError::File(name.to_owned(), error));
        Ok(Log { parts, file: file.map(open).transpose()?.map(RefCell::new) })
    }

    /// Whether a part is wanted.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// Writes what `text` makes, if the part is wanted. A log that can't be written is not worth failing for.
    pub(crate) fn write(&self, part: Part, text: impl FnOnce() -> String) {
        if !self.wants(part) {
            return;
        }
        let text = text();
        let _ = match &self.file {
            Some(file) => writeln!(file.borrow_mut(), "{text}"),
            None => writeln!(std::io::stderr(), "{text}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Log, LogError, Part};

    #[test]
    fn parts_are_known_by_name() {
        let log = Log::open("trace,exits").unwrap();
        assert!(log.wants(Part::Trace) && log.wants(Part::Exits) && !log.wants(Part::Asm));
        assert!(!Log::open("").unwrap().wants(Part::Trace));
        assert!(matches!(Log::open("trace,nothing"), Err(LogError::Unknown(name)) if name == "nothing"));
        assert!(matches!(Log::open("trace:/nowhere/at/all"), Err(LogError::File(..))));
    }
}

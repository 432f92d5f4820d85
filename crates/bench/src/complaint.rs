//! What went wrong, and what the user can do about it.
//!
//! One type for every error of this program: nothing here is handled by kind, everything is shown to a person, so the
//! text and its remedy are all that matters.

use std::fmt;

/// An error for the user, with a remedy where one is known.
#[derive(Debug, PartialEq, Eq)]
pub struct Complaint {
    problem: String,
    remedy: Option<String>,
}

impl Complaint {
    /// A problem that speaks for itself.
    pub fn new(problem: impl Into<String>) -> Self {
        Complaint { problem: problem.into(), remedy: None }
    }

    /// A problem and what to do about it.
    pub fn with_remedy(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Complaint { problem: problem.into(), remedy: Some(remedy.into()) }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n  {remedy}"),
            None => Ok(()),
        }
    }
}

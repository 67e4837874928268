//! Why a command failed: one sentence, what to do about it, and what to exit with.

use std::fmt;

/// What the process exits with. Scripts rely on the numbers: docs/CLI.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was done.
    Success,
    /// The server refused it, or failed.
    Refused,
    /// It was asked for in a way that can't be meant.
    Usage,
    /// The connection or the order is not there.
    NotFound,
    /// Nobody answered, or the credentials were refused.
    Unreachable,
    /// `--fail-if-any` found some, or the doctor refuted something.
    Some,
}

impl Exit {
    /// Its number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Unreachable => 4,
            Self::Some => 5,
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    /// What to exit with.
    pub exit: Exit,
    message: String,
    details: Vec<String>,
    advice: Option<String>,
}

impl Failure {
    fn of(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            details: Vec::new(),
            advice: None,
        }
    }

    /// Asked for in a way that can't be meant.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::of(Exit::Usage, message)
    }

    /// Refused by the server, or not to be done.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::of(Exit::Refused, message)
    }

    /// Not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::of(Exit::NotFound, message)
    }

    /// Nobody answered, or the credentials were refused.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::of(Exit::Unreachable, message)
    }

    /// What to do about it.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Each thing that is wrong.
    pub fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// The program that reads what is printed wants no more of it.
    pub fn is_closed_pipe(&self) -> bool {
        self.exit == Exit::Success
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::of(Exit::Success, "nobody reads on");
        }
        Self::of(
            Exit::Refused,
            format!("what it says could not be printed: {error}"),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for detail in &self.details {
            write!(f, "\n  {detail}")?;
        }
        if let Some(advice) = &self.advice {
            write!(f, "\n{advice}")?;
        }
        Ok(())
    }
}

//! The failure of a command: a message, what to do about it, and the exit code.

use std::fmt;

/// Exit codes of the process. Scripts rely on their numbers, which docs/CLI.md lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The command was carried out.
    Success,
    /// The server refused the call, or failed; or the person did not confirm it.
    Refused,
    /// The arguments are wrong. Nothing was sent.
    Usage,
    /// The connection, the order or the stack does not exist.
    NotFound,
    /// Nobody answered, or the credentials were refused.
    Unreachable,
    /// `--fail-if-any` found some, or the doctor refuted something.
    FoundSome,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Unreachable => 4,
            Self::FoundSome => 5,
        }
    }
}

/// A failure of a command, as it is printed to standard error.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    message: String,
    details: Vec<String>,
    advice: Option<String>,
}

impl Failure {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new(), advice: None }
    }

    /// A failure that ends with [`Exit::Usage`].
    pub fn wrong_usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A failure that ends with [`Exit::Refused`].
    pub fn refused_call(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// A failure that ends with [`Exit::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// Nobody answered, or the credentials were refused.
    pub fn not_reachable(message: impl Into<String>) -> Self {
        Self::new(Exit::Unreachable, message)
    }

    /// Adds a sentence on what to do.
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Adds one line per thing that is wrong.
    pub fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// Whether the program that reads our output has closed the pipe. That is no error to report.
    pub fn is_closed_pipe(&self) -> bool {
        self.exit == Exit::Success
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Success, "nobody reads on");
        }
        Self::new(Exit::Refused, format!("what it says could not be printed: {error}"))
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

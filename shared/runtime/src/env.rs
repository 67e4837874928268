//! Configuration from environment variables. An error names the variable.

use std::str::FromStr;

#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// The variable is not set, or empty.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// The variable does not parse.
    #[error("environment variable {name} can't be read: {reason}")]
    Invalid {
        name: &'static str,
        /// The message of the parser. It may quote the value, so secrets are never read with [`read_parsed`].
        reason: String,
    },
}

/// A variable that may be absent. An empty one counts as absent.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn read_optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that must be set.
///
/// # Errors
///
/// [`EnvError::Missing`] when it is not set, or empty.
pub fn read_required(name: &'static str) -> Result<String, EnvError> {
    read_optional(name).ok_or(EnvError::Missing(name))
}

/// A variable that must be set, parsed.
///
/// # Errors
///
/// [`EnvError::Missing`] when it is not set, or empty; [`EnvError::Invalid`] when it does not parse.
pub fn read_parsed<T>(name: &'static str) -> Result<T, EnvError>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    read_required(name)?
        .parse()
        .map_err(|error: T::Err| EnvError::Invalid { name, reason: error.to_string() })
}

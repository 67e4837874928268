//! What can go wrong with a call, by meaning. No error holds a body or a credential.

use std::time::Duration;

/// A failed call to Robaws.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 401: the key or its secret is refused.
    #[error("Robaws refuses the API key (401)")]
    Unauthorized {},
    /// 403: the role of the API user lacks the module.
    #[error("Robaws refuses access to {path} (403)")]
    Forbidden {
        /// The resource asked for.
        path: String,
    },
    /// 404.
    #[error("Robaws does not have {path} (404)")]
    NotFound {
        /// The resource asked for.
        path: String,
    },
    /// 400, 413, 415, 422 and other 4xx.
    #[error("Robaws refuses the request ({status}, correlation {correlation_id:?}): {message}")]
    Rejected {
        /// The status.
        status: u16,
        /// The peer's own sentence, at most 300 characters.
        message: String,
        /// What Robaws' support asks for.
        correlation_id: Option<String>,
    },
    /// 409: a first request with this key is still running.
    #[error("the same request is still running at Robaws (409)")]
    Conflict {},
    /// 429.
    #[error("Robaws allows no more requests now (429, daily: {daily})")]
    RateLimited {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
        /// The day's requests are used up.
        daily: bool,
        /// Until the day's reset.
        reset: Option<Duration>,
    },
    /// 408 or 5xx.
    #[error("Robaws is not available ({status})")]
    Unavailable {
        /// The status.
        status: u16,
    },
    /// No connection, no answer in time, or the connection dropped.
    #[error("no answer from Robaws")]
    NoAnswer {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// A 2xx that is not JSON: a login page, so the credentials are in question.
    #[error("Robaws answered {status} with something that is not JSON")]
    NotJson {
        /// The status.
        status: u16,
    },
    /// JSON of another shape than the contract's.
    #[error("the answer of Robaws can't be read as {what}")]
    Unreadable {
        /// What was expected.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A redirect, which is never followed.
    #[error("Robaws redirects ({status})")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// No time left to make the call.
    #[error("no time left for a call to Robaws")]
    OutOfTime,
}

impl Error {
    /// Whether the answer says for certain that nothing happened (design.md): 400, 401, 403, 404, 413, 415, 422, 429. A call
    /// that was never made did not happen either.
    pub fn is_certain_refusal(&self) -> bool {
        match self {
            Self::Unauthorized {}
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::RateLimited { .. }
            | Self::OutOfTime => true,
            Self::Rejected { status, .. } => matches!(status, 400 | 413 | 415 | 422),
            Self::Conflict {}
            | Self::Unavailable { .. }
            | Self::NoAnswer { .. }
            | Self::NotJson { .. }
            | Self::Unreadable { .. }
            | Self::Redirected { .. } => false,
        }
    }

    /// Whether asking again at once can help, for calls that change nothing.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::NoAnswer { .. })
    }

    /// The peer's own sentence, at most 300 characters.
    pub fn robaws_reason(&self) -> String {
        match self {
            Self::Rejected { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }

    /// The module that a 403 is about: the first part of its path.
    pub fn module(&self) -> String {
        match self {
            Self::Forbidden { path } => path.split('/').next().unwrap_or_default().to_owned(),
            _ => String::new(),
        }
    }
}

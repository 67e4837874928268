//! What can go wrong with a call, by meaning. No error holds a body or a credential, and none says what a body held: the peer's own
//! sentence may repeat what was sent, and is for the merchant, not for the logs.

use runtime::observer::Ended;
use std::time::Duration;

/// A failed call to ProductFlow.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 401, a redirect to a login page, or a 2xx that is not JSON: never an empty list.
    #[error("ProductFlow refuses the access token ({status})")]
    Unauthorized {
        /// The status.
        status: u16,
    },
    /// 403: the token gives no access to the company.
    #[error("ProductFlow refuses access to the company (403)")]
    Forbidden {},
    /// 404.
    #[error("ProductFlow does not have {path} (404)")]
    NotFound {
        /// What was asked for.
        path: String,
    },
    /// 400, 422 and other 4xx.
    #[error("ProductFlow refuses the request ({status})")]
    Rejected {
        /// The status.
        status: u16,
        /// The peer's own sentence, at most 300 characters.
        message: String,
    },
    /// 429.
    #[error("ProductFlow allows no more requests now (429)")]
    RateLimited {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// 408 or 5xx.
    #[error("ProductFlow is not available ({status})")]
    Unavailable {
        /// The status.
        status: u16,
    },
    /// No connection, no answer in time, or the connection dropped.
    #[error("no answer from ProductFlow")]
    NoAnswer {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// JSON of another shape than the contract's.
    #[error("the answer of ProductFlow can't be read as {what}")]
    Unreadable {
        /// What was expected.
        what: &'static str,
    },
}

impl Error {
    /// What an observer is told of a call that ended with it.
    pub(crate) fn ended(&self) -> Ended {
        match self {
            Self::RateLimited { .. } => Ended::Throttled,
            Self::Unavailable { .. }
            | Self::NoAnswer { .. }
            | Self::Unreadable { .. }
            | Self::Unauthorized { status: 200..=299 } => Ended::Failed,
            Self::Unauthorized { .. }
            | Self::Forbidden {}
            | Self::NotFound { .. }
            | Self::Rejected { .. } => Ended::Answered,
        }
    }

    /// The peer's own sentence, where it gave one.
    pub fn reason(&self) -> String {
        match self {
            Self::Rejected { message, .. } => format!("{self}: {message}"),
            other => other.to_string(),
        }
    }

    /// Whether asking again at once can help, for calls that change nothing.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::NoAnswer { .. })
    }

    /// 400 or 422 on a list: the query (its sort) is not accepted.
    pub fn is_refusal_of_query(&self) -> bool {
        matches!(
            self,
            Self::Rejected {
                status: 400 | 422,
                ..
            }
        )
    }
}

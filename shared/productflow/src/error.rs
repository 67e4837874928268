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

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(status: u16) -> Error {
        Error::Rejected {
            status,
            message: "sort: An Peeters is not supported".to_owned(),
        }
    }

    fn no_answer() -> Error {
        let source = runtime::http::client(&[])
            .unwrap()
            .get("nowhere")
            .build()
            .unwrap_err();
        Error::NoAnswer { source }
    }

    #[test]
    fn the_merchant_is_told_productflows_own_sentence_and_the_log_is_not() {
        assert_eq!(
            rejected(422).reason(),
            "ProductFlow refuses the request (422): sort: An Peeters is not supported"
        );
        assert_eq!(rejected(422).to_string(), "ProductFlow refuses the request (422)");
        assert_eq!(
            Error::Forbidden {}.reason(),
            "ProductFlow refuses access to the company (403)"
        );
        assert_eq!(
            Error::Unavailable { status: 503 }.reason(),
            "ProductFlow is not available (503)"
        );
    }

    #[test]
    fn only_what_passes_is_asked_again() {
        assert!(no_answer().is_passing());
        assert!(Error::Unavailable { status: 503 }.is_passing());
        for error in [
            Error::Unauthorized { status: 401 },
            Error::Forbidden {},
            Error::NotFound {
                path: "order/PF-1".to_owned(),
            },
            rejected(422),
            Error::RateLimited { retry_after: None },
            Error::Unreadable { what: "JSON" },
        ] {
            assert!(!error.is_passing(), "{error}");
        }
    }

    #[test]
    fn only_a_400_and_a_422_refuse_the_query() {
        for (status, expected) in [(400, true), (422, true), (405, false), (409, false), (418, false)] {
            assert_eq!(rejected(status).is_refusal_of_query(), expected, "{status}");
        }
        assert!(!Error::Unavailable { status: 503 }.is_refusal_of_query());
        assert!(!Error::Forbidden {}.is_refusal_of_query());
        assert!(!no_answer().is_refusal_of_query());
    }
}

//! What can go wrong with a call to ProductFlow, by meaning.
//!
//! No error holds the body of an answer or a credential. The sentence of ProductFlow in a refusal may repeat what was sent, so
//! it is shown to the merchant and never logged.

use runtime::observer::CallEnd;
use std::time::Duration;

/// A failed call to ProductFlow.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A 401, a redirect to a login page, or a 2xx that is not JSON. Such an answer is never taken for an empty list.
    #[error("ProductFlow refuses the access token ({status})")]
    Unauthorized {
        /// HTTP status of the answer.
        status: u16,
    },
    /// A 403: the access token gives no access to the company.
    #[error("ProductFlow refuses access to the company (403)")]
    Forbidden {},
    /// A 404: ProductFlow does not have the resource.
    #[error("ProductFlow does not have {path} (404)")]
    NotFound {
        /// Path of the resource, percent-encoded, without the base URL.
        path: String,
    },
    /// A 400, a 422, or another 4xx without a variant of its own.
    #[error("ProductFlow refuses the request ({status})")]
    Rejected {
        /// HTTP status of the answer.
        status: u16,
        /// The sentence of ProductFlow, at most 300 characters, without the access token. May name a buyer: never log it.
        message: String,
    },
    /// A 429: too many requests.
    #[error("ProductFlow allows no more requests now (429)")]
    RateLimited {
        /// How long ProductFlow asks to wait (`Retry-After`), if it says so.
        retry_after: Option<Duration>,
    },
    /// A 408 or a 5xx. A write may have had its effect.
    #[error("ProductFlow is not available ({status})")]
    Unavailable {
        /// HTTP status of the answer.
        status: u16,
    },
    /// No connection, no answer in time, or a connection that dropped. A write may have had its effect.
    #[error("no answer from ProductFlow")]
    NoAnswer {
        /// What the HTTP client reports, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// JSON of another shape than the contract describes.
    #[error("the answer of ProductFlow can't be read as {what}")]
    Unreadable {
        /// What the answer was expected to be, for people.
        what: &'static str,
    },
}

impl Error {
    /// What an observer is told of a call that ended with this error.
    pub(crate) fn observed_end(&self) -> CallEnd {
        match self {
            Self::RateLimited { .. } => CallEnd::Throttled,
            Self::Unavailable { .. }
            | Self::NoAnswer { .. }
            | Self::Unreadable { .. }
            | Self::Unauthorized { status: 200..=299 } => CallEnd::Failed,
            Self::Unauthorized { .. }
            | Self::Forbidden {}
            | Self::NotFound { .. }
            | Self::Rejected { .. } => CallEnd::Answered,
        }
    }

    /// The meaning of the error, followed by the sentence of ProductFlow where there is one. For the merchant, not for logs.
    pub fn reason(&self) -> String {
        match self {
            Self::Rejected { message, .. } => format!("{self}: {message}"),
            other => other.to_string(),
        }
    }

    /// Whether the same read may succeed when it is repeated at once.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::NoAnswer { .. })
    }

    /// Whether a list was refused because of its query (400 or 422), as when ProductFlow does not accept the sort.
    pub fn is_refusal_of_query(&self) -> bool {
        matches!(self, Self::Rejected { status: 400 | 422, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected_error(status: u16) -> Error {
        Error::Rejected { status, message: "sort: An Peeters is not supported".to_owned() }
    }

    fn no_answer_error() -> Error {
        let source = runtime::http::peer_client(&[]).unwrap().get("nowhere").build().unwrap_err();
        Error::NoAnswer { source }
    }

    #[test]
    fn the_merchant_is_told_productflows_own_sentence_and_the_log_is_not() {
        assert_eq!(
            rejected_error(422).reason(),
            "ProductFlow refuses the request (422): sort: An Peeters is not supported"
        );
        assert_eq!(rejected_error(422).to_string(), "ProductFlow refuses the request (422)");
        assert_eq!(Error::Forbidden {}.reason(), "ProductFlow refuses access to the company (403)");
        assert_eq!(Error::Unavailable { status: 503 }.reason(), "ProductFlow is not available (503)");
    }

    #[test]
    fn only_what_passes_is_asked_again() {
        assert!(no_answer_error().is_transient());
        assert!(Error::Unavailable { status: 503 }.is_transient());
        for error in [
            Error::Unauthorized { status: 401 },
            Error::Forbidden {},
            Error::NotFound { path: "order/PF-1".to_owned() },
            rejected_error(422),
            Error::RateLimited { retry_after: None },
            Error::Unreadable { what: "JSON" },
        ] {
            assert!(!error.is_transient(), "{error}");
        }
    }

    #[test]
    fn only_a_400_and_a_422_refuse_the_query() {
        for (status, expected) in [(400, true), (422, true), (405, false), (409, false), (418, false)] {
            assert_eq!(rejected_error(status).is_refusal_of_query(), expected, "{status}");
        }
        assert!(!Error::Unavailable { status: 503 }.is_refusal_of_query());
        assert!(!Error::Forbidden {}.is_refusal_of_query());
        assert!(!no_answer_error().is_refusal_of_query());
    }
}

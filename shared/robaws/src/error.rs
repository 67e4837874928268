//! What can go wrong with a call to Robaws, by meaning.
//!
//! No error holds the body of an answer or a credential. The sentence of Robaws in a refusal may repeat what was sent, so it is
//! shown to the merchant and never logged.

use runtime::observer::CallEnd;
use std::time::Duration;

/// A failed call to Robaws.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A 401: Robaws refuses the key or its secret.
    #[error("Robaws refuses the API key (401)")]
    Unauthorized {},
    /// A 403: the role of the API user does not allow the module.
    #[error("Robaws refuses access to {path} (403)")]
    Forbidden {
        /// Path of the resource, without the base URL.
        path: String,
    },
    /// A 404: Robaws does not have the resource.
    #[error("Robaws does not have {path} (404)")]
    NotFound {
        /// Path of the resource, without the base URL.
        path: String,
    },
    /// A 400, 413, 415, 422, or another 4xx without a variant of its own.
    #[error("Robaws refuses the request ({status}, correlation {})", correlation_id.as_deref().unwrap_or("none"))]
    Rejected {
        /// HTTP status of the answer.
        status: u16,
        /// The sentence of Robaws, at most 300 characters, without key and secret. May name a buyer: never log it.
        message: String,
        /// The id by which the support of Robaws finds the request.
        correlation_id: Option<String>,
    },
    /// A 409: an earlier request with the same idempotency key is still running.
    #[error("the same request is still running at Robaws (409)")]
    Conflict {},
    /// A 429: too many requests.
    #[error("Robaws allows no more requests now (429, daily: {daily})")]
    RateLimited {
        /// How long Robaws asks to wait (`Retry-After`), if it says so.
        retry_after: Option<Duration>,
        /// Whether the requests of the whole day are used up, not only those of the second.
        daily: bool,
        /// Time until the requests of the day start anew. Known only when they are used up.
        reset: Option<Duration>,
    },
    /// A 408 or a 5xx. A write may have had its effect.
    #[error("Robaws is not available ({status})")]
    Unavailable {
        /// HTTP status of the answer.
        status: u16,
    },
    /// No connection, no answer in time, or a connection that dropped. A write may have had its effect.
    #[error("no answer from Robaws")]
    NoAnswer {
        /// What the HTTP client reports, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// A 2xx that is not JSON, as a login page is: the credentials are in question.
    #[error("Robaws answered {status} with something that is not JSON")]
    NotJson {
        /// HTTP status of the answer.
        status: u16,
    },
    /// JSON of another shape than the contract describes.
    #[error("the answer of Robaws can't be read as {what}")]
    Unreadable {
        /// What the answer was expected to be, for people.
        what: &'static str,
        /// Where the JSON does not fit, and how.
        #[source]
        source: Misfit,
    },
    /// A redirect. Redirects are never followed.
    #[error("Robaws redirects ({status})")]
    Redirected {
        /// HTTP status of the answer.
        status: u16,
    },
    /// The call was not made, since no time was left for it.
    #[error("no time left for a call to Robaws")]
    OutOfTime,
}

/// Why JSON does not fit. The value that does not fit is left out, since it may be the name of a person.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    /// The JSON does not fit at one place.
    #[error("{how} (line {line}, column {column})")]
    At {
        /// How the JSON does not fit, in English.
        how: String,
        /// Line in the body, from 1.
        line: usize,
        /// Column in the line, from 1.
        column: usize,
    },
    /// The body is larger than allowed and was not read to its end.
    #[error("it is larger than 8 MiB")]
    TooLarge,
    /// A list has more pages than allowed and was not read to its end.
    #[error("it goes on for more than 1,000 pages")]
    Endless,
}

impl From<&serde_json::Error> for Misfit {
    fn from(error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        let text = error.to_string();
        let key = |lead: &str| text.strip_prefix(lead)?.split('`').next().map(str::to_owned);
        let how = match error.classify() {
            Category::Data => key("missing field `").map_or_else(
                || "a value of another kind than expected".to_owned(),
                |key| format!("{key} is missing"),
            ),
            Category::Eof => "it ends too early".to_owned(),
            Category::Syntax | Category::Io => "it is not JSON".to_owned(),
        };
        Self::At { how, line: error.line(), column: error.column() }
    }
}

impl Error {
    /// The error for a 2xx that can't be read as `what`.
    pub fn from_json_error(what: &'static str, error: &serde_json::Error) -> Self {
        Self::Unreadable { what, source: error.into() }
    }

    /// What an observer is told of a call that ended with this error.
    pub(crate) fn observed_end(&self) -> CallEnd {
        match self {
            Self::RateLimited { .. } => CallEnd::Throttled,
            Self::Unavailable { .. }
            | Self::NoAnswer { .. }
            | Self::NotJson { .. }
            | Self::Unreadable { .. } => CallEnd::Failed,
            Self::Unauthorized {}
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Rejected { .. }
            | Self::Conflict {}
            | Self::Redirected { .. }
            | Self::OutOfTime => CallEnd::Answered,
        }
    }

    /// Whether Robaws certainly did not do what was asked: 400, 401, 403, 404, 413, 415, 422 and 429 prove that, and a call
    /// that was never made proves it too. After any other error a write may have had its effect.
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

    /// Whether the same read may succeed when it is repeated at once.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::NoAnswer { .. })
    }

    /// The sentence of Robaws, at most 300 characters; the meaning of the error where Robaws gave no sentence.
    pub fn reason_of_robaws(&self) -> String {
        match self {
            Self::Rejected { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }

    /// The same error, with the sentence of Robaws as `reword` rewrites it.
    #[must_use]
    pub fn with_reworded_message(self, reword: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Rejected { status, message, correlation_id } => {
                Self::Rejected { status, message: reword(&message), correlation_id }
            }
            other => other,
        }
    }

    /// The module of Robaws that a 403 forbids: the first part of the path. Empty for other errors.
    pub fn forbidden_module(&self) -> String {
        match self {
            Self::Forbidden { path } => path.split('/').next().unwrap_or_default().to_owned(),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Shape {
        id: u64,
    }

    fn describe_misfit(body: &str) -> String {
        let error = serde_json::from_str::<Shape>(body).unwrap_err();
        Misfit::from(&error).to_string()
    }

    #[test]
    fn an_answer_that_does_not_fit_is_not_quoted() {
        assert_eq!(
            describe_misfit(r#"{"id":"Jan Janssens"}"#),
            "a value of another kind than expected (line 1, column 20)"
        );
        assert_eq!(describe_misfit(r#"{"name":"Jan"}"#), "id is missing (line 1, column 14)");
        assert_eq!(describe_misfit("Jan"), "it is not JSON (line 1, column 1)");
        assert_eq!(describe_misfit(r#"{"id""#), "it ends too early (line 1, column 5)");
        let refused = Error::Rejected {
            status: 422,
            message: "remark: Jan Janssens is too long".to_owned(),
            correlation_id: Some("c-1".to_owned()),
        };
        assert_eq!(refused.to_string(), "Robaws refuses the request (422, correlation c-1)");
        assert_eq!(refused.reason_of_robaws(), "remark: Jan Janssens is too long");
    }

    fn rejected_error(status: u16) -> Error {
        Error::Rejected { status, message: String::new(), correlation_id: None }
    }

    fn no_answer_error() -> Error {
        let source = runtime::http::peer_client(&[]).unwrap().get("nowhere").build().unwrap_err();
        Error::NoAnswer { source }
    }

    #[test]
    fn only_what_passes_is_asked_again_and_only_a_refusal_says_that_nothing_happened() {
        let path = || "articles/12".to_owned();
        let limited = Error::RateLimited { retry_after: None, daily: true, reset: None };
        let unreadable = Error::Unreadable { what: "an answer", source: Misfit::TooLarge };
        for (error, is_passing, is_certain) in [
            (no_answer_error(), true, false),
            (Error::Unavailable { status: 503 }, true, false),
            (Error::Unauthorized {}, false, true),
            (Error::Forbidden { path: path() }, false, true),
            (Error::NotFound { path: path() }, false, true),
            (rejected_error(400), false, true),
            (rejected_error(413), false, true),
            (rejected_error(415), false, true),
            (rejected_error(422), false, true),
            (rejected_error(405), false, false),
            (Error::Conflict {}, false, false),
            (limited, false, true),
            (Error::NotJson { status: 200 }, false, false),
            (unreadable, false, false),
            (Error::Redirected { status: 302 }, false, false),
            (Error::OutOfTime, false, true),
        ] {
            assert_eq!(
                (error.is_transient(), error.is_certain_refusal()),
                (is_passing, is_certain),
                "{error}"
            );
        }
    }
}

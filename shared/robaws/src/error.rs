//! What can go wrong with a call, by meaning. No error holds a body or a credential, and none says what a body held: the peer's own
//! sentence may repeat what was sent, and is for the merchant, not for the logs.

use runtime::observer::Ended;
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
    #[error("Robaws refuses the request ({status}, correlation {})", correlation_id.as_deref().unwrap_or("none"))]
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
        /// Where it goes wrong, and how.
        #[source]
        source: Misfit,
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

/// Why JSON does not fit, without the value that does not: it may be anybody's name.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    /// At one place.
    #[error("{how} (line {line}, column {column})")]
    At {
        /// How.
        how: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// It was not read to its end.
    #[error("it is larger than 8 MiB")]
    TooLarge,
    /// A list, not read to its end.
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
        Self::At {
            how,
            line: error.line(),
            column: error.column(),
        }
    }
}

impl Error {
    /// A 2xx of another shape than `what`.
    pub fn unreadable(what: &'static str, error: &serde_json::Error) -> Self {
        Self::Unreadable {
            what,
            source: error.into(),
        }
    }

    /// What an observer is told of a call that ended with it.
    pub(crate) fn ended(&self) -> Ended {
        match self {
            Self::RateLimited { .. } => Ended::Throttled,
            Self::Unavailable { .. }
            | Self::NoAnswer { .. }
            | Self::NotJson { .. }
            | Self::Unreadable { .. } => Ended::Failed,
            Self::Unauthorized {}
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Rejected { .. }
            | Self::Conflict {}
            | Self::Redirected { .. }
            | Self::OutOfTime => Ended::Answered,
        }
    }

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

    /// It, with the peer's own sentence worded anew.
    #[must_use]
    pub fn reworded(self, reword: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Rejected {
                status,
                message,
                correlation_id,
            } => Self::Rejected {
                status,
                message: reword(&message),
                correlation_id,
            },
            other => other,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Shape {
        id: u64,
    }

    fn said(body: &str) -> String {
        let error = serde_json::from_str::<Shape>(body).unwrap_err();
        Misfit::from(&error).to_string()
    }

    #[test]
    fn an_answer_that_does_not_fit_is_not_quoted() {
        assert_eq!(
            said(r#"{"id":"Jan Janssens"}"#),
            "a value of another kind than expected (line 1, column 20)"
        );
        assert_eq!(said(r#"{"name":"Jan"}"#), "id is missing (line 1, column 14)");
        assert_eq!(said("Jan"), "it is not JSON (line 1, column 1)");
        assert_eq!(said(r#"{"id""#), "it ends too early (line 1, column 5)");
        let refused = Error::Rejected {
            status: 422,
            message: "remark: Jan Janssens is too long".to_owned(),
            correlation_id: Some("c-1".to_owned()),
        };
        assert_eq!(
            refused.to_string(),
            "Robaws refuses the request (422, correlation c-1)"
        );
        assert_eq!(refused.robaws_reason(), "remark: Jan Janssens is too long");
    }

    fn rejected(status: u16) -> Error {
        Error::Rejected {
            status,
            message: String::new(),
            correlation_id: None,
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
    fn only_what_passes_is_asked_again_and_only_a_refusal_says_that_nothing_happened() {
        let path = || "articles/12".to_owned();
        let limited = Error::RateLimited {
            retry_after: None,
            daily: true,
            reset: None,
        };
        let unreadable = Error::Unreadable {
            what: "an answer",
            source: Misfit::TooLarge,
        };
        for (error, is_passing, is_certain) in [
            (no_answer(), true, false),
            (Error::Unavailable { status: 503 }, true, false),
            (Error::Unauthorized {}, false, true),
            (Error::Forbidden { path: path() }, false, true),
            (Error::NotFound { path: path() }, false, true),
            (rejected(400), false, true),
            (rejected(413), false, true),
            (rejected(415), false, true),
            (rejected(422), false, true),
            (rejected(405), false, false),
            (Error::Conflict {}, false, false),
            (limited, false, true),
            (Error::NotJson { status: 200 }, false, false),
            (unreadable, false, false),
            (Error::Redirected { status: 302 }, false, false),
            (Error::OutOfTime, false, true),
        ] {
            assert_eq!(
                (error.is_passing(), error.is_certain_refusal()),
                (is_passing, is_certain),
                "{error}"
            );
        }
    }
}

//! The log of calls, and of the mistakes that a client made.

use jiff::Timestamp;
use serde::Serialize;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The call is still being handled.
    Running,
    /// The call was answered with this status.
    Answered(u16),
    /// The connection was dropped without an answer.
    Dropped,
}

/// One call of a peer's API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// When the call came in.
    pub at: Timestamp,
    /// `GET`, `POST`, …
    pub method: String,
    /// The decoded path below the base path, `/articles/12`.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// The Robaws tenant's name or the ProductFlow company's number; `None` when the credentials name none.
    pub tenant: Option<String>,
    /// The `Idempotency-Key` that came with it.
    pub idempotency_key: Option<String>,
    /// Whether it came with `Database-Mode: replica`.
    pub replica: bool,
    /// The body as text.
    pub body: String,
    /// Whether a fault or an outage struck it.
    pub fault: bool,
    /// Whether it was answered from the record of an earlier call with the same idempotency key.
    pub replayed: bool,
    pub outcome: Outcome,
}

impl Call {
    /// The status that it was answered with; `None` while it runs and when the connection was dropped.
    pub fn status(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Answered(status) => Some(status),
            Outcome::Running | Outcome::Dropped => None,
        }
    }
}

/// What kind of mistake a client made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// One idempotency key with two different requests.
    IdempotencyKeyReused,
    /// An idempotency key of more than 128 characters, or an empty one.
    IdempotencyKeyInvalid,
    /// An id that is a number instead of a string.
    IdNotString,
    /// A body of the wrong media type.
    MediaType,
    /// A page or page size that the peer does not serve.
    Page,
    /// A write to the replica.
    ReplicaWrite,
    /// A call on an empty per-second bucket or a used-up day.
    RateLimit,
    /// A query parameter that the peer does not know and ignored.
    UnknownParameter,
    /// A field that the peer does not know and dropped.
    UnknownField,
    /// A header that every call or this kind of call must carry.
    MissingHeader,
}

/// A mistake of a client, also when the peer let it pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub at: Timestamp,
    pub kind: ViolationKind,
    /// The tenant or company, where it is known.
    pub tenant: Option<String>,
    /// The mistake in words, with method and path.
    pub detail: String,
}

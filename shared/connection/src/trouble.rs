//! What a failed call to a peer means for the caller, whichever peer it was.

use jiff::SignedDuration;
use std::fmt;
use std::time::Duration;

/// A failed call, by its consequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The peer refuses the credentials: a 401, a 2xx that is not JSON, or a redirect.
    Credentials,
    /// A 403: the credentials hold, but not for this call.
    Permission {
        /// The module or resource, as far as the answer tells.
        module: String,
    },
    /// The day's requests are used up.
    Quota {
        /// Time until the daily reset.
        reset: Option<SignedDuration>,
    },
    /// Too many requests at once.
    RateLimited {
        /// How long the peer asks to wait.
        wait: Option<SignedDuration>,
    },
    /// No answer, a 5xx, or a conflict with a call under way.
    Down,
    /// The peer understood the request and refused it.
    Refused {
        /// The peer's own words, for the merchant. Never logged.
        reason: String,
    },
    /// An answer of a shape that the contract does not know.
    Unreadable,
    /// The invocation had no time left to make the call.
    OutOfTime,
}

/// The form for logs: without the peer's own words, which may repeat what was sent.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials => f.write_str("credentials refused"),
            Self::Permission { module } => write!(f, "no permission for {module}"),
            Self::Quota { .. } => f.write_str("the day's requests are used up"),
            Self::RateLimited { .. } => f.write_str("too many requests"),
            Self::Down => f.write_str("no answer or a 5xx"),
            Self::Refused { .. } => f.write_str("refused"),
            Self::Unreadable => f.write_str("an unreadable answer"),
            Self::OutOfTime => f.write_str("out of time"),
        }
    }
}

impl Trouble {
    /// Whether the peer answered as a working peer does, so that the trouble is the order's alone.
    pub fn is_peer_well(&self) -> bool {
        matches!(self, Self::Permission { .. } | Self::Refused { .. } | Self::Unreadable | Self::OutOfTime)
    }
}

pub(crate) fn to_signed(wait: Option<Duration>) -> Option<SignedDuration> {
    wait.and_then(|wait| SignedDuration::try_from(wait).ok())
}

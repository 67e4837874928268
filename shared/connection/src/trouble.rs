//! What a failed call means, whichever peer it was made to.

use jiff::SignedDuration;
use std::fmt;
use std::time::Duration;

/// A failed call by its consequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// 401, or a 2xx that is not JSON: the credentials are refused.
    Credentials,
    /// 403: the credentials hold, but not for this.
    Permission {
        /// The module or resource, as far as the answer tells.
        module: String,
    },
    /// The day's requests are used up.
    Quota {
        /// Until the reset.
        reset: Option<SignedDuration>,
    },
    /// Too many requests at once.
    RateLimited {
        /// How long the peer asks to wait.
        wait: Option<SignedDuration>,
    },
    /// No answer, or a 5xx.
    Down,
    /// The peer understood and refused.
    Refused {
        /// In its own words.
        reason: String,
    },
    /// An answer of a shape that the contract does not know.
    Unreadable,
    /// No time left in this invocation to make the call.
    OutOfTime,
}

/// For logs: without the peer's own sentence, which may repeat what was sent.
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
    /// The peer answered as a working peer does.
    pub fn peer_is_well(&self) -> bool {
        matches!(
            self,
            Self::Permission { .. } | Self::Refused { .. } | Self::Unreadable | Self::OutOfTime
        )
    }
}

/// A span as jiff counts it.
pub(crate) fn signed(wait: Option<Duration>) -> Option<SignedDuration> {
    wait.and_then(|wait| SignedDuration::try_from(wait).ok())
}

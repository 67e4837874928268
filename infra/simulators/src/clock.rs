//! The clock that the simulators read: the system's, or one that a test sets.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Where a simulator reads the time. Rate limits per second run on tokio's clock instead, so that a clock
/// that stands still never starves a caller.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

#[must_use]
pub fn system_clock() -> Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the simulators read the system's time"
    )]
    let now = Timestamp::now;
    Arc::new(now)
}

/// A clock that stands still until it is set or moved.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(start)))
    }

    /// A clock that stands at an RFC 3339 time, such as `2026-11-23T08:00:00Z`.
    ///
    /// # Errors
    /// When the text is no such time.
    pub fn at(start: &str) -> Result<Self, jiff::Error> {
        Ok(Self::new(start.parse()?))
    }

    pub fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the time, also to an earlier one.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves the time forwards. A time beyond the range of a timestamp is not set.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(by).unwrap_or(*now);
    }

    /// This clock as a [`Clock`]. Both show the same time from then on.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let shared = self.clone();
        Arc::new(move || shared.now())
    }
}

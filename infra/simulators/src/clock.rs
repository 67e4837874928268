//! The clock that the simulators read: the system's, or one that a test moves. Limits per second go by its instants, which go on
//! while the time of day stands still, so that a clock that stands still never starves a caller.

use std::sync::Arc;

pub use runtime::clock::{ManualClock, SharedClock as Clock, SystemClock};

#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(SystemClock)
}

//! The deadline of an invocation, on the monotonic clock.

use crate::clock::Clock;
use lambda_runtime::Context;
use std::time::Duration;
use tokio::time::Instant;

/// The moment at which Lambda ends the invocation that `context` belongs to.
#[expect(clippy::disallowed_methods, reason = "Lambda gives the deadline on the machine's clock")]
pub fn from_context(context: &Context, clock: &dyn Clock) -> Instant {
    let left = context.deadline().duration_since(std::time::SystemTime::now()).unwrap_or(Duration::ZERO);
    clock.instant() + left
}

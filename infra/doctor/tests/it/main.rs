//! The doctor against the simulated peers.

#![expect(
    clippy::unwrap_used,
    reason = "in a test's helpers too, what is not as it must be ends the test"
)]

mod deviations;
mod marks;
mod peers;
mod support;

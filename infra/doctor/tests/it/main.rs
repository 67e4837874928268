//! The doctor against the simulated peers.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, what is not as it must be ends the test")]

mod assumption_tags;
mod deviations;
mod peers;
mod support;

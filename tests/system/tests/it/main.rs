//! Scenarios over the real handlers, embedded DynamoDB, SQS and Secrets Manager, and the simulators. They assert on what
//! the peers hold at the end.

#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod alarms;
mod alarms_of_our_own;
mod clients;
mod examples;
mod kills;
mod log_canaries;
mod machine;
mod metrics;
mod newer_items;
mod security;
mod soak;
mod threat_model;

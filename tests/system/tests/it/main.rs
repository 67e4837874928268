//! Scenarios over the real handlers, embedded DynamoDB, SQS and Secrets Manager, and the simulators. They assert on what
//! the peers hold at the end.

mod api;
mod faults;
mod pipeline;
mod shop;

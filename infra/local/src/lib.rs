//! The whole stack on one machine: embedded DynamoDB, SQS and Secrets Manager behind their wire protocols, the simulators of
//! both peers, and the same handlers behind real Lambda events. It serves `cargo run` and the system tests.

pub mod api_gateway;
pub mod aws;
pub mod backup;
pub mod demo;
pub mod directory;
mod iam;
mod requeue;
pub mod runner;
pub mod secretsmanager;
pub mod sqs;
pub mod stack;
pub mod steps;

pub use backup::Backup;
pub use directory::Directory;
pub use stack::Stack;

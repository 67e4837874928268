//! The program of `cargo run`, as a process of its own.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod data;
mod kills;

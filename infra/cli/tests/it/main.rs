//! The command line is run against the whole stack on this machine: its output, its exit codes and its effects.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod calls;
mod completions;
mod connections;
mod dead_letters;
mod doctor_command;
mod documents;
mod examples;
mod mock;
mod orders;
mod rebuild;
mod shop;
mod stacks;

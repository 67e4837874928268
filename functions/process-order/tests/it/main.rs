//! Stories of orders, over the whole stack: they assert on what the peers hold at the end.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod faults;
mod interrupted;
mod limits;
mod mistakes;
mod notifications;
mod pipeline;
mod time;
mod undo;
mod undo_faults;

//! Stories of the nightly check and of rebuilds, over the whole stack: they assert on what the peers hold at the end.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod nightly;
mod rebuild;
mod undo_nightly;

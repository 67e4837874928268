//! Stories of Robaws' announcements, over the whole stack: they assert on what the peers hold at the end.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod announcements;

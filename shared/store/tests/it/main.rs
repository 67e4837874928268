//! The store against the embedded services.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod ledger_store;
mod stored;

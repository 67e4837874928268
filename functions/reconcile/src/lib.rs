//! Sweeps over all articles of a connection, page by page: the full push, ticking all, and the nightly check. And the rebuild of a
//! ledger that was lost ([`rebuild`]).
//!
//! The rule starts the nightly check of every connection ([`nightly`]); a message of the sweeps queue goes on with one sweep.
//! [`sweeps`] keeps where each stands, so that it goes on where it stopped, in whichever invocation. A sweep only finds
//! candidates; what becomes of an article is decided when it is looked at, live.

pub mod articles;
pub mod compare;
pub mod config;
pub mod documents;
pub mod due;
pub mod handler;
pub mod nightly;
pub mod orders;
pub mod push;
pub mod rebuild;
pub mod records;
pub mod sweeps;
pub mod tick;
pub mod webhook;

pub use config::Deps;
pub use handler::handle;

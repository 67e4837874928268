//! Sweeps over all articles of a connection: the full push, ticking all, and the nightly check. Also the rebuild of a ledger
//! that was lost ([`rebuild`]).
//!
//! The rule starts the nightly check of every connection ([`nightly`]). A message of the sweeps queue continues one sweep.
//! [`sweeps`] stores where each sweep stands, so that any invocation can continue where another one stopped. A sweep only finds
//! articles; what becomes of an article is decided when it is looked at.

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

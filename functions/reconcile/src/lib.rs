//! The sweeps of a connection: the full push, ticking all, the nightly check, and the rebuild of a ledger that was lost
//! ([`rebuild`]). The nightly check compares articles, orders and the documents of the ledger with both peers.
//!
//! The EventBridge schedule starts the nightly check of every connection ([`nightly_check`]). A message of the sweeps queue continues one sweep.
//! [`sweeps`] stores where each sweep stands, so that any invocation can continue where another one stopped. A sweep only makes
//! articles due; what becomes of an article is decided when it is looked at.

pub mod article_check;
pub mod config;
pub mod due_candidates;
pub mod full_push;
pub mod handler;
pub mod ledger_check;
pub mod nightly_check;
pub mod order_check;
pub mod rebuild;
pub mod recent_documents;
pub mod sweeps;
pub mod tick_all;
pub mod webhook_check;
pub mod withdrawal_check;

pub use config::Deps;
pub use handler::handle_event;

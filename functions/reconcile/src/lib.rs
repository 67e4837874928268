//! The sweeps of a connection: the full push, ticking all, the nightly check, and the rebuild of a ledger that was lost
//! (`rebuild`). The nightly check compares articles, orders and the documents of the ledger with both peers.
//!
//! The EventBridge schedule starts the nightly check of every connection (`nightly_check`). A message of the sweeps queue continues one sweep.
//! `sweeps` stores where each sweep stands, so that any invocation can continue where another one stopped. A sweep only makes
//! articles due; what becomes of an article is decided when it is looked at.

mod article_check;
mod config;
mod due_candidates;
mod full_push;
mod handler;
mod ledger_check;
mod nightly_check;
mod order_check;
mod rebuild;
mod recent_documents;
mod sweeps;
mod tick_all;
mod webhook_check;
mod withdrawal_check;

pub use config::Deps;
pub use handler::handle_event;

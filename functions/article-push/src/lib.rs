//! Takes in what Robaws announces of its articles: verifies the signature, queues the article, answers.
//!
//! Robaws waits two seconds for the answer and suspends endpoints that fail. So nothing is looked up or decided here.

mod config;
pub mod delivery;
mod handler;
pub mod intake;
pub mod signature;

pub use config::Deps;
pub use handler::handle_request;

//! What both peers share: requests and replies, faults, the call log, and the way from one to the other.

pub(crate) mod control;
mod exchange;
mod fault;
mod gate;
mod log;
mod peer;

pub(crate) use exchange::{Reply, Request};
pub use fault::{Answer, Effect, Fault, Outage};
pub use gate::{Gate, Hook};
pub use log::{Call, Outcome, Violation, ViolationKind};
pub(crate) use peer::{Peer, Traffic, merge, router};
pub use serve_mark::DropConnection;

/// The mark that tells the server to drop a connection.
mod serve_mark {
    /// A response extension: [`serve()`](crate::serve()) closes the connection instead of sending the response.
    #[derive(Clone, Copy, Debug)]
    pub struct DropConnection;
}

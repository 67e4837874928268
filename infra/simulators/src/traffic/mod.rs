//! What both simulated peers share: requests and replies, faults, the log of calls, and the control API for these.

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
pub(crate) use peer::{Peer, Traffic, build_router, merge_patch};
/// An extension of a response: the functions of [`serve`](mod@crate::serve) close the connection instead of sending the response.
#[derive(Clone, Copy, Debug)]
pub struct DropConnection;

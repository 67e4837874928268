//! Robaws and ProductFlow over HTTP, as strict as their contracts, with faults on demand.
//!
//! [`RobawsSim`] and [`ProductFlowSim`] hold the state of the two peers. Each gives an [`axum::Router`] with the
//! peer's own API, under `/_control` a JSON API for people and scripts, and at `/` a web page for people. The functions of
//! [`serve`](mod@serve) serve such a router in a way that can also drop a connection. `README.md` lists the handles and the
//! control API.

pub mod clock;
pub mod demo;
mod number;
mod page;
pub mod productflow;
pub mod robaws;
pub mod serve;
pub mod traffic;

pub use clock::{Clock, ManualClock, system_clock};
pub use productflow::{Company, OrderBuilder, ProductFlowSim};
pub use robaws::{RobawsSim, RobawsTenant};
pub use serve::{Server, serve_router, spawn_server, spawn_server_on};
pub use traffic::{Call, Fault, Gate, Outage, Outcome, Violation, ViolationKind};

//! A connection at work: its clients with credentials and pacing, the health of its peers, look-ups, notifications and the
//! webhook, and what a failed call means.

pub mod checkbox;
pub mod clients;
pub mod health_tracker;
pub mod lookups;
pub mod notification_updates;
pub mod observe;
pub mod pacers;
pub mod session;
pub mod trouble;
pub mod webhook_registration;
pub mod wiring;

pub use clients::{Clients, PeerClients, PeerClientsError};
pub use health_tracker::{Gate, HealthTracker};
pub use lookups::{Catalogues, Lookups};
pub use session::{ConnectionCheck, ConnectionSession, ConnectionSessions, LiveClients};
pub use trouble::Trouble;
pub use wiring::Wiring;

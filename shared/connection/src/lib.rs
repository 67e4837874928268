//! A connection at work: its clients with credentials and pacing, the health of its peers, look-ups, notifications and the
//! webhook, and what a failed call means.

pub mod catalogue;
pub mod checkbox;
pub mod clients;
pub mod health;
pub mod notifications;
pub mod observe;
pub mod pacers;
pub mod session;
pub mod trouble;
pub mod webhook;
pub mod wiring;

pub use catalogue::{Catalogues, Lookups};
pub use clients::{Clients, Peers, PeersError};
pub use health::{Gate, Health};
pub use session::{Live, Session, Sessions, Still};
pub use trouble::Trouble;
pub use wiring::Wiring;

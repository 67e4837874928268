//! The two clients of a connection with its credentials and pacing, what a failed call means, and how each peer is doing.

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

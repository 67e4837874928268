//! Client of the ProductFlow API (contract productflow.md). [`wire`] holds every assumption about its bodies.

pub mod error;
pub mod orders;
pub mod products;
pub mod transport;
pub mod wire;

pub use error::Error;
pub use transport::Client;
pub use wire::{OrdersPage, RawOrder, read};

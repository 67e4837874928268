//! Client of the ProductFlow API. [`wire`] holds every assumption about request and answer bodies.

pub mod error;
pub mod orders;
pub mod products;
pub mod transport;
pub mod wire;

pub use error::Error;
pub use transport::Client;
pub use wire::{OrderListPage, RawOrder, parse_order};

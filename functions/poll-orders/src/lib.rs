//! Reads the orders of ProductFlow into the ledger and queues what is due.
//!
//! [`pass`] reads the list, newest update first, and writes what is new or changed to the ledger as due. [`queueing`] then
//! queues due orders from the ledger, also when the list could not be read. [`articles`] queues due articles. [`poll`] does all
//! of this for one connection, [`round`] for all connections, or for one [`shard`] of them.

pub mod articles;
pub mod census;
pub mod config;
pub mod handler;
pub mod pass;
pub mod poll;
pub mod queueing;
pub mod round;
pub mod shard;
pub mod suspended;

pub use handler::handle;
pub use round::Deps;

//! Reads the orders of ProductFlow into the ledger and queues what is due.
//!
//! `pass` reads the list, newest update first, and writes what is new or changed to the ledger as due. `due_orders` then
//! queues due orders from the ledger, also when the list could not be read. `due_articles` queues due articles. `one_connection` does all
//! of this for one connection, `all_connections` for all connections, or for one `shard` of them.

mod all_connections;
mod census;
mod config;
mod due_articles;
mod due_orders;
mod handler;
mod one_connection;
mod pass;
mod shard;
mod suspended;

pub use all_connections::Deps;
pub use handler::handle_event;

//! Carries out in Robaws what an order asks for: the stock change, the invoice, the reversal, and what undoes an invoice.
//!
//! A message says only "look at this order". The look asks: given the order now and the ledger now, what should Robaws hold,
//! and what is missing? [`look`] is that loop. [`book`] makes one effect happen exactly once. [`invoice`] finishes an invoice
//! or credit note whose header stands. [`undo`] carries out what the merchant decided about an invoice. [`outcome`] records how
//! a look ended and when the next one is.

pub mod batch;
pub mod book;
pub mod config;
pub mod context;
pub mod handler;
pub mod invoice;
pub mod look;
pub mod outcome;
pub mod sign_in;
pub mod undo;

pub use batch::Deps;
pub use handler::handle;

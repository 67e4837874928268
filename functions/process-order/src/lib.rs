//! Carries out in Robaws what an order asks for: the stock change, the invoice, the reversal, and what undoes an invoice.
//!
//! A message says only "look at this order". The look asks: given the order now and the ledger now, what should Robaws hold,
//! and what is missing? [`look`] is that loop. [`exactly_once`] makes one effect happen exactly once. [`sales_document`] finishes an invoice
//! or credit note whose header stands. [`undo_invoice`] carries out what the merchant decided about an invoice. [`outcome`] records how
//! a look ended and when the next one is.

pub mod batch;
pub mod config;
pub mod context;
pub mod exactly_once;
pub mod handler;
pub mod look;
pub mod outcome;
pub mod sales_document;
pub mod sign_in_link;
pub mod undo_invoice;

pub use batch::Deps;
pub use handler::handle_event;

//! Carries out in Robaws what an order asks for: the stock change, the invoice, the reversal, and what undoes an invoice.
//!
//! A message says only "look at this order". The look asks: given the order now and the ledger now, what should Robaws hold,
//! and what is missing? `look` is that loop. `exactly_once` makes one effect happen exactly once. `sales_document` finishes an invoice
//! or credit note whose header stands. `undo_invoice` carries out what the merchant decided about an invoice. `outcome` records how
//! a look ended and when the next one is.

mod batch;
mod config;
mod context;
mod exactly_once;
mod handler;
mod look;
mod outcome;
mod sales_document;
mod sign_in_link;
mod undo_invoice;

pub use batch::Deps;
pub use handler::handle_event;

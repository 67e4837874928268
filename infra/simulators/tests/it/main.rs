//! The simulators through HTTP, as a client meets them.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, what is not as it must be ends the test")]

mod control;
mod faults;
mod idempotency;
mod pages;
mod productflow_orders;
mod productflow_products;
mod productflow_transport;
mod robaws_articles;
mod robaws_invoices;
mod robaws_limits;
mod robaws_others;
mod robaws_stock;
mod robaws_transport;
mod support;
mod webhooks;

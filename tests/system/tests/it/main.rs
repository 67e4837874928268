//! Scenarios over the real handlers, embedded DynamoDB, SQS and Secrets Manager, and the simulators. They assert on what
//! the peers hold at the end.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod alarms;
mod alarms_of_our_own;
mod announcements;
mod api;
mod api_orders;
mod article_pages;
mod articles;
mod browser;
mod catalogue;
mod checklist_pages;
mod clients;
mod deletion;
mod examples;
mod faults;
mod home_pages;
mod interrupted;
mod kills;
mod ledger_store;
mod limits;
mod log_canaries;
mod machine;
mod metrics;
mod mistakes;
mod newer_items;
mod nightly;
mod notifications;
mod order_month;
mod order_pages;
mod page_safety;
mod pipeline;
mod preview_pages;
mod reach;
mod rebuild;
mod security;
mod set_up_pages;
mod shop;
mod sign_in;
mod soak;
mod stored;
mod threat_model;
mod time;
mod undo;
mod undo_faults;
mod undo_nightly;

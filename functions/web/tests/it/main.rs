//! Stories of the API and the pages, over the whole stack: they assert on what the peers hold at the end.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod article_pages;
mod checklist_pages;
mod connections_api;
mod deletion;
mod home_pages;
mod order_month;
mod order_pages;
mod orders_api;
mod page_safety;
mod preview_pages;
mod set_up_pages;
mod sign_in;

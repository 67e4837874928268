//! The merchant's pages and the operator's HTTP API (`contracts/api.md`).
//!
//! The API handlers hold the rules. A form of a page is turned into the request of the API that does the same, so that
//! pages and API cannot differ.

mod activation;
mod api_error;
mod api_routes;
mod articles_api;
mod catch_up;
mod checks;
mod choose;
mod config;
mod connection_json;
mod connection_lifecycle;
mod connections_api;
mod credential_check;
mod credentials;
mod handler;
mod json_body;
mod notifications_api;
pub mod operator;
mod order_json;
mod orders_api;
pub mod pages;
mod preview;
mod problem_json;
pub mod request;
mod robaws_web;
mod settle;
mod sign_in_links;
mod undo;
mod webhook_setup;

pub use config::Deps;
pub use handler::handle_request;

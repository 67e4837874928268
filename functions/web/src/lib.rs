//! The merchant's pages and the operator's HTTP API (`contracts/api.md`).
//!
//! The API handlers hold the rules. A form of a page is turned into the request of the API that does the same, so that
//! pages and API cannot differ.

pub mod activation;
pub mod api_error;
pub mod api_routes;
pub mod articles_api;
pub mod catch_up;
pub mod checks;
pub mod choose;
pub mod config;
pub mod connection_json;
pub mod connection_lifecycle;
pub mod connections_api;
pub mod credential_check;
pub mod credentials;
pub mod handler;
pub mod json_body;
pub mod notifications_api;
pub mod operator;
pub mod order_json;
pub mod orders_api;
pub mod pages;
pub mod preview;
pub mod problem_json;
pub mod request;
pub mod robaws_web;
pub mod settle;
pub mod sign_in_links;
pub mod undo;
pub mod webhook_setup;

pub use config::Deps;
pub use handler::handle_request;

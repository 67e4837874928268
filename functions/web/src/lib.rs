//! The merchant's pages and the operator's HTTP API (`contracts/api.md`).
//!
//! The API handlers hold the rules. A form of a page is turned into the request of the API that does the same, so that
//! pages and API cannot differ.

pub mod activation;
pub mod announcements;
pub mod api_error;
pub mod articles;
pub mod body;
pub mod catch_up;
pub mod checks;
pub mod choose;
pub mod config;
pub mod connection_view;
pub mod connections;
pub mod credentials;
pub mod handler;
pub mod life;
pub mod links;
pub mod notifications;
pub mod operator;
pub mod order_view;
pub mod orders;
pub mod pages;
pub mod preview;
pub mod problem_view;
pub mod request;
pub mod robaws_web;
pub mod route;
pub mod settle;
pub mod trial;
pub mod undo;

pub use config::Deps;
pub use handler::handle;

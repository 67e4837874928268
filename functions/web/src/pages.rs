//! The merchant's pages, rendered on the server and working without scripts.
//!
//! A reader signs in with a one-time link and sees one connection. All pages of a connection lie under `/c/{connection}`.

pub mod answer;
pub mod articles_page;
pub mod assets;
pub mod checklist_page;
pub mod forms;
pub mod help_page;
pub mod home_page;
pub mod layout;
pub mod notification_pages;
pub mod order_pages;
pub mod page_routes;
pub mod preview_page;
pub mod problem_words;
pub mod session;
pub mod set_up;
pub mod sign_in_pages;
pub mod texts;
pub mod visit;

pub use answer::{Answer, PageError};
pub use page_routes::answer_page_request;
pub use visit::Visit;

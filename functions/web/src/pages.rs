//! The merchant's pages, rendered on the server and working without scripts.
//!
//! A reader signs in with a one-time link and sees one connection. All pages of a connection lie under `/c/{connection}`.

pub mod answer;
pub mod articles;
pub mod assets;
pub mod checklist;
pub mod forms;
pub mod help;
pub mod home;
pub mod layout;
pub mod notifications;
pub mod orders;
pub mod preview;
pub mod route;
pub mod session;
pub mod set_up;
pub mod sign_in;
pub mod texts;
pub mod told;
pub mod visit;

pub use answer::{Answer, PageError};
pub use route::answer;
pub use visit::Visit;

//! Brings ProductFlow's product and offer of an article up to date.
//!
//! A message says only "look at this article". The look reads the article from Robaws now, decides what ProductFlow is to have,
//! and writes only what differs from what was last sent. `look` is that look. `reading` asks Robaws, `affected` makes due
//! whoever else is affected, `writes` writes to ProductFlow, and `outcome` records how the look ended and when the next one
//! is.

mod affected;
mod batch;
mod config;
mod handler;
mod look;
mod outcome;
mod reading;
mod writes;

pub use batch::Deps;
pub use handler::handle_event;

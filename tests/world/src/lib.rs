//! What the stories of all functions share: the stack with both simulators and a clock ([`World`]), a browser, and
//! what must hold at the end of each test.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

pub mod announcements;
pub mod answers;
pub mod browser;
pub mod conflicts;
mod doubt;
mod end;
mod logs;
mod offers;
mod story;

pub use doubt::{build_world_with_order_in_doubt, build_world_with_order_in_doubt_at};
pub use offers::euros;
pub use story::{START, World, default_settings, order_of_one_line};

//! Errors and fixes: every message that the product can give, with what to do, in the reader's language.

use super::answer::{Answer, PageError};
use super::visit::Visit;

/// Answers a request for this page.
pub fn answer(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let _ = visit;
    Err(PageError::NotFound)
}

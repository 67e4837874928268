//! Orders: the list, one order with the control that solves its problem, a month as a file.

use super::answer::{Answer, PageError};
use super::visit::Visit;

/// Answers a request for one of these pages.
pub async fn answer(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    let _ = (visit, path);
    std::future::ready(()).await;
    Err(PageError::NotFound)
}

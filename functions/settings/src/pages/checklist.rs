//! The steps outside: which are done, which are to do, and which only the merchant can tell.

use super::answer::{Answer, PageError};
use super::visit::Visit;

/// Answers a request for one of these pages.
pub async fn answer(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    let _ = (visit, path);
    std::future::ready(()).await;
    Err(PageError::NotFound)
}

/// Steps that are still open.
pub async fn open_steps(visit: &Visit<'_>) -> Result<usize, PageError> {
    let _ = visit;
    std::future::ready(()).await;
    Ok(0)
}

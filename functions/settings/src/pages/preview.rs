//! The preview: what the latest orders and articles would become, before anything is activated.

use super::answer::{Answer, PageError};
use super::visit::Visit;

/// Answers a request for one of these pages.
pub async fn answer(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    let _ = (visit, path);
    std::future::ready(()).await;
    Err(PageError::NotFound)
}

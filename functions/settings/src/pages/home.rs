//! The home page: whether all is well.

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Layout,
}

/// Answers a request for this page.
pub async fn answer(visit: &Visit<'_>) -> Result<Answer, PageError> {
    std::future::ready(()).await;
    let page = visit.layout(super::texts::text("menu.home", visit.language), Tab::Home);
    Answer::html(&Home { page })
}

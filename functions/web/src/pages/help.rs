//! The page of errors and fixes: every problem that the product can report, with what to do about it.

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::texts;
use super::visit::Visit;
use askama::Template;
use domain::problem::ProblemCode;
use domain::text::{self, Rendered};
use http::Method;

#[derive(Template)]
#[template(path = "help.html")]
struct Help {
    page: Layout,
    entries: Vec<Rendered>,
}

/// `GET …/help`.
pub fn answer(visit: &Visit<'_>) -> Result<Answer, PageError> {
    if visit.request.method != Method::GET {
        return Err(PageError::NotFound);
    }
    let page = visit.layout(texts::text("help.title", visit.language), Tab::Help);
    let entries = ProblemCode::ALL.iter().map(|code| {
        let general = text::describe(*code, visit.language);
        Rendered {
            title: page.typeset(&general.title),
            message: page.typeset(&general.message),
            fix: page.typeset(&general.fix),
        }
    });
    let entries = entries.collect();
    Answer::html(&Help { page, entries })
}

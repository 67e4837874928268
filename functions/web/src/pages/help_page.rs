//! The page of errors and fixes: every problem that the product can report, with what to do about it.

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::texts;
use super::visit::Visit;
use askama::Template;
use domain::problem::ProblemCode;
use domain::text::{self, RenderedProblem};
use http::Method;

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage {
    page: Layout,
    entries: Vec<RenderedProblem>,
}

/// `GET …/help`.
pub fn show_help_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    if visit.request.method != Method::GET {
        return Err(PageError::NotFound);
    }
    let page = visit.page_layout(texts::text_for("help.title", visit.language), Tab::Help);
    let entries = ProblemCode::ALL.iter().map(|code| {
        let general = text::describe_problem_code(*code, visit.language);
        RenderedProblem {
            title: page.typeset_text(&general.title),
            message: page.typeset_text(&general.message),
            fix: page.typeset_text(&general.fix),
        }
    });
    let entries = entries.collect();
    Answer::render_template(&HelpPage { page, entries })
}

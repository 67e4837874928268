//! The JSON of open problems in the API, in the connection's language.

use domain::Language;
use domain::text;
use serde_json::{Value, json};
use store::model::OpenProblem;

/// The JSON of open problems.
pub(crate) fn render_problems_json<'a>(
    open: impl IntoIterator<Item = &'a OpenProblem>,
    language: Language,
) -> Vec<Value> {
    let shown = |open: &OpenProblem| {
        let rendered = text::render_problem(&open.problem, language);
        json!({
            "code": open.problem.code.as_str(),
            "title": rendered.title,
            "message": rendered.message,
            "fix": rendered.fix,
            "skus": open.problem.skus,
            "opened_at": open.opened_at,
            "last_seen_at": open.last_seen_at,
            "count": open.count,
        })
    };
    open.into_iter().map(shown).collect()
}

//! The last step of the set-up: the moment of go-live, from which on orders are processed, and the button that activates.

use super::faults::Faults;
use super::fields::{Field, Kind};
use super::{Summary, is_suspended, summary_elsewhere};
use crate::activation;
use crate::pages::answer::{Answer, PageError};
use crate::pages::layout::{Layout, Tab};
use crate::pages::texts::text;
use crate::pages::visit::Visit;
use askama::Template;
use domain::invoice::BOOKKEEPING_ZONE;
use http::StatusCode;
use jiff::{Timestamp, civil};
use serde_json::json;

#[derive(Template)]
#[template(path = "set_up_start.html")]
struct StartPage {
    page: Layout,
    is_suspended: bool,
    summary: Summary,
    fields: Vec<Field>,
}

/// `GET …/set-up/start`; the preview comes back here with its go-live in `?go_live=`.
pub fn show(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let asked = visit.request.parameter("go_live");
    let asked = asked.and_then(|text| text.parse::<Timestamp>().ok());
    let at = asked.or(visit.item.connection.go_live).unwrap_or(visit.now);
    start_page(visit, local(at), &Faults::none())
}

/// `POST …/set-up/start`: shows the preview for the go-live that was typed, or activates with it.
pub async fn take(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.form()?;
    let typed = form.value("go_live").unwrap_or_default().to_owned();
    let at = if typed.is_empty() {
        Some(visit.now)
    } else {
        moment(&typed)
    };
    let Some(at) = at else {
        let mut faults = Faults::none();
        faults.put(
            "go_live",
            text("set_up.bad_moment", visit.language),
            visit.language,
        );
        return refused(visit, typed, &faults);
    };
    if form.value("do") == Some("preview") {
        return Ok(visit.go(&format!("/preview?go_live={at}"), None));
    }
    let request = visit.request.of_page(&json!({ "go_live": at }));
    match Box::pin(activation::activate(visit.deps, &request, visit.item.clone())).await {
        Ok(_) => Ok(visit.go("", Some("activated"))),
        Err(error) => refused(visit, typed, &Faults::read(error, visit.language)?),
    }
}

fn refused(visit: &Visit<'_>, typed: String, faults: &Faults) -> Result<Answer, PageError> {
    Ok(start_page(visit, typed, faults)?.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

fn start_page(visit: &Visit<'_>, value: String, faults: &Faults) -> Result<Answer, PageError> {
    let language = visit.language;
    let label = domain::text::setting("go_live", language);
    let field = Field::new("go_live", label, Kind::Moment { value })
        .hint(text("set_up.hint_go_live", language))
        .faults(faults.at("go_live"));
    Answer::html(&StartPage {
        page: visit.layout(text("set_up.title", language), Tab::None),
        is_suspended: is_suspended(visit),
        summary: summary_elsewhere(visit, faults),
        fields: vec![field],
    })
}

/// A moment in Brussels time, in the form of the browser's field (`datetime-local`).
fn local(at: Timestamp) -> String {
    BOOKKEEPING_ZONE
        .to_datetime(at)
        .strftime("%Y-%m-%dT%H:%M")
        .to_string()
}

/// Reads the browser's field as Brussels time.
fn moment(text: &str) -> Option<Timestamp> {
    let typed: civil::DateTime = text.parse().ok()?;
    BOOKKEEPING_ZONE.to_timestamp(typed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026-11-23T09:30", Some("2026-11-23T08:30:00Z"))]
    #[case("2026-07-01T09:30", Some("2026-07-01T07:30:00Z"))]
    #[case("2026-11-23T09:30:15", Some("2026-11-23T08:30:15Z"))]
    #[case("23/11/2026 9:30", None)]
    #[case("2026-02-30T09:30", None)]
    #[case("99999-01-01T00:00", None)]
    fn a_moment_is_read_in_the_bookkeeping_zone(#[case] typed: &str, #[case] at: Option<&str>) {
        assert_eq!(moment(typed), at.map(|at| at.parse().unwrap()));
    }

    #[test]
    fn a_moment_is_shown_as_it_is_read() {
        let at: Timestamp = "2026-11-23T08:30:00Z".parse().unwrap();
        assert_eq!(moment(&local(at)), Some(at));
    }
}

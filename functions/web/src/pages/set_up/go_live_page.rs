//! The last step of the set-up: the moment of go-live, from which on orders are processed, and the button that activates.

use super::form_faults::FormFaults;
use super::form_fields::{Field, FieldKind};
use super::{FaultSummary, is_suspended, summarize_faults_elsewhere};
use crate::activation;
use crate::pages::answer::{Answer, PageError};
use crate::pages::layout::{Layout, Tab};
use crate::pages::texts::text_for;
use crate::pages::visit::Visit;
use askama::Template;
use domain::invoice::BOOKKEEPING_ZONE;
use http::StatusCode;
use jiff::{Timestamp, civil};
use serde_json::json;

#[derive(Template)]
#[template(path = "set_up_start.html")]
struct GoLivePage {
    page: Layout,
    is_suspended: bool,
    summary: FaultSummary,
    fields: Vec<Field>,
}

/// `GET …/set-up/start`; the preview comes back here with its go-live in `?go_live=`.
pub fn show_go_live_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let asked = visit.request.query_parameter("go_live");
    let asked = asked.and_then(|text| text.parse::<Timestamp>().ok());
    let at = asked.or(visit.item.connection.go_live).unwrap_or(visit.now);
    render_go_live_page(visit, to_browser_moment(at), &FormFaults::no_faults())
}

/// `POST …/set-up/start`: shows the preview for the go-live that was typed, or activates with it.
pub async fn take_go_live_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    let typed = form.field_value("go_live").unwrap_or_default().to_owned();
    let at = if typed.is_empty() { Some(visit.now) } else { parse_browser_moment(&typed) };
    let Some(at) = at else {
        let mut faults = FormFaults::no_faults();
        faults.add_fault("go_live", text_for("set_up.bad_moment", visit.language), visit.language);
        return render_refused_form(visit, typed, &faults);
    };
    if form.field_value("do") == Some("preview") {
        return Ok(visit.redirect_to(&format!("/preview?go_live={at}"), None));
    }
    let request = visit.request.to_api_request(&json!({ "go_live": at }));
    match Box::pin(activation::activate_connection(visit.deps, &request, visit.item.clone())).await {
        Ok(_) => Ok(visit.redirect_to("", Some("activated"))),
        Err(error) => render_refused_form(visit, typed, &FormFaults::from_api_error(error, visit.language)?),
    }
}

fn render_refused_form(visit: &Visit<'_>, typed: String, faults: &FormFaults) -> Result<Answer, PageError> {
    Ok(render_go_live_page(visit, typed, faults)?.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

fn render_go_live_page(visit: &Visit<'_>, value: String, faults: &FormFaults) -> Result<Answer, PageError> {
    let language = visit.language;
    let label = domain::text::setting_label("go_live", language);
    let field = Field::new("go_live", label, FieldKind::Moment { value })
        .with_hint(text_for("set_up.hint_go_live", language))
        .with_faults(faults.texts_of_field("go_live"));
    Answer::render_template(&GoLivePage {
        page: visit.page_layout(text_for("set_up.title", language), Tab::None),
        is_suspended: is_suspended(visit),
        summary: summarize_faults_elsewhere(visit, faults),
        fields: vec![field],
    })
}

/// A moment in Brussels time, in the form of the browser's field (`datetime-local`).
fn to_browser_moment(at: Timestamp) -> String {
    BOOKKEEPING_ZONE.to_datetime(at).strftime("%Y-%m-%dT%H:%M").to_string()
}

/// Reads the browser's field as Brussels time.
fn parse_browser_moment(text: &str) -> Option<Timestamp> {
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
        assert_eq!(parse_browser_moment(typed), at.map(|at| at.parse().unwrap()));
    }

    #[test]
    fn a_moment_is_shown_as_it_is_read() {
        let at: Timestamp = "2026-11-23T08:30:00Z".parse().unwrap();
        assert_eq!(parse_browser_moment(&to_browser_moment(at)), Some(at));
    }
}

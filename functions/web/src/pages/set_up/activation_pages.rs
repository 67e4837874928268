//! The pages that activate a connection again and deactivate it.

use super::form_faults::FormFaults;
use super::{FaultSummary, is_suspended, summarize_faults_elsewhere};
use crate::activation;
use crate::api_error::ApiError;
use crate::pages::answer::{Answer, PageError};
use crate::pages::layout::{Layout, Tab};
use crate::pages::texts::{fill_text, text_for};
use crate::pages::visit::Visit;
use askama::Template;
use domain::ledger::OrderState;
use domain::money::Cents;
use http::StatusCode;
use serde_json::{Value, json};
use store::model::{ConnectionState, OrderRecord};
use store::orders::OrderFilter;

/// Most orders read to count those without an invoice, newest first.
const MOST_LOOKED_AT: usize = 500;
const PER_PAGE: usize = 100;

#[derive(Template)]
#[template(path = "activate.html")]
struct ActivatePage {
    page: Layout,
    is_suspended: bool,
    summary: FaultSummary,
    /// The question whether to catch up, after a long break.
    meanwhile: Option<CatchUpQuestion>,
}

/// The question what becomes of the orders of a long break.
struct CatchUpQuestion {
    question: String,
    total: String,
}

#[derive(Template)]
#[template(path = "deactivate.html")]
struct DeactivatePage {
    page: Layout,
    is_suspended: bool,
    text: String,
}

/// `GET …/activate`: shows the button that activates.
pub fn show_activate_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    if visit.item.connection.state == ConnectionState::Active {
        return Ok(visit.redirect_to("/settings", None));
    }
    render_activate_page(visit, &FormFaults::no_faults(), None)
}

/// `POST …/activate`: activates, after a long break only once the reader said what becomes of the orders in between.
pub async fn take_activate_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    let body = match form.field_value("catch_up") {
        Some("true") => json!({ "catch_up": true }),
        Some("false") => json!({ "catch_up": false }),
        _ => json!({}),
    };
    let request = visit.request.to_api_request(&body);
    let activated = Box::pin(activation::activate_connection(visit.deps, &request, visit.item.clone())).await;
    let Err(error) = activated else {
        return Ok(visit.redirect_to("", Some("activated")));
    };
    if let Some(meanwhile) = catch_up_question(visit, &error) {
        let page = render_activate_page(visit, &FormFaults::no_faults(), Some(meanwhile))?;
        return Ok(page.with_status(StatusCode::CONFLICT));
    }
    let faults = FormFaults::from_api_error(error, visit.language)?;
    Ok(render_activate_page(visit, &faults, None)?.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// The question in the API's error `catch_up_needed`; `None` for any other error.
fn catch_up_question(visit: &Visit<'_>, error: &ApiError) -> Option<CatchUpQuestion> {
    if error.code() != "catch_up_needed" {
        return None;
    }
    let details = error.details().first()?;
    let language = visit.language;
    let count = details["orders"].as_u64()?.to_string();
    let count = count_text(&count, details["complete"] == Value::Bool(true), language);
    let total = Cents(details["total_cents"].as_i64()?);
    let since = visit.item.connection.deactivated_at?;
    let since = domain::text::format_moment(since, language);
    Some(CatchUpQuestion {
        question: fill_text("set_up.reactivate", &[("at", &since), ("count", &count)], language),
        total: domain::text::format_amount(total, language),
    })
}

fn count_text(count: &str, is_all: bool, language: domain::Language) -> String {
    if is_all { count.to_owned() } else { fill_text("set_up.at_least", &[("count", count)], language) }
}

fn render_activate_page(
    visit: &Visit<'_>,
    faults: &FormFaults,
    meanwhile: Option<CatchUpQuestion>,
) -> Result<Answer, PageError> {
    Answer::render_template(&ActivatePage {
        page: visit.page_layout(text_for("set_up.activate", visit.language), Tab::Settings),
        is_suspended: is_suspended(visit),
        summary: summarize_faults_elsewhere(visit, faults),
        meanwhile,
    })
}

/// `GET …/deactivate`: says what stops, what stays and what is left undone, and shows the button that deactivates.
pub async fn show_deactivate_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    if visit.item.connection.state == ConnectionState::Inactive {
        return Ok(visit.redirect_to("/settings", None));
    }
    let (count, is_all) = count_not_invoiced(visit).await?;
    let count = count_text(&count.to_string(), is_all, visit.language);
    Answer::render_template(&DeactivatePage {
        page: visit.page_layout(text_for("set_up.deactivate", visit.language), Tab::Settings),
        is_suspended: is_suspended(visit),
        text: fill_text("set_up.deactivate_text", &[("count", &count)], visit.language),
    })
}

/// Counts the orders whose stock is booked and whose invoice is not made yet. The second value is whether all were counted.
async fn count_not_invoiced(visit: &Visit<'_>) -> Result<(usize, bool), PageError> {
    let (mut count, mut looked_at) = (0, 0);
    let mut cursor = None;
    let filter = OrderFilter::default();
    while looked_at < MOST_LOOKED_AT {
        let store = &visit.deps.store;
        let page = store.list_orders(visit.id(), &filter, cursor.as_deref(), PER_PAGE).await?;
        looked_at += page.records.len();
        count += page.records.iter().filter(|record| awaits_invoice(record)).count();
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok((count, true));
        }
    }
    Ok((count, false))
}

fn awaits_invoice(record: &OrderRecord) -> bool {
    let waits = matches!(
        record.state,
        OrderState::Booked | OrderState::Waiting | OrderState::Blocked | OrderState::InDoubt
    );
    waits && record.ledger.has_bookings() && record.ledger.find_invoice().is_none()
}

/// `POST …/deactivate`: deactivates.
pub async fn take_deactivate_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    visit.take_form()?;
    // A suspended connection must not become inactive: it could be activated again without its ledger.
    if is_suspended(visit) {
        return Err(ApiError::http_conflict("suspended").into());
    }
    let request = visit.request.to_api_request(&json!({}));
    Box::pin(activation::deactivate_connection(visit.deps, &request, visit.item.clone())).await?;
    Ok(visit.redirect_to("/settings", Some("deactivated")))
}

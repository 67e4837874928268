//! The pages that activate a connection again and deactivate it.

use super::faults::Faults;
use super::{Summary, is_suspended, summary_elsewhere};
use crate::activation;
use crate::api_error::ApiError;
use crate::pages::answer::{Answer, PageError};
use crate::pages::layout::{Layout, Tab};
use crate::pages::texts::{filled, text};
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
    summary: Summary,
    /// The question whether to catch up, after a long break.
    meanwhile: Option<Meanwhile>,
}

/// The question what becomes of the orders of a long break.
struct Meanwhile {
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
pub fn show_activate(visit: &Visit<'_>) -> Result<Answer, PageError> {
    if visit.item.connection.state == ConnectionState::Active {
        return Ok(visit.go("/settings", None));
    }
    activate_page(visit, &Faults::none(), None)
}

/// `POST …/activate`: activates, after a long break only once the reader said what becomes of the orders in between.
pub async fn activate(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.form()?;
    let body = match form.value("catch_up") {
        Some("true") => json!({ "catch_up": true }),
        Some("false") => json!({ "catch_up": false }),
        _ => json!({}),
    };
    let request = visit.request.of_page(&body);
    let activated = Box::pin(activation::activate(visit.deps, &request, visit.item.clone())).await;
    let Err(error) = activated else {
        return Ok(visit.go("", Some("activated")));
    };
    if let Some(meanwhile) = meanwhile(visit, &error) {
        let page = activate_page(visit, &Faults::none(), Some(meanwhile))?;
        return Ok(page.with_status(StatusCode::CONFLICT));
    }
    let faults = Faults::read(error, visit.language)?;
    Ok(activate_page(visit, &faults, None)?.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// The question in the API's error `catch_up_needed`; `None` for any other error.
fn meanwhile(visit: &Visit<'_>, error: &ApiError) -> Option<Meanwhile> {
    if error.code() != "catch_up_needed" {
        return None;
    }
    let details = error.details().first()?;
    let language = visit.language;
    let count = details["orders"].as_u64()?.to_string();
    let count = at_least(&count, details["complete"] == Value::Bool(true), language);
    let total = Cents(details["total_cents"].as_i64()?);
    let since = visit.item.connection.deactivated_at?;
    let since = domain::text::moment(since, language);
    Some(Meanwhile {
        question: filled(
            "set_up.reactivate",
            &[("at", &since), ("count", &count)],
            language,
        ),
        total: domain::text::amount(total, language),
    })
}

fn at_least(count: &str, is_all: bool, language: domain::Language) -> String {
    if is_all {
        count.to_owned()
    } else {
        filled("set_up.at_least", &[("count", count)], language)
    }
}

fn activate_page(
    visit: &Visit<'_>,
    faults: &Faults,
    meanwhile: Option<Meanwhile>,
) -> Result<Answer, PageError> {
    Answer::html(&ActivatePage {
        page: visit.layout(text("set_up.activate", visit.language), Tab::Settings),
        is_suspended: is_suspended(visit),
        summary: summary_elsewhere(visit, faults),
        meanwhile,
    })
}

/// `GET …/deactivate`: says what stops, what stays and what is left undone, and shows the button that deactivates.
pub async fn show_deactivate(visit: &Visit<'_>) -> Result<Answer, PageError> {
    if visit.item.connection.state == ConnectionState::Inactive {
        return Ok(visit.go("/settings", None));
    }
    let (count, is_all) = not_invoiced(visit).await?;
    let count = at_least(&count.to_string(), is_all, visit.language);
    Answer::html(&DeactivatePage {
        page: visit.layout(text("set_up.deactivate", visit.language), Tab::Settings),
        is_suspended: is_suspended(visit),
        text: filled("set_up.deactivate_text", &[("count", &count)], visit.language),
    })
}

/// Counts the orders whose stock is booked and whose invoice is not made yet. The second value is whether all were counted.
async fn not_invoiced(visit: &Visit<'_>) -> Result<(usize, bool), PageError> {
    let (mut count, mut looked_at) = (0, 0);
    let mut cursor = None;
    let filter = OrderFilter::default();
    while looked_at < MOST_LOOKED_AT {
        let store = &visit.deps.store;
        let page = store
            .list_orders(visit.id(), &filter, cursor.as_deref(), PER_PAGE)
            .await?;
        looked_at += page.records.len();
        count += page.records.iter().filter(|record| is_open(record)).count();
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok((count, true));
        }
    }
    Ok((count, false))
}

fn is_open(record: &OrderRecord) -> bool {
    let waits = matches!(
        record.state,
        OrderState::Booked | OrderState::Waiting | OrderState::Blocked | OrderState::InDoubt
    );
    waits && record.ledger.has_bookings() && record.ledger.invoice().is_none()
}

/// `POST …/deactivate`: deactivates.
pub async fn deactivate(visit: &Visit<'_>) -> Result<Answer, PageError> {
    visit.form()?;
    // A suspended connection must not become inactive: it could be activated again without its ledger.
    if is_suspended(visit) {
        return Err(ApiError::conflict("suspended").into());
    }
    let request = visit.request.of_page(&json!({}));
    Box::pin(activation::deactivate(visit.deps, &request, visit.item.clone())).await?;
    Ok(visit.go("/settings", Some("deactivated")))
}

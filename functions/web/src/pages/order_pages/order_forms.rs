//! Takes the forms of an order's page. Each form is turned into a request of the API and handed to its handler.

use super::super::answer::{Answer, PageError};
use super::super::forms::Form;
use super::super::texts;
use super::super::visit::Visit;
use super::order_controls::RefusedForm;
use super::{order_page, order_path, robaws_answers};
use crate::api_error::ApiError;
use crate::choose::choose_for_lines;
use crate::orders_api::{load_order, retry_order};
use crate::settle::settle_order;
use domain::ids::OrderIdentifier;
use http::StatusCode;
use serde_json::{Value, json};
use store::model::{ConnectionItem, ConnectionState};

/// Why a form was refused.
enum FormFault {
    /// Something was not filled in: the key of the text that says so.
    Missing(&'static str),
    /// The API refused it.
    Api(ApiError),
}

impl From<ApiError> for FormFault {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// Takes the form `retry`, `settle` or `choose`. A refused form is shown again with its faults.
pub async fn take_order_form(
    visit: &Visit<'_>,
    identifier: &OrderIdentifier,
    action: &str,
) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    let done = match action {
        "retry" => apply_retry_form(visit, identifier).await,
        "choose" => apply_choose_form(visit, identifier, &form).await,
        _ => apply_settle_form(visit, identifier, &form).await,
    };
    let (status, faults) = match done {
        Ok(done) => return Ok(visit.redirect_to(&order_path(identifier), Some(done))),
        Err(FormFault::Missing(key)) => {
            let fault = texts::text_for(key, visit.language).to_owned();
            (StatusCode::UNPROCESSABLE_ENTITY, vec![fault])
        }
        Err(FormFault::Api(error)) => explain_refusal(error.in_language(visit.language))?,
    };
    let sent = RefusedForm { action, form: &form, faults };
    let page = order_page::show_order_page(visit, identifier, Some(&sent)).await?;
    Ok(page.with_status(status))
}

/// Status and texts of an error that the reader can do something about. Other errors are passed on.
fn explain_refusal(error: ApiError) -> Result<(StatusCode, Vec<String>), PageError> {
    let status = match error.status() {
        StatusCode::BAD_REQUEST => StatusCode::UNPROCESSABLE_ENTITY,
        status @ (StatusCode::CONFLICT
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::SERVICE_UNAVAILABLE) => status,
        _ => return Err(error.into()),
    };
    let details = error.render_details();
    let faults = if details.is_empty() { vec![error.render_message()] } else { details };
    Ok((status, faults))
}

/// The connection with the reader's language in place of its own, because the API words faults of lines in the connection's.
fn item_in_readers_language(visit: &Visit<'_>) -> ConnectionItem {
    let mut item = visit.item.clone();
    item.connection.language = visit.language;
    item
}

async fn apply_retry_form(
    visit: &Visit<'_>,
    identifier: &OrderIdentifier,
) -> Result<&'static str, FormFault> {
    let request = visit.request.to_api_request(&json!({}));
    retry_order(visit.deps, &request, &visit.item, identifier).await?;
    Ok("order_retry")
}

async fn apply_choose_form(
    visit: &Visit<'_>,
    identifier: &OrderIdentifier,
    form: &Form,
) -> Result<&'static str, FormFault> {
    let lines: Vec<Value> = if let Some(line) = form.field_as_typed("article_of") {
        let article = match (form.has_field("without_article"), form.field_value("article")) {
            (true, _) => Value::Null,
            (false, Some(id)) => json!(id),
            (false, None) => return Err(FormFault::Missing("order.article_missing")),
        };
        vec![json!({ "line": line, "article_id": article })]
    } else {
        let tariff = form.field_value("tariff").ok_or(FormFault::Missing("order.tariff_missing"))?;
        form.fields_with_prefix("line:")
            .map(|(line, _)| json!({ "line": line, "vat_tariff_id": tariff }))
            .collect()
    };
    if lines.is_empty() {
        return Err(FormFault::Missing("order.line_missing"));
    }
    let request = visit.request.to_api_request(&json!({ "lines": lines }));
    choose_for_lines(visit.deps, &request, &item_in_readers_language(visit), identifier).await?;
    Ok("order_chosen")
}

async fn apply_settle_form(
    visit: &Visit<'_>,
    identifier: &OrderIdentifier,
    form: &Form,
) -> Result<&'static str, FormFault> {
    let (body, done) = match form.field_value("as").unwrap_or_default() {
        "handled" => (json!({ "as": "handled" }), "order_handled"),
        "done" => {
            let typed = form.field_value("robaws_id").ok_or(FormFault::Missing("order.document_missing"))?;
            let id = document_id_from_form(visit, identifier, typed).await?;
            (json!({ "as": "done", "robaws_id": id }), "order_settled")
        }
        "undo" => {
            let (Some(invoice), Some(stock)) = (form.field_value("invoice"), form.field_value("stock"))
            else {
                return Err(FormFault::Missing("order.undo_missing"));
            };
            (json!({ "as": "undo", "invoice": invoice, "stock": stock }), "order_undo")
        }
        other => (json!({ "as": other }), "order_settled"),
    };
    let request = visit.request.to_api_request(&body);
    settle_order(visit.deps, &request, &item_in_readers_language(visit), identifier).await?;
    Ok(done)
}

/// The id of the document that was typed. The API takes an id only; people may type a number or an address.
async fn document_id_from_form(
    visit: &Visit<'_>,
    identifier: &OrderIdentifier,
    typed: &str,
) -> Result<String, ApiError> {
    let record = load_order(visit.deps, &visit.item, identifier).await?;
    let is_active = visit.item.connection.state == ConnectionState::Active;
    Ok(match record.ledger.find_row_in_doubt() {
        Some(row) if is_active => robaws_answers::find_document_id(visit, row, typed).await,
        _ => typed.to_owned(),
    })
}

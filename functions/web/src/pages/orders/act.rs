//! Takes the forms of an order's page. Each form is turned into a request of the API and handed to its handler.

use super::super::answer::{Answer, PageError};
use super::super::forms::Form;
use super::super::texts;
use super::super::visit::Visit;
use super::controls::Sent;
use super::{path_of, robaws, show};
use crate::api_error::ApiError;
use crate::choose::choose;
use crate::orders::{known, retry};
use crate::settle::settle;
use domain::ids::OrderIdentifier;
use http::StatusCode;
use serde_json::{Value, json};
use store::model::{ConnectionItem, ConnectionState};

/// Why a form was refused.
enum Fault {
    /// Something was not filled in: the key of the text that says so.
    Missing(&'static str),
    /// The API refused it.
    Api(ApiError),
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// Takes the form `retry`, `settle` or `choose`. A refused form is shown again with its faults.
pub async fn answer(
    visit: &Visit<'_>,
    identifier: &OrderIdentifier,
    action: &str,
) -> Result<Answer, PageError> {
    let form = visit.form()?;
    let done = match action {
        "retry" => again(visit, identifier).await,
        "choose" => chosen(visit, identifier, &form).await,
        _ => settled(visit, identifier, &form).await,
    };
    let (status, faults) = match done {
        Ok(done) => return Ok(visit.go(&path_of(identifier), Some(done))),
        Err(Fault::Missing(key)) => {
            let fault = texts::text(key, visit.language).to_owned();
            (StatusCode::UNPROCESSABLE_ENTITY, vec![fault])
        }
        Err(Fault::Api(error)) => explained(error.in_language(visit.language))?,
    };
    let sent = Sent {
        action,
        form: &form,
        faults,
    };
    let page = show::answer(visit, identifier, Some(&sent)).await?;
    Ok(page.with_status(status))
}

/// Status and texts of an error that the reader can do something about. Other errors are passed on.
fn explained(error: ApiError) -> Result<(StatusCode, Vec<String>), PageError> {
    let status = match error.status() {
        StatusCode::BAD_REQUEST => StatusCode::UNPROCESSABLE_ENTITY,
        status @ (StatusCode::CONFLICT
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::SERVICE_UNAVAILABLE) => status,
        _ => return Err(error.into()),
    };
    let details = error.detail_messages();
    let faults = if details.is_empty() {
        vec![error.message()]
    } else {
        details
    };
    Ok((status, faults))
}

/// The connection with the reader's language in place of its own, because the API words faults of lines in the connection's.
fn item(visit: &Visit<'_>) -> ConnectionItem {
    let mut item = visit.item.clone();
    item.connection.language = visit.language;
    item
}

async fn again(visit: &Visit<'_>, identifier: &OrderIdentifier) -> Result<&'static str, Fault> {
    let request = visit.request.of_page(&json!({}));
    retry(visit.deps, &request, &visit.item, identifier).await?;
    Ok("order_retry")
}

async fn chosen(visit: &Visit<'_>, identifier: &OrderIdentifier, form: &Form) -> Result<&'static str, Fault> {
    let lines: Vec<Value> = if let Some(line) = form.typed("article_of") {
        let article = match (form.has("without_article"), form.value("article")) {
            (true, _) => Value::Null,
            (false, Some(id)) => json!(id),
            (false, None) => return Err(Fault::Missing("order.article_missing")),
        };
        vec![json!({ "line": line, "article_id": article })]
    } else {
        let tariff = form
            .value("tariff")
            .ok_or(Fault::Missing("order.tariff_missing"))?;
        form.with_prefix("line:")
            .map(|(line, _)| json!({ "line": line, "vat_tariff_id": tariff }))
            .collect()
    };
    if lines.is_empty() {
        return Err(Fault::Missing("order.line_missing"));
    }
    let request = visit.request.of_page(&json!({ "lines": lines }));
    choose(visit.deps, &request, &item(visit), identifier).await?;
    Ok("order_chosen")
}

async fn settled(
    visit: &Visit<'_>,
    identifier: &OrderIdentifier,
    form: &Form,
) -> Result<&'static str, Fault> {
    let (body, done) = match form.value("as").unwrap_or_default() {
        "handled" => (json!({ "as": "handled" }), "order_handled"),
        "done" => {
            let typed = form
                .value("robaws_id")
                .ok_or(Fault::Missing("order.document_missing"))?;
            let id = document_id(visit, identifier, typed).await?;
            (json!({ "as": "done", "robaws_id": id }), "order_settled")
        }
        "undo" => {
            let (Some(invoice), Some(stock)) = (form.value("invoice"), form.value("stock")) else {
                return Err(Fault::Missing("order.undo_missing"));
            };
            (
                json!({ "as": "undo", "invoice": invoice, "stock": stock }),
                "order_undo",
            )
        }
        other => (json!({ "as": other }), "order_settled"),
    };
    let request = visit.request.of_page(&body);
    settle(visit.deps, &request, &item(visit), identifier).await?;
    Ok(done)
}

/// The id of the document that was typed. The API takes an id only; people may type a number or an address.
async fn document_id(
    visit: &Visit<'_>,
    identifier: &OrderIdentifier,
    typed: &str,
) -> Result<String, ApiError> {
    let record = known(visit.deps, &visit.item, identifier).await?;
    let is_active = visit.item.connection.state == ConnectionState::Active;
    Ok(match record.ledger.in_doubt() {
        Some(row) if is_active => robaws::document_id(visit, row, typed).await,
        _ => typed.to_owned(),
    })
}

//! Ways to answer otherwise than the connector assumes. Each is named after the assumption (`[A:id]` in the client's wire
//! module, or an id of the doctor's inventory) that it breaks; several can be on at once.

use http::{Method, StatusCode};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::access::Refusal;
use super::settings::Settings;
use crate::number;
use crate::traffic::{Reply, Request};

/// The names of all deviations.
pub const DEVIATIONS: [&str; 32] = [
    "rw-access",
    "rw-modules",
    "rw-pages",
    "rw-sort",
    "rw-error-body",
    "rw-rate-headers",
    "rw-replica",
    "rw-stock-locations",
    "rw-vat-tariffs",
    "rw-vat-inclusive",
    "rw-articles",
    "rw-available-stock",
    "rw-article-gone",
    "rw-checkbox",
    "rw-ticked-filter",
    "rw-article-number-filter",
    "rw-article-name-filter",
    "rw-stock-changes",
    "rw-stock-change-lines",
    "rw-updated-from",
    "rw-names",
    "rw-client-search",
    "rw-client-number",
    "rw-invoices",
    "rw-invoice-type",
    "rw-invoice-header",
    "rw-invoice-number",
    "rw-invoice-totals",
    "rw-invoice-lines",
    "rw-reference-filter",
    "rw-task-words",
    "rw-webhooks",
];

/// The request without the query parameters that Robaws ignores under the deviations that are on.
pub(crate) fn apply_to_request(settings: &Settings, request: &Request) -> Request {
    let mut request = request.clone();
    for (deviation, parameter) in [
        ("rw-sort", "sort"),
        ("rw-ticked-filter", "extraFields[ProductFlow]"),
        ("rw-updated-from", "updatedFrom"),
        ("rw-reference-filter", "clientReference"),
    ] {
        if settings.has_deviation(deviation) {
            request.query.retain(|(name, _)| name != parameter);
        }
    }
    request
}

/// Changes the answer into the one that Robaws would give under the deviations that are on. `live_left`: the day's live calls left.
pub(crate) fn apply_to_reply(
    settings: &Settings,
    now: Timestamp,
    live_left: u64,
    request: &Request,
    reply: &mut Reply,
) {
    for deviation in &settings.deviations {
        let module = request.segments().first().copied().unwrap_or_default();
        match deviation.as_str() {
            "rw-access" => {
                *reply = Refusal::new(StatusCode::UNAUTHORIZED, "").to_reply(now, &request.path);
            }
            "rw-modules" if module == "tasks" => {
                *reply = Refusal::new(StatusCode::FORBIDDEN, "").to_reply(now, &request.path);
            }
            "rw-error-body" if reply.status == StatusCode::NOT_FOUND => {
                *reply = Reply::json(StatusCode::NOT_FOUND, &json!({"message": "not found"}));
            }
            "rw-rate-headers" => {
                for name in ["remaining", "daily-remaining", "daily-limit", "daily-reset"] {
                    reply.headers.remove(format!("x-ratelimit-{name}"));
                }
                reply.set_header("RateLimit-Remaining", "14");
            }
            "rw-replica" if request.header("database-mode").is_some() => {
                reply.set_header("X-RateLimit-Daily-Remaining", &live_left.saturating_sub(1).to_string());
            }
            _ if request.method == Method::GET && reply.status.is_success() => {
                if let Ok(mut json) = serde_json::from_slice::<Value>(&reply.body) {
                    deviate_body(deviation, module, request, &mut json);
                    reply.body = json.to_string().into();
                }
            }
            _ => {}
        }
    }
}

fn deviate_body(deviation: &str, module: &str, request: &Request, json: &mut Value) {
    let exactly = match (deviation, module) {
        ("rw-article-number-filter", "articles") => Some(("articleNumber", "articleNumber")),
        ("rw-article-name-filter", "articles") | ("rw-client-search", "clients") => Some(("name", "name")),
        _ => None,
    };
    if let Some((parameter, key)) = exactly
        && let Some(wanted) = request.param(parameter)
    {
        if let Some(Value::Array(rows)) = json.get_mut("items") {
            rows.retain(|row| row[key] == wanted);
            json["totalItems"] = json!(json["items"].as_array().map_or(0, Vec::len));
        }
        return;
    }
    match json.get_mut("items") {
        Some(Value::Array(rows)) => rows.iter_mut().for_each(|row| deviate_record(deviation, module, row)),
        _ => deviate_record(deviation, module, json),
    }
    if deviation == "rw-pages" {
        rename_field(json, "items", "content");
    }
}

fn deviate_record(deviation: &str, module: &str, row: &mut Value) {
    match (deviation, module) {
        ("rw-vat-tariffs", "vat-tariffs") => {
            let percentage = number::from_json(&row["percentage"]).unwrap_or_default();
            row["percentage"] = number::to_json(percentage / Decimal::ONE_HUNDRED);
        }
        ("rw-vat-inclusive", "vat-tariffs") => rename_field(row, "vatInclusive", "priceIncludesVat"),
        ("rw-articles", "articles") => rename_field(row, "articleNumber", "number"),
        ("rw-available-stock", "articles") => rename_field(row, "availableStock", "freeStock"),
        ("rw-article-gone", "articles") => {
            rename_field(row, "archivedAt", "archived");
            rename_field(row, "deletedAt", "deleted");
        }
        ("rw-checkbox", "articles") => {
            if let Some(fields) = row.get_mut("extraFields") {
                rename_field(fields, "ProductFlow", "Productflow");
            }
        }
        ("rw-stock-changes", "stock-changes") => {
            rename_field(row, "fromStockLocationId", "sourceLocationId");
            rename_field(row, "toStockLocationId", "targetLocationId");
        }
        ("rw-stock-change-lines", "stock-changes") | ("rw-invoice-lines", "sales-invoices") => {
            rename_field(row, "lineItems", "lines");
        }
        ("rw-stock-locations", "stock-locations") | ("rw-names", "companies") => {
            rename_field(row, "name", "title");
        }
        ("rw-client-number", "clients") => row["logicId"] = json!("K-1"),
        ("rw-invoices", "sales-invoices") => rename_field(row, "booked", "isBooked"),
        ("rw-invoice-type", "sales-invoices") => row["type"] = json!("FACTUUR"),
        ("rw-invoice-header", "sales-invoices") => rename_field(row, "date", "invoiceDate"),
        ("rw-invoice-number", "sales-invoices") => rename_field(row, "logicId", "number"),
        ("rw-invoice-totals", "sales-invoices") => rename_field(row, "totalInclVat", "totalIncludingVat"),
        ("rw-task-words", "tasks") => row["status"] = json!("Open"),
        ("rw-webhooks", "webhook-endpoints") => rename_field(row, "url", "target"),
        _ => {}
    }
}

/// Gives a field another name.
fn rename_field(object: &mut Value, from: &str, to: &str) {
    if let Value::Object(fields) = object
        && let Some(value) = fields.remove(from)
    {
        fields.insert(to.to_owned(), value);
    }
}

//! Ways to answer otherwise than the connector assumes. Each is named after the assumption (`[A:id]` in the client's wire
//! module, or an id of the doctor's inventory) that it breaks; several can be on at once.

use http::StatusCode;
use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

use super::form::message_reply;
use super::state::CompanyState;
use crate::number;
use crate::traffic::{Reply, Request};

/// The names of all deviations.
pub const DEVIATIONS: [&str; 39] = [
    "pf-access",
    "pf-envelope",
    "pf-paging",
    "pf-sort",
    "pf-status-filter",
    "pf-all-statuses",
    "pf-list-rows",
    "pf-order-envelope",
    "pf-identifier",
    "pf-status",
    "pf-status-words",
    "pf-external-identifier",
    "pf-marketplace",
    "pf-currency",
    "pf-placed-at",
    "pf-updated-at",
    "pf-shipped-at",
    "pf-timezone",
    "pf-costs",
    "pf-customer",
    "pf-lines",
    "pf-line-id",
    "pf-line-sku",
    "pf-line-title",
    "pf-line-quantity",
    "pf-line-price-field",
    "pf-vat-code",
    "pf-fbm",
    "pf-order-amounts",
    "pf-line-price",
    "pf-vat-inclusive",
    "pf-costs-sum",
    "pf-total",
    "pf-not-found",
    "pf-bad-token",
    "pf-wrong-company",
    "pf-rate-headers",
    "pf-description",
    "pf-offer-stock",
];

/// Fields of an order that hold an amount.
const AMOUNTS: [&str; 5] =
    ["shipping_cost", "transaction_price", "additional_price", "discount_price", "total"];

/// The request as ProductFlow would read it under the deviations that are on.
pub(crate) fn apply_to_request(company: &CompanyState, request: &Request) -> Request {
    let mut request = request.clone();
    let is_list = request.path == "/order";
    for (deviation, parameter) in [("pf-paging", "page"), ("pf-sort", "sort"), ("pf-status-filter", "status")]
    {
        if company.settings.has_deviation(deviation) {
            request.query.retain(|(name, _)| name.split('[').next() != Some(parameter));
        }
    }
    let names_status = request.query.iter().any(|(name, _)| name.starts_with("status["));
    if company.settings.has_deviation("pf-all-statuses") && is_list && !names_status {
        request.query.push(("status[]".to_owned(), "open".to_owned()));
    }
    if company.settings.has_deviation("pf-status-words") {
        for (name, value) in &mut request.query {
            if name.starts_with("status[") && value == "sent" {
                "shipped".clone_into(value);
            }
        }
    }
    request
}

/// Changes the answer into the one that ProductFlow would give under the deviations that are on.
pub(crate) fn apply_to_reply(company: &CompanyState, request: &Request, reply: &mut Reply) {
    for deviation in &company.settings.deviations {
        apply_deviation(deviation, company, request, reply);
    }
}

fn apply_deviation(deviation: &str, company: &CompanyState, request: &Request, reply: &mut Reply) {
    let is_list = request.path == "/order";
    match deviation {
        "pf-access" if request.path == "/marketplace" => {
            *reply = message_reply(StatusCode::NOT_FOUND, "");
        }
        "pf-not-found" if request.path.starts_with("/order/") && reply.status == StatusCode::NOT_FOUND => {
            *reply = Reply::json(StatusCode::OK, &json!({"data": null}));
        }
        "pf-rate-headers" => reply.set_header("RateLimit-Remaining", "59"),
        "pf-envelope" if is_list => edit_body(reply, |body| rename_field(body, "data", "orders")),
        "pf-order-envelope" if !is_list && request.path.starts_with("/order/") => {
            edit_body(reply, |body| rename_field(body, "data", "order"));
        }
        "pf-list-rows" if is_list => edit_orders(reply, |order| remove_field(order, "lines")),
        "pf-description" if request.path.starts_with("/product/") => edit_body(reply, |body| {
            rename_field(&mut body["data"], "description", "long_description");
        }),
        "pf-offer-stock" if request.path.ends_with("/offer") => {
            let sku = request.segments().get(1).copied().unwrap_or_default().to_owned();
            let open = count_ordered_pieces(company, &sku);
            edit_body(reply, |body| {
                let sellable = body["data"]["qty_sellable"].as_i64().unwrap_or_default();
                body["data"]["qty_sellable"] = json!(sellable - open);
            });
        }
        _ if request.path.starts_with("/order") => {
            edit_orders(reply, |order| deviate_order(deviation, order));
        }
        _ => {}
    }
}

fn deviate_order(deviation: &str, order: &mut Value) {
    match deviation {
        "pf-identifier" => rename_field(order, "identifier", "order_number"),
        "pf-status" => order["status"] = json!({"name": order["status"]}),
        "pf-status-words" if order["status"] == "shipped" => order["status"] = json!("sent"),
        "pf-external-identifier" => rename_field(order, "external_identifier", "external_id"),
        "pf-marketplace" => rename_field(order, "marketplace", "sales_channel"),
        "pf-currency" => rename_field(order, "currency_code", "currency"),
        "pf-placed-at" => edit_field(order, "placed_at", |at| json!(parse_time(at).as_second())),
        "pf-updated-at" => edit_field(order, "updated_at", |at| json!(parse_time(at).as_second())),
        "pf-shipped-at" => rename_field(order, "shipped_at", "shipment_date"),
        "pf-timezone" => {
            for key in ["placed_at", "updated_at", "shipped_at"] {
                let utc = |at: &Value| json!(parse_time(at).strftime("%Y-%m-%d %H:%M:%S").to_string());
                edit_field(order, key, utc);
            }
        }
        "pf-costs" => rename_field(order, "shipping_cost", "shipping_costs"),
        "pf-customer" => rename_field(order, "billing_customer", "billing_address"),
        "pf-lines" => rename_field(order, "lines", "order_lines"),
        "pf-total" => rename_field(order, "total", "order_total"),
        "pf-costs-sum" => {
            edit_field(order, "discount_price", |discount| scale_amount(discount, -Decimal::ONE, 0));
        }
        "pf-order-amounts" => {
            let euros = |amount: &Value| scale_amount(amount, Decimal::new(1, 2), 2);
            for key in AMOUNTS {
                edit_field(order, key, euros);
            }
            edit_lines(order, |line| edit_field(line, "price", euros));
        }
        "pf-vat-inclusive" => {
            let net = |amount: &Value| scale_amount(amount, Decimal::ONE_HUNDRED / Decimal::from(121), 0);
            for key in &AMOUNTS[..4] {
                edit_field(order, key, net);
            }
            edit_lines(order, |line| edit_field(line, "price", net));
        }
        _ => edit_lines(order, |line| deviate_line(deviation, line)),
    }
}

fn deviate_line(deviation: &str, line: &mut Value) {
    match deviation {
        "pf-line-id" => line["id"] = json!("1"),
        "pf-line-sku" => rename_field(line, "sku", "article_code"),
        "pf-line-title" => rename_field(line, "title", "product_name"),
        "pf-line-quantity" => rename_field(line, "quantity", "qty"),
        "pf-line-price-field" => rename_field(line, "price", "unit_price"),
        "pf-vat-code" => rename_field(line, "vat_code", "tax_code"),
        "pf-fbm" => rename_field(line, "fbm", "fulfilment"),
        "pf-line-price" => {
            let quantity = number::from_json(&line["quantity"]).unwrap_or(Decimal::ONE);
            edit_field(line, "price", |price| scale_amount(price, Decimal::ONE / quantity, 0));
        }
        _ => {}
    }
}

/// How many pieces of an article are ordered in open orders.
fn count_ordered_pieces(company: &CompanyState, sku: &str) -> i64 {
    let orders = company.orders.iter().filter_map(|order| order.current_version());
    let open = orders.filter(|order| order["status"] == "open");
    open.filter_map(|order| order["lines"].as_array())
        .flatten()
        .filter(|line| line["sku"] == sku)
        .filter_map(|line| line["quantity"].as_i64())
        .sum()
}

/// Edits a JSON body.
fn edit_body(reply: &mut Reply, edit: impl FnOnce(&mut Value)) {
    if let Ok(mut json) = serde_json::from_slice::<Value>(&reply.body)
        && reply.status.is_success()
    {
        edit(&mut json);
        reply.body = json.to_string().into();
    }
}

/// Edits every order in the answer: all of a list page, or the single one.
fn edit_orders(reply: &mut Reply, mut edit: impl FnMut(&mut Value)) {
    edit_body(reply, |json| {
        for key in ["data", "orders", "order"] {
            match json.get_mut(key) {
                Some(Value::Array(rows)) => rows.iter_mut().for_each(&mut edit),
                Some(order @ Value::Object(_)) => edit(order),
                _ => {}
            }
        }
    });
}

fn edit_lines(order: &mut Value, edit: impl FnMut(&mut Value)) {
    if let Some(Value::Array(lines)) = order.get_mut("lines") {
        lines.iter_mut().for_each(edit);
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

fn remove_field(object: &mut Value, key: &str) {
    if let Value::Object(fields) = object {
        fields.remove(key);
    }
}

/// Edits a field unless it is missing or null.
fn edit_field(object: &mut Value, key: &str, change: impl Fn(&Value) -> Value) {
    if let Some(value) = object.get_mut(key).filter(|value| !value.is_null()) {
        *value = change(value);
    }
}

fn parse_time(at: &Value) -> Timestamp {
    let text = at.as_str().unwrap_or_default();
    text.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

fn scale_amount(amount: &Value, by: Decimal, decimals: u32) -> Value {
    let amount = number::from_json(amount).unwrap_or_default() * by;
    number::to_json(amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero))
}

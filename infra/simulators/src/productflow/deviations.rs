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
const AMOUNTS: [&str; 5] = [
    "shipping_cost",
    "transaction_price",
    "additional_price",
    "discount_price",
    "total",
];

/// The request as ProductFlow would read it under the deviations that are on.
pub(crate) fn understood(company: &CompanyState, request: &Request) -> Request {
    let mut request = request.clone();
    let is_list = request.path == "/order";
    for (deviation, parameter) in [
        ("pf-paging", "page"),
        ("pf-sort", "sort"),
        ("pf-status-filter", "status"),
    ] {
        if company.settings.deviates(deviation) {
            request
                .query
                .retain(|(name, _)| name.split('[').next() != Some(parameter));
        }
    }
    let names_status = request.query.iter().any(|(name, _)| name.starts_with("status["));
    if company.settings.deviates("pf-all-statuses") && is_list && !names_status {
        request.query.push(("status[]".to_owned(), "open".to_owned()));
    }
    if company.settings.deviates("pf-status-words") {
        for (name, value) in &mut request.query {
            if name.starts_with("status[") && value == "sent" {
                "shipped".clone_into(value);
            }
        }
    }
    request
}

/// Changes the answer into the one that ProductFlow would give under the deviations that are on.
pub(crate) fn disfigure(company: &CompanyState, request: &Request, reply: &mut Reply) {
    for deviation in &company.settings.deviations {
        one(deviation, company, request, reply);
    }
}

fn one(deviation: &str, company: &CompanyState, request: &Request, reply: &mut Reply) {
    let is_list = request.path == "/order";
    match deviation {
        "pf-access" if request.path == "/marketplace" => {
            *reply = message_reply(StatusCode::NOT_FOUND, "");
        }
        "pf-not-found" if request.path.starts_with("/order/") && reply.status == StatusCode::NOT_FOUND => {
            *reply = Reply::json(StatusCode::OK, &json!({"data": null}));
        }
        "pf-rate-headers" => reply.set("RateLimit-Remaining", "59"),
        "pf-envelope" if is_list => body(reply, |body| rename(body, "data", "orders")),
        "pf-order-envelope" if !is_list && request.path.starts_with("/order/") => {
            body(reply, |body| rename(body, "data", "order"));
        }
        "pf-list-rows" if is_list => orders(reply, |order| remove(order, "lines")),
        "pf-description" if request.path.starts_with("/product/") => body(reply, |body| {
            rename(&mut body["data"], "description", "long_description");
        }),
        "pf-offer-stock" if request.path.ends_with("/offer") => {
            let sku = request.segments().get(1).copied().unwrap_or_default().to_owned();
            let open = ordered(company, &sku);
            body(reply, |body| {
                let sellable = body["data"]["qty_sellable"].as_i64().unwrap_or_default();
                body["data"]["qty_sellable"] = json!(sellable - open);
            });
        }
        _ if request.path.starts_with("/order") => orders(reply, |order| of_order(deviation, order)),
        _ => {}
    }
}

fn of_order(deviation: &str, order: &mut Value) {
    match deviation {
        "pf-identifier" => rename(order, "identifier", "order_number"),
        "pf-status" => order["status"] = json!({"name": order["status"]}),
        "pf-status-words" if order["status"] == "shipped" => order["status"] = json!("sent"),
        "pf-external-identifier" => rename(order, "external_identifier", "external_id"),
        "pf-marketplace" => rename(order, "marketplace", "sales_channel"),
        "pf-currency" => rename(order, "currency_code", "currency"),
        "pf-placed-at" => edit(order, "placed_at", |at| json!(moment(at).as_second())),
        "pf-updated-at" => edit(order, "updated_at", |at| json!(moment(at).as_second())),
        "pf-shipped-at" => rename(order, "shipped_at", "shipment_date"),
        "pf-timezone" => {
            for key in ["placed_at", "updated_at", "shipped_at"] {
                let utc = |at: &Value| json!(moment(at).strftime("%Y-%m-%d %H:%M:%S").to_string());
                edit(order, key, utc);
            }
        }
        "pf-costs" => rename(order, "shipping_cost", "shipping_costs"),
        "pf-customer" => rename(order, "billing_customer", "billing_address"),
        "pf-lines" => rename(order, "lines", "order_lines"),
        "pf-total" => rename(order, "total", "order_total"),
        "pf-costs-sum" => edit(order, "discount_price", |discount| {
            scaled(discount, -Decimal::ONE, 0)
        }),
        "pf-order-amounts" => {
            let euros = |amount: &Value| scaled(amount, Decimal::new(1, 2), 2);
            for key in AMOUNTS {
                edit(order, key, euros);
            }
            lines(order, |line| edit(line, "price", euros));
        }
        "pf-vat-inclusive" => {
            let net = |amount: &Value| scaled(amount, Decimal::ONE_HUNDRED / Decimal::from(121), 0);
            for key in &AMOUNTS[..4] {
                edit(order, key, net);
            }
            lines(order, |line| edit(line, "price", net));
        }
        _ => lines(order, |line| of_line(deviation, line)),
    }
}

fn of_line(deviation: &str, line: &mut Value) {
    match deviation {
        "pf-line-id" => line["id"] = json!("1"),
        "pf-line-sku" => rename(line, "sku", "article_code"),
        "pf-line-title" => rename(line, "title", "product_name"),
        "pf-line-quantity" => rename(line, "quantity", "qty"),
        "pf-line-price-field" => rename(line, "price", "unit_price"),
        "pf-vat-code" => rename(line, "vat_code", "tax_code"),
        "pf-fbm" => rename(line, "fbm", "fulfilment"),
        "pf-line-price" => {
            let quantity = number::from_json(&line["quantity"]).unwrap_or(Decimal::ONE);
            edit(line, "price", |price| scaled(price, Decimal::ONE / quantity, 0));
        }
        _ => {}
    }
}

/// How many pieces of an article are ordered in open orders.
fn ordered(company: &CompanyState, sku: &str) -> i64 {
    let orders = company.orders.iter().filter_map(|order| order.current());
    let open = orders.filter(|order| order["status"] == "open");
    open.filter_map(|order| order["lines"].as_array())
        .flatten()
        .filter(|line| line["sku"] == sku)
        .filter_map(|line| line["quantity"].as_i64())
        .sum()
}

/// Edits a JSON body.
fn body(reply: &mut Reply, edit: impl FnOnce(&mut Value)) {
    if let Ok(mut json) = serde_json::from_slice::<Value>(&reply.body)
        && reply.status.is_success()
    {
        edit(&mut json);
        reply.body = json.to_string().into();
    }
}

/// Edits every order in the answer: all of a list page, or the single one.
fn orders(reply: &mut Reply, mut edit: impl FnMut(&mut Value)) {
    body(reply, |json| {
        for key in ["data", "orders", "order"] {
            match json.get_mut(key) {
                Some(Value::Array(rows)) => rows.iter_mut().for_each(&mut edit),
                Some(order @ Value::Object(_)) => edit(order),
                _ => {}
            }
        }
    });
}

fn lines(order: &mut Value, edit: impl FnMut(&mut Value)) {
    if let Some(Value::Array(lines)) = order.get_mut("lines") {
        lines.iter_mut().for_each(edit);
    }
}

/// Gives a field another name.
fn rename(object: &mut Value, from: &str, to: &str) {
    if let Value::Object(fields) = object
        && let Some(value) = fields.remove(from)
    {
        fields.insert(to.to_owned(), value);
    }
}

fn remove(object: &mut Value, key: &str) {
    if let Value::Object(fields) = object {
        fields.remove(key);
    }
}

/// Edits a field unless it is missing or null.
fn edit(object: &mut Value, key: &str, change: impl Fn(&Value) -> Value) {
    if let Some(value) = object.get_mut(key).filter(|value| !value.is_null()) {
        *value = change(value);
    }
}

fn moment(at: &Value) -> Timestamp {
    let text = at.as_str().unwrap_or_default();
    text.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

fn scaled(amount: &Value, by: Decimal, decimals: u32) -> Value {
    let amount = number::from_json(amount).unwrap_or_default() * by;
    number::to_json(amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero))
}

//! Checks every field of an order that the connector reads, by its name and the kind of its value.

use super::{OrdersRead, UNKNOWN_ORDER};
use crate::Examination;
use crate::finding::Verdict;
use crate::notes::Notes;
use crate::reader::{Caller, Reader};
use crate::robaws::TariffPercentages;
use crate::shape::{self, Field, ID, JsonKind, TEXT};
use serde_json::Value;
use std::collections::BTreeSet;

/// The assumptions that can be checked only with an order.
pub(super) const OF_ORDERS: [&str; 28] = [
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
    "pf-description",
];

/// An amount: a number, or a text that is one.
const AMOUNT: &[JsonKind] = &[JsonKind::Whole, JsonKind::Fraction, JsonKind::Digits, JsonKind::DecimalText];
/// A whole number, or a text that is one. That it is at least 1 is checked in [`lines`].
const QUANTITY: &[JsonKind] = &[JsonKind::Whole, JsonKind::Digits];
const FLAG_LIKE: &[JsonKind] = &[JsonKind::Flag, JsonKind::Whole, JsonKind::Text, JsonKind::Digits];
const NAME_OR_OBJECT: &[JsonKind] = &[JsonKind::Text, JsonKind::Object];

fn status_word(order: &Value) -> Option<String> {
    Some(order.get("status")?.as_str()?.trim().to_lowercase())
}

fn has_status_in(order: &Value, list: &[String]) -> bool {
    status_word(order).is_some_and(|word| list.iter().any(|known| known.eq_ignore_ascii_case(&word)))
}

pub(super) fn is_open(order: &Value, checks: &Examination) -> bool {
    has_status_in(order, &checks.settings.status_words.with_defaults().open)
}

pub(super) fn is_shipped(order: &Value, checks: &Examination) -> bool {
    has_status_in(order, &checks.settings.status_words.with_defaults().shipped)
}

fn is_cancelled(order: &Value, checks: &Examination) -> bool {
    has_status_in(order, &checks.settings.status_words.with_defaults().cancelled)
}

/// Reads one order of the list, the known order, and an order that can't exist.
pub(super) async fn read_orders(
    reader: &Reader,
    checks: &Examination,
    notes: &mut Notes,
    seen: &mut OrdersRead,
) {
    // An order with several pieces on a line decides whether `price` is a line total or the price of a piece.
    let pieces = |order: &&Value| {
        let lines = order["lines"].as_array();
        lines.is_some_and(|lines| lines.iter().any(|line| line["quantity"] != 1))
    };
    let listed = seen.listed.iter().find(pieces).or(seen.listed.first()).cloned();
    if let Some(row) = listed {
        let key = ["identifier", "id"].iter().find_map(|key| Some((*key, shape::read_text(row.get(key))?)));
        if let Some((key, identifier)) = key {
            let order = read_order(reader, notes, &identifier).await;
            if let (Some(order), true) = (order, key == "identifier") {
                compare_fields(notes, &row, &order);
                if shape::read_text(order.get("identifier")).as_deref() == Some(&identifier) {
                    notes.note_confirmed("pf-identifier", "an order is found by it");
                }
                seen.detailed.push(order);
            }
        }
    }
    if let Some(known) = &checks.known_order {
        let is_here = seen
            .detailed
            .iter()
            .find(|order| shape::read_text(order.get("identifier")).as_deref() == Some(&known.identifier));
        if let Some(order) = is_here {
            seen.known_order = Some(order.clone());
        } else if let Some(order) = read_order(reader, notes, &known.identifier).await {
            seen.known_order = Some(order.clone());
            seen.detailed.push(order);
        }
    }
    match reader.get(&["order", UNKNOWN_ORDER], &[], Caller::Connection).await {
        Err(reason) => notes.note_open("pf-not-found", reason),
        Ok(answer) if answer.status == 404 => notes.note_confirmed("pf-not-found", answer.in_words()),
        Ok(answer) => notes.note_refuted("pf-not-found", answer.in_words()),
    }
}

/// Reads one order. What stands in the way is noted.
async fn read_order(reader: &Reader, notes: &mut Notes, identifier: &str) -> Option<Value> {
    let answer = match reader.get(&["order", identifier], &[], Caller::Connection).await {
        Ok(answer) => answer,
        Err(reason) => {
            notes.note_open("pf-order-envelope", reason);
            return None;
        }
    };
    if answer.status == 404 {
        notes.note_refuted("pf-identifier", "`GET order/{identifier}` answers 404");
        return None;
    }
    let words = answer.in_words();
    let Some(body) = answer.json.filter(|_| (200..300).contains(&answer.status)) else {
        notes.note_open("pf-order-envelope", words);
        return None;
    };
    if let Some(order) = body.get("data").filter(|data| data.is_object()) {
        notes.note_confirmed("pf-order-envelope", "an object under `data`");
        return Some(order.clone());
    }
    let keys = shape::field_names(&[&body]);
    let shown = shape::quote_names(keys.iter().map(String::as_str));
    notes.note_refuted("pf-order-envelope", format!("no object under `data`; the keys are {shown}"));
    body.get("identifier").is_some().then_some(body)
}

fn compare_fields(notes: &mut Notes, row: &Value, order: &Value) {
    let (of_list, whole) = (shape::field_names(&[row]), shape::field_names(&[order]));
    let missing: Vec<&str> = whole.difference(&of_list).map(String::as_str).collect();
    if missing.is_empty() {
        notes.note_confirmed("pf-list-rows", format!("{} fields in both", whole.len()));
    } else {
        let missing = shape::quote_names(missing);
        notes.note_refuted("pf-list-rows", format!("the list does not show {missing}"));
    }
}

fn judge_fields(notes: &mut Notes, id: &'static str, rows: &[&Value], fields: &[Field]) {
    for field in fields {
        let (verdict, found) = field.judge_rows(rows);
        notes.note_verdict(id, verdict, found);
    }
}

/// Checks all fields by name and kind.
pub(super) fn check_fields(
    notes: &mut Notes,
    checks: &Examination,
    tariffs: &TariffPercentages,
    orders: &[&Value],
) {
    judge_fields(
        notes,
        "pf-identifier",
        orders,
        &[Field::always_filled("identifier", ID, &["id", "number"])],
    );
    check_statuses(notes, checks, orders);
    for (id, field) in [
        (
            "pf-external-identifier",
            Field::sometimes_filled("external_identifier", ID, &["external", "reference"]),
        ),
        ("pf-marketplace", Field::sometimes_filled("marketplace", NAME_OR_OBJECT, &["market", "channel"])),
    ] {
        judge_fields(notes, id, orders, &[field]);
    }
    // A marketplace may be a text or an object with a name; the objects are checked on their own.
    let places: Vec<&Value> = orders
        .iter()
        .filter_map(|order| order.get("marketplace"))
        .filter(|place| place.is_object())
        .collect();
    if !places.is_empty() {
        judge_fields(
            notes,
            "pf-marketplace",
            &places,
            &[Field::sometimes_filled("name", TEXT, &["name", "title"])],
        );
    }
    check_currency(notes, orders);
    let costs = [
        ("shipping_cost", &["shipping_cost", "shipping_price", "shipping_fee", "delivery_"][..]),
        ("transaction_price", &["transaction", "payment_cost", "payment_fee"]),
        ("additional_price", &["additional", "surcharge"]),
        ("discount_price", &["discount"]),
    ];
    for (key, like) in costs {
        let (verdict, found) = Field::sometimes_filled(key, AMOUNT, like).judge_rows(orders);
        notes.note_verdict("pf-costs", verdict, found);
    }
    check_customers(notes, orders);
    check_lines(notes, checks, tariffs, orders);
}

fn check_statuses(notes: &mut Notes, checks: &Examination, orders: &[&Value]) {
    let (verdict, found) =
        Field::always_filled("status", &[JsonKind::Text], &["status", "state"]).judge_rows(orders);
    notes.note_verdict("pf-status", verdict, found);
    let words: BTreeSet<&str> = orders.iter().filter_map(|order| order["status"].as_str()).collect();
    if words.is_empty() {
        notes.note_open("pf-status-words", "no order shows a status");
        return;
    }
    let known = checks.settings.status_words.with_defaults();
    let is_known = |word: &&str| {
        let lists = [&known.open, &known.shipped, &known.cancelled];
        let mut all = lists.into_iter().flatten();
        all.any(|known| known.eq_ignore_ascii_case(word.trim()))
    };
    let unknown: BTreeSet<&str> = words.iter().copied().filter(|word| !is_known(word)).collect();
    let shown = crate::robaws::show_words(&words);
    if unknown.is_empty() {
        notes.note_confirmed("pf-status-words", format!("words seen: {shown}"));
    } else {
        let unknown = crate::robaws::show_words(&unknown);
        notes.note_refuted("pf-status-words", format!("not known: {unknown}; words seen: {shown}"));
    }
}

fn check_currency(notes: &mut Notes, orders: &[&Value]) {
    let (verdict, found) =
        Field::sometimes_filled("currency_code", &[JsonKind::Text], &["currency"]).judge_rows(orders);
    let codes = orders.iter().filter_map(|order| order["currency_code"].as_str());
    let odd = codes.filter(|code| code.len() != 3 || !code.bytes().all(|b| b.is_ascii_alphabetic()));
    if verdict == Verdict::Confirmed && odd.count() > 0 {
        notes.note_refuted("pf-currency", format!("{found}, and not of three letters"));
    } else {
        notes.note_verdict("pf-currency", verdict, found);
    }
}

fn check_customers(notes: &mut Notes, orders: &[&Value]) {
    const ID: &str = "pf-customer";
    let mut customers: Vec<&Value> = Vec::new();
    for (key, like) in [
        ("billing_customer", &["billing", "invoice_"][..]),
        ("shipping_customer", &["shipping_a", "shipping_cu", "delivery"]),
    ] {
        let (verdict, found) = Field::sometimes_filled(key, &[JsonKind::Object], like).judge_rows(orders);
        notes.note_verdict(ID, verdict, found);
        customers.extend(orders.iter().filter_map(|order| order.get(key)).filter(|c| c.is_object()));
    }
    if customers.is_empty() {
        return;
    }
    let fields = [
        Field::sometimes_filled("country_code", TEXT, &["country"]),
        Field::sometimes_filled("company_name", TEXT, &["company", "business"]),
        Field::sometimes_filled("vat_number", TEXT, &["vat", "tax"]),
    ];
    judge_fields(notes, ID, &customers, &fields);
}

fn check_lines(notes: &mut Notes, checks: &Examination, tariffs: &TariffPercentages, orders: &[&Value]) {
    let of_lines = [
        "pf-line-id",
        "pf-line-sku",
        "pf-line-title",
        "pf-line-quantity",
        "pf-line-price-field",
        "pf-vat-code",
        "pf-fbm",
    ];
    // A cancelled order may have lost its lines, so it proves nothing about `lines`.
    let living: Vec<&Value> = orders.iter().copied().filter(|order| !is_cancelled(order, checks)).collect();
    let (verdict, found) =
        Field::always_filled("lines", &[JsonKind::List], &["line", "item", "product"]).judge_rows(&living);
    let empty = living.iter().filter(|order| order["lines"].as_array().is_some_and(Vec::is_empty));
    if empty.clone().count() > 0 {
        let found = format!("{} orders that are not cancelled have no line", empty.count());
        notes.note_refuted("pf-lines", found);
    } else {
        notes.note_verdict("pf-lines", verdict, found);
    }
    let lines: Vec<&Value> = orders
        .iter()
        .filter_map(|order| order["lines"].as_array())
        .flatten()
        .filter(|line| line.is_object())
        .collect();
    if lines.is_empty() {
        notes.note_all_open(&of_lines, "there is no order line to look at");
        return;
    }
    for (id, field) in [
        ("pf-line-id", Field::sometimes_filled("id", ID, &["id"])),
        ("pf-line-sku", Field::sometimes_filled("sku", ID, &["sku", "article", "product_"])),
        ("pf-line-title", Field::sometimes_filled("title", TEXT, &["title", "name", "descri"])),
        ("pf-line-quantity", Field::always_filled("quantity", QUANTITY, &["quantity", "qty", "amount"])),
        ("pf-line-price-field", Field::always_filled("price", AMOUNT, &["price", "amount", "total"])),
        ("pf-fbm", Field::sometimes_filled("fbm", FLAG_LIKE, &["fbm", "fulfil"])),
    ] {
        judge_fields(notes, id, &lines, &[field]);
    }
    check_repeated_ids(notes, orders);
    let below = |line: &&&Value| {
        let quantity = line.get("quantity").and_then(shape::read_decimal);
        quantity.is_some_and(|quantity| quantity < rust_decimal::Decimal::ONE)
    };
    let below = lines.iter().filter(below).count();
    if below > 0 {
        notes.note_refuted("pf-line-quantity", format!("{below} lines of less than 1"));
    }
    check_vat_codes(notes, tariffs, &lines);
}

fn check_repeated_ids(notes: &mut Notes, orders: &[&Value]) {
    let repeats = |order: &&&Value| {
        let lines = order["lines"].as_array().into_iter().flatten();
        let ids: Vec<String> = lines.filter_map(|line| shape::read_text(line.get("id"))).collect();
        ids.iter().collect::<BTreeSet<_>>().len() < ids.len()
    };
    let repeating = orders.iter().filter(repeats).count();
    if repeating > 0 {
        notes.note_refuted("pf-line-id", format!("not unique within {repeating} orders"));
    }
}

fn check_vat_codes(notes: &mut Notes, tariffs: &TariffPercentages, lines: &[&Value]) {
    let field = Field::sometimes_filled(
        "vat_code",
        &[JsonKind::Text, JsonKind::Digits, JsonKind::Whole, JsonKind::Empty],
        &["vat", "tax", "btw"],
    );
    let (verdict, found) = field.judge_rows(lines);
    let codes: Vec<String> = lines.iter().filter_map(|line| shape::read_text(line.get("vat_code"))).collect();
    let known = codes.iter().filter(|code| tariffs.contains_key(code.trim())).count();
    let found = if codes.is_empty() || tariffs.is_empty() {
        found
    } else {
        format!("{found}; {known} of {} are ids of Robaws tariffs", codes.len())
    };
    notes.note_verdict("pf-vat-code", verdict, found);
}

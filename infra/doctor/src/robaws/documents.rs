//! Checks of stock changes and sales invoices: their fields, their lines, and the filters of their lists.

use super::{ListAccess, as_refs, check_filter, judge_fields};
use crate::finding::Verdict;
use crate::notes::Notes;
use crate::reader::Reader;
use crate::shape::{self, FLAG, Field, ID, JsonKind, NUMBER, TEXT};
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeSet;

/// A moment in the far future, after which nothing can have changed.
const FAR_FUTURE: &str = "2100-01-01T00:00:00Z";
const DATE: &[JsonKind] = &[JsonKind::Text];

pub(super) async fn examine_documents(reader: &Reader, notes: &mut Notes, lists: &mut ListAccess) {
    check_stock_changes(reader, notes, lists).await;
    check_invoices(reader, notes, lists).await;
}

/// The newest rows of a list; rows in any order where the sort is refused.
async fn read_newest(
    reader: &Reader,
    notes: &mut Notes,
    lists: &mut ListAccess,
    module: &str,
) -> Result<(Vec<Value>, Option<u64>), String> {
    let sorted = lists.read_counted_list(reader, notes, module, &[("sort", "id:desc")]).await;
    match sorted {
        Err(reason) if reason.contains(" answers 400") => {
            notes.note_refuted("rw-sort", reason);
            lists.read_counted_list(reader, notes, module, &[]).await
        }
        answer => answer,
    }
}

/// Checks `updatedFrom` with a moment in the far future: the list must then be empty.
async fn check_updated_from(
    reader: &Reader,
    notes: &mut Notes,
    lists: &mut ListAccess,
    module: &str,
    total: Option<u64>,
) {
    const ID: &str = "rw-updated-from";
    if total == Some(0) {
        notes.note_open(ID, format!("`{module}` is empty"));
        return;
    }
    let query = [("updatedFrom", FAR_FUTURE), ("size", "1")];
    match lists.read_list(reader, notes, module, &query).await {
        Ok(rows) if rows.is_empty() => {
            notes.note_confirmed(ID, format!("`{module}`: nothing after the year 2100"));
        }
        Ok(_) => notes.note_refuted(ID, format!("`{module}` ignores it")),
        Err(reason) if reason.contains(" answers 400") => notes.note_refuted(ID, reason),
        Err(reason) => notes.note_open(ID, reason),
    }
}

async fn check_stock_changes(reader: &Reader, notes: &mut Notes, lists: &mut ListAccess) {
    let ids = ["rw-stock-changes", "rw-stock-change-lines", "rw-stock-change-description"];
    let (rows, total) = match read_newest(reader, notes, lists, "stock-changes").await {
        Ok(found) => found,
        Err(reason) if reason.contains(" answers 404") => {
            notes.note_refuted("rw-stock-changes", reason);
            return;
        }
        Err(reason) => {
            notes.note_all_open(&ids, &reason);
            return;
        }
    };
    if rows.is_empty() {
        notes.note_all_open(&ids, "there is no stock change yet");
        return;
    }
    let all = as_refs(&rows);
    let fields = [
        Field::always_filled("id", ID, &["id"]),
        Field::always_filled("booked", FLAG, &["book", "status"]),
        Field::sometimes_filled("description", TEXT, &["description", "remark", "title", "text"]),
    ];
    judge_fields(notes, "rw-stock-changes", &all, &fields);
    check_locations(notes, &all);
    if all.iter().any(|row| is_ours(row)) {
        notes.note_confirmed("rw-stock-change-description", "marks of the connector came back");
    } else {
        notes.note_open("rw-stock-change-description", "none of the connector's is among them");
    }
    check_updated_from(reader, notes, lists, "stock-changes", total).await;
    // Lists show no lines, so the newest stock change is read alone.
    let Some(id) = shape::read_text(rows[0].get("id")) else {
        return;
    };
    let lines = match reader.read_json(&["stock-changes", &id], &[("include", "lineItems")]).await {
        Ok(change) => change,
        Err(reason) => {
            notes.note_open("rw-stock-change-lines", reason);
            return;
        }
    };
    check_stock_lines(notes, &lines);
}

fn check_locations(notes: &mut Notes, rows: &[&Value]) {
    let filled = |row: &&Value| {
        let keys = ["fromStockLocationId", "toStockLocationId"];
        keys.iter().any(|key| shape::read_text(row.get(key)).is_some())
    };
    if rows.iter().any(filled) {
        notes.note_confirmed("rw-stock-changes", "locations are filled in");
    } else {
        let others = shape::similar_fields(rows, "", &["location"]);
        let others = shape::quote_names(others.iter().map(String::as_str));
        notes.note_refuted("rw-stock-changes", format!("no location is filled in; resembling it: {others}"));
    }
}

/// Whether a stock change carries a mark of the connector.
fn is_ours(row: &Value) -> bool {
    serde_json::from_value::<::robaws::StockChange>(row.clone()).is_ok_and(|change| change.has_mark_of_ours())
}

fn check_stock_lines(notes: &mut Notes, change: &Value) {
    const OF_LINES: &str = "rw-stock-change-lines";
    let Some(lines) = change.get("lineItems").and_then(Value::as_array) else {
        let keys = shape::similar_fields(&[change], "lineItems", &["line", "item"]);
        let keys = shape::quote_names(keys.iter().map(String::as_str));
        notes.note_refuted(OF_LINES, format!("no list `lineItems`; resembling it: {keys}"));
        return;
    };
    let lines = as_refs(lines);
    let fields = [
        Field::always_filled("articleId", ID, &["article"]),
        Field::always_filled("quantity", NUMBER, &["quantity", "amount"]),
    ];
    judge_fields(notes, OF_LINES, &lines, &fields);
    let below = |line: &&Value| {
        let quantity = line.get("quantity").and_then(shape::read_decimal);
        quantity.is_some_and(|quantity| quantity < Decimal::ZERO)
    };
    if lines.iter().any(below) {
        notes.note_refuted(OF_LINES, "`quantity` may be negative");
    }
}

async fn check_invoices(reader: &Reader, notes: &mut Notes, lists: &mut ListAccess) {
    let ids = [
        "rw-invoices",
        "rw-invoice-type",
        "rw-invoice-header",
        "rw-invoice-number",
        "rw-invoice-totals",
        "rw-invoice-lines",
        "rw-negative-quantity",
        "rw-reference-filter",
    ];
    let (rows, total) = match read_newest(reader, notes, lists, "sales-invoices").await {
        Ok(found) => found,
        Err(reason) => {
            notes.note_all_open(&ids, &reason);
            return;
        }
    };
    if rows.is_empty() {
        notes.note_all_open(&ids, "there is no sales invoice yet");
        return;
    }
    let all = as_refs(&rows);
    check_header(notes, &all);
    check_booked_fields(notes, &all);
    check_types(reader, notes, lists, &all).await;
    check_reference(reader, notes, lists, &all, total).await;
    check_invoice_lines(reader, notes, &all).await;
}

fn check_header(notes: &mut Notes, rows: &[&Value]) {
    let fields = [
        Field::always_filled("id", ID, &["id"]),
        Field::always_filled("clientId", ID, &["client", "customer"]),
        Field::always_filled("booked", FLAG, &["book", "status"]),
    ];
    judge_fields(notes, "rw-invoices", rows, &fields);
    let fields = [
        Field::always_filled("date", DATE, &["date"]),
        Field::sometimes_filled("companyId", ID, &["company"]),
        Field::sometimes_filled("paymentConditionId", ID, &["payment"]),
    ];
    judge_fields(notes, "rw-invoice-header", rows, &fields);
}

fn check_booked_fields(notes: &mut Notes, rows: &[&Value]) {
    let is_booked = |row: &&&Value| row["booked"] == Value::Bool(true);
    let booked: Vec<&Value> = rows.iter().filter(is_booked).copied().collect();
    let drafts: Vec<&Value> = rows.iter().filter(|row| !is_booked(row)).copied().collect();
    for (id, key, allowed, like) in [
        ("rw-invoice-number", "logicId", TEXT, &["number", "logic", "reference"][..]),
        ("rw-invoice-totals", "totalInclVat", NUMBER, &["total", "amount"]),
    ] {
        if booked.is_empty() {
            notes.note_open(id, "no invoice is booked");
        } else {
            let (verdict, found) = Field::always_filled(key, allowed, like).judge_rows(&booked);
            let of_drafts = if drafts.is_empty() {
                "there is no draft".to_owned()
            } else {
                shape::tally_kinds(&drafts, key)
            };
            notes.note_verdict(id, verdict, format!("booked: {found}; drafts: {of_drafts}"));
        }
    }
}

async fn check_types(reader: &Reader, notes: &mut Notes, lists: &mut ListAccess, rows: &[&Value]) {
    const OF_TYPE: &str = "rw-invoice-type";
    let query = [("type", "CREDIT_NOTE"), ("size", "5")];
    let credit_notes = lists.read_list(reader, notes, "sales-invoices", &query).await;
    let credit_notes = credit_notes.unwrap_or_default();
    let all: Vec<&Value> = rows.iter().copied().chain(&credit_notes).collect();
    let (verdict, found) = Field::always_filled("type", TEXT, &["type", "kind"]).judge_rows(&all);
    let words: BTreeSet<&str> = all.iter().filter_map(|row| row["type"].as_str()).collect();
    let shown = super::show_words(&words);
    if verdict != Verdict::Confirmed {
        notes.note_verdict(OF_TYPE, verdict, found);
    } else if words.iter().all(|word| ["INVOICE", "CREDIT_NOTE"].contains(word)) {
        notes.note_confirmed(OF_TYPE, format!("words seen: {shown}"));
    } else {
        notes.note_refuted(OF_TYPE, format!("words seen: {shown}"));
    }
}

async fn check_reference(
    reader: &Reader,
    notes: &mut Notes,
    lists: &mut ListAccess,
    rows: &[&Value],
    total: Option<u64>,
) {
    const OF_REFERENCE: &str = "rw-reference-filter";
    let (verdict, found) = Field::sometimes_filled("clientReference", TEXT, &["reference"]).judge_rows(rows);
    let with = rows.iter().find_map(|row| Some((row, shape::read_text(row.get("clientReference"))?)));
    let Some((invoice, text)) = with else {
        let verdict = verdict.min(Verdict::Refuted);
        notes.note_verdict(OF_REFERENCE, verdict, found);
        // No invoice has a reference to search for, so the filter is not tried.
        return;
    };
    let query = [("clientReference", text.as_str()), ("size", "100")];
    let answer = lists.read_counted_list(reader, notes, "sales-invoices", &query).await;
    check_filter(notes, OF_REFERENCE, &invoice["id"], total, answer, false);
}

async fn check_invoice_lines(reader: &Reader, notes: &mut Notes, rows: &[&Value]) {
    const OF_LINES: &str = "rw-invoice-lines";
    let Some(id) = rows.iter().find_map(|row| shape::read_text(row.get("id"))) else {
        return;
    };
    let path = ["sales-invoices", id.as_str()];
    let invoice = match reader.read_json(&path, &[("include", "lineItems")]).await {
        Ok(invoice) => invoice,
        Err(reason) => {
            notes.note_all_open(&[OF_LINES, "rw-negative-quantity"], &reason);
            return;
        }
    };
    let Some(lines) = invoice.get("lineItems").and_then(Value::as_array) else {
        let keys = shape::similar_fields(&[&invoice], "lineItems", &["line", "item"]);
        let keys = shape::quote_names(keys.iter().map(String::as_str));
        notes.note_refuted(OF_LINES, format!("no list `lineItems`; resembling it: {keys}"));
        return;
    };
    let is_line = |line: &&Value| line["type"] != "TEXT";
    let lines: Vec<&Value> = lines.iter().filter(is_line).collect();
    let fields = [
        Field::always_filled("type", TEXT, &["type", "kind"]),
        Field::always_filled("quantity", NUMBER, &["quantity", "amount"]),
        Field::always_filled("price", NUMBER, &["price"]),
        Field::sometimes_filled("vatTariffId", ID, &["vat", "tariff"]),
        Field::sometimes_filled("articleId", ID, &["article"]),
    ];
    judge_fields(notes, OF_LINES, &lines, &fields);
    let below = |line: &&&Value| {
        let quantity = line.get("quantity").and_then(shape::read_decimal);
        quantity.is_some_and(|quantity| quantity < Decimal::ZERO)
    };
    let negative = lines.iter().filter(below).count();
    if negative > 0 {
        notes.note_confirmed("rw-negative-quantity", format!("{negative} such lines"));
    } else {
        notes.note_open("rw-negative-quantity", "the invoice that was read has no such line");
    }
}

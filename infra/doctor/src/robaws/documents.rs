//! Checks of stock changes and sales invoices: their fields, their lines, and the filters of their lists.

use super::{Lists, filter, judge, refs};
use crate::finding::Verdict;
use crate::notes::Notes;
use crate::reader::Reader;
use crate::shape::{self, FLAG, Field, ID, Kind, NUMBER, TEXT};
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeSet;

/// A moment in the far future, after which nothing can have changed.
const FAR: &str = "2100-01-01T00:00:00Z";
const DATE: &[Kind] = &[Kind::Text];

pub(super) async fn examine(reader: &Reader, notes: &mut Notes, lists: &mut Lists) {
    stock_changes(reader, notes, lists).await;
    invoices(reader, notes, lists).await;
}

/// The newest rows of a list; rows in any order where the sort is refused.
async fn newest(
    reader: &Reader,
    notes: &mut Notes,
    lists: &mut Lists,
    module: &str,
) -> Result<(Vec<Value>, Option<u64>), String> {
    let sorted = lists.counted(reader, notes, module, &[("sort", "id:desc")]).await;
    match sorted {
        Err(reason) if reason.contains(" answers 400") => {
            notes.refute("rw-sort", reason);
            lists.counted(reader, notes, module, &[]).await
        }
        answer => answer,
    }
}

/// Checks `updatedFrom` with a moment in the far future: the list must then be empty.
async fn updated_from(
    reader: &Reader,
    notes: &mut Notes,
    lists: &mut Lists,
    module: &str,
    total: Option<u64>,
) {
    const ID: &str = "rw-updated-from";
    if total == Some(0) {
        notes.leave_open(ID, format!("`{module}` is empty"));
        return;
    }
    let query = [("updatedFrom", FAR), ("size", "1")];
    match lists.list(reader, notes, module, &query).await {
        Ok(rows) if rows.is_empty() => notes.confirm(ID, format!("`{module}`: nothing after the year 2100")),
        Ok(_) => notes.refute(ID, format!("`{module}` ignores it")),
        Err(reason) if reason.contains(" answers 400") => notes.refute(ID, reason),
        Err(reason) => notes.leave_open(ID, reason),
    }
}

async fn stock_changes(reader: &Reader, notes: &mut Notes, lists: &mut Lists) {
    let ids = [
        "rw-stock-changes",
        "rw-stock-change-lines",
        "rw-stock-change-description",
    ];
    let (rows, total) = match newest(reader, notes, lists, "stock-changes").await {
        Ok(found) => found,
        Err(reason) if reason.contains(" answers 404") => {
            notes.refute("rw-stock-changes", reason);
            return;
        }
        Err(reason) => {
            notes.leave_all_open(&ids, &reason);
            return;
        }
    };
    if rows.is_empty() {
        notes.leave_all_open(&ids, "there is no stock change yet");
        return;
    }
    let all = refs(&rows);
    let fields = [
        Field::always("id", ID, &["id"]),
        Field::always("booked", FLAG, &["book", "status"]),
        Field::maybe("description", TEXT, &["description", "remark", "title", "text"]),
    ];
    judge(notes, "rw-stock-changes", &all, &fields);
    places(notes, &all);
    if all.iter().any(|row| is_ours(row)) {
        notes.confirm("rw-stock-change-description", "marks of the connector came back");
    } else {
        notes.leave_open(
            "rw-stock-change-description",
            "none of the connector's is among them",
        );
    }
    updated_from(reader, notes, lists, "stock-changes", total).await;
    // Lists show no lines, so the newest stock change is read alone.
    let Some(id) = shape::text(rows[0].get("id")) else {
        return;
    };
    let lines = match reader
        .read(&["stock-changes", &id], &[("include", "lineItems")])
        .await
    {
        Ok(change) => change,
        Err(reason) => {
            notes.leave_open("rw-stock-change-lines", reason);
            return;
        }
    };
    stock_lines(notes, &lines);
}

fn places(notes: &mut Notes, rows: &[&Value]) {
    let filled = |row: &&Value| {
        let keys = ["fromStockLocationId", "toStockLocationId"];
        keys.iter().any(|key| shape::text(row.get(key)).is_some())
    };
    if rows.iter().any(filled) {
        notes.confirm("rw-stock-changes", "locations are filled in");
    } else {
        let others = shape::alternatives(rows, "", &["location"]);
        let others = shape::names(others.iter().map(String::as_str));
        notes.refute(
            "rw-stock-changes",
            format!("no location is filled in; resembling it: {others}"),
        );
    }
}

/// Whether a stock change carries a mark of the connector.
fn is_ours(row: &Value) -> bool {
    serde_json::from_value::<::robaws::StockChange>(row.clone()).is_ok_and(|change| change.is_ours())
}

fn stock_lines(notes: &mut Notes, change: &Value) {
    const OF_LINES: &str = "rw-stock-change-lines";
    let Some(lines) = change.get("lineItems").and_then(Value::as_array) else {
        let keys = shape::alternatives(&[change], "lineItems", &["line", "item"]);
        let keys = shape::names(keys.iter().map(String::as_str));
        notes.refute(OF_LINES, format!("no list `lineItems`; resembling it: {keys}"));
        return;
    };
    let lines = refs(lines);
    let fields = [
        Field::always("articleId", ID, &["article"]),
        Field::always("quantity", NUMBER, &["quantity", "amount"]),
    ];
    judge(notes, OF_LINES, &lines, &fields);
    let below = |line: &&Value| {
        let quantity = line.get("quantity").and_then(shape::decimal);
        quantity.is_some_and(|quantity| quantity < Decimal::ZERO)
    };
    if lines.iter().any(below) {
        notes.refute(OF_LINES, "`quantity` may be negative");
    }
}

async fn invoices(reader: &Reader, notes: &mut Notes, lists: &mut Lists) {
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
    let (rows, total) = match newest(reader, notes, lists, "sales-invoices").await {
        Ok(found) => found,
        Err(reason) => {
            notes.leave_all_open(&ids, &reason);
            return;
        }
    };
    if rows.is_empty() {
        notes.leave_all_open(&ids, "there is no sales invoice yet");
        return;
    }
    let all = refs(&rows);
    header(notes, &all);
    numbers(notes, &all);
    kinds(reader, notes, lists, &all).await;
    reference(reader, notes, lists, &all, total).await;
    lines(reader, notes, &all).await;
}

fn header(notes: &mut Notes, rows: &[&Value]) {
    let fields = [
        Field::always("id", ID, &["id"]),
        Field::always("clientId", ID, &["client", "customer"]),
        Field::always("booked", FLAG, &["book", "status"]),
    ];
    judge(notes, "rw-invoices", rows, &fields);
    let fields = [
        Field::always("date", DATE, &["date"]),
        Field::maybe("companyId", ID, &["company"]),
        Field::maybe("paymentConditionId", ID, &["payment"]),
    ];
    judge(notes, "rw-invoice-header", rows, &fields);
}

fn numbers(notes: &mut Notes, rows: &[&Value]) {
    let is_booked = |row: &&&Value| row["booked"] == Value::Bool(true);
    let booked: Vec<&Value> = rows.iter().filter(is_booked).copied().collect();
    let drafts: Vec<&Value> = rows.iter().filter(|row| !is_booked(row)).copied().collect();
    for (id, key, allowed, like) in [
        (
            "rw-invoice-number",
            "logicId",
            TEXT,
            &["number", "logic", "reference"][..],
        ),
        ("rw-invoice-totals", "totalInclVat", NUMBER, &["total", "amount"]),
    ] {
        if booked.is_empty() {
            notes.leave_open(id, "no invoice is booked");
        } else {
            let (verdict, found) = Field::always(key, allowed, like).judge(&booked);
            let of_drafts = if drafts.is_empty() {
                "there is no draft".to_owned()
            } else {
                shape::tally(&drafts, key)
            };
            notes.note(id, verdict, format!("booked: {found}; drafts: {of_drafts}"));
        }
    }
}

async fn kinds(reader: &Reader, notes: &mut Notes, lists: &mut Lists, rows: &[&Value]) {
    const OF_TYPE: &str = "rw-invoice-type";
    let query = [("type", "CREDIT_NOTE"), ("size", "5")];
    let credit_notes = lists.list(reader, notes, "sales-invoices", &query).await;
    let credit_notes = credit_notes.unwrap_or_default();
    let all: Vec<&Value> = rows.iter().copied().chain(&credit_notes).collect();
    let (verdict, found) = Field::always("type", TEXT, &["type", "kind"]).judge(&all);
    let words: BTreeSet<&str> = all.iter().filter_map(|row| row["type"].as_str()).collect();
    let shown = super::words_shown(&words);
    if verdict != Verdict::Confirmed {
        notes.note(OF_TYPE, verdict, found);
    } else if words.iter().all(|word| ["INVOICE", "CREDIT_NOTE"].contains(word)) {
        notes.confirm(OF_TYPE, format!("words seen: {shown}"));
    } else {
        notes.refute(OF_TYPE, format!("words seen: {shown}"));
    }
}

async fn reference(
    reader: &Reader,
    notes: &mut Notes,
    lists: &mut Lists,
    rows: &[&Value],
    total: Option<u64>,
) {
    const OF_REFERENCE: &str = "rw-reference-filter";
    let (verdict, found) = Field::maybe("clientReference", TEXT, &["reference"]).judge(rows);
    let with = rows
        .iter()
        .find_map(|row| Some((row, shape::text(row.get("clientReference"))?)));
    let Some((invoice, text)) = with else {
        let verdict = verdict.min(Verdict::Refuted);
        notes.note(OF_REFERENCE, verdict, found);
        // No invoice has a reference to search for, so the filter is not tried.
        return;
    };
    let query = [("clientReference", text.as_str()), ("size", "100")];
    let answer = lists.counted(reader, notes, "sales-invoices", &query).await;
    filter(notes, OF_REFERENCE, &invoice["id"], total, answer, false);
}

async fn lines(reader: &Reader, notes: &mut Notes, rows: &[&Value]) {
    const OF_LINES: &str = "rw-invoice-lines";
    let Some(id) = rows.iter().find_map(|row| shape::text(row.get("id"))) else {
        return;
    };
    let path = ["sales-invoices", id.as_str()];
    let invoice = match reader.read(&path, &[("include", "lineItems")]).await {
        Ok(invoice) => invoice,
        Err(reason) => {
            notes.leave_all_open(&[OF_LINES, "rw-negative-quantity"], &reason);
            return;
        }
    };
    let Some(lines) = invoice.get("lineItems").and_then(Value::as_array) else {
        let keys = shape::alternatives(&[&invoice], "lineItems", &["line", "item"]);
        let keys = shape::names(keys.iter().map(String::as_str));
        notes.refute(OF_LINES, format!("no list `lineItems`; resembling it: {keys}"));
        return;
    };
    let is_line = |line: &&Value| line["type"] != "TEXT";
    let lines: Vec<&Value> = lines.iter().filter(is_line).collect();
    let fields = [
        Field::always("type", TEXT, &["type", "kind"]),
        Field::always("quantity", NUMBER, &["quantity", "amount"]),
        Field::always("price", NUMBER, &["price"]),
        Field::maybe("vatTariffId", ID, &["vat", "tariff"]),
        Field::maybe("articleId", ID, &["article"]),
    ];
    judge(notes, OF_LINES, &lines, &fields);
    let below = |line: &&&Value| {
        let quantity = line.get("quantity").and_then(shape::decimal);
        quantity.is_some_and(|quantity| quantity < Decimal::ZERO)
    };
    let negative = lines.iter().filter(below).count();
    if negative > 0 {
        notes.confirm("rw-negative-quantity", format!("{negative} such lines"));
    } else {
        notes.leave_open(
            "rw-negative-quantity",
            "the invoice that was read has no such line",
        );
    }
}

//! Checks of the list of orders: its envelope, its list pages, its sort and its status filter.

use super::OrdersRead;
use crate::notes::Notes;
use crate::reader::{Caller, Reader};
use crate::shape;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

const OF_LISTS: [&str; 5] = ["pf-envelope", "pf-paging", "pf-sort", "pf-status-filter", "pf-all-statuses"];

/// One list page of orders. An error says in words why there is none.
async fn read_list_page(reader: &Reader, query: &[(&str, &str)]) -> Result<Value, String> {
    reader.read_json(&["order"], query).await
}

/// The rows of a list page: a bare array, or the array under `data`.
fn list_rows(body: &Value) -> Option<&Vec<Value>> {
    body.as_array().or_else(|| body.get("data").and_then(Value::as_array))
}

pub(super) async fn examine_order_list(reader: &Reader, notes: &mut Notes, seen: &mut OrdersRead) {
    let body = match read_list_page(reader, &[("page", "1"), ("per_page", "50")]).await {
        Ok(body) => body,
        Err(reason) => {
            notes.note_all_open(&OF_LISTS, &reason);
            return;
        }
    };
    let Some(listed) = list_rows(&body) else {
        let keys = shape::field_names(&[&body]);
        let keys = shape::quote_names(keys.iter().map(String::as_str));
        notes.note_refuted("pf-envelope", format!("no list under `data`, but {keys}"));
        return;
    };
    seen.listed.clone_from(listed);
    check_envelope(notes, &body);
    check_paging(reader, notes, listed).await;
    check_sort(reader, notes).await;
    check_statuses(reader, notes, listed).await;
}

fn check_envelope(notes: &mut Notes, body: &Value) {
    const ID: &str = "pf-envelope";
    if body.is_array() {
        notes.note_confirmed(ID, "a bare list");
        return;
    }
    let meta = body.get("meta").unwrap_or(body);
    let next = body.get("links").and_then(|links| links.get("next")).or_else(|| body.get("next_page_url"));
    let last = meta.get("last_page");
    let keys = shape::field_names(&[body]);
    let shown = shape::quote_names(keys.iter().map(String::as_str));
    match (last.and_then(Value::as_u64), next) {
        (Some(_), _) => notes.note_confirmed(ID, format!("{shown}, with `last_page`")),
        (None, Some(next)) if next.is_null() || next.is_string() => {
            notes.note_confirmed(ID, format!("{shown}, with a link to the next page"));
        }
        _ => notes.note_refuted(ID, format!("`data` is there, but nothing tells the last page: {shown}")),
    }
}

fn collect_identifiers<'a>(rows: impl IntoIterator<Item = &'a Value>) -> Vec<Option<String>> {
    let identifier = |row: &Value| shape::read_text(row.get("identifier"));
    rows.into_iter().map(identifier).collect()
}

async fn check_paging(reader: &Reader, notes: &mut Notes, listed: &[Value]) {
    const ID: &str = "pf-paging";
    if listed.len() < 2 {
        notes.note_open(ID, "there are fewer than two orders");
        return;
    }
    match read_list_page(reader, &[("page", "2"), ("per_page", "1")]).await {
        Err(reason) => notes.note_open(ID, reason),
        Ok(body) => match list_rows(&body) {
            None => notes.note_open(ID, "the second page is no list"),
            Some(rows) if rows.len() != 1 => {
                notes.note_refuted(ID, format!("{} rows where one was asked for", rows.len()));
            }
            // The rows are compared by their whole content, because the identifier's name is an assumption of its own.
            Some(rows) if rows[0] == listed[0] => notes.note_refuted(ID, "page 2 is page 1 again"),
            Some(rows) if collect_identifiers(rows) == collect_identifiers(&listed[1..2]) => {
                notes.note_confirmed(ID, "page 2 of one row is the second row");
            }
            Some(_) => notes.note_confirmed(ID, "page 2 is another one"),
        },
    }
}

async fn check_sort(reader: &Reader, notes: &mut Notes) {
    const ID: &str = "pf-sort";
    let query = [("page", "1"), ("per_page", "50"), ("sort[0]", "-updated_at")];
    let answer = match reader.get(&["order"], &query, Caller::Connection).await {
        Ok(answer) => answer,
        Err(reason) => {
            notes.note_open(ID, reason);
            return;
        }
    };
    if matches!(answer.status, 400 | 422) {
        notes.note_refuted(ID, format!("it is refused: {}", answer.in_words()));
        return;
    }
    let Some(rows) = answer.json.as_ref().and_then(list_rows) else {
        notes.note_open(ID, answer.in_words());
        return;
    };
    let times: Vec<Timestamp> =
        rows.iter().filter_map(|row| super::times::parse_moment(row.get("updated_at")?.as_str()?)).collect();
    let different: BTreeSet<&Timestamp> = times.iter().collect();
    if times.len() < rows.len() || different.len() < 2 {
        notes.note_open(ID, "fewer than two different times in `updated_at`");
    } else if times.windows(2).all(|pair| pair[0] >= pair[1]) {
        notes.note_confirmed(ID, format!("{} orders, latest first", times.len()));
    } else {
        notes.note_refuted(ID, format!("{} orders, not by `updated_at`", times.len()));
    }
}

async fn check_statuses(reader: &Reader, notes: &mut Notes, listed: &[Value]) {
    let words: BTreeSet<&str> = listed.iter().filter_map(|row| row["status"].as_str()).collect();
    let is_open = |word: &&&str| matches!(word.to_lowercase().as_str(), "open" | "accepted");
    let other = words.iter().find(|word| !is_open(word)).copied();
    if other.is_some() {
        let found = format!("{} words on the first page", words.len());
        notes.note_confirmed("pf-all-statuses", found);
    }
    let Some(wanted) = other.or_else(|| words.first().copied()) else {
        notes.note_all_open(&["pf-status-filter", "pf-all-statuses"], "no order shows a status");
        return;
    };
    let asked = if other.is_some() { wanted } else { "shipped" };
    let query = [("page", "1"), ("per_page", "50"), ("status[]", asked)];
    let body = match read_list_page(reader, &query).await {
        Ok(body) => body,
        Err(reason) => {
            notes.note_all_open(&["pf-status-filter", "pf-all-statuses"], &reason);
            return;
        }
    };
    let found = list_rows(&body).cloned().unwrap_or_default();
    let fits = found.iter().all(|row| row["status"] == asked);
    if other.is_none() {
        if found.is_empty() || !fits {
            notes.note_open("pf-all-statuses", "there are only open orders");
        } else {
            let found = format!("{} shipped orders, none of them in the plain list", found.len());
            notes.note_refuted("pf-all-statuses", found);
        }
    }
    if !fits {
        notes.note_refuted("pf-status-filter", "it is ignored");
    } else if found.is_empty() && other.is_some() {
        notes.note_refuted("pf-status-filter", "nothing comes of a status that is there");
    } else if words.len() < 2 && other.is_some() {
        notes.note_open("pf-status-filter", "all orders have the same status");
    } else {
        notes.note_confirmed("pf-status-filter", format!("{} orders, all of it", found.len()));
    }
}

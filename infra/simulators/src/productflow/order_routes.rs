//! Answers `GET order` (a list page) and `GET order/{identifier}`.

use std::cmp::Reverse;

use http::{Method, StatusCode};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::form::{Errors, message_reply};
use super::settings::{Envelope, Settings, Sort};
use super::state::CompanyState;
use crate::traffic::{Reply, Request};

/// `GET order/{identifier}`; the identifier is the whole decoded rest of the path.
pub(crate) fn render_order(company: &mut CompanyState, identifier: &str) -> Reply {
    match company.find_order(identifier).and_then(|order| order.current_version()) {
        Some(order) => Reply::json(StatusCode::OK, &json!({"data": order})),
        None => message_reply(StatusCode::NOT_FOUND, "No query results for model [Order]."),
    }
}

pub(crate) fn render_list_page(
    company: &mut CompanyState,
    request: &Request,
    now: Timestamp,
) -> Result<Reply, Box<Reply>> {
    let settings = company.settings.clone();
    let page = parse_count(request, "page", 1)?;
    let per_page = parse_count(request, "per_page", 15)?.min(settings.max_per_page.max(1));
    let sort = parse_sort(request, &settings)?;
    let wanted = wanted_statuses(request);
    if settings.page_drift && page > 1 {
        touch_oldest(company, now);
    }
    let time = company.list_time(now);
    let mut rows: Vec<&Value> = company.orders.iter().filter_map(|order| order.version_at(time)).collect();
    if !wanted.is_empty() && !settings.ignore_status_filter {
        rows.retain(|row| wanted.iter().any(|status| row["status"] == *status));
    }
    if settings.sort == Sort::Ignored {
        rows.sort_by_key(|row| unordered_key(row));
    } else if let Some((column, descending)) = sort {
        if descending {
            rows.sort_by_cached_key(|row| Reverse(sort_key(row, &column)));
        } else {
            rows.sort_by_cached_key(|row| sort_key(row, &column));
        }
    }
    let total = rows.len();
    let start = (page - 1).saturating_mul(per_page);
    let rows: Vec<Value> = rows.into_iter().skip(start).take(per_page).cloned().collect();
    Ok(Reply::json(StatusCode::OK, &wrap_list_page(&settings, request, page, per_page, total, rows)))
}

fn parse_count(request: &Request, name: &str, default: usize) -> Result<usize, Box<Reply>> {
    let Some(text) = request.param(name) else {
        return Ok(default);
    };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Errors::for_field(name, "Must be a number above 0.").into_reply())
}

/// The column of `sort[0]=-updated_at`, and whether the sort is descending.
fn parse_sort(request: &Request, settings: &Settings) -> Result<Option<(String, bool)>, Box<Reply>> {
    let mut keys = request.query.iter().filter(|(name, _)| name == "sort" || name.starts_with("sort["));
    let Some((name, value)) = keys.next() else {
        return Ok(None);
    };
    let (column, descending) = value.strip_prefix('-').map_or((value.as_str(), false), |rest| (rest, true));
    let known = ["updated_at", "placed_at", "identifier"].contains(&column) && name != "sort";
    if settings.sort == Sort::Refused || (settings.sort == Sort::Honoured && !known) {
        return Err(Errors::for_field("sort", "The sort is invalid.").into_reply());
    }
    Ok(Some((column.to_owned(), descending)))
}

/// The values of `status[]=open` and `status[0]=open`.
fn wanted_statuses(request: &Request) -> Vec<&str> {
    let named = request.query.iter().filter(|(name, _)| name.starts_with("status["));
    named.map(|(_, value)| value.as_str()).collect()
}

/// The key by which a row is sorted: a time where the column holds one, else the text.
fn sort_key(row: &Value, column: &str) -> (Option<Timestamp>, String) {
    let text = row[column].as_str().unwrap_or_default();
    (text.parse().ok(), text.to_owned())
}

/// A hash of the identifier: an arbitrary order that is the same at every call.
fn unordered_key(row: &Value) -> u64 {
    let identifier = row["identifier"].as_str().unwrap_or_default();
    identifier
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Moves the order that was updated longest ago to the front, without any other change to it.
fn touch_oldest(company: &mut CompanyState, now: Timestamp) {
    let updated = |row: &Value| row["updated_at"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let times = company.orders.iter().filter_map(|order| order.current_version()).filter_map(updated);
    // Later than all others, also when the clock stands still.
    let newest = times.max().unwrap_or(now).max(now);
    let newest = newest.checked_add(1.millisecond()).unwrap_or(newest);
    let living = company.orders.iter_mut().filter(|order| order.removed_at.is_none());
    let oldest = living.min_by_key(|order| order.current_version().and_then(updated));
    if let Some(order) = oldest
        && let Some(mut value) = order.current_version().cloned()
    {
        value["updated_at"] = json!(newest);
        order.add_version(now, value);
    }
}

fn wrap_list_page(
    settings: &Settings,
    request: &Request,
    page: usize,
    per_page: usize,
    total: usize,
    rows: Vec<Value>,
) -> Value {
    let last = total.div_ceil(per_page).max(1);
    let host = request.header("host").unwrap_or("localhost");
    let path = format!("http://{host}{}{}", super::BASE, request.path);
    // Without the other parameters, as Laravel makes them.
    let link = |number: usize| format!("{path}?page={number}");
    let next = (page < last).then(|| link(page + 1));
    let prev = (page > 1).then(|| link(page - 1));
    let from = (!rows.is_empty()).then(|| (page - 1) * per_page + 1);
    let to = from.map(|from| from + rows.len() - 1);
    match settings.envelope {
        Envelope::Resource => json!({
            "data": rows,
            "links": {"first": link(1), "last": link(last), "prev": prev, "next": next},
            "meta": {
                "current_page": page, "from": from, "last_page": last, "path": path,
                "per_page": per_page, "to": to, "total": total,
            },
        }),
        Envelope::TopLevel => json!({
            "data": rows, "current_page": page, "from": from, "last_page": last, "path": path,
            "per_page": per_page, "to": to, "total": total, "next_page_url": next, "prev_page_url": prev,
        }),
        Envelope::BareArray => Value::Array(rows),
    }
}

pub(crate) enum Target<'a> {
    List,
    One(&'a str),
}

/// The target of a path below `/order`. The whole decoded rest of the path is the identifier, whatever it contains.
pub(crate) fn find_target(path: &str) -> Option<Target<'_>> {
    match path.strip_prefix("/order")? {
        "" | "/" => Some(Target::List),
        rest => rest.strip_prefix('/').map(Target::One),
    }
}

/// Refuses every method but GET with 405.
pub(crate) fn refuse_writes(method: &Method) -> Result<(), Box<Reply>> {
    if method == Method::GET {
        return Ok(());
    }
    Err(Box::new(message_reply(
        StatusCode::METHOD_NOT_ALLOWED,
        "The method is not supported for this route.",
    )))
}

//! Answers one list page of any resource.

use http::StatusCode;
use serde_json::{Value, json};

use super::access::Refusal;
use super::fields::{Answer, Scene};
use crate::number;
use crate::traffic::{Reply, Request, ViolationKind};

fn parse_count(request: &Request, name: &str, default: usize) -> Result<usize, Refusal> {
    let Some(text) = request.param(name) else {
        return Ok(default);
    };
    text.parse().map_err(|_| {
        Refusal::bad_request(format!("{name}: {text} is no number")).with_violation(ViolationKind::Page)
    })
}

/// Answers one page of the rows: sorted if asked for, `page` from 0, `size` 10 unless given and at most 100.
pub(crate) fn answer_list_page(scene: &Scene<'_>, request: &Request, mut rows: Vec<Value>) -> Answer {
    let page = parse_count(request, "page", 0)?;
    let size = parse_count(request, "size", 10)?;
    if size == 0 || size > 100 {
        return Err(Refusal::bad_request(format!("size: {size} is not within 1 to 100"))
            .with_violation(ViolationKind::Page));
    }
    if let Some(sort) = request.param("sort") {
        sort_rows(&mut rows, sort)?;
    }
    // A row that came in at the front since the first page was read pushes every later one down by one.
    let drift = usize::from(scene.settings.page_drift && page > 0);
    let total = rows.len() + drift;
    let start = page.saturating_mul(size).saturating_sub(drift);
    let items: Vec<Value> = rows.into_iter().skip(start).take(size).collect();
    let body = json!({
        "totalItems": total,
        "totalPages": total.div_ceil(size),
        "currentPage": page,
        "size": items.len(),
        "items": items,
    });
    Ok(Reply::json(StatusCode::OK, &body))
}

fn sort_rows(rows: &mut [Value], sort: &str) -> Result<(), Refusal> {
    let (field, direction) = sort.split_once(':').unwrap_or((sort, "asc"));
    let known = ["id", "date", "createdAt", "updatedAt", "articleNumber", "name"].contains(&field);
    if !known || !["asc", "desc"].contains(&direction) {
        return Err(Refusal::bad_request(format!("sort: {sort} is not supported")));
    }
    // Ids sort by their number, which their length decides first.
    let key = |row: &Value| {
        let text = row[field].as_str().unwrap_or_default().to_owned();
        (if field == "id" { text.len() } else { 0 }, text)
    };
    rows.sort_by_key(key);
    if direction == "desc" {
        rows.reverse();
    }
    Ok(())
}

/// A decimal as a JSON number.
pub(crate) fn decimal_json(value: rust_decimal::Decimal) -> Value {
    number::to_json(value)
}

//! Answers calls of `/stock-changes`, the documents that move pieces between stock locations.

use http::{Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::access::Refusal;
use super::fields::{self, Answer, Scene};
use super::lists::answer_list_page;
use super::model::{StockChange, StockLine};
use crate::traffic::{Reply, Request};

const FIELDS: [&str; 6] =
    ["date", "description", "fromStockLocationId", "toStockLocationId", "booked", "lineItems"];

pub(crate) fn answer_stock_change_call(scene: &mut Scene<'_>, request: &Request, rest: &[&str]) -> Answer {
    match (&request.method, rest) {
        (&Method::GET, []) => {
            let include = scene.asked_relations(request, &["lineItems"]);
            scene.note_unknown_params(request, &["updatedFrom"]);
            let since = scene.updated_from(request)?;
            let rows = scene.data.stock_changes.iter();
            let rows = rows.filter(|change| since.is_none_or(|since| change.updated_at >= since));
            let rows = rows.map(|change| render_stock_change(change, &include)).collect();
            answer_list_page(scene, request, rows)
        }
        (&Method::GET, [id]) => {
            let include = scene.asked_relations(request, &["lineItems"]);
            let change = scene.data.stock_changes.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Reply::json(StatusCode::OK, &render_stock_change(change, &include)))
        }
        (&Method::POST, []) => create_stock_change(scene, request),
        _ => Err(super::no_such_method(rest.len() < 2)),
    }
}

fn render_stock_change(change: &StockChange, include: &[&str]) -> Value {
    let mut row = json!(change);
    if let Value::Object(fields) = &mut row
        && !include.contains(&"lineItems")
    {
        fields.remove("lineItems");
    }
    row
}

fn create_stock_change(scene: &mut Scene<'_>, request: &Request) -> Answer {
    let body = fields::parse_object(request)?;
    scene.note_unknown_fields(&body, &FIELDS);
    let locations = &scene.data.locations;
    let date = fields::required_date(&body, "date")?;
    let description = fields::optional_text(&body, "description")?;
    let from = fields::known_id(&body, "fromStockLocationId", |id| locations.contains(id))?;
    let to = fields::known_id(&body, "toStockLocationId", |id| locations.contains(id))?;
    if from.is_none() && to.is_none() {
        return Err(Refusal::bad_request("fromStockLocationId or toStockLocationId: must be given"));
    }
    if from == to {
        return Err(Refusal::bad_request("toStockLocationId: must be another one than fromStockLocationId"));
    }
    let booked = fields::optional_flag(&body, "booked")?.unwrap_or(false);
    let lines = read_lines(scene, &body)?;
    // Everything is checked: from here on it moves, or, unbooked, stands as a draft.
    let id = scene.data.fresh_id();
    if booked {
        for line in &lines {
            if let Some(location) = &from {
                scene.data.move_stock(&line.article_id, location, -line.quantity);
            }
            if let Some(location) = &to {
                scene.data.move_stock(&line.article_id, location, line.quantity);
            }
            scene.events.push(("article.stock-changed", line.article_id.clone()));
        }
    }
    let change = StockChange {
        id: id.clone(),
        date,
        description,
        from_stock_location_id: from,
        to_stock_location_id: to,
        booked,
        created_at: scene.now,
        updated_at: scene.now,
        line_items: lines,
    };
    let row = render_stock_change(&change, &[]);
    scene.data.stock_changes.insert(&id, change);
    Ok(Reply::json(StatusCode::CREATED, &row))
}

fn read_lines(scene: &mut Scene<'_>, body: &Map<String, Value>) -> Result<Vec<StockLine>, Refusal> {
    let Some(Value::Array(items)) = body.get("lineItems") else {
        return Err(Refusal::bad_request("lineItems: must be a list"));
    };
    if items.is_empty() {
        return Err(Refusal::bad_request("lineItems: must not be empty"));
    }
    items.iter().map(|item| read_line(scene, item)).collect()
}

fn read_line(scene: &mut Scene<'_>, item: &Value) -> Result<StockLine, Refusal> {
    let Value::Object(item) = item else {
        return Err(Refusal::bad_request("lineItems: must be objects"));
    };
    scene.note_unknown_fields(item, &["articleId", "quantity"]);
    let article_id = fields::optional_id(item, "articleId")?
        .ok_or_else(|| Refusal::bad_request("articleId: must be given"))?;
    let article = scene.data.articles.get(&article_id);
    let article =
        article.ok_or_else(|| Refusal::bad_request(format!("articleId: {article_id} does not exist")))?;
    if article.is_gone() {
        return Err(Refusal::bad_request(format!("articleId: {article_id} is archived or deleted")));
    }
    if !article.stock_article {
        return Err(Refusal::bad_request(format!("articleId: {article_id} can have no stock changes")));
    }
    let quantity = fields::optional_decimal(item, "quantity")?.filter(|quantity| *quantity > Decimal::ZERO);
    let quantity = quantity.ok_or_else(|| Refusal::bad_request("quantity: must be above 0"))?;
    Ok(StockLine { article_id, quantity })
}

//! Answers calls of `/articles`: the list, one article, and the merge patch that edits it.

use http::{Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::access::Refusal;
use super::fields::{self, Answer, Scene};
use super::lists::{answer_list_page, decimal_json};
use super::model::Article;
use super::state::Data;
use crate::number;
use crate::traffic::{Reply, Request};

const INCLUDES: [&str; 2] = ["extraFields", "availableStock"];
const WRITABLE: [&str; 9] = [
    "articleNumber",
    "name",
    "saleName",
    "description",
    "costPrice",
    "salePrice",
    "vatTariffId",
    "stockArticle",
    "extraFields",
];

pub(crate) fn answer_article_call(scene: &mut Scene<'_>, request: &Request, rest: &[&str]) -> Answer {
    match (&request.method, rest) {
        (&Method::GET, []) => list_articles(scene, request),
        (&Method::GET, [id]) => {
            let include = scene.asked_relations(request, &INCLUDES);
            let article = scene.data.articles.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Reply::json(StatusCode::OK, &render_article(scene.data, article, &include)))
        }
        (&Method::PATCH, [id]) => patch_article(scene, request, id),
        _ => Err(super::no_such_method(rest.len() < 2)),
    }
}

/// The article as the API shows it, with the relations in `include`.
pub(crate) fn render_article(data: &Data, article: &Article, include: &[&str]) -> Value {
    let mut row = json!({
        "id": article.id,
        "articleNumber": article.article_number,
        "name": article.name,
        "saleName": article.sale_name,
        "description": article.description,
        "costPrice": decimal_json(article.cost_price),
        "salePrice": decimal_json(article.sale_price),
        "vatTariffId": article.vat_tariff_id,
        "stockArticle": article.stock_article,
        "createdAt": article.created_at,
        "updatedAt": article.updated_at,
        "archivedAt": article.archived_at,
        "deletedAt": article.deleted_at,
    });
    if include.contains(&"extraFields") {
        row["extraFields"] = Value::Object(article.extra_fields.clone());
    }
    if include.contains(&"availableStock") {
        row["availableStock"] = available_stock(data, article);
    }
    row
}

fn available_stock(data: &Data, article: &Article) -> Value {
    let computed = || decimal_json(data.total_stock(&article.id) - article.reserved_stock);
    article.available_stock_override.clone().unwrap_or_else(computed)
}

fn list_articles(scene: &mut Scene<'_>, request: &Request) -> Answer {
    let include = scene.asked_relations(request, &INCLUDES);
    let extra = extra_field_filters(scene, request)?;
    let extra_names: Vec<String> = extra.iter().map(|(name, _)| format!("extraFields[{name}]")).collect();
    let mut known = vec!["articleNumber", "name", "stockArticle", "updatedFrom"];
    known.extend(extra_names.iter().map(String::as_str));
    scene.note_unknown_params(request, &known);

    let number = scene.filter_value(request, "articleNumber").map(str::to_lowercase);
    let name = scene.filter_value(request, "name").map(str::to_lowercase);
    let stock = scene.filter_value(request, "stockArticle");
    let since = scene.updated_from(request)?;
    let contains = |field: &Option<String>, wanted: &Option<String>| {
        wanted
            .as_ref()
            .is_none_or(|wanted| field.as_ref().is_some_and(|text| text.to_lowercase().contains(wanted)))
    };
    let rows = scene.data.articles.iter().filter(|article| {
        contains(&article.article_number, &number)
            && contains(&article.name, &name)
            && stock.is_none_or(|wanted| article.stock_article.to_string() == wanted)
            && since.is_none_or(|since| article.updated_at >= since)
            && extra.iter().all(|(name, wanted)| has_value(article, name, wanted))
    });
    let rows = rows.map(|article| render_article(scene.data, article, &include)).collect();
    answer_list_page(scene, request, rows)
}

/// `extraFields[Name]=value`, of fields that are defined.
fn extra_field_filters(scene: &Scene<'_>, request: &Request) -> Result<Vec<(String, String)>, Refusal> {
    let mut filters = Vec::new();
    for (name, value) in &request.query {
        let field = name.strip_prefix("extraFields[").and_then(|rest| rest.strip_suffix(']'));
        let Some(field) = field else { continue };
        if !scene.settings.defines_field(field) {
            return Err(Refusal::bad_request(format!("extra field {field} does not exist")));
        }
        if !scene.settings.ignored_filters.contains(name) {
            filters.push((field.to_owned(), value.clone()));
        }
    }
    Ok(filters)
}

fn has_value(article: &Article, name: &str, wanted: &str) -> bool {
    let Some(Value::Object(field)) = article.extra_fields.get(name) else {
        return false;
    };
    field.iter().filter(|(key, _)| key.ends_with("Value")).any(|(_, value)| match value {
        Value::String(text) => text == wanted,
        Value::Bool(flag) => wanted.parse() == Ok(*flag),
        other => number::from_json(other).is_some_and(|number| wanted.parse() == Ok(number)),
    })
}

fn patch_article(scene: &mut Scene<'_>, request: &Request, id: &str) -> Answer {
    let body = fields::parse_object(request)?;
    let mut article = scene.data.articles.get(id).ok_or_else(Refusal::not_found)?.clone();
    if article.deleted_at.is_some() {
        return Err(Refusal::not_found());
    }
    scene.note_unknown_fields(&body, &WRITABLE);
    for (name, field) in [
        ("articleNumber", &mut article.article_number),
        ("name", &mut article.name),
        ("saleName", &mut article.sale_name),
        ("description", &mut article.description),
    ] {
        if body.contains_key(name) {
            *field = fields::optional_text(&body, name)?;
        }
    }
    for (name, field) in [("costPrice", &mut article.cost_price), ("salePrice", &mut article.sale_price)] {
        if body.contains_key(name) {
            *field = fields::optional_decimal(&body, name)?.unwrap_or(Decimal::ZERO);
        }
    }
    if body.contains_key("vatTariffId") {
        let tariffs = &scene.data.tariffs;
        article.vat_tariff_id = fields::known_id(&body, "vatTariffId", |id| tariffs.contains(id))?;
    }
    if let Some(stock) = fields::optional_flag(&body, "stockArticle")? {
        article.stock_article = stock;
    }
    match body.get("extraFields") {
        None | Some(Value::Null) => {}
        Some(Value::Object(extra)) => patch_extra_fields(scene, &mut article, extra)?,
        Some(_) => return Err(Refusal::bad_request("extraFields: must be an object")),
    }
    article.updated_at = scene.now;
    scene.data.articles.insert(id, article);
    scene.events.push(("article.updated", id.to_owned()));
    Ok(Reply::without_body(StatusCode::NO_CONTENT))
}

fn patch_extra_fields(
    scene: &Scene<'_>,
    article: &mut Article,
    extra: &Map<String, Value>,
) -> Result<(), Refusal> {
    for (name, value) in extra {
        if !scene.settings.defines_field(name) {
            return Err(Refusal::bad_request(format!("extra field {name} does not exist")));
        }
        match value {
            Value::Null => {
                article.extra_fields.remove(name);
            }
            Value::Object(field) if name == "ProductFlow" => match field.get("booleanValue") {
                Some(Value::Bool(ticked)) => article.set_tick(*ticked),
                Some(Value::Null) => {
                    article.extra_fields.remove(name);
                }
                _ => {
                    return Err(Refusal::bad_request(
                        "extraFields.ProductFlow.booleanValue: must be true or false",
                    ));
                }
            },
            Value::Object(_) => {
                crate::traffic::merge_patch(
                    article.extra_fields.entry(name.clone()).or_insert(Value::Null),
                    value,
                );
            }
            _ => return Err(Refusal::bad_request(format!("extraFields.{name}: must be an object"))),
        }
    }
    Ok(())
}

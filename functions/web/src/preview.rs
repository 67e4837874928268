//! API `plan`: what ProductFlow's newest orders would do to Robaws, without doing it. The modules below find out; this file
//! answers the request and renders the JSON.

pub mod clients;
pub mod newest;
pub mod older;
pub mod ticked;

use crate::api_error::ApiError;
use crate::body;
use crate::config::Deps;
use crate::handler::Reply;
use crate::request::Request;
use clients::asked;
use connection::{Catalogues, Lookups};
use domain::Language;
use domain::catalogue::Catalogue;
use domain::ids::VatTariffId;
use domain::ledger::Direction;
use domain::plan::{Effect, Plan, effect_name};
use domain::settings::Settings;
use domain::text;
use jiff::Timestamp;
use newest::{Planned, newest};
use serde_json::{Value, json};
use std::time::Duration;
use store::model::{ConnectionItem, ConnectionState, OrderRecord};
use tokio::time::Instant;

/// Time for planning orders. The whole answer must come within the 30 s of API Gateway.
const TIME: Duration = Duration::from_secs(20);

/// `GET …/plan?limit=&go_live=`: plans the newest orders as they are now.
pub async fn preview(deps: &Deps, request: &Request, item: &ConnectionItem) -> Result<Reply, ApiError> {
    let until = Instant::now() + TIME;
    let limit = request.limit(20, 50)?;
    let connection = &item.connection;
    let settings = settings(item, asked_start(request)?);
    let asked = asked(deps, item).await?;
    let (Some(robaws), Some(productflow)) = (asked.robaws, asked.productflow) else {
        let details = asked
            .missing
            .iter()
            .map(|fault| fault.detail(connection.language));
        return Err(ApiError::refused("activation_failed").with_details(details.collect()));
    };
    let lookups = lookups(deps, item, robaws).await;
    let newest = newest(
        deps,
        &connection.id,
        &settings,
        &productflow,
        Some(&lookups),
        limit,
        until,
    )
    .await?;
    if newest.trouble.is_some() {
        return Err(ApiError::peer_unavailable("Robaws"));
    }
    let items: Vec<Value> = newest
        .orders
        .iter()
        .filter_map(|order| {
            Some(view(
                order,
                order.plan.as_ref()?,
                &newest.catalogue,
                connection.language,
            ))
        })
        .collect();
    Ok(Reply::ok(
        json!({ "items": items, "truncated": newest.truncated }),
    ))
}

/// Look-ups in Robaws whose answers are remembered for this preview alone.
pub async fn lookups(deps: &Deps, item: &ConnectionItem, robaws: robaws::Client) -> Lookups {
    Catalogues::new(deps.clock.clone(), deps.store.clone())
        .of(&item.connection.id, item.catalogue_stamps(), robaws)
        .await
}

/// Reads `?go_live=`, for which the preview is made.
pub fn asked_start(request: &Request) -> Result<Option<Timestamp>, ApiError> {
    request
        .parameter("go_live")
        .map(|text| {
            let parsed = text.parse::<Timestamp>();
            parsed.map_err(|_| ApiError::bad_request("go_live", body::MOMENT))
        })
        .transpose()
}

/// The settings to plan with. On an inactive connection every order counts as placed after go-live (`contracts/api.md`).
pub fn settings(item: &ConnectionItem, start: Option<Timestamp>) -> Settings {
    let connection = &item.connection;
    let go_live = match connection.state {
        ConnectionState::Inactive => Timestamp::MIN,
        ConnectionState::Active | ConnectionState::Suspended => {
            start.or(connection.go_live).unwrap_or(Timestamp::MIN)
        }
    };
    connection.rules(go_live)
}

fn view(order: &Planned, planned: &Plan, catalogue: &Catalogue, language: Language) -> Value {
    let read = order.read.as_ref().ok();
    let explanation: Vec<String> = planned
        .explanation
        .iter()
        .map(|sentence| text::explanation(&sentence.code, &sentence.args, language))
        .collect();
    json!({
        "identifier": order.identifier,
        "reference": order.reference(),
        "status": read.map(|order| order.status.word().to_owned()),
        "state": planned.state.as_str(),
        "country": read.and_then(|order| order.country.clone()),
        "placed_at": read.map(|order| order.placed_at),
        "total_cents": read.and_then(|order| order.total.or_else(|| order.computed_total())).map(|cents| cents.0),
        "effects": planned.effects.iter().map(|effect| effect_view(effect, order.record.as_ref(), catalogue)).collect::<Vec<_>>(),
        "problems": problems(planned, language),
        "explanation": explanation.join(" "),
    })
}

fn problems(planned: &Plan, language: Language) -> Vec<Value> {
    let shown = |problem: &domain::Problem| {
        let rendered = text::render(problem, language);
        json!({
            "code": problem.code.as_str(), "title": rendered.title, "message": rendered.message, "fix": rendered.fix,
            "skus": problem.skus,
        })
    };
    planned.problems.iter().map(shown).collect()
}

fn effect_view(effect: &Effect, record: Option<&OrderRecord>, catalogue: &Catalogue) -> Value {
    match effect {
        Effect::StockChange {
            direction,
            stock_location_id,
            items,
        } => {
            let lines: Vec<Value> = items
                .iter()
                .map(|item| json!({ "sku": item.sku, "article_id": item.article_id, "quantity": item.quantity }))
                .collect();
            let direction = match direction {
                Direction::Out => "out",
                Direction::In => "in",
            };
            json!({
                "kind": "stock_change", "direction": direction, "stock_location_id": stock_location_id, "lines": lines,
            })
        }
        Effect::Invoice(invoice) => {
            let percentage = |id: &VatTariffId| {
                let tariff = catalogue.tariffs.as_ref().and_then(|tariffs| tariffs.get(id));
                tariff.map(|tariff| tariff.percentage.normalize().to_string())
            };
            let lines: Vec<Value> = invoice
                .lines
                .iter()
                .map(|line| {
                    json!({
                        "article_id": line.article_id, "description": line.description, "quantity": line.quantity,
                        "price_cents": line.price.0, "vat_tariff_id": line.vat_tariff_id,
                        "vat_percentage": percentage(&line.vat_tariff_id),
                    })
                })
                .collect();
            json!({
                "kind": "invoice", "client_id": invoice.client_id, "booked": invoice.book, "total_cents": invoice.total.0,
                "lines": lines,
            })
        }
        Effect::FinishInvoice(no) => {
            let row = record.and_then(|record| record.ledger.row(*no));
            let kind = row.map_or("invoice", |row| effect_name(&row.effect));
            json!({ "kind": kind, "state": "intended" })
        }
        Effect::CreditNote(credit_note) => json!({
            "kind": "credit_note", "booked": credit_note.book, "total_cents": credit_note.total.0,
        }),
        Effect::DeleteDraft(_) => json!({ "kind": "invoice", "state": "deleted" }),
    }
}

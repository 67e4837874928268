//! API `plan`: what ProductFlow's newest orders would do to Robaws, without doing it. The modules below find out; this file
//! answers the request and renders the JSON.

pub(crate) mod newest_orders;
pub(crate) mod older_orders;
pub(crate) mod preview_clients;
pub(crate) mod ticked_articles;

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::Reply;
use crate::json_body;
use crate::request::Request;
use connection::{Catalogues, Lookups};
use domain::Language;
use domain::catalogue::Catalogue;
use domain::ids::VatTariffId;
use domain::ledger::Direction;
use domain::plan::{Plan, PlannedEffect, effect_name};
use domain::settings::Settings;
use domain::text;
use jiff::Timestamp;
use newest_orders::{PlannedOrder, plan_newest_orders};
use preview_clients::load_preview_clients;
use serde_json::{Value, json};
use std::time::Duration;
use store::model::{ConnectionItem, ConnectionState, OrderRecord};
use tokio::time::Instant;

/// Time for planning orders. The whole answer must come within the 30 s of API Gateway.
const PLANNING_TIME: Duration = Duration::from_secs(20);

/// `GET …/plan?limit=&go_live=`: plans the newest orders as they are now.
pub(crate) async fn preview_newest_orders(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
) -> Result<Reply, ApiError> {
    let until = Instant::now() + PLANNING_TIME;
    let limit = request.parse_limit(20, 50)?;
    let connection = &item.connection;
    let settings = preview_settings(item, parse_go_live(request)?);
    let asked = load_preview_clients(deps, item).await?;
    let (Some(robaws), Some(productflow)) = (asked.robaws, asked.productflow) else {
        let details = asked.missing.iter().map(|fault| fault.to_json_detail(connection.language));
        return Err(ApiError::unprocessable_entity("activation_failed").with_details(details.collect()));
    };
    let lookups = create_lookups(deps, item, robaws).await;
    let newest =
        plan_newest_orders(deps, &connection.id, &settings, &productflow, Some(&lookups), limit, until)
            .await?;
    if newest.trouble.is_some() {
        return Err(ApiError::peer_unavailable("Robaws"));
    }
    let items: Vec<Value> = newest
        .orders
        .iter()
        .filter_map(|order| {
            Some(render_planned_order_json(
                order,
                order.plan.as_ref()?,
                &newest.catalogue,
                connection.language,
            ))
        })
        .collect();
    Ok(Reply::ok(json!({ "items": items, "truncated": newest.truncated })))
}

/// Look-ups in Robaws whose answers are remembered for this preview alone.
pub(crate) async fn create_lookups(deps: &Deps, item: &ConnectionItem, robaws: robaws::Client) -> Lookups {
    Catalogues::new(deps.clock.clone(), deps.store.clone())
        .lookups_for(&item.connection.id, item.catalogue_stamps(), robaws)
        .await
}

/// Reads `?go_live=`, for which the preview is made.
pub(crate) fn parse_go_live(request: &Request) -> Result<Option<Timestamp>, ApiError> {
    request
        .query_parameter("go_live")
        .map(|text| {
            let parsed = text.parse::<Timestamp>();
            parsed.map_err(|_| ApiError::bad_request("go_live", json_body::MOMENT_EXPECTED))
        })
        .transpose()
}

/// The settings to plan with. On an inactive connection every order counts as placed after go-live (`contracts/api.md`).
pub(crate) fn preview_settings(item: &ConnectionItem, start: Option<Timestamp>) -> Settings {
    let connection = &item.connection;
    let go_live = match connection.state {
        ConnectionState::Inactive => Timestamp::MIN,
        ConnectionState::Active | ConnectionState::Suspended => {
            start.or(connection.go_live).unwrap_or(Timestamp::MIN)
        }
    };
    connection.to_rule_settings(go_live)
}

fn render_planned_order_json(
    order: &PlannedOrder,
    planned: &Plan,
    catalogue: &Catalogue,
    language: Language,
) -> Value {
    let read = order.read.as_ref().ok();
    let explanation: Vec<String> = planned
        .explanation
        .iter()
        .map(|sentence| text::render_explanation(&sentence.code, &sentence.args, language))
        .collect();
    json!({
        "identifier": order.identifier,
        "reference": order.reference(),
        "status": read.map(|order| order.status.as_str().to_owned()),
        "state": planned.state.as_str(),
        "country": read.and_then(|order| order.country.clone()),
        "placed_at": read.map(|order| order.placed_at),
        "total_cents": read.and_then(|order| order.total.or_else(|| order.compute_total())).map(|cents| cents.0),
        "effects": planned.effects.iter().map(|effect| render_effect_json(effect, order.record.as_ref(), catalogue)).collect::<Vec<_>>(),
        "problems": render_plan_problems_json(planned, language),
        "explanation": explanation.join(" "),
    })
}

fn render_plan_problems_json(planned: &Plan, language: Language) -> Vec<Value> {
    let shown = |problem: &domain::Problem| {
        let rendered = text::render_problem(problem, language);
        json!({
            "code": problem.code.as_str(), "title": rendered.title, "message": rendered.message, "fix": rendered.fix,
            "skus": problem.skus,
        })
    };
    planned.problems.iter().map(shown).collect()
}

fn render_effect_json(effect: &PlannedEffect, record: Option<&OrderRecord>, catalogue: &Catalogue) -> Value {
    match effect {
        PlannedEffect::StockChange { direction, stock_location_id, items } => {
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
        PlannedEffect::Invoice(invoice) => {
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
        PlannedEffect::FinishInvoice(no) => {
            let row = record.and_then(|record| record.ledger.find_row(*no));
            let kind = row.map_or("invoice", |row| effect_name(&row.effect));
            json!({ "kind": kind, "state": "intended" })
        }
        PlannedEffect::CreditNote(credit_note) => json!({
            "kind": "credit_note", "booked": credit_note.book, "total_cents": credit_note.total.0,
        }),
        PlannedEffect::DeleteDraft(_) => json!({ "kind": "invoice", "state": "deleted" }),
    }
}

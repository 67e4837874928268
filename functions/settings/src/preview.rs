//! `GET …/plan`: what ProductFlow's newest orders would do to Robaws, without doing it.

use crate::api_error::ApiError;
use crate::checks::{Fault, missing};
use crate::config::Deps;
use crate::handler::Reply;
use crate::request::Request;
use domain::catalogue::Catalogue;
use domain::ids::VatTariffId;
use domain::ledger::{Direction, Ledger};
use domain::plan::{Effect, Plan, plan, plan_unreadable};
use domain::settings::{Language, Settings};
use domain::text;
use jiff::Timestamp;
use peers::{Catalogues, Lookups, Trouble};
use productflow::RawOrder;
use runtime::error::Chain;
use serde_json::{Value, json};
use std::time::Duration;
use store::model::{ConnectionItem, ConnectionState, OrderRecord};
use tokio::time::Instant;

/// How long orders are planned; the answer must come within API Gateway's 30 s.
const TIME: Duration = Duration::from_secs(20);

/// The newest orders, planned as they are now.
pub async fn preview(deps: &Deps, request: &Request, item: &ConnectionItem) -> Result<Reply, ApiError> {
    let until = Instant::now() + TIME;
    let limit = request.limit(20, 50)?;
    let connection = &item.connection;
    let settings = Settings {
        language: connection.language,
        go_live: go_live(request, item)?,
        connection: connection.settings.clone(),
    };
    let credentials = deps.peers.secrets().refresh(&connection.id).await?;
    let robaws = deps.peers.robaws(&connection.id, &credentials).await;
    let productflow = connection
        .company
        .and_then(|company| deps.peers.productflow(&credentials, company));
    let (Some(robaws), Some(productflow)) = (robaws, productflow) else {
        let faults = missing(
            &connection.settings,
            credentials.robaws.is_some(),
            credentials.productflow.is_some(),
            connection.company.is_some(),
        );
        let details = faults
            .iter()
            .map(|fault: &Fault| fault.detail(connection.language))
            .collect();
        return Err(ApiError::refused("activation_failed").with_details(details));
    };
    let per_page = u32::try_from(limit).unwrap_or(u32::MAX);
    let listed = productflow.orders_page(1, per_page, true).await.map_err(|error| {
        tracing::warn!(connection.id = %connection.id, error = %Chain(&error), "the orders of a preview could not be read");
        ApiError::peer_unavailable("ProductFlow")
    })?;
    let lookups = Catalogues::new(deps.clock.clone(), deps.store.clone())
        .of(&connection.id, item.catalogue_stamps(), robaws)
        .await;
    let identifiers: Vec<_> = listed.orders.iter().filter_map(RawOrder::identifier).collect();
    let known = deps.store.orders(&connection.id, &identifiers).await?;
    let mut catalogue = Catalogue::default();
    let mut items = Vec::new();
    let mut truncated = false;
    for raw in listed.orders.iter().take(limit) {
        let Some(identifier) = raw.identifier() else {
            continue;
        };
        let record = known.get(&identifier);
        let ledger = record.map_or_else(
            || Ledger::new(connection.id.clone(), identifier),
            |record| record.ledger.clone(),
        );
        let planned = planned(raw, &ledger, &settings, &lookups, &mut catalogue);
        match tokio::time::timeout_at(until, planned).await {
            Ok(Ok(planned)) => items.push(view(raw, record, &ledger, &planned, &catalogue, &settings)),
            Ok(Err(trouble)) => {
                tracing::warn!(connection.id = %connection.id, trouble = ?trouble, "an order could not be planned");
                return Err(ApiError::peer_unavailable("Robaws"));
            }
            Err(_) => {
                truncated = true;
                break;
            }
        }
    }
    Ok(Reply::ok(json!({ "items": items, "truncated": truncated })))
}

/// On an inactive connection every order counts as placed after the start.
fn go_live(request: &Request, item: &ConnectionItem) -> Result<Timestamp, ApiError> {
    let asked = request
        .parameter("go_live")
        .map(|text| {
            let parsed = text.parse::<Timestamp>();
            parsed.map_err(|_| ApiError::bad_request("go_live", "must be a moment like 2026-11-23T08:00:00Z"))
        })
        .transpose()?;
    Ok(match item.connection.state {
        ConnectionState::Inactive => Timestamp::MIN,
        ConnectionState::Active | ConnectionState::Suspended => {
            asked.or(item.connection.go_live).unwrap_or(Timestamp::MIN)
        }
    })
}

async fn planned(
    raw: &RawOrder,
    ledger: &Ledger,
    settings: &Settings,
    lookups: &Lookups,
    catalogue: &mut Catalogue,
) -> Result<Plan, Trouble> {
    let order = match productflow::read(raw, &settings.connection) {
        Ok(order) => order,
        Err(unreadable) => return Ok(plan_unreadable(&unreadable, ledger, settings)),
    };
    loop {
        let found = plan(&order, ledger, catalogue, settings);
        if found.missing.is_empty() {
            return Ok(found);
        }
        lookups.fill(catalogue, &found.missing, false).await?;
    }
}

fn view(
    raw: &RawOrder,
    record: Option<&OrderRecord>,
    ledger: &Ledger,
    planned: &Plan,
    catalogue: &Catalogue,
    settings: &Settings,
) -> Value {
    let language = settings.language;
    let read = productflow::read(raw, &settings.connection).ok();
    let explanation: Vec<String> = planned
        .explanation
        .iter()
        .map(|sentence| text::explanation(&sentence.code, &sentence.args, language))
        .collect();
    let reference = match (&read, record) {
        (Some(order), _) => order.external_identifier.clone(),
        (None, Some(record)) => record.external_identifier.clone(),
        (None, None) => None,
    };
    json!({
        "identifier": ledger.identifier,
        "reference": reference.unwrap_or_else(|| ledger.identifier.to_string()),
        "status": read.as_ref().map(|order| order.status.word().to_owned()),
        "state": planned.state.as_str(),
        "country": read.as_ref().and_then(|order| order.country.clone()),
        "placed_at": read.as_ref().map(|order| order.placed_at),
        "total_cents": read.as_ref().and_then(|order| order.total.or_else(|| order.computed_total())).map(|cents| cents.0),
        "effects": planned.effects.iter().map(|effect| effect_view(effect, catalogue)).collect::<Vec<_>>(),
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

fn effect_view(effect: &Effect, catalogue: &Catalogue) -> Value {
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
        Effect::FinishInvoice(_) => json!({ "kind": "invoice", "state": "intended" }),
    }
}

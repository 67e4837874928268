//! API of articles: the list, and the sweeps over all articles that the operator or merchant may ask for.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::connections_api::{reload_connection, show_connection};
use crate::handler::Reply;
use crate::json_body;
use crate::orders_api::must_be_active;
use crate::problem_json::render_problems_json;
use crate::request::Request;
use domain::Language;
use domain::ids::ConnectionId;
use http::StatusCode;
use runtime::error::Chain;
use serde::Deserialize;
use serde_json::{Value, json};
use store::article_record::{ArticleRecord, ArticleState};
use store::model::{ConnectionItem, Peer};
use store::queue::{Sweep, SweepMessage};
use store::sweep::SweepRequest;

/// `GET …/articles?state=`: lists articles.
pub(crate) async fn list_articles(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
) -> Result<Reply, ApiError> {
    let state = request.query_parameter("state").map(parse_article_state).transpose()?;
    let limit = request.parse_limit(50, 100)?;
    let connection = &item.connection;
    let page =
        deps.store.list_articles(&connection.id, state, request.query_parameter("cursor"), limit).await?;
    let language = connection.language;
    let items: Vec<Value> = page.records.iter().map(|record| render_article_json(record, language)).collect();
    Ok(Reply::ok(json!({ "items": items, "cursor": page.cursor })))
}

fn parse_article_state(word: &str) -> Result<ArticleState, ApiError> {
    ArticleState::ALL.into_iter().find(|state| state.as_str() == word).ok_or_else(|| {
        let words = ArticleState::ALL.map(ArticleState::as_str);
        ApiError::bad_request("state", format!("must be one of {}", words.join(", ")))
    })
}

fn render_article_json(record: &ArticleRecord, language: Language) -> Value {
    let sent = record.sent.as_ref();
    let quantity =
        sent.and_then(|sent| sent.values.get("quantity")).and_then(|quantity| quantity.parse::<u64>().ok());
    json!({
        "article_id": record.article_id,
        "number": record.number,
        "state": record.state().as_str(),
        "quantity": quantity,
        "sent_at": sent.and_then(|sent| sent.at),
        "problems": render_problems_json(&record.problems, language),
        "next_look_at": record.due.map(|due| due.at),
        "updated_at": record.updated_at,
    })
}

/// `POST …/articles/push`: sends all ticked articles again, also those that have not changed since they were sent.
pub(crate) async fn push_all_articles(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct EmptyBody {}
    let EmptyBody {} = json_body::parse_body(&request.body)?;
    let ask = SweepRequest { again: true, ..new_sweep_ask(deps) };
    accept_sweep(deps, item, Sweep::Push, ask).await
}

/// `POST …/articles/tick` with `{"all":true}`: ticks the ProductFlow checkbox of all articles in Robaws.
pub(crate) async fn tick_all_articles(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct TickBody {
        all: bool,
    }
    let tick: TickBody = json_body::parse_body(&request.body)?;
    if !tick.all {
        return Err(ApiError::bad_request("all", "must be true"));
    }
    accept_sweep(deps, item, Sweep::Tick, new_sweep_ask(deps)).await
}

/// `POST …/reconcile`: starts the nightly check now. `{"confirm_withdrawals":true}` lets it make the withdrawals that the last
/// check held back.
pub(crate) async fn start_reconciliation(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ReconcileBody {
        #[serde(default)]
        confirm_withdrawals: bool,
    }
    let reconcile: ReconcileBody = json_body::parse_body(&request.body)?;
    let held = item.sweep_state(Sweep::Reconcile).progress.held;
    let ask = SweepRequest {
        confirmed: if reconcile.confirm_withdrawals { held } else { 0 },
        ..new_sweep_ask(deps)
    };
    accept_sweep(deps, item, Sweep::Reconcile, ask).await
}

fn new_sweep_ask(deps: &Deps) -> SweepRequest {
    SweepRequest::new(deps.clock.now())
}

async fn accept_sweep(
    deps: &Deps,
    item: &ConnectionItem,
    sweep: Sweep,
    ask: SweepRequest,
) -> Result<Reply, ApiError> {
    must_be_active(item)?;
    let id = &item.connection.id;
    let now = deps.clock.now();
    for peer in [Peer::Robaws, Peer::Productflow] {
        // A person asked for this, so a paused peer gets one probe now.
        if item.health(peer).is_paused(now) {
            let mut health = item.health(peer).clone();
            health.paused_until = Some(now);
            deps.store.save_peer_health(id, peer, &health).await?;
        }
    }
    ask_for_sweep(deps, id, sweep, ask).await?;
    let shown = show_connection(deps, &reload_connection(deps, id).await?);
    Ok(Reply { status: StatusCode::ACCEPTED, ..shown })
}

/// Stores the ask for a sweep with the connection and queues it. Without a message the next poll finds the stored ask.
pub(crate) async fn ask_for_sweep(
    deps: &Deps,
    id: &ConnectionId,
    sweep: Sweep,
    ask: SweepRequest,
) -> Result<(), ApiError> {
    deps.store.request_sweep(id, sweep, &ask).await?;
    tracing::info!(connection.id = %id, sweep = sweep.as_str(), "asked for");
    if let Err(error) = deps.sweeps_queue.send_messages(&[SweepMessage::new(id.clone(), sweep)]).await {
        tracing::warn!(connection.id = %id, error = %Chain(&error), "not queued: a poll will");
    }
    Ok(())
}

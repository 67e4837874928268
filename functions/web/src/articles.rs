//! API of articles: the list, and the sweeps over all articles that the operator or merchant may ask for.

use crate::api_error::ApiError;
use crate::body;
use crate::config::Deps;
use crate::connections::{read_again, show};
use crate::handler::Reply;
use crate::orders::must_be_active;
use crate::problem_view::problems;
use crate::request::Request;
use domain::Language;
use domain::ids::ConnectionId;
use http::StatusCode;
use runtime::error::Chain;
use serde::Deserialize;
use serde_json::{Value, json};
use store::article::{ArticleRecord, ArticleState};
use store::model::{ConnectionItem, Peer};
use store::queue::{Sweep, SweepMessage};
use store::sweep::SweepAsk;

/// `GET …/articles?state=`: lists articles.
pub async fn list(deps: &Deps, request: &Request, item: &ConnectionItem) -> Result<Reply, ApiError> {
    let state = request.parameter("state").map(state_of).transpose()?;
    let limit = request.limit(50, 100)?;
    let connection = &item.connection;
    let page = deps
        .store
        .list_articles(&connection.id, state, request.parameter("cursor"), limit)
        .await?;
    let language = connection.language;
    let items: Vec<Value> = page.records.iter().map(|record| view(record, language)).collect();
    Ok(Reply::ok(json!({ "items": items, "cursor": page.cursor })))
}

fn state_of(word: &str) -> Result<ArticleState, ApiError> {
    ArticleState::ALL
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| {
            let words = ArticleState::ALL.map(ArticleState::as_str);
            ApiError::bad_request("state", format!("must be one of {}", words.join(", ")))
        })
}

fn view(record: &ArticleRecord, language: Language) -> Value {
    let sent = record.sent.as_ref();
    let quantity = sent
        .and_then(|sent| sent.values.get("quantity"))
        .and_then(|quantity| quantity.parse::<u64>().ok());
    json!({
        "article_id": record.article_id,
        "number": record.number,
        "state": record.state().as_str(),
        "quantity": quantity,
        "sent_at": sent.and_then(|sent| sent.at),
        "problems": problems(&record.problems, language),
        "next_look_at": record.due.map(|due| due.at),
        "updated_at": record.updated_at,
    })
}

/// `POST …/articles/push`: sends all ticked articles again, also those that have not changed since they were sent.
pub async fn push(deps: &Deps, request: &Request, item: &ConnectionItem) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    let Nothing {} = body::read(&request.body)?;
    let ask = SweepAsk {
        again: true,
        ..asked_now(deps)
    };
    accepted(deps, item, Sweep::Push, ask).await
}

/// `POST …/articles/tick` with `{"all":true}`: ticks the ProductFlow checkbox of all articles in Robaws.
pub async fn tick(deps: &Deps, request: &Request, item: &ConnectionItem) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Tick {
        all: bool,
    }
    let tick: Tick = body::read(&request.body)?;
    if !tick.all {
        return Err(ApiError::bad_request("all", "must be true"));
    }
    accepted(deps, item, Sweep::Tick, asked_now(deps)).await
}

/// `POST …/reconcile`: starts the nightly check now. `{"confirm_withdrawals":true}` lets it make the withdrawals that the last
/// check held back.
pub async fn reconcile(deps: &Deps, request: &Request, item: &ConnectionItem) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Reconcile {
        #[serde(default)]
        confirm_withdrawals: bool,
    }
    let reconcile: Reconcile = body::read(&request.body)?;
    let held = item.sweep(Sweep::Reconcile).progress.held;
    let ask = SweepAsk {
        confirmed: if reconcile.confirm_withdrawals { held } else { 0 },
        ..asked_now(deps)
    };
    accepted(deps, item, Sweep::Reconcile, ask).await
}

fn asked_now(deps: &Deps) -> SweepAsk {
    SweepAsk::new(deps.clock.now())
}

async fn accepted(
    deps: &Deps,
    item: &ConnectionItem,
    sweep: Sweep,
    ask: SweepAsk,
) -> Result<Reply, ApiError> {
    must_be_active(item)?;
    let id = &item.connection.id;
    let now = deps.clock.now();
    for peer in [Peer::Robaws, Peer::Productflow] {
        // A person asked for this, so a paused peer gets one probe now.
        if item.health(peer).is_paused(now) {
            let mut health = item.health(peer).clone();
            health.paused_until = Some(now);
            deps.store.save_health(id, peer, &health).await?;
        }
    }
    start(deps, id, sweep, ask).await?;
    let shown = show(deps, &read_again(deps, id).await?);
    Ok(Reply {
        status: StatusCode::ACCEPTED,
        ..shown
    })
}

/// Stores the ask for a sweep with the connection and queues it. Without a message the next poll finds the stored ask.
pub async fn start(deps: &Deps, id: &ConnectionId, sweep: Sweep, ask: SweepAsk) -> Result<(), ApiError> {
    deps.store.ask_sweep(id, sweep, &ask).await?;
    tracing::info!(connection.id = %id, sweep = sweep.as_str(), "asked for");
    if let Err(error) = deps
        .sweeps_queue
        .send(&[SweepMessage::new(id.clone(), sweep)])
        .await
    {
        tracing::warn!(connection.id = %id, error = %Chain(&error), "not queued: a poll will");
    }
    Ok(())
}

//! API of orders: list, show, and `retry`, which has an order looked at again.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::Reply;
use crate::order_json;
use crate::request::Request;
use domain::ids::{ConnectionId, OrderIdentifier};
use domain::ledger::{OrderState, RowState};
use http::StatusCode;
use runtime::error::Chain;
use serde_json::{Value, json};
use store::StoreError;
use store::model::{ConnectionItem, ConnectionState, OrderRecord};
use store::orders::OrderFilter;
use store::queue::OrderMessage;

/// `GET …/orders?state=&q=`: lists orders, newest first.
pub(crate) async fn list_orders(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
) -> Result<Reply, ApiError> {
    let state = match request.query_parameter("state") {
        None => None,
        Some(word) => Some(parse_order_state(word)?),
    };
    let filter = OrderFilter {
        state,
        text: request.query_parameter("q").map(str::to_owned),
        ..OrderFilter::default()
    };
    let limit = request.parse_limit(50, 100)?;
    let connection = &item.connection;
    let page =
        deps.store.list_orders(&connection.id, &filter, request.query_parameter("cursor"), limit).await?;
    let items: Vec<Value> = page
        .records
        .iter()
        .map(|record| order_json::render_order_json(record, connection.language))
        .collect();
    Ok(Reply::ok(json!({ "items": items, "cursor": page.cursor })))
}

/// Reads a state from the word that the API uses for it.
pub(crate) fn parse_order_state(word: &str) -> Result<OrderState, ApiError> {
    const ALL: [OrderState; 8] = [
        OrderState::Waiting,
        OrderState::Booked,
        OrderState::Invoiced,
        OrderState::Reversed,
        OrderState::Skipped,
        OrderState::Blocked,
        OrderState::InDoubt,
        OrderState::Conflict,
    ];
    ALL.into_iter().find(|state| state.as_str() == word).ok_or_else(|| {
        let words: Vec<&str> = ALL.iter().map(|state| state.as_str()).collect();
        ApiError::bad_request("state", format!("must be one of {}", words.join(", ")))
    })
}

/// `GET …/orders/{identifier}`: shows one order.
pub(crate) async fn show_order(
    deps: &Deps,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<Reply, ApiError> {
    let record = load_order(deps, item, identifier).await?;
    Ok(Reply::ok(order_json::render_order_json(&record, item.connection.language)))
}

/// Loads an order from the ledger; 404 when the ledger does not hold it.
pub(crate) async fn load_order(
    deps: &Deps,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<OrderRecord, ApiError> {
    let found = deps.store.load_order(&item.connection.id, identifier).await?;
    found.ok_or_else(|| order_not_found(identifier))
}

/// The 404 for an order that nobody knows.
pub(crate) fn order_not_found(identifier: &OrderIdentifier) -> ApiError {
    ApiError::not_found("no_order").with_arg("order", identifier.to_string())
}

/// Fails with 409 unless the connection is active: only then may the peers be called for it.
pub(crate) fn must_be_active(item: &ConnectionItem) -> Result<(), ApiError> {
    match item.connection.state {
        ConnectionState::Active => Ok(()),
        ConnectionState::Inactive => Err(ApiError::http_conflict("inactive")),
        ConnectionState::Suspended => Err(ApiError::http_conflict("suspended")),
    }
}

/// Queues an order so that it is looked at at once. When that fails the next poll queues it, because the order is due.
pub(crate) async fn queue_order(deps: &Deps, connection: &ConnectionId, identifier: &OrderIdentifier) {
    let message = OrderMessage::new(connection.clone(), identifier.clone());
    if let Err(error) = deps.orders_queue.send_messages(&[message]).await {
        tracing::warn!(
            error = %Chain(&error),
            "not queued: the next poll will"
        );
    }
}

/// `POST …/orders/{identifier}/retry`: has the order looked at at once, whatever its back-off.
pub(crate) async fn retry_order(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<Reply, ApiError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct EmptyBody {}
    let EmptyBody {} = crate::json_body::parse_body(&request.body)?;
    must_be_active(item)?;
    let connection = &item.connection.id;
    let now = deps.clock.now();
    let amended = deps
        .store
        .amend_order(connection, identifier, now, |record| {
            // The document of a row in doubt may be found in Robaws by now, so the next look searches for it again.
            for row in &mut record.ledger.rows {
                if row.state == RowState::InDoubt {
                    row.state = RowState::Unknown;
                }
            }
            record.force_look(now);
            true
        })
        .await?;
    let record = match amended {
        Some(record) => record,
        None => take_in_unseen_order(deps, item, identifier).await?,
    };
    tracing::info!(settled.by = request.by, "asked to look again");
    queue_order(deps, connection, identifier).await;
    Ok(Reply {
        status: StatusCode::ACCEPTED,
        body: order_json::render_order_json(&record, item.connection.language),
    })
}

/// Takes an order into the ledger that no poll has read yet; 404 when ProductFlow does not have it either.
async fn take_in_unseen_order(
    deps: &Deps,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<OrderRecord, ApiError> {
    let connection = &item.connection;
    let clients =
        deps.peers.clients_for(connection).await.map_err(|error| ApiError::internal_error(&error))?;
    match clients.productflow.read_order(identifier).await {
        Ok(Some(_)) => {}
        Ok(None) => return Err(order_not_found(identifier)),
        Err(error) => {
            tracing::warn!(connection.id = %connection.id, error = %Chain(&error), "an order could not be read");
            return Err(ApiError::peer_unavailable("ProductFlow"));
        }
    }
    let now = deps.clock.now();
    let mut record = OrderRecord::new(connection.id.clone(), identifier.clone(), now);
    match deps.store.save_order(&mut record, now).await {
        // On a conflict a poll has taken the order in meanwhile.
        Ok(()) | Err(StoreError::Conflict) => load_order(deps, item, identifier).await,
        Err(error) => Err(error.into()),
    }
}

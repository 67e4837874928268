//! API of orders: list, show, and `retry`, which has an order looked at again.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::Reply;
use crate::order_view;
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
pub async fn list(deps: &Deps, request: &Request, item: &ConnectionItem) -> Result<Reply, ApiError> {
    let state = match request.parameter("state") {
        None => None,
        Some(word) => Some(state_of(word)?),
    };
    let filter = OrderFilter {
        state,
        text: request.parameter("q").map(str::to_owned),
        ..OrderFilter::default()
    };
    let limit = request.limit(50, 100)?;
    let connection = &item.connection;
    let page = deps
        .store
        .list_orders(&connection.id, &filter, request.parameter("cursor"), limit)
        .await?;
    let items: Vec<Value> = page
        .records
        .iter()
        .map(|record| order_view::order(record, connection.language))
        .collect();
    Ok(Reply::ok(json!({ "items": items, "cursor": page.cursor })))
}

/// Reads a state from the word that the API uses for it.
pub fn state_of(word: &str) -> Result<OrderState, ApiError> {
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
    ALL.into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| {
            let words: Vec<&str> = ALL.iter().map(|state| state.as_str()).collect();
            ApiError::bad_request("state", format!("must be one of {}", words.join(", ")))
        })
}

/// `GET …/orders/{identifier}`: shows one order.
pub async fn show(
    deps: &Deps,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<Reply, ApiError> {
    let record = known(deps, item, identifier).await?;
    Ok(Reply::ok(order_view::order(&record, item.connection.language)))
}

/// Loads an order from the ledger; 404 when the ledger does not hold it.
pub async fn known(
    deps: &Deps,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<OrderRecord, ApiError> {
    let found = deps.store.order(&item.connection.id, identifier).await?;
    found.ok_or_else(|| unknown(identifier))
}

/// The 404 for an order that nobody knows.
pub fn unknown(identifier: &OrderIdentifier) -> ApiError {
    ApiError::not_found("no_order").arg("order", identifier.to_string())
}

/// Fails with 409 unless the connection is active: only then may the peers be called for it.
pub fn must_be_active(item: &ConnectionItem) -> Result<(), ApiError> {
    match item.connection.state {
        ConnectionState::Active => Ok(()),
        ConnectionState::Inactive => Err(ApiError::conflict("inactive")),
        ConnectionState::Suspended => Err(ApiError::conflict("suspended")),
    }
}

/// Queues an order so that it is looked at at once. When that fails the next poll queues it, because the order is due.
pub async fn send(deps: &Deps, connection: &ConnectionId, identifier: &OrderIdentifier) {
    let message = OrderMessage::new(connection.clone(), identifier.clone());
    if let Err(error) = deps.queue.send(&[message]).await {
        tracing::warn!(
            error = %Chain(&error),
            "not queued: the next poll will"
        );
    }
}

/// `POST …/orders/{identifier}/retry`: has the order looked at at once, whatever its back-off.
pub async fn retry(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<Reply, ApiError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    let Nothing {} = crate::body::read(&request.body)?;
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
            record.look_again(now);
            true
        })
        .await?;
    let record = match amended {
        Some(record) => record,
        None => first_look(deps, item, identifier).await?,
    };
    tracing::info!(settled.by = request.by, "asked to look again");
    send(deps, connection, identifier).await;
    Ok(Reply {
        status: StatusCode::ACCEPTED,
        body: order_view::order(&record, item.connection.language),
    })
}

/// Takes an order into the ledger that no poll has read yet; 404 when ProductFlow does not have it either.
async fn first_look(
    deps: &Deps,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<OrderRecord, ApiError> {
    let connection = &item.connection;
    let clients = deps
        .peers
        .of(connection)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    match clients.productflow.order(identifier).await {
        Ok(Some(_)) => {}
        Ok(None) => return Err(unknown(identifier)),
        Err(error) => {
            tracing::warn!(connection.id = %connection.id, error = %Chain(&error), "an order could not be read");
            return Err(ApiError::peer_unavailable("ProductFlow"));
        }
    }
    let now = deps.clock.now();
    let mut record = OrderRecord::new(connection.id.clone(), identifier.clone(), now);
    match deps.store.save_order(&mut record, now).await {
        // On a conflict a poll has taken the order in meanwhile.
        Ok(()) | Err(StoreError::Conflict) => known(deps, item, identifier).await,
        Err(error) => Err(error.into()),
    }
}

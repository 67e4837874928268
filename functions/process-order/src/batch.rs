//! A batch of messages: connections side by side, up to four orders of a connection at a time. A panic costs one look;
//! when little time is left the rest is sent again.

use crate::context::Context;
use crate::look::look;
use crate::outcome::{self, End};
use crate::sign_in;
use domain::ids::{ConnectionId, OrderIdentifier};
use domain::settings::Settings;
use futures::future::join_all;
use futures::{FutureExt, StreamExt, stream};
use jiff::Timestamp;
use peers::{Sessions, Still};
use runtime::error::Chain;
use runtime::invocation::Invocations;
use runtime::sqs_event::Message;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use store::StoreError;
use store::model::{ConnectionItem, ConnectionState};
use store::queue::{OrderMessage, OrderQueue, OrdersQueueMessage};
use tokio::time::Instant;
use tracing::Instrument;

/// Orders of one connection at a time.
const SIDE_BY_SIDE: usize = 4;

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    /// Opens connections.
    pub sessions: Sessions,
    /// The orders queue.
    pub queue: OrderQueue,
    /// Runs invocations.
    pub invocations: Invocations,
}

/// Works off a batch, and gives the ids of the messages of which not even the outcome could be recorded.
pub async fn run(deps: &Deps, messages: Vec<Message<OrdersQueueMessage>>, deadline: Instant) -> Vec<String> {
    let mut by_connection: BTreeMap<ConnectionId, BTreeMap<OrderIdentifier, Vec<String>>> = BTreeMap::new();
    for message in messages {
        match message.body {
            OrdersQueueMessage::Look(look) => {
                let orders = by_connection.entry(look.connection).or_default();
                orders.entry(look.order).or_default().push(message.id);
            }
            OrdersQueueMessage::SignIn(ask) => {
                let span = connection_span(&ask.connection);
                sign_in::put(deps, ask, deadline).instrument(span).await;
            }
        }
    }
    let connections = by_connection.into_iter().map(|(id, orders)| {
        let span = connection_span(&id);
        connection(deps, id, orders, deadline).instrument(span)
    });
    join_all(connections).await.into_iter().flatten().collect()
}

fn connection_span(id: &ConnectionId) -> tracing::Span {
    tracing::info_span!("connection", connection.id = %id)
}

async fn connection(
    deps: &Deps,
    id: ConnectionId,
    orders: BTreeMap<OrderIdentifier, Vec<String>>,
    deadline: Instant,
) -> Vec<String> {
    let identifiers: Vec<OrderIdentifier> = orders.keys().cloned().collect();
    let ids_of = |failed: Vec<OrderIdentifier>| -> Vec<String> {
        failed
            .into_iter()
            .filter_map(|order| orders.get(&order))
            .flatten()
            .cloned()
            .collect()
    };
    let ctx = match open(deps, &id, deadline).await {
        Ok(Some(ctx)) => ctx,
        Ok(None) => return Vec::new(),
        Err(Unopened::Store(error)) => {
            tracing::error!(error = %Chain(&error), "the connection could not be read");
            return ids_of(identifiers);
        }
        Err(Unopened::Credentials(error)) => {
            // The orders stay due: the next poll queues them again.
            tracing::error!(error = %Chain(&error), "no clients for this connection");
            return Vec::new();
        }
    };
    let failed: Vec<Option<OrderIdentifier>> = stream::iter(identifiers)
        .map(|order| {
            let ctx = &ctx;
            let span = tracing::info_span!("order", order.identifier = %order);
            let look = async move { one(deps, ctx, &order).await.err().map(|_| order) };
            look.instrument(span)
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    if let Err(error) = ctx.close().await {
        tracing::warn!(error = %Chain(&error), "newest documents and quota could not be stored");
    }
    ids_of(failed.into_iter().flatten().collect())
}

enum Unopened {
    Store(StoreError),
    Credentials(peers::PeersError),
}

/// The connection, unless it is inactive or suspended: then nothing is called and the messages are done.
async fn open(deps: &Deps, id: &ConnectionId, deadline: Instant) -> Result<Option<Context>, Unopened> {
    let item = deps
        .sessions
        .store
        .connection(id)
        .await
        .map_err(Unopened::Store)?;
    let Some(item) = item.filter(|item| item.connection.state == ConnectionState::Active) else {
        return Ok(None);
    };
    let settings = settings_of(&item);
    let session = deps.sessions.open(item, deadline);
    let session = session.await.map_err(Unopened::Credentials)?;
    Ok(Some(Context::new(session, settings)))
}

fn settings_of(item: &ConnectionItem) -> Settings {
    let connection = &item.connection;
    // Without a go-live nothing was ever activated, and nothing may be touched.
    connection.rules(connection.go_live.unwrap_or(Timestamp::MAX))
}

/// One order. An error means that its outcome could not be recorded.
async fn one(deps: &Deps, ctx: &Context, order: &OrderIdentifier) -> Result<(), StoreError> {
    let connection = &ctx.item.connection.id;
    let ended = match ctx.still().await {
        Err(error) => Ok(Err(error)),
        Ok(Still::Off) => return Ok(()),
        Ok(Still::Same) if ctx.has_time() => {
            let looked = AssertUnwindSafe(Box::pin(look(ctx, order))).catch_unwind();
            // Cut off in the middle of a call, its row is unknown, as after a lost answer.
            match tokio::time::timeout_at(ctx.cut_off, looked).await {
                Ok(ended) => ended,
                Err(_) => Ok(outcome::cut_off(ctx, order).await),
            }
        }
        Ok(Still::Same | Still::Changed) => Ok(Ok(End::Continues)),
    };
    let end = match ended {
        Ok(Ok(end)) => end,
        Ok(Err(error)) => {
            tracing::error!(error = %Chain(&error), "not recorded");
            return Err(error);
        }
        Err(_) => {
            tracing::error!("panicked");
            outcome::without_outcome(ctx, order).await?
        }
    };
    match &end {
        End::NotDue => tracing::debug!("not due"),
        End::Settled(state) => tracing::info!(order.state = state.as_str(), "looked at"),
        End::Held => tracing::info!("held: a peer is paused"),
        End::Failed(peer, trouble) => tracing::warn!(
            peer = peer.as_str(), trouble = %trouble, "a call failed"
        ),
        End::Continues => {
            tracing::info!("goes on in the next invocation");
            let message = OrderMessage::new(connection.clone(), order.clone());
            if let Err(error) = deps.queue.send(&[message]).await {
                // It is due in the ledger: the next poll queues it.
                tracing::warn!(error = %Chain(&error), "not sent again");
            }
        }
    }
    Ok(())
}

//! Processes a batch of messages: connections side by side, and the orders of one connection side by side.
//!
//! A panic costs one look. When little time is left, the remaining orders are sent to the queue again. Orders whose last look
//! was interrupted come last and one at a time: an order that kills the process must neither be counted against its neighbours
//! nor hold them up.

use crate::context::ConnectionContext;
use crate::look::{Concurrency, look_at_order};
use crate::outcome::{self, LookEnd};
use crate::sign_in_link;
use connection::{ConnectionCheck, ConnectionSessions};
use domain::ids::{ConnectionId, OrderIdentifier};
use domain::settings::Settings;
use futures::future::{join, join_all};
use futures::{FutureExt, StreamExt, stream};
use jiff::Timestamp;
use runtime::clock::timeout_at;
use runtime::error::Chain;
use runtime::invocation::Invocations;
use runtime::sqs_event::SqsMessage;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use store::StoreError;
use store::due_queueing::QueueingError;
use store::model::{ConnectionItem, ConnectionState, Peer};
use store::queue::{OrderMessage, OrderQueue, OrdersQueueMessage};
use tokio::time::Instant;
use tracing::Instrument;

/// Orders of one connection that are processed at a time: as many as a batch has.
///
/// The pacing keeps the limit of Robaws. Fewer orders at a time would leave part of the limit unused: an order also waits for
/// ProductFlow and for the table, and a batch ends with its slowest order.
const ORDERS_SIDE_BY_SIDE: usize = 10;

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    pub sessions: ConnectionSessions,
    pub queue: OrderQueue,
    pub invocations: Invocations,
}

/// What the messages of a batch ask of one connection.
#[derive(Default)]
struct ConnectionMessages {
    /// The orders to look at, each with the ids of its messages.
    by_order: BTreeMap<OrderIdentifier, Vec<String>>,
    /// Whether more due orders are to be queued.
    queues_more: bool,
}

/// Processes a batch. Gives the ids of the messages whose outcome could not even be recorded: these come again.
pub(crate) async fn process_batch(
    deps: &Deps,
    messages: Vec<SqsMessage<OrdersQueueMessage>>,
    deadline: Instant,
) -> Vec<String> {
    let mut by_connection: BTreeMap<ConnectionId, ConnectionMessages> = BTreeMap::new();
    for message in messages {
        match message.body {
            OrdersQueueMessage::Look(look) => {
                let asked = by_connection.entry(look.connection).or_default();
                asked.by_order.entry(look.order).or_default().push(message.id);
            }
            OrdersQueueMessage::GoOn(go_on) => {
                by_connection.entry(go_on.connection).or_default().queues_more = true;
            }
            OrdersQueueMessage::SignIn(ask) => {
                let span = connection_span(&ask.connection);
                sign_in_link::send_sign_in_link(deps, ask, deadline).instrument(span).await;
            }
        }
    }
    let connections = by_connection.into_iter().map(|(id, asked)| {
        let span = connection_span(&id);
        process_connection(deps, id, asked, deadline).instrument(span)
    });
    let mut opened = Vec::new();
    let mut failed = Vec::new();
    for connection in join_all(connections).await {
        match connection {
            Ok(work) => opened.push(work),
            Err(messages) => failed.extend(messages),
        }
    }
    process_interrupted_orders(deps, &mut opened).await;
    for work in opened {
        let span = connection_span(&work.ctx.item.connection.id);
        failed.extend(work.close_connection().instrument(span).await);
    }
    failed
}

/// Processes the orders whose last look was interrupted, one at a time, the least often interrupted first.
async fn process_interrupted_orders(deps: &Deps, opened: &mut [ConnectionWork]) {
    let mut interrupted: Vec<(u32, usize, OrderIdentifier)> = opened
        .iter_mut()
        .enumerate()
        .flat_map(|(no, work)| {
            let orders = std::mem::take(&mut work.interrupted).into_iter();
            orders.map(move |(times, order)| (times, no, order))
        })
        .collect();
    interrupted.sort();
    for (_, no, order) in interrupted {
        if let Some(work) = opened.get_mut(no) {
            let span = connection_span(&work.ctx.item.connection.id);
            let looked = process_order(deps, &work.ctx, order, Concurrency::Alone);
            let looked = looked.instrument(span).await;
            work.add_look_result(looked);
        }
    }
}

fn connection_span(id: &ConnectionId) -> tracing::Span {
    tracing::info_span!("connection", connection.id = %id)
}

/// The work for one connection in this invocation.
struct ConnectionWork {
    ctx: ConnectionContext,
    messages: BTreeMap<OrderIdentifier, Vec<String>>,
    failed: Vec<OrderIdentifier>,
    /// Orders left for the end, each with the number of looks that were interrupted.
    interrupted: Vec<(u32, OrderIdentifier)>,
}

/// How a look ended, for the batch.
enum LookResult {
    Recorded,
    NotRecorded(OrderIdentifier),
    Interrupted(u32, OrderIdentifier),
}

impl ConnectionWork {
    fn add_look_result(&mut self, looked: LookResult) {
        match looked {
            LookResult::Recorded => {}
            LookResult::NotRecorded(order) => self.failed.push(order),
            LookResult::Interrupted(times, order) => self.interrupted.push((times, order)),
        }
    }

    /// Stores what the looks learned. Gives the ids of the messages whose outcome could not be recorded.
    async fn close_connection(mut self) -> Vec<String> {
        if let Err(error) = self.ctx.save_and_close().await {
            tracing::warn!(error = %Chain(&error), "newest documents and quota could not be stored");
        }
        let failed = self.failed.iter();
        failed.filter_map(|order| self.messages.remove(order)).flatten().collect()
    }
}

/// Processes all orders of a connection but those whose last look was interrupted. An error holds the ids of the messages that
/// must come again.
async fn process_connection(
    deps: &Deps,
    id: ConnectionId,
    ConnectionMessages { by_order: messages, queues_more: goes_on }: ConnectionMessages,
    deadline: Instant,
) -> Result<ConnectionWork, Vec<String>> {
    let ctx = match open_connection(deps, &id, deadline).await {
        Ok(Some(ctx)) => ctx,
        Ok(None) => return Err(Vec::new()),
        Err(OpenError::Store(error)) => {
            tracing::error!(error = %Chain(&error), "the connection could not be read");
            return Err(messages.into_values().flatten().collect());
        }
        Err(OpenError::Credentials(error)) => {
            // The orders stay due, so the next poll queues them again.
            tracing::error!(error = %Chain(&error), "no clients for this connection");
            return Err(Vec::new());
        }
    };
    // More orders are queued beside the looks, so that they are in the queue when these looks are done.
    let queued = async {
        if goes_on && let Err(error) = queue_more_due_orders(deps, &ctx).await {
            // The orders are due in the ledger, so the next poll queues them.
            tracing::warn!(error = %Chain(&error), "no more orders were queued");
        }
    };
    let identifiers: Vec<OrderIdentifier> = messages.keys().cloned().collect();
    let looks = stream::iter(identifiers)
        .map(|order| process_order(deps, &ctx, order, Concurrency::WithOthers))
        .buffer_unordered(ORDERS_SIDE_BY_SIDE)
        .collect::<Vec<LookResult>>();
    let (looked, ()) = join(looks, queued).await;
    let mut work = ConnectionWork { ctx, messages, failed: Vec::new(), interrupted: Vec::new() };
    for looked in looked {
        work.add_look_result(looked);
    }
    Ok(work)
}

async fn process_order(
    deps: &Deps,
    ctx: &ConnectionContext,
    order: OrderIdentifier,
    concurrency: Concurrency,
) -> LookResult {
    let span = tracing::info_span!("order", order.identifier = %order);
    match look_and_report(deps, ctx, &order, concurrency).instrument(span).await {
        Ok(None) => LookResult::Recorded,
        Ok(Some(times)) => LookResult::Interrupted(times, order),
        Err(_logged) => LookResult::NotRecorded(order),
    }
}

/// Queues more due orders. While Robaws is paused nothing is queued: the poll begins again when the pause is over.
async fn queue_more_due_orders(deps: &Deps, ctx: &ConnectionContext) -> Result<(), QueueingError> {
    if !ctx.has_time() || !ctx.health.can_work(Peer::Robaws).await {
        return Ok(());
    }
    let (connection, now) = (&ctx.item.connection.id, ctx.clock.now());
    let chosen = ctx.store.select_due_orders(connection, now).await?;
    ctx.store.queue_selected_orders(&deps.queue, connection, &chosen, now).await?;
    tracing::info!(queued = chosen.orders.len(), more = chosen.has_more, "goes on with what is due");
    Ok(())
}

enum OpenError {
    Store(StoreError),
    Credentials(connection::PeerClientsError),
}

/// Opens a connection. Gives `None` for a connection that is not active: then nothing is called and the messages are done.
async fn open_connection(
    deps: &Deps,
    id: &ConnectionId,
    deadline: Instant,
) -> Result<Option<ConnectionContext>, OpenError> {
    let item = deps.sessions.store.load_connection(id).await.map_err(OpenError::Store)?;
    let Some(item) = item.filter(|item| item.connection.state == ConnectionState::Active) else {
        return Ok(None);
    };
    let settings = rules_of_connection(&item);
    let session = deps.sessions.open_session(item, deadline);
    let session = session.await.map_err(OpenError::Credentials)?;
    Ok(Some(ConnectionContext::new(session, settings)))
}

fn rules_of_connection(item: &ConnectionItem) -> Settings {
    let connection = &item.connection;
    // A connection without a go-live was never activated, so none of its orders may be touched.
    connection.to_rule_settings(connection.go_live.unwrap_or(Timestamp::MAX))
}

/// Looks at one order and logs how the look ended.
///
/// An error means that the outcome could not be recorded. A number means that the order was not looked at: so many looks at it
/// were interrupted, and other orders are processed at the same time.
async fn look_and_report(
    deps: &Deps,
    ctx: &ConnectionContext,
    order: &OrderIdentifier,
    concurrency: Concurrency,
) -> Result<Option<u32>, StoreError> {
    let connection = &ctx.item.connection.id;
    let ended = match ctx.check_connection().await {
        Err(error) => Ok(Err(error)),
        Ok(ConnectionCheck::Off) => return Ok(None),
        Ok(ConnectionCheck::Same) if ctx.has_time() => {
            let looked = AssertUnwindSafe(Box::pin(look_at_order(ctx, order, concurrency))).catch_unwind();
            // A look that is cut off in the middle of a call leaves an unknown row, as a lost answer does.
            match timeout_at(&*ctx.clock, ctx.cut_off, looked).await {
                Ok(ended) => ended,
                Err(_) => Ok(outcome::record_cut_off(ctx, order).await),
            }
        }
        Ok(ConnectionCheck::Same | ConnectionCheck::Changed) => Ok(Ok(LookEnd::Continues)),
    };
    let end = match ended {
        Ok(Ok(end)) => end,
        Ok(Err(error)) => {
            tracing::error!(error = %Chain(&error), "not recorded");
            return Err(error);
        }
        Err(_) => {
            tracing::error!("panicked");
            outcome::record_missing_outcome(ctx, order).await?
        }
    };
    match &end {
        LookEnd::NotDue => tracing::debug!("not due"),
        LookEnd::Interrupted(times) => return Ok(Some(*times)),
        LookEnd::Recorded(state) => tracing::info!(order.state = state.as_str(), "looked at"),
        LookEnd::Held => tracing::info!("held: a peer is paused"),
        LookEnd::Failed(peer, trouble) => tracing::warn!(
            peer = peer.as_str(), trouble = %trouble, "a call failed"
        ),
        LookEnd::Continues => {
            tracing::info!("goes on in the next invocation");
            let message = OrderMessage::new(connection.clone(), order.clone());
            if let Err(error) = deps.queue.send_messages(&[message]).await {
                // The order is due in the ledger, so the next poll queues it.
                tracing::warn!(error = %Chain(&error), "not sent again");
            }
        }
    }
    Ok(None)
}

//! Processes a batch of messages: connections side by side, and the orders of one connection side by side.
//!
//! A panic costs one look. When little time is left, the remaining orders are sent to the queue again. Orders whose last look
//! was interrupted come last and one at a time: an order that kills the process must neither be counted against its neighbours
//! nor hold them up.

use crate::context::Context;
use crate::look::{Company, look};
use crate::outcome::{self, End};
use crate::sign_in;
use connection::{Sessions, Still};
use domain::ids::{ConnectionId, OrderIdentifier};
use domain::settings::Settings;
use futures::future::{join, join_all};
use futures::{FutureExt, StreamExt, stream};
use jiff::Timestamp;
use runtime::clock::timeout_at;
use runtime::error::Chain;
use runtime::invocation::Invocations;
use runtime::sqs_event::Message;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use store::StoreError;
use store::model::{ConnectionItem, ConnectionState, Peer};
use store::queue::{OrderMessage, OrderQueue, OrdersQueueMessage};
use store::queueing::QueueingError;
use tokio::time::Instant;
use tracing::Instrument;

/// Orders of one connection that are processed at a time: as many as a batch has.
///
/// The pacing keeps the limit of Robaws. Fewer orders at a time would leave part of the limit unused: an order also waits for
/// ProductFlow and for the table, and a batch ends with its slowest order.
const SIDE_BY_SIDE: usize = 10;

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    pub sessions: Sessions,
    pub queue: OrderQueue,
    pub invocations: Invocations,
}

/// What the messages of a batch ask of one connection.
#[derive(Default)]
struct Asked {
    /// The orders to look at, each with the ids of its messages.
    messages: BTreeMap<OrderIdentifier, Vec<String>>,
    /// Whether more due orders are to be queued.
    goes_on: bool,
}

/// Processes a batch. Gives the ids of the messages whose outcome could not even be recorded: these come again.
pub async fn run(deps: &Deps, messages: Vec<Message<OrdersQueueMessage>>, deadline: Instant) -> Vec<String> {
    let mut by_connection: BTreeMap<ConnectionId, Asked> = BTreeMap::new();
    for message in messages {
        match message.body {
            OrdersQueueMessage::Look(look) => {
                let asked = by_connection.entry(look.connection).or_default();
                asked.messages.entry(look.order).or_default().push(message.id);
            }
            OrdersQueueMessage::GoOn(go_on) => {
                by_connection.entry(go_on.connection).or_default().goes_on = true;
            }
            OrdersQueueMessage::SignIn(ask) => {
                let span = connection_span(&ask.connection);
                sign_in::put(deps, ask, deadline).instrument(span).await;
            }
        }
    }
    let connections = by_connection.into_iter().map(|(id, asked)| {
        let span = connection_span(&id);
        connection(deps, id, asked, deadline).instrument(span)
    });
    let mut opened = Vec::new();
    let mut failed = Vec::new();
    for connection in join_all(connections).await {
        match connection {
            Ok(work) => opened.push(work),
            Err(messages) => failed.extend(messages),
        }
    }
    alone(deps, &mut opened).await;
    for work in opened {
        let span = connection_span(&work.ctx.item.connection.id);
        failed.extend(work.close().instrument(span).await);
    }
    failed
}

/// Processes the orders whose last look was interrupted, one at a time, the least often interrupted first.
async fn alone(deps: &Deps, opened: &mut [Work]) {
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
            let looked = look_at(deps, &work.ctx, order, Company::Alone);
            let looked = looked.instrument(span).await;
            work.take(looked);
        }
    }
}

fn connection_span(id: &ConnectionId) -> tracing::Span {
    tracing::info_span!("connection", connection.id = %id)
}

/// The work for one connection in this invocation.
struct Work {
    ctx: Context,
    messages: BTreeMap<OrderIdentifier, Vec<String>>,
    failed: Vec<OrderIdentifier>,
    /// Orders left for the end, each with the number of looks that were interrupted.
    interrupted: Vec<(u32, OrderIdentifier)>,
}

/// How a look ended, for the batch.
enum Looked {
    Recorded,
    NotRecorded(OrderIdentifier),
    Interrupted(u32, OrderIdentifier),
}

impl Work {
    fn take(&mut self, looked: Looked) {
        match looked {
            Looked::Recorded => {}
            Looked::NotRecorded(order) => self.failed.push(order),
            Looked::Interrupted(times, order) => self.interrupted.push((times, order)),
        }
    }

    /// Stores what the looks learned. Gives the ids of the messages whose outcome could not be recorded.
    async fn close(mut self) -> Vec<String> {
        if let Err(error) = self.ctx.close().await {
            tracing::warn!(error = %Chain(&error), "newest documents and quota could not be stored");
        }
        let failed = self.failed.iter();
        failed
            .filter_map(|order| self.messages.remove(order))
            .flatten()
            .collect()
    }
}

/// Processes all orders of a connection but those whose last look was interrupted. An error holds the ids of the messages that
/// must come again.
async fn connection(
    deps: &Deps,
    id: ConnectionId,
    Asked { messages, goes_on }: Asked,
    deadline: Instant,
) -> Result<Work, Vec<String>> {
    let ctx = match open(deps, &id, deadline).await {
        Ok(Some(ctx)) => ctx,
        Ok(None) => return Err(Vec::new()),
        Err(Unopened::Store(error)) => {
            tracing::error!(error = %Chain(&error), "the connection could not be read");
            return Err(messages.into_values().flatten().collect());
        }
        Err(Unopened::Credentials(error)) => {
            // The orders stay due, so the next poll queues them again.
            tracing::error!(error = %Chain(&error), "no clients for this connection");
            return Err(Vec::new());
        }
    };
    // More orders are queued beside the looks, so that they are in the queue when these looks are done.
    let queued = async {
        if goes_on && let Err(error) = go_on(deps, &ctx).await {
            // The orders are due in the ledger, so the next poll queues them.
            tracing::warn!(error = %Chain(&error), "no more orders were queued");
        }
    };
    let identifiers: Vec<OrderIdentifier> = messages.keys().cloned().collect();
    let looks = stream::iter(identifiers)
        .map(|order| look_at(deps, &ctx, order, Company::Others))
        .buffer_unordered(SIDE_BY_SIDE)
        .collect::<Vec<Looked>>();
    let (looked, ()) = join(looks, queued).await;
    let mut work = Work {
        ctx,
        messages,
        failed: Vec::new(),
        interrupted: Vec::new(),
    };
    for looked in looked {
        work.take(looked);
    }
    Ok(work)
}

async fn look_at(deps: &Deps, ctx: &Context, order: OrderIdentifier, company: Company) -> Looked {
    let span = tracing::info_span!("order", order.identifier = %order);
    match one(deps, ctx, &order, company).instrument(span).await {
        Ok(None) => Looked::Recorded,
        Ok(Some(times)) => Looked::Interrupted(times, order),
        Err(_logged) => Looked::NotRecorded(order),
    }
}

/// Queues more due orders. While Robaws is paused nothing is queued: the poll begins again when the pause is over.
async fn go_on(deps: &Deps, ctx: &Context) -> Result<(), QueueingError> {
    if !ctx.has_time() || !ctx.health.may_work(Peer::Robaws).await {
        return Ok(());
    }
    let (connection, now) = (&ctx.item.connection.id, ctx.clock.now());
    let chosen = ctx.store.choose_due_orders(connection, now).await?;
    ctx.store
        .queue_orders(&deps.queue, connection, &chosen, now)
        .await?;
    tracing::info!(
        queued = chosen.orders.len(),
        more = chosen.more,
        "goes on with what is due"
    );
    Ok(())
}

enum Unopened {
    Store(StoreError),
    Credentials(connection::PeersError),
}

/// Opens a connection. Gives `None` for a connection that is not active: then nothing is called and the messages are done.
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
    // A connection without a go-live was never activated, so none of its orders may be touched.
    connection.rules(connection.go_live.unwrap_or(Timestamp::MAX))
}

/// Looks at one order and logs how the look ended.
///
/// An error means that the outcome could not be recorded. A number means that the order was not looked at: so many looks at it
/// were interrupted, and other orders are processed at the same time.
async fn one(
    deps: &Deps,
    ctx: &Context,
    order: &OrderIdentifier,
    company: Company,
) -> Result<Option<u32>, StoreError> {
    let connection = &ctx.item.connection.id;
    let ended = match ctx.still().await {
        Err(error) => Ok(Err(error)),
        Ok(Still::Off) => return Ok(None),
        Ok(Still::Same) if ctx.has_time() => {
            let looked = AssertUnwindSafe(Box::pin(look(ctx, order, company))).catch_unwind();
            // A look that is cut off in the middle of a call leaves an unknown row, as a lost answer does.
            match timeout_at(&*ctx.clock, ctx.cut_off, looked).await {
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
        End::Interrupted(times) => return Ok(Some(*times)),
        End::Settled(state) => tracing::info!(order.state = state.as_str(), "looked at"),
        End::Held => tracing::info!("held: a peer is paused"),
        End::Failed(peer, trouble) => tracing::warn!(
            peer = peer.as_str(), trouble = %trouble, "a call failed"
        ),
        End::Continues => {
            tracing::info!("goes on in the next invocation");
            let message = OrderMessage::new(connection.clone(), order.clone());
            if let Err(error) = deps.queue.send(&[message]).await {
                // The order is due in the ledger, so the next poll queues it.
                tracing::warn!(error = %Chain(&error), "not sent again");
            }
        }
    }
    Ok(None)
}

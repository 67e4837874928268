//! A batch of messages: connections side by side, and so are the orders of one. A panic costs one look; when little time is left the
//! rest is sent again. Orders whose last look was interrupted come last and one at a time, so that one that kills the process is not
//! counted against those beside it, and holds up none.

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

/// Orders of one connection at a time: as many as a batch has. What keeps Robaws' limit is the pacing; fewer leave part of it unused,
/// since an order also waits for ProductFlow and for the table, and since a batch ends with its slowest order.
const SIDE_BY_SIDE: usize = 10;

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

/// What a batch asks for of one connection.
#[derive(Default)]
struct Asked {
    /// Looks at these orders, each with the ids of its messages.
    messages: BTreeMap<OrderIdentifier, Vec<String>>,
    /// More of what is due is to be queued.
    goes_on: bool,
}

/// Works off a batch, and gives the ids of the messages of which not even the outcome could be recorded.
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

/// The orders whose last look was interrupted, the least often interrupted first.
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

/// What is done for one connection in this invocation.
struct Work {
    ctx: Context,
    messages: BTreeMap<OrderIdentifier, Vec<String>>,
    failed: Vec<OrderIdentifier>,
    /// With the number of looks that were interrupted.
    interrupted: Vec<(u32, OrderIdentifier)>,
}

/// How a look ended for the batch.
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

    /// The messages of which not even the outcome could be recorded.
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

/// All orders of a connection but those whose last look was interrupted. An error holds the messages that must come again.
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
            // The orders stay due: the next poll queues them again.
            tracing::error!(error = %Chain(&error), "no clients for this connection");
            return Err(Vec::new());
        }
    };
    // Beside the looks, so that the next orders are there when these are done.
    let queued = async {
        if goes_on && let Err(error) = go_on(deps, &ctx).await {
            // They are due in the ledger: the next poll queues them.
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

/// Queues more of what is due, unless Robaws is paused: then the poll begins anew when it is not.
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

/// One order. An error means that its outcome could not be recorded; a number, that it was not looked at, because that many looks
/// at it were interrupted and others run beside it.
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
            // Cut off in the middle of a call, its row is unknown, as after a lost answer.
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
                // It is due in the ledger: the next poll queues it.
                tracing::warn!(error = %Chain(&error), "not sent again");
            }
        }
    }
    Ok(None)
}

//! One round over all active connections: side by side, least recently polled first, within the time budget. One that
//! fails or is slow costs the others nothing.

use crate::poll;
use crate::shard::Shard;
use crate::suspended;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use peers::Peers;
use peers::notifications::is_unreachable;
use runtime::clock::SharedClock;
use runtime::error::Chain;
use runtime::invocation::Invocations;
use runtime::metrics::{self, Metric};
use std::time::Duration;
use store::model::{ConnectionItem, ConnectionState, Peer};
use store::queue::{ArticleQueue, OrderQueue, SweepQueue};
use store::{Store, StoreError};
use tokio::time::Instant;
use tracing::Instrument;

/// Connections polled at a time.
const SIDE_BY_SIDE: usize = 64;
/// Longest that one connection may take of a round.
const LONGEST: Duration = Duration::from_secs(100);
/// No connection is begun with less time than this, or half of the whole with a shorter time limit than ours.
const NEEDS: Duration = Duration::from_secs(20);

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    /// Ledger and connections.
    pub store: Store,
    /// The orders queue.
    pub queue: OrderQueue,
    /// The articles queue.
    pub articles_queue: ArticleQueue,
    /// The sweeps queue.
    pub sweeps_queue: SweepQueue,
    /// Clients of the peers.
    pub peers: Peers,
    /// The time.
    pub clock: SharedClock,
    /// Runs invocations.
    pub invocations: Invocations,
}

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Connections polled without an error.
    pub polled: usize,
    /// Connections whose poll failed.
    pub failed: usize,
    /// Messages sent.
    pub queued: usize,
    /// Connections that there was no time for, or not enough.
    pub unfinished: usize,
    /// Connections whose orders wait for Robaws to answer again.
    pub waiting: usize,
}

/// Polls every active connection of a shard.
pub async fn run(deps: &Deps, shard: Shard, deadline: Instant) -> Result<Report, StoreError> {
    let mut connections = deps.store.connections_of(shard.parts()).await?;
    gauge(&connections, deps.clock.now());
    let suspended = connections.extract_if(.., |item| item.connection.state == ConnectionState::Suspended);
    let suspended: Vec<_> = suspended.collect();
    connections.retain(|item| item.connection.state == ConnectionState::Active);
    connections.sort_unstable_by_key(|item| item.poll.last_poll_at);
    for item in suspended {
        let id = item.connection.id.clone();
        if let Err(error) = suspended::keep(deps, *item).await {
            tracing::error!(connection.id = %id, error = %Chain(&error), "a suspended connection could not be kept so");
        }
    }
    let needs = NEEDS.min(deadline.saturating_duration_since(Instant::now()) / 2);
    let reports = stream::iter(connections)
        .map(|item| {
            let item = *item;
            let span = tracing::info_span!("connection", connection.id = %item.connection.id);
            one(deps, item, deadline, needs).instrument(span)
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect::<Vec<_>>()
        .await;
    let mut total = Report::default();
    for report in reports {
        total.polled += report.polled;
        total.failed += report.failed;
        total.queued += report.queued;
        total.unfinished += report.unfinished;
        total.waiting += report.waiting;
    }
    metrics::gauge(Metric::PollsUnfinished, number(total.unfinished));
    tracing::info!(
        polled = total.polled,
        failed = total.failed,
        queued = total.queued,
        unfinished = total.unfinished,
        waiting = total.waiting,
        "round done"
    );
    Ok(total)
}

/// What the connections are, and whose peers do not answer.
fn gauge(connections: &[Box<ConnectionItem>], now: Timestamp) {
    let of_state = |state: &str| connections.iter().filter(|item| state_of(item) == state).count();
    for state in STATES {
        metrics::gauge(Metric::ConnectionsByState.of(state), number(of_state(state)));
    }
    for peer in [Peer::Robaws, Peer::Productflow] {
        let is_away = |item: &ConnectionItem| {
            item.connection.state == ConnectionState::Active && is_unreachable(item, peer, now)
        };
        let away = connections.iter().filter(|item| is_away(item)).count();
        metrics::gauge(Metric::ConnectionsUnreachable.of(peer.as_str()), number(away));
    }
}

const STATES: [&str; 4] = ["active", "needs_credentials", "suspended", "inactive"];

fn state_of(item: &ConnectionItem) -> &'static str {
    let refused = item.robaws.refused_since.or(item.productflow.refused_since);
    match item.connection.state {
        ConnectionState::Active if refused.is_some() => "needs_credentials",
        ConnectionState::Active => "active",
        ConnectionState::Suspended => "suspended",
        ConnectionState::Inactive => "inactive",
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

async fn one(deps: &Deps, item: ConnectionItem, deadline: Instant, needs: Duration) -> Report {
    let now = Instant::now();
    if deadline.saturating_duration_since(now) < needs {
        return Report {
            unfinished: 1,
            ..Report::default()
        };
    }
    let until = deadline.min(now + LONGEST);
    match tokio::time::timeout_at(until, Box::pin(poll::run(deps, item, until))).await {
        Ok(Ok(polled)) => Report {
            polled: 1,
            queued: polled.queued,
            waiting: usize::from(polled.waits),
            ..Report::default()
        },
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "poll failed");
            Report {
                failed: 1,
                ..Report::default()
            }
        }
        Err(_) => {
            tracing::warn!("poll ran out of time");
            Report {
                failed: 1,
                unfinished: 1,
                ..Report::default()
            }
        }
    }
}

//! One poll of all connections that have a turn: side by side, least recently polled first, within the time limit.
//!
//! A connection that fails or is slow costs the other connections nothing.

use crate::census::Census;
use crate::poll::{self, Polled};
use crate::shard::Shard;
use crate::suspended;
use connection::Peers;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use runtime::clock::{SharedClock, timeout_at};
use runtime::error::Chain;
use runtime::invocation::Invocations;
use runtime::metrics::{self, Metric};
use std::time::Duration;
use store::model::{ConnectionItem, ConnectionState};
use store::queue::{ArticleQueue, OrderQueue, SweepQueue};
use store::{Store, StoreError};
use tokio::time::Instant;
use tracing::Instrument;

/// Connections polled at a time.
const SIDE_BY_SIDE: usize = 64;
/// Longest time that one connection may take.
const LONGEST: Duration = Duration::from_secs(100);
/// No connection is begun with less time than this. When the time limit of the function is shorter than planned, half of the
/// time left at the beginning counts instead.
const NEEDS: Duration = Duration::from_secs(20);

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    pub store: Store,
    pub queue: OrderQueue,
    pub articles_queue: ArticleQueue,
    pub sweeps_queue: SweepQueue,
    pub peers: Peers,
    pub clock: SharedClock,
    pub invocations: Invocations,
}

/// What a poll did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Connections polled without an error.
    pub polled: usize,
    /// Connections whose poll failed.
    pub failed: usize,
    /// Messages sent to the queues.
    pub queued: usize,
    /// Connections that there was no time for, or not enough.
    pub unfinished: usize,
    /// Connections whose due orders wait until Robaws is no longer paused.
    pub waiting: usize,
}

impl Report {
    fn polled(polled: Polled) -> Self {
        Self {
            polled: 1,
            queued: polled.queued,
            waiting: usize::from(polled.waits),
            ..Self::default()
        }
    }

    fn failed() -> Self {
        Self {
            failed: 1,
            ..Self::default()
        }
    }

    fn unfinished() -> Self {
        Self {
            unfinished: 1,
            ..Self::default()
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            polled: self.polled + other.polled,
            failed: self.failed + other.failed,
            queued: self.queued + other.queued,
            unfinished: self.unfinished + other.unfinished,
            waiting: self.waiting + other.waiting,
        }
    }
}

/// Polls every active connection of a shard, and records that suspended connections are suspended.
pub async fn run(deps: &Deps, shard: Shard, deadline: Instant) -> Result<Report, StoreError> {
    let mut census = Census::default();
    // Boxed: the list moves its elements when it grows and when it is sorted.
    let mut items: Vec<Box<ConnectionItem>> = Vec::new();
    let now = deps.clock.now();
    deps.store
        .each_connection(shard.parts(), |item| {
            census.count(&item, now);
            if has_a_turn(&item) {
                items.push(Box::new(item));
            }
        })
        .await?;
    census.gauge();
    let needs = NEEDS.min(deadline.saturating_duration_since(deps.clock.instant()) / 2);
    let mut total = Report::default();
    let mut polls = FuturesUnordered::new();
    // Least recently polled first, so that a poll that its time limit cuts off starves no connection.
    items.sort_unstable_by_key(|item| item.poll.last_poll_at);
    for item in items {
        if polls.len() >= SIDE_BY_SIDE
            && let Some(report) = polls.next().await
        {
            total = total.and(report);
        }
        let span = tracing::info_span!("connection", connection.id = %item.connection.id);
        polls.push(one(deps, item, deadline, needs).instrument(span));
    }
    while let Some(report) = polls.next().await {
        total = total.and(report);
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

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn is_time(deps: &Deps, deadline: Instant, needs: Duration) -> bool {
    deadline.saturating_duration_since(deps.clock.instant()) >= needs
}

/// Whether the connection is polled. Inactive connections are not.
fn has_a_turn(item: &ConnectionItem) -> bool {
    matches!(
        item.connection.state,
        ConnectionState::Active | ConnectionState::Suspended
    )
}

async fn one(deps: &Deps, item: Box<ConnectionItem>, deadline: Instant, needs: Duration) -> Report {
    if !is_time(deps, deadline, needs) {
        return Report::unfinished();
    }
    let until = deadline.min(deps.clock.instant() + LONGEST);
    let turn = async {
        match item.connection.state {
            ConnectionState::Active => Box::pin(poll::run(deps, *item, until)).await.map(Report::polled),
            ConnectionState::Suspended => suspended::keep(deps, *item).await.map(|()| Report::default()),
            // The connection became inactive after the list of connections was read.
            ConnectionState::Inactive => Ok(Report::default()),
        }
    };
    match timeout_at(&*deps.clock, until, turn).await {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "poll failed");
            Report::failed()
        }
        Err(_) => {
            tracing::warn!("poll ran out of time");
            Report {
                unfinished: 1,
                ..Report::failed()
            }
        }
    }
}

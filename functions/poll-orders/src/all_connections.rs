//! One poll of all connections that have a turn: side by side, least recently polled first, within the time limit.
//!
//! A connection that fails or is slow costs the other connections nothing.

use crate::census::Census;
use crate::one_connection::{self, ConnectionPoll};
use crate::shard::Shard;
use crate::suspended;
use connection::PeerClients;
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
const CONNECTIONS_SIDE_BY_SIDE: usize = 64;
/// Longest time that one connection may take.
const LONGEST_POLL_OF_CONNECTION: Duration = Duration::from_secs(100);
/// No connection is begun with less time than this. When the time limit of the function is shorter than planned, half of the
/// time left at the beginning counts instead.
const TIME_TO_BEGIN: Duration = Duration::from_secs(20);

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    pub store: Store,
    pub queue: OrderQueue,
    pub articles_queue: ArticleQueue,
    pub sweeps_queue: SweepQueue,
    pub peers: PeerClients,
    pub clock: SharedClock,
    pub invocations: Invocations,
}

/// What a poll did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PollReport {
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

impl PollReport {
    fn for_polled_connection(polled: ConnectionPoll) -> Self {
        Self {
            polled: 1,
            queued: polled.queued,
            waiting: usize::from(polled.is_robaws_paused),
            ..Self::default()
        }
    }

    fn for_failed_connections() -> Self {
        Self { failed: 1, ..Self::default() }
    }

    fn for_unfinished_connections() -> Self {
        Self { unfinished: 1, ..Self::default() }
    }

    fn add_up(self, other: Self) -> Self {
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
pub(crate) async fn poll_connections(
    deps: &Deps,
    shard: Shard,
    deadline: Instant,
) -> Result<PollReport, StoreError> {
    let mut census = Census::default();
    // Boxed: the list moves its elements when it grows and when it is sorted.
    let mut items: Vec<Box<ConnectionItem>> = Vec::new();
    let now = deps.clock.now();
    deps.store
        .for_each_connection(shard.partitions_of_shard(), |item| {
            census.count_connection(&item, now);
            if has_a_turn(&item) {
                items.push(Box::new(item));
            }
        })
        .await?;
    census.report_to_metrics();
    let needs = TIME_TO_BEGIN.min(deadline.saturating_duration_since(deps.clock.instant()) / 2);
    let mut total = PollReport::default();
    let mut polls = FuturesUnordered::new();
    // Least recently polled first, so that a poll that its time limit cuts off starves no connection.
    items.sort_unstable_by_key(|item| item.poll.last_poll_at);
    for item in items {
        if polls.len() >= CONNECTIONS_SIDE_BY_SIDE
            && let Some(report) = polls.next().await
        {
            total = total.add_up(report);
        }
        let span = tracing::info_span!("connection", connection.id = %item.connection.id);
        polls.push(poll_or_keep_suspended(deps, item, deadline, needs).instrument(span));
    }
    while let Some(report) = polls.next().await {
        total = total.add_up(report);
    }
    metrics::set_gauge(Metric::PollsUnfinished, to_metric_value(total.unfinished));
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

fn to_metric_value(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn has_time_to_begin(deps: &Deps, deadline: Instant, needs: Duration) -> bool {
    deadline.saturating_duration_since(deps.clock.instant()) >= needs
}

/// Whether the connection is polled. Inactive connections are not.
fn has_a_turn(item: &ConnectionItem) -> bool {
    matches!(item.connection.state, ConnectionState::Active | ConnectionState::Suspended)
}

async fn poll_or_keep_suspended(
    deps: &Deps,
    item: Box<ConnectionItem>,
    deadline: Instant,
    needs: Duration,
) -> PollReport {
    if !has_time_to_begin(deps, deadline, needs) {
        return PollReport::for_unfinished_connections();
    }
    let until = deadline.min(deps.clock.instant() + LONGEST_POLL_OF_CONNECTION);
    let turn = async {
        match item.connection.state {
            ConnectionState::Active => Box::pin(one_connection::poll_connection(deps, *item, until))
                .await
                .map(PollReport::for_polled_connection),
            ConnectionState::Suspended => {
                suspended::keep_suspended(deps, *item).await.map(|()| PollReport::default())
            }
            // The connection became inactive after the list of connections was read.
            ConnectionState::Inactive => Ok(PollReport::default()),
        }
    };
    match timeout_at(&*deps.clock, until, turn).await {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "poll failed");
            PollReport::for_failed_connections()
        }
        Err(_) => {
            tracing::warn!("poll ran out of time");
            PollReport { unfinished: 1, ..PollReport::for_failed_connections() }
        }
    }
}

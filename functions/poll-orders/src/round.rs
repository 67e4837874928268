//! One round over all active connections: side by side, least recently polled first, within the time budget. One that
//! fails or is slow costs the others nothing.

use crate::poll;
use crate::suspended;
use futures::{StreamExt, stream};
use peers::Peers;
use runtime::clock::SharedClock;
use runtime::error::Chain;
use std::time::Duration;
use store::model::{ConnectionItem, ConnectionState};
use store::queue::{ArticleQueue, OrderQueue, SweepQueue};
use store::{Store, StoreError};
use tokio::time::Instant;

/// Connections polled at a time.
const SIDE_BY_SIDE: usize = 32;
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
}

/// Polls every active connection.
pub async fn run(deps: &Deps, deadline: Instant) -> Result<Report, StoreError> {
    let mut connections = deps.store.connections().await?;
    let suspended = connections.extract_if(.., |item| item.connection.state == ConnectionState::Suspended);
    let suspended: Vec<ConnectionItem> = suspended.collect();
    connections.retain(|item| item.connection.state == ConnectionState::Active);
    connections.sort_by_key(|item| item.poll.last_poll_at);
    for item in suspended {
        let id = item.connection.id.clone();
        if let Err(error) = suspended::keep(deps, item).await {
            tracing::error!(connection.id = %id, error = %Chain(&error), "a suspended connection could not be kept so");
        }
    }
    let needs = NEEDS.min(deadline.saturating_duration_since(Instant::now()) / 2);
    let reports = stream::iter(connections)
        .map(|item| one(deps, item, deadline, needs))
        .buffer_unordered(SIDE_BY_SIDE)
        .collect::<Vec<_>>()
        .await;
    let mut total = Report::default();
    for report in reports {
        total.polled += report.polled;
        total.failed += report.failed;
        total.queued += report.queued;
    }
    tracing::info!(
        polled = total.polled,
        failed = total.failed,
        queued = total.queued,
        "round done"
    );
    Ok(total)
}

async fn one(deps: &Deps, item: ConnectionItem, deadline: Instant, needs: Duration) -> Report {
    let now = Instant::now();
    if deadline.saturating_duration_since(now) < needs {
        return Report::default();
    }
    let until = deadline.min(now + LONGEST);
    let id = item.connection.id.clone();
    match tokio::time::timeout_at(until, Box::pin(poll::run(deps, item, until))).await {
        Ok(Ok(queued)) => Report {
            polled: 1,
            failed: 0,
            queued,
        },
        Ok(Err(error)) => {
            tracing::warn!(connection.id = %id, error = %Chain(&error), "poll failed");
            Report {
                failed: 1,
                ..Report::default()
            }
        }
        Err(_) => {
            tracing::warn!(connection.id = %id, "poll ran out of time");
            Report {
                failed: 1,
                ..Report::default()
            }
        }
    }
}

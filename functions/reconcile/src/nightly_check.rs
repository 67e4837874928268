//! The nightly check of every active connection: as many as the time allows, a few side by side. The queue takes over the rest.

use crate::config::Deps;
use crate::sweeps::{self, SweepEnd};
use domain::ids::ConnectionId;
use futures::{StreamExt, stream};
use runtime::error::Chain;
use std::time::Duration;
use store::StoreError;
use store::keys;
use store::model::{ConnectionItem, ConnectionState};
use store::queue::{Sweep, SweepMessage};
use store::sweep::SweepRequest;
use tokio::time::Instant;
use tracing::Instrument;

/// Connections checked at a time.
const CONNECTIONS_SIDE_BY_SIDE: usize = 8;
/// Longest time for one connection. Then the queue takes over, so that a large connection does not use up the time of the
/// others.
const LONGEST_CHECK_OF_CONNECTION: Duration = Duration::from_mins(5);
/// No check is begun with less time than this. When the time limit of the function is shorter than planned, half of the time
/// left at the beginning counts instead.
const TIME_TO_BEGIN: Duration = Duration::from_mins(1);

/// What a night did, in numbers of connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NightReport {
    /// Connections checked to the end.
    pub checked_to_end: usize,
    /// Connections left to the queue.
    pub left_to_queue: usize,
    /// Connections whose check could not even be begun.
    pub failed: usize,
}

pub(crate) async fn check_connections(deps: &Deps, deadline: Instant) -> Result<NightReport, StoreError> {
    let mut active = Vec::new();
    let note = |item: ConnectionItem| {
        if item.connection.state == ConnectionState::Active {
            active.push(item.connection.id);
        }
    };
    deps.sessions.store.for_each_connection(0..keys::SHARDS, note).await?;
    let needs = TIME_TO_BEGIN.min(deadline.saturating_duration_since(deps.sessions.clock.instant()) / 2);
    let ends: Vec<Option<bool>> = stream::iter(active)
        .map(|id| {
            let span = tracing::info_span!("connection", connection.id = %id);
            check_connection(deps, id, deadline, needs).instrument(span)
        })
        .buffer_unordered(CONNECTIONS_SIDE_BY_SIDE)
        .collect()
        .await;
    let count = |wanted: Option<bool>| ends.iter().filter(|end| **end == wanted).count();
    let report = NightReport {
        checked_to_end: count(Some(true)),
        left_to_queue: count(Some(false)),
        failed: count(None),
    };
    tracing::info!(
        done = report.checked_to_end,
        left = report.left_to_queue,
        failed = report.failed,
        "night done"
    );
    Ok(report)
}

/// Checks one connection. Gives whether the check is done; otherwise the queue continues it. Gives `None` when the check could
/// not be begun.
async fn check_connection(deps: &Deps, id: ConnectionId, deadline: Instant, needs: Duration) -> Option<bool> {
    let failed = |error: &StoreError| {
        tracing::error!(error = %Chain(error), "the nightly check could not be begun");
    };
    let ask = SweepRequest::new(deps.sessions.clock.now());
    let asked = deps.sessions.store.request_sweep(&id, Sweep::Reconcile, &ask).await;
    if let Err(error) = asked {
        failed(&error);
        return None;
    }
    let now = deps.sessions.clock.instant();
    if deadline.saturating_duration_since(now) < needs {
        let message = SweepMessage::new(id.clone(), Sweep::Reconcile);
        if let Err(error) = deps.sweeps_queue.send_messages(&[message]).await {
            // The check was asked for in the table, so a poll revives it.
            tracing::warn!(error = %Chain(&error), "the nightly check is not queued");
        }
        return Some(false);
    }
    match sweeps::run_sweep(deps, &id, Sweep::Reconcile, deadline.min(now + LONGEST_CHECK_OF_CONNECTION))
        .await
    {
        Ok(end) => Some(end == SweepEnd::Done),
        Err(error) => {
            failed(&error);
            None
        }
    }
}

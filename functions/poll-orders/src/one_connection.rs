//! The poll of one connection: probes refused peers, reads the list of orders, queues what is due.

use crate::all_connections::Deps;
use crate::due_articles;
use crate::due_orders;
use crate::pass::{self, PassEnd};
use connection::{Clients, HealthTracker, PeerClientsError, Trouble, notification_updates, observe};
use domain::ids::OrderIdentifier;
use jiff::Timestamp;
use runtime::error::Chain;
use runtime::metrics::{self, Metric};
use std::collections::BTreeSet;
use store::StoreError;
use store::due_queueing::QueueingError;
use store::model::{ConnectionItem, Peer, PeerHealth};
use store::queue::{QueueError, Sweep};
use tokio::time::Instant;

/// Why a connection could not be polled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PollError {
    #[error("the ledger failed")]
    Store(#[from] StoreError),
    /// The clients of the peers could not be built.
    #[error("no clients for this connection")]
    Peers(#[from] PeerClientsError),
    /// Orders, articles or sweeps could not be queued. They are still due.
    #[error("due orders could not be queued")]
    Queue(#[from] QueueError),
    /// Due orders could not be chosen or queued. They are still due.
    #[error("due orders could not be queued")]
    Queueing(#[from] QueueingError),
}

/// What the poll of a connection did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ConnectionPoll {
    /// Messages sent to the queues.
    pub queued: usize,
    /// Whether Robaws is paused, so that due orders wait.
    pub is_robaws_paused: bool,
}

/// Polls one connection until `until` at the latest.
pub(crate) async fn poll_connection(
    deps: &Deps,
    mut item: ConnectionItem,
    until: Instant,
) -> Result<ConnectionPoll, PollError> {
    let mut clients = deps.peers.clients_for(&item.connection).await?;
    let health = HealthTracker::new(deps.store.clone(), deps.clock.clone(), &item);
    let now = deps.clock.now();
    if item.poll.settings_stamp != item.connection.settings_stamp {
        // Changed settings may solve any problem, so every blocked order is due at once.
        deps.store.make_blocked_orders_due(&item.connection.id, now).await?;
        item.poll.settings_stamp = item.connection.settings_stamp;
        deps.store.save_poll_state(&item.connection.id, &item.poll).await?;
    }
    if !item.robaws.is_quota_below(PeerHealth::BULK_WORK_MIN_PERCENT, now) {
        due_articles::revive_sweeps(deps, &mut item, &Sweep::WHILE_ACTIVE).await?;
    }
    if probe_is_due(&item, Peer::Robaws, now) {
        clients = clients_with_stored_credentials(deps, &item, clients).await?;
        let answer = clients.robaws.make_cheapest_read().await;
        match answer {
            Ok(()) => health.record_success(Peer::Robaws).await?,
            Err(error) => report_failure(&health, Peer::Robaws, &Trouble::from(&error), &clients).await?,
        }
    }
    let seen = if may_read_order_list(&item, now) {
        record_poll_lag(&item, now);
        match pass::read_order_list(deps, &item, &clients, until).await? {
            PassEnd::ListRead { seen } => {
                health.record_success(Peer::Productflow).await?;
                seen
            }
            PassEnd::CallFailed { trouble, seen } => {
                tracing::warn!(peer = "productflow", trouble = %trouble, "the order list could not be read");
                report_failure(&health, Peer::Productflow, &trouble, &clients).await?;
                seen
            }
        }
    } else {
        BTreeSet::new()
    };
    let queued = queue_due_work(deps, &item, &health, &seen).await;
    // Notifications come last, so that a failure in them never holds up an order.
    if let Err(error) = update_notifications_if_outdated(deps, &item, &clients, &health).await {
        tracing::error!(error = %Chain(&error), "the notifications could not be brought up to date");
    }
    observe::gauge_quota(&item.connection.id, clients.robaws.limits());
    queued
}

/// Queues what is due, unless Robaws is paused.
async fn queue_due_work(
    deps: &Deps,
    item: &ConnectionItem,
    health: &HealthTracker,
    seen: &BTreeSet<OrderIdentifier>,
) -> Result<ConnectionPoll, PollError> {
    if !health.can_work(Peer::Robaws).await {
        tracing::debug!("Robaws is paused: due orders wait");
        return Ok(ConnectionPoll { is_robaws_paused: true, ..ConnectionPoll::default() });
    }
    let mut queued = due_orders::queue_due_orders(deps, item, seen).await?;
    if health.can_work(Peer::Productflow).await {
        queued += due_articles::queue_due_articles(deps, item).await?;
    }
    Ok(ConnectionPoll { queued, is_robaws_paused: false })
}

/// Records how old the knowledge of ProductFlow's orders is.
fn record_poll_lag(item: &ConnectionItem, now: Timestamp) {
    if let Some(mark) = item.poll.watermark {
        let age = u64::try_from(now.duration_since(mark).as_secs()).unwrap_or(0);
        metrics::record_value(Metric::PollLag, age);
    }
}

/// Brings the notifications up to date when something changed that they tell of.
async fn update_notifications_if_outdated(
    deps: &Deps,
    item: &ConnectionItem,
    clients: &Clients,
    health: &HealthTracker,
) -> Result<(), StoreError> {
    let now = deps.clock.now();
    let marked = deps.store.take_problem_change(&item.connection.id);
    let mut item = item.clone();
    item.robaws = health.current_health(Peer::Robaws).await;
    item.productflow = health.current_health(Peer::Productflow).await;
    if !marked && !notification_updates::may_be_outdated(&item, now) {
        return Ok(());
    }
    let robaws = health.can_work(Peer::Robaws).await;
    let robaws = robaws.then_some(&clients.robaws);
    notification_updates::update_notifications(&deps.store, &item, robaws, now).await
}

/// Whether a probe is due. Refused credentials get at most one probe per poll, 5 minutes doubling to 1 hour apart.
fn probe_is_due(item: &ConnectionItem, peer: Peer, now: Timestamp) -> bool {
    let health = item.health(peer);
    health.refused_since.is_some() && health.next_probe_at.is_none_or(|at| at <= now)
}

/// Whether the list of orders may be read. For a peer that was paused or refused the credentials, that read is the probe.
fn may_read_order_list(item: &ConnectionItem, now: Timestamp) -> bool {
    let health = item.health(Peer::Productflow);
    match health.refused_since {
        Some(_) => probe_is_due(item, Peer::Productflow, now),
        None => !health.is_paused(now),
    }
}

/// Clients with the credentials that are stored now. The secret may have been changed past our API, so a probe must not go with
/// a cached one.
async fn clients_with_stored_credentials(
    deps: &Deps,
    item: &ConnectionItem,
    clients: Clients,
) -> Result<Clients, PollError> {
    let fresh = deps.peers.clients_with_reloaded_credentials(&item.connection).await?;
    Ok(if fresh.has_same_credentials(&clients) { clients } else { fresh })
}

async fn report_failure(
    health: &HealthTracker,
    peer: Peer,
    trouble: &Trouble,
    clients: &Clients,
) -> Result<(), StoreError> {
    let cheapest = || async {
        match peer {
            Peer::Robaws => {
                clients.robaws.make_cheapest_read().await.map(drop).map_err(|e| Trouble::from(&e))
            }
            Peer::Productflow => clients.productflow.test_connection().await.map_err(|e| Trouble::from(&e)),
        }
    };
    health.record_failure(peer, None, trouble, cheapest).await
}

//! The poll of one connection: probes refused peers, reads the list of orders, queues what is due.

use crate::articles;
use crate::pass::{self, Passed};
use crate::queueing;
use crate::round::Deps;
use connection::{Clients, Health, PeersError, Trouble, notifications, observe};
use domain::ids::OrderIdentifier;
use jiff::Timestamp;
use runtime::error::Chain;
use runtime::metrics::{self, Metric};
use std::collections::BTreeSet;
use store::StoreError;
use store::model::{ConnectionItem, Peer, PeerHealth};
use store::queue::{QueueError, Sweep};
use store::queueing::QueueingError;
use tokio::time::Instant;

/// Why a connection could not be polled.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    #[error("the ledger failed")]
    Store(#[from] StoreError),
    /// The clients of the peers could not be built.
    #[error("no clients for this connection")]
    Peers(#[from] PeersError),
    /// Orders, articles or sweeps could not be queued. They are still due.
    #[error("due orders could not be queued")]
    Queue(#[from] QueueError),
    /// Due orders could not be chosen or queued. They are still due.
    #[error("due orders could not be queued")]
    Queueing(#[from] QueueingError),
}

/// What the poll of a connection did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Polled {
    /// Messages sent to the queues.
    pub queued: usize,
    /// Whether Robaws is paused, so that due orders wait.
    pub waits: bool,
}

/// Polls one connection until `until` at the latest.
pub async fn run(deps: &Deps, mut item: ConnectionItem, until: Instant) -> Result<Polled, PollError> {
    let mut clients = deps.peers.of(&item.connection).await?;
    let health = Health::new(deps.store.clone(), deps.clock.clone(), &item);
    let now = deps.clock.now();
    if item.poll.settings_stamp != item.connection.settings_stamp {
        // Changed settings may solve any problem, so every blocked order is due at once.
        deps.store.wake_blocked(&item.connection.id, now).await?;
        item.poll.settings_stamp = item.connection.settings_stamp;
        deps.store.save_poll(&item.connection.id, &item.poll).await?;
    }
    if !item.robaws.quota_is_below(PeerHealth::BULK_ENDS, now) {
        articles::revive(deps, &mut item, &Sweep::WHILE_ACTIVE).await?;
    }
    if probe_is_due(&item, Peer::Robaws, now) {
        clients = with_new_credentials(deps, &item, clients).await?;
        let answer = clients.robaws.cheapest_get().await;
        match answer {
            Ok(()) => health.succeeded(Peer::Robaws).await?,
            Err(error) => note_failure(&health, Peer::Robaws, &Trouble::from(&error), &clients).await?,
        }
    }
    let seen = if may_read(&item, now) {
        lag(&item, now);
        match pass::run(deps, &item, &clients, until).await? {
            Passed::Read { seen } => {
                health.succeeded(Peer::Productflow).await?;
                seen
            }
            Passed::Failed { trouble, seen } => {
                tracing::warn!(peer = "productflow", trouble = %trouble, "the order list could not be read");
                note_failure(&health, Peer::Productflow, &trouble, &clients).await?;
                seen
            }
        }
    } else {
        BTreeSet::new()
    };
    let queued = queue(deps, &item, &health, &seen).await;
    // Notifications come last, so that a failure in them never holds up an order.
    if let Err(error) = tell(deps, &item, &clients, &health).await {
        tracing::error!(error = %Chain(&error), "the notifications could not be brought up to date");
    }
    observe::quota(&item.connection.id, clients.robaws.limits());
    queued
}

/// Queues what is due, unless Robaws is paused.
async fn queue(
    deps: &Deps,
    item: &ConnectionItem,
    health: &Health,
    seen: &BTreeSet<OrderIdentifier>,
) -> Result<Polled, PollError> {
    if !health.may_work(Peer::Robaws).await {
        tracing::debug!("Robaws is paused: due orders wait");
        return Ok(Polled {
            waits: true,
            ..Polled::default()
        });
    }
    let mut queued = queueing::run(deps, item, seen).await?;
    if health.may_work(Peer::Productflow).await {
        queued += articles::run(deps, item).await?;
    }
    Ok(Polled { queued, waits: false })
}

/// Records how old the knowledge of ProductFlow's orders is.
fn lag(item: &ConnectionItem, now: Timestamp) {
    if let Some(mark) = item.poll.mark {
        let age = u64::try_from(now.duration_since(mark).as_secs()).unwrap_or(0);
        metrics::record(Metric::PollLag, age);
    }
}

/// Brings the notifications up to date when something changed that they tell of.
async fn tell(
    deps: &Deps,
    item: &ConnectionItem,
    clients: &Clients,
    health: &Health,
) -> Result<(), StoreError> {
    let now = deps.clock.now();
    let marked = deps.store.take_marked(&item.connection.id);
    let mut item = item.clone();
    item.robaws = health.now(Peer::Robaws).await;
    item.productflow = health.now(Peer::Productflow).await;
    if !marked && !notifications::may_be_outdated(&item, now) {
        return Ok(());
    }
    let robaws = health.may_work(Peer::Robaws).await;
    let robaws = robaws.then_some(&clients.robaws);
    notifications::tell(&deps.store, &item, robaws, now).await
}

/// Whether a probe is due. Refused credentials get at most one probe per poll, 5 minutes doubling to 1 hour apart.
fn probe_is_due(item: &ConnectionItem, peer: Peer, now: Timestamp) -> bool {
    let health = item.health(peer);
    health.refused_since.is_some() && health.next_probe_at.is_none_or(|at| at <= now)
}

/// Whether the list of orders may be read. For a peer that was paused or refused the credentials, that read is the probe.
fn may_read(item: &ConnectionItem, now: Timestamp) -> bool {
    let health = item.health(Peer::Productflow);
    match health.refused_since {
        Some(_) => probe_is_due(item, Peer::Productflow, now),
        None => !health.is_paused(now),
    }
}

/// Clients with the credentials that are stored now. The secret may have been changed past our API, so a probe must not go with
/// a cached one.
async fn with_new_credentials(
    deps: &Deps,
    item: &ConnectionItem,
    clients: Clients,
) -> Result<Clients, PollError> {
    let fresh = deps.peers.refreshed(&item.connection).await?;
    Ok(if fresh.same_credentials(&clients) {
        clients
    } else {
        fresh
    })
}

async fn note_failure(
    health: &Health,
    peer: Peer,
    trouble: &Trouble,
    clients: &Clients,
) -> Result<(), StoreError> {
    let cheapest = || async {
        match peer {
            Peer::Robaws => clients
                .robaws
                .cheapest_get()
                .await
                .map(drop)
                .map_err(|e| Trouble::from(&e)),
            Peer::Productflow => clients
                .productflow
                .test_connection()
                .await
                .map_err(|e| Trouble::from(&e)),
        }
    };
    health.failed(peer, None, trouble, cheapest).await
}

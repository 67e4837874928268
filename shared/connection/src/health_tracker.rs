//! The health of both peers of a connection within one invocation: pauses, refused credentials, probes
//! (design.md, "Due work, fairness, limits"). All looks of the connection share it.

use crate::trouble::Trouble;
use domain::ids::{ConnectionId, OrderIdentifier};
use jiff::{SignedDuration, Timestamp};
use runtime::clock::SharedClock;
use std::future::Future;
use store::Store;
use store::model::{ConnectionItem, Peer, PeerHealth};
use tokio::sync::Mutex;

/// Whether ordinary calls to a peer may go out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// No call before this moment.
    Paused(Timestamp),
    /// The peer refuses the credentials.
    Refused,
}

/// The health of both peers, updated by the calls of this invocation and stored.
pub struct HealthTracker {
    store: Store,
    clock: SharedClock,
    connection: ConnectionId,
    robaws: Mutex<PeerHealth>,
    productflow: Mutex<PeerHealth>,
}

impl HealthTracker {
    /// Starts from the stored health.
    pub fn new(store: Store, clock: SharedClock, item: &ConnectionItem) -> Self {
        Self {
            store,
            clock,
            connection: item.connection.id.clone(),
            robaws: Mutex::new(item.robaws.clone()),
            productflow: Mutex::new(item.productflow.clone()),
        }
    }

    fn slot_of(&self, peer: Peer) -> &Mutex<PeerHealth> {
        match peer {
            Peer::Robaws => &self.robaws,
            Peer::Productflow => &self.productflow,
        }
    }

    /// Whether ordinary calls to `peer` may go out. When a pause has ended, or `forced` says that a person asked
    /// for the look, `probe` goes first and the other looks wait for its answer.
    ///
    /// # Errors
    ///
    /// [`store::StoreError`] when the health cannot be stored.
    pub async fn check_gate<F>(
        &self,
        peer: Peer,
        forced: bool,
        probe: impl FnOnce() -> F,
    ) -> Result<Gate, store::StoreError>
    where
        F: Future<Output = Result<(), Trouble>>,
    {
        let mut health = self.slot_of(peer).lock().await;
        if health.refused_since.is_some() && !forced {
            return Ok(Gate::Refused);
        }
        if health.paused_until.is_none() && health.refused_since.is_none() {
            return Ok(Gate::Open);
        }
        let now = self.clock.now();
        if !forced && let Some(until) = health.paused_until.filter(|until| now < *until) {
            return Ok(Gate::Paused(until));
        }
        // The lock is held during the probe: other looks wait for its answer instead of calling as well.
        match probe().await {
            Ok(()) => self.note_success(peer, &mut health).await?,
            Err(trouble) if trouble.is_peer_well() => self.note_success(peer, &mut health).await?,
            Err(trouble) => {
                self.note_trouble(&mut health, &trouble, true);
                self.persist_health(peer, &health).await?;
            }
        }
        Ok(match (health.refused_since, health.paused_until) {
            (Some(_), _) => Gate::Refused,
            (None, Some(until)) => Gate::Paused(until),
            (None, None) => Gate::Open,
        })
    }

    /// Whether orders may be queued: the peer accepts the credentials, and no pause is running. After a pause the
    /// first call is a probe.
    pub async fn can_work(&self, peer: Peer) -> bool {
        let health = self.slot_of(peer).lock().await;
        health.refused_since.is_none() && !health.is_paused(self.clock.now())
    }

    /// The end of the last pause of `peer`, which may be over.
    pub async fn paused_until(&self, peer: Peer) -> Option<Timestamp> {
        self.slot_of(peer).lock().await.paused_until
    }

    /// The health of `peer` as this process knows it.
    pub async fn current_health(&self, peer: Peer) -> PeerHealth {
        self.slot_of(peer).lock().await.clone()
    }

    /// Records a successful call.
    ///
    /// # Errors
    ///
    /// [`store::StoreError`] when the health cannot be stored.
    pub async fn record_success(&self, peer: Peer) -> Result<(), store::StoreError> {
        let mut health = self.slot_of(peer).lock().await;
        self.note_success(peer, &mut health).await
    }

    /// Records the daily requests that Robaws last named: `left` of `limit`, and seconds until the reset. Stored
    /// when the left tenth changed, since a write per call would cost more than the figure is worth.
    ///
    /// # Errors
    ///
    /// [`store::StoreError`] when the health cannot be stored.
    pub async fn record_quota(
        &self,
        left: u64,
        limit: u64,
        resets_in: Option<u64>,
    ) -> Result<(), store::StoreError> {
        // Without a reset in the answer 24 hours are assumed: the day is over by then.
        let until_reset = resets_in.and_then(|seconds| i64::try_from(seconds).ok());
        let until_reset = SignedDuration::from_secs(until_reset.unwrap_or(24 * 60 * 60));
        let mut health = self.robaws.lock().await;
        let tenth = |left: u64, limit: u64| left.saturating_mul(10).checked_div(limit.max(1));
        let stored = health.quota_left.zip(health.quota_limit).and_then(|(left, limit)| tenth(left, limit));
        let changed = stored != tenth(left, limit) || health.quota_limit != Some(limit);
        health.quota_resets_at = self.clock.now().checked_add(until_reset).ok();
        health.quota_left = Some(left);
        health.quota_limit = Some(limit);
        if changed {
            self.persist_health(Peer::Robaws, &health).await?;
        }
        Ok(())
    }

    /// Records a failed call for `order`. The peer is paused only when two different orders in a row fail, or one
    /// order and then the test call `cheapest`, or when the peer asks for a pause: one bad order must not stop the others.
    ///
    /// # Errors
    ///
    /// [`store::StoreError`] when the health cannot be stored.
    pub async fn record_failure<F>(
        &self,
        peer: Peer,
        order: Option<&OrderIdentifier>,
        trouble: &Trouble,
        cheapest: impl FnOnce() -> F,
    ) -> Result<(), store::StoreError>
    where
        F: Future<Output = Result<(), Trouble>>,
    {
        let mut health = self.slot_of(peer).lock().await;
        if trouble.is_peer_well() {
            return Ok(());
        }
        let now = self.clock.now();
        // Calls that were under way when the pause began must not lengthen it.
        if health.is_paused(now) || (health.refused_since.is_some() && *trouble != Trouble::Credentials) {
            return Ok(());
        }
        let mut trouble = trouble.clone();
        let mut certain = true;
        if trouble == Trouble::Down {
            let other = health.suspect.as_ref().is_some_and(|suspect| Some(suspect) != order);
            certain = (order.is_some() && other)
                || match cheapest().await {
                    Err(found) if !found.is_peer_well() => {
                        trouble = found;
                        true
                    }
                    Ok(()) | Err(_) => false,
                };
            // Only suspected: a failure of another order right after this one pauses the peer.
            if !certain {
                health.suspect = order.cloned();
            }
        }
        self.note_trouble(&mut health, &trouble, certain);
        self.persist_health(peer, &health).await
    }

    fn note_trouble(&self, health: &mut PeerHealth, trouble: &Trouble, certain: bool) {
        let now = self.clock.now();
        match trouble {
            Trouble::Credentials => health.record_refusal(now),
            Trouble::Quota { reset } => health.use_up_quota(now, *reset),
            Trouble::RateLimited { wait } => {
                health.begin_pause(now, Some(wait.unwrap_or(SignedDuration::from_secs(2))));
            }
            Trouble::Down if certain => health.begin_pause(now, None),
            Trouble::Down
            | Trouble::Permission { .. }
            | Trouble::Refused { .. }
            | Trouble::Unreadable
            | Trouble::OutOfTime => {}
        }
    }

    async fn note_success(&self, peer: Peer, health: &mut PeerHealth) -> Result<(), store::StoreError> {
        if health.record_success() {
            self.persist_health(peer, health).await?;
        }
        Ok(())
    }

    async fn persist_health(&self, peer: Peer, health: &PeerHealth) -> Result<(), store::StoreError> {
        self.store.save_peer_health(&self.connection, peer, health).await.map(drop)
    }
}

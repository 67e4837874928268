//! One connection within one invocation: its clients, the health of its peers, and the time left.

use crate::clients::{Clients, PeerClients, PeerClientsError};
use crate::health_tracker::{Gate, HealthTracker};
use crate::lookups::{Catalogues, Lookups};
use crate::trouble::Trouble;
use crate::{notification_updates, observe};
use domain::ids::OrderIdentifier;
use runtime::clock::SharedClock;
use runtime::error::Chain;
use std::sync::Arc;
use std::time::Duration;
use store::model::{ConnectionItem, ConnectionState, Peer};
use store::{Store, StoreError};
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

/// Time that a step may take: a call of up to 30 s and a probe of up to 10 s after it. A step that begins later
/// could outlive the invocation. With a shorter time limit of the function, half of that.
const STEP_NEEDS: Duration = Duration::from_secs(45);
/// Time kept at the end of an invocation to record outcomes.
const RECORDING_NEEDS: Duration = Duration::from_secs(5);

/// The clients in use, and the look-ups made with them.
pub struct LiveClients {
    pub clients: Clients,
    pub lookups: Lookups,
    /// Digest of the Robaws API key: an idempotency key counts only for the API user that used it.
    pub api_user: String,
}

/// What sessions are opened with, built once per process.
#[derive(Clone)]
pub struct ConnectionSessions {
    pub store: Store,
    pub peers: PeerClients,
    /// Remembered look-ups of all connections.
    pub catalogues: Catalogues,
    pub clock: SharedClock,
}

/// One connection within one invocation.
pub struct ConnectionSession {
    pub store: Store,
    pub clock: SharedClock,
    /// The connection as it was when the invocation began to work on it.
    pub item: ConnectionItem,
    pub health: HealthTracker,
    /// When looks are cut off, so that their outcome can still be recorded.
    pub cut_off: Instant,
    step_needs: Duration,
    live: RwLock<Arc<LiveClients>>,
    renewed: Mutex<bool>,
    peers: PeerClients,
    catalogues: Catalogues,
}

/// Whether the connection changed since the invocation began to work on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionCheck {
    Same,
    /// Settings or credentials changed; the next invocation continues with them.
    Changed,
    /// The connection was deactivated, suspended or deleted; no further call is made.
    Off,
}

impl ConnectionSessions {
    /// Reads the credentials and builds the clients. `deadline`: the end of the invocation.
    ///
    /// # Errors
    ///
    /// [`PeerClientsError`] when the secret cannot be read, or credentials are missing.
    pub async fn open_session(
        &self,
        item: ConnectionItem,
        deadline: Instant,
    ) -> Result<ConnectionSession, PeerClientsError> {
        let left = deadline.saturating_duration_since(self.clock.instant());
        let clients = self.peers.clients_for(&item.connection).await?;
        let live = build_live(&self.catalogues, &item, clients).await;
        Ok(ConnectionSession {
            health: HealthTracker::new(self.store.clone(), self.clock.clone(), &item),
            store: self.store.clone(),
            clock: self.clock.clone(),
            cut_off: deadline.checked_sub(RECORDING_NEEDS.min(left / 10)).unwrap_or(deadline),
            step_needs: STEP_NEEDS.min(left / 2),
            live: RwLock::new(Arc::new(live)),
            renewed: Mutex::new(false),
            peers: self.peers.clone(),
            catalogues: self.catalogues.clone(),
            item,
        })
    }
}

async fn build_live(catalogues: &Catalogues, item: &ConnectionItem, clients: Clients) -> LiveClients {
    let lookups =
        catalogues.lookups_for(&item.connection.id, item.catalogue_stamps(), clients.robaws.clone()).await;
    LiveClients { api_user: clients.robaws.key_digest(), clients, lookups }
}

impl ConnectionSession {
    pub async fn live(&self) -> Arc<LiveClients> {
        Arc::clone(&*self.live.read().await)
    }

    /// Reads the secret past the cache after a peer refused the credentials in `refused`, once per invocation.
    /// Returns whether there are other credentials now.
    pub async fn renew_credentials(&self, refused: &Arc<LiveClients>) -> bool {
        match self.try_renew_credentials(refused).await {
            Ok(renewed) => renewed,
            Err(error) => {
                tracing::warn!(
                    connection.id = %self.item.connection.id, error = %Chain(&error),
                    "refused credentials could not be read again"
                );
                false
            }
        }
    }

    async fn try_renew_credentials(&self, refused: &Arc<LiveClients>) -> Result<bool, PeerClientsError> {
        let mut renewed = self.renewed.lock().await;
        // Another look of the same invocation renewed them already.
        if !Arc::ptr_eq(refused, &*self.live.read().await) {
            return Ok(true);
        }
        if *renewed {
            return Ok(false);
        }
        *renewed = true;
        let clients = self.peers.clients_with_reloaded_credentials(&self.item.connection).await?;
        if clients.has_same_credentials(&refused.clients) {
            return Ok(false);
        }
        *self.live.write().await = Arc::new(build_live(&self.catalogues, &self.item, clients).await);
        Ok(true)
    }

    /// Whether the stored connection is still the one that this invocation works on.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the table fails.
    pub async fn check_connection(&self) -> Result<ConnectionCheck, StoreError> {
        let known = &self.item.connection;
        let item = self.store.load_connection(&known.id).await?;
        Ok(match item.map(|item| item.connection) {
            // Looks go on while the connection is active, a rebuild goes on while it is suspended.
            Some(now) if now.state != known.state => ConnectionCheck::Off,
            Some(now) if now.version == known.version => ConnectionCheck::Same,
            Some(_) => ConnectionCheck::Changed,
            None => ConnectionCheck::Off,
        })
    }

    /// Whether there is time for another step.
    pub fn has_time(&self) -> bool {
        !self.spare_time().is_zero()
    }

    /// How long the next step may wait before it begins.
    pub fn spare_time(&self) -> Duration {
        self.cut_off.saturating_duration_since(self.clock.instant()).saturating_sub(self.step_needs)
    }

    /// Whether calls to a peer may go out now. A pause that has ended is probed first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the table fails.
    pub async fn check_gate(&self, peer: Peer, live: &LiveClients, forced: bool) -> Result<Gate, StoreError> {
        self.health.check_gate(peer, forced, || call_cheapest(peer, live)).await
    }

    /// Records a failed call in the health of the peer. `order`: the order that the call was for, if any.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the table fails.
    pub async fn record_failure(
        &self,
        peer: Peer,
        order: Option<&OrderIdentifier>,
        trouble: &Trouble,
        live: &LiveClients,
    ) -> Result<(), StoreError> {
        self.health.record_failure(peer, order, trouble, || call_cheapest(peer, live)).await
    }

    /// Stores the daily requests left, and updates notifications if problems changed in this invocation and there
    /// is time.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the table fails.
    pub async fn close_session(&self) -> Result<(), StoreError> {
        self.save_quota().await?;
        let id = &self.item.connection.id;
        // Only what this invocation changed: the poll updates the notifications of all other changes.
        if !self.store.take_problem_change(id) || !self.has_time() {
            return Ok(());
        }
        let item = self.store.load_connection(id).await?;
        let Some(item) = item.filter(|item| item.connection.state == ConnectionState::Active) else {
            return Ok(());
        };
        // An update reads all open problems, which would slow every look of a connection with many.
        if !notification_updates::has_few_open(&item) {
            return Ok(());
        }
        let live = self.live().await;
        let robaws = self.health.can_work(Peer::Robaws).await;
        let robaws = robaws.then_some(&live.clients.robaws);
        notification_updates::update_notifications(&self.store, &item, robaws, self.clock.now()).await
    }

    async fn save_quota(&self) -> Result<(), StoreError> {
        let limits = self.live().await.clients.robaws.limits();
        observe::gauge_quota(&self.item.connection.id, limits);
        if let (Some(left), Some(limit)) = (limits.daily_remaining, limits.daily_limit) {
            self.health.record_quota(left, limit, limits.daily_reset).await?;
        }
        Ok(())
    }
}

async fn call_cheapest(peer: Peer, live: &LiveClients) -> Result<(), Trouble> {
    match peer {
        Peer::Robaws => live.clients.robaws.make_cheapest_read().await.map_err(|e| Trouble::from(&e)),
        Peer::Productflow => live.clients.productflow.test_connection().await.map_err(|e| Trouble::from(&e)),
    }
}

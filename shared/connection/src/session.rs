//! One connection within one invocation: its clients, how its peers are doing, and the time that is left.

use crate::catalogue::{Catalogues, Lookups};
use crate::clients::{Clients, Peers, PeersError};
use crate::health::{Gate, Health};
use crate::trouble::Trouble;
use crate::{notifications, observe};
use domain::ids::OrderIdentifier;
use runtime::clock::SharedClock;
use runtime::error::Chain;
use std::sync::Arc;
use std::time::Duration;
use store::model::{ConnectionItem, ConnectionState, Peer};
use store::{Store, StoreError};
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

/// A call takes at most 30 s, and the probe after it 10 s: a step that begins with less time than this could outlive the
/// invocation. With a shorter time limit than ours, half of it.
const STEP_NEEDS: Duration = Duration::from_secs(45);
/// What recording an outcome takes, at the end of an invocation.
const RECORDING_NEEDS: Duration = Duration::from_secs(5);

/// The clients in use, and the look-ups made with them.
pub struct Live {
    /// The clients.
    pub clients: Clients,
    /// Articles and tariffs.
    pub lookups: Lookups,
    /// Digest of the API key id: idempotency keys are per API user.
    pub api_user: String,
}

/// What a session is opened with, built once per process.
#[derive(Clone)]
pub struct Sessions {
    /// Ledger and connections.
    pub store: Store,
    /// Clients of the peers.
    pub peers: Peers,
    /// What is remembered of articles and tariffs.
    pub catalogues: Catalogues,
    /// The time.
    pub clock: SharedClock,
}

/// One connection within one invocation.
pub struct Session {
    /// Ledger and connections.
    pub store: Store,
    /// The time.
    pub clock: SharedClock,
    /// The connection as it was when the invocation came to it.
    pub item: ConnectionItem,
    /// How its peers are doing.
    pub health: Health,
    /// When looks are cut off, so that their outcome can still be recorded.
    pub cut_off: Instant,
    step_needs: Duration,
    live: RwLock<Arc<Live>>,
    renewed: Mutex<bool>,
    peers: Peers,
    catalogues: Catalogues,
}

/// Whether the connection is what it was when the invocation came to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Still {
    /// It is.
    Same,
    /// Its settings or credentials changed: the next invocation goes on with them.
    Changed,
    /// It was deactivated or suspended: nothing more is called.
    Off,
}

impl Sessions {
    /// Reads the credentials and builds the clients.
    pub async fn open(&self, item: ConnectionItem, deadline: Instant) -> Result<Session, PeersError> {
        let left = deadline.saturating_duration_since(self.clock.instant());
        let clients = self.peers.of(&item.connection).await?;
        let live = live_with(&self.catalogues, &item, clients).await;
        Ok(Session {
            health: Health::new(self.store.clone(), self.clock.clone(), &item),
            store: self.store.clone(),
            clock: self.clock.clone(),
            cut_off: deadline
                .checked_sub(RECORDING_NEEDS.min(left / 10))
                .unwrap_or(deadline),
            step_needs: STEP_NEEDS.min(left / 2),
            live: RwLock::new(Arc::new(live)),
            renewed: Mutex::new(false),
            peers: self.peers.clone(),
            catalogues: self.catalogues.clone(),
            item,
        })
    }
}

async fn live_with(catalogues: &Catalogues, item: &ConnectionItem, clients: Clients) -> Live {
    let lookups = catalogues
        .of(
            &item.connection.id,
            item.catalogue_stamps(),
            clients.robaws.clone(),
        )
        .await;
    Live {
        api_user: clients.robaws.key_digest(),
        clients,
        lookups,
    }
}

impl Session {
    /// The clients in use.
    pub async fn live(&self) -> Arc<Live> {
        Arc::clone(&*self.live.read().await)
    }

    /// After a refusal of the credentials: reads the secret past the cache, once an invocation. Tells whether there are
    /// other credentials now.
    pub async fn renew(&self, refused: &Arc<Live>) -> bool {
        match self.renewed_with(refused).await {
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

    async fn renewed_with(&self, refused: &Arc<Live>) -> Result<bool, PeersError> {
        let mut renewed = self.renewed.lock().await;
        if !Arc::ptr_eq(refused, &*self.live.read().await) {
            return Ok(true);
        }
        if *renewed {
            return Ok(false);
        }
        *renewed = true;
        let clients = self.peers.refreshed(&self.item.connection).await?;
        if clients.same_credentials(&refused.clients) {
            return Ok(false);
        }
        *self.live.write().await = Arc::new(live_with(&self.catalogues, &self.item, clients).await);
        Ok(true)
    }

    /// Whether the connection is still what it was.
    pub async fn still(&self) -> Result<Still, StoreError> {
        let known = &self.item.connection;
        let item = self.store.connection(&known.id).await?;
        Ok(match item.map(|item| item.connection) {
            // A connection is worked for while it is active; its ledger is rebuilt while it is suspended.
            Some(now) if now.state != known.state => Still::Off,
            Some(now) if now.version == known.version => Still::Same,
            Some(_) => Still::Changed,
            None => Still::Off,
        })
    }

    /// Whether there is time for another step.
    pub fn has_time(&self) -> bool {
        !self.spare_time().is_zero()
    }

    /// How long the next step may wait before it begins.
    pub fn spare_time(&self) -> Duration {
        self.cut_off
            .saturating_duration_since(self.clock.instant())
            .saturating_sub(self.step_needs)
    }

    /// Whether calls may go to a peer; a pause that has ended is probed first.
    pub async fn gate(&self, peer: Peer, live: &Live, forced: bool) -> Result<Gate, StoreError> {
        self.health.gate(peer, forced, || cheapest(peer, live)).await
    }

    /// A call failed: counts against the peer's health. `order`: whose call it was, if an order's.
    pub async fn failed(
        &self,
        peer: Peer,
        order: Option<&OrderIdentifier>,
        trouble: &Trouble,
        live: &Live,
    ) -> Result<(), StoreError> {
        self.health
            .failed(peer, order, trouble, || cheapest(peer, live))
            .await
    }

    /// Stores what is left of the day's requests, and tells of what changed meanwhile.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.store_quota().await?;
        let id = &self.item.connection.id;
        if !self.store.take_marked(id) || !self.has_time() {
            return Ok(());
        }
        let item = self.store.connection(id).await?;
        let Some(item) = item.filter(|item| item.connection.state == ConnectionState::Active) else {
            return Ok(());
        };
        if !notifications::is_small(&item) {
            return Ok(());
        }
        let live = self.live().await;
        let robaws = self.health.may_work(Peer::Robaws).await;
        let robaws = robaws.then_some(&live.clients.robaws);
        notifications::tell(&self.store, &item, robaws, self.clock.now()).await
    }

    async fn store_quota(&self) -> Result<(), StoreError> {
        let limits = self.live().await.clients.robaws.limits();
        observe::quota(&self.item.connection.id, limits);
        if let (Some(left), Some(limit)) = (limits.daily_remaining, limits.daily_limit) {
            self.health.quota(left, limit, limits.daily_reset).await?;
        }
        Ok(())
    }
}

async fn cheapest(peer: Peer, live: &Live) -> Result<(), Trouble> {
    match peer {
        Peer::Robaws => live
            .clients
            .robaws
            .cheapest_get()
            .await
            .map_err(|e| Trouble::from(&e)),
        Peer::Productflow => live
            .clients
            .productflow
            .test_connection()
            .await
            .map_err(|e| Trouble::from(&e)),
    }
}

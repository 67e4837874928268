//! What the looks at one connection's orders share within one invocation.

use domain::settings::Settings;
use peers::{Catalogues, Clients, Gate, Health, Lookups, Peers, PeersError, Trouble};
use runtime::clock::SharedClock;
use std::sync::Arc;
use std::time::Duration;
use store::model::{ConnectionItem, NewestDocument, NewestDocuments, Peer};
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

/// One connection within one invocation.
pub struct Context {
    /// Ledger and connections.
    pub store: Store,
    /// The time.
    pub clock: SharedClock,
    /// The connection as it was when the invocation came to it.
    pub item: ConnectionItem,
    /// What the rules need of it.
    pub settings: Settings,
    /// How its peers are doing.
    pub health: Health,
    /// When looks are cut off, so that their outcome can still be recorded.
    pub cut_off: Instant,
    step_needs: Duration,
    live: RwLock<Arc<Live>>,
    renewed: Mutex<bool>,
    peers: Peers,
    catalogues: Catalogues,
    newest: Mutex<NewestDocuments>,
}

impl Context {
    /// Reads the credentials and builds the clients.
    pub async fn new(
        store: Store,
        clock: SharedClock,
        peers: Peers,
        catalogues: Catalogues,
        item: ConnectionItem,
        settings: Settings,
        deadline: Instant,
    ) -> Result<Self, PeersError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let clients = peers.of(&item.connection).await?;
        let live = Self::live_with(&catalogues, &item, clients).await;
        Ok(Self {
            health: Health::new(store.clone(), clock.clone(), &item),
            store,
            clock,
            settings,
            cut_off: deadline
                .checked_sub(RECORDING_NEEDS.min(left / 10))
                .unwrap_or(deadline),
            step_needs: STEP_NEEDS.min(left / 2),
            live: RwLock::new(Arc::new(live)),
            renewed: Mutex::new(false),
            peers,
            catalogues,
            newest: Mutex::new(NewestDocuments::default()),
            item,
        })
    }

    async fn live_with(catalogues: &Catalogues, item: &ConnectionItem, clients: Clients) -> Live {
        let connection = &item.connection;
        let lookups = catalogues
            .of(&connection.id, connection.catalogue_stamp, clients.robaws.clone())
            .await;
        Live {
            api_user: clients.robaws.key_digest(),
            clients,
            lookups,
        }
    }

    /// The clients in use.
    pub async fn live(&self) -> Arc<Live> {
        Arc::clone(&*self.live.read().await)
    }

    /// After a refusal of the credentials: reads the secret past the cache, once an invocation. Tells whether there are
    /// other credentials now.
    pub async fn renew(&self, refused: &Arc<Live>) -> Result<bool, PeersError> {
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
        *self.live.write().await = Arc::new(Self::live_with(&self.catalogues, &self.item, clients).await);
        Ok(true)
    }

    /// Whether there is time for another step.
    pub fn has_time(&self) -> bool {
        !self.spare_time().is_zero()
    }

    /// How long the next step may wait before it begins.
    pub fn spare_time(&self) -> Duration {
        self.cut_off
            .saturating_duration_since(Instant::now())
            .saturating_sub(self.step_needs)
    }

    /// Whether calls may go to a peer; a pause that has ended is probed first.
    pub async fn gate(&self, peer: Peer, live: &Live, forced: bool) -> Result<Gate, StoreError> {
        self.health.gate(peer, forced, || cheapest(peer, live)).await
    }

    /// A call failed: counts against the peer's health.
    pub async fn failed(
        &self,
        peer: Peer,
        order: &domain::OrderIdentifier,
        trouble: &Trouble,
        live: &Live,
    ) -> Result<(), StoreError> {
        self.health
            .failed(peer, Some(order), trouble, || cheapest(peer, live))
            .await
    }

    /// A document of ours was booked.
    pub async fn booked(&self, document: NewestDocument, is_invoice: bool) {
        let mut newest = self.newest.lock().await;
        if is_invoice {
            newest.invoice = Some(document);
        } else {
            newest.stock_change = Some(document);
        }
    }

    /// Another invoice of ours, which proves that a look-up by reference works.
    pub async fn other_invoice(&self, reference: &str) -> Option<NewestDocument> {
        let newest = self.newest.lock().await;
        [newest.invoice.clone(), self.item.newest.invoice.clone()]
            .into_iter()
            .flatten()
            .find(|document| document.reference != reference)
    }

    /// Stores the newest documents and what is left of the day's requests.
    pub async fn close(&self) -> Result<(), StoreError> {
        let newest = std::mem::take(&mut *self.newest.lock().await);
        if newest.invoice.is_some() || newest.stock_change.is_some() {
            self.store
                .save_newest(&self.item.connection.id, newest.stock_change, newest.invoice)
                .await?;
        }
        let limits = self.live().await.clients.robaws.limits();
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
            .map(drop)
            .map_err(|e| Trouble::from(&e)),
        Peer::Productflow => live
            .clients
            .productflow
            .test_connection()
            .await
            .map_err(|e| Trouble::from(&e)),
    }
}

//! The state of the simulator: users, tenants, and each tenant's data with the copies that its replica reads.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::access::ApiUser;
use super::delivery::Pending;
use super::idempotency::KeyRecord;
use super::limits::Limits;
use super::model::{Article, Invoice, StockChange, Task, VatTariff, WebhookEndpoint};
use super::settings::Settings;

/// Records by id, in the order of their numbers. Cloning it copies no record.
#[derive(Clone, Debug)]
pub(crate) struct Table<T>(BTreeMap<(usize, String), Arc<T>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone> Table<T> {
    fn sort_key(id: &str) -> (usize, String) {
        (id.len(), id.to_owned())
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.0.get(&Self::sort_key(id)).map(Arc::as_ref)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.0.get_mut(&Self::sort_key(id)).map(Arc::make_mut)
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.0.contains_key(&Self::sort_key(id))
    }

    pub(crate) fn insert(&mut self, id: &str, record: T) {
        self.0.insert(Self::sort_key(id), Arc::new(record));
    }

    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.0.remove(&Self::sort_key(id)).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.values().map(Arc::as_ref)
    }

    pub(crate) fn to_vec(&self) -> Vec<T> {
        self.iter().cloned().collect()
    }
}

/// A record of which the API shows only id and name.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    pub(crate) articles: Table<Article>,
    /// Pieces by article and stock location.
    pub(crate) stock: BTreeMap<(String, String), Decimal>,
    pub(crate) locations: Table<Named>,
    pub(crate) tariffs: Table<VatTariff>,
    pub(crate) clients: Table<Named>,
    pub(crate) users: Table<Named>,
    pub(crate) companies: Table<Named>,
    pub(crate) conditions: Table<Named>,
    pub(crate) stock_changes: Table<StockChange>,
    pub(crate) invoices: Table<Invoice>,
    pub(crate) tasks: Table<Task>,
    pub(crate) endpoints: Table<WebhookEndpoint>,
    last_id: u64,
    numbers: BTreeMap<String, u32>,
}

impl Data {
    /// A fresh id. No two records of a tenant share one, whatever they are, so that a mixed-up id shows.
    pub(crate) fn fresh_id(&mut self) -> String {
        self.last_id += 1;
        (100_000 + self.last_id).to_string()
    }

    /// The next number of a series, `F2026-0001`.
    pub(crate) fn next_number(&mut self, series: &str) -> String {
        let last = self.numbers.entry(series.to_owned()).or_default();
        *last += 1;
        format!("{series}-{last:04}")
    }

    pub(crate) fn total_stock(&self, article: &str) -> Decimal {
        self.stock.iter().filter(|((id, _), _)| id == article).map(|(_, pieces)| *pieces).sum()
    }

    pub(crate) fn move_stock(&mut self, article: &str, location: &str, by: Decimal) {
        *self.stock.entry((article.to_owned(), location.to_owned())).or_default() += by;
    }
}

/// One tenant of the simulated Robaws.
pub(crate) struct Tenant {
    pub(crate) settings: Settings,
    pub(crate) data: Data,
    /// Copies of the data with the time from which they held.
    history: VecDeque<(Timestamp, Data)>,
    pub(crate) limits: Limits,
    /// What is known of each idempotency key, by API user and key.
    pub(crate) keys: HashMap<(String, String), KeyRecord>,
    pub(crate) outbox: VecDeque<Pending>,
}

impl Tenant {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings::default(),
            data: Data::default(),
            history: VecDeque::new(),
            limits: Limits::new(),
            keys: HashMap::new(),
            outbox: VecDeque::new(),
        }
    }

    fn replica_cutoff(&self, now: Timestamp) -> Timestamp {
        let lag = SignedDuration::from_millis(self.settings.replica_lag_ms.try_into().unwrap_or(i64::MAX));
        now.checked_sub(lag).unwrap_or(Timestamp::MIN)
    }

    /// Keeps a copy for the replica; called after every change of the data.
    pub(crate) fn keep_replica_copy(&mut self, now: Timestamp) {
        if self.settings.replica_lag_ms == 0 {
            self.history.clear();
            return;
        }
        self.history.push_back((now, self.data.clone()));
        let cutoff = self.replica_cutoff(now);
        while self.history.get(1).is_some_and(|(since, _)| *since <= cutoff) {
            self.history.pop_front();
        }
    }

    /// Changes the settings; the replica starts to lag from the data as they are.
    pub(crate) fn apply_settings(&mut self, settings: Settings) {
        self.settings = settings;
        self.history.clear();
        if self.settings.replica_lag_ms > 0 {
            self.history.push_back((Timestamp::MIN, self.data.clone()));
        }
    }

    /// The data as the replica shows them.
    pub(crate) fn replica_data(&self, now: Timestamp) -> Data {
        let cutoff = self.replica_cutoff(now);
        let copy = self.history.iter().rev().find(|(since, _)| *since <= cutoff);
        copy.map_or_else(|| self.data.clone(), |(_, data)| data.clone())
    }
}

#[derive(Default)]
pub(crate) struct State {
    /// The API users by key.
    pub(crate) users: BTreeMap<String, ApiUser>,
    pub(crate) tenants: BTreeMap<String, Tenant>,
}

impl State {
    pub(crate) fn tenant_or_new(&mut self, name: &str) -> &mut Tenant {
        self.tenants.entry(name.to_owned()).or_insert_with(Tenant::new)
    }
}

//! The state of the simulator: tokens, companies, and each company's orders and products.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use super::settings::Settings;

/// An order with every version of it that there was.
#[derive(Clone, Debug)]
pub(crate) struct StoredOrder {
    pub(crate) identifier: String,
    /// The versions, each with the time from which it holds, oldest first. Never empty.
    versions: Vec<(Timestamp, Value)>,
    pub(crate) removed_at: Option<Timestamp>,
}

impl StoredOrder {
    pub(crate) fn new(identifier: String, now: Timestamp, order: Value) -> Self {
        Self { identifier, versions: vec![(now, order)], removed_at: None }
    }

    /// The order as the detail shows it; `None` once it is removed.
    pub(crate) fn current_version(&self) -> Option<&Value> {
        if self.removed_at.is_some() { None } else { self.versions.last().map(|(_, order)| order) }
    }

    /// The order as it was at a time; `None` when it was removed by then or did not exist yet.
    pub(crate) fn version_at(&self, cutoff: Timestamp) -> Option<&Value> {
        if self.removed_at.is_some_and(|removed| removed <= cutoff) {
            return None;
        }
        self.versions.iter().rev().find(|(since, _)| *since <= cutoff).map(|(_, order)| order)
    }

    pub(crate) fn add_version(&mut self, now: Timestamp, order: Value) {
        self.versions.push((now, order));
    }
}

/// A product with its texts by language, and its offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Product {
    /// Field to text, by the `Accept-Language` it was sent under.
    pub texts: BTreeMap<String, BTreeMap<String, String>>,
    /// The offer, unless it was never made or has been withdrawn.
    pub offer: Option<Offer>,
}

/// An offer as written, amounts as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Offer {
    pub title: String,
    /// Pieces for sale.
    pub qty_available: i64,
    /// Currency to price name to decimal text, `EUR` → `cost_price` → `4.50`.
    pub prices: BTreeMap<String, BTreeMap<String, String>>,
}

impl Offer {
    /// The price in euros with a name such as `sell_price`, as it was written.
    pub fn euro_price(&self, name: &str) -> Option<&str> {
        self.prices.get("EUR")?.get(name).map(String::as_str)
    }
}

/// How many requests came in the running minute.
#[derive(Debug)]
pub(crate) struct RateWindow {
    /// `None` before the first request.
    began: Option<Instant>,
    used: u32,
}

const RATE_WINDOW: Duration = Duration::from_mins(1);

impl RateWindow {
    fn new() -> Self {
        Self { began: None, used: 0 }
    }

    /// Counts one request. Returns how many are left in this minute, or the seconds until the next one.
    pub(crate) fn take_request(&mut self, limit: u32, now: Instant) -> Result<u32, u64> {
        let began = *self.began.get_or_insert(now);
        let left = RATE_WINDOW.saturating_sub(now.saturating_duration_since(began));
        if left.is_zero() {
            *self = Self { began: Some(now), used: 0 };
        } else if self.used >= limit {
            return Err(left.as_secs() + 1);
        }
        self.used += 1;
        Ok(limit.saturating_sub(self.used))
    }
}

pub(crate) struct CompanyState {
    pub(crate) settings: Settings,
    /// The time whose state the list shows, while the list is frozen.
    pub(crate) frozen_at: Option<Timestamp>,
    /// In the order in which they came in.
    pub(crate) orders: Vec<StoredOrder>,
    pub(crate) products: BTreeMap<String, Product>,
    pub(crate) window: RateWindow,
    pub(crate) last_number: u64,
}

impl CompanyState {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings::default(),
            frozen_at: None,
            orders: Vec::new(),
            products: BTreeMap::new(),
            window: RateWindow::new(),
            last_number: 100_000,
        }
    }

    /// The time whose state the list shows.
    pub(crate) fn list_time(&self, now: Timestamp) -> Timestamp {
        if let Some(frozen) = self.frozen_at {
            return frozen;
        }
        let lag = SignedDuration::from_millis(self.settings.list_lag_ms.try_into().unwrap_or(i64::MAX));
        now.checked_sub(lag).unwrap_or(Timestamp::MIN)
    }

    pub(crate) fn find_order(&mut self, identifier: &str) -> Option<&mut StoredOrder> {
        self.orders.iter_mut().find(|order| order.identifier == identifier && order.removed_at.is_none())
    }

    pub(crate) fn apply_settings(&mut self, settings: Settings, now: Timestamp) {
        if settings.list_frozen {
            self.frozen_at.get_or_insert(now);
        } else {
            self.frozen_at = None;
        }
        self.settings = settings;
    }
}

#[derive(Default)]
pub(crate) struct State {
    /// The companies that a token reaches.
    pub(crate) tokens: BTreeMap<String, BTreeSet<u64>>,
    pub(crate) companies: BTreeMap<u64, CompanyState>,
}

impl State {
    pub(crate) fn company_or_new(&mut self, id: u64) -> &mut CompanyState {
        self.companies.entry(id).or_insert_with(CompanyState::new)
    }
}

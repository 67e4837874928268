//! The switches of a simulated Robaws tenant.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How the tenant behaves where the contract leaves room, and how much it allows. The control API reads and writes
/// the same names in camelCase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Requests per second that refill the bucket.
    pub rate_per_second: u32,
    /// The size of the bucket.
    pub burst: u32,
    /// Requests per day (UTC), for live calls; the replica has as many of its own.
    pub daily_limit: u64,
    /// Whether a 429 carries `Retry-After`.
    pub retry_after: bool,
    /// Whether answers carry the `X-RateLimit-…` headers.
    pub rate_limit_headers: bool,
    /// How far the replica lags behind, in milliseconds; 0 reads the live data.
    pub replica_lag_ms: u64,
    /// How long an idempotency key is remembered, in seconds.
    pub idempotency_ttl_s: u64,
    /// Whether an administrator has defined the checkbox `ProductFlow` on articles.
    pub product_flow_defined: bool,
    /// Other extra fields that are defined.
    pub extra_fields: BTreeSet<String>,
    /// Query parameters that are ignored, such as `clientReference`.
    pub ignored_filters: BTreeSet<String>,
    /// Whether the totals of a draft are null.
    pub draft_totals_null: bool,
    /// Whether a draft has no number yet.
    pub draft_number_null: bool,
    /// Whether rows shift by one while a list is read: every page after the first repeats a row.
    pub page_drift: bool,
    /// Answer to `DELETE /webhook-endpoints/{id}` instead of removing it: 403, 404 or 405.
    pub webhook_delete_refused: Option<u16>,
    /// Milliseconds between the attempts of a delivery; one attempt more than there are delays.
    pub webhook_retry_delays_ms: Vec<u64>,
    /// How many deliveries in a row must fail before the endpoint is suspended.
    pub webhook_suspend_after: u32,
    /// How long a delivery may take, in milliseconds.
    pub webhook_timeout_ms: u64,
    /// Whether each event is delivered twice.
    pub webhook_repeat: bool,
    /// Whether waiting events are delivered newest first.
    pub webhook_reorder: bool,
    /// Whether the checkbox is keyed by a GUID in a payload.
    pub webhook_guid_keys: bool,
    /// Whether a stock-changed payload lacks the numbers.
    pub webhook_without_numbers: bool,
    /// The assumptions that are broken: names of [`DEVIATIONS`](super::DEVIATIONS).
    pub deviations: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rate_per_second: 15,
            burst: 20,
            daily_limit: 10_000,
            retry_after: false,
            rate_limit_headers: true,
            replica_lag_ms: 0,
            idempotency_ttl_s: 24 * 60 * 60,
            product_flow_defined: true,
            extra_fields: BTreeSet::new(),
            ignored_filters: BTreeSet::new(),
            draft_totals_null: false,
            draft_number_null: false,
            page_drift: false,
            webhook_delete_refused: None,
            webhook_retry_delays_ms: vec![1_000, 5_000, 25_000],
            webhook_suspend_after: 3,
            webhook_timeout_ms: 2_000,
            webhook_repeat: false,
            webhook_reorder: false,
            webhook_guid_keys: false,
            webhook_without_numbers: true,
            deviations: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// Whether an extra field with this name exists on articles.
    pub(crate) fn defines_field(&self, name: &str) -> bool {
        (name == "ProductFlow" && self.product_flow_defined) || self.extra_fields.contains(name)
    }

    pub(crate) fn has_deviation(&self, name: &str) -> bool {
        self.deviations.contains(name)
    }
}

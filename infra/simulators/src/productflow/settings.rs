//! The switches of a simulated ProductFlow company.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How a call with a bad token is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unauthenticated {
    /// 401 with a JSON message.
    #[default]
    Json,
    /// 302 to a login page.
    Redirect,
    /// 200 with the login page itself.
    LoginPage,
}

/// The shape of a list page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// `data`, `links`, `meta`.
    #[default]
    Resource,
    /// The keys of `meta` at the top level, beside `data` and `next_page_url`.
    TopLevel,
    /// The rows alone.
    BareArray,
}

/// How a requested order of the list is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The list is sorted as requested.
    #[default]
    Honoured,
    /// The list is in no order at all.
    Ignored,
    /// The call is answered 422.
    Refused,
}

/// How the company's ProductFlow behaves where the contract leaves room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How a bad token is answered.
    pub unauthenticated: Unauthenticated,
    /// How a company that the token does not reach is answered: 403 or 404.
    pub wrong_company_status: u16,
    pub envelope: Envelope,
    /// How a requested order of the list is treated.
    pub sort: Sort,
    /// Whether `status[]` is ignored.
    pub ignore_status_filter: bool,
    /// The most rows of a list page, also when `per_page` asks for more.
    pub max_per_page: usize,
    /// How far the list lags behind the detail, in milliseconds.
    pub list_lag_ms: u64,
    /// Whether the list shows the orders as they were when this was switched on.
    pub list_frozen: bool,
    /// Whether the oldest order is touched, and so moves to the front, whenever a page after the first is read.
    pub page_drift: bool,
    /// Requests per minute; `null` for no limit and no headers.
    pub rate_limit: Option<u32>,
    /// Whether writes answer an empty body.
    pub empty_write_bodies: bool,
    /// Whether an offer keeps the fields that a write leaves out; otherwise they are cleared.
    pub offer_merges: bool,
    /// The assumptions that are broken: names of [`DEVIATIONS`](super::DEVIATIONS).
    pub deviations: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            unauthenticated: Unauthenticated::Json,
            wrong_company_status: 403,
            envelope: Envelope::Resource,
            sort: Sort::Honoured,
            ignore_status_filter: false,
            max_per_page: 100,
            list_lag_ms: 0,
            list_frozen: false,
            page_drift: false,
            rate_limit: None,
            empty_write_bodies: false,
            offer_merges: false,
            deviations: BTreeSet::new(),
        }
    }
}

impl Settings {
    pub(crate) fn has_deviation(&self, name: &str) -> bool {
        self.deviations.contains(name)
    }
}

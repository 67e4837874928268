//! The stored shapes of connections and orders, without their keys.

pub use crate::peer_health::{PeerHealth, doubled_wait};
use crate::queue::Sweep;
use crate::sweep::SweepState;
use crate::tally::{ProblemTally, replace_problems};
use domain::Language;
use domain::ids::{ConnectionId, DocumentId, OrderIdentifier, ProductFlowCompanyId};
use domain::ledger::{Ledger, OrderState};
use domain::money::Cents;
use domain::order::{Order, OrderFacts, OrderStatus};
use domain::plan::{LastSeenOrder, Sentence};
use domain::problem::{Problem, ProblemCode, WaitsFor};
use domain::rebuild::LedgerLoss;
use domain::settings::{ConnectionSettings, Settings};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Version of the stored shape of [`OrderRecord`].
pub const ORDER_SCHEMA: u32 = 1;
/// Version of the stored shape of [`Connection`].
pub const CONNECTION_SCHEMA: u32 = 1;

/// One of the two systems that a connection ties together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// The merchant's ERP.
    Robaws,
    /// The hub of the marketplaces.
    Productflow,
}

impl Peer {
    /// The name in logs, metrics and attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Robaws => "robaws",
            Self::Productflow => "productflow",
        }
    }
}

/// What the merchant or an operator decided for a connection. Refused credentials are part of [`PeerHealth`],
/// not of this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Never activated, or deactivated.
    Inactive,
    /// The poll reads its orders and looks book them.
    Active,
    /// Nothing is booked until the ledger has been rebuilt.
    Suspended,
}

/// What the merchant set for a connection, and its history. A connection ties one Robaws tenant to one
/// ProductFlow company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// [`CONNECTION_SCHEMA`] of the program that wrote the connection.
    pub schema: u32,
    pub id: ConnectionId,
    /// Counts the writes of this struct. Other attributes of the item have writers of their own.
    pub version: u64,
    /// Language of the texts for the merchant.
    pub language: Language,
    pub settings: ConnectionSettings,
    pub state: ConnectionState,
    /// The ProductFlow company.
    pub company: Option<ProductFlowCompanyId>,
    /// Whether Robaws key and secret are stored.
    pub has_robaws: bool,
    /// Whether a ProductFlow access token is stored.
    pub has_productflow: bool,
    /// Version of the secret in Secrets Manager; credentials are cached under it.
    pub secret_version: Option<String>,
    /// Orders placed before this moment are never touched. Set at the first activation.
    pub go_live: Option<Timestamp>,
    /// Last activation.
    pub activated_at: Option<Timestamp>,
    /// First activation; the ProductFlow company is fixed from then on.
    pub first_activated_at: Option<Timestamp>,
    /// Last deactivation.
    pub deactivated_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// Counts the changes that void everything that was looked up in Robaws.
    pub catalogue_stamp: u64,
    /// Counts the changes of the settings; after a change blocked orders are due again.
    pub settings_stamp: u64,
    /// Base URL under which the connector was reached at the activation. Webhooks and links in tasks lead there.
    pub public_base_url: Option<String>,
    /// The table that the ledger was written to ([`crate::Store::load_table_id`]). In another table, restored to an
    /// earlier moment, the ledger may lack what was booked since.
    pub table_id: Option<String>,
    /// Set while the connection is suspended.
    pub suspension: Option<Suspension>,
    /// Set once the ledger was rebuilt.
    pub lost: Option<LedgerLoss>,
}

/// Why and since when a connection books nothing until its ledger has been rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// When the suspension was stored. `None`: found on loading, because the table is not the one of the ledger,
    /// and not stored yet.
    pub since: Option<Timestamp>,
    /// The state after the rebuild.
    pub was: ConnectionState,
}

impl Connection {
    /// A connection that was never activated, without credentials.
    pub fn new(
        id: ConnectionId,
        language: Language,
        settings: ConnectionSettings,
        created_at: Timestamp,
    ) -> Self {
        Self {
            schema: CONNECTION_SCHEMA,
            id,
            version: 1,
            language,
            settings,
            state: ConnectionState::Inactive,
            company: None,
            has_robaws: false,
            has_productflow: false,
            secret_version: None,
            go_live: None,
            activated_at: None,
            first_activated_at: None,
            deactivated_at: None,
            created_at,
            catalogue_stamp: 0,
            settings_stamp: 0,
            public_base_url: None,
            table_id: None,
            suspension: None,
            lost: None,
        }
    }

    /// The settings as the rules of `domain` take them, with this start date.
    pub fn to_rule_settings(&self, go_live: Timestamp) -> Settings {
        Settings {
            language: self.language,
            go_live,
            connection: self.settings.clone(),
            ledger_loss: self.lost,
        }
    }

    /// Suspends a once active connection whose ledger was written to another table: the ledger may lack what was
    /// booked.
    #[must_use]
    pub(crate) fn suspend_if_table_differs(mut self, table_id: &str) -> Self {
        let was_active_once = self.first_activated_at.is_some();
        let is_elsewhere = self.table_id.as_deref().is_some_and(|own| own != table_id);
        if was_active_once && is_elsewhere && self.state != ConnectionState::Suspended {
            self.begin_suspension(None);
        }
        self
    }

    /// Suspends the connection. `since`: when the suspension became certain; a known moment stays.
    pub fn begin_suspension(&mut self, since: Option<Timestamp>) {
        let was = self.state;
        let suspension = self.suspension.get_or_insert(Suspension { since: None, was });
        suspension.since = suspension.since.or(since);
        self.state = ConnectionState::Suspended;
    }
}

/// Where reading ProductFlow's list of orders stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PollState {
    /// Start of the last complete pass. Orders last updated more than 10 minutes before it need no reading.
    pub watermark: Option<Timestamp>,
    /// Start of the interrupted pass.
    pub pass_started_at: Option<Timestamp>,
    /// List page from which the interrupted pass goes on, from 1.
    pub pass_page: Option<u32>,
    /// Whether the interrupted pass found the list unsorted; then the pass reads the list to its end.
    pub pass_unsorted: bool,
    /// The last poll that read list page 1.
    pub last_poll_at: Option<Timestamp>,
    /// Digest of list page 1 at the last complete pass. The same digest means that no ledger need be read.
    pub page_digest: Option<String>,
    /// ProductFlow refused to sort the list; the connector asks for a sorted list again from this moment.
    pub sort_refused_until: Option<Timestamp>,
    /// The list proved unsorted and is read to its end until this moment.
    pub unsorted_until: Option<Timestamp>,
    /// The settings stamp for which blocked orders were last made due.
    pub settings_stamp: u64,
    /// When the poll last queued sweeps that nobody continued.
    pub sweeps_queued_at: Option<Timestamp>,
}

/// A document in Robaws that the connector made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestDocument {
    pub robaws_id: DocumentId,
    /// The text by which a search in Robaws finds the document.
    pub reference: String,
    /// When the connector learned that the document exists. An invoice may still be a draft.
    pub at: Timestamp,
}

/// The newest documents of a ledger. New Robaws credentials must see them, and a search that finds them is
/// known to work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NewestDocuments {
    pub stock_change: Option<NewestDocument>,
    pub invoice: Option<NewestDocument>,
}

/// The webhook in Robaws that announces changes of articles. Its secret is in Secrets Manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Robaws' id of the endpoint.
    pub endpoint_id: String,
    /// Where Robaws delivers to.
    pub url: String,
    pub registered_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenProblem {
    pub problem: Problem,
    /// The first look that found the problem.
    pub opened_at: Timestamp,
    /// The last look that found the problem.
    pub last_seen_at: Timestamp,
    /// Looks in a row that found the problem.
    pub count: u64,
}

/// How far the notifications of a connection are up to date.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NotificationProgress {
    /// When the notifications were last brought up to date.
    pub at: Option<Timestamp>,
    /// Digest of the connection's own problems at that moment.
    pub own: String,
    /// When tasks in Robaws that could not be made or closed are tried again.
    pub tasks_due: Option<Timestamp>,
    /// Orders and articles with problems at that moment.
    pub open: u64,
}

/// A connection with everything that its item holds, read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionItem {
    /// What the merchant set.
    pub connection: Connection,
    pub robaws: PeerHealth,
    pub productflow: PeerHealth,
    pub poll: PollState,
    pub newest: NewestDocuments,
    /// Problems of the connection itself, not of its orders and articles.
    pub problems: BTreeMap<ProblemCode, OpenProblem>,
    /// `None`: no webhook is registered.
    pub webhook: Option<Webhook>,
    /// When Robaws last announced a change.
    pub last_event_at: Option<Timestamp>,
    /// Counts the changes of articles that void look-ups of articles.
    pub articles_stamp: u64,
    /// The sweeps that were ever asked for.
    pub sweeps: BTreeMap<Sweep, SweepState>,
    /// When problems of the connection, its orders or its articles last changed.
    pub problems_changed_at: Option<Timestamp>,
    /// How far the notifications are up to date.
    pub notification_progress: NotificationProgress,
    /// Steps of the checklist that the merchant finished, or that the connector saw to be done.
    pub checklist: BTreeSet<String>,
}

impl ConnectionItem {
    pub fn health(&self, peer: Peer) -> &PeerHealth {
        match peer {
            Peer::Robaws => &self.robaws,
            Peer::Productflow => &self.productflow,
        }
    }

    pub fn health_mut(&mut self, peer: Peer) -> &mut PeerHealth {
        match peer {
            Peer::Robaws => &mut self.robaws,
            Peer::Productflow => &mut self.productflow,
        }
    }

    /// The two stamps of remembered look-ups: the first changes with the settings, the second with articles.
    pub fn catalogue_stamps(&self) -> (u64, u64) {
        (self.connection.catalogue_stamp, self.articles_stamp)
    }

    pub fn sweep_state(&self, sweep: Sweep) -> SweepState {
        self.sweeps.get(&sweep).cloned().unwrap_or_default()
    }

    /// The state as the API names it; refused credentials of an active connection show as `needs_credentials`.
    pub fn api_state(&self) -> &'static str {
        match self.connection.state {
            ConnectionState::Inactive => "inactive",
            ConnectionState::Suspended => "suspended",
            ConnectionState::Active
                if self.robaws.refused_since.is_some() || self.productflow.refused_since.is_some() =>
            {
                "needs_credentials"
            }
            ConnectionState::Active => "active",
        }
    }
}

/// Why an order is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueKind {
    /// An effect, a retry, or a look at something blocked.
    Work,
    /// The hourly look at an open order with nothing to do, in case the list did not show a change.
    Relook,
}

/// When an order is looked at next, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The look begins at this moment or later.
    pub at: Timestamp,
    pub kind: DueKind,
}

/// The stored record of one order: its ledger, what was last seen of it, and when it is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// [`ORDER_SCHEMA`] of the program that wrote the record.
    pub schema: u32,
    /// Counts the writes; every write is conditional on the version that was read. 0: not stored yet.
    pub version: u64,
    pub ledger: Ledger,
    /// ProductFlow's status word as last seen. Empty: it could not be read.
    pub status: String,
    /// The marketplace's number of the order.
    pub external_identifier: Option<String>,
    /// The marketplace's name.
    pub marketplace: Option<String>,
    /// Country that the order is shipped to, as ProductFlow names it.
    pub country: Option<String>,
    /// Whether the buyer is a business. Nothing else of the buyer is stored.
    pub business: bool,
    /// When the order was placed. `None`: it could not be read.
    pub placed_at: Option<Timestamp>,
    /// Lines and amounts, as last read.
    pub facts: Option<OrderFacts>,
    /// Total of the order in cents, VAT-inclusive: ProductFlow's, else computed from the lines.
    pub total: Option<Cents>,
    /// The order as the list last showed it.
    pub listed: Option<ListedOrder>,
    /// Fingerprint of the order as it was last read by GET and acted on.
    pub read_fingerprint: Option<String>,
    /// State after the last look.
    pub state: OrderState,
    /// Why the order is in this state, for the merchant.
    pub explanation: Vec<Sentence>,
    pub problems: Vec<OpenProblem>,
    /// Differences between ledger and Robaws, found by the nightly check. They stay open until a check finds none.
    pub differences: Vec<OpenProblem>,
    /// Articles and tariffs in Robaws that a blocked order waits for, when nothing else can unblock it.
    pub waits_for: Vec<WaitsFor>,
    /// Digest of the VAT tariffs at the last look, when the order waits for a tariff.
    pub tariffs_digest: Option<String>,
    /// Whether nothing more follows unless the order changes.
    pub is_final: bool,
    /// When the order is looked at next. `None`: no look is planned.
    pub due: Option<Due>,
    /// When a queue message was last sent. No second message follows for 10 minutes.
    pub queued_at: Option<Timestamp>,
    /// Looks begun since the last look that recorded an outcome.
    pub starts: u32,
    /// Failed calls in a row; the wait doubles from 1 minute to 1 hour.
    pub failures: u32,
    /// Looks in a row that found the order blocked; the wait doubles from 5 minutes to 1 hour.
    pub rounds: u32,
    /// Whether a person asked for the next look: remembered negative answers are not used, and a paused peer gets
    /// one probe.
    pub forced: bool,
    /// When the connector first saw the order.
    pub created_at: Timestamp,
    /// When the record was last written.
    pub updated_at: Timestamp,
    /// When the order was last read by GET.
    pub looked_at: Option<Timestamp>,
    /// Whether the open problems changed since the record was loaded. Not persisted.
    #[serde(skip)]
    pub problems_changed: bool,
    /// Problems opened and closed since the record was loaded. Not persisted.
    #[serde(skip)]
    pub tally: ProblemTally,
}

/// An order as ProductFlow's list showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedOrder {
    /// Digest of the fields that the connector uses.
    pub fingerprint: String,
    /// ProductFlow's time of the last update.
    pub updated_at: Option<Timestamp>,
}

impl OrderRecord {
    /// The record of an order that was never seen before. The order is due at once.
    pub fn new(connection: ConnectionId, identifier: OrderIdentifier, now: Timestamp) -> Self {
        Self {
            schema: ORDER_SCHEMA,
            version: 0,
            ledger: Ledger::new(connection, identifier),
            status: String::new(),
            external_identifier: None,
            marketplace: None,
            country: None,
            business: false,
            placed_at: None,
            facts: None,
            total: None,
            listed: None,
            read_fingerprint: None,
            state: OrderState::Waiting,
            explanation: vec![Sentence::without_args("waiting")],
            problems: Vec::new(),
            differences: Vec::new(),
            waits_for: Vec::new(),
            tariffs_digest: None,
            is_final: false,
            due: Some(Due { at: now, kind: DueKind::Work }),
            queued_at: None,
            starts: 0,
            failures: 0,
            rounds: 0,
            forced: false,
            created_at: now,
            updated_at: now,
            looked_at: None,
            problems_changed: false,
            tally: ProblemTally::default(),
        }
    }

    /// The order as people name it: `1083993841 (PF-100234)`.
    pub fn display_reference(&self) -> String {
        domain::order::format_reference(self.external_identifier.as_deref(), &self.ledger.identifier)
    }

    /// Copies from `order` what the API shows. Of the buyer only country and "business or not" are kept.
    pub fn update_from_order(&mut self, order: &Order) {
        order.status.as_str().clone_into(&mut self.status);
        self.external_identifier.clone_from(&order.external_identifier);
        self.marketplace.clone_from(&order.marketplace);
        self.country.clone_from(&order.country);
        self.business = order.business.is_some();
        self.placed_at = Some(order.placed_at);
        // A cancelled order may come without lines and amounts; the earlier ones say more.
        if order.status != OrderStatus::Cancelled || self.facts.is_none() {
            self.facts = Some(OrderFacts::from_order(order));
            self.total = order.total.or_else(|| order.compute_total());
        }
    }

    /// What [`OrderRecord::update_from_order`] kept, for the plan of an order that cannot be read now. `reference`: how people name
    /// the order.
    pub fn to_last_seen<'a>(&self, reference: &'a str) -> LastSeenOrder<'a> {
        LastSeenOrder {
            reference,
            placed_at: self.placed_at,
            is_cancelled: self.status == OrderStatus::Cancelled.as_str(),
        }
    }

    /// Makes the order due at once, whatever its back-off.
    pub fn make_due_now(&mut self, now: Timestamp) {
        self.due = Some(Due { at: now, kind: DueKind::Work });
        self.queued_at = None;
    }

    /// Makes the order due at once, as if for the first time, because a person asked or decided something.
    pub fn force_look(&mut self, now: Timestamp) {
        self.make_due_now(now);
        self.forced = true;
        self.waits_for.clear();
        self.tariffs_digest = None;
        self.starts = 0;
        self.failures = 0;
        self.rounds = 0;
    }

    /// Replaces the differences by those that the nightly check found. Returns whether there were or are any.
    pub fn set_differences(&mut self, found: Vec<Problem>, now: Timestamp) -> bool {
        let changes = !found.is_empty() || !self.differences.is_empty();
        self.problems_changed |= problems_differ(&self.differences, &found);
        self.tally += replace_problems(&mut self.differences, found, now);
        changes
    }

    /// Replaces the open problems by those of the last look. A known problem keeps its opening time and counts on;
    /// one that was not found closes.
    pub fn set_problems(&mut self, found: Vec<Problem>, now: Timestamp) {
        self.problems_changed |= problems_differ(&self.problems, &found);
        self.tally += replace_problems(&mut self.problems, found, now);
    }
}

/// Whether a look found other problems than are open. The counters are no difference.
pub fn problems_differ(open: &[OpenProblem], found: &[Problem]) -> bool {
    open.len() != found.len() || open.iter().zip(found).any(|(open, found)| open.problem != *found)
}

/// The open problems after a look that found `found`. Known problems keep their opening time and count on.
pub(crate) fn merge_problems(
    open: Vec<OpenProblem>,
    found: Vec<Problem>,
    now: Timestamp,
) -> Vec<OpenProblem> {
    let mut open = open;
    found
        .into_iter()
        .map(|problem| {
            // One code can be open several times: per SKU, or per document.
            let same = |o: &OpenProblem| {
                o.problem.code == problem.code
                    && o.problem.skus == problem.skus
                    && o.problem.args.get("document") == problem.args.get("document")
            };
            match open.iter().position(same) {
                Some(at) => {
                    let known = open.swap_remove(at);
                    OpenProblem {
                        problem,
                        opened_at: known.opened_at,
                        last_seen_at: now,
                        count: known.count + 1,
                    }
                }
                None => OpenProblem { problem, opened_at: now, last_seen_at: now, count: 1 },
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "model_tests.rs"]
pub(crate) mod tests;

//! The records as they are stored, without their keys.

pub use crate::health::{PeerHealth, doubling};
use crate::queue::Sweep;
use crate::sweep::SweepState;
use crate::tally::{Tally, replace_problems};
use domain::ids::{CompanyId, ConnectionId, DocumentId, OrderIdentifier};
use domain::ledger::{Ledger, OrderState};
use domain::money::Cents;
use domain::order::{Order, OrderFacts, OrderStatus};
use domain::plan::{LastSeen, Sentence};
use domain::problem::{Problem, ProblemCode, WaitsFor};
use domain::rebuild::Lost;
use domain::settings::{ConnectionSettings, Language, Settings};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Version of the shape of an order record.
pub const ORDER_SCHEMA: u32 = 1;
/// Version of the shape of a connection record.
pub const CONNECTION_SCHEMA: u32 = 1;

/// One of the two peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// The ERP.
    Robaws,
    /// The hub.
    Productflow,
}

impl Peer {
    /// The name in logs and attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Robaws => "robaws",
            Self::Productflow => "productflow",
        }
    }
}

/// What the merchant or operator decided for a connection. Whether credentials are refused is [`PeerHealth`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Not activated, or deactivated.
    Inactive,
    /// Polled and booked.
    Active,
    /// Books nothing until its ledger has been rebuilt.
    Suspended,
}

/// A connection ties one Robaws tenant to one ProductFlow company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Shape of this record.
    pub schema: u32,
    /// Its id.
    pub id: ConnectionId,
    /// Counts every change of what is in this struct; other attributes of the item have writers of their own.
    pub version: u64,
    /// Language of its texts.
    pub language: Language,
    /// The merchant's settings.
    pub settings: ConnectionSettings,
    /// Inactive, active, suspended.
    pub state: ConnectionState,
    /// The ProductFlow company.
    pub company: Option<CompanyId>,
    /// Whether Robaws key and secret are stored.
    pub has_robaws: bool,
    /// Whether a ProductFlow access token is stored.
    pub has_productflow: bool,
    /// Version of the secret in Secrets Manager: credentials are cached under it.
    pub secret_version: Option<String>,
    /// Orders placed before this moment are never touched; set at the first activation.
    pub go_live: Option<Timestamp>,
    /// Last activation.
    pub activated_at: Option<Timestamp>,
    /// First activation: from then on the company is fixed.
    pub first_activated_at: Option<Timestamp>,
    /// Last deactivation.
    pub deactivated_at: Option<Timestamp>,
    /// Creation.
    pub created_at: Timestamp,
    /// Changes when what we know of articles is void: then look-ups are made anew.
    pub catalogue_stamp: u64,
    /// Changes with the settings: then blocked orders are due again.
    pub settings_stamp: u64,
    /// Where the connector was reached when it was activated: webhooks and links lead there.
    pub public_base_url: Option<String>,
    /// The table that its ledger was written to ([`crate::Store::table_id`]): in another one, restored to an earlier moment,
    /// the ledger may lack what was booked since.
    pub table_id: Option<String>,
    /// Set while it is suspended.
    pub suspension: Option<Suspension>,
    /// Set once its ledger was rebuilt.
    pub lost: Option<Lost>,
}

/// That a connection books nothing until its ledger has been rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Since when; `None`: it was found in another table than its own and nothing was written since.
    pub since: Option<Timestamp>,
    /// What it is once the ledger has been rebuilt.
    pub was: ConnectionState,
}

impl Connection {
    /// One that nobody activated yet, without credentials.
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

    /// What the rules need of it, with this start.
    pub fn rules(&self, go_live: Timestamp) -> Settings {
        Settings {
            language: self.language,
            go_live,
            connection: self.settings.clone(),
            lost: self.lost,
        }
    }

    /// A connection whose ledger may lack what was booked, because its table is not the one it was written to: suspended,
    /// whatever it was.
    #[must_use]
    pub(crate) fn within(mut self, table_id: &str) -> Self {
        let was_active_once = self.first_activated_at.is_some();
        let is_elsewhere = self.table_id.as_deref().is_some_and(|own| own != table_id);
        if was_active_once && is_elsewhere && self.state != ConnectionState::Suspended {
            self.suspend(None);
        }
        self
    }

    /// Books nothing until its ledger has been rebuilt. `since`: from when on that is certain, if it is not known already.
    pub fn suspend(&mut self, since: Option<Timestamp>) {
        let was = self.state;
        let suspension = self.suspension.get_or_insert(Suspension { since: None, was });
        suspension.since = suspension.since.or(since);
        self.state = ConnectionState::Suspended;
    }
}

/// Where reading ProductFlow's order list stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PollState {
    /// Start of the last complete pass: orders last updated before it, less 10 min, need no reading.
    pub mark: Option<Timestamp>,
    /// Start of the pass that was interrupted.
    pub pass_started_at: Option<Timestamp>,
    /// Page from which the interrupted pass goes on.
    pub pass_page: Option<u32>,
    /// The list proved unsorted in the interrupted pass: it is read to its end.
    pub pass_unsorted: bool,
    /// The last poll that read page 1.
    pub last_poll_at: Option<Timestamp>,
    /// Digest of what page 1 showed at the last complete pass: the same again needs no look at the ledger.
    pub page_digest: Option<String>,
    /// ProductFlow refused the sort; asked again from this moment.
    pub sort_refused_until: Option<Timestamp>,
    /// The list proved unsorted; taken for unsorted until this moment.
    pub unsorted_until: Option<Timestamp>,
    /// The settings for which blocked orders were made due.
    pub settings_stamp: u64,
    /// When sweeps that nobody goes on with were last queued.
    pub sweeps_queued_at: Option<Timestamp>,
}

/// A document of ours in Robaws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestDocument {
    /// Its id.
    pub robaws_id: DocumentId,
    /// What it is found by.
    pub reference: String,
    /// When it was booked.
    pub at: Timestamp,
}

/// The newest documents of the ledger: what new Robaws credentials must see, and what proves that a look-up works.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NewestDocuments {
    /// Stock change.
    pub stock_change: Option<NewestDocument>,
    /// Invoice.
    pub invoice: Option<NewestDocument>,
}

/// The webhook that Robaws announces changes of articles to. Its secret is in Secrets Manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id in Robaws.
    pub endpoint_id: String,
    /// Where it delivers to.
    pub url: String,
    /// When it was registered.
    pub registered_at: Timestamp,
}

/// A problem that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenProblem {
    /// What.
    pub problem: Problem,
    /// Since when.
    pub opened_at: Timestamp,
    /// Last seen.
    pub last_seen_at: Timestamp,
    /// How often seen.
    pub count: u64,
}

/// Where the notifications of a connection stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// When they were last brought up to date.
    pub at: Option<Timestamp>,
    /// Digest of the connection's own problems then.
    pub own: String,
    /// When tasks in Robaws that could not be made or closed are tried again.
    pub tasks_due: Option<Timestamp>,
    /// Orders and articles with problems then.
    pub open: u64,
}

/// A connection with everything its item holds; read in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionItem {
    /// What the merchant set.
    pub connection: Connection,
    /// Robaws' health.
    pub robaws: PeerHealth,
    /// ProductFlow's health.
    pub productflow: PeerHealth,
    /// The poll.
    pub poll: PollState,
    /// Newest documents.
    pub newest: NewestDocuments,
    /// Problems of the connection itself.
    pub problems: BTreeMap<ProblemCode, OpenProblem>,
    /// The webhook, while one is registered.
    pub webhook: Option<Webhook>,
    /// When Robaws last announced a change.
    pub last_event_at: Option<Timestamp>,
    /// Counts changes of articles that void what was looked up.
    pub articles_stamp: u64,
    /// Sweeps asked for, and where they stand.
    pub sweeps: BTreeMap<Sweep, SweepState>,
    /// When something that notifications tell of last changed.
    pub notifications_marked_at: Option<Timestamp>,
    /// Where telling of it stands.
    pub told: Told,
    /// Steps of the checklist that the merchant ticked, or that were seen to be done.
    pub checklist: BTreeSet<String>,
}

impl ConnectionItem {
    /// One peer's health.
    pub fn health(&self, peer: Peer) -> &PeerHealth {
        match peer {
            Peer::Robaws => &self.robaws,
            Peer::Productflow => &self.productflow,
        }
    }

    /// One peer's health.
    pub fn health_mut(&mut self, peer: Peer) -> &mut PeerHealth {
        match peer {
            Peer::Robaws => &mut self.robaws,
            Peer::Productflow => &mut self.productflow,
        }
    }

    /// Change when what was looked up at Robaws is void: with the settings, and with articles.
    pub fn catalogue_stamps(&self) -> (u64, u64) {
        (self.connection.catalogue_stamp, self.articles_stamp)
    }

    /// Where a sweep stands.
    pub fn sweep(&self, sweep: Sweep) -> SweepState {
        self.sweeps.get(&sweep).cloned().unwrap_or_default()
    }

    /// The state as the API names it.
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
    /// Something is to be done or looked at.
    Work,
    /// Nothing is known to be to do: an open order is read again now and then, in case the pages did not show it.
    Relook,
}

/// When an order is to be looked at next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Not before.
    pub at: Timestamp,
    /// Why.
    pub kind: DueKind,
}

/// One order: its ledger, what was last seen of it, and when it is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// Shape of this record.
    pub schema: u32,
    /// Counts every write; each is conditional on it. 0: not stored yet.
    pub version: u64,
    /// The ledger.
    pub ledger: Ledger,
    /// ProductFlow's status word as last seen; empty when it could not be read.
    pub status: String,
    /// The marketplace's number.
    pub external_identifier: Option<String>,
    /// The marketplace's name.
    pub marketplace: Option<String>,
    /// Country it is shipped to.
    pub country: Option<String>,
    /// Whether the buyer is a business.
    pub business: bool,
    /// When it was placed, if that could be read.
    pub placed_at: Option<Timestamp>,
    /// Lines and amounts as last read.
    pub facts: Option<OrderFacts>,
    /// What the order comes to.
    pub total: Option<Cents>,
    /// Fingerprint and time of update as the list last showed them.
    pub listed: Option<Listed>,
    /// Fingerprint of what was last read by GET and acted on.
    pub read_fingerprint: Option<String>,
    /// State after the last look.
    pub state: OrderState,
    /// Why it is in this state.
    pub explanation: Vec<Sentence>,
    /// Problems open.
    pub problems: Vec<OpenProblem>,
    /// Differences between the ledger and Robaws that the nightly check found; open until it finds none.
    pub differences: Vec<OpenProblem>,
    /// What it waits for at Robaws, when nothing else can move it.
    pub waits_for: Vec<WaitsFor>,
    /// Digest of the VAT tariffs at the last look, when it waits for one.
    pub tariffs_digest: Option<String>,
    /// Nothing more follows unless it changes.
    pub is_final: bool,
    /// When it is looked at next.
    pub due: Option<Due>,
    /// A message for it was sent then; not queued again for 10 minutes.
    pub queued_at: Option<Timestamp>,
    /// Looks begun since the last one that ended with an outcome.
    pub starts: u32,
    /// Failed calls in a row: 1 min doubling to 1 h.
    pub failures: u32,
    /// Looks in a row that found it blocked: 5 min doubling to 1 h.
    pub rounds: u32,
    /// The merchant or operator asked for a look: no memory of negative answers, a paused peer gets one probe.
    pub forced: bool,
    /// First seen.
    pub created_at: Timestamp,
    /// Last written.
    pub updated_at: Timestamp,
    /// Last read by GET.
    pub looked_at: Option<Timestamp>,
    /// What is wrong with it changed since it was read; not stored.
    #[serde(skip)]
    pub tells_anew: bool,
    /// Problems that opened and closed since it was read; not stored.
    #[serde(skip)]
    pub tally: Tally,
}

/// An order as the list showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Digest of the fields we use.
    pub fingerprint: String,
    /// ProductFlow's own time of update.
    pub updated_at: Option<Timestamp>,
}

impl OrderRecord {
    /// Of an order never seen before, due at once.
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
            explanation: vec![Sentence::plain("waiting")],
            problems: Vec::new(),
            differences: Vec::new(),
            waits_for: Vec::new(),
            tariffs_digest: None,
            is_final: false,
            due: Some(Due {
                at: now,
                kind: DueKind::Work,
            }),
            queued_at: None,
            starts: 0,
            failures: 0,
            rounds: 0,
            forced: false,
            created_at: now,
            updated_at: now,
            looked_at: None,
            tells_anew: false,
            tally: Tally::default(),
        }
    }

    /// How people name it: `1083993841 (PF-100234)`.
    pub fn reference(&self) -> String {
        domain::order::reference(self.external_identifier.as_deref(), &self.ledger.identifier)
    }

    /// Keeps what the API shows of an order: nothing of its buyer but the country and "business or not".
    pub fn see(&mut self, order: &Order) {
        order.status.word().clone_into(&mut self.status);
        self.external_identifier.clone_from(&order.external_identifier);
        self.marketplace.clone_from(&order.marketplace);
        self.country.clone_from(&order.country);
        self.business = order.business.is_some();
        self.placed_at = Some(order.placed_at);
        // A cancelled order may have lost its lines and amounts; what it was is worth more.
        if order.status != OrderStatus::Cancelled || self.facts.is_none() {
            self.facts = Some(OrderFacts::of(order));
            self.total = order.total.or_else(|| order.computed_total());
        }
    }

    /// What [`see`](Self::see) kept of an order that people name so.
    pub fn last_seen<'a>(&self, reference: &'a str) -> LastSeen<'a> {
        LastSeen {
            reference,
            placed_at: self.placed_at,
            is_cancelled: self.status == OrderStatus::Cancelled.word(),
        }
    }

    /// Makes it due at once, whatever its back-off.
    pub fn due_now(&mut self, now: Timestamp) {
        self.due = Some(Due {
            at: now,
            kind: DueKind::Work,
        });
        self.queued_at = None;
    }

    /// Makes it be looked at at once and as if for the first time: because the merchant asked, or decided something.
    pub fn look_again(&mut self, now: Timestamp) {
        self.due_now(now);
        self.forced = true;
        self.waits_for.clear();
        self.tariffs_digest = None;
        self.starts = 0;
        self.failures = 0;
        self.rounds = 0;
    }

    /// Replaces the differences by those that the nightly check found. Tells whether there were or are any.
    pub fn set_differences(&mut self, found: Vec<Problem>, now: Timestamp) -> bool {
        let changes = !found.is_empty() || !self.differences.is_empty();
        self.tells_anew |= differ(&self.differences, &found);
        self.tally += replace_problems(&mut self.differences, found, now);
        changes
    }

    /// Replaces the open problems by those of the last look: opened once, counted, closed by themselves.
    pub fn set_problems(&mut self, found: Vec<Problem>, now: Timestamp) {
        self.tells_anew |= differ(&self.problems, &found);
        self.tally += replace_problems(&mut self.problems, found, now);
    }
}

/// Whether a look found something else than is open; how often it was seen is no difference.
pub fn differ(open: &[OpenProblem], found: &[Problem]) -> bool {
    open.len() != found.len() || open.iter().zip(found).any(|(open, found)| open.problem != *found)
}

/// The open problems after a look that found `found`: known ones keep their opening and count on.
pub(crate) fn merge_problems(
    open: Vec<OpenProblem>,
    found: Vec<Problem>,
    now: Timestamp,
) -> Vec<OpenProblem> {
    let mut open = open;
    found
        .into_iter()
        .map(|problem| {
            // Of one code there may be one per SKU, or per document.
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
                None => OpenProblem {
                    problem,
                    opened_at: now,
                    last_seen_at: now,
                    count: 1,
                },
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "model_tests.rs"]
pub(crate) mod tests;

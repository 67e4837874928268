//! One pass: one reading of ProductFlow's list of orders, newest update first.
//!
//! A pass is complete when it meets orders last updated before the start of the last complete pass (less 10 minutes), or the
//! end of the list. Only a complete pass moves the watermark. New and changed orders are written to the ledger as due before
//! anything is queued.

use crate::all_connections::Deps;
use crate::one_connection::PollError;
use connection::{Clients, Trouble};
use domain::catalogue::Catalogue;
use domain::ids::{ConnectionId, OrderIdentifier};
use domain::ledger::{Ledger, OrderState};
use domain::order::{Order, UnreadableOrder};
use domain::plan::{Plan, Sentence, is_before_go_live, plan_order, plan_unreadable_order};
use domain::problem::{Holds, Problem, ProblemCode};
use domain::settings::Settings;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use productflow::RawOrder;
use runtime::error::Chain;
use runtime::metrics::{self, Metric};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::model::{ConnectionItem, ListedOrder, OrderRecord, PollState};
use store::{Store, StoreError};
use tokio::time::Instant;

/// Orders asked for per list page.
const ORDERS_PER_PAGE: u32 = 50;
/// How far a pass reads beyond the watermark: the clocks of ProductFlow and the connector differ, and the list lags.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// No list page is begun with less time than this.
const PAGE_TIME: Duration = Duration::from_secs(18);
/// How long no sort is asked for after ProductFlow refused the sort.
const SORT_REFUSED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How long a list that proved unsorted is read to its end. A single list page of an unsorted list may look sorted by chance.
const UNSORTED_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Orders of one list page that are written side by side.
const CONCURRENT_WRITES: usize = 8;
/// More list pages than any list has, so that a list without an end is not read for ever.
const MOST_PAGES: u32 = 20_000;

/// How the reading of the list ended in this poll.
pub(crate) enum PassEnd {
    /// The list was read to where the pass is complete, or as far as time went.
    ListRead {
        /// Orders that the list shows as they were last read.
        seen: BTreeSet<OrderIdentifier>,
    },
    /// A list page could not be read.
    CallFailed {
        trouble: Trouble,
        /// Orders that the list pages before it showed as they were last read.
        seen: BTreeSet<OrderIdentifier>,
    },
}

/// An order as the list shows it.
enum ListEntry {
    Readable(Box<Order>),
    Unreadable(UnreadableOrder),
}

impl ListEntry {
    fn identifier(&self) -> &OrderIdentifier {
        match self {
            Self::Readable(order) => &order.identifier,
            Self::Unreadable(unreadable) => &unreadable.identifier,
        }
    }

    fn fingerprint(&self) -> String {
        match self {
            Self::Readable(order) => order.compute_fingerprint(),
            Self::Unreadable(unreadable) => unreadable.fingerprint.clone(),
        }
    }
}

struct Pass<'a> {
    deps: &'a Deps,
    connection: &'a ConnectionId,
    settings: Settings,
    connection_version: u64,
    /// A sorted list that reaches updates before this time has shown all that is new.
    boundary: Option<Timestamp>,
    started_at: Timestamp,
    /// Whether the list is taken to show the newest update first.
    expects_sorted: bool,
    /// Whether the list proved unsorted in this pass.
    proved_unsorted: bool,
    /// The newest update on the list page before.
    newest_on_previous_page: Option<Timestamp>,
    unchanged: BTreeSet<OrderIdentifier>,
}

/// Whether a list page ended the pass.
enum PassProgress {
    Complete,
    /// More list pages must be read.
    Incomplete,
}

/// Reads the list of orders, writes new and changed orders to the ledger, and stores how far the pass came.
pub(crate) async fn read_order_list(
    deps: &Deps,
    item: &ConnectionItem,
    clients: &Clients,
    until: Instant,
) -> Result<PassEnd, PollError> {
    let now = deps.clock.now();
    let connection = &item.connection;
    let go_live = connection.go_live.unwrap_or(Timestamp::MAX);
    let mut state = item.poll.clone();
    let resumes = state.pass_page.filter(|page| *page > 1);
    let started_at = state.pass_started_at.filter(|_| resumes.is_some()).unwrap_or(now);
    let sort_refused = state.sort_refused_until.is_some_and(|until| now < until);
    // An order placed since go-live was also updated since. So the first pass needs to go no further back than go-live.
    let boundary = state.watermark.unwrap_or(go_live).checked_sub(OVERLAP).ok();
    let mut pass = Pass {
        deps,
        connection: &connection.id,
        settings: connection.to_rule_settings(go_live),
        connection_version: connection.version,
        boundary,
        started_at,
        expects_sorted: !sort_refused
            && state.unsorted_until.is_none_or(|until| until <= now)
            && (resumes.is_none() || !state.pass_unsorted),
        proved_unsorted: false,
        newest_on_previous_page: None,
        unchanged: BTreeSet::new(),
    };
    // Also an interrupted pass begins with page 1: what is newest must not wait for the end of a long list.
    let mut page = 1;
    let mut asks_sorted = !sort_refused;
    loop {
        let answer = clients.productflow.read_order_list_page(page, ORDERS_PER_PAGE, asks_sorted).await;
        let listed = match answer {
            Ok(listed) => listed,
            Err(error) if asks_sorted && error.is_refusal_of_query() => {
                asks_sorted = false;
                pass.expects_sorted = false;
                state.sort_refused_until = now.checked_add(SORT_REFUSED_FOR).ok();
                continue;
            }
            Err(error) => {
                pass.note_interruption(&mut state, page.max(resumes.unwrap_or(1)));
                deps.store.save_poll_state(pass.connection, &state).await?;
                return Ok(PassEnd::CallFailed { trouble: Trouble::from(&error), seen: pass.unchanged });
            }
        };
        let digest = (page == 1).then(|| digest_list_page(&listed.orders, pass.connection_version));
        if page == 1 {
            state.last_poll_at = Some(now);
            // The list page shows what it showed when the last complete pass ended on it: nothing is new.
            if resumes.is_none()
                && pass.is_completed_by(&listed.orders, listed.is_last)
                && state.page_digest == digest
            {
                pass.unchanged.extend(listed.orders.iter().filter_map(RawOrder::identifier));
                state.watermark = Some(started_at);
                deps.store.save_poll_state(pass.connection, &state).await?;
                return Ok(PassEnd::ListRead { seen: pass.unchanged });
            }
            state.page_digest = None;
        }
        let ended = pass.take_list_page(&listed.orders, listed.is_last).await?;
        if pass.proved_unsorted {
            state.unsorted_until = now.checked_add(UNSORTED_FOR).ok();
        }
        if matches!(ended, PassProgress::Complete) || page >= MOST_PAGES {
            state.watermark = Some(pass.started_at);
            (state.pass_page, state.pass_started_at, state.pass_unsorted) = (None, None, false);
            if page == 1 {
                state.page_digest = digest;
            }
            deps.store.save_poll_state(pass.connection, &state).await?;
            return Ok(PassEnd::ListRead { seen: pass.unchanged });
        }
        // A pass that was interrupted has read page 1 for what is new, and continues where it stopped.
        page = match resumes {
            Some(resume) if page == 1 => {
                pass.newest_on_previous_page = None;
                resume
            }
            _ => page + 1,
        };
        if until.saturating_duration_since(deps.clock.instant()) < PAGE_TIME {
            pass.note_interruption(&mut state, page);
            deps.store.save_poll_state(pass.connection, &state).await?;
            return Ok(PassEnd::ListRead { seen: pass.unchanged });
        }
    }
}

fn digest_list_page(orders: &[RawOrder], version: u64) -> String {
    let mut hash = Sha256::new();
    hash.update(version.to_le_bytes());
    for order in orders {
        hash.update(order.digest());
    }
    hex::encode(&hash.finalize()[..16])
}

impl Pass<'_> {
    fn note_interruption(&self, state: &mut PollState, page: u32) {
        state.pass_page = Some(page);
        state.pass_started_at = Some(self.started_at);
        state.pass_unsorted = !self.expects_sorted;
    }

    /// Whether these orders end the pass. Only a sorted list tells so by the age of its orders; an unsorted list is read to its
    /// end.
    fn is_completed_by(&self, orders: &[RawOrder], is_last: bool) -> bool {
        is_last
            || orders.is_empty()
            || (self.expects_sorted && self.is_newest_first(orders) && self.is_past_boundary(orders))
    }

    fn is_past_boundary(&self, orders: &[RawOrder]) -> bool {
        let oldest = orders.last().and_then(RawOrder::updated_at);
        oldest.zip(self.boundary).is_some_and(|(oldest, boundary)| oldest < boundary)
    }

    /// Whether the newest update comes first, within the list page and compared with the list page before.
    ///
    /// Rows that moved down while the list was read stand again at the top of the next list page. So that page may begin
    /// anywhere within the page before.
    fn is_newest_first(&self, orders: &[RawOrder]) -> bool {
        let times: Option<Vec<Timestamp>> = orders.iter().map(RawOrder::updated_at).collect();
        times.is_some_and(|times| {
            let follows = times
                .first()
                .zip(self.newest_on_previous_page)
                .is_none_or(|(first, before)| *first <= before);
            follows && times.is_sorted_by(|a, b| a >= b)
        })
    }

    async fn take_list_page(
        &mut self,
        orders: &[RawOrder],
        is_last: bool,
    ) -> Result<PassProgress, PollError> {
        if self.expects_sorted && !self.is_newest_first(orders) {
            tracing::warn!("the order list is not sorted: it is read to its end");
            self.expects_sorted = false;
            self.proved_unsorted = true;
        }
        let completes = self.is_completed_by(orders, is_last);
        self.newest_on_previous_page = orders.first().and_then(RawOrder::updated_at);
        self.write_changed_orders(orders).await?;
        Ok(if completes { PassProgress::Complete } else { PassProgress::Incomplete })
    }

    /// Writes the new and changed orders of a list page to the ledger, as due.
    async fn write_changed_orders(&mut self, orders: &[RawOrder]) -> Result<(), PollError> {
        let mut entries: Vec<(ListEntry, Option<Timestamp>)> = Vec::with_capacity(orders.len());
        for raw in orders {
            if raw.identifier().is_none() {
                tracing::error!(
                    order.fingerprint = raw.digest(),
                    "an order in ProductFlow's list has no identifier and can't be read"
                );
                continue;
            }
            let entry = match productflow::parse_order(raw, &self.settings.connection) {
                Ok(order) => ListEntry::Readable(Box::new(order)),
                Err(unreadable) => ListEntry::Unreadable(unreadable),
            };
            // A row that shifted between two list pages stands in the list twice. The first row is the newer one and counts.
            if entries.iter().all(|(known, _)| known.identifier() != entry.identifier()) {
                entries.push((entry, raw.updated_at()));
            }
        }
        let identifiers: Vec<OrderIdentifier> = entries.iter().map(|(e, _)| e.identifier().clone()).collect();
        let mut known = self.deps.store.load_orders(self.connection, &identifiers).await?;
        let mut writes = Vec::new();
        for (entry, updated_at) in entries {
            let listed = ListedOrder { fingerprint: entry.fingerprint(), updated_at };
            match known.remove(entry.identifier()) {
                None => writes.push((entry, listed)),
                Some(record) => {
                    if record.read_fingerprint.as_ref() == Some(&listed.fingerprint) {
                        self.unchanged.insert(entry.identifier().clone());
                    }
                    if self.compare_with_record(&record, &listed) != ListChange::Nothing {
                        writes.push((entry, listed));
                    }
                }
            }
        }
        stream::iter(writes)
            .map(|(entry, listed)| self.write_or_block_order(entry, listed))
            .buffer_unordered(CONCURRENT_WRITES)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(())
    }

    /// Writes one order. An order that is too large or can't be read from the table must not stop the other orders of its list
    /// page.
    async fn write_or_block_order(&self, entry: ListEntry, listed: ListedOrder) -> Result<(), StoreError> {
        let identifier = entry.identifier().clone();
        let error = match self.write_order(&entry, &listed).await {
            Err(error @ (StoreError::TooLarge | StoreError::Corrupt { .. })) => error,
            other => return other,
        };
        tracing::error!(
            order.identifier = %identifier, error = %Chain(&error), "the order can't be kept in the ledger"
        );
        if !matches!(error, StoreError::TooLarge) {
            return Ok(());
        }
        let now = self.deps.clock.now();
        let mut record = OrderRecord::new(self.connection.clone(), identifier, now);
        if let ListEntry::Readable(order) = &entry {
            record.update_from_order(order);
            record.facts = None;
            let lines = format!("{} lines", order.lines.len());
            let args = domain::problem::build_args([
                ("order", order.reference().into()),
                ("field", "lines".into()),
                ("value", lines.into()),
            ]);
            let problem = Problem::new(ProblemCode::OrderUnreadable, Holds::Everything, args);
            record.set_problems(vec![problem], now);
        }
        record.state = OrderState::Blocked;
        record.explanation = vec![Sentence::without_args("blocked")];
        record.listed = Some(listed);
        record.due = None;
        match self.deps.store.save_order(&mut record, now).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn write_order(&self, entry: &ListEntry, listed: &ListedOrder) -> Result<(), StoreError> {
        let store: &Store = &self.deps.store;
        let now = self.deps.clock.now();
        let mut record = OrderRecord::new(self.connection.clone(), entry.identifier().clone(), now);
        self.fill_new_record(&mut record, entry, listed, now);
        // A new order is written on the condition that none is stored, which needs no read before.
        match store.save_order(&mut record, now).await {
            Ok(()) => {
                report_order_seen(&record, "new");
                return Ok(());
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
        let is_changed = AtomicBool::new(false);
        let amended = store
            .amend_order(self.connection, entry.identifier(), now, |record| {
                let changed = self.compare_with_record(record, listed);
                is_changed.store(changed == ListChange::NeedsLook, Ordering::Relaxed);
                match changed {
                    ListChange::Nothing => false,
                    ListChange::ListOnly => {
                        record.listed = Some(listed.clone());
                        true
                    }
                    ListChange::NeedsLook => {
                        record.listed = Some(listed.clone());
                        record.starts = 0;
                        record.rounds = 0;
                        record.waits_for = Vec::new();
                        record.make_due_now(now);
                        true
                    }
                }
            })
            .await?;
        if let Some(record) = amended.filter(|_| is_changed.into_inner()) {
            report_order_seen(&record, "changed");
        }
        Ok(())
    }

    /// Fills the record of a new order. The order is due, unless the list alone shows that nothing follows from it: the order
    /// was placed before go-live or is cancelled already.
    fn fill_new_record(
        &self,
        record: &mut OrderRecord,
        entry: &ListEntry,
        listed: &ListedOrder,
        now: Timestamp,
    ) {
        let ledger: &Ledger = &record.ledger;
        let found: Plan = match entry {
            ListEntry::Readable(order) => plan_order(order, ledger, &Catalogue::default(), &self.settings),
            ListEntry::Unreadable(unreadable) => plan_unreadable_order(unreadable, ledger, &self.settings),
        };
        match entry {
            ListEntry::Readable(order) => record.update_from_order(order),
            ListEntry::Unreadable(unreadable) => {
                record.external_identifier.clone_from(&unreadable.external_identifier);
                record.placed_at = unreadable.placed_at;
            }
        }
        if found.is_final && found.effects.is_empty() && found.missing.is_empty() {
            record.state = found.state;
            record.explanation = found.explanation;
            record.is_final = true;
            record.due = None;
            record.read_fingerprint = Some(listed.fingerprint.clone());
            record.looked_at = Some(now);
        }
        record.listed = Some(listed.clone());
    }

    fn compare_with_record(&self, record: &OrderRecord, listed: &ListedOrder) -> ListChange {
        // Go-live was moved, so an order that was left alone may now be one to look at.
        let left_alone = record.explanation.first().is_some_and(|s| s.code == "skipped_before_go_live");
        if left_alone && record.placed_at.is_some_and(|at| at >= self.settings.go_live) {
            return ListChange::NeedsLook;
        }
        if record.listed.as_ref() == Some(listed) {
            return ListChange::Nothing;
        }
        let same_listed = record.listed.as_ref().is_some_and(|known| known.fingerprint == listed.fingerprint);
        let as_read = record.read_fingerprint.as_ref() == Some(&listed.fingerprint);
        if as_read || is_before_go_live(record.placed_at, &record.ledger, &self.settings) {
            return if same_listed { ListChange::Nothing } else { ListChange::ListOnly };
        }
        // The list shows something else than what was acted on: the order changed, or the list lags. Both need a look, since
        // the two can't be told apart here.
        ListChange::NeedsLook
    }
}

/// Counts and logs an order of which the list showed something new.
fn report_order_seen(record: &OrderRecord, how: &'static str) {
    metrics::add_count(Metric::OrdersSeen, 1);
    tracing::info!(
        order.identifier = %record.ledger.identifier, order.state = record.state.as_str(), order.status = record.status,
        seen = how, is_due = record.due.is_some(), "order seen"
    );
}

/// What the list shows of an order, compared with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListChange {
    Nothing,
    /// Only the list entry has to be stored: what the list shows was acted on already.
    ListOnly,
    /// The order must be looked at.
    NeedsLook,
}

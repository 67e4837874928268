//! Stores and loads order records and frozen invoices, and finds the orders that are due.

use crate::Store;
use crate::connections::to_attribute;
use crate::error::StoreError;
use crate::keys::{self, Key};
use crate::model::{DueKind, ORDER_SCHEMA, OrderRecord};
use crate::record::{ListPage, Record, encode_record, read_item};
use crate::summaries::OrderSummary;
use crate::tally::ProblemTally;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use domain::ids::{ConnectionId, OrderIdentifier};
use domain::invoice::FrozenDocument;
use domain::ledger::OrderState;
use domain::notification::ProblemSubject;
use domain::problem::WaitsFor;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};

/// Blocked orders that are written at the same time.
const MADE_DUE_AT_ONCE: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOrder {
    pub identifier: OrderIdentifier,
    /// Since when the order is due.
    pub due_at: Timestamp,
    /// When a queue message was last sent.
    pub queued_at: Option<Timestamp>,
}

/// Which orders a list shows.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Only orders in this state.
    pub state: Option<OrderState>,
    /// Only orders that wait for people: [`OrderRecord::waits_for_people`].
    pub waits_for_people: bool,
    /// Only orders whose identifier, marketplace number, document id or document number contains this text.
    pub text: Option<String>,
}

impl OrderFilter {
    /// Whether the filter shows this order.
    pub fn matches_order(&self, record: &OrderRecord) -> bool {
        order_matches(record, self)
    }
}

impl OrderRecord {
    /// Whether a problem or a difference is open that people must solve.
    pub fn waits_for_people(&self) -> bool {
        let is_open = matches!(self.state, OrderState::Blocked | OrderState::Conflict | OrderState::InDoubt);
        is_open || !self.problems.is_empty() || !self.differences.is_empty()
    }
}

impl Record for OrderRecord {
    const NAME: &'static str = "an order";
    const SCHEMA: u32 = ORDER_SCHEMA;

    fn key(&self) -> Key {
        keys::order_key(&self.ledger.connection, &self.ledger.identifier)
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn next_version(&self, now: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now,
            problems_changed: false,
            tally: ProblemTally::default(),
            ..self.clone()
        }
    }

    fn due_index_entry(&self) -> Option<(String, Timestamp)> {
        let due = self.due?;
        Some((due_orders_pk(&self.ledger.connection, due.kind), due.at))
    }

    fn newest_index_entry(&self) -> (String, Timestamp) {
        (self.ledger.connection.to_string(), self.created_at)
    }

    fn open_index_entry(&self) -> Option<(String, Timestamp, ProblemSubject)> {
        let first = self.problems.iter().chain(&self.differences);
        let opened_at = first.map(|open| open.opened_at).min()?;
        let subject = ProblemSubject::Order {
            identifier: self.ledger.identifier.clone(),
            reference: self.display_reference(),
            invoice: self.ledger.find_invoice().and_then(|(row, _)| row.robaws_id.clone()),
        };
        Some((self.ledger.connection.to_string(), opened_at, subject))
    }

    fn connection_to_notify(&self) -> Option<&ConnectionId> {
        self.problems_changed.then_some(&self.ledger.connection)
    }

    fn tally(&self) -> ProblemTally {
        self.tally
    }

    fn summary_attribute(&self) -> Result<Option<AttributeValue>, StoreError> {
        to_attribute(&OrderSummary::from_record(self)).map(Some)
    }
}

pub(crate) fn due_orders_pk(connection: &ConnectionId, kind: DueKind) -> String {
    match kind {
        DueKind::Work => connection.to_string(),
        DueKind::Relook => format!("{connection}#relook"),
    }
}

impl Store {
    /// Loads an order record. `None`: there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn load_order(
        &self,
        connection: &ConnectionId,
        identifier: &OrderIdentifier,
    ) -> Result<Option<OrderRecord>, StoreError> {
        self.load_record(keys::order_key(connection, identifier)).await
    }

    /// Loads several order records. Records that do not exist are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn load_orders(
        &self,
        connection: &ConnectionId,
        identifiers: &[OrderIdentifier],
    ) -> Result<HashMap<OrderIdentifier, OrderRecord>, StoreError> {
        let keys: Vec<Key> = identifiers.iter().map(|id| keys::order_key(connection, id)).collect();
        let records: Vec<OrderRecord> = self.load_records(keys).await?;
        Ok(records.into_iter().map(|record| (record.ledger.identifier.clone(), record)).collect())
    }

    /// Stores an order record. The record in memory gets its new version only after the write.
    /// [`Store::note_order_queued`] writes `queued_at` without a new version, so this write may undo it: the order is
    /// then queued twice, which is harmless.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when another writer stored the record since it was loaded; [`StoreError::TooLarge`]
    /// above 400 KB; [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_order(&self, record: &mut OrderRecord, now: Timestamp) -> Result<(), StoreError> {
        self.save_record(record, now).await
    }

    /// Stores an order record and the invoice frozen for it, in one transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when another writer stored the order first, or an invoice is frozen under this row
    /// already; [`StoreError::TooLarge`] above 400 KB; [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_order_and_invoice(
        &self,
        record: &mut OrderRecord,
        frozen: &FrozenDocument,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let next = record.next_version(now);
        let invalid = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Unavailable(error.into());
        let order = Put::builder()
            .table_name(&self.table)
            .set_item(Some(encode_record(&next)?))
            .condition_expression("version = :known")
            .expression_attribute_values(":known", AttributeValue::N(record.version.to_string()))
            .build()
            .map_err(invalid)?;
        let ledger = &record.ledger;
        let mut item: Key = serde_dynamo::to_item(frozen)
            .map_err(|error| StoreError::corrupt_item("an invoice to store", error))?;
        item.extend(keys::invoice_key(&ledger.connection, &ledger.identifier, frozen.row));
        let (newest_pk, newest_at) =
            (keys::newest_invoices_pk(&ledger.connection), keys::to_sortable_day(frozen.date));
        item.insert("newest_pk".to_owned(), keys::text_value(newest_pk));
        item.insert("newest_at".to_owned(), keys::text_value(newest_at));
        // A row number is never used for two bodies: a second invoice under it is refused.
        let invoice = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(invalid)?;
        self.client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(order).build())
            .transact_items(TransactWriteItem::builder().put(invoice).build())
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        self.report_problems(record.tally);
        *record = next;
        Ok(())
    }

    /// Loads the invoice that was frozen under a row of an order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn load_frozen_invoice(
        &self,
        connection: &ConnectionId,
        identifier: &OrderIdentifier,
        row: u32,
    ) -> Result<Option<FrozenDocument>, StoreError> {
        self.load_item(keys::invoice_key(connection, identifier, row))
            .await?
            .map(|item| read_item("a frozen invoice", item))
            .transpose()
    }

    /// Applies `change` to the stored record and saves. Loads and tries again when another writer was faster, so
    /// `change` must hold whatever the record says by then. `change` returns whether it changed anything. `None`:
    /// there is no such order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] after 30 tries that another writer won; otherwise as [`Store::load_order`] and
    /// [`Store::save_order`].
    pub async fn amend_order(
        &self,
        connection: &ConnectionId,
        identifier: &OrderIdentifier,
        now: Timestamp,
        change: impl Fn(&mut OrderRecord) -> bool,
    ) -> Result<Option<OrderRecord>, StoreError> {
        self.amend_record(keys::order_key(connection, identifier), now, || None, change).await
    }

    /// As [`Store::amend_order`], but starts from `fresh` when there is no such order.
    ///
    /// # Errors
    ///
    /// As [`Store::amend_order`].
    pub async fn amend_or_create_order(
        &self,
        fresh: &OrderRecord,
        now: Timestamp,
        change: impl Fn(&mut OrderRecord) -> bool,
    ) -> Result<Option<OrderRecord>, StoreError> {
        let key = keys::order_key(&fresh.ledger.connection, &fresh.ledger.identifier);
        self.amend_record(key, now, || Some(fresh.clone()), change).await
    }

    /// Loads orders that are due at `until`, longest due first, `limit` at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn load_due_orders(
        &self,
        connection: &ConnectionId,
        kind: DueKind,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueOrder>, StoreError> {
        let records: Vec<OrderRecord> =
            self.load_due_records(due_orders_pk(connection, kind), until, limit).await?;
        let due = records.into_iter().filter_map(|record| {
            Some(DueOrder {
                due_at: record.due?.at,
                identifier: record.ledger.identifier,
                queued_at: record.queued_at,
            })
        });
        Ok(due.collect())
    }

    /// Makes blocked orders due at once, because the settings that blocked them may have changed. Returns their
    /// number.
    ///
    /// # Errors
    ///
    /// As [`Store::amend_order`].
    pub async fn make_blocked_orders_due(
        &self,
        connection: &ConnectionId,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.make_orders_due_where(connection, now, |record| {
            record.due.is_some_and(|due| due.at > now) || !record.waits_for.is_empty()
        })
        .await
    }

    /// Makes blocked orders due at once that wait for one of `came_in`. Returns their number.
    ///
    /// # Errors
    ///
    /// As [`Store::amend_order`].
    pub async fn make_waiting_orders_due(
        &self,
        connection: &ConnectionId,
        came_in: &BTreeSet<WaitsFor>,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.make_orders_due_where(connection, now, |record| {
            record.waits_for.iter().any(|key| came_in.contains(key))
        })
        .await
    }

    async fn make_orders_due_where(
        &self,
        connection: &ConnectionId,
        now: Timestamp,
        asleep: impl Fn(&OrderRecord) -> bool,
    ) -> Result<usize, StoreError> {
        let sleeps = |record: &OrderRecord| record.state == OrderState::Blocked && asleep(record);
        let due_pk = due_orders_pk(connection, DueKind::Work);
        let mut waiting: Vec<OrderRecord> = self.load_due_records(due_pk, Timestamp::MAX, usize::MAX).await?;
        waiting.retain(&sleeps);
        let sleeps = &sleeps;
        let woken = stream::iter(waiting)
            .map(|order| async move {
                self.amend_order(connection, &order.ledger.identifier, now, |record| {
                    // Checked again: a look may have changed the order since the index was read.
                    if !sleeps(record) {
                        return false;
                    }
                    record.rounds = 0;
                    record.waits_for.clear();
                    record.tariffs_digest = None;
                    record.make_due_now(now);
                    true
                })
                .await
            })
            .buffer_unordered(MADE_DUE_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(woken.len())
    }

    /// Stores that a message for a due order was sent, without a new version. `false`: the due time changed
    /// meanwhile, so the message may be outdated and nothing was stored.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn note_order_queued(
        &self,
        connection: &ConnectionId,
        identifier: &OrderIdentifier,
        due_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.note_record_queued(keys::order_key(connection, identifier), due_at, now).await
    }

    /// One list page of a connection's orders, newest first. A filtered list page may be shorter than `limit` and
    /// still have a cursor, since one call examines some 1,000 orders at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadCursor`] when `cursor` is not from an earlier list page; [`StoreError::Unavailable`] when
    /// DynamoDB fails.
    pub async fn list_orders(
        &self,
        connection: &ConnectionId,
        filter: &OrderFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<ListPage<OrderRecord>, StoreError> {
        let wanted = |record: &OrderRecord| order_matches(record, filter);
        self.load_newest_records(connection.as_str(), &keys::orders_pk(connection), wanted, cursor, limit)
            .await
    }
}

fn order_matches(record: &OrderRecord, filter: &OrderFilter) -> bool {
    if filter.state.is_some_and(|state| state != record.state) {
        return false;
    }
    if filter.waits_for_people && !record.waits_for_people() {
        return false;
    }
    let Some(wanted) = filter.text.as_deref() else {
        return true;
    };
    let documents = record.ledger.rows.iter().flat_map(|row| {
        let number = row.effect.progress().and_then(|progress| progress.number.as_deref());
        [row.robaws_id.as_ref().map(domain::DocumentId::as_str), number]
    });
    [Some(record.ledger.identifier.as_str()), record.external_identifier.as_deref()]
        .into_iter()
        .chain(documents)
        .flatten()
        .any(|text| text.contains(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OpenProblem;
    use domain::problem::{Holds, Problem, ProblemCode, build_args};

    #[test]
    fn what_is_stored_next_has_the_next_version_and_nothing_left_to_tell() {
        let at = |minute: i64| Timestamp::from_second(1_790_000_000 + minute * 60).unwrap();
        let connection = ConnectionId::parse("shop").unwrap();
        let mut record = OrderRecord::new(connection, OrderIdentifier::parse("PF-1").unwrap(), at(0));
        record.problems_changed = true;
        record.tally = ProblemTally::from_closed(1);
        let next = record.next_version(at(2));
        assert_eq!((next.version, next.created_at, next.updated_at), (1, at(0), at(2)));
        assert!(!next.problems_changed && next.tally == ProblemTally::default());
        assert_eq!((next.due, &next.ledger), (record.due, &record.ledger));
    }

    #[test]
    fn people_are_waited_for_while_something_is_open() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let connection = ConnectionId::parse("shop").unwrap();
        let order = OrderRecord::new(connection, OrderIdentifier::parse("PF-1").unwrap(), now);
        let waits = |change: &dyn Fn(&mut OrderRecord)| {
            let mut order = order.clone();
            change(&mut order);
            order.waits_for_people()
        };
        assert!(!waits(&|_| {}));
        for (state, people) in [
            (OrderState::Booked, false),
            (OrderState::Blocked, true),
            (OrderState::Conflict, true),
            (OrderState::InDoubt, true),
        ] {
            assert_eq!(waits(&|order| order.state = state), people, "{state:?}");
        }
        let open = || {
            vec![OpenProblem {
                problem: Problem::new(ProblemCode::OrderGone, Holds::Nothing, build_args([])),
                opened_at: now,
                last_seen_at: now,
                count: 1,
            }]
        };
        assert!(waits(&|order| order.problems = open()));
        assert!(waits(&|order| order.differences = open()));
    }

    #[test]
    fn a_list_shows_the_orders_that_were_asked_for_and_no_others() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let connection = ConnectionId::parse("shop").unwrap();
        let mut order = OrderRecord::new(connection, OrderIdentifier::parse("PF-1234").unwrap(), now);
        order.external_identifier = Some("1083993841".to_owned());
        let text = |text: &str| OrderFilter { text: Some(text.to_owned()), ..OrderFilter::default() };
        let state = |state| OrderFilter { state: Some(state), ..OrderFilter::default() };
        let people = OrderFilter { waits_for_people: true, ..OrderFilter::default() };
        for (filter, shown) in [
            (OrderFilter::default(), true),
            (state(OrderState::Waiting), true),
            (state(OrderState::Blocked), false),
            (people, false),
            (text("PF-12"), true),
            (text("39938"), true),
            (text("PF-9"), false),
        ] {
            assert_eq!(filter.matches_order(&order), shown, "{filter:?}");
        }
    }
}

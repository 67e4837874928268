//! Orders: their ledgers, frozen invoices, and which are due.

use crate::Store;
use crate::error::StoreError;
use crate::keys::{self, Key, text};
use crate::model::{DueKind, ORDER_SCHEMA, OrderRecord};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{ConnectionId, OrderIdentifier};
use domain::invoice::Frozen;
use domain::ledger::{OrderState, RowEffect};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// Times a write of what is known is tried again on a conflict.
const MOST_TRIES: u32 = 30;
/// Blocked orders made due at a time.
const WOKEN_AT_ONCE: usize = 8;
/// Rows looked at for one page of a filtered list.
const MOST_SCANNED: usize = 1_000;

/// An order that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOrder {
    /// Which.
    pub identifier: OrderIdentifier,
    /// Since when.
    pub due_at: Timestamp,
    /// When a message for it was sent.
    pub queued_at: Option<Timestamp>,
}

/// What a list of orders shows.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Only orders in this state.
    pub state: Option<OrderState>,
    /// Only orders whose identifier, marketplace number, or Robaws id or number contains this.
    pub text: Option<String>,
}

/// One page of orders.
#[derive(Debug, Clone)]
pub struct OrderPage {
    /// Newest first.
    pub orders: Vec<OrderRecord>,
    /// Where the next page begins.
    pub cursor: Option<String>,
}

fn item_of(record: &OrderRecord) -> Result<Key, StoreError> {
    let ledger = &record.ledger;
    let mut item: Key =
        serde_dynamo::to_item(record).map_err(|error| StoreError::corrupt("an order to store", error))?;
    item.extend(keys::order(&ledger.connection, &ledger.identifier));
    item.insert("newest_pk".to_owned(), text(ledger.connection.as_str()));
    item.insert("newest_at".to_owned(), text(keys::sortable(record.created_at)));
    if let Some(due) = record.due {
        let pk = due_pk(&ledger.connection, due.kind);
        item.insert("due_pk".to_owned(), text(pk));
        item.insert("due_at".to_owned(), text(keys::sortable(due.at)));
    }
    Ok(item)
}

fn due_pk(connection: &ConnectionId, kind: DueKind) -> String {
    match kind {
        DueKind::Work => connection.to_string(),
        DueKind::Relook => format!("{connection}#relook"),
    }
}

fn read(item: Key) -> Result<OrderRecord, StoreError> {
    let record: OrderRecord =
        serde_dynamo::from_item(item).map_err(|error| StoreError::corrupt("an order", error))?;
    if record.schema > ORDER_SCHEMA {
        return Err(StoreError::missing(format!(
            "order {} of a newer version",
            record.ledger.identifier
        )));
    }
    Ok(record)
}

impl Store {
    /// An order.
    pub async fn order(
        &self,
        connection: &ConnectionId,
        identifier: &OrderIdentifier,
    ) -> Result<Option<OrderRecord>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::order(connection, identifier)))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::sdk)?;
        found.item.map(read).transpose()
    }

    /// Several orders at once; those that are not there are left out.
    pub async fn orders(
        &self,
        connection: &ConnectionId,
        identifiers: &[OrderIdentifier],
    ) -> Result<HashMap<OrderIdentifier, OrderRecord>, StoreError> {
        let keys: Vec<Key> = identifiers.iter().map(|id| keys::order(connection, id)).collect();
        let records = self.batch(keys).await?;
        Ok(records
            .into_iter()
            .map(|record| (record.ledger.identifier.clone(), record))
            .collect())
    }

    async fn batch(&self, keys: Vec<Key>) -> Result<Vec<OrderRecord>, StoreError> {
        let mut records = Vec::with_capacity(keys.len());
        let mut waiting = keys;
        let mut tries = 0;
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(100));
            let asked = KeysAndAttributes::builder()
                .set_keys(Some(waiting))
                .consistent_read(true)
                .build()
                .map_err(|error| StoreError::Unavailable(error.into()))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, asked)
                .send()
                .await
                .map_err(StoreError::sdk)?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                match read(item) {
                    Ok(record) => records.push(record),
                    // One unreadable order must not stop the others.
                    Err(error) => tracing::error!(error = %error, "a stored order can't be read"),
                }
            }
            let unprocessed = answer.unprocessed_keys.unwrap_or_default();
            let mut again: Vec<Key> = unprocessed.into_values().flat_map(|asked| asked.keys).collect();
            if !again.is_empty() {
                tries += 1;
                if tries > MOST_TRIES {
                    return Err(StoreError::missing(
                        "some of the orders asked for, within the table's throughput,",
                    ));
                }
                tokio::time::sleep(Duration::from_millis(u64::from(tries.min(10)) * 20)).await;
            }
            again.extend(rest);
            waiting = again;
        }
        Ok(records)
    }

    /// Stores an order if nobody else did since it was read; the record gets its new version only then. `queued_at` is written
    /// beside the version by [`Store::mark_queued`], so this may undo such a mark: the order is then queued twice, which is
    /// harmless.
    pub async fn save_order(&self, record: &mut OrderRecord, now: Timestamp) -> Result<(), StoreError> {
        let next = next_version(record, now);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item_of(&next)?));
        let put = if record.version == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :known")
                .expression_attribute_values(":known", AttributeValue::N(record.version.to_string()))
        };
        put.send().await.map_err(StoreError::sdk)?;
        *record = next;
        Ok(())
    }

    /// Stores an order and the invoice frozen for it, both or neither.
    pub async fn save_order_and_frozen(
        &self,
        record: &mut OrderRecord,
        frozen: &Frozen,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let next = next_version(record, now);
        let invalid = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Unavailable(error.into());
        let order = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item_of(&next)?))
            .condition_expression("version = :known")
            .expression_attribute_values(":known", AttributeValue::N(record.version.to_string()))
            .build()
            .map_err(invalid)?;
        let ledger = &record.ledger;
        let mut item: Key = serde_dynamo::to_item(frozen)
            .map_err(|error| StoreError::corrupt("an invoice to store", error))?;
        item.extend(keys::invoice(&ledger.connection, &ledger.identifier, frozen.row));
        // A row number is never used for two bodies.
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
            .map_err(StoreError::sdk)?;
        *record = next;
        Ok(())
    }

    /// The invoice frozen under a row of an order.
    pub async fn frozen(
        &self,
        connection: &ConnectionId,
        identifier: &OrderIdentifier,
        row: u32,
    ) -> Result<Option<Frozen>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::invoice(connection, identifier, row)))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::sdk)?;
        found
            .item
            .map(|item| serde_dynamo::from_item(item).map_err(|e| StoreError::corrupt("a frozen invoice", e)))
            .transpose()
    }

    /// Changes an order as it is stored now, and tries again when somebody else wrote it meanwhile: for what is known for
    /// certain. `change` tells whether it changed anything. `None`: there is no such order.
    pub async fn amend_order(
        &self,
        connection: &ConnectionId,
        identifier: &OrderIdentifier,
        now: Timestamp,
        change: impl Fn(&mut OrderRecord) -> bool,
    ) -> Result<Option<OrderRecord>, StoreError> {
        for tries in 1..=MOST_TRIES {
            let Some(mut record) = self.order(connection, identifier).await? else {
                return Ok(None);
            };
            if !change(&mut record) {
                return Ok(Some(record));
            }
            match self.save_order(&mut record, now).await {
                Ok(()) => return Ok(Some(record)),
                Err(StoreError::Conflict) => {
                    tokio::time::sleep(Duration::from_millis(u64::from(tries.min(10)) * 5)).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Orders due until `until`, longest due first.
    pub async fn due_orders(
        &self,
        connection: &ConnectionId,
        kind: DueKind,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueOrder>, StoreError> {
        let mut due = Vec::new();
        let mut start = None;
        while due.len() < limit {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(keys::DUE_INDEX)
                .key_condition_expression("due_pk = :pk AND due_at <= :until")
                .expression_attribute_values(":pk", text(due_pk(connection, kind)))
                .expression_attribute_values(":until", text(keys::sortable(until)))
                .limit(i32::try_from(limit - due.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(StoreError::sdk)?;
            for item in page.items.unwrap_or_default() {
                // One unreadable order must not stop the others.
                let record = match read(item) {
                    Ok(record) => record,
                    Err(error) => {
                        tracing::error!(connection.id = %connection, error = %error, "a due order can't be read");
                        continue;
                    }
                };
                if let Some(at) = record.due {
                    let identifier = record.ledger.identifier;
                    due.push(DueOrder {
                        identifier,
                        due_at: at.at,
                        queued_at: record.queued_at,
                    });
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(due)
    }

    /// Makes blocked orders due at once, because what held them up may be another now: the settings changed. Gives their
    /// number.
    pub async fn wake_blocked(&self, connection: &ConnectionId, now: Timestamp) -> Result<usize, StoreError> {
        let waiting = self
            .due_orders(connection, DueKind::Work, Timestamp::MAX, usize::MAX)
            .await?;
        let woken = stream::iter(waiting)
            .map(|order| async move {
                self.amend_order(connection, &order.identifier, now, |record| {
                    let asleep = record.due.is_some_and(|due| due.at > now) || !record.waits_for.is_empty();
                    if record.state != OrderState::Blocked || !asleep {
                        return false;
                    }
                    record.rounds = 0;
                    record.waits_for.clear();
                    record.tariffs_digest = None;
                    record.due_now(now);
                    true
                })
                .await
            })
            .buffer_unordered(WOKEN_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(woken.len())
    }

    /// Marks a due order as queued, unless what is due changed meanwhile. Does not count as a change of the order.
    pub async fn mark_queued(
        &self,
        connection: &ConnectionId,
        identifier: &OrderIdentifier,
        due_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let at = serde_dynamo::to_attribute_value(now).map_err(|e| StoreError::corrupt("a moment", e))?;
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::order(connection, identifier)))
            .update_expression("SET queued_at = :now")
            .condition_expression("due_at = :due")
            .expression_attribute_values(":now", at)
            .expression_attribute_values(":due", text(keys::sortable(due_at)))
            .send()
            .await;
        match sent.map_err(StoreError::sdk) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Orders of a connection, newest first. A filtered page may be short of `limit` and still have a cursor: the work of one
    /// call is bounded.
    pub async fn list_orders(
        &self,
        connection: &ConnectionId,
        filter: &OrderFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<OrderPage, StoreError> {
        let mut start = cursor
            .map(|cursor| decode_cursor(connection, cursor))
            .transpose()?;
        let mut orders: Vec<OrderRecord> = Vec::new();
        let mut scanned = 0;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(keys::NEWEST_INDEX)
                .key_condition_expression("newest_pk = :pk")
                .expression_attribute_values(":pk", text(connection.as_str()))
                .scan_index_forward(false)
                .limit(100)
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(StoreError::sdk)?;
            let keys: Vec<Key> = page.items.unwrap_or_default();
            scanned += keys.len();
            let wanted: Vec<Key> = keys.iter().map(table_key).collect();
            let mut found: HashMap<String, OrderRecord> = self
                .batch(wanted)
                .await?
                .into_iter()
                .map(|record| (keys::order_sk(&record.ledger.identifier), record))
                .collect();
            let more = page.last_evaluated_key;
            for key in &keys {
                let sk = key.get("sk").and_then(|sk| sk.as_s().ok());
                let Some(record) = sk.and_then(|sk| found.remove(sk)) else {
                    continue;
                };
                if matches(&record, filter) {
                    orders.push(record);
                    if orders.len() >= limit {
                        return Ok(OrderPage {
                            orders,
                            cursor: Some(encode_cursor(key)),
                        });
                    }
                }
            }
            match more {
                None => return Ok(OrderPage { orders, cursor: None }),
                Some(key) if scanned >= MOST_SCANNED => {
                    return Ok(OrderPage {
                        orders,
                        cursor: Some(encode_cursor(&key)),
                    });
                }
                Some(key) => start = Some(key),
            }
        }
    }
}

fn next_version(record: &OrderRecord, now: Timestamp) -> OrderRecord {
    OrderRecord {
        version: record.version + 1,
        updated_at: now,
        ..record.clone()
    }
}

fn table_key(key: &Key) -> Key {
    key.iter()
        .filter(|(name, _)| *name == "pk" || *name == "sk")
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

fn matches(record: &OrderRecord, filter: &OrderFilter) -> bool {
    if filter.state.is_some_and(|state| state != record.state) {
        return false;
    }
    let Some(wanted) = filter.text.as_deref() else {
        return true;
    };
    let documents = record.ledger.rows.iter().flat_map(|row| {
        let number = match &row.effect {
            RowEffect::Invoice { progress, .. } => progress.number.as_deref(),
            RowEffect::StockChange { .. } => None,
        };
        [row.robaws_id.as_ref().map(domain::DocumentId::as_str), number]
    });
    [
        Some(record.ledger.identifier.as_str()),
        record.external_identifier.as_deref(),
    ]
    .into_iter()
    .chain(documents)
    .flatten()
    .any(|text| text.contains(wanted))
}

fn encode_cursor(key: &Key) -> String {
    let part = |name: &str| {
        key.get(name)
            .and_then(|v| v.as_s().ok())
            .cloned()
            .unwrap_or_default()
    };
    URL_SAFE_NO_PAD.encode(serde_json::json!([part("newest_at"), part("sk")]).to_string())
}

fn decode_cursor(connection: &ConnectionId, cursor: &str) -> Result<Key, StoreError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(cursor)
        .map_err(|_| StoreError::BadCursor)?;
    let (newest_at, sk): (String, String) =
        serde_json::from_slice(&bytes).map_err(|_| StoreError::BadCursor)?;
    Ok(HashMap::from([
        ("pk".to_owned(), text(keys::orders_pk(connection))),
        ("sk".to_owned(), text(sk)),
        ("newest_pk".to_owned(), text(connection.as_str())),
        ("newest_at".to_owned(), text(newest_at)),
    ]))
}

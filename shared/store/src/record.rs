//! Versioned records: what orders, articles and notifications have in common as items. Every write is
//! conditional on the version; each write also keeps the indexes up to date.

use crate::Store;
use crate::connections::to_attribute;
use crate::error::StoreError;
use crate::keys::{self, Key, text_value};
use crate::tally::ProblemTally;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::ConnectionId;
use domain::notification::ProblemSubject;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Tries of an amended write that loses to other writers.
const MOST_TRIES: u32 = 30;
/// Entries of the index that one list page examines.
const MOST_ENTRIES_SCANNED: usize = 1_000;

/// A stored record with a version.
pub(crate) trait Record: Serialize + DeserializeOwned + Clone {
    /// The kind of record, for error messages.
    const NAME: &'static str;
    /// The newest stored shape that this program reads.
    const SCHEMA: u32;
    fn key(&self) -> Key;
    /// 0: not stored yet.
    fn version(&self) -> u64;
    /// The record as the next write stores it: with the next version.
    fn next_version(&self, now: Timestamp) -> Self;
    /// Partition and sort key in the index of due records. `None`: not in the index.
    fn due_index_entry(&self) -> Option<(String, Timestamp)>;
    /// Partition and sort key in the index by age.
    fn newest_index_entry(&self) -> (String, Timestamp);
    /// Partition, sort key and subject in the index of open problems. `None`: no problem is open.
    fn open_index_entry(&self) -> Option<(String, Timestamp, ProblemSubject)> {
        None
    }
    /// The connection whose notifications are outdated after this write, because problems of the record changed.
    fn connection_to_notify(&self) -> Option<&ConnectionId> {
        None
    }
    /// Problems opened and closed since the record was loaded.
    fn tally(&self) -> ProblemTally {
        ProblemTally::default()
    }
    /// What lists and counts need of the record; the index by age holds it.
    fn summary_attribute(&self) -> Result<Option<AttributeValue>, StoreError> {
        Ok(None)
    }
    /// When the table may delete the record. `None`: never.
    fn expires_at(&self) -> Option<Timestamp> {
        None
    }
}

pub(crate) fn encode_record<R: Record>(record: &R) -> Result<Key, StoreError> {
    let mut item: Key = serde_dynamo::to_item(record)
        .map_err(|error| StoreError::corrupt_item(format!("{} to store", R::NAME), error))?;
    item.extend(record.key());
    let (newest_pk, newest_at) = record.newest_index_entry();
    item.insert("newest_pk".to_owned(), text_value(newest_pk));
    item.insert("newest_at".to_owned(), text_value(keys::to_sortable(newest_at)));
    if let Some((due_pk, due_at)) = record.due_index_entry() {
        item.insert("due_pk".to_owned(), text_value(due_pk));
        item.insert("due_at".to_owned(), text_value(keys::to_sortable(due_at)));
    }
    if let Some((open_pk, open_at, subject)) = record.open_index_entry() {
        item.insert("open_pk".to_owned(), text_value(open_pk));
        item.insert("open_at".to_owned(), text_value(keys::to_sortable(open_at)));
        item.insert("subject".to_owned(), to_attribute(&subject)?);
    }
    if let Some(summary) = record.summary_attribute()? {
        item.insert("summary".to_owned(), summary);
    }
    if let Some(expires) = record.expires_at() {
        let seconds = expires.as_second().to_string();
        item.insert("expires_at".to_owned(), AttributeValue::N(seconds));
    }
    Ok(item)
}

/// The kind of an item and its keys, for error messages.
pub(crate) fn describe_item(what: &str, item: &Key) -> String {
    let part = |name| item.get(name).and_then(|value| value.as_s().ok());
    let part = |name| part(name).map_or("?", String::as_str);
    format!("{what} ({} {})", part("pk"), part("sk"))
}

/// Refuses an item that a newer program wrote. Checked before the item is deserialized, since an older program
/// must not write back what it does not know.
pub(crate) fn refuse_newer_schema(record: &Key, known: u32, named: &str) -> Result<(), StoreError> {
    let schema = record.get("schema").and_then(|value| value.as_n().ok());
    let schema: Option<u64> = schema.and_then(|number| number.parse().ok());
    if schema.is_some_and(|schema| schema > u64::from(known)) {
        return Err(StoreError::missing_item(format!("{named} of a newer version")));
    }
    Ok(())
}

/// Deserializes a whole item.
pub(crate) fn read_item<T: DeserializeOwned>(what: &str, item: Key) -> Result<T, StoreError> {
    let named = describe_item(what, &item);
    serde_dynamo::from_item(item).map_err(|error| StoreError::corrupt_item(named, error))
}

pub(crate) fn read_record<R: Record>(item: Key) -> Result<R, StoreError> {
    refuse_newer_schema(&item, R::SCHEMA, &describe_item(R::NAME, &item))?;
    read_item(R::NAME, item)
}

/// Deserializes the items that can be read and logs the others: one unreadable item must not stop the rest.
pub(crate) fn readable_records<R: Record>(items: impl IntoIterator<Item = Key>) -> Vec<R> {
    let mut records = Vec::new();
    for item in items {
        match read_record(item) {
            Ok(record) => records.push(record),
            Err(error) => tracing::error!(error = %error, what = R::NAME, "a stored item can't be read"),
        }
    }
    records
}

/// Deserializes an attribute that must exist.
pub(crate) fn read_attribute<T: DeserializeOwned>(
    what: &str,
    item: &mut Key,
    attribute: &str,
) -> Result<T, StoreError> {
    let value = item.remove(attribute);
    let value = value.ok_or_else(|| StoreError::missing_item(describe_item(what, item)))?;
    serde_dynamo::from_attribute_value(value)
        .map_err(|error| StoreError::corrupt_item(describe_item(what, item), error))
}

/// One list page, newest first.
#[derive(Debug, Clone)]
pub struct ListPage<R> {
    pub records: Vec<R>,
    /// Where the next list page begins. `None`: this is the last one.
    pub cursor: Option<String>,
}

impl Store {
    pub(crate) async fn load_item(&self, key: Key) -> Result<Option<Key>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(request.send().await.map_err(StoreError::from_sdk)?.item)
    }

    pub(crate) async fn load_record<R: Record>(&self, key: Key) -> Result<Option<R>, StoreError> {
        self.load_item(key).await?.map(read_record).transpose()
    }

    /// Stores a record under the condition that its version is the stored one. The record in memory gets its new
    /// version only after the write.
    pub(crate) async fn save_record<R: Record>(
        &self,
        record: &mut R,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // Before the write: a process that dies between the two writes leaves one update too many and none too few.
        if let Some(connection) = record.connection_to_notify() {
            self.announce_problem_change(connection, now).await?;
        }
        let next = record.next_version(now);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(encode_record(&next)?));
        let put = if record.version() == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :known")
                .expression_attribute_values(":known", AttributeValue::N(record.version().to_string()))
        };
        put.send().await.map_err(StoreError::from_sdk)?;
        self.report_problems(record.tally());
        *record = next;
        Ok(())
    }

    /// Applies `change` to the stored record and saves; loads and tries again when another writer was faster.
    /// `change` returns whether it changed anything. `fresh` makes the record when there is none; `None`: it is not
    /// made.
    pub(crate) async fn amend_record<R: Record>(
        &self,
        key: Key,
        now: Timestamp,
        fresh: impl Fn() -> Option<R>,
        change: impl Fn(&mut R) -> bool,
    ) -> Result<Option<R>, StoreError> {
        for tries in 1..=MOST_TRIES {
            let Some(mut record) = self.load_record(key.clone()).await?.or_else(&fresh) else {
                return Ok(None);
            };
            if !change(&mut record) {
                return Ok(Some(record));
            }
            match self.save_record(&mut record, now).await {
                Ok(()) => return Ok(Some(record)),
                Err(StoreError::Conflict) => {
                    // Writers that collided wait a growing while, so that they do not collide again.
                    let pause = Duration::from_millis(u64::from(tries.min(10)) * 5);
                    self.clock.sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Loads several records. Records that do not exist are left out.
    pub(crate) async fn load_records<R: Record>(&self, keys: Vec<Key>) -> Result<Vec<R>, StoreError> {
        Ok(readable_records(self.load_items(keys).await?))
    }

    /// Loads several items, 100 per call. Items that do not exist are left out.
    pub(crate) async fn load_items(&self, keys: Vec<Key>) -> Result<Vec<Key>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
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
                .map_err(StoreError::from_sdk)?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            let unprocessed = answer.unprocessed_keys.unwrap_or_default();
            let mut again: Vec<Key> = unprocessed.into_values().flat_map(|asked| asked.keys).collect();
            if !again.is_empty() {
                tries += 1;
                if tries > MOST_TRIES {
                    return Err(StoreError::missing_item(
                        "some of the items asked for, within the table's throughput,",
                    ));
                }
                let pause = Duration::from_millis(u64::from(tries.min(10)) * 20);
                self.clock.sleep(pause).await;
            }
            again.extend(rest);
            waiting = again;
        }
        Ok(items)
    }

    /// Loads records of one partition of the index that are due at `until`, longest due first.
    pub(crate) async fn load_due_records<R: Record>(
        &self,
        due_pk: String,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<R>, StoreError> {
        let mut due = Vec::new();
        let mut start = None;
        while due.len() < limit {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(keys::DUE_INDEX)
                .key_condition_expression("due_pk = :pk AND due_at <= :until")
                .expression_attribute_values(":pk", text_value(&due_pk))
                .expression_attribute_values(":until", text_value(keys::to_sortable(until)))
                .limit(i32::try_from(limit - due.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(StoreError::from_sdk)?;
            due.extend(readable_records(page.items.unwrap_or_default()));
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(due)
    }

    /// Stores when a message for a due record was sent, without a new version. `false`: the due time changed
    /// meanwhile.
    pub(crate) async fn note_record_queued(
        &self,
        key: Key,
        due_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let at =
            serde_dynamo::to_attribute_value(now).map_err(|e| StoreError::corrupt_item("a moment", e))?;
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression("SET queued_at = :now")
            .condition_expression("due_at = :due")
            .expression_attribute_values(":now", at)
            .expression_attribute_values(":due", text_value(keys::to_sortable(due_at)))
            .send()
            .await;
        match sent.map_err(StoreError::from_sdk) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Loads a list page of one partition of the index by age, newest first. A filtered list page may be shorter
    /// than `limit` and still have a cursor, since one call examines a bounded number of entries.
    pub(crate) async fn load_newest_records<R: Record>(
        &self,
        newest_pk: &str,
        pk: &str,
        wanted: impl Fn(&R) -> bool,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<ListPage<R>, StoreError> {
        let mut start = cursor.map(|cursor| decode_cursor(newest_pk, pk, cursor)).transpose()?;
        let mut records: Vec<R> = Vec::new();
        let mut scanned = 0;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(keys::NEWEST_INDEX)
                .key_condition_expression("newest_pk = :pk")
                .expression_attribute_values(":pk", text_value(newest_pk))
                .scan_index_forward(false)
                .limit(100)
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(StoreError::from_sdk)?;
            let keys: Vec<Key> = page.items.unwrap_or_default();
            scanned += keys.len();
            // The index holds no whole records, and lags: the table is read.
            let mut found: Vec<R> = self.load_records(keys.iter().map(table_key).collect()).await?;
            for key in &keys {
                let place = found.iter().position(|record| record.key() == table_key(key));
                let Some(record) = place.map(|at| found.swap_remove(at)) else {
                    continue;
                };
                if wanted(&record) {
                    records.push(record);
                    if records.len() >= limit {
                        let cursor = Some(encode_cursor(key));
                        return Ok(ListPage { records, cursor });
                    }
                }
            }
            match page.last_evaluated_key {
                None => {
                    return Ok(ListPage { records, cursor: None });
                }
                Some(key) if scanned >= MOST_ENTRIES_SCANNED => {
                    let cursor = Some(encode_cursor(&key));
                    return Ok(ListPage { records, cursor });
                }
                Some(key) => start = Some(key),
            }
        }
    }
}

/// The key in the table from an entry of an index.
fn table_key(key: &Key) -> Key {
    key.iter()
        .filter(|(name, _)| *name == "pk" || *name == "sk")
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

/// Longest sort key that DynamoDB takes.
const MOST_KEY_BYTES: usize = 1024;

fn encode_cursor(key: &Key) -> String {
    let part = |name: &str| key.get(name).and_then(|v| v.as_s().ok()).cloned().unwrap_or_default();
    URL_SAFE_NO_PAD.encode(serde_json::json!([part("newest_at"), part("sk")]).to_string())
}

fn decode_cursor(newest_pk: &str, pk: &str, cursor: &str) -> Result<Key, StoreError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| StoreError::BadCursor)?;
    let (newest_at, sk): (String, String) =
        serde_json::from_slice(&bytes).map_err(|_| StoreError::BadCursor)?;
    // DynamoDB refuses such keys with an error that would look like an outage.
    if [&newest_at, &sk].iter().any(|part| part.is_empty() || part.len() > MOST_KEY_BYTES) {
        return Err(StoreError::BadCursor);
    }
    Ok(Key::from([
        ("pk".to_owned(), text_value(pk)),
        ("sk".to_owned(), text_value(sk)),
        ("newest_pk".to_owned(), text_value(newest_pk)),
        ("newest_at".to_owned(), text_value(newest_at)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article_record::ArticleRecord;
    use crate::model::OrderRecord;
    use domain::ids::{ArticleId, OrderIdentifier};

    fn shop_id() -> ConnectionId {
        ConnectionId::parse("shop").unwrap()
    }

    fn new_order_record() -> OrderRecord {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        OrderRecord::new(shop_id(), OrderIdentifier::parse("PF-1").unwrap(), now)
    }

    #[test]
    fn the_table_never_forgets_an_order_or_an_article() {
        let order = new_order_record();
        let article = ArticleRecord::new(shop_id(), ArticleId::parse("1").unwrap(), order.created_at);
        for item in [encode_record(&order).unwrap(), encode_record(&article).unwrap()] {
            assert!(!item.contains_key("expires_at"), "{item:?}");
            assert!(!item.contains_key("open_pk"), "nothing is wrong with it: {item:?}");
        }
    }

    #[test]
    fn an_item_that_cant_be_read_is_named_by_its_place_in_the_table() {
        let mut item = encode_record(&new_order_record()).unwrap();
        item.insert("state".to_owned(), text_value("lost"));
        let error = read_record::<OrderRecord>(item).unwrap_err();
        assert_eq!(error.to_string(), "an order (ORDER#shop PF-1) can't be read");
        assert_eq!(describe_item("an order", &Key::new()), "an order (? ?)");
    }

    #[test]
    fn a_list_goes_on_where_its_page_ended() {
        let item = encode_record(&new_order_record()).unwrap();
        let place = decode_cursor("shop", "ORDER#shop", &encode_cursor(&item)).unwrap();
        assert_eq!(place.len(), 4);
        for (name, value) in place {
            assert_eq!(item.get(&name), Some(&value), "{name}");
        }
    }

    #[test]
    fn a_cursor_that_no_list_gave_is_refused() {
        let cursor = |newest_at: &str, sk: &str| {
            let parts = serde_json::json!([newest_at, sk]).to_string();
            decode_cursor("shop", "ORDER#shop", &URL_SAFE_NO_PAD.encode(parts))
        };
        let (at, long) = ("2026-11-23T08:00:00Z", "x".repeat(1_024));
        assert!(cursor(at, "PF-1").is_ok());
        assert!(cursor(at, &long).is_ok());
        let longer = format!("{long}x");
        for (newest_at, sk) in [("", "PF-1"), (at, ""), (at, longer.as_str()), (longer.as_str(), "PF-1")] {
            assert!(matches!(cursor(newest_at, sk), Err(StoreError::BadCursor)));
        }
        for forged in ["", "e30", "%", "W10"] {
            let refused = decode_cursor("shop", "ORDER#shop", forged);
            assert!(matches!(refused, Err(StoreError::BadCursor)), "{forged}");
        }
    }
}

//! Loads the orders of some days of the bookkeeping: orders whose invoice is dated on these days, whenever they
//! came in, and orders without an invoice that came in on these days. Both are ranges of the index by age, so
//! orders of other days are not read.

use crate::Store;
use crate::error::StoreError;
use crate::keys::{self, Key, text_value};
use crate::model::OrderRecord;
use domain::ids::ConnectionId;
use jiff::{Timestamp, ToSpan, civil::Date};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

const READ_AT_ONCE: i32 = 100;

/// Consecutive days, and the moments at which they begin and end in the bookkeeping time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days {
    pub first: Date,
    pub last: Date,
    /// Midnight before `first`.
    pub began: Timestamp,
    /// Midnight after `last`, exclusive.
    pub ended: Timestamp,
}

impl Days {
    fn contains_day(&self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedOrder {
    pub record: OrderRecord,
    pub invoice_date: Option<Date>,
}

/// One range of the index by age: orders by arrival, or invoices by their date.
struct IndexRange {
    newest_pk: String,
    from: String,
    until: String,
    /// Gives the sort key of the order from the sort key of an entry.
    order_of: fn(&str) -> Option<&str>,
    /// Whether the entries are invoices.
    holds_invoices: bool,
}

impl Store {
    /// Calls `each` with the orders of these days: first orders with an invoice, by its date, then orders without
    /// one, by arrival. Stops when `each` breaks, and returns that break.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn for_each_order_of_days(
        &self,
        connection: &ConnectionId,
        days: &Days,
        mut each: impl FnMut(DatedOrder) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let ranges = [
            IndexRange {
                newest_pk: keys::newest_invoices_pk(connection),
                from: keys::to_sortable_day(days.first),
                until: keys::to_sortable_day(days.last),
                order_of: keys::order_sk_of_invoice,
                holds_invoices: true,
            },
            IndexRange {
                newest_pk: connection.to_string(),
                from: keys::to_sortable(days.began),
                // The index knows whole seconds, and a range includes its ends.
                until: keys::to_sortable(days.ended.saturating_sub(1.second()).unwrap_or(days.ended)),
                order_of: |sk| Some(sk),
                holds_invoices: false,
            },
        ];
        let mut given = BTreeSet::new();
        for range in ranges {
            let mut start = None;
            loop {
                let (entries, next) = self.load_range_entries(&range, start).await?;
                let fresh: Vec<String> = entries.into_iter().filter(|sk| given.insert(sk.clone())).collect();
                for record in self.load_orders_in_sequence(connection, &fresh).await? {
                    let invoice = record.ledger.find_invoice();
                    let invoice_date = invoice.and_then(|(_, progress)| progress.date);
                    // An order can stand in both ranges: it counts under the date of its invoice, if it has one.
                    let is_theirs = match invoice_date {
                        Some(date) => days.contains_day(date),
                        None => !range.holds_invoices,
                    };
                    if is_theirs && each(DatedOrder { record, invoice_date }).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                start = next;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The order sort keys of one query of a range, and where the next query begins.
    async fn load_range_entries(
        &self,
        range: &IndexRange,
        start: Option<Key>,
    ) -> Result<(Vec<String>, Option<Key>), StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(keys::NEWEST_INDEX)
            .key_condition_expression("newest_pk = :pk AND newest_at BETWEEN :from AND :until")
            .expression_attribute_values(":pk", text_value(&range.newest_pk))
            .expression_attribute_values(":from", text_value(&range.from))
            .expression_attribute_values(":until", text_value(&range.until))
            .limit(READ_AT_ONCE)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        let keys = page.items.unwrap_or_default();
        let orders = keys
            .iter()
            .filter_map(|key| key.get("sk")?.as_s().ok())
            .filter_map(|sk| (range.order_of)(sk))
            .map(str::to_owned);
        Ok((orders.collect(), page.last_evaluated_key))
    }

    /// Loads the orders with these sort keys, in the sequence of the keys.
    async fn load_orders_in_sequence(
        &self,
        connection: &ConnectionId,
        sort_keys: &[String],
    ) -> Result<Vec<OrderRecord>, StoreError> {
        let keys = sort_keys.iter().map(|sk| keys::order_key_by_sk(connection, sk)).collect();
        let mut records: Vec<OrderRecord> = self.load_records(keys).await?;
        records.sort_by_cached_key(|record| {
            let sk = keys::order_sk(&record.ledger.identifier);
            sort_keys.iter().position(|known| *known == sk)
        });
        Ok(records)
    }
}

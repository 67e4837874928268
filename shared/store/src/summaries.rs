//! Orders in short: what counts over many of them need, read from the index by age alone.

use crate::Store;
use crate::error::StoreError;
use crate::keys::{self, text};
use crate::model::OrderRecord;
use crate::record::read_item;
use domain::ids::ConnectionId;
use domain::ledger::{Direction, OrderState, RowEffect, RowState};
use domain::money::Cents;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An order in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSummary {
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// Its state.
    pub state: OrderState,
    /// Something is open that people must solve.
    pub asks: bool,
    /// Stock was taken out for it.
    pub stock_out: bool,
    /// What its invoice comes to, once that stands.
    #[serde(default)]
    pub invoiced: Option<Cents>,
    /// Its invoice was left as a draft.
    #[serde(default)]
    pub is_draft: bool,
}

impl OrderSummary {
    /// Of an order.
    pub fn of(record: &OrderRecord) -> Self {
        let out = |row: &domain::ledger::Row| {
            row.state == RowState::Done
                && matches!(
                    row.effect,
                    RowEffect::StockChange {
                        direction: Direction::Out,
                        ..
                    }
                )
        };
        // One that was undone is no turnover.
        let invoice = record.ledger.invoice();
        let invoice = invoice.filter(|_| record.ledger.undone().is_none());
        let invoiced = invoice.and_then(|(row, _)| row.effect.total());
        Self {
            seen_at: record.created_at,
            state: record.state,
            asks: !record.problems.is_empty() || !record.differences.is_empty(),
            stock_out: record.ledger.rows.iter().any(out),
            invoiced,
            is_draft: invoice.is_some_and(|(_, progress)| !progress.booked),
        }
    }
}

#[derive(Deserialize)]
struct Item {
    summary: OrderSummary,
}

/// Summaries read at most: a shop with more orders in the time asked for gets the newest.
const MOST: usize = 20_000;

impl Store {
    /// Orders first seen since then, newest first.
    pub async fn order_summaries(
        &self,
        connection: &ConnectionId,
        since: Timestamp,
    ) -> Result<Vec<OrderSummary>, StoreError> {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(keys::NEWEST_INDEX)
                .key_condition_expression("newest_pk = :pk AND newest_at >= :since")
                .expression_attribute_values(":pk", text(connection.as_str()))
                .expression_attribute_values(":since", text(keys::sortable(since)))
                .scan_index_forward(false)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(StoreError::sdk)?;
            for item in page.items.unwrap_or_default() {
                match read_item::<Item>("an order's summary", item) {
                    Ok(item) => found.push(item.summary),
                    // One that can't be read must not hide the others.
                    Err(error) => tracing::error!(error = %error, "a stored item can't be read"),
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() || found.len() >= MOST {
                return Ok(found);
            }
        }
    }
}

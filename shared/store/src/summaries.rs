//! Summaries of orders. Counts over many orders read only these, from the index by age.

use crate::Store;
use crate::error::StoreError;
use crate::keys::{self, text_value};
use crate::model::OrderRecord;
use crate::record::read_item;
use domain::ids::ConnectionId;
use domain::ledger::{Direction, OrderState, RowEffect, RowState};
use domain::money::Cents;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSummary {
    /// When the connector first saw the order.
    pub seen_at: Timestamp,
    pub state: OrderState,
    /// Whether a problem or difference is open that people must solve.
    pub asks: bool,
    /// Whether a stock change out was booked.
    pub stock_out: bool,
    /// Total of the invoice in cents, VAT-inclusive, once the invoice exists and was not undone.
    pub invoiced: Option<Cents>,
    /// Whether the invoice was left as a draft.
    pub is_draft: bool,
}

impl OrderSummary {
    pub fn from_record(record: &OrderRecord) -> Self {
        let out = |row: &domain::ledger::Row| {
            row.state == RowState::Done
                && matches!(row.effect, RowEffect::StockChange { direction: Direction::Out, .. })
        };
        // An invoice that was undone is no turnover.
        let invoice = record.ledger.find_invoice();
        let invoice = invoice.filter(|_| record.ledger.invoice_end().is_none());
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
struct SummaryItem {
    summary: OrderSummary,
}

/// Summaries read at most. A shop with more orders gets the newest.
const MOST_SUMMARIES: usize = 20_000;

impl Store {
    /// Loads the summaries of orders first seen since `since`, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn load_order_summaries(
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
                .expression_attribute_values(":pk", text_value(connection.as_str()))
                .expression_attribute_values(":since", text_value(keys::to_sortable(since)))
                .scan_index_forward(false)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(StoreError::from_sdk)?;
            for item in page.items.unwrap_or_default() {
                match read_item::<SummaryItem>("an order's summary", item) {
                    Ok(item) => found.push(item.summary),
                    // One unreadable item must not hide the others.
                    Err(error) => tracing::error!(error = %error, "a stored item can't be read"),
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() || found.len() >= MOST_SUMMARIES {
                return Ok(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OpenProblem;
    use crate::model::tests::{invoice_effect, ledger_row};
    use domain::ids::{OrderIdentifier, StockLocationId};
    use domain::ledger::{InvoiceProgress, Row};
    use domain::problem::{Holds, Problem, ProblemCode, build_args};

    fn order_with_rows(rows: Vec<Row>) -> OrderRecord {
        let connection = ConnectionId::parse("shop").unwrap();
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let mut record = OrderRecord::new(connection, OrderIdentifier::parse("PF-1").unwrap(), now);
        record.ledger.rows = rows;
        record
    }

    #[test]
    fn stock_is_out_once_it_was_taken() {
        let stock_change = |direction| RowEffect::StockChange {
            direction,
            stock_location_id: StockLocationId::parse("1").unwrap(),
            items: Vec::new(),
        };
        let done = RowState::Done;
        for (rows, stock_out) in [
            (vec![], false),
            (vec![ledger_row(1, RowState::Intended, stock_change(Direction::Out))], false),
            (vec![ledger_row(1, RowState::Unknown, stock_change(Direction::Out))], false),
            (vec![ledger_row(1, RowState::Refused, stock_change(Direction::Out))], false),
            (vec![ledger_row(1, done, stock_change(Direction::In))], false),
            (vec![ledger_row(1, done, invoice_effect(true))], false),
            (vec![ledger_row(1, done, stock_change(Direction::Out))], true),
        ] {
            let states: Vec<_> = rows.iter().map(|row| (row.state, row.effect.clone())).collect();
            assert_eq!(OrderSummary::from_record(&order_with_rows(rows)).stock_out, stock_out, "{states:?}");
        }
    }

    #[test]
    fn an_order_asks_while_a_problem_or_a_difference_is_open() {
        let now = order_with_rows(Vec::new()).created_at;
        let open = |code| {
            vec![OpenProblem {
                problem: Problem::new(code, Holds::Nothing, build_args([])),
                opened_at: now,
                last_seen_at: now,
                count: 1,
            }]
        };
        for (problem, difference) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut record = order_with_rows(Vec::new());
            if problem {
                record.problems = open(ProblemCode::OrderGone);
            }
            if difference {
                record.differences = open(ProblemCode::RecordsDiffer);
            }
            assert_eq!(OrderSummary::from_record(&record).asks, problem || difference);
        }
    }

    #[test]
    fn an_invoice_is_turnover_until_it_is_undone() {
        let credit_note =
            RowEffect::CreditNote { invoice: 1, total: Cents(12_100), progress: InvoiceProgress::default() };
        let done = RowState::Done;
        let total = Some(Cents(12_100));
        for (rows, invoiced, is_draft) in [
            (vec![], None, false),
            (vec![ledger_row(1, RowState::Unknown, invoice_effect(false))], None, false),
            (vec![ledger_row(1, done, invoice_effect(false))], total, true),
            (vec![ledger_row(1, done, invoice_effect(true))], total, false),
            (vec![ledger_row(1, done, invoice_effect(true)), ledger_row(2, done, credit_note)], None, false),
        ] {
            let summary = OrderSummary::from_record(&order_with_rows(rows.clone()));
            assert_eq!((summary.invoiced, summary.is_draft), (invoiced, is_draft), "{rows:?}");
        }
    }
}

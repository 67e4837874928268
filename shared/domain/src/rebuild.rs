//! Rebuilds a ledger that was lost or set back, from the documents in Robaws that carry our reference. What a document proves
//! becomes a row. What else the lost ledger held of an order is unknown, so nothing more is done for such an order until a
//! person confirms that nothing is missing.

use crate::ids::{ArticleId, DocumentId, Sku, StockLocationId};
use crate::ledger::{AttemptOutcome, Direction, Ledger, Row, RowEffect, RowState, StockItem, StockKey};
use crate::order::{Order, OrderStatus};
use crate::plan::{Plan, PlannedEffect, Sentence};
use crate::problem::{Arg, Holds, Problem, ProblemCode, build_args};
use crate::settings::Settings;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many row numbers each ledger of a connection may use. The rows of a rebuilt ledger begin behind those of the lost one,
/// so that no row number is used for two bodies.
const ROW_NUMBERS_PER_LEDGER: u32 = 1_000_000;

/// What is known about the loss of a connection's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerLoss {
    /// Orders that were updated up to this moment may have been processed in ways that the rebuilt ledger does not know.
    pub until: Timestamp,
    /// When the ledger was rebuilt last.
    pub rebuilt_at: Timestamp,
    /// How often the ledger was rebuilt.
    pub times: u32,
}

/// Documents in Robaws that carry an order's reference and do not fit the order. Nothing is done for such an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmatchedDocuments {
    /// Numbers of the documents, or their ids when they have no number.
    pub documents: Vec<String>,
    /// When the documents were found.
    pub at: Timestamp,
}

/// A stock change in Robaws whose description carries our mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundStockChange {
    pub id: DocumentId,
    /// The row number that the mark names.
    pub no: u32,
    /// The whole description, which is the reference of the row.
    pub description: String,
    /// Whether the stock change is booked. A draft moves no stock.
    pub booked: bool,
    /// Direction and location. `None` when the document names no location or two.
    pub side: Option<(Direction, StockLocationId)>,
    /// Each line as article, article number and pieces. `None` when a line cannot be read.
    pub lines: Option<Vec<(ArticleId, Option<String>, u32)>>,
}

impl FoundStockChange {
    /// The effect that the row of this stock change had. `None` when the document cannot be read, or when it moves an article
    /// for which the order has no line.
    fn to_row_effect(
        &self,
        order: Option<&Order>,
        fbm_location: Option<&StockLocationId>,
    ) -> Option<RowEffect> {
        let (direction, location) = self.side.clone()?;
        let at_marketplace = fbm_location == Some(&location);
        let mut items = Vec::new();
        for (article_id, number, quantity) in self.lines.as_ref()? {
            let sku = Sku::parse(number.clone()?).ok()?;
            let fbm = match order {
                Some(order) => find_line_fbm(order, &sku, at_marketplace)?,
                None => at_marketplace,
            };
            items.push(StockItem {
                key: StockKey::Sku { sku: sku.clone(), fbm },
                sku: Some(sku),
                article_id: article_id.clone(),
                quantity: *quantity,
            });
        }
        (self.booked && !items.is_empty()).then_some(RowEffect::StockChange {
            direction,
            stock_location_id: location,
            items,
        })
    }
}

/// Whether the marketplace ships the lines with this SKU. When the order has lines of both kinds, or is cancelled and may have
/// lost its lines, the location decides. `None` when the order has no such line.
fn find_line_fbm(order: &Order, sku: &Sku, at_marketplace: bool) -> Option<bool> {
    let mut kinds = order.lines.iter().filter(|line| line.sku.as_ref() == Some(sku)).map(|line| line.fbm);
    match kinds.next() {
        None if order.status != OrderStatus::Cancelled => None,
        Some(first) if kinds.all(|kind| kind == first) => Some(first),
        None | Some(_) => Some(at_marketplace),
    }
}

impl Ledger {
    /// Leaves out the row numbers that a lost ledger of this connection may have used.
    pub fn skip_lost_row_numbers(&mut self, lost: Option<&LedgerLoss>) {
        let first = lost.map_or(0, |lost| lost.times.saturating_mul(ROW_NUMBERS_PER_LEDGER));
        self.next_row = self.next_row.max(first.saturating_add(1));
    }

    /// Adds a stock change that Robaws shows and the ledger does not know. Returns `false`, and changes nothing, when the stock
    /// change does not fit the ledger or the order. `order` is `None` when ProductFlow no longer has the order, or when it cannot
    /// be read.
    pub fn recover_stock_change(
        &mut self,
        found: &FoundStockChange,
        order: Option<&Order>,
        fbm_location: Option<&StockLocationId>,
        now: Timestamp,
    ) -> bool {
        if let Some(row) = self.find_row(found.no) {
            let is_stock = matches!(row.effect, RowEffect::StockChange { .. });
            let same = row.robaws_id.as_ref() == Some(&found.id);
            if row.state == RowState::Done || !is_stock || !found.booked {
                return is_stock && same;
            }
            // The row holds the exact body of its call, and the mark proves that the document came from that call.
            self.recover_row(found.no, &found.id, None, now);
            return true;
        }
        let Some(effect) = found.to_row_effect(order, fbm_location) else {
            return false;
        };
        self.insert_recovered_row(found.no, effect, found.description.clone(), &found.id, now);
        true
    }

    /// Records row `no` as done by the document with this id.
    pub fn recover_row(&mut self, no: u32, id: &DocumentId, number: Option<String>, now: Timestamp) {
        let outcome = AttemptOutcome::Done { robaws_id: id.clone(), number };
        self.end_attempt(no, &outcome, now);
    }

    /// Finds a free row number for an invoice whose document does not show its own: behind the stock that went out for the order
    /// and before the stock that came back. `None` when there is no such number.
    pub fn find_invoice_row_number(&self) -> Option<u32> {
        let of = |wanted: Direction| {
            self.rows.iter().filter_map(move |row| match &row.effect {
                RowEffect::StockChange { direction, .. } if *direction == wanted => Some(row.no),
                _ => None,
            })
        };
        let after = of(Direction::Out).max().unwrap_or(0);
        let taken: BTreeSet<u32> = self.rows.iter().map(|row| row.no).collect();
        let no = (after.saturating_add(1)..=u32::MAX).find(|no| !taken.contains(no))?;
        // Stock that came back after the invoice was a decision of the merchant, and the decision is lost with the ledger.
        of(Direction::In).all(|back| back < no).then_some(no)
    }

    /// Adds a row that is done, for a document that stands in Robaws.
    pub fn insert_recovered_row(
        &mut self,
        no: u32,
        effect: RowEffect,
        reference: String,
        id: &DocumentId,
        now: Timestamp,
    ) {
        self.rows.push(Row {
            no,
            effect,
            body: String::new(),
            reference,
            state: RowState::Done,
            attempts: 1,
            ever_unknown: false,
            first_attempt_at: None,
            api_user: None,
            robaws_id: Some(id.clone()),
            reason: None,
            created_at: now,
            at: now,
        });
        self.rows.sort_by_key(|row| row.no);
        self.next_row = self.next_row.max(no.saturating_add(1));
    }

    /// Records documents that do not fit the order. From then on the order is in doubt.
    pub fn record_unmatched_documents(&mut self, documents: Vec<String>, now: Timestamp) {
        self.unmatched_documents = Some(UnmatchedDocuments { documents, at: now });
    }

    /// Whether a person may confirm that nothing was done for the order but what the rows show.
    pub fn can_be_vouched_for(&self) -> bool {
        self.unmatched_documents.is_none() && self.find_row_in_doubt().is_none()
    }
}

/// Plans an order with documents that do not fit it. `None` when there are none.
pub(crate) fn plan_unmatched(ledger: &Ledger, reference: &str) -> Option<Plan> {
    let doubt = ledger.unmatched_documents.as_ref()?;
    let problem = Problem::new(
        ProblemCode::PastUnmatched,
        Holds::Everything,
        build_args([("order", reference.into()), ("documents", Arg::List(doubt.documents.clone()))]),
    );
    Some(plan_in_doubt(problem))
}

/// Replaces a plan that begins an effect when the lost ledger may have held more about the order. A person is asked first.
pub(crate) fn ask_about_lost_past(plan: Plan, order: &Order, ledger: &Ledger, settings: &Settings) -> Plan {
    let Some(lost) = &settings.ledger_loss else {
        return plan;
    };
    let begins = |effect: &PlannedEffect| !matches!(effect, PlannedEffect::FinishInvoice(_));
    // An order that was updated after the loss was never processed by the lost ledger in its present form.
    let is_from_before = order.updated_at.unwrap_or(order.placed_at) <= lost.until;
    let is_vouched_for = ledger.vouched_at.is_some_and(|at| at >= lost.rebuilt_at);
    let may_begin = plan.missing.is_empty() && plan.effects.iter().any(begins);
    if !may_begin || !is_from_before || is_vouched_for {
        return plan;
    }
    let problem = Problem::new(
        ProblemCode::PastUnknown,
        Holds::Everything,
        build_args([("order", order.reference().into()), ("at", Arg::Time(lost.until))]),
    );
    plan_in_doubt(problem)
}

fn plan_in_doubt(problem: Problem) -> Plan {
    Plan {
        effects: Vec::new(),
        problems: vec![problem],
        state: crate::ledger::OrderState::InDoubt,
        explanation: vec![Sentence::without_args("past_unknown")],
        missing: crate::catalogue::MissingAnswers::default(),
        is_final: false,
    }
}

#[cfg(test)]
#[path = "rebuild_tests.rs"]
mod tests;

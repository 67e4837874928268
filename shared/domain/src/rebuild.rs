//! A ledger that was lost or set back, made anew from the documents in Robaws that carry our reference. What they prove becomes
//! rows; whatever else the lost ledger may have held of an order is not known: nothing more is done for such an order until
//! people say.

use crate::ids::{ArticleId, DocumentId, Sku, StockLocationId};
use crate::ledger::{Direction, Ledger, Outcome, Row, RowEffect, RowState, StockItem, StockKey};
use crate::order::{Order, OrderStatus};
use crate::plan::{Effect, Plan, Sentence};
use crate::problem::{Arg, Holds, Problem, ProblemCode, args};
use crate::settings::Settings;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Rows of a ledger that was rebuilt begin behind this many numbers: those that the lost ledger may have used are never used
/// for another body.
const ROWS_OF_A_LEDGER: u32 = 1_000_000;

/// What a rebuilt ledger can't know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Up to this moment orders may have been dealt with in ways that are not known any more.
    pub until: Timestamp,
    /// When the ledger was rebuilt.
    pub rebuilt_at: Timestamp,
    /// How often it has been rebuilt.
    pub times: u32,
}

/// Documents with an order's reference that do not fit the order: nothing is added to them by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// The documents, by their numbers or ids.
    pub documents: Vec<String>,
    /// When they were found.
    pub at: Timestamp,
}

/// A stock change with a mark of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundStockChange {
    /// Its id.
    pub id: DocumentId,
    /// The row that its mark names.
    pub no: u32,
    /// The whole description, which is the row's reference.
    pub description: String,
    /// Whether it moved anything.
    pub booked: bool,
    /// Which way and where; `None` when it does not say, or says both.
    pub side: Option<(Direction, StockLocationId)>,
    /// Articles with their numbers and pieces; `None` when a line can't be read.
    pub lines: Option<Vec<(ArticleId, Option<String>, u32)>>,
}

impl FoundStockChange {
    /// What its row does; `None` when it can't be read, or is about something that the order has no line for.
    fn effect(&self, order: Option<&Order>, fbm_location: Option<&StockLocationId>) -> Option<RowEffect> {
        let (direction, location) = self.side.clone()?;
        let at_marketplace = fbm_location == Some(&location);
        let mut items = Vec::new();
        for (article_id, number, quantity) in self.lines.as_ref()? {
            let sku = Sku::parse(number.clone()?).ok()?;
            let fbm = match order {
                Some(order) => is_fbm(order, &sku, at_marketplace)?,
                None => at_marketplace,
            };
            items.push(StockItem {
                key: StockKey::Sku {
                    sku: sku.clone(),
                    fbm,
                },
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

/// Whether lines with this SKU are shipped by the marketplace; when there are both kinds, the location tells. `None`: there is no
/// such line. A cancelled order may have lost its lines, and asks for nothing.
fn is_fbm(order: &Order, sku: &Sku, at_marketplace: bool) -> Option<bool> {
    let mut kinds = order
        .lines
        .iter()
        .filter(|line| line.sku.as_ref() == Some(sku))
        .map(|line| line.fbm);
    match kinds.next() {
        None if order.status != OrderStatus::Cancelled => None,
        Some(first) if kinds.all(|kind| kind == first) => Some(first),
        None | Some(_) => Some(at_marketplace),
    }
}

impl Ledger {
    /// Numbers of rows that an earlier ledger of the connection may have used are left out.
    pub fn skip_lost_rows(&mut self, lost: Option<&Lost>) {
        let first = lost.map_or(0, |lost| lost.times.saturating_mul(ROWS_OF_A_LEDGER));
        self.next_row = self.next_row.max(first.saturating_add(1));
    }

    /// Takes over a stock change that the ledger does not know. `false`: it does not fit what the ledger or the order says, and
    /// nothing was changed. `order`: what ProductFlow says now; `None` when it is gone or can't be read.
    pub fn recover_stock_change(
        &mut self,
        found: &FoundStockChange,
        order: Option<&Order>,
        fbm_location: Option<&StockLocationId>,
        now: Timestamp,
    ) -> bool {
        if let Some(row) = self.row(found.no) {
            let is_stock = matches!(row.effect, RowEffect::StockChange { .. });
            let same = row.robaws_id.as_ref() == Some(&found.id);
            if row.state == RowState::Done || !is_stock || !found.booked {
                return is_stock && same;
            }
            // The row has the exact body, and the document its mark.
            self.recover_row(found.no, &found.id, None, now);
            return true;
        }
        let Some(effect) = found.effect(order, fbm_location) else {
            return false;
        };
        self.insert_row(found.no, effect, found.description.clone(), &found.id, now);
        true
    }

    /// Puts a row that the ledger knows where its document shows it to be.
    pub fn recover_row(&mut self, no: u32, id: &DocumentId, number: Option<String>, now: Timestamp) {
        let outcome = Outcome::Done {
            robaws_id: id.clone(),
            number,
        };
        self.end_attempt(no, &outcome, now);
    }

    /// Number for the row of an invoice whose own number its document does not show: behind the stock that went out for it, and
    /// before what came back after it. `None`: there is no such number.
    pub fn row_for_invoice(&self) -> Option<u32> {
        let of = |wanted: Direction| {
            self.rows.iter().filter_map(move |row| match &row.effect {
                RowEffect::StockChange { direction, .. } if *direction == wanted => Some(row.no),
                _ => None,
            })
        };
        let after = of(Direction::Out).max().unwrap_or(0);
        let taken: BTreeSet<u32> = self.rows.iter().map(|row| row.no).collect();
        let no = (after.saturating_add(1)..=u32::MAX).find(|no| !taken.contains(no))?;
        // Stock that came back under a later number came back after the invoice: that was a decision, which is lost.
        of(Direction::In).all(|back| back < no).then_some(no)
    }

    /// Writes a row for a document that stands.
    pub fn insert_row(
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

    /// Documents do not fit: nothing more is done by itself.
    pub fn doubt(&mut self, documents: Vec<String>, now: Timestamp) {
        self.doubt = Some(Doubt { documents, at: now });
    }

    /// Whether people are asked what was done for the order before the ledger was lost, and may answer "nothing else".
    pub fn may_be_vouched_for(&self) -> bool {
        self.doubt.is_none() && self.in_doubt().is_none()
    }
}

/// The plan of an order with documents that do not fit it.
pub(crate) fn doubted(ledger: &Ledger, reference: &str) -> Option<Plan> {
    let doubt = ledger.doubt.as_ref()?;
    let problem = Problem::new(
        ProblemCode::PastUnmatched,
        Holds::Everything,
        args([
            ("order", reference.into()),
            ("documents", Arg::List(doubt.documents.clone())),
        ]),
    );
    Some(in_doubt(problem))
}

/// What a plan becomes when the lost ledger may have held something else about the order: nothing new is begun.
pub(crate) fn asked_about(plan: Plan, order: &Order, ledger: &Ledger, settings: &Settings) -> Plan {
    let Some(lost) = &settings.lost else {
        return plan;
    };
    let begins = |effect: &Effect| !matches!(effect, Effect::FinishInvoice(_));
    let is_from_before = order.updated_at.unwrap_or(order.placed_at) <= lost.until;
    let is_vouched_for = ledger.vouched_at.is_some_and(|at| at >= lost.rebuilt_at);
    let may_begin = plan.missing.is_empty() && plan.effects.iter().any(begins);
    if !may_begin || !is_from_before || is_vouched_for {
        return plan;
    }
    let problem = Problem::new(
        ProblemCode::PastUnknown,
        Holds::Everything,
        args([("order", order.reference().into()), ("at", Arg::Time(lost.until))]),
    );
    in_doubt(problem)
}

fn in_doubt(problem: Problem) -> Plan {
    Plan {
        effects: Vec::new(),
        problems: vec![problem],
        state: crate::ledger::OrderState::InDoubt,
        explanation: vec![Sentence::plain("past_unknown")],
        missing: crate::catalogue::Missing::default(),
        is_final: false,
    }
}

#[cfg(test)]
#[path = "rebuild_tests.rs"]
mod tests;

//! Undoing an invoice that the order contradicts. The merchant alone answers two questions: what becomes of the invoice, and
//! what becomes of the stock. This file holds the answers, what may stand in their way, and what came of them.

use crate::ids::DocumentId;
use crate::ledger::{Direction, InvoiceProgress, Ledger, Row, RowEffect, RowState};
use crate::locale::Language;
use crate::money::Cents;
use crate::order::{OrderChange, OrderFacts};
use crate::plan::Sentence;
use crate::problem::{Arg, Args, build_args};
use crate::stock::BookedStock;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The merchant's answer for the invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoInvoice {
    /// The invoice is booked and gets a credit note.
    Credit,
    /// The invoice is a draft and is deleted.
    DeleteDraft,
    /// The invoice stays.
    Keep,
}

/// The merchant's answer for the stock that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoStock {
    /// The stock is taken back.
    Return,
    /// The stock stays out.
    Keep,
}

/// The merchant's decision on an invoice. The decision holds for the order as it was then: once the order changes, nothing more
/// of the decision is begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoDecision {
    /// Row number of the invoice.
    pub row: u32,
    pub invoice: UndoInvoice,
    pub stock: UndoStock,
    /// Who decided: `operator`, or the user of a page.
    pub by: String,
    pub at: Timestamp,
    /// The order at that moment.
    pub facts: OrderFacts,
    /// The changes that made the conflict which this decision settles.
    pub changes: Vec<OrderChange>,
    /// Why the decision was not carried out. The merchant then has to decide again.
    pub obstacle: Option<Obstacle>,
}

impl UndoDecision {
    /// Whether the decision has these two answers.
    pub fn has_same_answers(&self, invoice: UndoInvoice, stock: UndoStock) -> bool {
        (self.invoice, self.stock) == (invoice, stock)
    }

    /// Whether carrying out the decision changes anything in Robaws.
    fn needs_effects(&self) -> bool {
        !self.has_same_answers(UndoInvoice::Keep, UndoStock::Keep)
    }
}

/// Why an invoice cannot be undone as the merchant decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Robaws no longer has the invoice.
    Gone,
    /// The invoice is to be credited, but it is a draft.
    IsDraft,
    /// The draft is to be deleted, but it is booked.
    IsBooked,
    /// The invoice in Robaws is another than the one we made: other lines, another total, or not our reference.
    Differs,
    /// The order changed before the decision was carried out completely.
    OrderChanged,
    /// Robaws already has a credit note with the order's reference.
    AlreadyCredited {
        /// Number of that credit note, or its id when it has no number.
        credit_note: String,
    },
    /// Robaws refuses to delete the draft.
    Refused {
        /// Why, in Robaws' words.
        reason: String,
    },
}

impl Obstacle {
    /// The code of the obstacle in the API. With `undo_stopped_` before it, the key of its explanation.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gone => "invoice_gone",
            Self::IsDraft => "invoice_is_draft",
            Self::IsBooked => "invoice_is_booked",
            Self::Differs => "invoice_differs",
            Self::OrderChanged => "order_changed",
            Self::AlreadyCredited { .. } => "already_credited",
            Self::Refused { .. } => "refused",
        }
    }

    /// The arguments of the obstacle's texts. `invoice` is the number of the invoice.
    pub fn text_args(&self, invoice: Arg) -> Args {
        let mut args = build_args([("invoice", invoice)]);
        match self {
            Self::AlreadyCredited { credit_note } => {
                args.insert("credit_note".to_owned(), credit_note.as_str().into());
            }
            Self::Refused { reason } => {
                args.insert("reason".to_owned(), reason.as_str().into());
            }
            Self::Gone | Self::IsDraft | Self::IsBooked | Self::Differs | Self::OrderChanged => {}
        }
        args
    }

    pub(crate) fn to_sentence(&self, invoice: Arg) -> Sentence {
        Sentence { code: format!("undo_stopped_{}", self.name()), args: self.text_args(invoice) }
    }
}

/// The credit note that is to be made for a booked invoice. Its lines are those of the frozen invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNotePlan {
    /// Row number of the invoice.
    pub invoice: u32,
    /// Total of the invoice, VAT-inclusive.
    pub total: Cents,
    /// Whether the settings ask to book it.
    pub book: bool,
    pub language: Language,
}

/// How an invoice that was undone has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceEnd {
    /// Its draft was deleted.
    Deleted,
    /// It has a credit note whose header stands.
    Credited,
}

/// The number by which people find an invoice or credit note, as an argument of a text.
pub fn document_number_arg(progress: &InvoiceProgress) -> Arg {
    progress.number.clone().map_or_else(|| Arg::Phrase("no_draft_number".to_owned()), Arg::Text)
}

impl Ledger {
    /// The row of the invoice's deletion, when the deletion is done.
    pub fn find_deletion(&self) -> Option<&Row> {
        let (invoice, _) = self.find_invoice()?;
        self.find_deletion_of(invoice.no)
    }

    /// The row of the deletion of the invoice in row `no`, when the deletion is done.
    pub fn find_deletion_of(&self, no: u32) -> Option<&Row> {
        let deletes = |row: &Row| matches!(row.effect, RowEffect::DeleteDraft { invoice } if invoice == no);
        self.rows.iter().find(|row| row.state == RowState::Done && deletes(row))
    }

    /// Whether a deletion of the draft in row `no` was begun and has not ended. The draft may still be there or not.
    pub fn is_deleting_draft(&self, no: u32) -> bool {
        let deletes = |row: &Row| matches!(row.effect, RowEffect::DeleteDraft { invoice } if invoice == no);
        let is_open = |row: &Row| matches!(row.state, RowState::Intended | RowState::Unknown);
        self.rows.iter().any(|row| is_open(row) && deletes(row))
    }

    /// The credit note for the invoice, when its header stands.
    pub fn find_credit_note(&self) -> Option<(&Row, &InvoiceProgress)> {
        let (invoice, _) = self.find_invoice()?;
        self.rows.iter().find_map(|row| match &row.effect {
            RowEffect::CreditNote { invoice: no, progress, .. }
                if row.state == RowState::Done && *no == invoice.no =>
            {
                Some((row, progress))
            }
            _ => None,
        })
    }

    /// How the invoice was undone. `None` while it stands.
    pub fn invoice_end(&self) -> Option<InvoiceEnd> {
        if self.find_deletion().is_some() {
            Some(InvoiceEnd::Deleted)
        } else {
            self.find_credit_note().map(|_| InvoiceEnd::Credited)
        }
    }

    /// Whether another row than `no` made the sales document with this id.
    pub fn is_made_by_another_row(&self, id: &DocumentId, no: u32) -> bool {
        let is_made = |row: &Row| row.state == RowState::Done && row.effect.document_kind().is_some();
        self.rows.iter().any(|row| row.no != no && is_made(row) && row.robaws_id.as_ref() == Some(id))
    }

    /// The credit note whose header stands and whose lines, check or booking are missing.
    pub fn find_unfinished_credit_note(&self) -> Option<&Row> {
        self.find_credit_note().filter(|(_, progress)| progress.is_unfinished()).map(|(row, _)| row)
    }

    /// Whether stock came back after the invoice was made.
    fn has_returned_stock(&self) -> bool {
        self.find_invoice().is_some_and(|(invoice, _)| {
            let is_back = |row: &Row| match row.effect {
                RowEffect::StockChange { direction, .. } => direction == Direction::In,
                _ => false,
            };
            self.rows.iter().any(|row| row.no > invoice.no && row.state == RowState::Done && is_back(row))
        })
    }

    /// The merchant's last decision on the invoice, also when an obstacle stopped it.
    pub fn last_undo(&self) -> Option<&UndoDecision> {
        let (invoice, _) = self.find_invoice()?;
        self.undo.as_ref().filter(|undo| undo.row == invoice.no)
    }

    /// The changes of the order that contradict its invoice and that no decision has settled.
    ///
    /// These are the changes since the merchant's last decision, or since the invoice was frozen, and the changes that a decision
    /// with an obstacle was to settle. An unknown status is no change; other changes of such an order count.
    pub fn find_open_changes(&self, now: &OrderFacts, status_is_known: bool) -> Vec<OrderChange> {
        let decision = self.last_undo();
        let settled = decision.map(|undo| &undo.facts).or(self.invoiced_facts.as_ref());
        let mut changes = settled.map(|was| was.find_changes(now)).unwrap_or_default();
        let is_status = |change: &OrderChange| {
            matches!(change, OrderChange::Cancelled | OrderChange::Reopened | OrderChange::Shipped)
        };
        // An order that was open when its invoice or stock was undone, and that ships nevertheless, needs a new decision.
        let undoes = |undo: &UndoDecision| {
            undo.needs_effects() || self.invoice_end().is_some() || self.has_returned_stock()
        };
        let ships = |undo: &UndoDecision| undo.facts.open && !now.open && !now.cancelled;
        if decision.is_some_and(|undo| ships(undo) && undoes(undo)) {
            changes.insert(0, OrderChange::Shipped);
        }
        if !status_is_known {
            changes.retain(|change| !is_status(change));
        }
        if let Some(undo) = decision.filter(|undo| undo.obstacle.is_some()) {
            // When the status changed again, the newer change replaces the one of the decision.
            let status_changed = changes.iter().any(is_status);
            let open = undo.changes.iter().filter(|change| !status_changed || !is_status(change));
            for change in open {
                if !changes.contains(change) {
                    changes.push(*change);
                }
            }
            changes.sort();
        }
        changes
    }

    /// Whether stock of this order is out.
    pub fn has_stock_out(&self) -> bool {
        !BookedStock::from_ledger(self).is_empty()
    }

    /// Whether a decision is neither carried out completely nor stopped by an obstacle.
    pub fn is_undoing(&self) -> bool {
        self.last_undo().filter(|undo| undo.obstacle.is_none()).is_some_and(|undo| {
            let invoice = undo.invoice != UndoInvoice::Keep && self.invoice_end().is_none();
            let stock = undo.stock == UndoStock::Return && self.has_stock_out();
            invoice || stock || self.find_unfinished_credit_note().is_some()
        })
    }

    /// The merchant's decision, if it holds for the order as it is now and nothing stands in its way. Only then may its
    /// effects be begun or sent again.
    pub fn valid_undo(&self, now: &OrderFacts, status_is_known: bool) -> Option<&UndoDecision> {
        let holds = || self.find_open_changes(now, status_is_known).is_empty();
        self.last_undo().filter(|undo| undo.obstacle.is_none() && holds())
    }

    /// Whether the order changed before the decision was carried out completely. The merchant must then decide again, even if the
    /// order becomes again what it was.
    pub fn has_lapsed_undo(&self, now: &OrderFacts, status_is_known: bool) -> bool {
        self.is_undoing() && !self.find_open_changes(now, status_is_known).is_empty()
    }

    /// Records why `decided` was not carried out, unless the merchant made another decision meanwhile.
    pub fn record_obstacle(&mut self, decided: &UndoDecision, obstacle: &Obstacle) {
        if let Some(undo) = self.undo.as_mut().filter(|undo| **undo == *decided) {
            undo.obstacle = Some(obstacle.clone());
        }
    }
}

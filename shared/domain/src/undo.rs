//! Undoing an invoice: what the merchant decided about an invoice that ProductFlow contradicts since, what stands in the way,
//! and what became of it. Two questions, each answered by the merchant alone: the invoice, and the stock.

use crate::ids::DocumentId;
use crate::ledger::{Direction, InvoiceProgress, Ledger, Row, RowEffect, RowState};
use crate::money::Cents;
use crate::order::{Change, OrderFacts};
use crate::plan::Sentence;
use crate::problem::{Arg, Args, args};
use crate::settings::Language;
use crate::stock::Booked;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is to become of the invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoInvoice {
    /// It is booked: a credit note.
    Credit,
    /// It is a draft: deleted.
    DeleteDraft,
    /// Left as it is.
    Keep,
}

/// What is to become of the stock that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoStock {
    /// Taken back.
    Return,
    /// Left as it is.
    Keep,
}

/// A decision of the merchant. It holds for the order as it was then: of an order that changed since nothing more is begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// Row of the invoice that it is about.
    pub row: u32,
    /// The invoice.
    pub invoice: UndoInvoice,
    /// The stock.
    pub stock: UndoStock,
    /// `operator`, or the user of a page.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What the order was then.
    pub facts: OrderFacts,
    /// What had changed, for the conflict that it settles.
    pub changes: Vec<Change>,
    /// Why it was not carried out: then the merchant has to decide again.
    pub obstacle: Option<Obstacle>,
}

impl Undo {
    /// Whether it says the same.
    pub fn says(&self, invoice: UndoInvoice, stock: UndoStock) -> bool {
        (self.invoice, self.stock) == (invoice, stock)
    }

    /// Whether anything is to be changed in Robaws.
    fn asks_anything(&self) -> bool {
        !self.says(UndoInvoice::Keep, UndoStock::Keep)
    }
}

/// Why an invoice can't be undone as decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// It is not in Robaws any more.
    Gone,
    /// It is to be credited, and is a draft.
    IsDraft,
    /// It is to be deleted, and is booked.
    IsBooked,
    /// It is not what was invoiced: other lines, another total, not our reference.
    Differs,
    /// The order changed before all of it was carried out.
    OrderChanged,
    /// A credit note with the order's reference stands already.
    AlreadyCredited {
        /// Its number, or its id.
        credit_note: String,
    },
    /// Robaws does not delete the draft.
    Refused {
        /// Why, in its own words.
        reason: String,
    },
}

impl Obstacle {
    /// Its name: the code of the API's error, and with `undo_stopped_` before it the key of the explanation.
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

    /// The arguments of its texts, for an invoice with this number.
    pub fn args(&self, invoice: Arg) -> Args {
        let mut args = args([("invoice", invoice)]);
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

    pub(crate) fn sentence(&self, invoice: Arg) -> Sentence {
        Sentence {
            code: format!("undo_stopped_{}", self.name()),
            args: self.args(invoice),
        }
    }
}

/// The credit note that a booked invoice asks for; its lines are the frozen invoice's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNotePlan {
    /// Row of the invoice.
    pub invoice: u32,
    /// What the invoice came to.
    pub total: Cents,
    /// Whether the settings ask to book it.
    pub book: bool,
    /// Language of the remark.
    pub language: Language,
}

/// How an invoice was undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// Its draft is gone.
    Deleted,
    /// The header of its credit note stands.
    Credited,
}

/// What people find an invoice or credit note by.
pub fn document_number(progress: &InvoiceProgress) -> Arg {
    progress
        .number
        .clone()
        .map_or_else(|| Arg::Phrase("no_draft_number".to_owned()), Arg::Text)
}

impl Ledger {
    /// The deletion of the invoice, once it is done.
    pub fn deletion(&self) -> Option<&Row> {
        let (invoice, _) = self.invoice()?;
        self.deletion_of(invoice.no)
    }

    /// The deletion of the invoice in row `no`, once it is done.
    pub fn deletion_of(&self, no: u32) -> Option<&Row> {
        let deletes = |row: &Row| matches!(row.effect, RowEffect::DeleteDraft { invoice } if invoice == no);
        self.rows
            .iter()
            .find(|row| row.state == RowState::Done && deletes(row))
    }

    /// Whether the draft in row `no` is being deleted: it may or may not be there.
    pub fn is_deleting(&self, no: u32) -> bool {
        let deletes = |row: &Row| matches!(row.effect, RowEffect::DeleteDraft { invoice } if invoice == no);
        let is_open = |row: &Row| matches!(row.state, RowState::Intended | RowState::Unknown);
        self.rows.iter().any(|row| is_open(row) && deletes(row))
    }

    /// The credit note for the invoice, once its header stands.
    pub fn credit_note(&self) -> Option<(&Row, &InvoiceProgress)> {
        let (invoice, _) = self.invoice()?;
        self.rows.iter().find_map(|row| match &row.effect {
            RowEffect::CreditNote {
                invoice: no,
                progress,
                ..
            } if row.state == RowState::Done && *no == invoice.no => Some((row, progress)),
            _ => None,
        })
    }

    /// How the invoice was undone.
    pub fn undone(&self) -> Option<Undone> {
        if self.deletion().is_some() {
            Some(Undone::Deleted)
        } else {
            self.credit_note().map(|_| Undone::Credited)
        }
    }

    /// Whether another row than `no` made this sales document.
    pub fn made_by_another(&self, id: &DocumentId, no: u32) -> bool {
        let is_made = |row: &Row| row.state == RowState::Done && row.effect.document().is_some();
        self.rows
            .iter()
            .any(|row| row.no != no && is_made(row) && row.robaws_id.as_ref() == Some(id))
    }

    /// The credit note whose header stands, when lines, check or booking are missing.
    pub fn unfinished_credit_note(&self) -> Option<&Row> {
        self.credit_note()
            .filter(|(_, progress)| progress.is_unfinished())
            .map(|(row, _)| row)
    }

    /// Whether stock came back after the invoice.
    fn took_back(&self) -> bool {
        self.invoice().is_some_and(|(invoice, _)| {
            let is_back = |row: &Row| match row.effect {
                RowEffect::StockChange { direction, .. } => direction == Direction::In,
                _ => false,
            };
            self.rows
                .iter()
                .any(|row| row.no > invoice.no && row.state == RowState::Done && is_back(row))
        })
    }

    /// What the merchant decided last about the invoice, also when it could not be carried out.
    pub fn decision(&self) -> Option<&Undo> {
        let (invoice, _) = self.invoice()?;
        self.undo.as_ref().filter(|undo| undo.row == invoice.no)
    }

    /// What of the order contradicts its invoice and is not settled: what changed since the invoice was frozen, or since the
    /// merchant decided; and what a decision was to settle that could not be carried out. A later unknown status is no change,
    /// but what comes with it may be.
    pub fn open_changes(&self, now: &OrderFacts, status_is_known: bool) -> Vec<Change> {
        let decision = self.decision();
        let settled = decision.map(|undo| &undo.facts).or(self.invoiced_facts.as_ref());
        let mut changes = settled.map(|was| was.changes(now)).unwrap_or_default();
        let is_status =
            |change: &Change| matches!(change, Change::Cancelled | Change::Reopened | Change::Shipped);
        // An order that was open when its invoice or its stock was undone, and ships all the same.
        let undoes = |undo: &Undo| undo.asks_anything() || self.undone().is_some() || self.took_back();
        let ships = |undo: &Undo| undo.facts.open && !now.open && !now.cancelled;
        if decision.is_some_and(|undo| ships(undo) && undoes(undo)) {
            changes.insert(0, Change::Shipped);
        }
        if !status_is_known {
            changes.retain(|change| !is_status(change));
        }
        if let Some(undo) = decision.filter(|undo| undo.obstacle.is_some()) {
            // Of being cancelled and open again the later one is true.
            let status_changed = changes.iter().any(is_status);
            let open = undo
                .changes
                .iter()
                .filter(|change| !status_changed || !is_status(change));
            for change in open {
                if !changes.contains(change) {
                    changes.push(*change);
                }
            }
            changes.sort();
        }
        changes
    }

    /// Whether any stock is out.
    pub fn has_stock_out(&self) -> bool {
        !Booked::of(self).is_empty()
    }

    /// Whether something was decided, and is neither done nor obstructed.
    pub fn is_undoing(&self) -> bool {
        self.decision()
            .filter(|undo| undo.obstacle.is_none())
            .is_some_and(|undo| {
                let invoice = undo.invoice != UndoInvoice::Keep && self.undone().is_none();
                let stock = undo.stock == UndoStock::Return && self.has_stock_out();
                invoice || stock || self.unfinished_credit_note().is_some()
            })
    }

    /// What was decided, if it holds for the order as it is now: then it may be begun, and sent again.
    pub fn decided(&self, now: &OrderFacts, status_is_known: bool) -> Option<&Undo> {
        let holds = || self.open_changes(now, status_is_known).is_empty();
        self.decision().filter(|undo| undo.obstacle.is_none() && holds())
    }

    /// Whether the order changed while something of what was decided is still to be done: then that is decided anew, also when
    /// the order becomes again what it was.
    pub fn lapses(&self, now: &OrderFacts, status_is_known: bool) -> bool {
        self.is_undoing() && !self.open_changes(now, status_is_known).is_empty()
    }

    /// Says why a decision was not carried out, unless the merchant decided anew meanwhile.
    pub fn obstruct(&mut self, decided: &Undo, obstacle: &Obstacle) {
        if let Some(undo) = self.undo.as_mut().filter(|undo| **undo == *decided) {
            undo.obstacle = Some(obstacle.clone());
        }
    }
}

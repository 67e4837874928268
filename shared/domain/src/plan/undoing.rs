//! Plans what a merchant decided about an invoice that ProductFlow contradicts, and explains what became of the decision.

use super::{PlannedEffect, Sentence, take_back_stock};
use crate::ledger::{Direction, Ledger, LookRefusal, RowEffect, RowState};
use crate::problem::{Problem, build_args};
use crate::settings::Settings;
use crate::undo::{CreditNotePlan, InvoiceEnd, UndoDecision, UndoInvoice, UndoStock, document_number_arg};

/// What of the merchant's decision is still to be done.
#[derive(Debug, Default)]
pub(super) struct Undoing {
    /// The invoice comes first. When the invoice turns out to be another than it was, the stock waits for a new decision.
    pub(super) effects: Vec<PlannedEffect>,
    pub(super) problems: Vec<Problem>,
}

impl Undoing {
    /// Finds what is missing of a decision that holds for the order as it is now.
    pub(super) fn from_ledger(ledger: &Ledger, reference: &str, settings: &Settings) -> Self {
        let decision = ledger.last_undo().filter(|undo| undo.obstacle.is_none());
        let Some(undo) = decision else {
            return Self::default();
        };
        let mut effects: Vec<PlannedEffect> = plan_invoice_undo(undo, ledger, settings).into_iter().collect();
        let mut problems = Vec::new();
        if undo.stock == UndoStock::Return {
            let (back, refused) = take_back_stock(ledger, reference);
            effects.extend(back);
            problems = refused;
        }
        Self { effects, problems }
    }

    /// Whether the draft is to be deleted. Then no more lines are added to it.
    pub(super) fn deletes_draft(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, PlannedEffect::DeleteDraft(_)))
    }
}

fn plan_invoice_undo(undo: &UndoDecision, ledger: &Ledger, settings: &Settings) -> Option<PlannedEffect> {
    let (row, _) = ledger.find_invoice().filter(|_| ledger.invoice_end().is_none())?;
    match undo.invoice {
        UndoInvoice::Keep => None,
        UndoInvoice::DeleteDraft => Some(PlannedEffect::DeleteDraft(row.no)),
        UndoInvoice::Credit => {
            let is_refused = |refusal: &LookRefusal| matches!(refusal, LookRefusal::CreditNote { .. });
            if ledger.look_refusals.iter().any(is_refused) {
                return None;
            }
            Some(PlannedEffect::CreditNote(CreditNotePlan {
                invoice: row.no,
                total: row.effect.total()?,
                book: settings.connection.book_invoices,
                language: settings.language,
            }))
        }
    }
}

/// Explains what became of the invoice and of the stock. `None` when the merchant decided nothing.
pub(super) fn explain_undo(ledger: &Ledger) -> Option<Vec<Sentence>> {
    ledger.last_undo()?;
    let mut sentences =
        vec![explain_invoice_end(ledger).unwrap_or_else(|| Sentence::without_args("undone_kept"))];
    if ledger.has_stock_out() {
        sentences.push(Sentence::without_args("undone_stock_kept"));
    } else if was_stock_out(ledger) {
        sentences.push(Sentence::without_args("undone_stock_returned"));
    }
    Some(sentences)
}

fn explain_invoice_end(ledger: &Ledger) -> Option<Sentence> {
    match ledger.invoice_end()? {
        InvoiceEnd::Deleted => Some(Sentence::without_args("undone_deleted")),
        InvoiceEnd::Credited => {
            let (_, progress) = ledger.find_credit_note()?;
            let code = if progress.booked { "undone_credited" } else { "undone_credited_draft" };
            Some(Sentence {
                code: code.to_owned(),
                args: build_args([("credit_note", document_number_arg(progress))]),
            })
        }
    }
}

fn was_stock_out(ledger: &Ledger) -> bool {
    ledger.rows.iter().any(|row| {
        let is_out = |effect: &RowEffect| match effect {
            RowEffect::StockChange { direction, .. } => *direction == Direction::Out,
            _ => false,
        };
        row.state == RowState::Done && is_out(&row.effect)
    })
}

/// Explains a conflict: why a decision was not carried out, and what was done before.
pub(super) fn explain_conflict(ledger: &Ledger) -> Vec<Sentence> {
    let mut sentences = vec![Sentence::without_args("conflict")];
    if let Some(obstacle) = ledger.last_undo().and_then(|undo| undo.obstacle.as_ref())
        && let Some((_, progress)) = ledger.find_invoice()
    {
        sentences.push(obstacle.to_sentence(document_number_arg(progress)));
    }
    sentences.extend(explain_invoice_end(ledger));
    sentences
}

/// Explains what was done before something was held up.
pub(super) fn explain_blocked(ledger: &Ledger) -> Vec<Sentence> {
    let mut sentences = vec![Sentence::without_args("blocked")];
    sentences.extend(explain_invoice_end(ledger).filter(|_| ledger.find_unfinished_credit_note().is_none()));
    sentences
}

pub(super) fn explain_waiting(ledger: &Ledger) -> Sentence {
    let code = if ledger.is_undoing() { "undoing" } else { "waiting" };
    Sentence::without_args(code)
}

//! Plans what a merchant decided about an invoice that ProductFlow contradicts, and explains what became of the decision.

use super::{Effect, Sentence, take_back};
use crate::ledger::{Direction, Ledger, LookRefusal, RowEffect, RowState};
use crate::problem::{Problem, args};
use crate::settings::Settings;
use crate::undo::{CreditNotePlan, Undo, UndoInvoice, UndoStock, Undone, document_number};

/// What of the merchant's decision is still to be done.
#[derive(Debug, Default)]
pub(super) struct Undoing {
    /// The invoice comes first. When the invoice turns out to be another than it was, the stock waits for a new decision.
    pub(super) effects: Vec<Effect>,
    pub(super) problems: Vec<Problem>,
}

impl Undoing {
    /// Finds what is missing of a decision that holds for the order as it is now.
    pub(super) fn of(ledger: &Ledger, reference: &str, settings: &Settings) -> Self {
        let decision = ledger.decision().filter(|undo| undo.obstacle.is_none());
        let Some(undo) = decision else {
            return Self::default();
        };
        let mut effects: Vec<Effect> = invoice(undo, ledger, settings).into_iter().collect();
        let mut problems = Vec::new();
        if undo.stock == UndoStock::Return {
            let (back, refused) = take_back(ledger, reference);
            effects.extend(back);
            problems = refused;
        }
        Self { effects, problems }
    }

    /// Whether the draft is to be deleted. Then no more lines are added to it.
    pub(super) fn deletes(&self) -> bool {
        self.effects
            .iter()
            .any(|effect| matches!(effect, Effect::DeleteDraft(_)))
    }
}

fn invoice(undo: &Undo, ledger: &Ledger, settings: &Settings) -> Option<Effect> {
    let (row, _) = ledger.invoice().filter(|_| ledger.undone().is_none())?;
    match undo.invoice {
        UndoInvoice::Keep => None,
        UndoInvoice::DeleteDraft => Some(Effect::DeleteDraft(row.no)),
        UndoInvoice::Credit => {
            let is_refused = |refusal: &LookRefusal| matches!(refusal, LookRefusal::CreditNote { .. });
            if ledger.look.iter().any(is_refused) {
                return None;
            }
            Some(Effect::CreditNote(CreditNotePlan {
                invoice: row.no,
                total: row.effect.total()?,
                book: settings.connection.book_invoices,
                language: settings.language,
            }))
        }
    }
}

/// Explains what became of the invoice and of the stock. `None` when the merchant decided nothing.
pub(super) fn sentences(ledger: &Ledger) -> Option<Vec<Sentence>> {
    ledger.decision()?;
    let mut sentences = vec![undone_sentence(ledger).unwrap_or_else(|| Sentence::plain("undone_kept"))];
    if ledger.has_stock_out() {
        sentences.push(Sentence::plain("undone_stock_kept"));
    } else if was_out(ledger) {
        sentences.push(Sentence::plain("undone_stock_returned"));
    }
    Some(sentences)
}

fn undone_sentence(ledger: &Ledger) -> Option<Sentence> {
    match ledger.undone()? {
        Undone::Deleted => Some(Sentence::plain("undone_deleted")),
        Undone::Credited => {
            let (_, progress) = ledger.credit_note()?;
            let code = if progress.booked {
                "undone_credited"
            } else {
                "undone_credited_draft"
            };
            Some(Sentence {
                code: code.to_owned(),
                args: args([("credit_note", document_number(progress))]),
            })
        }
    }
}

fn was_out(ledger: &Ledger) -> bool {
    ledger.rows.iter().any(|row| {
        let is_out = |effect: &RowEffect| match effect {
            RowEffect::StockChange { direction, .. } => *direction == Direction::Out,
            _ => false,
        };
        row.state == RowState::Done && is_out(&row.effect)
    })
}

/// Explains a conflict: why a decision was not carried out, and what was done before.
pub(super) fn conflict_sentences(ledger: &Ledger) -> Vec<Sentence> {
    let mut sentences = vec![Sentence::plain("conflict")];
    if let Some(obstacle) = ledger.decision().and_then(|undo| undo.obstacle.as_ref())
        && let Some((_, progress)) = ledger.invoice()
    {
        sentences.push(obstacle.sentence(document_number(progress)));
    }
    sentences.extend(undone_sentence(ledger));
    sentences
}

/// Explains what was done before something was held up.
pub(super) fn blocked_sentences(ledger: &Ledger) -> Vec<Sentence> {
    let mut sentences = vec![Sentence::plain("blocked")];
    sentences.extend(undone_sentence(ledger).filter(|_| ledger.unfinished_credit_note().is_none()));
    sentences
}

pub(super) fn waiting_sentence(ledger: &Ledger) -> Sentence {
    let code = if ledger.is_undoing() { "undoing" } else { "waiting" };
    Sentence::plain(code)
}

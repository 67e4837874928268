//! Plans an order whose invoice has its header: the invoice is finished as frozen, and what changed since is a conflict
//! that the merchant settles.

use super::undo::{self, Undoing};
use super::{Effect, Plan, Sentence, choices_made, refused_problem};
use crate::catalogue::Missing;
use crate::ledger::{KeptDraft, Ledger, LookRefusal, OrderState};
use crate::order::{Change, Order, OrderFacts, OrderStatus};
use crate::problem::{Arg, Holds, Problem, ProblemCode, args};
use crate::settings::Settings;
use crate::undo::document_number;

pub(super) fn after_invoice(order: &Order, ledger: &Ledger, settings: &Settings) -> Plan {
    let is_known = !matches!(order.status, OrderStatus::Unknown(_));
    let changes = ledger.open_changes(&OrderFacts::of(order), is_known);
    let mut plan = invoiced(ledger, &order.reference(), &changes, Some(settings));
    if let OrderStatus::Unknown(word) = &order.status {
        plan.problems.push(Problem::new(
            ProblemCode::OrderStatusUnknown,
            Holds::Nothing,
            args([
                ("order", order.reference().into()),
                ("status", word.as_str().into()),
            ]),
        ));
    }
    plan
}

/// Plans the rest of an invoice whose header stands. `settings` are given when the order was read just now; without them a
/// decision of the merchant is not begun.
pub(super) fn invoiced(
    ledger: &Ledger,
    reference: &str,
    changes: &[Change],
    settings: Option<&Settings>,
) -> Plan {
    let Some((row, progress)) = ledger.invoice() else {
        return Plan::still(OrderState::Waiting, Sentence::plain("waiting"));
    };
    let number = document_number(progress);
    let mut problems: Vec<Problem> = conflict(reference, &number, changes).into_iter().collect();
    let in_conflict = !problems.is_empty();
    let decided = settings
        .filter(|_| !in_conflict)
        .map_or_else(Undoing::default, |settings| {
            Undoing::of(ledger, reference, settings)
        });
    let is_undone = ledger.undone().is_some();
    if !is_undone {
        if let (Some(found), Some(total)) = (progress.mismatch, row.effect.total()) {
            let args = args([
                ("order", reference.into()),
                ("invoice", number),
                ("expected", Arg::Amount(total)),
                ("found", Arg::Amount(found)),
            ]);
            problems.push(Problem::new(ProblemCode::TotalMismatch, Holds::Invoice, args));
        }
        if progress.business && !progress.business_settled {
            problems.push(buyer_is_business(reference));
        }
    }
    // A refused document is not sent again in this look, and a draft that is to be deleted gets no more lines.
    problems.extend(credit_note_mismatch(ledger, reference));
    let refusals = refusals(ledger, reference);
    let refused = |name| refusals.iter().any(|(effect, _)| *effect == name);
    let finished = [
        ledger
            .unfinished_credit_note()
            .filter(|_| !refused("credit_note")),
        ledger
            .unfinished_invoice()
            .filter(|_| !refused("invoice") && !decided.deletes()),
    ];
    let mut effects: Vec<Effect> = finished
        .into_iter()
        .flatten()
        .map(|row| Effect::FinishInvoice(row.no))
        .collect();
    effects.extend(decided.effects);
    problems.extend(refusals.into_iter().map(|(_, problem)| problem));
    problems.extend(decided.problems);
    let is_held = problems.iter().any(|problem| problem.holds > Holds::Nothing);
    let (state, mut explanation) = match (in_conflict, is_held) {
        (true, _) => (OrderState::Conflict, undo::conflict_sentences(ledger)),
        (_, true) => (OrderState::Blocked, undo::blocked_sentences(ledger)),
        _ if !effects.is_empty() => (OrderState::Waiting, vec![undo::waiting_sentence(ledger)]),
        _ => {
            let state = match (is_undone, ledger.has_stock_out()) {
                (false, _) => OrderState::Invoiced,
                (true, true) => OrderState::Booked,
                (true, false) => OrderState::Reversed,
            };
            let sentences =
                undo::sentences(ledger).unwrap_or_else(|| vec![Sentence::plain(invoiced_sentence(progress))]);
            (state, sentences)
        }
    };
    explanation.extend(choices_made(ledger));
    let is_done = matches!(
        state,
        OrderState::Invoiced | OrderState::Booked | OrderState::Reversed
    );
    Plan {
        is_final: is_done && problems.is_empty(),
        effects,
        problems,
        state,
        explanation,
        missing: Missing::default(),
    }
}

/// The problem that a change in ProductFlow makes after the invoice. `None` when nothing changed.
fn conflict(reference: &str, number: &Arg, changes: &[Change]) -> Option<Problem> {
    let mut args = args([("order", reference.into()), ("invoice", number.clone())]);
    let code = if changes.contains(&Change::Cancelled) {
        ProblemCode::CancelledAfterInvoice
    } else if changes.is_empty() {
        return None;
    } else {
        args.insert("changes".to_owned(), Arg::Changes(changes.to_vec()));
        ProblemCode::ChangedAfterInvoice
    };
    Some(Problem::new(code, Holds::Nothing, args))
}

fn credit_note_mismatch(ledger: &Ledger, reference: &str) -> Option<Problem> {
    let (row, progress) = ledger.credit_note()?;
    let args = args([
        ("order", reference.into()),
        ("credit_note", document_number(progress)),
        ("expected", Arg::Amount(row.effect.total()?)),
        ("found", Arg::Amount(progress.mismatch?)),
    ]);
    Some(Problem::new(ProblemCode::TotalMismatch, Holds::Invoice, args))
}

/// The problems that Robaws' refusals of this look make, each with the name of its effect.
fn refusals(ledger: &Ledger, reference: &str) -> Vec<(&'static str, Problem)> {
    let mut found: Vec<(&'static str, Problem)> = Vec::new();
    for refusal in &ledger.look {
        let (effect, reason) = match refusal {
            LookRefusal::Invoice { reason } => ("invoice", reason),
            LookRefusal::CreditNote { reason } => ("credit_note", reason),
            LookRefusal::Together | LookRefusal::Item { .. } | LookRefusal::SettingGone { .. } => continue,
        };
        if found.iter().all(|(known, _)| *known != effect) {
            found.push((effect, refused_problem(effect, reference, reason, Holds::Invoice)));
        }
    }
    found
}

fn invoiced_sentence(progress: &crate::ledger::InvoiceProgress) -> &'static str {
    match (progress.booked, progress.business, progress.kept_draft) {
        (true, ..) => "invoiced_booked",
        (false, true, _) => "invoiced_draft_business",
        (false, _, Some(KeptDraft::EarlierMonth)) => "invoiced_draft_late",
        (false, ..) => "invoiced_draft",
    }
}

pub(super) fn buyer_is_business(reference: &str) -> Problem {
    // The VAT number stands in the remark of the invoice, because nothing of the buyer is stored in a problem.
    let args = args([
        ("order", reference.into()),
        ("vat_number", Arg::Phrase("on_the_invoice".to_owned())),
    ]);
    Problem::new(ProblemCode::BuyerIsBusiness, Holds::Nothing, args)
}

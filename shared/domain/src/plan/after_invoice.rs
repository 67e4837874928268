//! Plans an order whose invoice has its header: the invoice is finished as frozen, and what changed since is a conflict
//! that the merchant settles.

use super::undoing::{self, Undoing};
use super::{Plan, PlannedEffect, Sentence, explain_choices, refused_problem};
use crate::catalogue::MissingAnswers;
use crate::ledger::{DraftReason, Ledger, LookRefusal, OrderState};
use crate::order::{Order, OrderChange, OrderFacts, OrderStatus};
use crate::problem::{Arg, Holds, Problem, ProblemCode, build_args};
use crate::settings::Settings;
use crate::undo::document_number_arg;

pub(super) fn plan_after_invoice(order: &Order, ledger: &Ledger, settings: &Settings) -> Plan {
    let is_known = !matches!(order.status, OrderStatus::Unknown(_));
    let changes = ledger.find_open_changes(&OrderFacts::from_order(order), is_known);
    let mut plan = plan_invoiced(ledger, &order.reference(), &changes, Some(settings));
    if let OrderStatus::Unknown(word) = &order.status {
        plan.problems.push(Problem::new(
            ProblemCode::OrderStatusUnknown,
            Holds::Nothing,
            build_args([("order", order.reference().into()), ("status", word.as_str().into())]),
        ));
    }
    plan
}

/// Plans the rest of an invoice whose header stands. `settings` are given when the order was read just now; without them a
/// decision of the merchant is not begun.
pub(super) fn plan_invoiced(
    ledger: &Ledger,
    reference: &str,
    changes: &[OrderChange],
    settings: Option<&Settings>,
) -> Plan {
    let Some((row, progress)) = ledger.find_invoice() else {
        return Plan::without_effects(OrderState::Waiting, Sentence::without_args("waiting"));
    };
    let number = document_number_arg(progress);
    let mut problems: Vec<Problem> = find_conflict(reference, &number, changes).into_iter().collect();
    let in_conflict = !problems.is_empty();
    let decided = settings
        .filter(|_| !in_conflict)
        .map_or_else(Undoing::default, |settings| Undoing::from_ledger(ledger, reference, settings));
    let is_undone = ledger.invoice_end().is_some();
    if !is_undone {
        if let (Some(found), Some(total)) = (progress.mismatch, row.effect.total()) {
            let args = build_args([
                ("order", reference.into()),
                ("invoice", number),
                ("expected", Arg::Amount(total)),
                ("found", Arg::Amount(found)),
            ]);
            problems.push(Problem::new(ProblemCode::TotalMismatch, Holds::Invoice, args));
        }
        if progress.business && !progress.business_dealt_with {
            problems.push(business_buyer_problem(reference));
        }
    }
    // A refused document is not sent again in this look, and a draft that is to be deleted gets no more lines.
    problems.extend(find_credit_note_mismatch(ledger, reference));
    let refusals = collect_refusal_problems(ledger, reference);
    let refused = |name| refusals.iter().any(|(effect, _)| *effect == name);
    let finished = [
        ledger.find_unfinished_credit_note().filter(|_| !refused("credit_note")),
        ledger.find_unfinished_invoice().filter(|_| !refused("invoice") && !decided.deletes_draft()),
    ];
    let mut effects: Vec<PlannedEffect> =
        finished.into_iter().flatten().map(|row| PlannedEffect::FinishInvoice(row.no)).collect();
    effects.extend(decided.effects);
    problems.extend(refusals.into_iter().map(|(_, problem)| problem));
    problems.extend(decided.problems);
    let is_held = problems.iter().any(|problem| problem.holds > Holds::Nothing);
    let (state, mut explanation) = match (in_conflict, is_held) {
        (true, _) => (OrderState::Conflict, undoing::explain_conflict(ledger)),
        (_, true) => (OrderState::Blocked, undoing::explain_blocked(ledger)),
        _ if !effects.is_empty() => (OrderState::Waiting, vec![undoing::explain_waiting(ledger)]),
        _ => {
            let state = match (is_undone, ledger.has_stock_out()) {
                (false, _) => OrderState::Invoiced,
                (true, true) => OrderState::Booked,
                (true, false) => OrderState::Reversed,
            };
            let sentences = undoing::explain_undo(ledger)
                .unwrap_or_else(|| vec![Sentence::without_args(invoiced_sentence_code(progress))]);
            (state, sentences)
        }
    };
    explanation.extend(explain_choices(ledger));
    let is_done = matches!(state, OrderState::Invoiced | OrderState::Booked | OrderState::Reversed);
    Plan {
        is_final: is_done && problems.is_empty(),
        effects,
        problems,
        state,
        explanation,
        missing: MissingAnswers::default(),
    }
}

/// The problem that a change in ProductFlow makes after the invoice. `None` when nothing changed.
fn find_conflict(reference: &str, number: &Arg, changes: &[OrderChange]) -> Option<Problem> {
    let mut args = build_args([("order", reference.into()), ("invoice", number.clone())]);
    let code = if changes.contains(&OrderChange::Cancelled) {
        ProblemCode::CancelledAfterInvoice
    } else if changes.is_empty() {
        return None;
    } else {
        args.insert("changes".to_owned(), Arg::Changes(changes.to_vec()));
        ProblemCode::ChangedAfterInvoice
    };
    Some(Problem::new(code, Holds::Nothing, args))
}

fn find_credit_note_mismatch(ledger: &Ledger, reference: &str) -> Option<Problem> {
    let (row, progress) = ledger.find_credit_note()?;
    let args = build_args([
        ("order", reference.into()),
        ("credit_note", document_number_arg(progress)),
        ("expected", Arg::Amount(row.effect.total()?)),
        ("found", Arg::Amount(progress.mismatch?)),
    ]);
    Some(Problem::new(ProblemCode::TotalMismatch, Holds::Invoice, args))
}

/// The problems that Robaws' refusals of this look make, each with the name of its effect.
fn collect_refusal_problems(ledger: &Ledger, reference: &str) -> Vec<(&'static str, Problem)> {
    let mut found: Vec<(&'static str, Problem)> = Vec::new();
    for refusal in &ledger.look_refusals {
        let (effect, reason) = match refusal {
            LookRefusal::Invoice { reason } => ("invoice", reason),
            LookRefusal::CreditNote { reason } => ("credit_note", reason),
            LookRefusal::SeveralItems | LookRefusal::Item { .. } | LookRefusal::SettingGone { .. } => {
                continue;
            }
        };
        if found.iter().all(|(known, _)| *known != effect) {
            found.push((effect, refused_problem(effect, reference, reason, Holds::Invoice)));
        }
    }
    found
}

fn invoiced_sentence_code(progress: &crate::ledger::InvoiceProgress) -> &'static str {
    match (progress.booked, progress.business, progress.kept_draft) {
        (true, ..) => "invoiced_booked",
        (false, true, _) => "invoiced_draft_business",
        (false, _, Some(DraftReason::EarlierMonth)) => "invoiced_draft_late",
        (false, ..) => "invoiced_draft",
    }
}

pub(super) fn business_buyer_problem(reference: &str) -> Problem {
    // The VAT number stands in the remark of the invoice, because nothing of the buyer is stored in a problem.
    let args =
        build_args([("order", reference.into()), ("vat_number", Arg::Phrase("on_the_invoice".to_owned()))]);
    Problem::new(ProblemCode::BuyerIsBusiness, Holds::Nothing, args)
}

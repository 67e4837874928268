//! Once the header of an invoice stands: it is finished as frozen, and what changed since is the merchant's to settle.

use super::{Effect, Plan, Sentence, choices_made, refused_problem};
use crate::catalogue::Missing;
use crate::ledger::{KeptDraft, Ledger, LookRefusal, OrderState};
use crate::money::Cents;
use crate::order::{Change, Order, OrderFacts, OrderStatus};
use crate::problem::{Arg, Holds, Problem, ProblemCode, args};

pub(super) fn after_invoice(order: &Order, ledger: &Ledger) -> Plan {
    let now = OrderFacts::of(order);
    let mut changes = ledger
        .invoiced_facts
        .as_ref()
        .map(|was| was.changes(&now))
        .unwrap_or_default();
    // A later unknown status is no change; neither is what a marketplace does to it meanwhile beyond lines and amounts.
    if matches!(order.status, OrderStatus::Unknown(_)) {
        changes.retain(|c| !matches!(c, Change::Cancelled | Change::Reopened));
    }
    let mut plan = invoiced(ledger, &order.reference(), &changes);
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

/// The invoice's header stands: it is finished as frozen, and what changed is the merchant's to settle.
pub(super) fn invoiced(ledger: &Ledger, reference: &str, changes: &[Change]) -> Plan {
    let Some((row, progress)) = ledger.invoice() else {
        return Plan::still(OrderState::Waiting, Sentence::plain("waiting"));
    };
    let number = progress
        .number
        .clone()
        .map_or_else(|| Arg::Phrase("no_draft_number".to_owned()), Arg::Text);
    let mut problems = Vec::new();
    if changes.contains(&Change::Cancelled) {
        let args = args([("order", reference.into()), ("invoice", number.clone())]);
        problems.push(Problem::new(
            ProblemCode::CancelledAfterInvoice,
            Holds::Nothing,
            args,
        ));
    } else if !changes.is_empty() {
        let args = args([
            ("order", reference.into()),
            ("invoice", number.clone()),
            ("changes", Arg::Changes(changes.to_vec())),
        ]);
        problems.push(Problem::new(
            ProblemCode::ChangedAfterInvoice,
            Holds::Nothing,
            args,
        ));
    }
    let in_conflict = !problems.is_empty();
    let total = match &row.effect {
        crate::ledger::RowEffect::Invoice { total, .. } => *total,
        crate::ledger::RowEffect::StockChange { .. } => Cents::ZERO,
    };
    if let Some(found) = progress.mismatch {
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
    let refused = ledger.look.iter().find_map(|refusal| match refusal {
        LookRefusal::Invoice { reason } => {
            Some(refused_problem("invoice", reference, reason, Holds::Invoice))
        }
        LookRefusal::Together | LookRefusal::Item { .. } | LookRefusal::SettingGone { .. } => None,
    });
    let unfinished = ledger
        .unfinished_invoice()
        .map(|row| row.no)
        .filter(|_| refused.is_none());
    let is_refused = refused.is_some();
    problems.extend(refused);
    let (state, code) = match (in_conflict, progress.mismatch, unfinished) {
        (true, ..) => (OrderState::Conflict, "conflict"),
        _ if is_refused => (OrderState::Blocked, "blocked"),
        (_, Some(_), _) => (OrderState::Blocked, "blocked"),
        (_, None, Some(_)) => (OrderState::Waiting, "waiting"),
        (_, None, None) => (OrderState::Invoiced, invoiced_sentence(progress)),
    };
    let mut explanation = vec![Sentence::plain(code)];
    explanation.extend(choices_made(ledger));
    let is_final = state == OrderState::Invoiced && problems.is_empty();
    let effects = unfinished.map(Effect::FinishInvoice).into_iter().collect();
    Plan {
        effects,
        problems,
        state,
        explanation,
        missing: Missing::default(),
        is_final,
    }
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
    // The VAT number stands in the remark of the invoice; of the buyer nothing is stored here.
    let args = args([
        ("order", reference.into()),
        ("vat_number", Arg::Phrase("on_the_invoice".to_owned())),
    ]);
    Problem::new(ProblemCode::BuyerIsBusiness, Holds::Nothing, args)
}

//! Undoes an invoice as the merchant decided: makes the credit note like an invoice, or deletes the draft.
//!
//! The invoice is read from Robaws right before. When it is not what the merchant decided on, the merchant decides again.

use crate::book::{Search, amend, pursue};
use crate::invoice as finishing;
use crate::look::{Look, Stop};
use domain::ids::DocumentId;
use domain::invoice::{DocumentKind, Frozen, InvoiceHeader, bookkeeping_day};
use domain::ledger::{InvoiceProgress, Outcome, RESEND_WITHIN, RowEffect, RowState};
use domain::text;
use domain::undo::{CreditNotePlan, Obstacle};
use domain::{ClientId, PaymentConditionId, RobawsCompanyId};
use robaws::{Invoice, obstacles, wire};
use store::model::OrderRecord;

/// What a made invoice is found by in Robaws.
struct Made {
    id: DocumentId,
    reference: String,
    seen_booked: bool,
}

impl Made {
    fn of(record: &OrderRecord, no: u32) -> Result<Self, Stop> {
        let row = record.ledger.row(no);
        let id = row.and_then(|row| row.robaws_id.clone());
        match (row, id) {
            (Some(row), Some(id)) => Ok(Self {
                id,
                reference: row.reference.clone(),
                seen_booked: row.effect.progress().is_some_and(|progress| progress.booked),
            }),
            _ => Err(Stop::StartOver),
        }
    }
}

/// Freezes the credit note and makes it. Gives `true` when nothing happened in Robaws, so that the order need not be read anew.
pub async fn credit_note(
    look: &Look<'_>,
    record: &mut OrderRecord,
    plan: &CreditNotePlan,
) -> Result<bool, Stop> {
    let invoice = Made::of(record, plan.invoice)?;
    let invoiced = finishing::read_frozen(look, record, plan.invoice).await?;
    let shown = finishing::read(look, &invoice.id).await?;
    let obstacle = obstacles::to_crediting(shown.as_ref(), &invoice.reference, &invoiced);
    let shown = match (shown, obstacle) {
        (Some(shown), None) => shown,
        (_, obstacle) => return obstruct(look, record, obstacle.unwrap_or(Obstacle::Gone)).await,
    };
    if let Some(credit_note) = credited_already(look, &invoice.reference).await? {
        return obstruct(look, record, Obstacle::AlreadyCredited { credit_note }).await;
    }
    let now = look.ctx.clock.now();
    let header = header(record, plan, &invoice, &invoiced, &shown, bookkeeping_day(now));
    let no = record.ledger.next_row;
    let frozen = Frozen {
        row: no,
        client_id: header.client_id.clone(),
        company_id: header.company_id.clone(),
        payment_condition_id: header.payment_condition_id.clone(),
        date: header.date,
        book: plan.book,
        kept_draft: None,
        ..invoiced
    };
    if let Some(progress) = record.ledger.progress_mut(plan.invoice) {
        progress.booked = shown.booked;
        progress.number = shown.number.or_else(|| progress.number.take());
    }
    let effect = RowEffect::CreditNote {
        invoice: plan.invoice,
        total: frozen.total,
        progress: InvoiceProgress {
            steps: frozen.steps(),
            ..InvoiceProgress::default()
        },
    };
    let body = wire::invoice_header_body(DocumentKind::CreditNote, &header);
    record.ledger.intend(effect, body, header.reference, now);
    record.ledger.begin_attempt(no, &look.live.api_user, now);
    look.ctx.store.save_order_and_frozen(record, &frozen, now).await?;
    let untouched = pursue(look, record, no).await?;
    if record
        .ledger
        .row(no)
        .is_some_and(|row| row.state == RowState::Done)
    {
        finishing::finish(look, record, no, Some(frozen)).await?;
    }
    Ok(untouched)
}

/// Finds a credit note with this reference, whoever made it. Where there is one, no other is made.
async fn credited_already(look: &Look<'_>, reference: &str) -> Result<Option<String>, Stop> {
    let kind = DocumentKind::CreditNote;
    let found = look
        .live
        .clients
        .robaws
        .find_by_reference(reference, kind)
        .await
        .map_err(|error| Stop::robaws(&error))?;
    let known = found.into_iter().find(|document| document.is_a(kind));
    Ok(known.map(|document| document.number.unwrap_or_else(|| document.id.to_string())))
}

/// The header of the credit note. Client, company and payment condition are those that stand on the invoice now: the merchant
/// may have put a business on it.
fn header(
    record: &OrderRecord,
    plan: &CreditNotePlan,
    invoice: &Made,
    invoiced: &Frozen,
    shown: &Invoice,
    today: jiff::civil::Date,
) -> InvoiceHeader {
    let client = shown.client_id.clone().and_then(|id| ClientId::parse(id).ok());
    let company = shown
        .company_id
        .clone()
        .and_then(|id| RobawsCompanyId::parse(id).ok());
    let condition = shown
        .payment_condition_id
        .clone()
        .and_then(|id| PaymentConditionId::parse(id).ok());
    let dated = shown.date.as_deref().and_then(|date| date.parse().ok());
    InvoiceHeader {
        client_id: client.unwrap_or_else(|| invoiced.client_id.clone()),
        company_id: company.or_else(|| invoiced.company_id.clone()),
        payment_condition_id: condition.or_else(|| invoiced.payment_condition_id.clone()),
        date: today,
        reference: invoice.reference.clone(),
        remark: text::credit_note_remark(
            plan.language,
            shown.number.as_deref().unwrap_or(invoice.id.as_str()),
            dated.unwrap_or(invoiced.date),
            record.ledger.identifier.as_str(),
            record.marketplace.as_deref(),
            record.external_identifier.as_deref(),
        ),
    }
}

/// Deletes the draft of invoice row `invoice`. Gives `true` when nothing happened in Robaws, so that the order need not be read
/// anew.
pub async fn delete_draft(look: &Look<'_>, record: &mut OrderRecord, invoice: u32) -> Result<bool, Stop> {
    let draft = Made::of(record, invoice)?;
    let shown = finishing::read(look, &draft.id).await?;
    if let Some(obstacle) = obstacles::to_deleting(shown.as_ref(), &draft.reference, draft.seen_booked) {
        return obstruct(look, record, obstacle).await;
    }
    // The draft is forgotten before it is deleted: no new credentials may be asked to see a draft that is gone.
    look.ctx.forget_invoice(&draft.id).await?;
    let now = look.ctx.clock.now();
    let effect = RowEffect::DeleteDraft { invoice };
    let no = record
        .ledger
        .intend(effect, String::new(), draft.reference.clone(), now);
    if shown.is_none() {
        record.ledger.end_attempt(no, &deleted(&draft.id), now);
        look.ctx.store.save_order(record, now).await?;
        return Ok(true);
    }
    record.ledger.begin_attempt(no, &look.live.api_user, now);
    look.ctx.store.save_order(record, now).await?;
    pursue(look, record, no).await
}

fn deleted(id: &DocumentId) -> Outcome {
    Outcome::Done {
        robaws_id: id.clone(),
        number: None,
    }
}

/// Makes the call that deletes a draft.
pub async fn send_deletion(
    look: &Look<'_>,
    record: &OrderRecord,
    invoice: u32,
) -> Result<Outcome, robaws::Error> {
    let Some(id) = record.ledger.row(invoice).and_then(|row| row.robaws_id.as_ref()) else {
        // An invoice row without an id has no draft.
        return Ok(Outcome::Unknown);
    };
    look.live.clients.robaws.delete_invoice(id).await?;
    Ok(deleted(id))
}

/// Finds out what became of deletion row `no`, whose end is not known. The draft shows it.
pub async fn search_deletion(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    invoice: u32,
    wanted: bool,
) -> Result<Search, Stop> {
    let draft = Made::of(record, invoice)?;
    let shown = finishing::read(look, &draft.id).await?;
    let now = look.ctx.clock.now();
    let Some(shown) = shown else {
        amend(look, record, |r, now| {
            r.ledger.end_attempt(no, &deleted(&draft.id), now);
        })
        .await?;
        return Ok(Search::Settled);
    };
    let refuse = |r: &mut OrderRecord, now| r.ledger.settle(no, RowState::Refused, None, now);
    if let Some(obstacle) = obstacles::to_deleting(Some(&shown), &draft.reference, draft.seen_booked) {
        amend(look, record, refuse).await?;
        obstruct(look, record, obstacle).await?;
        return Ok(Search::Settled);
    }
    if wanted {
        return Ok(Search::Resend);
    }
    let first = record.ledger.row(no).and_then(|row| row.first_attempt_at);
    if first.is_some_and(|first| now.duration_since(first).abs() < RESEND_WITHIN) {
        // An earlier call may still take effect.
        return Err(Stop::LookAgain);
    }
    amend(look, record, refuse).await?;
    Ok(Search::Settled)
}

/// Records that the invoice can't be undone as decided. Nothing more of the decision is begun, and the merchant is told why.
pub async fn obstruct(look: &Look<'_>, record: &mut OrderRecord, obstacle: Obstacle) -> Result<bool, Stop> {
    let Some(decided) = record.ledger.undo.clone() else {
        return Err(Stop::StartOver);
    };
    tracing::warn!(
        obstacle = obstacle.name(),
        "the invoice can't be undone as decided"
    );
    amend(look, record, |r, _| r.ledger.obstruct(&decided, &obstacle)).await?;
    Ok(true)
}

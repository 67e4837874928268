//! Undoes an invoice as the merchant decided: makes the credit note like an invoice, or deletes the draft.
//!
//! The invoice is read from Robaws right before. When it is not what the merchant decided on, the merchant decides again.

use crate::exactly_once::{RowLookUp, amend_record, call_until_row_ends};
use crate::look::{Look, LookStop};
use crate::sales_document;
use domain::ids::DocumentId;
use domain::invoice::{DocumentKind, FrozenDocument, InvoiceHeader, bookkeeping_day};
use domain::ledger::{AttemptOutcome, InvoiceProgress, RESEND_WITHIN, RowEffect, RowState};
use domain::text;
use domain::undo::{CreditNotePlan, Obstacle};
use domain::{ClientId, PaymentConditionId, RobawsCompanyId};
use robaws::{Invoice, obstacles, wire};
use store::model::OrderRecord;

/// What a made invoice is found by in Robaws.
struct MadeInvoice {
    id: DocumentId,
    reference: String,
    seen_booked: bool,
}

impl MadeInvoice {
    fn from_ledger(record: &OrderRecord, no: u32) -> Result<Self, LookStop> {
        let row = record.ledger.find_row(no);
        let id = row.and_then(|row| row.robaws_id.clone());
        match (row, id) {
            (Some(row), Some(id)) => Ok(Self {
                id,
                reference: row.reference.clone(),
                seen_booked: row.effect.progress().is_some_and(|progress| progress.booked),
            }),
            _ => Err(LookStop::StartOver),
        }
    }
}

/// Freezes the credit note and makes it. Gives `true` when nothing happened in Robaws, so that the order need not be read anew.
pub(crate) async fn make_credit_note(
    look: &Look<'_>,
    record: &mut OrderRecord,
    plan: &CreditNotePlan,
) -> Result<bool, LookStop> {
    let invoice = MadeInvoice::from_ledger(record, plan.invoice)?;
    let invoiced = sales_document::read_frozen_document(look, record, plan.invoice).await?;
    let shown = sales_document::read_document(look, &invoice.id).await?;
    let obstacle = obstacles::find_obstacle_to_crediting(shown.as_ref(), &invoice.reference, &invoiced);
    let shown = match (shown, obstacle) {
        (Some(shown), None) => shown,
        (_, obstacle) => return record_obstacle(look, record, obstacle.unwrap_or(Obstacle::Gone)).await,
    };
    if let Some(credit_note) = find_credit_note(look, &invoice.reference).await? {
        return record_obstacle(look, record, Obstacle::AlreadyCredited { credit_note }).await;
    }
    let now = look.ctx.clock.now();
    let header = credit_note_header(record, plan, &invoice, &invoiced, &shown, bookkeeping_day(now));
    let no = record.ledger.next_row;
    let frozen = FrozenDocument {
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
        progress: InvoiceProgress { steps: frozen.step_count(), ..InvoiceProgress::default() },
    };
    let body = wire::invoice_header_body(DocumentKind::CreditNote, &header);
    record.ledger.add_intended_row(effect, body, header.reference, now);
    record.ledger.begin_attempt(no, &look.live.api_user, now);
    look.ctx.store.save_order_and_invoice(record, &frozen, now).await?;
    let untouched = call_until_row_ends(look, record, no).await?;
    if record.ledger.find_row(no).is_some_and(|row| row.state == RowState::Done) {
        sales_document::finish_document(look, record, no, Some(frozen)).await?;
    }
    Ok(untouched)
}

/// Finds a credit note with this reference, whoever made it. Where there is one, no other is made.
async fn find_credit_note(look: &Look<'_>, reference: &str) -> Result<Option<String>, LookStop> {
    let kind = DocumentKind::CreditNote;
    let found = look
        .live
        .clients
        .robaws
        .find_invoices_by_reference(reference, kind)
        .await
        .map_err(|error| LookStop::from_robaws_error(&error))?;
    let known = found.into_iter().find(|document| document.is_of_kind(kind));
    Ok(known.map(|document| document.number.unwrap_or_else(|| document.id.to_string())))
}

/// The header of the credit note. Client, company and payment condition are those that stand on the invoice now: the merchant
/// may have put a business on it.
fn credit_note_header(
    record: &OrderRecord,
    plan: &CreditNotePlan,
    invoice: &MadeInvoice,
    invoiced: &FrozenDocument,
    shown: &Invoice,
    today: jiff::civil::Date,
) -> InvoiceHeader {
    let client = shown.client_id.clone().and_then(|id| ClientId::parse(id).ok());
    let company = shown.company_id.clone().and_then(|id| RobawsCompanyId::parse(id).ok());
    let condition = shown.payment_condition_id.clone().and_then(|id| PaymentConditionId::parse(id).ok());
    let dated = shown.date.as_deref().and_then(|date| date.parse().ok());
    InvoiceHeader {
        client_id: client.unwrap_or_else(|| invoiced.client_id.clone()),
        company_id: company.or_else(|| invoiced.company_id.clone()),
        payment_condition_id: condition.or_else(|| invoiced.payment_condition_id.clone()),
        date: today,
        reference: invoice.reference.clone(),
        remark: text::render_credit_note_remark(
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
pub(crate) async fn delete_draft(
    look: &Look<'_>,
    record: &mut OrderRecord,
    invoice: u32,
) -> Result<bool, LookStop> {
    let draft = MadeInvoice::from_ledger(record, invoice)?;
    let shown = sales_document::read_document(look, &draft.id).await?;
    if let Some(obstacle) =
        obstacles::find_obstacle_to_deleting(shown.as_ref(), &draft.reference, draft.seen_booked)
    {
        return record_obstacle(look, record, obstacle).await;
    }
    // The draft is forgotten before it is deleted: no new credentials may be asked to see a draft that is gone.
    look.ctx.forget_invoice(&draft.id).await?;
    let now = look.ctx.clock.now();
    let effect = RowEffect::DeleteDraft { invoice };
    let no = record.ledger.add_intended_row(effect, String::new(), draft.reference.clone(), now);
    if shown.is_none() {
        record.ledger.end_attempt(no, &deletion_outcome(&draft.id), now);
        look.ctx.store.save_order(record, now).await?;
        return Ok(true);
    }
    record.ledger.begin_attempt(no, &look.live.api_user, now);
    look.ctx.store.save_order(record, now).await?;
    call_until_row_ends(look, record, no).await
}

fn deletion_outcome(id: &DocumentId) -> AttemptOutcome {
    AttemptOutcome::Done { robaws_id: id.clone(), number: None }
}

/// Makes the call that deletes a draft.
pub(crate) async fn send_deletion(
    look: &Look<'_>,
    record: &OrderRecord,
    invoice: u32,
) -> Result<AttemptOutcome, robaws::Error> {
    let Some(id) = record.ledger.find_row(invoice).and_then(|row| row.robaws_id.as_ref()) else {
        // An invoice row without an id has no draft.
        return Ok(AttemptOutcome::Unknown);
    };
    look.live.clients.robaws.delete_draft_invoice(id).await?;
    Ok(deletion_outcome(id))
}

/// Finds out what became of deletion row `no`, whose end is not known. The draft shows it.
pub(crate) async fn look_up_deletion(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    invoice: u32,
    wanted: bool,
) -> Result<RowLookUp, LookStop> {
    let draft = MadeInvoice::from_ledger(record, invoice)?;
    let shown = sales_document::read_document(look, &draft.id).await?;
    let now = look.ctx.clock.now();
    let Some(shown) = shown else {
        amend_record(look, record, |r, now| {
            r.ledger.end_attempt(no, &deletion_outcome(&draft.id), now);
        })
        .await?;
        return Ok(RowLookUp::Answered);
    };
    let refuse = |r: &mut OrderRecord, now| r.ledger.record_row_end(no, RowState::Refused, None, now);
    if let Some(obstacle) =
        obstacles::find_obstacle_to_deleting(Some(&shown), &draft.reference, draft.seen_booked)
    {
        amend_record(look, record, refuse).await?;
        record_obstacle(look, record, obstacle).await?;
        return Ok(RowLookUp::Answered);
    }
    if wanted {
        return Ok(RowLookUp::Resend);
    }
    let first = record.ledger.find_row(no).and_then(|row| row.first_attempt_at);
    if first.is_some_and(|first| now.duration_since(first).abs() < RESEND_WITHIN) {
        // An earlier call may still take effect.
        return Err(LookStop::TooEarlyToTell);
    }
    amend_record(look, record, refuse).await?;
    Ok(RowLookUp::Answered)
}

/// Records that the invoice can't be undone as decided. Nothing more of the decision is begun, and the merchant is told why.
pub(crate) async fn record_obstacle(
    look: &Look<'_>,
    record: &mut OrderRecord,
    obstacle: Obstacle,
) -> Result<bool, LookStop> {
    let Some(decided) = record.ledger.undo.clone() else {
        return Err(LookStop::StartOver);
    };
    tracing::warn!(obstacle = obstacle.name(), "the invoice can't be undone as decided");
    amend_record(look, record, |r, _| r.ledger.record_obstacle(&decided, &obstacle)).await?;
    Ok(true)
}

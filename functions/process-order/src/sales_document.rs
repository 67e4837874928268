//! Finishes an invoice or credit note whose header stands in Robaws, as it was frozen: adds the lines, checks, books.
//!
//! When finishing continues in a later look, Robaws is asked which lines stand already. The keys of lines and booking derive
//! from the key of the row.

use crate::exactly_once::{amend_record, record_in_doubt};
use crate::look::{Look, LookStop};
use connection::Trouble;
use domain::ids::DocumentId;
use domain::invoice::{DocumentKind, FrozenDocument};
use domain::ledger::{InvoiceProgress, LookRefusal};
use domain::money::Cents;
use domain::plan::Plan;
use domain::problem::ProblemCode;
use robaws::Invoice;
use runtime::metrics::{self, Metric};
use rust_decimal::Decimal;
use store::StoreError;
use store::model::{OrderRecord, Peer};

/// Most calls for one line in one invocation, before the order has to wait.
const MOST_CALLS_PER_LINE: u32 = 3;

/// Finishes the invoice or credit note of row `no`. `frozen` is given when this very look made the header: then no line stands
/// yet.
pub(crate) async fn finish_document(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    frozen: Option<FrozenDocument>,
) -> Result<(), LookStop> {
    let Some(id) = record.ledger.find_row(no).and_then(|row| row.robaws_id.clone()) else {
        return Ok(());
    };
    let is_new = frozen.is_some();
    let frozen = match frozen {
        Some(frozen) => frozen,
        None => read_frozen_document(look, record, no).await?,
    };
    let key = record.ledger.row_key(no);
    let mut shown = None;
    let mut standing = 0;
    if !is_new {
        let Some(invoice) = read_document(look, &id).await? else {
            return record_in_doubt(look, record, no).await;
        };
        let Some(lines) = invoice.count_standing_lines(&frozen.lines) else {
            return record_mismatch(look, record, no, &frozen, &invoice).await;
        };
        standing = lines;
        shown = Some(invoice);
    }
    let step = |standing: usize| u32::try_from(standing).unwrap_or(u32::MAX).saturating_add(1);
    let mut looks = 0;
    while standing < frozen.lines.len() {
        if !look.ctx.has_time() {
            amend_progress(look, record, no, |p| p.step = step(standing)).await?;
            return Err(LookStop::OutOfTime);
        }
        let Some(body) = frozen.line_bodies.get(standing) else {
            break;
        };
        shown = None;
        match look.live.clients.robaws.add_invoice_line(&id, body, &format!("{key}-l{}", standing + 1)).await
        {
            Ok(()) => {
                standing += 1;
                looks = 0;
                continue;
            }
            Err(error) if error.is_certain_refusal() => {
                amend_progress(look, record, no, |p| p.step = step(standing)).await?;
                return record_step_refusal(record, no, &error);
            }
            Err(error) => {
                looks += 1;
                if looks >= MOST_CALLS_PER_LINE {
                    amend_progress(look, record, no, |p| p.step = step(standing)).await?;
                    return Err(LookStop::from_robaws_error(&error));
                }
            }
        }
        // The end of the call is not known. Whether the line stands shows in the document.
        let Some(invoice) = read_document(look, &id).await? else {
            return record_in_doubt(look, record, no).await;
        };
        let Some(lines) = invoice.count_standing_lines(&frozen.lines) else {
            return record_mismatch(look, record, no, &frozen, &invoice).await;
        };
        standing = lines;
    }
    let invoice = match shown {
        Some(invoice) => invoice,
        None => match read_document(look, &id).await? {
            Some(invoice) => invoice,
            None => return record_in_doubt(look, record, no).await,
        },
    };
    if invoice.count_standing_lines(&frozen.lines) != Some(frozen.lines.len())
        || !has_frozen_total(&frozen, &invoice)
    {
        return record_mismatch(look, record, no, &frozen, &invoice).await;
    }
    amend_progress(look, record, no, |p| {
        p.step = frozen.check_step();
        p.number.clone_from(&invoice.number);
        p.booked = invoice.booked;
    })
    .await?;
    if frozen.book {
        book_document(look, record, no, &id, &key, &frozen, &invoice).await?;
    }
    count_finished_document(record, no, &id);
    look.ctx.health.record_success(Peer::Robaws).await?;
    Ok(())
}

/// Counts a document that is as far as it goes without a person.
fn count_finished_document(record: &OrderRecord, no: u32, id: &DocumentId) {
    let Some(row) = record.ledger.find_row(no) else { return };
    let (Some(kind), Some(progress)) = (row.effect.document_kind(), row.effect.progress()) else {
        return;
    };
    if progress.step < progress.steps {
        return;
    }
    let metric = match kind {
        DocumentKind::Invoice => Metric::InvoicesMade,
        DocumentKind::CreditNote => Metric::CreditNotesMade,
    };
    metrics::add_count(metric, 1);
    tracing::info!(
        robaws.id = %id, robaws.number = progress.number, effect = domain::plan::effect_name(&row.effect), row = no,
        booked = progress.booked, "document finished"
    );
}

async fn book_document(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    id: &DocumentId,
    key: &str,
    frozen: &FrozenDocument,
    invoice: &Invoice,
) -> Result<(), LookStop> {
    if !invoice.booked {
        match look.live.clients.robaws.book_invoice(id, &format!("{key}-b")).await {
            Ok(()) => {}
            Err(error) if error.is_certain_refusal() => return record_step_refusal(record, no, &error),
            // Booking twice changes nothing: the next look reads the document, and books it if it is not booked.
            Err(error) => return Err(LookStop::from_robaws_error(&error)),
        }
    }
    // A draft may get its number only when it is booked.
    let number = match &invoice.number {
        Some(number) => Some(number.clone()),
        None => read_document(look, id).await?.and_then(|invoice| invoice.number),
    };
    amend_progress(look, record, no, |p| {
        p.step = frozen.step_count();
        p.booked = true;
        p.number.clone_from(&number);
    })
    .await
}

/// Looks again at a document with a mismatch, or at the invoice of a business buyer: the merchant may have dealt with it in
/// Robaws. Gives `true` when something changed, so that the order is planned anew.
pub(crate) async fn recheck_document(
    look: &Look<'_>,
    record: &mut OrderRecord,
    plan: &Plan,
) -> Result<bool, LookStop> {
    let asks = |code| plan.problems.iter().any(|problem| problem.code == code);
    let was_refused = |refusal: &LookRefusal| {
        matches!(refusal, LookRefusal::Invoice { .. } | LookRefusal::CreditNote { .. })
    };
    // Once a credit note exists, the credit note is checked, no longer the invoice.
    let document = record.ledger.find_credit_note().or_else(|| record.ledger.find_invoice());
    let Some((row, state)) = document.filter(|_| !record.ledger.look_refusals.iter().any(was_refused)) else {
        return Ok(false);
    };
    let mismatch = state.mismatch.is_some() && asks(ProblemCode::TotalMismatch);
    let business = state.business && !state.business_dealt_with && asks(ProblemCode::BuyerIsBusiness);
    if !mismatch && !business {
        return Ok(false);
    }
    let (no, Some(id), Some(total)) = (row.no, row.robaws_id.clone(), row.effect.total()) else {
        return Ok(false);
    };
    let (was_mismatch, was_booked) = (state.mismatch, state.booked);
    let Some(invoice) = read_document(look, &id).await? else {
        record_in_doubt(look, record, no).await?;
        return Ok(true);
    };
    let frozen = read_frozen_document(look, record, no).await?;
    let right = match invoice.total_incl_vat {
        Some(shown) => Cents::from_euros(shown) == Some(total),
        None => invoice.count_standing_lines(&frozen.lines) == Some(frozen.lines.len()),
    };
    let settled =
        business && (invoice.booked || invoice.client_id.as_deref() != Some(frozen.client_id.as_str()));
    let mismatch = (mismatch && !right).then(|| shown_total(&invoice));
    let changed = settled || mismatch != was_mismatch || invoice.booked != was_booked;
    if changed {
        amend_progress(look, record, no, |p| {
            p.business_dealt_with |= settled;
            p.booked = invoice.booked;
            p.number = invoice.number.clone().or_else(|| p.number.clone());
            p.mismatch = mismatch;
            // A document whose total differed once is the merchant's to book.
            p.step = p.steps;
        })
        .await?;
    }
    // A mismatch that only changed its amount is not worth another plan.
    Ok(settled || (was_mismatch.is_some() && mismatch.is_none()))
}

/// Records that the document shows other lines or another total than frozen. The document stays a draft, and the merchant is
/// told.
async fn record_mismatch(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    frozen: &FrozenDocument,
    invoice: &Invoice,
) -> Result<(), LookStop> {
    let found = shown_total(invoice);
    tracing::warn!(
        expected_cents = frozen.total.0,
        found_cents = found.0,
        row = no,
        "a sales document differs from what was frozen"
    );
    amend_progress(look, record, no, |p| {
        p.mismatch = Some(found);
        p.number.clone_from(&invoice.number);
        p.booked = invoice.booked;
    })
    .await
}

fn record_step_refusal(record: &mut OrderRecord, no: u32, error: &robaws::Error) -> Result<(), LookStop> {
    match Trouble::from(error) {
        Trouble::Refused { reason } => {
            tracing::warn!(
                error = %runtime::error::Chain(error),
                row = no,
                "Robaws refused a step of a sales document"
            );
            let document = record.ledger.find_row(no).and_then(|row| row.effect.document_kind());
            record.ledger.look_refusals.push(match document {
                Some(DocumentKind::CreditNote) => LookRefusal::CreditNote { reason },
                Some(DocumentKind::Invoice) | None => LookRefusal::Invoice { reason },
            });
            Ok(())
        }
        _ => Err(LookStop::from_robaws_error(error)),
    }
}

/// Reads a document with its lines as it is now. Gives `None` when Robaws does not have the document.
pub(crate) async fn read_document(look: &Look<'_>, id: &DocumentId) -> Result<Option<Invoice>, LookStop> {
    look.live.clients.robaws.read_invoice(id, true).await.map_err(|error| LookStop::from_robaws_error(&error))
}

/// Reads what was frozen for row `no`.
pub(crate) async fn read_frozen_document(
    look: &Look<'_>,
    record: &OrderRecord,
    no: u32,
) -> Result<FrozenDocument, LookStop> {
    let ledger = &record.ledger;
    look.ctx.store.load_frozen_invoice(&ledger.connection, &ledger.identifier, no).await?.ok_or_else(|| {
        LookStop::Store(StoreError::missing_item(format!(
            "frozen invoice {no} of order {}",
            ledger.identifier
        )))
    })
}

async fn amend_progress(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    change: impl Fn(&mut InvoiceProgress),
) -> Result<(), LookStop> {
    amend_record(look, record, |record, _| {
        if let Some(progress) = record.ledger.progress_mut(no) {
            change(progress);
        }
    })
    .await
}

fn has_frozen_total(frozen: &FrozenDocument, invoice: &Invoice) -> bool {
    invoice.total_incl_vat.is_none_or(|total| Cents::from_euros(total) == Some(frozen.total))
}

fn shown_total(invoice: &Invoice) -> Cents {
    let of_lines = || {
        invoice
            .lines
            .iter()
            .filter_map(|line| line.quantity?.checked_mul(line.price?))
            .fold(Decimal::ZERO, Decimal::saturating_add)
    };
    Cents::from_euros_rounded(invoice.total_incl_vat.unwrap_or_else(of_lines)).unwrap_or(Cents(i64::MAX))
}

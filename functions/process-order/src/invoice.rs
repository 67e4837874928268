//! Finishes an invoice or credit note whose header stands in Robaws, as it was frozen: adds the lines, checks, books.
//!
//! When finishing continues in a later look, Robaws is asked which lines stand already. The keys of lines and booking derive
//! from the key of the row.

use crate::book::{amend, in_doubt};
use crate::look::{Look, Stop};
use connection::Trouble;
use domain::ids::DocumentId;
use domain::invoice::{DocumentKind, Frozen};
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
const MOST_LOOKS: u32 = 3;

/// Finishes the invoice or credit note of row `no`. `frozen` is given when this very look made the header: then no line stands
/// yet.
pub async fn finish(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    frozen: Option<Frozen>,
) -> Result<(), Stop> {
    let Some(id) = record.ledger.row(no).and_then(|row| row.robaws_id.clone()) else {
        return Ok(());
    };
    let is_new = frozen.is_some();
    let frozen = match frozen {
        Some(frozen) => frozen,
        None => read_frozen(look, record, no).await?,
    };
    let key = record.ledger.key(no);
    let mut shown = None;
    let mut standing = 0;
    if !is_new {
        let Some(invoice) = read(look, &id).await? else {
            return in_doubt(look, record, no).await;
        };
        let Some(lines) = invoice.standing_lines(&frozen.lines) else {
            return checked(look, record, no, &frozen, &invoice).await;
        };
        standing = lines;
        shown = Some(invoice);
    }
    let step = |standing: usize| u32::try_from(standing).unwrap_or(u32::MAX).saturating_add(1);
    let mut looks = 0;
    while standing < frozen.lines.len() {
        if !look.ctx.has_time() {
            progress(look, record, no, |p| p.step = step(standing)).await?;
            return Err(Stop::OutOfTime);
        }
        let Some(body) = frozen.line_bodies.get(standing) else {
            break;
        };
        shown = None;
        match look
            .live
            .clients
            .robaws
            .add_invoice_line(&id, body, &format!("{key}-l{}", standing + 1))
            .await
        {
            Ok(()) => {
                standing += 1;
                looks = 0;
                continue;
            }
            Err(error) if error.is_certain_refusal() => {
                progress(look, record, no, |p| p.step = step(standing)).await?;
                return refused(record, no, &error);
            }
            Err(error) => {
                looks += 1;
                if looks >= MOST_LOOKS {
                    progress(look, record, no, |p| p.step = step(standing)).await?;
                    return Err(Stop::robaws(&error));
                }
            }
        }
        // The end of the call is not known. Whether the line stands shows in the document.
        let Some(invoice) = read(look, &id).await? else {
            return in_doubt(look, record, no).await;
        };
        let Some(lines) = invoice.standing_lines(&frozen.lines) else {
            return checked(look, record, no, &frozen, &invoice).await;
        };
        standing = lines;
    }
    let invoice = match shown {
        Some(invoice) => invoice,
        None => match read(look, &id).await? {
            Some(invoice) => invoice,
            None => return in_doubt(look, record, no).await,
        },
    };
    if invoice.standing_lines(&frozen.lines) != Some(frozen.lines.len()) || !total_is_right(&frozen, &invoice)
    {
        return checked(look, record, no, &frozen, &invoice).await;
    }
    progress(look, record, no, |p| {
        p.step = frozen.check_step();
        p.number.clone_from(&invoice.number);
        p.booked = invoice.booked;
    })
    .await?;
    if frozen.book {
        book(look, record, no, &id, &key, &frozen, &invoice).await?;
    }
    note_finished(record, no, &id);
    look.ctx.health.succeeded(Peer::Robaws).await?;
    Ok(())
}

/// Counts a document that is as far as it goes without a person.
fn note_finished(record: &OrderRecord, no: u32, id: &DocumentId) {
    let Some(row) = record.ledger.row(no) else { return };
    let (Some(kind), Some(progress)) = (row.effect.document(), row.effect.progress()) else {
        return;
    };
    if progress.step < progress.steps {
        return;
    }
    let metric = match kind {
        DocumentKind::Invoice => Metric::InvoicesMade,
        DocumentKind::CreditNote => Metric::CreditNotesMade,
    };
    metrics::count(metric, 1);
    tracing::info!(
        robaws.id = %id, robaws.number = progress.number, effect = domain::plan::effect_name(&row.effect), row = no,
        booked = progress.booked, "document finished"
    );
}

async fn book(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    id: &DocumentId,
    key: &str,
    frozen: &Frozen,
    invoice: &Invoice,
) -> Result<(), Stop> {
    if !invoice.booked {
        match look
            .live
            .clients
            .robaws
            .book_invoice(id, &format!("{key}-b"))
            .await
        {
            Ok(()) => {}
            Err(error) if error.is_certain_refusal() => return refused(record, no, &error),
            // Booking twice changes nothing: the next look reads the document, and books it if it is not booked.
            Err(error) => return Err(Stop::robaws(&error)),
        }
    }
    // A draft may get its number only when it is booked.
    let number = match &invoice.number {
        Some(number) => Some(number.clone()),
        None => read(look, id).await?.and_then(|invoice| invoice.number),
    };
    progress(look, record, no, |p| {
        p.step = frozen.steps();
        p.booked = true;
        p.number.clone_from(&number);
    })
    .await
}

/// Looks again at a document with a mismatch, or at the invoice of a business buyer: the merchant may have dealt with it in
/// Robaws. Gives `true` when something changed, so that the order is planned anew.
pub async fn recheck(look: &Look<'_>, record: &mut OrderRecord, plan: &Plan) -> Result<bool, Stop> {
    let asks = |code| plan.problems.iter().any(|problem| problem.code == code);
    let was_refused = |refusal: &LookRefusal| {
        matches!(
            refusal,
            LookRefusal::Invoice { .. } | LookRefusal::CreditNote { .. }
        )
    };
    // Of an invoice that is credited, the credit note is the document that is still ours.
    let document = record.ledger.credit_note().or_else(|| record.ledger.invoice());
    let Some((row, state)) = document.filter(|_| !record.ledger.look.iter().any(was_refused)) else {
        return Ok(false);
    };
    let mismatch = state.mismatch.is_some() && asks(ProblemCode::TotalMismatch);
    let business = state.business && !state.business_settled && asks(ProblemCode::BuyerIsBusiness);
    if !mismatch && !business {
        return Ok(false);
    }
    let (no, Some(id), Some(total)) = (row.no, row.robaws_id.clone(), row.effect.total()) else {
        return Ok(false);
    };
    let (was_mismatch, was_booked) = (state.mismatch, state.booked);
    let Some(invoice) = read(look, &id).await? else {
        in_doubt(look, record, no).await?;
        return Ok(true);
    };
    let frozen = read_frozen(look, record, no).await?;
    let right = match invoice.total_incl_vat {
        Some(shown) => Cents::from_euros(shown) == Some(total),
        None => invoice.standing_lines(&frozen.lines) == Some(frozen.lines.len()),
    };
    let settled =
        business && (invoice.booked || invoice.client_id.as_deref() != Some(frozen.client_id.as_str()));
    let mismatch = (mismatch && !right).then(|| found_total(&invoice));
    let changed = settled || mismatch != was_mismatch || invoice.booked != was_booked;
    if changed {
        progress(look, record, no, |p| {
            p.business_settled |= settled;
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
async fn checked(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    frozen: &Frozen,
    invoice: &Invoice,
) -> Result<(), Stop> {
    let found = found_total(invoice);
    tracing::warn!(
        expected_cents = frozen.total.0,
        found_cents = found.0,
        row = no,
        "a sales document differs from what was frozen"
    );
    progress(look, record, no, |p| {
        p.mismatch = Some(found);
        p.number.clone_from(&invoice.number);
        p.booked = invoice.booked;
    })
    .await
}

fn refused(record: &mut OrderRecord, no: u32, error: &robaws::Error) -> Result<(), Stop> {
    match Trouble::from(error) {
        Trouble::Refused { reason } => {
            tracing::warn!(
                error = %runtime::error::Chain(error),
                row = no,
                "Robaws refused a step of a sales document"
            );
            let document = record.ledger.row(no).and_then(|row| row.effect.document());
            record.ledger.look.push(match document {
                Some(DocumentKind::CreditNote) => LookRefusal::CreditNote { reason },
                Some(DocumentKind::Invoice) | None => LookRefusal::Invoice { reason },
            });
            Ok(())
        }
        _ => Err(Stop::robaws(error)),
    }
}

/// Reads a document with its lines as it is now. Gives `None` when Robaws does not have the document.
pub async fn read(look: &Look<'_>, id: &DocumentId) -> Result<Option<Invoice>, Stop> {
    look.live
        .clients
        .robaws
        .invoice(id, true)
        .await
        .map_err(|error| Stop::robaws(&error))
}

/// Reads what was frozen for row `no`.
pub async fn read_frozen(look: &Look<'_>, record: &OrderRecord, no: u32) -> Result<Frozen, Stop> {
    let ledger = &record.ledger;
    look.ctx
        .store
        .frozen(&ledger.connection, &ledger.identifier, no)
        .await?
        .ok_or_else(|| {
            Stop::Store(StoreError::missing(format!(
                "frozen invoice {no} of order {}",
                ledger.identifier
            )))
        })
}

async fn progress(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    change: impl Fn(&mut InvoiceProgress),
) -> Result<(), Stop> {
    amend(look, record, |record, _| {
        if let Some(progress) = record.ledger.progress_mut(no) {
            change(progress);
        }
    })
    .await
}

fn total_is_right(frozen: &Frozen, invoice: &Invoice) -> bool {
    invoice
        .total_incl_vat
        .is_none_or(|total| Cents::from_euros(total) == Some(frozen.total))
}

fn found_total(invoice: &Invoice) -> Cents {
    let of_lines = || {
        invoice
            .lines
            .iter()
            .filter_map(|line| line.quantity?.checked_mul(line.price?))
            .fold(Decimal::ZERO, Decimal::saturating_add)
    };
    Cents::rounded_from_euros(invoice.total_incl_vat.unwrap_or_else(of_lines)).unwrap_or(Cents(i64::MAX))
}

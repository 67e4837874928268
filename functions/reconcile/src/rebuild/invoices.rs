//! Rebuilds rows from invoices and credit notes, found by the reference of their order.
//!
//! An invoice that is as its order asks for it becomes the order's invoice. Every other document is left to people.

use super::{
    Found, doubt, is_doubted, is_known, needs_newest, next_step, note_newest, order_now, plan_of, record_of,
    refresh, report, since,
};
use crate::sweeps::{Page, Stop, robaws};
use ::robaws::{Invoice, wire};
use domain::ids::OrderIdentifier;
use domain::invoice::{DocumentKind, Frozen, InvoicePlan};
use domain::ledger::{InvoiceProgress, RowEffect, RowState};
use domain::money::Cents;
use domain::order::{Order, OrderFacts, OrderStatus};
use domain::plan::Effect;
use domain::reference::identifiers_in;
use store::StoreError;
use store::model::OrderRecord;
use store::sweep::{SweepProgress, SweepRun};

const STEP: &str = "rebuild_invoices";
const NEXT: &str = "rebuild_end";
/// Times an order is written anew when somebody else wrote it meanwhile.
const MOST_TRIES: usize = 5;

/// Rebuilds rows from one list page of invoices and credit notes. Gives the next step of the sweep.
pub async fn page(
    page: &Page<'_>,
    progress: &mut SweepProgress,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, Stop> {
    let client = &page.live.clients.robaws;
    let listed = client
        .invoices_now(run.page, since(page))
        .await
        .map_err(|error| robaws(&error))?;
    let report = report(page, progress, run);
    let is_first_pass = run.readable == 0;
    let mut found_new = 0;
    for document in listed.documents {
        if !page.session.has_time() {
            return Err(Stop::OutOfTime);
        }
        let Some(reference) = document.client_reference.clone() else {
            continue;
        };
        let found = match named(page, &reference, &document).await? {
            Named::Nothing => continue,
            Named::Known => Found::Known,
            Named::Order(identifier, order) => {
                let order = order.as_deref();
                Box::pin(one(page, run, &identifier, order, &document, &reference)).await?
            }
        };
        let is_new = found != Found::Known;
        if is_first_pass || is_new {
            found.count(report);
        }
        found_new += u64::from(is_new);
    }
    let next = next_step(run, listed.is_last, found_new, STEP, NEXT);
    if listed.is_last {
        run.readable = u64::from(next == STEP);
    }
    Ok(Some(next))
}

/// What the reference of a document names.
enum Named {
    /// No order: people write references of their own on their documents.
    Nothing,
    /// An order whose ledger has the document already.
    Known,
    /// An order, and the order as ProductFlow has it now.
    Order(OrderIdentifier, Option<Box<Order>>),
}

/// The number that people find a document by, or its id.
fn name_of(document: &Invoice) -> String {
    let number = document.number.clone();
    number.unwrap_or_else(|| document.id.to_string())
}

/// Finds the order that a reference names: an order that the ledger or ProductFlow has under exactly this reference.
async fn named(page: &Page<'_>, reference: &str, document: &Invoice) -> Result<Named, Stop> {
    for identifier in identifiers_in(reference) {
        let stored = page.session.store.order(page.connection(), &identifier).await?;
        let stored = stored.filter(|record| record.reference() == reference);
        if let Some(record) = &stored
            && (is_known(record, &document.id) || is_doubted(record, &name_of(document)))
        {
            return Ok(Named::Known);
        }
        let order = order_now(page, &identifier).await?;
        let order = order.filter(|order| order.reference() == reference);
        if stored.is_some() || order.is_some() {
            return Ok(Named::Order(identifier, order.map(Box::new)));
        }
    }
    Ok(Named::Nothing)
}

async fn one(
    page: &Page<'_>,
    run: &SweepRun,
    identifier: &OrderIdentifier,
    order: Option<&Order>,
    listed: &Invoice,
    reference: &str,
) -> Result<Found, Stop> {
    let mut record = record_of(page, identifier, order).await?;
    let name = name_of(listed);
    let shown = page.live.clients.robaws.invoice(&listed.id, true).await;
    let Some(shown) = shown.map_err(|error| robaws(&error))? else {
        return Ok(Found::Known);
    };
    for _ in 0..MOST_TRIES {
        if is_known(&record, &shown.id) {
            return Ok(Found::Known);
        }
        let frozen = recover(page, &mut record, order, &shown, reference).await?;
        let now = page.session.clock.now();
        let found = match frozen {
            Recovered::Nothing => {
                doubt(&mut record, name.clone(), now);
                Found::Doubted
            }
            Recovered::Row | Recovered::Frozen(_) => Found::Made,
        };
        refresh(&mut record, order, now);
        if run.ask.dry_run {
            return Ok(found);
        }
        let store = &page.session.store;
        let saved = match &frozen {
            Recovered::Frozen(frozen) => {
                if record.version == 0 {
                    // A frozen invoice is written in one transaction with a record that must exist already.
                    let mut bare = record_of(page, identifier, order).await?;
                    store.save_order(&mut bare, now).await?;
                    record.version = bare.version;
                }
                store.save_order_and_frozen(&mut record, frozen, now).await
            }
            Recovered::Nothing | Recovered::Row => store.save_order(&mut record, now).await,
        };
        match saved {
            Ok(()) => {
                if found == Found::Made && needs_newest(&page.session.item.newest, true) {
                    note_newest(page, &shown.id, reference, true).await?;
                }
                return Ok(found);
            }
            Err(StoreError::Conflict) => record = record_of(page, identifier, order).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// What could be made of a document.
enum Recovered {
    /// The document does not fit its order.
    Nothing,
    /// A row of the ledger that waited for its document was set to where the document shows it.
    Row,
    /// A new row, with the invoice as it must have been frozen.
    Frozen(Frozen),
}

async fn recover(
    page: &Page<'_>,
    record: &mut OrderRecord,
    order: Option<&Order>,
    shown: &Invoice,
    reference: &str,
) -> Result<Recovered, Stop> {
    let now = page.session.clock.now();
    let ledger = &mut record.ledger;
    let of_kind = |effect: &RowEffect| effect.document().is_some_and(|kind| shown.is_a(kind));
    let waiting = ledger
        .rows
        .iter()
        .find(|row| of_kind(&row.effect) && !matches!(row.state, RowState::Done | RowState::Refused));
    if let Some(no) = waiting.map(|row| row.no) {
        // The lines are compared with the frozen ones when the document is finished.
        ledger.recover_row(no, &shown.id, shown.number.clone(), now);
        return Ok(Recovered::Row);
    }
    let is_the_first = ledger.invoice().is_none() && ledger.doubt.is_none();
    let (Some(order), true) = (order, is_the_first && shown.is_a(DocumentKind::Invoice)) else {
        return Ok(Recovered::Nothing);
    };
    let Some(no) = ledger.row_for_invoice() else {
        return Ok(Recovered::Nothing);
    };
    let Some(wanted) = wanted(page, order, record).await? else {
        return Ok(Recovered::Nothing);
    };
    Ok(match frozen(no, &wanted, shown, now) {
        None => Recovered::Nothing,
        Some((frozen, progress)) => {
            let effect = RowEffect::Invoice {
                total: frozen.total,
                progress,
            };
            let ledger = &mut record.ledger;
            ledger.insert_row(no, effect, reference.to_owned(), &shown.id, now);
            ledger.invoiced_facts = Some(OrderFacts::of(order));
            Recovered::Frozen(frozen)
        }
    })
}

/// Plans the invoice that the order would get if it were shipped and not invoiced.
async fn wanted(page: &Page<'_>, order: &Order, record: &OrderRecord) -> Result<Option<InvoicePlan>, Stop> {
    let shipped = Order {
        status: OrderStatus::Shipped,
        ..order.clone()
    };
    let plan = plan_of(page, &shipped, record).await?;
    Ok(plan.effects.into_iter().find_map(|effect| match effect {
        Effect::Invoice(invoice) => Some(*invoice),
        _ => None,
    }))
}

/// The invoice as it must have been frozen, and how far it is. `None` when the document is not what the order asks for.
fn frozen(
    no: u32,
    wanted: &InvoicePlan,
    shown: &Invoice,
    now: jiff::Timestamp,
) -> Option<(Frozen, InvoiceProgress)> {
    let (header, _) = wanted.header(now);
    let line_bodies = wanted.lines.iter().map(wire::invoice_line_body).collect();
    let frozen = Frozen {
        date: shown.day().unwrap_or(header.date),
        // Nobody knows any more whether the invoice was to be booked, so a draft is left to people.
        book: false,
        ..wanted.freeze(no, &header, line_bodies, None)
    };
    let standing = shown.standing_lines(&frozen.lines)?;
    let is_whole = standing == frozen.lines.len();
    let total = shown.total_incl_vat.map(Cents::from_euros);
    let has_other_total = is_whole && total.is_some_and(|total| total != Some(frozen.total));
    if has_other_total || (shown.booked && !is_whole) {
        return None;
    }
    let steps = frozen.steps();
    let begun = u32::try_from(standing).unwrap_or(u32::MAX).saturating_add(1);
    let other_client = shown.client_id.as_deref() != Some(frozen.client_id.as_str());
    let progress = InvoiceProgress {
        step: if is_whole { steps } else { begun.min(steps) },
        steps,
        number: shown.number.clone(),
        booked: shown.booked,
        business: wanted.business.is_some(),
        business_settled: wanted.business.is_some() && (shown.booked || other_client),
        date: Some(frozen.date),
        ..InvoiceProgress::default()
    };
    Some((frozen, progress))
}

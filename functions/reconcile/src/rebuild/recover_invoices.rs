//! Rebuilds rows from invoices and credit notes, found by the reference of their order.
//!
//! An invoice that is as its order asks for it becomes the order's invoice. Every other document is left to people.

use super::{
    DocumentFinding, decide_next_step, documents_since, doubt_document, is_doubted, is_known,
    lacks_newest_document, make_record_due, plan_with_lookups, read_or_create_record, read_order,
    report_of_run, save_newest_document,
};
use crate::sweeps::{SweepContext, SweepStop, stop_from_robaws};
use ::robaws::{Invoice, wire};
use domain::ids::OrderIdentifier;
use domain::invoice::{DocumentKind, FrozenDocument, InvoicePlan};
use domain::ledger::{InvoiceProgress, RowEffect, RowState};
use domain::money::Cents;
use domain::order::{Order, OrderFacts, OrderStatus};
use domain::plan::PlannedEffect;
use domain::reference::find_identifiers;
use store::StoreError;
use store::model::OrderRecord;
use store::sweep::{SweepProgress, SweepRun};

const THIS_STEP: &str = "rebuild_invoices";
const FOLLOWING_STEP: &str = "rebuild_end";
/// Times an order is written anew when somebody else wrote it meanwhile.
const MOST_WRITE_ATTEMPTS: usize = 5;

/// Rebuilds rows from one list page of invoices and credit notes. Gives the next step of the sweep.
pub(crate) async fn recover_invoice_list_page(
    sweep: &SweepContext<'_>,
    progress: &mut SweepProgress,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    let client = &sweep.live.clients.robaws;
    let listed = client
        .read_live_invoice_list_page(run.page, documents_since(sweep))
        .await
        .map_err(|error| stop_from_robaws(&error))?;
    let report = report_of_run(sweep, progress, run);
    let is_first_pass = run.readable == 0;
    let mut found_new = 0;
    for document in listed.documents {
        if !sweep.session.has_time() {
            return Err(SweepStop::OutOfTime);
        }
        let Some(reference) = document.client_reference.clone() else {
            continue;
        };
        let found = match find_named_order(sweep, &reference, &document).await? {
            NamedByReference::Nothing => continue,
            NamedByReference::Known => DocumentFinding::Known,
            NamedByReference::Order(identifier, order) => {
                let order = order.as_deref();
                Box::pin(recover_invoice(sweep, run, &identifier, order, &document, &reference)).await?
            }
        };
        let is_new = found != DocumentFinding::Known;
        if is_first_pass || is_new {
            found.count_in(report);
        }
        found_new += u64::from(is_new);
    }
    let next = decide_next_step(run, listed.is_last, found_new, THIS_STEP, FOLLOWING_STEP);
    if listed.is_last {
        run.readable = u64::from(next == THIS_STEP);
    }
    Ok(Some(next))
}

/// What the reference of a document names.
enum NamedByReference {
    /// No order: people write references of their own on their documents.
    Nothing,
    /// An order whose ledger has the document already.
    Known,
    /// An order, and the order as ProductFlow has it now.
    Order(OrderIdentifier, Option<Box<Order>>),
}

/// The number that people find a document by, or its id.
fn display_number(document: &Invoice) -> String {
    let number = document.number.clone();
    number.unwrap_or_else(|| document.id.to_string())
}

/// Finds the order that a reference names: an order that the ledger or ProductFlow has under exactly this reference.
async fn find_named_order(
    sweep: &SweepContext<'_>,
    reference: &str,
    document: &Invoice,
) -> Result<NamedByReference, SweepStop> {
    for identifier in find_identifiers(reference) {
        let stored = sweep.session.store.load_order(sweep.connection_id(), &identifier).await?;
        let stored = stored.filter(|record| record.display_reference() == reference);
        if let Some(record) = &stored
            && (is_known(record, &document.id) || is_doubted(record, &display_number(document)))
        {
            return Ok(NamedByReference::Known);
        }
        let order = read_order(sweep, &identifier).await?;
        let order = order.filter(|order| order.reference() == reference);
        if stored.is_some() || order.is_some() {
            return Ok(NamedByReference::Order(identifier, order.map(Box::new)));
        }
    }
    Ok(NamedByReference::Nothing)
}

async fn recover_invoice(
    sweep: &SweepContext<'_>,
    run: &SweepRun,
    identifier: &OrderIdentifier,
    order: Option<&Order>,
    listed: &Invoice,
    reference: &str,
) -> Result<DocumentFinding, SweepStop> {
    let mut record = read_or_create_record(sweep, identifier, order).await?;
    let name = display_number(listed);
    let shown = sweep.live.clients.robaws.read_invoice(&listed.id, true).await;
    let Some(shown) = shown.map_err(|error| stop_from_robaws(&error))? else {
        return Ok(DocumentFinding::Known);
    };
    for _ in 0..MOST_WRITE_ATTEMPTS {
        if is_known(&record, &shown.id) {
            return Ok(DocumentFinding::Known);
        }
        let frozen = recover_row(sweep, &mut record, order, &shown, reference).await?;
        let now = sweep.session.clock.now();
        let found = match frozen {
            Recovered::Nothing => {
                doubt_document(&mut record, name.clone(), now);
                DocumentFinding::Doubted
            }
            Recovered::Row | Recovered::Frozen(_) => DocumentFinding::Made,
        };
        make_record_due(&mut record, order, now);
        if run.ask.dry_run {
            return Ok(found);
        }
        let store = &sweep.session.store;
        let saved = match &frozen {
            Recovered::Frozen(frozen) => {
                if record.version == 0 {
                    // A frozen invoice is written in one transaction with a record that must exist already.
                    let mut bare = read_or_create_record(sweep, identifier, order).await?;
                    store.save_order(&mut bare, now).await?;
                    record.version = bare.version;
                }
                store.save_order_and_invoice(&mut record, frozen, now).await
            }
            Recovered::Nothing | Recovered::Row => store.save_order(&mut record, now).await,
        };
        match saved {
            Ok(()) => {
                if found == DocumentFinding::Made && lacks_newest_document(&sweep.session.item.newest, true) {
                    save_newest_document(sweep, &shown.id, reference, true).await?;
                }
                return Ok(found);
            }
            Err(StoreError::Conflict) => record = read_or_create_record(sweep, identifier, order).await?,
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
    Frozen(FrozenDocument),
}

async fn recover_row(
    sweep: &SweepContext<'_>,
    record: &mut OrderRecord,
    order: Option<&Order>,
    shown: &Invoice,
    reference: &str,
) -> Result<Recovered, SweepStop> {
    let now = sweep.session.clock.now();
    let ledger = &mut record.ledger;
    let of_kind = |effect: &RowEffect| effect.document_kind().is_some_and(|kind| shown.is_of_kind(kind));
    let waiting = ledger
        .rows
        .iter()
        .find(|row| of_kind(&row.effect) && !matches!(row.state, RowState::Done | RowState::Refused));
    if let Some(no) = waiting.map(|row| row.no) {
        // The lines are compared with the frozen ones when the document is finished.
        ledger.recover_row(no, &shown.id, shown.number.clone(), now);
        return Ok(Recovered::Row);
    }
    let is_the_first = ledger.find_invoice().is_none() && ledger.unmatched_documents.is_none();
    let (Some(order), true) = (order, is_the_first && shown.is_of_kind(DocumentKind::Invoice)) else {
        return Ok(Recovered::Nothing);
    };
    let Some(no) = ledger.find_invoice_row_number() else {
        return Ok(Recovered::Nothing);
    };
    let Some(wanted) = plan_invoice(sweep, order, record).await? else {
        return Ok(Recovered::Nothing);
    };
    Ok(match freeze_as_shown(no, &wanted, shown, now) {
        None => Recovered::Nothing,
        Some((frozen, progress)) => {
            let effect = RowEffect::Invoice { total: frozen.total, progress };
            let ledger = &mut record.ledger;
            ledger.insert_recovered_row(no, effect, reference.to_owned(), &shown.id, now);
            ledger.invoiced_facts = Some(OrderFacts::from_order(order));
            Recovered::Frozen(frozen)
        }
    })
}

/// Plans the invoice that the order would get if it were shipped and not invoiced.
async fn plan_invoice(
    sweep: &SweepContext<'_>,
    order: &Order,
    record: &OrderRecord,
) -> Result<Option<InvoicePlan>, SweepStop> {
    let shipped = Order { status: OrderStatus::Shipped, ..order.clone() };
    let plan = plan_with_lookups(sweep, &shipped, record).await?;
    Ok(plan.effects.into_iter().find_map(|effect| match effect {
        PlannedEffect::Invoice(invoice) => Some(*invoice),
        _ => None,
    }))
}

/// The invoice as it must have been frozen, and how far it is. `None` when the document is not what the order asks for.
fn freeze_as_shown(
    no: u32,
    wanted: &InvoicePlan,
    shown: &Invoice,
    now: jiff::Timestamp,
) -> Option<(FrozenDocument, InvoiceProgress)> {
    let (header, _) = wanted.build_header(now);
    let line_bodies = wanted.lines.iter().map(wire::invoice_line_body).collect();
    let frozen = FrozenDocument {
        date: shown.day().unwrap_or(header.date),
        // Nobody knows any more whether the invoice was to be booked, so a draft is left to people.
        book: false,
        ..wanted.freeze_as_row(no, &header, line_bodies, None)
    };
    let standing = shown.count_standing_lines(&frozen.lines)?;
    let is_whole = standing == frozen.lines.len();
    let total = shown.total_incl_vat.map(Cents::from_euros);
    let has_other_total = is_whole && total.is_some_and(|total| total != Some(frozen.total));
    if has_other_total || (shown.booked && !is_whole) {
        return None;
    }
    let steps = frozen.step_count();
    let begun = u32::try_from(standing).unwrap_or(u32::MAX).saturating_add(1);
    let other_client = shown.client_id.as_deref() != Some(frozen.client_id.as_str());
    let progress = InvoiceProgress {
        step: if is_whole { steps } else { begun.min(steps) },
        steps,
        number: shown.number.clone(),
        booked: shown.booked,
        business: wanted.business.is_some(),
        business_dealt_with: wanted.business.is_some() && (shown.booked || other_client),
        date: Some(frozen.date),
        ..InvoiceProgress::default()
    };
    Some((frozen, progress))
}

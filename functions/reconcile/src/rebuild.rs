//! Rebuilds the ledger of a suspended connection after its table was lost or set back.
//!
//! The rows are made from the documents in Robaws that carry our mark or reference, each compared with the order it names.
//! Documents are read from the live database, and what a list page showed is stored before the next one is read. The lists are
//! read until a whole reading shows nothing new, since rows may shift between list pages.

mod recover_invoices;
mod recover_stock_changes;

use crate::sweeps::{SweepContext, SweepStop, stop_from_productflow};
use domain::catalogue::Catalogue;
use domain::ids::{DocumentId, OrderIdentifier};
use domain::ledger::RowState;
use domain::order::Order;
use domain::plan::{Plan, plan_order};
use domain::rebuild::LedgerLoss;
use domain::settings::Settings;
use jiff::{SignedDuration, Timestamp};
use store::StoreError;
use store::model::{ConnectionState, NewestDocument, NewestDocuments, OrderRecord, PollState};
use store::queue::{Sweep, SweepMessage};
use store::sweep::{RebuildReport, SweepProgress, SweepRequest, SweepRun};

pub(crate) use recover_invoices::recover_invoice_list_page;
pub(crate) use recover_stock_changes::recover_stock_change_list_page;

/// A ledger that was set back knows everything that is older than its newest document by more than this.
const KNOWN_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A document may be dated earlier than its order, since clocks differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_hours(24);
/// Times the connection is written anew when somebody else wrote it meanwhile.
const MOST_WRITE_ATTEMPTS: usize = 5;

/// The time from which documents are read. What the ledger knows for certain need not be read again.
fn documents_since(sweep: &SweepContext<'_>) -> Timestamp {
    let item = &sweep.session.item;
    let newest = [&item.newest.stock_change, &item.newest.invoice];
    let newest = newest.into_iter().flatten().map(|document| document.at).min();
    let go_live = item.connection.go_live.unwrap_or(Timestamp::MIN);
    let from = match newest {
        Some(at) => at.checked_sub(KNOWN_BEFORE),
        None => go_live.checked_sub(CLOCKS_DIFFER),
    };
    from.unwrap_or(Timestamp::MIN)
}

/// The report of the running rebuild.
fn report_of_run<'p>(
    sweep: &SweepContext<'_>,
    progress: &'p mut SweepProgress,
    run: &SweepRun,
) -> &'p mut RebuildReport {
    let now = sweep.session.clock.now();
    let suspended = sweep.session.item.connection.suspension.as_ref();
    let until = run.ask.lost_at.or(suspended.and_then(|s| s.since)).unwrap_or(now);
    let is_of_this_run =
        |report: &RebuildReport| report.started_at >= run.ask.at && report.finished_at.is_none();
    if !progress.rebuild.as_ref().is_some_and(is_of_this_run) {
        progress.rebuild = None;
    }
    progress.rebuild.get_or_insert(RebuildReport {
        started_at: now,
        finished_at: None,
        dry_run: run.ask.dry_run,
        lost_at: until,
        documents: 0,
        known: 0,
        orders: 0,
        made: 0,
        in_doubt: 0,
        strangers: 0,
    })
}

/// What came of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DocumentFinding {
    /// A row of the ledger made the document.
    Known,
    /// A row was made from the document.
    Made,
    /// The document does not fit its order, so people decide.
    Doubted,
}

impl DocumentFinding {
    fn count_in(self, report: &mut RebuildReport) {
        report.documents += 1;
        match self {
            Self::Known => report.known += 1,
            Self::Made => report.made += 1,
            Self::Doubted => report.in_doubt += 1,
        }
    }
}

/// Reads the order from ProductFlow as it is now. Gives `None` when the order is gone or can't be read.
async fn read_order(
    sweep: &SweepContext<'_>,
    identifier: &OrderIdentifier,
) -> Result<Option<Order>, SweepStop> {
    let client = &sweep.live.clients.productflow;
    let raw = client.read_order(identifier).await.map_err(|error| stop_from_productflow(&error))?;
    let settings = &sweep.session.item.connection.settings;
    Ok(raw.and_then(|raw| ::productflow::parse_order(&raw, settings).ok()))
}

/// Reads the record of an order, or creates one in memory.
async fn read_or_create_record(
    sweep: &SweepContext<'_>,
    identifier: &OrderIdentifier,
    order: Option<&Order>,
) -> Result<OrderRecord, SweepStop> {
    let stored = sweep.session.store.load_order(sweep.connection_id(), identifier).await?;
    Ok(stored.unwrap_or_else(|| {
        let now = sweep.session.clock.now();
        let placed_at = order.map_or(now, |order| order.placed_at);
        OrderRecord {
            created_at: placed_at.min(now),
            ..OrderRecord::new(sweep.connection_id().clone(), identifier.clone(), now)
        }
    }))
}

/// Makes a rebuilt record due, so that its order is looked at.
fn make_record_due(record: &mut OrderRecord, order: Option<&Order>, now: Timestamp) {
    if let Some(order) = order {
        record.update_from_order(order);
    }
    record.is_final = false;
    record.make_due_now(now);
}

/// Notes in the record that a document does not fit, by the number of the document.
fn doubt_document(record: &mut OrderRecord, document: String, now: Timestamp) {
    let mut documents = record.ledger.unmatched_documents.take().map(|d| d.documents).unwrap_or_default();
    if !documents.contains(&document) {
        documents.push(document);
    }
    record.ledger.record_unmatched_documents(documents, now);
}

fn is_doubted(record: &OrderRecord, document: &str) -> bool {
    let doubt = record.ledger.unmatched_documents.as_ref();
    doubt.is_some_and(|doubt| doubt.documents.iter().any(|known| known == document))
}

/// Whether a row of the ledger made this document.
fn is_known(record: &OrderRecord, id: &DocumentId) -> bool {
    let made_it =
        |row: &domain::ledger::Row| row.state == RowState::Done && row.robaws_id.as_ref() == Some(id);
    record.ledger.rows.iter().any(made_it)
}

/// Plans the order, with every answer of Robaws that the plan needs.
async fn plan_with_lookups(
    sweep: &SweepContext<'_>,
    order: &Order,
    record: &OrderRecord,
) -> Result<Plan, SweepStop> {
    let connection = &sweep.session.item.connection;
    let settings = Settings {
        ledger_loss: None,
        ..connection.to_rule_settings(connection.go_live.unwrap_or(Timestamp::MIN))
    };
    let mut catalogue = Catalogue::default();
    let mut found = plan_order(order, &record.ledger, &catalogue, &settings);
    while !found.missing.is_empty() {
        let filled = sweep.live.lookups.fill_catalogue(&mut catalogue, &found.missing, false).await;
        filled.map_err(|trouble| SweepStop::Failed(store::model::Peer::Robaws, trouble))?;
        found = plan_order(order, &record.ledger, &catalogue, &settings);
    }
    Ok(found)
}

/// Decides the step after a list page: the next list page, the whole list again when this reading showed something new, or the
/// step that follows the list.
fn decide_next_step(
    run: &mut SweepRun,
    is_last: bool,
    found_new: u64,
    this: &'static str,
    following: &'static str,
) -> &'static str {
    run.seen += found_new;
    if !is_last {
        run.page += 1;
        return this;
    }
    // A dry run stores nothing, so every reading would show the same documents as new.
    let quiet = run.seen == 0 || run.ask.dry_run;
    run.seen = 0;
    run.page = 0;
    if quiet { following } else { this }
}

/// Stores a document as the newest one when the connection has none, so that new credentials must see it.
async fn save_newest_document(
    sweep: &SweepContext<'_>,
    id: &DocumentId,
    reference: &str,
    is_invoice: bool,
) -> Result<(), SweepStop> {
    let document = NewestDocument {
        robaws_id: id.clone(),
        reference: reference.to_owned(),
        at: sweep.session.clock.now(),
    };
    let (stock_change, invoice) = if is_invoice { (None, Some(document)) } else { (Some(document), None) };
    let store = &sweep.session.store;
    store.save_newest_documents(sweep.connection_id(), stock_change, invoice).await?;
    Ok(())
}

/// Ends the rebuild once everything was read: the connection has the state again that it had before it was suspended.
pub(crate) async fn finish_rebuild(
    sweep: &SweepContext<'_>,
    progress: &mut SweepProgress,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    let now = sweep.session.clock.now();
    let report = report_of_run(sweep, progress, run);
    report.finished_at = Some(now);
    tracing::warn!(
        connection.id = %sweep.connection_id(), documents = report.documents, orders = report.orders, made = report.made,
        in_doubt = report.in_doubt, dry_run = report.dry_run, "ledger rebuilt"
    );
    if report.dry_run {
        return Ok(None);
    }
    let until = report.lost_at;
    let store = &sweep.session.store;
    let id = sweep.connection_id();
    for _ in 0..MOST_WRITE_ATTEMPTS {
        let Some(item) = store.load_connection(id).await? else {
            return Ok(None);
        };
        let Some(suspension) = item.connection.suspension.clone() else {
            return Ok(None);
        };
        // The list of orders is read anew back to go-live: what was lost may be anywhere in it.
        let poll = PollState {
            last_poll_at: item.poll.last_poll_at,
            settings_stamp: item.poll.settings_stamp,
            ..PollState::default()
        };
        store.save_poll_state(id, &poll).await?;
        if suspension.was == ConnectionState::Active {
            let push = SweepRequest { again: true, ..SweepRequest::new(now) };
            store.request_sweep(id, Sweep::Push, &push).await?;
        }
        let mut next = item.connection;
        let times = next.lost.map_or(0, |lost| lost.times);
        next.lost = Some(LedgerLoss { until, rebuilt_at: now, times: times.saturating_add(1) });
        next.state = suspension.was;
        next.suspension = None;
        next.table_id = Some(store.load_table_id().await?);
        // Voids what running processes remember of Robaws' articles.
        next.catalogue_stamp += 1;
        match store.update_connection(&next).await {
            Ok(_) => {
                let message = SweepMessage::new(id.clone(), Sweep::Push);
                if let Err(error) = sweep.deps.sweeps_queue.send_messages(&[message]).await {
                    let error = runtime::error::Chain(&error);
                    tracing::warn!(connection.id = %id, error = %error, "not queued: a poll revives the push");
                }
                return Ok(None);
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// Whether the connection has no newest document of this kind, which new credentials would have to see.
fn lacks_newest_document(newest: &NewestDocuments, is_invoice: bool) -> bool {
    if is_invoice { newest.invoice.is_none() } else { newest.stock_change.is_none() }
}

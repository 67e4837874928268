//! Rebuilds rows from stock changes. The mark of a stock change names its order and its row.

use super::{
    DocumentFinding, decide_next_step, documents_since, doubt_document, is_doubted, is_known,
    lacks_newest_document, make_record_due, read_or_create_record, read_order, report_of_run,
    save_newest_document,
};
use crate::sweeps::{SweepContext, SweepStop, stop_from_robaws};
use ::robaws::StockChange;
use domain::ids::{ArticleId, OrderIdentifier, StockLocationId};
use domain::ledger::Direction;
use domain::rebuild::FoundStockChange;
use domain::reference::find_named_row;
use jiff::Timestamp;
use std::collections::BTreeMap;
use store::model::OrderRecord;
use store::sweep::{SweepProgress, SweepRun};

const THIS_STEP: &str = "rebuild_stock";
const FOLLOWING_STEP: &str = "rebuild_invoices";

/// Rebuilds rows from one list page of stock changes. Gives the next step of the sweep.
pub(crate) async fn recover_stock_change_list_page(
    sweep: &SweepContext<'_>,
    progress: &mut SweepProgress,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    let client = &sweep.live.clients.robaws;
    let listed = client
        .read_live_stock_change_list_page(run.page, documents_since(sweep))
        .await
        .map_err(|error| stop_from_robaws(&error))?;
    let report = report_of_run(sweep, progress, run);
    let is_first_pass = run.readable == 0;
    let mut by_order: BTreeMap<OrderIdentifier, Vec<(u32, StockChange)>> = BTreeMap::new();
    for change in listed.documents.into_iter().filter(StockChange::has_mark_of_ours) {
        let named = change.description.as_deref();
        match named.and_then(|text| find_named_row(text, sweep.connection_id())) {
            Some((identifier, no)) => by_order.entry(identifier).or_default().push((no, change)),
            None if is_first_pass => {
                tracing::warn!(connection.id = %sweep.connection_id(), robaws.id = %change.id, "a stock change names no order of this connection");
                report.strangers += 1;
            }
            None => {}
        }
    }
    let mut found_new = 0;
    for (identifier, changes) in by_order {
        if !sweep.session.has_time() {
            return Err(SweepStop::OutOfTime);
        }
        let found = Box::pin(recover_order(sweep, run, &identifier, changes)).await?;
        let new = found.iter().filter(|found| **found != DocumentFinding::Known).count();
        if is_first_pass || new > 0 {
            for found in found {
                found.count_in(report);
            }
        }
        report.orders += u64::from(new > 0);
        found_new += u64::try_from(new).unwrap_or(u64::MAX);
    }
    let next = decide_next_step(run, listed.is_last, found_new, THIS_STEP, FOLLOWING_STEP);
    if listed.is_last {
        // A later reading of the list counts only what the first one missed.
        run.readable = u64::from(next == THIS_STEP);
    }
    Ok(Some(next))
}

async fn recover_order(
    sweep: &SweepContext<'_>,
    run: &SweepRun,
    identifier: &OrderIdentifier,
    changes: Vec<(u32, StockChange)>,
) -> Result<Vec<DocumentFinding>, SweepStop> {
    let stored = sweep.session.store.load_order(sweep.connection_id(), identifier).await?;
    let is_settled = |change: &StockChange| {
        stored
            .as_ref()
            .is_some_and(|record| is_known(record, &change.id) || is_doubted(record, change.id.as_str()))
    };
    let (known, new): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(_, change)| is_settled(change));
    let mut found = vec![DocumentFinding::Known; known.len()];
    if new.is_empty() {
        return Ok(found);
    }
    let order = read_order(sweep, identifier).await?;
    let mut read = Vec::new();
    for (no, change) in new {
        read.push(read_stock_change(sweep, no, change).await?);
    }
    // Stock must be out in the ledger before some of it can come back.
    read.sort_by_key(|change| change.no);
    let now = sweep.session.clock.now();
    let fbm = sweep.session.item.connection.settings.fbm_stock_location_id.clone();
    let apply = |record: &mut OrderRecord| -> Vec<DocumentFinding> {
        let each =
            read.iter().map(|change| recover_stock_change(record, change, order.as_ref(), fbm.as_ref(), now));
        let each: Vec<DocumentFinding> = each.collect();
        make_record_due(record, order.as_ref(), now);
        each
    };
    let fresh = read_or_create_record(sweep, identifier, order.as_ref()).await?;
    let mut preview = fresh.clone();
    found.extend(apply(&mut preview));
    if !run.ask.dry_run {
        let store = &sweep.session.store;
        store
            .amend_or_create_order(&fresh, now, |record| {
                apply(record);
                true
            })
            .await?;
        let newest = read.iter().find(|change| change.booked);
        if let Some(change) = newest.filter(|_| lacks_newest_document(&sweep.session.item.newest, false)) {
            save_newest_document(sweep, &change.id, &change.description, false).await?;
        }
    }
    Ok(found)
}

fn recover_stock_change(
    record: &mut OrderRecord,
    change: &FoundStockChange,
    order: Option<&domain::Order>,
    fbm: Option<&StockLocationId>,
    now: Timestamp,
) -> DocumentFinding {
    if is_known(record, &change.id) {
        return DocumentFinding::Known;
    }
    if record.ledger.recover_stock_change(change, order, fbm, now) {
        return DocumentFinding::Made;
    }
    doubt_document(record, change.id.to_string(), now);
    DocumentFinding::Doubted
}

/// Reads the stock change with its lines, and the numbers of its articles, from the live database: a list need not show them.
async fn read_stock_change(
    sweep: &SweepContext<'_>,
    no: u32,
    change: StockChange,
) -> Result<FoundStockChange, SweepStop> {
    let client = &sweep.live.clients.robaws;
    let read =
        client.read_stock_change_with_lines(&change.id).await.map_err(|error| stop_from_robaws(&error))?;
    let change = read.unwrap_or(change);
    let location = |id: &Option<String>| id.clone().and_then(|id| StockLocationId::parse(id).ok());
    let side = match (location(&change.from_stock_location_id), location(&change.to_stock_location_id)) {
        (Some(from), None) => Some((Direction::Out, from)),
        (None, Some(to)) => Some((Direction::In, to)),
        _ => None,
    };
    let mut lines = Some(Vec::new());
    for line in change.lines.iter().flatten() {
        let article = line.article_id.clone().and_then(|id| ArticleId::parse(id).ok());
        let quantity = line.quantity.filter(rust_decimal::Decimal::is_integer);
        let quantity = quantity.and_then(|quantity| u32::try_from(quantity).ok()).filter(|q| *q > 0);
        let (Some(article), Some(quantity)) = (article, quantity) else {
            lines = None;
            break;
        };
        let found = client.read_article(&article).await.map_err(|error| stop_from_robaws(&error))?;
        let number = found.and_then(|article| article.number);
        if let Some(lines) = &mut lines {
            lines.push((article, number, quantity));
        }
    }
    Ok(FoundStockChange {
        no,
        description: change.description.clone().unwrap_or_default(),
        booked: change.booked,
        side,
        lines,
        id: change.id,
    })
}

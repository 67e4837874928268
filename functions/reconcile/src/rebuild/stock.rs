//! Rebuilds rows from stock changes. The mark of a stock change names its order and its row.

use super::{
    Found, doubt, is_doubted, is_known, needs_newest, next_step, note_newest, order_now, record_of, refresh,
    report, since,
};
use crate::sweeps::{Page, Stop, robaws};
use ::robaws::StockChange;
use domain::ids::{ArticleId, OrderIdentifier, StockLocationId};
use domain::ledger::Direction;
use domain::rebuild::FoundStockChange;
use domain::reference::named_in;
use jiff::Timestamp;
use std::collections::BTreeMap;
use store::model::OrderRecord;
use store::sweep::{SweepProgress, SweepRun};

const STEP: &str = "rebuild_stock";
const NEXT: &str = "rebuild_invoices";

/// Rebuilds rows from one list page of stock changes. Gives the next step of the sweep.
pub async fn page(
    page: &Page<'_>,
    progress: &mut SweepProgress,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, Stop> {
    let client = &page.live.clients.robaws;
    let listed = client
        .stock_changes_now(run.page, since(page))
        .await
        .map_err(|error| robaws(&error))?;
    let report = report(page, progress, run);
    let is_first_pass = run.readable == 0;
    let mut by_order: BTreeMap<OrderIdentifier, Vec<(u32, StockChange)>> = BTreeMap::new();
    for change in listed.documents.into_iter().filter(StockChange::is_ours) {
        let named = change.description.as_deref();
        match named.and_then(|text| named_in(text, page.connection())) {
            Some((identifier, no)) => by_order.entry(identifier).or_default().push((no, change)),
            None if is_first_pass => {
                tracing::warn!(connection.id = %page.connection(), robaws.id = %change.id, "a stock change names no order of this connection");
                report.strangers += 1;
            }
            None => {}
        }
    }
    let mut found_new = 0;
    for (identifier, changes) in by_order {
        if !page.session.has_time() {
            return Err(Stop::OutOfTime);
        }
        let found = Box::pin(one_order(page, run, &identifier, changes)).await?;
        let new = found.iter().filter(|found| **found != Found::Known).count();
        if is_first_pass || new > 0 {
            for found in found {
                found.count(report);
            }
        }
        report.orders += u64::from(new > 0);
        found_new += u64::try_from(new).unwrap_or(u64::MAX);
    }
    let next = next_step(run, listed.is_last, found_new, STEP, NEXT);
    if listed.is_last {
        // A later reading of the list counts only what the first one missed.
        run.readable = u64::from(next == STEP);
    }
    Ok(Some(next))
}

async fn one_order(
    page: &Page<'_>,
    run: &SweepRun,
    identifier: &OrderIdentifier,
    changes: Vec<(u32, StockChange)>,
) -> Result<Vec<Found>, Stop> {
    let stored = page.session.store.order(page.connection(), identifier).await?;
    let is_settled = |change: &StockChange| {
        stored
            .as_ref()
            .is_some_and(|record| is_known(record, &change.id) || is_doubted(record, change.id.as_str()))
    };
    let (known, new): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(_, change)| is_settled(change));
    let mut found = vec![Found::Known; known.len()];
    if new.is_empty() {
        return Ok(found);
    }
    let order = order_now(page, identifier).await?;
    let mut read = Vec::new();
    for (no, change) in new {
        read.push(shown(page, no, change).await?);
    }
    // Stock must be out in the ledger before some of it can come back.
    read.sort_by_key(|change| change.no);
    let now = page.session.clock.now();
    let fbm = page
        .session
        .item
        .connection
        .settings
        .fbm_stock_location_id
        .clone();
    let apply = |record: &mut OrderRecord| -> Vec<Found> {
        let each = read
            .iter()
            .map(|change| put(record, change, order.as_ref(), fbm.as_ref(), now));
        let each: Vec<Found> = each.collect();
        refresh(record, order.as_ref(), now);
        each
    };
    let fresh = record_of(page, identifier, order.as_ref()).await?;
    let mut preview = fresh.clone();
    found.extend(apply(&mut preview));
    if !run.ask.dry_run {
        let store = &page.session.store;
        store
            .amend_or_create_order(&fresh, now, |record| {
                apply(record);
                true
            })
            .await?;
        let newest = read.iter().find(|change| change.booked);
        if let Some(change) = newest.filter(|_| needs_newest(&page.session.item.newest, false)) {
            note_newest(page, &change.id, &change.description, false).await?;
        }
    }
    Ok(found)
}

fn put(
    record: &mut OrderRecord,
    change: &FoundStockChange,
    order: Option<&domain::Order>,
    fbm: Option<&StockLocationId>,
    now: Timestamp,
) -> Found {
    if is_known(record, &change.id) {
        return Found::Known;
    }
    if record.ledger.recover_stock_change(change, order, fbm, now) {
        return Found::Made;
    }
    doubt(record, change.id.to_string(), now);
    Found::Doubted
}

/// Reads the stock change with its lines, and the numbers of its articles, from the live database: a list need not show them.
async fn shown(page: &Page<'_>, no: u32, change: StockChange) -> Result<FoundStockChange, Stop> {
    let client = &page.live.clients.robaws;
    let read = client
        .stock_change_with_lines(&change.id)
        .await
        .map_err(|error| robaws(&error))?;
    let change = read.unwrap_or(change);
    let location = |id: &Option<String>| id.clone().and_then(|id| StockLocationId::parse(id).ok());
    let side = match (
        location(&change.from_stock_location_id),
        location(&change.to_stock_location_id),
    ) {
        (Some(from), None) => Some((Direction::Out, from)),
        (None, Some(to)) => Some((Direction::In, to)),
        _ => None,
    };
    let mut lines = Some(Vec::new());
    for line in change.lines.iter().flatten() {
        let article = line.article_id.clone().and_then(|id| ArticleId::parse(id).ok());
        let quantity = line.quantity.filter(rust_decimal::Decimal::is_integer);
        let quantity = quantity
            .and_then(|quantity| u32::try_from(quantity).ok())
            .filter(|q| *q > 0);
        let (Some(article), Some(quantity)) = (article, quantity) else {
            lines = None;
            break;
        };
        let found = client.article(&article).await.map_err(|error| robaws(&error))?;
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

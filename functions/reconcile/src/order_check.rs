//! A step of the nightly check, on ProductFlow's side: an order of the last 30 days that the polls missed, or that differs from
//! what they saw, becomes due.

use crate::sweeps::{SweepContext, SweepStop, stop_from_productflow};
use connection::Gate;
use jiff::{SignedDuration, Timestamp};
use productflow::RawOrder;
use store::StoreError;
use store::model::{DueKind, OrderRecord, Peer};
use store::sweep::SweepRun;

/// How far back orders and documents are checked.
pub(crate) const CHECKED_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Orders asked for per list page.
const ORDERS_PER_PAGE: u32 = 50;
/// Most list pages read in one night.
const MOST_LIST_PAGES: u32 = 400;

/// Checks one list page of ProductFlow's orders. Gives the next step of the sweep.
pub(crate) async fn check_order_list_page(
    sweep: &SweepContext<'_>,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    let session = sweep.session;
    if session.check_gate(Peer::Productflow, sweep.live, false).await? != Gate::Open {
        return Ok(Some("records"));
    }
    let now = session.clock.now();
    let since = now.checked_sub(CHECKED_BACK).unwrap_or(now);
    let listed = sweep
        .live
        .clients
        .productflow
        .read_order_list_page(run.page + 1, ORDERS_PER_PAGE, true)
        .await
        .map_err(|error| stop_from_productflow(&error))?;
    session.health.record_success(Peer::Productflow).await?;
    for raw in &listed.orders {
        if raw.updated_at().is_none_or(|at| at >= since) {
            make_due_if_missed(sweep, raw, now).await?;
        }
    }
    let oldest = listed.orders.iter().filter_map(RawOrder::updated_at).min();
    let newest = listed.orders.iter().filter_map(RawOrder::updated_at).max();
    run.page += 1;
    // An unsorted list is read on while a list page shows any recent update.
    let ended = listed.is_last
        || listed.orders.is_empty()
        || run.page >= MOST_LIST_PAGES
        || oldest.max(newest).is_some_and(|newest| newest < since);
    Ok(Some(if ended { "records" } else { "orders" }))
}

async fn make_due_if_missed(
    sweep: &SweepContext<'_>,
    raw: &RawOrder,
    now: Timestamp,
) -> Result<(), SweepStop> {
    let item = &sweep.session.item;
    let connection = sweep.connection_id();
    let Some(identifier) = raw.identifier() else {
        return Ok(());
    };
    let go_live = item.connection.go_live.unwrap_or(Timestamp::MAX);
    let (is_older, fingerprint) = match productflow::parse_order(raw, &item.connection.settings) {
        Ok(order) => (order.placed_at < go_live, order.compute_fingerprint()),
        Err(unreadable) => (false, unreadable.fingerprint),
    };
    if is_older {
        return Ok(());
    }
    let store = &sweep.session.store;
    if let Some(known) = store.load_order(connection, &identifier).await? {
        if is_missed_change(&known, &fingerprint) {
            tracing::warn!(order.identifier = %identifier, "the polls missed a change");
            let due = |record: &mut OrderRecord| {
                record.make_due_now(now);
                true
            };
            store.amend_order(connection, &identifier, now, due).await?;
        }
        return Ok(());
    }
    tracing::warn!(order.identifier = %identifier, "the polls missed this order");
    let mut record = OrderRecord::new(connection.clone(), identifier, now);
    match sweep.session.store.save_order(&mut record, now).await {
        // A poll wrote the order first.
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the polls missed a change: what the list shows was neither listed nor read before, and no look is due.
fn is_missed_change(known: &OrderRecord, fingerprint: &str) -> bool {
    let listed = known.listed.as_ref().map(|listed| listed.fingerprint.as_str());
    let seen = [listed, known.read_fingerprint.as_deref()];
    let is_work = known.due.is_some_and(|due| due.kind == DueKind::Work);
    !is_work && !seen.contains(&Some(fingerprint))
}

//! Queues due orders from the ledger, and relooks at open orders that the list did not show.
//!
//! At most 200 orders of a connection are in the queue, none is queued twice within ten minutes, and at most 15 relooks are
//! queued per poll.

use crate::all_connections::Deps;
use crate::one_connection::PollError;
use domain::ids::{ConnectionId, OrderIdentifier};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use store::model::{ConnectionItem, Due, DueKind, PeerHealth};
use store::orders::DueOrder;

/// Most relooks queued in one poll.
const MOST_RELOOKS: usize = 15;
/// Shortest time between two relooks at an order.
const RELOOK_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Queues the due orders of a connection and returns their number. `seen` holds open orders that the list showed as they were last read: these need no
/// relook.
pub(crate) async fn queue_due_orders(
    deps: &Deps,
    item: &ConnectionItem,
    seen: &BTreeSet<OrderIdentifier>,
) -> Result<usize, PollError> {
    let now = deps.clock.now();
    let connection = &item.connection.id;
    let mut chosen = deps.store.select_due_orders(connection, now).await?;
    // The last requests of the day are for orders that need something.
    if !item.robaws.is_quota_below(PeerHealth::BULK_WORK_MIN_PERCENT, now) {
        let relooks = choose_relooks(deps, connection, seen, now).await?;
        chosen.orders.extend(relooks);
    }
    deps.store.queue_selected_orders(&deps.queue, connection, &chosen, now).await?;
    Ok(chosen.orders.len())
}

/// Chooses the relooks of this poll, least recently looked at first. A relook at an order that the list showed unchanged is put
/// off without a call.
async fn choose_relooks(
    deps: &Deps,
    connection: &ConnectionId,
    seen: &BTreeSet<OrderIdentifier>,
    now: Timestamp,
) -> Result<Vec<DueOrder>, PollError> {
    let due = deps.store.load_due_orders(connection, DueKind::Relook, now, 10 * MOST_RELOOKS).await?;
    let mut chosen = Vec::new();
    for order in due {
        if seen.contains(&order.identifier) {
            let due_at = order.due_at;
            deps.store
                .amend_order(connection, &order.identifier, now, |record| {
                    let unchanged =
                        record.due.is_some_and(|due| due.kind == DueKind::Relook && due.at <= due_at);
                    if unchanged {
                        record.due =
                            now.checked_add(RELOOK_AFTER).ok().map(|at| Due { at, kind: DueKind::Relook });
                    }
                    unchanged
                })
                .await?;
        } else if chosen.len() < MOST_RELOOKS && !order.is_queued(now) {
            chosen.push(order);
        }
    }
    Ok(chosen)
}

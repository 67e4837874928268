//! Queues due orders from the ledger: at most 200 of a connection in the queue, none twice within ten minutes; and open
//! orders that the pages did not show, at most 15 a poll.

use crate::poll::PollError;
use crate::round::Deps;
use domain::ids::{ConnectionId, OrderIdentifier};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use store::model::{ConnectionItem, Due, DueKind, PeerHealth};
use store::orders::DueOrder;

/// Open orders read again in one poll.
const MOST_RELOOKS: usize = 15;
/// An open order is read again at most this often.
const RELOOK: SignedDuration = SignedDuration::from_hours(1);

/// Queues due orders and gives their number. `seen`: open orders that the pages showed as they were last read; they need no reading of
/// their own.
pub async fn run(
    deps: &Deps,
    item: &ConnectionItem,
    seen: &BTreeSet<OrderIdentifier>,
) -> Result<usize, PollError> {
    let now = deps.clock.now();
    let connection = &item.connection.id;
    let mut chosen = deps.store.choose_due_orders(connection, now).await?;
    // The rest of the day's requests is for orders that need something.
    if !item.robaws.quota_is_below(PeerHealth::BULK_ENDS, now) {
        let relooks = relooks(deps, connection, seen, now).await?;
        chosen.orders.extend(relooks);
    }
    deps.store
        .queue_orders(&deps.queue, connection, &chosen, now)
        .await?;
    Ok(chosen.orders.len())
}

/// Least recently looked at first; what the pages showed is put off without a call.
async fn relooks(
    deps: &Deps,
    connection: &ConnectionId,
    seen: &BTreeSet<OrderIdentifier>,
    now: Timestamp,
) -> Result<Vec<DueOrder>, PollError> {
    let due = deps
        .store
        .due_orders(connection, DueKind::Relook, now, 10 * MOST_RELOOKS)
        .await?;
    let mut chosen = Vec::new();
    for order in due {
        if seen.contains(&order.identifier) {
            let due_at = order.due_at;
            deps.store
                .amend_order(connection, &order.identifier, now, |record| {
                    let unchanged = record
                        .due
                        .is_some_and(|due| due.kind == DueKind::Relook && due.at <= due_at);
                    if unchanged {
                        record.due = now.checked_add(RELOOK).ok().map(|at| Due {
                            at,
                            kind: DueKind::Relook,
                        });
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

//! Queues due orders from the ledger: at most 200 of a connection in the queue, none twice within ten minutes; and open
//! orders that the pages did not show, at most 15 a poll.

use crate::poll::PollError;
use crate::round::Deps;
use domain::ids::{ConnectionId, OrderIdentifier};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use store::model::{ConnectionItem, Due, DueKind, PeerHealth};
use store::orders::DueOrder;
use store::queue::OrderMessage;

/// Orders of one connection in the queue at a time.
const MOST_QUEUED: usize = 200;
/// An order that was queued is not queued again for this long.
const QUEUED_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Open orders read again in one poll.
const MOST_RELOOKS: usize = 15;
/// An open order is read again at most this often.
const RELOOK: SignedDuration = SignedDuration::from_hours(1);

/// Queues what is due and gives the number of messages. `seen`: open orders that the pages showed as they were last read;
/// they need no reading of their own.
pub async fn run(
    deps: &Deps,
    item: &ConnectionItem,
    seen: &BTreeSet<OrderIdentifier>,
) -> Result<usize, PollError> {
    let now = deps.clock.now();
    let connection = &item.connection.id;
    let due = deps
        .store
        .due_orders(connection, DueKind::Work, now, 5 * MOST_QUEUED)
        .await?;
    let in_queue = due.iter().filter(|order| is_queued(order, now)).count();
    let free = MOST_QUEUED.saturating_sub(in_queue);
    let mut chosen: Vec<DueOrder> = due
        .into_iter()
        .filter(|order| !is_queued(order, now))
        .take(free)
        .collect();
    // The rest of the day's requests is for orders that need something.
    if !item.robaws.quota_is_below(PeerHealth::BULK_ENDS, now) {
        chosen.extend(relooks(deps, connection, seen, now).await?);
    }
    let messages: Vec<OrderMessage> = chosen
        .iter()
        .map(|order| OrderMessage::new(connection.clone(), order.identifier.clone()))
        .collect();
    // Sent first: a message sent twice is harmless, an order marked but not sent would wait ten minutes.
    deps.queue.send(&messages).await?;
    for order in &chosen {
        deps.store
            .mark_queued(connection, &order.identifier, order.due_at, now)
            .await?;
        tracing::info!(order.identifier = %order.identifier, order.due_at = %order.due_at, "order queued");
    }
    Ok(messages.len())
}

fn is_queued(order: &DueOrder, now: Timestamp) -> bool {
    // A mark from the future comes from a clock that jumped back; it must not hold the order.
    order
        .queued_at
        .is_some_and(|at| at <= now && now.duration_since(at) < QUEUED_FOR)
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
        } else if chosen.len() < MOST_RELOOKS && !is_queued(&order, now) {
            chosen.push(order);
        }
    }
    Ok(chosen)
}

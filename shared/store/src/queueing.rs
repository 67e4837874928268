//! Queues due orders of a connection: at most 200 in the queue, none twice within ten minutes. When more are due than that, one of the
//! messages asks, halfway, for the next ones: a backlog goes on at the pace of the peers and does not wait for the next poll.

use crate::Store;
use crate::error::StoreError;
use crate::model::DueKind;
use crate::orders::DueOrder;
use crate::queue::{GoOnMessage, OrderMessage, OrderQueue, OrdersQueueMessage, QueueError};
use domain::ids::ConnectionId;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

/// Orders of one connection in the queue at a time.
pub const MOST_QUEUED: usize = 200;
/// An order that was queued is not queued again for this long.
const QUEUED_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Orders marked as queued at a time.
const MARKED_AT_ONCE: usize = 8;

/// Due orders could not be queued; they are still due.
#[derive(Debug, thiserror::Error)]
pub enum QueueingError {
    /// The ledger could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not take them.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// What is due of a connection and is to be queued.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// The orders.
    pub orders: Vec<DueOrder>,
    /// There are more, for when half of these were worked off.
    pub more: bool,
}

impl DueOrder {
    /// Whether a message for it was sent a short while ago.
    pub fn is_queued(&self, now: Timestamp) -> bool {
        // A mark from the future comes from a clock that jumped back; it must not hold the order.
        self.queued_at
            .is_some_and(|at| at <= now && now.duration_since(at) < QUEUED_FOR)
    }
}

impl Store {
    /// What there is room for in the queue of what is due, longest due first.
    pub async fn choose_due_orders(
        &self,
        connection: &ConnectionId,
        now: Timestamp,
    ) -> Result<Chosen, StoreError> {
        let due = self
            .due_orders(connection, DueKind::Work, now, 2 * MOST_QUEUED + 1)
            .await?;
        let (queued, mut orders): (Vec<_>, Vec<_>) = due.into_iter().partition(|order| order.is_queued(now));
        let free = MOST_QUEUED.saturating_sub(queued.len());
        let more = orders.len() > free;
        orders.truncate(free);
        Ok(Chosen { orders, more })
    }

    /// Queues what was chosen.
    pub async fn queue_orders(
        &self,
        queue: &OrderQueue,
        connection: &ConnectionId,
        chosen: &Chosen,
        now: Timestamp,
    ) -> Result<(), QueueingError> {
        let look = |order: &DueOrder| OrderMessage::new(connection.clone(), order.identifier.clone());
        let mut messages: Vec<OrdersQueueMessage> = chosen
            .orders
            .iter()
            .map(|order| OrdersQueueMessage::Look(look(order)))
            .collect();
        if chosen.more && !messages.is_empty() {
            let go_on = GoOnMessage::new(connection.clone());
            messages.insert(messages.len() / 2, OrdersQueueMessage::GoOn(go_on));
        }
        // Sent first: a message sent twice is harmless, an order marked but not sent would wait ten minutes.
        queue.send_all(&messages).await?;
        stream::iter(chosen.orders.clone())
            .map(|order| async move {
                self.mark_queued(connection, &order.identifier, order.due_at, now)
                    .await?;
                tracing::info!(
                    order.identifier = %order.identifier, order.due_at = %order.due_at, "order queued"
                );
                Ok::<(), StoreError>(())
            })
            .buffer_unordered(MARKED_AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::OrderIdentifier;

    #[test]
    fn a_message_counts_as_sent_for_ten_minutes() {
        let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let order = |queued_at| DueOrder {
            identifier: OrderIdentifier::parse("PF-1").unwrap(),
            due_at: at(0),
            queued_at,
        };
        assert!(!order(None).is_queued(at(0)));
        assert!(order(Some(at(0))).is_queued(at(0)));
        assert!(order(Some(at(0))).is_queued(at(599)));
        assert!(!order(Some(at(0))).is_queued(at(600)));
        assert!(!order(Some(at(1))).is_queued(at(0)), "a clock jumped back");
    }
}

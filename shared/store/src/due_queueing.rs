//! Queues the due orders of a connection: at most 200 in the queue, none twice within ten minutes. When more
//! orders are due, one message halfway among them asks for the next ones. So a backlog is processed at the pace
//! of the peers and does not wait for the next poll.

use crate::Store;
use crate::error::StoreError;
use crate::model::DueKind;
use crate::orders::DueOrder;
use crate::queue::{GoOnMessage, OrderMessage, OrderQueue, OrdersQueueMessage, QueueError};
use domain::ids::ConnectionId;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

/// Orders of one connection in the queue at the same time.
pub const MOST_QUEUED: usize = 200;
/// After a message was sent for an order, no second one follows for this long.
const QUEUED_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Orders whose `queued_at` is written at the same time.
const NOTED_AT_ONCE: usize = 8;

/// Due orders could not be queued; they are still due.
#[derive(Debug, thiserror::Error)]
pub enum QueueingError {
    /// The table could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// SQS did not take the messages.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// The due orders of a connection that are to be queued.
#[derive(Debug, Clone, Default)]
pub struct SelectedOrders {
    pub orders: Vec<DueOrder>,
    /// Whether more orders are due; the consumer asks for them when half of this batch is done.
    pub has_more: bool,
}

impl DueOrder {
    /// Whether a message for the order was sent within the last ten minutes.
    pub fn is_queued(&self, now: Timestamp) -> bool {
        // A time in the future comes from a clock that jumped back; the order must not wait for it.
        self.queued_at.is_some_and(|at| at <= now && now.duration_since(at) < QUEUED_FOR)
    }
}

impl Store {
    /// Selects the due orders that the queue has room for, longest due first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn select_due_orders(
        &self,
        connection: &ConnectionId,
        now: Timestamp,
    ) -> Result<SelectedOrders, StoreError> {
        // Enough to tell whether more orders are due than the queue has room for.
        let due = self.load_due_orders(connection, DueKind::Work, now, 2 * MOST_QUEUED + 1).await?;
        let (queued, mut orders): (Vec<_>, Vec<_>) = due.into_iter().partition(|order| order.is_queued(now));
        let free = MOST_QUEUED.saturating_sub(queued.len());
        let more = orders.len() > free;
        orders.truncate(free);
        Ok(SelectedOrders { orders, has_more: more })
    }

    /// Sends messages for the selected orders and stores when.
    ///
    /// # Errors
    ///
    /// [`QueueingError::Queue`] when SQS fails or refuses a message; [`QueueingError::Store`] when the table fails
    /// after the messages were sent.
    pub async fn queue_selected_orders(
        &self,
        queue: &OrderQueue,
        connection: &ConnectionId,
        chosen: &SelectedOrders,
        now: Timestamp,
    ) -> Result<(), QueueingError> {
        let look = |order: &DueOrder| OrderMessage::new(connection.clone(), order.identifier.clone());
        let mut messages: Vec<OrdersQueueMessage> =
            chosen.orders.iter().map(|order| OrdersQueueMessage::Look(look(order))).collect();
        if chosen.has_more && !messages.is_empty() {
            let go_on = GoOnMessage::new(connection.clone());
            messages.insert(messages.len() / 2, OrdersQueueMessage::GoOn(go_on));
        }
        // Sent before stored: a message sent twice is harmless, but an order noted as queued whose message was not sent
        // would wait ten minutes.
        queue.send_in_batches(&messages).await?;
        stream::iter(chosen.orders.clone())
            .map(|order| async move {
                self.note_order_queued(connection, &order.identifier, order.due_at, now).await?;
                tracing::info!(
                    order.identifier = %order.identifier, order.due_at = %order.due_at, "order queued"
                );
                Ok::<(), StoreError>(())
            })
            .buffer_unordered(NOTED_AT_ONCE)
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
